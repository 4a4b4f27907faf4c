//! Who has a cart gets its units, however many others want them in the same moment.

use std::sync::Arc;

use tonic::Code;

use super::stage::{crowd, everywhere};
use crate::carts::{check_out, reserve};
use crate::shop::{draft, level, reason, stocked};

/// Carts of one unit each, and as many buyers without one.
const CARTS: usize = 64;

everywhere!(sixty_four_carts_become_orders_beside_as_many_new_buyers, async |stage| {
    let units = i64::try_from(CARTS).expect("a few");
    stocked(&stage.door(0), "CART", units).await;
    let carts = crowd(16, CARTS, |number| {
        let stage = Arc::clone(&stage);
        async move { reserve(&stage.door(number), "CART", 1).await.expect("a unit for each cart").id }
    });
    let carts = Arc::new(carts.await);

    let ended = crowd(2 * CARTS, 2 * CARTS, |number| {
        let (stage, carts) = (Arc::clone(&stage), Arc::clone(&carts));
        async move {
            let draft = draft(&format!("buyer{number}"), "CART", 1);
            match number % 2 {
                0 => (true, check_out(&stage.door(number), &carts[number / 2], draft).await),
                _ => (false, stage.create_order(number, draft).await),
            }
        }
    });
    let (with, without): (Vec<_>, Vec<_>) = ended.await.into_iter().partition(|it| it.0);
    for (_, placed) in &with {
        assert!(placed.is_ok(), "who has a cart gets its units: {placed:?}");
    }
    for (_, refused) in &without {
        let status = refused.as_ref().expect_err("every unit is in a cart");
        assert_eq!(
            (status.code(), reason(status)),
            (Code::FailedPrecondition, "INSUFFICIENT_STOCK".to_owned())
        );
    }
    let shelf = level(&stage.door(1), "CART").await;
    assert_eq!((shelf.on_hand, shelf.reserved, shelf.available), (units, units, 0));
    println!("{stage}: {} carts became orders, {} buyers were refused", with.len(), without.len());
});
