//! Holds: an active hold stops an order until a person releases it.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, HoldId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum HoldReason {
        VerificationFailed = "VERIFICATION_FAILED",
        IncorrectAddress = "INCORRECT_ADDRESS",
        HighRiskOfFraud = "HIGH_RISK_OF_FRAUD",
        /// No date is known, or none that was asked for can be kept.
        UnknownDeliveryDate = "UNKNOWN_DELIVERY_DATE",
        QualityFailure = "QUALITY_FAILURE",
        InventoryOutOfStock = "INVENTORY_OUT_OF_STOCK",
        CustomerRequest = "CUSTOMER_REQUEST",
        Compliance = "COMPLIANCE",
        Other = "OTHER",
    }
}

impl HoldReason {
    /// Whether it stands for a doubt about the order or who is behind it: then whoever had a hand in the order does not
    /// release it. The others are about what is missing, or what somebody has to see to.
    pub(in crate::domain) fn is_a_doubt(self) -> bool {
        match self {
            Self::HighRiskOfFraud | Self::Compliance => true,
            Self::VerificationFailed
            | Self::IncorrectAddress
            | Self::UnknownDeliveryDate
            | Self::QualityFailure
            | Self::InventoryOutOfStock
            | Self::CustomerRequest
            | Self::Other => false,
        }
    }

    /// Whether the customer asked for it, or is asked to end it.
    pub(in crate::domain) fn is_known_to_customer(self) -> bool {
        match self {
            Self::VerificationFailed | Self::IncorrectAddress | Self::CustomerRequest => true,
            Self::HighRiskOfFraud
            | Self::UnknownDeliveryDate
            | Self::QualityFailure
            | Self::InventoryOutOfStock
            | Self::Compliance
            | Self::Other => false,
        }
    }
}

string_enum! {
    pub enum HoldState {
        Active = "ACTIVE",
        Released = "RELEASED",
    }
}

/// Stops every forward move of an order while it is active; cancelling stays possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: HoldId,
    pub reason: HoldReason,
    pub note: String,
    pub state: HoldState,
    pub placed_by: Actor,
    pub placed_at: Timestamp,
    pub released_by: Option<Actor>,
    pub released_at: Option<Timestamp>,
    pub release_note: String,
}
