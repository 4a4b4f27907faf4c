//! Couriers' offers for a shipment.

use crate::domain::model::courier::{Courier, CourierRecord, LiveRates, Quote};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{CourierCode, ServiceLevel, ShipmentId};
use crate::domain::model::shipment::ShipmentItem;
use crate::domain::model::time::Timestamp;
use crate::domain::promise::full::{Counted, full_days};
use crate::domain::promise::offer::{Addressed, Freight, Offer, live_offers, offers};
use crate::domain::shipping::record::weigh;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// Couriers' offers for a shipment. It changes nothing.
#[derive(Debug, Clone)]
pub struct QuoteCouriers {
    pub shipment: ShipmentId,
    /// None: every service.
    pub service: Option<ServiceLevel>,
    /// What couriers' interfaces answered.
    pub live: LiveRates,
}

#[derive(Debug, Clone)]
pub struct Offers {
    /// The one that would be taken, with the reason.
    pub preferred: Option<(Quote, String)>,
    pub quotes: Vec<Quote>,
    pub declines: Vec<Decline>,
}

impl Command for QuoteCouriers {
    const NAME: &'static str = "QuoteCouriers";
    type Output = Offers;

    fn reads(&self) -> ReadSet {
        ReadSet {
            parts: vec![Part::Shipment(self.shipment)],
            couriers: true,
            courier_records: true,
            locations: true,
            ..ReadSet::default()
        }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Offers, Refusal> {
        let order = unit.order(unit.order_of(&Part::Shipment(self.shipment))?)?;
        let (quotes, declines) = order.quotes(unit, self.shipment, self.service, &self.live)?;
        let shipment = &order.shipments[order.shipment_index(self.shipment)?];
        let may_go = quotes.iter().filter(|it| shipment.may_go_with(&it.courier, None));
        let choice: Vec<Quote> = may_go.cloned().collect();
        Ok(Offers { preferred: order.preferred(&choice, self.service), quotes, declines })
    }
}

/// A courier that cannot carry a shipment, and why.
pub type Decline = (CourierCode, String);

impl Order {
    /// Each courier's offer for a shipment at its next pickup, or its reason for declining.
    pub fn quotes(
        &self,
        unit: &UnitOfWork,
        id: ShipmentId,
        service: Option<ServiceLevel>,
        live: &LiveRates,
    ) -> Result<(Vec<Quote>, Vec<Decline>), Refusal> {
        self.quotes_from(unit, id, service, live, unit.now)
    }

    /// The same at the first pickup that is not before this.
    pub(super) fn quotes_from(
        &self,
        unit: &UnitOfWork,
        id: ShipmentId,
        service: Option<ServiceLevel>,
        live: &LiveRates,
        ready_at: Timestamp,
    ) -> Result<(Vec<Quote>, Vec<Decline>), Refusal> {
        let index = self.shipment_index(id)?;
        let shipment = &self.shipments[index];
        let packed = shipment.packages.iter().map(|it| it.weight_grams).sum::<i64>();
        let by_units =
            shipment.items.iter().map(|it| it.weight_grams.saturating_mul(it.quantity)).sum::<i64>();
        let weight = if packed > 0 { packed } else { by_units };
        let location = unit.location(&shipment.location);
        let full = full_days(unit, location, Some(Counted { order: self.id, shipment: Some(id) }));
        let region = location.map(|it| it.region.clone());
        let region = region.or_else(|| self.region.clone()).expect("a planned shipment has a region");

        let to = Addressed::to(&self.shipping_address);
        let freight = Freight {
            calendar: location.map(|it| &it.calendar),
            region: &region,
            to: &to,
            packages: &shipment.packages,
            weight_grams: weight,
            volume_mm3: shipment.items.iter().map(ShipmentItem::volume_mm3).fold(0, i64::saturating_add),
            dangerous: shipment.has_dangerous_goods(),
            currency: Some(self.amounts.currency),
            ready_at,
            full: &full,
        };
        let mut quotes = Vec::new();
        let mut refusals = Vec::new();
        let services = service.map_or_else(|| ServiceLevel::ALL.to_vec(), |it| vec![it]);
        for (courier, record) in unit.couriers() {
            let (malus_ppm, standing) = weigh(&record, &unit.rules.courier_record);
            let mut reasons = Vec::new();
            let is_live = matches!(live.get(&courier.code), Some(Ok(_)));
            for service in &services {
                match offered(courier, *service, &freight, live) {
                    Ok(all) => {
                        let of = |it| Quote {
                            is_live,
                            ..quote(it, shipment.promised_by, record, malus_ppm, &standing)
                        };
                        quotes.extend(all.into_iter().map(of));
                    }
                    Err(why) => reasons.push(format!("{service}: {why}")),
                }
            }
            if reasons.len() == services.len() {
                refusals.push((courier.code.clone(), reasons.join("; ")));
            }
        }
        quotes.sort_by_key(|it| (it.price_minor, it.delivery_at));
        Ok((quotes, refusals))
    }
}

/// At the rates that the courier's interface named, if it was asked and answered, else at those here.
fn offered(
    courier: &Courier,
    service: ServiceLevel,
    freight: &Freight,
    live: &LiveRates,
) -> Result<Vec<Offer>, String> {
    match live.get(&courier.code) {
        None => offers(courier, service, freight),
        Some(Ok(rates)) => live_offers(courier, rates, service, freight),
        Some(Err(why)) => Err(why.clone()),
    }
}

/// The offer held against the promise, and what the courier's record weighs. Without a promise every delivery is in time.
fn quote(
    offer: Offer,
    promised_by: Option<Timestamp>,
    record: CourierRecord,
    malus_ppm: i64,
    standing: &str,
) -> Quote {
    let Offer { courier, service, service_name, price, pickup_at, delivery_at, pickup_note } = offer;
    Quote {
        courier,
        service,
        service_name,
        price_minor: price.minor,
        currency: price.currency,
        pickup_at,
        delivery_at,
        on_time: promised_by.is_none_or(|it| delivery_at <= it),
        record,
        malus_ppm,
        standing: standing.to_owned(),
        pickup_note,
        is_live: false,
    }
}
