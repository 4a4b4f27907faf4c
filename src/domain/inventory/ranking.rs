//! By what locations are taken before their priority: how near they are to the address, what couriers ask from there, or
//! how soon what they have expires.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::domain::inventory::nearness::distance;
use crate::domain::model::location::Location;
use crate::domain::model::money::Currency;
use crate::domain::model::policy::Allocation;
use crate::domain::model::scalars::{LocationCode, ServiceLevel, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::promise::full::Full;
use crate::domain::promise::leg::Goods;
use crate::domain::promise::offer::{Addressed, Freight, offers};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// No courier carries the goods from there: it is taken last.
pub(in crate::domain) const UNQUOTED: u64 = 1 << 60;

/// None of its units expires: it is taken last.
pub(in crate::domain) const LASTING: u64 = u64::MAX;

/// What decides before the priority.
#[derive(Debug, Clone)]
pub(in crate::domain) enum Ranking {
    Near(Addressed),
    Cost(Carriage),
    Expiry,
}

/// All goods of an order as one parcel, whose price is asked from each location.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Carriage {
    pub to: Addressed,
    pub service: ServiceLevel,
    pub goods: Goods,
    /// None: any.
    pub currency: Option<Currency>,
    /// What was asked before.
    known: RefCell<BTreeMap<LocationCode, u64>>,
}

impl Ranking {
    /// The lower, the sooner it is taken.
    pub fn of(&self, unit: &UnitOfWork, location: &Location, level: &StockLevel) -> u64 {
        match self {
            Self::Near(to) => u64::from(distance(location, to)),
            Self::Cost(carriage) => carriage.cost(unit, location),
            Self::Expiry => {
                let first = level.first_to_expire(unit.now);
                first.map_or(LASTING, |it| it.expires_at.unix_micros().unsigned_abs())
            }
        }
    }
}

impl Carriage {
    pub fn new(to: Addressed, service: ServiceLevel, currency: Option<Currency>) -> Self {
        let known = RefCell::default();
        Self { to, service, goods: Goods::default(), currency, known }
    }

    /// What the cheapest courier asks, in minor units.
    pub fn cost(&self, unit: &UnitOfWork, location: &Location) -> u64 {
        if let Some(known) = self.known.borrow().get(&location.code) {
            return *known;
        }
        let full = Full::default();
        let Goods { weight_grams, volume_mm3, dangerous } = self.goods;
        let freight = Freight {
            calendar: Some(&location.calendar),
            region: &location.region,
            to: &self.to,
            packages: &[],
            weight_grams,
            volume_mm3,
            dangerous,
            currency: self.currency,
            ready_at: unit.now,
            full: &full,
        };
        let asked = unit.all_couriers().filter_map(|it| offers(it, self.service, &freight).ok()).flatten();
        let cheapest = asked.filter_map(|it| u64::try_from(it.price.minor).ok()).min();
        let cost = cheapest.unwrap_or(UNQUOTED);
        self.known.borrow_mut().insert(location.code.clone(), cost);
        cost
    }
}

/// What decides for goods that no order names yet, in standard service.
pub(super) fn ranking_to(
    unit: &UnitOfWork,
    to: &Addressed,
    allocation: Allocation,
    lines: &[(Sku, i64)],
    currency: Option<Currency>,
) -> Option<Ranking> {
    match allocation {
        Allocation::Nearest => Some(Ranking::Near(to.clone())),
        Allocation::LeastCost => {
            let mut carriage = Carriage::new(to.clone(), ServiceLevel::Standard, currency);
            for (sku, quantity) in lines {
                let Some(product) = unit.product(sku) else { continue };
                carriage.goods.add(Goods::of(product.weight_grams, &product.handling), *quantity);
            }
            Some(Ranking::Cost(carriage))
        }
        Allocation::Fefo => Some(Ranking::Expiry),
        Allocation::FewestShipments | Allocation::Priority => None,
    }
}
