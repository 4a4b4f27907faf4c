//! A courier is created.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::courier::Courier;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::CourierCode;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Desk, Touch};

#[derive(Debug, Clone)]
pub struct CreateCourier {
    pub courier: Courier,
}

impl Command for CreateCourier {
    const NAME: &'static str = "CreateCourier";
    type Output = Courier;

    fn reads(&self) -> Touch {
        Touch { couriers: true, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Courier, Refusal> {
        let code = create_courier(desk, &self.courier)?;
        desk.courier(&code).cloned().ok_or_else(|| Refusal::not_found("courier", code))
    }
}

pub fn create_courier(desk: &mut Desk, courier: &Courier) -> Result<CourierCode, Refusal> {
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
