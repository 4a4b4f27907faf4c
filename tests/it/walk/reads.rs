//! Every call that only reads, about an order in each state that it rests in: it answers, or is refused for a reason
//! that the page of the API names, and changes nothing.

use std::collections::BTreeSet;

use consign::pb;
use consign::pb::get_invoice_document_request::Key as PaperOf;
use consign::pb::get_order_timeline_request::Key as TimelineOf;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use crate::server::{TestServer, on_both_engines};
use crate::shop::{LEIPZIG, by, create_courier, every_law_holds, order, reason, stocked};
use crate::validate_only::READS;
use crate::walk::calls::{Call, NOBODY, Target, nobody};
use crate::walk::{AT_REST, one_order_in_each_state, stocked_elsewhere, with_a_change};
use crate::warehouse::Warehouse;

macro_rules! reads {
    ($(#[$meta:meta])* $reads:ident; $($name:literal: $service:ident.$method:ident($request:expr) using $it:ident;)+) => {
        $(#[$meta])*
        pub(super) const $reads: &[(&str, Call)] = &[$(
            ($name, |server, $it| Box::pin(async move {
                server.$service.clone().$method(by("walker", $request)).await.map(|_| ())
            })),
        )+];
    };
}

reads! {
    /// The reads about one order or a part of it.
    ABOUT_ORDERS;
    "GetOrder": orders.get_order(pb::GetOrderRequest {
        key: Some(pb::get_order_request::Key::OrderId(it.order)), ..Default::default()
    }) using it;
    "GetOrderTimeline": orders.get_order_timeline(pb::GetOrderTimelineRequest {
        key: Some(TimelineOf::OrderId(it.order)),
    }) using it;
    "GetMessage": orders.get_message(pb::GetMessageRequest { message_id: it.message }) using it;
    "PreviewMessage": orders.preview_message(pb::PreviewMessageRequest {
        order_id: it.order, kind: pb::MessageKind::OrderReceived as i32, ..Default::default()
    }) using it;
    "PreviewMessage": orders.preview_message(pb::PreviewMessageRequest {
        order_id: it.order, kind: pb::MessageKind::InvoiceIssued as i32, ..Default::default()
    }) using it;
    "VerifyEventChain": events.verify_event_chain(pb::VerifyEventChainRequest {
        order_id: it.order, ..Default::default()
    }) using it;
    "GetOrderChange": changes.get_order_change(pb::GetOrderChangeRequest {
        order_id: it.order, change_id: it.change,
    }) using it;
    "ListOrderChanges": changes.list_order_changes(pb::ListOrderChangesRequest { order_id: it.order }) using it;
    "GetApproval": approvals.get_approval(pb::GetApprovalRequest { approval_id: it.approval }) using it;
    "GetReservation": inventory.get_reservation(pb::GetReservationRequest {
        reservation_id: it.reservation,
    }) using it;
    "GetInvoice": billing.get_invoice(pb::GetInvoiceRequest {
        key: Some(pb::get_invoice_request::Key::InvoiceId(it.invoice)),
    }) using it;
    "GetInvoiceDocument": billing.get_invoice_document(pb::GetInvoiceDocumentRequest {
        key: Some(PaperOf::OrderId(it.order)), ..Default::default()
    }) using it;
    "GetCreditNote": billing.get_credit_note(pb::GetCreditNoteRequest {
        key: Some(pb::get_credit_note_request::Key::CreditNoteId(it.credit_note)),
    }) using it;
    "GetPayment": billing.get_payment(pb::GetPaymentRequest { payment_id: it.payment }) using it;
    "GetRefund": billing.get_refund(pb::GetRefundRequest { refund_id: it.refund }) using it;
    "GetOrderBalance": billing.get_order_balance(pb::GetOrderBalanceRequest { order_id: it.order }) using it;
    "SimulateRefund": billing.simulate_refund(pb::SimulateRefundRequest {
        payment_id: it.payment, ..Default::default()
    }) using it;
    "SimulateRefund": billing.simulate_refund(pb::SimulateRefundRequest {
        payment_id: it.payment, lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }], ..Default::default()
    }) using it;
    "SimulateReturn": returns.simulate_return(pb::SimulateReturnRequest {
        order_id: it.order, lines: vec![damaged()], ..Default::default()
    }) using it;
    "GetShipment": shipping.get_shipment(pb::GetShipmentRequest { shipment_id: it.shipment }) using it;
    "GetShipmentDocument": shipping.get_shipment_document(pb::GetShipmentDocumentRequest {
        shipment_id: it.shipment, kind: pb::DocumentKind::ShippingLabelZpl as i32, ..Default::default()
    }) using it;
    "GetShipmentDocument": shipping.get_shipment_document(pb::GetShipmentDocumentRequest {
        shipment_id: it.shipment, kind: pb::DocumentKind::PackingSlipPdf as i32, ..Default::default()
    }) using it;
    "GetShipmentDocument": shipping.get_shipment_document(pb::GetShipmentDocumentRequest {
        shipment_id: it.shipment, kind: pb::DocumentKind::PickListPdf as i32, ..Default::default()
    }) using it;
    "QuoteCouriers": shipping.quote_couriers(pb::QuoteCouriersRequest {
        shipment_id: it.shipment, ..Default::default()
    }) using it;
    "GetCarrierLabel": shipping.get_carrier_label(pb::GetCarrierLabelRequest {
        shipment_id: it.shipment, package_number: 1,
    }) using it;
    "ListTrackingEvents": shipping.list_tracking_events(pb::ListTrackingEventsRequest {
        shipment_id: it.shipment, ..Default::default()
    }) using it;
    "GetFeedback": feedback.get_feedback(pb::GetFeedbackRequest { order_id: it.order, ..Default::default() }) using it;
}

reads! {
    /// The reads about one return.
    ABOUT_RETURNS;
    "GetReturn": returns.get_return(pb::GetReturnRequest { return_id: it.goods_return }) using it;
    "GetReturnDocument": returns.get_return_document(pb::GetReturnDocumentRequest {
        return_id: it.goods_return, kind: pb::ReturnDocumentKind::FormPdf as i32,
    }) using it;
    "GetReturnDocument": returns.get_return_document(pb::GetReturnDocumentRequest {
        return_id: it.goods_return, kind: pb::ReturnDocumentKind::LabelZpl as i32,
    }) using it;
}

reads! {
    /// The reads that always answer: lists, of which some are narrowed to the order, and what is asked about no order.
    ABOUT_ALL;
    "ListOrders": orders.list_orders(pb::ListOrdersRequest { show_archived: true, ..Default::default() }) using _it;
    "ListStuckOrders": orders.list_stuck_orders(pb::ListStuckOrdersRequest::default()) using _it;
    "GetOverview": orders.get_overview(pb::GetOverviewRequest::default()) using _it;
    "ListMessages": orders.list_messages(pb::ListMessagesRequest { filter: of(&it), ..Default::default() }) using it;
    "ListEvents": events.list_events(pb::ListEventsRequest { filter: of(&it), ..Default::default() }) using it;
    "ListApprovals": approvals.list_approvals(pb::ListApprovalsRequest { filter: of(&it), ..Default::default() }) using it;
    "ListInvoices": billing.list_invoices(pb::ListInvoicesRequest { filter: of(&it), ..Default::default() }) using it;
    "ListCreditNotes": billing.list_credit_notes(pb::ListCreditNotesRequest {
        filter: of(&it), ..Default::default()
    }) using it;
    "ListPayments": billing.list_payments(pb::ListPaymentsRequest { filter: of(&it), ..Default::default() }) using it;
    "ListRefunds": billing.list_refunds(pb::ListRefundsRequest { filter: of(&it), ..Default::default() }) using it;
    "ListReturns": returns.list_returns(pb::ListReturnsRequest { filter: of(&it), ..Default::default() }) using it;
    "ListShipments": shipping.list_shipments(pb::ListShipmentsRequest { filter: of(&it), ..Default::default() }) using it;
    "GetManifest": shipping.get_manifest(pb::GetManifestRequest {
        courier: "swift".to_owned(), location: LEIPZIG.to_owned(), ..Default::default()
    }) using _it;
    "ListCouriers": shipping.list_couriers(pb::ListCouriersRequest::default()) using _it;
    "ListFeedback": feedback.list_feedback(pb::ListFeedbackRequest { filter: of(&it), ..Default::default() }) using it;
    "ListFollowUps": feedback.list_follow_ups(pb::ListFollowUpsRequest { filter: of(&it), ..Default::default() }) using it;
    "GetFeedbackReport": feedback.get_feedback_report(pb::GetFeedbackReportRequest::default()) using _it;
    "ListReservations": inventory.list_reservations(pb::ListReservationsRequest {
        filter: of(&it), ..Default::default()
    }) using it;
    "ListStockMovements": inventory.list_stock_movements(pb::ListStockMovementsRequest {
        filter: of(&it), ..Default::default()
    }) using it;
    "ListTransfers": inventory.list_transfers(pb::ListTransfersRequest::default()) using _it;
    "ListReplenishments": inventory.list_replenishments(pb::ListReplenishmentsRequest::default()) using _it;
    "ListProducts": inventory.list_products(pb::ListProductsRequest::default()) using _it;
    "ListStockLocations": inventory.list_stock_locations(pb::ListStockLocationsRequest::default()) using _it;
    "ListStockLevels": inventory.list_stock_levels(pb::ListStockLevelsRequest::default()) using _it;
    "ListLots": inventory.list_lots(pb::ListLotsRequest::default()) using _it;
    "GetProduct": inventory.get_product(pb::GetProductRequest { sku: "WALK".to_owned() }) using _it;
    "GetStockLocation": inventory.get_stock_location(pb::GetStockLocationRequest {
        location: LEIPZIG.to_owned(),
    }) using _it;
    "GetStockLevel": inventory.get_stock_level(pb::GetStockLevelRequest {
        sku: "WALK".to_owned(), location: LEIPZIG.to_owned(),
    }) using _it;
    "GetCourier": shipping.get_courier(pb::GetCourierRequest { courier: "swift".to_owned() }) using _it;
    "CheckAvailability": inventory.check_availability(pb::CheckAvailabilityRequest {
        lines: vec![pb::StockLine { sku: "WALK".to_owned(), quantity: 1 }],
        destination: Some(pb::check_availability_request::Destination::Region("EUROPE".to_owned())),
        ..Default::default()
    }) using _it;
    "PlanAllocation": inventory.plan_allocation(pb::PlanAllocationRequest {
        lines: vec![pb::StockLine { sku: "WALK".to_owned(), quantity: 1 }],
        destination: Some(pb::plan_allocation_request::Destination::Region("EUROPE".to_owned())),
        ..Default::default()
    }) using _it;
}

/// Reads that no order, and no part of one, stands in the way of, and those that other tests make in every state.
const ELSEWHERE: &[&str] = &[
    // All laws at once: at the end of each walk.
    "CheckIntegrity",
    // The walks of these look at them in each state.
    "GetTransfer",
    "GetReplenishment",
    // They do not end by themselves.
    "TrackShipment",
    "WatchEvents",
    "WatchStockLevels",
    // Who calls and who is told, customers, codes for discounts.
    "GetApiKey",
    "ListApiKeys",
    "ListDataAccess",
    "ListEventSubscribers",
    "ListEventDeliveries",
    "GetEventSubscription",
    "ListEventSubscriptions",
    "GetCustomer",
    "ListCustomers",
    "GetDiscountCode",
    "ListDiscountCodes",
];

/// No courier's own label is recorded on the way to any of the states.
const NEVER_THERE: &str = "GetCarrierLabel";

const API: &str = include_str!("../../../docs/api.md");

on_both_engines!(whatever_is_read_answers_or_says_why_in_every_state_and_changes_nothing, walk);

async fn walk(server: TestServer) {
    stocked(&server, "WALK", 1_000).await;
    stocked_elsewhere(&server).await;
    create_courier(&server).await;

    let mut answered = BTreeSet::new();
    let mut seen = Vec::new();
    for id in Box::pin(one_order_in_each_state(&server)).await {
        let found = order(&server, &id).await;
        seen.push(found.state());
        with_a_change(&server, found, seen.len()).await;
        Warehouse { server: &server }.until_quiet(&id).await;

        let before = stored(&server, &id).await;
        let state = before.0.state();
        for target in targets(&before.0, last_message(&server, &id).await) {
            answered.extend(read(&server, ABOUT_ORDERS, &target, state.as_str_name()).await);
            all_answer(&server, &target, state.as_str_name()).await;
        }
        let after = stored(&server, &id).await;
        assert_eq!(after, before, "something that only reads has changed an order that is {state:?}");
    }
    for state in AT_REST {
        assert!(seen.contains(state), "no order in the state {state:?} was read");
    }
    let mut expected = names(ABOUT_ORDERS);
    expected.remove(NEVER_THERE);
    assert_eq!(answered, expected, "each read answers in some state");

    for (name, call) in ABOUT_ORDERS.iter().chain(ABOUT_RETURNS) {
        let status = call(server.clone(), nobody()).await.expect_err(name);
        let told = (status.code(), reason(&status));
        assert_eq!(told, (Code::NotFound, "NOT_FOUND".to_owned()), "{name}: {status:?}");
    }
    every_law_holds(&server).await;
    server.stop().await;
}

#[test]
fn every_call_that_reads_is_walked_or_named_as_one_that_is_not() {
    let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).expect("written by our own build").file;
    let ours = files.iter().filter(|it| it.package() == "consign.v1");
    let methods = ours.flat_map(|it| &it.service).flat_map(|it| &it.method);
    let all: BTreeSet<&str> =
        methods.map(|it| it.name()).filter(|name| READS.iter().any(|it| name.starts_with(it))).collect();
    let walked = [ABOUT_ORDERS, ABOUT_RETURNS, ABOUT_ALL].into_iter().flat_map(names);
    let mut named: BTreeSet<&str> = walked.chain(ELSEWHERE.iter().copied()).collect();
    // It verifies, and has no name of those that read.
    assert!(named.remove("VerifyEventChain"));
    assert_eq!(named, all);
}

/// Makes each of these reads about the target: those that answered. What is refused is refused for a reason that the
/// page of the API names.
pub(super) async fn read(
    server: &TestServer,
    reads: &[(&'static str, Call)],
    target: &Target,
    state: &str,
) -> BTreeSet<&'static str> {
    let mut answered = BTreeSet::new();
    for (name, call) in reads {
        match call(server.clone(), target.clone()).await {
            Ok(()) => {
                answered.insert(*name);
            }
            Err(status) => must_be_documented(name, &status, state),
        }
    }
    answered
}

/// Makes the reads that always answer.
async fn all_answer(server: &TestServer, target: &Target, state: &str) {
    for (name, call) in ABOUT_ALL {
        let answer = call(server.clone(), target.clone()).await;
        assert!(answer.is_ok(), "{name} beside what is {state}: {answer:?}");
    }
}

pub(super) fn names(reads: &[(&'static str, Call)]) -> BTreeSet<&'static str> {
    reads.iter().map(|it| it.0).collect()
}

/// What does not exist is an id that nobody has; any other reason is among the errors of the call.
fn must_be_documented(name: &str, status: &Status, state: &str) {
    let told = reason(status);
    let is_known = match status.code() {
        Code::NotFound => told == "NOT_FOUND" && (status.message().contains(NOBODY) || name == NEVER_THERE),
        _ => !told.is_empty() && is_named(&errors_of(name), &told),
    };
    assert!(is_known, "{name} in {state}: {status:?}\nits errors: {}", errors_of(name));
}

fn is_named(errors: &str, reason: &str) -> bool {
    errors.split(|it: char| !it.is_ascii_uppercase() && it != '_').any(|it| it == reason)
}

/// What the page of the API says of a call's errors, with those of the call that it points to.
fn errors_of(name: &str) -> String {
    let (_, section) = API.split_once(&format!("\n### {name}\n")).expect("each call has a section");
    let mut lines = section.lines().take_while(|it| !it.starts_with("##"));
    let errors = lines.find_map(|it| it.strip_prefix("Errors: ")).unwrap_or_default();
    let pointed = errors.strip_prefix("as ").and_then(|it| it.split(',').next());
    pointed.map_or_else(|| errors.to_owned(), |other| format!("{errors} {}", errors_of(other)))
}

#[test]
fn the_errors_of_a_call_are_found_on_the_page() {
    assert!(is_named(&errors_of("GetFeedback"), "FEEDBACK_NOT_OPEN"));
    assert!(is_named(&errors_of("SimulateRefund"), "REFUND_EXCEEDS_CAPTURE"));
    assert!(is_named(&errors_of("SimulateReturn"), "ILLEGAL_TRANSITION"));
    assert!(!is_named(&errors_of("SimulateReturn"), "INTERNAL"));
    assert_eq!(errors_of("GetOrder"), "");
}

/// The order, its history, and the latest movement of stock.
async fn stored(server: &TestServer, id: &str) -> (pb::Order, Vec<pb::OrderEvent>, Vec<pb::StockMovement>) {
    let request = pb::GetOrderTimelineRequest { key: Some(TimelineOf::OrderId(id.to_owned())) };
    let answer = server.orders.clone().get_order_timeline(request).await.expect("a timeline");
    let events = answer.into_inner().timeline.expect("a timeline").events;
    let request = pb::ListStockMovementsRequest { page_size: 1, ..Default::default() };
    let answer = server.inventory.clone().list_stock_movements(request).await.expect("a page");
    (order(server, id).await, events, answer.into_inner().movements)
}

async fn last_message(server: &TestServer, order: &str) -> Option<String> {
    let request = pb::ListMessagesRequest { filter: format!("order_id = {order}"), ..Default::default() };
    let answer = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    answer.messages.into_iter().next().map(|it| it.id)
}

/// The order with its last parts, once for each shipment; nobody's where it has none.
fn targets(order: &pb::Order, message: Option<String>) -> Vec<Target> {
    let last = |ids: &[String], otherwise: String| ids.last().cloned().unwrap_or(otherwise);
    let some = |id: &String, otherwise: String| if id.is_empty() { otherwise } else { id.clone() };
    let target = Target {
        order: order.id.clone(),
        approval: order.approvals.last().map_or(nobody().approval, |it| it.id.clone()),
        payment: last(&order.payment_ids, nobody().payment),
        reservation: order.reservation.as_ref().map_or(nobody().reservation, |it| it.id.clone()),
        change: some(&order.open_change_id, nobody().change),
        invoice: some(&order.invoice_id, nobody().invoice),
        credit_note: last(&order.credit_note_ids, nobody().credit_note),
        refund: last(&order.refund_ids, nobody().refund),
        message: message.unwrap_or(nobody().message),
        ..nobody()
    };
    if order.shipment_ids.is_empty() {
        return vec![target];
    }
    let of_shipment = |it: &String| Target { shipment: it.clone(), ..target.clone() };
    order.shipment_ids.iter().map(of_shipment).collect()
}

fn of(target: &Target) -> String {
    format!("order_id = {}", target.order)
}

fn damaged() -> pb::ReturnLineRequest {
    pb::ReturnLineRequest {
        line_number: 1,
        quantity: 1,
        reason: pb::ReturnReason::Damaged as i32,
        ..Default::default()
    }
}
