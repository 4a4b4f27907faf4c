//! A location is created.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::location::Location;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::LocationCode;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Desk, Touch};

#[derive(Debug, Clone)]
pub struct CreateLocation {
    pub location: Location,
}

impl Command for CreateLocation {
    const NAME: &'static str = "CreateStockLocation";
    type Output = Location;

    fn reads(&self) -> Touch {
        Touch { locations: true, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Location, Refusal> {
        let code = create_location(desk, &self.location)?;
        desk.location(&code).cloned().ok_or_else(|| Refusal::not_found("stock location", code))
    }
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
