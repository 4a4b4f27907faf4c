//! Orders and their parts read back as they were saved.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use sea_orm::{ConnectionTrait, DbBackend};

use crate::domain::{
    Approval, ApprovalState, Channel, Courier, Discount, Ids, Invoice, InvoiceState, JobId, Label,
    MessageState, OpenRequest, Order, OrderId, OrderState, ProviderRequest, Refund, RefundState, RegionCode,
    Reservation, ReservationState, Sku, TrackingEvent, bank_reference_key,
};
use crate::store::connection::error::StoreError;
use crate::store::rows::archive::load_archived;
use crate::store::rows::awaited::{awaited, awaited_before, external_references, fingerprints};
use crate::store::rows::catalogue::save_couriers;
use crate::store::rows::job::{Jobs, save_jobs};
use crate::store::rows::order::{load_orders, save_orders};
use crate::store::rows::payment::bank_references;
use crate::store::rows::saved::Saved;
use crate::store::rows::tests::full::{bare, full, waiting_for};
use crate::store::rows::tests::sample::{
    AT, changed, code, count, courier, later, new, on_both, on_both_counting, only_order, stocked, then,
    write,
};
use crate::store::rows::write::Writes;
use crate::store::writer::job::JobKind;

#[tokio::test]
async fn an_order_with_every_part_reads_back_as_it_was_saved() {
    on_both(async |db| {
        stocked(db).await;
        let (order, plain) = (full(1), bare(2));

        let saved = [Saved { before: None, after: &order }, Saved { before: None, after: &plain }];
        write(db, |it| save_orders(it, &saved)).await.expect("two new orders");

        assert_eq!(only_order(db, order.id).await, order);
        assert_eq!(only_order(db, plain.id).await, plain);
        let mut ids = [order.id, plain.id];
        ids.sort();
        let both = load_orders(db, &ids).await.expect("both");
        assert_eq!(both.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
        assert_eq!(count(db, "invoice_numbers").await, 2);
        assert_eq!(count(db, "payment_references").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_changed_order_reads_back_with_what_was_added_changed_and_removed() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a new order");

        let mut ids = Ids::seeded(later(1), 1);
        let next = then(&order, |it| {
            it.state = OrderState::PartiallyShipped;
            it.discount = Some(Discount::Percent(50_000));
            it.shipping_address.lines.clear();
            it.lines.remove(0);
            it.lines[0].quantity = 5;
            it.holds.remove(0);
            // The open one closes, and another one opens, in one statement.
            it.reservations[2].state = ReservationState::Released;
            it.reservations[2].items[0].released = 2;
            it.reservations.push(Reservation {
                id: ids.fresh(),
                state: ReservationState::Held,
                expires_at: Some(later(99)),
                ..it.reservations[2].clone()
            });
            it.reservations.rotate_right(1);
            it.approvals[1].state = ApprovalState::Withdrawn;
            let pending = Approval { id: ids.fresh(), ..order.approvals[1].clone() };
            it.approvals.insert(0, pending);
            it.invoices[1].state = InvoiceState::Void;
            it.invoices[1].settled_at = Some(later(20));
            let standing = Invoice { id: ids.fresh(), number: 3, ..order.invoices[1].clone() };
            it.invoices.insert(0, standing);
            it.payments[1].request = None;
            it.payments[0].request =
                Some(OpenRequest { kind: ProviderRequest::Void, requested_at: later(21) });
            it.payments[1].refunds[0].state = RefundState::Succeeded;
            let another = Refund { id: ids.fresh(), ..order.payments[1].refunds[0].clone() };
            it.payments[1].refunds.push(another);
            it.shipments[0].packages.remove(0);
            it.shipments[0].packages[0].contents[0].quantity = 2;
            it.shipments[0].items[0].picked = 3;
            it.shipments[0].items.remove(1);
            it.shipments[0].label = None;
            it.shipments[0].proof = None;
            let seen = TrackingEvent {
                sequence: 3,
                key: "key-3".to_owned(),
                ..order.shipments[0].tracking[1].clone()
            };
            it.shipments[0].tracking.push(seen);
            it.shipments[1].label =
                order.shipments[0].label.clone().map(|it| Label { text: "again".to_owned(), ..it });
            it.messages[1].state = MessageState::Suppressed;
            it.feedback = None;
        });
        write(db, |it| save_orders(it, &changed(&order, &next))).await.expect("a changed order");

        assert_eq!(only_order(db, order.id).await, next);
        assert_eq!(count(db, "invoice_numbers").await, 3);
        assert_eq!(count(db, "payment_references").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_there_may_point_to_what_is_new() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a new order");

        let dove = Courier { code: code("DOVE"), ..courier() };
        let next = then(&order, |it| {
            it.shipments[0].assignment.as_mut().expect("a courier").courier = dove.code.clone();
        });
        let both = |it: &mut Writes| {
            save_couriers(it, &new(&dove));
            save_orders(it, &changed(&order, &next))
        };
        write(db, both).await.expect("a courier, and a shipment that it carries");
        assert_eq!(only_order(db, order.id).await, next);
    })
    .await;
}

#[tokio::test]
async fn an_order_of_a_stale_version_is_a_lost_race_and_several_steps_at_once_are_not() {
    on_both(async |db| {
        stocked(db).await;
        let (order, other) = (bare(1), bare(2));
        let both = [Saved { before: None, after: &order }, Saved { before: None, after: &other }];
        write(db, |it| save_orders(it, &both)).await.expect("new orders");

        let third = then(&then(&order, |_| ()), |it| it.last_event = 20);
        let second = then(&other, |it| it.last_event = 19);
        let both =
            [Saved { before: Some(&order), after: &third }, Saved { before: Some(&other), after: &second }];
        write(db, |it| save_orders(it, &both)).await.expect("one step of one and two steps of the other");
        assert_eq!(only_order(db, order.id).await, third);

        let lost = write(db, |it| save_orders(it, &both)).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
        let lost = write(db, |it| save_orders(it, &new(&order))).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    })
    .await;
}

#[tokio::test]
async fn an_archived_order_leaves_the_tables_of_the_day_as_one_document() {
    on_both(async |db| {
        stocked(db).await;
        let order = then(&full(1), |it| it.state = OrderState::Closed);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a closed order");
        let job = JobId(order.id.0);
        write(db, |it| save_jobs(it, &Jobs::from([(job, (JobKind::Order, Some(AT)))])))
            .await
            .expect("its job");
        let archived = then(&order, |it| {
            it.state = OrderState::Archived;
            it.archived_from = Some(OrderState::Closed);
            it.archived_at = Some(later(30));
        });

        write(db, |it| save_orders(it, &changed(&order, &archived))).await.expect("archived");
        assert_eq!(
            load_archived(db, &[order.id]).await.expect("a document"),
            std::slice::from_ref(&archived)
        );
        assert_eq!(load_orders(db, &[order.id]).await.expect("nothing"), []);
        for table in [
            "orders",
            "order_lines",
            "holds",
            "reservations",
            "reservation_items",
            "approvals",
            "invoices",
            "invoice_lines",
            "payments",
            "refunds",
            "shipments",
            "shipment_items",
            "packages",
            "package_items",
            "tracking_events",
            "messages",
            "feedback",
            "order_waits",
            "jobs",
        ] {
            assert_eq!(count(db, table).await, 0, "{table}");
        }
        assert_eq!(count(db, "invoice_numbers").await, 2);

        let asked = [(Channel::Phone, "PO-1".to_owned()), (Channel::Online, "PO-1".to_owned())];
        let taken = external_references(db.backend(), &asked).alone(db).await.expect("references");
        assert_eq!(taken, [(Channel::Phone, "PO-1".to_owned())]);
        let asked = [" Statement-1", "STATEMENT-2"].map(bank_reference_key);
        let recorded = bank_references(db.backend(), &asked).alone(db).await.expect("references");
        assert_eq!(recorded, ["statement-1".to_owned()]);

        let lost = write(db, |it| save_orders(it, &changed(&order, &archived))).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    })
    .await;
}

#[tokio::test]
async fn what_waiting_orders_want_is_counted_while_they_wait_and_first_come_is_before() {
    on_both(async |db| {
        stocked(db).await;
        let first = waiting_for(1, &[("A-1", 4), ("B-2", 1), ("A-1", 2)]);
        let second = waiting_for(2, &[("A-1", 10)]);
        let elsewhere = Order { region: Some(code("EUROPE")), ..waiting_for(3, &[("A-1", 100)]) };
        let all = [&first, &second, &elsewhere].map(|after| Saved { before: None, after });
        write(db, |it| save_orders(it, &all)).await.expect("waiting orders");

        let (a, b): (Sku, Sku) = (code("A-1"), code("B-2"));
        let (malaysia, europe): (RegionCode, RegionCode) = (code("MALAYSIA"), code("EUROPE"));
        let wanted = awaited(db.backend(), &[a.clone(), b.clone()])
            .alone(db)
            .await
            .expect("sums")
            .into_iter()
            .collect::<HashMap<_, _>>();
        let expected =
            [((malaysia.clone(), a.clone()), 16), ((malaysia.clone(), b), 1), ((europe, a.clone()), 100)];
        assert_eq!(wanted, HashMap::from(expected));
        let ids = [first.id, second.id, elsewhere.id];
        let before = awaited_before(db, &ids, std::slice::from_ref(&a)).await.expect("sums");
        assert_eq!(before, HashMap::from([((second.id, a.clone()), 6)]));

        let fewer = then(&first, |it| it.lines.truncate(1));
        write(db, |it| save_orders(it, &changed(&first, &fewer))).await.expect("fewer");
        let reserved = then(&second, |it| it.state = OrderState::Reserved);
        write(db, |it| save_orders(it, &changed(&second, &reserved))).await.expect("served");
        let wanted = awaited(db.backend(), &[a.clone(), code("B-2")])
            .alone(db)
            .await
            .expect("sums")
            .into_iter()
            .collect::<HashMap<_, _>>();
        assert_eq!(wanted.get(&(malaysia, a)), Some(&4));
        assert_eq!(wanted.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn fingerprints_give_the_youngest_order() {
    on_both(async |db| {
        let print = "same".to_owned();
        let old = Order { fingerprint: print.clone(), ..bare(1) };
        let young = Order { fingerprint: print.clone(), created_at: later(60), ..bare(2) };
        let both = [&old, &young].map(|after| Saved { before: None, after });
        write(db, |it| save_orders(it, &both)).await.expect("two orders");

        let youngest = async |prints: &[String], except: &[OrderId]| {
            fingerprints(db.backend(), prints, except).alone(db).await.expect("instants")
        };
        let mut seen = youngest(&[print.clone(), "other".to_owned()], &[]).await;
        seen.sort();
        assert_eq!(seen, [("other".to_owned(), None), (print.clone(), Some(later(60)))]);
        let but_for = youngest(std::slice::from_ref(&print), &[young.id]).await;
        assert_eq!(but_for, [(print, Some(old.created_at))]);
    })
    .await;
}

#[tokio::test]
async fn an_issued_invoice_changes_its_state_and_nothing_else() {
    on_both(async |db| {
        stocked(db).await;
        write(db, |it| save_orders(it, &new(&full(1)))).await.expect("an order");

        for statement in [
            "UPDATE invoices SET total_minor = total_minor + 1, shipping_minor = shipping_minor + 1",
            "UPDATE invoice_lines SET quantity = quantity + 1",
            "UPDATE invoice_numbers SET number = number + 1",
            "DELETE FROM invoice_numbers",
            "DELETE FROM payment_references",
        ] {
            let refused = db.execute_unprepared(statement).await.expect_err(statement).to_string();
            assert!(refused.contains("is never changed"), "{refused}");
        }
        db.execute_unprepared("UPDATE invoices SET state = 'PAID' WHERE state = 'OPEN'").await.expect("paid");
    })
    .await;
}

#[tokio::test]
async fn the_number_of_statements_does_not_depend_on_the_number_of_orders() {
    on_both_counting(async |db, counter| {
        stocked(db).await;
        let sent = || counter.swap(0, Ordering::Relaxed);
        let mut statements = Vec::new();
        for numbers in [1..=1_i64, 2..=65] {
            let orders: Vec<Order> = numbers.map(full).collect();
            let next: Vec<Order> =
                orders.iter().map(|it| then(it, |it| it.messages[1].attempts += 1)).collect();
            sent();

            let saved: Vec<_> = orders.iter().map(|after| Saved { before: None, after }).collect();
            write(db, |it| save_orders(it, &saved)).await.expect("new orders");
            let saving = sent();
            let saved: Vec<_> = orders
                .iter()
                .zip(&next)
                .map(|(before, after)| Saved { before: Some(before), after })
                .collect();
            write(db, |it| save_orders(it, &saved)).await.expect("changed orders");
            let changing = sent();
            let ids: Vec<OrderId> = orders.iter().map(|it| it.id).collect();
            let loaded = load_orders(db, &ids).await.expect("orders");
            assert_eq!(loaded.len(), orders.len());
            statements.push((saving, changing, sent()));
        }

        // Changing a message writes the order and the message; loading reads every table once. PostgreSQL gets what is
        // written together as one, SQLite what is asked together.
        let each = match db.backend() {
            DbBackend::Postgres => (1, 1, 17),
            _ => (12, 2, 1),
        };
        assert_eq!(statements, [each; 2]);
    })
    .await;
}
