//! The calls that the walk makes: each RPC about an order or a part of it, as it would be called if it were its turn.

use std::collections::BTreeSet;

use consign::pb;
use futures_util::future::BoxFuture;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Status;

use crate::server::TestServer;
use crate::shop::{LEIPZIG, by, draft, in_seconds};

/// What the calls of one order aim at.
#[derive(Clone, Default)]
pub(super) struct Target {
    pub(super) order: String,
    pub(super) hold: String,
    pub(super) approval: String,
    pub(super) payment: String,
    pub(super) shipment: String,
    pub(super) reservation: String,
    pub(super) replenishment: String,
    pub(super) follow_up: String,
    pub(super) change: String,
    pub(super) goods_return: String,
    pub(super) transfer: String,
    pub(super) invoice: String,
    pub(super) credit_note: String,
    pub(super) refund: String,
    pub(super) message: String,
    pub(super) etag: String,
    pub(super) validate_only: bool,
}

pub(super) type Call = fn(TestServer, Target) -> BoxFuture<'static, Result<(), Status>>;

macro_rules! calls {
    ($(#[$meta:meta])* $calls:ident; $($name:literal: $service:ident.$method:ident($request:ident { $($field:ident: $value:expr),* $(,)? }) using $it:ident;)+) => {
        $(#[$meta])*
        pub(super) const $calls: &[(&str, Call)] = &[$(
            ($name, |server, $it| Box::pin(async move {
                let request = pb::$request {
                    $($field: $value,)*
                    validate_only: $it.validate_only,
                    ..Default::default()
                };
                server.$service.clone().$method(by("walker", request)).await.map(|_| ())
            })),
        )+];
    };
}

calls! {
    /// Each RPC about an order or its parts by its name, as it would be called if it were its turn.
    CALLS;
    "UpdateOrder": orders.update_order(UpdateOrderRequest {
        order_id: it.order, etag: it.etag, order: Some(draft("other", "WALK", 1)), update_mask: mask(),
    }) using it;
    "VerifyOrder": orders.verify_order(VerifyOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "CancelOrder": orders.cancel_order(CancelOrderRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "CancelOrderLines": orders.cancel_order_lines(CancelOrderLinesRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
    }) using it;
    "CreateOrderChange": changes.create_order_change(CreateOrderChangeRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(), items: vec![pb::OrderChangeItem {
            item: Some(pb::order_change_item::Item::SetInstructions("tried".to_owned())),
        }],
    }) using it;
    "ProposeOrderChange": changes.propose_order_change(ProposeOrderChangeRequest {
        order_id: it.order, etag: it.etag, change_id: it.change,
    }) using it;
    "ConfirmOrderChange": changes.confirm_order_change(ConfirmOrderChangeRequest {
        order_id: it.order, etag: it.etag, change_id: it.change,
    }) using it;
    "DeclineOrderChange": changes.decline_order_change(DeclineOrderChangeRequest {
        order_id: it.order, etag: it.etag, change_id: it.change, reason: "tried".to_owned(),
    }) using it;
    "CancelOrderChange": changes.cancel_order_change(CancelOrderChangeRequest {
        order_id: it.order, etag: it.etag, change_id: it.change,
    }) using it;
    "PlaceHold": orders.place_hold(PlaceHoldRequest {
        order_id: it.order, etag: it.etag, reason: pb::HoldReason::Other as i32, comment: "tried".to_owned(),
    }) using it;
    "ReleaseHold": orders.release_hold(ReleaseHoldRequest { order_id: it.order, etag: it.etag, hold_id: it.hold, comment: "tried".to_owned(),
    }) using it;
    "RecordVerification": orders.record_verification(RecordVerificationRequest {
        order_id: it.order, etag: it.etag, provider: "post".to_owned(),
        rule: pb::VerificationRule::Address as i32, finding: pb::VerificationFinding::Passed as i32,
    }) using it;
    "RecordRiskAssessment": orders.record_risk_assessment(RecordRiskAssessmentRequest {
        order_id: it.order, etag: it.etag, provider: "radar".to_owned(), level: pb::RiskLevel::Low as i32,
    }) using it;
    "CloseOrder": orders.close_order(CloseOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "ArchiveOrder": orders.archive_order(ArchiveOrderRequest { order_id: it.order, etag: it.etag }) using it;
    "RestoreOrder": orders.restore_order(RestoreOrderRequest {
        order_id: it.order, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "SubmitFeedback": feedback.submit_feedback(SubmitFeedbackRequest {
        order_id: it.order, etag: it.etag, delivery_rating: 4, product_rating: 4,
    }) using it;
    "OptOutFeedback": feedback.opt_out_feedback(OptOutFeedbackRequest { order_id: it.order, etag: it.etag }) using it;
    "RequestFeedback": feedback.request_feedback(RequestFeedbackRequest { order_id: it.order, etag: it.etag }) using it;
    "CloseFollowUp": feedback.close_follow_up(CloseFollowUpRequest {
        follow_up_id: it.follow_up, etag: it.etag, result: "tried".to_owned(),
    }) using it;
    "ApproveRequest": approvals.approve_request(ApproveRequestRequest { approval_id: it.approval, etag: it.etag }) using it;
    "RejectRequest": approvals.reject_request(RejectRequestRequest {
        approval_id: it.approval, etag: it.etag, comment: "tried".to_owned(),
    }) using it;
    "AuthorizePayment": billing.authorize_payment(AuthorizePaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::Card as i32, token: "tok_success".to_owned(),
    }) using it;
    "CapturePayment": billing.capture_payment(CapturePaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::Card as i32, token: "tok_success".to_owned(),
    }) using it;
    "RecordPayment": billing.record_payment(RecordPaymentRequest {
        order_id: it.order, etag: it.etag, method: pb::PaymentMethod::BankTransfer as i32, reference: "RF18 WALK".to_owned(),
    }) using it;
    "VoidPayment": billing.void_payment(VoidPaymentRequest { payment_id: it.payment, etag: it.etag }) using it;
    "RefundPayment": billing.refund_payment(RefundPaymentRequest {
        payment_id: it.payment, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "CreateReturn": returns.create_return(CreateReturnRequest {
        order_id: it.order, etag: it.etag,
        lines: vec![pb::ReturnLineRequest { line_number: 1, quantity: 1, reason: pb::ReturnReason::Damaged as i32, ..Default::default() }],
    }) using it;
    "ReleaseReservation": inventory.release_reservation(ReleaseReservationRequest {
        reservation_id: it.reservation, etag: it.etag,
    }) using it;
    "ConfirmReservation": inventory.confirm_reservation(ConfirmReservationRequest {
        reservation_id: it.reservation, etag: it.etag,
    }) using it;
    "ExtendReservation": inventory.extend_reservation(ExtendReservationRequest {
        reservation_id: it.reservation, etag: it.etag, expire_time: Some(in_seconds(3_600)),
    }) using it;
    "StartPicking": shipping.start_picking(StartPickingRequest { shipment_id: it.shipment, etag: it.etag }) using it;
    "RecordPick": shipping.record_pick(RecordPickRequest {
        shipment_id: it.shipment, etag: it.etag, picks: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
    }) using it;
    "RecordQualityCheck": shipping.record_quality_check(RecordQualityCheckRequest {
        shipment_id: it.shipment, etag: it.etag,
        checks: vec![pb::LineCheck { line_number: 1, passed: 1, ..Default::default() }],
    }) using it;
    "PackShipment": shipping.pack_shipment(PackShipmentRequest {
        shipment_id: it.shipment, etag: it.etag, packages: vec![crate::warehouse::package(1)],
    }) using it;
    "CreateShippingLabel": shipping.create_shipping_label(CreateShippingLabelRequest {
        shipment_id: it.shipment, etag: it.etag,
    }) using it;
    "VoidShippingLabel": shipping.void_shipping_label(VoidShippingLabelRequest {
        shipment_id: it.shipment, etag: it.etag,
    }) using it;
    "AssignCourier": shipping.assign_courier(AssignCourierRequest { shipment_id: it.shipment, etag: it.etag }) using it;
    "ConfirmPickup": shipping.confirm_pickup(ConfirmPickupRequest {
        shipment_id: it.shipment, etag: it.etag, package_count: 1, driver: "driver 12".to_owned(),
    }) using it;
    "ConfirmDelivery": shipping.confirm_delivery(ConfirmDeliveryRequest {
        shipment_id: it.shipment, etag: it.etag,
        proof: Some(pb::ProofOfDelivery { received_by: "Ada".to_owned(), ..Default::default() }),
    }) using it;
    "RecordTrackingEvents": shipping.record_tracking_events(RecordTrackingEventsRequest {
        shipment_id: it.shipment, events: vec![scan()],
    }) using it;
    "RecordCarrierLabel": shipping.record_carrier_label(RecordCarrierLabelRequest {
        shipment_id: it.shipment, etag: it.etag, courier: "swift".to_owned(),
        labels: vec![pb::CarrierLabelDraft {
            package_number: 1, tracking_number: "SW 7".to_owned(), ..Default::default()
        }],
    }) using it;
    "ResolveException": shipping.resolve_exception(ResolveExceptionRequest {
        shipment_id: it.shipment, etag: it.etag, reason: "tried".to_owned(),
        resolution: Some(pb::resolve_exception_request::Resolution::Redeliver(pb::Redelivery {})),
    }) using it;
}

calls! {
    /// The RPCs about a proposal to buy.
    OF_REPLENISHMENTS;
    "ApproveReplenishment": inventory.approve_replenishment(ApproveReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "RejectReplenishment": inventory.reject_replenishment(RejectReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "PlaceReplenishment": inventory.place_replenishment(PlaceReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "CancelReplenishment": inventory.cancel_replenishment(CancelReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag,
    }) using it;
    "UpdateReplenishment": inventory.update_replenishment(UpdateReplenishmentRequest {
        replenishment_id: it.replenishment, etag: it.etag, supplier: "ACME".to_owned(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["supplier".to_owned()] }),
    }) using it;
}

calls! {
    /// The RPCs about a return of two units of line 1; each is about one of them, which is restocked and paid back.
    OF_RETURNS;
    "AuthorizeReturn": returns.authorize_return(AuthorizeReturnRequest {
        return_id: it.goods_return, etag: it.etag,
    }) using it;
    "DeclineReturn": returns.decline_return(DeclineReturnRequest {
        return_id: it.goods_return, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "CancelReturn": returns.cancel_return(CancelReturnRequest {
        return_id: it.goods_return, etag: it.etag, reason: "tried".to_owned(),
    }) using it;
    "RecordReturnTransit": returns.record_return_transit(RecordReturnTransitRequest {
        return_id: it.goods_return, etag: it.etag, courier: "Post".to_owned(), tracking_number: "R 7".to_owned(),
    }) using it;
    "ReceiveReturn": returns.receive_return(ReceiveReturnRequest {
        return_id: it.goods_return, etag: it.etag, location: LEIPZIG.to_owned(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
    }) using it;
    "InspectReturn": returns.inspect_return(InspectReturnRequest {
        return_id: it.goods_return, etag: it.etag, inspections: vec![pb::ReturnInspection {
            line_number: 1, disposition: pb::ReturnDisposition::Restock as i32, quantity: 1, ..Default::default()
        }],
    }) using it;
    "ResolveReturn": returns.resolve_return(ResolveReturnRequest {
        return_id: it.goods_return, etag: it.etag, reason: "tried".to_owned(),
        resolutions: vec![pb::ReturnLineResolution {
            line_number: 1, resolution: pb::ReturnResolution::Refund as i32, quantity: 1, ..Default::default()
        }],
    }) using it;
    "CloseReturn": returns.close_return(CloseReturnRequest { return_id: it.goods_return, etag: it.etag }) using it;
}

calls! {
    /// The RPCs about a transfer: all that is in transit arrives, or comes back.
    OF_TRANSFERS;
    "ReceiveTransfer": inventory.receive_transfer(ReceiveTransferRequest {
        transfer_id: it.transfer, etag: it.etag,
    }) using it;
    "CancelTransfer": inventory.cancel_transfer(CancelTransferRequest {
        transfer_id: it.transfer, etag: it.etag,
    }) using it;
}

fn scan() -> pb::TrackingReport {
    pb::TrackingReport {
        status: pb::TrackingStatus::InTransit as i32,
        location: "Halle hub".to_owned(),
        occurred_time: Some(in_seconds(0)),
        ..Default::default()
    }
}

fn mask() -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec!["lines".to_owned()] })
}

/// How the ids end that nobody has.
pub(super) const NOBODY: &str = "_01h455vb4pex5vsknk084sn02q";

/// Ids of the right form that nobody has.
pub(super) fn nobody() -> Target {
    let id = |prefix: &str| format!("{prefix}{NOBODY}");
    Target {
        order: id("ord"),
        hold: id("hld"),
        approval: id("apr"),
        payment: id("pay"),
        shipment: id("shp"),
        reservation: id("rsv"),
        replenishment: id("rpl"),
        follow_up: id("fup"),
        change: id("chg"),
        goods_return: id("rma"),
        transfer: id("trf"),
        invoice: id("inv"),
        credit_note: id("crn"),
        refund: id("ref"),
        message: id("msg"),
        etag: String::new(),
        validate_only: false,
    }
}

/// Changes that no state of an order, a return, a transfer or a replenishment stands in the way of, and those that other tests
/// make in every state.
const ELSEWHERE: &[&str] = &[
    // The orders of the walk have goods only.
    "CompleteServiceLine",
    // They may be made about any order, in any state; the erased and the archived are tried by their own tests.
    "ResendMessage",
    "ResendFailedMessages",
    "SetNotificationPreference",
    "AddOrderNote",
    "SetOrderLabels",
    "SetLegalHold",
    "ReleaseLegalHold",
    // They make what they are about.
    "CreateOrder",
    "ReserveStock",
    "TransferStock",
    // Stock and the catalogue.
    "ReceiveStock",
    "AdjustStock",
    "BatchAdjustStock",
    "CountStock",
    "ReleaseQualityHold",
    "ScrapStock",
    "SetReorderRule",
    "CreateProduct",
    "UpdateProduct",
    "DeactivateProduct",
    "ReactivateProduct",
    "CreateStockLocation",
    "UpdateStockLocation",
    "DeactivateStockLocation",
    "ReactivateStockLocation",
    "CreateCourier",
    "UpdateCourier",
    "DeactivateCourier",
    "ReactivateCourier",
    "ConfirmManifest",
    "CreateDiscountCode",
    "DeactivateDiscountCode",
    "ReactivateDiscountCode",
    // Customers, who calls and who is told.
    "CreateCustomer",
    "UpdateCustomer",
    "BlockCustomer",
    "UnblockCustomer",
    "CreateApiKey",
    "RevokeApiKey",
    "CreateEventSubscription",
    "UpdateEventSubscription",
    "RotateSubscriptionSecret",
    "EnableEventSubscription",
    "DisableEventSubscription",
    "DeleteEventSubscription",
    "RedeliverEvents",
];

#[test]
fn every_change_is_walked_or_named_as_one_that_is_not() {
    let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).expect("written by our own build").file;
    let ours: Vec<_> = files.iter().filter(|it| it.package() == "consign.v1").collect();
    let changes = |request: &str| {
        let name = request.rsplit('.').next().unwrap_or_default();
        let mut all = ours.iter().flat_map(|it| &it.message_type);
        all.any(|it| it.name() == name && it.field.iter().any(|field| field.name() == "request_id"))
    };
    let methods = ours.iter().flat_map(|it| &it.service).flat_map(|it| &it.method);
    let all: BTreeSet<&str> = methods.filter(|it| changes(it.input_type())).map(|it| it.name()).collect();
    let walked = [CALLS, OF_REPLENISHMENTS, OF_RETURNS, OF_TRANSFERS].into_iter().flatten().map(|it| it.0);
    let named: BTreeSet<&str> = walked.chain(ELSEWHERE.iter().copied()).collect();
    assert_eq!(named, all);
}
