//! What customers say after a delivery: by a letter's token, line by line, or not at all; and what is done about it.

use std::collections::BTreeSet;

use crate::domain::customers::ask_again::{ASKED_AGAIN_MAX, ASKING_PAUSE, OptOutFeedback};
use crate::domain::customers::feedback::{FeedbackAnswer, FeedbackKey, FeedbackTarget, SubmitFeedback};
use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::{FeedbackReason, FeedbackState, FollowUpState, LineFeedback};
use crate::domain::model::feedback_token::{FeedbackSecret, FeedbackToken};
use crate::domain::model::message::{Message, MessageKind, MessageState, SuppressionReason};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Ids, OrderId};
use crate::domain::process::timeline::steps::Step;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{actor, order, reason};
use crate::domain::unit::command::Command;

/// Delivered, of two lines.
fn delivered() -> (Bench, OrderId) {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5), ("B-2", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 1), ("B-2", 2)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    (bench, id)
}

fn token(bench: &Bench, id: OrderId) -> FeedbackToken {
    FeedbackToken::new(id, bench.order(id).feedback.as_ref().expect("asked for").secret)
}

fn with(token: FeedbackToken) -> FeedbackTarget {
    FeedbackTarget { key: FeedbackKey::Token(token), etag: String::new() }
}

fn rated(line: i32, rating: i32) -> LineFeedback {
    LineFeedback { line, rating, reasons: BTreeSet::new(), comment: String::new() }
}

fn answer(bench: &mut Bench, id: OrderId, answer: &FeedbackAnswer) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.submit_feedback(unit, answer))
}

fn state(bench: &Bench, id: OrderId) -> FeedbackState {
    bench.order(id).feedback.as_ref().expect("asked for").state
}

fn letters(bench: &Bench, id: OrderId) -> Vec<&Message> {
    bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::FeedbackRequested).collect()
}

fn ask_again(bench: &mut Bench, id: OrderId) -> Result<(), Refusal> {
    bench.on(id, Order::ask_again)
}

#[test]
fn who_has_the_letter_answers_line_by_line() {
    let (mut bench, id) = delivered();
    let said = FeedbackAnswer {
        comment: "the box was open".to_owned(),
        reasons: [FeedbackReason::Packaging].into(),
        lines: vec![
            LineFeedback {
                reasons: [FeedbackReason::Damaged, FeedbackReason::Quality].into(),
                comment: "a crack".to_owned(),
                ..rated(2, 3)
            },
            rated(1, 5),
        ],
        ..FeedbackAnswer::overall(4, 4)
    };
    let submit = SubmitFeedback { target: with(token(&bench, id)), answer: said };
    bench.decide(|unit| submit.decide(unit)).expect("the token opens it");

    let feedback = bench.order(id).feedback.clone().expect("given");
    assert_eq!((feedback.state, feedback.submitted_at), (FeedbackState::Submitted, Some(bench.now)));
    let numbers: Vec<(i32, i32)> = feedback.lines.iter().map(|it| (it.line, it.rating)).collect();
    assert_eq!(numbers, [(1, 5), (2, 3)]);
    let event = bench.history(id).iter().find(|it| it.kind == EventKind::FeedbackSubmitted).expect("told");
    let expected = "delivery 4 of 5, products 4 of 5; line 1: 5, line 2: 3; DAMAGED, PACKAGING, QUALITY";
    assert_eq!(event.text, expected);
    assert!(bench.history(id).iter().all(|it| !it.text.contains("crack") && !it.text.contains("box")));
    assert_eq!(bench.order(id).follow_up, None);

    let again = bench.decide(|unit| submit.decide(unit)).map(drop);
    assert_eq!(reason(again), Reason::FeedbackNotOpen);
}

#[test]
fn a_line_that_the_order_does_not_have_and_one_rated_twice_are_named() {
    let (mut bench, id) = delivered();
    let lines = vec![rated(1, 5), rated(7, 5), rated(1, 4), rated(0, 1)];
    let refused = answer(&mut bench, id, &FeedbackAnswer { lines, ..FeedbackAnswer::overall(5, 5) });
    let expected = ["lines[1].line_number", "lines[2].line_number", "lines[3].line_number"];
    assert_eq!(refused_fields(refused), expected);
    assert_eq!(state(&bench, id), FeedbackState::Requested);
}

#[test]
fn a_wrong_token_says_nothing_not_even_whether_there_is_an_order() {
    let (mut bench, id) = delivered();
    let mut asleep = Ids::seeded(bench.now, 99);
    let right = token(&bench, id);
    let of_nobody: OrderId = asleep.fresh();
    let secret = bench.order(id).feedback.as_ref().expect("asked for").secret;
    let waiting = bench.placed(&order("bob", &[("A-1", 1)]));
    for wrong in [
        FeedbackToken::new(id, FeedbackSecret::of([0; 16])),
        FeedbackToken::new(of_nobody, secret),
        FeedbackToken::new(waiting, secret),
        FeedbackToken::OF_NOBODY,
    ] {
        assert_ne!(wrong, right);
        let submit = SubmitFeedback { target: with(wrong), answer: FeedbackAnswer::overall(1, 1) };
        let refused = bench.decide(|unit| submit.decide(unit)).expect_err("it opens nothing");
        assert_eq!(refused, FeedbackKey::unknown());
        assert_eq!(refused.to_string(), "feedback with this token does not exist");
    }
    // A caller with a wrong token does not learn the version either.
    let target = FeedbackTarget { etag: "v0".to_owned(), ..with(FeedbackToken::OF_NOBODY) };
    let refused = bench.decide(|unit| OptOutFeedback { target }.decide(unit)).map(drop);
    assert_eq!(refused, Err(FeedbackKey::unknown()));
}

#[test]
fn no_two_orders_have_the_same_secret() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut secrets = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let id = bench.paid(&order(name, &[("A-1", 1)]));
        bench.ship(id, 0);
        bench.deliver(id, 0);
        secrets.push(token(&bench, id).expose()[22..].to_owned());
    }
    assert_eq!(secrets.iter().collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn who_opts_out_is_not_asked_again() {
    let (mut bench, id) = delivered();
    bench.pass(ASKING_PAUSE.as_secs());
    ask_again(&mut bench, id).expect("three days later");
    assert_eq!(letters(&bench, id)[0].state, MessageState::Queued);

    let opt_out = OptOutFeedback { target: with(token(&bench, id)) };
    bench.decide(|unit| opt_out.decide(unit)).expect("asked for");
    assert_eq!(state(&bench, id), FeedbackState::OptedOut);
    let letter = letters(&bench, id)[0];
    let told = (letter.state, letter.suppressed);
    assert_eq!(told, (MessageState::Suppressed, Some(SuppressionReason::NotWanted)));
    assert!(bench.order(id).unwanted_messages.contains(&MessageKind::FeedbackRequested));
    let history = bench.history(id).len();
    bench.decide(|unit| opt_out.decide(unit)).expect("a second time changes nothing");
    assert_eq!(bench.history(id).len(), history);

    bench.pass(ASKING_PAUSE.as_secs());
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::FeedbackNotOpen);
    assert_eq!(reason(answer(&mut bench, id, &FeedbackAnswer::overall(5, 5))), Reason::FeedbackNotOpen);
    // The wish outlives a change of the others.
    bench.on(id, |order, unit| order.set_unwanted_messages(unit, &BTreeSet::new())).expect("noted");
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::FeedbackNotOpen);
    let calls = bench.order(id).available_actions();
    for gone in [Action::SubmitFeedback, Action::RequestFeedback, Action::OptOutFeedback] {
        assert!(!calls.contains(&gone), "{gone}");
    }
}

#[test]
fn who_has_answered_or_was_not_asked_yet_cannot_opt_out() {
    let (mut bench, id) = delivered();
    let waiting = bench.placed(&order("bob", &[("A-1", 1)]));
    assert_eq!(reason(bench.on(waiting, Order::opt_out_of_feedback)), Reason::FeedbackNotOpen);
    answer(&mut bench, id, &FeedbackAnswer::overall(5, 5)).expect("asked for");
    assert_eq!(reason(bench.on(id, Order::opt_out_of_feedback)), Reason::FeedbackNotOpen);
}

#[test]
fn a_customer_is_asked_again_three_times_with_three_days_in_between() {
    let (mut bench, id) = delivered();
    bench.rules.close_after_seconds = 365 * 86_400;
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::LimitReached, "the delivery letter has just asked");
    for nth in 1..=ASKED_AGAIN_MAX {
        bench.pass(ASKING_PAUSE.as_secs() - 1);
        assert_eq!(reason(ask_again(&mut bench, id)), Reason::LimitReached);
        bench.pass(1);
        ask_again(&mut bench, id).expect("long enough");
        assert_eq!(letters(&bench, id).last().expect("a letter").key, format!("FEEDBACK_REQUESTED/{nth}"));
        bench.send_messages(id);
    }
    bench.pass(ASKING_PAUSE.as_secs());
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::LimitReached);
    assert!(letters(&bench, id).iter().all(|it| it.state == MessageState::Sent));
    answer(&mut bench, id, &FeedbackAnswer::overall(4, 4)).expect("it is still asked for");
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::FeedbackNotOpen);
}

#[test]
fn after_the_order_was_closed_an_answer_counts_again_as_long_as_at_delivery() {
    let (mut bench, id) = delivered();
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!(state(&bench, id), FeedbackState::Expired);
    let window = bench.rules.close_after_seconds;
    bench.rules.archive_after_seconds = ASKING_PAUSE.as_secs() + 1;
    bench.pass(ASKING_PAUSE.as_secs());
    ask_again(&mut bench, id).expect("the order is closed, and not archived");
    bench.send_messages(id);
    assert_eq!(
        bench.order(id).due_at(&bench.rules),
        Some(bench.now.plus(std::time::Duration::from_secs(window)))
    );
    bench.pass(window - 1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed);
    assert_eq!(state(&bench, id), FeedbackState::Requested);
    bench.pass(1);
    bench.run_due(id);
    assert_eq!((bench.state(id), state(&bench, id)), (OrderState::Archived, FeedbackState::Expired));
    for refused in [ask_again(&mut bench, id), bench.on(id, Order::opt_out_of_feedback)] {
        assert_eq!(reason(refused), Reason::IllegalTransition);
    }
}

#[test]
fn an_order_does_not_close_before_the_last_question_could_be_answered() {
    let (mut bench, id) = delivered();
    bench.send_messages(id);
    bench.rules.close_after_seconds = 5 * 86_400;
    bench.pass(4 * 86_400);
    ask_again(&mut bench, id).expect("long enough");
    bench.send_messages(id);
    bench.pass(2 * 86_400);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Delivered, "five days after the last question");
    bench.pass(3 * 86_400);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed);
}

#[test]
fn nobody_is_asked_about_what_has_not_arrived_or_where_no_letter_goes() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::FeedbackNotOpen);

    let mut by_phone = order("mute", &[("A-1", 1)]);
    by_phone.customer.email = String::new();
    by_phone.customer.phone = "+12127365000".to_owned();
    let id = bench.paid(&by_phone);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.pass(ASKING_PAUSE.as_secs());
    assert_eq!(reason(ask_again(&mut bench, id)), Reason::NotSendable);
    assert!(!bench.order(id).available_actions().contains(&Action::RequestFeedback));
    let mut unavailable = bench.order(id).unavailable_actions().into_iter();
    let asking = unavailable.find(|it| it.action == Action::RequestFeedback).expect("with its reason");
    assert_eq!(asking.reason, "no letter can ask for it", "not why: that is the customer's");
}

#[test]
fn any_rating_of_two_or_less_is_followed_up_until_somebody_says_what_was_done() {
    let ways = [
        (FeedbackAnswer::overall(2, 5), true),
        (FeedbackAnswer::overall(5, 1), true),
        (FeedbackAnswer { lines: vec![rated(1, 5), rated(2, 2)], ..FeedbackAnswer::overall(5, 5) }, true),
        (FeedbackAnswer { lines: vec![rated(1, 3)], ..FeedbackAnswer::overall(3, 3) }, false),
    ];
    for (said, is_bad) in ways {
        let (mut bench, id) = delivered();
        let said = FeedbackAnswer { comment: "never again".to_owned(), ..said };
        answer(&mut bench, id, &said).expect("asked for");
        let listed = bench.order(id).available_actions().contains(&Action::CloseFollowUp);
        assert_eq!((bench.order(id).has_open_follow_up(), listed), (is_bad, is_bad), "{said:?}");
        if !is_bad {
            let close = bench.on(id, |order, unit| order.close_follow_up(unit, "nothing"));
            assert_eq!(reason(close), Reason::IllegalTransition);
            continue;
        }

        bench.actor = actor("sam");
        bench.on(id, |order, unit| order.close_follow_up(unit, "called, sent a new one")).expect("open");
        let follow_up = bench.order(id).follow_up.clone().expect("raised");
        let end = follow_up.closed.as_ref().expect("closed");
        assert_eq!((follow_up.state(), end.by.as_str(), end.at), (FollowUpState::Closed, "sam", bench.now));
        assert_eq!(end.result, "called, sent a new one");
        let again = bench.on(id, |order, unit| order.close_follow_up(unit, "again"));
        assert_eq!(reason(again), Reason::IllegalTransition);
        let told: Vec<&str> = bench.history(id).iter().map(|it| it.text.as_str()).collect();
        assert!(told.iter().all(|it| !it.contains("never again") && !it.contains("called")), "{told:?}");
    }
}

#[test]
fn an_open_follow_up_keeps_no_order_from_the_archive_and_is_closed_there() {
    let (mut bench, id) = delivered();
    answer(&mut bench, id, &FeedbackAnswer::overall(1, 1)).expect("asked for");
    bench.send_messages(id);
    bench.on(id, Order::close).expect("a task is nothing open");
    let evidence = |bench: &Bench, step: Step| {
        let lines = bench.timeline(id);
        lines.iter().find(|it| it.step == step).expect("a step").evidence.join("; ")
    };
    for step in [Step::ConfirmToCustomer, Step::ArchiveOrder] {
        let told = evidence(&bench, step);
        assert!(told.contains("a bad rating is to be followed up"), "{step:?}: {told}");
    }
    bench.on(id, Order::archive).expect("it is not in the way");
    assert!(evidence(&bench, Step::ArchiveOrder).contains("a bad rating is to be followed up"));
    assert!(bench.order(id).available_actions().contains(&Action::CloseFollowUp));

    bench.actor = actor("sam");
    bench.on(id, |order, unit| order.close_follow_up(unit, "made good")).expect("in the archive too");
    assert_eq!(bench.state(id), OrderState::Archived);
    assert!(evidence(&bench, Step::ConfirmToCustomer).contains("a bad rating was followed up by sam"));
    assert!(!evidence(&bench, Step::ArchiveOrder).contains("bad rating"));
}
