//! The history and the feed say what happened in words of their own: what people wrote stands with what it is about.

use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::model::approval::Gate;
use crate::domain::model::booking::{BookedCourier, BookedParts, BookingAnswer, CourierAnswer};
use crate::domain::model::hold::HoldReason;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::scalars::OrderId;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{checks_of, dear, done, order, pending, usd};

/// What people write wherever they may.
const SAID: &str = "zebra";

fn says_nothing_of_it(bench: &Bench, id: OrderId) {
    let events = bench.history(id);
    let repeats: Vec<_> = events.iter().filter(|it| it.text.contains(SAID)).collect();
    assert!(!events.is_empty() && repeats.is_empty(), "{repeats:?}");
}

#[test]
fn no_summary_repeats_why_an_order_was_held_cancelled_or_restored() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Other, SAID.to_owned()))
        .expect("a hold");
    bench.on(id, |order, unit| order.release_hold(unit, hold, SAID)).expect("released");
    let units = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, SAID)).expect("one unit less");
    bench.on(id, |order, unit| order.cancel(unit, SAID)).expect("cancelled");
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("over");
    bench.on(id, |order, unit| order.restore(unit, SAID)).expect("restored");

    says_nothing_of_it(&bench, id);
    let order = bench.order(id);
    assert_eq!((order.cancel_reason.as_str(), order.restore_reason.as_str()), (SAID, SAID));
    assert_eq!(order.line_cancellations[0].reason, SAID);
    assert_eq!(order.state, OrderState::Cancelled);
}

#[test]
fn no_summary_repeats_what_an_approver_a_checker_or_a_customer_wrote() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let rejected = bench.placed(&dear(order("bob", &[("A-1", 1)])));
    let approval = pending(bench.order(rejected)).map(|it| (it.id, it.gate)).expect("a dear order waits");
    assert_eq!(approval.1, Gate::Reservation);
    let reject = crate::domain::approvals::decide::Decision::Reject;
    bench.by("boss");
    bench
        .on(rejected, |order, unit| order.decide_approval(unit, approval.0, reject, SAID))
        .expect("rejected");
    says_nothing_of_it(&bench, rejected);

    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("c"));
    bench.pick(id, 0);
    let shipment = bench.shipment(id, 0).clone();
    let mut checks = checks_of(&shipment, 1);
    checks.iter_mut().for_each(|it| it.defect = SAID.to_owned());
    bench
        .on(id, |order, unit| order.record_quality_check(unit, shipment.id, &checks))
        .expect("one unit fails");
    bench.ship(id, 0);
    bench.pass(60);
    bench.deliver(id, 0);
    let answer = FeedbackAnswer { comment: SAID.to_owned(), ..FeedbackAnswer::overall(1, 1) };
    bench.on(id, |order, unit| order.submit_feedback(unit, &answer)).expect("an answer");
    bench.on(id, |order, unit| order.close_follow_up(unit, SAID)).expect("a task");
    bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(100)), SAID)).expect("a refund");
    says_nothing_of_it(&bench, id);
}

#[test]
fn no_summary_repeats_what_a_courier_answered() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let booked = BookedCourier { parts: BookedParts::Label, track_every: None };
    for code in ["SNAIL", "ROCKET"] {
        bench.rules.booked_couriers.insert(code.parse().expect("a courier code"), booked);
    }
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    let shipment = bench.shipment(id, 0);
    let (shipment, booking) = (shipment.id, shipment.booking.as_ref().expect("it is booked").id);
    let refused = BookingAnswer::Label(CourierAnswer::Refused(format!("nobody lives at {SAID}")));
    bench
        .on(id, |order, unit| order.answer_booking(unit, shipment, booking, &refused))
        .expect("an answer is recorded");
    says_nothing_of_it(&bench, id);
    let kept = bench.shipment(id, 0).courier_refusal.clone().expect("the shipment says it");
    assert!(kept.contains(SAID), "{kept}");
}
