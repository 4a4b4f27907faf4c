//! The common part of a shipment's steps: its turn, its state, and the effect on the order.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::shipping::tracking_state::has_left;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many lines the packages of one shipment list together: each is a line of the packing slip.
pub(crate) const CONTENTS_MAX: usize = 2_000;

impl Order {
    /// The shipment of a warehouse command, after the checks that all of them share.
    pub(super) fn workable(&self, id: ShipmentId) -> Result<usize, Refusal> {
        let index = self.shipment_index(id)?;
        self.must_be_free()?;
        Ok(index)
    }

    pub(super) fn move_shipment(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: ShipmentState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        let step = match step_between(shipment.id.0, shipment.state, to) {
            Ok(step) => step,
            Err(refusal) => {
                let refusal = refusal.instead(|| self.actions_of(shipment));
                return Err(refusal.instead(|| self.available_actions()));
            }
        };
        self.shipments[index].state = to;
        self.touch_shipment(unit, index);
        self.record(unit, kind, Some(step), text);
        Ok(())
    }

    pub(in crate::domain) fn touch_shipment(&mut self, unit: &UnitOfWork, index: usize) {
        let shipment = &mut self.shipments[index];
        shipment.version += 1;
        shipment.updated_at = unit.now;
    }

    pub(super) fn shipment_must_be(
        &self,
        index: usize,
        state: ShipmentState,
        what: &str,
    ) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        if shipment.state == state {
            return Ok(());
        }
        let message = format!("cannot {what}: the shipment is {}, not {state}", shipment.state);
        Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message))
    }

    /// Refuses what cannot be done with goods that the courier has, as it reports, although nobody confirmed the pickup.
    pub(in crate::domain) fn must_be_here(&self, index: usize, what: &str) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        if shipment.handover.is_some() || !has_left(&shipment.tracking) {
            return Ok(());
        }
        let message = format!("cannot {what}: the courier reports that it has the goods");
        Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message))
    }

    /// The order follows its shipments, also back when what seemed to be delivered has gone back.
    pub(super) fn progress(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let live: Vec<ShipmentState> = self.live_shipments().map(|it| it.state).collect();
        let delivered = live.iter().filter(|it| **it == ShipmentState::Delivered).count();
        let on_road = live.iter().filter(|it| it.is_handed_over()).count();
        // What a change added may still have to be paid before it is planned, and the rest may wait for stock.
        let all_planned = self.is_planned_whole();
        let (to, kind) = if live.is_empty() || on_road == 0 {
            return Ok(());
        } else if delivered > 0 && delivered == self.wanted_shipments().count() && all_planned {
            (OrderState::Delivered, EventKind::OrderDelivered)
        } else if delivered > 0 {
            (OrderState::PartiallyDelivered, EventKind::OrderDelivered)
        } else if on_road == live.len() && all_planned {
            (OrderState::Shipped, EventKind::OrderShipped)
        } else {
            (OrderState::PartiallyShipped, EventKind::OrderShipped)
        };
        if self.state == to || !self.state.may_become(to) {
            return Ok(());
        }
        let text = format!("{on_road} of {} shipments under way, {delivered} delivered", live.len());
        let was_delivered = self.state == OrderState::Delivered;
        let was_partly = self.state == OrderState::PartiallyDelivered;
        let kind = match was_delivered || (was_partly && delivered == 0) {
            true => EventKind::DeliveryTakenBack,
            false => kind,
        };
        self.transition_automatic(unit, to, kind, text)?;
        if to == OrderState::Delivered {
            self.confirm_to_customer(unit);
        }
        if was_delivered { self.take_confirmation_back(unit) } else { Ok(()) }
    }
}

pub(super) fn id_of(shipment: &Shipment) -> ShipmentId {
    shipment.id
}
