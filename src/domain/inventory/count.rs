//! Counts: the books say what is there, whatever was promised. Reservations that do not fit any more move elsewhere.

use std::cmp::Reverse;

use crate::domain::inventory::expire::{release_expired_of, release_unfit};
use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::receive::bounded_sum;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, OrderId, ReservationId, Sku};
use crate::domain::model::stock::{Movement, MovementKind};
use crate::domain::unit::command::{Command, conclude};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How many reservations one decision takes out of a shelf. What is over then is left to the next decision, which a worker
/// makes at once.
pub(crate) const TOUCHED_MAX: usize = 50;

/// Books the number of units that are there, picked and packed ones included.
#[derive(Debug, Clone)]
pub struct CountStock {
    pub sku: Sku,
    pub location: LocationCode,
    pub counted: i64,
    /// The number of the count sheet, or why it was counted.
    pub note: String,
    /// The level's; empty: any version.
    pub etag: String,
}

/// What a count did.
#[derive(Debug, Clone)]
pub struct Counted {
    pub posted: Posted,
    /// Orders whose units are not there; each has others now, or waits, or is held.
    pub orders: Vec<OrderId>,
    /// Other callers' reservations that were released.
    pub released: Vec<ReservationId>,
}

impl Command for CountStock {
    const NAME: &'static str = "CountStock";
    type Output = Counted;

    fn reads(&self) -> ReadSet {
        of_shelf(&self.sku, &self.location)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Counted, Refusal> {
        count_stock(unit, &self.sku, &self.location, self.counted, &self.note, &self.etag)
    }
}

fn of_shelf(sku: &Sku, location: &LocationCode) -> ReadSet {
    let holders_of = vec![(sku.clone(), location.clone())];
    ReadSet { skus: vec![sku.clone()], holders_of, couriers: true, ..ReadSet::default() }
}

/// Books what was counted. Units that the count did not find leave the books with the reservations that do not fit: other
/// callers' first, then orders', those furthest from the courier and reserved last first. Units that are picked stay their
/// order's, and are missing until they leave.
pub fn count_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    counted: i64,
    note: &str,
    etag: &str,
) -> Result<Counted, Refusal> {
    let mut level = level_of(unit, sku, location)?;
    check_etag(etag, level.version)?;
    bounded_sum(0, counted, "counted")?;
    let unsaleable = level.damaged + level.quality_hold;
    if counted < unsaleable {
        let message = format!(
            "{unsaleable} units of {sku} at {location} are damaged or held back for inspection: count them too, or \
            correct them with AdjustStock first"
        );
        return Err(Refusal::unmet(Reason::StockInUse, message));
    }

    let before = level.on_hand;
    level.on_hand = counted.max(level.promised());
    level.missing = level.promised().saturating_sub(counted).max(0);
    let booked = level.on_hand - before;
    unit.keep_level(level);
    if unit.level(sku, location).is_some_and(|it| it.missing > 0) {
        release_expired_of(unit, std::iter::once(sku), None)?;
    }
    let why = format!("a count of {sku} at {location} found {counted}");
    let Freed { units, orders, released } = free_missing(unit, sku, location, &why)?;
    let movement = post_count(unit, sku, location, booked - units, note);
    let posted = Posted { level: unit.level(sku, location).cloned(), movement };
    Ok(Counted { posted, orders, released })
}

fn post_count(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    on_hand: i64,
    note: &str,
) -> Option<Movement> {
    if on_hand == 0 {
        return None;
    }
    let entry = Posting::of(sku, location, MovementKind::Count);
    post(unit, Posting { on_hand, reason: note.to_owned(), ..entry });
    unit.changes.movements.last().cloned()
}

/// Goes on where a count left off: units that it did not find and that are promised still.
#[derive(Debug, Clone)]
pub struct SettleCount {
    pub sku: Sku,
    pub location: LocationCode,
}

impl Command for SettleCount {
    const NAME: &'static str = "work/settle_count";
    type Output = ();

    fn reads(&self) -> ReadSet {
        of_shelf(&self.sku, &self.location)
    }

    /// Refused if nothing can be done, so that a vain try leaves no trace.
    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        settle_count(unit, &self.sku, &self.location)
    }
}

pub(in crate::domain) fn settle_count(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
) -> Result<(), Refusal> {
    let why = format!("a count of {sku} at {location} found fewer");
    let freed = free_missing(unit, sku, location, &why)?;
    if freed.units == 0 {
        return Err(Refusal::unmet(
            Reason::StockInUse,
            "what is missing is picked, or was settled meanwhile",
        ));
    }
    post_count(unit, sku, location, -freed.units, "not found by an earlier count");
    Ok(())
}

/// What one decision took out of a shelf.
#[derive(Default)]
struct Freed {
    /// Units that have left the books; the caller posts them.
    units: i64,
    orders: Vec<OrderId>,
    released: Vec<ReservationId>,
}

/// Takes missing units off the books: those that nobody holds any more, and then those of up to [`TOUCHED_MAX`] holders.
fn free_missing(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    why: &str,
) -> Result<Freed, Refusal> {
    let mut freed = Freed { units: take_off(unit, sku, location), ..Freed::default() };
    let is_missing = |unit: &UnitOfWork| unit.level(sku, location).map_or(0, |it| it.missing);
    if is_missing(unit) == 0 {
        return Ok(freed);
    }

    let (orders, reservations) = unit.holders_of(sku, location);
    let mut reservations: Vec<_> = reservations
        .into_iter()
        .filter_map(|id| Some((Reverse(unit.reservation(id).ok()?.created_at), Reverse(id))))
        .collect();
    reservations.sort();
    for (_, Reverse(id)) in reservations.into_iter().take(TOUCHED_MAX) {
        if is_missing(unit) == 0 {
            return Ok(freed);
        }
        release_unfit(unit, id, why)?;
        freed.released.push(id);
        freed.units += take_off(unit, sku, location);
    }

    let mut orders: Vec<_> = orders
        .into_iter()
        .filter_map(|id| {
            let order = unit.order(id).ok()?;
            let reserved_at = order.current_reservation()?.created_at;
            Some((order.nearness(location), Reverse(reserved_at), Reverse(order.number), id))
        })
        .collect();
    orders.sort();
    for (_, _, _, id) in orders.into_iter().take(TOUCHED_MAX - freed.released.len().min(TOUCHED_MAX)) {
        let missing = is_missing(unit);
        if missing == 0 {
            return Ok(freed);
        }
        let mut order = unit.take_order(id)?;
        if order.reallocate(unit, sku, location, missing, why)? > 0 {
            conclude(order, unit)?;
            freed.orders.push(id);
            freed.units += take_off(unit, sku, location);
        }
    }
    Ok(freed)
}

/// Takes missing units that nobody holds off the level.
fn take_off(unit: &mut UnitOfWork, sku: &Sku, location: &LocationCode) -> i64 {
    let Some(mut level) = unit.level(sku, location).cloned() else { return 0 };
    let units = level.missing.min(level.unpromised());
    if units > 0 {
        level.on_hand -= units;
        level.missing -= units;
        unit.keep_level(level);
    }
    units
}
