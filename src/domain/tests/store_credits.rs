//! Store credits: orders are paid with them, and what is called off, comes back or ends early is on them again.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::model::discount::Gives;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::method::Method;
use crate::domain::model::new_order::{Named, NewOrder};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::refund::{HandedBack, RefundState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{ReturnReason, ReturnResolution};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::change::Correction;
use crate::domain::tests::accounts::{ada, create, of};
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::discounts::{issue, key, set_active, store_credit, store_credit_of};
use crate::domain::tests::given::{done, order, to_berlin, usd};
use crate::domain::tests::returns::{inspected, inspected_at, resolve};

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
    let Gives::Credit(credit) = bench.snapshot.discount_codes[&code].gives else { return 0 };
    let uses = bench.snapshot.discount_uses.get(&(code, String::new())).copied().unwrap_or_default();
    credit.worth.minor - uses.drawn_minor
}

/// Placed, and paid with what the store credit leaves.
fn paid(bench: &mut Bench, new: &NewOrder) -> OrderId {
    let id = bench.placed(new);
    if bench.order(id).due_minor() > 0 {
        let payment = bench.charge(id);
        bench.answer(id, payment, ProviderRequest::Charge, &done(&format!("ch-{id}")));
    }
    id
}

fn delivered(bench: &mut Bench, new: &NewOrder) -> OrderId {
    let id = paid(bench, new);
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
fn orders_are_paid_with_a_store_credit_until_it_is_empty() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 4_000);
    let first = bench.placed(&wants("ada", 2));
    let order = bench.order(first);
    assert_eq!((order.total_minor(), order.due_minor(), left(&bench)), (2_500, 0, 1_500));
    assert_eq!((order.payments.len(), order.payments[0].method), (1, Method::StoreCredit));
    assert_eq!((order.state, order.invoices[0].state), (OrderState::Fulfilling, InvoiceState::Paid));
    let second = bench.placed(&wants("bob", 2));
    let order = bench.order(second);
    assert_eq!((order.total_minor(), order.due_minor(), left(&bench)), (2_500, 1_000, 0));
    assert_eq!(reason_of(bench.create_order(&wants("eve", 1))), Reason::DiscountCodeUsedUp);
}

#[test]
fn a_store_credit_pays_what_it_is_worth_whatever_the_tax() {
    for (include_tax, abroad, exempt) in
        [(true, true, false), (false, true, false), (false, false, false), (false, true, true)]
    {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("A-1", "BER", 9)]);
        with_credit(&mut bench, 1_000);
        let plain = wants("ada", 3);
        let mut new = if abroad { to_berlin(plain) } else { plain };
        new.prices_include_tax = include_tax;
        if exempt {
            let mut account = ada();
            account.tax_exempt = true;
            let customer = create(&mut bench, account).expect("a customer").id;
            let named = of(customer).named.expect("it names one");
            new.named = Some(Named { takes_contact: false, takes_shipping_address: false, ..named });
        }
        let without = bench.placed(&NewOrder { discount_code: None, ..new.clone() });
        // The same goods for the same customer would be held as a duplicate.
        new.customer.email = "other@example.com".to_owned();
        let with = bench.placed(&new);
        let (without, with) = (bench.order(without), bench.order(with));
        assert_eq!(with.amounts, without.amounts, "prices and taxes are those without it");
        assert_eq!((with.due_minor(), left(&bench)), (without.due_minor() - 1_000, 0), "{include_tax}");
        assert_eq!(with.payments[0].captured_minor, 1_000);
    }
}

#[test]
fn what_comes_back_is_on_the_store_credit_first() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_500);
    let id = delivered(&mut bench, &wants("ada", 2));
    assert_eq!((bench.order(id).captured_minor(), left(&bench)), (2_500, 0));
    let first = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, first, &[(ReturnResolution::Refund, 1)]).expect("came back");
    assert_eq!((bench.order(id).refunded_minor(), left(&bench)), (1_000, 1_000));
    assert_eq!(bench.order(id).payments[0].refunds[0].state, RefundState::Succeeded, "nobody has to pay it");
    let last = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, last, &[(ReturnResolution::Refund, 1)]).expect("came back");
    assert_eq!((bench.order(id).refunded_minor(), left(&bench)), (2_500, 1_500));
}

#[test]
fn store_credit_given_for_what_store_credit_paid_is_worth_no_more() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_500);
    let id = delivered(&mut bench, &wants("ada", 2));
    let back = inspected(&mut bench, id, 2, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 2)]).expect("came back");
    let given = bench.order(id).return_of(back).expect("it is there").store_credits[0].clone();
    let Gives::Credit(given) = bench.snapshot.discount_codes[&given].gives else { panic!("a store credit") };
    assert_eq!((given.worth.minor, left(&bench), bench.order(id).refunded_minor()), (2_500, 0, 0));
}

#[test]
fn what_store_credit_paid_is_not_paid_out_in_cash() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_500);
    let id = delivered(&mut bench, &wants("ada", 2));
    let payment = bench.order(id).payments[0].id;
    let cash = HandedBack { method: Method::Cash, reference: String::new() };
    let refused = bench.on(id, |order, unit| order.refund_by_hand(unit, payment, None, "sorry", &cash));
    assert_eq!(refused_fields(refused), ["method"]);
    bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(300)), "sorry")).expect("on the code");
    assert_eq!(left(&bench), 300);
}

#[test]
fn what_is_called_off_and_what_ends_early_is_on_it_again() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 3_300);
    let id = bench.placed(&wants("ada", 3));
    assert_eq!((left(&bench), bench.order(id).due_minor()), (0, 200));
    let one = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &one, "fewer will do")).expect("called off");
    assert_eq!((left(&bench), bench.order(id).surplus_minor()), (800, 0));
    bench.on(id, |order, unit| Order::cancel(order, unit, "changed her mind")).expect("nothing has left");
    assert_eq!(left(&bench), 3_300);
}

#[test]
fn what_is_set_aside_before_the_invoice_follows_what_the_order_comes_to() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 9_000);
    let new = dear_wish(&mut bench);
    let id = bench.placed(&new);
    assert_eq!((bench.order(id).payments.len(), left(&bench)), (0, 6_500), "nobody has approved it");
    let one = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &one, "fewer will do")).expect("called off");
    assert_eq!(left(&bench), 7_500);
    bench.on(id, |order, unit| Order::cancel(order, unit, "changed her mind")).expect("nothing has left");
    assert_eq!((left(&bench), bench.order(id).credit_held_minor()), (9_000, 0));
}

/// An order that waits for a person to approve its reservation.
fn dear_wish(bench: &mut Bench) -> NewOrder {
    bench.rules.approval.reservation.automatic_up_to_minor.clear();
    wants("ada", 2)
}

#[test]
fn goods_that_a_store_credit_paid_for_and_that_are_lost_wait_for_their_answer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    with_credit(&mut bench, 1_000);
    let id = paid(&mut bench, &wants("ada", 1));
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
    assert_eq!(left(&bench), 3_500, "{}", bench.state(id));
    set_active(&mut bench, "CREDIT-1", false);
    let more = Correction { lines: Some(wants("ada", 4).lines), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &more)).expect("it is not verified");
    assert_eq!(left(&bench), 3_500);
    set_active(&mut bench, "CREDIT-1", true);
    bench.on(id, |order, unit| order.correct(unit, &more)).expect("it is not verified");
    assert_eq!(left(&bench), 500, "in use again, it pays for all of it");
}

#[test]
fn a_store_credit_of_a_customer_is_for_orders_that_name_this_customer() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let customer = create(&mut bench, ada()).expect("a customer").id;
    issue(&mut bench, store_credit_of("CREDIT-1", 2_500, Some(customer)));
    assert_eq!(reason_of(bench.create_order(&wants("bob", 1))), Reason::DiscountCodeOtherCustomer);
    let id = delivered(
        &mut bench,
        &NewOrder { discount_code: Some(key("CREDIT-1")), shipping_fee: Some(usd(500)), ..of(customer) },
    );
    assert_eq!(left(&bench), 1_000);
    let back = inspected(&mut bench, id, 1, ReturnReason::Damaged);
    resolve(&mut bench, id, back, &[(ReturnResolution::StoreCredit, 1)]).expect("came back");
    let given = bench.order(id).return_of(back).expect("it is there").store_credits[0].clone();
    let Gives::Credit(credit) = bench.snapshot.discount_codes[&given].gives else { panic!("a store credit") };
    assert_eq!((credit.of_return, credit.customer), (back, Some(customer)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the taxes: what is left and what orders have of it is its worth, and what they came to is paid with it and
    /// with money. The bench compares what is drawn with the orders after each step.
    #[test]
    fn given_so_much_so_much_is_drawn_and_comes_back(
        worth in 1_i64..9_000,
        orders in vec((1_i64..4, 0_i64..4, 0_i64..4, any::<bool>(), any::<bool>()), 1..5),
    ) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 90), ("A-1", "BER", 90)]);
        with_credit(&mut bench, worth);
        for (number, (units, fewer, returned, include_tax, abroad)) in orders.into_iter().enumerate() {
            let before = left(&bench);
            let mut new = wants(&format!("buyer-{number}"), units);
            new.prices_include_tax = include_tax;
            let new = if abroad { to_berlin(new) } else { new };
            if before == 0 {
                prop_assert_eq!(reason_of(bench.create_order(&new)), Reason::DiscountCodeUsedUp);
                continue;
            }
            let id = paid(&mut bench, &new);
            let total = bench.order(id).total_minor();
            prop_assert_eq!(left(&bench), before - before.min(total));
            prop_assert_eq!(bench.order(id).captured_minor(), total);
            let called_off = fewer.min(units - 1);
            if called_off > 0 {
                let some = [CancelledUnits { line: 1, quantity: called_off }];
                bench.on(id, |order, unit| order.cancel_lines(unit, &some, "fewer will do")).expect("called off");
            }
            bench.ship(id, 0);
            bench.deliver(id, 0);
            let returned = returned.min(units - called_off);
            if returned > 0 {
                let back = bench.shipment(id, 0).location.to_string();
                let back = inspected_at(&mut bench, id, returned, ReturnReason::Damaged, &back);
                resolve(&mut bench, id, back, &[(ReturnResolution::Refund, returned)]).expect("came back");
            }
            bench.settle(id);
            let order = bench.order(id);
            prop_assert_eq!(left(&bench), before - order.credit_held_minor());
            prop_assert_eq!(order.captured_minor() - order.refunded_minor(), order.total_minor());
            let by_credit = before.min(total);
            prop_assert_eq!(order.credit_held_minor(), (by_credit - order.refunded_minor()).max(0));
        }
    }
}
