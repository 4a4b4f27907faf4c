//! How every decision about an order is written down: the step of a machine, the event, the message.

use uuid::Uuid;

use super::states::State;
use super::{
    Actor, Desk, Event, EventKind, HoldState, Message, MessageId, MessageKind, MessageState, Order,
    OrderState, Part, PaymentState, Reason, Recipient, RefundState, Refusal, ReservationState, ShipmentId,
    ShipmentState, Timestamp, Transition,
};

/// How long the text of an event may be, in characters; the whole is in the parts that it is about.
const EVENT_TEXT_MAX: usize = 1_000;

/// The text, cut to so many characters.
pub(super) fn cut(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
    text
}

/// The step of a machine, if its table has it. What may be done instead, the subject's owner knows.
pub(super) fn moved<S: State>(subject: impl Into<Uuid>, from: S, to: S) -> Result<Transition, Refusal> {
    if !from.next().contains(&to) {
        return Err(Refusal::Unmet {
            reason: Reason::IllegalTransition,
            message: format!("{} is {from} and cannot become {to}", S::MACHINE.as_str().to_lowercase()),
            state: Some(from.as_str()),
            legal: Vec::new(),
        });
    }
    Ok(Transition {
        machine: S::MACHINE,
        subject: subject.into(),
        from: from.to_string(),
        to: to.to_string(),
    })
}

/// The first state of a new subject.
pub(super) fn born<S: State>(subject: impl Into<Uuid>, first: S) -> Transition {
    Transition { machine: S::MACHINE, subject: subject.into(), from: String::new(), to: first.to_string() }
}

impl Order {
    /// Writes down that the caller did something.
    pub(super) fn tell(
        &mut self,
        desk: &mut Desk,
        kind: EventKind,
        step: Option<Transition>,
        text: impl Into<String>,
    ) {
        let actor = desk.actor.clone();
        self.record(desk, actor, kind, step, text.into());
    }

    /// Writes down that policy or a worker did something.
    pub(super) fn tell_automatic(
        &mut self,
        desk: &mut Desk,
        kind: EventKind,
        step: Option<Transition>,
        text: impl Into<String>,
    ) {
        self.record(desk, Actor::system(), kind, step, text.into());
    }

    fn record(
        &mut self,
        desk: &mut Desk,
        actor: Actor,
        kind: EventKind,
        step: Option<Transition>,
        text: String,
    ) {
        self.last_event += 1;
        desk.changes.events.push(Event {
            order: self.id,
            sequence: self.last_event,
            at: desk.now,
            actor,
            kind,
            transition: step,
            text: cut(text, EVENT_TEXT_MAX),
        });
    }

    /// Moves the order itself, as done by the caller.
    pub(super) fn go(
        &mut self,
        desk: &mut Desk,
        to: OrderState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let step = self.step_to(to)?;
        self.tell(desk, kind, Some(step), text);
        Ok(())
    }

    /// Moves the order itself, as policy has it.
    pub(super) fn go_automatic(
        &mut self,
        desk: &mut Desk,
        to: OrderState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let step = self.step_to(to)?;
        self.tell_automatic(desk, kind, Some(step), text);
        Ok(())
    }

    fn step_to(&mut self, to: OrderState) -> Result<Transition, Refusal> {
        let step = moved(self.id.0, self.state, to).map_err(|it| it.instead(|| self.available_actions()))?;
        self.state = to;
        Ok(step)
    }

    /// Queues what the customer is told, once per key.
    pub(super) fn notify(
        &mut self,
        desk: &mut Desk,
        kind: MessageKind,
        shipment: Option<ShipmentId>,
        sequence: i64,
    ) {
        let due_at = desk.now.plus(kind.waits());
        self.notify_at(desk, kind, shipment, sequence, due_at);
    }

    /// The same, with a letter that is not to be sent before this.
    pub(super) fn notify_at(
        &mut self,
        desk: &mut Desk,
        kind: MessageKind,
        shipment: Option<ShipmentId>,
        sequence: i64,
        due_at: Timestamp,
    ) {
        let key = match shipment {
            Some(shipment) if sequence > 0 => format!("{kind}/{shipment}/{sequence}"),
            Some(shipment) => format!("{kind}/{shipment}"),
            None if sequence > 0 => format!("{kind}/{sequence}"),
            None => kind.to_string(),
        };
        if self.messages.iter().any(|it| it.key == key) {
            return;
        }

        let (state, failure) = match self.recipient() {
            Ok(_) => (MessageState::Queued, String::new()),
            Err(why) => (MessageState::Suppressed, why),
        };
        let id: MessageId = desk.ids.fresh();
        self.messages.push(Message {
            id,
            kind,
            state,
            key,
            shipment,
            sequence,
            attempts: 0,
            due_at,
            created_at: desk.now,
            sent_at: None,
            failure,
        });
        self.tell_automatic(
            desk,
            EventKind::MessageQueued,
            Some(born(id.0, state)),
            format!("message {kind} {state}"),
        );
    }

    /// Where letters to the customer go, or why there are none.
    pub(super) fn recipient(&self) -> Result<Recipient, String> {
        Recipient::of(&self.customer, &self.shipping_address.country)
    }

    pub fn on_hold(&self) -> bool {
        self.holds.iter().any(|it| it.state == HoldState::Active)
    }

    /// The rung of every forward move: holds stop it.
    pub(super) fn must_be_free(&self) -> Result<(), Refusal> {
        let Some(hold) = self.holds.iter().find(|it| it.state == HoldState::Active) else { return Ok(()) };
        let message = format!("hold {} ({}) is active; release it first", hold.id, hold.reason);
        Err(self.unmet(Reason::HoldActive, message))
    }

    /// Refuses a step that belongs to other states, saying what may be done now.
    pub(super) fn out_of_turn(&self, what: &str) -> Refusal {
        self.unmet(Reason::IllegalTransition, format!("cannot {what}: the order is {}", self.state))
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
        self.payments.iter().map(super::Payment::refunded_minor).sum()
    }

    pub fn due_minor(&self) -> i64 {
        self.total_minor() - self.captured_minor()
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

    pub fn shipment_place(&self, id: ShipmentId) -> Result<usize, Refusal> {
        self.shipments.iter().position(|it| it.id == id).ok_or_else(|| Refusal::not_found("shipment", id))
    }

    /// The shipment that a part names by its id or its tracking number.
    pub(super) fn shipment_named(&self, part: &Part) -> Result<ShipmentId, Refusal> {
        let named = self.shipments.iter().find(|it| it.is_named(part));
        named.map(|it| it.id).ok_or_else(|| part.not_found())
    }

    /// Whether this is the order, or has the part.
    pub fn has(&self, part: &Part) -> bool {
        match part {
            Part::Order(id) => self.id == *id,
            Part::Shipment(_) | Part::Tracked { .. } => self.shipment_named(part).is_ok(),
            Part::Payment(id) => self.payments.iter().any(|it| it.id == *id),
            Part::Refund(id) => self.payments.iter().flat_map(|it| &it.refunds).any(|it| it.id == *id),
            Part::Invoice(id) => self.invoices.iter().any(|it| it.id == *id),
            Part::Approval(id) => self.approvals.iter().any(|it| it.id == *id),
            Part::Hold(id) => self.holds.iter().any(|it| it.id == *id),
            Part::Reservation(id) => self.reservations.iter().any(|it| it.id == *id),
            Part::Message(id) => self.messages.iter().any(|it| it.id == *id),
        }
    }

    /// The shipments that count: all but cancelled ones.
    pub fn live_shipments(&self) -> impl Iterator<Item = &super::Shipment> {
        self.shipments.iter().filter(|it| it.state != ShipmentState::Cancelled)
    }
}

impl super::Shipment {
    fn is_named(&self, part: &Part) -> bool {
        let (label, carrier) = (self.label.as_ref(), self.assignment.as_ref());
        match part {
            Part::Shipment(id) => self.id == *id,
            Part::Tracked { courier, number } => {
                label.is_some_and(|it| it.tracking_number == *number)
                    && carrier.is_some_and(|it| it.courier == *courier)
            }
            Part::Order(_)
            | Part::Payment(_)
            | Part::Refund(_)
            | Part::Invoice(_)
            | Part::Approval(_)
            | Part::Hold(_)
            | Part::Reservation(_)
            | Part::Message(_) => false,
        }
    }
}

impl super::Reservation {
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Past its end and not pinned.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Held && self.expires_at.is_some_and(|it| it <= now)
    }

    /// When a worker has to look at another caller's reservation again.
    pub fn due_at(&self) -> Option<Timestamp> {
        if self.state == ReservationState::Held { self.expires_at } else { None }
    }
}

impl super::ReservedItem {
    /// Units still set aside.
    pub fn open(&self) -> i64 {
        self.quantity - self.consumed - self.released
    }
}

/// The opaque form of a version.
pub fn etag(version: i64) -> String {
    format!("v{version}")
}

/// A stale etag is refused; an empty one asks for nothing.
pub fn check_etag(given: &str, version: i64) -> Result<(), Refusal> {
    let current = etag(version);
    if given.is_empty() || given == current { Ok(()) } else { Err(Refusal::StaleEtag { current }) }
}
