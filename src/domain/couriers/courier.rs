//! A courier is created, corrected, taken out of use and put back.

use crate::domain::inventory::known::must_be_known;
use crate::domain::model::courier::{Courier, CourierChange, RateArea};
use crate::domain::model::etag::check_etag;
use crate::domain::model::in_use::{IfInUse, Use, Uses};
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
    must_be_legal(unit, courier)?;
    let at = unit.now;
    let courier = Courier { version: 1, created_at: at, updated_at: at, active: true, ..courier.clone() };
    let code = courier.code.clone();
    unit.changes.couriers.insert(code.clone(), courier.into());
    Ok(code)
}

/// Corrects a courier. Shipments that it was given keep what they froze.
#[derive(Debug, Clone)]
pub struct UpdateCourier {
    pub code: CourierCode,
    pub changes: Vec<CourierChange>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UpdateCourier {
    const NAME: &'static str = "UpdateCourier";
    type Output = Courier;

    fn reads(&self) -> ReadSet {
        ReadSet { couriers: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Courier, Refusal> {
        let before = seen(unit, &self.code, &self.etag)?;
        let courier = self.changes.iter().cloned().fold(before.clone(), Courier::with);
        if courier.rates != before.rates || courier.zones != before.zones {
            must_be_legal(unit, &courier)?;
        }
        Ok(keep(unit, courier))
    }
}

/// Takes a courier out of use: it is offered no more parcels. Those that it has are tracked as before.
#[derive(Debug, Clone)]
pub struct DeactivateCourier {
    pub code: CourierCode,
    pub if_in_use: IfInUse,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DeactivateCourier {
    const NAME: &'static str = "DeactivateCourier";
    /// With what is still open.
    type Output = (Courier, Uses);

    fn reads(&self) -> ReadSet {
        ReadSet { couriers: true, shipments_of: vec![self.code.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(Courier, Uses), Refusal> {
        let courier = seen(unit, &self.code, &self.etag)?;
        let uses = Uses::of(unit.open_shipments_of(&self.code).into_iter().map(Use::Shipment));
        if courier.active {
            Refusal::in_use(&self.code, &uses, self.if_in_use)?;
        }
        Ok((keep(unit, Courier { active: false, ..courier }), uses))
    }
}

/// Puts a courier back into use.
#[derive(Debug, Clone)]
pub struct ReactivateCourier {
    pub code: CourierCode,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReactivateCourier {
    const NAME: &'static str = "ReactivateCourier";
    type Output = Courier;

    fn reads(&self) -> ReadSet {
        ReadSet { couriers: true, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Courier, Refusal> {
        let courier = seen(unit, &self.code, &self.etag)?;
        Ok(keep(unit, Courier { active: true, ..courier }))
    }
}

fn must_be_legal(unit: &UnitOfWork, courier: &Courier) -> Result<(), Refusal> {
    let mut problems = Problems::default();
    for (index, rate) in courier.rates.iter().enumerate() {
        match &rate.area {
            RateArea::Region(region) => {
                must_be_known(unit, &format!("courier.rates[{index}].region"), region, &mut problems);
            }
            RateArea::Zone(zone) if courier.zones.iter().any(|it| it.name == *zone) => {}
            RateArea::Zone(_) => {
                let message = "must be the name of one of courier.zones";
                problems.add(format!("courier.rates[{index}].zone"), message);
            }
        }
    }
    problems.into_result()
}

/// The courier in the version that the caller has seen.
fn seen(unit: &UnitOfWork, code: &CourierCode, etag: &str) -> Result<Courier, Refusal> {
    let courier = unit.courier(code).cloned().ok_or_else(|| Refusal::not_found("courier", code))?;
    check_etag(etag, courier.version)?;
    Ok(courier)
}

/// One version later, if anything of it is new.
fn keep(unit: &mut UnitOfWork, courier: Courier) -> Courier {
    if unit.courier(&courier.code) == Some(&courier) {
        return courier;
    }
    let (version, updated_at) = (courier.version + 1, unit.now.max(courier.updated_at));
    let courier = Courier { version, updated_at, ..courier };
    unit.changes.couriers.insert(courier.code.clone(), courier.clone().into());
    courier
}
