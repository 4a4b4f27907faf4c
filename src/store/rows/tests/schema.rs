//! What the schema itself refuses.

use std::sync::Arc;

use crate::domain::{
    Actor, ChangeSet, Ids, Invoice, Method, OnShortage, OpenRequest, Order, ProviderRequest,
    ReservationState, ReturnState, StockLevel, SubscriptionState,
};
use crate::store::connection::error::StoreError;
use crate::store::rows::tests::full::{bare, full};
use crate::store::rows::tests::sample::{
    AT, api_key, euro, event_subscription, is_broken, level, levels, nothing, only_order, orders, save,
    stocked, then,
};
use crate::store::tests::shop::{Scene, create_order, on_both_engines, order_for, request};

on_both_engines! {
    what_breaks_a_law_is_refused_by_the_schema
    what_was_written_for_good_is_never_changed
    a_decision_is_whole_or_refused
}

async fn what_breaks_a_law_is_refused_by_the_schema(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1);
    save(&db, &nothing(), &orders([&order])).await.expect("an order");
    type Change = (&'static str, fn(&mut Order));
    let changes: [Change; 29] = [
        ("more released than reserved", |it| it.reservations[2].items[0].released = 3),
        ("two open reservations", |it| it.reservations[1].state = ReservationState::Confirmed),
        ("a confirmed one that expires", |it| it.reservations[2].expires_at = Some(AT)),
        ("more captured than asked for", |it| it.payments[1].captured_minor = 6_001),
        ("less than nothing captured", |it| it.payments[1].captured_minor = -1),
        ("two calls out", |it| {
            it.payments[0].request =
                Some(OpenRequest { kind: ProviderRequest::Void, requested_at: AT, opened_at: AT });
        }),
        ("a line of a statement that pays twice", |it| {
            it.payments[1].method = Method::BankTransfer;
            it.payments[1].means = it.payments[0].means.clone();
        }),
        ("a refund of nothing", |it| it.payments[1].refunds[0].amount = euro(0)),
        ("an invoice that does not add up", |it| {
            let again = it.invoices[1].clone();
            it.invoices.truncate(1);
            let mut amounts = again.amounts.clone();
            amounts.total_minor += 1;
            it.invoices.push(Invoice { amounts, number: 9, id: Ids::seeded(AT, 9).fresh(), ..again });
        }),
        ("more cancelled than ordered", |it| it.lines[0].cancelled_quantity = 4),
        ("less than nothing cancelled", |it| it.lines[0].cancelled_quantity = -1),
        ("less than nothing paid before", |it| it.returns[0].lines[0].paid_before = -1),
        ("more returned than sold", |it| it.returns[0].lines[0].quantity = 3),
        ("more received than announced", |it| it.returns[0].lines[0].received = 2),
        ("closed with units that nobody answered", |it| it.returns[0].state = ReturnState::Closed),
        ("a return of another's number", |it| {
            let mut again = it.returns[0].clone();
            again.id = Ids::seeded(AT, 9).fresh();
            again.state = ReturnState::Declined;
            it.returns.push(again);
        }),
        ("more paid back than ordered", |it| it.lines[0].refunded_quantity = 4),
        ("less than nothing paid back", |it| it.lines[0].refunded_quantity = -1),
        ("more waited for than wanted", |it| it.lines[0].waiting_quantity = 3),
        ("less than nothing waited for", |it| it.lines[0].waiting_quantity = -1),
        ("a credit note that does not add up", |it| {
            let mut again = it.credit_notes[0].clone();
            again.amounts.total_minor += 1;
            (again.number, again.id) = (9, Ids::seeded(AT, 10).fresh());
            it.credit_notes.push(again);
        }),
        ("a shipment of nothing", |it| it.shipments[0].items.clear()),
        ("two shipments of one number", |it| {
            it.shipments[1].id = Ids::seeded(AT, 7).fresh();
            it.shipments[1].number = 1;
        }),
        ("two labels of one number", |it| it.shipments[1].label = it.shipments[0].label.clone()),
        ("decided by the one who asked", |it| it.approvals[0].decided_by = Some(Actor::system())),
        ("the same message twice", |it| {
            it.messages[1].id = Ids::seeded(AT, 8).fresh();
            it.messages[1].key = it.messages[0].key.clone();
        }),
        ("released and still held", |it| it.holds[0].released_at = None),
        ("no star for a line", |it| it.feedback.iter_mut().for_each(|it| it.lines[0].rating = 0)),
        ("six stars", |it| it.feedback.iter_mut().for_each(|it| it.delivery_rating = 6)),
    ];
    for (what, change) in changes {
        let next = then(&order, change);
        let refused = save(&db, &orders([&order]), &orders([&next])).await;
        assert!(is_broken(&refused), "{what}: {refused:?}");
    }

    let same_reference = Order { external_reference: "PO-1".to_owned(), ..bare(2) };
    assert!(is_broken(&save(&db, &nothing(), &orders([&same_reference])).await));
    let same_number = Order { id: Ids::seeded(AT, 9).fresh(), ..bare(1) };
    assert!(is_broken(&save(&db, &nothing(), &orders([&same_number])).await));
    let before = level("A-1");
    for (reserved, on_hand) in [(98, 100), (-1, 100), (0, -1)] {
        let after = StockLevel { reserved, on_hand, version: 2, ..before.clone() };
        assert!(is_broken(&save(&db, &levels([&before]), &levels([&after])).await));
    }
    assert!(is_broken(&save(&db, &nothing(), &levels([&level("UNKNOWN")])).await));
    assert_eq!(only_order(&db, order.id).await, order);

    // A row of an order has no job of its own and no document; another caller's has a document.
    for nonsense in [
        "UPDATE reservations SET run_at = 1",
        "UPDATE reservations SET order_id = NULL",
        "UPDATE orders SET state = 'ARCHIVED'",
        "UPDATE orders SET state = ''",
        "UPDATE orders SET attempts = -1",
        "UPDATE orders SET refunded_minor = captured_minor + 1",
        "UPDATE daily_shipments SET shipments = -1",
        "UPDATE discount_uses SET redeemed = redeemed + 1000000",
        "UPDATE discount_uses SET given_back = redeemed + 1",
        "INSERT INTO open_reservations (caller, open) VALUES ('shop', -1)",
        "UPDATE reservations SET caller = 'shop' WHERE order_id IS NOT NULL",
        "UPDATE reservations SET taken_over_by = id WHERE order_id IS NOT NULL",
    ] {
        let refused = scene.writer().await.script(nonsense).await;
        assert!(is_broken(&refused), "{nonsense}: {refused:?}");
    }
}

async fn what_was_written_for_good_is_never_changed(scene: &Scene) {
    scene.stocked(&["C-3"], 1).await;
    let new = order_for(&[("C-3", 1)], OnShortage::Refuse);
    create_order(&scene.store, request("request-1", 1), new).await.expect("an order");
    let db = scene.writer().await;
    stocked(&db).await;
    let order = full(1_000);
    save(&db, &nothing(), &orders([&order])).await.expect("an order");
    for key in [api_key(1, false), api_key(2, true)] {
        let api_keys = [(key.id, Arc::new(key))].into();
        save(&db, &nothing(), &ChangeSet { api_keys, ..nothing() }).await.expect("a key");
    }
    let live = scene.store.live_keys().await.expect("keys");
    assert_eq!((live.changes, live.keys), (2, vec![api_key(1, false)]));
    let (revoked, _) = scene.store.api_key(api_key(2, true).id).await.expect("a key").expect("it is there");
    assert_eq!(revoked, api_key(2, true));

    for one in
        [event_subscription(3, SubscriptionState::Enabled), event_subscription(4, SubscriptionState::Deleted)]
    {
        let subscriptions = [(one.id, Arc::new(one.clone()))].into();
        save(&db, &nothing(), &ChangeSet { subscriptions, ..nothing() }).await.expect("a subscription");
        assert_eq!(scene.store.subscription(one.id).await.expect("a look"), Some(one));
    }
    let live = scene.store.live_subscriptions().await.expect("subscriptions");
    let expected = vec![event_subscription(3, SubscriptionState::Enabled)];
    assert_eq!((live.changes, live.subscriptions), (2, expected));

    for statement in [
        "UPDATE invoices SET total_minor = total_minor + 1, shipping_minor = shipping_minor + 1",
        "UPDATE invoices SET number = number + 1",
        "UPDATE invoice_numbers SET number = number + 1000",
        "DELETE FROM invoice_numbers",
        "UPDATE credit_notes SET total_minor = total_minor + 1, subtotal_minor = subtotal_minor + 1",
        "UPDATE credit_note_numbers SET number = number + 1000",
        "DELETE FROM credit_note_numbers",
        "UPDATE payment_references SET reference = 'another'",
        "DELETE FROM payment_references",
        "UPDATE stock_movements SET on_hand = 1",
        "UPDATE stock_movements SET actor = 'bob'",
        "UPDATE stock_movements SET reason = 'another'",
        "DELETE FROM stock_movements",
        "UPDATE decisions SET events = NULL, order_id = NULL",
        "UPDATE decisions SET at = at + 1",
        "UPDATE decisions SET actor = 'bob'",
        "UPDATE decisions SET last_position = last_position + 100, last_sequence = last_sequence + 100",
        "DELETE FROM decisions",
        "UPDATE api_keys SET principal = 'bob'",
        "UPDATE api_keys SET roles = 'admin'",
        "UPDATE api_keys SET expires_at = NULL",
        "UPDATE api_keys SET hash = hash, revoke_reason = 'another' WHERE revoked = TRUE",
        "UPDATE api_keys SET revoked = FALSE, revoked_by = NULL, revoked_at = NULL, revoke_reason = NULL \
            WHERE revoked = TRUE",
        "DELETE FROM api_keys",
        "UPDATE event_subscriptions SET reason = 'another' WHERE state = 'DELETED'",
        "DELETE FROM event_subscriptions",
    ] {
        let refused = db.script(statement).await.expect_err(statement);
        // SQLite says it in words, PostgreSQL by what raised it.
        let said = refused.to_string();
        assert!(said.contains("is never changed") || said.contains("exec_stmt_raise"), "{statement}: {said}");
    }
    scene.sql("UPDATE invoices SET state = 'PAID' WHERE state = 'OPEN'").await;
    scene.sql("UPDATE decisions SET answer = events WHERE request_id IS NOT NULL").await;
    scene.sql("UPDATE decisions SET request_id = NULL, fingerprint = NULL, answer = NULL").await;
}

async fn a_decision_is_whole_or_refused(scene: &Scene) {
    let db = scene.writer().await;
    let (blob, id) = match &scene.server {
        None => ("zeroblob(32)", "zeroblob(16)"),
        Some(_) => {
            ("decode(repeat('00', 32), 'hex')", "CAST('00000000-0000-7000-8000-000000000000' AS UUID)")
        }
    };
    let columns = "at, actor, method, order_id, first_sequence, last_sequence, first_position, last_position, \
        events, request_id, fingerprint, answer";
    let insert = |values: &str| {
        let values = values.replace("32 bytes", blob).replace("an order", id);
        format!("INSERT INTO decisions ({columns}) VALUES (1, 'ann', 'CreateOrder', {values})")
    };
    for (what, values) in [
        ("neither events nor a key", "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"),
        ("events of no order", "NULL, NULL, NULL, NULL, NULL, 32 bytes, 'request-1', 32 bytes, 32 bytes"),
        ("an order without events", "an order, 1, 2, 1, 2, NULL, NULL, NULL, NULL"),
        ("no position", "an order, 1, 2, NULL, NULL, 32 bytes, NULL, NULL, NULL"),
        ("more positions than events", "an order, 1, 2, 1, 3, 32 bytes, NULL, NULL, NULL"),
        ("before the first", "an order, 0, 2, 1, 3, 32 bytes, NULL, NULL, NULL"),
        ("backwards", "an order, 2, 1, 2, 1, 32 bytes, NULL, NULL, NULL"),
        ("a key without an answer", "NULL, NULL, NULL, NULL, NULL, NULL, 'request-1', 32 bytes, NULL"),
        ("a key without its content", "NULL, NULL, NULL, NULL, NULL, NULL, 'request-1', NULL, 32 bytes"),
        ("a short key", "NULL, NULL, NULL, NULL, NULL, NULL, 'request', 32 bytes, 32 bytes"),
    ] {
        let refused = db.script(&insert(values)).await;
        assert!(matches!(refused, Err(StoreError::Internal(_))), "{what}: {refused:?}");
    }
    for values in [
        "an order, 1, 2, 1, 2, 32 bytes, 'request-1', 32 bytes, 32 bytes",
        "an order, 3, 3, 3, 3, 32 bytes, NULL, NULL, NULL",
        "NULL, NULL, NULL, NULL, NULL, NULL, 'request-2', 32 bytes, 32 bytes",
    ] {
        db.script(&insert(values)).await.expect(values);
    }
    for (what, values) in [
        ("a key twice", "NULL, NULL, NULL, NULL, NULL, NULL, 'request-1', 32 bytes, 32 bytes"),
        ("a sequence twice", "an order, 2, 3, 4, 5, 32 bytes, NULL, NULL, NULL"),
        ("a position twice", "an order, 4, 4, 3, 3, 32 bytes, NULL, NULL, NULL"),
    ] {
        let refused = db.script(&insert(values)).await;
        assert!(matches!(refused, Err(StoreError::LostRace)), "{what}: {refused:?}");
    }
    let nothing = ChangeSet::default();
    save(&db, &nothing, &nothing).await.expect("the connection is as good as before");
}
