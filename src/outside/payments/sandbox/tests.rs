//! Tests of `sandbox`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::domain::{Ids, Money, PaymentId, ProviderAnswer, ProviderRequest, RefundId, Timestamp};
use crate::outside::payments::contract::PaymentProvider;
use crate::outside::payments::sandbox::{Ledger, ProviderCall, Sandbox, What};

fn ids() -> Ids {
    Ids::seeded(Timestamp::from_unix_micros(1_700_000_000_000_000), 7)
}

fn eur(minor: i64) -> Money {
    Money { currency: "EUR".parse().expect("a currency"), minor }
}

fn done(payment: PaymentId) -> ProviderAnswer {
    ProviderAnswer::Done(format!("sandbox-{payment}"))
}

/// Asks for a charge of 10 EUR so many times; returns the answers.
async fn charge(sandbox: &Sandbox, payment: PaymentId, token: &str, times: usize) -> Vec<ProviderAnswer> {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(sandbox.request(ProviderRequest::Charge, payment, token, None, eur(1_000)).await);
    }
    answers
}

fn effects(sandbox: &Sandbox) -> (u32, u32) {
    let charges = sandbox.charges();
    assert_eq!(charges.len(), 1, "one key: {charges:?}");
    (charges[0].calls, charges[0].effects)
}

#[tokio::test]
async fn a_good_token_is_charged_once_however_often_it_is_asked() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    assert_eq!(charge(&sandbox, payment, "tok_success", 3).await, vec![done(payment); 3]);
    assert_eq!(effects(&sandbox), (3, 1));
}

#[tokio::test]
async fn a_token_that_is_not_known_is_declined_and_not_repeated() {
    for token in ["tok_visa", "tok_succes", "TOK_SUCCESS", "tok_success ", "tok_", "visa", ""] {
        let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
        let answers = charge(&sandbox, payment, token, 1).await;
        let why = "the sandbox provider does not know this token".to_owned();
        assert_eq!(answers, [ProviderAnswer::Declined(why)], "{token:?}");
        assert_eq!(effects(&sandbox), (1, 0));
    }
}

#[tokio::test]
async fn a_declined_token_moves_nothing_and_stays_declined() {
    for token in ["tok_decline", "tok_decline_insufficient_funds"] {
        let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
        let answers = charge(&sandbox, payment, token, 2).await;
        assert!(matches!(answers[0], ProviderAnswer::Declined(_)), "{answers:?}");
        assert_eq!(answers[0], answers[1]);
        assert_eq!(effects(&sandbox), (2, 0));
    }
}

#[tokio::test]
async fn after_a_time_out_the_charge_is_found_done_and_not_done_again() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    let first = charge(&sandbox, payment, "tok_timeout", 1).await;
    assert!(matches!(first[0], ProviderAnswer::Unknown(_)), "{first:?}");
    assert_eq!(effects(&sandbox), (1, 1));
    assert_eq!(charge(&sandbox, payment, "tok_timeout", 2).await, vec![done(payment); 2]);
    assert_eq!(effects(&sandbox), (3, 1));
}

#[tokio::test]
async fn after_a_time_out_a_decline_is_found() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    let answers = charge(&sandbox, payment, "tok_timeout_decline", 2).await;
    assert!(matches!(answers[0], ProviderAnswer::Unknown(_)), "{answers:?}");
    assert!(matches!(answers[1], ProviderAnswer::Declined(_)), "{answers:?}");
    assert_eq!(effects(&sandbox), (2, 0));
}

#[tokio::test]
async fn a_failing_provider_moves_nothing_until_it_succeeds() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    let answers = charge(&sandbox, payment, "tok_error", 2).await;
    assert!(answers.iter().all(|it| matches!(it, ProviderAnswer::Unknown(_))), "{answers:?}");
    assert_eq!(effects(&sandbox), (2, 0));
    assert_eq!(charge(&sandbox, payment, "tok_error", 2).await, vec![done(payment); 2]);
    assert_eq!(effects(&sandbox), (4, 1));
}

#[tokio::test]
async fn a_call_that_arrives_twice_has_one_effect() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    assert_eq!(charge(&sandbox, payment, "tok_duplicate", 1).await, [done(payment)]);
    assert_eq!(effects(&sandbox), (2, 1));
}

#[tokio::test]
async fn a_key_is_not_used_for_another_amount() {
    let (sandbox, payment) = (Sandbox::in_memory(), ids().fresh());
    charge(&sandbox, payment, "tok_success", 1).await;
    let answer = sandbox.request(ProviderRequest::Charge, payment, "tok_success", None, eur(2_000)).await;
    assert!(matches!(answer, ProviderAnswer::Unknown(_)), "{answer:?}");
    assert_eq!(effects(&sandbox), (1, 1));
}

#[tokio::test]
async fn what_is_authorised_is_captured_or_voided_never_both() {
    let mut ids = ids();
    let sandbox = Sandbox::in_memory();
    let (captured, voided): (PaymentId, PaymentId) = (ids.fresh(), ids.fresh());
    let answer = sandbox.request(ProviderRequest::Capture, captured, "tok_success", None, eur(1_000)).await;
    assert!(matches!(answer, ProviderAnswer::Declined(_)), "not authorised: {answer:?}");

    let sandbox = Sandbox::in_memory();
    for payment in [captured, voided] {
        assert_eq!(
            sandbox.request(ProviderRequest::Authorize, payment, "tok_success", None, eur(1_000)).await,
            done(payment)
        );
    }
    assert_eq!(
        sandbox.request(ProviderRequest::Capture, captured, "tok_success", None, eur(1_000)).await,
        done(captured)
    );
    assert_eq!(
        sandbox.request(ProviderRequest::Void, voided, "tok_success", None, eur(1_000)).await,
        done(voided)
    );
    for (request, payment) in [(ProviderRequest::Void, captured), (ProviderRequest::Capture, voided)] {
        let answer = sandbox.request(request, payment, "tok_success", None, eur(1_000)).await;
        assert!(matches!(answer, ProviderAnswer::Declined(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn refunds_never_exceed_what_was_captured() {
    let mut ids = ids();
    let (sandbox, payment) = (Sandbox::in_memory(), ids.fresh());
    charge(&sandbox, payment, "tok_success", 1).await;
    let reference = format!("sandbox-{payment}");
    let (first, second): (RefundId, RefundId) = (ids.fresh(), ids.fresh());
    for _ in 0..2 {
        assert_eq!(sandbox.refund(first, &reference, eur(600)).await, done(payment));
    }
    let answer = sandbox.refund(second, &reference, eur(401)).await;
    assert!(matches!(answer, ProviderAnswer::Declined(_)), "{answer:?}");
    let answer = sandbox.refund(second, "somebody-else", eur(1)).await;
    assert!(matches!(answer, ProviderAnswer::Declined(_)), "{answer:?}");
}

#[tokio::test]
async fn refunds_can_be_declined_and_can_time_out() {
    let mut ids = ids();
    for (token, firm) in [("tok_refund_decline", true), ("tok_refund_timeout", false)] {
        let (sandbox, payment, refund) = (Sandbox::in_memory(), ids.fresh(), ids.fresh());
        assert_eq!(charge(&sandbox, payment, token, 1).await, [done(payment)]);
        let reference = format!("sandbox-{payment}");
        let first = sandbox.refund(refund, &reference, eur(1_000)).await;
        let second = sandbox.refund(refund, &reference, eur(1_000)).await;
        if firm {
            assert!(matches!(first, ProviderAnswer::Declined(_)), "{first:?}");
            assert_eq!(first, second);
        } else {
            assert!(matches!(first, ProviderAnswer::Unknown(_)), "{first:?}");
            assert_eq!(second, done(payment));
        }
    }
}

#[tokio::test]
async fn the_ledger_survives_a_kill_between_call_and_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data").join("sandbox.jsonl");
    let payment = ids().fresh();
    let sandbox = Sandbox::open(&path).expect("a ledger");
    charge(&sandbox, payment, "tok_timeout", 1).await;
    drop(sandbox);
    // A second line that was being written when the process was killed.
    let mut file = OpenOptions::new().append(true).open(&path).expect("the ledger");
    file.write_all(b"{\"key\":\"CHARGE/pay").expect("a torn line");

    let sandbox = Sandbox::open(&path).expect("the same ledger");
    assert_eq!(effects(&sandbox), (1, 1));
    assert_eq!(charge(&sandbox, payment, "tok_timeout", 1).await, [done(payment)]);
    assert_eq!(effects(&Sandbox::open(&path).expect("again")), (2, 1));
}

fn a_charge(payment: PaymentId) -> ProviderCall {
    let key = format!("CHARGE/{payment}");
    ProviderCall { key, what: What::Charge, payment, token: "tok_success".to_owned(), amount: eur(1) }
}

fn kept_in(path: &Path) -> Ledger {
    let file = File::options().append(true).read(true).create(true).open(path).expect("a ledger");
    Ledger { file: Some(file), ..Ledger::default() }
}

#[test]
fn behind_a_call_that_is_written_down_in_half_none_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let mut ledger = kept_in(&path);
    let mut ids = ids();
    let calls = [a_charge(ids.fresh()), a_charge(ids.fresh())];
    fail::cfg(format!("ledger.{}", calls[0].key), "1*return(error)").expect("a point");
    let answers = ledger.take(calls.iter());
    assert!(answers.len() == 2 && answers.iter().all(Result::is_err), "{answers:?}");

    let answers = ledger.take(calls.iter());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let mut another = kept_in(&path);
    another.locked(|_| Ok(())).expect("whole lines");
    for ledger in [ledger, another] {
        assert!(ledger.kept.len() == 2 && ledger.kept.values().all(|it| (it.calls, it.effects) == (1, 1)));
    }
}

#[test]
fn a_line_that_cannot_be_read_has_none_read_twice_and_a_panic_keeps_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger");
    let (mut ids, mut ledger) = (ids(), kept_in(&path));
    ledger.take([a_charge(ids.fresh())].iter()).remove(0).expect("an answer");
    let torn = catch_unwind(AssertUnwindSafe(|| ledger.locked::<()>(|_| panic!("in the middle"))));
    assert!(torn.is_err());
    File::open(&path).expect("the ledger").try_lock().expect("nobody holds it");

    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut it| it.write_all(b"no line of ours\n"))
        .expect("written");
    let mut another = kept_in(&path);
    for _ in 0..2 {
        assert!(another.locked(|_| Ok(())).is_err());
    }
    assert!(another.kept.values().all(|it| (it.calls, it.effects) == (1, 1)));
}

#[tokio::test]
async fn two_processes_share_a_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandbox.jsonl");
    let (one, two) = (Sandbox::open(&path).expect("one"), Sandbox::open(&path).expect("two"));
    let payment = ids().fresh();
    charge(&one, payment, "tok_timeout", 1).await;
    assert_eq!(charge(&two, payment, "tok_timeout", 1).await, [done(payment)]);
    assert_eq!(effects(&two), (2, 1));
}

#[tokio::test]
async fn what_was_done_with_each_payment_is_listed() {
    let (sandbox, mut ids) = (Sandbox::in_memory(), ids());
    let [charged, authorised, voided, declined]: [PaymentId; 4] = std::array::from_fn(|_| ids.fresh());
    charge(&sandbox, charged, "tok_success", 2).await;
    sandbox.refund(ids.fresh(), &format!("sandbox-{charged}"), eur(400)).await;
    for payment in [authorised, voided] {
        sandbox.request(ProviderRequest::Authorize, payment, "tok_success", None, eur(1_000)).await;
    }
    sandbox.request(ProviderRequest::Void, voided, "tok_success", None, eur(1_000)).await;
    charge(&sandbox, declined, "tok_decline", 1).await;

    let listed = sandbox.payments_since(Timestamp::from_unix_micros(0)).await.expect("it answers");
    let listed = listed.expect("it keeps a list");
    let found = |id: PaymentId| {
        let payment = listed.iter().find(|it| it.id == id)?;
        assert_eq!((payment.amount, &payment.reference), (eur(1_000), &format!("sandbox-{id}")));
        Some((payment.captured_minor, payment.refunded_minor, payment.is_voided))
    };
    assert_eq!(found(charged), Some((1_000, 400, false)));
    assert_eq!(found(authorised), Some((0, 0, false)));
    assert_eq!(found(voided), Some((0, 0, true)));
    assert_eq!((found(declined), listed.len()), (None, 3));
}
