//! What the fixed statements find.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

use crate::domain::{
    Actor, ChangeSet, Channel, Feedback, Ids, Method, Order, OrderId, OrderState, Part, RegionCode,
    Reservation, ReservationId, ReservationState, Sku, Timestamp, bank_reference_key,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::connection::statement::FixedStatement;
use crate::store::rows::callers::WAITING_ORDERS;
use crate::store::rows::document;
use crate::store::rows::lookup::{self, CachedState, keys, once};
use crate::store::rows::tests::full::{bare, full, waiting_for};
use crate::store::rows::tests::sample::{
    code, courier, id_of_nobody, later, nothing, orders, save, stocked, then,
};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    an_order_is_found_by_each_of_its_parts
    a_document_that_is_cached_does_not_come_along
    reservations_of_other_callers_read_back_and_are_found_when_expired
    what_waiting_orders_want_is_counted_while_they_wait_and_first_come_is_before
    couriers_are_rated_by_what_they_delivered
    the_youngest_orders_alike_are_found
    references_that_are_taken_are_told
}

async fn ask(db: &Session, statement: &'static FixedStatement, rows: Vec<Vec<Value>>) -> Vec<Row> {
    db.exchange(vec![statement.about(rows)]).await.expect("an answer").concat()
}

async fn an_order_is_found_by_each_of_its_parts(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (order, other) = (full(1), full(2));
    save(&db, &nothing(), &orders([&order, &other])).await.expect("orders");

    let parts = [
        Part::Order(order.id),
        Part::Shipment(order.shipments[1].id),
        Part::Payment(order.payments[0].id),
        Part::Refund(order.payments[1].refunds[0].id),
        Part::Invoice(order.invoices[0].id),
        Part::Approval(order.approvals[1].id),
        Part::Hold(order.holds[0].id),
        Part::Reservation(order.reservations[2].id),
        Part::Message(order.messages[1].id),
        Part::FollowUp(order.follow_up.as_ref().expect("raised").id),
        Part::Tracked { courier: code("PIGEON"), number: "CSG000000001".to_owned() },
        Part::CreditNote(order.credit_notes[0].id),
        Part::Return(order.returns[0].id),
    ];
    // Of these there is nothing.
    let nobody = id_of_nobody().0;
    let none = [
        Part::Order(nobody.into()),
        Part::Hold(nobody.into()),
        Part::Message(order.id.0.into()),
        Part::Tracked { courier: code("DOVE"), number: "CSG000000001".to_owned() },
    ];
    let asked = || {
        let all = parts.iter().chain(&none).enumerate();
        all.map(|(index, part)| lookup::order_of(part, index, CachedState::default())).collect::<Vec<_>>()
    };
    for statement in [&lookup::LOCK_ORDERS, &lookup::ORDERS] {
        let mut found = BTreeMap::new();
        for row in ask(&db, statement, asked()).await {
            assert_eq!(row.get::<OrderId>(1).expect("an id"), order.id);
            assert_eq!(document::order(row.bytes(8).expect("a document")).expect("an order"), order);
            found.insert(row.get::<i32>(0).expect("an index"), ());
        }
        assert_eq!(found.into_keys().collect::<Vec<_>>(), (0..13).collect::<Vec<_>>());
    }
    let owners = ask(&db, &lookup::OWNERS, asked()).await;
    let owners: BTreeMap<i32, Option<OrderId>> =
        owners.iter().map(|it| (it.get(0).expect("an index"), it.get(1).expect("an id"))).collect();
    // Whether an order of a given id exists is not asked here.
    let expected =
        (0..17).map(|it| (it, (it < 13).then_some(order.id).or((it == 13).then_some(nobody.into()))));
    assert_eq!(owners, expected.collect());

    // Locked in the order of their ids, however they are asked for.
    let both = [other.id.max(order.id), other.id.min(order.id)];
    let rows = both.iter().enumerate();
    let rows = rows.map(|(index, it)| lookup::order_of(&Part::Order(*it), index, CachedState::default()));
    let rows: Vec<_> = rows.collect();
    if db.backend() == DbBackend::Postgres {
        let found = ask(&db, &lookup::LOCK_ORDERS, rows).await;
        let ids: Vec<OrderId> = found.iter().map(|it| it.get(1).expect("an id")).collect();
        assert_eq!(ids, [both[1], both[0]]);
    }
}

async fn a_document_that_is_cached_does_not_come_along(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("an order");
    let same = CachedState { version: order.version, updated_at: Some(order.updated_at) };
    let states = [
        (same, false),
        (CachedState::default(), true),
        (CachedState { version: 2, ..same }, true),
        (CachedState { updated_at: Some(later(14)), ..same }, true),
        (CachedState { updated_at: None, ..same }, true),
    ];
    for (cached, comes) in states {
        let part = Part::Order(order.id);
        let found = ask(&db, &lookup::ORDERS, vec![lookup::order_of(&part, 0, cached)]).await;
        assert_eq!(found[0].bytes(8).is_ok(), comes, "{cached:?}");
        let found = ask(&db, &lookup::DOCUMENTS, vec![lookup::document(order.id, cached)]).await;
        assert_eq!(found[0].bytes(1).is_ok(), comes, "{cached:?}");
    }
}

fn reservations<'a>(all: impl IntoIterator<Item = &'a Reservation>) -> ChangeSet {
    let reservations = all.into_iter().map(|it| (it.id, Arc::new(it.clone()))).collect();
    ChangeSet { reservations, ..ChangeSet::default() }
}

async fn expired(db: &Session, skus: &[&str], until: Timestamp) -> Vec<(ReservationId, Option<OrderId>)> {
    let rows = skus.iter().map(|it| vec![code::<Sku>(it).into(), until.into()]).collect();
    let mut found: Vec<_> = ask(db, &lookup::EXPIRED, rows)
        .await
        .iter()
        .map(|it| {
            (it.get::<Timestamp>(2).expect("a time"), it.get(0).expect("an id"), it.get(1).expect("an id"))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|it| (it.1, it.2)).collect()
}

async fn reservations_of_other_callers_read_back_and_are_found_when_expired(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let Order { reservations: own, lines, .. } = full(1);
    let order = Order { reservations: own, lines, ..bare(1) };
    let order = then(&order, |it| {
        it.reservations[2].state = ReservationState::Held;
        it.reservations[2].expires_at = Some(later(10));
    });
    save(&db, &nothing(), &orders([&order])).await.expect("an order that holds");
    let mine = Reservation {
        id: Ids::seeded(later(0), 77).fresh(),
        order: None,
        reference: "market stall".to_owned(),
        state: ReservationState::Held,
        expires_at: Some(later(5)),
        ..order.reservations[0].clone()
    };
    save(&db, &nothing(), &reservations([&mine])).await.expect("a reservation");

    let held = order.reservations[2].id;
    let read = async |statement| {
        let found = ask(&db, statement, keys([mine.id, held])).await;
        let documents =
            found.iter().map(|it| document::decode("reservations", it.bytes(5).expect("a document")));
        documents.collect::<Result<Vec<Reservation>, _>>().expect("reservations")
    };
    assert_eq!(read(&lookup::LOCK_RESERVATIONS).await, std::slice::from_ref(&mine));
    assert_eq!(read(&lookup::CALLERS_RESERVATIONS).await, std::slice::from_ref(&mine));
    assert_eq!(scene.store.reservation(mine.id).await.expect("a look").as_ref(), Some(&mine));
    assert_eq!(scene.store.reservation(held).await.expect("a look").as_ref(), Some(&order.reservations[2]));

    assert_eq!(expired(&db, &["A-1"], later(4)).await, []);
    assert_eq!(expired(&db, &["NONE"], later(9)).await, []);
    assert_eq!(expired(&db, &["B-2"], later(5)).await, [(mine.id, None)]);
    assert_eq!(expired(&db, &["A-1", "B-2"], later(10)).await, [(mine.id, None), (held, Some(order.id))]);

    let mut released = Reservation { version: 2, state: ReservationState::Released, ..mine.clone() };
    released.items[0].released = 2;
    save(&db, &reservations([&mine]), &reservations([&released])).await.expect("a change");
    let lost = save(&db, &reservations([&mine]), &reservations([&released])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    assert_eq!(scene.store.reservation(mine.id).await.expect("a look"), Some(released));
    assert_eq!(expired(&db, &["A-1"], later(9)).await, []);
}

async fn what_waiting_orders_want_is_counted_while_they_wait_and_first_come_is_before(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let first = waiting_for(1, &[("A-1", 4), ("B-2", 1), ("A-1", 2)]);
    let second = waiting_for(2, &[("A-1", 10)]);
    let elsewhere = Order { region: Some(code("EUROPE")), ..waiting_for(3, &[("A-1", 100)]) };
    save(&db, &nothing(), &orders([&first, &second, &elsewhere])).await.expect("waiting orders");

    let awaited = async || -> BTreeMap<(RegionCode, Sku), i64> {
        let found = ask(&db, &lookup::AWAITED, keys(["A-1", "B-2"].map(code::<Sku>))).await;
        let mut sums: BTreeMap<(RegionCode, Sku), i64> = BTreeMap::new();
        for row in &found {
            let (units, size): (i64, i64) = (row.get(2).expect("units"), row.get(3).expect("a size"));
            assert_eq!(units % size, 0, "orders of {size} each");
            let key = (row.get(0).expect("a region"), row.get(1).expect("a SKU"));
            *sums.entry(key).or_default() += units;
        }
        sums
    };
    let waiting = async || -> Vec<(Actor, i64)> {
        let callers = keys([first.created_by.clone(), code("nobody")]);
        let found = ask(&db, &WAITING_ORDERS, callers).await;
        found.iter().map(|it| (it.get(0).expect("a caller"), it.get(1).expect("orders"))).collect()
    };
    assert_eq!(waiting().await, [(first.created_by.clone(), 3)]);
    let key = |region: &str, sku: &str| (code::<RegionCode>(region), code::<Sku>(sku));
    let expected = [(key("MALAYSIA", "A-1"), 16), (key("MALAYSIA", "B-2"), 1), (key("EUROPE", "A-1"), 100)];
    assert_eq!(awaited().await, BTreeMap::from(expected));
    let before = ask(&db, &lookup::AWAITED_BEFORE, keys([first.id, second.id, elsewhere.id])).await;
    let units = |it: &Row, index: usize| it.get::<i64>(index).expect("units");
    let before: Vec<(OrderId, Sku, i64, i64)> = before
        .iter()
        .map(|it| (it.get(0).expect("an id"), it.get(1).expect("a SKU"), units(it, 2), units(it, 3)))
        .collect();
    assert_eq!(before, [(second.id, code("A-1"), 6, 6)]);

    let small = waiting_for(4, &[("A-1", 5)]);
    save(&db, &nothing(), &orders([&small])).await.expect("a small order");
    let found = ask(&db, &lookup::AWAITED_BEFORE, keys([small.id])).await;
    let before: Vec<(i64, i64)> = found.iter().map(|it| (units(it, 2), units(it, 3))).collect();
    assert_eq!(before, [(16, 0)], "both before it want more than it does");
    let gone = then(&small, |it| it.state = OrderState::Reserved);
    save(&db, &orders([&small]), &orders([&gone])).await.expect("served");

    let fewer = then(&first, |it| it.lines.truncate(1));
    save(&db, &orders([&first]), &orders([&fewer])).await.expect("fewer");
    let reserved = then(&second, |it| it.state = OrderState::Reserved);
    save(&db, &orders([&second]), &orders([&reserved])).await.expect("served");
    let expected = [(key("MALAYSIA", "A-1"), 4), (key("EUROPE", "A-1"), 100)];
    assert_eq!(awaited().await, BTreeMap::from(expected));
    assert_eq!(waiting().await, [(first.created_by.clone(), 2)]);
}

async fn couriers_are_rated_by_what_they_delivered(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let mut poor = full(2);
    poor.shipments[1].assignment = poor.shipments[0].assignment.clone();
    let poor = then(&poor, |it| {
        it.feedback = it.feedback.clone().map(|feedback| Feedback { delivery_rating: 1, ..feedback });
    });
    let unasked = then(&full(3), |it| it.feedback = None);
    save(&db, &nothing(), &orders([&full(1), &poor, &unasked])).await.expect("orders");

    let (couriers, records) = scene.store.couriers().await.expect("couriers");
    assert_eq!(couriers, [courier()]);
    let record = records[&courier().code];
    assert_eq!((record.rated, record.rating_sum), (2, 5));
    assert_eq!(ask(&db, &lookup::COURIER_RECORDS, once()).await.len(), 1);
}

async fn the_youngest_orders_alike_are_found(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let alike = |number, seconds| Order {
        fingerprint: "same".to_owned(),
        created_at: later(seconds),
        ..bare(number)
    };
    let (old, young, middle) = (alike(1, 0), alike(2, 60), alike(3, 30));
    save(&db, &nothing(), &orders([&old, &young, &middle])).await.expect("three orders");

    let found = ask(
        &db,
        &lookup::RECEIVED_ALIKE,
        vec![vec!["same".into(), 2_i64.into()], vec!["other".into(), 2_i64.into()]],
    )
    .await;
    let mut found: Vec<(String, OrderId, Timestamp)> = found
        .iter()
        .map(|it| (it.get(0).expect("a print"), it.get(1).expect("an id"), it.get(2).expect("a time")))
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.2));
    let same = || "same".to_owned();
    assert_eq!(found, [(same(), young.id, later(60)), (same(), middle.id, later(30))]);
}

async fn references_that_are_taken_are_told(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let archived = then(&full(2), |it| {
        it.state = OrderState::Archived;
        it.archived_from = Some(OrderState::Closed);
        it.archived_at = Some(later(30));
    });
    save(&db, &nothing(), &orders([&full(1)])).await.expect("an order");
    save(&db, &nothing(), &orders([&full(2)])).await.expect("another order");
    save(&db, &orders([&full(2)]), &orders([&archived])).await.expect("an archived order");

    let asked = [
        (Channel::Phone, "PO-1"),
        (Channel::Online, "PO-1"),
        (Channel::Phone, "PO-2"),
        (Channel::Phone, "PO-3"),
    ];
    let asked = asked.map(|(channel, it)| vec![channel.into(), it.into()]).into();
    let taken = ask(&db, &lookup::EXTERNAL_REFERENCES, asked).await;
    let mut taken: Vec<(Channel, String)> =
        taken.iter().map(|it| (it.get(0).expect("a channel"), it.get(1).expect("a text"))).collect();
    taken.sort();
    assert_eq!(taken, [(Channel::Phone, "PO-1".to_owned()), (Channel::Phone, "PO-2".to_owned())]);

    let asked = [" Statement-1", "STATEMENT-2", "STATEMENT-3"].map(bank_reference_key);
    let asked = asked.map(|it| vec![Method::BankTransfer.into(), it.into()]).into();
    let recorded = ask(&db, &lookup::BANK_REFERENCES, asked).await;
    let mut recorded: Vec<String> = recorded.iter().map(|it| it.get(0).expect("a text")).collect();
    recorded.sort();
    let mut known = ["statement-1", "statement-2"].map(bank_reference_key);
    known.sort();
    assert_eq!(recorded, known);
}
