//! Parcels under the courier's own numbers: recorded, found, followed, and reported on before the pickup.

use consign::pb;
use tonic::Code;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, every_law_holds, in_seconds, order, pay_by_card, reason, stocked,
};
use crate::warehouse::{Warehouse, package};

/// A paid order of two units, packed in two packages and given to the courier: its id and its shipment's.
pub(crate) async fn two_packages(server: &TestServer, buyer: &str) -> (String, String) {
    let placed = create_order(server, draft(buyer, "T-1", 2)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let id = order(server, &placed.id).await.shipment_ids.remove(0);
    let mut shipping = server.shipping.clone();
    let shipment_id = || id.clone();
    let units = pb::LineUnits { line_number: 1, quantity: 2 };
    let request = pb::StartPickingRequest { shipment_id: shipment_id(), ..Default::default() };
    shipping.start_picking(by("warehouse", request)).await.expect("picking starts");
    let request =
        pb::RecordPickRequest { shipment_id: shipment_id(), picks: vec![units], ..Default::default() };
    shipping.record_pick(by("warehouse", request)).await.expect("picked");
    let check = pb::LineCheck { line_number: 1, passed: 2, ..Default::default() };
    let request = pb::RecordQualityCheckRequest {
        shipment_id: shipment_id(),
        checks: vec![check],
        ..Default::default()
    };
    shipping.record_quality_check(by("warehouse", request)).await.expect("checked");
    let request = pb::PackShipmentRequest {
        shipment_id: shipment_id(),
        packages: vec![package(1), package(1)],
        ..Default::default()
    };
    shipping.pack_shipment(by("warehouse", request)).await.expect("packed");
    let request = pb::CreateShippingLabelRequest { shipment_id: shipment_id(), ..Default::default() };
    shipping.create_shipping_label(by("warehouse", request)).await.expect("a label");
    let request = pb::AssignCourierRequest { shipment_id: shipment_id(), ..Default::default() };
    shipping.assign_courier(by("warehouse", request)).await.expect("a courier");
    (placed.id, id)
}

pub(crate) async fn record_labels(
    server: &TestServer,
    id: &str,
    labels: Vec<pb::CarrierLabelDraft>,
) -> Result<pb::Shipment, tonic::Status> {
    let request = pb::RecordCarrierLabelRequest {
        shipment_id: id.to_owned(),
        courier: "swift".to_owned(),
        labels,
        ..Default::default()
    };
    let answer = server.shipping.clone().record_carrier_label(by("warehouse", request)).await?;
    Ok(answer.into_inner().shipment.expect("a shipment"))
}

pub(crate) fn numbered(package_number: i32, number: &str) -> pb::CarrierLabelDraft {
    pb::CarrierLabelDraft { package_number, tracking_number: number.to_owned(), ..Default::default() }
}

async fn found_by(server: &TestServer, number: &str) -> Vec<String> {
    let request =
        pb::ListShipmentsRequest { filter: format!("tracking_number = \"{number}\""), ..Default::default() };
    let listed = server.shipping.clone().list_shipments(request).await.expect("a list").into_inner();
    listed.shipments.into_iter().map(|it| it.id).collect()
}

async fn report(
    server: &TestServer,
    number: &str,
    status: pb::TrackingStatus,
) -> Result<pb::Shipment, tonic::Status> {
    let event = pb::TrackingReport {
        status: status as i32,
        occurred_time: Some(in_seconds(0)),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        courier: "swift".to_owned(),
        tracking_number: number.to_owned(),
        events: vec![event],
        ..Default::default()
    };
    let answer = server.shipping.clone().record_tracking_events(by("courier", request)).await?;
    Ok(answer.into_inner().shipment.expect("a shipment"))
}

on_both_engines!(a_shipment_is_found_and_followed_by_each_number_of_its_courier, async |server| {
    stocked(&server, "T-1", 10).await;
    create_courier(&server).await;
    let (order_id, id) = two_packages(&server, "ann").await;
    let file = b"^XA^FDSW7001^XZ".to_vec();
    let with_file = pb::CarrierLabelDraft {
        media_type: "application/zpl".to_owned(),
        file: file.clone(),
        ..numbered(1, "SW 7001")
    };
    let shipment =
        record_labels(&server, &id, vec![with_file, numbered(2, "4111111111111111")]).await.unwrap();
    let numbers: Vec<_> = shipment.carrier_labels.iter().map(|it| it.tracking_number.as_str()).collect();
    assert_eq!(numbers, ["SW7001", "4111111111111111"]);
    let ours = shipment.label.as_ref().expect("a label").tracking_number.clone();

    for number in ["SW7001", "4111111111111111", ours.as_str()] {
        assert_eq!(found_by(&server, number).await, [id.as_str()], "{number}");
    }
    assert_eq!(found_by(&server, "SW7002").await, Vec::<String>::new());
    let request = pb::GetCarrierLabelRequest { shipment_id: id.clone(), package_number: 1 };
    let kept = server.shipping.clone().get_carrier_label(request.clone()).await.unwrap().into_inner();
    assert_eq!(kept.file, file);
    assert_eq!(kept.label.map(|it| it.sha256.len()), Some(64));
    let request = pb::GetCarrierLabelRequest { package_number: 2, ..request };
    let refused = server.shipping.clone().get_carrier_label(request).await.expect_err("only a number");
    assert_eq!(refused.code(), Code::NotFound);

    // A scan of the courier's stands for the handover, and each package has a journey of its own.
    let shipment = report(&server, "SW 7001", pb::TrackingStatus::PickedUp).await.unwrap();
    assert_eq!(shipment.state(), pb::ShipmentState::PickedUp);
    assert_eq!(shipment.handover.map(|it| it.package_count), Some(2));
    let shipment = report(&server, "SW7001", pb::TrackingStatus::Delivered).await.unwrap();
    assert_eq!(shipment.state(), pb::ShipmentState::PickedUp, "the other is under way");
    let request = pb::TrackShipmentRequest {
        courier: "swift".to_owned(),
        tracking_number: "4111111111111111".to_owned(),
        after_sequence: 2,
        ..Default::default()
    };
    let mut followed = server.shipping.clone().track_shipment(request).await.unwrap().into_inner();
    let shipment = report(&server, "4111111111111111", pb::TrackingStatus::Delivered).await.unwrap();
    assert_eq!(shipment.state(), pb::ShipmentState::Delivered);
    let mut events = Vec::new();
    while let Some(it) = followed.message().await.unwrap() {
        if let Some(pb::track_shipment_response::Update::Event(event)) = it.update {
            events.push((event.sequence, event.package_number));
        }
    }
    assert_eq!(events, [(3, 2)]);
    assert_eq!(order(&server, &order_id).await.state(), pb::OrderState::Delivered);

    let request = pb::ListMessagesRequest { filter: format!("order_id = {order_id}"), ..Default::default() };
    let letters = server.orders.clone().list_messages(request).await.unwrap().into_inner().messages;
    let shipped = letters.iter().find(|it| it.kind() == pb::MessageKind::Shipped).expect("told");
    assert!(shipped.body.contains("Tracking number: SW7001, 4111111111111111"), "{}", shipped.body);
    every_law_holds(&server).await;
});

on_both_engines!(a_couriers_number_is_given_once_and_free_again_when_the_label_is_voided, async |server| {
    stocked(&server, "T-1", 10).await;
    create_courier(&server).await;
    let (_, first) = two_packages(&server, "ann").await;
    let (_, second) = two_packages(&server, "ben").await;
    record_labels(&server, &first, vec![numbered(1, "SW1")]).await.unwrap();
    let refused = record_labels(&server, &second, vec![numbered(1, "SW1")]).await.expect_err("it is taken");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "DUPLICATE"));
    let bad = vec![
        pb::CarrierLabelDraft { file: vec![1], ..numbered(1, "SW 2") },
        pb::CarrierLabelDraft { media_type: "text".to_owned(), file: vec![1], ..numbered(1, "SW2") },
    ];
    let refused = record_labels(&server, &second, bad).await.expect_err("nothing of it is right");
    for field in ["labels[0].media_type", "labels[1].media_type"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }

    let request = pb::VoidShippingLabelRequest { shipment_id: first, ..Default::default() };
    let voided = server.shipping.clone().void_shipping_label(by("warehouse", request)).await.unwrap();
    assert_eq!(voided.into_inner().shipment.unwrap().carrier_labels, []);
    record_labels(&server, &second, vec![numbered(1, "SW1")]).await.expect("it is free");
    assert_eq!(found_by(&server, "SW1").await, [second]);
    every_law_holds(&server).await;
});

on_both_engines!(a_parcel_that_was_not_delivered_is_sent_elsewhere_or_paid_back, async |server| {
    use pb::resolve_exception_request::Resolution;

    stocked(&server, "T-1", 10).await;
    create_courier(&server).await;
    let (order_id, id) = two_packages(&server, "ann").await;
    record_labels(&server, &id, vec![numbered(1, "SW1")]).await.unwrap();
    Warehouse { server: &server }.until_quiet(&order_id).await;
    let request = pb::ConfirmPickupRequest {
        shipment_id: id.clone(),
        package_count: 2,
        driver: "driver 12".to_owned(),
        time: Some(in_seconds(-60)),
        ..Default::default()
    };
    server.shipping.clone().confirm_pickup(by("warehouse", request)).await.unwrap();
    let label = async || {
        let request = pb::GetShipmentRequest { shipment_id: id.clone() };
        let shipment = server.shipping.clone().get_shipment(request).await.unwrap().into_inner().shipment;
        shipment.unwrap()
    };
    let ours = label().await.label.unwrap().tracking_number;
    let resolve = async |resolution| {
        let request = pb::ResolveExceptionRequest {
            shipment_id: id.clone(),
            resolution: Some(resolution),
            reason: "the customer called".to_owned(),
            ..Default::default()
        };
        let answer = server.shipping.clone().resolve_exception(by("carla", request)).await?;
        Ok::<_, tonic::Status>(answer.into_inner().shipment.unwrap())
    };

    report(&server, &ours, pb::TrackingStatus::Exception).await.unwrap();
    let mut address = label().await.shipping_address.unwrap();
    address.street = vec!["Neue Straße 1".to_owned()];
    let shipment = resolve(Resolution::NewAddress(address.clone())).await.unwrap();
    assert_eq!((shipment.state(), shipment.shipping_address), (pb::ShipmentState::InTransit, Some(address)));
    let decided = &shipment.resolutions[0];
    assert_eq!((decided.kind(), decided.decided_by.as_str()), (pb::ResolutionKind::NewAddress, "carla"));
    let refused = resolve(Resolution::Redeliver(pb::Redelivery {})).await.expect_err("it is under way");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");

    report(&server, &ours, pb::TrackingStatus::Lost).await.unwrap();
    let shipment = resolve(Resolution::Refund(pb::GoodsRefund { amount: None })).await.unwrap();
    assert_eq!(shipment.resolutions[1].refund_ids.len(), 1);
    let refused = resolve(Resolution::Refund(pb::GoodsRefund { amount: None })).await.expect_err("paid back");
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_CAPTURE");
    Warehouse { server: &server }.until_quiet(&order_id).await;
    every_law_holds(&server).await;
});
