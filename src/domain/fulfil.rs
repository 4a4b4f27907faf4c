//! Steps 9 to 13: pick, check, pack, label, courier, handover.

use std::collections::BTreeMap;

use super::allocate::{Posting, expire_overdue, give_back_units, post};
use super::case::moved;
use super::label::{label_text, label_zpl, tracking_number};
use super::merge::key;
use super::quote::{choose, quote};
use super::{
    Actor, Assignment, CourierCode, Desk, EventKind, Handover, HoldReason, Label, MessageKind, MovementKind,
    Order, OrderState, Package, Problems, Quote, Reason, Refusal, ReservationState, ServiceLevel, ShipmentId,
    ShipmentState, Timestamp, TrackingEvent, TrackingStatus,
};

/// How many lines the packages of one shipment list together: each is a line of the packing slip.
pub(crate) const CONTENTS_MAX: usize = 2_000;

/// A courier that cannot carry a shipment, and why.
pub type Decline = (CourierCode, String);

/// Units of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineUnits {
    pub line: i32,
    pub units: i64,
}

/// What the check of one line found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCheck {
    pub line: i32,
    pub passed: i64,
    pub failed: i64,
    /// What is wrong with the failed units.
    pub defect: String,
}

impl Order {
    /// The shipment a warehouse command works on, with the rungs they all share.
    fn workable(&self, id: ShipmentId) -> Result<usize, Refusal> {
        let place = self.shipment_place(id)?;
        self.must_be_free()?;
        Ok(place)
    }

    fn move_shipment(
        &mut self,
        desk: &mut Desk,
        place: usize,
        to: ShipmentState,
        kind: EventKind,
        text: impl Into<String>,
    ) -> Result<(), Refusal> {
        let shipment = &mut self.shipments[place];
        let step = match moved(shipment.id.0, shipment.state, to) {
            Ok(step) => step,
            Err(refusal) => {
                let calls = shipment.available_actions();
                return Err(refusal.instead(|| calls).instead(|| self.available_actions()));
            }
        };
        shipment.state = to;
        self.touch_shipment(desk, place);
        self.tell(desk, kind, Some(step), text);
        Ok(())
    }

    pub(super) fn touch_shipment(&mut self, desk: &Desk, place: usize) {
        let shipment = &mut self.shipments[place];
        shipment.version += 1;
        shipment.updated_at = desk.now;
    }

    /// Hands out the pick list. After a failed check, what was set aside for the failed units is reserved anew.
    pub fn start_picking(&mut self, desk: &mut Desk, id: ShipmentId) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        let number = self.shipments[place].number;
        let text = format!("picking of shipment {number} started");
        self.move_shipment(desk, place, ShipmentState::Picking, EventKind::PickingStarted, text)?;
        self.reserve_missing(desk, place)
    }

    /// Units that failed their check or were not found left the reservation; others of the same location take their
    /// place.
    fn reserve_missing(&mut self, desk: &mut Desk, place: usize) -> Result<(), Refusal> {
        self.could_replace(desk, place)?;
        let shipment = self.shipments[place].clone();
        let mut short = Vec::new();
        for item in &shipment.items {
            let missing = self.missing_of(&shipment, item);
            if missing <= 0 {
                continue;
            }

            let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
            let level = desk.level(&item.sku, &shipment.location).cloned();
            let available = level.as_ref().map_or(0, super::StockLevel::available);
            let Some(mut level) = level.filter(|_| available >= missing) else {
                short.push(super::Shortage { sku: item.sku.clone(), wanted: missing, available });
                continue;
            };
            level.reserved += missing;
            desk.keep_level(level);
            let number = i32::try_from(reservation.items.len()).unwrap_or(i32::MAX - 1) + 1;
            reservation.items.push(super::ReservedItem {
                number,
                line: item.line,
                sku: item.sku.clone(),
                location: shipment.location.clone(),
                quantity: missing,
                consumed: 0,
                released: 0,
            });
            reservation.version += 1;
            let (reservation, order) = (Some(reservation.id), Some(self.id));
            let entry = Posting::of(&item.sku, &shipment.location, MovementKind::Reserve);
            post(
                desk,
                Posting { reserved: missing, reservation, order, shipment: Some(id_of(&shipment)), ..entry },
            );
        }
        if short.is_empty() { Ok(()) } else { Err(Refusal::Short(short)) }
    }

    /// Units of an item that nothing is set aside for any more.
    fn missing_of(&self, shipment: &super::Shipment, item: &super::ShipmentItem) -> i64 {
        let reserved = self.current_reservation().map_or(&[][..], |it| &it.items);
        let here = reserved.iter().filter(|it| it.line == item.line && it.location == shipment.location);
        item.quantity - here.map(super::ReservedItem::open).sum::<i64>()
    }

    /// What was taken from the shelf so far; picked is done when every unit is.
    pub fn record_pick(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        picks: &[LineUnits],
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::Picking, "record a pick")?;
        self.add_picks(place, picks).into_result()?;

        let (picked, wanted) = self.picked_of(place);
        let text = format!("{picked} of {wanted} units of shipment {} picked", self.shipments[place].number);
        if picked == wanted {
            return self.move_shipment(desk, place, ShipmentState::Picked, EventKind::ItemsPicked, text);
        }
        self.touch_shipment(desk, place);
        self.tell(desk, EventKind::ItemsPicked, None, text);
        Ok(())
    }

    /// What was taken from the shelf, and what was not found there: that leaves the books, and the shipment is planned
    /// anew. Starting to pick again reserves others in its place.
    pub fn record_short_pick(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        picks: &[LineUnits],
        missing: &[LineUnits],
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::Picking, "record a pick")?;
        let mut problems = self.add_picks(place, picks);

        let mut lost: BTreeMap<usize, i64> = BTreeMap::new();
        for (entry, number) in missing.iter().zip(0..) {
            let items = &self.shipments[place].items;
            let Some(found) = items.iter().position(|it| it.line == entry.line) else {
                problems.add(
                    format!("missing[{number}].line_number"),
                    format!("the shipment has no line {}", entry.line),
                );
                continue;
            };
            let before = lost.entry(found).or_default();
            let left = items[found].quantity - items[found].picked - *before;
            if !(1..=left).contains(&entry.units) {
                let message =
                    format!("{left} units of line {} are left to pick, not {}", entry.line, entry.units);
                problems.add(format!("missing[{number}].quantity"), message);
                continue;
            }
            *before += entry.units;
        }
        problems.into_result()?;

        let mut told = Vec::new();
        for (number, units) in lost {
            self.write_off(desk, place, number, units);
            told.push(format!("line {}: {units}", self.shipments[place].items[number].line));
        }
        let (picked, wanted) = self.picked_of(place);
        let told = told.join("; ");
        let number = self.shipments[place].number;
        let text = format!("{picked} of {wanted} units of shipment {number} picked; not found: {told}");
        self.move_shipment(desk, place, ShipmentState::Planned, EventKind::ItemsPicked, text)?;
        if !self.could_replace(desk, place)? {
            let location = &self.shipments[place].location;
            let note = format!("no stock at {location} replaces what was not found: {told}");
            self.hold(desk, Actor::system(), HoldReason::UnknownDeliveryDate, note);
        }
        Ok(())
    }

    fn picked_of(&self, place: usize) -> (i64, i64) {
        let items = &self.shipments[place].items;
        (items.iter().map(|it| it.picked).sum(), items.iter().map(|it| it.quantity).sum())
    }

    /// Adds what it can; what it cannot are problems.
    fn add_picks(&mut self, place: usize, picks: &[LineUnits]) -> Problems {
        let shipment = &mut self.shipments[place];
        let mut problems = Problems::default();
        for (pick, number) in picks.iter().zip(0..) {
            let Some(item) = shipment.items.iter_mut().find(|it| it.line == pick.line) else {
                problems.add(
                    format!("picks[{number}].line_number"),
                    format!("the shipment has no line {}", pick.line),
                );
                continue;
            };
            let left = item.quantity - item.picked;
            if !(1..=left).contains(&pick.units) {
                let message =
                    format!("{left} units of line {} are left to pick, not {}", pick.line, pick.units);
                problems.add(format!("picks[{number}].quantity"), message);
                continue;
            }
            item.picked += pick.units;
        }
        problems
    }

    fn shipment_must_be(&self, place: usize, state: ShipmentState, what: &str) -> Result<(), Refusal> {
        let shipment = &self.shipments[place];
        if shipment.state == state {
            return Ok(());
        }
        let message = format!("cannot {what}: the shipment is {}, not {state}", shipment.state);
        Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message))
    }

    /// Every picked unit passes or fails. Failed ones are set apart as damaged and picked again.
    pub fn record_quality_check(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        checks: &[LineCheck],
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::Picked, "record a check")?;

        let mut problems = Problems::default();
        let by_line: BTreeMap<i32, &LineCheck> = checks.iter().map(|it| (it.line, it)).collect();
        if by_line.len() != checks.len() {
            problems.add("checks", "name a line twice");
        }
        for (check, number) in checks.iter().zip(0..) {
            if !self.shipments[place].items.iter().any(|it| it.line == check.line) {
                problems.add(
                    format!("checks[{number}].line_number"),
                    format!("the shipment has no line {}", check.line),
                );
            }
        }
        for item in &self.shipments[place].items {
            let check = by_line.get(&item.line);
            let seen = check.map_or(0, |it| it.passed.saturating_add(it.failed));
            if seen != item.quantity || check.is_some_and(|it| it.passed < 0 || it.failed < 0) {
                let message =
                    format!("line {} has {} units to check, {seen} were named", item.line, item.quantity);
                problems.add("checks", message);
            }
        }
        problems.into_result()?;

        let mut defects = Vec::new();
        for number in 0..self.shipments[place].items.len() {
            let item = &mut self.shipments[place].items[number];
            let check = by_line[&item.line];
            item.checked = check.passed;
            item.picked = check.passed;
            if check.failed > 0 {
                defects.push(format!("line {}: {} × {}", check.line, check.failed, check.defect));
                self.set_apart(desk, place, number, check.failed, &check.defect);
            }
        }

        let number = self.shipments[place].number;
        if defects.is_empty() {
            let text = format!("every unit of shipment {number} passed");
            return self.move_shipment(desk, place, ShipmentState::QcPassed, EventKind::QualityPassed, text);
        }
        for item in &mut self.shipments[place].items {
            item.checked = 0;
        }
        let text = format!("shipment {number} failed: {}", defects.join("; "));
        self.move_shipment(desk, place, ShipmentState::QcFailed, EventKind::QualityFailed, text)?;
        if !self.could_replace(desk, place)? {
            let note = format!(
                "no stock at {} replaces what failed: {}",
                self.shipments[place].location,
                defects.join("; ")
            );
            self.hold(desk, Actor::system(), HoldReason::QualityFailure, note);
        }
        Ok(())
    }

    /// Takes failed units out of the reservation and marks them damaged on the shelf.
    fn set_apart(&mut self, desk: &mut Desk, place: usize, number: usize, failed: i64, defect: &str) {
        let mut level = self.take_out(desk, place, number, failed);
        level.damaged += failed;
        let (sku, location) = (level.sku.clone(), level.location.clone());
        desk.keep_level(level);
        let entry = Posting::of(&sku, &location, MovementKind::Damage);
        let (order, shipment) = (Some(self.id), Some(self.shipments[place].id));
        let reason = format!("failed the quality check: {defect}");
        post(desk, Posting { damaged: failed, order, shipment, reason, ..entry });
    }

    /// Takes units that are not on the shelf out of the reservation and off the books.
    fn write_off(&mut self, desk: &mut Desk, place: usize, number: usize, units: i64) {
        let mut level = self.take_out(desk, place, number, units);
        level.on_hand -= units;
        let (sku, location) = (level.sku.clone(), level.location.clone());
        desk.keep_level(level);
        let entry = Posting::of(&sku, &location, MovementKind::Adjust);
        let (order, shipment) = (Some(self.id), Some(self.shipments[place].id));
        let reason = "not found when it was to be picked".to_owned();
        post(desk, Posting { on_hand: -units, order, shipment, reason, ..entry });
    }

    /// Gives units of one item back from the reservation; they are still on the level that this returns.
    fn take_out(&mut self, desk: &mut Desk, place: usize, number: usize, units: i64) -> super::StockLevel {
        let location = self.shipments[place].location.clone();
        let (sku, line) =
            (self.shipments[place].items[number].sku.clone(), self.shipments[place].items[number].line);
        let order = self.id;
        let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
        let id = reservation.id;
        let mut left = units;
        for item in reservation.items.iter_mut().filter(|it| it.line == line && it.location == location) {
            let units = left.min(item.open());
            if units > 0 {
                left -= units;
                give_back_units(desk, item, units, MovementKind::Release, id, Some(order));
            }
        }
        reservation.version += 1;
        assert!(left == 0, "a shipment never picks more than is reserved for it");
        desk.level(&sku, &location).cloned().expect("reserved stock has a level")
    }

    /// Whether the shelf has units for those that nothing is set aside for any more.
    fn could_replace(&self, desk: &mut Desk, place: usize) -> Result<bool, Refusal> {
        let shipment = &self.shipments[place];
        let mut missing: BTreeMap<&super::Sku, i64> = BTreeMap::new();
        for item in &shipment.items {
            *missing.entry(&item.sku).or_default() += self.missing_of(shipment, item);
        }
        let all_there = |desk: &Desk| {
            missing.iter().all(|(sku, units)| {
                desk.level(sku, &shipment.location).map_or(0, super::StockLevel::available) >= *units
            })
        };
        if all_there(&*desk) {
            return Ok(true);
        }
        Ok(expire_overdue(desk, missing.keys().copied(), Some(self.id))? && all_there(&*desk))
    }

    /// Every checked unit goes into exactly one package. Packing again replaces what was packed.
    pub fn pack(&mut self, desk: &mut Desk, id: ShipmentId, packages: Vec<Package>) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        let is_packed = self.shipments[place].state == ShipmentState::Packed;
        if !is_packed {
            self.shipment_must_be(place, ShipmentState::QcPassed, "pack")?;
        }

        let contents: usize = packages.iter().map(|it| it.contents.len()).sum();
        if contents > CONTENTS_MAX {
            let message = format!("the packages of a shipment list at most {CONTENTS_MAX} lines together");
            return Err(self.unmet_shipment(Reason::LimitReached, &self.shipments[place], message));
        }

        let mut problems = Problems::default();
        let mut packed: BTreeMap<i32, i64> = BTreeMap::new();
        for (package, number) in packages.iter().zip(0..) {
            for (content, position) in package.contents.iter().zip(0..) {
                if !self.shipments[place].items.iter().any(|it| it.line == content.line) {
                    let field = format!("packages[{number}].contents[{position}].line_number");
                    problems.add(field, format!("the shipment has no line {}", content.line));
                }
                if content.quantity < 1 {
                    let field = format!("packages[{number}].contents[{position}].quantity");
                    problems.add(field, "must be at least 1");
                }
                let sum = packed.entry(content.line).or_default();
                *sum = sum.saturating_add(content.quantity);
            }
        }
        problems.into_result()?;
        for item in &self.shipments[place].items {
            let units = packed.get(&item.line).copied().unwrap_or(0);
            if units != item.checked {
                let message = format!(
                    "line {} has {} checked units, the packages contain {units}",
                    item.line, item.checked
                );
                return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[place], message));
            }
        }

        if is_packed {
            let text = "unpacked to be packed again";
            self.move_shipment(desk, place, ShipmentState::QcPassed, EventKind::ShipmentUnpacked, text)?;
        }
        let shipment = &mut self.shipments[place];
        for item in &mut shipment.items {
            item.packed = item.checked;
        }
        let weight: i64 = packages.iter().map(|it| it.weight_grams).sum();
        let text = format!("{} packages, {weight} g", packages.len());
        shipment.packages = packages;
        self.move_shipment(desk, place, ShipmentState::Packed, EventKind::ShipmentPacked, text)
    }

    /// The label in text and ZPL, under a tracking number of our own.
    pub fn create_label(&mut self, desk: &mut Desk, id: ShipmentId) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::Packed, "create a label")?;

        // Each label carries a number of its own: the paper of a voided one may still be around.
        let number = tracking_number(desk.ids.fresh());
        let label = Label {
            text: label_text(self, &self.shipments[place], &number),
            zpl: label_zpl(self, &self.shipments[place], &number),
            tracking_number: number.clone(),
            created_at: desk.now,
            created_by: desk.actor.clone(),
        };
        self.shipments[place].label = Some(label);
        let text = format!("label {number}");
        self.move_shipment(desk, place, ShipmentState::Labelled, EventKind::LabelCreated, text)
    }

    /// Takes the label back, and the courier with it, so that the shipment can be packed anew.
    pub fn void_label(&mut self, desk: &mut Desk, id: ShipmentId) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        if self.shipments[place].state == ShipmentState::CourierAssigned {
            let text = "courier released with its label";
            self.move_shipment(desk, place, ShipmentState::Labelled, EventKind::LabelVoided, text)?;
            self.shipments[place].assignment = None;
        }
        self.shipment_must_be(place, ShipmentState::Labelled, "void the label")?;

        let number = self.shipments[place].label.take().map(|it| it.tracking_number).unwrap_or_default();
        let text = format!("label {number} voided");
        self.move_shipment(desk, place, ShipmentState::Packed, EventKind::LabelVoided, text)
    }

    /// What each courier offers for a shipment, and what it says if it cannot.
    pub fn quotes(
        &self,
        desk: &Desk,
        id: ShipmentId,
        service: Option<ServiceLevel>,
    ) -> Result<(Vec<Quote>, Vec<Decline>), Refusal> {
        let place = self.shipment_place(id)?;
        let shipment = &self.shipments[place];
        let packed = shipment.packages.iter().map(|it| it.weight_grams).sum::<i64>();
        let by_units =
            shipment.items.iter().map(|it| it.weight_grams.saturating_mul(it.quantity)).sum::<i64>();
        let weight = if packed > 0 { packed } else { by_units };
        let region = desk.location(&shipment.location).map(|it| it.region.clone());
        let region = region.or_else(|| self.region.clone()).expect("a planned shipment has a region");

        let mut offers = Vec::new();
        let mut refusals = Vec::new();
        let services = service.map_or_else(|| ServiceLevel::ALL.to_vec(), |it| vec![it]);
        for (courier, rating) in desk.couriers() {
            let mut reasons = Vec::new();
            for service in &services {
                let currency = self.amounts.currency;
                match quote(
                    courier,
                    *service,
                    &region,
                    weight,
                    currency,
                    desk.now,
                    shipment.promised_by,
                    rating,
                ) {
                    Ok(offer) => offers.push(offer),
                    Err(why) => reasons.push(format!("{service}: {why}")),
                }
            }
            if reasons.len() == services.len() {
                refusals.push((courier.code.clone(), reasons.join("; ")));
            }
        }
        offers.sort_by_key(|it| (it.price_minor, it.delivery_at));
        Ok((offers, refusals))
    }

    /// The offer to take of these, and why. Without a wish, the service that was ordered and every faster one may
    /// carry the shipment.
    pub fn preferred(&self, offers: &[Quote], service: Option<ServiceLevel>) -> Option<(Quote, String)> {
        let mut offers = offers.to_vec();
        if service.is_none() {
            offers.retain(|it| it.service >= self.service);
        }
        choose(&offers).map(|(offer, reason)| (offer.clone(), reason))
    }

    /// Chooses the courier: the one that was named, or the cheapest that keeps the promise.
    pub fn assign_courier(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        courier: Option<&CourierCode>,
        service: Option<ServiceLevel>,
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        let is_assigned = self.shipments[place].state == ShipmentState::CourierAssigned;
        if !is_assigned {
            self.shipment_must_be(place, ShipmentState::Labelled, "assign a courier")?;
        }
        if let Some(code) = courier
            && desk.courier(code).is_none()
        {
            return Err(Refusal::not_found("courier", code));
        }

        let (mut offers, refusals) = self.quotes(desk, id, service)?;
        offers.retain(|it| courier.is_none_or(|code| it.courier == *code));
        let Some((offer, reason)) = self.preferred(&offers, service) else {
            let why: Vec<String> = refusals.iter().map(|(code, why)| format!("{code}: {why}")).collect();
            let why = if why.is_empty() { "no courier has a rate for it".to_owned() } else { why.join("; ") };
            let message = format!("no courier carries this shipment: {why}");
            return Err(self.unmet_shipment(Reason::NoCourier, &self.shipments[place], message));
        };
        let reason = match courier {
            Some(_) => format!("named by {}; {reason}", desk.actor),
            None => reason,
        };
        let assignment = Assignment {
            courier: offer.courier.clone(),
            service: offer.service,
            price: offer.currency.of(offer.price_minor),
            pickup_at: offer.pickup_at,
            delivery_at: offer.delivery_at,
            reason: reason.clone(),
            assigned_by: desk.actor.clone(),
            assigned_at: desk.now,
        };
        if is_assigned {
            let text = "courier released to be chosen again";
            self.move_shipment(desk, place, ShipmentState::Labelled, EventKind::CourierReleased, text)?;
        }
        let text = format!("{} {}: {reason}", assignment.courier, assignment.service);
        let shipment = &mut self.shipments[place];
        shipment.estimated_at = Some(assignment.delivery_at);
        shipment.assignment = Some(assignment);
        self.move_shipment(desk, place, ShipmentState::CourierAssigned, EventKind::CourierAssigned, text)
    }

    /// The handover: from here on the goods are on the road, and out of stock.
    pub fn confirm_pickup(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        driver: &str,
        packages: i32,
        at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let place = self.workable(id)?;
        self.shipment_must_be(place, ShipmentState::CourierAssigned, "confirm the pickup")?;
        let have = i32::try_from(self.shipments[place].packages.len()).unwrap_or(i32::MAX);
        if packages != have {
            let message = format!("the shipment has {have} packages, {packages} were handed over");
            return Err(self.unmet_shipment(Reason::QuantityMismatch, &self.shipments[place], message));
        }
        let at = at.unwrap_or(desk.now).min(desk.now);

        self.consume_stock(desk, place)?;
        let shipment = &mut self.shipments[place];
        shipment.handover =
            Some(Handover { at, driver: driver.to_owned(), packages, confirmed_by: desk.actor.clone() });
        let text = format!("{packages} packages handed over");
        self.move_shipment(desk, place, ShipmentState::PickedUp, EventKind::ShipmentPickedUp, text)?;
        self.add_handover_scan(desk, place, at);
        self.notify(desk, MessageKind::Shipped, Some(id), 0);
        self.progress(desk)
    }

    /// The handover is the first tracking event, so that what follows is a function of the events alone.
    fn add_handover_scan(&mut self, desk: &Desk, place: usize, at: Timestamp) {
        let shipment = &mut self.shipments[place];
        let where_from = shipment.location.to_string();
        let status = TrackingStatus::PickedUp;
        shipment.tracking.push(TrackingEvent {
            sequence: i64::try_from(shipment.tracking.len()).unwrap_or(i64::MAX - 1) + 1,
            status,
            incident: String::new(),
            key: key(status, at, &where_from, "HANDOVER", ""),
            place: where_from,
            occurred_at: at,
            recorded_at: desk.now,
            estimated_at: shipment.estimated_at,
            source: desk.actor.clone(),
            raw_code: "HANDOVER".to_owned(),
            description: "handed over to the courier".to_owned(),
        });
    }

    fn consume_stock(&mut self, desk: &mut Desk, place: usize) -> Result<(), Refusal> {
        let shipment = self.shipments[place].clone();
        let order = self.id;
        let last = self.live_shipments().all(|it| it.id == shipment.id || it.handover.is_some());
        let reservation = self.open_reservation().expect("an order in fulfilment has its reservation");
        for packed in &shipment.items {
            let mut left = packed.packed;
            let here =
                |it: &&mut super::ReservedItem| it.line == packed.line && it.location == shipment.location;
            for item in reservation.items.iter_mut().filter(here) {
                let units = left.min(item.open());
                if units == 0 {
                    continue;
                }
                left -= units;
                item.consumed += units;
                let mut level =
                    desk.level(&item.sku, &item.location).cloned().expect("reserved stock has a level");
                level.on_hand -= units;
                level.reserved -= units;
                desk.keep_level(level);
                let entry = Posting::of(&item.sku, &item.location, MovementKind::Ship);
                post(
                    desk,
                    Posting {
                        on_hand: -units,
                        reserved: -units,
                        reservation: Some(reservation.id),
                        order: Some(order),
                        shipment: Some(shipment.id),
                        ..entry
                    },
                );
            }
            assert!(left == 0, "a shipment never packs more than is reserved for it");
        }

        // With units of another shipment set apart by its check, nothing may be left and still something be to come.
        let to = if last { ReservationState::Consumed } else { ReservationState::PartiallyConsumed };
        reservation.version += 1;
        if reservation.state == to {
            return Ok(());
        }
        let step = moved(reservation.id.0, reservation.state, to)?;
        reservation.state = to;
        self.tell(desk, EventKind::ReservationConsumed, Some(step), "shipped units left the reservation");
        Ok(())
    }

    /// The order follows its shipments.
    pub(super) fn progress(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let live: Vec<ShipmentState> = self.live_shipments().map(|it| it.state).collect();
        let delivered = live.iter().filter(|it| **it == ShipmentState::Delivered).count();
        let on_road = live.iter().filter(|it| it.is_handed_over()).count();
        let to = if live.is_empty() || on_road == 0 {
            return Ok(());
        } else if delivered == live.len() {
            OrderState::Delivered
        } else if delivered > 0 {
            OrderState::PartiallyDelivered
        } else if on_road == live.len() {
            OrderState::Shipped
        } else {
            OrderState::PartiallyShipped
        };
        if self.state == to || !self.state.may_become(to) {
            return Ok(());
        }
        let kind = match to {
            OrderState::Delivered | OrderState::PartiallyDelivered => EventKind::OrderDelivered,
            _ => EventKind::OrderShipped,
        };
        let text = format!("{on_road} of {} shipments under way, {delivered} delivered", live.len());
        self.go_automatic(desk, to, kind, text)?;
        if to == OrderState::Delivered {
            self.confirm_to_customer(desk);
        }
        Ok(())
    }
}

fn id_of(shipment: &super::Shipment) -> ShipmentId {
    shipment.id
}
