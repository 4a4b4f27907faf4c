//! What still happens to an archived order, and how it comes back.

use std::time::Duration;

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::{MessageKind, MessageState};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OrderId, PaymentId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, state_of};
use crate::domain::tests::given::{done, order, reason, usd};

impl Bench {
    /// An order of one shipment, delivered and closed; paid by card.
    pub(super) fn closed(&mut self, new: &NewOrder) -> (OrderId, PaymentId) {
        let id = self.placed(new);
        let payment = self.charge(id);
        self.answer(id, payment, ProviderRequest::Charge, &done("c"));
        self.ship(id, 0);
        self.pass(60);
        self.deliver(id, 0);
        self.send_messages(id);
        self.on(id, Order::close).expect("nothing is open");
        (id, payment)
    }
}

/// Delivered, closed and archived; paid by card.
fn archived(bench: &mut Bench) -> (OrderId, PaymentId) {
    let (id, payment) = bench.closed(&order("ada", &[("A-1", 2)]));
    bench.pass(60);
    bench.on(id, Order::archive).expect("closed");
    (id, payment)
}

fn a_bench() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9)])
}

pub(super) fn legal<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Vec<Action> {
    match refused {
        Err(Refusal::Unmet { legal, .. }) => legal,
        other => panic!("expected a refusal that says what is legal, not {other:?}"),
    }
}

#[test]
fn money_goes_back_at_any_time_with_a_letter_and_the_order_stays_archived() {
    let mut bench = a_bench();
    let (id, payment) = archived(&mut bench);
    assert_eq!(bench.order(id).due_at(&bench.rules), None, "nothing is to be done of it");
    let listed = bench.order(id).available_actions();
    assert_eq!(
        listed,
        [Action::RefundPayment, Action::CreateReturn, Action::RecordTrackingEvents, Action::RestoreOrder]
    );

    bench.pass(400 * 86_400);
    let refund = bench
        .on(id, |order, unit| order.refund(unit, payment, Some(usd(500)), "a late complaint"))
        .expect("a part of it");
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(bench.now), "a worker asks the provider");
    bench.settle(id);
    let order = bench.order(id);
    assert_eq!(order.payments[0].refunds[0].state, RefundState::Succeeded);
    assert_eq!((order.payments[0].refunds[0].id, order.state), (refund, OrderState::Archived));
    let letter = order.messages.iter().find(|it| it.kind == MessageKind::RefundIssued).expect("a letter");
    assert_eq!(letter.state, MessageState::Queued);
    assert_eq!(order.due_at(&bench.rules), Some(letter.due_at));
    bench.send_messages(id);
    assert_eq!(bench.order(id).due_at(&bench.rules), None);

    bench.on(id, |order, unit| order.refund(unit, payment, None, "and the rest")).expect("the rest");
    let too_much = bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(1)), ""));
    assert_eq!(reason(too_much), Reason::RefundExceedsCapture);
    assert!(!bench.order(id).available_actions().contains(&Action::RefundPayment));
    bench.settle(id);
    assert_eq!(bench.state(id), OrderState::Archived);
}

#[test]
fn late_reports_are_recorded_and_nobody_is_told() {
    let mut bench = a_bench();
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, unit| order.refund(unit, payment, None, "lost")).expect("paid back");
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.on(id, Order::archive).expect("closed");
    let letters = bench.order(id).messages.len();

    bench.pass(86_400);
    for status in [TrackingStatus::InTransit, TrackingStatus::DeliveryAttempted, TrackingStatus::Delivered] {
        bench.pass(3_600);
        assert_eq!(bench.report(id, 0, status), 1, "{status} is recorded");
    }
    let found = bench.order(id);
    assert_eq!(found.shipments[0].state, ShipmentState::Delivered);
    assert!(found.shipments[0].proof.is_some());
    assert_eq!((found.state, found.delivered_at), (OrderState::Archived, None));
    assert_eq!(found.messages.len(), letters, "no letter about what was settled long ago");
    assert_eq!(found.actions_of(&found.shipments[0]), [Action::RecordTrackingEvents]);
}

#[test]
fn a_restored_order_is_as_before_and_is_archived_again_in_time() {
    let mut bench = a_bench();
    let (id, _) = archived(&mut bench);
    let before = bench.order(id).clone();
    let wait = bench.rules.archive_after_seconds;
    bench.pass(10 * wait);
    bench.by("dana");
    bench.on(id, |order, unit| order.restore(unit, "the customer called")).expect("archived");

    let order = bench.order(id).clone();
    assert_eq!((order.state, order.archived_from, order.archived_at), (OrderState::Closed, None, None));
    assert_eq!((order.closed_at, order.restored_at), (before.closed_at, Some(bench.now)));
    let event = bench.history(id).last().expect("an event").clone();
    assert_eq!((event.kind, event.actor.as_str()), (EventKind::OrderRestored, "dana"));
    assert_eq!(order.restore_reason, "the customer called");
    assert_eq!(state_of(&bench, id, Step::ArchiveOrder), StepState::Ready);
    assert!(order.available_actions().contains(&Action::ArchiveOrder));
    assert_eq!(order.due_at(&bench.rules), Some(bench.now.plus(Duration::from_secs(wait))));

    bench.run_due(id);
    bench.pass(wait - 1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed, "not at once, however long ago it was closed");
    bench.pass(1);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Archived);
    let archived = &bench.timeline(id)[usize::from(Step::ArchiveOrder.number()) - 1];
    assert_eq!((archived.state, archived.done_at), (StepState::Done, Some(bench.now)));
    bench.on(id, |order, unit| order.restore(unit, "once more")).expect("as often as it takes");
}

#[test]
fn what_ended_early_is_restored_as_that() {
    let mut bench = a_bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("nothing is open");
    assert_eq!(bench.order(id).available_actions(), [Action::RestoreOrder]);
    bench.pass(3_600);
    bench.on(id, |order, unit| order.restore(unit, "why was it cancelled?")).expect("archived");
    assert_eq!(bench.state(id), OrderState::Cancelled);
    let wait = Duration::from_secs(bench.rules.archive_after_seconds);
    assert_eq!(bench.order(id).due_at(&bench.rules), Some(bench.now.plus(wait)));
}

#[test]
fn nothing_is_restored_that_is_not_archived_or_archived_that_is() {
    let mut bench = a_bench();
    let id = bench.placed(&order("ada", &[("A-1", 1)]));
    let refused = bench.on(id, |order, unit| order.restore(unit, ""));
    assert_eq!(reason(refused), Reason::IllegalTransition);

    let (id, _) = archived(&mut bench);
    let again = bench.on(id, Order::archive);
    let Err(Refusal::Unmet { reason, message, .. }) = &again else { panic!("archived twice: {again:?}") };
    assert_eq!(*reason, Reason::IllegalTransition);
    assert!(message.contains("archive already, since"), "{message}");
    assert!(legal(again).contains(&Action::RestoreOrder));
    let close = bench.on(id, Order::close);
    assert!(legal(close).contains(&Action::RestoreOrder));
    let cancel = bench.on(id, |order, unit| order.cancel(unit, ""));
    assert!(legal(cancel).contains(&Action::RestoreOrder));
}
