//! Money is paid back for units of lines: their shares, the credit note, and what is left of the order.

use proptest::prelude::*;

use proptest::collection::vec;
use proptest::sample::select;

use crate::domain::billing::refund_lines::LINE_REFUNDS_MAX;
use crate::domain::model::amounts::Discount;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{AddedLine, ChangeItem};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::policy::ReturnShipping;
use crate::domain::model::refund::RefundState;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OrderChangeId, OrderId, RefundId};
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{by_card, cash, declined, done, order, reason, sku, to_berlin, usd};

fn units(lines: &[(i32, i64)]) -> Vec<RefundedUnits> {
    lines.iter().map(|(line, quantity)| RefundedUnits { line: *line, quantity: *quantity }).collect()
}

fn charged(bench: &mut Bench, new: &NewOrder) -> OrderId {
    let id = bench.placed(new);
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    id
}

fn refund(
    bench: &mut Bench,
    id: OrderId,
    lines: &[(i32, i64)],
    amount: Option<Money>,
) -> Result<RefundId, Refusal> {
    let payment = bench.order(id).payments[0].id;
    let lines = units(lines);
    bench.on(id, |order, unit| order.refund_lines(unit, payment, &lines, amount, "came back", None))
}

/// Two lines of which nothing divides, with shipping and tax.
fn odd() -> NewOrder {
    let mut new = to_berlin(order("ada", &[("A-1", 3), ("B-2", 2)]));
    new.discount = Some(Discount::Amount(100));
    new.shipping_fee = Some(usd(499));
    new
}

fn shelves() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 90), ("B-2", "NYC", 90), ("A-1", "BER", 90), ("B-2", "BER", 90)])
}

#[test]
fn units_are_paid_back_with_a_credit_note_and_shipping_goes_with_the_last() {
    let mut bench = shelves();
    let id = charged(&mut bench, &odd());
    let sold = bench.order(id).clone();
    let quote = sold
        .quote_refund(&bench.rules.returns, sold.payments[0].id, &units(&[(1, 1)]), None)
        .expect("it can be paid back");
    assert_eq!(quote.amount.minor, sold.lines[0].amounts.of_next(1, 0, 3).total_minor);
    assert_eq!((quote.value, quote.shipping_minor), (quote.amount, 0));

    let first = refund(&mut bench, id, &[(1, 1)], None).expect("one of three");
    let after = bench.order(id);
    assert_eq!(after.refund_of(first).expect("it is there").amount, quote.amount);
    assert_eq!((after.lines[0].refunded_quantity, after.lines[0].cancelled_quantity), (1, 0));
    assert_eq!(after.credit_notes[0].lines, quote.lines);
    assert_eq!(after.total_minor() + quote.value.minor, sold.total_minor());
    assert_eq!((after.surplus_minor(), after.due_minor()), (0, 0));
    assert_eq!(after.line_refund_of(first).expect("by line").units, units(&[(1, 1)]));

    refund(&mut bench, id, &[(1, 2), (2, 1)], None).expect("more of it");
    assert_eq!(bench.order(id).amounts.shipping_minor, sold.amounts.shipping_minor);
    refund(&mut bench, id, &[(2, 1)], None).expect("the last");
    let after = bench.order(id);
    assert_eq!((after.total_minor(), after.amounts.shipping_minor), (0, 0));
    assert_eq!(after.refunded_minor(), sold.total_minor());
    let last = &after.credit_notes[2].amounts;
    assert_eq!(
        (last.shipping_minor, last.shipping_tax_minor),
        (sold.amounts.shipping_minor, sold.amounts.shipping_tax_minor)
    );
    assert_eq!(after.credited_minor(), after.invoices[0].amounts.total_minor);
    assert_eq!(
        reason(bench.on(id, |order, unit| {
            let payment = order.payments[0].id;
            order.refund(unit, payment, Some(usd(1)), "more")
        })),
        Reason::RefundExceedsCapture
    );
}

#[test]
fn shipping_stays_paid_where_the_policy_says_so() {
    let mut bench = shelves();
    bench.rules.returns.shipping = ReturnShipping::Never;
    let id = charged(&mut bench, &odd());
    let shipping = bench.order(id).amounts.shipping_total_minor();
    assert!(shipping > 499);
    refund(&mut bench, id, &[(1, 3), (2, 2)], None).expect("all of it");
    let after = bench.order(id);
    assert_eq!((after.total_minor(), after.captured_minor() - after.refunded_minor()), (shipping, shipping));
}

#[test]
fn every_fault_of_the_lines_is_named_and_nothing_changes() {
    let mut bench = shelves();
    let id = charged(&mut bench, &odd());
    bench
        .on(id, |order, unit| {
            order.cancel_lines(unit, &[CancelledUnits { line: 2, quantity: 1 }], "one is enough")
        })
        .expect("nothing has left");
    let before = bench.order(id).clone();
    let bad = refund(&mut bench, id, &[(1, 4), (1, 1), (7, 1), (2, 2)], None);
    let fields = ["lines[0].quantity", "lines[1].line_number", "lines[2].line_number", "lines[3].quantity"];
    assert_eq!(refused_fields(bad), fields);
    assert_eq!(refused_fields(refund(&mut bench, id, &[(1, 0)], None)), ["lines[0].quantity"]);
    assert_eq!(refused_fields(refund(&mut bench, id, &[(1, 1)], Some(usd(9_999)))), ["amount"]);
    assert_eq!(refused_fields(refund(&mut bench, id, &[(1, 1)], Some(usd(0)))), ["amount"]);
    assert_eq!(*bench.order(id), before);

    refund(&mut bench, id, &[(2, 1)], None).expect("the one that is left of it");
    assert_eq!(refused_fields(refund(&mut bench, id, &[(2, 1)], None)), ["lines[0].quantity"]);
}

#[test]
fn what_was_paid_back_before_is_told_and_an_amount_takes_it_into_account() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = charged(&mut bench, &order("ada", &[("A-1", 2)]));
    let payment = bench.order(id).payments[0].id;
    bench.on(id, |order, unit| order.refund(unit, payment, Some(usd(700)), "late")).expect("goodwill");
    assert_eq!(reason(refund(&mut bench, id, &[(1, 2)], None)), Reason::RefundExceedsCapture);
    refund(&mut bench, id, &[(1, 2)], Some(usd(1_300))).expect("what is left");
    let after = bench.order(id);
    assert_eq!((after.total_minor(), after.refunded_minor(), after.surplus_minor()), (0, 2_000, 0));
}

#[test]
fn a_refund_that_one_payment_has_not_got_is_paid_by_the_others_too() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(300)))).expect("a part in cash");
    let card = bench.charge(id);
    bench.answer(id, card, ProviderRequest::Charge, &done("ch-1"));

    refund(&mut bench, id, &[(1, 1)], None).expect("300 in cash, the rest by card");
    let refunds: Vec<_> = bench.order(id).payments.iter().flat_map(|it| &it.refunds).cloned().collect();
    let told: Vec<_> = refunds.iter().map(|it| (it.amount.minor, it.state)).collect();
    assert_eq!(told, [(300, RefundState::Succeeded), (700, RefundState::Pending)]);
    let of_lines = &bench.order(id).line_refunds[0];
    assert_eq!(of_lines.refunds, refunds.iter().map(|it| it.id).collect::<Vec<_>>());

    // What the provider refuses is owed still, and is paid back in another way.
    bench.on(id, |order, unit| order.answer_refund(unit, refunds[1].id, &declined())).expect("an answer");
    assert_eq!(bench.order(id).surplus_minor(), 700);
    bench.on(id, |order, unit| order.refund(unit, card, Some(usd(700)), "again")).expect("tried again");
    assert_eq!(bench.order(id).surplus_minor(), 0);
}

#[test]
fn goods_that_were_paid_back_are_cancelled_without_a_second_credit_note() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = charged(&mut bench, &order("ada", &[("A-1", 3)]));
    refund(&mut bench, id, &[(1, 2)], None).expect("two of three");
    bench.settle(id);
    let cancel = |bench: &mut Bench, quantity| {
        bench.on(id, |order, unit| {
            order.cancel_lines(unit, &[CancelledUnits { line: 1, quantity }], "no more")
        })
    };
    cancel(&mut bench, 2).expect("they are here still");
    let after = bench.order(id);
    assert_eq!(after.line_cancellations[0].value_minor, 1_000);
    assert_eq!((after.total_minor(), after.refunded_minor()), (0, 3_000));
    assert_eq!(after.credit_notes.len(), 2);
    bench.settle(id);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!(bench.state(id), OrderState::Closed);
}

#[test]
fn an_order_that_is_not_paid_or_was_cancelled_is_not_paid_back_by_line() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(300)))).expect("a part in cash");
    assert_eq!(reason(refund(&mut bench, id, &[(1, 1)], None)), Reason::IllegalTransition);
    bench.pay_cash(id);
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("nothing has left");
    assert_eq!(refused_fields(refund(&mut bench, id, &[(1, 1)], None)), ["lines"]);
}

#[test]
fn an_order_is_paid_back_by_line_some_times_and_a_last_one_that_always_has_room() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 90)]);
    let mut new = order("ada", &[("A-1", 30)]);
    new.lines[0].unit_price = Some(usd(10));
    let id = charged(&mut bench, &new);
    for _ in 0..LINE_REFUNDS_MAX {
        refund(&mut bench, id, &[(1, 1)], None).expect("one more");
        bench.settle(id);
    }
    assert_eq!(reason(refund(&mut bench, id, &[(1, 1)], None)), Reason::LimitReached);
    refund(&mut bench, id, &[(1, 10)], None).expect("all that is left");
    assert_eq!(bench.order(id).total_minor(), 0);
}

/// Of a currency with so many decimals as its last unit.
fn some_sale() -> impl Strategy<Value = NewOrder> {
    let line = (1_i64..7, 1_i64..100_000, prop::option::of(0_u32..=900_000));
    let currency = select(vec!["JPY", "EUR", "KWD"]);
    (vec(line, 1..3), currency, any::<bool>(), prop::option::of(0_u32..=900_000), 0_i64..1_000).prop_map(
        |(lines, currency, inclusive, percent, shipping)| {
            let currency: Currency = currency.parse().expect("a currency");
            let named: Vec<_> = lines.iter().zip(["A-1", "B-2"]).map(|(it, sku)| (sku, it.0)).collect();
            let mut new = to_berlin(order("ada", &named));
            new.currency = currency;
            for (line, (_, price, discount)) in new.lines.iter_mut().zip(&lines) {
                line.unit_price = Some(currency.of(*price));
                line.discount = discount.map(Discount::Percent);
            }
            new.discount = percent.map(Discount::Percent);
            new.prices_include_tax = inclusive;
            new.shipping_fee = Some(currency.of(shipping));
            new
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each step.
    #[test]
    fn whatever_is_paid_back_or_cancelled_in_any_parts_sums_to_what_was_sold(
        new in some_sale(),
        parts in vec((0_usize..2, 1_i64..4, prop::bool::weighted(0.25)), 1..12),
    ) {
        let mut bench = shelves();
        // Large amounts ask a person.
        for gate in [&mut bench.rules.approval.reservation, &mut bench.rules.approval.payment] {
            gate.automatic_up_to_minor.insert(new.currency, i64::MAX);
        }
        let id = charged(&mut bench, &new);
        let sold = bench.order(id).total_minor();
        prop_assert_eq!(bench.order(id).captured_minor(), sold);
        for (line, quantity, cancels) in parts {
            let line = i32::try_from(line % bench.order(id).lines.len()).expect("a few") + 1;
            if cancels {
                let units = [CancelledUnits { line, quantity }];
                let _ = bench.on(id, |order, unit| order.cancel_lines(unit, &units, "fewer will do"));
            } else if bench.order(id).lines.iter().all(|it| it.amounts.total_minor > 0) {
                let _ = refund(&mut bench, id, &[(line, quantity)], None);
            }
            bench.settle(id);
            let order = bench.order(id);
            prop_assert_eq!(order.total_minor() + order.credited_minor(), sold);
            prop_assert_eq!(order.captured_minor() - order.refunded_minor(), order.total_minor());
        }
        let left: Vec<_> = bench.order(id).lines.iter().map(|it| (it.number, it.sold_quantity())).collect();
        let left: Vec<_> = left.into_iter().filter(|it| it.1 > 0).collect();
        if !left.is_empty() && refund(&mut bench, id, &left, None).is_ok() {
            prop_assert_eq!(bench.order(id).total_minor(), 0);
            prop_assert_eq!(bench.order(id).refunded_minor(), sold);
        }
    }
}

#[test]
fn goods_that_arrived_and_are_paid_back_do_not_pay_for_lost_ones() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("B-2", "LAX", 1)]);
    let id = charged(&mut bench, &order("ada", &[("A-1", 1), ("B-2", 1)]));
    let lost = usize::from(bench.shipment(id, 0).items[0].sku.as_str() == "A-1");
    bench.ship(id, lost);
    bench.ship(id, 1 - lost);
    bench.deliver(id, 1 - lost);
    bench.report(id, lost, TrackingStatus::Lost);
    refund(&mut bench, id, &[(1, 1)], None).expect("it came back");
    bench.settle(id);
    let open = bench.order(id).why_open();
    // Whoever may read the order reads why, also who may not see amounts.
    assert!(open.iter().any(|it| it == "returned or lost goods are not paid back"), "{open:?}");
    refund(&mut bench, id, &[(2, 1)], None).expect("it was lost");
    bench.settle(id);
    assert_eq!(bench.order(id).why_open(), Vec::<String>::new());
}

#[test]
fn who_is_paid_back_less_than_units_cost_is_not_paid_the_rest_later() {
    let mut bench = shelves();
    let id = charged(&mut bench, &order("ada", &[("A-1", 2), ("B-2", 1)]));
    let paid = bench.order(id).captured_minor();
    refund(&mut bench, id, &[(1, 1)], Some(usd(400))).expect("scratched");
    bench.settle(id);
    let value = bench.order(id).refunded_value_minor();
    assert_eq!((bench.order(id).surplus_minor(), bench.order(id).retained_minor()), (0, value - 400));
    let units = [CancelledUnits { line: 2, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "one fewer")).expect("cancelled");
    bench.settle(id);
    let order = bench.order(id);
    assert_eq!(order.captured_minor() - order.refunded_minor(), order.total_minor() + value - 400);
    assert_eq!(order.refunded_minor(), paid - order.total_minor() - value + 400);
}

/// A change that adds a line is confirmed: its supplementary invoice is open.
fn added(bench: &mut Bench, id: OrderId, code: &str) -> OrderChangeId {
    let line = AddedLine { sku: sku(code), quantity: 1, unit_price: None, description: String::new() };
    let items = [ChangeItem::AddLine(line)];
    let change = bench.on(id, |order, unit| order.create_change(unit, &items, "one more")).expect("drafted");
    bench.on(id, |order, unit| order.propose_change(unit, change)).expect("proposed");
    bench.on(id, |order, unit| order.confirm_change(unit, change)).expect("confirmed");
    change
}

#[test]
fn what_is_kept_of_units_does_not_pay_for_what_a_change_adds() {
    let mut bench = shelves();
    let id = charged(&mut bench, &order("ada", &[("A-1", 2)]));
    added(&mut bench, id, "B-2");
    let due = bench.order(id).due_minor();
    assert_eq!(due, bench.order(id).invoices[1].amounts.total_minor);
    refund(&mut bench, id, &[(1, 1)], Some(usd(400))).expect("scratched");
    assert_eq!((bench.order(id).retained_minor(), bench.order(id).due_minor()), (600, due));
}

#[test]
fn what_is_kept_of_units_is_kept_when_the_order_is_cancelled() {
    let mut bench = shelves();
    let id = charged(&mut bench, &order("ada", &[("A-1", 2)]));
    refund(&mut bench, id, &[(1, 1)], Some(usd(400))).expect("scratched");
    bench.settle(id);
    bench.on(id, |order, unit| order.cancel(unit, "the rest too")).expect("nothing has left");
    bench.settle(id);
    let after = bench.order(id);
    assert_eq!((after.refunded_minor(), after.retained_minor()), (1_400, 600));
    bench.send_messages(id);
    bench.on(id, Order::archive).expect("nothing is under way");
}

#[test]
fn money_set_aside_for_a_change_that_is_called_off_does_not_count_for_another() {
    let mut bench = shelves();
    let id = charged(&mut bench, &order("ada", &[("A-1", 1)]));
    added(&mut bench, id, "A-1");
    let first = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Authorize, None)))
        .expect("set aside");
    bench.answer(id, first, ProviderRequest::Authorize, &done("au-1"));
    added(&mut bench, id, "B-2");
    let units = [CancelledUnits { line: 2, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "not that one")).expect("it is here");
    assert_eq!(bench.order(id).payments[1].open_request(), Some(ProviderRequest::Void));
    bench.answer(id, first, ProviderRequest::Void, &done(""));

    let due = bench.order(id).due_minor();
    assert_eq!(due, bench.order(id).invoices[2].amounts.total_minor);
    let second = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, Some(due))))
        .expect("all of it");
    bench.answer(id, second, ProviderRequest::Charge, &done("ch-2"));
    assert_eq!((bench.order(id).due_minor(), bench.order(id).surplus_minor()), (0, 0));
}
