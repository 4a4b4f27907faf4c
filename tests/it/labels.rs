//! Labels of orders, products and customers, and notes on orders.

use std::collections::BTreeMap;

use consign::pb;
use tonic::{Code, Status};

use crate::server::{TestServer, on_both_engines};
use crate::shop::{by, create_order, create_product, draft, every_law_holds, order, reason, stocked};

fn labels(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn set(
    server: &TestServer,
    order_id: &str,
    all: &[(&str, &str)],
    etag: &str,
) -> Result<pb::Order, Status> {
    let request = pb::SetOrderLabelsRequest {
        order_id: order_id.to_owned(),
        labels: labels(all),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = server.orders.clone().set_order_labels(by("clerk", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn note(server: &TestServer, order_id: &str, text: &str, etag: &str) -> Result<pb::Order, Status> {
    let request = pb::AddOrderNoteRequest {
        order_id: order_id.to_owned(),
        text: text.to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = server.orders.clone().add_order_note(by("clerk", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn orders(server: &TestServer, filter: &str) -> Vec<String> {
    let request =
        pb::ListOrdersRequest { filter: filter.to_owned(), show_archived: true, ..Default::default() };
    let answer = server.orders.clone().list_orders(request).await.expect(filter).into_inner();
    answer.orders.into_iter().map(|it| it.id).collect()
}

async fn customers(server: &TestServer, filter: &str) -> Vec<String> {
    let request = pb::ListCustomersRequest { filter: filter.to_owned(), ..Default::default() };
    let answer = server.customers.clone().list_customers(request).await.expect(filter).into_inner();
    answer.customers.into_iter().map(|it| it.id).collect()
}

async fn products(server: &TestServer, filter: &str) -> Vec<String> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListProductsRequest {
            page_size: 1,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let answer = server.inventory.clone().list_products(request).await.expect(filter).into_inner();
        found.extend(answer.products.into_iter().map(|it| it.sku));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

on_both_engines!(orders_are_found_by_their_labels, async |server| {
    stocked(&server, "L-1", 10).await;
    let fair = pb::OrderDraft {
        labels: labels(&[("source", "fair"), ("team.eu", "blue"), ("gift-wrap", "")]),
        ..draft("ada", "L-1", 1)
    };
    let first = create_order(&server, fair.clone()).await.expect("an order");
    assert_eq!(first.labels, fair.labels);
    let second = create_order(&server, draft("bob", "L-1", 1)).await.expect("an order");
    let shown = set(&server, &second.id, &[("source", "web"), ("team.eu", "blue")], &second.etag).await;
    assert_eq!(shown.expect("labels").labels, labels(&[("source", "web"), ("team.eu", "blue")]));
    let (a, b) = (first.id.as_str(), second.id.as_str());
    let nobody: &[&str] = &[];
    for (filter, expected) in [
        ("labels.source = fair", &[a][..]),
        ("labels.source = Fair", nobody),
        ("labels.source = \"\"", nobody),
        ("labels.source != fair", &[b]),
        ("labels.source IN (fair, web)", &[b, a]),
        ("labels.source:*", &[b, a]),
        ("labels.gift-wrap:*", &[a]),
        ("labels.gift-wrap = \"\"", &[a]),
        ("labels.colour:*", nobody),
        ("labels.team.eu = blue AND labels.source = web AND sku = L-1", &[b]),
        ("archived = false AND labels.team.eu = blue", &[b, a]),
    ] {
        assert_eq!(orders(&server, filter).await, expected, "{filter}");
    }

    // As a whole, and only as last seen.
    let stale = set(&server, a, &[("x", "y")], "v0").await.expect_err("another version");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    set(&server, a, &[("source", "web")], "").await.expect("labels");
    assert_eq!(orders(&server, "labels.source = web").await, [b, a]);
    assert!(orders(&server, "labels.gift-wrap:*").await.is_empty());
    let request = pb::UpdateOrderRequest {
        order_id: a.to_owned(),
        order: Some(pb::OrderDraft { labels: labels(&[("source", "mail")]), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] }),
        ..Default::default()
    };
    server.orders.clone().update_order(by("clerk", request)).await.expect("corrected");
    assert_eq!(orders(&server, "labels.source = mail").await, [a]);

    let many: Vec<String> = (0..33).map(|it| format!("k{it}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|it| (it.as_str(), "")).collect();
    for (given, told) in [
        (&[("Team", "x"), ("ok", "a\nb")][..], "key `Team` must be 1 to 63 of a-z, 0-9"),
        (&[("Team", "x"), ("ok", "a\nb")], "labels.ok: must not contain line breaks"),
        (&many, "must have at most 32 labels"),
    ] {
        let refused = set(&server, a, given, "").await.expect_err(told);
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(told), "{refused:?}");
    }
    let request = pb::ListOrdersRequest { filter: "labels.A:*".to_owned(), ..Default::default() };
    let refused = server.orders.clone().list_orders(request).await.expect_err("no key");
    assert!(refused.message().contains("`A` at character 1 is no key of a label"), "{refused:?}");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(customers_are_found_by_their_labels, async |server| {
    let mut made = Vec::new();
    for tier in ["gold", "plain", "gold"] {
        let customer = pb::CustomerAccount {
            contact: draft("ada", "L-1", 1).customer,
            labels: labels(&[("tier", tier)]),
            ..Default::default()
        };
        let request = pb::CreateCustomerRequest { customer: Some(customer.clone()), ..Default::default() };
        let answer = server.customers.clone().create_customer(by("clerk", request)).await;
        let kept = answer.expect("a customer").into_inner().customer.expect("a customer");
        assert_eq!(kept.labels, customer.labels);
        made.push(kept.id);
    }
    let [first, second, third] = [0, 1, 2].map(|it| made[it].as_str());
    assert_eq!(customers(&server, "labels.tier = gold").await, [third, first]);
    assert_eq!(customers(&server, "labels.tier IN (plain, gold)").await, [third, second, first]);
    assert_eq!(customers(&server, "labels.tier:* AND blocked = false").await, [third, second, first]);
    assert_eq!(customers(&server, "labels.tier != gold").await, [second]);

    let update = |labels: BTreeMap<String, String>| pb::UpdateCustomerRequest {
        customer: Some(pb::CustomerAccount { id: first.to_owned(), labels, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] }),
        ..Default::default()
    };
    let changed = update(labels(&[("sale", "")]));
    server.customers.clone().update_customer(by("clerk", changed)).await.expect("corrected");
    assert_eq!(customers(&server, "labels.tier = gold").await, [third]);
    assert_eq!(customers(&server, "labels.sale:*").await, [first]);
    let bad = update(labels(&[("A", ""), ("b", &"x".repeat(64))]));
    let refused =
        server.customers.clone().update_customer(by("clerk", bad)).await.expect_err("two bad labels");
    assert!(refused.message().contains("customer.labels: key `A`"), "{refused:?}");
    assert!(refused.message().contains("customer.labels.b: must be at most 63 characters"), "{refused:?}");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(products_are_found_by_their_labels, async |server| {
    create_product(&server, "P-0", 1_000).await;
    for (sku, season) in [("P-1", "summer"), ("P-2", "winter"), ("P-3", "summer")] {
        let product = pb::Product {
            sku: sku.to_owned(),
            name: sku.to_owned(),
            labels: labels(&[("season", season)]),
            ..Default::default()
        };
        let request = pb::CreateProductRequest { product: Some(product.clone()), ..Default::default() };
        let answer = server.inventory.clone().create_product(by("clerk", request)).await.expect("a product");
        assert_eq!(answer.into_inner().product.expect("a product").labels, product.labels);
    }
    assert_eq!(products(&server, "labels.season = summer").await, ["P-1", "P-3"]);
    assert_eq!(products(&server, "labels.season IN (winter, summer)").await, ["P-1", "P-2", "P-3"]);
    assert_eq!(products(&server, "labels.season:* AND active = true").await, ["P-1", "P-2", "P-3"]);
    assert_eq!(products(&server, "labels.season != summer").await, ["P-0", "P-2"]);

    let product =
        pb::Product { sku: "P-1".to_owned(), labels: labels(&[("sale", "")]), ..Default::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] });
    let request =
        pb::UpdateProductRequest { product: Some(product.clone()), update_mask, ..Default::default() };
    server.inventory.clone().update_product(by("clerk", request)).await.expect("corrected");
    assert_eq!(products(&server, "labels.season = summer").await, ["P-3"]);
    assert_eq!(products(&server, "labels.sale:*").await, ["P-1"]);
    let bad = pb::Product { labels: labels(&[("A", ""), ("b", &"x".repeat(64))]), ..product };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] });
    let request = pb::UpdateProductRequest { product: Some(bad), update_mask, ..Default::default() };
    let refused =
        server.inventory.clone().update_product(by("clerk", request)).await.expect_err("bad labels");
    assert!(refused.message().contains("product.labels: key `A`"), "{refused:?}");
    assert!(refused.message().contains("product.labels.b: must be at most 63 characters"), "{refused:?}");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_note_is_shown_with_its_author_and_is_only_added, async |server| {
    stocked(&server, "N-1", 10).await;
    let id = create_order(&server, draft("ada", "N-1", 1)).await.expect("an order").id;
    let request = pb::AddOrderNoteRequest {
        order_id: id.clone(),
        text: "rang at noon,\nwants it on Friday".to_owned(),
        request_id: "note of the clerk".to_owned(),
        ..Default::default()
    };
    for _ in 0..2 {
        server.orders.clone().add_order_note(by("clerk", request.clone())).await.expect("a note");
    }
    let notes = order(&server, &id).await.notes;
    assert_eq!(notes.len(), 1, "a repeat adds none");
    assert_eq!((notes[0].author.as_str(), notes[0].text.as_str()), ("clerk", request.text.as_str()));
    assert!(notes[0].create_time.is_some());
    for (text, told) in [
        (" ", "text: is required"),
        (&*"x".repeat(1_001), "text: must be at most 1000 characters"),
        ("4111 1111 1111 1111", "text: looks like a card number"),
    ] {
        let refused = note(&server, &id, text, "").await.expect_err(told);
        assert!(refused.code() == Code::InvalidArgument && refused.message().contains(told), "{refused:?}");
    }
    let key = pb::get_order_timeline_request::Key::OrderId(id);
    let request = pb::GetOrderTimelineRequest { key: Some(key) };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    let events = timeline.timeline.expect("a timeline").events;
    assert!(events.iter().any(|it| it.r#type == "ORDER_NOTE_ADDED"));
    assert!(events.iter().all(|it| !it.summary.contains("Friday")));
    every_law_holds(&server).await;
    server.stop().await;
});

/// Labels are set in every state, and a note is added in every state but in the archive.
pub(crate) async fn annotate(server: &TestServer, before: &pb::Order) {
    let state = before.state();
    let mismatch = (Code::Aborted, "ETAG_MISMATCH".to_owned());
    for stale in [
        set(server, &before.id, &[("walked", "yes")], "v0").await.expect_err("another version"),
        note(server, &before.id, "seen", "v0").await.expect_err("another version"),
    ] {
        assert_eq!((stale.code(), reason(&stale)), mismatch, "{state:?}");
    }
    let labelled = set(server, &before.id, &[("walked", "yes")], &before.etag).await;
    let labelled = labelled.unwrap_or_else(|it| panic!("labels in {state:?}: {it:?}"));
    assert_eq!(labelled.state(), state);
    match (state, note(server, &before.id, "seen", &labelled.etag).await) {
        (pb::OrderState::Archived, Err(refused)) => {
            assert_eq!(reason(&refused), "ILLEGAL_TRANSITION", "{refused:?}");
        }
        (_, noted) => {
            let noted = noted.unwrap_or_else(|it| panic!("a note in {state:?}: {it:?}"));
            assert_eq!((noted.state(), noted.notes.len()), (state, 1));
            assert_ne!(state, pb::OrderState::Archived);
        }
    }
}

/// Neither is for an order that nobody has.
pub(crate) async fn annotate_nobody(server: &TestServer, id: &str) {
    for refused in [
        set(server, id, &[], "").await.expect_err("no such order"),
        note(server, id, "seen", "").await.expect_err("no such order"),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOT_FOUND"));
    }
}
