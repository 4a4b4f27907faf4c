//! What providers are asked by themselves has one effect.

use std::time::Duration;

use crate::domain::{
    Amounts, MessageKind, MessageState, Method, NewPayment, Order, PaymentState, ProviderRequest, ReadSet,
    RefundId, RefundState,
};
use crate::work::outbound::{Caller, Pending, settle};
use crate::work::tests::{Scene, all_told, unread};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_timed_out_is_settled_with_one_charge() {
    let mut scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_timeout").await;
    scene.begin_work();
    // The caller that asked has its time; then it is taken to be dead.
    scene.pass(9);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(scene.sandbox.charges(), []);
    scene.pass(2);
    let order = scene.until(id, |it| it.payments[0].attempts == 1).await;
    assert_eq!(order.payments[0].state, PaymentState::Pending);

    scene.pass(3);
    let order = scene.until(id, |it| it.payments[0].state == PaymentState::Captured && all_told(it)).await;
    scene.end_work().await;
    assert_eq!(order.payments.len(), 1);
    let Amounts { total_minor, .. } = order.amounts;
    assert_eq!(order.payments[0].captured_minor, total_minor);
    let charges = scene.sandbox.charges();
    assert_eq!(charges.len(), 1);
    assert_eq!((charges[0].payment, charges[0].calls, charges[0].effects), (payment, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_settles_and_a_worker_have_one_effect() {
    let scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_success").await;
    let (one, two) = tokio::join!(
        settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody()),
        settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody())
    );
    one.and(two).unwrap();
    settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();

    let order = scene.order(id).await;
    assert_eq!(order.payments[0].state, PaymentState::Captured);
    assert_eq!(order.captured_minor(), order.total_minor());
    let charges = scene.sandbox.charges();
    assert_eq!((charges.len(), charges[0].effects), (1, 1));
    assert!(charges[0].calls <= 2, "an answered ask is not asked again: {charges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_a_cancelled_order_is_paid_back_once() {
    let mut scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    let payment = scene.begin_payment(id, "tok_refund_timeout").await;
    settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    let reads = ReadSet { orders: vec![id], order_stock: true, ..ReadSet::default() };
    let refund: RefundId = scene
        .change(reads, move |unit| {
            let mut order = unit.take_order(id)?;
            order.cancel(unit, "changed their mind")?;
            let refund = order.payments[0].refunds[0].id;
            unit.keep_order(order);
            Ok(refund)
        })
        .await
        .unwrap();

    settle(&scene.app, unread(id), Pending::Refund(refund), Caller::nobody()).await.unwrap();
    assert_eq!(scene.order(id).await.payments[0].refunds[0].attempts, 1);
    scene.begin_work();
    scene.pass(5);
    let settled = |it: &Order| it.payments[0].refunds[0].state == RefundState::Succeeded && all_told(it);
    let order = scene.until(id, settled).await;
    scene.end_work().await;
    assert!(
        order
            .messages
            .iter()
            .any(|it| it.kind == MessageKind::RefundIssued && it.state == MessageState::Sent)
    );
    let charges = scene.sandbox.charges();
    assert_eq!(charges.iter().map(|it| it.effects).collect::<Vec<_>>(), [1, 1], "{charges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_providers_payment_is_not_asked_of_this_one() {
    let scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    let reads = ReadSet { orders: vec![id], ..ReadSet::default() };
    let payment = scene
        .change(reads, move |unit| {
            let mut order = unit.take_order(id)?;
            let new = NewPayment {
                method: Method::Card,
                token: "tok_success".to_owned(),
                amount: None,
                request: ProviderRequest::Charge,
                provider: "yesterdays-bank".to_owned(),
            };
            let payment = order.begin_payment(unit, &new)?;
            unit.keep_order(order);
            Ok(payment)
        })
        .await
        .unwrap();
    settle(&scene.app, unread(id), Pending::Payment(payment), Caller::nobody()).await.unwrap();
    assert_eq!(scene.sandbox.charges(), []);
    assert_eq!(scene.order(id).await.payments[0].state, PaymentState::Pending);
}
