//! Reservations of other callers, without an order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::inventory::allocate::{Need, passed_over, plan, supply, wanted_of};
use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::known::{
    location_must_be_in_use, must_be_goods, must_be_in_use, must_be_known, must_exist,
};
use crate::domain::inventory::ledger::set_aside;
use crate::domain::inventory::reserve::reserved_items;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::action::Action;
use crate::domain::model::policy::Allocation;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{LocationCode, RegionCode, ReservationId, Sku};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// The source of a reservation's stock.
#[derive(Debug, Clone)]
pub enum StockSource {
    Region(RegionCode),
    Location(LocationCode),
}

/// Sets stock aside for another caller, all lines or none.
#[derive(Debug, Clone)]
pub struct ReserveStock {
    pub source: StockSource,
    pub lines: Vec<(Sku, i64)>,
    /// None: as settings say.
    pub lifetime: Option<Duration>,
    /// The caller's own name for it.
    pub reference: String,
    /// How locations are chosen; None: as settings say for the region.
    pub allocation: Option<Allocation>,
}

impl Command for ReserveStock {
    const NAME: &'static str = "ReserveStock";
    type Output = Reservation;

    fn reads(&self) -> ReadSet {
        let skus = self.lines.iter().map(|it| it.0.clone()).collect();
        ReadSet { skus, own_reservations: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Reservation, Refusal> {
        let Self { source, lines, lifetime, reference, allocation } = self.clone();
        // A location serves its own region.
        let (region, location) = match source {
            StockSource::Region(region) => (region, None),
            StockSource::Location(code) => {
                let location =
                    unit.location(&code).ok_or_else(|| Refusal::not_found("stock location", &code))?;
                (location.region.clone(), Some(code))
            }
        };
        let new = NewReservation { region, location, lines, lifetime, reference, allocation };
        let id = reserve_stock(unit, &new)?;
        unit.reservation(id).cloned()
    }
}

/// A reservation that another caller asks for.
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
    /// How locations are chosen; None: as settings say for the region.
    pub allocation: Option<Allocation>,
}

/// Sets stock aside for another caller, all lines or none. Waiting orders come first.
pub fn reserve_stock(unit: &mut UnitOfWork, new: &NewReservation) -> Result<ReservationId, Refusal> {
    let mut problems = Problems::default();
    must_exist(unit, &new.lines, &mut problems);
    must_be_goods(unit, &new.lines, &mut problems);
    must_be_known(unit, "region", &new.region, &mut problems);
    let most = unit.rules.reservation_lifetime_max();
    if new.lifetime.is_some_and(|it| it > most) {
        problems.add("lifetime", format!("must be at most {} seconds", most.as_secs()));
    }
    problems.into_result()?;
    must_be_in_use(unit, new.lines.iter().map(|it| &it.0))?;
    if let Some(code) = &new.location {
        location_must_be_in_use(unit, code)?;
    }

    let most = i64::from(unit.rules.reservations_per_caller);
    if unit.open_reservations(&unit.actor) >= most {
        let message = format!("{} has {most} reservations open, the most allowed", unit.actor);
        let refusal = Refusal::unmet(Reason::LimitReached, message);
        return Err(refusal.instead(|| vec![Action::ReleaseReservation]));
    }

    let needs: Vec<Need> = new
        .lines
        .iter()
        .map(|(sku, quantity)| Need { line: 0, sku: sku.clone(), quantity: *quantity })
        .collect();
    let allocation = new.allocation.unwrap_or(unit.rules.allocation_in(&new.region));
    let mut supplies = supplies_for(unit, new);
    let mut planned = plan(&needs, &supplies, allocation);
    if planned.is_err() && release_expired_of(unit, needs.iter().map(|it| &it.sku), None)? {
        supplies = supplies_for(unit, new);
        planned = plan(&needs, &supplies, allocation);
    }
    let (takes, reason) = planned.map_err(Refusal::Short)?;

    let id: ReservationId = unit.ids.fresh();
    set_aside(unit, &takes, id, None);
    let lifetime = new.lifetime.unwrap_or(unit.rules.reservation_lifetime());
    unit.keep_reservation(Reservation {
        id,
        version: 0,
        order: None,
        reference: new.reference.clone(),
        state: ReservationState::Held,
        expires_at: Some(unit.now.plus(lifetime)),
        items: reserved_items(&takes),
        plan: reason,
        allocation: new.location.is_none().then_some(allocation),
        passed_over: passed_over(&needs, &supplies, &takes),
        created_by: unit.actor.clone(),
        created_at: unit.now,
        taken_over_by: None,
        taken_over_from: None,
        confirmed_at: None,
        created_through: unit.acting_principal(),
        reallocations: Vec::new(),
    });
    Ok(id)
}

fn supplies_for(unit: &UnitOfWork, new: &NewReservation) -> BTreeMap<Sku, Supply> {
    new.lines
        .iter()
        .map(|(sku, _)| {
            let wanted = wanted_of(&new.lines, sku);
            let mut found = supply(unit, &new.region, sku, unit.awaited_ahead(&new.region, sku, wanted));
            if let Some(only) = &new.location {
                found.by_location.retain(|it| it.location == *only);
                let here: i64 = found.by_location.iter().map(|it| it.units).sum();
                found.total = found.total.min(here);
            }
            (sku.clone(), found)
        })
        .collect()
}
