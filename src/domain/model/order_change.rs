//! A change of an order that was sold: what is asked for, what it would do, and what it did.

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::approval::Gate;
use crate::domain::model::discount::DiscountKey;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::money::Money;
use crate::domain::model::scalars::{
    Actor, ApprovalId, CreditNoteId, InvoiceId, OrderChangeId, ServiceLevel, Sku, string_enum,
};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum OrderChangeState {
        Draft = "DRAFT",
        Proposed = "PROPOSED",
        Confirmed = "CONFIRMED",
        Declined = "DECLINED",
        Cancelled = "CANCELLED",
        Lapsed = "LAPSED",
    }
}

impl OrderChangeState {
    pub fn is_open(self) -> bool {
        match self {
            Self::Draft | Self::Proposed => true,
            Self::Confirmed | Self::Declined | Self::Cancelled | Self::Lapsed => false,
        }
    }
}

/// Law: an order has at most one change that is open, and none once it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChange {
    pub id: OrderChangeId,
    pub state: OrderChangeState,
    pub items: Vec<ChangeItem>,
    /// Why, in the words of who asked for it.
    pub reason: String,
    pub created_by: Actor,
    pub created_at: Timestamp,
    /// None: nobody has looked at what it would do.
    pub proposal: Option<Box<ChangeProposal>>,
    /// None: it is open.
    pub ended: Option<ChangeEnd>,
    /// None: it is not confirmed.
    pub outcome: Option<ChangeOutcome>,
}

/// One thing that is to be different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeItem {
    /// Units of a line that are wanted. Fewer are taken off it; more become a line of their own at its price.
    SetQuantity {
        line: i32,
        quantity: i64,
    },
    /// All units of a line that are wanted are taken off it.
    RemoveLine {
        line: i32,
    },
    AddLine(AddedLine),
    SetInstructions(String),
    /// Within the country that the goods go to.
    SetShippingAddress(Box<Address>),
    /// Another shipping service for what has not left.
    SetService(WantedService),
    /// On what was ordered at first.
    SetDiscount(WantedDiscount),
}

/// Another shipping service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedService {
    pub level: ServiceLevel,
    /// None: as settings have it, or the caller's own of before.
    pub fee: Option<Money>,
}

/// Another discount on the whole order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WantedDiscount {
    None,
    /// The caller's own, in ppm.
    Rate(u32),
    /// The caller's own.
    Amount(Money),
    /// What a code gives.
    Code(DiscountKey),
}

/// A line that is to be added; discounts of the order give it nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedLine {
    pub sku: Sku,
    pub quantity: i64,
    /// None: the product's list price in the order's currency.
    pub unit_price: Option<Money>,
    /// Empty: the product's name.
    pub description: String,
}

/// What a change would do, as it was looked at. Nothing has moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeProposal {
    pub by: Actor,
    pub at: Timestamp,
    /// The order's version that was looked at.
    pub order_version: i64,
    /// What it rests on: it can be confirmed as long as this is so.
    pub basis: ChangeBasis,
    pub old_total_minor: i64,
    pub new_total_minor: i64,
    /// What credit notes would take off.
    pub credited_minor: i64,
    /// What a supplementary invoice would come to.
    pub supplement_minor: i64,
    /// What is to be paid then, beyond what is to be paid now.
    pub to_pay_minor: i64,
    /// What of the captured money would go back.
    pub to_pay_back_minor: i64,
    /// Units that would be added, line by line.
    pub stock: Vec<ChangeStock>,
    pub promised_before: Option<Timestamp>,
    pub promised_after: Option<Timestamp>,
    pub approvals: Vec<ChangeApproval>,
    /// What would be added, in the words of its lines.
    #[serde(default)]
    pub added: Vec<ProposedLine>,
    /// Which letter about a proposal tells it, from 1.
    #[serde(default)]
    pub told: i64,
}

impl ChangeProposal {
    /// Whether the customer would read of both the same.
    pub(in crate::domain) fn reads_like(&self, other: &Self) -> bool {
        let wanted = |it: &Self| it.basis.lines.iter().map(|it| (it.number, it.wanted)).collect::<Vec<_>>();
        let sums =
            |it: &Self| (it.old_total_minor, it.new_total_minor, it.to_pay_minor, it.to_pay_back_minor);
        sums(self) == sums(other)
            && wanted(self) == wanted(other)
            && self.added == other.added
            && self.new_date() == other.new_date()
    }

    /// When the goods would be there, if that is another date than without the change.
    pub fn new_date(&self) -> Option<Timestamp> {
        self.promised_after.filter(|_| self.promised_after != self.promised_before)
    }
}

/// A line that a change would add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedLine {
    pub sku: Sku,
    pub description: String,
    pub quantity: i64,
}

/// Units of an added line, and how many of them are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeStock {
    /// The number that the line would have.
    pub line: i32,
    pub sku: Sku,
    pub wanted: i64,
    pub available: i64,
}

/// An approval that a person would have to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeApproval {
    pub gate: Gate,
    /// The rule of the policy that asks for it, in words.
    pub rule: String,
}

/// What a proposal rests on: the lines that it touches, and the order's money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBasis {
    pub lines: Vec<BasisLine>,
    pub total_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub invoices: Vec<InvoiceState>,
    /// None: the change is about no address.
    pub shipping_address: Option<Address>,
}

/// A line that a change touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasisLine {
    pub number: i32,
    /// Units that are wanted.
    pub wanted: i64,
    /// Units of these that cannot be taken off any more: they have left or are done.
    pub bound: i64,
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEnd {
    pub by: Actor,
    pub at: Timestamp,
    /// In the words of who declined it; else empty.
    pub reason: String,
}

/// What a confirmed change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeOutcome {
    pub credit_notes: Vec<CreditNoteId>,
    /// None: neither goods nor dearer shipping were added, or there was no invoice yet.
    pub supplementary_invoice: Option<InvoiceId>,
    /// Those that were asked for again.
    pub approvals: Vec<ApprovalId>,
    pub lines_added: Vec<i32>,
    pub to_pay_minor: i64,
    pub paid_back_minor: i64,
    /// A dearer shipping service, which the order gets once the difference is paid. None: it has it, or gets none.
    #[serde(default)]
    pub service_once_paid: Option<ServiceLevel>,
    /// What a dearer shipping service or a smaller discount put on what the order comes to.
    #[serde(default)]
    pub raised_minor: i64,
    /// What a cheaper one or a larger discount took off it.
    #[serde(default)]
    pub lowered_minor: i64,
}
