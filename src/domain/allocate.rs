//! Steps 3 and 4: what is there, and setting it aside, all lines or none.
//!
//! Nothing is promised twice: a level's `reserved` rises with every reserved unit and never passes what is on hand,
//! and units that older orders wait for are not there for newer ones.

use std::collections::BTreeMap;
use std::time::Duration;

use super::case::{born, moved};
use super::{
    AvailabilityFound, Desk, EventKind, LineAvailability, LocationCode, MessageKind, Movement, MovementKind,
    OnShortage, Order, OrderId, OrderState, Reason, Refusal, RegionCode, Reservation, ReservationId,
    ReservationState, ReservedItem, ServiceLevel, Shortage, Sku, StockLevel, Timestamp,
};

impl StockLevel {
    pub fn empty(sku: Sku, location: LocationCode, at: Timestamp) -> Self {
        Self {
            sku,
            location,
            version: 0,
            on_hand: 0,
            reserved: 0,
            damaged: 0,
            quality_hold: 0,
            safety_stock: 0,
            reorder_point: None,
            reorder_up_to: None,
            updated_at: at,
        }
    }

    /// What a new reservation may take, never below zero.
    pub fn available(&self) -> i64 {
        (self.free() - self.safety_stock).max(0)
    }

    /// What nobody has a claim on, safety stock included.
    pub fn free(&self) -> i64 {
        self.on_hand - self.reserved - self.damaged - self.quality_hold
    }
}

/// How many shelves one order takes its stock from: a hundred lines from twenty locations each. One that needs more goes
/// on waiting if it waits, until a larger delivery comes.
pub(crate) const ITEMS_MAX: usize = 2_000;
/// How many locations are noted with each line of an order, those first that come first by priority.
pub(crate) const LOCATIONS_NOTED_MAX: usize = 20;

/// One demand on stock: a line of an order or of another caller's reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub line: i32,
    pub sku: Sku,
    pub quantity: i64,
}

/// Where one need is served from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Take {
    pub line: i32,
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
}

/// What a region has of a product for somebody for whom `spoken_for` units are out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Supply {
    pub total: i64,
    /// In order of the locations' priority.
    pub by_location: Vec<(LocationCode, i64)>,
}

pub(super) fn supply(desk: &Desk, region: &RegionCode, sku: &Sku, spoken_for: i64) -> Supply {
    let mut found: Vec<(i32, LocationCode, i64)> = desk
        .levels(sku)
        .into_iter()
        .filter_map(|level| {
            let location = desk.location(&level.location).filter(|it| it.region == *region)?;
            Some((location.priority, level.location.clone(), level.available()))
        })
        .collect();
    found.sort();

    let total: i64 = found.iter().map(|it| it.2).sum();
    Supply {
        total: (total - spoken_for).max(0),
        by_location: found.into_iter().map(|(_, location, units)| (location, units)).collect(),
    }
}

/// What is there for these needs, and when all of it could be with the customer; None if something is short.
pub(super) fn availability(
    desk: &Desk,
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
    service: ServiceLevel,
    requested_by: Option<Timestamp>,
) -> (AvailabilityFound, Option<Timestamp>) {
    let mut taken: BTreeMap<&Sku, i64> = BTreeMap::new();
    let lines: Vec<LineAvailability> = needs
        .iter()
        .map(|need| {
            let Supply { total, by_location } =
                supplies.get(&need.sku).cloned().unwrap_or(Supply { total: 0, by_location: Vec::new() });
            let earlier = taken.entry(&need.sku).or_default();
            let available = (total - *earlier).max(0);
            let on_shelves = by_location.iter().map(|it| it.1).sum::<i64>() - *earlier;
            *earlier = earlier.saturating_add(need.quantity);
            let shortage = if available >= need.quantity {
                String::new()
            } else if by_location.is_empty() {
                "not stocked at any location of the region".to_owned()
            } else if on_shelves > available {
                format!("{available} of {} available: orders that wait come first", need.quantity)
            } else {
                format!("{available} of {} available", need.quantity)
            };
            LineAvailability {
                line: need.line,
                sku: need.sku.clone(),
                wanted: need.quantity,
                available,
                by_location,
                shortage,
            }
        })
        .collect();

    let all_there = lines.iter().all(|it| it.shortage.is_empty());
    let ship_at = desk.now.plus(Duration::from_secs(u64::from(desk.rules.handling_hours) * 3600));
    let delivery_at = earliest_delivery(desk, service, ship_at);
    let found = AvailabilityFound {
        at: desk.now,
        lines,
        earliest_ship_at: all_there.then_some(ship_at),
        requested_date_feasible: requested_by.map(|it| all_there && it >= delivery_at),
    };
    (found, all_there.then_some(delivery_at))
}

/// Chooses locations for all needs, or says what is short. One location that has everything is preferred, then as
/// few as the order of priority gives.
pub(super) fn plan(
    needs: &[Need],
    supplies: &BTreeMap<Sku, Supply>,
) -> Result<(Vec<Take>, String), Vec<Shortage>> {
    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    for need in needs {
        *wanted.entry(&need.sku).or_default() += need.quantity;
    }
    let total = |sku: &Sku| supplies.get(sku).map_or(0, |it| it.total);
    let short: Vec<Shortage> = wanted
        .iter()
        .filter(|(sku, units)| total(sku) < **units)
        .map(|(sku, units)| Shortage { sku: (*sku).clone(), wanted: *units, available: total(sku) })
        .collect();
    if !short.is_empty() {
        return Err(short);
    }

    let units_at = |sku: &Sku, location: &LocationCode| {
        let places = supplies.get(sku).map(|it| it.by_location.as_slice()).unwrap_or_default();
        places.iter().find(|it| it.0 == *location).map_or(0, |it| it.1)
    };
    let candidates = needs.first().and_then(|it| supplies.get(&it.sku)).map(|it| it.by_location.as_slice());
    let single = candidates
        .unwrap_or_default()
        .iter()
        .map(|it| &it.0)
        .find(|location| wanted.iter().all(|(sku, units)| units_at(sku, location) >= *units));
    if let Some(location) = single {
        let takes = needs.iter().map(|need| Take {
            line: need.line,
            sku: need.sku.clone(),
            location: location.clone(),
            quantity: need.quantity,
        });
        return Ok((takes.collect(), format!("{location} has every line and comes first by priority")));
    }

    let mut left: BTreeMap<&Sku, Vec<(LocationCode, i64)>> =
        supplies.iter().map(|(sku, supply)| (sku, supply.by_location.clone())).collect();
    let mut takes = Vec::new();
    for need in needs {
        let mut open = need.quantity;
        for (location, units) in left.get_mut(&need.sku).map(Vec::as_mut_slice).unwrap_or_default() {
            let taken = open.min(*units);
            if taken > 0 {
                *units -= taken;
                open -= taken;
                takes.push(Take {
                    line: need.line,
                    sku: need.sku.clone(),
                    location: location.clone(),
                    quantity: taken,
                });
            }
        }
        assert!(open == 0, "the sum over the locations was checked above");
    }
    Ok((takes, "no single location has every line: split in order of the locations' priority".to_owned()))
}

/// Sets the planned units aside.
pub(super) fn set_aside(desk: &mut Desk, takes: &[Take], reservation: ReservationId, order: Option<OrderId>) {
    for take in takes {
        let mut level = desk
            .level(&take.sku, &take.location)
            .cloned()
            .expect("a plan takes only from levels that were found");
        assert!(level.available() >= take.quantity, "a plan takes only what is available");
        level.reserved += take.quantity;
        desk.keep_level(level);
        post(
            desk,
            Posting {
                reserved: take.quantity,
                reservation: Some(reservation),
                order,
                ..posting(take, MovementKind::Reserve)
            },
        );
    }
}

/// One entry for the stock ledger, with who and when left to the desk.
pub(super) struct Posting<'a> {
    pub(super) sku: &'a Sku,
    pub(super) location: &'a LocationCode,
    pub(super) kind: MovementKind,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) damaged: i64,
    pub(super) quality_hold: i64,
    pub(super) reservation: Option<ReservationId>,
    pub(super) order: Option<OrderId>,
    pub(super) shipment: Option<super::ShipmentId>,
    pub(super) reason: String,
}

impl<'a> Posting<'a> {
    pub(super) fn of(sku: &'a Sku, location: &'a LocationCode, kind: MovementKind) -> Self {
        Self {
            sku,
            location,
            kind,
            on_hand: 0,
            reserved: 0,
            damaged: 0,
            quality_hold: 0,
            reservation: None,
            order: None,
            shipment: None,
            reason: String::new(),
        }
    }
}

fn posting(take: &Take, kind: MovementKind) -> Posting<'_> {
    Posting::of(&take.sku, &take.location, kind)
}

pub(super) fn post(desk: &mut Desk, posting: Posting<'_>) {
    let movement = Movement {
        id: desk.ids.fresh(),
        sku: posting.sku.clone(),
        location: posting.location.clone(),
        kind: posting.kind,
        on_hand: posting.on_hand,
        reserved: posting.reserved,
        damaged: posting.damaged,
        quality_hold: posting.quality_hold,
        reservation: posting.reservation,
        order: posting.order,
        shipment: posting.shipment,
        reason: posting.reason,
        actor: desk.actor.clone(),
        at: desk.now,
    };
    desk.changes.movements.push(movement);
}

/// Gives back whatever a reservation still holds.
pub(super) fn give_back(desk: &mut Desk, reservation: &mut Reservation, kind: MovementKind) {
    let (id, order) = (reservation.id, reservation.order);
    for item in &mut reservation.items {
        let units = item.open();
        if units > 0 {
            give_back_units(desk, item, units, kind, id, order);
        }
    }
}

/// Gives back some units of one item.
pub(super) fn give_back_units(
    desk: &mut Desk,
    item: &mut ReservedItem,
    units: i64,
    kind: MovementKind,
    reservation: ReservationId,
    order: Option<OrderId>,
) {
    let mut level = desk.level(&item.sku, &item.location).cloned().expect("reserved stock has a level");
    level.reserved -= units;
    desk.keep_level(level);
    item.released += units;
    let entry = Posting::of(&item.sku, &item.location, kind);
    post(desk, Posting { reserved: -units, reservation: Some(reservation), order, ..entry });
}

impl Order {
    pub(super) fn needs(&self) -> Vec<Need> {
        self.lines
            .iter()
            .map(|it| Need { line: it.number, sku: it.sku.clone(), quantity: it.quantity })
            .collect()
    }

    fn supplies(&self, desk: &Desk, region: &RegionCode) -> BTreeMap<Sku, Supply> {
        let waits = self.state == OrderState::AwaitingStock;
        self.lines
            .iter()
            .map(|line| {
                let spoken_for = match waits {
                    true => desk.awaited_before(self.id, &line.sku),
                    false => desk.awaited(region, &line.sku),
                };
                (line.sku.clone(), supply(desk, region, &line.sku, spoken_for))
            })
            .collect()
    }

    /// Step 3 and 4 together. Refused only when the order does not wait for stock.
    pub(super) fn reserve(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let region = self.region.clone().expect("a verified order has a region");
        let needs = self.needs();
        let mut supplies = self.supplies(desk, &region);
        let mut planned = plan(&needs, &supplies);
        if planned.is_err() && expire_overdue(desk, needs.iter().map(|it| &it.sku), Some(self.id))? {
            supplies = self.supplies(desk, &region);
            planned = plan(&needs, &supplies);
        }
        self.note_availability(desk, &supplies);

        match planned {
            Ok((takes, _)) if takes.len() > ITEMS_MAX => {
                let message = format!("an order takes its stock from at most {ITEMS_MAX} shelves");
                let waits = self.state == OrderState::AwaitingStock;
                if waits { Ok(()) } else { Err(self.unmet(Reason::LimitReached, message)) }
            }
            Ok((takes, reason)) => self.hold_stock(desk, &takes, reason),
            Err(short) => match (self.state, self.on_shortage) {
                (OrderState::AwaitingStock, _) => Ok(()),
                (_, OnShortage::Refuse) => Err(Refusal::Short(short)),
                (_, OnShortage::Wait) => {
                    self.go_automatic(
                        desk,
                        OrderState::AwaitingStock,
                        EventKind::StockAwaited,
                        shortage_words(&short),
                    )?;
                    self.wait_for_stock(desk, 1);
                    self.notify(desk, MessageKind::AwaitingStock, None, 0);
                    Ok(())
                }
            },
        }
    }

    fn hold_stock(&mut self, desk: &mut Desk, takes: &[Take], reason: String) -> Result<(), Refusal> {
        if self.state == OrderState::AwaitingStock {
            self.stop_waiting(desk);
        }

        let id: ReservationId = desk.ids.fresh();
        set_aside(desk, takes, id, Some(self.id));
        let lifetime = self.reservation_lifetime(desk);
        self.reservations.push(Reservation {
            id,
            version: 1,
            order: Some(self.id),
            reference: String::new(),
            state: ReservationState::Held,
            expires_at: Some(desk.now.plus(lifetime)),
            items: reserved_items(takes),
            plan: reason.clone(),
            created_by: desk.actor.clone(),
            created_at: desk.now,
        });

        let step = born(id.0, ReservationState::Held);
        self.tell_automatic(desk, EventKind::InventoryReserved, Some(step), reason);
        self.go_automatic(
            desk,
            OrderState::Reserved,
            EventKind::InventoryReserved,
            format!("reserved as {id}"),
        )
    }

    pub(super) fn reservation_lifetime(&self, desk: &Desk) -> Duration {
        self.reservation_lifetime_seconds.map_or(desk.rules.reservation_lifetime(), Duration::from_secs)
    }

    /// Adds the order's units to what is waited for (`sign` 1) or takes them off (−1).
    fn wait_for_stock(&self, desk: &mut Desk, sign: i64) {
        let Some(region) = &self.region else { return };
        for line in &self.lines {
            *desk.changes.awaited.entry((region.clone(), line.sku.clone())).or_default() +=
                sign * line.quantity;
        }
    }

    pub(super) fn stop_waiting(&self, desk: &mut Desk) {
        self.wait_for_stock(desk, -1);
        let Some(region) = &self.region else { return };
        for line in &self.lines {
            desk.changes.stopped_waiting.push((self.number, region.clone(), line.sku.clone(), line.quantity));
        }
    }

    fn note_availability(&mut self, desk: &Desk, supplies: &BTreeMap<Sku, Supply>) {
        let (mut found, delivery_at) =
            availability(desk, &self.needs(), supplies, self.service, self.requested_by);
        for line in &mut found.lines {
            line.by_location.truncate(LOCATIONS_NOTED_MAX);
        }
        self.promised_by = delivery_at.map(|it| self.requested_by.map_or(it, |requested| requested.max(it)));
        self.availability = Some(found);
    }

    pub fn current_reservation(&self) -> Option<&Reservation> {
        self.reservations.last().filter(|it| it.is_open())
    }

    pub(super) fn open_reservation(&mut self) -> Option<&mut Reservation> {
        self.reservations.last_mut().filter(|it| it.is_open())
    }

    /// Stock is paid for: the hold no longer expires.
    pub(super) fn confirm_reservation(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let Some(reservation) = self.open_reservation() else { return Ok(()) };
        if reservation.state != ReservationState::Held {
            return Ok(());
        }
        let step = moved(reservation.id.0, reservation.state, ReservationState::Confirmed)?;
        reservation.state = ReservationState::Confirmed;
        reservation.expires_at = None;
        reservation.version += 1;
        self.tell_automatic(
            desk,
            EventKind::ReservationConfirmed,
            Some(step),
            "paid: the reservation no longer expires",
        );
        Ok(())
    }

    /// Keeps the hold from expiring while money is under way (`None`), or lets it expire again.
    pub(super) fn pin_reservation(&mut self, until: Option<Timestamp>) {
        if let Some(reservation) = self.open_reservation()
            && reservation.state == ReservationState::Held
            && reservation.expires_at != until
        {
            reservation.expires_at = until;
            reservation.version += 1;
        }
    }

    /// Ends the current reservation and gives its stock back.
    pub(super) fn release_reservation(
        &mut self,
        desk: &mut Desk,
        to: ReservationState,
    ) -> Result<(), Refusal> {
        let Some(place) = self.reservations.iter().rposition(Reservation::is_open) else { return Ok(()) };
        let mut reservation = self.reservations.remove(place);
        let step = moved(reservation.id.0, reservation.state, to)?;
        let (kind, movement) = match to {
            ReservationState::Expired => (EventKind::ReservationExpired, MovementKind::Expire),
            ReservationState::Held
            | ReservationState::Confirmed
            | ReservationState::PartiallyConsumed
            | ReservationState::Consumed
            | ReservationState::Released => (EventKind::ReservationReleased, MovementKind::Release),
        };
        give_back(desk, &mut reservation, movement);
        reservation.state = to;
        reservation.expires_at = None;
        reservation.version += 1;
        let text = format!("reservation {} is {to}; its stock is free again", reservation.id);
        self.reservations.insert(place, reservation);
        self.tell(desk, kind, Some(step), text);
        Ok(())
    }
}

/// Ends the expired reservations of these products, but not those of the order that asks; says whether there was
/// one. So a reservation that nobody has swept yet never makes an order short.
pub(super) fn expire_overdue<'s>(
    desk: &mut Desk,
    skus: impl Iterator<Item = &'s Sku>,
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let overdue = desk.overdue(skus);
    expire(desk, overdue, except)
}

/// Ends every overdue hold that was loaded; says whether there was one.
pub fn free_overdue(desk: &mut Desk) -> Result<bool, Refusal> {
    let overdue = desk.all_overdue();
    expire(desk, overdue, None)
}

fn expire(
    desk: &mut Desk,
    (orders, reservations): (&[OrderId], &[ReservationId]),
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let mut any = false;
    for id in orders {
        let overdue = |it: &Order| it.current_reservation().is_some_and(|it| it.is_overdue(desk.now));
        if Some(*id) == except || !desk.order(*id).is_ok_and(overdue) {
            continue;
        }
        let mut order = desk.take_order(*id)?;
        order.expire(desk)?;
        desk.keep_order(order);
        any = true;
    }
    for id in reservations {
        if desk.reservation(*id).is_ok_and(|it| it.is_overdue(desk.now)) {
            super::inventory::expire_reservation(desk, *id)?;
            any = true;
        }
    }
    Ok(any)
}

pub(super) fn reserved_items(takes: &[Take]) -> Vec<ReservedItem> {
    takes
        .iter()
        .zip(1..)
        .map(|(take, number)| ReservedItem {
            number,
            line: take.line,
            sku: take.sku.clone(),
            location: take.location.clone(),
            quantity: take.quantity,
            consumed: 0,
            released: 0,
        })
        .collect()
}

fn earliest_delivery(desk: &Desk, service: ServiceLevel, ship_at: Timestamp) -> Timestamp {
    ship_at.plus(Duration::from_secs(u64::from(desk.rules.transit_days(service)) * 86_400))
}

fn shortage_words(short: &[Shortage]) -> String {
    let parts: Vec<String> =
        short.iter().map(|it| format!("{} of {} {} available", it.available, it.wanted, it.sku)).collect();
    format!("waits for stock: {}", parts.join("; "))
}
