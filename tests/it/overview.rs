//! The overview: every count against what the lists have, through the states of orders; who sees which part; and the
//! commands that print what a server says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use consign::access::{KeyHash, Role};
use consign::pb;
use consign::settings::{KeySettings, MailProvider, Settings};
use serde_json::Value;
use tonic::{Code, Request};

use crate::access::{ADMIN, AUTHORITY, with_key, with_tls};
use crate::child::Site;
use crate::server::{Clients, Engine, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, order, pay_by_card,
    reason, receive, stocked,
};
use crate::warehouse::Warehouse;

/// No letter reaches `gone@example.com`; an order in person waits for an approval, and is stuck at once.
fn eventful(settings: &mut Settings) {
    let folder = settings.data_dir.parent().expect("a folder");
    let program = folder.join("mail.sh");
    let script = "#!/bin/sh\ncat > /dev/null\ncase \"$*\" in *gone@*) exit 67;; esac\n";
    std::fs::write(&program, script).expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    settings.mail.provider = MailProvider::Program;
    settings.mail.program = Some(program);
    settings.rules.approval.reservation.channels = vec!["IN_PERSON".parse().expect("a channel")];
    settings.rules.stuck_after_seconds.insert("RESERVATION_APPROVAL".parse().expect("a gate"), 1);
}

async fn overview(server: &Clients) -> pb::Overview {
    let answer = server.orders.clone().get_overview(pb::GetOverviewRequest::default()).await;
    answer.expect("an overview").into_inner().overview.expect("an overview")
}

/// How many rows each list has for each word of its states.
async fn listed(server: &Clients) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    macro_rules! count {
        ($service:ident.$list:ident($request:ident) $rows:ident, $name:literal by $filters:expr) => {
            for filter in $filters {
                let request = pb::$request { page_size: 200, filter: filter.clone(), ..Default::default() };
                let page = server.$service.clone().$list(request).await.expect($name).into_inner();
                assert_eq!(page.next_page_token, "", "more than a page of {filter}");
                let count = i64::try_from(page.$rows.len()).expect("few");
                counts.insert(format!("{} {filter}", $name), count);
            }
        };
    }
    let words = |names: Vec<&'static str>, prefix: &str| -> Vec<String> {
        names.into_iter().map(|it| format!("state = {}", it.trim_start_matches(prefix))).collect()
    };
    let of_orders = words(ORDERS.iter().map(pb::OrderState::as_str_name).collect(), "ORDER_STATE_");
    let marks = ["late = true", "on_hold = true", "open_change = DRAFT", "open_change = PROPOSED"];
    let of_orders = of_orders.into_iter().chain(marks.map(str::to_owned));
    count!(orders.list_orders(ListOrdersRequest) orders, "orders" by of_orders);
    let states = (1..).map_while(|it| pb::ShipmentState::try_from(it).ok());
    let of_shipments = words(states.map(|it| it.as_str_name()).collect(), "SHIPMENT_STATE_");
    let current = of_shipments.into_iter().map(|it| format!("{it} AND archived = false"));
    count!(shipping.list_shipments(ListShipmentsRequest) shipments, "shipments" by current);
    let of_returns = words(RETURNS.iter().map(pb::ReturnState::as_str_name).collect(), "RETURN_STATE_");
    count!(returns.list_returns(ListReturnsRequest) returns, "returns" by of_returns);
    let of_approvals = ["RESERVATION", "PAYMENT"].map(|it| format!("gate = {it} AND state = PENDING"));
    count!(approvals.list_approvals(ListApprovalsRequest) approvals, "approvals" by of_approvals);
    count!(orders.list_messages(ListMessagesRequest) messages, "letters" by ["state = FAILED".to_owned()]);
    let proposed = ["state = PROPOSED".to_owned()];
    count!(inventory.list_replenishments(ListReplenishmentsRequest) replenishments, "replenishments" by proposed);
    counts
}

/// The states that are counted.
const ORDERS: [pb::OrderState; 17] = [
    pb::OrderState::Received,
    pb::OrderState::Verified,
    pb::OrderState::AwaitingStock,
    pb::OrderState::Reserved,
    pb::OrderState::ReservationApproved,
    pb::OrderState::Invoiced,
    pb::OrderState::PaymentCaptured,
    pb::OrderState::PaymentApproved,
    pb::OrderState::Fulfilling,
    pb::OrderState::PartiallyShipped,
    pb::OrderState::Shipped,
    pb::OrderState::PartiallyDelivered,
    pb::OrderState::Delivered,
    pb::OrderState::Closed,
    pb::OrderState::Rejected,
    pb::OrderState::Cancelled,
    pb::OrderState::Expired,
];

const RETURNS: [pb::ReturnState; 7] = [
    pb::ReturnState::Requested,
    pb::ReturnState::Authorized,
    pb::ReturnState::InTransit,
    pb::ReturnState::PartiallyReceived,
    pb::ReturnState::Received,
    pb::ReturnState::Inspected,
    pb::ReturnState::Resolved,
];

/// The same counts, as the overview has them.
fn counted(it: &pb::Overview) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::from([
        ("orders late = true".to_owned(), it.late_count),
        ("orders on_hold = true".to_owned(), it.on_hold_count),
        ("letters state = FAILED".to_owned(), it.failed_letters.expect("a count").count),
        (
            "replenishments state = PROPOSED".to_owned(),
            it.stock.expect("a count").proposed_replenishment_count,
        ),
    ]);
    let mut add = |what: &str, word: &str, prefix: &str, more: &str, count: i64| {
        counts.insert(format!("{what} {}{more}", word.trim_start_matches(prefix)), count);
    };
    for count in &it.orders {
        add("orders state =", count.state().as_str_name(), "ORDER_STATE_", "", count.count);
    }
    for count in &it.changes {
        add("orders open_change =", count.state().as_str_name(), "ORDER_CHANGE_STATE_", "", count.count);
    }
    for count in &it.shipments {
        let word = count.state().as_str_name();
        add("shipments state =", word, "SHIPMENT_STATE_", " AND archived = false", count.count);
    }
    for count in &it.returns {
        add("returns state =", count.state().as_str_name(), "RETURN_STATE_", "", count.count);
    }
    for count in &it.approvals {
        let waiting = count.waiting.expect("a count").count;
        add("approvals gate =", count.gate().as_str_name(), "GATE_", " AND state = PENDING", waiting);
    }
    counts
}

/// What is there, by the overview and by the lists; only what there is any of.
async fn agreed(server: &Clients) -> (pb::Overview, BTreeMap<String, i64>) {
    // What happens by itself may come between: then both are asked again.
    for _ in 0..50 {
        let before = overview(server).await;
        let listed = listed(server).await;
        let after = overview(server).await;
        if counted(&before) == counted(&after) {
            assert_eq!(counted(&after), listed);
            return (after, listed.into_iter().filter(|it| it.1 > 0).collect());
        }
    }
    panic!("it never rests");
}

fn of(counts: &BTreeMap<String, i64>, what: &str) -> BTreeMap<String, i64> {
    let begins = format!("{what} ");
    let those = counts.iter().filter(|it| it.0.starts_with(&begins));
    those.map(|(name, count)| (name[begins.len()..].replace(" AND archived = false", ""), *count)).collect()
}

fn counts(expected: &[(&str, i64)]) -> BTreeMap<String, i64> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

on_both_engines!(each_count_follows_an_order_through_its_states, eventful, async |server| {
    let empty = overview(&server).await;
    assert!(counted(&empty).values().all(|it| *it == 0), "{empty:?}");
    assert_eq!((empty.orders.len(), empty.shipments.len(), empty.returns.len()), (17, 19, 7));
    assert_eq!((empty.placed_count, empty.delivered_count, empty.last_position), (0, 0, 0));

    stocked(&server, "O-1", 10).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, draft("ann", "O-1", 1)).await.expect("an order").id;
    let gone = create_order(&server, draft("gone", "O-1", 1)).await.expect("an order").id;
    let in_person = pb::Channel::InPerson as i32;
    let asks = pb::OrderDraft { channel: in_person, ..draft("ben", "O-1", 1) };
    create_order(&server, asks).await.expect("one that waits for an approval");
    let waits = pb::OrderDraft { on_shortage: pb::OnShortage::Wait as i32, ..draft("cyd", "O-1", 50) };
    let waits = create_order(&server, waits).await.expect("one that waits for stock").id;
    warehouse.until_quiet(&gone).await;
    let (seen, listed) = agreed(&server).await;
    let expected = [("state = AWAITING_STOCK", 1), ("state = INVOICED", 2), ("state = RESERVED", 1)];
    assert_eq!(of(&listed, "orders"), counts(&expected));
    assert_eq!(of(&listed, "approvals"), counts(&[("gate = RESERVATION AND state = PENDING", 1)]));
    assert_eq!((seen.placed_count, seen.delivered_count), (4, 0));
    let failed = seen.failed_letters.expect("a count");
    assert!(failed.count >= 2 && failed.oldest_time.is_some(), "{failed:?}");
    let asked = seen.approvals.iter().find_map(|it| it.waiting?.oldest_time).expect("one waits");
    assert!(Some(asked.seconds) <= seen.time.map(|it| it.seconds));

    // One is held, one is paid and sent, and is late on the way.
    let request = pb::PlaceHoldRequest {
        order_id: waits.clone(),
        reason: pb::HoldReason::CustomerRequest as i32,
        ..Default::default()
    };
    server.orders.clone().place_hold(by("clerk", request)).await.expect("held");
    pay_by_card(&server, &placed, "tok_success").await.expect("a payment");
    warehouse.ship_all(&placed).await;
    let (seen, listed) = agreed(&server).await;
    let expected = [
        ("on_hold = true", 1),
        ("state = AWAITING_STOCK", 1),
        ("state = INVOICED", 1),
        ("state = RESERVED", 1),
        ("state = SHIPPED", 1),
    ];
    assert_eq!(of(&listed, "orders"), counts(&expected));
    assert_eq!(of(&listed, "shipments"), counts(&[("state = PICKED_UP", 1)]));
    assert_eq!(seen.delivered_count, 0);

    let sent = order(&server, &placed).await;
    let promised = sent.promised_delivery_time.expect("a promise");
    let later = prost_types::Timestamp { seconds: promised.seconds + 9 * 86_400, ..promised };
    let report = pb::TrackingReport {
        status: pb::TrackingStatus::InTransit as i32,
        occurred_time: Some(in_seconds(60)),
        estimated_delivery_time: Some(later),
        ..Default::default()
    };
    let shipment_id = sent.shipment_ids[0].clone();
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment_id.clone(),
        events: vec![report],
        ..Default::default()
    };
    server.shipping.clone().record_tracking_events(by("courier", request)).await.expect("recorded");
    let (seen, listed) = agreed(&server).await;
    assert_eq!(of(&listed, "orders").get("late = true"), Some(&1), "{listed:?}");
    assert_eq!(seen.late_since_time, order(&server, &placed).await.slips[0].since_time);

    // It arrives, something of it is to go back, and its customer is asked whether the address may change.
    warehouse.deliver(&shipment_id).await;
    let line = pb::ReturnLineRequest {
        line_number: 1,
        quantity: 1,
        reason: pb::ReturnReason::Defective as i32,
        ..Default::default()
    };
    let request =
        pb::CreateReturnRequest { order_id: placed.clone(), lines: vec![line], ..Default::default() };
    let asked =
        server.returns.clone().create_return(by("clerk", request)).await.expect("asked for").into_inner();
    let item = pb::order_change_item::Item::SetQuantity(pb::SetLineQuantity { line_number: 1, quantity: 2 });
    let request = pb::CreateOrderChangeRequest {
        order_id: gone.clone(),
        items: vec![pb::OrderChangeItem { item: Some(item) }],
        reason: "by phone".to_owned(),
        ..Default::default()
    };
    let drafted = server.changes.clone().create_order_change(by("clerk", request)).await.expect("a change");
    let change_id = drafted.into_inner().change.expect("a change").id;
    let (seen, listed) = agreed(&server).await;
    assert_eq!(of(&listed, "orders").get("open_change = DRAFT"), Some(&1), "{listed:?}");
    assert_eq!(of(&listed, "returns"), counts(&[("state = REQUESTED", 1)]));
    assert_eq!(of(&listed, "shipments"), counts(&[("state = DELIVERED", 1)]));
    assert_eq!((seen.delivered_count, seen.late_count), (1, 0));
    let request = pb::ProposeOrderChangeRequest { order_id: gone.clone(), change_id, ..Default::default() };
    server.changes.clone().propose_order_change(by("clerk", request)).await.expect("proposed");
    let (_, listed) = agreed(&server).await;
    assert_eq!(of(&listed, "orders").get("open_change = PROPOSED"), Some(&1), "{listed:?}");
    assert_eq!(of(&listed, "orders").get("open_change = DRAFT"), None);

    // All of it ends, and goes to the archive.
    let return_id = asked.goods_return.expect("a return").id;
    let request = pb::DeclineReturnRequest { return_id, reason: "too late".to_owned(), ..Default::default() };
    server.returns.clone().decline_return(by("clerk", request)).await.expect("declined");
    for order_id in [&gone, &waits] {
        let reason = "changed their mind".to_owned();
        let request = pb::CancelOrderRequest { order_id: order_id.clone(), reason, ..Default::default() };
        server.orders.clone().cancel_order(by("clerk", request)).await.expect("cancelled");
    }
    warehouse.close(&placed).await;
    let (_, listed) = agreed(&server).await;
    let expected = [("state = CANCELLED", 2), ("state = CLOSED", 1), ("state = RESERVED", 1)];
    assert_eq!(of(&listed, "orders"), counts(&expected));
    warehouse.archive(&placed).await;
    let (seen, listed) = agreed(&server).await;
    assert_eq!(of(&listed, "orders"), counts(&[("state = CANCELLED", 2), ("state = RESERVED", 1)]));
    assert_eq!(of(&listed, "shipments"), counts(&[]));
    assert_eq!((seen.placed_count, seen.delivered_count), (4, 1), "the archive knows them");
    assert!(seen.last_position > 0);
    every_law_holds(&server).await;
    let work = overview(&server).await.work.expect("who asks is believed");
    assert!(work.check_time.is_some() && work.broken_count == 0, "{work:?}");
    server.stop().await;
});

on_both_engines!(what_waits_too_long_or_runs_short_is_counted, eventful, async |server| {
    stocked(&server, "O-2", 8).await;
    let rule = |reorder_point| pb::SetReorderRuleRequest {
        sku: "O-2".to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(pb::ReorderRule { reorder_point, order_up_to: 20, lead_time_days: 1 }),
        ..Default::default()
    };
    server.inventory.clone().set_reorder_rule(by("clerk", rule(8))).await.expect("a rule");
    let stock = async || overview(&server).await.stock.expect("who asks is believed");
    assert_eq!((stock().await.below_reorder_point_count, stock().await.proposed_replenishment_count), (0, 0));
    let in_person = pb::Channel::InPerson as i32;
    let asks = pb::OrderDraft { channel: in_person, ..draft("ben", "O-2", 1) };
    let asks = create_order(&server, asks).await.expect("one that waits for an approval").id;
    assert_eq!((stock().await.below_reorder_point_count, stock().await.proposed_replenishment_count), (1, 1));
    receive(&server, "O-2", LEIPZIG, 1).await;
    assert_eq!(stock().await.below_reorder_point_count, 0, "all of it is here again");

    let stuck = async || overview(&server).await.stuck;
    let begun = std::time::Instant::now();
    while stuck().await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is never stuck");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let [one] = stuck().await[..] else { panic!("one gate") };
    let waiting = one.waiting.expect("a count");
    assert_eq!((one.gate(), waiting.count), (pb::StuckGate::ReservationApproval, 1));
    let listed = server.orders.clone().list_stuck_orders(pb::ListStuckOrdersRequest::default()).await;
    assert_eq!(listed.expect("a list").into_inner().stuck_orders[0].since_time, waiting.oldest_time);
    let approval_id = order(&server, &asks).await.approvals[0].id.clone();
    let request = pb::ApproveRequestRequest { approval_id, ..Default::default() };
    server.approvals.clone().approve_request(by("amira", request)).await.expect("approved");
    assert!(stuck().await.is_empty());

    // The provider has charged and not said so: the payment is asked about again in a while.
    pay_by_card(&server, &asks, "tok_timeout").await.expect("a payment under way");
    let unanswered = overview(&server).await.unanswered_payments.expect("who asks is believed");
    assert!(unanswered.count == 1 && unanswered.oldest_time.is_some(), "{unanswered:?}");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_is_new_is_counted_since_the_time_that_is_asked_for, async |server| {
    stocked(&server, "O-3", 8).await;
    create_order(&server, draft("ann", "O-3", 1)).await.expect("an order");
    let since = async |since_time| {
        let request = pb::GetOverviewRequest { since_time, with_series: false };
        server.orders.clone().get_overview(request).await.map(|it| it.into_inner().overview.unwrap())
    };
    assert_eq!(since(Some(in_seconds(-60))).await.expect("an overview").placed_count, 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let now = since(Some(in_seconds(0))).await.expect("an overview");
    assert_eq!((now.placed_count, now.orders.iter().map(|it| it.count).sum::<i64>()), (0, 1));
    let today = since(None).await.expect("an overview");
    assert_eq!(today.since_time.expect("a time").seconds % 86_400, 0);
    for wrong in [in_seconds(60), in_seconds(-7 * 86_400 - 60)] {
        let refused = since(Some(wrong)).await.expect_err("too far away");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        assert!(refused.message().contains("since_time"), "{refused:?}");
    }
    server.stop().await;
});

on_both_engines!(how_the_last_weeks_went_is_told_to_who_asks_for_it, async |server| {
    stocked(&server, "O-4", 10).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, draft("ann", "O-4", 3)).await.expect("an order").id;
    create_order(&server, draft("ben", "O-4", 1)).await.expect("an order");
    pay_by_card(&server, &placed, "tok_success").await.expect("a payment");
    warehouse.deliver_all(&placed).await;
    let delivered = order(&server, &placed).await;
    let promised = delivered.promised_delivery_time.expect("a promise");
    assert!(delivered.deliver_time.expect("it is there").seconds < promised.seconds);

    assert_eq!(overview(&server).await.series, None, "nobody has asked for it");
    let request = pb::GetOverviewRequest { since_time: None, with_series: true };
    let told = server.orders.clone().get_overview(request).await.expect("an overview").into_inner();
    let series = told.overview.and_then(|it| it.series).expect("it was asked for");
    assert_eq!((series.placed_days.len(), series.promise_weeks.len()), (30, 12));
    // The order may have come in before midnight.
    assert_eq!(series.placed_days.iter().rev().take(2).map(|it| it.count).sum::<i64>(), 2);
    assert_eq!(series.placed_days.iter().map(|it| it.count).sum::<i64>(), 2);
    let weeks = series.promise_weeks.iter().rev().take(2);
    let (delivered, kept) = weeks.fold((0, 0), |sum, it| (sum.0 + it.delivered_count, sum.1 + it.kept_count));
    assert_eq!((delivered, kept), (1, 1), "{:?}", series.promise_weeks);
    let cover = pb::StockCover { sku: "O-4".to_owned(), free: 6, ordered: 4, days_left: 10.5 };
    assert_eq!(series.stock_covers, [cover]);
    every_law_holds(&server).await;
    server.stop().await;
});

fn of_roles(settings: &mut Settings) {
    for (name, role) in [("reader", Role::Reader), ("finance", Role::Finance), ("monitor", Role::Monitor)] {
        let sha256 = vec![KeyHash::of(&format!("consign_{name}"))];
        let known = KeySettings { sha256, roles: vec![role.into()], expires: None, names_persons: false };
        settings.access.keys.insert(name.to_owned(), known);
    }
    let sha256 = vec![KeyHash::of(ADMIN)];
    let admin = KeySettings { sha256, roles: vec![Role::Admin.into()], expires: None, names_persons: false };
    settings.access.keys.insert("admin".to_owned(), admin);
}

on_both_engines!(a_part_that_a_caller_may_not_see_is_left_out, of_roles, async |server| {
    let ask = async |key: &str| {
        let request: Request<_> = with_key(key, pb::GetOverviewRequest::default());
        server.orders.clone().get_overview(request).await.map(|it| it.into_inner().overview.unwrap())
    };
    for (key, expected) in [
        (ADMIN, [true, true, true]),
        ("consign_reader", [false, true, false]),
        ("consign_finance", [true, false, false]),
    ] {
        let pb::Overview { unanswered_payments, stock, work, orders, .. } = ask(key).await.expect(key);
        assert_eq!([unanswered_payments.is_some(), stock.is_some(), work.is_some()], expected, "{key}");
        assert_eq!(orders.len(), 17);
    }
    let refused = ask("consign_monitor").await.expect_err("it sees no orders");
    assert_eq!(refused.code(), Code::PermissionDenied);
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_printed_by_commands_on_sqlite() {
    commands(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_printed_by_commands_on_postgres() {
    commands(Engine::Postgres).await;
}

fn told(output: &Output) -> (Option<i32>, Vec<String>) {
    let text = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), text.lines().map(str::to_owned).collect())
}

async fn commands(engine: Engine) {
    let Some(mut site) = Site::prepare(engine).await else { return };
    site.set("CONSIGN_RULES__STUCK_AFTER_SECONDS__PAYMENT", 1);
    let server = site.start().await;
    let address = server.address.to_string();
    let clients = Clients::over(server.channel());
    stocked(&clients, "P-1", 9).await;
    let first = create_order(&clients, draft("ann", "P-1", 1)).await.expect("an order");
    let second = create_order(&clients, draft("ben", "P-1", 2)).await.expect("an order");
    let run = |arguments: &[&str]| told(&site.run(&[arguments, &["--address", &address]].concat()));

    let (code, lines) = run(&["orders"]);
    assert_eq!((code, lines.len()), (Some(0), 3), "{lines:#?}");
    assert!(lines[0].starts_with("ORDER ") && lines[1].starts_with(&second.number), "{lines:#?}");
    assert!(lines[2].contains(" INVOICED ") && lines[2].contains(" UNPAID "), "{lines:#?}");
    let filter = format!("number = {}", first.number);
    let (code, lines) = run(&["orders", "--filter", &filter, "--json"]);
    let found: Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!((code, lines.len(), found["id"].as_str()), (Some(0), 1, Some(first.id.as_str())));
    assert_eq!(found["customer"]["name"], "Buyer ann");
    assert_eq!(run(&["orders", "--limit", "1", "--json"]).1.len(), 1);
    assert_eq!(
        run(&["orders", "--filter", "state = DELIVERED"]),
        (Some(0), Vec::new()),
        "no head of nothing"
    );
    assert_eq!(run(&["orders", "--filter", "colour = blue"]).0, Some(2));

    let (code, lines) = run(&["timeline", &first.number]);
    assert_eq!((code, lines.len()), (Some(0), 21), "{lines:#?}");
    assert!(lines[0].starts_with(&format!("Order {} — INVOICED, waits for ", first.number)), "{lines:#?}");
    let (_, lines) = run(&["timeline", &first.id, "--json"]);
    let found: Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!(found["steps"].as_array().map(Vec::len), Some(20));
    assert_eq!(run(&["timeline", "999999"]).0, Some(2));

    let begun = std::time::Instant::now();
    let stuck = loop {
        let (code, lines) = run(&["stuck"]);
        assert_eq!(code, Some(0));
        if lines.len() == 3 {
            break lines;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "never stuck: {lines:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(stuck[1].starts_with(&first.number) && stuck[1].contains(" PAYMENT "), "{stuck:#?}");
    let (_, lines) = run(&["stuck", "--limit", "1", "--json"]);
    let found: Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!((lines.len(), &found["gate"]), (1, &Value::from("STUCK_GATE_PAYMENT")));

    let (code, lines) = run(&["overview"]);
    assert_eq!(code, Some(0));
    let count = |what: &str| {
        let line = lines.iter().find_map(|it| it.strip_prefix(what)?.split_whitespace().next());
        line.map(str::to_owned)
    };
    assert_eq!(
        (count("orders placed today"), count("orders INVOICED")),
        (Some("2".into()), Some("2".into()))
    );
    assert_eq!(count("orders stuck at PAYMENT"), Some("2".into()), "{lines:#?}");
    let (_, lines) = run(&["overview", "--json"]);
    let found: Value = serde_json::from_str(&lines[0]).expect("an object");
    let last = found["last_position"].as_i64().expect("a position");
    assert_eq!((lines.len(), found["placed_count"].as_i64()), (1, Some(2)));

    let (code, lines) = run(&["events"]);
    assert!(
        code == Some(0) && lines.len() as i64 >= last && lines[0].contains("ORDER_RECEIVED"),
        "{lines:#?}"
    );
    assert_eq!(run(&["events", "--after", "999999"]).0, Some(2));
    follow(&site, &address, &clients, last).await;
    let nobody = told(&site.run(&["overview", "--address", "127.0.0.1:1"]));
    assert_eq!(nobody, (Some(2), Vec::new()));
    assert_eq!(site.broken_laws(), "");
}

/// Each event comes while the command waits; it ends when nobody reads it any more, and with the server.
async fn follow(site: &Site, address: &str, clients: &Clients, last: i64) {
    let mut following = Command::new(env!("CARGO_BIN_EXE_consign"))
        .args(["events", "--follow", "--json", "--after", &last.to_string(), "--address", address])
        .current_dir(site.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(following.stdout.take().expect("its output"));
    let (sender, mut events) = tokio::sync::mpsc::channel(1_000);
    let reading = std::thread::spawn(move || {
        for line in lines.lines() {
            let line = line.expect("a line");
            let event: Value = serde_json::from_str(&line).expect("an object");
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    let third = create_order(clients, draft("cyd", "P-1", 1)).await.expect("an order");
    let mut position = last;
    loop {
        let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await;
        let event = event.expect("it comes by itself").expect("it goes on");
        let next = event["position"].as_i64().expect("a position");
        assert_eq!(next, position + 1, "none is missing");
        position = next;
        if event["order_id"] == third.id.as_str() {
            break;
        }
    }
    // Its pipe is closed: the next event ends it.
    drop(events);
    create_order(clients, draft("dan", "P-1", 1)).await.expect("an order");
    reading.join().expect("no panic");
    create_order(clients, draft("eve", "P-1", 1)).await.expect("an order");
    let ended = tokio::task::spawn_blocking(move || following.wait());
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it ends");
    assert!(ended.expect("no panic").expect("an end").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_a_certificate_where_one_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = TestServer::start_secret(with_tls(folder.path(), true)).await;
    let address = format!("https://localhost:{}", server.server.address.port());
    let root = std::env::current_dir().expect("a folder");
    let tls = |name: &str| root.join("tests/it/tls").join(name).to_str().expect("a path").to_owned();
    let authority = root.join(AUTHORITY).to_str().expect("a path").to_owned();
    let rows = folder.path().join("p.csv");
    std::fs::write(&rows, "sku,name\nT-1,Cup\n").expect("a file");
    let rows = rows.to_str().expect("a path").to_owned();
    let (certificate, key) = (tls("client.pem"), tls("client.key.pem"));
    let shown = ["--client-certificate", &certificate, "--client-key", &key];
    let run = async |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let running = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
            command.args(&arguments).stdin(Stdio::null()).output().expect("it runs")
        });
        running.await.expect("no panic").status.code()
    };
    for (command, failed) in [
        (vec!["overview", "--address", &address], 2),
        (vec!["import", "products", &rows, "--address", &address], 2),
        (vec!["healthcheck", "--target", &address], 1),
    ] {
        let command = [&command[..], &["--ca-file", &authority]].concat();
        assert_eq!(run(&[&command[..], &shown].concat()).await, Some(0), "{command:?}");
        assert_eq!(run(&command).await, Some(failed), "{command:?}");
        let wrong = ["--client-certificate", &key, "--client-key", &certificate];
        assert_eq!(run(&[&command[..], &wrong].concat()).await, Some(failed), "{command:?}");
    }
    let half = ["overview", "--address", &address, "--client-key", &key];
    assert_eq!(run(&half).await, Some(2), "a key without its certificate");
}
