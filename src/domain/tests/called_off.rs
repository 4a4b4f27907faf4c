//! Orders end early after they were invoiced: what was paid is credited whole and goes back, what was not is void.

use proptest::prelude::*;

use crate::domain::model::amounts::Discount;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::Currency;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::scalars::OrderId;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{cash, done, order, to_berlin};
use crate::domain::tests::order_changes::{add, changed};

fn stocked() -> Bench {
    Bench::with_stock(&[("A-1", "BER", 99), ("B-2", "BER", 99)])
}

fn charged(bench: &mut Bench, id: OrderId) {
    let payment = bench.charge(id);
    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
}

fn told(order: &Order, kind: MessageKind) -> usize {
    order.messages.iter().filter(|it| it.kind == kind).count()
}

fn call_off(bench: &mut Bench, id: OrderId) {
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("nothing has left");
}

#[test]
fn a_paid_order_that_is_cancelled_is_credited_whole_with_its_shipping_and_told_once() {
    let mut bench = stocked();
    let mut new = to_berlin(order("ada", &[("A-1", 3), ("B-2", 1)]));
    new.shipping_fee = Some(new.currency.of(500));
    new.discount = Some(Discount::Percent(70_000));
    let id = bench.placed(&new);
    charged(&mut bench, id);
    let before = bench.order(id).clone();
    call_off(&mut bench, id);

    let after = bench.order(id).clone();
    let [note] = after.credit_notes.as_slice() else { panic!("one note, not {:?}", after.credit_notes) };
    assert_eq!((note.invoice, &note.amounts), (before.invoices[0].id, &before.invoices[0].amounts));
    assert_eq!(note.lines, before.invoices[0].lines);
    assert_eq!((note.reason.as_str(), after.invoices[0].state), ("changed her mind", InvoiceState::Paid));
    assert_eq!((after.refunded_minor(), after.owed_back_minor()), (before.captured_minor(), 0));
    assert_eq!(after.amounts, before.amounts, "it goes on saying what was ordered");
    bench.settle(id);
    let told = |kind| told(bench.order(id), kind);
    assert_eq!((told(MessageKind::OrderCancelled), told(MessageKind::RefundIssued)), (1, 1));
}

#[test]
fn an_invoice_that_nobody_paid_is_void_and_gets_no_credit_note() {
    let mut bench = stocked();
    let id = bench.placed(&to_berlin(order("ada", &[("A-1", 3)])));
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(300)))).expect("a part in cash");
    call_off(&mut bench, id);
    let after = bench.order(id);
    assert_eq!((after.invoices[0].state, after.credit_notes.len()), (InvoiceState::Void, 0));
    assert_eq!((after.state, after.refunded_minor()), (OrderState::Cancelled, 300));
}

#[test]
fn what_a_change_added_and_nobody_paid_is_void_and_the_rest_is_credited() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin(order("ada", &[("A-1", 3)])));
    changed(&mut bench, id, &[add("B-2", 1)]);
    call_off(&mut bench, id);
    let after = bench.order(id);
    let states: Vec<_> = after.invoices.iter().map(|it| it.state).collect();
    assert_eq!(states, [InvoiceState::Paid, InvoiceState::Void]);
    let credited: Vec<_> = after.invoices.iter().map(|it| after.credited_of(it)).collect();
    assert_eq!(credited, [after.invoices[0].amounts.total_minor, 0]);
}

#[test]
fn what_a_change_added_and_was_paid_is_credited_by_a_note_of_its_own() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin(order("ada", &[("A-1", 3)])));
    changed(&mut bench, id, &[add("B-2", 1)]);
    bench.pay_cash(id);
    call_off(&mut bench, id);
    let after = bench.order(id);
    assert_eq!(after.credit_notes.len(), 2);
    for invoice in &after.invoices {
        assert_eq!(after.credited_of(invoice), invoice.amounts.total_minor);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each decision; this one is about the sums.
    #[test]
    fn whatever_was_cancelled_or_paid_back_before_the_notes_sum_to_the_invoice_to_the_minor_unit(
        currency in prop::sample::select(vec!["JPY", "USD", "KWD"]),
        inclusive in any::<bool>(),
        prices in prop::collection::vec(1_i64..9_999, 3),
        percent in 0_u32..500_000,
        steps in prop::collection::vec((any::<bool>(), 1_i32..3, 1_i64..3), 0..4),
    ) {
        let mut bench = stocked();
        let currency: Currency = currency.parse().expect("a currency");
        let mut new = to_berlin(order("ada", &[("A-1", 5), ("B-2", 4)]));
        (new.currency, new.prices_include_tax, new.shipping_fee) = (currency, inclusive, Some(currency.of(prices[0])));
        for (line, price) in new.lines.iter_mut().zip(&prices[1..]) {
            line.unit_price = Some(currency.of(*price));
        }
        new.discount = Some(Discount::Percent(percent));
        bench.by("shop");
        let id = bench.placed(&new);
        bench.approve_and_pay(id);
        for (pays_back, line, quantity) in steps {
            let payment = bench.order(id).payments[0].id;
            let _ = match pays_back {
                true => {
                    let units = [RefundedUnits { line, quantity }];
                    let late = "it was late";
                    bench.on(id, |order, unit| order.refund_lines(unit, payment, &units, None, late, None)).map(|_| ())
                }
                false => {
                    let units = [CancelledUnits { line, quantity }];
                    bench.on(id, |order, unit| order.cancel_lines(unit, &units, "too many"))
                }
            };
        }
        call_off(&mut bench, id);
        let after = bench.order(id);
        let invoiced: i64 = after.invoices.iter().map(|it| it.amounts.total_minor).sum();
        prop_assert_eq!((after.credited_minor(), after.invoiced_minor()), (invoiced, invoiced));
        prop_assert_eq!((after.refunded_minor(), after.owed_back_minor()), (after.captured_minor(), 0));
    }
}
