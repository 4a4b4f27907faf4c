//! What is refused about money.

use crate::domain::model::action::Action;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::MessageKind;
use crate::domain::model::method::Method;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{PaymentState, ProviderRequest};
use crate::domain::model::refund::HandedBack;
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, refused_fields, state_of};
use crate::domain::tests::given::{by_card, cash, declined, done, open_request, order, reason, unknown, usd};
use crate::domain::unit::unit_of_work::UnitOfWork;

// Money.

#[test]
fn nothing_is_paid_twice_or_beyond_what_is_due() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let pay = |amount| {
        move |order: &mut Order, unit: &mut UnitOfWork<'_>| order.record_payment(unit, &cash(amount))
    };
    assert_eq!(reason(bench.on(id, pay(Some(2_001)))), Reason::PaymentExceedsDue);
    assert_eq!(refused_fields(bench.on(id, pay(Some(0)))), ["amount"]);

    bench.on(id, pay(Some(1))).expect("one cent");
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert_eq!(reason(bench.on(id, pay(Some(2_000)))), Reason::PaymentExceedsDue);

    let payment = bench.charge(id);
    assert_eq!(reason(bench.on(id, pay(None))), Reason::PaymentPending);
    let second =
        bench.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)));
    assert_eq!(reason(second), Reason::PaymentPending);

    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.answer(id, payment, ProviderRequest::Charge, &done("c")));
    assert!(
        !bench.answer(id, payment, ProviderRequest::Charge, &done("c")),
        "the same answer again changes nothing"
    );
    assert!(!bench.answer(id, payment, ProviderRequest::Charge, &declined()));
    assert_eq!(bench.order(id).captured_minor(), 2_000);
    assert_eq!(reason(bench.on(id, pay(None))), Reason::IllegalTransition);
}

#[test]
fn what_is_authorised_is_not_paid_in_cash_as_well() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, Some(1_500))))
        .expect("a part of it");
    bench.answer(id, payment, ProviderRequest::Authorize, &done("a"));
    let pay = |amount| {
        move |order: &mut Order, unit: &mut UnitOfWork<'_>| order.record_payment(unit, &cash(amount))
    };
    assert_eq!(reason(bench.on(id, pay(Some(501)))), Reason::PaymentExceedsDue);
    bench.on(id, pay(None)).expect("the rest of it");
    assert_eq!(reason(bench.on(id, pay(None))), Reason::PaymentExceedsDue);
    bench.on(id, |order, unit| order.begin_void(unit, payment)).expect("given up");
    bench.answer(id, payment, ProviderRequest::Void, &done("v"));
    bench.on(id, pay(None)).expect("in cash after all");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
}

#[test]
fn cash_and_transfers_are_recorded_with_what_proves_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (one, two) = (bench.placed(&order("ada", &[("A-1", 1)])), bench.placed(&order("bob", &[("A-1", 1)])));
    let mut money = cash(None);
    money.tendered = Some(usd(999));
    assert_eq!(refused_fields(bench.on(one, |order, unit| order.record_payment(unit, &money))), ["tendered"]);

    money.method = Method::BankTransfer;
    money.tendered = None;
    money.reference = "RF18 5390".to_owned();
    bench.on(one, |order, unit| order.record_payment(unit, &money)).expect("a transfer");
    for same in ["RF18 5390", " rf18 5390", "Rf18 5390 "] {
        money.reference = same.to_owned();
        let again = bench.on(two, |order, unit| order.record_payment(unit, &money));
        assert!(matches!(again, Err(Refusal::Exists { .. })), "{again:?}");
    }
}

#[test]
fn cash_is_paid_back_when_a_person_says_so_not_when_an_order_ends() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pay_cash(id);
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("nothing is handed over");
    let owed = bench.order(id).payments[0].refunds[0].clone();
    assert_eq!(owed.state, RefundState::Pending);
    bench.send_messages(id);
    assert_eq!(reason(bench.on(id, Order::archive)), Reason::NotArchivable);

    let payment = bench.order(id).payments[0].id;
    let part = bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(1)), ""));
    assert_eq!(refused_fields(part), ["amount"]);
    assert_eq!(bench.on(id, |order, unit| order.refund(unit, payment, None, "")), Ok(owed.id));
    assert_eq!(bench.order(id).payments[0].refunds[0].state, RefundState::Succeeded);
}

#[test]
fn a_pinned_reservation_never_expires_and_gets_a_second_chance_after_a_decline() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pass(bench.rules.reservation_lifetime_seconds - 10);
    let payment = bench.charge(id);
    bench.pass(86_400);
    bench.run_due(id);
    assert!(bench.create_order(&order("bob", &[("A-1", 1)])).is_err(), "the last one is being paid for");
    bench.answer(id, payment, ProviderRequest::Charge, &unknown());
    assert_eq!(bench.state(id), OrderState::Invoiced);
    assert!(bench.order(id).reservations[0].expires_at.is_none());

    bench.answer(id, payment, ProviderRequest::Charge, &declined());
    assert_eq!(state_of(&bench, id, Step::CapturePayment), StepState::Failed);
    bench.pass(299);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    let second = bench.charge(id);
    bench.answer(id, second, ProviderRequest::Charge, &declined());
    bench.pass(300);
    let late = bench.on(id, |order, unit| order.record_payment(unit, &cash(None)));
    assert_eq!(reason(late), Reason::ReservationExpired);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert_eq!(bench.shelf("A-1", "NYC"), (1, 0, 0));
}

#[test]
fn a_part_payment_never_shortens_a_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let ends = bench.order(id).reservations[0].expires_at;
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(400)))).expect("a part");
    assert_eq!(bench.order(id).reservations[0].expires_at, ends);
    bench.pass(bench.rules.reservation_lifetime_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Expired);
    assert_eq!(bench.order(id).refunded_minor(), 400);
}

#[test]
fn money_that_arrives_after_the_cancel_is_paid_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &unknown());
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 0, 0));
    assert!(bench.order(id).has_open_money(), "the provider may still capture");

    assert!(bench.answer(id, payment, ProviderRequest::Charge, &done("late")));
    let refund = &bench.order(id).payments[0].refunds[0];
    assert_eq!((refund.amount, refund.state), (usd(2_000), RefundState::Pending));
    assert_eq!(bench.order(id).invoices[0].state, InvoiceState::Void);
    bench.settle(id);
    assert!(!bench.order(id).has_open_money());
    let told = |kind| bench.order(id).messages.iter().any(|it| it.kind == kind);
    assert!(told(MessageKind::RefundIssued) && told(MessageKind::OrderCancelled));
}

#[test]
fn authorisations_of_a_cancelled_order_are_voided_one_after_the_other() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    for _ in 0..2 {
        let payment = bench
            .on(id, |order, unit| {
                order.begin_payment(unit, &by_card(ProviderRequest::Authorize, Some(1_000)))
            })
            .expect("a half");
        bench.answer(id, payment, ProviderRequest::Authorize, &done("a"));
    }
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    assert_eq!(open_request(bench.order(id)).map(|it| it.1), Some(ProviderRequest::Void));
    bench.settle(id);
    assert!(bench.order(id).payments.iter().all(|it| it.state == PaymentState::Voided));
}

#[test]
fn nothing_is_paid_back_beyond_what_was_captured() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    let refund = |bench: &mut Bench, minor: Option<i64>| {
        bench.on(id, |order, unit| order.refund(unit, payment, minor.map(usd), "late"))
    };
    assert_eq!(reason(refund(&mut bench, None)), Reason::IllegalTransition);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    assert_eq!(reason(refund(&mut bench, Some(2_001))), Reason::RefundExceedsCapture);
    let first = refund(&mut bench, Some(1_200)).expect("a part");
    assert_eq!(reason(refund(&mut bench, Some(801))), Reason::RefundExceedsCapture);

    // A refused refund may be asked for again.
    bench.on(id, |order, unit| order.answer_refund(unit, first, &declined())).expect("an answer");
    refund(&mut bench, None).expect("all of it");
    assert_eq!(reason(refund(&mut bench, Some(1))), Reason::RefundExceedsCapture);
}

#[test]
fn what_the_provider_refuses_to_pay_back_a_person_pays_back_by_other_means() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5390".to_owned() };
    let by_hand = |bench: &mut Bench, minor: Option<i64>| {
        bench
            .on(id, |order, unit| order.refund_by_hand(unit, payment, minor.map(usd), "card closed", &handed))
    };
    assert_eq!(reason(by_hand(&mut bench, None)), Reason::IllegalTransition);

    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    assert_eq!(reason(by_hand(&mut bench, None)), Reason::IllegalTransition);
    let first = bench.order(id).payments[0].refunds[0].id;
    bench.on(id, |order, unit| order.answer_refund(unit, first, &declined())).expect("an answer");
    bench.send_messages(id);
    assert_eq!(reason(bench.on(id, Order::archive)), Reason::NotArchivable);
    assert!(bench.order(id).available_actions().contains(&Action::RefundPayment));

    assert_eq!(reason(by_hand(&mut bench, Some(2_001))), Reason::RefundExceedsCapture);
    by_hand(&mut bench, Some(500)).expect("a part");
    let second = by_hand(&mut bench, None).expect("the rest");
    assert_eq!(reason(by_hand(&mut bench, Some(1))), Reason::RefundExceedsCapture);
    let refund = bench.order(id).payments[0].refunds.last().expect("the rest").clone();
    assert_eq!((refund.id, refund.state, refund.amount), (second, RefundState::Succeeded, usd(1_500)));
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5390".to_owned() };
    assert_eq!(refund.handed_back, Some(handed));

    bench.send_messages(id);
    bench.on(id, Order::archive).expect("nothing is owed");
}

#[test]
fn cash_may_be_paid_back_by_transfer_and_what_is_owed_is_settled_by_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    let owed = bench.order(id).payments[0].refunds[0].id;
    let handed = HandedBack { method: Method::BankTransfer, reference: "RF18 5391".to_owned() };
    let part =
        bench.on(id, |order, unit| order.refund_by_hand(unit, payment, Some(usd(1)), "a part", &handed));
    assert_eq!(refused_fields(part), ["amount"]);
    let refund = bench.on(id, |order, unit| order.refund_by_hand(unit, payment, None, "", &handed));
    assert_eq!(refund, Ok(owed));
    assert_eq!(bench.order(id).payments[0].refunds.len(), 1);
    assert_eq!(bench.order(id).payments[0].refunds[0].handed_by(), Some(Method::BankTransfer));
}

#[test]
fn a_part_of_an_unpaid_invoice_is_not_refunded() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(500)))).expect("a part");
    let refused = bench.on(id, |order, unit| order.refund(unit, payment, None, ""));
    assert_eq!(reason(refused), Reason::IllegalTransition);
    bench.on(id, |order, unit| order.cancel(unit, "")).expect("cancelled");
    assert_eq!(bench.order(id).refunded_minor(), 500);
}
