//! The journal of an order: the step of a state machine, the event and the message of each decision.

use uuid::Uuid;

use crate::domain::model::chain::link;
use crate::domain::model::event::{Event, EventKind, Transition};
use crate::domain::model::message::{Message, MessageKind, MessageState, Suppression, SuppressionReason};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::recipient::BareAddress;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, MessageId, ShipmentId};
use crate::domain::model::seal::Seal;
use crate::domain::model::shipment::Shipment;
use crate::domain::model::states::State;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::{Part, UnitOfWork};

/// How long the text of an event may be, in characters; the whole is in the parts that it is about.
const EVENT_TEXT_MAX: usize = 1_000;

/// The text, cut to so many characters.
pub(in crate::domain) fn cut(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
    }
    text
}

/// The step of a state machine, if its table has it. The caller adds what may be done instead.
pub(in crate::domain) fn step_between<S: State>(
    subject: impl Into<Uuid>,
    from: S,
    to: S,
) -> Result<Transition, Refusal> {
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

/// The first step of a new subject.
pub(in crate::domain) fn opened<S: State>(subject: impl Into<Uuid>, first: S) -> Transition {
    Transition { machine: S::MACHINE, subject: subject.into(), from: String::new(), to: first.to_string() }
}

impl Order {
    /// Writes down that the caller did something, and whose hand it was.
    pub(in crate::domain) fn record(
        &mut self,
        unit: &mut UnitOfWork,
        kind: EventKind,
        step: Option<Transition>,
        text: impl Into<String>,
    ) {
        let (actor, principal) = (unit.actor.clone(), unit.acting_principal());
        self.append(unit, (actor, principal), kind, step, text.into());
        self.note_act(unit, kind);
    }

    /// Writes down that policy or a worker did something.
    pub(in crate::domain) fn record_automatic(
        &mut self,
        unit: &mut UnitOfWork,
        kind: EventKind,
        step: Option<Transition>,
        text: impl Into<String>,
    ) {
        self.append(unit, (Actor::system(), None), kind, step, text.into());
    }

    fn append(
        &mut self,
        unit: &mut UnitOfWork,
        (actor, principal): (Actor, Option<Actor>),
        kind: EventKind,
        step: Option<Transition>,
        text: String,
    ) {
        self.last_event += 1;
        let seal = Seal::salted(&mut unit.ids, principal.as_ref());
        let mut event = Event {
            order: self.id,
            sequence: self.last_event,
            at: unit.now,
            actor,
            kind,
            transition: step,
            text: cut(text, EVENT_TEXT_MAX),
            principal,
            seal,
        };
        event.seal.link = link(self.last_link, &event);
        self.last_link = event.seal.link;
        unit.changes.events.push(event);
    }

    /// Moves the order to another state, as the caller's act.
    pub(in crate::domain) fn transition(
        &mut self,
        unit: &mut UnitOfWork,
        to: OrderState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let step = self.step_to(to)?;
        self.record(unit, kind, Some(step), text);
        Ok(())
    }

    /// Moves the order to another state, as an automatic step.
    pub(in crate::domain) fn transition_automatic(
        &mut self,
        unit: &mut UnitOfWork,
        to: OrderState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let step = self.step_to(to)?;
        self.record_automatic(unit, kind, Some(step), text);
        Ok(())
    }

    fn step_to(&mut self, to: OrderState) -> Result<Transition, Refusal> {
        let step =
            step_between(self.id.0, self.state, to).map_err(|it| it.instead(|| self.available_actions()))?;
        self.state = to;
        Ok(step)
    }

    /// Queues a message to the customer, once per key.
    pub(in crate::domain) fn notify(
        &mut self,
        unit: &mut UnitOfWork,
        kind: MessageKind,
        shipment: Option<ShipmentId>,
        sequence: i64,
    ) {
        let due_at = unit.now.plus(kind.waits());
        self.notify_at(unit, kind, shipment, sequence, due_at);
    }

    /// The same, with a letter that is not to be sent before this.
    pub(in crate::domain) fn notify_at(
        &mut self,
        unit: &mut UnitOfWork,
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

        let suppression = self.suppression_of(kind);
        let state = match suppression {
            None => MessageState::Queued,
            Some(_) => MessageState::Suppressed,
        };
        let id: MessageId = unit.ids.fresh();
        self.messages.push(Message {
            id,
            kind,
            state,
            key,
            shipment,
            sequence,
            attempts: 0,
            due_at,
            created_at: unit.now,
            sent_at: None,
            text_kept: false,
            suppressed: suppression.as_ref().map(|it| it.reason),
            failure: suppression.map(|it| it.why).unwrap_or_default(),
            failed_at: None,
            resends: 0,
            resent_at: None,
        });
        self.record_automatic(
            unit,
            EventKind::MessageQueued,
            Some(opened(id.0, state)),
            format!("message {kind} {state}"),
        );
    }

    /// Where letters to the customer go, or why there are none.
    pub(in crate::domain) fn recipient(&self) -> Result<BareAddress, Suppression> {
        BareAddress::of(&self.customer)
    }

    /// Why no message of this kind goes to the customer, if none does.
    pub(in crate::domain) fn suppression_of(&self, kind: MessageKind) -> Option<Suppression> {
        if self.unwanted_messages.contains(&kind) {
            let why = "the customer does not want messages of this kind";
            return Some(Suppression::new(SuppressionReason::NotWanted, why));
        }
        self.recipient().err()
    }

    /// The shipment that a part names by its id or its tracking number.
    pub fn shipment_named(&self, part: &Part) -> Result<ShipmentId, Refusal> {
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
            Part::CreditNote(id) => self.credit_notes.iter().any(|it| it.id == *id),
            Part::Approval(id) => self.approvals.iter().any(|it| it.id == *id),
            Part::Hold(id) => self.holds.iter().any(|it| it.id == *id),
            Part::Reservation(id) => self.reservations.iter().any(|it| it.id == *id),
            Part::Message(id) => self.messages.iter().any(|it| it.id == *id),
            Part::Return(id) => self.returns.iter().any(|it| it.id == *id),
            Part::FollowUp(id) => self.follow_up.as_ref().is_some_and(|it| it.id == *id),
        }
    }
}

impl Shipment {
    fn is_named(&self, part: &Part) -> bool {
        match part {
            Part::Shipment(id) => self.id == *id,
            Part::Tracked { courier, number } => {
                let ours = self.label.as_ref().is_some_and(|it| it.tracking_number == *number)
                    && self.assignment.as_ref().is_some_and(|it| it.courier == *courier);
                ours || self.carrier_labels.iter().any(|it| it.number == *number && it.courier == *courier)
            }
            Part::Order(_)
            | Part::Payment(_)
            | Part::Refund(_)
            | Part::Invoice(_)
            | Part::CreditNote(_)
            | Part::Approval(_)
            | Part::Hold(_)
            | Part::Reservation(_)
            | Part::Message(_)
            | Part::FollowUp(_)
            | Part::Return(_) => false,
        }
    }
}
