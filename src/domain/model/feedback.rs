//! The customer's feedback.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::string_enum;
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum FeedbackState {
        Requested = "REQUESTED",
        Submitted = "SUBMITTED",
        Expired = "EXPIRED",
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
}
