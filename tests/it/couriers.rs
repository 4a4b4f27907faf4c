//! Couriers that are booked through an interface: one label for each shipment, however their server fails, stalls or
//! repeats itself.

use std::time::{Duration, Instant};

use consign::pb;
use consign::settings::{CourierInterface, CourierLabel, CourierProvider, Secret, Settings};
use tonic::Code;

use crate::child::Site;
use crate::karrio::{Karrio, TOKEN};
use crate::server::{Clients, Engine, TestServer};
use crate::shop::{
    by, create_courier, create_courier_for, create_order, draft, eur, every_law_holds, in_seconds, order,
    pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

/// How long it may take until every label is bought: some are asked for three times.
const PATIENCE: Duration = Duration::from_secs(90);

fn through(karrio: &Karrio) -> CourierInterface {
    CourierInterface {
        provider: CourierProvider::Karrio,
        url: karrio.url(),
        token: Secret::new(TOKEN),
        carrier: "dhl_parcel_de".to_owned(),
        account: None,
        services: [("STANDARD".parse().unwrap(), "dhl_parcel_de_paket".to_owned())].into(),
        label: CourierLabel::Pdf,
        book_pickups: true,
        track_every_minutes: 0,
    }
}

fn set(settings: &mut Settings, interface: CourierInterface) {
    settings.couriers = [("swift".parse().unwrap(), interface)].into();
    // Two seconds for a call.
    settings.limits.lease_seconds = 6;
}

/// A shipment that waits for its courier.
async fn labelled(server: &Clients, buyer: &str) -> String {
    let placed = create_order(server, draft(buyer, "K-1", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.label(&shipment).await;
    shipment
}

/// The courier takes dangerous goods, and the product is such.
async fn dangerous_from_now_on(server: &Clients) {
    let mask = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
    let courier =
        pb::Courier { courier: "swift".to_owned(), takes_dangerous_goods: true, ..Default::default() };
    let request = pb::UpdateCourierRequest {
        courier: Some(courier),
        update_mask: mask("takes_dangerous_goods"),
        ..Default::default()
    };
    server.shipping.clone().update_courier(by("clerk", request)).await.expect("corrected");
    let product = pb::Product { sku: "K-1".to_owned(), dangerous: true, ..Default::default() };
    let request = pb::UpdateProductRequest {
        product: Some(product),
        update_mask: mask("dangerous"),
        ..Default::default()
    };
    server.inventory.clone().update_product(by("clerk", request)).await.expect("corrected");
}

async fn assign(server: &Clients, id: &str, request_id: &str) -> Result<pb::Shipment, tonic::Status> {
    let request = pb::AssignCourierRequest {
        shipment_id: id.to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let answer = server.shipping.clone().assign_courier(by("warehouse", request)).await?;
    Ok(answer.into_inner().shipment.expect("a shipment"))
}

async fn shipment(server: &Clients, id: &str) -> pb::Shipment {
    let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
    let answer = server.shipping.clone().get_shipment(request).await.expect("it is there");
    answer.into_inner().shipment.expect("a shipment")
}

async fn until(server: &Clients, id: &str, wanted: impl Fn(&pb::Shipment) -> bool) -> pb::Shipment {
    let began = Instant::now();
    loop {
        let found = shipment(server, id).await;
        if wanted(&found) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {:?} {:?}", found.booking, found.called_off);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The label of the only package, as it was bought.
async fn carrier_label(server: &Clients, id: &str) -> pb::GetCarrierLabelResponse {
    let request = pb::GetCarrierLabelRequest { shipment_id: id.to_owned(), package_number: 1 };
    server.shipping.clone().get_carrier_label(request).await.expect("its file").into_inner()
}

fn is_booked(shipment: &pb::Shipment) -> bool {
    shipment.booking.as_ref().is_some_and(|it| it.state() == pb::BookingState::Booked)
}

async fn one_label_for_each_shipment(engine: Engine) {
    let karrio = Karrio::start().await;
    let Some(server) = TestServer::start_with(engine, |it| set(it, through(&karrio))).await else { return };
    stocked(&server, "K-1", 20).await;
    create_courier(&server).await;

    let mut shipments = Vec::new();
    for buyer in ["good", "fail", "lost", "garbage", "late", "silent"] {
        shipments.push((buyer, labelled(&server, buyer).await));
        if buyer == "good" {
            dangerous_from_now_on(&server).await;
        }
    }
    let asking = shipments.iter().map(|(buyer, id)| {
        let server = &server;
        async move {
            let assigned = assign(server, id, &format!("request-{buyer}")).await.expect("assigned");
            assert_eq!(assigned.state(), pb::ShipmentState::CourierAssigned, "{buyer}");
            // Of one whose answer was lost it is looked up at once whether it was bought.
            let at_once = ["good", "lost"].contains(buyer);
            let number = assigned.booking.map(|it| it.tracking_number).unwrap_or_default();
            assert_eq!(!number.is_empty(), at_once, "{buyer}");
        }
    });
    futures_util::future::join_all(asking).await;
    for (buyer, id) in &shipments {
        let booked = until(&server, id, is_booked).await;
        let booking = booked.booking.expect("a booking");
        let bought = karrio.bought(&booking.id);
        assert_eq!(bought.len(), 1, "{buyer}: exactly one label");
        assert_eq!(bought[0]["tracking_number"], booking.tracking_number, "{buyer}");
        let declared = &bought[0]["options"]["dangerous_good"];
        assert_eq!(declared.as_bool(), (*buyer != "good").then_some(true), "{buyer}: {declared}");
        assert!(!booking.pickup_reference.is_empty(), "{buyer}");
        let label = carrier_label(&server, id).await;
        assert_eq!(label.file, b"%PDF-1.7 a label", "{buyer}");
        let kept = label.label.expect("a label");
        assert_eq!(
            (kept.tracking_number, kept.media_type.as_str()),
            (booking.tracking_number, "application/pdf"),
            "{buyer}"
        );
        let again = assign(&server, id, &format!("request-{buyer}")).await.expect("the stored answer");
        assert_eq!(again.booking.map(|it| it.id), Some(booking.id), "{buyer}: a repeat asks for nothing new");
    }
    assert_eq!(karrio.standing(), (6, 6));

    let given_up = &shipments[0].1;
    let request = pb::VoidShippingLabelRequest { shipment_id: given_up.clone(), ..Default::default() };
    server.shipping.clone().void_shipping_label(by("warehouse", request)).await.expect("voided");
    until(&server, given_up, |it| it.called_off.is_empty()).await;
    assert_eq!(karrio.standing(), (5, 5), "label and pickup are given back");

    let refused = labelled(&server, "refused").await;
    let status = assign(&server, &refused, "request-refused").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "NO_COURIER"));
    assert!(status.message().contains("no service to that address"), "{status:?}");
    let status = assign(&server, &refused, "request-refused").await.unwrap_err();
    assert_eq!(reason(&status), "NO_COURIER", "a repeat gets the same");
    let released = shipment(&server, &refused).await;
    assert_eq!(released.state(), pb::ShipmentState::Labelled);
    assert!(released.assignment.is_none() && released.courier_refusal.contains("no service to that address"));
    every_law_holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_fails_stalls_or_answers_nonsense_sells_one_label_for_each_shipment_on_sqlite() {
    one_label_for_each_shipment(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_fails_stalls_or_answers_nonsense_sells_one_label_for_each_shipment_on_postgres() {
    one_label_for_each_shipment(Engine::Postgres).await;
}

async fn the_same_label_after_a_crash(engine: Engine) {
    let karrio = Karrio::start().await;
    let Some(mut site) = Site::prepare(engine).await else { return };
    site.set("CONSIGN_LIMITS__LEASE_SECONDS", 6);
    for (name, value) in [
        ("PROVIDER", "karrio"),
        ("URL", karrio.url().as_str()),
        ("TOKEN", TOKEN),
        ("CARRIER", "dhl_parcel_de"),
        ("SERVICES__STANDARD", "dhl_parcel_de_paket"),
    ] {
        site.set(&format!("CONSIGN_COURIERS__swift__{name}"), value);
    }
    // The label is bought, and the process is gone before it can be recorded.
    site.set("FAILPOINTS", "booking.after=1*return(abort)");
    let process = site.start().await;
    let server = Clients::over(process.channel());
    stocked(&server, "K-1", 3).await;
    create_courier(&server).await;
    let id = labelled(&server, "good").await;
    assign(&server, &id, "request-crash").await.expect_err("the process is gone");
    let bought = karrio.standing().0;
    assert_eq!(bought, 1);

    site.set("FAILPOINTS", "");
    let process = site.start().await;
    let server = Clients::over(process.channel());
    let booked = until(&server, &id, is_booked).await;
    let booking = booked.booking.expect("a booking");
    assert_eq!(karrio.bought(&booking.id).len(), 1, "the label that was bought before the crash");
    assert_eq!(karrio.standing().0, 1);
    let again = assign(&server, &id, "request-crash").await.expect("the caller's repeat");
    assert_eq!(again.booking.map(|it| it.id), Some(booking.id));
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_bought_before_a_crash_is_the_one_after_it_on_sqlite() {
    the_same_label_after_a_crash(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_bought_before_a_crash_is_the_one_after_it_on_postgres() {
    the_same_label_after_a_crash(Engine::Postgres).await;
}

/// What the couriers ask for a shipment: price, whether their interface named it, and who declines.
async fn quoted(server: &Clients, id: &str) -> (Vec<(String, pb::Money, bool)>, Vec<pb::CourierDecline>) {
    let request = pb::QuoteCouriersRequest { shipment_id: id.to_owned(), ..Default::default() };
    let answer = server.shipping.clone().quote_couriers(by("warehouse", request)).await.expect("quotes");
    let pb::QuoteCouriersResponse { quotes, declines } = answer.into_inner();
    let shown = |it: pb::CourierQuote| (it.courier, it.price.unwrap_or_default(), it.live);
    (quotes.into_iter().map(shown).collect(), declines)
}

async fn the_price_that_an_interface_names(engine: Engine) {
    let karrio = Karrio::start().await;
    let Some(server) = TestServer::start_with(engine, |it| set(it, through(&karrio))).await else { return };
    stocked(&server, "K-1", 20).await;
    create_courier(&server).await;
    create_courier_for(&server, "harbour", "Harbour Lines", 800).await;

    // Its card says 4.90 and something for the weight, its interface 7.35.
    let good = labelled(&server, "good").await;
    let (quotes, declines) = quoted(&server, &good).await;
    assert_eq!(quotes[0], ("swift".to_owned(), eur(735), true));
    assert_eq!((quotes[1].0.as_str(), quotes[1].2, declines.len()), ("harbour", false, 0));
    let assignment = assign(&server, &good, "request-rate").await.expect("assigned").assignment;
    let assignment = assignment.expect("a courier");
    assert_eq!((assignment.courier.as_str(), assignment.price), ("swift", Some(eur(735))));
    assert!(assignment.reason.contains("EUR 7.35 as its interface asks"), "{}", assignment.reason);

    // One that will not carry it declines, and another takes it.
    let nowhere = labelled(&server, "nowhere").await;
    let (quotes, declines) = quoted(&server, &nowhere).await;
    assert_eq!(quotes.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["harbour"]);
    assert!(declines[0].reason.contains("no service to that address"), "{declines:?}");
    let assigned = assign(&server, &nowhere, "request-nowhere").await.expect("assigned");
    assert_eq!(assigned.assignment.map(|it| it.courier).as_deref(), Some("harbour"));

    // One that names no rates is taken by its card.
    for buyer in ["unpriced", "garbled", "unanswered"] {
        let id = labelled(&server, buyer).await;
        let (quotes, _) = quoted(&server, &id).await;
        let swift = quotes.iter().find(|it| it.0 == "swift").expect("its card");
        assert!(!swift.2 && swift.1 != eur(735), "{buyer}: {swift:?}");
    }
    every_law_holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_is_chosen_by_the_price_that_its_interface_names_on_sqlite() {
    the_price_that_an_interface_names(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_is_chosen_by_the_price_that_its_interface_names_on_postgres() {
    the_price_that_an_interface_names(Engine::Postgres).await;
}

async fn each_pickup_once(engine: Engine) {
    let karrio = Karrio::start().await;
    let Some(server) = TestServer::start_with(engine, |it| set(it, through(&karrio))).await else { return };
    stocked(&server, "K-1", 20).await;
    create_courier(&server).await;
    let mut shipments = Vec::new();
    for buyer in ["unfetched", "fetched", "hushed", "kept", "gone"] {
        let id = labelled(&server, buyer).await;
        assign(&server, &id, &format!("request-{buyer}")).await.expect("assigned");
        shipments.push((buyer, id));
    }
    for (buyer, id) in &shipments {
        let booking = until(&server, id, is_booked).await.booking.expect("a booking");
        assert!(!booking.pickup_reference.is_empty(), "{buyer}");
    }
    assert_eq!(karrio.standing(), (5, 5), "one pickup for each");
    // What failed is asked for again; what was done is found, though its answer was lost or never came.
    for (buyer, times) in [("unfetched", 2), ("fetched", 1), ("hushed", 1), ("kept", 1)] {
        assert_eq!(karrio.calls(&format!("schedule/Buyer {buyer}")), times, "{buyer}");
    }

    for (_, id) in &shipments {
        let request = pb::VoidShippingLabelRequest { shipment_id: id.clone(), ..Default::default() };
        server.shipping.clone().void_shipping_label(by("warehouse", request)).await.expect("voided");
    }
    for (_, id) in &shipments {
        until(&server, id, |it| it.called_off.is_empty()).await;
    }
    assert_eq!(karrio.standing(), (0, 0), "every label and pickup is given back");
    assert!(karrio.calls("unschedule/Buyer kept") > 1 && karrio.calls("cancel/Buyer kept") > 1);
    assert!(karrio.calls("cancel/Buyer gone") > 1, "what was not answered is asked again");
    every_law_holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pickup_that_fails_or_stalls_is_booked_and_called_off_once_on_sqlite() {
    each_pickup_once(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pickup_that_fails_or_stalls_is_booked_and_called_off_once_on_postgres() {
    each_pickup_once(Engine::Postgres).await;
}

/// Handed over two hours ago, so that its courier is to be asked at once.
async fn handed_over(server: &Clients, id: &str) -> pb::ShipmentState {
    let request = pb::ConfirmPickupRequest {
        shipment_id: id.to_owned(),
        package_count: 1,
        driver: "driver 12".to_owned(),
        time: Some(in_seconds(-7_200)),
        ..Default::default()
    };
    let answer = server.shipping.clone().confirm_pickup(by("warehouse", request)).await.expect("handed over");
    answer.into_inner().shipment.expect("a shipment").state()
}

async fn what_the_courier_reports_when_it_is_asked(engine: Engine) {
    let karrio = Karrio::start().await;
    let asked = CourierInterface { track_every_minutes: 60, ..through(&karrio) };
    let Some(server) = TestServer::start_with(engine, |it| set(it, asked)).await else { return };
    stocked(&server, "K-1", 20).await;
    create_courier(&server).await;
    let mut shipments = Vec::new();
    for buyer in ["good", "known", "untracked", "unheard"] {
        let id = labelled(&server, buyer).await;
        assign(&server, &id, &format!("request-{buyer}")).await.expect("assigned");
        until(&server, &id, is_booked).await;
        let state = handed_over(&server, &id).await;
        shipments.push((buyer, id, state));
    }

    // The server follows one number from now on, and has followed the other from the beginning.
    for (buyer, id, _) in &shipments[..2] {
        let moving = until(&server, id, |it| it.state() == pb::ShipmentState::OutForDelivery).await;
        let last = moving.last_tracking_event.expect("an event");
        assert_eq!((last.status(), last.location.as_str()), (pb::TrackingStatus::OutForDelivery, "Berlin"));
        let request = pb::ListTrackingEventsRequest { shipment_id: id.clone(), ..Default::default() };
        let listed = server.shipping.clone().list_tracking_events(request).await.expect("a page");
        let listed = listed.into_inner().tracking_events;
        assert_eq!(listed.len(), 3, "{buyer}: the handover and two reports");
        assert_eq!(karrio.calls(&format!("track/Buyer {buyer}")), 1, "{buyer}: not again within the hour");
        assert_eq!(karrio.calls(&format!("follow/Buyer {buyer}")), u32::from(*buyer == "good"), "{buyer}");
    }
    // Without an answer nothing is known, and nothing has changed.
    for (buyer, id, handed_over) in &shipments[2..] {
        let began = Instant::now();
        while karrio.calls(&format!("track/Buyer {buyer}")) == 0 {
            assert!(began.elapsed() < PATIENCE, "{buyer} was never asked about");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(shipment(&server, id).await.state(), *handed_over, "{buyer}");
    }
    every_law_holds(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_is_asked_where_its_parcels_are_on_sqlite() {
    what_the_courier_reports_when_it_is_asked(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_is_asked_where_its_parcels_are_on_postgres() {
    what_the_courier_reports_when_it_is_asked(Engine::Postgres).await;
}
