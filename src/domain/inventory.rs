//! The catalogue, the shelves, and reservations of other callers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::allocate::{
    Need, Posting, Supply, availability, expire_overdue, give_back, plan, post, reserved_items, set_aside,
    supply,
};
use super::case::{check_etag, moved};
use super::words::words;
use super::{
    Action, Actor, AvailabilityFound, Courier, Desk, Location, LocationCode, MovementKind, Problems, Product,
    Reason, Refusal, RegionCode, Replenishment, ReplenishmentId, ReplenishmentState, Reservation,
    ReservationId, ReservationState, ServiceLevel, Sku, StockLevel, Timestamp,
};

pub fn create_product(desk: &mut Desk, product: &Product) -> Result<Sku, Refusal> {
    if desk.product(&product.sku).is_some() {
        return Err(Refusal::exists("product", &product.sku));
    }
    let product = Product { version: 1, created_at: desk.now, ..product.clone() };
    let sku = product.sku.clone();
    desk.changes.products.insert(sku.clone(), product.into());
    Ok(sku)
}

pub fn create_location(desk: &mut Desk, location: &Location) -> Result<LocationCode, Refusal> {
    if desk.location(&location.code).is_some() {
        return Err(Refusal::exists("stock location", &location.code));
    }
    let mut problems = Problems::default();
    must_be_known(desk, "stock_location.region", &location.region, &mut problems);
    problems.into_result()?;
    let location = Location { version: 1, created_at: desk.now, ..location.clone() };
    let code = location.code.clone();
    desk.changes.locations.insert(code.clone(), location.into());
    Ok(code)
}

pub fn create_courier(desk: &mut Desk, courier: &Courier) -> Result<super::CourierCode, Refusal> {
    if desk.courier(&courier.code).is_some() {
        return Err(Refusal::exists("courier", &courier.code));
    }
    let mut problems = Problems::default();
    for (place, rate) in courier.rates.iter().enumerate() {
        must_be_known(desk, &format!("courier.rates[{place}].region"), &rate.region, &mut problems);
    }
    problems.into_result()?;
    let courier = Courier { version: 1, created_at: desk.now, ..courier.clone() };
    let code = courier.code.clone();
    desk.changes.couriers.insert(code.clone(), courier.into());
    Ok(code)
}

fn must_be_known(desk: &Desk, field: &str, region: &RegionCode, problems: &mut Problems) {
    if !desk.rules.regions.contains_key(region) {
        let known: Vec<&str> = desk.rules.regions.keys().map(RegionCode::as_str).collect();
        problems.add(field, format!("must be one of {}", known.join(", ")));
    }
}

fn must_exist(desk: &Desk, lines: &[(Sku, i64)], problems: &mut Problems) {
    for (place, (sku, _)) in lines.iter().enumerate() {
        if desk.product(sku).is_none() {
            problems.add(format!("lines[{place}].sku"), format!("product {sku} does not exist"));
        }
    }
}

/// The level to change, empty if nothing was ever there.
fn level_of(desk: &Desk, sku: &Sku, location: &LocationCode) -> Result<StockLevel, Refusal> {
    if desk.product(sku).is_none() {
        return Err(Refusal::not_found("product", sku));
    }
    if desk.location(location).is_none() {
        return Err(Refusal::not_found("stock location", location));
    }
    let found = desk.level(sku, location).cloned();
    Ok(found.unwrap_or_else(|| StockLevel::empty(sku.clone(), location.clone(), desk.now)))
}

/// Goods arrive. With a replenishment they count towards it.
pub fn receive_stock(
    desk: &mut Desk,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
    reason: &str,
    replenishment: Option<ReplenishmentId>,
) -> Result<(), Refusal> {
    let mut level = level_of(desk, sku, location)?;
    level.on_hand = bounded_sum(level.on_hand, quantity, "quantity")?;
    if let Some(id) = replenishment {
        receive_replenishment(desk, id, sku, location, quantity)?;
    }
    desk.keep_level(level);
    let entry = Posting::of(sku, location, MovementKind::Receipt);
    post(desk, Posting { on_hand: quantity, reason: reason.to_owned(), ..entry });
    Ok(())
}

/// More than a million million units of anything is a mistake.
const UNITS_MAX: i64 = 1_000_000_000_000;

fn bounded_sum(have: i64, more: i64, field: &str) -> Result<i64, Refusal> {
    have.checked_add(more)
        .filter(|it| *it <= UNITS_MAX)
        .ok_or_else(|| Refusal::invalid(field, format!("a stock level is at most {UNITS_MAX} units")))
}

fn receive_replenishment(
    desk: &mut Desk,
    id: ReplenishmentId,
    sku: &Sku,
    location: &LocationCode,
    quantity: i64,
) -> Result<(), Refusal> {
    let mut replenishment = desk.replenishment(id)?.clone();
    if replenishment.sku != *sku || replenishment.location != *location {
        let message = format!("{id} is for {} at {}", replenishment.sku, replenishment.location);
        return Err(Refusal::invalid("replenishment_id", message));
    }
    replenishment.received = bounded_sum(replenishment.received, quantity, "quantity")?;
    let to = match replenishment.received >= replenishment.quantity {
        true => ReplenishmentState::Received,
        false => ReplenishmentState::PartiallyReceived,
    };
    if replenishment.state != to || to == ReplenishmentState::Received {
        moved(id.0, replenishment.state, to)
            .map_err(|it| it.instead(|| replenishment.available_actions()))?;
        replenishment.state = to;
    }
    if to == ReplenishmentState::Received {
        desk.changes.open_replenishments.insert((sku.clone(), location.clone()), None);
    }
    desk.keep_replenishment(replenishment);
    Ok(())
}

words! {
    /// Why a stock level is corrected, and which of its figures that changes.
    pub enum AdjustReason {
        /// A count found another number: `on_hand`.
        Count = "COUNT",
        /// Units turned up: `on_hand` rises.
        Found = "FOUND",
        /// Units are gone: `on_hand` falls.
        Lost = "LOST",
        /// Units became unsaleable (delta > 0) or were repaired (< 0): `damaged`.
        Damage = "DAMAGE",
        /// Damaged units were thrown away: `on_hand` and `damaged` fall.
        Scrap = "SCRAP",
        /// Units are kept back for inspection (> 0) or freed (< 0): `quality_hold`.
        QualityHold = "QUALITY_HOLD",
        /// Returned goods are sold again: `on_hand` rises.
        Restock = "RESTOCK",
        /// How many units new reservations have to leave: `safety_stock`.
        SafetyStock = "SAFETY_STOCK",
    }
}

/// Corrects a level. What is reserved stays covered: a correction that would need reserved units is refused.
pub fn adjust_stock(
    desk: &mut Desk,
    sku: &Sku,
    location: &LocationCode,
    delta: i64,
    reason: AdjustReason,
    note: &str,
    etag: &str,
) -> Result<(), Refusal> {
    let mut level = level_of(desk, sku, location)?;
    check_etag(etag, level.version)?;
    let sign_fits = match reason {
        AdjustReason::Found | AdjustReason::Restock => delta > 0,
        AdjustReason::Lost | AdjustReason::Scrap => delta < 0,
        AdjustReason::Count
        | AdjustReason::Damage
        | AdjustReason::QualityHold
        | AdjustReason::SafetyStock => true,
    };
    if !sign_fits {
        return Err(Refusal::invalid("delta", format!("has the wrong sign for {reason}")));
    }

    let (mut on_hand, mut damaged, mut quality_hold) = (0, 0, 0);
    let kind = match reason {
        AdjustReason::Count | AdjustReason::Found | AdjustReason::Lost => {
            on_hand = delta;
            MovementKind::Adjust
        }
        AdjustReason::Restock => {
            on_hand = delta;
            MovementKind::Restock
        }
        AdjustReason::Damage => {
            damaged = delta;
            MovementKind::Damage
        }
        AdjustReason::Scrap => {
            (on_hand, damaged) = (delta, delta);
            MovementKind::Adjust
        }
        AdjustReason::QualityHold => {
            quality_hold = delta;
            MovementKind::QualityHold
        }
        AdjustReason::SafetyStock => {
            level.safety_stock = bounded_sum(level.safety_stock, delta, "delta")?;
            if level.safety_stock < 0 {
                return Err(Refusal::invalid("delta", "would make the safety stock negative"));
            }
            desk.keep_level(level);
            return Ok(());
        }
    };
    level.on_hand = bounded_sum(level.on_hand, on_hand, "delta")?;
    level.damaged = bounded_sum(level.damaged, damaged, "delta")?;
    level.quality_hold = bounded_sum(level.quality_hold, quality_hold, "delta")?;
    if level.on_hand < 0 || level.damaged < 0 || level.quality_hold < 0 {
        return Err(Refusal::invalid(
            "delta",
            format!("would make a figure of {sku} at {location} negative"),
        ));
    }
    if level.free() < 0 {
        let message = format!(
            "{} units of {sku} at {location} are reserved: release reservations before taking {} away",
            level.reserved,
            delta.unsigned_abs()
        );
        let refusal = Refusal::unmet(Reason::StockInUse, message);
        return Err(refusal.instead(|| vec![Action::CancelOrder, Action::ReleaseReservation]));
    }
    desk.keep_level(level);
    let entry = Posting::of(sku, location, kind);
    post(desk, Posting { on_hand, damaged, quality_hold, reason: format!("{reason}: {note}"), ..entry });
    Ok(())
}

/// When and how far to buy again. `None` for both switches proposals off.
pub fn set_reorder_rule(
    desk: &mut Desk,
    sku: &Sku,
    location: &LocationCode,
    point: Option<i64>,
    up_to: Option<i64>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut level = level_of(desk, sku, location)?;
    check_etag(etag, level.version)?;
    if let (Some(point), Some(up_to)) = (point, up_to)
        && up_to < point
    {
        return Err(Refusal::invalid(
            "rule.order_up_to",
            format!("must be at least the reorder point {point}"),
        ));
    }
    level.reorder_point = point;
    level.reorder_up_to = up_to;
    desk.keep_level(level);
    super::finish::propose_replenishment(desk, sku, location, None);
    Ok(())
}

/// Where goods are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Region(RegionCode),
    /// ISO 3166-1 alpha-2.
    Country(String),
}

/// What somebody wants to know before ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    pub destination: Destination,
    pub lines: Vec<(Sku, i64)>,
    pub service: ServiceLevel,
    pub requested_by: Option<Timestamp>,
}

/// What an order for it would find now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub region: RegionCode,
    pub found: AvailabilityFound,
    /// When all of it could be with the customer; None: something is short.
    pub delivery_at: Option<Timestamp>,
}

/// Step 3 without an order. Waiting orders come first; holds past their end are in nobody's way.
pub fn check_availability(desk: &mut Desk, inquiry: &Inquiry) -> Result<Outlook, Refusal> {
    let mut problems = Problems::default();
    must_exist(desk, &inquiry.lines, &mut problems);
    let region = match &inquiry.destination {
        Destination::Region(region) => {
            must_be_known(desk, "region", region, &mut problems);
            Some(region.clone())
        }
        Destination::Country(country) => desk.rules.region_of(country).cloned(),
    };
    let Some(region) = region else {
        problems.add("country", "is served by no region");
        return Err(Refusal::Invalid(problems));
    };
    problems.into_result()?;

    super::allocate::free_overdue(desk)?;
    let needs: Vec<Need> = inquiry
        .lines
        .iter()
        .zip(1..)
        .map(|((sku, quantity), line)| Need { line, sku: sku.clone(), quantity: *quantity })
        .collect();
    let supplies = inquiry
        .lines
        .iter()
        .map(|(sku, _)| (sku.clone(), supply(desk, &region, sku, desk.awaited(&region, sku))))
        .collect();
    let (found, delivery_at) = availability(desk, &needs, &supplies, inquiry.service, inquiry.requested_by);
    Ok(Outlook { region, found, delivery_at })
}

/// What another caller wants set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReservation {
    pub region: RegionCode,
    /// Only from here; None: from anywhere in the region.
    pub location: Option<LocationCode>,
    pub lines: Vec<(Sku, i64)>,
    /// None: as settings say.
    pub lifetime: Option<Duration>,
    /// The caller's own name for it, at most 128 characters.
    pub reference: String,
}

/// Sets stock aside for another caller, all lines or none. Waiting orders come first.
pub fn reserve_stock(desk: &mut Desk, new: &NewReservation) -> Result<ReservationId, Refusal> {
    let mut problems = Problems::default();
    must_exist(desk, &new.lines, &mut problems);
    must_be_known(desk, "region", &new.region, &mut problems);
    problems.into_result()?;
    if let Some(code) = &new.location
        && desk.location(code).is_none()
    {
        return Err(Refusal::not_found("stock location", code));
    }

    let needs: Vec<Need> = new
        .lines
        .iter()
        .map(|(sku, quantity)| Need { line: 0, sku: sku.clone(), quantity: *quantity })
        .collect();
    let mut planned = plan(&needs, &supplies_for(desk, new));
    if planned.is_err() && expire_overdue(desk, needs.iter().map(|it| &it.sku), None)? {
        planned = plan(&needs, &supplies_for(desk, new));
    }
    let (takes, reason) = planned.map_err(Refusal::Short)?;

    let id: ReservationId = desk.ids.fresh();
    set_aside(desk, &takes, id, None);
    let lifetime = new.lifetime.unwrap_or(desk.rules.reservation_lifetime());
    desk.keep_reservation(Reservation {
        id,
        version: 0,
        order: None,
        reference: new.reference.clone(),
        state: ReservationState::Held,
        expires_at: Some(desk.now.plus(lifetime)),
        items: reserved_items(&takes),
        plan: reason,
        created_by: desk.actor.clone(),
        created_at: desk.now,
    });
    Ok(id)
}

fn supplies_for(desk: &Desk, new: &NewReservation) -> BTreeMap<Sku, Supply> {
    new.lines
        .iter()
        .map(|(sku, _)| {
            let mut found = supply(desk, &new.region, sku, desk.awaited(&new.region, sku));
            if let Some(only) = &new.location {
                found.by_location.retain(|it| it.0 == *only);
                let here: i64 = found.by_location.iter().map(|it| it.1).sum();
                found.total = found.total.min(here);
            }
            (sku.clone(), found)
        })
        .collect()
}

/// Gives another caller's reservation back. An order's own reservation goes with its order.
pub fn release_reservation(desk: &mut Desk, id: ReservationId) -> Result<(), Refusal> {
    desk.reservation(id)?.must_stand_alone()?;
    end_reservation(desk, id, ReservationState::Released, MovementKind::Release)
}

impl Reservation {
    /// The rung of whoever would give it back by itself: an order's reservation is the order's.
    pub fn must_stand_alone(&self) -> Result<(), Refusal> {
        let Some(order) = self.order else { return Ok(()) };
        Err(Refusal::Unmet {
            reason: Reason::IllegalTransition,
            message: format!("{} belongs to {order}: cancel the order instead", self.id),
            state: Some(self.state.as_str()),
            legal: self.available_actions(),
        })
    }
}

/// A hold of another caller past its end; before its end nothing happens.
pub fn expire_reservation(desk: &mut Desk, id: ReservationId) -> Result<(), Refusal> {
    if !desk.reservation(id)?.is_overdue(desk.now) {
        return Ok(());
    }
    // Whoever needed the stock did not expire the reservation.
    let caller = std::mem::replace(&mut desk.actor, Actor::system());
    let done = end_reservation(desk, id, ReservationState::Expired, MovementKind::Expire);
    desk.actor = caller;
    done
}

fn end_reservation(
    desk: &mut Desk,
    id: ReservationId,
    to: ReservationState,
    kind: MovementKind,
) -> Result<(), Refusal> {
    let mut reservation = desk.reservation(id)?.clone();
    moved(id.0, reservation.state, to).map_err(|it| it.instead(|| reservation.available_actions()))?;
    give_back(desk, &mut reservation, kind);
    reservation.state = to;
    reservation.expires_at = None;
    desk.keep_reservation(reservation);
    Ok(())
}

/// A person's word on a proposal to buy.
pub fn decide_replenishment(
    desk: &mut Desk,
    id: ReplenishmentId,
    to: ReplenishmentState,
    quantity: Option<i64>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut replenishment: Replenishment = desk.replenishment(id)?.clone();
    check_etag(etag, replenishment.version)?;
    moved(id.0, replenishment.state, to).map_err(|it| it.instead(|| replenishment.available_actions()))?;
    replenishment.state = to;
    replenishment.quantity = quantity.unwrap_or(replenishment.quantity);
    replenishment.decided_by = Some(desk.actor.clone());
    if !to.is_open() {
        let key = (replenishment.sku.clone(), replenishment.location.clone());
        desk.changes.open_replenishments.insert(key, None);
    }
    desk.keep_replenishment(replenishment);
    Ok(())
}
