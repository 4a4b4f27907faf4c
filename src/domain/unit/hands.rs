//! Whose hands an order goes through, noted as its history is written.

use crate::domain::model::event::EventKind;
use crate::domain::model::hand::{HANDS_MAX, Hand, HandKind, Person, kind_beyond_limit};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::Actor;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// What of an order's history is a hand in it, by itself. Who verifies, holds, releases, approves, cancels or pays back judges
/// an order, or makes it less, and asks for nothing. Payments are noted where they are asked for: what a provider answers, and
/// what store credit pays, is nobody's act.
const ACTS: [(EventKind, HandKind); 5] = [
    (EventKind::OrderReceived, HandKind::Made),
    (EventKind::OrderUpdated, HandKind::Changed),
    (EventKind::OrderChangeCreated, HandKind::Changed),
    (EventKind::OrderChangeProposed, HandKind::Changed),
    (EventKind::OrderChangeConfirmed, HandKind::Changed),
];

impl UnitOfWork<'_> {
    /// The same of an actor whom this key or certificate has named.
    #[must_use]
    pub fn named_by(mut self, principal: Option<Actor>) -> Self {
        self.principal = principal;
        self
    }

    /// The key or certificate of the present actor. None for what Consign does by itself within a caller's decision, also in
    /// other orders.
    pub(in crate::domain) fn acting_principal(&self) -> Option<Actor> {
        self.principal.clone().filter(|_| !self.actor.is_automatic())
    }

    pub(in crate::domain) fn person(&self) -> Person {
        Person { name: self.actor.clone(), principal: self.acting_principal() }
    }
}

impl Order {
    /// Notes whose hand the event was that was written just now, if it is one.
    pub(super) fn note_act(&mut self, unit: &UnitOfWork, event: EventKind) {
        if let Some((_, kind)) = ACTS.iter().find(|it| it.0 == event) {
            self.note_hand(unit.person(), *kind);
        }
    }

    /// Notes that a person had a hand in it, with the last event. Policy and workers are no persons.
    pub(in crate::domain) fn note_hand(&mut self, Person { name, principal }: Person, kind: HandKind) {
        if name.is_automatic() {
            return;
        }
        let hand = Hand { kind, person: name, principal, since: self.last_event };
        if !self.hands.iter().any(|it| it.repeats(&hand)) {
            self.hands.push(hand);
        }
    }

    /// Refuses what would be one hand of its kind too many to remember: those who had one before can do it.
    pub(super) fn must_keep_all_hands(&self) -> Result<(), Refusal> {
        let Some(kind) = kind_beyond_limit(&self.hands) else {
            return Ok(());
        };
        let message = format!(
            "{} of the order by {HANDS_MAX} persons are kept, which is the limit: one of these persons has to do this",
            kind.in_nouns()
        );
        Err(self.unmet(Reason::LimitReached, message))
    }
}
