//! What is read is what was stored.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{
    self, Method, NewPayment, OnShortage, Order, OrderState, Part, ProviderAnswer, ProviderRequest, Refusal,
    Timestamp, Unsent,
};
use crate::store::Among;
use crate::store::connection::error::StoreError;
use crate::store::query::feed::EventFilter;
use crate::store::query::listing::{Compare, Direction, Listing, Term};
use crate::store::query::series::LastCount;
use crate::store::rows::document;
use crate::store::tests::shop::{Scene, create_order, on_both_engines, on_order, order_for, sku};

on_both_engines! {
    an_order_is_stored_whole
    what_is_remembered_of_an_order_is_what_is_stored
    an_archived_order_is_found_as_before
    an_order_of_a_list_is_not_remembered
    lists_go_page_by_page
    the_feed_is_read_from_a_position
    how_the_weeks_went_is_not_counted_again_at_once_after_a_failure
}

async fn an_order_is_stored_whole(scene: &Scene) {
    scene.stocked(&["A-1", "A-2"], 10).await;
    let new = order_for(&[("A-1", 2), ("A-2", 1)], OnShortage::Refuse);
    let (number, id, _) = create_order(&scene.store, None, new).await.expect("an order");

    let order = scene.store.order(id).await.expect("a look").expect("the order");
    assert_eq!(order.number, number);
    assert_eq!(order.lines.len(), 2);
    assert_eq!(scene.units("A-1").await, (10, 2));
    assert_eq!(scene.store.order_by_number(number).await.expect("a look"), Some(order.clone()));
    let events = scene.store.events_of(id).await.expect("a look");
    let sequences: Vec<_> = events.iter().map(|it| it.1.sequence).collect();
    assert_eq!(sequences, (1..=order.last_event).collect::<Vec<_>>());
}

async fn what_is_remembered_of_an_order_is_what_is_stored(scene: &Scene) {
    scene.stocked(&["A-1", "A-2"], 10).await;
    let new = order_for(&[("A-1", 2), ("A-2", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");
    let asking = NewPayment {
        method: Method::Card,
        token: "tok_success".to_owned(),
        amount: None,
        request: ProviderRequest::Charge,
        provider: "test".to_owned(),
    };
    on_order(&scene.store, id, move |order, unit| order.begin_payment(unit, &asking).map(|_| ())).await;
    let other = scene.another().await;
    assert_eq!(scene.store.order(id).await.expect("a look"), other.order(id).await.expect("a look"));

    on_order(&other, id, |order, unit| {
        let payment = order.payments[0].id;
        order
            .answer_payment(unit, payment, ProviderRequest::Charge, &ProviderAnswer::Done("ref 1".to_owned()))
            .map(|_| ())
    })
    .await;
    let (ours, theirs) = (scene.store.order(id).await, other.order(id).await);
    let (ours, theirs) = (ours.expect("a look").expect("the order"), theirs.expect("a look"));
    assert_eq!(ours.state, OrderState::Fulfilling);
    assert_eq!(Some(&ours), theirs.as_ref());
    other.close().await;

    let fresh = scene.another().await;
    assert_eq!(Some(&ours), fresh.order(id).await.expect("a look").as_ref());
    fresh.close().await;

    // What is remembered is not even read again.
    assert_eq!(scene.store.inner.order_cache.get(id).as_ref(), Some(&ours));
    let again = scene.store.order(id).await.expect("a look").expect("the order");
    assert!(Arc::ptr_eq(&again, &ours));

    // A database that failed over may have counted the same version for something else, or an earlier one.
    for version in [ours.version, ours.version - 1] {
        let mut other = Order::clone(&ours);
        other.version = version;
        other.updated_at = other.updated_at.plus(Duration::from_micros(1));
        other.special_instructions = format!("what another server has heard as version {version}");
        let row = vec![
            version.into(),
            other.updated_at.into(),
            document::encode("orders", &other).expect("a document").into(),
            id.into(),
        ];
        let db = scene.writer().await;
        let sql = "UPDATE orders SET version = $1, updated_at = $2, document = $3 WHERE id = $4";
        assert_eq!(db.execute(sql, row).await.expect("another server"), 1);
        for _ in 0..2 {
            assert_eq!(scene.store.order(id).await.expect("a look").as_deref(), Some(&other));
        }
    }
}

async fn an_archived_order_is_found_as_before(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (number, id, _) = create_order(&scene.store, None, new).await.expect("an order");
    on_order(&scene.store, id, |order, unit| {
        order.cancel(unit, "changed my mind")?;
        for message in order.messages.iter().map(|it| it.id).collect::<Vec<_>>() {
            order.answer_message(unit, message, Err(Unsent::Refused("no such mailbox".to_owned())))?;
        }
        order.archive(unit)
    })
    .await;
    let archived = scene.store.order(id).await.expect("a look").expect("the order");
    assert_eq!(archived.state, OrderState::Archived);
    assert_eq!(scene.store.order_by_number(number).await.expect("a look"), Some(archived.clone()));

    let listed = async |filter: &[(&str, Compare, &str)], show_archived| {
        let term = |(field, compare, value): &(&str, Compare, &str)| Term::new(field, *compare, *value);
        let listing = Listing { filter: filter.iter().map(term).collect(), size: 5, ..Listing::default() };
        let (orders, _) = scene.store.list_orders(&listing, show_archived).await.expect("a page");
        orders.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    use Compare::{Equal, NotEqual};
    assert_eq!(listed(&[], false).await, []);
    assert_eq!(listed(&[], true).await, [id]);
    assert_eq!(listed(&[("archived", Equal, "true")], false).await, [id]);
    assert_eq!(listed(&[("archived", NotEqual, "True")], true).await, []);
    assert_eq!(listed(&[("state", Equal, "ARCHIVED")], false).await, []);
    assert_eq!(listed(&[("state", Equal, "ARCHIVED")], true).await, [id]);
    assert_eq!(
        listed(&[("region", Equal, &archived.region.clone().expect("one").to_string())], true).await,
        [id]
    );

    let of_parts =
        |value: &str| Listing { filter: vec![Term::equal("archived", value)], size: 5, ..Listing::default() };
    let everything = Listing { size: 5, ..Listing::default() };
    for (listing, found) in [(everything, true), (of_parts("TRUE"), true), (of_parts("false"), false)] {
        let (invoices, _) = scene.store.list_invoices(&listing).await.expect("a page");
        assert_eq!(invoices.iter().any(|it| it.0.id == id), found, "{listing:?}");
        let (messages, _) = scene.store.list_messages(&listing).await.expect("a page");
        assert_eq!(messages.iter().any(|it| it.0.id == id), found, "{listing:?}");
        let (approvals, _) = scene.store.list_approvals(&listing).await.expect("a page");
        assert_eq!(approvals.iter().any(|it| it.0.id == id), found, "{listing:?}");
    }
    assert_eq!(fields(scene.store.list_invoices(&of_parts("maybe")).await), ["filter"]);

    on_order(&scene.store, id, |order, unit| order.restore(unit, "asked for")).await;
    assert_eq!(listed(&[], false).await, [id]);
    assert!(scene.store.check_integrity(None).await.expect("the laws").iter().all(|it| it.broken == 0));
}

async fn an_order_of_a_list_is_not_remembered(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(&scene.store, None, new).await.expect("an order");

    let other = scene.another().await;
    let (listed, _) =
        other.list_orders(&Listing { size: 5, ..Listing::default() }, false).await.expect("a page");
    assert_eq!(listed.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    assert_eq!(other.inner.order_cache.get(id), None);
    let order = other.order(id).await.expect("a look");
    assert_eq!(other.inner.order_cache.get(id), order);
    other.close().await;
}

async fn lists_go_page_by_page(scene: &Scene) {
    scene.stocked(&["A-1"], 1_000).await;
    for number in 0..7 {
        let mut new = order_for(&[("A-1", 1)], OnShortage::Refuse);
        new.external_reference = format!("web-{number}");
        new.customer.email = format!("customer{}@example.com", number % 2);
        create_order(&scene.store, None, new).await.expect("an order");
        scene.later(Duration::from_secs(601));
    }
    let by = |field: &str, compare: Compare, value: &str| Term::new(field, compare, value);

    let mut listing = Listing { size: 3, ..Listing::default() };
    let mut numbers = Vec::new();
    for show_archived in [false, true] {
        numbers.clear();
        listing.after = None;
        loop {
            let (orders, next) = scene.store.list_orders(&listing, show_archived).await.expect("a page");
            numbers.extend(orders.iter().map(|it| it.number));
            listing.after = next;
            if listing.after.is_none() {
                break;
            }
        }
        assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    }

    listing.filter = vec![by("customer_email", Compare::Equal, "customer1@example.com")];
    listing.order_by = Some(("number".to_owned(), Direction::Ascending));
    let (orders, next) = scene.store.list_orders(&listing, false).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 4, 6]);
    assert_eq!(next, None);
    listing = Listing { size: 2, ..Listing::default() };
    listing.filter = vec![by("external_reference", Compare::Equal, "web-3")];
    let (orders, _) = scene.store.list_orders(&listing, true).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [4]);
    let since = orders[0].created_at.to_string();
    listing.filter = vec![by("create_time", Compare::GreaterOrEqual, &since)];
    let (_, next) = scene.store.list_orders(&listing, false).await.expect("a page");
    listing.after = next.clone();
    let (orders, _) = scene.store.list_orders(&listing, false).await.expect("a page");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [5, 4]);

    // A cursor of another list, and everything else that is wrong, by name.
    listing.filter.clear();
    let wrong = scene.store.list_orders(&listing, false).await;
    assert_eq!(fields(wrong), ["page_token"]);
    let wrong = Listing {
        filter: vec![
            by("colour", Compare::Equal, "red"),
            by("state", Compare::Equal, "SLEEPING"),
            by("number", Compare::Less, "many"),
        ],
        order_by: Some(("customer_email".to_owned(), Direction::Ascending)),
        size: 1,
        after: None,
    };
    let wrong = scene.store.list_orders(&wrong, false).await;
    assert_eq!(fields(wrong), ["filter", "filter", "filter", "order_by"]);

    every_list_can_be_read(scene, &by).await;
}

async fn every_list_can_be_read(scene: &Scene, by: &impl Fn(&str, Compare, &str) -> Term) {
    let all = Listing { size: 200, ..Listing::default() };
    let pages = Listing { size: 4, ..Listing::default() };
    let store = &scene.store;
    let (movements, next) = store.list_movements(&pages).await.expect("a page");
    assert_eq!(movements.len(), 4);
    let second = Listing { after: next, ..pages.clone() };
    assert!(!store.list_movements(&second).await.expect("a page").0.is_empty());
    let of_sku = Listing { filter: vec![by("sku", Compare::Equal, "A-1")], ..all.clone() };
    assert_eq!(store.list_movements(&of_sku).await.expect("a page").0.len(), 8);
    assert_eq!(store.list_stock_levels(&of_sku).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_products(&of_sku).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_locations(&all).await.expect("a page").0.len(), 1);
    let (reservations, _) = store.list_reservations(&pages).await.expect("a page");
    assert_eq!(reservations.len(), 4);
    let one = store.reservation(reservations[0].id).await.expect("a look");
    assert_eq!(one.as_ref(), reservations.first());
    let by_state = |state: &str| Listing { filter: vec![by("state", Compare::Equal, state)], ..all.clone() };
    let (invoices, _) = store.list_invoices(&by_state("OPEN")).await.expect("a page");
    let second_invoice = Listing { filter: vec![by("number", Compare::Equal, "2")], ..all.clone() };
    let (found, _) = store.list_invoices(&second_invoice).await.expect("a page");
    assert_eq!(found.len(), usize::from(invoices.len() > 1));
    let (approvals, _) = store.list_approvals(&by_state("AUTO_APPROVED")).await.expect("a page");
    assert!(!approvals.is_empty());
    assert!(!store.list_messages(&by_state("QUEUED")).await.expect("a page").0.is_empty());
    store.list_payments(&by_state("CAPTURED")).await.expect("a page");
    store.list_refunds(&by_state("PENDING")).await.expect("a page");
    store.list_shipments(&by_state("PLANNED")).await.expect("a page");
    store.list_replenishments(&by_state("PROPOSED")).await.expect("a page");
    store.list_feedback(&by_state("SUBMITTED")).await.expect("a page");
    store.list_follow_ups(&by_state("OPEN")).await.expect("a page");
    store.list_transfers(&by_state("IN_TRANSIT")).await.expect("a page");
    store.list_couriers(&all).await.expect("a page");
    let shipment = domain::ShipmentId(uuid::Uuid::nil());
    let (since, until) = (Timestamp::from_unix_micros(0), Timestamp::MAX);
    for among in [Among::All, Among::Archived, Among::NotArchived] {
        store.feedback_report(since, until, among, 10).await.expect("a report");
    }
    let order_of = store.order_of(&Part::Invoice(invoices[0].1)).await.expect("a look");
    assert_eq!(order_of, Some(invoices[0].0.id));
    for child in [
        Part::Shipment(shipment),
        Part::Payment(shipment.0.into()),
        Part::Refund(shipment.0.into()),
        Part::Approval(approvals[0].1),
        Part::Hold(shipment.0.into()),
        Part::Reservation(shipment.0.into()),
        Part::Message(shipment.0.into()),
        Part::FollowUp(shipment.0.into()),
    ] {
        store.order_of(&child).await.expect("a look");
    }
    let tracked = Part::Tracked { courier: "SNAIL".parse().expect("a code"), number: "none".to_owned() };
    assert_eq!(store.order_of(&tracked).await.expect("a look"), None);
    assert_eq!(store.availability(&[sku("A-1")]).await.expect("a look").levels.len(), 1);
    store.ping().await.expect("an answer");
    assert!(store.pending_migrations().await.expect("a look").is_empty());
}

async fn the_feed_is_read_from_a_position(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let mut bell = scene.store.bell();
    bell.mark_unchanged();
    let (_, id, _) =
        create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("one");
    bell.changed().await.expect("it rings");
    create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await.expect("two");

    let filter = EventFilter::of_order(id);
    let mut position = 0;
    let mut seen = Vec::new();
    loop {
        let page = scene.store.events_after(position, &filter, 2).await.expect("a page");
        position = page.position;
        seen.extend(page.events.into_iter().map(|it| it.1.sequence));
        if page.is_end {
            break;
        }
    }
    let all: Vec<_> =
        scene.store.events_of(id).await.expect("a look").iter().map(|it| it.1.sequence).collect();
    assert_eq!(seen, all);
    assert_eq!(position, scene.store.last_position().await.expect("a look"));
    let order: Arc<Order> = scene.store.order(id).await.expect("a look").expect("the order");
    let terms = [
        Term::equal("customer_email", order.customer.email.to_uppercase()),
        Term::equal("type", "ORDER_RECEIVED"),
    ];
    let filter = EventFilter::of(&terms).expect("a filter");
    assert_eq!(scene.store.events_after(0, &filter, 100).await.expect("a page").events.len(), 1);
}

async fn how_the_weeks_went_is_not_counted_again_at_once_after_a_failure(scene: &Scene) {
    let failed = LastCount::Failed(scene.store.now());
    *scene.store.inner.series.lock().await = Some(failed.clone());
    assert_eq!(scene.store.series().await, None);
    assert_eq!(*scene.store.inner.series.lock().await, Some(failed));
    scene.later(Duration::from_secs(61));
    let counted = scene.store.series().await.expect("it is tried again");
    assert_eq!(*scene.store.inner.series.lock().await, Some(LastCount::Counted(counted)));
}

pub(super) fn fields<T>(result: Result<T, StoreError>) -> Vec<String> {
    match result {
        Err(StoreError::Refused(Refusal::Invalid(problems))) => {
            problems.0.into_iter().map(|it| it.field).collect()
        }
        _ => Vec::new(),
    }
}
