//! Couriers' offers for a shipment.

use std::time::Duration;

use crate::domain::model::courier::{Courier, Quote, Rate};
use crate::domain::model::money::Currency;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{CourierCode, RegionCode, ServiceLevel, ShipmentId};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// Couriers' offers for a shipment. It changes nothing.
#[derive(Debug, Clone)]
pub struct QuoteCouriers {
    pub shipment: ShipmentId,
    /// None: every service.
    pub service: Option<ServiceLevel>,
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
            locations: true,
            ..ReadSet::default()
        }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Offers, Refusal> {
        let order = unit.order(unit.order_of(&Part::Shipment(self.shipment))?)?;
        let (quotes, declines) = order.quotes(unit, self.shipment, self.service)?;
        Ok(Offers { preferred: order.preferred(&quotes, self.service), quotes, declines })
    }
}

/// A courier that cannot carry a shipment, and why.
pub type Decline = (CourierCode, String);

impl Order {
    /// Each courier's offer for a shipment, or its reason for declining.
    pub fn quotes(
        &self,
        unit: &UnitOfWork,
        id: ShipmentId,
        service: Option<ServiceLevel>,
    ) -> Result<(Vec<Quote>, Vec<Decline>), Refusal> {
        let index = self.shipment_index(id)?;
        let shipment = &self.shipments[index];
        let packed = shipment.packages.iter().map(|it| it.weight_grams).sum::<i64>();
        let by_units =
            shipment.items.iter().map(|it| it.weight_grams.saturating_mul(it.quantity)).sum::<i64>();
        let weight = if packed > 0 { packed } else { by_units };
        let region = unit.location(&shipment.location).map(|it| it.region.clone());
        let region = region.or_else(|| self.region.clone()).expect("a planned shipment has a region");

        let mut offers = Vec::new();
        let mut refusals = Vec::new();
        let services = service.map_or_else(|| ServiceLevel::ALL.to_vec(), |it| vec![it]);
        for (courier, rating) in unit.couriers() {
            if let Some(why) = courier.declines(shipment) {
                refusals.push((courier.code.clone(), why));
                continue;
            }
            let mut reasons = Vec::new();
            for service in &services {
                let currency = self.amounts.currency;
                match quote(
                    courier,
                    *service,
                    &region,
                    weight,
                    currency,
                    unit.now,
                    shipment.promised_by,
                    rating,
                ) {
                    Ok(offer) => offers.push(offer),
                    Err(why) => reasons.push(format!("{service}: {why}")),
                }
            }
            if reasons.len() == services.len() {
                refusals.push((courier.code.clone(), reasons.join("; ")));
            }
        }
        offers.sort_by_key(|it| (it.price_minor, it.delivery_at));
        Ok((offers, refusals))
    }
}

/// A courier's offer for one shipment, or why it has none, in words. The price is the base and a sum for
/// every begun kilogram; pickup is on the first pickup day whose cut-off is not over when the goods are
/// ready; delivery is so many days later as the rate card says. Without a promise every delivery is in time.
#[expect(
    clippy::too_many_arguments,
    reason = "an offer depends on all of these, and they are nothing together"
)]
fn quote(
    courier: &Courier,
    service: ServiceLevel,
    region: &RegionCode,
    weight_grams: i64,
    currency: Currency,
    ready_at: Timestamp,
    promised_by: Option<Timestamp>,
    rating_hundredths: i64,
) -> Result<Quote, String> {
    let fits = |it: &&Rate| it.region == *region && it.service == service && it.currency == currency;
    let rate = courier
        .rates
        .iter()
        .find(fits)
        .ok_or_else(|| format!("no {service} rate for {region} in {currency}"))?;
    if weight_grams < 0 {
        return Err("the weight is negative".to_owned());
    }
    if rate.weight_max_grams > 0 && weight_grams > rate.weight_max_grams {
        return Err(format!("takes at most {} g, this is {weight_grams} g", rate.weight_max_grams));
    }

    let begun_kilograms = weight_grams / 1000 + i64::from(weight_grams % 1000 > 0);
    let price_minor = rate
        .per_kg_minor
        .checked_mul(begun_kilograms)
        .and_then(|it| it.checked_add(rate.base_minor))
        .ok_or_else(|| format!("the price of {begun_kilograms} kg is beyond all limits"))?;
    let pickup_at =
        next_pickup(courier, ready_at).ok_or_else(|| "picks up on no day of the week".to_owned())?;
    let delivery_at = pickup_at.plus(Duration::from_secs(u64::from(rate.transit_days) * 86_400));
    Ok(Quote {
        courier: courier.code.clone(),
        service,
        price_minor,
        currency,
        pickup_at,
        delivery_at,
        on_time: promised_by.is_none_or(|it| delivery_at <= it),
        rating_hundredths,
    })
}

const DAY_MICROS: i64 = 86_400_000_000;

const MINUTE_MICROS: i64 = 60_000_000;

/// The cut-off of the first pickup day that is not before `ready_at`, by the courier's own clock.
fn next_pickup(courier: &Courier, ready_at: Timestamp) -> Option<Timestamp> {
    let offset = i64::from(courier.utc_offset_minutes) * MINUTE_MICROS;
    let cutoff = i64::from(courier.cutoff_minutes) * MINUTE_MICROS;
    let today = ready_at.unix_micros().saturating_add(offset).div_euclid(DAY_MICROS);
    (today..=today + 7).find_map(|day| {
        let at = Timestamp::from_unix_micros(day.saturating_mul(DAY_MICROS).saturating_add(cutoff - offset));
        let goes = courier.pickup_weekdays.iter().any(|it| i64::from(*it) == iso_weekday(day));
        (goes && at >= ready_at).then_some(at)
    })
}

/// 1 = Monday … 7 = Sunday, of a day counted from 1970-01-01, which was a Thursday.
fn iso_weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-03-02T10:00:00Z, a Monday.
    const MONDAY: Timestamp = Timestamp::from_unix_micros(1_772_445_600_000_000);

    fn hours_later(hours: i64) -> Timestamp {
        Timestamp::from_unix_micros(MONDAY.unix_micros() + hours * 3_600_000_000)
    }

    fn region() -> RegionCode {
        "EUROPE".parse().expect("a region")
    }

    fn eur() -> Currency {
        "EUR".parse().expect("a currency")
    }

    fn courier() -> Courier {
        let rate = Rate {
            region: region(),
            service: ServiceLevel::Express,
            currency: eur(),
            base_minor: 500,
            per_kg_minor: 120,
            transit_days: 2,
            weight_max_grams: 30_000,
        };
        Courier {
            cutoff_minutes: 15 * 60,
            ..Courier::new("FALCON".parse().expect("a courier"), vec![rate], MONDAY)
        }
    }

    fn quoted(courier: &Courier, grams: i64, ready_at: Timestamp) -> Result<Quote, String> {
        quote(courier, ServiceLevel::Express, &region(), grams, eur(), ready_at, None, 0)
    }

    fn pickup(courier: &Courier, ready_at: Timestamp) -> String {
        quoted(courier, 1, ready_at).expect("an offer").pickup_at.to_string()
    }

    #[test]
    fn every_begun_kilogram_is_paid_for() {
        let price = |grams| quoted(&courier(), grams, MONDAY).expect("an offer").price_minor;
        assert_eq!([0, 1, 1_000, 1_001, 2_500].map(price), [500, 620, 620, 740, 860]);
    }

    #[test]
    fn a_courier_says_why_it_has_no_offer() {
        let of = |service, currency: &str, grams| {
            let currency = currency.parse().expect("a currency");
            quote(&courier(), service, &region(), grams, currency, MONDAY, None, 0).expect_err("a refusal")
        };
        assert_eq!(of(ServiceLevel::Overnight, "EUR", 1), "no OVERNIGHT rate for EUROPE in EUR");
        assert_eq!(of(ServiceLevel::Express, "USD", 1), "no EXPRESS rate for EUROPE in USD");
        assert_eq!(of(ServiceLevel::Express, "EUR", 30_001), "takes at most 30000 g, this is 30001 g");
        assert_eq!(of(ServiceLevel::Express, "EUR", -1), "the weight is negative");

        let never = Courier { pickup_weekdays: Vec::new(), ..courier() };
        assert_eq!(quoted(&never, 1, MONDAY), Err("picks up on no day of the week".to_owned()));
        let mut dear = courier();
        dear.rates[0].per_kg_minor = i64::MAX;
        assert!(quoted(&dear, 2_000, MONDAY).is_err());
        dear.rates[0].weight_max_grams = 0;
        dear.rates[0].per_kg_minor = 1;
        assert!(quoted(&dear, 1_000_000, MONDAY).is_ok());
    }

    #[test]
    fn what_misses_the_cut_off_goes_the_next_pickup_day() {
        assert_eq!(pickup(&courier(), MONDAY), "2026-03-02T15:00:00Z");
        assert_eq!(pickup(&courier(), hours_later(5)), "2026-03-02T15:00:00Z");
        assert_eq!(pickup(&courier(), hours_later(6)), "2026-03-03T15:00:00Z");
        assert_eq!(pickup(&courier(), hours_later(4 * 24 + 6)), "2026-03-09T15:00:00Z");

        let mondays = Courier { pickup_weekdays: vec![1], ..courier() };
        assert_eq!(pickup(&mondays, hours_later(6)), "2026-03-09T15:00:00Z");
    }

    #[test]
    fn cut_off_and_weekday_are_those_of_the_couriers_own_clock() {
        // 10:00 UTC is 18:00 in Kuala Lumpur, after the cut-off; 15:00 there is 07:00 UTC.
        let malaysian = Courier { utc_offset_minutes: 480, ..courier() };
        assert_eq!(pickup(&malaysian, MONDAY), "2026-03-03T07:00:00Z");
        // Saturday 20:00 UTC is Sunday 04:00 there.
        let sundays = Courier { pickup_weekdays: vec![7], ..malaysian };
        assert_eq!(pickup(&sundays, hours_later(5 * 24 + 10)), "2026-03-08T07:00:00Z");
        // Monday 02:00 UTC is still Sunday in New York.
        let american = Courier { utc_offset_minutes: -300, pickup_weekdays: vec![7], ..courier() };
        assert_eq!(pickup(&american, hours_later(-8 - 8)), "2026-03-01T20:00:00Z");
    }

    #[test]
    fn delivery_is_so_many_days_after_pickup_and_kept_against_the_promise() {
        let against = |promised_by| {
            quote(&courier(), ServiceLevel::Express, &region(), 1, eur(), MONDAY, promised_by, 450)
                .expect("an offer")
        };
        assert_eq!(against(None).delivery_at.to_string(), "2026-03-04T15:00:00Z");
        assert!(against(None).on_time);
        assert!(against(Some(hours_later(53))).on_time);
        assert!(!against(Some(hours_later(52))).on_time);
        assert_eq!(against(None).rating_hundredths, 450);
    }

    proptest! {
        #[test]
        fn a_pickup_is_the_next_on_a_pickup_day_within_a_week(
            at in -62_135_596_800_000_000_i64..253_402_300_799_999_999,
            cutoff_minutes in 0..1_440,
            utc_offset_minutes in -720..=840,
            weekday in 1..=7_u8,
        ) {
            let ready_at = Timestamp::from_unix_micros(at);
            let pickup_weekdays = vec![weekday];
            let courier = Courier { cutoff_minutes, utc_offset_minutes, pickup_weekdays, ..courier() };
            let pickup = next_pickup(&courier, ready_at).expect("a pickup");
            prop_assert!(pickup >= ready_at && pickup.unix_micros() - at <= 7 * DAY_MICROS);
            let local = pickup.unix_micros() + i64::from(utc_offset_minutes) * MINUTE_MICROS;
            prop_assert_eq!(iso_weekday(local.div_euclid(DAY_MICROS)), i64::from(weekday));
        }
    }
}
