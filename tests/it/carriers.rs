//! Callers who carry for a courier: its shipments, what carrying them takes, and nothing else.

use std::time::Duration;

use consign::access::{Grant, KeyHash, PERMISSIONS, Role, SCOPED_PERMISSIONS};
use consign::pb;
use consign::settings::{KeySettings, Settings};
use tonic::{Code, Request, Status};

use crate::access::{ADMIN, call, key, reason, with_key};
use crate::server::{Engine, TestServer};
use crate::shop::{by, create_courier_for, create_order, draft, order, pay_by_card, stocked};
use crate::tokens::{take_tokens, token};
use crate::warehouse::Warehouse;

const SWIFT: &str = "consign_swift";
const SLOW: &str = "consign_slow";
const BOTH: &str = "consign_both";
const NONE_OF_OURS: &str = "consign_none_of_ours";
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody has this one.
const UNKNOWN: &str = "shp_01h455vb4pex5vsknk084sn02q";

fn carrying_for(settings: &mut Settings, name: &str, key: &str, couriers: &[&str]) {
    let courier = |it: &&str| Grant::Courier(it.parse().expect("a code"));
    let roles = couriers.iter().map(courier).collect();
    let sha256 = vec![KeyHash::of(key)];
    let known = KeySettings { sha256, roles, expires: None, names_persons: false };
    settings.access.keys.insert(name.to_owned(), known);
}

fn callers(settings: &mut Settings) {
    key(settings, "admin", ADMIN, Role::Admin);
    carrying_for(settings, "swift-desk", SWIFT, &["swift"]);
    carrying_for(settings, "slow-desk", SLOW, &["slow"]);
    carrying_for(settings, "broker", BOTH, &["swift", "slow"]);
    carrying_for(settings, "stranger", NONE_OF_OURS, &["another"]);
    take_tokens(settings);
}

/// A shipment and its tracking number.
struct Parcel {
    id: String,
    number: String,
}

/// A labelled shipment; it is given to a courier if one is named.
async fn parcel(server: &TestServer, buyer: &str, courier: &str) -> Parcel {
    let placed = create_order(server, draft(buyer, "T-1", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let id = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.label(&id).await;
    if !courier.is_empty() {
        let request = pb::AssignCourierRequest {
            shipment_id: id.clone(),
            courier: courier.to_owned(),
            ..Default::default()
        };
        server.shipping.clone().assign_courier(by("warehouse", request)).await.expect("it is carried");
    }
    let request = pb::GetShipmentRequest { shipment_id: id.clone() };
    let shipment =
        server.shipping.clone().get_shipment(request).await.expect("it is there").into_inner().shipment;
    let number = shipment.and_then(|it| it.label).expect("a label").tracking_number;
    Parcel { id, number }
}

/// One parcel of each courier and one of none, on a server that believes nobody. None where there is no PostgreSQL.
async fn three_parcels(engine: Engine) -> Option<(TestServer, [Parcel; 3])> {
    let server = TestServer::start(engine).await?;
    stocked(&server, "T-1", 9).await;
    create_courier_for(&server, "swift", "Swift Parcel", 490).await;
    create_courier_for(&server, "slow", "Slow Parcel", 290).await;
    let parcels = [
        parcel(&server, "ann", "swift").await,
        parcel(&server, "ben", "slow").await,
        parcel(&server, "cleo", "").await,
    ];
    Some((TestServer::open(server.stop().await, callers).await, parcels))
}

fn happened(status: pb::TrackingStatus) -> pb::TrackingReport {
    let now = consign::clock::now().unix_micros() / 1_000_000;
    let at = prost_types::Timestamp { seconds: now, nanos: 0 };
    pb::TrackingReport { status: status as i32, occurred_time: Some(at), ..Default::default() }
}

fn reporting(id: &str, courier: &str, number: &str) -> pb::RecordTrackingEventsRequest {
    pb::RecordTrackingEventsRequest {
        shipment_id: id.to_owned(),
        courier: courier.to_owned(),
        tracking_number: number.to_owned(),
        events: vec![happened(pb::TrackingStatus::InTransit)],
        ..Default::default()
    }
}

fn delivered(id: &str, etag: &str) -> pb::ConfirmDeliveryRequest {
    let proof = pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
    pb::ConfirmDeliveryRequest {
        shipment_id: id.to_owned(),
        proof: Some(proof),
        etag: etag.to_owned(),
        ..Default::default()
    }
}

fn labelling(id: &str, courier: &str) -> pb::RecordCarrierLabelRequest {
    let label = pb::CarrierLabelDraft {
        package_number: 1,
        tracking_number: "SW-1".to_owned(),
        media_type: "text/plain".to_owned(),
        file: b"label".to_vec(),
    };
    pb::RecordCarrierLabelRequest {
        shipment_id: id.to_owned(),
        courier: courier.to_owned(),
        labels: vec![label],
        ..Default::default()
    }
}

/// What every call about a shipment that is named by its id answers to that key.
async fn asked_by_id(server: &TestServer, key: &str, id: &str) -> Vec<(&'static str, Result<(), Status>)> {
    let shipping = || server.shipping.clone();
    let id = || id.to_owned();
    let get = pb::GetShipmentRequest { shipment_id: id() };
    let list = pb::ListTrackingEventsRequest { shipment_id: id(), ..Default::default() };
    let track = pb::TrackShipmentRequest { shipment_id: id(), ..Default::default() };
    let label = pb::GetCarrierLabelRequest { shipment_id: id(), package_number: 1 };
    vec![
        ("GetShipment", shipping().get_shipment(with_key(key, get)).await.map(drop)),
        ("ListTrackingEvents", shipping().list_tracking_events(with_key(key, list)).await.map(drop)),
        ("TrackShipment", shipping().track_shipment(with_key(key, track)).await.map(drop)),
        (
            "RecordCarrierLabel",
            shipping().record_carrier_label(with_key(key, labelling(&id(), "swift"))).await.map(drop),
        ),
        ("GetCarrierLabel", shipping().get_carrier_label(with_key(key, label)).await.map(drop)),
        (
            "RecordTrackingEvents",
            shipping().record_tracking_events(with_key(key, reporting(&id(), "", ""))).await.map(drop),
        ),
        (
            "ConfirmDelivery",
            shipping().confirm_delivery(with_key(key, delivered(&id(), "\"stale\""))).await.map(drop),
        ),
    ]
}

/// The same for one that is named by its number.
async fn asked_by_number(
    server: &TestServer,
    key: &str,
    courier: &str,
    number: &str,
) -> [Result<(), Status>; 2] {
    let track = pb::TrackShipmentRequest {
        courier: courier.to_owned(),
        tracking_number: number.to_owned(),
        ..Default::default()
    };
    let report = with_key(key, reporting("", courier, number));
    [
        server.shipping.clone().record_tracking_events(report).await.map(drop),
        server.shipping.clone().track_shipment(with_key(key, track)).await.map(drop),
    ]
}

/// What a refusal says, with the id taken out.
fn said(refused: &Status, id: &str) -> (Code, String, String) {
    (refused.code(), reason(refused), refused.message().replace(id, "ID"))
}

async fn listed(server: &TestServer, key: &str, filter: &str) -> Vec<String> {
    let request = pb::ListShipmentsRequest { filter: filter.to_owned(), ..Default::default() };
    let page =
        server.shipping.clone().list_shipments(with_key(key, request)).await.expect("a page").into_inner();
    let mut ids: Vec<_> = page.shipments.into_iter().map(|it| it.id).collect();
    ids.sort();
    ids
}

async fn another_couriers_shipment_is_one_that_there_is_not(engine: Engine) {
    let Some((server, [own, other, nobodys])) = three_parcels(engine).await else { return };
    let by_token = token("driver", &["courier:swift"]);
    let before = listed(&server, ADMIN, "").await;
    let etag = async |id: &str| {
        let get = with_key(ADMIN, pb::GetShipmentRequest { shipment_id: id.to_owned() });
        let got = server.shipping.clone().get_shipment(get).await.expect("it is there").into_inner();
        got.shipment.expect("a shipment").etag
    };
    let etags = (etag(&other.id).await, etag(&nobodys.id).await);
    for key in [SWIFT, &by_token, NONE_OF_OURS] {
        let none = asked_by_id(&server, key, UNKNOWN).await;
        for id in [&other.id, &nobodys.id] {
            for ((call, found), (_, expected)) in asked_by_id(&server, key, id).await.into_iter().zip(&none) {
                let (found, expected) = (found.expect_err(call), expected.as_ref().expect_err(call));
                assert_eq!(found.code(), Code::NotFound, "{call}: {found:?}");
                assert_eq!(said(&found, id), said(expected, UNKNOWN), "{call}");
            }
        }
        for (courier, number) in
            [("slow", &other.number), ("swift", &other.number), ("swift", &nobodys.number)]
        {
            let none = asked_by_number(&server, key, courier, "1Z-UNKNOWN").await;
            for (found, expected) in asked_by_number(&server, key, courier, number).await.iter().zip(&none) {
                let (found, expected) =
                    (found.as_ref().expect_err(courier), expected.as_ref().expect_err(courier));
                assert_eq!(said(found, number), said(expected, "1Z-UNKNOWN"));
            }
        }
        let is_own = key != NONE_OF_OURS;
        assert_eq!(listed(&server, key, "").await, if is_own { vec![own.id.clone()] } else { vec![] });
        assert!(listed(&server, key, "courier = slow").await.is_empty());
        let filter = format!("tracking_number = {}", other.number);
        assert!(listed(&server, key, &filter).await.is_empty());
        // Every other call is not for it at all.
        for (method, _) in PERMISSIONS.iter().filter(|it| SCOPED_PERMISSIONS.iter().all(|own| own.0 != it.0))
        {
            let refused = call(&server.channel, method, with_key(key, ())).await.expect_err(method);
            let found = (refused.code(), reason(&refused));
            assert_eq!(found, (Code::PermissionDenied, "PERMISSION_MISSING".to_owned()), "{method}");
        }
    }
    let mut two = vec![own.id.clone(), other.id.clone()];
    two.sort();
    assert_eq!(listed(&server, BOTH, "").await, two);
    assert_eq!(listed(&server, ADMIN, "").await, before);
    assert_eq!((etag(&other.id).await, etag(&nobodys.id).await), etags, "nothing has changed");
    server.stop().await;
}

async fn its_own_shipments_are_a_couriers_to_report_on(engine: Engine) {
    let Some((server, [own, other, _])) = three_parcels(engine).await else { return };
    let shipping = || server.shipping.clone();
    let get = pb::GetShipmentRequest { shipment_id: own.id.clone() };
    let seen = shipping().get_shipment(with_key(SWIFT, get)).await.expect("its own").into_inner().shipment;
    let seen = seen.expect("a shipment");
    assert!(seen.shipping_address.is_some() && seen.packages.len() == 1 && seen.label.is_some());
    let assignment = seen.assignment.expect("it is given to it");
    assert_eq!((assignment.courier.as_str(), assignment.reason.as_str()), ("swift", ""));
    assert!(assignment.assigned_by.is_empty() && seen.packing_slip.is_empty());
    assert!(seen.items.iter().all(|it| it.sku.is_empty() && it.description.is_empty() && it.quantity == 1));
    assert!(seen.items.iter().all(|it| (it.picked, it.checked, it.packed) == (0, 0, 0)), "{:?}", seen.items);
    for filter in ["late = true", "state = PLANNED AND lot = L-1"] {
        let request = pb::ListShipmentsRequest { filter: filter.to_owned(), ..Default::default() };
        let refused = shipping().list_shipments(with_key(SWIFT, request.clone())).await.expect_err(filter);
        assert_eq!(reason(&refused), "INVALID_FIELD", "{filter}");
        shipping().list_shipments(with_key(ADMIN, request)).await.expect(filter);
    }
    let calls = ["RecordTrackingEvents", "RecordCarrierLabel", "ConfirmDelivery"];
    assert!(
        seen.available_actions.iter().all(|it| calls.contains(&it.as_str())),
        "{:?}",
        seen.available_actions
    );
    assert!(seen.unavailable_actions.is_empty());

    let labelled = shipping().record_carrier_label(with_key(SWIFT, labelling(&own.id, "swift"))).await;
    let labelled = labelled.expect("its own number").into_inner().shipment.expect("a shipment");
    assert_eq!(labelled.carrier_labels[0].tracking_number, "SW-1");
    assert!(labelled.carrier_labels[0].recorded_by.is_empty());
    let wanted = pb::GetCarrierLabelRequest { shipment_id: own.id.clone(), package_number: 1 };
    let found = shipping().get_carrier_label(with_key(SWIFT, wanted)).await.expect("its file").into_inner();
    assert_eq!(found.file, b"label");
    assert!(found.label.expect("a label").recorded_by.is_empty());
    let refused = shipping().record_carrier_label(with_key(SWIFT, labelling(&own.id, "slow"))).await;
    assert_eq!(refused.expect_err("another's number").code(), Code::NotFound);

    let report = reporting("", "swift", "SW-1");
    let recorded =
        shipping().record_tracking_events(with_key(SWIFT, report)).await.expect("its own").into_inner();
    assert_eq!(recorded.recorded.len(), 1);
    let confirmed =
        shipping().confirm_delivery(with_key(SWIFT, delivered(&own.id, ""))).await.expect("its own");
    let shipment = confirmed.into_inner().shipment.expect("a shipment");
    assert_eq!(shipment.state(), pb::ShipmentState::Delivered);
    assert!(shipment.items[0].sku.is_empty(), "answers to changes show no more");
    let track = pb::TrackShipmentRequest { shipment_id: own.id.clone(), ..Default::default() };
    let mut stream = shipping().track_shipment(with_key(SWIFT, track)).await.expect("its own").into_inner();
    let mut events = 0;
    while stream.message().await.expect("it ends well").is_some() {
        events += 1;
    }
    assert!(events >= 2, "{events}");

    // A shipment that is given to another courier is its own no more, and its stream ends.
    let track = pb::TrackShipmentRequest { shipment_id: other.id.clone(), ..Default::default() };
    let mut open =
        shipping().track_shipment(with_key(BOTH, track.clone())).await.expect("its own").into_inner();
    open.message().await.expect("it goes on").expect("the standing");
    let give = async |courier: &str| {
        let request = pb::AssignCourierRequest {
            shipment_id: other.id.clone(),
            courier: courier.to_owned(),
            ..Default::default()
        };
        shipping().assign_courier(with_key(ADMIN, request)).await.expect("it is carried");
    };
    give("swift").await;
    let mut swift =
        shipping().track_shipment(with_key(SWIFT, track)).await.expect("its own now").into_inner();
    swift.message().await.expect("it goes on").expect("the standing");
    give("slow").await;
    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            match swift.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a stream ends with a reason"),
                Err(status) => return status,
            }
        }
    });
    assert_eq!(ended.await.expect("it ends").code(), Code::NotFound);
    server.stop().await;
}

/// Who is said to have recorded each event that is listed, and its words.
async fn told(server: &TestServer, key: &str, id: &str) -> Vec<(String, String)> {
    let request = pb::ListTrackingEventsRequest { shipment_id: id.to_owned(), ..Default::default() };
    let page = server.shipping.clone().list_tracking_events(with_key(key, request)).await.expect("a page");
    page.into_inner().tracking_events.into_iter().map(|it| (it.source, it.description)).collect()
}

async fn what_others_reported_is_not_a_couriers_to_see(engine: Engine) {
    let Some((server, [parcel, ..])) = three_parcels(engine).await else { return };
    let shipping = || server.shipping.clone();
    let report = async |key: &str, event: &pb::TrackingReport| {
        let events = vec![event.clone()];
        let request = pb::RecordTrackingEventsRequest { events, ..reporting(&parcel.id, "", "") };
        shipping().record_tracking_events(with_key(key, request)).await.expect("a report").into_inner()
    };
    let announced = pb::TrackingReport {
        event_id: "E-1".to_owned(),
        description: "announced".to_owned(),
        ..happened(pb::TrackingStatus::InfoReceived)
    };
    report(SWIFT, &announced).await;
    let given = pb::AssignCourierRequest {
        shipment_id: parcel.id.clone(),
        courier: "slow".to_owned(),
        ..Default::default()
    };
    shipping().assign_courier(with_key(ADMIN, given)).await.expect("it is carried");

    assert!(told(&server, SLOW, &parcel.id).await.is_empty());
    let get = pb::GetShipmentRequest { shipment_id: parcel.id.clone() };
    let seen = shipping().get_shipment(with_key(SLOW, get.clone())).await.expect("its own now").into_inner();
    assert_eq!(seen.shipment.expect("a shipment").last_tracking_event, None);
    let track = pb::TrackShipmentRequest { shipment_id: parcel.id.clone(), ..Default::default() };
    let mut open = shipping().track_shipment(with_key(SLOW, track)).await.expect("its own now").into_inner();
    let first = open.message().await.expect("it goes on").expect("the standing");
    assert!(matches!(first.update, Some(pb::track_shipment_response::Update::Heartbeat(_))), "{first:?}");
    drop(open);
    let again = report(SLOW, &pb::TrackingReport { location: "Elsewhere".to_owned(), ..announced }).await;
    assert_eq!((again.duplicates, again.updated), (1, 0), "another's event is not its own to change");

    report(ADMIN, &happened(pb::TrackingStatus::Exception)).await;
    let again = pb::ResolveExceptionRequest {
        shipment_id: parcel.id.clone(),
        resolution: Some(pb::resolve_exception_request::Resolution::Redeliver(pb::Redelivery {})),
        reason: "the customer called".to_owned(),
        ..Default::default()
    };
    shipping().resolve_exception(with_key(ADMIN, again)).await.expect("it goes out again");
    let own = pb::TrackingReport {
        description: "on the van".to_owned(),
        ..happened(pb::TrackingStatus::OutForDelivery)
    };
    let recorded = report(SLOW, &own).await.recorded;
    assert_eq!(recorded[0].source, "slow-desk");
    let words = |source: &str, description: &str| (source.to_owned(), description.to_owned());
    let all = [
        words("swift-desk", "announced"),
        words("admin", ""),
        words("admin", "to be delivered again"),
        words("slow-desk", "on the van"),
    ];
    assert_eq!(told(&server, ADMIN, &parcel.id).await, all);
    let carried = [words("", ""), words("", ""), words("slow-desk", "on the van")];
    assert_eq!(told(&server, SLOW, &parcel.id).await, carried);
    let seen = shipping().get_shipment(with_key(SLOW, get)).await.expect("its own").into_inner();
    let last = seen.shipment.and_then(|it| it.last_tracking_event).expect("an event");
    assert!(["", "slow-desk"].contains(&last.source.as_str()), "{last:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_reported_is_not_a_couriers_to_see_on_sqlite() {
    what_others_reported_is_not_a_couriers_to_see(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_reported_is_not_a_couriers_to_see_on_postgres() {
    what_others_reported_is_not_a_couriers_to_see(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_couriers_shipment_is_one_that_there_is_not_on_sqlite() {
    another_couriers_shipment_is_one_that_there_is_not(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_couriers_shipment_is_one_that_there_is_not_on_postgres() {
    another_couriers_shipment_is_one_that_there_is_not(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_shipments_are_a_couriers_to_report_on_on_sqlite() {
    its_own_shipments_are_a_couriers_to_report_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_shipments_are_a_couriers_to_report_on_on_postgres() {
    its_own_shipments_are_a_couriers_to_report_on(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_couriers_shipments_is_made_by_a_call() {
    let server = TestServer::start_with(Engine::Sqlite, callers).await.expect("it is embedded");
    let make = async |by: &str, role: &str| {
        let key =
            pb::ApiKey { principal: "driver".to_owned(), roles: vec![role.to_owned()], ..Default::default() };
        let request = pb::CreateApiKeyRequest { api_key: Some(key), ..Default::default() };
        server.access.clone().create_api_key(with_key(by, request)).await
    };
    let made = make(ADMIN, "courier:swift").await.expect("a key").into_inner();
    assert_eq!(made.api_key.expect("a key").roles, ["courier:swift"]);
    assert!(listed(&server, &made.secret, "").await.is_empty());
    let orders =
        server.orders.clone().list_orders(with_key(&made.secret, pb::ListOrdersRequest::default())).await;
    assert_eq!(reason(&orders.expect_err("not its own")), "PERMISSION_MISSING");
    for wrong in ["courier", "courier:", "courier:two words", "Courier:swift"] {
        let refused = make(ADMIN, wrong).await.expect_err(wrong);
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::InvalidArgument, "INVALID_FIELD"),
            "{wrong}"
        );
    }
    let request = Request::new(pb::ListShipmentsRequest::default());
    let refused = server.shipping.clone().list_shipments(request).await.expect_err("nobody");
    assert_eq!(reason(&refused), "KEY_MISSING");
    server.stop().await;
}
