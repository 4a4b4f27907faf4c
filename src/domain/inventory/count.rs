//! Counts: the books say what is there, whatever was promised. Reservations that do not fit any more move elsewhere.

use std::cmp::Reverse;

use crate::domain::inventory::expire::{release_expired_of, release_unfit};
use crate::domain::inventory::known::{bounded_sum, level_of};
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::lots::{Delta, LotFields, book, check_lot, must_be_divided_alike};
use crate::domain::model::etag::check_etag;
use crate::domain::model::lot::{LotName, LotNamed};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, OrderId, ReservationId, Sku};
use crate::domain::model::stock::{Movement, MovementKind, StockLevel};
use crate::domain::model::time::Timestamp;
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
    /// Of a product with lots: the one that was counted; its others stay as they are.
    pub lot: Option<LotNamed>,
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
        self.book(unit)
    }
}

fn of_shelf(sku: &Sku, location: &LocationCode) -> ReadSet {
    let holders_of = vec![(sku.clone(), location.clone())];
    ReadSet { skus: vec![sku.clone()], holders_of, couriers: true, ..ReadSet::default() }
}

impl CountStock {
    /// Books what was counted. Units that the count did not find leave the books with the reservations that do not fit: other
    /// callers' first, then orders', those furthest from the courier and reserved last first. Units that are picked stay their
    /// order's, and are missing until they leave.
    fn book(&self, unit: &mut UnitOfWork) -> Result<Counted, Refusal> {
        let Self { sku, location, counted, note, etag, lot } = self;
        let counted = *counted;
        let before = level_of(unit, sku, location)?;
        check_etag(etag, before.version)?;
        bounded_sum(0, counted, "counted")?;
        let level = match lot {
            Some(lot) => lot_counted(unit, before.clone(), lot, counted)?,
            None => shelf_counted(unit, before.clone(), counted)?,
        };
        unit.keep_level(level);
        if unit.level(sku, location).is_some_and(|it| lacking(it, unit.now) > 0) {
            release_expired_of(unit, std::iter::once(sku), None)?;
        }
        let what = lot.as_ref().map_or_else(|| sku.to_string(), |it| format!("lot {} of {sku}", it.name));
        let why = format!("a count of {what} at {location} found {counted}");
        let Freed { units: _, orders, released } = free_missing(unit, sku, location, &why)?;
        let movement = post_count(unit, &before, note);
        let posted = Posted { level: unit.level(sku, location).cloned(), movement };
        Ok(Counted { posted, orders, released })
    }
}

/// Counts a product without lots.
#[cfg(test)]
pub fn count_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    counted: i64,
    note: &str,
    etag: &str,
) -> Result<Counted, Refusal> {
    let (sku, location, note, etag) = (sku.clone(), location.clone(), note.to_owned(), etag.to_owned());
    CountStock { sku, location, counted, note, etag, lot: None }.book(unit)
}

/// Units that are promised and not there, or not sold any more.
fn lacking(level: &StockLevel, now: Timestamp) -> i64 {
    (-level.free(now)).max(0)
}

fn shelf_counted(unit: &UnitOfWork, mut level: StockLevel, counted: i64) -> Result<StockLevel, Refusal> {
    check_lot(unit, &level.sku, None, "lot")?;
    must_be_divided_alike(&level, None)?;
    let (sku, location) = (&level.sku, &level.location);
    let unsaleable = level.damaged + level.quality_hold;
    if counted < unsaleable {
        let message = format!(
            "{unsaleable} units of {sku} at {location} are damaged or held back for inspection: count them too, or \
            correct them with AdjustStock first"
        );
        return Err(Refusal::unmet(Reason::StockInUse, message));
    }

    level.on_hand = counted.max(level.promised());
    level.missing = level.promised().saturating_sub(counted).max(0);
    Ok(level)
}

/// The shelf with so many units of one lot. Those that are promised and not covered by the units of all lots are missing
/// from this one.
fn lot_counted(
    unit: &UnitOfWork,
    mut level: StockLevel,
    named: &LotNamed,
    counted: i64,
) -> Result<StockLevel, Refusal> {
    let found = level.lot(&named.name);
    let (on_hand, unsaleable, allotted) =
        found.map_or((0, 0, 0), |it| (it.on_hand, it.damaged + it.quality_hold, it.allotted));
    if counted < unsaleable + allotted {
        let message = format!(
            "of lot {} of {} at {} {unsaleable} units are damaged or held back for inspection, and {allotted} are on pick \
            lists: count them too, or say first with AdjustStock and RecordPick which of them are gone",
            named.name, level.sku, level.location
        );
        return Err(Refusal::unmet(Reason::StockInUse, message));
    }
    check_lot(unit, &level.sku, Some(&named.name), "lot")?;
    must_be_divided_alike(&level, Some(named))?;
    if counted > 0 || found.is_some() {
        // Checks the name and its date, and begins a lot that is new there.
        let more = Delta { on_hand: (counted - on_hand).max(0), ..Delta::default() };
        if more.on_hand > 0 || named.expires_on.is_some() {
            book(unit, &mut level, Some(named), more, LotFields::beside("counted"))?;
        }
    }
    let others = level.on_hand - level.lot(&named.name).map_or(0, |it| it.on_hand);
    let short = (level.promised() - others - counted).max(0);
    level.change_lot(&named.name, |it| (it.on_hand, it.missing) = (counted + short, short));
    Ok(level)
}

/// Posts what a decision changed of a shelf, lot by lot; gives back the last entry.
fn post_count(unit: &mut UnitOfWork, before: &StockLevel, note: &str) -> Option<Movement> {
    let after = unit.level(&before.sku, &before.location)?.clone();
    let mut differences: Vec<(Option<LotName>, i64)> = Vec::new();
    if before.lots.is_empty() && after.lots.is_empty() {
        differences.push((None, after.on_hand - before.on_hand));
    } else {
        let units = |level: &StockLevel, name: &LotName| level.lot(name).map_or(0, |it| it.on_hand);
        let gone = before.lots.iter().filter(|it| after.lot(&it.name).is_none());
        for name in after.lots.iter().chain(gone).map(|it| &it.name) {
            differences.push((Some(name.clone()), units(&after, name) - units(before, name)));
        }
    }
    let mut last = None;
    for (lot, on_hand) in differences.into_iter().filter(|it| it.1 != 0) {
        let entry = Posting::of(&before.sku, &before.location, MovementKind::Count);
        post(unit, Posting { on_hand, reason: note.to_owned(), lot, ..entry });
        last = unit.changes.movements.last().cloned();
    }
    last
}

/// Goes on where a count left off: units that it did not find and that are promised still. And it books that the day of a lot
/// has passed.
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
    let Some(before) = unit.level(sku, location).cloned() else { return Err(nothing_to_settle()) };
    let passed = before.lots_due_at().is_some_and(|it| before.updated_at < it && it <= unit.now);
    if passed {
        unit.keep_level(before.clone());
    }
    let picked_anew = take_off_pick_lists(unit, &before)?;
    let is_missing = before.missing > 0;
    let why = match is_missing {
        true => format!("a count of {sku} at {location} found fewer"),
        false => format!("too few units of {sku} at {location} are of lots that are sold still"),
    };
    let Freed { units, orders, released } = free_missing(unit, sku, location, &why)?;
    if !passed && picked_anew == 0 && units == 0 && orders.is_empty() && released.is_empty() {
        return Err(nothing_to_settle());
    }
    post_count(unit, &before, "not found by an earlier count");
    Ok(())
}

fn nothing_to_settle() -> Refusal {
    Refusal::unmet(Reason::StockInUse, "what is missing is picked, or was settled meanwhile")
}

/// Units of expired lots that are picked for shipments which have not left are put back: these are picked anew, from lots
/// that are good. Gives back how many orders are concerned.
fn take_off_pick_lists(unit: &mut UnitOfWork, level: &StockLevel) -> Result<usize, Refusal> {
    let now = unit.now;
    if !level.lots.iter().any(|it| it.is_expired_at(now) && it.allotted > 0) {
        return Ok(0);
    }
    let (sku, location) = (&level.sku, &level.location);
    let mut concerned = 0;
    for id in unit.orders_with_expired(sku, location).into_iter().take(TOUCHED_MAX) {
        let mut order = unit.take_order(id)?;
        order.put_expired_back(unit, sku, location)?;
        conclude(order, unit)?;
        concerned += 1;
    }
    Ok(concerned)
}

/// What one decision took out of a shelf.
#[derive(Default)]
struct Freed {
    /// Units that have left the books; the caller posts them.
    units: i64,
    orders: Vec<OrderId>,
    released: Vec<ReservationId>,
}

/// Takes missing units off the books: those that nobody has reserved any more, and then those of up to [`TOUCHED_MAX`] holders.
fn free_missing(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    why: &str,
) -> Result<Freed, Refusal> {
    let mut freed = Freed { units: take_off(unit, sku, location), ..Freed::default() };
    let is_missing = |unit: &UnitOfWork| unit.level(sku, location).map_or(0, |it| lacking(it, unit.now));
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

/// Takes missing units that nobody has reserved off the level.
fn take_off(unit: &mut UnitOfWork, sku: &Sku, location: &LocationCode) -> i64 {
    let Some(mut level) = unit.level(sku, location).cloned() else { return 0 };
    let units = level.missing.min(level.unpromised());
    if units > 0 {
        match level.lots.is_empty() {
            true => (level.on_hand, level.missing) = (level.on_hand - units, level.missing - units),
            false => take_off_lots(&mut level, units),
        }
        unit.keep_level(level);
    }
    units
}

fn take_off_lots(level: &mut StockLevel, units: i64) {
    let mut left = units;
    for lot in &mut level.lots {
        let gone = left.min(lot.missing);
        lot.on_hand -= gone;
        lot.missing -= gone;
        left -= gone;
    }
    assert!(left == 0, "what is missing is missing of its lots");
    level.sum_lots();
}
