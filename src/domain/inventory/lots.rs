//! Lots: what is on hand of a product that asks for them, divided by the day on which it expires.
//!
//! A lot is named by whoever books units of it. Units that are set aside are of no lot yet; a pick list binds them, the
//! soonest expiring first.

use crate::domain::inventory::known::bounded_sum;
use crate::domain::model::day::Day;
use crate::domain::model::location::Location;
use crate::domain::model::lot::{LOTS_MAX, Lot, LotName, LotNamed, LotOnTheWay};
use crate::domain::model::product::Product;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// By how much the figures of a level, and of one of its lots, change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::domain) struct Delta {
    pub(in crate::domain) on_hand: i64,
    pub(in crate::domain) damaged: i64,
    pub(in crate::domain) quality_hold: i64,
}

/// The names of the fields that say of which lot units are, and which one says how many there are.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct LotFields<'f> {
    pub(in crate::domain) lot: &'f str,
    pub(in crate::domain) expire_date: &'f str,
    pub(in crate::domain) units: &'f str,
}

impl LotFields<'static> {
    /// Of a request about one shelf.
    pub(in crate::domain) fn beside(units: &'static str) -> Self {
        Self { lot: "lot", expire_date: "expire_date", units }
    }
}

/// Refuses units of a product with lots that are of none, and a lot of any other product.
pub(in crate::domain) fn check_lot(
    unit: &UnitOfWork,
    sku: &Sku,
    lot: Option<&LotName>,
    field: &str,
) -> Result<(), Refusal> {
    let tracks_lots = unit.product(sku).is_some_and(|it| it.tracks_lots);
    match (tracks_lots, lot) {
        (true, Some(_)) | (false, None) => Ok(()),
        (true, None) => {
            Err(Refusal::invalid(field, format!("must be given: {sku} is stocked by lots (tracks_lots)")))
        }
        (false, Some(_)) => Err(Refusal::invalid(
            field,
            format!("must be left out: {sku} is not stocked by lots (tracks_lots)"),
        )),
    }
}

/// Books a change of a shelf, and of the lot that is named; a lot that is new there begins with its first units. Figures
/// that would fall below zero are the caller's to refuse, on the level.
pub(in crate::domain) fn book(
    unit: &UnitOfWork,
    level: &mut StockLevel,
    lot: Option<&LotNamed>,
    delta: Delta,
    fields: LotFields<'_>,
) -> Result<(), Refusal> {
    book_within(unit, level, lot, delta, fields, LOTS_MAX)
}

/// The same for units of a lot that come off the road, whose day is what the shelves know of it, or else what they left
/// with, and which find room in any case: they cannot stay on the road.
pub(in crate::domain) fn book_from_road(
    unit: &UnitOfWork,
    level: &mut StockLevel,
    lot: Option<&LotOnTheWay>,
    units: i64,
    field: &str,
) -> Result<(), Refusal> {
    let named = lot.map(|it| {
        let expires_on = known_day(unit, &level.sku, &it.name).unwrap_or(it.expires_on);
        LotNamed { name: it.name.clone(), expires_on: Some(expires_on) }
    });
    let fields = LotFields { lot: field, expire_date: field, units: field };
    let arrive = Delta { on_hand: units, ..Delta::default() };
    book_within(unit, level, named.as_ref(), arrive, fields, usize::MAX)
}

/// Refuses to send a lot to a shelf that has as many as it may have, with those that are on their way to it.
pub(in crate::domain) fn must_have_room_for_lot(
    unit: &UnitOfWork,
    sku: &Sku,
    to: &LocationCode,
    name: &LotName,
) -> Result<(), Refusal> {
    let there = unit.level(sku, to);
    if there.is_some_and(|it| it.lot(name).is_some()) {
        return Ok(());
    }
    let coming = unit.open_replenishments(sku, to).iter().filter(|it| it.transfer.is_some()).count();
    if there.map_or(0, |it| it.lots.len()) + coming < LOTS_MAX {
        return Ok(());
    }
    let message = format!("{sku} at {to} has {LOTS_MAX} lots with those on their way, and no room for more");
    Err(Refusal::unmet(Reason::LimitReached, message))
}

/// Refuses a lot where what is on hand is of none, and units without a lot where it is divided: so it may be where somebody
/// changed `tracks_lots` in the moment in which others booked.
pub(in crate::domain) fn must_be_divided_alike(
    level: &StockLevel,
    lot: Option<&LotNamed>,
) -> Result<(), Refusal> {
    let StockLevel { sku, location, on_hand, lots, .. } = level;
    if *on_hand == 0 || lots.is_empty() == lot.is_none() {
        return Ok(());
    }
    let (are, change) = match lots.is_empty() {
        true => ("of no lot", "off"),
        false => ("of lots", "on"),
    };
    let message = format!(
        "{on_hand} units of {sku} at {location} are {are}: switch tracks_lots {change}, book them out, and switch it back"
    );
    Err(Refusal::unmet(Reason::StockInUse, message))
}

/// With so many lots on the shelf at most.
fn book_within(
    unit: &UnitOfWork,
    level: &mut StockLevel,
    lot: Option<&LotNamed>,
    delta: Delta,
    fields: LotFields<'_>,
    lots_max: usize,
) -> Result<(), Refusal> {
    let Delta { on_hand, damaged, quality_hold } = delta;
    check_lot(unit, &level.sku, lot.map(|it| &it.name), fields.lot)?;
    must_be_divided_alike(level, lot)?;
    let Some(named) = lot else {
        level.on_hand = bounded_sum(level.on_hand, on_hand, fields.units)?;
        level.damaged = bounded_sum(level.damaged, damaged, fields.units)?;
        level.quality_hold = bounded_sum(level.quality_hold, quality_hold, fields.units)?;
        return Ok(());
    };

    bounded_sum(level.on_hand, on_hand.max(damaged).max(quality_hold), fields.units)?;
    let is_there = level.lot(&named.name).is_some();
    if !is_there && on_hand <= 0 {
        let message = format!("no unit of lot {} is at {}", named.name, level.location);
        return Err(Refusal::invalid(fields.lot, message));
    }
    let expires_on = date_of(unit, &level.sku, named, fields)?;
    if !is_there {
        begin_lot(unit, level, &named.name, expires_on, lots_max)?;
    }
    let mut left = [0; 4];
    level.change_lot(&named.name, |it| {
        it.on_hand += on_hand;
        it.damaged += damaged;
        it.quality_hold += quality_hold;
        left = [it.on_hand, it.damaged, it.quality_hold, it.sound()];
    });
    if left.iter().any(|it| *it < 0) {
        let message = format!("would make a figure of lot {} negative", named.name);
        return Err(Refusal::invalid(fields.units, message));
    }
    Ok(())
}

/// Refuses a decision that leaves units uncovered: those on pick lists, and those that are set aside.
pub(in crate::domain) fn must_stay_covered(
    before: &StockLevel,
    level: &StockLevel,
    now: Timestamp,
) -> Result<(), Refusal> {
    if let Some(it) = level.lots.iter().find(|it| it.unallotted() < 0) {
        let message = format!(
            "{} units of lot {} of {} at {} are on pick lists: RecordPick says which of them are not there",
            it.allotted, it.name, level.sku, level.location
        );
        return Err(Refusal::unmet(Reason::StockInUse, message));
    }
    let uncovered = |it: &StockLevel| (it.unsold(now) - it.unpromised()).max(0);
    if !level.lots.is_empty() && uncovered(level) > uncovered(before) {
        let message = format!(
            "{} units of {} at {} are reserved, and too few would be left of lots that are sold",
            level.reserved, level.sku, level.location
        );
        return Err(Refusal::unmet(Reason::StockInUse, message));
    }
    Ok(())
}

/// The day on which a lot expires: one lot of a product has one, wherever its units lie.
fn date_of(unit: &UnitOfWork, sku: &Sku, named: &LotNamed, fields: LotFields<'_>) -> Result<Day, Refusal> {
    match (known_day(unit, sku, &named.name), named.expires_on) {
        (Some(known), Some(given)) if known != given => {
            Err(Refusal::invalid(fields.expire_date, format!("lot {} expires on {known}", named.name)))
        }
        (Some(day), _) | (None, Some(day)) => Ok(day),
        (None, None) => {
            let message = format!("must be given: no unit of lot {} is on hand", named.name);
            Err(Refusal::invalid(fields.expire_date, message))
        }
    }
}

/// The day of a lot that is on any shelf.
fn known_day(unit: &UnitOfWork, sku: &Sku, name: &LotName) -> Option<Day> {
    unit.levels(sku).into_iter().find_map(|it| it.lot(name)).map(|it| it.expires_on)
}

/// A lot that is new on a shelf, without units.
fn begin_lot(
    unit: &UnitOfWork,
    level: &mut StockLevel,
    name: &LotName,
    expires_on: Day,
    lots_max: usize,
) -> Result<(), Refusal> {
    if level.lots.len() >= lots_max {
        let message =
            format!("{} at {} has {lots_max} lots, and no room for more", level.sku, level.location);
        return Err(Refusal::unmet(Reason::LimitReached, message));
    }
    let life = unit.product(&level.sku).map_or(0, |it| it.shortest_life_days);
    let location = unit.location(&level.location);
    let lot = Lot {
        name: name.clone(),
        expires_on,
        sold_until: end_of(location, expires_on.plus(-life)),
        expires_at: end_of(location, expires_on),
        on_hand: 0,
        damaged: 0,
        quality_hold: 0,
        missing: 0,
        allotted: 0,
    };
    let at = level.lots.partition_point(|it| it.order() < lot.order());
    level.lots.insert(at, lot);
    Ok(())
}

/// The end of a day by the clock of a location.
fn end_of(location: Option<&Location>, day: Day) -> Timestamp {
    let zone = location.map_or_else(TimeZone::utc, |it| it.calendar.time_zone.clone());
    zone.clock().at(day.plus(1), 0)
}

/// Looks after the shelves of a product that is stocked by lots from now on, or no more, or whose lots are sold for a
/// shorter or longer time.
pub(in crate::domain) fn follow_product(
    unit: &mut UnitOfWork,
    before: &Product,
    after: &Product,
) -> Result<(), Refusal> {
    if before.tracks_lots == after.tracks_lots && before.shortest_life_days == after.shortest_life_days {
        return Ok(());
    }
    let levels: Vec<StockLevel> = unit.levels(&after.sku).into_iter().cloned().collect();
    if before.tracks_lots != after.tracks_lots {
        let is_coming = |it: &StockLevel| {
            unit.open_replenishments(&it.sku, &it.location).iter().any(|it| it.transfer.is_some())
        };
        // What is divided as the product shall be from now on is what a booking left that went on meanwhile.
        let differs = |it: &StockLevel| it.on_hand > 0 && it.lots.is_empty() == after.tracks_lots;
        if let Some(it) = levels.iter().find(|it| differs(it) || is_coming(it)) {
            let message = format!(
                "tracks_lots can be changed only while no unit of {} is on hand or on its way: {} on hand at {}",
                after.sku, it.on_hand, it.location
            );
            return Err(Refusal::unmet(Reason::StockInUse, message));
        }
        return Ok(());
    }
    for mut level in levels.into_iter().filter(|it| !it.lots.is_empty()) {
        let location = unit.location(&level.location).cloned();
        for lot in &mut level.lots {
            // Its day ends by the clock that its location had when it came there.
            let until = end_of(location.as_ref(), lot.expires_on.plus(-after.shortest_life_days));
            lot.sold_until = until.min(lot.expires_at);
        }
        unit.keep_level(level);
    }
    Ok(())
}
