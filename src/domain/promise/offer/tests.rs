//! Tests of `offer`.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;
use time::format_description::well_known::Rfc3339;

use crate::domain::model::calendar::WorkingHours;
use crate::domain::model::courier::{DeliveryArea, DeliveryZone, PostalCodes, WeightBand};

fn at(text: &str) -> Timestamp {
    Timestamp::from_date_time(time::OffsetDateTime::parse(text, &Rfc3339).expect("an instant"))
}

/// 2026-03-02T10:00:00Z, a Monday.
fn monday() -> Timestamp {
    at("2026-03-02T10:00:00Z")
}

fn hours_later(hours: i64) -> Timestamp {
    Timestamp::from_unix_micros(monday().unix_micros() + hours * 3_600_000_000)
}

fn day(year: i32, month: u8, day: u8) -> Day {
    Day::of(year, month, day).expect("a date")
}

fn zone(name: &str) -> TimeZone {
    name.parse().expect("a zone")
}

fn region() -> RegionCode {
    "EUROPE".parse().expect("a region")
}

fn eur(minor: i64) -> Money {
    "EUR".parse::<Currency>().expect("a currency").of(minor)
}

fn rate() -> Rate {
    Rate {
        per_kg_minor: 120,
        weight_max_grams: 30_000,
        ..Rate::flat(region(), ServiceLevel::Express, eur(500), 2)
    }
}

/// Picks up and delivers Monday to Friday, until three o'clock, UTC.
fn courier() -> Courier {
    let code = "FALCON".parse().expect("a courier");
    Courier { cutoff_minutes: 15 * 60, ..Courier::new(code, vec![rate()], monday()) }
}

fn nowhere() -> Addressed {
    Addressed { country: None, postal_code: String::new(), time_zone: None }
}

fn addressed(country: &str, postal_code: &str) -> Addressed {
    Addressed {
        country: Some(country.to_owned()),
        postal_code: postal_code.to_owned(),
        time_zone: TimeZone::of_country(country),
    }
}

fn parcel<'a>(region: &'a RegionCode, to: &'a Addressed, ready_at: Timestamp) -> Freight<'a> {
    Freight {
        calendar: None,
        region,
        to,
        packages: &[],
        weight_grams: 1,
        volume_mm3: 0,
        dangerous: false,
        currency: Some(eur(0).currency),
        ready_at,
        full: &NOTHING_FULL,
    }
}

static NOTHING_FULL: LazyLock<Full> = LazyLock::new(Full::default);

/// The only offer of an express parcel that is ready then.
fn offered(courier: &Courier, to: &Addressed, ready_at: Timestamp) -> Offer {
    let region = region();
    let mut all = offers(courier, ServiceLevel::Express, &parcel(&region, to, ready_at)).expect("an offer");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn pickup(courier: &Courier, ready_at: Timestamp) -> String {
    offered(courier, &nowhere(), ready_at).pickup_at.to_string()
}

fn delivery(courier: &Courier, to: &Addressed, ready_at: Timestamp) -> String {
    offered(courier, to, ready_at).delivery_at.to_string()
}

fn price_of(rate: Rate, grams: i64, packages: &[Package]) -> i64 {
    let (region, to) = (region(), nowhere());
    let freight = Freight { packages, weight_grams: grams, ..parcel(&region, &to, monday()) };
    let courier = Courier { rates: vec![rate], ..courier() };
    offers(&courier, ServiceLevel::Express, &freight).expect("an offer")[0].price.minor
}

fn package(weight_grams: i64, side_mm: i64) -> Package {
    Package {
        number: 1,
        weight_grams,
        length_mm: side_mm,
        width_mm: side_mm,
        height_mm: side_mm,
        contents: Vec::new(),
        deviation_grams: 0,
    }
}

#[test]
fn every_begun_kilogram_is_paid_for() {
    let price = |grams| price_of(rate(), grams, &[]);
    assert_eq!([0, 1, 1_000, 1_001, 2_500].map(price), [500, 620, 620, 740, 860]);
}

#[test]
fn a_weight_is_priced_by_its_band_and_above_the_last_by_the_kilogram() {
    let band = |up_to_grams, price_minor| WeightBand { up_to_grams, price_minor };
    let banded = Rate { bands: vec![band(500, 100), band(2_000, 250)], ..rate() };
    let price = |grams| price_of(banded.clone(), grams, &[]);
    assert_eq!([0, 500, 501, 2_000, 2_001, 3_001].map(price), [600, 600, 750, 750, 870, 990]);
}

#[test]
fn what_is_larger_than_heavy_counts_with_its_volume() {
    let light = Rate { volumetric_divisor: 5_000, ..rate() };
    // 30 × 30 × 30 cm at 5,000 cm³ a kilogram: 5.4 kg.
    let packages = [package(1_000, 300), package(8_000, 300)];
    assert_eq!(price_of(light, 9_000, &packages[..1]), 500 + 6 * 120);
    assert_eq!(price_of(rate(), 1_000, &packages[..1]), 500 + 120);
    let light = Rate { volumetric_divisor: 5_000, ..rate() };
    assert_eq!(price_of(light, 9_000, &packages), 500 + 14 * 120);
}

#[test]
fn what_is_not_packed_yet_counts_with_the_volume_of_its_units() {
    let (region, to) = (region(), nowhere());
    let freight = Freight { weight_grams: 1_000, volume_mm3: 27_000_000, ..parcel(&region, &to, monday()) };
    let price_at = |volumetric_divisor| {
        let courier = Courier { rates: vec![Rate { volumetric_divisor, ..rate() }], ..courier() };
        offers(&courier, ServiceLevel::Express, &freight).expect("an offer")[0].price.minor
    };
    assert_eq!([5_000, 0].map(price_at), [500 + 6 * 120, 500 + 120]);
}

#[test]
fn a_courier_says_why_it_has_no_offer() {
    let (region, to) = (region(), nowhere());
    let of = |courier: &Courier, service, currency: &str, weight_grams| {
        let currency = Some(currency.parse().expect("a currency"));
        let freight = Freight { currency, weight_grams, ..parcel(&region, &to, monday()) };
        offers(courier, service, &freight).expect_err("a refusal")
    };
    let own = courier();
    assert_eq!(of(&own, ServiceLevel::Overnight, "EUR", 1), "no OVERNIGHT rate for EUROPE in EUR");
    assert_eq!(of(&own, ServiceLevel::Express, "USD", 1), "no EXPRESS rate for EUROPE in USD");
    assert_eq!(of(&own, ServiceLevel::Express, "EUR", 30_001), "takes at most 30000 g, this is 30001 g");
    assert_eq!(of(&own, ServiceLevel::Express, "EUR", -1), "the weight is negative");

    let never = Courier { pickup_weekdays: Vec::new(), ..courier() };
    assert_eq!(of(&never, ServiceLevel::Express, "EUR", 1), "picks up on no day of the week");
    let nowhere_to = Courier { delivery_weekdays: Vec::new(), ..courier() };
    assert_eq!(of(&nowhere_to, ServiceLevel::Express, "EUR", 1), "delivers on no day of the week");
    let gone = Courier { active: false, ..courier() };
    assert_eq!(of(&gone, ServiceLevel::Express, "EUR", 1), "is not in use any more");
    let mut dear = courier();
    dear.rates[0].per_kg_minor = i64::MAX;
    assert!(of(&dear, ServiceLevel::Express, "EUR", 2_000).ends_with("is beyond all limits"));
}

#[test]
fn what_misses_the_cut_off_goes_the_next_pickup_day() {
    assert_eq!(pickup(&courier(), monday()), "2026-03-02T15:00:00Z");
    assert_eq!(pickup(&courier(), hours_later(5)), "2026-03-02T15:00:00Z");
    assert_eq!(pickup(&courier(), hours_later(6)), "2026-03-03T15:00:00Z");
    assert_eq!(pickup(&courier(), hours_later(4 * 24 + 6)), "2026-03-09T15:00:00Z");

    let mondays = Courier { pickup_weekdays: vec![1], ..courier() };
    assert_eq!(pickup(&mondays, hours_later(6)), "2026-03-09T15:00:00Z");
    let free = Courier { holidays: vec![day(2026, 3, 3)], ..courier() };
    assert_eq!(pickup(&free, hours_later(6)), "2026-03-04T15:00:00Z");
}

#[test]
fn cut_off_and_weekday_are_those_of_the_couriers_own_clock() {
    // 10:00 UTC is 18:00 in Kuala Lumpur, after the cut-off; 15:00 there is 07:00 UTC.
    let malaysian = Courier { time_zone: zone("Asia/Kuala_Lumpur"), ..courier() };
    assert_eq!(pickup(&malaysian, monday()), "2026-03-03T07:00:00Z");
    // Saturday 20:00 UTC is Sunday 04:00 there.
    let sundays = Courier { pickup_weekdays: vec![7], ..malaysian };
    assert_eq!(pickup(&sundays, hours_later(5 * 24 + 10)), "2026-03-08T07:00:00Z");
    // Monday 02:00 UTC is still Sunday in New York.
    let american = Courier { time_zone: zone("America/New_York"), pickup_weekdays: vec![7], ..courier() };
    assert_eq!(pickup(&american, hours_later(-8 - 8)), "2026-03-01T20:00:00Z");
}

#[test]
fn a_pickup_keeps_its_time_of_day_on_both_sides_of_summer_time() {
    let american = Courier {
        time_zone: zone("America/New_York"),
        pickup_weekdays: (1..=7).collect(),
        delivery_weekdays: (1..=7).collect(),
        ..courier()
    };
    // The clocks go forward on Sunday, 8 March, and back on Sunday, 1 November 2026.
    assert_eq!(pickup(&american, at("2026-03-07T12:00:00Z")), "2026-03-07T20:00:00Z");
    assert_eq!(pickup(&american, at("2026-03-08T12:00:00Z")), "2026-03-08T19:00:00Z");
    assert_eq!(delivery(&american, &nowhere(), at("2026-03-07T12:00:00Z")), "2026-03-09T19:00:00Z");
    assert_eq!(pickup(&american, at("2026-10-31T12:00:00Z")), "2026-10-31T19:00:00Z");
    assert_eq!(delivery(&american, &nowhere(), at("2026-10-31T12:00:00Z")), "2026-11-02T20:00:00Z");
}

#[test]
fn a_courier_that_delivers_monday_to_friday_promises_no_sunday() {
    // Friday: two delivery days later is Tuesday, not Sunday.
    let friday = hours_later(4 * 24);
    assert_eq!(delivery(&courier(), &nowhere(), friday), "2026-03-10T15:00:00Z");
    let saturdays = Courier { delivery_weekdays: vec![1, 2, 3, 4, 5, 6], ..courier() };
    assert_eq!(delivery(&saturdays, &nowhere(), friday), "2026-03-09T15:00:00Z");
    let mut next_day = saturdays;
    next_day.rates[0].transit_days = 1;
    assert_eq!(delivery(&next_day, &nowhere(), friday), "2026-03-07T15:00:00Z");
    let mut same_day = courier();
    same_day.rates[0].transit_days = 0;
    assert_eq!(delivery(&same_day, &nowhere(), friday), "2026-03-06T15:00:00Z");
}

#[test]
fn a_holiday_at_the_end_of_the_way_moves_the_delivery_to_the_next_delivery_day() {
    let free = Courier { holidays: vec![day(2026, 3, 4)], ..courier() };
    assert_eq!(delivery(&free, &nowhere(), monday()), "2026-03-05T15:00:00Z");
    // Good Friday and Easter Monday.
    let easter = Courier { holidays: vec![day(2026, 4, 3), day(2026, 4, 6)], ..courier() };
    assert_eq!(delivery(&easter, &nowhere(), at("2026-04-01T10:00:00Z")), "2026-04-07T15:00:00Z");
}

#[test]
fn a_delivery_is_on_a_delivery_day_of_the_address_whatever_the_couriers_clock_shows() {
    // Picked up on Tuesday at three in New York, where it is three again on Thursday when it is Friday in Kuala Lumpur.
    let american = Courier { time_zone: zone("America/New_York"), ..courier() };
    let to = addressed("MY", "50450");
    let offer = offered(&american, &to, at("2026-03-03T12:00:00Z"));
    assert_eq!(offer.pickup_at.to_string(), "2026-03-03T20:00:00Z");
    // Thursday, 15:00 in Kuala Lumpur.
    assert_eq!(offer.delivery_at.to_string(), "2026-03-05T07:00:00Z");
    // On the day of pickup three o'clock is over in Kuala Lumpur: it is the next delivery day.
    let mut same_day = american;
    same_day.rates[0].transit_days = 0;
    assert_eq!(delivery(&same_day, &to, at("2026-03-06T12:00:00Z")), "2026-03-09T07:00:00Z");
}

#[test]
fn a_service_may_deliver_until_an_hour_of_its_own() {
    let mut noon = courier();
    noon.rates[0].deliver_by = Some(12 * 60);
    noon.rates[0].service_name = "Express 12".to_owned();
    let offer = offered(&noon, &addressed("DE", "10115"), monday());
    assert_eq!(offer.delivery_at.to_string(), "2026-03-04T11:00:00Z");
    assert_eq!(offer.service_name, "Express 12");
    // Both services of one level are offered.
    noon.rates.push(Rate { service_name: "Express 18".to_owned(), ..rate() });
    let (region, to) = (region(), nowhere());
    let both = offers(&noon, ServiceLevel::Express, &parcel(&region, &to, monday())).expect("offers");
    assert_eq!(both.len(), 2);
}

#[test]
fn nobody_picks_up_where_nobody_works() {
    let (region, to) = (region(), nowhere());
    let mut calendar = WorkingCalendar::always(zone("America/Los_Angeles"));
    calendar.hours = vec![WorkingHours { weekday: 3, opens: 480, closes: 960 }];
    let ready = |calendar: &WorkingCalendar| {
        let freight = Freight { calendar: Some(calendar), ..parcel(&region, &to, monday()) };
        offers(&courier(), ServiceLevel::Express, &freight)
    };
    let offer = ready(&calendar).expect("an offer").remove(0);
    assert_eq!(offer.pickup_at.to_string(), "2026-03-04T15:00:00Z");
    calendar.holidays = vec![day(2026, 3, 4)];
    let offer = ready(&calendar).expect("an offer").remove(0);
    assert_eq!(offer.pickup_at.to_string(), "2026-03-11T15:00:00Z");
    calendar.hours[0].weekday = 7;
    assert_eq!(ready(&calendar), Err("picks up on no day on which the location works".to_owned()));
}

#[test]
fn a_pickup_is_on_a_working_day_of_the_location_by_the_locations_own_clock() {
    let (region, to) = (region(), nowhere());
    let mut calendar = WorkingCalendar::always(zone("Asia/Kuala_Lumpur"));
    let week = |weekday| WorkingHours { weekday, opens: 480, closes: 1_020 };
    calendar.hours = (1..=5).map(week).collect();
    let american =
        Courier { time_zone: zone("America/New_York"), pickup_weekdays: (1..=7).collect(), ..courier() };
    // Friday and Saturday at three in New York are Saturday and Sunday in Kuala Lumpur; Sunday, the day of the change to
    // summer time, is Monday there.
    let friday = at("2026-03-06T12:00:00Z");
    let fetched = |calendar: &WorkingCalendar| {
        let freight = Freight { calendar: Some(calendar), ..parcel(&region, &to, friday) };
        let offer = offers(&american, ServiceLevel::Express, &freight).expect("an offer").remove(0);
        offer.pickup_at.to_string()
    };
    assert_eq!(fetched(&calendar), "2026-03-08T19:00:00Z");
    calendar.holidays = vec![day(2026, 3, 9)];
    assert_eq!(fetched(&calendar), "2026-03-09T19:00:00Z");
}

#[test]
fn a_rate_of_the_addresss_zone_goes_before_one_of_the_region() {
    let mut zoned = courier();
    zoned.zones = vec![DeliveryZone {
        name: "ISLANDS".to_owned(),
        areas: vec![DeliveryArea {
            country: "ES".to_owned(),
            postal_codes: PostalCodes::BeginWith("35".to_owned()),
        }],
    }];
    zoned.rates.push(Rate { area: RateArea::Zone("ISLANDS".to_owned()), base_minor: 2_000, ..rate() });
    let price = |to: &Addressed| offered(&zoned, to, monday()).price.minor;
    assert_eq!(price(&addressed("ES", "35001")), 2_120);
    assert_eq!(price(&addressed("ES", "28001")), 620);
    assert_eq!(price(&nowhere()), 620);
    let islands_only = Courier { rates: zoned.rates[1..].to_vec(), ..zoned.clone() };
    let (region, to) = (region(), addressed("ES", "28001"));
    let none = offers(&islands_only, ServiceLevel::Express, &parcel(&region, &to, monday()));
    assert_eq!(none, Err("no EXPRESS rate for EUROPE in EUR".to_owned()));
}

fn couriers() -> impl Strategy<Value = Courier> {
    let zones =
        prop::sample::select(vec!["UTC", "America/New_York", "Asia/Kuala_Lumpur", "Pacific/Auckland"]);
    let days = || prop::collection::btree_set(1..=7_u8, 1..=7);
    let holidays = prop::collection::btree_set(20_500..20_560_i64, 0..30);
    (zones, days(), days(), holidays, 0..1_440_i32, 0..9_u32, prop::option::of(0..1_440_i32)).prop_map(
        |(name, pickup, delivery, holidays, cutoff_minutes, transit_days, deliver_by)| Courier {
            time_zone: zone(name),
            cutoff_minutes,
            pickup_weekdays: pickup.into_iter().collect(),
            delivery_weekdays: delivery.into_iter().collect(),
            holidays: holidays.into_iter().map(Day::from_number).collect(),
            rates: vec![Rate { transit_days, deliver_by, ..rate() }],
            ..courier()
        },
    )
}

proptest! {
    #[test]
    fn pickup_and_delivery_are_on_days_of_the_courier_and_later_goods_are_never_earlier(
        courier in couriers(),
        country in prop::sample::select(vec!["DE", "US", "MY", "NZ"]),
        // The days from 11 January to 12 April 2026.
        seconds in 1_768_089_600_i64..1_776_000_000,
        later in 0..1_000_000_i64,
    ) {
        let to = addressed(country, "");
        let ready_at = Timestamp::from_unix_micros(seconds * 1_000_000);
        let offer = offered(&courier, &to, ready_at);
        prop_assert!(ready_at <= offer.pickup_at && offer.pickup_at <= offer.delivery_at);

        let pickup_day = courier.time_zone.clock().day_of(offer.pickup_at);
        let clock = to.time_zone.as_ref().expect("a zone").clock();
        let delivery_day = clock.day_of(offer.delivery_at);
        prop_assert!(courier.pickup_weekdays.contains(&pickup_day.iso_weekday()));
        prop_assert!(courier.delivery_weekdays.contains(&delivery_day.iso_weekday()));
        prop_assert!(!courier.holidays.contains(&pickup_day) && !courier.holidays.contains(&delivery_day));

        let other = offered(&courier, &to, Timestamp::from_unix_micros((seconds + later) * 1_000_000));
        prop_assert!(offer.pickup_at <= other.pickup_at && offer.delivery_at <= other.delivery_at);
    }

    #[test]
    fn any_instant_has_an_answer(
        micros in -62_135_596_800_000_000_i64..=253_402_300_799_999_999, courier in couriers(),
    ) {
        let (region, to) = (region(), nowhere());
        let ready_at = Timestamp::from_unix_micros(micros);
        if let Ok(all) = offers(&courier, ServiceLevel::Express, &parcel(&region, &to, ready_at)) {
            prop_assert!(all.iter().all(|it| ready_at <= it.pickup_at && it.pickup_at <= it.delivery_at));
        }
    }
}

#[test]
fn what_an_interface_names_takes_the_place_of_the_card_and_the_card_says_what_it_leaves_out() {
    let (region, to) = (region(), nowhere());
    let freight = parcel(&region, &to, monday());
    let live = |price, transit_days| LiveRate {
        service: ServiceLevel::Express,
        service_name: "Paket".to_owned(),
        price,
        transit_days,
    };
    let at = |courier: &Courier, rates: &[LiveRate]| {
        let offers = live_offers(courier, rates, ServiceLevel::Express, &freight)?;
        let [offer] = offers.as_slice() else { panic!("one offer: {offers:?}") };
        Ok::<_, String>((offer.price, offer.service_name.clone(), offer.delivery_at))
    };
    let by_card = offered(&courier(), &to, monday());
    assert_eq!(
        at(&courier(), &[live(eur(735), None)]),
        Ok((eur(735), "Paket".to_owned(), by_card.delivery_at))
    );
    let slower = at(&courier(), &[live(eur(735), Some(3))]).expect("an offer");
    assert_eq!(slower.2, by_card.delivery_at.plus(std::time::Duration::from_secs(86_400)));

    // Without rates here nothing says how long it takes, unless the interface does.
    let bare = Courier { rates: Vec::new(), ..courier() };
    assert!(at(&bare, &[live(eur(735), Some(3))]).is_ok());
    let why = at(&bare, &[live(eur(735), None)]).expect_err("nobody knows how long it takes");
    assert_eq!(why, "its interface does not say how long it takes, in its EXPRESS rate");
    let francs = "CHF".parse::<Currency>().expect("a currency").of(735);
    let why = at(&courier(), &[live(francs, Some(3))]).expect_err("in another currency");
    assert_eq!(why, "its interface names no EXPRESS rate");
    assert!(at(&Courier { active: false, ..courier() }, &[live(eur(735), Some(3))]).is_err());
}
