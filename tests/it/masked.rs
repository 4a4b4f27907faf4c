//! What a caller may not see of persons and amounts is in no answer, whatever it asks; and who was shown them is written down.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use consign::access::{PERMISSIONS, Role};
use consign::pb::{self, Permission};
use consign::settings::Settings;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::access::{key, reason, with_key};
use crate::malformed::wire::Raw;
use crate::reads::records;
use crate::returns::{ask, wanted};
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{by, create_courier, create_order, draft, eur, order, pay_by_card, stocked};
use crate::warehouse::Warehouse;

/// Stands in all that the order has of a person, and nowhere else.
const MARK: &[u8] = b"zyx";

/// What a unit costs, in cents.
const PRICE: i64 = 13_457;

const PATIENCE: Duration = Duration::from_secs(60);

const PERSONS: Permission = Permission::ReadPersonalData;
const MONEY: Permission = Permission::ReadMoney;

pub(crate) fn secret(role: Role) -> String {
    format!("consign_{}", role.word())
}

pub(crate) fn a_key_for_every_role(settings: &mut Settings) {
    for role in Role::ALL {
        key(settings, role.word(), &secret(role), role);
    }
    settings.access.audit_reads = true;
}

/// The bytes of an answer, or those of a refusal with its details.
async fn answered(channel: &Channel, method: &str, key: &str, request: &[u8]) -> (Code, Vec<u8>) {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the server listens");
    let path = format!("/consign.v1.{method}").parse().expect("a path");
    match client.unary(with_key(key, request.to_vec()), path, Raw).await {
        Ok(answer) => (Code::Ok, answer.into_inner()),
        Err(refused) => (refused.code(), [refused.message().as_bytes(), refused.details()].concat()),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

/// An order that was delivered, rated and is to come back.
struct Planted {
    order: pb::Order,
    letter: String,
    goods_return: String,
}

async fn placed(server: &Clients, buyer: &str) -> String {
    let mut wanted = pb::OrderDraft {
        special_instructions: "ring at zyxbell".to_owned(),
        labels: [("source".to_owned(), "zyxlabel".to_owned())].into(),
        ..draft(buyer, "MASK", 1)
    };
    wanted.lines[0].unit_price = Some(eur(PRICE));
    create_order(server, wanted).await.expect("an order").id
}

async fn plant(server: &Clients) -> Planted {
    stocked(server, "MASK", 9).await;
    create_courier(server).await;
    let id = placed(server, "zyxbuyer").await;
    // One is still to be paid, and one is held: what they wait for says so.
    placed(server, "zyxother").await;
    let hold = pb::PlaceHoldRequest {
        order_id: placed(server, "zyxheld").await,
        reason: pb::HoldReason::CustomerRequest.into(),
        comment: "zyxhold".to_owned(),
        ..Default::default()
    };
    server.orders.clone().place_hold(by("clerk", hold)).await.expect("it is held");
    let note =
        pb::AddOrderNoteRequest { order_id: id.clone(), text: "zyxnote".to_owned(), ..Default::default() };
    server.orders.clone().add_order_note(by("clerk", note)).await.expect("a note");
    pay_by_card(server, &id, "tok_success").await.expect("a payment");
    Warehouse { server }.deliver_all(&id).await;
    let said = pb::SubmitFeedbackRequest {
        order_id: id.clone(),
        delivery_rating: 1,
        product_rating: 1,
        comment: "zyxcomment".to_owned(),
        ..Default::default()
    };
    server.feedback.clone().submit_feedback(by("storefront", said)).await.expect("feedback");
    let back = ask(server, &id, &[(1, 1)], pb::ReturnReason::Damaged).await.expect("a return");
    let request = pb::ListMessagesRequest { filter: format!("order_id = {id}"), ..Default::default() };
    let letters = server.orders.clone().list_messages(request).await.expect("letters").into_inner();
    let letter = letters.messages.first().expect("a letter").id.clone();
    Planted { order: order(server, &id).await, letter, goods_return: back.id }
}

/// The amounts of the order, as answers have them: encoded, and in words.
fn amounts(order: &pb::Order) -> Vec<Vec<u8>> {
    let totals = order.totals.clone().expect("totals");
    let line = order.lines[0].clone();
    let sums = [totals.subtotal, totals.tax, totals.total, totals.captured, line.unit_price, line.total];
    let mut found = Vec::new();
    for sum in sums.into_iter().flatten() {
        assert!(sum.units > 0, "{sum:?}");
        let cents = sum.nanos / 10_000_000;
        found.push(sum.encode_to_vec());
        found.extend([".", ","].map(|point| format!("{}{point}{cents:02}", sum.units).into_bytes()));
    }
    found
}

fn question(method: &'static str, request: &impl Message) -> (&'static str, Vec<u8>) {
    (method, request.encode_to_vec())
}

fn about_the_order(planted: &Planted) -> Vec<(&'static str, Vec<u8>)> {
    let id = || planted.order.id.clone();
    let letter = || planted.letter.clone();
    let get = pb::GetOrderRequest {
        key: Some(pb::get_order_request::Key::OrderId(id())),
        view: pb::OrderView::Full.into(),
    };
    let timeline =
        pb::GetOrderTimelineRequest { key: Some(pb::get_order_timeline_request::Key::OrderId(id())) };
    let preview = pb::PreviewMessageRequest {
        order_id: id(),
        kind: pb::MessageKind::OrderReceived.into(),
        ..Default::default()
    };
    let simulated = pb::SimulateReturnRequest {
        order_id: id(),
        lines: wanted(&[(1, 1)], pb::ReturnReason::Damaged),
        ..Default::default()
    };
    let approval = planted.order.approvals.first().map(|it| it.id.clone()).unwrap_or_default();
    let paper = pb::GetReturnDocumentRequest {
        return_id: planted.goods_return.clone(),
        kind: pb::ReturnDocumentKind::FormPdf.into(),
    };
    vec![
        question("OrderService/GetOrder", &get),
        question("OrderService/ListOrders", &pb::ListOrdersRequest::default()),
        question("OrderService/ListStuckOrders", &pb::ListStuckOrdersRequest::default()),
        question("OrderService/GetOverview", &pb::GetOverviewRequest::default()),
        question("OrderService/GetOrderTimeline", &timeline),
        question("OrderService/ListMessages", &pb::ListMessagesRequest::default()),
        question("OrderService/GetMessage", &pb::GetMessageRequest { message_id: letter() }),
        question("OrderService/PreviewMessage", &preview),
        question("OrderService/CheckIntegrity", &pb::CheckIntegrityRequest::default()),
        question(
            "FeedbackService/GetFeedback",
            &pb::GetFeedbackRequest { order_id: id(), ..Default::default() },
        ),
        question("FeedbackService/GetFeedbackReport", &pb::GetFeedbackReportRequest::default()),
        question("FeedbackService/ListFollowUps", &pb::ListFollowUpsRequest::default()),
        question("OrderChangeService/ListOrderChanges", &pb::ListOrderChangesRequest { order_id: id() }),
        question("ApprovalService/GetApproval", &pb::GetApprovalRequest { approval_id: approval }),
        question("ApprovalService/ListApprovals", &pb::ListApprovalsRequest::default()),
        question(
            "ReturnService/GetReturn",
            &pb::GetReturnRequest { return_id: planted.goods_return.clone() },
        ),
        question("ReturnService/GetReturnDocument", &paper),
        question("ReturnService/ListReturns", &pb::ListReturnsRequest::default()),
        question("ReturnService/SimulateReturn", &simulated),
        question("EventService/ListEvents", &pb::ListEventsRequest::default()),
    ]
}

fn about_its_money_and_parcels(planted: &Planted) -> Vec<(&'static str, Vec<u8>)> {
    let order = &planted.order;
    let invoice = || order.invoice_id.clone();
    let payment = || order.payment_ids[0].clone();
    let shipment = || order.shipment_ids[0].clone();
    let get_invoice = pb::GetInvoiceRequest { key: Some(pb::get_invoice_request::Key::InvoiceId(invoice())) };
    let paper = pb::GetInvoiceDocumentRequest {
        key: Some(pb::get_invoice_document_request::Key::InvoiceId(invoice())),
        ..Default::default()
    };
    let slip = pb::GetShipmentDocumentRequest {
        shipment_id: shipment(),
        kind: pb::DocumentKind::PackingSlipPdf.into(),
        ..Default::default()
    };
    let label = pb::GetCarrierLabelRequest { shipment_id: shipment(), package_number: 1 };
    let manifest = pb::GetManifestRequest {
        courier: "swift".to_owned(),
        location: crate::shop::LEIPZIG.to_owned(),
        ..Default::default()
    };
    let scans = pb::ListTrackingEventsRequest { shipment_id: shipment(), ..Default::default() };
    let simulated = pb::SimulateRefundRequest {
        payment_id: payment(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
        ..Default::default()
    };
    let reservation = order.reservation.as_ref().map(|it| it.id.clone()).unwrap_or_default();
    vec![
        question("BillingService/GetInvoice", &get_invoice),
        question("BillingService/GetInvoiceDocument", &paper),
        question("BillingService/ListInvoices", &pb::ListInvoicesRequest::default()),
        question("BillingService/GetPayment", &pb::GetPaymentRequest { payment_id: payment() }),
        question("BillingService/ListPayments", &pb::ListPaymentsRequest::default()),
        question("BillingService/ListRefunds", &pb::ListRefundsRequest::default()),
        question("BillingService/SimulateRefund", &simulated),
        question(
            "BillingService/GetOrderBalance",
            &pb::GetOrderBalanceRequest { order_id: order.id.clone() },
        ),
        question("ShippingService/GetShipment", &pb::GetShipmentRequest { shipment_id: shipment() }),
        question("ShippingService/ListShipments", &pb::ListShipmentsRequest::default()),
        question("ShippingService/GetShipmentDocument", &slip),
        question("ShippingService/GetCarrierLabel", &label),
        question("ShippingService/GetManifest", &manifest),
        question("ShippingService/ListTrackingEvents", &scans),
        question(
            "InventoryService/GetReservation",
            &pb::GetReservationRequest { reservation_id: reservation },
        ),
    ]
}

/// Whether a method only reads, and answers once. ExportCustomerData shows everything to who may export; streams are read
/// by another test.
fn reads(method: &str) -> bool {
    let name = method.split_once('/').expect("a service and a method").1;
    let verbs = ["Get", "List", "Preview", "Simulate", "Quote", "Check", "Plan"];
    verbs.iter().any(|it| name.starts_with(*it))
}

/// Every method that reads: where nothing better is known, with an empty request.
fn questions(planted: &Planted) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = about_the_order(planted);
    all.extend(about_its_money_and_parcels(planted));
    let known: BTreeSet<&str> = all.iter().map(|it| it.0).collect();
    let methods = PERMISSIONS.iter().map(|it| it.0.trim_start_matches("consign.v1."));
    let others: Vec<_> = methods.filter(|it| reads(it) && !known.contains(it)).collect();
    assert!(known.iter().all(|it| reads(it)) && others.len() > 20, "{others:?}");
    all.extend(others.into_iter().map(|it| (it, Vec::new())));
    all
}

/// Calls that tell the customer to who may see it: otherwise the test would look for something that is not there.
const TELL_OF_PERSONS: [&str; 11] = [
    "OrderService/GetOrder",
    "OrderService/ListOrders",
    "OrderService/ListMessages",
    "OrderService/GetMessage",
    "FeedbackService/GetFeedback",
    "FeedbackService/GetFeedbackReport",
    "FeedbackService/ListFollowUps",
    "BillingService/GetInvoice",
    "BillingService/ListInvoices",
    "ShippingService/GetShipment",
    "ShippingService/ListShipments",
];

const TELL_OF_AMOUNTS: [&str; 7] = [
    "OrderService/GetOrder",
    "OrderService/ListOrders",
    "BillingService/GetInvoice",
    "BillingService/ListInvoices",
    "BillingService/GetPayment",
    "BillingService/GetOrderBalance",
    "ApprovalService/ListApprovals",
];

/// Calls that are written down where they show the customer, beside those that tell of persons by name.
const WRITTEN_DOWN: [&str; 9] = [
    "OrderService/GetOrderTimeline",
    "ApprovalService/ListApprovals",
    "BillingService/GetInvoiceDocument",
    "BillingService/GetPayment",
    "BillingService/ListPayments",
    "ReturnService/GetReturn",
    "ReturnService/ListReturns",
    "ShippingService/GetShipmentDocument",
    "ShippingService/ListTrackingEvents",
];

on_both_engines!(no_answer_tells_a_caller_what_it_may_not_see, async |server| {
    let planted = plant(&server).await;
    let server = TestServer::open(server.stop().await, a_key_for_every_role).await;
    let amounts = amounts(&planted.order);
    let (mut told_of_persons, mut told_of_amounts) = (BTreeSet::new(), BTreeSet::new());
    for (method, request) in questions(&planted) {
        for role in Role::ALL {
            let (code, answer) = answered(&server.channel, method, &secret(role), &request).await;
            let names = contains(&answer.to_ascii_lowercase(), MARK);
            let counts = amounts.iter().any(|it| contains(&answer, it));
            let may = role.permissions();
            assert!(!names || may.contains(&PERSONS), "{method} tells {role:?} who the customer is");
            assert!(!counts || may.contains(&MONEY), "{method} tells {role:?} what the order cost");
            assert!(![Code::Internal, Code::Unknown].contains(&code), "{method} for {role:?}: {code:?}");
            if role == Role::Admin {
                told_of_persons.extend(names.then_some(method));
                told_of_amounts.extend(counts.then_some(method));
            }
        }
    }
    let silent: Vec<_> = TELL_OF_PERSONS.iter().filter(|it| !told_of_persons.contains(*it)).collect();
    assert!(silent.is_empty(), "nobody is told of persons by {silent:?}: the test looks for nothing");
    let silent: Vec<_> = TELL_OF_AMOUNTS.iter().filter(|it| !told_of_amounts.contains(*it)).collect();
    assert!(silent.is_empty(), "nobody is told of amounts by {silent:?}: the test looks for nothing");

    // Who was shown the customer is written down; who was not is not among them.
    let began = Instant::now();
    let of_order = format!("order_id = {} AND principal = ", planted.order.id);
    loop {
        let written = records(&server, &format!("{of_order}admin"), 0).await;
        let missing = |it: &&&str| !written.iter().any(|record| record.method == **it);
        let missing: Vec<_> = WRITTEN_DOWN.iter().filter(missing).collect();
        if missing.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "not written down: {missing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(records(&server, "principal = reader", 0).await.is_empty());
    assert!(!records(&server, &format!("{of_order}warehouse"), 1).await.is_empty());
    server.stop().await;
});

on_both_engines!(an_answer_says_what_it_hides, async |server| {
    let planted = plant(&server).await;
    let server = TestServer::open(server.stop().await, a_key_for_every_role).await;
    let seen = async |role: Role| {
        let key = Some(pb::get_order_request::Key::OrderId(planted.order.id.clone()));
        let request = pb::GetOrderRequest { key, ..Default::default() };
        let answer = server.orders.clone().get_order(with_key(&secret(role), request)).await;
        answer.expect("it may read").into_inner().order.expect("an order")
    };
    let (persons, money): (i32, i32) = (PERSONS.into(), MONEY.into());
    let for_readers = seen(Role::Reader).await;
    assert_eq!(for_readers.hidden, [money, persons]);
    assert_eq!((&for_readers.customer, &for_readers.totals), (&None, &None));
    assert_eq!((for_readers.lines[0].quantity, for_readers.lines[0].unit_price.clone()), (1, None));
    assert_eq!(for_readers.number, planted.order.number);
    let for_packers = seen(Role::Warehouse).await;
    assert_eq!((for_packers.hidden, for_packers.totals), (vec![money], None));
    assert_eq!(for_packers.shipping_address, planted.order.shipping_address);
    let for_clerks = seen(Role::Operator).await;
    assert_eq!(
        (for_clerks.customer, for_clerks.totals),
        (planted.order.customer.clone(), planted.order.totals.clone())
    );
    assert!(for_clerks.hidden.is_empty(), "nothing is");

    // A stream too.
    let request = pb::WatchEventsRequest::default();
    let open = server.events.clone().watch_events(with_key(&secret(Role::Reader), request)).await;
    let mut open = open.expect("it may follow").into_inner();
    let event = loop {
        match open.message().await.expect("it goes on").expect("it has no end").update {
            Some(pb::watch_events_response::Update::Event(event)) => break *event,
            Some(pb::watch_events_response::Update::Heartbeat(_)) | None => {}
        }
    };
    assert_eq!((event.summary.as_str(), &event.hidden), ("", &vec![money, persons]));
    assert!(!event.r#type.is_empty() && event.position > 0, "{event:?}");
    let shipment_id = planted.order.shipment_ids[0].clone();
    let request = pb::TrackShipmentRequest { shipment_id, ..Default::default() };
    let journey = server.shipping.clone().track_shipment(with_key(&secret(Role::Reader), request)).await;
    let mut journey = journey.expect("it may follow").into_inner();
    let scan = loop {
        match journey.message().await.expect("it goes on").expect("an event comes first").update {
            Some(pb::track_shipment_response::Update::Event(scan)) => break scan,
            Some(pb::track_shipment_response::Update::Heartbeat(_)) | None => {}
        }
    };
    assert_eq!((scan.description.as_str(), scan.location.as_str()), ("", ""));
    assert_eq!((scan.sequence > 0, &scan.hidden), (true, &vec![persons]));
    drop((open, journey));
    server.stop().await;
});

fn events_by(filter: &str) -> (pb::ListEventsRequest, pb::WatchEventsRequest) {
    let filter = filter.to_owned();
    let list = pb::ListEventsRequest { filter: filter.clone(), ..Default::default() };
    (list, pb::WatchEventsRequest { filter, ..Default::default() })
}

on_both_engines!(
    who_may_not_see_persons_neither_searches_by_them_nor_gets_their_papers,
    a_key_for_every_role,
    async |server| {
        let missing = |refused: Result<(), Status>, what: &str| {
            let refused = refused.expect_err(what);
            assert_eq!(
                (refused.code(), reason(&refused).as_str()),
                (Code::PermissionDenied, "PERMISSION_MISSING")
            );
            let info = refused.get_details_error_info().expect("a reason");
            assert_eq!(
                info.metadata.get("permission").map(String::as_str),
                Some("READ_PERSONAL_DATA"),
                "{what}"
            );
        };
        let reader = secret(Role::Reader);
        let filters = [
            "customer_email = \"ada@example.com\"",
            "state = RECEIVED AND customer_name = \"Ada\"",
            "customer_phone = \"+4930123456\"",
            "labels.source = shop",
            "labels.source:*",
        ];
        for filter in filters {
            let list = pb::ListOrdersRequest { filter: filter.to_owned(), ..Default::default() };
            let refused = server.orders.clone().list_orders(with_key(&reader, list.clone())).await;
            missing(refused.map(drop), filter);
            let packer = secret(Role::Warehouse);
            server.orders.clone().list_orders(with_key(&packer, list)).await.expect(filter);
        }
        let list = pb::ListOrdersRequest { filter: "state = RECEIVED".to_owned(), ..Default::default() };
        server.orders.clone().list_orders(with_key(&reader, list)).await.expect("it names nobody");

        for filter in
            ["customer_email = \"ada@example.com\"", "position > 0 AND customer_email = a@b.example"]
        {
            let (list, watch) = events_by(filter);
            let refused = server.events.clone().list_events(with_key(&reader, list.clone())).await;
            missing(refused.map(drop), filter);
            let refused = server.events.clone().watch_events(with_key(&reader, watch.clone())).await;
            missing(refused.map(drop), filter);
            let packer = secret(Role::Warehouse);
            server.events.clone().list_events(with_key(&packer, list)).await.expect(filter);
            drop(server.events.clone().watch_events(with_key(&packer, watch)).await.expect(filter));
        }
        let (list, watch) = events_by("position > 0");
        server.events.clone().list_events(with_key(&reader, list)).await.expect("it names nobody");
        drop(server.events.clone().watch_events(with_key(&reader, watch)).await.expect("nor does it"));

        let shipping = || server.shipping.clone();
        let slip = pb::GetShipmentDocumentRequest::default();
        missing(shipping().get_shipment_document(with_key(&reader, slip)).await.map(drop), "a slip");
        let label = pb::GetCarrierLabelRequest::default();
        missing(shipping().get_carrier_label(with_key(&reader, label)).await.map(drop), "a label");
        let manifest = pb::GetManifestRequest {
            courier: "swift".to_owned(),
            location: crate::shop::LEIPZIG.to_owned(),
            with_pdf: true,
            ..Default::default()
        };
        missing(shipping().get_manifest(with_key(&reader, manifest)).await.map(drop), "a manifest");
        let paper = pb::GetReturnDocumentRequest::default();
        let refused = server.returns.clone().get_return_document(with_key(&reader, paper)).await;
        missing(refused.map(drop), "a return label");
        server.stop().await;
    }
);
