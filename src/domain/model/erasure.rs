//! Personal data that may not be erased yet, and that has been.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::model::customer::Customer;
use crate::domain::model::scalars::Actor;
use crate::domain::model::search_key::caseless;
use crate::domain::model::time::Timestamp;

/// Why the data of a customer or an order is not to be erased, whoever asks: a lawsuit, an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    pub reason: String,
    pub by: Actor,
    pub at: Timestamp,
    /// None: until it is released.
    pub until: Option<Timestamp>,
}

impl LegalHold {
    pub fn stands(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|it| it > now)
    }
}

/// That the data of a customer was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub at: Timestamp,
    pub by: Actor,
    /// Until when the invoices of an order name whom they were issued to, as the law asks. None: nothing is kept.
    pub kept_until: Option<Timestamp>,
}

/// What a person may be called as an actor: their e-mail address and phone number, each as its hash. Not their name: it is
/// anything that they typed, and might be the word for a caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PersonNames(BTreeSet<[u8; 32]>);

impl PersonNames {
    pub fn of(customer: &Customer) -> Self {
        let Customer { name: _, email, phone, locale: _, phone_extension: _ } = customer;
        Self([email, phone].into_iter().filter(|it| !it.is_empty()).map(|it| hash(it)).collect())
    }

    pub fn is(&self, actor: &Actor) -> bool {
        !actor.is_system() && self.0.contains(&hash(actor.as_str()))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flatten().copied().collect()
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks::<32>().0.iter().copied().collect())
    }
}

/// Actors are written without blanks, and with any case.
fn hash(text: &str) -> [u8; 32] {
    let word: String = caseless(text).split_whitespace().collect();
    Sha256::digest(word).into()
}

/// The actor in the place of a customer whose data was erased.
pub(in crate::domain) fn nobody() -> Actor {
    Actor::stored("erased".to_owned())
}

/// The same where another actor is needed than [`nobody`]: who decides is not who asked.
pub(in crate::domain) fn nobody_else() -> Actor {
    Actor::stored("erased-decider".to_owned())
}
