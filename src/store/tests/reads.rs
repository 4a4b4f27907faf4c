//! A decision sees everything that it reads, whatever others of its group have changed since its keys were named.

use std::time::Duration;

use crate::domain::{
    Command, Correction, Customer, NewOrder, OnShortage, OrderId, OrderState, Part, ReadSet, Rule, Target,
    UnitOfWork, UpdateOrder, Verdict, VerifyOrder, Waive,
};
use crate::store::connection::error::StoreError;
use crate::store::handle::Store;
use crate::store::tests::shop::{Scene, context, create_order, on_both_engines, order_for};
use crate::store::writer::change::{Changed, Codec};

on_both_engines! {
    a_verification_sees_the_stock_of_goods_that_were_just_corrected
    a_verification_sees_the_order_that_a_corrected_one_looks_like
}

/// An order that verification holds back, for want of a reachable customer.
fn unverified(lines: &[(&str, i64)]) -> NewOrder {
    let mut new = order_for(lines, OnShortage::Refuse);
    new.customer.email = String::new();
    new
}

/// Keeps the writer busy until what `queue` asks for has queued up behind it, so that it becomes one group.
async fn in_one_group<T>(scene: &Scene, queue: impl AsyncFnOnce(&Store) -> T) -> T {
    let mut options = scene.options();
    options.lanes = 1;
    let alone = Store::open(options).await.expect("a store");
    let (began, deciding) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let store = alone.clone();
    let first = tokio::spawn(async move {
        let decide = move |_: &mut UnitOfWork<'_>| {
            let _ = began.send(());
            let _ = wait.recv();
            Ok(())
        };
        store.decide(context(None), ReadSet::default(), decide, |(), _| (), Codec::unkept()).await
    });
    deciding.recv().expect("the writer is at work");

    let (done, ()) = tokio::join!(queue(&alone), async { go.send(()).expect("the writer waits") });
    first.await.expect("no panic").expect("accepted");
    alone.close().await;
    done
}

async fn correct(store: &Store, id: OrderId, correction: Correction) -> Result<(), StoreError> {
    let target = Target::latest(Part::Order(id));
    order(store, UpdateOrder { target, correction, currency: None }).await
}

async fn verify(store: &Store, id: OrderId) -> Result<(), StoreError> {
    order(
        store,
        VerifyOrder { target: Target::latest(Part::Order(id)), waive: Waive::Nothing, attest: Vec::new() },
    )
    .await
}

async fn order<C: Command>(store: &Store, command: C) -> Result<(), StoreError> {
    store.change(context(None), command, |_, _| (), Codec::unkept()).await.map(Changed::into_answer)
}

fn reachable(new: &NewOrder) -> Customer {
    Customer { email: "ada@example.com".to_owned(), ..new.customer.clone() }
}

/// The correction brings goods of which the verification behind it had no stock loaded.
async fn a_verification_sees_the_stock_of_goods_that_were_just_corrected(scene: &Scene) {
    scene.stocked(&["A-1", "B-2"], 100).await;
    let new = unverified(&[("A-1", 1)]);
    let (_, id, state) = create_order(&scene.store, None, new.clone()).await.expect("an order");
    assert_eq!(state, OrderState::Received);

    let correction = Correction {
        customer: Some(reachable(&new)),
        lines: Some(order_for(&[("B-2", 3)], OnShortage::Refuse).lines),
        ..Correction::default()
    };
    let both = async |store: &Store| tokio::join!(correct(store, id, correction), verify(store, id));
    let (corrected, verified) = in_one_group(scene, both).await;
    corrected.expect("a correction");
    verified.expect("a verification");

    assert_eq!(scene.units("A-1").await, (100, 0));
    assert_eq!(scene.units("B-2").await, (100, 3));
}

/// The correction makes the order look like one that the verification behind it had not looked for.
async fn a_verification_sees_the_order_that_a_corrected_one_looks_like(scene: &Scene) {
    scene.stocked(&["A-1"], 100).await;
    let new = unverified(&[("A-1", 1)]);
    let twin = NewOrder { customer: reachable(&new), ..new.clone() };
    create_order(&scene.store, None, twin).await.expect("the order that is looked like");
    scene.later(Duration::from_secs(1));
    let (_, id, _) = create_order(&scene.store, None, new.clone()).await.expect("an order");

    let correction = Correction { customer: Some(reachable(&new)), ..Correction::default() };
    let both = async |store: &Store| tokio::join!(correct(store, id, correction), verify(store, id));
    let (corrected, verified) = in_one_group(scene, both).await;
    corrected.expect("a correction");
    verified.expect("a verification");

    let order = scene.store.order(id).await.expect("a look").expect("the order");
    let check = order.checks.iter().find(|it| it.rule == Rule::DuplicateOrder).expect("the check");
    assert_eq!(check.verdict, Verdict::Failed);
    assert_eq!(scene.units("A-1").await, (100, 1));
}
