//! A schema grows while the store is at work, as it does when several releases run side by side: what is read and
//! written goes on with columns and words that this release does not know.

use crate::domain::{OnShortage, OrderId};
use crate::store::handle::Store;
use crate::store::query::listing::{Listing, Term};
use crate::store::rows::tests::sample::disagreements;
use crate::store::tests::shop::{
    Scene, cancel, code, context, count, create_order, on_both_engines, order_for, request, sku,
};
use crate::store::writer::change::Codec;

on_both_engines! {
    a_store_goes_on_while_columns_are_added
    a_word_of_a_later_release_keeps_nobody_from_reading_or_writing
}

/// Places an order, and reads all that is shown of orders and of the catalogue.
async fn one_more(store: &Store, number: usize) -> OrderId {
    let key = request(&format!("request-{number}"), 1);
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(store, key, new).await.expect("an order");
    let all = Listing { size: 100, ..Listing::default() };
    let orders = store.list_orders(&all, true).await.expect("a page").0;
    assert_eq!(orders.iter().filter(|it| it.id == id).count(), 1);
    let invoices = store.list_invoices(&all).await.expect("a page").0;
    assert_eq!(invoices.iter().filter(|it| it.0.id == id).count(), 1);
    assert!(!store.list_reservations(&all).await.expect("a page").0.is_empty());
    assert!(!store.list_movements(&all).await.expect("a page").0.is_empty());
    assert_eq!(store.list_products(&all).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_locations(&all).await.expect("a page").0.len(), 1);
    assert_eq!(store.list_stock_levels(&all).await.expect("a page").0.len(), 1);
    assert!(store.list_replenishments(&all).await.expect("a page").0.is_empty());
    assert!(store.level(&sku("A-1"), &code("BER")).await.expect("a look").is_some());
    assert!(!store.events_of(id).await.expect("a look").is_empty());
    id
}

async fn cancelled(store: &Store, id: OrderId) {
    store.change(context(None), cancel(id), |_, _| (), Codec::unkept()).await.expect("a cancelled order");
}

async fn a_store_goes_on_while_columns_are_added(scene: &Scene) {
    scene.stocked(&["A-1"], 100).await;
    let before = one_more(&scene.store, 0).await;

    for table in ["orders", "invoices"] {
        scene
            .sql(&format!("ALTER TABLE {table} ADD COLUMN sales_channel TEXT NOT NULL DEFAULT 'unknown'"))
            .await;
    }
    for table in
        ["products", "locations", "stock_levels", "stock_movements", "replenishments", "reservations"]
    {
        scene.sql(&format!("ALTER TABLE {table} ADD COLUMN origin TEXT")).await;
    }
    scene.sql("CREATE TABLE sales_channels (name TEXT PRIMARY KEY)").await;
    scene.sql("CREATE INDEX orders_sales_channel ON orders (sales_channel)").await;

    let fresh = scene.another().await;
    for (number, store) in [(1, &scene.store), (2, &fresh)] {
        let id = one_more(store, number).await;
        cancelled(store, id).await;
    }
    cancelled(&scene.store, before).await;
    assert_eq!(scene.units("A-1").await, (100, 0));
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    let defaults = "SELECT COUNT(*) FROM orders WHERE sales_channel = 'unknown'";
    assert_eq!(count(&scene.store, defaults).await, 3);
    let invoiced = count(&scene.store, "SELECT COUNT(*) FROM invoices WHERE sales_channel = 'unknown'").await;
    assert_eq!(invoiced, count(&scene.store, "SELECT COUNT(*) FROM invoice_numbers").await);
    fresh.close().await;
}

async fn a_word_of_a_later_release_keeps_nobody_from_reading_or_writing(scene: &Scene) {
    scene.stocked(&["A-1"], 100).await;
    let id = one_more(&scene.store, 0).await;
    for (table, column) in [
        ("orders", "state"),
        ("orders", "channel"),
        ("invoices", "state"),
        ("approvals", "gate"),
        ("messages", "kind"),
        ("reservations", "state"),
    ] {
        scene.sql(&format!("UPDATE {table} SET {column} = 'LATER'")).await;
    }

    let fresh = scene.another().await;
    for (number, store) in [(1, &scene.store), (2, &fresh)] {
        let order = store.order(id).await.expect("a look").expect("the order");
        assert_eq!(order.id, id);
        one_more(store, number).await;
    }
    let invoice = scene.store.order(id).await.expect("a look").expect("the order").invoices[0].clone();
    let by_number = Term::equal("number", invoice.number.to_string());
    let listing = Listing { filter: vec![by_number], size: 5, ..Listing::default() };
    assert_eq!(scene.store.list_invoices(&listing).await.expect("a page").0.len(), 1);
    cancelled(&scene.store, id).await;
    assert_eq!(scene.units("A-1").await, (100, 2));
    fresh.close().await;
}
