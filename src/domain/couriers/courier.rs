//! A courier is created.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::courier::{Courier, RateArea};
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::CourierCode;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct CreateCourier {
    pub courier: Courier,
}

impl Command for CreateCourier {
    const NAME: &'static str = "CreateCourier";
    type Output = Courier;

    fn reads(&self) -> ReadSet {
        ReadSet { couriers: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Courier, Refusal> {
        let code = create_courier(unit, &self.courier)?;
        unit.courier(&code).cloned().ok_or_else(|| Refusal::not_found("courier", code))
    }
}

pub fn create_courier(unit: &mut UnitOfWork, courier: &Courier) -> Result<CourierCode, Refusal> {
    if unit.courier(&courier.code).is_some() {
        return Err(Refusal::exists("courier", &courier.code));
    }
    let mut problems = Problems::default();
    for (index, rate) in courier.rates.iter().enumerate() {
        if let RateArea::Region(region) = &rate.area {
            must_be_known(unit, &format!("courier.rates[{index}].region"), region, &mut problems);
        }
    }
    problems.into_result()?;
    let at = unit.now;
    let courier = Courier { version: 1, created_at: at, updated_at: at, active: true, ..courier.clone() };
    let code = courier.code.clone();
    unit.changes.couriers.insert(code.clone(), courier.into());
    Ok(code)
}
