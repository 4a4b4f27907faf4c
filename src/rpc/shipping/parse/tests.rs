//! Tests of `parse`.

use crate::domain::{Part, Problems, Timestamp};
use crate::pb;
use crate::rpc::couriers::parse::new_courier;
use crate::rpc::shipping::parse::{happened, incident_of, pack_shipment, parcel, record_tracking};

const NOW: Timestamp = Timestamp::from_unix_micros(1_800_000_000_000_000);

const SHIPMENT: &str = "shp_01h455vb4pex5vsknk084sn02q";

fn fields(bad: Problems) -> Vec<String> {
    bad.0.into_iter().map(|it| it.field).collect()
}

fn seconds(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn euros(units: i64) -> Option<pb::Money> {
    Some(pb::Money { currency_code: "EUR".to_owned(), units, nanos: 0 })
}

#[test]
fn every_bad_field_of_a_packing_is_named_as_it_was_written() {
    let good = pb::LineUnits { line_number: 1, quantity: 2 };
    let request = pb::PackShipmentRequest {
        shipment_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        packages: vec![
            pb::Package {
                number: 7,
                weight_grams: 0,
                length_mm: 10_001,
                width_mm: -1,
                height_mm: 1,
                contents: vec![good, pb::LineUnits { line_number: 0, quantity: 1_000_001 }],
                ..Default::default()
            },
            pb::Package {
                number: 0,
                weight_grams: 1_000_001,
                length_mm: 1,
                width_mm: 1,
                height_mm: 0,
                contents: Vec::new(),
                ..Default::default()
            },
        ],
        etag: "v1".to_owned(),
        request_id: String::new(),
        validate_only: false,
    };
    let mut bad = Problems::default();
    assert!(pack_shipment(request, &mut bad).is_none());
    assert_eq!(
        fields(bad),
        [
            "shipment_id",
            "packages[0].weight_grams",
            "packages[0].length_mm",
            "packages[0].width_mm",
            "packages[0].contents[1].line_number",
            "packages[0].contents[1].quantity",
            "packages[1].contents",
            "packages[1].weight_grams",
            "packages[1].height_mm",
        ]
    );
}

#[test]
fn packages_are_numbered_as_they_come() {
    let package = pb::Package {
        number: 9,
        weight_grams: 800,
        length_mm: 300,
        width_mm: 200,
        height_mm: 100,
        contents: vec![pb::LineUnits { line_number: 1, quantity: 2 }],
        ..Default::default()
    };
    let request = pb::PackShipmentRequest {
        shipment_id: SHIPMENT.to_owned(),
        packages: vec![package.clone(), package],
        ..pb::PackShipmentRequest::default()
    };
    let mut bad = Problems::default();
    let pack = pack_shipment(request, &mut bad).expect("a good request");
    assert!(bad.0.is_empty());
    assert_eq!(pack.packages.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn every_bad_field_of_a_courier_is_named_as_it_was_written() {
    let good = pb::CourierRate {
        region: "EUROPE".to_owned(),
        service_level: pb::ServiceLevel::Standard.into(),
        base_price: euros(5),
        price_per_kg: euros(1),
        transit_days: 3,
        ..pb::CourierRate::default()
    };
    let courier = pb::Courier {
        courier: "no blanks".to_owned(),
        name: " ".to_owned(),
        rates: vec![
            good.clone(),
            pb::CourierRate {
                region: String::new(),
                service_level: 9,
                base_price: None,
                price_per_kg: euros(-1),
                transit_days: 61,
                weight_max_grams: -1,
                zone: String::new(),
                service_name: "n".repeat(61),
                weight_bands: vec![
                    pb::WeightBand { up_to_grams: 500, price: None },
                    pb::WeightBand { up_to_grams: 500, price: euros(1) },
                ],
                volumetric_divisor: -1,
                deliver_by: "noon".to_owned(),
            },
            pb::CourierRate { transit_days: 1, ..good.clone() },
            pb::CourierRate {
                service_level: pb::ServiceLevel::Express.into(),
                price_per_kg: Some(pb::Money { currency_code: "USD".to_owned(), units: 1, nanos: 0 }),
                ..good.clone()
            },
            pb::CourierRate { region: "EUROPE".to_owned(), zone: "ISLANDS".to_owned(), ..good.clone() },
            pb::CourierRate { region: String::new(), zone: "NOWHERE".to_owned(), ..good },
        ],
        delivery_weekdays: vec![9],
        holidays: vec![pb::Date { year: 2026, month: 2, day: 30 }],
        zones: vec![
            pb::DeliveryZone { zone: "ISLANDS".to_owned(), areas: Vec::new() },
            pb::DeliveryZone {
                zone: "ISLANDS".to_owned(),
                areas: vec![pb::DeliveryArea {
                    country: "Spain".to_owned(),
                    postal_code_prefix: "--".to_owned(),
                    postal_code_from: "35000".to_owned(),
                    postal_code_to: "3599".to_owned(),
                }],
            },
        ],
        daily_cutoff: "24:00".to_owned(),
        time_zone: "Berlin".to_owned(),
        pickup_weekdays: vec![1, 0, 8, 1],
        ..pb::Courier::default()
    };
    let request =
        pb::CreateCourierRequest { courier: Some(courier), request_id: String::new(), validate_only: false };
    let mut bad = Problems::default();
    new_courier(request, &mut bad);
    assert_eq!(
        fields(bad),
        [
            "courier.courier",
            "courier.name",
            "courier.zones[0].areas",
            "courier.zones[1].zone",
            "courier.zones[1].areas[0].country",
            "courier.zones[1].areas[0].postal_code_prefix",
            "courier.zones[1].areas[0].postal_code_to",
            "courier.rates[1].region",
            "courier.rates[1].service_level",
            "courier.rates[1].base_price",
            "courier.rates[1].price_per_kg",
            "courier.rates[1].transit_days",
            "courier.rates[1].weight_max_grams",
            "courier.rates[1].service_name",
            "courier.rates[1].weight_bands[0].price",
            "courier.rates[1].weight_bands[1].up_to_grams",
            "courier.rates[1].volumetric_divisor",
            "courier.rates[1].deliver_by",
            "courier.rates[2]",
            "courier.rates[3].price_per_kg",
            "courier.rates[4].region",
            "courier.rates[5].zone",
            "courier.daily_cutoff",
            "courier.time_zone",
            "courier.pickup_weekdays[1]",
            "courier.pickup_weekdays[2]",
            "courier.pickup_weekdays[3]",
            "courier.delivery_weekdays[0]",
            "courier.holidays[0]",
        ]
    );
}

#[test]
fn a_report_is_from_this_century_and_at_most_a_day_ahead() {
    let mut bad = Problems::default();
    happened("time", seconds(946_684_800), NOW, &mut bad);
    happened("time", seconds(1_800_000_000 + 86_400), NOW, &mut bad);
    assert!(bad.0.is_empty());
    happened("early", seconds(946_684_799), NOW, &mut bad);
    happened("late", seconds(1_800_000_000 + 86_401), NOW, &mut bad);
    assert_eq!(fields(bad), ["early", "late"]);
}

#[test]
fn a_report_names_its_shipment_in_one_way() {
    let read = |shipment: &str, courier: &str, number: &str| {
        let mut bad = Problems::default();
        let parcel = parcel(shipment, courier, number, &mut bad);
        (parcel, fields(bad))
    };
    assert!(matches!(read(SHIPMENT, "", ""), (Some(Part::Shipment(_)), bad) if bad.is_empty()));
    assert!(matches!(read("", "swift", "CN1"), (Some(Part::Tracked { .. }), bad) if bad.is_empty()));
    assert_eq!(read(SHIPMENT, "swift", "CN1").1, ["courier", "tracking_number"]);
    assert_eq!(read("", "", "").1, ["tracking_number", "courier"]);
}

#[test]
fn an_incident_is_of_a_known_family() {
    let mut bad = Problems::default();
    for good in ["", "WEATHER", "ADDRESS_INCOMPLETE", "CARRIER_MISROUTED_2"] {
        incident_of("incident", good.to_owned(), &mut bad);
    }
    assert!(bad.0.is_empty());
    for wrong in ["storm", "WEATHERMAN", "WEATHER storm", "LOST", "WEATHER_ä"] {
        incident_of("incident", wrong.to_owned(), &mut bad);
    }
    assert_eq!(bad.0.len(), 5);
}

#[test]
fn what_a_courier_reports_may_look_like_card_numbers() {
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: SHIPMENT.to_owned(),
        events: vec![pb::TrackingReport {
            status: pb::TrackingStatus::InTransit.into(),
            occurred_time: seconds(1_800_000_000),
            event_id: "4111111111111111".to_owned(),
            raw_code: "4111111111111111".to_owned(),
            description: "parcel 4111111111111111 scanned".to_owned(),
            ..pb::TrackingReport::default()
        }],
        ..pb::RecordTrackingEventsRequest::default()
    };
    let mut bad = Problems::default();
    assert!(record_tracking(request, NOW, &mut bad).is_some());
    assert_eq!(fields(bad), Vec::<String>::new());
}
