//! The persons who had a hand in an order. They asked for it, so they cannot approve it.

use serde::{Deserialize, Serialize};

use crate::domain::model::approval::Gate;
use crate::domain::model::names::name_key;
use crate::domain::model::scalars::{Actor, string_enum};

/// How many hands of each kind an order keeps, each person's once. What others would do of that kind is refused. Each kind is
/// counted by itself, so that nobody's changes leave an order that cannot be paid.
pub const HANDS_MAX: usize = 50;

string_enum! {
    /// What somebody did to an order that it is not theirs to approve.
    pub enum HandKind {
        /// Made it, with its goods, prices and discounts.
        Made = "MADE",
        /// Set its stock aside as a cart.
        SetAside = "SET_ASIDE",
        /// Changed its goods, prices, customer, addresses or words.
        Changed = "CHANGED",
        /// Asked for a payment, or recorded one.
        Paid = "PAID",
        /// Asked for the capture of a payment.
        Captured = "CAPTURED",
    }
}

impl HandKind {
    /// Whether it is part of what this gate is about: stock is approved before there is money, money with all that it is for.
    pub fn is_in(self, gate: Gate) -> bool {
        match (gate, self) {
            (Gate::Reservation, Self::Paid | Self::Captured) => false,
            (Gate::Reservation, Self::Made | Self::SetAside | Self::Changed) | (Gate::Payment, _) => true,
        }
    }

    /// What more of the kind would be, for a refusal.
    pub fn in_nouns(self) -> &'static str {
        match self {
            Self::Made => "makers",
            Self::SetAside => "carts",
            Self::Changed => "changes",
            Self::Paid => "payments",
            Self::Captured => "captures",
        }
    }

    /// As a sentence goes on after the person.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Made => "made the order",
            Self::SetAside => "set stock aside for the order",
            Self::Changed => "changed the order",
            Self::Paid => "took money for the order",
            Self::Captured => "captured money for the order",
        }
    }
}

/// Who acts: the person, and the key or certificate that named them. None: the person called with their own, or callers are
/// believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: Actor,
    pub principal: Option<Actor>,
}

/// That a person did something to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    pub kind: HandKind,
    /// As they were named then.
    pub person: Actor,
    /// The key or certificate that named them, where that was another.
    pub principal: Option<Actor>,
    /// The sequence of the event of the order by which they first did.
    pub since: i64,
}

/// The first kind of which there are more hands than an order keeps.
pub fn kind_beyond_limit(hands: &[Hand]) -> Option<HandKind> {
    let count = |kind| hands.iter().filter(|it| it.kind == kind).count();
    HandKind::ALL.iter().copied().find(|it| count(*it) > HANDS_MAX)
}

impl Hand {
    /// Whether it may have been this person's, by name or key. A key that names nobody is not another person than whoever it
    /// spoke for before; one that names somebody stands for that person alone.
    pub fn may_be_of(&self, person: &Person) -> bool {
        let by_its_key = || {
            person.principal.is_none()
                && self.principal.as_ref().is_some_and(|it| it.is_same_person(&person.name))
        };
        self.person.is_same_person(&person.name) || by_its_key()
    }

    /// Whether both say the same, in whatever spelling.
    pub fn repeats(&self, other: &Self) -> bool {
        let key = |it: &Actor| name_key(it.as_str());
        self.kind == other.kind
            && key(&self.person) == key(&other.person)
            && self.principal.as_ref().map(key) == other.principal.as_ref().map(key)
    }
}
