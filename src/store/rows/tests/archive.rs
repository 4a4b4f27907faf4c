//! An archived order leaves the tables of the day as one document.

use crate::domain::{Order, OrderState, Part};
use crate::store::connection::error::StoreError;
use crate::store::query::order_cache::OrderCache;
use crate::store::query::whole::load_orders;
use crate::store::rows::order::archived_parts_of;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{later, nothing, orders, rows_of, save, stocked, then};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    an_archived_order_leaves_the_tables_of_the_day_as_one_document
    what_is_invoiced_and_archived_at_once_is_in_the_registers
    nobody_leaves_the_archive
}

/// Tables without a row of an archived order.
const OF_THE_DAY: [&str; 14] = [
    "orders",
    "order_lines",
    "order_waits",
    "holds",
    "reservations",
    "reservation_items",
    "approvals",
    "invoices",
    "payments",
    "refunds",
    "shipments",
    "tracking_numbers",
    "messages",
    "feedback",
];

fn archived(order: &Order) -> Order {
    then(order, |it| {
        it.state = OrderState::Archived;
        it.archived_from = Some(OrderState::Closed);
        it.archived_at = Some(later(30));
    })
}

async fn an_archived_order_leaves_the_tables_of_the_day_as_one_document(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let order = then(&full(1), |it| it.state = OrderState::Closed);
    save(&db, &nothing(), &orders([&order])).await.expect("a closed order");
    let archived = archived(&order);

    save(&db, &orders([&order]), &orders([&archived])).await.expect("archived");
    let read = load_orders(&db, &OrderCache::new(0), &[order.id]).await.expect("a document");
    assert_eq!(read.iter().map(|it| &**it).collect::<Vec<_>>(), [&archived]);
    for table in OF_THE_DAY {
        assert_eq!(rows_of(&db, table).await, 0, "{table}");
    }
    assert_eq!(rows_of(&db, "invoice_numbers").await, 2);
    assert_eq!(rows_of(&db, "payment_references").await, 1);

    // It is found by each of its parts.
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
    ];
    for part in parts {
        assert_eq!(scene.store.order_of(&part).await.expect("a look"), Some(order.id), "{part:?}");
    }
    assert_eq!(rows_of(&db, "archived_parts").await, archived_parts_of(&archived).len() as i64);

    let lost = save(&db, &orders([&order]), &orders([&archived])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    // What happens to it there stays there.
    let later_on = then(&archived, |it| it.last_event += 1);
    save(&db, &orders([&archived]), &orders([&later_on])).await.expect("a change in the archive");
    let read = load_orders(&db, &OrderCache::new(0), &[order.id]).await.expect("a document");
    assert_eq!(read.iter().map(|it| &**it).collect::<Vec<_>>(), [&later_on]);
    assert_eq!(rows_of(&db, "archived_orders").await, 1);
}

/// Both may happen in one group: then no row of the day was ever written.
async fn what_is_invoiced_and_archived_at_once_is_in_the_registers(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let bare = then(&full(1), |it| {
        it.invoices.clear();
        it.payments.clear();
    });
    save(&db, &nothing(), &orders([&bare])).await.expect("an order without an invoice");
    let archived = archived(&then(&full(1), |it| it.version = bare.version));
    save(&db, &orders([&bare]), &orders([&archived])).await.expect("archived");
    assert_eq!(rows_of(&db, "invoice_numbers").await, 2);
    assert_eq!(rows_of(&db, "payment_references").await, 1);
}

async fn nobody_leaves_the_archive(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let archived = archived(&full(1));
    save(&db, &nothing(), &orders([&archived])).await.expect("archived at once");
    assert_eq!(rows_of(&db, "archived_orders").await, 1);

    let back = then(&archived, |it| it.state = OrderState::Closed);
    let refused = save(&db, &orders([&archived]), &orders([&back])).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { table: "orders", .. })), "{refused:?}");
    let nameless = then(&archived, |it| it.archived_from = None);
    let refused = save(&db, &orders([&archived]), &orders([&nameless])).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { table: "archived_orders", .. })), "{refused:?}");
}
