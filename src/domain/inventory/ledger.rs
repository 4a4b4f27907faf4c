//! Postings: the only way in which a stock level changes.

use crate::domain::inventory::allocate::Take;
use crate::domain::model::lot::LotName;
use crate::domain::model::reservation::{Reservation, ReservedItem};
use crate::domain::model::scalars::{LocationCode, OrderId, ReservationId, ShipmentId, Sku, TransferId};
use crate::domain::model::stock::{Movement, MovementKind, StockLevel};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Sets the planned units aside.
pub(in crate::domain) fn set_aside(
    unit: &mut UnitOfWork,
    takes: &[Take],
    reservation: ReservationId,
    order: Option<OrderId>,
) {
    for take in takes {
        let mut level = unit
            .level(&take.sku, &take.location)
            .cloned()
            .expect("a plan takes only from levels that were found");
        assert!(level.available(unit.now) >= take.quantity, "a plan takes only what is available");
        level.reserved += take.quantity;
        unit.keep_level(level);
        post(
            unit,
            Posting {
                reserved: take.quantity,
                reservation: Some(reservation),
                order,
                ..posting(take, MovementKind::Reserve)
            },
        );
    }
}

/// One entry for the stock ledger; the unit of work adds who and when.
pub(in crate::domain) struct Posting<'a> {
    pub(in crate::domain) sku: &'a Sku,
    pub(in crate::domain) location: &'a LocationCode,
    pub(in crate::domain) kind: MovementKind,
    pub(in crate::domain) on_hand: i64,
    pub(in crate::domain) reserved: i64,
    pub(in crate::domain) damaged: i64,
    pub(in crate::domain) quality_hold: i64,
    pub(in crate::domain) reservation: Option<ReservationId>,
    pub(in crate::domain) order: Option<OrderId>,
    pub(in crate::domain) shipment: Option<ShipmentId>,
    pub(in crate::domain) transfer: Option<TransferId>,
    pub(in crate::domain) reason: String,
    pub(in crate::domain) lot: Option<LotName>,
}

impl<'a> Posting<'a> {
    pub(in crate::domain) fn of(sku: &'a Sku, location: &'a LocationCode, kind: MovementKind) -> Self {
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
            transfer: None,
            reason: String::new(),
            lot: None,
        }
    }
}

fn posting(take: &Take, kind: MovementKind) -> Posting<'_> {
    Posting::of(&take.sku, &take.location, kind)
}

pub(in crate::domain) fn post(unit: &mut UnitOfWork, posting: Posting<'_>) {
    let movement = Movement {
        id: unit.ids.fresh(),
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
        transfer: posting.transfer,
        reason: posting.reason,
        actor: unit.actor.clone(),
        at: unit.now,
        lot: posting.lot,
    };
    unit.changes.movements.push(movement);
}

/// Gives back whatever a reservation still has.
pub(super) fn give_back(unit: &mut UnitOfWork, reservation: &mut Reservation, kind: MovementKind) {
    let (id, order) = (reservation.id, reservation.order);
    for item in &mut reservation.items {
        let units = item.open();
        if units > 0 {
            give_back_units(unit, item, units, kind, id, order);
        }
    }
}

/// Gives back some units of one item.
pub(in crate::domain) fn give_back_units(
    unit: &mut UnitOfWork,
    item: &mut ReservedItem,
    units: i64,
    kind: MovementKind,
    reservation: ReservationId,
    order: Option<OrderId>,
) {
    let mut level = unit.level(&item.sku, &item.location).cloned().expect("reserved stock has a level");
    level.reserved -= units;
    unit.keep_level(level);
    item.released += units;
    let entry = Posting::of(&item.sku, &item.location, kind);
    post(unit, Posting { reserved: -units, reservation: Some(reservation), order, ..entry });
}

/// Units that go from one reservation, or one of its items, to another: given back and set aside in the same moment, so that
/// the level stays as it is. The caller adds them to the other.
pub(super) fn hand_on(
    unit: &mut UnitOfWork,
    item: &mut ReservedItem,
    units: i64,
    from: (ReservationId, Option<OrderId>),
    to: (ReservationId, Option<OrderId>),
) {
    item.released += units;
    let moves = [(MovementKind::Release, -units, from), (MovementKind::Reserve, units, to)];
    for (kind, reserved, (reservation, order)) in moves {
        let entry = Posting::of(&item.sku, &item.location, kind);
        post(unit, Posting { reserved, reservation: Some(reservation), order, ..entry });
    }
}

/// A level that a command changed, and its entry in the ledger.
#[derive(Debug, Clone)]
pub struct Posted {
    pub level: Option<StockLevel>,
    /// None: no units moved.
    pub movement: Option<Movement>,
}

impl Posted {
    pub(super) fn of(unit: &UnitOfWork<'_>, sku: &Sku, location: &LocationCode) -> Self {
        Self { level: unit.level(sku, location).cloned(), movement: unit.changes.movements.last().cloned() }
    }
}
