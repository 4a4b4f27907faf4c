//! Promises over the wire: calendars and zones as they were written, dates with their reasons, what is too late.

use consign::pb::{self, check_availability_request::Destination};
use consign::settings::Settings;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, create_product, draft, eur, every_law_holds, expect_on,
    in_seconds, on_order, order, pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

const DAY: i64 = 86_400;

fn wanted(quantity: i64, in_days: i64, on_late: pb::OnLate) -> pb::OrderDraft {
    pb::OrderDraft {
        requested_delivery_time: Some(in_seconds(in_days * DAY)),
        on_late: on_late as i32,
        ..draft("ada", "S-1", quantity)
    }
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

async fn release(server: &TestServer, order: &pb::Order) -> pb::Order {
    let request = pb::ReleaseHoldRequest {
        order_id: order.id.clone(),
        hold_id: order.holds[0].id.clone(),
        comment: "the customer agrees".to_owned(),
        ..Default::default()
    };
    let answer = server.orders.clone().release_hold(by("clerk", request)).await.expect("released");
    answer.into_inner().order.expect("an order")
}

on_both_engines!(an_order_says_what_to_do_about_a_date_that_cannot_be_met, async |server| {
    stocked(&server, "S-1", 9).await;
    create_courier(&server).await;

    let refused = create_order(&server, wanted(1, 1, pb::OnLate::Refuse)).await.expect_err("too late");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "PROMISE_INFEASIBLE"));
    assert!(refused.message().contains("swift STANDARD picks up"), "{}", refused.message());
    let info = refused.get_details_error_info().expect("an ErrorInfo");
    assert!(info.metadata.contains_key("earliest_delivery_time"), "{:?}", info.metadata);

    let accepted = create_order(&server, wanted(1, 1, pb::OnLate::Accept)).await.expect("an order");
    let found = accepted.availability.clone().expect("availability");
    assert_eq!(found.requested_date_feasible, Some(false));
    let promise = accepted.promise.clone().expect("a promise");
    assert_eq!(promise.delivery_time, accepted.promised_delivery_time);
    assert_eq!((promise.legs.len(), promise.legs[0].courier.as_str()), (1, "swift"));
    assert_eq!(found.lines[0].earliest_delivery_time, promise.delivery_time);

    let held = create_order(&server, wanted(2, 1, pb::OnLate::Hold)).await.expect("an order");
    assert_eq!((held.state(), held.on_late()), (pb::OrderState::Reserved, pb::OnLate::Hold));
    assert_eq!(held.holds[0].reason(), pb::HoldReason::UnknownDeliveryDate);
    let released = release(&server, &held).await;
    assert_eq!((released.state(), released.on_late()), (pb::OrderState::Invoiced, pb::OnLate::Accept));

    pay_by_card(&server, &released.id, "tok_success").await.expect("paid");
    let paid = order(&server, &released.id).await;
    assert_eq!(paid.promise.expect("a promise").occasion, "PAYMENT");
    let later = create_order(&server, wanted(3, 40, pb::OnLate::Refuse)).await.expect("time enough");
    assert_eq!(later.promised_delivery_time, later.requested_delivery_time);
    every_law_holds(&server).await;
});

on_both_engines!(every_region_is_looked_at_at_once, async |server| {
    stocked(&server, "S-1", 9).await;
    create_courier(&server).await;
    let ask = async |regions: &[&str]| {
        let regions = regions.iter().map(|it| (*it).to_owned()).collect();
        let request = pb::CheckAvailabilityRequest {
            lines: vec![pb::StockLine { sku: "S-1".to_owned(), quantity: 4 }],
            destination: Some(Destination::Regions(pb::RegionSet { regions })),
            ..Default::default()
        };
        server.inventory.clone().check_availability(request).await.map(|it| it.into_inner())
    };
    let found = ask(&[]).await.expect("an answer");
    let all = found.regions.iter().map(|it| it.availability.clone().expect("an answer"));
    let all: Vec<(String, bool)> = all.map(|it| (it.region, it.fulfillable)).collect();
    assert_eq!(
        all,
        [("EUROPE".to_owned(), true), ("MALAYSIA".to_owned(), false), ("NORTH_AMERICA".to_owned(), false)]
    );
    assert_eq!(found.availability.expect("the best").region, "EUROPE");
    assert!(found.earliest_delivery_time.is_some());
    let nothing = found.regions[1].availability.clone().expect("an answer");
    assert_eq!(nothing.lines[0].shortage, "not stocked at any location of the region");

    let named = ask(&["MALAYSIA"]).await.expect("an answer");
    assert_eq!(named.regions.len(), 1);
    let refused = ask(&["EUROPE", "EUROPE", "no blanks"]).await.expect_err("nonsense");
    assert_eq!(fields(&refused), ["regions.regions[1]", "regions.regions[2]"]);
    let refused = ask(&["EUROPE", "ATLANTIS"]).await.expect_err("no such region");
    assert_eq!(fields(&refused), ["regions.regions[1]"]);
});

fn hours(weekday: pb::Weekday, opens: &str, closes: &str) -> pb::WorkingHours {
    pb::WorkingHours { weekday: weekday as i32, opens: opens.to_owned(), closes: closes.to_owned() }
}

fn christmas() -> pb::Date {
    pb::Date { year: 2026, month: 12, day: 25 }
}

on_both_engines!(calendars_and_zones_are_read_back_as_they_were_written, async |server| {
    let location = pb::StockLocation {
        location: "ES-MADRID".to_owned(),
        name: "Madrid warehouse".to_owned(),
        region: "EUROPE".to_owned(),
        country: "ES".to_owned(),
        address: Some(pb::Address {
            company: "Shop, S.L.".to_owned(),
            street: vec!["Calle de Alcalá 1".to_owned()],
            city: "Madrid".to_owned(),
            postal_code: "28014".to_owned(),
            country: "ES".to_owned(),
            ..Default::default()
        }),
        working_hours: vec![
            hours(pb::Weekday::Monday, "08:00", "13:00"),
            hours(pb::Weekday::Monday, "16:00", "24:00"),
            hours(pb::Weekday::Friday, "08:00", "15:00"),
        ],
        holidays: vec![christmas()],
        order_cutoff: "14:00".to_owned(),
        ..Default::default()
    };
    let create = async |location: pb::StockLocation| {
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(location),
            request_id: String::new(),
            validate_only: false,
        };
        let answer = server.inventory.clone().create_stock_location(by("clerk", request)).await;
        answer.map(|it| it.into_inner().stock_location.expect("a location"))
    };
    let written = create(location.clone()).await.expect("a new location");
    assert_eq!(written.time_zone, "Europe/Madrid");
    let request = pb::GetStockLocationRequest { location: "ES-MADRID".to_owned() };
    let read = server.inventory.clone().get_stock_location(request).await.expect("it is there").into_inner();
    let read = read.stock_location.expect("a location");
    assert_eq!(read, written);
    assert_eq!(
        (read.address, read.working_hours),
        (location.address.clone(), location.working_hours.clone())
    );
    assert_eq!(
        (read.holidays, read.order_cutoff),
        (location.holidays.clone(), location.order_cutoff.clone())
    );

    let wrong = pb::StockLocation {
        location: "ES-TENERIFE".to_owned(),
        time_zone: "Madrid".to_owned(),
        country: "PT".to_owned(),
        working_hours: vec![hours(pb::Weekday::Monday, "9:00", "08:00")],
        holidays: vec![christmas(), christmas()],
        order_cutoff: "soon".to_owned(),
        ..location
    };
    let refused = create(wrong).await.expect_err("nonsense");
    assert_eq!(
        fields(&refused),
        [
            "stock_location.address.country",
            "stock_location.time_zone",
            "stock_location.working_hours[0].opens",
            "stock_location.holidays[1]",
            "stock_location.order_cutoff",
        ]
    );
});

on_both_engines!(a_couriers_zones_services_and_bands_make_its_offers, async |server| {
    stocked(&server, "S-1", 9).await;
    let rate = |area: (&str, &str), name: &str, minor: i64| pb::CourierRate {
        region: area.0.to_owned(),
        zone: area.1.to_owned(),
        service_level: pb::ServiceLevel::Express as i32,
        service_name: name.to_owned(),
        base_price: Some(eur(minor)),
        weight_bands: vec![
            pb::WeightBand { up_to_grams: 1_000, price: Some(eur(100)) },
            pb::WeightBand { up_to_grams: 5_000, price: Some(eur(300)) },
        ],
        volumetric_divisor: 5_000,
        transit_days: 1,
        deliver_by: "12:00".to_owned(),
        ..Default::default()
    };
    let courier = pb::Courier {
        courier: "falcon".to_owned(),
        name: "Falcon".to_owned(),
        daily_cutoff: "17:00".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        delivery_weekdays: (1..=6).collect(),
        holidays: vec![christmas()],
        zones: vec![pb::DeliveryZone {
            zone: "CAPITAL".to_owned(),
            areas: vec![pb::DeliveryArea {
                country: "DE".to_owned(),
                postal_code_from: "10000".to_owned(),
                postal_code_to: "14199".to_owned(),
                ..Default::default()
            }],
        }],
        rates: vec![
            rate(("", "CAPITAL"), "City 12", 500),
            rate(("", "CAPITAL"), "City 12 Plus", 900),
            rate(("EUROPE", ""), "Express 12", 1_500),
        ],
        pickup_weekdays: (1..=7).collect(),
        ..Default::default()
    };
    let request = pb::CreateCourierRequest {
        courier: Some(courier.clone()),
        request_id: String::new(),
        validate_only: false,
    };
    let answer = server.shipping.clone().create_courier(by("clerk", request)).await.expect("a new courier");
    let written = answer.into_inner().courier.expect("a courier");
    assert_eq!((&written.zones, &written.rates), (&courier.zones, &courier.rates));
    assert_eq!((&written.holidays, &written.time_zone), (&courier.holidays, &courier.time_zone));

    let fast = |buyer: &str| pb::OrderDraft {
        shipping_service: pb::ServiceLevel::Express as i32,
        ..draft(buyer, "S-1", 1)
    };
    let berlin = create_order(&server, fast("bea")).await.expect("an order");
    let leg = &berlin.promise.as_ref().expect("a promise").legs[0];
    assert_eq!((leg.service_name.as_str(), leg.location.as_str()), ("City 12", LEIPZIG));
    let mut to_hamburg = fast("cem");
    let address = to_hamburg.shipping_address.as_mut().expect("an address");
    (address.city, address.postal_code) = ("Hamburg".to_owned(), "20095".to_owned());
    let hamburg = create_order(&server, to_hamburg).await.expect("an order");
    assert_eq!(hamburg.promise.expect("a promise").legs[0].service_name, "Express 12");

    pay_by_card(&server, &berlin.id, "tok_success").await.expect("paid");
    let paid = order(&server, &berlin.id).await;
    let request =
        pb::QuoteCouriersRequest { shipment_id: paid.shipment_ids[0].clone(), ..Default::default() };
    let quotes = server.shipping.clone().quote_couriers(request).await.expect("offers").into_inner().quotes;
    let names: Vec<&str> = quotes.iter().map(|it| it.service_name.as_str()).collect();
    assert_eq!(names, ["City 12", "City 12 Plus"]);
    // 400 g are in the first band.
    assert_eq!(quotes[0].price, Some(eur(600)));
    assert!(quotes.iter().all(|it| it.on_time), "the promise is met by an offer");
});

on_both_engines!(an_order_is_split_over_as_few_locations_as_possible, async |server| {
    for (code, priority) in [("A", 1), ("B", 2), ("C", 3)] {
        let location = pb::StockLocation {
            location: code.to_owned(),
            name: code.to_owned(),
            region: "EUROPE".to_owned(),
            country: "DE".to_owned(),
            priority,
            ..Default::default()
        };
        let request = pb::CreateStockLocationRequest {
            stock_location: Some(location),
            request_id: String::new(),
            validate_only: false,
        };
        server.inventory.clone().create_stock_location(by("clerk", request)).await.expect("a location");
    }
    for (sku, locations) in [("X", &["A", "B"][..]), ("Y", &["B"]), ("Z", &["C"])] {
        create_product(&server, sku, 1_000).await;
        for location in locations {
            receive(&server, sku, location, 1).await;
        }
    }
    let line = |sku: &str| pb::OrderLineDraft { sku: sku.to_owned(), quantity: 1, ..Default::default() };
    let lines = ["X", "Y", "Z"].map(line).to_vec();
    let placed = create_order(&server, pb::OrderDraft { lines, ..draft("dan", "X", 1) }).await;
    let reservation = placed.expect("an order").reservation.expect("reserved");
    let from: Vec<(String, String)> = reservation.items.into_iter().map(|it| (it.sku, it.location)).collect();
    let pair = |sku: &str, location: &str| (sku.to_owned(), location.to_owned());
    assert_eq!(from, [pair("X", "B"), pair("Y", "B"), pair("Z", "C")]);
    assert_eq!(
        reservation.explanation,
        "B, C have every line together: 2 shipments, where the order of priority takes 3"
    );
    every_law_holds(&server).await;
});

/// An order of four units, of which one is there, that waits for the rest of them; they are expected then.
async fn waiting(server: &TestServer, sku: &str, expected: prost_types::Timestamp) -> (String, pb::Order) {
    stocked(server, sku, 1).await;
    let goods = on_order(server, sku, expected).await;
    let new = pb::OrderDraft { on_shortage: pb::OnShortage::Wait as i32, ..draft("ada", sku, 4) };
    let placed = create_order(server, new).await.expect("an order that waits");
    assert_eq!(placed.state(), pb::OrderState::AwaitingStock);
    (goods, placed)
}

async fn letters(server: &TestServer, order_id: &str, kind: &str) -> Vec<pb::CustomerMessage> {
    Warehouse { server }.until_quiet(order_id).await;
    let filter = format!("order_id = {order_id} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages
}

on_both_engines!(a_supplier_that_is_late_moves_the_promise_of_those_who_wait, async |server| {
    let (first, later) = (in_seconds(5 * DAY), in_seconds(14 * DAY));
    let (goods, placed) = waiting(&server, "S-1", first).await;
    let (others, other) = waiting(&server, "S-2", first).await;
    let told = placed.promised_delivery_time.expect("a promise");
    assert!(letters(&server, &placed.id, "PROMISE_CHANGED").await.is_empty());

    let warehouse = Warehouse { server: &server };
    expect_on(&server, &goods, later).await;
    let moved = warehouse.until(&placed.id, |it| it.promised_delivery_time != Some(told)).await;
    assert_eq!(
        moved.promised_delivery_time.map(|it| it.seconds),
        Some(told.seconds + later.seconds - first.seconds)
    );
    assert_eq!(moved.promise.expect("a promise").occasion, "AVAILABILITY");
    let sent = letters(&server, &placed.id, "PROMISE_CHANGED").await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].body.contains("New delivery date: "), "{}", sent[0].body);

    // The same day again: nothing moves. Of two products the first is looked at first.
    let before = order(&server, &placed.id).await.etag;
    expect_on(&server, &goods, later).await;
    expect_on(&server, &others, later).await;
    warehouse.until(&other.id, |it| it.promised_delivery_time != other.promised_delivery_time).await;
    assert_eq!(letters(&server, &other.id, "PROMISE_CHANGED").await.len(), 1);
    assert_eq!(letters(&server, &placed.id, "PROMISE_CHANGED").await.len(), 1);
    assert_eq!(order(&server, &placed.id).await.etag, before, "nothing has touched it");

    // Called off: nobody knows a day, which is no new day to tell.
    let request = pb::CancelReplenishmentRequest { replenishment_id: goods, ..Default::default() };
    server.inventory.clone().cancel_replenishment(by("clerk", request)).await.expect("called off");
    let unknown = warehouse.until(&placed.id, |it| it.promised_delivery_time.is_none()).await;
    assert_eq!(unknown.state(), pb::OrderState::AwaitingStock);
    assert_eq!(letters(&server, &placed.id, "PROMISE_CHANGED").await.len(), 1);
    every_law_holds(&server).await;
    server.stop().await;
});

/// What is there is delivered at once, and is missed a second later.
fn at_once(it: &mut Settings) {
    it.rules.handling_hours = 0;
    it.rules.transit_days.insert("STANDARD".parse().expect("a service"), 0);
    it.rules.slips.promise_missed_seconds = 1;
}

on_both_engines!(
    a_promise_that_passes_while_the_order_waits_is_told_once_and_not_again_of_its_shipment,
    at_once,
    async |server| {
        let (_, placed) = waiting(&server, "S-1", in_seconds(3)).await;
        let warehouse = Warehouse { server: &server };
        let missed = |it: &pb::Order| it.slips.iter().any(|it| it.kind() == pb::SlipKind::PromiseMissed);
        let late = warehouse.until(&placed.id, missed).await;
        assert!(late.late && late.shipment_ids.is_empty());
        assert_eq!(late.slips.len(), 1);
        assert_eq!(late.slips[0].subject_id, placed.id);
        assert_eq!(late.slips[0].about_time, placed.promised_delivery_time);
        let sent = letters(&server, &placed.id, "PROMISE_MISSED").await;
        assert_eq!((sent.len(), sent[0].state()), (1, pb::MessageState::Sent));
        let body = sent[0].body.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(body.contains("it has not left us yet"), "{body}");
        assert_eq!(sent[0].shipment_id, "");

        receive(&server, "S-1", LEIPZIG, 9).await;
        warehouse.until(&placed.id, |it| it.state() == pb::OrderState::Invoiced).await;
        pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
        let planned = order(&server, &placed.id).await;
        assert_eq!(planned.shipment_ids.len(), 1);
        let stands: Vec<_> = planned.slips.iter().map(|it| (it.kind(), it.subject_id.clone())).collect();
        assert_eq!(stands, [(pb::SlipKind::PromiseMissed, planned.shipment_ids[0].clone())]);
        assert_eq!(letters(&server, &placed.id, "PROMISE_MISSED").await.len(), 1);

        let key = Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone()));
        let request = pb::GetOrderTimelineRequest { key };
        let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline");
        let events = timeline.into_inner().timeline.expect("a timeline").events;
        assert_eq!(events.iter().filter(|it| it.r#type == "PROMISE_MISSED").count(), 1);
        every_law_holds(&server).await;
        server.stop().await;
    }
);
