//! What orders are found by: people whatever their case, products, money, holds, steps and times.

use consign::pb;
use tonic::Status;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, order, pay_by_card, stocked};

/// A page of orders.
async fn page(server: &TestServer, request: pb::ListOrdersRequest) -> Result<pb::ListOrdersResponse, Status> {
    Ok(server.orders.clone().list_orders(request).await?.into_inner())
}

/// All that a filter finds, page by page, in the order of the list.
async fn found(server: &TestServer, filter: &str, show_archived: bool) -> Vec<String> {
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListOrdersRequest {
            page_size: 1,
            filter: filter.to_owned(),
            page_token,
            show_archived,
            view: pb::OrderView::Basic as i32,
            ..Default::default()
        };
        let answer = page(server, request).await.expect(filter);
        ids.extend(answer.orders.into_iter().map(|it| it.id));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return ids;
        }
    }
}

fn customer(name: &str, email: &str, phone: &str) -> Option<pb::Customer> {
    Some(pb::Customer {
        name: name.to_owned(),
        email: email.to_owned(),
        phone: phone.to_owned(),
        ..Default::default()
    })
}

/// A paid one, one on hold, and one in the archive.
async fn three_orders(server: &TestServer) -> [String; 3] {
    stocked(server, "F-1", 50).await;
    stocked(server, "F-2", 50).await;
    let paid = pb::OrderDraft {
        customer: customer("Anna Müller", "Anna.Mueller@Example.com", "030 901820"),
        ..draft("a", "F-1", 1)
    };
    let paid = create_order(server, paid).await.expect("an order").id;
    pay_by_card(server, &paid, "tok_success").await.expect("a payment");
    let mut held = pb::OrderDraft {
        customer: customer("ANNEGRET Strauß", "annegret@example.com", ""),
        ..draft("b", "F-1", 2)
    };
    held.lines.push(pb::OrderLineDraft { sku: "F-2".to_owned(), quantity: 1, ..Default::default() });
    held.lines.push(pb::OrderLineDraft { sku: "F-2".to_owned(), quantity: 2, ..Default::default() });
    let held = create_order(server, held).await.expect("an order").id;
    let hold = pb::PlaceHoldRequest {
        order_id: held.clone(),
        reason: pb::HoldReason::CustomerRequest as i32,
        ..Default::default()
    };
    server.orders.clone().place_hold(by("clerk", hold)).await.expect("a hold");
    let gone = create_order(server, draft("c", "F-1", 3)).await.expect("an order").id;
    let (order_id, reason) = (gone.clone(), "no longer wanted".to_owned());
    let cancel = pb::CancelOrderRequest { order_id, reason, ..Default::default() };
    server.orders.clone().cancel_order(by("clerk", cancel)).await.expect("cancelled");
    archive(server, &gone).await;
    [paid, held, gone]
}

/// Once its letters are gone.
async fn archive(server: &TestServer, id: &str) {
    for _ in 0..200 {
        let request = pb::ArchiveOrderRequest { order_id: id.to_owned(), ..Default::default() };
        match server.orders.clone().archive_order(by("clerk", request)).await {
            Ok(_) => return,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    panic!("{id} is never archived");
}

on_both_engines!(an_order_is_found_by_whatever_is_known_of_it, async |server| {
    let [paid, held, gone] = three_orders(&server).await;
    let (a, b, c) = (paid.as_str(), held.as_str(), gone.as_str());
    let nobody: &[&str] = &[];
    let filters: &[(&str, &[&str])] = &[
        ("customer_email = ANNA.mueller@example.COM", &[a]),
        ("customer_email = mueller@example.com", nobody),
        ("customer_email IN (annegret@Example.com, Anna.Mueller@example.com, ANNEGRET@example.com)", &[b, a]),
        ("customer_email != annegret@EXAMPLE.com", &[a]),
        ("customer_name = \"anna MU\u{308}LLER\"", &[a]),
        ("customer_name = \"Annegret STRAUSS\"", &[b]),
        ("customer_name = Anna", nobody),
        ("customer_name = ann*", &[a, b]),
        ("customer_name = \"ANNA M*\"", &[a]),
        ("customer_name = bob*", nobody),
        ("customer_name IN (\"anna müller\", bob)", &[a]),
        ("customer_phone = \"+49 (30) 90 18-20\"", &[a]),
        ("customer_phone = \"0049 30 901820\"", &[a]),
        ("customer_phone = \"+49 30 901821\"", nobody),
        ("sku = F-1", &[b, a]),
        ("sku = F-2", &[b]),
        ("sku = F-3", nobody),
        ("sku IN (F-1, F-2, F-2)", &[b, a]),
        ("sku != F-2", &[a]),
        ("payment_status = paid", &[a]),
        ("payment_status IN (PAYMENT_STATUS_PAID, unpaid)", &[b, a]),
        ("payment_status = REFUNDED", nobody),
        ("payment_status != UNPAID", &[a]),
        ("fulfillment_status = FULFILLMENT_STATUS_IN_PREPARATION", &[a]),
        ("fulfillment_status = DELIVERED", nobody),
        ("next_step = prepare_order", &[a]),
        ("next_step = CAPTURE_PAYMENT", &[b]),
        ("next_step = STEP_UNSPECIFIED", nobody),
        ("next_step != PREPARE_ORDER", &[b]),
        ("on_hold = true", &[b]),
        ("on_hold = false", &[a]),
        ("hold_reason = CUSTOMER_REQUEST", &[b]),
        ("hold_reason IN (OTHER, hold_reason_customer_request)", &[b]),
        ("hold_reason = OTHER", nobody),
        ("late = true", nobody),
        ("late = false", &[b, a]),
        ("create_time >= 2020-01-01 AND create_time != 2020-01-01", &[b, a]),
        ("create_time < 2020-01-01", nobody),
        ("update_time = 2020-01-01", nobody),
        ("sku = F-1 AND sku = F-2", &[b]),
        ("sku = F-1 AND hold_reason = CUSTOMER_REQUEST AND payment_status = UNPAID", &[b]),
        (
            "state = FULFILLING AND sku IN (F-1, F-2) AND payment_status = PAID AND customer_name = \"anna*\" \
             AND on_hold = false AND update_time > 2020-01-01",
            &[a],
        ),
        ("customer_email = anna.mueller@example.com AND sku = F-2", nobody),
    ];
    for (filter, expected) in filters {
        assert_eq!(found(&server, filter, false).await, *expected, "{filter}");
    }

    // The same filters find what is archived, if that is asked for.
    for (filter, expected) in [
        ("sku = F-1", &[c, b, a][..]),
        ("sku = F-1 AND archived = true", &[c]),
        ("customer_name = \"BUYER*\"", &[c]),
        ("customer_email = C@example.com", &[c]),
        ("fulfillment_status = CANCELLED", &[c]),
        ("next_step = UNSPECIFIED", &[c]),
        ("on_hold = false", &[c, a]),
        ("sku IN (F-1, F-2) AND state != ARCHIVED", &[b, a]),
    ] {
        assert_eq!(found(&server, filter, true).await, expected, "{filter}");
    }

    // The newest change first.
    let hold_id = order(&server, b).await.holds[0].id.clone();
    let release = pb::ReleaseHoldRequest { order_id: b.to_owned(), hold_id, ..Default::default() };
    server.orders.clone().release_hold(by("clerk", release)).await.expect("released");
    let since = order(&server, b).await.update_time.expect("a time");
    let since = time::OffsetDateTime::from_unix_timestamp(since.seconds).expect("a time").date();
    let changed = found(&server, &format!("update_time >= {since} AND customer_name = ann*"), false).await;
    assert_eq!(changed.len(), 2);
    assert_eq!(found(&server, "update_time >= 2020-01-01", true).await[0], b);
    assert!(found(&server, "on_hold = true", true).await.is_empty());
    assert!(found(&server, "hold_reason = CUSTOMER_REQUEST", true).await.is_empty());
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_is_wrong_with_a_filter_is_quoted_with_its_place, async |server| {
    for (filter, told) in [
        ("colour = red", "`colour` at character 1 is no field; orders can be filtered by state, channel,"),
        (
            "number = 1 AND payment_status = PAYED",
            "payment_status `PAYED` at character 33 must be one of UNPAID,",
        ),
        ("state IN (INVOICED, SENT)", "state `SENT` at character 21 must be one of RECEIVED,"),
        (
            "customer_phone = Anna",
            "customer_phone `Anna` at character 18 must be a phone number with its country code",
        ),
        ("customer_name = \"*\"", "customer_name `*` at character 17 must have a letter before the *"),
        ("customer_name IN (anna, bob*)", "customer_name `bob*` at character 25 can only be compared with ="),
        (
            "update_time = soon",
            "update_time `soon` at character 15 must be a time like 2026-01-31T12:00:00Z, or a date",
        ),
        ("update_time = 2026-02-30", "update_time `2026-02-30` at character 15 must be a time like"),
        (
            "update_time IN (2026-02-20)",
            "update_time at character 1 can only be compared with =, !=, <, <=, > and >=",
        ),
        ("sku < A", "sku at character 1 can only be compared with =, != and IN"),
        ("on_hold = perhaps", "on_hold `perhaps` at character 11 must be one of FALSE, TRUE"),
        ("late = perhaps", "late `perhaps` at character 8 must be one of FALSE, TRUE"),
        ("state = A B", "expected AND before `B`, at character 11"),
    ] {
        let request = pb::ListOrdersRequest { filter: filter.to_owned(), ..Default::default() };
        let refused = page(&server, request).await.expect_err(filter);
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().contains(told), "{filter}: {}", refused.message());
    }
    server.stop().await;
});
