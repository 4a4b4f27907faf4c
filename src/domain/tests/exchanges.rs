//! Goods are exchanged: what came back pays for the new order to the minor unit, or goes back to the customer.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::domain::discounts::code::ReactivateDiscountCode;
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::action::Action;
use crate::domain::model::amounts::Discount;
use crate::domain::model::exchange::{EXCHANGES_DEEP_MAX, Instead};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::ResolvedUnits;
use crate::domain::model::returns::{ReturnReason, ReturnResolution, ReturnState};
use crate::domain::model::scalars::{OnShortage, OrderId, ReturnId};
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::resolve::Way;
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::simulate::{ReturnQuote, SimulateReturn};
use crate::domain::tests::bench::{Bench, others, refused_fields};
use crate::domain::tests::given::{order, reason, sku, to_berlin, usd};
use crate::domain::tests::returns::{decide, inspected, inspected_at};
use crate::domain::unit::command::Command;

const STOCK: [(&str, &str, i64); 3] = [("A-1", "NYC", 20), ("B-2", "NYC", 20), ("C-3", "NYC", 20)];

fn shipped(bench: &mut Bench, new: &NewOrder) -> OrderId {
    let id = bench.paid(new);
    home(bench, id);
    id
}

fn home(bench: &mut Bench, id: OrderId) {
    bench.ship(id, 0);
    bench.deliver(id, 0);
}

fn for_other(code: &str, quantity: i64) -> Instead {
    Instead { sku: Some(sku(code)), quantity: Some(quantity), unit_price: None }
}

fn answer(
    bench: &mut Bench,
    id: OrderId,
    back: ReturnId,
    units: &[(ReturnResolution, i64, Instead)],
) -> Result<(), Refusal> {
    let units: Vec<_> = units
        .iter()
        .map(|(resolution, quantity, instead)| ResolvedUnits {
            line: 1,
            resolution: *resolution,
            quantity: *quantity,
            instead: instead.clone(),
        })
        .collect();
    bench.on(id, |order, unit| order.resolve_return(unit, back, &units, "came back"))
}

/// Exchanges units of the first line; returns the order that was made.
fn exchange(bench: &mut Bench, id: OrderId, quantity: i64, why: ReturnReason, instead: Instead) -> OrderId {
    let back = inspected(bench, id, quantity, why);
    answer(bench, id, back, &[(ReturnResolution::Exchange, quantity, instead)]).expect("exchanged");
    bench.order(id).return_of(back).expect("it is there").exchanges[0].order
}

/// Captured and paid back; kept for what is exchanged.
fn money(bench: &Bench, id: OrderId) -> (i64, i64, i64) {
    let order = bench.order(id);
    (order.captured_minor(), order.refunded_minor(), order.retained_minor())
}

fn letters(bench: &Bench, id: OrderId, kind: MessageKind) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == kind).count()
}

#[test]
fn the_same_once_more_costs_nothing_and_is_sent_as_every_order() {
    let mut bench = Bench::with_stock(&STOCK);
    let mut new = order("ada", &[("A-1", 3)]);
    new.discount = Some(Discount::Amount(100));
    new.shipping_fee = Some(usd(500));
    let id = shipped(&mut bench, &new);
    assert_eq!(bench.order(id).total_minor(), 3_400);
    let made = exchange(&mut bench, id, 2, ReturnReason::DoesNotFit, Instead::default());

    let after = bench.order(made);
    assert_eq!((after.total_minor(), after.due_minor(), after.credit_held_minor()), (1_933, 0, 1_933));
    assert_eq!(after.state, OrderState::Fulfilling);
    assert_eq!((&after.customer, &after.shipping_address), (&new.customer, &new.shipping_address));
    assert!(after.number > bench.order(id).number && after.lines[0].carried_over);
    let of = after.exchange_of.as_ref().expect("it names the first order");
    assert_eq!((of.order, of.order_number, of.return_number), (id, bench.order(id).number, 1));
    assert_eq!(after.shown_code(), None, "nobody named a code");
    assert_eq!(letters(&bench, made, MessageKind::OrderReceived), 1);

    assert_eq!(money(&bench, id), (3_400, 0, 1_933));
    assert_eq!((bench.order(id).credited_minor(), bench.order(id).surplus_minor()), (1_933, 0));
    let back = &bench.order(id).returns[0];
    assert_eq!((back.state, back.lines[0].exchanged, back.fee_minor), (ReturnState::Resolved, 2, 0));
    home(&mut bench, made);
    assert_eq!(bench.state(made), OrderState::Delivered);
}

#[test]
fn what_is_dearer_is_paid_for_on_its_own_invoice() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 2)]));
    let made = exchange(&mut bench, id, 1, ReturnReason::WrongItem, for_other("B-2", 1));
    assert_eq!((bench.state(made), bench.order(made).due_minor()), (OrderState::Invoiced, 1_550));
    assert_eq!(bench.order(made).total_minor(), 2_550);
    bench.pay_cash(made);
    home(&mut bench, made);
    assert_eq!(money(&bench, made), (2_550, 0, 0));
    assert_eq!(money(&bench, id), (2_000, 0, 1_000));
}

#[test]
fn what_is_left_of_something_cheaper_is_paid_back_less_its_part_of_the_fee() {
    for (why, fee) in [(ReturnReason::ChangedMind, 67), (ReturnReason::Damaged, 0)] {
        let mut bench = Bench::with_stock(&STOCK);
        bench.rules.returns.restocking_fee_ppm = 100_000;
        let id = shipped(&mut bench, &order("ada", &[("A-1", 2)]));
        let made = exchange(&mut bench, id, 1, why, for_other("C-3", 1));
        assert_eq!((bench.order(made).total_minor(), bench.order(made).due_minor()), (333, 0));
        assert_eq!(money(&bench, id), (2_000, 667 - fee, 333 + fee));
        assert_eq!(bench.order(id).returns[0].fee_minor, fee);
    }
}

#[test]
fn money_store_credit_and_an_exchange_go_together_and_add_up() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 4)]));
    let back = inspected(&mut bench, id, 4, ReturnReason::Damaged);
    let answers = [
        (ReturnResolution::Refund, 1, Instead::default()),
        (ReturnResolution::Exchange, 1, Instead { quantity: Some(3), ..Instead::default() }),
        (ReturnResolution::StoreCredit, 1, Instead::default()),
        (ReturnResolution::Exchange, 1, for_other("C-3", 2)),
    ];
    answer(&mut bench, id, back, &answers).expect("all four");
    let made = bench.order(id).returns[0].exchanges[0].order;
    let lines: Vec<_> = bench.order(made).lines.iter().map(|it| (it.quantity, it.carried_over)).collect();
    assert_eq!(lines, [(1, true), (2, false), (2, false)], "one order for all");
    assert_eq!((bench.order(made).total_minor(), bench.order(made).due_minor()), (3_666, 1_666));
    assert_eq!(money(&bench, id), (4_000, 1_000, 3_000));
}

#[test]
fn when_the_new_order_ends_its_value_goes_back_the_way_the_first_was_paid() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 2)]));
    let made = exchange(&mut bench, id, 1, ReturnReason::Damaged, for_other("B-2", 1));
    bench.pay_cash(made);
    bench.on(made, |order, unit| order.cancel(unit, "changed their mind again")).expect("nothing has left");
    bench.settle(made);
    assert_eq!(bench.order(made).credit_held_minor(), 0);
    assert_eq!(money(&bench, made), (2_550, 2_550, 0));
    assert_eq!(money(&bench, id), (2_000, 1_000, 0));
    bench.settle(id);
    assert_eq!(bench.order(id).returns[0].exchanges[0].value_minor, 0);
    assert_eq!(letters(&bench, id, MessageKind::RefundIssued), 1, "of what came back");
    assert_eq!(letters(&bench, made, MessageKind::RefundIssued), 1, "of what was paid beside it");
    let code = bench.snapshot.discount_codes.keys().next().expect("it paid").clone();
    let again = bench.decide(|unit| {
        let command = ReactivateDiscountCode { code, etag: String::new() };
        command.decide(unit)
    });
    assert_eq!(reason(again), Reason::IllegalTransition);
}

#[test]
fn units_that_are_called_off_or_paid_back_bring_their_part_of_the_value_back() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 3)]));
    let made = exchange(&mut bench, id, 3, ReturnReason::Damaged, Instead::default());
    let one = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(made, |order, unit| order.cancel_lines(unit, &one, "two will do")).expect("called off");
    bench.settle(made);
    assert_eq!((bench.order(made).credit_held_minor(), money(&bench, id)), (2_000, (3_000, 1_000, 2_000)));
    home(&mut bench, made);
    let payment = bench.order(made).payments[0].id;
    let one = [RefundedUnits { line: 1, quantity: 1 }];
    bench
        .on(made, |order, unit| order.refund_lines(unit, payment, &one, None, "a scratch", None))
        .expect("it arrived");
    assert_eq!((bench.order(made).credit_held_minor(), money(&bench, id)), (1_000, (3_000, 2_000, 1_000)));
}

#[test]
fn an_unpaid_exchange_expires_for_the_sake_of_others_and_its_value_goes_back() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 2), ("B-2", "NYC", 1)]);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 2)]));
    let made = exchange(&mut bench, id, 1, ReturnReason::Damaged, for_other("B-2", 1));
    bench.pass(40 * 86_400);
    bench.decide(|unit| reserve_stock(unit, &others(&[("B-2", 1)], 60))).expect("it is free again");
    assert_eq!(bench.state(made), OrderState::Expired);
    assert_eq!(money(&bench, id), (2_000, 1_000, 0));
}

#[test]
fn what_was_exchanged_may_be_exchanged_again_a_few_times_and_money_finds_its_way_back() {
    let mut bench = Bench::with_stock(&STOCK);
    let first = shipped(&mut bench, &order("ada", &[("A-1", 1)]));
    let mut last = first;
    for _ in 0..EXCHANGES_DEEP_MAX {
        last = exchange(&mut bench, last, 1, ReturnReason::Damaged, Instead::default());
        home(&mut bench, last);
    }
    let back = inspected(&mut bench, last, 1, ReturnReason::Damaged);
    let more = answer(&mut bench, last, back, &[(ReturnResolution::Exchange, 1, Instead::default())]);
    assert_eq!(reason(more), Reason::LimitReached);
    answer(&mut bench, last, back, &[(ReturnResolution::Refund, 1, Instead::default())]).expect("money");
    assert_eq!(money(&bench, first), (1_000, 1_000, 0));
    assert_eq!(bench.order(last).credit_held_minor(), 0);
    assert_eq!(letters(&bench, last, MessageKind::RefundIssued), 0, "the first order's letter tells");
}

#[test]
fn what_cannot_be_ordered_is_refused_by_its_field_and_changes_nothing() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 3)]));
    let back = inspected(&mut bench, id, 3, ReturnReason::Damaged);
    let before = bench.order(id).clone();
    let wishes = [
        (ReturnResolution::Refund, 1, Instead::default()),
        (ReturnResolution::Exchange, 1, for_other("NONE", 1)),
        (ReturnResolution::Exchange, 1, Instead { quantity: Some(0), ..Instead::default() }),
    ];
    assert_eq!(refused_fields(answer(&mut bench, id, back, &wishes[..2])), ["resolutions[1].exchange.sku"]);
    assert_eq!(refused_fields(answer(&mut bench, id, back, &wishes)), ["resolutions[2].exchange.quantity"]);
    let euro = Money { minor: 500, currency: "EUR".parse().expect("a currency") };
    let foreign = Instead { unit_price: Some(euro), ..for_other("B-2", 1) };
    let refused = answer(&mut bench, id, back, &[(ReturnResolution::Exchange, 1, foreign)]);
    assert_eq!(refused_fields(refused), ["resolutions[0].exchange.unit_price"]);
    let many = Instead { quantity: Some(1_000), ..Instead::default() };
    let short = answer(&mut bench, id, back, &[(ReturnResolution::Exchange, 1, many)]);
    assert!(short.is_err() || bench.order(id).returns[0].exchanges.len() == 1, "{short:?}");
    if short.is_err() {
        assert_eq!(*bench.order(id), before);
    }
}

#[test]
fn what_was_paid_back_before_is_not_exchanged_as_well() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 3)]));
    let payment = bench.order(id).payments[0].id;
    let one = [RefundedUnits { line: 1, quantity: 1 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &one, None, "a scratch", None))
        .expect("it arrived");
    let back = inspected(&mut bench, id, 2, ReturnReason::Damaged);
    let both = answer(&mut bench, id, back, &[(ReturnResolution::Exchange, 2, Instead::default())]);
    assert_eq!(refused_fields(both), ["resolutions[0].quantity"]);
    let answers = [
        (ReturnResolution::Refund, 1, Instead::default()),
        (ReturnResolution::Exchange, 1, Instead::default()),
    ];
    answer(&mut bench, id, back, &answers).expect("the one that was paid back comes back first");
    assert_eq!(money(&bench, id), (3_000, 1_000, 1_000));
}

#[test]
fn a_new_order_that_has_to_wait_waits_as_the_first_would_have() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let new = NewOrder { on_shortage: OnShortage::Wait, ..order("ada", &[("A-1", 1)]) };
    let id = shipped(&mut bench, &new);
    let made = exchange(&mut bench, id, 1, ReturnReason::Damaged, for_other("B-2", 1));
    assert_eq!(bench.state(made), OrderState::AwaitingStock);
    assert_eq!(bench.order(made).credit_held_minor(), 1_000);
    bench.on(made, |order, unit| order.cancel(unit, "it never came")).expect("nothing has left");
    assert_eq!(money(&bench, id), (1_000, 1_000, 0));
}

#[test]
fn what_was_lost_and_exchanged_is_not_paid_back_as_well() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.ship(id, 0);
    bench.pass(60);
    bench.report(id, 0, TrackingStatus::Lost);
    let back = bench.order(id).returns[0].id;
    answer(&mut bench, id, back, &[(ReturnResolution::Exchange, 2, Instead::default())]).expect("exchanged");
    let shipment = bench.shipment(id, 0).id;
    for amount in [None, Some(usd(2_000))] {
        let again =
            bench.on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(amount), "lost"));
        assert_eq!(reason(again), Reason::RefundExceedsCapture);
    }
    assert_eq!(money(&bench, id), (2_000, 0, 2_000));
}

#[test]
fn shipping_stays_with_the_first_order_whichever_goods_come_back_first() {
    for exchanged_first in [true, false] {
        let mut bench = Bench::with_stock(&STOCK);
        let mut new = order("ada", &[("A-1", 2)]);
        new.shipping_fee = Some(usd(500));
        let id = shipped(&mut bench, &new);
        let refund = |bench: &mut Bench| {
            let back = inspected(bench, id, 1, ReturnReason::Damaged);
            answer(bench, id, back, &[(ReturnResolution::Refund, 1, Instead::default())]).expect("paid back");
        };
        if !exchanged_first {
            refund(&mut bench);
        }
        let _ = exchange(&mut bench, id, 1, ReturnReason::Damaged, Instead::default());
        if exchanged_first {
            refund(&mut bench);
        }
        assert_eq!(money(&bench, id), (2_500, 1_000, 1_000), "{exchanged_first}");
    }
}

#[test]
fn a_cancelled_exchange_of_a_closed_order_is_paid_back_all_the_same() {
    let mut bench = Bench::with_stock(&STOCK);
    let id = shipped(&mut bench, &order("ada", &[("A-1", 1)]));
    let made = exchange(&mut bench, id, 1, ReturnReason::Damaged, Instead::default());
    let back = bench.order(id).returns[0].id;
    decide(&mut bench, id, back, ReturnDecision::Close).expect("every unit is accounted for");
    bench.send_messages(id);
    bench.on(id, Order::close).expect("nothing is open");
    bench.on(made, |order, unit| order.cancel(unit, "out of use")).expect("nothing has left");
    assert_eq!((bench.state(id), money(&bench, id)), (OrderState::Closed, (1_000, 1_000, 0)));
}

fn simulated(
    bench: &mut Bench,
    id: OrderId,
    quantity: i64,
    why: ReturnReason,
    instead: &Instead,
) -> ReturnQuote {
    let asked = ReturnedUnits { line: 1, quantity, reason: why, note: String::new() };
    let exchanged =
        ResolvedUnits { line: 1, resolution: ReturnResolution::Exchange, quantity, instead: instead.clone() };
    let query = SimulateReturn {
        order: id,
        lines: vec![asked],
        override_reason: String::new(),
        exchanged: vec![exchanged],
        skus: Vec::new(),
    };
    bench.decide(|unit| query.decide(unit)).expect("it arrived")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// In any currency, with any tax and discount: like for like comes to nothing, however the units are taken; what is
    /// simulated is what happens; and captured is what was sold and not credited, kept for exchanges, and paid back.
    #[test]
    fn given_any_prices_like_for_like_costs_nothing(
        currency in prop::sample::select(vec!["JPY", "USD", "KWD"]),
        price in 1_i64..3_000,
        units in 1_i64..8,
        discount in prop::option::of(0_u32..900_000),
        include_tax in any::<bool>(),
        abroad in any::<bool>(),
        fee_ppm in 0_u32..500_000,
        parts in vec((1_i64..4, prop::option::of(1_i64..3_000), any::<bool>(), any::<bool>()), 1..4),
    ) {
        let currency: Currency = currency.parse().expect("a currency");
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 90), ("A-1", "BER", 90)]);
        for courier in bench.snapshot.couriers.values_mut() {
            Arc::make_mut(courier).rates.iter_mut().for_each(|it| it.currency = currency);
        }
        bench.rules.returns.restocking_fee_ppm = fee_ppm;
        let mut new = order("ada", &[("A-1", units)]);
        new.currency = currency;
        new.lines[0].unit_price = Some(currency.of(price));
        new.discount = discount.map(Discount::Percent);
        new.prices_include_tax = include_tax;
        new.shipping_fee = Some(currency.of(7));
        let new = if abroad { to_berlin(new) } else { new };
        let id = bench.placed(&new);
        if bench.order(id).due_minor() > 0 {
            bench.pay_cash(id);
        }
        home(&mut bench, id);
        let mut left = units;
        for (part, other_price, changed_mind, cancelled) in parts {
            let part = part.min(left);
            left -= part;
            if part == 0 {
                continue;
            }
            let why = if changed_mind { ReturnReason::ChangedMind } else { ReturnReason::Damaged };
            let instead = Instead { unit_price: other_price.map(|it| currency.of(it)), ..Instead::default() };
            let quote = simulated(&mut bench, id, part, why, &instead).exchange.expect("it was asked about");
            let before = money(&bench, id);
            let at = if abroad { "BER" } else { "NYC" };
            let back = inspected_at(&mut bench, id, part, why, at);
            answer(&mut bench, id, back, &[(ReturnResolution::Exchange, part, instead)]).expect("exchanged");
            let made = bench.order(id).return_of(back).expect("it is there").exchanges[0].order;
            let (_, refunded, retained) = money(&bench, id);
            let order = bench.order(made);
            prop_assert_eq!(order.total_minor(), quote.total.minor);
            prop_assert_eq!(order.total_minor() - order.credit_held_minor(), quote.to_pay.minor);
            prop_assert_eq!(refunded - before.1, quote.refund.minor);
            prop_assert_eq!(retained - before.2, order.credit_held_minor() + quote.fee.minor);
            if other_price.is_none() {
                prop_assert_eq!((quote.to_pay.minor, quote.refund.minor, quote.fee.minor), (0, 0, 0));
            }
            if cancelled && bench.order(made).available_actions().contains(&Action::CancelOrder) {
                let held = bench.order(made).credit_held_minor();
                bench.on(made, |order, unit| order.cancel(unit, "no more")).expect("nothing has left");
                prop_assert_eq!(money(&bench, id).1, refunded + held);
            }
            let (captured, refunded, retained) = money(&bench, id);
            prop_assert_eq!(captured - refunded - retained, bench.order(id).total_minor());
        }
    }
}
