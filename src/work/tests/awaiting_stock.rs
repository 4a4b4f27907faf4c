//! Waiting orders get their stock, first come, first served.

use std::time::Duration;

use crate::domain::{OnOrder, OrderState, Part, Target, VerifyOrder, Waive};
use crate::store::{Codec, View};
use crate::work::context;
use crate::work::tests::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn waiting_orders_are_filled_in_the_order_in_which_they_came() {
    let mut scene = Scene::set().await;
    scene.create_order("zoe", 10).await;
    let mut waiting = Vec::new();
    for (name, units) in [("ann", 3), ("bob", 5), ("cyd", 1)] {
        waiting.push(scene.create_order(name, units).await);
    }
    scene.begin_work();
    let states = async |scene: &Scene| {
        let mut states = Vec::new();
        for id in &waiting {
            states.push(scene.order(*id).await.state);
        }
        states
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(states(&scene).await, [OrderState::AwaitingStock; 3]);

    // Enough for the first; the third would fit, but the second is before it.
    scene.receive_stock(4).await;
    scene.until(waiting[0], |it| it.state == OrderState::Invoiced).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        states(&scene).await,
        [OrderState::Invoiced, OrderState::AwaitingStock, OrderState::AwaitingStock]
    );

    scene.receive_stock(5).await;
    scene.until(waiting[2], |it| it.state == OrderState::Invoiced).await;
    assert_eq!(states(&scene).await, [OrderState::Invoiced; 3]);
    scene.end_work().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_hold_is_lifted_is_filled_before_the_newer_ones_that_wait() {
    let mut scene = Scene::set().await;
    scene.create_order("zoe", 6).await;
    scene.create_order("ann", 2).await;
    let again = scene.create_order("ann", 2).await;
    assert_eq!(scene.order(again).await.state, OrderState::Received, "a duplicate, until a person waives it");
    let newer = scene.create_order("bob", 5).await;
    scene.begin_work();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let verify = VerifyOrder {
        target: Target::latest(Part::Order(again)),
        waive: Waive::Duplicate,
        attest: Vec::new(),
    };
    let reply = move |_: &OnOrder<()>, view: &View<'_>| view.order(again).unwrap().state;
    let verified = scene.app.store.change(context(), verify, reply, Codec::unkept());
    let state = verified.await.unwrap().into_answer();
    assert_eq!(state, OrderState::AwaitingStock, "the stock belongs to the order before it");
    scene.until(again, |it| it.state == OrderState::Invoiced).await;
    assert_eq!(scene.order(newer).await.state, OrderState::AwaitingStock);
    scene.end_work().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_have_its_turn_does_not_keep_the_loops_busy() {
    let mut scene = Scene::set().await;
    scene.create_order("zoe", 8).await;
    scene.create_order("ann", 5).await;
    scene.begin_work();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let before = scene.app.store.groups();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let groups = scene.app.store.groups() - before;
    scene.end_work().await;
    assert!(groups <= 6, "{groups} groups although nothing happened");
}
