//! Money that is paid back.

use serde::{Deserialize, Serialize};

use crate::domain::model::method::Method;
use crate::domain::model::money::Money;
use crate::domain::model::scalars::{Actor, PaymentId, RefundId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum RefundState {
        Pending = "PENDING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub state: RefundState,
    pub amount: Money,
    pub reason: String,
    /// How a person gave it back, if not the way the payment came.
    pub handed_back: Option<HandedBack>,
    /// The provider's own name for it, once it is done.
    pub provider_reference: Option<String>,
    /// Why it failed or had no answer, in the provider's words.
    pub failure: Option<String>,
    pub requested_at: Timestamp,
    pub attempts: u32,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a person gave money back by other means than the payment's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedBack {
    pub method: Method,
    /// The reference of the transfer, or the number of the receipt.
    pub reference: String,
}
