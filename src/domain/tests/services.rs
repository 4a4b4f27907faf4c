//! Services: what they do not need, when they are done, and what waits for them.

use crate::domain::catalogue::product::UpdateProduct;
use crate::domain::customers::feedback::FeedbackAnswer;
use crate::domain::inventory::adjust::{AdjustReason, adjust_stock};
use crate::domain::inventory::availability::{Destination, Inquiry, check_availability};
use crate::domain::inventory::receive::receive_stock;
use crate::domain::inventory::replenish::set_reorder_rule;
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::action::Action;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::ShippingFee;
use crate::domain::model::product::ProductChange;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OrderId, ServiceLevel};
use crate::domain::model::waiting::StuckGate;
use crate::domain::ordering::change::Correction;
use crate::domain::process::status::{FulfillmentStatus, LineProgress};
use crate::domain::process::timeline::steps::{Step, StepState};
use crate::domain::tests::bench::{Bench, others, refused_fields, state_of};
use crate::domain::tests::given::{location_code, order, reason, rule, sku, usd, waiting};
use crate::domain::unit::command::Command;

fn complete(bench: &mut Bench, id: OrderId, line: i32) -> Result<(), Refusal> {
    bench.by("fitter").on(id, |order, unit| order.complete_service(unit, line, "fitted", "report 7"))
}

fn told(bench: &Bench, id: OrderId, kind: MessageKind) -> bool {
    bench.order(id).messages.iter().any(|it| it.kind == kind)
}

fn with_fee() -> Bench {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    bench.rules.shipping_fees.push(ShippingFee {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        service: ServiceLevel::Standard,
        currency: usd(0).currency,
        fee_minor: 700,
    });
    bench
}

#[test]
fn an_order_of_services_only_needs_no_stock_and_is_delivered_when_all_are_done() {
    let mut bench = with_fee();
    let id = bench.placed(&order("ada", &[("FIT", 1), ("TUNE", 3)]));
    let placed = bench.order(id);
    assert_eq!(placed.state, OrderState::Invoiced);
    assert!(placed.reservations.is_empty() && placed.approvals.is_empty());
    assert_eq!((placed.promised_by, placed.promise.clone()), (None, None));
    assert_eq!(placed.amounts.shipping_minor, 0, "nothing is shipped");
    assert_eq!(reason(complete(&mut bench, id, 1)), Reason::IllegalTransition);
    bench.pass(90 * 86_400);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Invoiced, "no stock is held for it, so it does not expire");

    bench.by("clerk").pay_cash(id);
    let paid = bench.order(id);
    assert_eq!((paid.state, paid.shipments.len()), (OrderState::Fulfilling, 0));
    assert_eq!(paid.fulfillment_status(), FulfillmentStatus::InPreparation);
    let wait = paid.waits_for().expect("it waits");
    assert_eq!((wait.gate, wait.opened_by), (StuckGate::Service, vec!["CompleteServiceLine"]));
    assert_eq!(paid.next_step().map(|it| it.1).as_deref(), Some("CompleteServiceLine for line 1, line 2"));
    for step in Step::ALL
        .iter()
        .copied()
        .filter(|it| (3..=5).contains(&it.number()) || (9..=16).contains(&it.number()))
    {
        let line = bench.timeline(id)[usize::from(step.number()) - 1].clone();
        assert_eq!((line.state, line.note.as_str()), (StepState::Skipped, "services only"), "{step}");
    }

    complete(&mut bench, id, 2).expect("it is paid");
    assert_eq!(bench.state(id), OrderState::Fulfilling);
    assert_eq!(bench.order(id).fulfillment_status(), FulfillmentStatus::PartiallyDelivered);
    let progress = LineProgress { reserved: 0, shipped: 0, delivered: 3, cancelled: 0 };
    assert_eq!(bench.order(id).line_progress(2), progress);
    assert_eq!(state_of(&bench, id, Step::ConfirmToCustomer), StepState::InProgress);
    bench.pass(60);
    complete(&mut bench, id, 1).expect("the last one");
    let done = bench.order(id).lines[0].done.clone().expect("done");
    assert_eq!((done.by.as_str(), done.at, done.proof_reference.as_str()), ("fitter", bench.now, "report 7"));
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert_eq!(bench.order(id).fulfillment_status(), FulfillmentStatus::Delivered);
    assert!(told(&bench, id, MessageKind::DeliveryConfirmed) && !told(&bench, id, MessageKind::Shipped));
    assert_eq!(reason(complete(&mut bench, id, 1)), Reason::IllegalTransition);

    bench
        .on(id, |order, unit| order.submit_feedback(unit, &FeedbackAnswer::overall(5, 5)))
        .expect("asked for");
    bench.on(id, Order::close).expect("nothing is open");
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("over");
    assert_eq!(state_of(&bench, id, Step::PrepareNextOrder), StepState::Skipped);
    assert!(bench.timeline(id).iter().all(|it| !it.is_open()));
}

#[test]
fn goods_and_services_are_delivered_with_the_goods_and_closed_with_the_services() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.placed(&order("ada", &[("FIT", 2), ("A-1", 2)]));
    let placed = bench.order(id).clone();
    assert_eq!(placed.reservations[0].items.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);
    let found = placed.availability.expect("looked up");
    assert_eq!(found.lines.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);
    let legs = placed.promise.expect("a promise").legs;
    assert_eq!(legs.iter().flat_map(|it| it.lines.clone()).collect::<Vec<_>>(), [2]);
    bench.pay_cash(id);
    assert!(bench.order(id).available_actions().contains(&Action::CompleteServiceLine));
    assert_eq!(bench.shipment(id, 0).items.iter().map(|it| it.line).collect::<Vec<_>>(), [2]);

    bench.ship(id, 0);
    bench.pass(86_400);
    bench.deliver(id, 0);
    bench.send_messages(id);
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert_eq!(bench.order(id).why_open(), ["services are not done: line 1"]);
    let wait = bench.order(id).waits_for().expect("it waits");
    assert_eq!((wait.gate, wait.opened_by), (StuckGate::Service, vec!["CompleteServiceLine"]));
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);
    bench.pass(60 * 86_400);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Delivered);

    complete(&mut bench, id, 1).expect("the fitter came");
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Delivered, "the time for feedback begins with the service");
    bench.pass(bench.rules.close_after_seconds);
    bench.run_due(id);
    assert_eq!(bench.state(id), OrderState::Closed);
}

#[test]
fn only_services_are_completed_once_and_not_while_the_order_is_on_hold() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = bench.paid(&order("ada", &[("A-1", 1), ("FIT", 1)]));
    assert_eq!(refused_fields(complete(&mut bench, id, 1)), ["line_number"]);
    assert_eq!(refused_fields(complete(&mut bench, id, 3)), ["line_number"]);
    let hold = bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, String::new()))
        .expect("a hold");
    assert_eq!(reason(complete(&mut bench, id, 2)), Reason::HoldActive);
    assert!(!bench.order(id).available_actions().contains(&Action::CompleteServiceLine));
    bench.on(id, |order, unit| order.release_hold(unit, hold, "")).expect("released");
    complete(&mut bench, id, 2).expect("free again");
    assert_eq!(reason(complete(&mut bench, id, 2)), Reason::IllegalTransition);
}

#[test]
fn a_hold_stops_an_order_that_waits_for_its_services() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.paid(&order("ada", &[("FIT", 1)]));
    bench
        .on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, String::new()))
        .expect("a hold");
    assert_eq!(bench.order(id).waits_for().map(|it| it.gate), Some(StuckGate::Hold));
    assert_eq!(state_of(&bench, id, Step::ConfirmToCustomer), StepState::Blocked);
}

#[test]
fn an_order_is_cancelled_while_a_service_is_to_be_done_and_pays_back_all() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.paid(&order("ada", &[("FIT", 1), ("TUNE", 1)]));
    complete(&mut bench, id, 2).expect("it is paid");
    bench.on(id, |order, unit| order.cancel(unit, "moved away")).expect("not all is done");
    bench.settle(id);
    assert_eq!(bench.order(id).refunded_minor(), bench.order(id).captured_minor());
    assert_eq!(bench.order(id).line_progress(1).cancelled, 1);
    assert_eq!(bench.order(id).line_progress(2).cancelled, 0);
    assert_eq!(reason(complete(&mut bench, id, 1)), Reason::IllegalTransition);

    let done = bench.paid(&order("bob", &[("FIT", 1)]));
    complete(&mut bench, done, 1).expect("it is paid");
    let late = bench.on(done, |order, unit| order.cancel(unit, "too late"));
    assert_eq!(reason(late), Reason::IllegalTransition);
}

#[test]
fn a_service_is_not_waited_for_while_goods_are_short() {
    let mut bench = Bench::with_stock(&[]);
    let id = bench.placed(&waiting(order("ada", &[("FIT", 4), ("A-1", 2)])));
    assert_eq!(bench.state(id), OrderState::AwaitingStock);
    assert_eq!(bench.order(id).availability.as_ref().map(|it| it.lines.len()), Some(1));
    bench.stock("A-1", "NYC", 2);
    assert!(bench.fill(id));
    assert_eq!(bench.state(id), OrderState::Invoiced);
}

#[test]
fn there_is_no_stock_of_a_service() {
    let mut bench = Bench::with_stock(&[]);
    let (code, at) = (sku("FIT"), location_code("NYC"));
    let received = bench.decide(|unit| receive_stock(unit, &code, &at, 1, "", None));
    assert_eq!(refused_fields(received), ["sku"]);
    let adjusted = bench.decide(|unit| adjust_stock(unit, &code, &at, 1, AdjustReason::Found, "", ""));
    assert_eq!(refused_fields(adjusted), ["sku"]);
    let ruled = bench.decide(|unit| set_reorder_rule(unit, &code, &at, rule(5, None), ""));
    assert_eq!(refused_fields(ruled), ["sku"]);
    let reserved = bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1), ("FIT", 1)], 60)));
    assert_eq!(refused_fields(reserved), ["lines[1].sku"]);
}

#[test]
fn a_service_is_always_available_and_promises_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut ask = |lines: &[(&str, i64)]| {
        let inquiry = Inquiry {
            destination: Destination::Country("US".to_owned(), String::new()),
            lines: lines.iter().map(|it| (sku(it.0), it.1)).collect(),
            service: ServiceLevel::Standard,
            requested_by: Some(bench.now),
        };
        let found = bench.decide(|unit| check_availability(unit, &inquiry)).expect("an answer");
        found.best().clone()
    };
    let both = ask(&[("FIT", 900), ("A-1", 2), ("TUNE", 1)]);
    let lines: Vec<_> =
        both.found.lines.iter().map(|it| (it.line, it.available, it.ship_at.is_some())).collect();
    assert_eq!(lines, [(1, 900, false), (2, 5, true), (3, 1, false)]);
    assert_eq!(both.promise.map(|it| it.legs[0].lines.clone()), Some(vec![2]));
    assert_eq!(both.found.requested_date_feasible, Some(false));

    let only = ask(&[("FIT", 900)]);
    assert!(only.found.lines.iter().all(|it| it.shortage.is_empty()));
    assert_eq!((only.promise, only.found.requested_date_feasible), (None, None));
}

#[test]
fn a_service_has_nothing_that_only_goods_have_and_is_one_for_ever() {
    let mut bench = Bench::with_stock(&[]);
    let mut change = |changes| {
        bench.decide(|unit| UpdateProduct { sku: sku("FIT"), changes, etag: String::new() }.decide(unit))
    };
    let heavy = change(vec![ProductChange::WeightGrams(5), ProductChange::Fragile(true)]);
    assert_eq!(refused_fields(heavy), ["product.weight_grams", "product.fragile"]);
    assert!(change(vec![ProductChange::Name("Fitting".to_owned())]).expect("renamed").is_service());
}

#[test]
fn the_shipping_fee_of_the_rules_follows_whether_anything_is_shipped() {
    let mut bench = with_fee();
    let mut new = order("ada", &[("FIT", 1)]);
    new.customer.email = "nobody".to_owned();
    let id = bench.placed(&new);
    assert_eq!(bench.order(id).amounts.shipping_minor, 0);
    for (code, fee) in [("A-1", 700), ("TUNE", 0)] {
        let lines = Some(order("ada", &[(code, 1)]).lines);
        let correction = Correction { lines, ..Correction::default() };
        bench.on(id, |order, unit| order.correct(unit, &correction)).expect("nothing is reserved");
        assert_eq!(bench.order(id).amounts.shipping_minor, fee, "{code}");
    }
}
