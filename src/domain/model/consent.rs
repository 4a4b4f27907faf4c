//! What a customer agreed to be written to about, beside what their orders need, and what they said no to.

use serde::{Deserialize, Serialize};

use crate::domain::model::message::MessageKind;
use crate::domain::model::refusal::Problems;
use crate::domain::model::scalars::string_enum;
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What somebody may be written to about, although no order needs it.
    pub enum ConsentPurpose {
        /// Being asked how it was.
        Feedback = "FEEDBACK",
        /// Being offered something, such as a discount on the next purchase.
        Offers = "OFFERS",
    }
}

/// What a customer said about one purpose, and where they said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub purpose: ConsentPurpose,
    pub given_at: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
    /// Where they said so, in the caller's words: a form, a call, a letter.
    pub source: String,
}

impl ConsentPurpose {
    /// The letters that have no other purpose.
    pub fn letters(self) -> &'static [MessageKind] {
        match self {
            Self::Feedback => &[MessageKind::FeedbackRequested],
            Self::Offers => &[],
        }
    }
}

impl Consent {
    /// Whether their last word was no.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn_at.is_some_and(|no| self.given_at.is_none_or(|yes| yes <= no))
    }

    /// Notes consents that say nothing, of a day to come, or of a purpose that another one is about.
    pub fn check(consents: &[Self], now: Timestamp, bad: &mut Problems) {
        for (index, it) in consents.iter().enumerate() {
            let at = |field: &str| format!("customer.consents[{index}].{field}");
            if consents[..index].iter().any(|other| other.purpose == it.purpose) {
                bad.add(at("purpose"), format!("{} is named twice", it.purpose));
            }
            if it.given_at.is_none() && it.withdrawn_at.is_none() {
                bad.add(at("given_time"), "is required, or withdrawn_time");
            }
            for (field, said_at) in [("given_time", it.given_at), ("withdrawn_time", it.withdrawn_at)] {
                if said_at.is_some_and(|it| it > now) {
                    bad.add(at(field), "is yet to come");
                }
            }
        }
    }
}
