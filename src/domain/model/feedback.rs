//! The customer's feedback, and what is done about a bad one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::model::feedback_token::FeedbackSecret;
use crate::domain::model::scalars::{Actor, FollowUpId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum FeedbackState {
        Requested = "REQUESTED",
        Submitted = "SUBMITTED",
        Expired = "EXPIRED",
        /// The customer does not want to be asked.
        OptedOut = "OPTED_OUT",
    }
}

string_enum! {
    /// What a rating is about, in the customer's world.
    pub enum FeedbackReason {
        Late = "LATE",
        Damaged = "DAMAGED",
        WrongItem = "WRONG_ITEM",
        MissingItem = "MISSING_ITEM",
        NotAsDescribed = "NOT_AS_DESCRIBED",
        Quality = "QUALITY",
        Packaging = "PACKAGING",
        CourierConduct = "COURIER_CONDUCT",
        Price = "PRICE",
        CustomerService = "CUSTOMER_SERVICE",
        Other = "OTHER",
    }
}

/// Asked for at delivery, answered once or never.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    pub state: FeedbackState,
    /// 1–5 each; 0 until submitted.
    pub delivery_rating: i32,
    pub product_rating: i32,
    /// At most 2,000 characters.
    pub comment: String,
    pub requested_at: Timestamp,
    pub submitted_at: Option<Timestamp>,
    /// The code of the next-purchase discount: given with the request, never for an answer.
    pub discount_code: String,
    pub discount_ppm: u32,
    /// Until when the letter says that the code can be redeemed.
    #[serde(default)]
    pub discount_until: Option<Timestamp>,
    /// Half of what the customer's letters say: see `FeedbackToken`.
    pub secret: FeedbackSecret,
    /// What the answer as a whole is about.
    pub reasons: BTreeSet<FeedbackReason>,
    /// What was said of single lines, in the order of their numbers.
    pub lines: Vec<LineFeedback>,
    /// How often people have had the customer asked again, and when last.
    pub asked_again: u32,
    pub asked_again_at: Option<Timestamp>,
}

/// What the customer said of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFeedback {
    pub line: i32,
    /// 1–5.
    pub rating: i32,
    pub reasons: BTreeSet<FeedbackReason>,
    /// At most 500 characters, and 2,000 with all other words of the answer.
    pub comment: String,
}

impl Feedback {
    /// Asked for, and not answered; no discount is offered with it.
    pub(in crate::domain) fn asked_for(at: Timestamp, secret: FeedbackSecret) -> Self {
        Self {
            state: FeedbackState::Requested,
            delivery_rating: 0,
            product_rating: 0,
            comment: String::new(),
            requested_at: at,
            submitted_at: None,
            discount_code: String::new(),
            discount_ppm: 0,
            discount_until: None,
            secret,
            reasons: BTreeSet::new(),
            lines: Vec::new(),
            asked_again: 0,
            asked_again_at: None,
        }
    }

    /// When the customer was asked last.
    pub fn last_asked_at(&self) -> Timestamp {
        self.asked_again_at.map_or(self.requested_at, |it| it.max(self.requested_at))
    }
}

string_enum! {
    pub enum FollowUpState {
        Open = "OPEN",
        Closed = "CLOSED",
    }
}

/// A bad rating that somebody is to do something about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    pub id: FollowUpId,
    pub raised_at: Timestamp,
    /// None: it is open.
    pub closed: Option<FollowUpEnd>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUpEnd {
    pub at: Timestamp,
    pub by: Actor,
    /// What was done, in that person's words.
    pub result: String,
}

impl FollowUp {
    pub fn state(&self) -> FollowUpState {
        match self.closed {
            None => FollowUpState::Open,
            Some(_) => FollowUpState::Closed,
        }
    }
}
