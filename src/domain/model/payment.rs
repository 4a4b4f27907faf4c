//! Payments and what a provider says of them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::model::discount::DiscountKey;
use crate::domain::model::method::Method;
use crate::domain::model::money::Money;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::scalars::{Actor, InvoiceId, OrderId, PaymentId, string_enum};
use crate::domain::model::time::Timestamp;

impl Payment {
    /// Paid back or about to be.
    pub fn refunded_minor(&self) -> i64 {
        let counts = |it: &&Refund| it.state != RefundState::Failed;
        self.refunds.iter().filter(counts).map(|it| it.amount.minor).sum()
    }

    pub fn refundable_minor(&self) -> i64 {
        self.captured_minor - self.refunded_minor()
    }

    /// A refund that only a person can carry out, decided when the order ended.
    pub fn owed_by_hand(&self) -> Option<&Refund> {
        self.refunds.iter().find(|it| it.state == RefundState::Pending && !self.is_by_provider())
    }

    /// Whether it brought money or still may.
    pub(in crate::domain) fn counts(&self) -> bool {
        match self.state {
            PaymentState::Pending | PaymentState::Authorized | PaymentState::Captured => true,
            PaymentState::Failed | PaymentState::Voided => false,
        }
    }

    pub(in crate::domain) fn refused_refunds(&self) -> usize {
        self.refunds.iter().filter(|it| it.state == RefundState::Failed).count()
    }

    /// What the provider knows it by; None if a person moves the money.
    pub fn at_provider(&self) -> Option<&AtProvider> {
        match &self.means {
            Means::Provider(it) => Some(it),
            Means::ByHand { .. } | Means::StoreCredit(_) => None,
        }
    }

    pub fn is_by_provider(&self) -> bool {
        self.at_provider().is_some()
    }

    pub fn is_by_credit(&self) -> bool {
        matches!(self.means, Means::StoreCredit(_))
    }

    /// Since when the provider owes an answer about it: to the call that is open, or to a refund.
    pub fn unanswered_since(&self) -> Option<Timestamp> {
        let refunds =
            self.refunds.iter().filter(|it| it.state == RefundState::Pending && self.is_by_provider());
        self.request.map(|it| it.opened_at).into_iter().chain(refunds.map(|it| it.created_at)).min()
    }

    /// What the provider is being asked just now.
    pub fn open_request(&self) -> Option<ProviderRequest> {
        self.request.map(|it| it.kind)
    }

    /// The call has its answer, which may bring the provider's own name for the payment.
    pub(in crate::domain) fn answered(&mut self, reference: String) {
        self.request = None;
        self.failure = None;
        match &mut self.means {
            Means::Provider(it) if !reference.is_empty() => it.reference = Some(reference),
            Means::Provider(_) | Means::ByHand { .. } | Means::StoreCredit(_) => {}
        }
    }
}

string_enum! {
    pub enum PaymentState {
        /// Asked of the provider, not answered.
        Pending = "PENDING",
        Authorized = "AUTHORIZED",
        Captured = "CAPTURED",
        Failed = "FAILED",
        Voided = "VOIDED",
    }
}

string_enum! {
    /// The open request to the provider.
    pub enum ProviderRequest {
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
    /// The balance of a code: nobody moves anything, and what goes back is on the code again at once.
    StoreCredit(DiscountKey),
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
    pub kind: ProviderRequest,
    /// When the call was last decided or retried; a worker takes over some seconds later.
    pub requested_at: Timestamp,
    /// When it was decided first.
    pub opened_at: Timestamp,
}

/// Identity of a bank transfer: its reference without regard to case and to blanks around it, since a person copies it
/// from a statement. `REF-2` and ` ref-2` are one transfer. It is kept for ever, so it is a hash (SHA-256, hex): banks
/// write names into references.
pub fn bank_reference_key(reference: &str) -> String {
    let hash = Sha256::digest(reference.trim().to_lowercase());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
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
