//! A location is created, corrected, taken out of use and put back.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::etag::check_etag;
use crate::domain::model::in_use::{IfInUse, Use, Uses};
use crate::domain::model::location::{Location, LocationChange};
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::LocationCode;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct CreateLocation {
    pub location: Location,
}

impl Command for CreateLocation {
    const NAME: &'static str = "CreateStockLocation";
    type Output = Location;

    fn reads(&self) -> ReadSet {
        ReadSet { locations: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Location, Refusal> {
        let code = create_location(unit, &self.location)?;
        unit.location(&code).cloned().ok_or_else(|| Refusal::not_found("stock location", code))
    }
}

pub fn create_location(unit: &mut UnitOfWork, location: &Location) -> Result<LocationCode, Refusal> {
    if unit.location(&location.code).is_some() {
        return Err(Refusal::exists("stock location", &location.code));
    }
    let mut problems = Problems::default();
    must_be_known(unit, "stock_location.region", &location.region, &mut problems);
    problems.into_result()?;
    let at = unit.now;
    let location = Location { version: 1, created_at: at, updated_at: at, active: true, ..location.clone() };
    let code = location.code.clone();
    unit.changes.locations.insert(code.clone(), location.into());
    Ok(code)
}

/// Corrects a location. Orders that were placed keep what they froze.
#[derive(Debug, Clone)]
pub struct UpdateLocation {
    pub code: LocationCode,
    pub changes: Vec<LocationChange>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UpdateLocation {
    const NAME: &'static str = "UpdateStockLocation";
    type Output = Location;

    fn reads(&self) -> ReadSet {
        ReadSet { locations: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Location, Refusal> {
        let before = seen(unit, &self.code, &self.etag)?;
        let location = self.changes.iter().cloned().fold(before.clone(), Location::with);
        let mut problems = Problems::default();
        if location.region != before.region {
            must_be_known(unit, "stock_location.region", &location.region, &mut problems);
        }
        if location.address.as_ref().is_some_and(|it| it.country != location.country) {
            problems.add("stock_location.address.country", "must be the location's country");
        }
        problems.into_result()?;
        Ok(keep(unit, location))
    }
}

/// Takes a location out of use: nothing more is allocated from it or bought for it. What is set aside there still goes
/// out, and what is under way may arrive.
#[derive(Debug, Clone)]
pub struct DeactivateLocation {
    pub code: LocationCode,
    pub if_in_use: IfInUse,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DeactivateLocation {
    const NAME: &'static str = "DeactivateStockLocation";
    /// With what is still open.
    type Output = (Location, Uses);

    fn reads(&self) -> ReadSet {
        ReadSet { locations: true, stock_at: vec![self.code.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(Location, Uses), Refusal> {
        let location = seen(unit, &self.code, &self.etag)?;
        let uses = uses_of(unit, &self.code);
        if location.active {
            Refusal::in_use(&self.code, &uses, self.if_in_use)?;
        }
        Ok((keep(unit, Location { active: false, ..location }), uses))
    }
}

/// Puts a location back into use.
#[derive(Debug, Clone)]
pub struct ReactivateLocation {
    pub code: LocationCode,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReactivateLocation {
    const NAME: &'static str = "ReactivateStockLocation";
    type Output = Location;

    fn reads(&self) -> ReadSet {
        ReadSet { locations: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Location, Refusal> {
        let location = seen(unit, &self.code, &self.etag)?;
        Ok(keep(unit, Location { active: true, ..location }))
    }
}

/// The location in the version that the caller has seen.
fn seen(unit: &UnitOfWork, code: &LocationCode, etag: &str) -> Result<Location, Refusal> {
    let found = unit.location(code).cloned();
    let location = found.ok_or_else(|| Refusal::not_found("stock location", code))?;
    check_etag(etag, location.version)?;
    Ok(location)
}

/// One version later, if anything of it is new.
fn keep(unit: &mut UnitOfWork, location: Location) -> Location {
    if unit.location(&location.code) == Some(&location) {
        return location;
    }
    let (version, updated_at) = (location.version + 1, unit.now.max(location.updated_at));
    let location = Location { version, updated_at, ..location };
    unit.changes.locations.insert(location.code.clone(), location.clone().into());
    location
}

/// Units on its shelves, and what is being bought for it.
fn uses_of(unit: &UnitOfWork, code: &LocationCode) -> Uses {
    let stock = unit.stock_at(code).into_iter().map(|it| Use::Stock {
        sku: it.sku.clone(),
        location: code.clone(),
        on_hand: it.on_hand,
        reserved: it.reserved,
    });
    let bought = unit.open_replenishments_at(code).into_iter().map(|it| Use::Replenishment {
        id: it.id,
        sku: it.sku.clone(),
        location: code.clone(),
    });
    Uses::of(stock.chain(bought))
}
