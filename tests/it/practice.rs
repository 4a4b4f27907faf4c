//! Couriers, days and labels as they are in practice, over the wire: scans that come early, twice, late or on the way
//! back, dates by the clocks of three places, papers for names of any script.

use consign::domain::PickupScan;
use consign::pb::{self, DocumentKind, TrackingStatus, check_availability_request::Destination};
use consign::settings::Settings;
use time::{Date, Month, OffsetDateTime, Time};

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, create_product, draft, eur, every_law_holds, expect_on,
    in_seconds, level, on_order, open_location, order, pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

/// A paid order of one unit that a courier is to come for: its id and its shipment's.
async fn assigned(server: &TestServer, draft: pb::OrderDraft) -> (String, String) {
    let placed = create_order(server, draft).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.assign(&shipment).await;
    (placed.id, shipment)
}

/// A shop with one courier and such an order.
async fn with_assigned(server: &TestServer) -> (String, String) {
    stocked(server, "T-1", 10).await;
    create_courier(server).await;
    assigned(server, draft("ann", "T-1", 1)).await
}

fn scan(status: TrackingStatus, minutes_ago: i64) -> pb::TrackingReport {
    pb::TrackingReport {
        status: status as i32,
        occurred_time: Some(in_seconds(-60 * minutes_ago)),
        ..Default::default()
    }
}

async fn tell(
    server: &TestServer,
    shipment: &str,
    events: &[pb::TrackingReport],
) -> pb::RecordTrackingEventsResponse {
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: events.to_vec(),
        ..Default::default()
    };
    let answer = server.shipping.clone().record_tracking_events(by("courier", request)).await;
    answer.expect("scans are taken").into_inner()
}

fn shipment_of(answer: pb::RecordTrackingEventsResponse) -> pb::Shipment {
    answer.shipment.expect("a shipment")
}

/// The letters of one kind that the order's customer got or is to get.
async fn letters(server: &TestServer, order: &str, kind: &str) -> Vec<pb::CustomerMessage> {
    let filter = format!("order_id = {order} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages
}

async fn confirm_pickup(server: &TestServer, shipment: &str) -> Result<pb::Shipment, tonic::Status> {
    let request = pb::ConfirmPickupRequest {
        shipment_id: shipment.to_owned(),
        package_count: 1,
        driver: "driver 12".to_owned(),
        ..Default::default()
    };
    let answer = server.shipping.clone().confirm_pickup(by("warehouse", request)).await?;
    Ok(answer.into_inner().shipment.expect("a shipment"))
}

on_both_engines!(scans_from_before_the_pickup_is_confirmed_are_kept_and_stand_for_it, async |server| {
    let (id, shipment) = with_assigned(&server).await;
    let early = tell(&server, &shipment, &[scan(TrackingStatus::InfoReceived, 120)]).await;
    assert_eq!(early.recorded.len(), 1);
    assert_eq!(shipment_of(early).state(), pb::ShipmentState::CourierAssigned);
    assert_eq!(level(&server, "T-1").await.on_hand, 10);

    let picked_up = scan(TrackingStatus::PickedUp, 90);
    let moving = shipment_of(tell(&server, &shipment, &[scan(TrackingStatus::InTransit, 30)]).await);
    assert_eq!(moving.state(), pb::ShipmentState::InTransit);
    let taken = shipment_of(tell(&server, &shipment, std::slice::from_ref(&picked_up)).await);
    let handover = taken.handover.expect("a handover");
    assert_eq!(handover.time, picked_up.occurred_time, "the first scan says when, also if it comes later");
    assert_eq!((handover.package_count, handover.confirmed_by.as_str()), (1, "courier"));
    assert_eq!(level(&server, "T-1").await.on_hand, 9);
    assert_eq!(letters(&server, &id, "SHIPPED").await.len(), 1);
    let refused = confirm_pickup(&server, &shipment).await.expect_err("it has left");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
    every_law_holds(&server).await;
});

fn by_hand(settings: &mut Settings) {
    settings.rules.pickup_scan = PickupScan::Wait;
}

on_both_engines!(where_pickups_are_confirmed_by_hand_scans_wait_for_that, by_hand, async |server| {
    let (id, shipment) = with_assigned(&server).await;
    let picked_up = scan(TrackingStatus::PickedUp, 90);
    let scans =
        [scan(TrackingStatus::InfoReceived, 120), picked_up.clone(), scan(TrackingStatus::InTransit, 30)];
    let kept = tell(&server, &shipment, &scans).await;
    assert_eq!(kept.recorded.len(), 3);
    assert_eq!(shipment_of(kept).state(), pb::ShipmentState::CourierAssigned);
    assert_eq!(level(&server, "T-1").await.on_hand, 10);
    assert!(letters(&server, &id, "SHIPPED").await.is_empty());

    let confirmed = confirm_pickup(&server, &shipment).await.expect("handed over");
    assert_eq!(confirmed.state(), pb::ShipmentState::InTransit);
    assert_eq!(confirmed.handover.expect("a handover").time, picked_up.occurred_time);
    every_law_holds(&server).await;
});

on_both_engines!(scans_of_one_minute_are_told_apart_and_a_known_one_moves_the_estimate, async |server| {
    let (id, shipment) = with_assigned(&server).await;
    let occasion = async || order(&server, &id).await.promise.map(|it| it.occasion);
    assert_eq!(occasion().await.as_deref(), Some("COURIER_ASSIGNED"));
    tell(&server, &shipment, &[scan(TrackingStatus::PickedUp, 90)]).await;
    let arrived = pb::TrackingReport {
        location: "Newark, NJ".to_owned(),
        description: "Arrived at the hub".to_owned(),
        estimated_delivery_time: Some(in_seconds(3 * 86_400)),
        ..scan(TrackingStatus::InTransit, 60)
    };
    let departed = pb::TrackingReport { description: "Departed from the hub".to_owned(), ..arrived.clone() };
    let both = tell(&server, &shipment, &[arrived.clone(), departed]).await;
    assert_eq!((both.recorded.len(), both.duplicates), (2, 0));
    assert_eq!(occasion().await.as_deref(), Some("TRACKING"));

    let later = pb::TrackingReport {
        location: "NEWARK NJ".to_owned(),
        estimated_delivery_time: Some(in_seconds(4 * 86_400)),
        ..arrived
    };
    let known = tell(&server, &shipment, std::slice::from_ref(&later)).await;
    assert_eq!((known.recorded.len(), known.updated, known.duplicates), (0, 1, 0));
    assert_eq!(shipment_of(known).estimated_delivery_time, later.estimated_delivery_time);
    assert_eq!(tell(&server, &shipment, &[later]).await.duplicates, 1);
    let request = pb::ListTrackingEventsRequest { shipment_id: shipment, ..Default::default() };
    let listed = server.shipping.clone().list_tracking_events(request).await.expect("a page").into_inner();
    assert_eq!(listed.tracking_events.len(), 3);
    every_law_holds(&server).await;
});

on_both_engines!(a_parcel_delivered_at_the_senders_depot_is_returned_and_nobody_is_thanked, async |server| {
    let (first, shipment) = with_assigned(&server).await;
    let way_back = [
        scan(TrackingStatus::PickedUp, 400),
        scan(TrackingStatus::InTransit, 300),
        scan(TrackingStatus::DeliveryAttempted, 200),
        scan(TrackingStatus::Returning, 100),
        pb::TrackingReport { received_by: "depot".to_owned(), ..scan(TrackingStatus::Delivered, 50) },
    ];
    for one in &way_back {
        tell(&server, &shipment, std::slice::from_ref(one)).await;
    }
    let found = order(&server, &first).await;
    assert_eq!(found.state(), pb::OrderState::Shipped);
    assert!(letters(&server, &first, "DELIVERY_CONFIRMED").await.is_empty());

    // Told from the end, it looks delivered until the way back is known.
    let (second, other) = assigned(&server, draft("ben", "T-1", 1)).await;
    for one in way_back.iter().rev() {
        tell(&server, &other, std::slice::from_ref(one)).await;
    }
    assert_eq!(order(&server, &second).await.state(), pb::OrderState::Shipped);
    let mut ends = Vec::new();
    for id in [shipment, other] {
        let request = pb::GetShipmentRequest { shipment_id: id };
        let found = server.shipping.clone().get_shipment(request).await.expect("it is there").into_inner();
        let found = found.shipment.expect("a shipment");
        ends.push((found.state(), found.proof_of_delivery, found.handover.and_then(|it| it.time)));
    }
    let end = (pb::ShipmentState::Returned, None, way_back[0].occurred_time);
    assert_eq!(ends, [end.clone(), end]);
    every_law_holds(&server).await;
});

on_both_engines!(an_old_scan_is_recorded_and_the_customer_is_not_told_old_news, async |server| {
    let (id, shipment) = with_assigned(&server).await;
    let now = [scan(TrackingStatus::PickedUp, 120), scan(TrackingStatus::AvailableForPickup, 10)];
    tell(&server, &shipment, &now).await;
    let late = [scan(TrackingStatus::OutForDelivery, 60), scan(TrackingStatus::Delayed, 90)];
    let recorded = tell(&server, &shipment, &late).await;
    assert_eq!(recorded.recorded.len(), 2);
    assert_eq!(shipment_of(recorded).state(), pb::ShipmentState::AvailableForPickup);
    assert_eq!(letters(&server, &id, "READY_FOR_PICKUP").await.len(), 1);
    for kind in ["OUT_FOR_DELIVERY", "DELIVERY_DELAYED"] {
        assert!(letters(&server, &id, kind).await.is_empty(), "{kind}");
    }
    every_law_holds(&server).await;
});

on_both_engines!(of_two_proofs_of_a_delivery_the_same_stands_in_either_order, async |server| {
    stocked(&server, "T-1", 10).await;
    create_courier(&server).await;
    let taken_by = |name: &str, minutes_ago| pb::TrackingReport {
        received_by: name.to_owned(),
        location: format!("door of {name}"),
        ..scan(TrackingStatus::Delivered, minutes_ago)
    };
    let picked_up = scan(TrackingStatus::PickedUp, 90);
    let (ada, bob) = (taken_by("Ada", 30), taken_by("Bob", 20));
    for (buyer, told) in [("ann", [&ada, &bob]), ("ben", [&bob, &ada])] {
        let (id, shipment) = assigned(&server, draft(buyer, "T-1", 1)).await;
        tell(&server, &shipment, std::slice::from_ref(&picked_up)).await;
        tell(&server, &shipment, std::slice::from_ref(told[0])).await;
        let after = shipment_of(tell(&server, &shipment, std::slice::from_ref(told[1])).await);
        let proof = after.proof_of_delivery.expect("a proof");
        assert_eq!((proof.received_by.as_str(), proof.location.as_str()), ("Ada", "door of Ada"), "{buyer}");
        assert_eq!(proof.time, ada.occurred_time);
        assert_eq!(letters(&server, &id, "DELIVERY_CONFIRMED").await.len(), 1);
    }
    every_law_holds(&server).await;
});

fn today() -> Date {
    let seconds = consign::clock::now().unix_micros() / 1_000_000;
    OffsetDateTime::from_unix_timestamp(seconds).expect("an instant").date()
}

fn at(day: Date, hour: u8, minute: u8) -> prost_types::Timestamp {
    let time = Time::from_hms(hour, minute, 0).expect("a time of day");
    prost_types::Timestamp { seconds: day.with_time(time).assume_utc().unix_timestamp(), nanos: 0 }
}

fn days_after(day: Date, days: i64) -> Date {
    day + time::Duration::days(days)
}

/// A courier in the standard service.
fn falcon(region: &str, transit_days: i32) -> pb::Courier {
    let rate = pb::CourierRate {
        service_level: pb::ServiceLevel::Standard as i32,
        service_name: "Next Day 12".to_owned(),
        base_price: Some(eur(490)),
        region: region.to_owned(),
        transit_days,
        ..Default::default()
    };
    pb::Courier {
        courier: "falcon".to_owned(),
        name: "Falcon Couriers".to_owned(),
        rates: vec![rate],
        daily_cutoff: "16:00".to_owned(),
        ..Default::default()
    }
}

async fn add_courier(server: &TestServer, courier: pb::Courier) {
    let request =
        pb::CreateCourierRequest { courier: Some(courier), request_id: String::new(), validate_only: false };
    server.shipping.clone().create_courier(by("clerk", request)).await.expect("a new courier");
}

async fn correct_courier(server: &TestServer, courier: pb::Courier, paths: &[&str]) {
    let paths = paths.iter().map(|it| (*it).to_owned()).collect();
    let request = pb::UpdateCourierRequest {
        courier: Some(courier),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    };
    server.shipping.clone().update_courier(by("clerk", request)).await.expect("corrected");
}

on_both_engines!(a_date_in_a_letter_is_that_of_the_place_where_the_goods_go, async |server| {
    open_location(&server, "MY-IPOH", "MALAYSIA", "MY").await;
    create_product(&server, "T-1", 1_990).await;
    receive(&server, "T-1", "MY-IPOH", 5).await;
    add_courier(&server, falcon("MALAYSIA", 2)).await;
    let mut to_malaysia = draft("siti", "T-1", 1);
    to_malaysia.shipping_address = Some(pb::Address {
        recipient: "Siti".to_owned(),
        street: vec!["Jalan Ampang 1".to_owned()],
        city: "Kuala Lumpur".to_owned(),
        postal_code: "50450".to_owned(),
        country: "MY".to_owned(),
        ..Default::default()
    });
    let (id, shipment) = assigned(&server, to_malaysia).await;

    // Half past five in the afternoon by UTC is the next day in Kuala Lumpur.
    let day = days_after(today(), 20);
    let moved = pb::TrackingReport {
        estimated_delivery_time: Some(at(day, 17, 30)),
        ..scan(TrackingStatus::InTransit, 30)
    };
    tell(&server, &shipment, &[scan(TrackingStatus::PickedUp, 60)]).await;
    Warehouse { server: &server }.until_quiet(&id).await;
    tell(&server, &shipment, &[moved]).await;
    Warehouse { server: &server }.until_quiet(&id).await;
    let there = days_after(day, 1);
    let words = format!("{}, {} {} {}", there.weekday(), there.day(), there.month(), there.year());
    let letter = letters(&server, &id, "ESTIMATE_MOVED").await.remove(0);
    assert!(letter.body.contains(&format!("New expected delivery: {words}")), "{words}: {}", letter.body);
    every_law_holds(&server).await;
});

/// The next change of Europe's clocks in that month, on its last Sunday; not this week's.
fn change_of_clocks(month: Month) -> Date {
    let last_sunday = |year| {
        let last = Date::from_calendar_date(year, month, 31).expect("it has 31 days");
        days_after(last, -i64::from(last.weekday().number_days_from_sunday()))
    };
    let sundays = (today().year()..).map(last_sunday);
    sundays.into_iter().find(|it| days_after(*it, -7) > today()).expect("the clocks will change")
}

/// When goods that are on order are ready, fetched and delivered in Portugal.
async fn to_portugal(server: &TestServer, sku: &str) -> [Option<prost_types::Timestamp>; 3] {
    let request = pb::CheckAvailabilityRequest {
        lines: vec![pb::StockLine { sku: sku.to_owned(), quantity: 2 }],
        destination: Some(Destination::Country("PT".to_owned())),
        ..Default::default()
    };
    let found = server.inventory.clone().check_availability(request).await.expect("an answer").into_inner();
    let promise = found.regions[0].promise.clone().expect("a promise");
    assert_eq!(promise.delivery_time, found.earliest_delivery_time);
    let leg = &promise.legs[0];
    [leg.ready_time, leg.ship_time, leg.delivery_time]
}

/// Goods are prepared within half a day's work.
fn half_a_day(settings: &mut Settings) {
    settings.rules.handling_hours = 12;
}

on_both_engines!(
    a_promise_over_a_weekend_is_by_three_clocks_on_both_sides_of_summer_time,
    half_a_day,
    async |server| {
        let hours =
            |weekday| pb::WorkingHours { weekday, opens: "08:00".to_owned(), closes: "20:00".to_owned() };
        let location = pb::StockLocation {
            location: LEIPZIG.to_owned(),
            name: "Leipzig".to_owned(),
            region: "EUROPE".to_owned(),
            country: "DE".to_owned(),
            working_hours: (1..=5).map(hours).collect(),
            ..Default::default()
        };
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(location),
            request_id: String::new(),
            validate_only: false,
        };
        server.inventory.clone().create_stock_location(by("clerk", request)).await.expect("a location");
        create_product(&server, "T-1", 1_990).await;
        let athens =
            |holidays| pb::Courier { time_zone: "Europe/Athens".to_owned(), holidays, ..falcon("EUROPE", 2) };
        add_courier(&server, athens(Vec::new())).await;

        // They come on the Thursday before the clocks change and are ready at eight in the evening in Leipzig, fetched on
        // Friday at four in Athens and delivered at four in Lisbon.
        let (spring, autumn) = (change_of_clocks(Month::March), change_of_clocks(Month::October));
        let comes = |sunday| at(days_after(sunday, -3), 5, 0);
        let goods = on_order(&server, "T-1", comes(spring)).await;
        let in_spring = |delivered| {
            [at(days_after(spring, -3), 19, 0), at(days_after(spring, -2), 14, 0), delivered].map(Some)
        };
        let in_autumn = |delivered| {
            [at(days_after(autumn, -3), 18, 0), at(days_after(autumn, -2), 13, 0), delivered].map(Some)
        };

        // Two days on the way are Tuesday, and not Sunday.
        assert_eq!(to_portugal(&server, "T-1").await, in_spring(at(days_after(spring, 2), 15, 0)));
        expect_on(&server, &goods, comes(autumn)).await;
        assert_eq!(to_portugal(&server, "T-1").await, in_autumn(at(days_after(autumn, 2), 16, 0)));

        // Nobody is at home to a courier on its holidays.
        let free = |day: Date| pb::Date {
            year: day.year(),
            month: u8::from(day.month()).into(),
            day: day.day().into(),
        };
        let tuesdays = vec![free(days_after(spring, 2)), free(days_after(autumn, 2))];
        correct_courier(&server, athens(tuesdays), &["holidays"]).await;
        assert_eq!(to_portugal(&server, "T-1").await, in_autumn(at(days_after(autumn, 3), 16, 0)));
        expect_on(&server, &goods, comes(spring)).await;
        assert_eq!(to_portugal(&server, "T-1").await, in_spring(at(days_after(spring, 3), 15, 0)));

        // A courier that delivers on Saturdays too is there on Monday.
        let six_days = pb::Courier { delivery_weekdays: (1..=6).collect(), ..athens(Vec::new()) };
        correct_courier(&server, six_days, &["delivery_weekdays", "holidays"]).await;
        assert_eq!(to_portugal(&server, "T-1").await, in_spring(at(days_after(spring, 1), 15, 0)));
        let mut next_day = athens(Vec::new());
        next_day.rates[0].transit_days = 1;
        correct_courier(&server, next_day, &["rates"]).await;
        assert_eq!(to_portugal(&server, "T-1").await, in_spring(at(days_after(spring, -1), 16, 0)));
    }
);

on_both_engines!(a_label_without_the_senders_address_says_so, async |server| {
    let (_, shipment) = with_assigned(&server).await;
    let get = async |kind: DocumentKind| {
        let request = pb::GetShipmentDocumentRequest {
            shipment_id: shipment.clone(),
            kind: kind.into(),
            ..Default::default()
        };
        let paper = server.shipping.clone().get_shipment_document(request).await.expect("a paper");
        paper.into_inner().warnings
    };
    for kind in [DocumentKind::ShippingLabelPdf, DocumentKind::ShippingLabelZpl, DocumentKind::ReturnFormPdf]
    {
        let told = "without the sender's address: stock location DE-LEIPZIG has none";
        assert_eq!(get(kind).await, [told], "{kind:?}");
    }
    assert_eq!(get(DocumentKind::PackingSlipPdf).await, [""; 0]);
});

fn named(settings: &mut Settings) {
    settings.rules.company_name = "Harbour Goods".to_owned();
}

/// The ZPL of a shipment's label, and what is not printed on its PDF as it was written.
async fn label(server: &TestServer, shipment: &str) -> (String, Vec<String>) {
    let get = async |kind: DocumentKind| {
        let request = pb::GetShipmentDocumentRequest {
            shipment_id: shipment.to_owned(),
            kind: kind.into(),
            ..Default::default()
        };
        server.shipping.clone().get_shipment_document(request).await.expect("a label").into_inner()
    };
    let zpl = get(DocumentKind::ShippingLabelZpl).await;
    assert_eq!(zpl.warnings, Vec::<String>::new());
    let zpl = String::from_utf8(zpl.content).expect("text");
    (zpl, get(DocumentKind::ShippingLabelPdf).await.warnings)
}

/// Whether these are lines of the label, one after the other.
fn has_lines(zpl: &str, lines: &[&str]) -> bool {
    let mut rest = zpl;
    lines.iter().all(|line| match rest.split_once(&format!("^FD{line}^FS")) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

on_both_engines!(
    a_label_has_the_senders_address_the_service_and_a_name_of_any_script,
    named,
    async |server| {
        let location = |street: &str| pb::StockLocation {
            location: LEIPZIG.to_owned(),
            name: "Leipzig warehouse".to_owned(),
            region: "EUROPE".to_owned(),
            country: "DE".to_owned(),
            address: Some(pb::Address {
                street: vec![street.to_owned()],
                city: "Leipzig".to_owned(),
                postal_code: "04109".to_owned(),
                country: "DE".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(location("Handelsweg 1")),
            request_id: String::new(),
            validate_only: false,
        };
        server.inventory.clone().create_stock_location(by("clerk", request)).await.expect("a location");
        create_product(&server, "T-1", 1_990).await;
        receive(&server, "T-1", LEIPZIG, 5).await;
        add_courier(&server, falcon("EUROPE", 1)).await;
        let mut to_london = draft("chen", "T-1", 1);
        to_london.shipping_address = Some(pb::Address {
            recipient: "陈大文".to_owned(),
            street: vec!["1 High Street".to_owned()],
            city: "London".to_owned(),
            postal_code: "SW1A 1AA".to_owned(),
            country: "GB".to_owned(),
            ..Default::default()
        });
        let (id, shipment) = assigned(&server, to_london).await;

        let (zpl, warnings) = label(&server, &shipment).await;
        assert_eq!(warnings, Vec::<String>::new());
        let sender = |street| ["Leipzig warehouse", "Harbour Goods", street, "04109 Leipzig", "GERMANY (DE)"];
        assert!(has_lines(&zpl, &sender("Handelsweg 1")), "{zpl}");
        assert!(has_lines(&zpl, &["Falcon Couriers", "Next Day 12"]), "{zpl}");
        assert!(has_lines(&zpl, &["1 High Street", "London", "SW1A 1AA"]), "{zpl}");
        assert!(
            zpl.contains("^GFA") && !zpl.contains("陈"),
            "what the printer has no letters for comes as dots"
        );

        // A wrong address and a wrong price are put right; what the order froze stays.
        let before = order(&server, &id).await;
        let charged = async || {
            let request = pb::GetShipmentRequest { shipment_id: shipment.clone() };
            let found =
                server.shipping.clone().get_shipment(request).await.expect("it is there").into_inner();
            found.shipment.and_then(|it| it.assignment).and_then(|it| it.price)
        };
        let price = charged().await;
        assert_eq!(price, Some(eur(490)));
        let request = pb::UpdateStockLocationRequest {
            stock_location: Some(location("Brühl 9")),
            update_mask: Some(prost_types::FieldMask { paths: vec!["address".to_owned()] }),
            ..Default::default()
        };
        server.inventory.clone().update_stock_location(by("clerk", request)).await.expect("corrected");
        let mut dearer = falcon("EUROPE", 1);
        dearer.rates[0].base_price = Some(eur(990));
        correct_courier(&server, dearer, &["rates"]).await;
        assert!(has_lines(&label(&server, &shipment).await.0, &sender("Brühl 9")));
        assert_eq!(charged().await, price);
        let after = order(&server, &id).await;
        assert_eq!((after.lines, after.totals), (before.lines, before.totals));
        every_law_holds(&server).await;
    }
);

on_both_engines!(ninety_nine_dear_articles_for_nothing_wait_for_a_person, async |server| {
    open_location(&server, LEIPZIG, "EUROPE", "DE").await;
    create_product(&server, "DEAR-1", 500_000).await;
    receive(&server, "DEAR-1", LEIPZIG, 300).await;
    let all = || Some(pb::Discount { value: Some(pb::discount::Value::RatePpm(1_000_000)) });
    let mut free = draft("ann", "DEAR-1", 99);
    free.lines[0].unit_price = Some(eur(0));
    let given_away = pb::OrderDraft { discount: all(), ..draft("ben", "DEAR-1", 99) };
    let mut line_off = draft("kim", "DEAR-1", 99);
    line_off.lines[0].discount = all();
    for draft in [free, given_away, line_off] {
        let placed = create_order(&server, draft).await.expect("an order");
        assert_eq!(placed.state(), pb::OrderState::Reserved);
        assert_eq!(placed.lines[0].list_price, Some(eur(500_000)));
        let rule = "goods worth EUR 495000.00 at list prices, sold for EUR 0.00, are above EUR 1000.00";
        let approval = &placed.approvals[0];
        assert_eq!((approval.state(), approval.rule.as_str()), (pb::ApprovalState::Pending, rule));
    }
    every_law_holds(&server).await;
    server.stop().await;
});
