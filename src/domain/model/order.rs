//! The order: everything one order needs to be decided upon.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::model::account::NamedCustomer;
use crate::domain::model::address::Address;
use crate::domain::model::amounts::{Amounts, Discount};
use crate::domain::model::approval::{Approval, ApprovalState, Gate};
use crate::domain::model::availability::AvailabilityFound;
use crate::domain::model::check::{Check, Risk};
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::customer::Customer;
use crate::domain::model::discount::{CreditDraw, Redemption};
use crate::domain::model::erasure::{Erased, LegalHold};
use crate::domain::model::etag::etag;
use crate::domain::model::evidence::{Attestation, Evidence, RiskAssessment};
use crate::domain::model::exchange::ExchangeOf;
use crate::domain::model::feedback::{Feedback, FollowUp};
use crate::domain::model::hand::Hand;
use crate::domain::model::hold::{Hold, HoldState};
use crate::domain::model::invoice::{Invoice, InvoiceState};
use crate::domain::model::labels::Labels;
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::LineCancellation;
use crate::domain::model::line_refund::LineRefund;
use crate::domain::model::message::{Message, MessageKind, SuppressionReason};
use crate::domain::model::note::OrderNote;
use crate::domain::model::order_change::{ChangeItem, OrderChange};
use crate::domain::model::payment::{Payment, PaymentState};
use crate::domain::model::policy::Allocation;
use crate::domain::model::promise::Promise;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::returns::Return;
use crate::domain::model::scalars::{
    Actor, Channel, OnLate, OnShortage, OrderChangeId, OrderId, RegionCode, ServiceLevel, ShipmentId, Sku,
    string_enum,
};
use crate::domain::model::seal::Link;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::slip::Slip;
use crate::domain::model::time::Timestamp;
use crate::domain::model::waiting::Waiting;

impl Order {
    /// The approval that counts for a gate: the latest one. What a change asks for again comes beside it.
    pub fn approval(&self, gate: Gate) -> Option<&Approval> {
        self.approvals.iter().rfind(|it| it.gate == gate && it.change.is_none())
    }

    /// Whether a change waits for an approval that it asked for again.
    pub fn awaits_approval_of_a_change(&self) -> bool {
        self.approvals.iter().any(|it| it.change.is_some() && it.state == ApprovalState::Pending)
    }

    pub fn has_pending_approval_of(&self, change: OrderChangeId) -> bool {
        self.approvals.iter().any(|it| it.change == Some(change) && it.state == ApprovalState::Pending)
    }

    /// The products that its open change may add units of.
    pub fn skus_of_open_change(&self) -> Vec<Sku> {
        let items = self.open_change().map_or(&[][..], |it| &it.items);
        let of_line = |number: i32| self.lines.iter().find(|it| it.number == number).map(|it| it.sku.clone());
        let sku_of = |item: &ChangeItem| match item {
            ChangeItem::AddLine(line) => Some(line.sku.clone()),
            ChangeItem::SetQuantity { line, .. } => of_line(*line),
            ChangeItem::RemoveLine { .. }
            | ChangeItem::SetInstructions(_)
            | ChangeItem::SetShippingAddress(_)
            | ChangeItem::SetService(_)
            | ChangeItem::SetDiscount(_) => None,
        };
        items.iter().filter_map(sku_of).collect()
    }

    pub fn open_change(&self) -> Option<&OrderChange> {
        self.changes.iter().find(|it| it.state.is_open())
    }
}

impl Order {
    /// When it stops waiting for stock: then what waits is called off, and is given none any more.
    pub(in crate::domain) fn wait_ends(&self) -> Option<Timestamp> {
        self.wait_until.or(self.waits_until).filter(|_| self.waits_for_stock())
    }

    /// Whether its open reservation began as a cart's.
    pub fn holds_a_cart(&self) -> bool {
        self.current_reservation().is_some_and(|it| it.taken_over_from.is_some())
    }

    pub fn current_reservation(&self) -> Option<&Reservation> {
        self.reservations.last().filter(|it| it.is_open())
    }

    pub(in crate::domain) fn open_reservation(&mut self) -> Option<&mut Reservation> {
        self.reservations.last_mut().filter(|it| it.is_open())
    }
}

impl Order {
    pub fn on_hold(&self) -> bool {
        self.holds.iter().any(|it| it.state == HoldState::Active)
    }

    /// The etag of this version.
    pub fn etag(&self) -> String {
        etag(self.version)
    }

    pub fn total_minor(&self) -> i64 {
        self.amounts.total_minor
    }

    pub fn captured_minor(&self) -> i64 {
        self.payments.iter().map(|it| it.captured_minor).sum()
    }

    /// Paid back, or about to be.
    pub fn refunded_minor(&self) -> i64 {
        self.payments.iter().map(Payment::refunded_minor).sum()
    }

    /// The invoice that counts: the latest one that supplements none.
    pub fn main_invoice(&self) -> Option<&Invoice> {
        self.invoices.iter().rfind(|it| it.supplements.is_none())
    }

    /// The invoice that counts, and those that supplement it.
    pub fn current_invoices(&self) -> impl Iterator<Item = &Invoice> {
        let main = self.main_invoice().map(|it| it.id);
        self.invoices.iter().filter(move |it| it.supplements.or(Some(it.id)) == main)
    }

    pub(in crate::domain) fn open_supplements(&self) -> impl Iterator<Item = &Invoice> {
        self.current_invoices().filter(|it| it.supplements.is_some() && it.state == InvoiceState::Open)
    }

    /// Whether something that a change added is invoiced and not paid.
    pub fn has_open_supplements(&self) -> bool {
        self.open_supplements().next().is_some()
    }

    /// What is still to be paid. Once the invoice is paid only what changes added may be: not more than their invoices have
    /// open, and than the order comes to beyond what was paid and stayed.
    pub fn due_minor(&self) -> i64 {
        // What the shop keeps for good, a fee or the money behind store credit, pays for nothing else.
        let stayed = self.captured_minor() - self.refunded_minor() - self.retained_minor();
        match self.main_invoice().map(|it| it.state) {
            Some(InvoiceState::Paid) => {
                // What was captured beyond one of them went back: it does not pay for another.
                let open = self.open_supplements().map(|it| self.uncaptured_of(it).max(0)).sum::<i64>();
                open.min(self.total_minor() - stayed).max(0)
            }
            Some(InvoiceState::Open) => (self.total_minor() - stayed).max(0),
            Some(InvoiceState::Void) | None => {
                let set_aside = self.store_credit.as_ref().map_or(0, |it| it.set_aside_minor);
                (self.total_minor() - self.captured_minor() - set_aside).max(0)
            }
        }
    }

    /// What of an invoice is neither credited nor captured by its own payments.
    pub(in crate::domain) fn uncaptured_of(&self, invoice: &Invoice) -> i64 {
        let own = self.payments.iter().filter(|it| it.invoice == invoice.id);
        let captured = own.map(|it| it.captured_minor).sum::<i64>();
        invoice.amounts.total_minor - self.credited_of(invoice) - captured
    }

    /// The part of what is due that one invoice has: the newest have theirs whole.
    pub fn due_of(&self, invoice: &Invoice) -> i64 {
        let mut left = self.due_minor();
        for it in self.invoices.iter().rev().filter(|it| it.state == InvoiceState::Open) {
            let own = left.min(match it.supplements {
                Some(_) => self.uncaptured_of(it).max(0),
                None => left,
            });
            if it.id == invoice.id {
                return own;
            }
            left -= own;
        }
        0
    }

    /// What credit notes have taken off one of its invoices.
    pub fn credited_of(&self, invoice: &Invoice) -> i64 {
        let notes = self.credit_notes.iter().filter(|it| it.invoice == invoice.id);
        notes.map(|it| it.amounts.total_minor).sum()
    }

    /// What credit notes have taken off its invoice.
    pub fn credited_minor(&self) -> i64 {
        self.credit_notes.iter().map(|it| it.amounts.total_minor).sum()
    }

    /// The total of its invoices; before there is one, what it comes to.
    pub fn invoiced_minor(&self) -> i64 {
        match self.main_invoice() {
            Some(_) => self.current_invoices().map(|it| it.amounts.total_minor).sum(),
            None => self.total_minor(),
        }
    }

    /// Whether it ended early and was paid before: then all that this invoice had is credited, and nothing of it is sold.
    pub fn is_called_off(&self, invoice: &Invoice) -> bool {
        self.ended_early().is_some() && invoice.state == InvoiceState::Paid
    }

    /// Units of a line in returns that were neither declined nor cancelled.
    pub fn returned_units(&self, line: i32) -> i64 {
        let lines = self.returns.iter().filter(|it| it.counts()).flat_map(|it| &it.lines);
        lines.filter(|it| it.line == line).map(|it| it.quantity).sum()
    }

    /// What of the credited money stays with the shop for good: fees, and what was given as store credit.
    pub fn retained_minor(&self) -> i64 {
        self.line_refunds.iter().map(|it| it.retained_minor).sum()
    }

    /// What it has of the store credit that it named: set aside, or paid with it and not paid back.
    pub fn credit_held_minor(&self) -> i64 {
        let set_aside = self.store_credit.as_ref().map_or(0, |it| it.set_aside_minor);
        let paid = self.payments.iter().filter(|it| it.is_by_credit());
        set_aside + paid.map(Payment::refundable_minor).sum::<i64>()
    }

    /// What of an invoice was paid with store credit when it was issued.
    pub fn paid_by_credit(&self, invoice: &Invoice) -> i64 {
        let own = self.payments.iter().filter(|it| it.invoice == invoice.id && it.is_by_credit());
        own.map(|it| it.captured_minor).sum()
    }

    /// The code that it named, as those see it who read the order: a store credit is as good as money, so they see its end
    /// only.
    pub fn shown_code(&self) -> Option<String> {
        // What came back pays for an exchange: nobody named a code.
        let named = self.store_credit.as_ref().filter(|_| self.exchange_of.is_none());
        let credit = named.map(|it| it.code.masked());
        credit.or_else(|| self.redemption.as_ref().map(|it| it.code.to_string()))
    }

    /// The return that a letter is about; of one that names none the last.
    pub fn return_told(&self, message: &Message) -> Option<&Return> {
        let numbered = self.returns.iter().find(|it| i64::from(it.number) == message.sequence);
        numbered.or_else(|| self.returns.last().filter(|_| message.sequence == 0))
    }

    /// The refunds that customers are told of: not those of what came back for an exchange, since then that order pays back.
    pub fn told_refunds(&self) -> impl Iterator<Item = &Refund> {
        let tells = move |it: &&Payment| self.exchange_of.is_none() || !it.is_by_credit();
        let refunds = self.payments.iter().filter(tells).flat_map(|it| &it.refunds);
        refunds.filter(|it| it.state == RefundState::Succeeded)
    }

    /// What was credited for units that were paid back by line.
    pub fn refunded_value_minor(&self) -> i64 {
        self.line_refunds.iter().map(|it| it.value_minor).sum()
    }

    /// What was captured beyond what is to be paid, and is neither retained nor on its way back.
    pub fn surplus_minor(&self) -> i64 {
        (self.captured_minor() - self.refunded_minor() - self.total_minor() - self.retained_minor()).max(0)
    }

    /// What was captured, is neither paid back nor about to be, and is to be: of an order that ended early all but what the
    /// shop keeps, of any other what it does not come to any more.
    pub fn owed_back_minor(&self) -> i64 {
        match self.ended_early() {
            Some(_) => (self.captured_minor() - self.refunded_minor() - self.retained_minor()).max(0),
            None => self.surplus_minor(),
        }
    }

    /// Whether it is out of the way of the day's work.
    pub fn is_archived(&self) -> bool {
        self.state == OrderState::Archived
    }

    /// Whether money or messages are still under way outside.
    pub fn has_open_money(&self) -> bool {
        self.payments.iter().any(|it| {
            it.request.is_some()
                || it.state == PaymentState::Authorized
                || it.refunds.iter().any(|refund| refund.state == RefundState::Pending)
        })
    }

    pub fn is_over(&self) -> bool {
        match self.state {
            OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => true,
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered => false,
        }
    }

    /// How the order ended before it was fulfilled, if it did.
    pub fn ended_early(&self) -> Option<OrderState> {
        let state = self.archived_from.unwrap_or(self.state);
        match state {
            OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => Some(state),
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived => None,
        }
    }

    pub fn shipment_index(&self, id: ShipmentId) -> Result<usize, Refusal> {
        self.shipments.iter().position(|it| it.id == id).ok_or_else(|| Refusal::not_found("shipment", id))
    }

    /// Whether a courier is to come for one of its shipments.
    pub fn awaits_courier(&self) -> bool {
        self.shipments.iter().any(|it| it.state == ShipmentState::CourierAssigned)
    }

    /// The delivery that the customer was told of a shipment by the nth letter with a new date; 0: by the promise.
    pub fn delivery_told(&self, shipment: &Shipment, nth: usize) -> Option<Timestamp> {
        match nth.checked_sub(1) {
            None if shipment.brings_rest => shipment.promised_by,
            None => self.last_promise_told().or(shipment.promised_by),
            Some(index) => shipment.told.get(index).copied(),
        }
    }

    /// The delivery that the customer was told by the nth letter with a new promise; 0: by the first.
    pub fn nth_promise_told(&self, nth: usize) -> Option<Timestamp> {
        match nth.checked_sub(1) {
            None => self.promise_told,
            Some(index) => self.promises_told.get(index).copied(),
        }
    }

    /// Whether the nth letter with a new promise was not sent, as that was old by then, and none told that it was missed.
    pub(in crate::domain) fn is_promise_unread(&self, nth: usize) -> bool {
        let is_nth = |it: &&Message| usize::try_from(it.sequence).is_ok_and(|it| it == nth);
        let mut about_it = self.messages.iter().filter(|it| it.shipment.is_none()).filter(is_nth);
        let is_old = |it: &Message| it.suppressed == Some(SuppressionReason::Outdated);
        let is_unsent = |it: &Message| it.kind == MessageKind::PromiseChanged && is_old(it);
        about_it.clone().any(is_unsent) && !about_it.any(|it| it.kind == MessageKind::PromiseMissed)
    }

    /// The promise that the customer went by when there were so many letters with a new one: the last that was sent, or the
    /// first promise.
    pub(in crate::domain) fn promise_read(&self, letters: usize) -> Option<Timestamp> {
        let read = (0..=letters).rev().find(|it| !self.is_promise_unread(*it))?;
        self.nth_promise_told(read)
    }

    /// The promise that the customer was told last.
    pub(in crate::domain) fn last_promise_told(&self) -> Option<Timestamp> {
        self.promises_told.last().copied().or(self.promise_told)
    }

    /// The slips that were noticed and stand, its shipments' included.
    pub fn noticed_slips(&self) -> impl Iterator<Item = &Slip> {
        self.slips.iter().chain(self.shipments.iter().flat_map(|it| &it.slips))
    }

    /// Whether a slip stands.
    pub fn is_late(&self) -> bool {
        self.noticed_slips().next().is_some()
    }

    /// Since when the slip stands that has stood longest.
    pub fn slipped_since(&self) -> Option<Timestamp> {
        self.noticed_slips().map(|it| it.since).min()
    }

    /// The shipments that count: all but cancelled ones.
    pub fn live_shipments(&self) -> impl Iterator<Item = &Shipment> {
        self.shipments.iter().filter(|it| it.state != ShipmentState::Cancelled)
    }

    /// The shipments that somebody still waits for, or waited for and got.
    pub fn wanted_shipments(&self) -> impl Iterator<Item = &Shipment> {
        self.live_shipments().filter(|it| !it.is_given_up())
    }
}

string_enum! {
    pub enum OrderState {
        Received = "RECEIVED",
        Verified = "VERIFIED",
        AwaitingStock = "AWAITING_STOCK",
        Reserved = "RESERVED",
        ReservationApproved = "RESERVATION_APPROVED",
        Invoiced = "INVOICED",
        PaymentCaptured = "PAYMENT_CAPTURED",
        PaymentApproved = "PAYMENT_APPROVED",
        Fulfilling = "FULFILLING",
        PartiallyShipped = "PARTIALLY_SHIPPED",
        Shipped = "SHIPPED",
        PartiallyDelivered = "PARTIALLY_DELIVERED",
        Delivered = "DELIVERED",
        Closed = "CLOSED",
        Archived = "ARCHIVED",
        Rejected = "REJECTED",
        Cancelled = "CANCELLED",
        Expired = "EXPIRED",
    }
}

/// One order with all its parts. The parts are loaded, decided upon and saved together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    /// For people, rising, may have gaps; 0 only until the writer has numbered it, just before it is stored.
    pub number: i64,
    /// Rises with every change; the etag.
    pub version: i64,
    /// The sequence of the last event.
    pub last_event: i64,
    pub state: OrderState,
    /// For an archived order: the state before.
    pub archived_from: Option<OrderState>,
    pub channel: Channel,
    /// The caller's own number, unique per channel; empty: none.
    pub external_reference: String,
    pub customer: Customer,
    pub shipping_address: Address,
    /// None: as the shipping address.
    pub billing_address: Option<Address>,
    /// None while the country is not served.
    pub region: Option<RegionCode>,
    pub lines: Vec<OrderLine>,
    pub amounts: Amounts,
    /// The discount on the whole order: as asked for, or what its code gives; its shares are in the lines.
    pub discount: Option<Discount>,
    /// The discount code that it redeems.
    pub redemption: Option<Redemption>,
    /// The store credit that it is paid with, as far as that goes.
    #[serde(default)]
    pub store_credit: Option<CreditDraw>,
    /// At most 1,000 characters.
    pub special_instructions: String,
    pub service: ServiceLevel,
    pub on_shortage: OnShortage,
    /// How locations are chosen, as the caller said; None: as settings say for the region.
    #[serde(default)]
    pub allocation: Option<Allocation>,
    /// The caller's own lifetime for the reservation; None: as settings say.
    pub reservation_lifetime_seconds: Option<u64>,
    /// When the customer would like it.
    pub requested_by: Option<Timestamp>,
    /// What to do when that cannot be met.
    pub on_late: OnLate,
    /// Until when it waits for stock, as its caller said. None: as settings say.
    pub wait_until: Option<Timestamp>,
    /// What the customer was promised: what can be kept, or the requested date if that is later. It follows `promise`
    /// until the order is being prepared.
    pub promised_by: Option<Timestamp>,
    /// When it arrives, as it was last looked at. None: nothing is reserved yet.
    pub promise: Option<Promise>,
    pub risk: Risk,
    /// Why the risk is what it is.
    pub risk_reasons: Vec<String>,
    pub checks: Vec<Check>,
    pub availability: Option<AvailabilityFound>,
    /// Equal for orders of the same customer for the same goods: SHA-256, hex.
    pub fingerprint: String,
    pub holds: Vec<Hold>,
    /// The last one is the current one.
    pub reservations: Vec<Reservation>,
    pub approvals: Vec<Approval>,
    /// The last one is the current one; earlier ones are void.
    pub invoices: Vec<Invoice>,
    pub payments: Vec<Payment>,
    pub shipments: Vec<Shipment>,
    pub messages: Vec<Message>,
    pub feedback: Option<Feedback>,
    pub cancel_reason: String,
    pub created_by: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
    /// The delivery that was promised first: what the customer goes by until a letter says otherwise.
    #[serde(default)]
    pub promise_told: Option<Timestamp>,
    /// The slips of its approvals and payments that were noticed and stand.
    #[serde(default)]
    pub slips: Vec<Slip>,
    /// What outside services said of the verification, oldest first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What people said of rules that found something, at most one word per rule.
    #[serde(default)]
    pub attestations: Vec<Attestation>,
    /// What outside services said of the risk, oldest first.
    #[serde(default)]
    pub assessments: Vec<RiskAssessment>,
    /// None: it waits for nobody.
    #[serde(default)]
    pub waiting: Option<Waiting>,
    /// When it was last brought back from the archive.
    pub restored_at: Option<Timestamp>,
    /// In the words of who brought it back.
    pub restore_reason: String,
    /// The promises that letters told after the first, as long as there were no shipments.
    #[serde(default)]
    pub promises_told: Vec<Timestamp>,
    /// The kinds of messages that the customer does not want.
    #[serde(default)]
    pub unwanted_messages: BTreeSet<MessageKind>,
    /// What a bad rating asks for.
    #[serde(default)]
    pub follow_up: Option<FollowUp>,
    /// What of its invoice is not to be paid any more, oldest first.
    #[serde(default)]
    pub credit_notes: Vec<CreditNote>,
    /// What was cancelled of its lines, call by call, oldest first.
    #[serde(default)]
    pub line_cancellations: Vec<LineCancellation>,
    /// The caller's own words, by which it is found again.
    #[serde(default)]
    pub labels: Labels,
    /// What people wrote on it, oldest first.
    #[serde(default)]
    pub notes: Vec<OrderNote>,
    /// The changes that were asked for since it was sold, oldest first.
    #[serde(default)]
    pub changes: Vec<OrderChange>,
    /// What was paid back for units of its lines, call by call, oldest first.
    #[serde(default)]
    pub line_refunds: Vec<LineRefund>,
    /// What came back of it or is to, oldest first.
    #[serde(default)]
    pub returns: Vec<Return>,
    /// The customer that it names, as they were when it was received.
    #[serde(default)]
    pub named: Option<NamedCustomer>,
    /// What it was made in exchange for. None: it is a purchase.
    #[serde(default)]
    pub exchange_of: Option<ExchangeOf>,
    /// Why its customer's data is not to be erased. None: it may be.
    #[serde(default)]
    pub legal_hold: Option<Box<LegalHold>>,
    /// None: the customer's data is there.
    #[serde(default)]
    pub erased: Option<Box<Erased>>,
    /// Who had a hand in it, in the order in which they first did.
    #[serde(default)]
    pub hands: Vec<Hand>,
    /// The link of its last event: the end of their chain.
    #[serde(default)]
    pub last_link: Link,
    /// When the customer goes by that the units come which wait while others go. None: none wait, or no letter named a date.
    #[serde(default)]
    pub rest_date_told: Option<Timestamp>,
    /// The version of the master key under which it is sealed in the archive. None: it stands in the open.
    #[serde(default)]
    pub sealed: Option<u32>,
    /// Until when it waits for stock, as settings had it when it began to. None: it does not wait, its caller said until when,
    /// or it waits as long as it takes.
    #[serde(default)]
    pub waits_until: Option<Timestamp>,
}
