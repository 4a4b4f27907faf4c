//! Goods come back: in time, once, onto the shelf or not, and the customer is answered for every unit.

mod arrivals;
mod sums;

use crate::domain::model::action::Action;
use crate::domain::model::discount::Gives;
use crate::domain::model::exchange::{Exchange, Instead};
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{AddedLine, ChangeItem};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::ResolvedUnits;
use crate::domain::model::returns::{
    Return, ReturnDisposition, ReturnLine, ReturnReason, ReturnResolution, ReturnState, ReturnTransit,
};
use crate::domain::model::scalars::{OrderId, ReturnId};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::resolve::Way;
use crate::domain::returns::create::{RETURNS_MAX, ReturnedUnits};
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::receive::{ArrivedUnits, InspectedUnits};
use crate::domain::returns::resolve::RESOLUTIONS_MAX;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{done, location_code, order, reason, sku, usd};

/// A unit of the first line that is asked for.
pub(in crate::domain) fn one_return(order: &Order) -> Return {
    Return {
        id: order.id.0.into(),
        order: order.id,
        number: 1,
        state: ReturnState::Requested,
        of_shipment: None,
        lines: vec![ReturnLine::new(1, 1, ReturnReason::Damaged, "a crack")],
        override_reason: String::new(),
        end_reason: String::new(),
        transit: None,
        location: None,
        resolutions: 0,
        fee_minor: 0,
        store_credits: Vec::new(),
        requested_by: order.created_by.clone(),
        created_at: order.created_at,
        updated_at: order.created_at,
        closed_at: None,
        exchanges: Vec::new(),
        awaited_until: None,
    }
}

/// As many returns as an order may have, each as large as it may be.
pub(super) fn bring_all_back(order: &mut Order) {
    let note = "\u{1F600}".repeat(500);
    let many = 1_000_000;
    let line = |line| ReturnLine {
        received: many,
        restocked: many,
        quarantined: many,
        scrapped: many,
        missing: many,
        sent_back: many,
        refunded: many,
        credited: many,
        paid_before: many,
        repaired: many,
        rejected: many,
        exchanged: many,
        ..ReturnLine::new(line, many, ReturnReason::Other, &note)
    };
    let back = Return {
        id: order.id.0.into(),
        order: order.id,
        number: i32::MAX,
        state: ReturnState::InTransit,
        of_shipment: Some(order.id.0.into()),
        lines: (1..=100).map(line).collect(),
        override_reason: note.clone(),
        end_reason: note.clone(),
        transit: Some(ReturnTransit {
            courier: "\u{1F600}".repeat(100),
            tracking_number: "\u{1F600}".repeat(100),
            at: order.created_at,
        }),
        location: Some(location_code("NYC")),
        resolutions: RESOLUTIONS_MAX,
        fee_minor: i64::MAX,
        store_credits: vec!["CREDIT-AAAA-AAAA-AAAA".parse().expect("a code"); 2],
        requested_by: order.created_by.clone(),
        created_at: order.created_at,
        updated_at: order.created_at,
        closed_at: Some(order.created_at),
        exchanges: vec![Exchange { order: order.id, value_minor: i64::MAX }; 2],
        awaited_until: Some(order.created_at),
    };
    order.returns = vec![back; RETURNS_MAX];
}

fn delivered(bench: &mut Bench, quantity: i64) -> OrderId {
    let mut new = order("ada", &[("A-1", quantity)]);
    new.shipping_fee = Some(usd(500));
    let id = bench.placed(&new);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    id
}

fn ask(
    bench: &mut Bench,
    id: OrderId,
    lines: &[(i32, i64)],
    why: ReturnReason,
    late: &str,
) -> Result<ReturnId, Refusal> {
    let units =
        |it: &(i32, i64)| ReturnedUnits { line: it.0, quantity: it.1, reason: why, note: String::new() };
    let lines: Vec<_> = lines.iter().map(units).collect();
    bench.on(id, |order, unit| order.create_return(unit, &lines, late))
}

pub(super) fn decide(
    bench: &mut Bench,
    id: OrderId,
    back: ReturnId,
    decision: ReturnDecision,
) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.decide_return(unit, back, &decision))
}

fn receive(bench: &mut Bench, id: OrderId, back: ReturnId, quantity: i64, at: &str) -> Result<(), Refusal> {
    let lines = [ArrivedUnits { line: 1, quantity }];
    bench.on(id, |order, unit| order.receive_return(unit, back, &location_code(at), &lines))
}

fn inspect(
    bench: &mut Bench,
    id: OrderId,
    back: ReturnId,
    units: &[(ReturnDisposition, i64)],
) -> Result<(), Refusal> {
    let units: Vec<_> = units
        .iter()
        .map(|(disposition, quantity)| InspectedUnits {
            line: 1,
            disposition: *disposition,
            quantity: *quantity,
            lot: None,
        })
        .collect();
    bench.on(id, |order, unit| order.inspect_return(unit, back, &units))
}

pub(super) fn resolve(
    bench: &mut Bench,
    id: OrderId,
    back: ReturnId,
    units: &[(ReturnResolution, i64)],
) -> Result<(), Refusal> {
    let units: Vec<_> = units
        .iter()
        .map(|(resolution, quantity)| ResolvedUnits {
            line: 1,
            resolution: *resolution,
            quantity: *quantity,
            instead: Instead::default(),
        })
        .collect();
    bench.on(id, |order, unit| order.resolve_return(unit, back, &units, "came back"))
}

/// Received whole and restocked: ready to be resolved.
pub(super) fn inspected(bench: &mut Bench, id: OrderId, quantity: i64, why: ReturnReason) -> ReturnId {
    inspected_at(bench, id, quantity, why, "NYC")
}

pub(super) fn inspected_at(
    bench: &mut Bench,
    id: OrderId,
    quantity: i64,
    why: ReturnReason,
    at: &str,
) -> ReturnId {
    let back = ask(bench, id, &[(1, quantity)], why, "").expect("it arrived");
    decide(bench, id, back, ReturnDecision::Authorize).expect("asked for");
    receive(bench, id, back, quantity, at).expect("it came back");
    inspect(bench, id, back, &[(ReturnDisposition::Restock, quantity)]).expect("looked at");
    back
}

fn state(bench: &Bench, id: OrderId, back: ReturnId) -> ReturnState {
    bench.order(id).return_of(back).expect("it is there").state
}

#[test]
fn goods_come_back_in_parts_and_every_unit_is_accounted_for() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 5);
    assert!(bench.order(id).available_actions().contains(&Action::CreateReturn));
    let back = ask(&mut bench, id, &[(1, 4)], ReturnReason::Damaged, "").expect("five arrived");
    assert_eq!(state(&bench, id, back), ReturnState::Requested);
    decide(&mut bench, id, back, ReturnDecision::Authorize).expect("asked for");
    let transit = ReturnDecision::Transit { courier: "SNAIL".to_owned(), tracking_number: "R1".to_owned() };
    decide(&mut bench, id, back, transit).expect("on its way");
    receive(&mut bench, id, back, 1, "NYC").expect("the first");
    assert_eq!(state(&bench, id, back), ReturnState::PartiallyReceived);
    assert_eq!(refused_fields(receive(&mut bench, id, back, 4, "LAX")), ["location", "lines[0].quantity"]);
    assert_eq!(bench.level("A-1", "NYC").on_hand, 4, "nobody has looked at it");
    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, 1)]).expect("the first");
    assert_eq!(bench.level("A-1", "NYC").on_hand, 5);
    receive(&mut bench, id, back, 2, "NYC").expect("two more");
    let rest =
        [(ReturnDisposition::Quarantine, 1), (ReturnDisposition::Scrap, 1), (ReturnDisposition::Missing, 1)];
    inspect(&mut bench, id, back, &rest).expect("all of it");
    assert_eq!(state(&bench, id, back), ReturnState::Inspected);
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.quality_hold), (6, 1));
    let kinds: Vec<_> =
        bench.movements.iter().rev().take(2).map(|it| (it.kind, it.on_hand, it.order)).collect();
    let of_order = Some(id);
    assert_eq!(kinds, [(MovementKind::QualityHold, 1, of_order), (MovementKind::Restock, 1, of_order)]);

    let answers =
        [(ReturnResolution::Refund, 2), (ReturnResolution::Repair, 1), (ReturnResolution::Reject, 1)];
    resolve(&mut bench, id, back, &answers).expect("all four");
    assert_eq!(state(&bench, id, back), ReturnState::Resolved);
    let after = bench.order(id);
    assert_eq!((after.refunded_minor(), after.credited_minor()), (2_000, 2_000));
    assert_eq!(after.line_refunds[0].of_return, Some(back));
    bench.settle(id);
    bench.send_messages(id);
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    bench.on(id, Order::close).expect("nothing is open");
}

/// Answers what shipments brought back by themselves, with nothing where the money is paid back already.
pub(super) fn end_own_returns(bench: &mut Bench, id: OrderId) {
    for it in bench.order(id).returns.clone() {
        let back = it.id;
        let units = it.lines.iter().map(|line| (line.line, line.uninspected()));
        let units: Vec<_> = units
            .map(|(line, quantity)| InspectedUnits {
                line,
                disposition: ReturnDisposition::Restock,
                quantity,
                lot: None,
            })
            .collect();
        bench.on(id, |order, unit| order.inspect_return(unit, back, &units)).expect("all of it");
        let units = it.lines.iter().map(|line| (line.line, line.unresolved()));
        let units: Vec<_> = units
            .map(|(line, quantity)| ResolvedUnits {
                line,
                resolution: ReturnResolution::Reject,
                quantity,
                instead: Instead::default(),
            })
            .collect();
        bench.on(id, |order, unit| order.resolve_return(unit, back, &units, "")).expect("all of it");
        decide(bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    }
}

fn came_back(bench: &mut Bench, quantity: i64) -> (OrderId, ReturnId) {
    let mut new = order("ada", &[("A-1", quantity)]);
    new.shipping_fee = Some(usd(500));
    let id = bench.placed(&new);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.report(id, 0, TrackingStatus::Returned);
    (id, bench.order(id).returns[0].id)
}

#[test]
fn a_shipment_that_comes_back_undelivered_opens_its_return_by_itself_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (id, back) = came_back(&mut bench, 3);
    let opened = bench.order(id).returns[0].clone();
    assert_eq!(opened.of_shipment, Some(bench.shipment(id, 0).id));
    assert_eq!((opened.state, opened.location), (ReturnState::Received, Some(location_code("NYC"))));
    assert_eq!((opened.lines[0].quantity, opened.lines[0].received), (3, 3));
    assert_eq!(bench.order(id).returnable_units(1), 0);
    assert_eq!(reason(bench.on(id, Order::close)), Reason::OrderNotClosable);

    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, 3)]).expect("looked at");
    assert_eq!(bench.level("A-1", "NYC").on_hand, 9);
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 3)]).expect("all of it");
    assert_eq!(bench.order(id).refunded_minor(), 3_500, "shipping goes with the last");
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    bench.settle(id);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.report(id, 0, TrackingStatus::Delivered);
    assert_eq!(bench.order(id).returns.len(), 1);
    let again = ask(&mut bench, id, &[(1, 1)], ReturnReason::Damaged, "");
    assert_eq!(reason(again), Reason::IllegalTransition, "its units came back once");
}

#[test]
fn what_was_paid_back_for_a_shipment_is_not_paid_again_with_its_return() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (id, back) = came_back(&mut bench, 3);
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(None), "came back"))
        .expect("paid back");
    assert_eq!(bench.order(id).refunded_minor(), 3_500, "shipping goes with the last");
    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, 3)]).expect("looked at");
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 3)]).expect("it is answered");
    assert_eq!((bench.order(id).refunded_minor(), bench.order(id).credited_minor()), (3_500, 3_500));
    assert_eq!(bench.order(id).return_of(back).expect("it is there").lines[0].paid_before, 3);
}

#[test]
fn store_credit_for_a_shipment_that_came_back_settles_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let (id, back) = came_back(&mut bench, 2);
    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, 2)]).expect("looked at");
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 2)]).expect("all of it");
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn no_more_comes_back_than_arrived_and_only_in_time() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    let early = ask(&mut bench, id, &[(1, 1)], ReturnReason::Damaged, "");
    assert_eq!(reason(early), Reason::IllegalTransition);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let bad = ask(&mut bench, id, &[(1, 4), (1, 1), (7, 1)], ReturnReason::Damaged, "");
    let fields = ["lines[0].quantity", "lines[1].line_number", "lines[2].line_number"];
    assert_eq!(refused_fields(bad), fields);
    let first = ask(&mut bench, id, &[(1, 2)], ReturnReason::Damaged, "").expect("two of three");
    let more = ask(&mut bench, id, &[(1, 2)], ReturnReason::Damaged, "");
    assert_eq!(refused_fields(more), ["lines[0].quantity"]);
    decide(&mut bench, id, first, ReturnDecision::Decline("too used".to_owned())).expect("refused");

    bench.pass(30 * 86_400 + 1);
    let late = ask(&mut bench, id, &[(1, 3)], ReturnReason::Damaged, "");
    assert_eq!(refused_fields(late), ["override_reason"]);
    ask(&mut bench, id, &[(1, 3)], ReturnReason::Damaged, "an old customer").expect("all three");
    assert_eq!(bench.order(id).returned_units(1), 3);
}

#[test]
fn a_document_with_more_in_returns_than_arrived_is_found() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 3)]);
    let id = bench.paid(&order("ada", &[("A-1", 5)]));
    assert_eq!(bench.order(id).shipments.len(), 2);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let arrived = bench.shipment(id, 0).units_of(1);
    ask(&mut bench, id, &[(1, arrived)], ReturnReason::Damaged, "").expect("they arrived");

    let mut more = bench.order(id).clone();
    assert_eq!(more.violations(), []);
    more.returns[0].lines[0].quantity += 1;
    let expected = format!("at most {arrived}, that arrived or went astray, in returns");
    let found = more.violations();
    assert!(found.iter().any(|it| it.law == "R1" && it.expected == expected), "{found:?}");
}

#[test]
fn a_fee_is_kept_where_the_customer_changed_their_mind_and_only_there() {
    for (why, fee) in [(ReturnReason::ChangedMind, 200), (ReturnReason::Damaged, 0)] {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
        bench.rules.returns.restocking_fee_ppm = 100_000;
        let id = delivered(&mut bench, 3);
        let back = inspected(&mut bench, id, 2, why);
        resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 2)]).expect("both");
        let after = bench.order(id);
        assert_eq!((after.credited_minor(), after.refunded_minor()), (2_000, 2_000 - fee));
        assert_eq!((after.retained_minor(), after.surplus_minor()), (fee, 0));
        assert_eq!(after.return_of(back).expect("it is there").fee_minor, fee);
    }
}

#[test]
fn store_credit_keeps_the_money_and_gives_a_code() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 2);
    let back = inspected(&mut bench, id, 2, ReturnReason::WrongItem);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 2)]).expect("both");
    let after = bench.order(id);
    assert_eq!((after.total_minor(), after.refunded_minor()), (0, 0));
    assert_eq!((after.retained_minor(), after.surplus_minor()), (2_500, 0), "shipping goes with the last");
    let code = &after.return_of(back).expect("it is there").store_credits[0];
    let issued = &bench.snapshot.discount_codes[code];
    let Gives::Credit(credit) = issued.gives else { panic!("{:?}", issued.gives) };
    assert_eq!((credit.worth, credit.of_return, issued.uses_max), (usd(2_500), back, None));
}

#[test]
fn the_money_behind_store_credit_pays_for_nothing_else_and_goes_back_only_by_name() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "LAX", 9), ("C-3", "LAX", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2), ("B-2", 1)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    let first = usize::from(bench.shipment(id, 0).items[0].line != 1);
    bench.ship(id, first);
    bench.deliver(id, first);
    let back = inspected(&mut bench, id, 2, ReturnReason::WrongItem);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 2)]).expect("both");
    assert_eq!((bench.order(id).due_minor(), bench.order(id).surplus_minor()), (0, 0));

    let added = AddedLine { sku: sku("C-3"), quantity: 1, unit_price: None, description: String::new() };
    let items = [ChangeItem::AddLine(added)];
    let change = bench.on(id, |order, unit| order.create_change(unit, &items, "one more")).expect("drafted");
    bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed");
    bench.on(id, |order, unit| order.confirm_change(unit, change)).expect("confirmed");
    let after = bench.order(id).clone();
    assert_eq!(after.due_minor(), after.invoices[1].amounts.total_minor, "all of what was added");

    let kept = after.retained_minor();
    let rest = after.captured_minor() - kept;
    let quote = after.quote_refund(&bench.rules.returns, payment, &[], None).expect("the rest");
    assert_eq!(quote.amount.minor, rest);
    bench.on(id, |order, unit| order.refund(unit, payment, None, "a gift")).expect("the rest");
    let more = bench.on(id, |order, unit| order.refund(unit, payment, None, "all of it"));
    assert_eq!(reason(more), Reason::RefundExceedsCapture);
    bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(kept)), "named")).expect("by name");
}

#[test]
fn what_was_paid_back_before_is_not_paid_again() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 3);
    let back = inspected(&mut bench, id, 2, ReturnReason::Damaged);
    let payment = bench.order(id).payments[0].id;
    let units = [RefundedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &units, None, "sorry", None))
        .expect("paid back");
    let before = bench.order(id).refunded_minor();
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 2)]).expect("answered already");
    assert_eq!(bench.order(id).refunded_minor(), before);
    assert_eq!(state(&bench, id, back), ReturnState::Resolved);
}

/// Pays units of the first line back, without a return.
fn pay_back(bench: &mut Bench, id: OrderId, quantity: i64) {
    let payment = bench.order(id).payments[0].id;
    let units = [RefundedUnits { line: 1, quantity }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &units, None, "sorry", None))
        .expect("paid back");
}

#[test]
fn a_unit_that_was_paid_back_and_comes_back_then_is_restocked_and_pays_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 4);
    pay_back(&mut bench, id, 2);
    let quote = bench.order(id);
    let asked = [1, 3].map(|quantity| {
        let note = String::new();
        let asked = [ReturnedUnits { line: 1, quantity, reason: ReturnReason::Damaged, note }];
        quote.quote_return(&bench.rules, bench.now, &asked, "").expect("it arrived").refund.minor
    });
    assert_eq!(asked, [0, 1_000], "two of three are paid back");

    let first = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, first, &[(ReturnResolution::Refund, 1)]).expect("answered already");
    assert_eq!((bench.order(id).refunded_minor(), bench.level("A-1", "NYC").on_hand), (2_000, 6));
    let line = bench.order(id).return_of(first).expect("it is there").lines[0].clone();
    assert_eq!((line.refunded, line.paid_before), (0, 1));

    let both = inspected(&mut bench, id, 2, ReturnReason::Damaged);
    let answers = [(ReturnResolution::StoreCredit, 1), (ReturnResolution::Refund, 1)];
    resolve(&mut bench, id, both, &answers).expect("one is paid for, one is not");
    let after = bench.order(id).return_of(both).expect("it is there").clone();
    assert_eq!((after.lines[0].refunded, after.lines[0].credited, after.lines[0].paid_before), (0, 1, 1));
    assert_eq!((bench.order(id).refunded_minor(), bench.order(id).retained_minor()), (2_000, 1_000));
    assert_eq!(bench.order(id).lines[0].sold_quantity(), 1);
}

#[test]
fn units_paid_back_because_they_went_astray_are_not_those_that_the_customer_sends() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("A-1", "LAX", 2)]);
    let (id, back) = came_back_beside(&mut bench);
    pay_back(&mut bench, id, 2);
    let of_customer = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, of_customer, &[(ReturnResolution::Refund, 1)]).expect("it arrived");
    assert_eq!(bench.order(id).refunded_minor(), 3_000);
    let line = |bench: &Bench, it| bench.order(id).return_of(it).expect("it is there").lines[0].clone();
    assert_eq!(line(&bench, of_customer).refunded, 1);
    let astray = bench.order(id).return_of(back).expect("it is there").lines[0].quantity;
    inspect(&mut bench, id, back, &[(ReturnDisposition::Restock, astray)]).expect("looked at");
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, astray)]).expect("answered already");
    assert_eq!((line(&bench, back).refunded, line(&bench, back).paid_before), (0, 2));
    assert_eq!(bench.order(id).refunded_minor(), 3_000);
}

/// Two units of four arrived, and two came back undelivered.
fn came_back_beside(bench: &mut Bench) -> (OrderId, ReturnId) {
    let id = bench.placed(&order("ada", &[("A-1", 4)]));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.ship(id, 1);
    bench.deliver(id, usize::from(bench.shipment(id, 0).location != location_code("NYC")));
    let other = usize::from(bench.shipment(id, 0).location == location_code("NYC"));
    bench.report(id, other, TrackingStatus::Returned);
    (id, bench.order(id).returns[0].id)
}

#[test]
fn a_closed_and_an_archived_order_still_take_returns_and_stay_so() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("nothing is open");
    let back = inspected(&mut bench, id, 2, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 2)]).expect("both");
    assert_eq!(bench.state(id), OrderState::Archived);
    let refund = bench.order(id).payments[0].refunds[0].clone();
    assert_eq!(refund.state, RefundState::Pending, "cash is paid back when a person says so");
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, unit| order.refund(unit, payment, None, "")).expect("over the counter");
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    assert_eq!((bench.order(id).refunded_minor(), bench.order(id).surplus_minor()), (2_000, 0));
}

#[test]
fn the_second_answer_is_for_all_units_that_are_left() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 4);
    let back = inspected(&mut bench, id, 4, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 1)]).expect("the first");
    let part = resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 1)]);
    assert_eq!(reason(part), Reason::LimitReached);
    resolve(&mut bench, id, back, &[(ReturnResolution::Refund, 3)]).expect("the rest");
}

#[test]
fn an_order_has_a_bounded_number_of_returns() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = delivered(&mut bench, 2);
    for _ in 0..RETURNS_MAX {
        let back = ask(&mut bench, id, &[(1, 1)], ReturnReason::Damaged, "").expect("one more");
        decide(&mut bench, id, back, ReturnDecision::Cancel(String::new())).expect("kept after all");
    }
    let one_more = ask(&mut bench, id, &[(1, 1)], ReturnReason::Damaged, "");
    assert_eq!(reason(one_more), Reason::LimitReached);
}
