//! VerifyEventChain: the events of orders are as they were recorded, for one order and page by page, and it is seen when
//! they are not.

use consign::pb;
use tonic::{Code, Status};

use crate::events::sql;
use crate::server::{Clients, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, reason, stocked};
use crate::warehouse::Warehouse;

async fn ask(
    server: &Clients,
    request: pb::VerifyEventChainRequest,
) -> Result<pb::VerifyEventChainResponse, Status> {
    server.events.clone().verify_event_chain(request).await.map(|it| it.into_inner())
}

async fn verified(server: &Clients, order_id: &str) -> pb::VerifyEventChainResponse {
    let request = pb::VerifyEventChainRequest { order_id: order_id.to_owned(), ..Default::default() };
    ask(server, request).await.expect("it is there")
}

/// All pages.
async fn all_verified(server: &Clients) -> (i64, i64, Vec<pb::EventChainBreak>) {
    let (mut orders, mut events, mut breaks) = (0, 0, Vec::new());
    let mut page_token = String::new();
    loop {
        let request = pb::VerifyEventChainRequest { page_size: 2, page_token, ..Default::default() };
        let page = ask(server, request).await.expect("a page");
        assert!(page.order_count <= 2 && page.last_link.is_empty(), "{page:?}");
        orders += page.order_count;
        events += page.event_count;
        breaks.extend(page.breaks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (orders, events, breaks);
        }
    }
}

async fn events_of(server: &Clients, order_id: &str) -> i64 {
    let key = pb::get_order_timeline_request::Key::OrderId(order_id.to_owned());
    let request = pb::GetOrderTimelineRequest { key: Some(key) };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline");
    timeline.into_inner().timeline.expect("a timeline").events.len() as i64
}

async fn cancel(server: &Clients, order_id: &str) {
    let request = pb::CancelOrderRequest {
        order_id: order_id.to_owned(),
        reason: "changed their mind".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", request)).await.expect("nothing has left");
    Warehouse { server }.until_quiet(order_id).await;
}

async fn three_orders(server: &Clients) -> Vec<String> {
    stocked(server, "CH-1", 20).await;
    let mut ids = Vec::new();
    for buyer in ["ann", "bob", "cyd"] {
        let placed = create_order(server, draft(buyer, "CH-1", 1)).await.expect("there is stock");
        Warehouse { server }.until_quiet(&placed.id).await;
        ids.push(placed.id);
    }
    ids
}

on_both_engines!(chains_of_events_are_verified_for_one_order_and_page_by_page, async |server| {
    let ids = three_orders(&server).await;
    let before = verified(&server, &ids[0]).await;
    assert_eq!((before.order_count, before.event_count), (1, events_of(&server, &ids[0]).await));
    assert_eq!((before.breaks.len(), before.next_page_token.as_str()), (0, ""));
    let is_hash = before.last_link.len() == 64 && before.last_link.bytes().all(|it| it.is_ascii_hexdigit());
    assert!(is_hash, "{}", before.last_link);
    assert_ne!(verified(&server, &ids[1]).await.last_link, before.last_link);

    cancel(&server, &ids[0]).await;
    let after = verified(&server, &ids[0]).await;
    assert!(after.event_count > before.event_count && after.last_link != before.last_link, "{after:?}");
    let mut events = 0;
    for id in &ids {
        events += events_of(&server, id).await;
    }
    assert_eq!(all_verified(&server).await, (3, events, Vec::new()));

    let nobody = pb::VerifyEventChainRequest {
        order_id: "ord_01h455vb4pex5vsknk084sn02q".to_owned(),
        ..Default::default()
    };
    let status = ask(&server, nobody).await.expect_err("nobody has it");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
    let wrong = pb::VerifyEventChainRequest {
        order_id: "ord_1".to_owned(),
        page_size: -1,
        page_token: "00".to_owned(),
    };
    let status = ask(&server, wrong).await.expect_err("three fields");
    assert_eq!(reason(&status), "INVALID_FIELD");
    for field in ["order_id", "page_size", "page_token"] {
        assert!(status.message().contains(field), "{field}: {}", status.message());
    }
    let strange = pb::VerifyEventChainRequest { page_token: "00ff".to_owned(), ..Default::default() };
    let status = ask(&server, strange).await.expect_err("of no page");
    assert!(reason(&status) == "INVALID_FIELD" && status.message().contains("page_token"), "{status:?}");
    server.stop().await;
});

on_both_engines!(what_somebody_changes_in_the_database_is_named, async |server| {
    let ids = three_orders(&server).await;
    cancel(&server, &ids[1]).await;
    let whole = verified(&server, &ids[1]).await;
    let on = if server.database().is_some() { " ON decisions" } else { "" };
    sql(&server, &format!("DROP TRIGGER decisions_refuse_update{on}")).await;
    sql(&server, &format!("DROP TRIGGER decisions_refuse_delete{on}")).await;

    // The last decision was about the order that was cancelled.
    let last = "last_position = (SELECT MAX(last_position) FROM decisions)";
    sql(&server, &format!("UPDATE decisions SET at = at + 1 WHERE {last}")).await;
    let (_, _, breaks) = all_verified(&server).await;
    let [found] = &breaks[..] else { panic!("one order is broken: {breaks:?}") };
    assert_eq!(found.order_id, ids[1]);
    assert!((1..=whole.event_count).contains(&found.sequence) && !found.problem.is_empty(), "{found:?}");
    let checked = server.orders.clone().check_integrity(pb::CheckIntegrityRequest {}).await;
    let report = checked.expect("a report").into_inner().report.expect("a report");
    assert!(report.laws.iter().any(|it| it.id == "L6" && it.broken == 1), "{report:?}");
    sql(&server, &format!("UPDATE decisions SET at = at - 1 WHERE {last}")).await;
    every_law_holds(&server).await;

    sql(&server, &format!("DELETE FROM decisions WHERE {last}")).await;
    let cut = verified(&server, &ids[1]).await;
    assert_eq!(cut.last_link, whole.last_link, "the order knows what is missing");
    assert_eq!(cut.breaks.len(), 1);
    assert_eq!(cut.breaks[0].sequence, cut.event_count + 1, "{cut:?}");
    server.stop().await;
});
