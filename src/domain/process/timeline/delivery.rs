//! The evidence of what was done: from the pick list to the confirmed delivery.

use crate::domain::model::counted;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::scalars::Actor;
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::process::timeline::lines::{confirmation_words, next_calls, service_call, service_words};
use crate::domain::process::timeline::order_history::{Count, OrderHistory};
use crate::domain::process::timeline::steps::{Step, StepLine, StepState};

impl OrderHistory<'_> {
    /// A line about something that every shipment goes through.
    fn of_shipments(
        &self,
        step: Step,
        may_begin: impl Fn(&Shipment) -> bool,
        begun: impl Fn(&Shipment) -> bool,
        done: impl Fn(&Shipment) -> bool,
        evidence: impl Fn(&Shipment) -> Option<String>,
    ) -> StepLine {
        let shipments = self.order.told_shipments();
        let count = Count {
            all: shipments.len(),
            may_begin: shipments.iter().filter(|it| may_begin(it)).count(),
            begun: shipments.iter().filter(|it| begun(it)).count(),
            done: shipments.iter().filter(|it| done(it)).count(),
        };
        let open: Vec<&Shipment> = shipments.iter().copied().filter(|it| !done(it)).collect();
        let mut line = StepLine::new(step, count.state());
        line.evidence = self.shown(|| shipments.into_iter().filter_map(evidence).collect());
        if line.is_open() && line.state != StepState::Pending {
            let mut notes = Vec::new();
            if count.all > 1 {
                notes.push(format!("{} of {} shipments done", count.done, count.all));
            }
            if step != Step::NotifyShipment {
                notes.extend(next_calls(&open));
            }
            line.note = notes.join("; ");
        }
        line
    }

    pub(super) fn prepare_order(&self) -> StepLine {
        let begun = |it: &Shipment| match it.state {
            ShipmentState::Planned => it.items.iter().any(|item| item.picked > 0),
            ShipmentState::Cancelled => self.was_in(it, ShipmentState::Picking),
            ShipmentState::Picking
            | ShipmentState::Picked
            | ShipmentState::QcPassed
            | ShipmentState::QcFailed
            | ShipmentState::Packed
            | ShipmentState::Labelled
            | ShipmentState::CourierAssigned
            | ShipmentState::PickedUp
            | ShipmentState::InTransit
            | ShipmentState::OutForDelivery
            | ShipmentState::DeliveryAttempted
            | ShipmentState::AvailableForPickup
            | ShipmentState::Exception
            | ShipmentState::Returning
            | ShipmentState::Returned
            | ShipmentState::Lost
            | ShipmentState::Delivered => true,
        };
        let done = |it: &Shipment| it.items.iter().all(|item| item.checked == item.quantity);
        let mut line = self.of_shipments(
            Step::PrepareOrder,
            |_| true,
            begun,
            done,
            |it| {
                let units = |of: fn(&ShipmentItem) -> i64| it.items.iter().map(of).sum::<i64>();
                let (wanted, picked, checked) =
                    (units(|it| it.quantity), units(|it| it.picked), units(|it| it.checked));
                Some(format!(
                    "{}: {picked} of {wanted} units picked, {checked} checked, at {}",
                    it.id, it.location
                ))
            },
        );
        if self.order.only_waits_for_stock() && line.state == StepState::Pending {
            line.note = self.order.rest_words();
        }
        if self.order.live_shipments().any(|it| it.state == ShipmentState::QcFailed) {
            line.state = StepState::Failed;
            let failed = "units failed the quality check and are to be picked again";
            line.note = format!("{failed}; {}", line.note);
        }
        line.started_at = self.first(EventKind::PickingStarted).map(|it| it.at);
        self.ended(&mut line, EventKind::QualityPassed, None);
        line
    }

    pub(super) fn package_products(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::QcPassed;
        let done = |it: &Shipment| {
            !it.packages.is_empty() && it.items.iter().all(|item| item.packed == item.quantity)
        };
        let mut line = self.of_shipments(Step::PackageProducts, may, done, done, |it| {
            let grams: i64 = it.packages.iter().map(|it| it.weight_grams).sum();
            (!it.packages.is_empty())
                .then(|| format!("{}: {}, {grams} g", it.id, counted::packages(it.packages.len())))
        });
        line.started_at = self.first(EventKind::ShipmentPacked).map(|it| it.at);
        self.ended(&mut line, EventKind::ShipmentPacked, None);
        line
    }

    pub(super) fn create_label(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::Packed;
        let done = |it: &Shipment| it.label.is_some();
        let mut line = self.of_shipments(Step::CreateLabel, may, done, done, |it| {
            it.label.as_ref().map(|label| format!("{}: tracking number {}", it.id, label.tracking_number))
        });
        let labels = || self.order.shipments.iter().filter_map(|it| it.label.as_ref());
        line.started_at = labels().map(|it| it.created_at).min();
        self.ended(&mut line, EventKind::LabelCreated, labels().map(|it| it.created_at).max());
        line.actor = labels().next_back().map(|it| it.created_by.clone());
        line
    }

    pub(super) fn assign_courier(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::Labelled;
        let done = |it: &Shipment| it.assignment.is_some();
        let mut line = self.of_shipments(Step::AssignCourier, may, done, done, |it| {
            let given = it.assignment.as_ref()?;
            let (courier, service, price) = (&given.courier, given.service, given.price);
            Some(format!(
                "{}: {courier} {service} for {price}, pickup {}: {}",
                it.id, given.pickup_at, given.reason
            ))
        });
        let given = || self.order.shipments.iter().filter_map(|it| it.assignment.as_ref());
        line.started_at = given().map(|it| it.assigned_at).min();
        line.done_at = given().map(|it| it.assigned_at).max();
        line.actor = given().next_back().map(|it| it.assigned_by.clone());
        line
    }

    pub(super) fn confirm_pickup(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::CourierAssigned;
        let done = |it: &Shipment| it.handover.is_some();
        let mut line = self.of_shipments(Step::ConfirmPickup, may, done, done, |it| {
            it.handover.as_ref().map(|by| {
                format!(
                    "{}: {} handed over at {}",
                    it.id,
                    counted::packages(usize::try_from(by.packages).unwrap_or(0)),
                    by.at
                )
            })
        });
        let handovers = || self.order.shipments.iter().filter_map(|it| it.handover.as_ref());
        line.started_at = handovers().map(|it| it.at).min();
        line.done_at = handovers().map(|it| it.at).max();
        line.actor = handovers().next_back().map(|it| it.confirmed_by.clone());
        line
    }

    pub(super) fn notify_shipment(&self) -> StepLine {
        let about = |it: &Shipment| {
            let told =
                |message: &&Message| message.kind == MessageKind::Shipped && message.shipment == Some(it.id);
            self.order.messages.iter().find(told)
        };
        let begun = |it: &Shipment| about(it).is_some();
        let done = |it: &Shipment| about(it).is_some_and(|it| it.state != MessageState::Queued);
        let mut line = self.of_shipments(
            Step::NotifyShipment,
            |_| false,
            begun,
            done,
            |it| {
                let (message, numbers) = (about(it)?, it.courier_numbers().join(", "));
                let state = message.state.as_str().to_lowercase();
                Some(format!("{}: {state}, tracking number {numbers}", message.id))
            },
        );
        self.follow_letters(&mut line, MessageKind::Shipped);
        line
    }

    /// Times and outcome of a step that is a letter to the customer.
    fn follow_letters(&self, line: &mut StepLine, kind: MessageKind) {
        let letters: Vec<&Message> = self.order.messages.iter().filter(|it| it.kind == kind).collect();
        line.started_at = letters.iter().map(|it| it.created_at).min();
        if line.state != StepState::Done {
            let queued = letters.iter().find(|it| it.state == MessageState::Queued);
            if let (true, Some(queued)) = (line.note.is_empty(), queued) {
                line.note = format!("sending of {}", queued.id);
            }
            return;
        }
        line.actor = Some(Actor::system());
        line.done_at = letters.iter().filter_map(|it| it.sent_at).max().or(line.started_at);
        if let Some(failed) = letters.iter().find(|it| it.state == MessageState::Failed) {
            line.state = StepState::Failed;
            line.note = format!("{} could not be sent: {}", failed.id, failed.failure);
        } else if letters.iter().all(|it| it.state == MessageState::Suppressed) {
            line.state = StepState::Skipped;
            line.note = letters.first().map(|it| it.failure.clone()).unwrap_or_default();
        }
    }

    pub(super) fn track_shipment(&self) -> StepLine {
        let begun = |it: &Shipment| it.handover.is_some();
        let mut line = self.of_shipments(
            Step::TrackShipment,
            |_| false,
            begun,
            journey_is_over,
            |it| {
                let last = it.tracking.iter().max_by_key(|it| it.sequence)?;
                Some(format!("{}: {} events, {}", it.id, it.tracking.len(), last.status))
            },
        );
        let troubled = self.order.live_shipments().find(|it| it.state == ShipmentState::Exception);
        if let (StepState::InProgress, Some(shipment)) = (line.state, troubled) {
            line.note = format!("shipment {}: an exception on the way; {}", shipment.number, line.note);
        }
        let reports = || self.order.live_shipments().flat_map(|it| &it.tracking);
        line.started_at =
            self.order.live_shipments().filter_map(|it| it.handover.as_ref()).map(|it| it.at).min();
        line.done_at = reports().map(|it| it.occurred_at).max().max(line.started_at);
        line.actor = reports().max_by_key(|it| (it.recorded_at, it.sequence)).map(|it| it.source.clone());
        line
    }

    pub(super) fn confirm_delivery(&self) -> StepLine {
        let may = |it: &Shipment| it.state.courier_may_report();
        let done = |it: &Shipment| it.state == ShipmentState::Delivered;
        let mut line = self.of_shipments(Step::ConfirmDelivery, may, done, done, |it| {
            let proof = it.proof.as_ref().filter(|_| it.state == ShipmentState::Delivered)?;
            Some(format!("{}: delivered at {}, proof recorded by {}", it.id, proof.at, proof.recorded_by))
        });
        let proofs = || self.order.live_shipments().filter_map(|it| it.proof.as_ref());
        line.started_at = proofs().map(|it| it.at).min();
        line.done_at = proofs().map(|it| it.at).max();
        line.actor = proofs().last().map(|it| it.recorded_by.clone());
        let astray: Vec<String> =
            self.astray().map(|it| format!("shipment {} is {}", it.number, it.state)).collect();
        if !astray.is_empty() && self.order.live_shipments().all(journey_is_over) {
            line.state = StepState::Failed;
            line.note = astray.join("; ");
        }
        line
    }

    /// What set out and will not be delivered, as far as is known.
    fn astray(&self) -> impl Iterator<Item = &Shipment> {
        self.order.told_shipments().into_iter().filter(|it| it.is_astray())
    }

    pub(super) fn confirm_to_customer(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::ConfirmToCustomer, StepState::Pending);
        let services = || if order.has_only_services() { service_words(order) } else { Vec::new() };
        let Some(letter) = order.messages.iter().rfind(|it| it.kind == MessageKind::DeliveryConfirmed) else {
            if order.has_only_services() && order.is_open_to_services() {
                let begun = order.last_service_at().is_some();
                line.state = if begun { StepState::InProgress } else { StepState::Ready };
                line.note = service_call(order);
            }
            line.evidence = self.shown(services);
            if order.waits_for_rest() && order.live_shipments().next().is_some() {
                line.note = order.rest_words();
            }
            if order.closed_at.is_some() {
                line.state = StepState::Skipped;
                line.note = "not everything was delivered".to_owned();
            }
            return line;
        };
        line.state =
            if letter.state == MessageState::Queued { StepState::InProgress } else { StepState::Done };
        line.evidence = self.shown(|| [services(), confirmation_words(letter, order)].concat());
        self.follow_letters(&mut line, MessageKind::DeliveryConfirmed);
        line
    }
}

pub(super) fn journey_is_over(shipment: &Shipment) -> bool {
    matches!(shipment.state, ShipmentState::Delivered | ShipmentState::Returned | ShipmentState::Lost)
}
