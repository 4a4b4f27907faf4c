//! Following a shipment: from its first event to its last, over breaks, into the archive and past the server's end.

use std::time::Duration;

use consign::pb::{self, track_shipment_response::Update};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{by, create_courier, create_order, draft, order, pay_by_card, reason, stocked};
use crate::warehouse::Warehouse;

/// How long news may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn track(server: &TestServer, id: &str, after: i64) -> Streaming<pb::TrackShipmentResponse> {
    let request =
        pb::TrackShipmentRequest { shipment_id: id.to_owned(), after_sequence: after, ..Default::default() };
    server.shipping.clone().track_shipment(request).await.expect("a stream").into_inner()
}

async fn next(stream: &mut Streaming<pb::TrackShipmentResponse>) -> Result<Option<String>, Status> {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("news in time")?;
    Ok(message.map(|it| {
        let state = it.state().as_str_name().trim_start_matches("SHIPMENT_STATE_").to_owned();
        match it.update.expect("every message says something") {
            Update::Event(event) => {
                assert_eq!(event.sequence, it.resume_sequence);
                let status = event.status().as_str_name().trim_start_matches("TRACKING_STATUS_");
                format!("{} {status}, {state}", event.sequence)
            }
            Update::Heartbeat(heartbeat) => {
                assert_eq!(heartbeat.high_water, it.resume_sequence);
                format!("{} -, {state}", it.resume_sequence)
            }
        }
    }))
}

async fn rest(mut stream: Streaming<pb::TrackShipmentResponse>) -> Vec<String> {
    let mut received = Vec::new();
    while let Some(message) = next(&mut stream).await.expect("the stream ends well") {
        received.push(message);
    }
    received
}

async fn paid(server: &TestServer, buyer: &str) -> (String, String) {
    let placed = create_order(server, draft(buyer, "T-1", 2)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(server, &placed.id).await.shipment_ids.remove(0);
    (placed.id, shipment)
}

fn report(status: pb::TrackingStatus, seconds_ago: i64) -> pb::TrackingReport {
    let now = consign::clock::now().unix_micros() / 1_000_000;
    let at = prost_types::Timestamp { seconds: now - seconds_ago, nanos: 0 };
    pb::TrackingReport { status: status as i32, occurred_time: Some(at), ..Default::default() }
}

async fn record(
    server: &TestServer,
    courier: &str,
    number: &str,
    events: Vec<pb::TrackingReport>,
) -> Result<(usize, i32), Status> {
    let request = pb::RecordTrackingEventsRequest {
        courier: courier.to_owned(),
        tracking_number: number.to_owned(),
        events,
        ..Default::default()
    };
    let answer = server.shipping.clone().record_tracking_events(by("courier", request)).await?.into_inner();
    Ok((answer.recorded.len(), answer.duplicates))
}

async fn number_of(server: &TestServer, id: &str) -> String {
    let request = pb::GetShipmentRequest { shipment_id: id.to_owned() };
    let answer =
        server.shipping.clone().get_shipment(request).await.expect("the shipment is there").into_inner();
    answer.shipment.and_then(|it| it.label).expect("a label").tracking_number
}

on_both_engines!(a_reader_hears_every_event_once_from_any_point_on_and_in_the_archive_too, async |server| {
    stocked(&server, "T-1", 5).await;
    create_courier(&server).await;
    let (order, id) = paid(&server, "ann").await;
    let warehouse = Warehouse { server: &server };

    let mut early = track(&server, &id, 0).await;
    assert_eq!(next(&mut early).await.unwrap().as_deref(), Some("0 -, PLANNED"));
    warehouse.ship(&id).await;
    let number = number_of(&server, &id).await;
    // Later than the handover, which happened just now: the state is that of the latest event.
    let reports =
        vec![report(pb::TrackingStatus::InTransit, -60), report(pb::TrackingStatus::OutForDelivery, -120)];
    let again = vec![reports[0].clone(), reports[1].clone()];
    assert_eq!(record(&server, "swift", &number, reports).await.unwrap(), (2, 0));
    assert_eq!(record(&server, "swift", &number, again.clone()).await.unwrap(), (0, 2));
    assert_eq!(record(&server, "other", &number, again).await.unwrap_err().code(), Code::NotFound);

    let mut received = Vec::new();
    while received.len() < 3 {
        let message = next(&mut early).await.unwrap().expect("more to come");
        if !message.contains(" -,") {
            received.push(message);
        }
    }
    assert!(received[0].starts_with("1 PICKED_UP"), "{received:?}");
    assert_eq!(received[2], "3 OUT_FOR_DELIVERY, OUT_FOR_DELIVERY");
    drop(early);

    let mut resumed = track(&server, &id, 2).await;
    assert_eq!(next(&mut resumed).await.unwrap().as_deref(), Some("3 OUT_FOR_DELIVERY, OUT_FOR_DELIVERY"));
    assert_eq!(
        record(&server, "swift", &number, vec![report(pb::TrackingStatus::Delivered, -180)]).await.unwrap().0,
        1
    );
    assert_eq!(rest(resumed).await, ["4 DELIVERED, DELIVERED"]);
    assert_eq!(rest(track(&server, &id, 4).await).await, ["4 -, DELIVERED"]);
    let beyond =
        pb::TrackShipmentRequest { shipment_id: id.clone(), after_sequence: 5, ..Default::default() };
    let refused =
        server.shipping.clone().track_shipment(beyond).await.expect_err("there is no such event yet");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert!(refused.message().ends_with("which has sequence 4"), "{}", refused.message());

    warehouse.until_quiet(&order).await;
    warehouse.close(&order).await;
    warehouse.archive(&order).await;
    let archived = rest(track(&server, &id, 0).await).await;
    assert_eq!(archived.len(), 4);
    assert_eq!(archived[3], "4 DELIVERED, DELIVERED");
    let request =
        pb::ListTrackingEventsRequest { shipment_id: id.clone(), page_size: 3, page_token: String::new() };
    let page = server.shipping.clone().list_tracking_events(request.clone()).await.unwrap().into_inner();
    assert_eq!(page.tracking_events.len(), 3);
    let request = pb::ListTrackingEventsRequest { page_token: page.next_page_token, ..request };
    let page = server.shipping.clone().list_tracking_events(request).await.unwrap().into_inner();
    assert_eq!((page.tracking_events.len(), page.next_page_token.as_str()), (1, ""));
});

on_both_engines!(a_stream_ends_with_a_cancelled_shipment_and_refuses_an_unknown_one, async |server| {
    stocked(&server, "T-1", 5).await;
    let (order, id) = paid(&server, "ben").await;
    let mut stream = track(&server, &id, 0).await;
    assert_eq!(next(&mut stream).await.unwrap().as_deref(), Some("0 -, PLANNED"));

    let request =
        pb::CancelOrderRequest { order_id: order, reason: "no need".to_owned(), ..Default::default() };
    server.orders.clone().cancel_order(by("clerk", request)).await.expect("cancelled");
    assert_eq!(rest(stream).await, ["0 -, CANCELLED"]);

    let unknown = pb::TrackShipmentRequest {
        shipment_id: "shp_01h455vb4pex5vsknk084sn02q".to_owned(),
        ..Default::default()
    };
    let refused = server.shipping.clone().track_shipment(unknown).await.expect_err("nobody knows it");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOT_FOUND"));
});

on_both_engines!(an_order_that_is_not_there_cannot_be_followed, async |server| {
    let unknown = pb::WatchEventsRequest {
        filter: "order_id = ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        ..Default::default()
    };
    let refused = server.events.clone().watch_events(unknown).await.expect_err("nobody knows it");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOT_FOUND"));
});

on_both_engines!(a_stopping_server_says_where_to_go_on, async |server| {
    stocked(&server, "T-1", 5).await;
    create_courier(&server).await;
    let (_, id) = paid(&server, "cleo").await;
    Warehouse { server: &server }.ship(&id).await;
    let mut stream = track(&server, &id, 0).await;
    assert_eq!(next(&mut stream).await.unwrap().as_deref(), Some("1 PICKED_UP, PICKED_UP"));

    let stopped = tokio::spawn(server.stop());
    let status = next(&mut stream).await.expect_err("the server is stopping");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.metadata["resume"], "1");
    stopped.await.unwrap();
});
