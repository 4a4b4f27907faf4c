//! Transfers and corrections of many shelves over the wire.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, create_product, draft, every_law_holds, in_seconds, level, open_location,
    reason, stocked,
};

const HALLE: &str = "DE-HALLE";

async fn two_locations(server: &TestServer) {
    stocked(server, "Z-1", 10).await;
    open_location(server, HALLE, "EUROPE", "DE").await;
}

async fn send(server: &TestServer, quantity: i64) -> Result<pb::Transfer, Status> {
    let request = pb::TransferStockRequest {
        from_location: LEIPZIG.to_owned(),
        to_location: HALLE.to_owned(),
        items: vec![pb::StockLine { sku: "Z-1".to_owned(), quantity }],
        expected_time: Some(in_seconds(86_400)),
        note: "note 7".to_owned(),
        ..Default::default()
    };
    let answer = server.inventory.clone().transfer_stock(by("clerk", request)).await?;
    Ok(answer.into_inner().transfer.expect("a transfer"))
}

async fn receive(server: &TestServer, id: &str, received: i64, missing: i64) -> Result<pb::Transfer, Status> {
    let items = match received + missing {
        0 => Vec::new(),
        _ => vec![pb::TransferArrival { sku: "Z-1".to_owned(), received, missing }],
    };
    let request = pb::ReceiveTransferRequest { transfer_id: id.to_owned(), items, ..Default::default() };
    let answer = server.inventory.clone().receive_transfer(by("clerk", request)).await?;
    Ok(answer.into_inner().transfer.expect("a transfer"))
}

async fn cancel(server: &TestServer, id: &str) -> Result<pb::Transfer, Status> {
    let request = pb::CancelTransferRequest { transfer_id: id.to_owned(), ..Default::default() };
    let answer = server.inventory.clone().cancel_transfer(by("clerk", request)).await?;
    Ok(answer.into_inner().transfer.expect("a transfer"))
}

async fn at_halle(server: &TestServer) -> pb::StockLevel {
    let request = pb::GetStockLevelRequest { sku: "Z-1".to_owned(), location: HALLE.to_owned() };
    let answer = server.inventory.clone().get_stock_level(request).await.expect("a level");
    answer.into_inner().stock_level.expect("a level")
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

on_both_engines!(a_transfer_arrives_in_parts_with_a_difference, async |server| {
    two_locations(&server).await;
    create_order(&server, draft("ada", "Z-1", 3)).await.expect("an order");
    let refused = send(&server, 8).await.expect_err("three are reserved");
    assert_eq!(reason(&refused), "STOCK_IN_USE");
    assert!(refused.message().starts_with("items[0]: 7 of 8"), "{}", refused.message());

    let sent = send(&server, 7).await.expect("on its way");
    assert_eq!(sent.state(), pb::TransferState::InTransit);
    assert_eq!(level(&server, "Z-1").await.on_hand, 3);
    assert_eq!((at_halle(&server).await.on_hand, at_halle(&server).await.incoming), (0, 7));
    every_law_holds(&server).await;

    let partly = receive(&server, &sent.id, 4, 1).await.expect("some arrive");
    assert_eq!((partly.state(), partly.items[0].in_transit), (pb::TransferState::PartiallyReceived, 2));
    let refused = receive(&server, &sent.id, 3, 0).await.expect_err("two are in transit");
    assert_eq!(fields(&refused), ["items[0].received"]);
    let back = cancel(&server, &sent.id).await.expect("the rest comes back");
    assert_eq!((back.state(), back.items[0].returned), (pb::TransferState::Cancelled, 2));
    for refused in [receive(&server, &sent.id, 0, 0).await, cancel(&server, &sent.id).await] {
        assert_eq!(reason(&refused.expect_err("it is over")), "ILLEGAL_TRANSITION");
    }
    assert_eq!((at_halle(&server).await.on_hand, at_halle(&server).await.incoming), (4, 0));
    assert_eq!(level(&server, "Z-1").await.on_hand, 5);

    let listed = pb::ListTransfersRequest {
        filter: format!("to_location = {HALLE} AND state = CANCELLED"),
        ..Default::default()
    };
    let listed = server.inventory.clone().list_transfers(listed).await.expect("a page").into_inner();
    assert_eq!(listed.transfers, std::slice::from_ref(&back));
    let get = pb::GetTransferRequest { transfer_id: sent.id.clone() };
    let got = server.inventory.clone().get_transfer(get).await.expect("it is there").into_inner();
    assert_eq!(got.transfer, Some(back));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(many_corrections_are_one_decision_and_every_faulty_row_is_named, async |server| {
    stocked(&server, "Z-1", 10).await;
    create_product(&server, "Z-2", 500).await;
    let row = |sku: &str, delta: i64, reason: pb::AdjustmentReason| pb::StockAdjustment {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        reason: reason as i32,
        delta,
        ..Default::default()
    };
    let adjust = async |adjustments: Vec<pb::StockAdjustment>| {
        let request = pb::BatchAdjustStockRequest { adjustments, ..Default::default() };
        server.inventory.clone().batch_adjust_stock(by("clerk", request)).await
    };
    use pb::AdjustmentReason::{Found, Lost, SafetyStock};

    let bad = vec![row("Z-2", 5, Found), row("NONE", 1, Found), row("Z-1", -99, Lost), row("Z-1", 1, Lost)];
    let refused = adjust(bad).await.expect_err("three rows are bad");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["adjustments[1].sku", "adjustments[2].delta", "adjustments[3].delta"]);
    assert_eq!(level(&server, "Z-2").await.on_hand, 0, "all or nothing");
    create_order(&server, draft("ada", "Z-1", 9)).await.expect("an order");
    let refused = adjust(vec![row("Z-2", 5, Found), row("Z-1", -2, Lost)]).await.expect_err("reserved");
    assert_eq!(reason(&refused), "STOCK_IN_USE");
    assert!(refused.message().starts_with("adjustments[1]: "), "{}", refused.message());

    let done = adjust(vec![row("Z-2", 5, Found), row("Z-1", 1, SafetyStock), row("Z-2", -1, Lost)]).await;
    let done = done.expect("corrected").into_inner().adjusted;
    assert_eq!(done.len(), 3);
    assert!(done[1].movement.is_none(), "no unit moved");
    assert_eq!(level(&server, "Z-2").await.on_hand, 4);
    every_law_holds(&server).await;
    server.stop().await;
});
