//! Store credits: orders draw on them, and what comes back, is called off or ends early is on them again.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::model::discount::{DiscountCode, StoreCredit};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{ReturnReason, ReturnResolution};
use crate::domain::model::scalars::{OrderId, ReturnId};
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::change::Correction;
use crate::domain::tests::accounts::{ada, create, of};
use crate::domain::tests::bench::Bench;
use crate::domain::tests::discounts::{issue, key, set_active, store_credit};
use crate::domain::tests::given::{done, order, usd};
use crate::domain::tests::returns::{inspected, resolve};

fn with_credit(bench: &mut Bench, minor: i64) {
    issue(bench, store_credit("CREDIT-1", minor));
}

fn wants(buyer: &str, units: i64) -> NewOrder {
    let discount_code = Some(key("CREDIT-1"));
    NewOrder { discount_code, shipping_fee: Some(usd(500)), ..order(buyer, &[("A-1", units)]) }
}

/// What is left of the store credit.
fn left(bench: &Bench) -> i64 {
    let code = key("CREDIT-1");
    let worth = bench.snapshot.discount_codes[&code].uses_max.expect("it is worth something");
    let uses = bench.snapshot.discount_uses.get(&(code, String::new())).copied().unwrap_or_default();
    worth - uses.held()
}

/// Placed, paid and delivered; the shipping is never paid by a code.
fn delivered(bench: &mut Bench, new: &NewOrder) -> OrderId {
    let id = bench.placed(new);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done(&format!("ch-{id}")));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    id
}

fn reason_of<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Reason {
    match refused {
        Err(Refusal::Invalid(problems)) => problems.0[0].reason.expect("a reason of its own"),
        other => panic!("expected a code that is refused, not {other:?}"),
    }
}

#[test]
fn orders_draw_on_a_store_credit_until_it_is_empty() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 2_500);
    let first = bench.placed(&wants("ada", 2));
    assert_eq!((bench.order(first).total_minor(), left(&bench)), (500, 500));
    let second = bench.placed(&wants("bob", 1));
    assert_eq!((bench.order(second).total_minor(), left(&bench)), (1_000, 0));
    assert_eq!(reason_of(bench.create_order(&wants("eve", 1))), Reason::DiscountCodeUsedUp);
}

#[test]
fn what_comes_back_of_an_order_that_drew_on_a_store_credit_is_on_it_again() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_500);
    let id = delivered(&mut bench, &wants("ada", 2));
    assert_eq!((bench.order(id).captured_minor(), left(&bench)), (1_000, 0));
    let first = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, first, &[(ReturnResolution::Refund, 1)]).expect("came back");
    assert_eq!((bench.order(id).refunded_minor(), left(&bench)), (250, 750));
    let last = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, last, &[(ReturnResolution::StoreCredit, 1)]).expect("came back");
    let given = bench.order(id).return_of(last).expect("it is there").store_credits[0].clone();
    assert_eq!(bench.snapshot.discount_codes[&given].uses_max, Some(750), "its share, and the shipping");
    assert_eq!(left(&bench), 1_500);
}

#[test]
fn what_is_called_off_and_what_ends_early_is_on_it_again() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_500);
    let id = bench.placed(&wants("ada", 3));
    assert_eq!(left(&bench), 0);
    let one = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &one, "fewer will do")).expect("called off");
    assert_eq!(left(&bench), 500);
    bench.on(id, |order, unit| Order::cancel(order, unit, "changed her mind")).expect("nothing has left");
    assert_eq!(left(&bench), 1_500);
}

#[test]
fn goods_that_a_store_credit_paid_for_and_that_are_lost_wait_for_their_answer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_000);
    let id = bench.placed(&wants("ada", 1));
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    bench.send_messages(id);
    bench.pass(400 * 24 * 3_600);
    bench.run_due(id);
    assert_eq!((bench.state(id) == OrderState::Closed, left(&bench)), (false, 0), "{}", bench.state(id));

    let opened = bench.order(id).returns[0].id;
    resolve(&mut bench, id, opened, &[(ReturnResolution::Refund, 1)]).expect("it is lost");
    assert_eq!(left(&bench), 1_000);
    bench.settle(id);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn a_store_credit_out_of_use_gives_a_corrected_order_no_more_than_before() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 5_000);
    let mut held = wants("ada", 1);
    held.customer.email = "nowhere".to_owned();
    let id = bench.create_order(&held).expect("on hold");
    assert_eq!(left(&bench), 4_000, "{}", bench.state(id));
    set_active(&mut bench, "CREDIT-1", false);
    let more = Correction { lines: Some(wants("ada", 4).lines), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &more)).expect("it is not verified");
    assert_eq!(left(&bench), 4_000);
}

#[test]
fn a_store_credit_of_a_customer_is_for_orders_that_name_this_customer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let customer = create(&mut bench, ada()).expect("a customer").id;
    let hers = StoreCredit { of_return: ReturnId::from(uuid::Uuid::nil()), customer: Some(customer) };
    issue(&mut bench, DiscountCode { credit: Some(hers), ..store_credit("CREDIT-1", 1_500) });
    assert_eq!(reason_of(bench.create_order(&wants("bob", 1))), Reason::DiscountCodeOtherCustomer);
    let id = delivered(
        &mut bench,
        &NewOrder { discount_code: Some(key("CREDIT-1")), shipping_fee: Some(usd(500)), ..of(customer) },
    );
    assert_eq!(left(&bench), 500);
    let back = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 1)]).expect("came back");
    let given = bench.order(id).return_of(back).expect("it is there").store_credits[0].clone();
    let credit = bench.snapshot.discount_codes[&given].credit.expect("a store credit");
    assert_eq!((credit.of_return, credit.customer), (back, Some(customer)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench compares what is drawn with the orders after each step.
    #[test]
    fn what_is_drawn_is_what_is_still_sold_and_never_more_than_it_is_worth(
        worth in 1_i64..9_000,
        orders in vec((1_i64..4, 0_i64..4, 0_i64..4), 1..5),
    ) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 90)]);
        with_credit(&mut bench, worth);
        for (number, (units, fewer, returned)) in orders.into_iter().enumerate() {
            let before = left(&bench);
            let placed = bench.create_order(&wants(&format!("buyer-{number}"), units));
            if before == 0 {
                prop_assert_eq!(reason_of(placed), Reason::DiscountCodeUsedUp);
                continue;
            }
            let id = placed.expect("something is left");
            prop_assert_eq!(left(&bench), before - before.min(units * 1_000));
            let called_off = fewer.min(units - 1);
            if called_off > 0 {
                let some = [CancelledUnits { line: 1, quantity: called_off }];
                bench.on(id, |order, unit| order.cancel_lines(unit, &some, "fewer will do")).expect("called off");
            }
            let payment = bench.charge(id);
            bench.answer(id, payment, ProviderRequest::Charge, &done(&format!("ch-{number}")));
            bench.ship(id, 0);
            bench.deliver(id, 0);
            let returned = returned.min(units - called_off);
            if returned > 0 {
                let back = inspected(&mut bench, id, returned, ReturnReason::Damaged);
                resolve(&mut bench, id, back, &[(ReturnResolution::Refund, returned)]).expect("came back");
            }
            let held = bench.order(id).credit_held_minor();
            prop_assert_eq!(left(&bench), before - held);
            prop_assert!(left(&bench) >= 0);
            prop_assert!(returned < units - called_off || held == 0, "all of it is back");
        }
    }
}
