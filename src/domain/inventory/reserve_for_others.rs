//! Reservations of other callers, without an order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::inventory::allocate::{Need, Supply, plan, supply};
use crate::domain::inventory::expire::expire_overdue;
use crate::domain::inventory::known::{must_be_known, must_exist};
use crate::domain::inventory::ledger::set_aside;
use crate::domain::inventory::reserve::reserved_items;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{LocationCode, RegionCode, ReservationId, Sku};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Desk, Touch};

/// Where a reservation takes its stock from.
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
}

impl Command for ReserveStock {
    const NAME: &'static str = "ReserveStock";
    type Output = Reservation;

    fn reads(&self) -> Touch {
        Touch { skus: self.lines.iter().map(|it| it.0.clone()).collect(), ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Reservation, Refusal> {
        let Self { source, lines, lifetime, reference } = self.clone();
        // A location serves its own region.
        let (region, location) = match source {
            StockSource::Region(region) => (region, None),
            StockSource::Location(code) => {
                let location =
                    desk.location(&code).ok_or_else(|| Refusal::not_found("stock location", &code))?;
                (location.region.clone(), Some(code))
            }
        };
        let new = NewReservation { region, location, lines, lifetime, reference };
        let id = reserve_stock(desk, &new)?;
        desk.reservation(id).cloned()
    }
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
