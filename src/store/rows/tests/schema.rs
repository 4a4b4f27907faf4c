//! What the schema itself refuses.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::domain::{
    Actor, HandedBack, Ids, MessageKind, Method, OpenRequest, Order, ProviderRequest, RefundState,
    ReservationState, StockLevel,
};
use crate::store::rows::catalogue::{locations, save_locations};
use crate::store::rows::order::save_orders;
use crate::store::rows::stock::save_levels;
use crate::store::rows::tests::full::{bare, full};
use crate::store::rows::tests::sample::{
    AT, changed, count, euro, is_broken, level, location, migrated, new, on_both, only_order, stocked, then,
    write,
};

#[tokio::test]
async fn a_database_of_the_first_schema_is_carried_over() {
    migrated(Some(1), async |db, _, rest| {
        stocked(db).await;
        let mut order = full(1);
        let mut refund = order.payments[1].refunds.remove(0);
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order of that day");
        // Refunds of that day had neither method nor reference.
        let backend = db.backend();
        let sql = "INSERT INTO refunds (id, payment_id, place, state, amount_minor, currency, reason, provider_reference, \
            failure, asked_at, attempts, created_by, created_at, updated_at) \
            VALUES ($1, $2, 0, 'PENDING', 100, 'EUR', 'late', 're_1', '', $3, 1, $4, $3, $3)";
        let values: Vec<Value> = vec![
            refund.id.0.into(),
            refund.payment.0.into(),
            refund.requested_at.unix_micros().into(),
            refund.created_by.as_str().into(),
        ];
        db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.expect("a refund");

        Migrator::up(rest, None).await.expect("the schema of today");

        refund.handed_back = None;
        order.payments[1].refunds.push(refund);
        assert_eq!(only_order(db, order.id).await, order);
        let told = then(&order, |it| {
            it.messages[1].kind = MessageKind::LocationChanged;
            it.payments[1].refunds[0].state = RefundState::Succeeded;
            it.payments[1].refunds[0].handed_back =
                Some(HandedBack { method: Method::BankTransfer, reference: "RF18".to_owned() });
        });
        write(db, |it| save_orders(it, &changed(&order, &told))).await.expect("what is new");
        assert_eq!(only_order(db, order.id).await, told);

        let twice = then(&told, |it| it.messages[1].key = it.messages[0].key.clone());
        db.execute_unprepared("BEGIN").await.expect("a transaction");
        let refused = write(db, |it| save_orders(it, &changed(&told, &twice))).await;
        db.execute_unprepared("ROLLBACK").await.expect("the end of it");
        assert!(is_broken(&refused), "one message per key as before: {refused:?}");
        let unknown = "UPDATE messages SET kind = 'GOSSIP'";
        assert!(db.execute_unprepared(unknown).await.is_err(), "other words are refused as before");

        db.execute_unprepared("DELETE FROM payments").await.expect("they hold on to invoices");
        db.execute_unprepared("DELETE FROM orders").await.expect("no order any more");
        assert_eq!(count(db, "messages").await, 0, "they leave with their order as before");
    })
    .await;
}

#[tokio::test]
async fn what_breaks_a_law_is_refused_by_the_schema() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order");
        type Change = (&'static str, fn(&mut Order));
        let changes: [Change; 9] = [
            ("more released than reserved", |it| it.reservations[2].items[0].released = 3),
            ("two open reservations", |it| it.reservations[1].state = ReservationState::Confirmed),
            ("more captured than asked for", |it| it.payments[1].captured_minor = 6_001),
            ("two calls out", |it| {
                it.payments[0].request = Some(OpenRequest { kind: ProviderRequest::Void, requested_at: AT });
            }),
            ("a refund of nothing", |it| it.payments[1].refunds[0].amount = euro(0)),
            ("more packed than checked", |it| it.shipments[0].items[0].checked = 1),
            ("decided by the one who asked", |it| it.approvals[0].decided_by = Some(Actor::system())),
            ("the same message twice", |it| it.messages[1].key = it.messages[0].key.clone()),
            ("six stars", |it| it.feedback.iter_mut().for_each(|it| it.delivery_rating = 6)),
        ];
        // In one transaction each, as the writer does: a refused group leaves nothing behind.
        for (what, change) in changes {
            let next = then(&order, change);
            db.execute_unprepared("BEGIN").await.expect("a transaction");
            let refused = write(db, |it| save_orders(it, &changed(&order, &next))).await;
            db.execute_unprepared("ROLLBACK").await.expect("the end of it");
            assert!(is_broken(&refused), "{what}: {refused:?}");
        }

        let same_reference = Order { external_reference: "PO-1".to_owned(), ..bare(2) };
        assert!(is_broken(&write(db, |it| save_orders(it, &new(&same_reference))).await));
        let same_number = Order { id: Ids::seeded(AT, 9).fresh(), ..bare(1) };
        assert!(is_broken(&write(db, |it| save_orders(it, &new(&same_number))).await));
        let before = level("A-1");
        for (reserved, on_hand) in [(98, 100), (-1, 100), (0, -1)] {
            let after = StockLevel { reserved, on_hand, version: 2, ..before.clone() };
            assert!(is_broken(&write(db, |it| save_levels(it, &changed(&before, &after))).await));
        }
        assert!(is_broken(&write(db, |it| save_levels(it, &new(&level("UNKNOWN")))).await));
        assert_eq!(only_order(db, order.id).await, order);
    })
    .await;
}

#[tokio::test]
async fn a_word_that_is_none_is_an_error_that_names_its_type() {
    on_both(async |db| {
        write(db, |it| save_locations(it, &new(&location()))).await.expect("a location");
        db.execute_unprepared("UPDATE locations SET region = 'no region'").await.expect("a bad word");

        let error = locations(db.backend()).alone(db).await.expect_err("unreadable").to_string();
        assert!(error.contains("RegionCode"), "{error}");
    })
    .await;
}
