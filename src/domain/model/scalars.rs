//! The scalars of the business: ids, codes and the macro that declares a closed set of words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::model::names::is_one_name;
use crate::domain::model::time::Timestamp;

/// Why a text is not a legal value. Lower case, without the field's name: the caller knows where it stood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Declares an enum whose variants each have one written form, used on the wire, in rows and in logs.
macro_rules! string_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::model::scalars::Invalid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::domain::model::scalars::Invalid(format!(
                        "must be one of {}",
                        Self::ALL.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
                    ))),
                }
            }
        }
    };
}
pub(crate) use string_enum;

/// Declares ids: UUIDv7 inside, TypeID (`ord_01h455vb4pex5vsknk084sn02q`) outside.
macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal,)+) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, base32(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(from_base32)
                    .map(Self)
                    .ok_or_else(|| Invalid::new(concat!("must be an id of the form ", $prefix, "_ and 26 characters")))
            }
        }
    )+ };
}

ids! {
    OrderId = "ord",
    HoldId = "hld",
    ReservationId = "rsv",
    ApprovalId = "apr",
    InvoiceId = "inv",
    CreditNoteId = "crn",
    OrderChangeId = "chg",
    PaymentId = "pay",
    RefundId = "ref",
    ReturnId = "rma",
    ShipmentId = "shp",
    MessageId = "msg",
    MovementId = "mov",
    ReplenishmentId = "rpl",
    FollowUpId = "fup",
    TransferId = "trf",
    CustomerId = "cus",
    /// An API key.
    KeyId = "key",
    /// A subscription to events; as text it is the subscriber's name.
    SubscriptionId = "sub",
    /// A booking with a courier; the key of every call about it.
    BookingId = "bkg",
    JobId = "job",
    /// Not of a time: a hash of what the seller is.
    SellerId = "slr",
    /// A history of the database. The first one's is of chance, not of a time.
    HistoryId = "hst",
}

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The 26-character form of the TypeID specification: 130 bits, most significant first, the top two zero.
fn base32(id: Uuid) -> String {
    let bits = id.as_u128();
    (0..26).rev().map(|index| char::from(CROCKFORD[((bits >> (index * 5)) & 31) as usize])).collect()
}

fn from_base32(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    if bytes.len() != 26 || bytes[0] > b'7' {
        return None;
    }

    let mut bits: u128 = 0;
    for byte in bytes {
        let digit = CROCKFORD.iter().position(|it| it == byte)?;
        bits = (bits << 5) | digit as u128;
    }
    Some(Uuid::from_u128(bits))
}

/// Fresh ids for one decision: time-ordered, and the same for the same seed, so that a decision can be replayed.
#[derive(Clone)]
pub struct Ids {
    micros: u64,
    chance: fastrand::Rng,
    /// What nobody outside knows: ids are public, and a seed might be found from them.
    key: [u8; 32],
    seed: u64,
    /// Salts that were given out.
    salts: u64,
}

impl Ids {
    pub fn seeded(at: Timestamp, seed: u64) -> Self {
        let micros = u64::try_from(at.unix_micros()).unwrap_or(0);
        Self { micros, chance: fastrand::Rng::with_seed(seed), key: [0; 32], seed, salts: 0 }
    }

    /// With a key of real chance: what is [`Ids::unguessable`] is so only with one.
    #[must_use]
    pub fn keyed(self, key: [u8; 32]) -> Self {
        Self { key, ..self }
    }

    /// 128 bits that cannot be told from ids, nor from others of these.
    pub fn unguessable(&mut self) -> [u8; 16] {
        let nonce: Uuid = self.fresh();
        let digest = Sha256::new().chain_update(self.key).chain_update(nonce.as_bytes()).finalize();
        let mut bits = [0; 16];
        bits.copy_from_slice(&digest[..16]);
        bits
    }

    /// Another 128 bits like these, for a digest. The ids that follow are the same with it and without.
    pub fn salt(&mut self) -> [u8; 16] {
        self.salts += 1;
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(b"salt")
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.salts.to_be_bytes())
            .finalize();
        let mut bits = [0; 16];
        bits.copy_from_slice(&digest[..16]);
        bits
    }

    pub fn fresh<T: From<Uuid>>(&mut self) -> T {
        let bytes = self.chance.u128(..).to_be_bytes();
        let mut tail = [0; 10];
        tail.copy_from_slice(&bytes[..10]);

        // The microseconds follow the milliseconds, so that ids are in the order of the instants they are made at.
        let [high, low] = (((self.micros % 1_000) << 2) as u16 | u16::from(tail[1] & 3)).to_be_bytes();
        [tail[0], tail[1]] = [high, low];
        uuid::Builder::from_unix_timestamp_millis(self.micros / 1_000, &tail).into_uuid().into()
    }
}

/// Without the key.
impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("micros", &self.micros).finish_non_exhaustive()
    }
}

/// Declares codes that people choose: 1–64 characters out of letters, digits and `- _ . /`.
macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident,)+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
                if text.is_empty() || text.len() > 64 || !text.chars().all(legal) {
                    return Err(Invalid::new("must be 1 to 64 letters, digits or any of - _ . /"));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0
            }
        }
    )+ };
}

codes! {
    /// A product as it is stocked and sold.
    Sku,
    /// A location that has stock.
    LocationCode,
    /// A courier company.
    CourierCode,
    /// A part of the world that is served from its own locations.
    RegionCode,
}

impl LocationCode {
    /// What no location has: it comes before every code, so a walk along a product's shelves begins there.
    pub(in crate::domain) fn before_all() -> Self {
        Self(String::new())
    }
}

/// The actor of callers who do not say who they are.
pub const ANONYMOUS: &str = "anonymous";

/// Who acts: a person or service as named by the caller, or a worker of our own (`consign/…`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// The actor of everything that policy or a worker decides.
    pub fn system() -> Self {
        Self("consign".to_owned())
    }

    pub fn is_system(&self) -> bool {
        self.0 == "consign"
    }

    /// Whether both are one person, whatever the spelling.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.0 == other.0 || is_one_name(&self.0, &other.0)
    }

    /// Whether this is who does not say who they are.
    pub fn is_anonymous(&self) -> bool {
        self.0.eq_ignore_ascii_case(ANONYMOUS)
    }

    /// Whether policy or a worker of our own acts, not a person.
    pub fn is_automatic(&self) -> bool {
        self.is_system() || self.0.starts_with("consign/")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a row says; it was parsed before it was stored.
    pub fn stored(name: String) -> Self {
        Self(name)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Actor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let first = text.split_once('/').map_or(text, |it| it.0);
        if first.eq_ignore_ascii_case("consign") {
            return Err(Invalid::new("the names consign and consign/... are kept for automatic steps"));
        }
        if text.is_empty() || text.len() > 128 || !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Invalid::new("must be 1 to 128 printable characters without blanks"));
        }
        Ok(Self(text.to_owned()))
    }
}

string_enum! {
    /// The channel through which an order reached the company.
    pub enum Channel {
        Online = "ONLINE",
        Phone = "PHONE",
        InPerson = "IN_PERSON",
    }
}

string_enum! {
    /// What to do when not every line can be reserved.
    pub enum OnShortage {
        Refuse = "REFUSE",
        Wait = "WAIT",
        ShipAvailable = "SHIP_AVAILABLE",
    }
}

string_enum! {
    /// What to do when the requested date of delivery cannot be met.
    pub enum OnLate {
        /// Go on with the earliest possible date.
        Accept = "ACCEPT",
        Refuse = "REFUSE",
        /// Hold the order until a person accepts the date.
        Hold = "HOLD",
    }
}

string_enum! {
    /// How fast a shipment is to travel.
    pub enum ServiceLevel {
        Standard = "STANDARD",
        Express = "EXPRESS",
        Overnight = "OVERNIGHT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::model::time::Timestamp;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        // The example of the TypeID specification.
        let id = OrderId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"));
        assert_eq!(id.to_string(), "ord_01h455vb4pex5vsknk084sn02q");
        assert_eq!("ord_01h455vb4pex5vsknk084sn02q".parse(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_or_beyond_128_bits_is_refused() {
        assert!("shp_01h455vb4pex5vsknk084sn02q".parse::<OrderId>().is_err());
        assert!("ord_81h455vb4pex5vsknk084sn02q".parse::<OrderId>().is_err());
        assert!("ord_01h455vb4pex5vsknk084sn02".parse::<OrderId>().is_err());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let at = Timestamp::from_unix_micros(1_700_000_000_000_000);
        let mut one = Ids::seeded(at, 7);
        let mut two = Ids::seeded(at, 7);
        assert_eq!(one.fresh::<OrderId>(), two.fresh::<OrderId>());
    }

    #[test]
    fn nobody_can_call_themselves_the_system() {
        for taken in ["consign", "Consign", "CONSIGN", "consign/relay", "Consign/", "consign/a/b"] {
            assert!(taken.parse::<Actor>().is_err(), "{taken}");
        }
        for free in ["ann@example.com", "consignor", "shop/consign", "consign-desk"] {
            assert!(free.parse::<Actor>().is_ok(), "{free}");
        }
    }

    #[test]
    fn a_person_is_the_same_in_small_and_large_letters() {
        let actor = |name: &str| name.parse::<Actor>().expect("a name");
        assert!(actor("Ann@Example.com").is_same_person(&actor("ann@example.com")));
        assert!(!actor("ann").is_same_person(&actor("anna")));
    }
}
