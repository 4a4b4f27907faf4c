//! Steps 18 to 20, and the ways an order ends early: cancelled, rejected, expired.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{born, cut, moved};
use super::pay::FAILURE_MAX;
use super::{
    Actor, ApprovalState, Ask, Desk, EventKind, FeedbackState, InvoiceState, LocationCode, Message,
    MessageId, MessageKind, MessageState, Order, OrderState, Payment, PaymentId, Reason, Refund, RefundId,
    RefundState, Refusal, Replenishment, ReplenishmentId, ReplenishmentState, ReservationState, Rules,
    ShipmentState, Sku, Timestamp, Unsent, backoff,
};

/// The caller that asked a provider gets this long before a worker takes over.
const CALLER_GRACE: Duration = Duration::from_secs(10);
/// How long the reason of an early end may be, in characters.
const END_REASON_MAX: usize = 1_000;
/// The longest pause between two tries of the same errand.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The longest pause between two tries of a letter: a mail relay may be away for hours.
const LETTER_PAUSE_MAX: Duration = Duration::from_secs(300);
/// No letter is given up after fewer tries than this, however old it is: we may have been away ourselves.
const LETTER_ATTEMPTS_MIN: u32 = 8;

impl Order {
    /// Ends the order before anything was handed over, undoing stock, money, labels and messages in one plan.
    pub fn cancel(&mut self, desk: &mut Desk, reason: &str) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Cancelled)
            || self.live_shipments().any(|it| it.handover.is_some())
        {
            return Err(self.out_of_turn("cancel"));
        }
        self.undo(desk, OrderState::Cancelled, reason)
    }

    /// The hold ran out before the order was paid.
    pub(super) fn expire(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        // Whoever needed the stock did not expire the order.
        let caller = std::mem::replace(&mut desk.actor, Actor::system());
        let done = self.undo(desk, OrderState::Expired, "not paid while stock was held");
        desk.actor = caller;
        done
    }

    /// One plan for every early end. What the provider still has to do is asked for, not awaited.
    pub(super) fn undo(&mut self, desk: &mut Desk, to: OrderState, reason: &str) -> Result<(), Refusal> {
        let (kind, message, reservation_to) = match to {
            OrderState::Expired => {
                (EventKind::OrderExpired, MessageKind::OrderExpired, ReservationState::Expired)
            }
            OrderState::Rejected => {
                (EventKind::OrderRejected, MessageKind::OrderRejected, ReservationState::Released)
            }
            _ => (EventKind::OrderCancelled, MessageKind::OrderCancelled, ReservationState::Released),
        };
        if self.state == OrderState::AwaitingStock {
            self.stop_waiting(desk);
        }
        self.cancel_reason = cut(reason.to_owned(), END_REASON_MAX);
        self.go(desk, to, kind, reason)?;

        let held = self.current_reservation().is_some_and(|it| it.state == ReservationState::Held);
        self.release_reservation(desk, if held { reservation_to } else { ReservationState::Released })?;
        self.release_holds(desk, |_| true, "the order is over")?;
        for place in 0..self.approvals.len() {
            if self.approvals[place].state == ApprovalState::Pending {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(desk, place, ApprovalState::Withdrawn, kind, "the order is over")?;
            }
        }
        for place in 0..self.invoices.len() {
            let invoice = &mut self.invoices[place];
            if invoice.state == InvoiceState::Open {
                let step = moved(invoice.id.0, invoice.state, InvoiceState::Void)?;
                invoice.state = InvoiceState::Void;
                invoice.settled_at = Some(desk.now);
                self.tell(desk, EventKind::InvoiceVoided, Some(step), "void: nothing is to be paid");
            }
        }
        for place in 0..self.shipments.len() {
            let shipment = &mut self.shipments[place];
            if shipment.state != ShipmentState::Cancelled {
                let step = moved(shipment.id.0, shipment.state, ShipmentState::Cancelled)?;
                shipment.state = ShipmentState::Cancelled;
                let text = format!("shipment {} cancelled, its label is void", shipment.number);
                self.touch_shipment(desk, place);
                self.tell(desk, EventKind::ShipmentCancelled, Some(step), text);
            }
        }
        self.pay_back(desk)?;
        self.suppress_messages(desk)?;
        self.notify(desk, message, None, 0);
        Ok(())
    }

    fn suppress_messages(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        for place in 0..self.messages.len() {
            let message = &mut self.messages[place];
            if message.state == MessageState::Queued && message.kind != MessageKind::RefundIssued {
                let step = moved(message.id.0, message.state, MessageState::Suppressed)?;
                message.state = MessageState::Suppressed;
                let text = format!("message {} not sent: the order is over", message.kind);
                self.tell(desk, EventKind::MessageSuppressed, Some(step), text);
            }
        }
        Ok(())
    }

    /// Step 18, asked for by a person: everything is done and nothing is owed.
    pub fn close(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Closed) {
            return Err(self.out_of_turn("close"));
        }
        let open = self.why_open();
        if !open.is_empty() {
            let message = format!("the order is not finished: {}", open.join("; "));
            return Err(self.unmet(Reason::OrderNotClosable, message));
        }
        if let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) {
            let step = moved(self.id.0, feedback.state, FeedbackState::Expired)?;
            feedback.state = FeedbackState::Expired;
            self.tell_automatic(desk, EventKind::FeedbackExpired, Some(step), "closed without feedback");
        }
        self.closed_at = Some(desk.now);
        self.go(desk, OrderState::Closed, EventKind::OrderClosed, "nothing is open any more")
    }

    /// What still keeps a delivered order open, in words.
    pub fn why_open(&self) -> Vec<String> {
        let mut open = Vec::new();
        if self.on_hold() {
            open.push("a hold is active".to_owned());
        }
        if self.approvals.iter().any(|it| it.state == ApprovalState::Pending) {
            open.push("an approval is pending".to_owned());
        }
        if self.has_open_money() {
            open.push("a payment or refund is under way".to_owned());
        }
        if self.due_minor() != 0 {
            open.push(format!("{} are due", self.amounts.currency.of(self.due_minor())));
        }
        for shipment in self.live_shipments() {
            match shipment.state {
                ShipmentState::Delivered => {}
                ShipmentState::Returned | ShipmentState::Lost => {}
                state => open.push(format!("shipment {} is {state}", shipment.number)),
            }
        }
        let lost = self.undelivered_value_minor();
        let paid_back: i64 =
            self.payments.iter().flat_map(|it| &it.refunds).fold(0, |sum, it| match it.state {
                RefundState::Succeeded => sum + it.amount.minor,
                RefundState::Pending | RefundState::Failed => sum,
            });
        if lost > paid_back {
            let missing = self.amounts.currency.of(lost - paid_back);
            open.push(format!("{missing} of returned or lost goods are not paid back"));
        }
        open
    }

    /// What the customer paid for goods that ended returned or lost, to the minor unit below.
    fn undelivered_value_minor(&self) -> i64 {
        let mut value: i64 = 0;
        for shipment in self.live_shipments() {
            if !matches!(shipment.state, ShipmentState::Returned | ShipmentState::Lost) {
                continue;
            }
            for item in &shipment.items {
                if let Some(line) = self.lines.iter().find(|it| it.number == item.line) {
                    let share = i128::from(line.amounts.total_minor) * i128::from(item.quantity)
                        / i128::from(line.quantity.max(1));
                    value = value.saturating_add(i64::try_from(share).unwrap_or(i64::MAX));
                }
            }
        }
        value
    }

    /// Step 19, with step 20 before it: looks after the shelves, then leaves the hot tables.
    pub fn archive(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        if !self.state.may_become(OrderState::Archived) {
            return Err(self.out_of_turn("archive"));
        }
        let open = self.why_not_archivable();
        if !open.is_empty() {
            let message = format!("the order cannot be archived yet: {}", open.join("; "));
            return Err(self.unmet(Reason::NotArchivable, message));
        }

        self.archived_from = Some(self.state);
        self.archived_at = Some(desk.now);
        self.go(desk, OrderState::Archived, EventKind::OrderArchived, "moved to the archive")?;
        self.restock(desk);
        Ok(())
    }

    /// What still keeps an order that is over out of the archive, in words.
    pub fn why_not_archivable(&self) -> Vec<String> {
        let mut open = Vec::new();
        if self.has_open_money() {
            open.push("a payment or refund is under way".to_owned());
        }
        let kept = self.captured_minor() - self.refunded_minor();
        if self.state != OrderState::Closed && kept > 0 {
            open.push(format!("{} of a refused refund are to be paid back", self.amounts.currency.of(kept)));
        }
        if self.messages.iter().any(|it| it.state == MessageState::Queued) {
            open.push("a message to the customer is waiting to be sent".to_owned());
        }
        open
    }

    /// Step 20: what this order took below its reorder point is proposed to be bought again.
    fn restock(&mut self, desk: &mut Desk) {
        let places: BTreeSet<(Sku, LocationCode)> = self
            .reservations
            .iter()
            .flat_map(|it| &it.items)
            .filter(|it| it.consumed > 0)
            .map(|it| (it.sku.clone(), it.location.clone()))
            .collect();
        let mut proposed = 0;
        for (sku, location) in &places {
            if let Some(id) = propose_replenishment(desk, sku, location, Some(self.id)) {
                proposed += 1;
                let step = born(id.0, ReplenishmentState::Proposed);
                let text = format!("{id}: {sku} at {location} is below its reorder point");
                self.tell_automatic(desk, EventKind::ReplenishmentProposed, Some(step), text);
            }
        }
        let text = format!("{} shelves looked after, {proposed} replenishments proposed", places.len());
        self.tell_automatic(desk, EventKind::RestockChecked, None, text);
    }

    /// When a worker has something to do for this order.
    pub fn due_at(&self, rules: &Rules) -> Option<Timestamp> {
        let asks = self.payments.iter().filter_map(ask_due_at);
        let refunds = self.refunds_under_way().map(refund_due_at);
        let messages = self.messages.iter().filter(|it| it.state == MessageState::Queued).map(|it| it.due_at);
        asks.chain(refunds).chain(messages).chain(self.next_deadline(rules)).min()
    }

    /// When the next thing happens by itself: a hold or approval ends, the order closes or is archived.
    fn next_deadline(&self, rules: &Rules) -> Option<Timestamp> {
        let approvals = self
            .approvals
            .iter()
            .filter(|it| it.state == ApprovalState::Pending)
            .filter_map(|it| it.expires_at);
        let hold = self
            .current_reservation()
            .filter(|it| it.state == ReservationState::Held)
            .and_then(|it| it.expires_at);
        let close = (self.state.may_become(OrderState::Closed) && self.why_open().is_empty()).then(|| {
            let settled_since = self.delivered_at.unwrap_or(self.updated_at);
            settled_since.plus(Duration::from_secs(rules.close_after_seconds))
        });
        let may_archive = self.state.may_become(OrderState::Archived) && self.why_not_archivable().is_empty();
        let archive = may_archive.then(|| {
            let over_since = self.closed_at.unwrap_or(self.updated_at);
            over_since.plus(Duration::from_secs(rules.archive_after_seconds))
        });
        approvals.chain(hold).chain(close).chain(archive).min()
    }

    /// Whether something is to happen by itself now: what [`Order::tend`] does.
    pub fn has_come_due(&self, rules: &Rules, now: Timestamp) -> bool {
        self.next_deadline(rules).is_some_and(|it| it <= now)
    }

    /// Does what has come due by itself. Late or twice, it changes nothing more.
    pub fn tend(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        if self.current_reservation().is_some_and(|it| it.is_overdue(desk.now)) {
            return self.expire(desk);
        }
        let late = |it: &super::Approval| {
            it.state == ApprovalState::Pending && it.expires_at.is_some_and(|at| at <= desk.now)
        };
        if let Some(place) = self.approvals.iter().position(late) {
            let kind = EventKind::ApprovalExpired;
            self.end_approval(desk, place, ApprovalState::Expired, kind, "nobody decided in time")?;
            return self.undo(desk, OrderState::Rejected, "an approval expired");
        }
        if self.has_come_due(desk.rules, desk.now) {
            if self.state.may_become(OrderState::Closed) {
                return self.close(desk);
            }
            if self.is_over() {
                return self.archive(desk);
            }
        }
        Ok(())
    }

    /// What has to be done outside now. Each errand carries its key, so that doing it twice has one effect.
    pub fn errands(&self, now: Timestamp) -> Vec<Errand> {
        let asks = self.payments.iter().filter_map(|it| {
            let ask = it.ask()?;
            (ask_due_at(it)? <= now).then_some(Errand::Payment(it.id, ask))
        });
        let refunds = self
            .refunds_under_way()
            .filter(|it| it.attempts == 0 || refund_due_at(it) <= now)
            .map(|it| Errand::Refund(it.id));
        // When one letter goes, those go with it that wait for their first try only to have company.
        let queued = || self.messages.iter().filter(|it| it.state == MessageState::Queued);
        let one_goes = queued().any(|it| it.due_at <= now);
        let goes_along = |it: &Message| it.attempts == 0 && it.kind.waits() > Duration::ZERO;
        let messages = queued().filter(|it| it.due_at <= now || (one_goes && goes_along(it)));
        asks.chain(refunds).chain(messages.map(|it| Errand::Message(it.id))).collect()
    }

    /// Refunds that the provider has not answered for good.
    fn refunds_under_way(&self) -> impl Iterator<Item = &Refund> {
        let refunds = self.payments.iter().filter(|it| it.is_by_provider()).flat_map(|it| &it.refunds);
        refunds.filter(|it| it.state == RefundState::Pending)
    }

    /// A message was sent, or could not be. One that may go later waits with growing pauses until it is too old.
    pub fn answer_message(
        &mut self,
        desk: &mut Desk,
        id: MessageId,
        sent: Result<(), Unsent>,
    ) -> Result<(), Refusal> {
        let place = self
            .messages
            .iter()
            .position(|it| it.id == id)
            .ok_or_else(|| Refusal::not_found("message", id))?;
        let lifetime = desk.rules.message_lifetime();
        let message = &mut self.messages[place];
        if message.state != MessageState::Queued {
            return Ok(());
        }
        message.attempts += 1;
        message.failure =
            sent.as_ref().err().map(|it| cut(it.why().to_owned(), FAILURE_MAX)).unwrap_or_default();
        let (to, kind) = match sent {
            Ok(()) => {
                message.sent_at = Some(desk.now);
                (MessageState::Sent, EventKind::MessageSent)
            }
            Err(Unsent::Later(_)) => {
                let gives_up_at = message.created_at.plus(lifetime);
                let next = desk.now.plus(backoff(message.attempts, LETTER_PAUSE_MAX));
                if desk.now < gives_up_at {
                    message.due_at = next.min(gives_up_at);
                    return Ok(());
                }
                if message.attempts < LETTER_ATTEMPTS_MIN {
                    message.due_at = next;
                    return Ok(());
                }
                (MessageState::Failed, EventKind::MessageFailed)
            }
            Err(Unsent::Refused(_)) => (MessageState::Failed, EventKind::MessageFailed),
            Err(Unsent::Suppressed(_)) => (MessageState::Suppressed, EventKind::MessageSuppressed),
        };
        let step = moved(id.0, message.state, to)?;
        message.state = to;
        let text = match message.failure.as_str() {
            "" => format!("message {} {to}", message.kind),
            why => format!("message {} {to}: {why}", message.kind),
        };
        self.tell_automatic(desk, kind, Some(step), text);
        Ok(())
    }

    /// Why a message that has waited is not worth sending any more: what it tells is not so now.
    pub fn outdates(&self, message: &Message) -> Option<&'static str> {
        let arrived = || {
            let shipment = self.shipments.iter().find(|it| Some(it.id) == message.shipment);
            shipment.is_some_and(|it| it.state == ShipmentState::Delivered)
        };
        match message.kind {
            MessageKind::OnHold => (!self.on_hold()).then_some("the hold is over"),
            MessageKind::AwaitingStock => {
                (self.state != OrderState::AwaitingStock).then_some("the order does not wait for stock now")
            }
            MessageKind::OutForDelivery
            | MessageKind::DeliveryDelayed
            | MessageKind::DeliveryException
            | MessageKind::DeliveryAttempted
            | MessageKind::ReadyForPickup
            | MessageKind::LocationChanged => arrived().then_some("the parcel has been delivered"),
            MessageKind::OrderReceived
            | MessageKind::InvoiceIssued
            | MessageKind::PaymentReceived
            | MessageKind::Shipped
            | MessageKind::DeliveryConfirmed
            | MessageKind::OrderCancelled
            | MessageKind::OrderExpired
            | MessageKind::OrderRejected
            | MessageKind::RefundIssued => None,
        }
    }

    /// A waiting order takes its stock if it is its turn; says whether it did.
    pub fn fill(&mut self, desk: &mut Desk) -> Result<bool, Refusal> {
        if self.state != OrderState::AwaitingStock || self.on_hold() {
            return Ok(false);
        }
        self.reserve(desk)?;
        Ok(self.state != OrderState::AwaitingStock)
    }
}

/// Something to be done outside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    Payment(PaymentId, Ask),
    Refund(RefundId),
    Message(MessageId),
}

/// When a worker asks the provider, if something is open: the caller itself is first to ask.
fn ask_due_at(payment: &Payment) -> Option<Timestamp> {
    let pause = match payment.attempts {
        0 => CALLER_GRACE,
        attempts => backoff(attempts, PAUSE_MAX),
    };
    payment.request.map(|it| it.asked_at.plus(pause))
}

fn refund_due_at(refund: &Refund) -> Timestamp {
    match refund.attempts {
        0 => refund.asked_at,
        attempts => refund.asked_at.plus(backoff(attempts, PAUSE_MAX)),
    }
}

/// Proposes to buy a product again if too little of it is available and nothing is on its way.
pub(super) fn propose_replenishment(
    desk: &mut Desk,
    sku: &Sku,
    location: &LocationCode,
    order: Option<super::OrderId>,
) -> Option<ReplenishmentId> {
    let level = desk.level(sku, location)?;
    let point = level.reorder_point?;
    let available = level.available();
    if available >= point || desk.open_replenishment(sku, location).is_some() {
        return None;
    }

    let target = level.reorder_up_to.unwrap_or(point).max(point);
    let id: ReplenishmentId = desk.ids.fresh();
    desk.changes.open_replenishments.insert((sku.clone(), location.clone()), Some(id));
    desk.keep_replenishment(Replenishment {
        id,
        version: 0,
        sku: sku.clone(),
        location: location.clone(),
        quantity: target - available,
        received: 0,
        state: ReplenishmentState::Proposed,
        order,
        reason: format!("{available} available, reorder point {point}, up to {target}"),
        created_at: desk.now,
        updated_at: desk.now,
        decided_by: None,
    });
    Some(id)
}
