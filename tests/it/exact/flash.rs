//! Exactly what is there is sold, however many want it at once.

use std::sync::Arc;

use tonic::Code;

use super::stage::{Stage, crowd, everywhere};
use crate::child::scale;
use crate::shop::{draft, level, reason, stocked};

everywhere!(five_hundred_units_go_to_exactly_five_hundred_of_two_thousand_buyers, async |stage| {
    sales(stage, Sale { rounds: scale(1, 20), units: 500, buyers: 2_000, at_once: 64 }).await;
});

everywhere!(the_last_unit_goes_to_exactly_one_of_five_hundred_buyers, async |stage| {
    sales(stage, Sale { rounds: scale(5, 50), units: 1, buyers: 500, at_once: 500 }).await;
});

struct Sale {
    rounds: usize,
    units: usize,
    buyers: usize,
    at_once: usize,
}

async fn sales(stage: Arc<Stage>, sale: Sale) {
    let Sale { rounds, units, buyers, at_once } = sale;
    let on_hand = i64::try_from(units).expect("a few");
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..rounds {
        let sku = format!("FLASH-{round}");
        stocked(&stage.door(round), &sku, on_hand).await;

        let sold = crowd(at_once, buyers, |number| {
            let draft = draft(&format!("buyer{round}-{number}"), &sku, 1);
            let (stage, number) = (Arc::clone(&stage), round * buyers + number);
            async move { stage.create_order(number, draft).await }
        })
        .await;

        let (taken, left): (Vec<_>, Vec<_>) = sold.into_iter().partition(Result::is_ok);
        for status in left.iter().filter_map(|it| it.as_ref().err()) {
            let refusal = (status.code(), reason(status));
            assert_eq!(refusal, (Code::FailedPrecondition, "INSUFFICIENT_STOCK".to_owned()), "{status:?}");
        }
        assert_eq!((taken.len(), left.len()), (units, buyers - units), "round {round} on {stage}");
        let level = level(&stage.door(round), &sku).await;
        assert_eq!((level.on_hand, level.reserved, level.available), (on_hand, on_hand, 0));
        accepted += taken.len();
        refused += left.len();
    }
    println!("{stage}: {rounds} rounds, {accepted} accepted, {refused} refused for want of stock");
}
