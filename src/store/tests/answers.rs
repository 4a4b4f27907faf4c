//! Answers that are too large to be sent: their changes are refused, and nobody else's.

use crate::domain::{CreateOrder, OnShortage, Reason, Refusal};
use crate::store::connection::error::StoreError;
use crate::store::tests::shop::{
    Scene, TEXT, context, create_order, on_both_engines, order_for, placed, request,
};
use crate::store::writer::change::Codec;

on_both_engines! {
    an_answer_that_is_too_large_refuses_only_its_own_change
}

async fn an_answer_that_is_too_large_refuses_only_its_own_change(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let too_large = Codec { size: |_| 11, size_max: 10, ..TEXT };
    let (store, new) = (scene.store.clone(), order_for(&[("A-1", 5)], OnShortage::Refuse));
    let again = new.clone();
    let refused = tokio::spawn(async move {
        store
            .change(context(request("request-1", 1)), CreateOrder { new, cart: None }, placed, too_large)
            .await
    });
    let good = create_order(&scene.store, None, order_for(&[("A-1", 1)], OnShortage::Refuse)).await;

    let refused = refused.await.expect("no panic");
    let reached = |it: &Refusal| matches!(it, Refusal::Unmet { reason: Reason::LimitReached, .. });
    assert!(matches!(&refused, Err(StoreError::Refused(it)) if reached(it)), "{refused:?}");
    assert!(good.is_ok());
    assert_eq!(scene.units("A-1").await, (10, 1));

    create_order(&scene.store, request("request-1", 1), again).await.expect("the id was not used up");
    assert_eq!(scene.units("A-1").await, (10, 6));
}
