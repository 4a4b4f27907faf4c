//! Orders that wait for goods on order are dated anew when the supplier names another day, and their customers are told
//! once, however many processes look.

use std::time::Duration;

use consign::pb;

use crate::child::Site;
use crate::server::{Clients, Engine, on_both_engines};
use crate::shop::{
    create_courier, create_order, draft, every_law_holds, expect_on, in_seconds, on_order, order,
    pay_by_card, stocked,
};
use crate::warehouse::Warehouse;

const DAY: i64 = 86_400;

/// Each process looks every second.
const SOME_LOOKS: Duration = Duration::from_secs(3);

async fn letters(server: &Clients, order_id: &str, kind: &str) -> usize {
    Warehouse { server }.until_quiet(order_id).await;
    let filter = format!("order_id = {order_id} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages.len()
}

/// How often the history says that a date has moved.
async fn moves(server: &Clients, order_id: &str) -> usize {
    let key = Some(pb::get_order_timeline_request::Key::OrderId(order_id.to_owned()));
    let request = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    let events = timeline.timeline.expect("a timeline").events;
    events.iter().filter(|it| it.r#type == "PROMISE_MOVED").count()
}

/// When the goods that it waits for are expected: of an order that waits as a whole the promise, else the date of the rest.
fn expected(order: &pb::Order) -> Option<i64> {
    let at = match order.state() {
        pb::OrderState::AwaitingStock => order.promised_delivery_time,
        _ => order.lines[0].waiting_expected_time,
    };
    at.map(|it| it.seconds)
}

on_both_engines!(the_rest_of_an_order_is_dated_anew_and_its_customer_told_once, async |server| {
    stocked(&server, "R-1", 1).await;
    create_courier(&server).await;
    let goods = on_order(&server, "R-1", in_seconds(5 * DAY)).await;
    let in_parts =
        pb::OrderDraft { on_shortage: pb::OnShortage::ShipAvailable as i32, ..draft("ada", "R-1", 3) };
    let placed = create_order(&server, in_parts).await.expect("one is there");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
    let warehouse = Warehouse { server: &server };
    warehouse.ship_all(&placed.id).await;
    assert_eq!(letters(&server, &placed.id, "AWAITING_STOCK").await, 1);
    let sent = order(&server, &placed.id).await;
    let (before, moved_before) = (expected(&sent).expect("a date"), moves(&server, &placed.id).await);

    expect_on(&server, &goods, in_seconds(14 * DAY)).await;
    let moved = warehouse.until(&placed.id, |it| expected(it) != Some(before)).await;
    assert!(expected(&moved) > Some(before + 5 * DAY), "{moved:?}");
    assert_eq!(moved.promised_delivery_time, sent.promised_delivery_time, "the others go as promised");
    tokio::time::sleep(SOME_LOOKS).await;
    assert_eq!(letters(&server, &placed.id, "AWAITING_STOCK").await, 2);
    assert_eq!(moves(&server, &placed.id).await, moved_before + 1);
    every_law_holds(&server).await;
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_date_and_tell_each_waiting_order_once() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    let (here, there) = (site.start().await, site.start().await);
    let (here, there) = (Clients::over(here.channel()), Clients::over(there.channel()));
    stocked(&here, "R-1", 1).await;
    let days = [5, 14, 25];
    let goods = on_order(&here, "R-1", in_seconds(days[0] * DAY)).await;

    // The first ships what is there, and the others wait as a whole: all of it is on order.
    let mut ids = Vec::new();
    for (number, on_shortage) in
        [pb::OnShortage::ShipAvailable].into_iter().chain([pb::OnShortage::Wait; 7]).enumerate()
    {
        let new =
            pb::OrderDraft { on_shortage: on_shortage as i32, ..draft(&format!("buyer{number}"), "R-1", 2) };
        let placed = create_order(&here, new).await.expect("an order that waits");
        assert!(expected(&placed).is_some(), "{placed:?}");
        ids.push(placed.id);
    }
    for id in &ids {
        assert_eq!(letters(&here, id, "AWAITING_STOCK").await, 1);
    }

    for (round, (days, by)) in (1..).zip([(days[1], &there), (days[2], &here)]) {
        let mut before = Vec::new();
        for id in &ids {
            before.push(expected(&order(&here, id).await).expect("a date"));
        }
        expect_on(by, &goods, in_seconds(days * DAY)).await;
        let warehouse = Warehouse { server: &here };
        for (id, before) in ids.iter().zip(before) {
            let moved = warehouse.until(id, |it| expected(it) != Some(before)).await;
            assert!(expected(&moved) > Some(before + 8 * DAY), "{moved:?}");
        }
        tokio::time::sleep(SOME_LOOKS).await;

        for (index, id) in ids.iter().enumerate() {
            let told = if index == 0 {
                letters(&here, id, "AWAITING_STOCK").await - 1
            } else {
                letters(&here, id, "PROMISE_CHANGED").await
            };
            assert_eq!((told, moves(&there, id).await), (round, round), "order {index}, round {round}");
        }
    }
    every_law_holds(&here).await;
}
