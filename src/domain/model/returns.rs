//! Goods that come back from a customer, from the request until every unit is accounted for.

use serde::{Deserialize, Serialize};

use crate::domain::model::discount::DiscountKey;
use crate::domain::model::exchange::{Exchange, Instead};
use crate::domain::model::scalars::{Actor, LocationCode, OrderId, ReturnId, ShipmentId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum ReturnState {
        Requested = "REQUESTED",
        Authorized = "AUTHORIZED",
        InTransit = "IN_TRANSIT",
        PartiallyReceived = "PARTIALLY_RECEIVED",
        Received = "RECEIVED",
        Inspected = "INSPECTED",
        Resolved = "RESOLVED",
        Closed = "CLOSED",
        Declined = "DECLINED",
        Cancelled = "CANCELLED",
    }
}

string_enum! {
    /// Why a customer sends goods back.
    pub enum ReturnReason {
        Damaged = "DAMAGED",
        Defective = "DEFECTIVE",
        WrongItem = "WRONG_ITEM",
        NotAsDescribed = "NOT_AS_DESCRIBED",
        ArrivedLate = "ARRIVED_LATE",
        ChangedMind = "CHANGED_MIND",
        DoesNotFit = "DOES_NOT_FIT",
        Other = "OTHER",
    }
}

impl ReturnReason {
    /// Whether it is the customer's own: then a restocking fee is taken.
    pub fn is_the_customers(self) -> bool {
        match self {
            Self::ChangedMind | Self::DoesNotFit => true,
            Self::Damaged
            | Self::Defective
            | Self::WrongItem
            | Self::NotAsDescribed
            | Self::ArrivedLate
            | Self::Other => false,
        }
    }
}

string_enum! {
    /// What becomes of a unit that came back, or did not.
    pub enum ReturnDisposition {
        /// Back on the shelf, to be sold again.
        Restock = "RESTOCK",
        /// On the shelf, kept back for a closer look.
        Quarantine = "QUARANTINE",
        Scrap = "SCRAP",
        /// It was announced and did not arrive.
        Missing = "MISSING",
        BackToCustomer = "BACK_TO_CUSTOMER",
    }
}

string_enum! {
    /// What the customer gets for a unit.
    pub enum ReturnResolution {
        Refund = "REFUND",
        StoreCredit = "STORE_CREDIT",
        Repair = "REPAIR",
        /// Nothing.
        Reject = "REJECT",
        /// Other goods, or the same once more: by an order of its own.
        Exchange = "EXCHANGE",
    }
}

/// What the customer gets for some units of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedUnits {
    pub line: i32,
    pub resolution: ReturnResolution,
    pub quantity: i64,
    /// What they are exchanged for, if they are.
    pub instead: Instead,
}

/// Units of one line. Law: `received + missing ≤ quantity`, what was inspected of the received units is at most these,
/// `0 ≤ resolved ≤ quantity`; all are equal once the return is closed. `refunded`, `credited` and `exchanged`
/// are those that it paid for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnLine {
    pub line: i32,
    pub quantity: i64,
    pub reason: ReturnReason,
    /// In the words of who asked for it.
    pub note: String,
    pub received: i64,
    pub restocked: i64,
    pub quarantined: i64,
    pub scrapped: i64,
    pub missing: i64,
    pub sent_back: i64,
    pub refunded: i64,
    pub credited: i64,
    pub repaired: i64,
    pub rejected: i64,
    /// Answered with money or store credit, but paid back before, by RefundPayment: nothing more was paid for them.
    #[serde(default)]
    pub paid_before: i64,
    #[serde(default)]
    pub exchanged: i64,
}

impl ReturnLine {
    pub fn new(line: i32, quantity: i64, reason: ReturnReason, note: &str) -> Self {
        Self {
            line,
            quantity,
            reason,
            note: note.to_owned(),
            received: 0,
            restocked: 0,
            quarantined: 0,
            scrapped: 0,
            missing: 0,
            sent_back: 0,
            refunded: 0,
            credited: 0,
            paid_before: 0,
            repaired: 0,
            rejected: 0,
            exchanged: 0,
        }
    }

    /// Units on their way, or not sent yet.
    pub fn expected(&self) -> i64 {
        self.quantity - self.received - self.missing
    }

    /// Received units that nobody has decided about.
    pub fn uninspected(&self) -> i64 {
        self.received - self.restocked - self.quarantined - self.scrapped - self.sent_back
    }

    /// Units whose customer has not been answered.
    pub fn unresolved(&self) -> i64 {
        let answered = self.paid() + self.paid_before + self.repaired + self.rejected;
        self.quantity - answered
    }

    /// Units that the return gave money, store credit or other goods for.
    pub fn paid(&self) -> i64 {
        self.refunded + self.credited + self.exchanged
    }

    /// Its units with this disposition.
    pub fn count_mut(&mut self, disposition: ReturnDisposition) -> &mut i64 {
        match disposition {
            ReturnDisposition::Restock => &mut self.restocked,
            ReturnDisposition::Quarantine => &mut self.quarantined,
            ReturnDisposition::Scrap => &mut self.scrapped,
            ReturnDisposition::Missing => &mut self.missing,
            ReturnDisposition::BackToCustomer => &mut self.sent_back,
        }
    }

    pub fn resolved(&mut self, resolution: ReturnResolution) -> &mut i64 {
        match resolution {
            ReturnResolution::Refund => &mut self.refunded,
            ReturnResolution::StoreCredit => &mut self.credited,
            ReturnResolution::Repair => &mut self.repaired,
            ReturnResolution::Reject => &mut self.rejected,
            ReturnResolution::Exchange => &mut self.exchanged,
        }
    }
}

/// How the goods travel back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTransit {
    /// In the words of who told it: it need not be one of ours.
    pub courier: String,
    pub tracking_number: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    pub id: ReturnId,
    pub order: OrderId,
    /// 1…n within the order.
    pub number: i32,
    pub state: ReturnState,
    /// The shipment that never reached the customer, and came back or is lost. None: the customer asked.
    #[serde(default)]
    pub of_shipment: Option<ShipmentId>,
    pub lines: Vec<ReturnLine>,
    /// Why it is taken although the time for it is over; empty: it was in time.
    pub override_reason: String,
    /// Why it was declined or cancelled.
    pub end_reason: String,
    pub transit: Option<ReturnTransit>,
    /// Where it arrives. None: nothing has.
    pub location: Option<LocationCode>,
    /// How often customers were answered by it.
    pub resolutions: u32,
    /// What of the refunds was kept as a restocking fee.
    pub fee_minor: i64,
    /// The codes that were given as store credit.
    pub store_credits: Vec<DiscountKey>,
    pub requested_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    /// The orders that were made in exchange, one for each answer that asked for some.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// Until when more of its goods have to arrive, as the settings said when it was last heard of. None: no goods are
    /// awaited, or without end.
    #[serde(default)]
    pub awaited_until: Option<Timestamp>,
}

impl Return {
    /// Whether more goods are to arrive, or to be heard of.
    pub fn is_awaited(&self) -> bool {
        match self.state {
            ReturnState::Authorized | ReturnState::InTransit | ReturnState::PartiallyReceived => true,
            ReturnState::Requested
            | ReturnState::Received
            | ReturnState::Inspected
            | ReturnState::Resolved
            | ReturnState::Closed
            | ReturnState::Declined
            | ReturnState::Cancelled => false,
        }
    }

    /// Whether its units are spoken for: it was neither declined nor cancelled.
    pub fn counts(&self) -> bool {
        !matches!(self.state, ReturnState::Declined | ReturnState::Cancelled)
    }

    /// Whether something of it is still to be done.
    pub fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// Whether it is about a shipment that is lost: nothing of it comes back, and only the answer is open.
    pub fn is_loss(&self) -> bool {
        self.of_shipment.is_some() && self.lines.iter().all(|it| it.missing == it.quantity)
    }

    pub fn is_unanswered_loss(&self) -> bool {
        self.state == ReturnState::Inspected && self.resolutions == 0 && self.is_loss()
    }

    pub fn has_line(&self, line: i32) -> bool {
        self.lines.iter().any(|it| it.line == line)
    }

    pub fn units(&self) -> i64 {
        self.lines.iter().map(|it| it.quantity).sum()
    }

    /// As it stands on its papers and in letters, under the number of its order: `100042-R1`.
    pub fn full_number(&self, order_number: i64) -> String {
        format!("{order_number}-R{}", self.number)
    }

    pub fn units_unresolved(&self) -> i64 {
        self.lines.iter().map(ReturnLine::unresolved).sum()
    }

    pub fn units_paid_before(&self) -> i64 {
        self.lines.iter().map(|it| it.paid_before).sum()
    }
}
