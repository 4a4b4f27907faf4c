//! Invariants of a reservation and of a shipment.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::invariants::findings::{Findings, Violation};
use crate::domain::model::lot::LotUnits;
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::shipment::{CarrierLabel, Shipment, ShipmentState};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::tracking::ReportOrigin;
use crate::domain::model::transfer::{Transfer, TransferItem, TransferState};
use crate::domain::shipping::carrier_label::ALL_PACKAGES;
use crate::domain::shipping::tracking_state::state_of;

impl Reservation {
    /// The laws of one reservation, an order's or another caller's.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Findings::default();
        self.check(&mut found);
        found.0
    }

    pub(super) fn check(&self, found: &mut Findings) {
        for (item, number) in self.items.iter().zip(1..) {
            let key = format!("{} item {}", self.id, item.number);
            let (gone, quantity) = (item.consumed + item.released, item.quantity);
            let sound = item.number == number && quantity > 0 && item.consumed >= 0 && item.released >= 0;
            found.ensure("S4", &key, sound, "numbered, above zero, nothing negative", quantity);
            found.ensure(
                "S4",
                &key,
                gone <= quantity,
                &format!("at most {quantity} consumed and released"),
                gone,
            );
            found.ensure(
                "S4",
                &key,
                self.is_open() || gone == quantity,
                "nothing left of it once over",
                quantity - gone,
            );
        }
        let expires = self.expires_at.is_some();
        found.ensure(
            "S6",
            self.id,
            self.state == ReservationState::Held || !expires,
            "only a reservation that is HELD expires",
            self.state,
        );
        let is_cart = self.order.is_none();
        let sound = match self.taken_over_by {
            Some(_) => is_cart && self.state == ReservationState::Released,
            None => true,
        };
        found.ensure("S10", self.id, sound, "RELEASED by the order that took it over", self.state);
        let sound = self.taken_over_from.is_none() || !is_cart;
        found.ensure("S10", self.id, sound, "taken over by an order", "by another caller");
    }
}

impl Transfer {
    /// The law of one transfer: what its movements sum up to by kind and shelf, and what is on order for it.
    pub fn violations(
        &self,
        moved: impl Fn(MovementKind, &Sku, &LocationCode) -> i64,
        on_order: impl Fn(&Sku) -> i64,
    ) -> Vec<Violation> {
        let mut found = Findings::default();
        for item in &self.items {
            let TransferItem { sku, quantity, received, lost, returned, lot: _ } = item;
            let key = format!("{} {sku}", self.id);
            let sound =
                *quantity > 0 && *received >= 0 && *lost >= 0 && *returned >= 0 && item.in_transit() >= 0;
            found.ensure(
                "S9",
                &key,
                sound,
                "no more received, lost and returned than left",
                item.in_transit(),
            );
            for (kind, at, units) in [
                (MovementKind::TransferOut, &self.from, -quantity),
                (MovementKind::TransferIn, &self.from, *returned),
                (MovementKind::TransferIn, &self.to, received + lost),
                (MovementKind::Adjust, &self.to, -lost),
            ] {
                let actual = moved(kind, sku, at);
                found.ensure("S9", &key, actual == units, &format!("{units} by {kind} at {at}"), actual);
            }
            let (units, actual) = (item.in_transit(), on_order(sku));
            found.ensure("S9", &key, actual == units, &format!("{units} on order at {}", self.to), actual);
        }
        let over = self.state.is_final() == (self.in_transit() == 0);
        found.ensure("S9", self.id, over, "in transit until it is over", self.state);
        let came_back = self.items.iter().any(|it| it.returned > 0);
        let cancelled = self.state == TransferState::Cancelled;
        found.ensure("S9", self.id, came_back == cancelled, "returned when it is cancelled", self.state);
        found.0
    }
}

impl Shipment {
    pub(super) fn check(&self, found: &mut Findings) {
        let worked = how_far(self.state);
        self.check_units(worked, found);
        self.check_lots(found);
        if let Some(far) = worked {
            self.check_papers(far, found);
        }
        self.check_tracking(found);
    }

    /// Units of products with lots are of one each, from the pick list on, and leave before it expires; only what a courier
    /// reports to have taken cannot be held back.
    fn check_lots(&self, found: &mut Findings) {
        let confirmed = self.tracking.iter().any(|it| it.origin == ReportOrigin::Pickup);
        for item in self.items.iter().filter(|it| !it.lots.is_empty()) {
            let key = format!("{} line {}", self.id, item.line);
            let sum = |of: fn(&LotUnits) -> i64| item.lots.iter().map(of).sum::<i64>();
            let (bound, picked) = (sum(|it| it.quantity), sum(|it| it.picked));
            let each = item.lots.iter().all(|it| 0 <= it.picked && it.picked <= it.quantity);
            let actual = format!("{bound} of lots, {picked} picked of {} and {}", item.quantity, item.picked);
            let fits = each && bound <= item.quantity && picked == item.picked;
            found.ensure("S12", &key, fits, "picked units are of the lots on its pick list", actual);
            let Some(handover) = &self.handover else { continue };
            found.ensure("S12", &key, bound == item.packed, "what left is of its lots", bound);
            let latest = item.lots.iter().map(|it| it.expires_at).min();
            let in_time = !confirmed || latest.is_none_or(|it| handover.at < it);
            found.ensure("S13", &key, in_time, "handed over before its lots expired", handover.at);
        }
    }

    /// Units are picked, checked and packed in this order, and packages have what was packed.
    fn check_units(&self, worked: Option<u8>, found: &mut Findings) {
        for item in &self.items {
            let key = format!("{} line {}", self.id, item.line);
            let (picked, checked, packed) = (item.picked, item.checked, item.packed);
            let chain = 0 <= packed && packed <= checked && checked <= picked && picked <= item.quantity;
            found.ensure(
                "S7",
                &key,
                chain,
                "0 ≤ packed ≤ checked ≤ picked ≤ quantity",
                format!("{packed} {checked} {picked}"),
            );
            let Some(far) = worked else { continue };
            found.ensure(
                "S7",
                &key,
                far < CHECKED || checked == item.quantity,
                "every unit checked",
                checked,
            );
            found.ensure("S7", &key, far < PACKED || packed == item.quantity, "every unit packed", packed);
        }
        if worked.is_some_and(|it| it >= PACKED) {
            let mut contents: BTreeMap<i32, i64> = BTreeMap::new();
            for content in self.packages.iter().flat_map(|it| &it.contents) {
                *contents.entry(content.line).or_default() += content.quantity;
            }
            let packed: BTreeMap<i32, i64> =
                self.items.iter().filter(|it| it.packed > 0).map(|it| (it.line, it.packed)).collect();
            found.ensure(
                "S7",
                self.id,
                contents == packed,
                "packages with what was packed",
                format!("{contents:?}"),
            );
        }
    }

    /// Label, courier, handover and proof are there from their states on, and not before.
    fn check_papers(&self, far: u8, found: &mut Findings) {
        let mut ensure =
            |holds: bool, expected: &str| found.ensure("T3", self.id, holds, expected, self.state);
        ensure((far >= LABELLED) == self.label.is_some(), "a label once labelled, and only then");
        ensure((far >= ASSIGNED) == self.assignment.is_some(), "a courier once assigned, and only then");
        ensure((far >= HANDED_OVER) == self.handover.is_some(), "a handover once handed over, and only then");
        let labelled = self.label.as_ref().map(|it| it.created_at);
        let assigned = self.assignment.as_ref().map(|it| it.assigned_at);
        ensure(assigned.is_none_or(|at| labelled.is_some_and(|it| it <= at)), "the label before the courier");
        let delivered = self.state == ShipmentState::Delivered;
        ensure(delivered == self.proof.is_some(), "proof once it was delivered, and only then");
        let of_courier =
            |it: &CarrierLabel| self.assignment.as_ref().is_some_and(|by| by.courier == it.courier);
        ensure(self.carrier_labels.iter().all(of_courier), "no labels but its courier's");
        let numbered: Vec<i32> = self.carrier_labels.iter().map(|it| it.package).collect();
        let packages: BTreeSet<i32> = self.packages.iter().map(|it| it.number).collect();
        let each_once = numbered.windows(2).all(|it| it[0] < it[1]);
        ensure(
            each_once && numbered.iter().all(|it| *it == ALL_PACKAGES || packages.contains(it)),
            "a courier's label per package",
        );
    }

    /// Reports are numbered and unique, and from the handover on the state follows from them.
    fn check_tracking(&self, found: &mut Findings) {
        let numbered = self.tracking.iter().zip(1..).all(|(it, number)| it.sequence == number);
        found.ensure("T6", self.id, numbered, "tracking events numbered 1…n", self.tracking.len());
        let keys: BTreeSet<&str> = self.tracking.iter().map(|it| it.key.as_str()).collect();
        found.ensure(
            "T6",
            self.id,
            keys.len() == self.tracking.len(),
            "every report once",
            self.tracking.len(),
        );
        if self.handover.is_some() {
            let state = state_of(&self.tracking, self.packages.len());
            let expected = state.map_or("a state", ShipmentState::as_str);
            found.ensure("T6", self.id, state == Some(self.state), expected, self.state);
        }
    }
}

const CHECKED: u8 = 1;

const PACKED: u8 = 2;

const LABELLED: u8 = 3;

const ASSIGNED: u8 = 4;

const HANDED_OVER: u8 = 5;

/// How far the work on a shipment is; None: it was cancelled, anywhere on the way.
fn how_far(state: ShipmentState) -> Option<u8> {
    match state {
        ShipmentState::Planned | ShipmentState::Picking | ShipmentState::Picked | ShipmentState::QcFailed => {
            Some(0)
        }
        ShipmentState::QcPassed => Some(CHECKED),
        ShipmentState::Packed => Some(PACKED),
        ShipmentState::Labelled => Some(LABELLED),
        ShipmentState::CourierAssigned => Some(ASSIGNED),
        ShipmentState::PickedUp
        | ShipmentState::InTransit
        | ShipmentState::OutForDelivery
        | ShipmentState::DeliveryAttempted
        | ShipmentState::AvailableForPickup
        | ShipmentState::Exception
        | ShipmentState::Returning
        | ShipmentState::Returned
        | ShipmentState::Lost
        | ShipmentState::Delivered => Some(HANDED_OVER),
        ShipmentState::Cancelled => None,
    }
}
