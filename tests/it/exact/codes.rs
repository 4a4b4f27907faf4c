//! A discount code is redeemed exactly as often as it may be, however many name it at once.

use std::sync::Arc;

use tonic::Code;

use super::stage::{Stage, crowd, everywhere};
use crate::discounts::{discount_code, issue_for_one_order};
use crate::shop::{draft, reason, stocked};

const CALLERS: usize = 100;

everywhere!(of_a_hundred_callers_one_redeems_a_code_for_one_order, async |stage| {
    redeem(stage).await;
});

async fn redeem(stage: Arc<Stage>) {
    let door = stage.door(0);
    stocked(&door, "CODES", 1_000).await;
    for round in 0..3 {
        let code = format!("ONCE-{round}");
        issue_for_one_order(&door, &code).await;
        let answered = crowd(CALLERS, CALLERS, |number| {
            let mut draft = draft(&format!("buyer{round}-{number}"), "CODES", 1);
            draft.discount_code.clone_from(&code);
            let (stage, number) = (Arc::clone(&stage), round * CALLERS + number);
            async move { stage.create_order(number, draft).await }
        })
        .await;

        let (placed, refused): (Vec<_>, Vec<_>) = answered.into_iter().partition(Result::is_ok);
        assert_eq!((placed.len(), refused.len()), (1, CALLERS - 1), "round {round} on {stage}");
        for status in refused.iter().filter_map(|it| it.as_ref().err()) {
            let why = (status.code(), reason(status));
            assert_eq!(why, (Code::FailedPrecondition, "DISCOUNT_CODE_USED_UP".to_owned()), "{status:?}");
            assert!(status.message().contains(&code), "{status:?}");
        }
        let counted = discount_code(&door, &code).await;
        assert_eq!((counted.redeemed_count, counted.given_back_count), (1, 0));
    }
    println!("{stage}: 3 codes, each redeemed by one of {CALLERS}; {} deadlocks", stage.deadlocks().await);
}
