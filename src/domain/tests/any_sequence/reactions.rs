//! What customers say after a delivery, what they are asked, and what is done about it.

use std::collections::BTreeSet;

use crate::domain::customers::ask_again::{ASKING_PAUSE, OptOutFeedback};
use crate::domain::customers::feedback::{FeedbackAnswer, FeedbackKey, FeedbackTarget, SubmitFeedback};
use crate::domain::model::feedback::{FeedbackReason, LineFeedback};
use crate::domain::model::feedback_token::{FeedbackSecret, FeedbackToken};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::OrderId;
use crate::domain::tests::bench::Bench;
use crate::domain::unit::command::Command;

/// One reaction, whatever the order's state: a good answer for an amount of zero.
pub(super) fn react(bench: &mut Bench, id: OrderId, amount: i64) -> Result<(), Refusal> {
    let order = bench.order(id).clone();
    match amount % 6 {
        1 => {
            let answer = of_lines(&order, i32::try_from(amount % 5).expect("small") + 1);
            let submit = SubmitFeedback { target: by_letter(&order), answer };
            bench.decide(|unit| submit.decide(unit)).map(drop)
        }
        2 => {
            let opt_out = OptOutFeedback { target: by_letter(&order) };
            bench.decide(|unit| opt_out.decide(unit)).map(drop)
        }
        3 => {
            // While others are on their way, days would end what they wait for.
            let is_through = |it: &Order| it.delivered_at.is_some() || it.is_over();
            if bench.snapshot.orders.values().all(|it| is_through(it)) {
                bench.pass(ASKING_PAUSE.as_secs());
            }
            bench.on(id, Order::ask_again)
        }
        4 => bench.on(id, |order, unit| order.close_follow_up(unit, "called and made it good")),
        5 => {
            let token = FeedbackToken::new(id, FeedbackSecret::of([9; 16]));
            let target = FeedbackTarget { key: FeedbackKey::Token(token), etag: String::new() };
            let refused = bench.decide(|unit| OptOutFeedback { target }.decide(unit)).map(drop);
            assert_eq!(refused, Err(FeedbackKey::unknown()), "a guess opens nothing");
            refused
        }
        _ => bench.on(id, |order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(4, 5))),
    }
}

/// With the token of the customer's letter, if there was one.
fn by_letter(order: &Order) -> FeedbackTarget {
    let token = order.feedback.as_ref().map(|it| FeedbackToken::new(order.id, it.secret));
    let key = token.map_or(FeedbackKey::Order(order.id), FeedbackKey::Token);
    FeedbackTarget { key, etag: String::new() }
}

/// The same rating of every line.
fn of_lines(order: &Order, rating: i32) -> FeedbackAnswer {
    let reasons = BTreeSet::from([FeedbackReason::Late, FeedbackReason::Other]);
    let line = |line| LineFeedback { line, rating, reasons: reasons.clone(), comment: "so so".to_owned() };
    let lines = order.lines.iter().map(|it| line(it.number)).collect();
    FeedbackAnswer { lines, reasons: reasons.clone(), ..FeedbackAnswer::overall(4, 4) }
}
