//! Lots over the wire: what expires first leaves first, what has expired is not sold, and a recall finds every shipment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use consign::domain::Timestamp;
use consign::pb;
use consign::server::Server;
use consign::settings::Settings;
use tonic::Status;
use tonic_types::StatusExt;

use crate::server::{Clients, connect, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, level, open_location, order,
    pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

fn date(year: i32, month: i32, day: i32) -> Option<pb::Date> {
    Some(pb::Date { year, month, day })
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

async fn change(server: &Clients, tracks_lots: bool, shortest_life_days: i32) -> Result<(), Status> {
    let product =
        pb::Product { sku: "Y-1".to_owned(), tracks_lots, shortest_life_days, ..Default::default() };
    let paths = ["tracks_lots", "shortest_life_days"].map(str::to_owned).to_vec();
    let request = pb::UpdateProductRequest {
        product: Some(product),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..Default::default()
    };
    server.inventory.clone().update_product(by("clerk", request)).await.map(drop)
}

/// Y-1 by lots, with a courier.
async fn by_lots(server: &Clients) {
    stocked(server, "Y-1", 0).await;
    create_courier(server).await;
    change(server, true, 0).await.expect("nothing is on hand");
}

async fn receive(
    server: &Clients,
    quantity: i64,
    lot: &str,
    expire_date: Option<pb::Date>,
) -> Result<(), Status> {
    let request = pb::ReceiveStockRequest {
        sku: "Y-1".to_owned(),
        location: LEIPZIG.to_owned(),
        quantity,
        lot: lot.to_owned(),
        expire_date,
        ..Default::default()
    };
    server.inventory.clone().receive_stock(by("warehouse", request)).await.map(drop)
}

async fn lots(server: &Clients, filter: &str) -> Vec<(String, i64, i64)> {
    let request = pb::ListLotsRequest { filter: filter.to_owned(), ..Default::default() };
    let found = server.inventory.clone().list_lots(by("clerk", request)).await.expect("a page").into_inner();
    found.lots.into_iter().map(|it| (it.lot, it.on_hand, it.allotted)).collect()
}

async fn recalled(server: &Clients, lot: &str) -> Vec<pb::Shipment> {
    let request = pb::ListShipmentsRequest { filter: format!("lot = {lot}"), ..Default::default() };
    let found = server.shipping.clone().list_shipments(by("clerk", request)).await.expect("a page");
    found.into_inner().shipments
}

async fn paid(server: &Clients, who: &str, units: i64) -> (String, String) {
    let placed = create_order(server, draft(who, "Y-1", units)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(server, &placed.id).await.shipment_ids[0].clone();
    (placed.id, shipment)
}

fn all(list: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    list.iter().map(|(name, one, other)| ((*name).to_owned(), *one, *other)).collect()
}

on_both_engines!(what_expires_first_leaves_first_and_a_recall_finds_it, async |server| {
    by_lots(&server).await;
    let bad = receive(&server, 1, "", date(2099, 2, 30)).await.expect_err("no such day, and no lot");
    assert_eq!(fields(&bad), ["expire_date", "expire_date"]);
    let bad = receive(&server, 1, "", None).await.expect_err("no lot");
    assert_eq!(fields(&bad), ["lot"]);
    receive(&server, 5, "L-2", date(2099, 6, 30)).await.expect("goods arrive");
    receive(&server, 2, "L-1", date(2099, 3, 31)).await.expect("goods arrive");
    receive(&server, 4, "L-0", date(2020, 1, 1)).await.expect("long expired, and on the books");
    let shelf = level(&server, "Y-1").await;
    let names: Vec<_> = shelf.lots.iter().map(|it| it.lot.as_str()).collect();
    assert_eq!((shelf.on_hand, shelf.available, names), (11, 7, vec!["L-0", "L-1", "L-2"]));
    let refused = create_order(&server, draft("eve", "Y-1", 8)).await.expect_err("seven are sold");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

    let (_, shipment) = paid(&server, "ada", 3).await;
    let warehouse = Warehouse { server: &server };
    let items = warehouse.pick(&shipment).await;
    let on_list: Vec<_> = items[0].lots.iter().map(|it| (it.lot.clone(), it.quantity, it.picked)).collect();
    assert_eq!(on_list, all(&[("L-1", 2, 0), ("L-2", 1, 0)]));
    assert_eq!(items[0].lots[0].expire_date, date(2099, 3, 31));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_recall_finds_what_is_in_the_house_and_what_was_sent, async |server| {
    by_lots(&server).await;
    receive(&server, 5, "L-2", date(2099, 6, 30)).await.expect("goods arrive");
    receive(&server, 2, "L-1", date(2099, 3, 31)).await.expect("goods arrive");
    let warehouse = Warehouse { server: &server };
    let (_, first) = paid(&server, "ada", 3).await;
    warehouse.ship(&first).await;
    let (_, second) = paid(&server, "bob", 1).await;
    let request = pb::StartPickingRequest { shipment_id: second.clone(), ..Default::default() };
    server.shipping.clone().start_picking(by("warehouse", request)).await.expect("a pick list");

    assert_eq!(lots(&server, "").await, all(&[("L-2", 4, 1)]));
    assert_eq!(lots(&server, "expire_time < 2099-06-01").await, all(&[]));
    assert_eq!(lots(&server, "lot = L-2 AND sku = Y-1 AND expire_time < 2099-08-01").await.len(), 1);
    let ids = |found: Vec<pb::Shipment>| found.into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(ids(recalled(&server, "L-1").await), std::slice::from_ref(&first));
    let mut both = ids(recalled(&server, "L-2").await);
    both.sort();
    assert_eq!(both, [first.clone(), second.clone()]);
    let sent: Vec<_> = recalled(&server, "L-1").await[0].items[0]
        .lots
        .iter()
        .map(|it| (it.lot.clone(), it.quantity, it.picked))
        .collect();
    assert_eq!(sent, all(&[("L-1", 2, 2), ("L-2", 1, 1)]));

    // Picked of another lot than the list says.
    receive(&server, 1, "L-3", date(2099, 9, 30)).await.expect("goods arrive");
    let pick = |lot: &str| pb::RecordPickRequest {
        shipment_id: second.clone(),
        picks: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
        lots: vec![pb::PickedLot { line_number: 1, lot: lot.to_owned(), quantity: 1 }],
        ..Default::default()
    };
    let bad =
        server.shipping.clone().record_pick(by("warehouse", pick("L-9"))).await.expect_err("no such lot");
    assert_eq!(fields(&bad), ["lots[0].quantity"]);
    server.shipping.clone().record_pick(by("warehouse", pick("L-3"))).await.expect("picked");
    assert_eq!(ids(recalled(&server, "L-2").await), [first]);
    assert_eq!(ids(recalled(&server, "L-3").await), [second]);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(units_that_are_sold_no_more_hold_the_order_that_has_them_set_aside, async |server| {
    by_lots(&server).await;
    receive(&server, 2, "L-1", date(2027, 12, 31)).await.expect("goods arrive");
    let placed = create_order(&server, draft("ada", "Y-1", 2)).await.expect("an order");
    change(&server, true, 3_650).await.expect("ten years at the least");
    assert_eq!(level(&server, "Y-1").await.available, 0);
    let until = Instant::now() + Duration::from_secs(30);
    while !order(&server, &placed.id).await.on_hold {
        assert!(Instant::now() < until, "nobody looked after the lot");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((level(&server, "Y-1").await.on_hand, level(&server, "Y-1").await.reserved), (2, 0));
    let refused = change(&server, false, 0).await.expect_err("units are on hand");
    assert_eq!(reason(&refused), "STOCK_IN_USE");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_transfer_a_count_and_corrections_are_of_one_lot, async |server| {
    by_lots(&server).await;
    open_location(&server, "DE-HALLE", "EUROPE", "DE").await;
    receive(&server, 5, "L-1", date(2099, 6, 30)).await.expect("goods arrive");
    let adjust = |lot: &str| pb::StockAdjustment {
        sku: "Y-1".to_owned(),
        location: LEIPZIG.to_owned(),
        reason: pb::AdjustmentReason::QualityHold as i32,
        delta: 1,
        lot: lot.to_owned(),
        ..Default::default()
    };
    let batch =
        pb::BatchAdjustStockRequest { adjustments: vec![adjust("L-1"), adjust("")], ..Default::default() };
    let mut inventory = server.inventory.clone();
    let bad = inventory.batch_adjust_stock(by("clerk", batch)).await.expect_err("the second names no lot");
    assert_eq!(fields(&bad), ["adjustments[1].lot"]);
    let batch = pb::BatchAdjustStockRequest { adjustments: vec![adjust("L-1")], ..Default::default() };
    let adjusted = inventory.batch_adjust_stock(by("clerk", batch)).await.expect("held back").into_inner();
    assert_eq!(adjusted.adjusted[0].movement.as_ref().map(|it| it.lot.as_str()), Some("L-1"));
    let scrap = |lot: &str| pb::ScrapStockRequest {
        sku: "Y-1".to_owned(),
        location: LEIPZIG.to_owned(),
        quantity: 1,
        lot: lot.to_owned(),
        ..Default::default()
    };
    let bad = inventory.scrap_stock(by("clerk", scrap("L-7"))).await.expect_err("no such lot");
    assert_eq!(fields(&bad), ["lot"]);
    inventory.scrap_stock(by("clerk", scrap("L-1"))).await.expect("thrown away");

    let send = pb::TransferStockRequest {
        from_location: LEIPZIG.to_owned(),
        to_location: "DE-HALLE".to_owned(),
        items: vec![pb::StockLine { sku: "Y-1".to_owned(), quantity: 2 }],
        lots: vec![pb::TransferLot { sku: "Y-1".to_owned(), lot: "L-1".to_owned() }],
        ..Default::default()
    };
    let sent = inventory.transfer_stock(by("clerk", send)).await.expect("sent").into_inner();
    let sent = sent.transfer.expect("a transfer");
    assert_eq!((sent.items[0].lot.as_str(), sent.items[0].expire_date), ("L-1", date(2099, 6, 30)));
    let arrive = pb::ReceiveTransferRequest { transfer_id: sent.id, ..Default::default() };
    inventory.receive_transfer(by("clerk", arrive)).await.expect("arrived");
    let count = pb::CountStockRequest {
        sku: "Y-1".to_owned(),
        location: LEIPZIG.to_owned(),
        counted: Some(1),
        lot: "L-1".to_owned(),
        ..Default::default()
    };
    inventory.count_stock(by("clerk", count)).await.expect("one is there");
    assert_eq!(lots(&server, "location = DE-HALLE").await, all(&[("L-1", 2, 0)]));
    assert_eq!(lots(&server, "location = DE-LEIPZIG").await, all(&[("L-1", 1, 0)]));
    every_law_holds(&server).await;
    server.stop().await;
});

/// So many days after today in UTC.
fn in_days(days: i64) -> Option<pb::Date> {
    let today = consign::clock::now().unix_micros() / 1_000_000;
    let day = time::OffsetDateTime::from_unix_timestamp(today + days * 86_400).expect("a time").date();
    date(day.year(), u8::from(day.month()).into(), day.day().into())
}

/// A server whose clock can be set ahead. On SQLite, which goes by the clock that it is given; the store's own tests move
/// that of both engines.
struct Ahead {
    clients: Clients,
    server: Server,
    micros: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

impl Ahead {
    fn days_pass(&self, days: i64) {
        self.micros.fetch_add(days * 86_400_000_000, Ordering::Relaxed);
    }
}

async fn ahead() -> Ahead {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("data"),
        insecure_durability: true,
        ..Settings::default()
    };
    let micros = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&micros);
    let clock = move || {
        let now = consign::clock::now().unix_micros();
        Timestamp::from_unix_micros(now + read.load(Ordering::Relaxed))
    };
    let server = Server::start_by(settings, Arc::new(clock)).await.expect("it starts");
    let clients = Clients::over(connect(&server).await);
    Ahead { clients, server, micros, _folder: folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_before_the_courier_comes_is_sent_from_another_lot() {
    let shop = ahead().await;
    let clients = &shop.clients;
    by_lots(clients).await;
    receive(clients, 2, "L-1", in_days(1)).await.expect("goods arrive");
    receive(clients, 2, "L-2", in_days(900)).await.expect("goods arrive");
    let (placed, shipment) = paid(clients, "ada", 2).await;
    let warehouse = Warehouse { server: clients };
    warehouse.assign(&shipment).await;
    assert_eq!(lots(clients, "").await.len(), 2);

    shop.days_pass(3);
    let until = Instant::now() + Duration::from_secs(30);
    let ids = loop {
        let ids = order(clients, &placed).await.shipment_ids;
        if ids.len() > 1 {
            break ids;
        }
        assert!(Instant::now() < until, "nobody looked after the lot");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let other = ids.iter().find(|it| **it != shipment).expect("another shipment");
    warehouse.ship(other).await;
    let sent: Vec<_> = recalled(clients, "L-2").await.into_iter().map(|it| it.id).collect();
    assert_eq!(&sent, std::slice::from_ref(other));
    assert_eq!(lots(clients, "").await, all(&[("L-1", 2, 0)]));
    every_law_holds(clients).await;
    shop.server.stop().await.expect("it stops");
}

async fn proposals(server: &Clients) -> Vec<pb::Replenishment> {
    let request = pb::ListReplenishmentsRequest { filter: "sku = Y-1".to_owned(), ..Default::default() };
    let listed = server.inventory.clone().list_replenishments(request).await.expect("a page");
    listed.into_inner().replenishments
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_that_is_sold_no_more_is_bought_again_though_nobody_ordered() {
    let shop = ahead().await;
    let clients = &shop.clients;
    by_lots(clients).await;
    change(clients, true, 30).await.expect("thirty days at the least");
    receive(clients, 3, "L-1", in_days(32)).await.expect("goods arrive");
    receive(clients, 5, "L-2", in_days(900)).await.expect("goods arrive");
    let request = pb::SetReorderRuleRequest {
        sku: "Y-1".to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(pb::ReorderRule { reorder_point: 6, order_up_to: 20, lead_time_days: 7 }),
        ..Default::default()
    };
    clients.inventory.clone().set_reorder_rule(by("clerk", request)).await.expect("a rule");
    assert_eq!((level(clients, "Y-1").await.available, proposals(clients).await), (8, Vec::new()));

    // Sold no more since two days, and good for four weeks.
    shop.days_pass(5);
    let until = Instant::now() + Duration::from_secs(30);
    let proposed = loop {
        let proposed = proposals(clients).await;
        if !proposed.is_empty() {
            break proposed;
        }
        assert!(Instant::now() < until, "nobody looked after the lot");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let shelf = level(clients, "Y-1").await;
    assert_eq!((shelf.on_hand, shelf.available), (8, 5));
    let [proposal] = proposed.as_slice() else { panic!("one is enough: {proposed:?}") };
    assert_eq!((proposal.state(), proposal.quantity), (pb::ReplenishmentState::Proposed, 15));
    assert_eq!(proposal.reason, "5 available, reorder point 6, up to 20");
    assert_eq!(proposal.order_id, "");
    every_law_holds(clients).await;
    shop.server.stop().await.expect("it stops");
}
