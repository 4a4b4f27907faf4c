//! Money in and money back.

use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Actor, InvoiceId, Money, OrderId, PaymentId, RefundId, Timestamp};

words! {
    pub enum Method {
        Card = "CARD",
        Paypal = "PAYPAL",
        BankTransfer = "BANK_TRANSFER",
        Cash = "CASH",
    }
}

words! {
    pub enum PaymentState {
        /// Asked of the provider, not answered.
        Pending = "PENDING",
        Authorized = "AUTHORIZED",
        Captured = "CAPTURED",
        Failed = "FAILED",
        Voided = "VOIDED",
    }
}

words! {
    /// What is being asked of the provider just now.
    pub enum Ask {
        Authorize = "AUTHORIZE",
        /// Authorise and capture at once.
        Charge = "CHARGE",
        Capture = "CAPTURE",
        Void = "VOID",
    }
}

/// One payment towards an invoice. Its id is the key of every call to the provider, so that a repeated call has
/// one effect. Law: `captured ≤ amount`, `refunded + refunds pending ≤ captured`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub invoice: InvoiceId,
    pub method: Method,
    pub state: PaymentState,
    pub means: Means,
    /// The call that is out; at most one per order.
    pub request: Option<OpenRequest>,
    /// How often the last call, open or over, was left without an answer.
    pub attempts: u32,
    pub amount: Money,
    pub captured_minor: i64,
    /// Why it failed or had no answer, in the provider's words.
    pub failure: Option<String>,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub refunds: Vec<Refund>,
}

/// Who moves the money, with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// Card and PayPal.
    Provider(AtProvider),
    /// Bank transfer and cash: a person says that the money is there.
    ByHand {
        /// Bank transfer: the reference on the statement as it was given, unique by its [key](bank_reference_key).
        /// Cash: the number of the receipt, or nothing.
        reference: String,
        /// Cash: what was handed over; change = tendered − amount.
        tendered_minor: Option<i64>,
    },
}

/// What a provider knows a payment by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtProvider {
    pub provider: String,
    /// The token that stands for the card or account; never a card number.
    pub token: String,
    /// The provider's own name for the payment, from its first good answer on.
    pub reference: Option<String>,
}

/// A call to a provider that has no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    pub ask: Ask,
    /// When the call was last decided or retried; a worker takes over some seconds later.
    pub asked_at: Timestamp,
}

/// What tells one bank transfer from another: its reference without regard to case and to blanks around it, since a
/// person copies it from a statement. `REF-2` and ` ref-2` are one transfer.
pub fn bank_reference_key(reference: &str) -> String {
    reference.trim().to_lowercase()
}

words! {
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
    pub asked_at: Timestamp,
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

/// A provider's word on one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderAnswer {
    /// Done; the provider's reference.
    Done(String),
    /// Refused for good, with the reason.
    Declined(String),
    /// No answer, or "ask again": what happened is not known.
    Unknown(String),
}
