//! The token in a letter that asks for feedback. Its bearer may answer without an account.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::model::scalars::{Ids, Invalid, OrderId};

/// 128 random bits that only the customer's letters tell.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeedbackSecret(Uuid);

impl FeedbackSecret {
    pub(in crate::domain) fn fresh(ids: &mut Ids) -> Self {
        Self(Uuid::from_bytes(ids.unguessable()))
    }

    #[cfg(test)]
    pub(crate) fn of(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// In the same time wherever they differ, so that nobody finds it out byte by byte.
    fn is(&self, other: &Self) -> bool {
        let pairs = self.0.as_bytes().iter().zip(other.0.as_bytes());
        pairs.fold(0, |differs, (one, two)| black_box(differs | (one ^ two))) == 0
    }
}

/// It stands in no log.
impl fmt::Debug for FeedbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedbackSecret")
    }
}

/// Names its order, and has the order's secret: 43 characters that stand in a link as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackToken {
    pub order: OrderId,
    secret: FeedbackSecret,
}

impl FeedbackToken {
    pub fn new(order: OrderId, secret: FeedbackSecret) -> Self {
        Self { order, secret }
    }

    /// Opens nothing: no order has this id.
    pub const OF_NOBODY: Self = Self { order: OrderId(Uuid::nil()), secret: FeedbackSecret(Uuid::nil()) };

    /// Whether it has this secret.
    pub(in crate::domain) fn opens(&self, secret: &FeedbackSecret) -> bool {
        self.secret.is(secret)
    }

    /// The written form.
    pub fn expose(&self) -> String {
        let bytes = [*self.order.0.as_bytes(), *self.secret.0.as_bytes()];
        URL_SAFE_NO_PAD.encode(bytes.concat())
    }
}

impl FromStr for FeedbackToken {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("is no feedback token");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| invalid())?;
        let half = |from: usize| {
            let mut half = [0; 16];
            half.copy_from_slice(&bytes[from..from + 16]);
            Uuid::from_bytes(half)
        };
        Ok(Self { order: OrderId(half(0)), secret: FeedbackSecret(half(16)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::model::time::Timestamp;

    fn ids(seed: u64) -> Ids {
        Ids::seeded(Timestamp::from_unix_micros(1_767_225_600_000_000), seed)
    }

    #[test]
    fn a_token_reads_back_as_it_was_written_and_stands_in_a_link_as_it_is() {
        let mut ids = ids(7);
        let token = FeedbackToken::new(ids.fresh(), FeedbackSecret::fresh(&mut ids));
        let text = token.expose();
        assert_eq!(text.len(), 43);
        assert!(text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)), "{text}");
        assert_eq!(text.parse(), Ok(token));
        assert!(!format!("{token:?}").contains(&text), "not in a log");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in
            ["", "x", "ord_01h455vb4pex5vsknk084sn02q", &"A".repeat(42), &"A".repeat(44), &"=".repeat(43)]
        {
            assert!(text.parse::<FeedbackToken>().is_err(), "{text}");
        }
        assert!("A".repeat(43).parse::<FeedbackToken>().is_ok(), "of an order that nobody has");
    }

    #[test]
    fn a_secret_that_differs_anywhere_does_not_open() {
        let mut ids = ids(7);
        let order = ids.fresh();
        let secret = FeedbackSecret::fresh(&mut ids);
        assert!(FeedbackToken::new(order, secret).opens(&secret));
        for bit in 0..128 {
            let near = FeedbackSecret(Uuid::from_u128(secret.0.as_u128() ^ (1 << bit)));
            assert!(!FeedbackToken::new(order, near).opens(&secret), "bit {bit}");
        }
    }

    #[test]
    fn no_two_secrets_are_alike_and_the_key_decides_them() {
        let key = [9; 32];
        let mut one = ids(7).keyed(key);
        let mut same = ids(7).keyed(key);
        let mut other = ids(7).keyed([8; 32]);
        let first = FeedbackSecret::fresh(&mut one);
        assert_eq!(first, FeedbackSecret::fresh(&mut same), "a decision that is made again");
        assert_ne!(first, FeedbackSecret::fresh(&mut one));
        assert_ne!(first, FeedbackSecret::fresh(&mut other), "the ids do not tell it");
    }
}
