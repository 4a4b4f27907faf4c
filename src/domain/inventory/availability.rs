//! Availability of stock, for a caller that has not ordered yet.

use crate::domain::inventory::allocate::{Need, availability, supply};
use crate::domain::inventory::expire::release_expired;
use crate::domain::inventory::known::{must_be_known, must_exist};
use crate::domain::model::availability::AvailabilityFound;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{RegionCode, ServiceLevel, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Availability of products, and when they could be with a customer. It changes nothing.
#[derive(Debug, Clone)]
pub struct CheckAvailability {
    pub inquiry: Inquiry,
}

impl Command for CheckAvailability {
    const NAME: &'static str = "CheckAvailability";
    type Output = Outlook;

    fn reads(&self) -> ReadSet {
        let skus = self.inquiry.lines.iter().map(|it| it.0.clone()).collect();
        ReadSet { skus, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Outlook, Refusal> {
        check_availability(unit, &self.inquiry)
    }
}

/// Where goods are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Region(RegionCode),
    /// ISO 3166-1 alpha-2.
    Country(String),
}

/// An inquiry before ordering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    pub destination: Destination,
    pub lines: Vec<(Sku, i64)>,
    pub service: ServiceLevel,
    pub requested_by: Option<Timestamp>,
}

/// Availability for an order of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub region: RegionCode,
    pub found: AvailabilityFound,
    /// When all of it could be with the customer; None: something is short.
    pub delivery_at: Option<Timestamp>,
}

/// Step 3 without an order. Waiting orders come first; expired reservations are released on the way.
pub fn check_availability(unit: &mut UnitOfWork, inquiry: &Inquiry) -> Result<Outlook, Refusal> {
    let mut problems = Problems::default();
    must_exist(unit, &inquiry.lines, &mut problems);
    let region = match &inquiry.destination {
        Destination::Region(region) => {
            must_be_known(unit, "region", region, &mut problems);
            Some(region.clone())
        }
        Destination::Country(country) => unit.rules.region_of(country).cloned(),
    };
    let Some(region) = region else {
        problems.add("country", "is served by no region");
        return Err(Refusal::Invalid(problems));
    };
    problems.into_result()?;

    release_expired(unit)?;
    let needs: Vec<Need> = inquiry
        .lines
        .iter()
        .zip(1..)
        .map(|((sku, quantity), line)| Need { line, sku: sku.clone(), quantity: *quantity })
        .collect();
    let in_use = |sku: &Sku| unit.product(sku).is_some_and(|it| it.active);
    let supplies = inquiry
        .lines
        .iter()
        .filter(|(sku, _)| in_use(sku))
        .map(|(sku, _)| (sku.clone(), supply(unit, &region, sku, unit.awaited(&region, sku))))
        .collect();
    let (mut found, delivery_at) =
        availability(unit, &needs, &supplies, inquiry.service, inquiry.requested_by);
    for line in found.lines.iter_mut().filter(|it| !in_use(&it.sku)) {
        line.shortage = "out of use: it is not sold any more".to_owned();
    }
    Ok(Outlook { region, found, delivery_at })
}
