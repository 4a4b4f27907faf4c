//! An order with its events: who did what, and when.

use crate::domain::model::event::{Event, EventKind, Machine};
use crate::domain::model::order::Order;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::process::timeline::steps::{Detail, StepLine, StepState};

pub(super) struct OrderHistory<'a> {
    pub(super) order: &'a Order,
    pub(super) events: &'a [Event],
    pub(super) detail: Detail,
}

/// How many shipments a step of theirs is behind, at, and through.
pub(super) struct Count {
    pub(super) all: usize,
    pub(super) may_begin: usize,
    pub(super) begun: usize,
    pub(super) done: usize,
}

impl Count {
    pub(super) fn state(&self) -> StepState {
        if self.all > 0 && self.done == self.all {
            StepState::Done
        } else if self.begun > 0 {
            StepState::InProgress
        } else if self.may_begin > 0 {
            StepState::Ready
        } else {
            StepState::Pending
        }
    }
}

impl OrderHistory<'_> {
    pub(super) fn first(&self, kind: EventKind) -> Option<&Event> {
        self.events.iter().find(|it| it.kind == kind)
    }

    pub(super) fn last(&self, kind: EventKind) -> Option<&Event> {
        self.events.iter().rfind(|it| it.kind == kind)
    }

    /// Actor and time of the first event of the first of these kinds that happened.
    pub(super) fn told(&self, line: &mut StepLine, kinds: &[EventKind], otherwise: Option<Timestamp>) {
        let event = kinds.iter().find_map(|it| self.first(*it));
        line.done_at = event.map(|it| it.at).or(otherwise);
        line.started_at = line.done_at;
        line.actor = event.map(|it| it.actor.clone());
    }

    /// Whether the log says that a shipment was in a state once.
    pub(super) fn was_in(&self, shipment: &Shipment, to: ShipmentState) -> bool {
        self.events
            .iter()
            .filter_map(|it| it.transition.as_ref())
            .any(|it| it.machine == Machine::Shipment && it.subject == shipment.id.0 && it.to == to.as_str())
    }

    /// Actor and time of the last of these events.
    pub(super) fn ended(&self, line: &mut StepLine, kind: EventKind, otherwise: Option<Timestamp>) {
        let event = self.last(kind);
        line.actor = event.map(|it| it.actor.clone());
        line.done_at = otherwise.or(event.map(|it| it.at));
    }
}
