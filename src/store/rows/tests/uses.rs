//! The uses of discount codes follow the orders, and are made anew from the documents.

use crate::domain::{DiscountUses, Order, OrderState};
use crate::store::connection::session::Session;
use crate::store::query::agreement::stored_uses;
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{nothing, orders, save, stocked, then};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    uses_follow_their_orders
    uses_that_differ_are_found_and_made_anew
}

/// Redeemed and given back, of all customers and of one.
async fn uses(db: &Session) -> Vec<(i64, i64)> {
    let stored = stored_uses(db).await.expect("uses");
    stored.into_values().map(|DiscountUses { redeemed, given_back, .. }| (redeemed, given_back)).collect()
}

fn cancelled(order: &Order) -> Order {
    then(order, |it| {
        it.state = OrderState::Cancelled;
        let redemption = it.redemption.as_mut().expect("a code");
        redemption.given_back_at = Some(it.updated_at);
    })
}

async fn uses_follow_their_orders(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let (first, second) = (full(1), full(2));
    save(&db, &nothing(), &orders([&first, &second])).await.expect("two orders");
    assert_eq!(uses(&db).await, [(2, 0), (2, 0)]);
    // Of one group: what is given back, and what is redeemed and given back at once.
    let third = cancelled(&full(3));
    let both = [&cancelled(&first), &third];
    save(&db, &orders([&first]), &orders(both)).await.expect("two that are over");
    assert_eq!(uses(&db).await, [(3, 2), (3, 2)]);
    save(&db, &orders([&second]), &orders([&cancelled(&second)])).await.expect("the last one");
    assert_eq!(uses(&db).await, [(3, 3), (3, 3)]);
}

async fn uses_that_differ_are_found_and_made_anew(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    save(&db, &nothing(), &orders([&full(1)])).await.expect("an order");
    assert_eq!(broken(scene).await, Vec::<String>::new());
    for damage in ["UPDATE discount_uses SET redeemed = 7, given_back = 2", "DELETE FROM discount_uses"] {
        scene.sql(damage).await;
        assert_eq!(broken(scene).await, ["WELCOME", "WELCOME of one customer"], "{damage}");
        scene.store.rebuild(|_| ()).await.expect("made anew");
        assert_eq!(uses(&db).await, [(1, 0), (1, 0)], "{damage}");
        assert_eq!(broken(scene).await, Vec::<String>::new(), "{damage}");
    }
}

/// The codes that the law names.
async fn broken(scene: &Scene) -> Vec<String> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    let law = laws.into_iter().find(|it| it.id == "D5").expect("the law of uses");
    law.violations.into_iter().map(|it| it.key).collect()
}
