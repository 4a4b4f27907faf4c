//! A location is created.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::location::Location;
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
