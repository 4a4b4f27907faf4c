//! The actions that an order names are the calls that are not refused.

use proptest::prelude::*;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::sample::select;

use crate::domain::approvals::decide::Decision;
use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::model::action::Action;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::check::{Risk, Rule};
use crate::domain::model::event::Machine;
use crate::domain::model::evidence::Finding;
use crate::domain::model::exchange::Instead;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::ChangeItem;
use crate::domain::model::payment::{Payment, PaymentState, ProviderRequest};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{
    ResolvedUnits, Return, ReturnDisposition, ReturnLine, ReturnReason, ReturnResolution,
};
use crate::domain::model::scalars::{Ids, OrderId, PaymentId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::states::State;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::evidence::Source;
use crate::domain::ordering::resolve::Way;
use crate::domain::ordering::verify::Waive;
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::receive::{ArrivedUnits, InspectedUnits};
use crate::domain::returns::turn::OF_RETURNS;
use crate::domain::shipping::carrier_label::NewCarrierLabel;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::any_sequence::acts::{apply, order_of, proceed, some_act};
use crate::domain::tests::any_sequence::lots::{book_days, stock_to_last};
use crate::domain::tests::any_sequence::placed::{CURRENCIES, a_shop_in};
use crate::domain::tests::any_sequence::returned::end_returns;
use crate::domain::tests::any_sequence::{PLACES, SKUS};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{
    actor, by_card, cash, checks_of, in_house, location_code, one_package, pending, proof, report,
};
use crate::domain::unit::unit_of_work::UnitOfWork;

#[test]
fn the_actions_of_an_order_are_the_calls_that_are_not_refused() {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(currency in select(CURRENCIES.to_vec()), acts in vec(some_act(), 1..60))| {
        let mut bench = a_shop_in(currency);
        for act in &acts {
            apply(&mut bench, act);
            if let Some(id) = order_of(&bench, act) {
                actions_are_true(&bench, id);
                bench.order(id).returns.iter().for_each(|it| actions_of_return_are_true(&bench, it));
            }
        }
    });
}

/// The steps of a table that nothing in `taken` is.
pub(super) fn untaken<S: State>(all: &[S], taken: &BTreeSet<(Machine, String, String)>) -> Vec<String> {
    let first = S::FIRST.iter().map(|to| ("", to.as_str()));
    let steps = all.iter().flat_map(|from| from.next().iter().map(|to| (from.as_str(), to.as_str())));
    let missing = first
        .chain(steps)
        .filter(|(from, to)| !taken.contains(&(S::MACHINE, (*from).to_owned(), (*to).to_owned())));
    missing.map(|(from, to)| format!("{} from {from:?} to {to}", S::MACHINE)).collect()
}

pub(super) fn a_desk<'w>(bench: &'w Bench, name: &str) -> UnitOfWork<'w> {
    UnitOfWork::new(&bench.snapshot, &bench.rules, bench.now, actor(name), Ids::seeded(bench.now, 7))
}

type Probe<'a> = &'a dyn Fn(&mut Order, &mut UnitOfWork<'_>) -> Result<(), Refusal>;

/// Tries every call on a copy: what is listed is not refused for the order's state, what is not listed is.
fn actions_are_true(bench: &Bench, id: OrderId) {
    let order = bench.order(id);
    let listed = order.available_actions();
    let unavailable = order.unavailable_actions();
    for action in Action::ALL {
        let reason = unavailable.iter().find(|it| it.action == *action).map(|it| it.reason.as_str());
        let is_told_why = !listed.contains(action) && reason.is_some_and(|it| !it.is_empty());
        assert!(reason.is_none() || is_told_why, "{action} of a {} order: {reason:?}", order.state);
    }
    let probe = |action: Action, call: Probe<'_>| {
        let outcome = call(&mut order.clone(), &mut a_desk(bench, "judge"));
        // Neither stock nor a deadline nor what is left of a payment is a matter of state.
        if matches!(
            &outcome,
            Err(Refusal::Unmet {
                reason: Reason::ReservationExpired | Reason::LimitReached | Reason::RefundExceedsCapture,
                ..
            })
        ) {
            return;
        }
        let refused = !matches!(&outcome, Ok(()) | Err(Refusal::Short(_)));
        let mut explained = unavailable.clone();
        order.live_shipments().for_each(|it| explained.extend(order.unavailable_actions_of(it)));
        assert!(
            !refused || explained.iter().any(|it| it.action == action),
            "nothing says why {action} of a {} order is refused: {outcome:?}",
            order.state
        );
        assert_eq!(
            listed.contains(&action),
            !refused,
            "{action} of a {} order: {outcome:?}\n{listed:?}",
            order.state
        );
    };
    let missing = || Err(Refusal::not_found("part", "none"));

    probe(Action::CancelOrder, &|order, unit| order.cancel(unit, ""));
    probe(Action::CancelOrderLines, &|order, _| {
        let one = |line: &OrderLine| {
            let units = CancelledUnits { line: line.number, quantity: 1 };
            order.clone().cancel_lines(&mut a_desk(bench, "judge"), &[units], "")
        };
        let tried: Vec<_> = order.lines.iter().map(one).collect();
        let refused = tried.iter().all(Result::is_err);
        let last = tried.into_iter().find(|it| refused || it.is_ok());
        last.expect("an order has lines")
    });
    probe(Action::PlaceHold, &|order, unit| {
        order.place_hold(unit, HoldReason::Other, String::new()).map(|_| ())
    });
    let source = || Source { provider: "post".to_owned(), facts: Vec::new(), reference: String::new() };
    probe(Action::RecordVerification, &|order, unit| {
        order.record_verification(unit, Rule::Address, Finding::Passed, source())
    });
    probe(Action::RecordRiskAssessment, &|order, unit| order.record_risk(unit, Risk::Low, source()));
    probe_changes(order, &probe);
    let hold = order
        .holds
        .iter()
        .find(|it| it.state == HoldState::Active && it.reason != HoldReason::VerificationFailed)
        .map(|it| it.id);
    probe(Action::ReleaseHold, &|order, unit| {
        hold.map_or_else(missing, |it| order.release_hold(unit, it, ""))
    });
    probe(Action::VerifyOrder, &|order, unit| order.verify_again(unit, Waive::Nothing));
    probe(Action::UpdateOrder, &|order, unit| order.correct(unit, &Correction::default()));
    probe(Action::CloseOrder, &|order, unit| order.close(unit));
    let ready = order.open_services().find(|it| !order.awaits_its_change(it));
    let service = ready.or(order.open_services().next()).or(order.services().next()).map(|it| it.number);
    probe(Action::CompleteServiceLine, &|order, unit| {
        service.map_or_else(missing, |it| order.complete_service(unit, it, "", ""))
    });
    probe(Action::ArchiveOrder, &|order, unit| order.archive(unit));
    probe(Action::RestoreOrder, &|order, unit| order.restore(unit, ""));
    probe(Action::SubmitFeedback, &|order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(3, 3)));
    probe(Action::CloseFollowUp, &|order, unit| order.close_follow_up(unit, "made good"));
    probe(Action::RequestFeedback, &Order::ask_again);
    // A second time changes nothing, and is not refused.
    if order.feedback.as_ref().is_none_or(|it| it.state != FeedbackState::OptedOut) {
        probe(Action::OptOutFeedback, &Order::opt_out_of_feedback);
    }
    let late = pending(order).is_some_and(|it| it.expires_at.is_some_and(|end| end <= bench.now));
    let approval = pending(order).map(|it| it.id);
    if !late {
        for (action, decision) in
            [(Action::ApproveRequest, Decision::Approve), (Action::RejectRequest, Decision::Reject)]
        {
            probe(action, &|order, unit| {
                approval.map_or_else(missing, |it| order.decide_approval(unit, it, decision, ""))
            });
        }
    }
    let owing = |it: &&Payment| it.refundable_minor() > 0 || it.owed_by_hand().is_some();
    let refundable = order.payments.iter().find(owing).map(|it| it.id);
    probe(Action::RefundPayment, &|order, unit| {
        refundable.map_or_else(missing, |it| order.refund(unit, it, None, "").map(|_| ()))
    });
    probe(Action::CreateReturn, &|order, unit| {
        let one = |line: &OrderLine| ReturnedUnits {
            line: line.number,
            quantity: 1,
            reason: ReturnReason::Damaged,
            note: String::new(),
        };
        let back =
            order.lines.iter().find(|it| order.returnable_units(it.number) > 0).or(order.lines.first());
        let units: Vec<_> = back.map(one).into_iter().collect();
        order.create_return(unit, &units, "asked nicely").map(drop)
    });
    probe(Action::RecordPayment, &|order, unit| order.record_payment(unit, &cash(None)).map(|_| ()));
    probe(Action::AuthorizePayment, &|order, unit| {
        order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)).map(|_| ())
    });
    let authorised = order.payments.iter().find(|it| it.state == PaymentState::Authorized).map(|it| it.id);
    probe(Action::VoidPayment, &|order, unit| {
        authorised.map_or_else(missing, |it| order.begin_void(unit, it))
    });
    probe(Action::CapturePayment, &|order, unit| match authorised {
        Some(payment) => order.begin_capture(unit, payment),
        None => order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)).map(|_| ()),
    });

    for shipment in order.live_shipments().take(1) {
        if order.live_shipments().count() > 1 {
            continue;
        }
        let id = shipment.id;
        let packages = i32::try_from(shipment.packages.len()).unwrap_or(0);
        let units = |action: Action| {
            let left = shipment.items.iter().find(|it| it.picked < it.quantity);
            match (action, left) {
                (Action::RecordPick, Some(it)) => vec![LineUnits { line: it.line, units: 1 }],
                _ => Vec::new(),
            }
        };
        probe(Action::StartPicking, &|order, unit| order.start_picking(unit, id));
        probe(Action::RecordPick, &|order, unit| order.record_pick(unit, id, &units(Action::RecordPick)));
        probe(Action::RecordQualityCheck, &|order, unit| {
            order.record_quality_check(unit, id, &checks_of(shipment, 0))
        });
        probe(Action::PackShipment, &|order, unit| order.pack(unit, id, one_package(shipment)));
        probe(Action::CreateShippingLabel, &|order, unit| order.create_label(unit, id));
        probe(Action::VoidShippingLabel, &|order, unit| order.void_label(unit, id));
        probe(Action::AssignCourier, &|order, unit| {
            order.assign_courier(unit, id, None, None, &Default::default())
        });
        probe(Action::ConfirmPickup, &|order, unit| {
            order.confirm_pickup(unit, id, "driver 7", packages, None)
        });
        probe(Action::ConfirmDelivery, &|order, unit| {
            order.confirm_delivery(unit, id, proof(unit.now, &actor("courier")))
        });
        let is_astray = matches!(shipment.state, ShipmentState::Returned | ShipmentState::Lost);
        let way = if is_astray { Way::Refund(None) } else { Way::Redeliver };
        probe(Action::ResolveException, &|order, unit| order.resolve_exception(unit, id, &way, "probed"));
        let courier = shipment
            .assignment
            .as_ref()
            .map_or_else(|| "SNAIL".parse().expect("a code"), |it| it.courier.clone());
        let label =
            NewCarrierLabel { package: 1, number: "S1".to_owned(), media_type: String::new(), file: None };
        probe(Action::RecordCarrierLabel, &|order, unit| {
            order.record_carrier_labels(unit, id, &courier, std::slice::from_ref(&label))
        });
        let tell = report(TrackingStatus::InTransit, bench.now);
        probe(Action::RecordTrackingEvents, &|order, unit| {
            order.record_tracking(unit, id, std::slice::from_ref(&tell)).map(|_| ())
        });
    }
}

/// The same for the calls about a return: in each state there is a unit that a call in turn can be about.
fn actions_of_return_are_true(bench: &Bench, it: &Return) {
    let order = bench.order(it.order);
    let listed = it.available_actions();
    let unavailable = order.unavailable_actions_of_return(it);
    assert_eq!(listed.len() + unavailable.len(), OF_RETURNS.len(), "{listed:?} {unavailable:?}");
    let probe = |action: Action, call: Probe<'_>| {
        let outcome = call(&mut order.clone(), &mut a_desk(bench, "judge"));
        assert_eq!(
            listed.contains(&action),
            outcome.is_ok(),
            "{action} of a {} return: {outcome:?}\n{listed:?}",
            it.state
        );
        let why = unavailable.iter().find(|it| it.action == action).map(|it| it.reason.as_str());
        assert_eq!(why.is_some_and(|it| !it.is_empty()), outcome.is_err(), "{action}: {why:?}");
    };

    let (courier, tracking_number) = ("SNAIL".to_owned(), "R1".to_owned());
    for (action, decision) in [
        (Action::AuthorizeReturn, ReturnDecision::Authorize),
        (Action::DeclineReturn, ReturnDecision::Decline("probed".to_owned())),
        (Action::CancelReturn, ReturnDecision::Cancel("probed".to_owned())),
        (Action::RecordReturnTransit, ReturnDecision::Transit { courier, tracking_number }),
        (Action::CloseReturn, ReturnDecision::Close),
    ] {
        probe(action, &|order, unit| order.decide_return(unit, it.id, &decision));
    }
    let away = it.lines.iter().find(|it| it.expected() > 0).map(|it| it.line);
    let here = it.lines.iter().find(|it| it.uninspected() > 0).map(|it| it.line);
    let at = it.location.clone().unwrap_or_else(|| location_code(PLACES[0]));
    let arrived: Vec<_> = away.map(|line| ArrivedUnits { line, quantity: 1 }).into_iter().collect();
    probe(Action::ReceiveReturn, &|order, unit| order.receive_return(unit, it.id, &at, &arrived));
    let thrown_away = here.map(|line| (line, ReturnDisposition::Scrap));
    let inspected = thrown_away.or(away.map(|line| (line, ReturnDisposition::Missing)));
    let inspected: Vec<_> = inspected
        .map(|(line, disposition)| InspectedUnits { line, disposition, quantity: 1, lot: None })
        .into_iter()
        .collect();
    probe(Action::InspectReturn, &|order, unit| order.inspect_return(unit, it.id, &inspected));
    let answered = |line: &ReturnLine| ResolvedUnits {
        line: line.line,
        resolution: ReturnResolution::Reject,
        quantity: line.unresolved(),
        instead: Instead::default(),
    };
    let answers: Vec<_> = it.lines.iter().filter(|it| it.unresolved() > 0).map(answered).collect();
    probe(Action::ResolveReturn, &|order, unit| order.resolve_return(unit, it.id, &answers, "probed"));
}

/// The calls about a change: to draft one, and to take the open one further.
fn probe_changes(order: &Order, probe: &dyn Fn(Action, Probe<'_>)) {
    let Some(line) = order.lines.iter().find(|it| it.is_wanted()) else { return };
    // Instructions are no matter of stock; what is asked for is.
    let items = [ChangeItem::SetInstructions(format!("line {} first", line.number))];
    probe(Action::CreateOrderChange, &|order, unit| order.create_change(unit, &items, "probed").map(|_| ()));
    let Some(open) = order.open_change().map(|it| it.id) else { return };
    probe(Action::CancelOrderChange, &|order, unit| order.cancel_change(unit, open));
    probe(Action::DeclineOrderChange, &|order, unit| order.decline_change(unit, open, "probed"));
}

/// Whatever happened to an order, patient people get it into the archive.
pub(super) fn bring_home(bench: &mut Bench, id: OrderId) {
    for _ in 0..200 {
        if bench.state(id) == OrderState::Archived {
            return;
        }
        one_step_home(bench, id);
    }
    panic!("stuck: {} {:?}\n{:#?}", bench.state(id), bench.order(id).why_open(), bench.timeline(id));
}

fn one_step_home(bench: &mut Bench, id: OrderId) {
    bench.run_due(id);
    book_days(bench);
    bench.settle(id);
    bench.send_messages(id);
    bench.actor = actor("boss");
    end_returns(bench, id);
    bench.settle(id);
    let order = bench.order(id).clone();
    let owing: Vec<_> = order
        .payments
        .iter()
        .filter(|it| it.refundable_minor() > 0 || it.owed_by_hand().is_some())
        .map(|it| it.id)
        .collect();
    for code in SKUS {
        for at in PLACES {
            if bench.level(code, at).available(bench.now) < 50 {
                stock_to_last(bench, code, at, 100);
            }
        }
    }
    // By somebody who never has a hand in it.
    bench.actor = actor("judge");
    for hold in order.holds.iter().filter(|it| it.state == HoldState::Active) {
        if hold.reason != HoldReason::VerificationFailed {
            bench
                .on(id, |order, unit| order.release_hold(unit, hold.id, ""))
                .expect("there is stock for everybody");
        }
    }
    if order.awaits_approval_of_a_change() {
        let approval = order.approvals.iter().rfind(|it| it.state == ApprovalState::Pending).map(|it| it.id);
        let approval = approval.expect("one that is pending");
        bench
            .on(id, |order, unit| order.decide_approval(unit, approval, Decision::Approve, ""))
            .expect("nothing holds it");
        return;
    }
    bench.actor = actor("boss");
    if order.has_open_supplements() && order.state != OrderState::Invoiced && order.due_minor() > 0 {
        match order.payments.iter().find(|it| it.state == PaymentState::Authorized).map(|it| it.id) {
            Some(payment) => bench.on(id, |order, unit| order.begin_void(unit, payment)).expect("given up"),
            None => bench.pay_cash(id),
        }
        return;
    }

    if bench.order(id).waits_for_rest() && bench.fill(id) {
        return;
    }
    match bench.state(id) {
        OrderState::Received => {
            let _ = bench.on(id, |order, unit| order.verify_again(unit, Waive::Duplicate));
            if bench.state(id) == OrderState::Received {
                bench
                    .on(id, |order, unit| order.cancel(unit, "cannot be verified"))
                    .expect("not handed over");
            }
        }
        OrderState::AwaitingStock => {
            assert!(bench.fill(id), "there is stock, and older orders had their turn");
        }
        OrderState::Shipped | OrderState::PartiallyDelivered | OrderState::Delivered
            if order.live_shipments().all(|it| it.state.is_over() || it.state == ShipmentState::Lost)
                && in_house(&order).is_empty()
                && order.open_services().next().is_none() =>
        {
            // One call for each refund that a person owes, and one for the rest.
            for payment in owing.iter().filter(|_| !order.why_open().is_empty()) {
                while bench.on(id, |order, unit| order.refund(unit, *payment, None, "never arrived")).is_ok()
                {
                }
            }
            bench.settle(id);
            bench.on(id, Order::close).expect("nothing is open");
        }
        OrderState::Closed | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
            let owes = |it: &&PaymentId| {
                order.payments.iter().any(|payment| payment.id == **it && payment.owed_by_hand().is_some())
            };
            for payment in owing.iter().filter(|it| order.state != OrderState::Closed || owes(it)) {
                bench
                    .on(id, |order, unit| order.refund(unit, *payment, None, "again"))
                    .expect("not paid back");
            }
            bench.settle(id);
            bench.send_messages(id);
            bench.on(id, Order::archive).expect("nothing is open");
        }
        OrderState::Verified
        | OrderState::Reserved
        | OrderState::ReservationApproved
        | OrderState::Invoiced
        | OrderState::PaymentCaptured
        | OrderState::PaymentApproved
        | OrderState::Fulfilling
        | OrderState::PartiallyShipped
        | OrderState::Shipped
        | OrderState::PartiallyDelivered
        | OrderState::Delivered => proceed(bench, id, 7),
        OrderState::Archived => {}
    }
}
