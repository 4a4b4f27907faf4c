//! Orders get another shipping service or discount after they were sold: money, dates and couriers follow.

use proptest::prelude::*;

use crate::domain::approvals::decide::Decision;
use crate::domain::model::amounts::Discount;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::discount::DiscountCode;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{AddedLine, ChangeItem, WantedDiscount, WantedService};
use crate::domain::model::payment::ProviderRequest;
use crate::domain::model::policy::ShippingFee;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::returns::{ReturnReason, ReturnResolution};
use crate::domain::model::scalars::{OrderId, ServiceLevel};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::resolve::Way;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::discounts::{issue, key, store_credit, ten_off};
use crate::domain::tests::given::{by_card, cash, dear, done, order, pending, reason, sku, to_berlin, usd};
use crate::domain::tests::order_changes::{changed, confirm, create, last, propose, proposed, remove, set};
use crate::domain::tests::returns::{inspected, resolve};

fn service(level: ServiceLevel, fee: Option<Money>) -> ChangeItem {
    ChangeItem::SetService(WantedService { level, fee })
}

fn code(code: &str) -> ChangeItem {
    ChangeItem::SetDiscount(WantedDiscount::Code(key(code)))
}

fn invoiced(order: &Order) -> i64 {
    order.current_invoices().map(|it| it.amounts.total_minor - order.credited_of(it)).sum()
}

fn stocked() -> Bench {
    Bench::with_stock(&[("A-1", "BER", 99), ("B-2", "BER", 99), ("C-3", "BER", 99)])
}

/// Three A-1 at 10.00 and a fee of 5.00, with 19 % tax on top: 35.70 and 5.95.
fn to_berlin_for(level: ServiceLevel) -> NewOrder {
    NewOrder { service: level, shipping_fee: Some(usd(500)), ..to_berlin(order("ada", &[("A-1", 3)])) }
}

/// How often a code is redeemed.
fn redeemed(bench: &Bench, code: &str) -> i64 {
    bench.snapshot.discount_uses.get(&(key(code), String::new())).map_or(0, |it| it.redeemed)
}

fn reasons(refused: Result<impl std::fmt::Debug, Refusal>) -> Vec<(String, Option<Reason>)> {
    match refused {
        Err(Refusal::Invalid(Problems(problems))) => {
            problems.into_iter().map(|it| (it.field, it.reason)).collect()
        }
        other => panic!("expected bad fields, not {other:?}"),
    }
}

#[test]
fn a_cheaper_service_is_given_at_once_and_what_was_paid_for_it_goes_back() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Express));
    assert_eq!(bench.order(id).total_minor(), 4_165);
    bench.prepare(id, 0);
    assert_eq!(bench.shipment(id, 0).assignment.as_ref().map(|it| it.service), Some(ServiceLevel::Express));
    let promised = bench.order(id).promised_by;
    let change = changed(&mut bench, id, &[service(ServiceLevel::Standard, Some(usd(200)))]);

    let proposal = change.proposal.expect("a proposal");
    assert_eq!((proposal.credited_minor, proposal.to_pay_back_minor), (357, 357));
    // Where the dearer courier came no sooner, the date stays.
    assert!(promised.is_some() && proposal.promised_after >= promised, "{:?}", proposal.promised_after);
    let after = bench.order(id).clone();
    assert_eq!((after.service, after.promised_by), (ServiceLevel::Standard, proposal.promised_after));
    assert_eq!((after.total_minor(), invoiced(&after), after.due_minor()), (3_808, 3_808, 0));
    let note = &after.credit_notes[0];
    assert_eq!((note.lines.len(), note.amounts.shipping_minor, note.amounts.tax_minor), (0, 300, 57));
    assert_eq!(after.refunded_minor(), 357);
    // The courier of the dearer service is free again, its label is kept.
    assert_eq!(
        (after.shipments[0].state, after.shipments[0].assignment.clone()),
        (ShipmentState::Labelled, None)
    );
}

#[test]
fn a_dearer_service_is_given_once_its_difference_is_paid() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    bench.prepare(id, 0);
    let promised = bench.order(id).promised_by;
    let change = changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
    let proposal = change.proposal.expect("a proposal");
    assert_eq!((proposal.supplement_minor, proposal.to_pay_minor, proposal.credited_minor), (476, 476, 0));
    assert!(proposal.promised_after < promised, "{:?}", proposal.promised_after);

    let waiting = bench.order(id).clone();
    assert_eq!((waiting.service, waiting.due_minor()), (ServiceLevel::Standard, 476));
    assert_eq!(waiting.shipments[0].state, ShipmentState::CourierAssigned);
    let supplement = &waiting.invoices[1];
    assert_eq!((supplement.lines.len(), supplement.amounts.shipping_minor), (0, 400));
    let again = create(&mut bench, id, &[service(ServiceLevel::Overnight, None)]);
    assert_eq!(refused_fields(again), ["items[0].set_shipping_service"]);

    bench.pay_cash(id);
    let paid = bench.order(id).clone();
    assert_eq!((paid.service, paid.due_minor(), invoiced(&paid)), (ServiceLevel::Express, 0, 4_641));
    assert_eq!(paid.invoices[1].state, InvoiceState::Paid);
    assert_eq!((paid.shipments[0].state, paid.service_once_paid()), (ShipmentState::Labelled, None));
    let shipment = paid.shipments[0].id;
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("a faster courier");
    assert_eq!(bench.shipment(id, 0).assignment.as_ref().map(|it| it.service), Some(ServiceLevel::Express));
}

#[test]
fn a_dearer_service_that_nobody_pays_is_given_up() {
    for leaves in [true, false] {
        let mut bench = stocked();
        let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
        let change = changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
        if leaves {
            bench.ship(id, 0);
            assert_eq!(bench.state(id), OrderState::Shipped);
        } else {
            let ends = bench.order(id).invoices[1].issued_at.plus(bench.rules.reservation_lifetime());
            assert_eq!(bench.order(id).next_unpaid_change(&bench.rules), Some((ends, change.id)));
            bench.pass(bench.rules.reservation_lifetime_seconds);
            bench.run_due(id);
        }
        let after = bench.order(id).clone();
        assert_eq!(
            (after.service, after.due_minor(), after.total_minor()),
            (ServiceLevel::Standard, 0, 4_165)
        );
        assert_eq!((after.credit_notes.len(), after.credited_of(&after.invoices[1])), (1, 476));
        assert_eq!((after.invoices[1].state, invoiced(&after)), (InvoiceState::Paid, 4_165));
        assert_eq!((after.service_once_paid(), after.next_unpaid_change(&bench.rules)), (None, None));
        if leaves {
            bench.deliver(id, 0);
            bench.on(id, Order::close).expect("nothing is open");
        }
    }
}

#[test]
fn a_dearer_service_that_is_not_approved_is_given_up() {
    let mut bench = stocked();
    bench.by("clerk");
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    let change = changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(400_000)))]);
    assert_eq!(change.outcome.map(|it| it.approvals.len()), Some(2));
    bench.by("judge");
    let approval = pending(bench.order(id)).expect("a gate").id;
    bench
        .on(id, |order, unit| order.decide_approval(unit, approval, Decision::Reject, "no"))
        .expect("rejected");
    let after = bench.order(id);
    assert_eq!((after.service, after.due_minor(), after.total_minor()), (ServiceLevel::Standard, 0, 4_165));
    assert!(pending(after).is_none());
}

#[test]
fn the_fee_follows_the_settings_and_an_unpaid_order_is_paid_with_it() {
    let mut bench = stocked();
    let fee = |service, fee_minor| ShippingFee {
        region: "EUROPE".parse().expect("a region"),
        service,
        currency: usd(0).currency,
        fee_minor,
    };
    bench.rules.shipping_fees = vec![fee(ServiceLevel::Standard, 500), fee(ServiceLevel::Express, 1_200)];
    let id = bench.placed(&to_berlin(order("ada", &[("A-1", 3)])));
    assert_eq!((bench.state(id), bench.order(id).amounts.shipping_minor), (OrderState::Invoiced, 500));
    changed(&mut bench, id, &[service(ServiceLevel::Express, None)]);
    let after = bench.order(id).clone();
    assert_eq!((after.amounts.shipping_minor, after.total_minor()), (1_200, 3_570 + 1_428));
    assert_eq!((after.due_minor(), invoiced(&after)), (after.total_minor(), after.total_minor()));
    bench.pay_cash(id);
    let paid = bench.order(id).clone();
    assert_eq!((paid.service, paid.state), (ServiceLevel::Express, OrderState::Fulfilling));

    // Back again: the newest invoice is credited whole before the one before it.
    changed(&mut bench, id, &[service(ServiceLevel::Standard, Some(usd(100)))]);
    let notes: Vec<_> = bench
        .order(id)
        .credit_notes
        .iter()
        .map(|it| (it.invoice, it.amounts.shipping_minor, it.amounts.total_minor))
        .collect();
    assert_eq!(notes, [(paid.invoices[1].id, 700, 833), (paid.invoices[0].id, 400, 476)]);
    assert_eq!(invoiced(bench.order(id)), 3_570 + 119);

    // A fee of the caller's own stays, whatever the service.
    let customer = order("bob", &[]).customer;
    let id = bench.paid(&NewOrder { customer, ..to_berlin_for(ServiceLevel::Standard) });
    bench.rules.shipping_fees.clear();
    changed(&mut bench, id, &[service(ServiceLevel::Overnight, None)]);
    let own = bench.order(id);
    assert_eq!(
        (own.service, own.amounts.shipping_minor, own.invoices.len()),
        (ServiceLevel::Overnight, 500, 1)
    );
}

#[test]
fn before_the_invoice_both_simply_change_and_the_approval_is_asked_anew() {
    let mut bench = stocked();
    bench.by("shop");
    issue(&mut bench, ten_off("TEN"));
    issue(&mut bench, ten_off("OTHER"));
    let id = bench
        .placed(&NewOrder { discount_code: Some(key("TEN")), ..dear(to_berlin_for(ServiceLevel::Standard)) });
    let asked = pending(bench.order(id)).expect("a gate").id;
    changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900))), code("OTHER")]);
    let after = bench.order(id).clone();
    assert_eq!((after.service, after.amounts.shipping_minor), (ServiceLevel::Express, 900));
    assert_eq!((after.invoices.len(), after.credit_notes.len()), (0, 0));
    assert_eq!((redeemed(&bench, "TEN"), redeemed(&bench, "OTHER")), (0, 1));
    let anew = pending(&after).expect("asked anew");
    assert_eq!((anew.id == asked, anew.amount.minor), (false, after.total_minor()));

    changed(&mut bench, id, &[ChangeItem::SetDiscount(WantedDiscount::None)]);
    let bare = bench.order(id);
    assert_eq!((bare.discount, bare.amounts.discount_minor, redeemed(&bench, "OTHER")), (None, 0, 0));
}

#[test]
fn a_discount_that_is_given_later_is_credited_line_by_line() {
    let mut bench = stocked();
    issue(&mut bench, DiscountCode { uses_max: Some(1), ..ten_off("TEN") });
    let id = bench.paid(&to_berlin(order("ada", &[("A-1", 3), ("B-2", 1)])));
    assert_eq!(bench.order(id).total_minor(), 3_570 + 3_035);
    let change = changed(&mut bench, id, &[code("TEN")]);
    let proposal = change.proposal.expect("a proposal");
    assert_eq!((proposal.credited_minor, proposal.to_pay_back_minor, proposal.to_pay_minor), (661, 661, 0));
    let after = bench.order(id).clone();
    let note = &after.credit_notes[0];
    let rows: Vec<_> = note.lines.iter().map(|it| (it.line, it.quantity, it.amounts.total_minor)).collect();
    assert_eq!(rows, [(1, 0, 357), (2, 0, 304)]);
    assert_eq!(
        (note.amounts.subtotal_minor, note.amounts.discount_minor, note.amounts.tax_minor),
        (555, 0, 106)
    );
    assert_eq!((after.discount, after.amounts.discount_minor), (Some(Discount::Percent(100_000)), 555));
    assert_eq!((invoiced(&after), after.total_minor(), after.refunded_minor()), (5_944, 5_944, 661));
    assert_eq!(redeemed(&bench, "TEN"), 1);

    // Units that are taken off later are credited at what they cost by then.
    changed(&mut bench, id, &[remove(2)]);
    let fewer = bench.order(id);
    assert_eq!((fewer.credit_notes[1].amounts.total_minor, invoiced(fewer)), (2_731, 3_213));
    assert_eq!(fewer.total_minor(), 3_213);

    let other = bench.paid(&to_berlin(order("bob", &[("A-1", 1)])));
    let refused = reasons(create(&mut bench, other, &[code("TEN")]));
    let field = "items[0].set_discount.code".to_owned();
    assert_eq!(refused, [(field, Some(Reason::DiscountCodeUsedUp))]);
    bench.on(id, |order, unit| order.cancel(unit, "no more")).expect("cancelled");
    changed(&mut bench, other, &[code("TEN")]);
}

#[test]
fn every_fault_of_another_service_or_discount_is_told_by_name() {
    let mut bench = stocked();
    issue(&mut bench, store_credit("GIFT", 900));
    let id = bench.paid(&to_berlin(order("ada", &[("A-1", 3)])));
    let euros = "EUR".parse::<Currency>().expect("a currency");
    let items = [
        service(ServiceLevel::Standard, None),
        service(ServiceLevel::Express, Some(euros.of(100))),
        ChangeItem::SetDiscount(WantedDiscount::None),
        ChangeItem::SetDiscount(WantedDiscount::Amount(usd(3_001))),
        ChangeItem::SetDiscount(WantedDiscount::Amount(euros.of(1))),
        code("GIFT"),
        code("NONE"),
    ];
    let refused = create(&mut bench, id, &items);
    let fields = [
        "items[0].set_shipping_service",
        "items[1].set_shipping_service.shipping_fee",
        "items[2].set_discount",
        "items[3].set_discount.amount_or_rate",
        "items[4].set_discount",
        "items[5].set_discount.code",
        "items[6].set_discount.code",
    ];
    assert_eq!(refused_fields(refused), fields);

    let third = ChangeItem::SetDiscount(WantedDiscount::Rate(333_333));
    changed(&mut bench, id, std::slice::from_ref(&third));
    for another in [third, ChangeItem::SetDiscount(WantedDiscount::None)] {
        assert_eq!(refused_fields(create(&mut bench, id, &[another])), ["items[0].set_discount"], "not less");
    }
    let other = bench.paid(&to_berlin(order("bob", &[("A-1", 3)])));
    changed(&mut bench, other, &[set(1, 2)]);
    let shared = ChangeItem::SetDiscount(WantedDiscount::Rate(1));
    assert_eq!(refused_fields(create(&mut bench, other, &[shared])), ["items[0].set_discount"]);

    let services = bench.paid(&order("eve", &[("FIT", 1)]));
    let refused = create(&mut bench, services, &[service(ServiceLevel::Express, None)]);
    assert_eq!(refused_fields(refused), ["items[0].set_shipping_service"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each decision; this one is about the sums.
    #[test]
    fn after_any_of_these_changes_lines_and_shipping_are_the_invoices_less_the_credit_notes(
        currency in prop::sample::select(vec!["JPY", "EUR", "KWD"]),
        inclusive in any::<bool>(),
        prices in prop::collection::vec(1_i64..9_999, 3),
        steps in prop::collection::vec((0_usize..5, 0_i64..3_000), 1..9),
        pays in any::<bool>(),
    ) {
        let mut bench = stocked();
        let currency: Currency = currency.parse().expect("a currency");
        let mut new = to_berlin(order("ada", &[("A-1", 3), ("B-2", 2), ("C-3", 4)]));
        (new.currency, new.prices_include_tax, new.shipping_fee) = (currency, inclusive, Some(currency.of(prices[0])));
        for (line, price) in new.lines.iter_mut().zip(&prices) {
            line.unit_price = Some(currency.of(*price));
        }
        bench.by("shop");
        let id: OrderId = bench.placed(&new);
        for (what, amount) in steps {
            bench.approve_all(id);
            if pays && bench.order(id).due_minor() > 0 {
                bench.by("cashier");
                let _ = bench.on(id, |order, unit| order.record_payment(unit, &cash(None)));
            }
            let level = ServiceLevel::ALL[usize::try_from(amount % 3).expect("one of three")];
            let added = AddedLine {
                sku: sku("B-2"), quantity: 1, unit_price: Some(currency.of(amount)), description: String::new(),
            };
            let item = match what {
                0 => service(level, Some(currency.of(amount))),
                1 => ChangeItem::SetDiscount(WantedDiscount::Rate(u32::try_from(amount * 333).expect("small"))),
                2 => ChangeItem::SetDiscount(WantedDiscount::Amount(currency.of(amount))),
                3 => ChangeItem::AddLine(added),
                _ => set(1 + i32::try_from(amount % 3).expect("a line"), 1 + amount % 2),
            };
            bench.by("clerk");
            let Ok(change) = create(&mut bench, id, &[item]) else { continue };
            if propose(&mut bench, id, change).is_err() {
                bench.on(id, |order, unit| order.cancel_change(unit, change)).expect("given up");
                continue;
            }
            let seen = last(&bench, id).proposal.clone().expect("a proposal");
            confirm(&mut bench, id, change).expect("there is stock");
            let order = bench.order(id);
            prop_assert_eq!(order.total_minor(), seen.new_total_minor);
            prop_assert_eq!(seen.new_total_minor, seen.old_total_minor - seen.credited_minor + seen.supplement_minor);
            prop_assert_eq!(invoiced(order), order.total_minor());
        }
    }
}

#[test]
fn what_makes_an_order_dearer_waits_for_the_end_of_a_hold() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    let held = crate::domain::model::hold::HoldReason::Compliance;
    bench.on(id, |order, unit| order.place_hold(unit, held, String::new())).expect("held");
    let change = create(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]).expect("drafted");
    assert_eq!(reason(propose(&mut bench, id, change)), Reason::HoldActive);
    bench.on(id, |order, unit| order.cancel_change(unit, change)).expect("given up");
    let cheaper = proposed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(0)))]);
    confirm(&mut bench, id, cheaper).expect("it costs less");
    assert_eq!(bench.order(id).service, ServiceLevel::Express);
}

#[test]
fn what_is_not_paid_of_a_dearer_service_does_not_go_back_with_the_goods() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
    let payment = bench.order(id).payments[0].id;
    let all = [RefundedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &all, None, "damaged", None))
        .expect("all that was paid goes back");
    let after = bench.order(id);
    assert_eq!((after.refunded_minor(), after.retained_minor(), after.total_minor()), (4_165, 0, 0));
    let notes: Vec<_> = after.credit_notes.iter().map(|it| (it.invoice, it.amounts.total_minor)).collect();
    assert_eq!(notes, [(after.invoices[1].id, 476), (after.invoices[0].id, 4_165)]);
    assert_eq!(
        (after.service, after.service_once_paid(), after.due_minor()),
        (ServiceLevel::Standard, None, 0)
    );
}

/// Line 1, one A-1 at 10.00, is with its courier. Line 2, one B-2 at 25.50, is here and paid back. Of the fee of 5.00 a change
/// makes 20.00, and nobody has paid the difference. Gives back which shipment has line 1.
fn waits_for_service_with_one_line_left(bench: &mut Bench) -> (OrderId, usize) {
    let new = NewOrder { shipping_fee: Some(usd(500)), ..order("ada", &[("A-1", 1), ("B-2", 1)]) };
    let id = bench.paid(&new);
    let first = usize::from(bench.shipment(id, 0).items[0].sku.as_str() != "A-1");
    bench.ship(id, first);
    changed(bench, id, &[service(ServiceLevel::Express, Some(usd(2_000)))]);
    assert_eq!((bench.order(id).due_minor(), bench.order(id).total_minor()), (1_500, 5_550));
    let payment = bench.order(id).payments[0].id;
    let second = [RefundedUnits { line: 2, quantity: 1 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &second, None, "scratched", None))
        .expect("it is here still");
    assert_eq!(bench.order(id).service_once_paid().map(|it| it.1), Some(ServiceLevel::Express));
    (id, first)
}

#[test]
fn whoever_pays_the_last_goods_back_gives_up_a_dearer_service_that_is_not_paid() {
    for (is_lost, answer) in [
        (false, Some(ReturnResolution::Refund)),
        (false, Some(ReturnResolution::StoreCredit)),
        (true, Some(ReturnResolution::Refund)),
        (true, None),
    ] {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 1), ("B-2", "LAX", 1)]);
        let (id, first) = waits_for_service_with_one_line_left(&mut bench);
        if is_lost {
            bench.pass(60);
            bench.report(id, first, TrackingStatus::Lost);
        } else {
            bench.deliver(id, first);
            inspected(&mut bench, id, 1, ReturnReason::Damaged);
        }
        match answer {
            Some(resolution) => {
                let back = bench.order(id).returns[0].id;
                resolve(&mut bench, id, back, &[(resolution, 1)]).expect("the last of it");
            }
            None => {
                let shipment = bench.shipment(id, first).id;
                bench
                    .on(id, |order, unit| order.resolve_exception(unit, shipment, &Way::Refund(None), "lost"))
                    .expect("the last of it");
            }
        }
        let after = bench.order(id).clone();
        assert_eq!((after.total_minor(), invoiced(&after), after.due_minor()), (0, 0, 0), "{answer:?}");
        assert_eq!((after.service, after.service_once_paid()), (ServiceLevel::Standard, None), "{answer:?}");
        let of_service = &after.invoices[1];
        assert_eq!((of_service.state, after.credited_of(of_service)), (InvoiceState::Paid, 1_500));
        assert_eq!(after.refunded_minor() + after.retained_minor(), 4_050, "all that was paid: {answer:?}");
    }
}

#[test]
fn a_dearer_service_that_is_paid_when_all_has_left_is_paid_back() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    bench.prepare(id, 0);
    changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
    let payment = bench
        .on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)))
        .expect("the difference by card");
    // The provider is slow: the courier takes it with the service that it has until then.
    let shipment = bench.shipment(id, 0).id;
    let leaves = bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None));
    leaves.expect("what is prepared has its courier");
    assert!(bench.order(id).service_once_paid().is_some(), "money is under way");

    bench.answer(id, payment, ProviderRequest::Charge, &done("ch-1"));
    let after = bench.order(id).clone();
    assert_eq!((after.service, after.service_once_paid()), (ServiceLevel::Standard, None));
    assert_eq!((after.captured_minor(), after.refunded_minor()), (4_641, 476));
    assert_eq!((after.total_minor(), invoiced(&after), after.due_minor()), (4_165, 4_165, 0));
    assert_eq!(after.credited_of(&after.invoices[1]), 476);
}

#[test]
fn what_is_paid_of_a_dearer_service_goes_back_with_the_goods() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
    bench.on(id, |order, unit| order.record_payment(unit, &cash(Some(100)))).expect("a part of it");
    assert_eq!((bench.order(id).captured_minor(), bench.order(id).due_minor()), (4_265, 376));
    let payment = bench.order(id).payments[0].id;
    let all = [RefundedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &all, None, "damaged", None))
        .expect("all that was paid goes back");
    let after = bench.order(id);
    assert_eq!((after.refunded_minor(), after.retained_minor(), after.surplus_minor()), (4_265, 0, 0));
    assert_eq!((after.total_minor(), invoiced(after), after.service_once_paid()), (0, 0, None));
}

#[test]
fn a_service_that_is_sold_after_all_goods_were_paid_back_is_taxed_as_before() {
    let mut bench = stocked();
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    let payment = bench.order(id).payments[0].id;
    let all = [RefundedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.refund_lines(unit, payment, &all, None, "late", None))
        .expect("all that was paid goes back");
    assert_eq!((bench.order(id).total_minor(), bench.order(id).amounts.shipping_minor), (0, 0));
    changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(900)))]);
    let after = bench.order(id);
    let supplement = &after.invoices[1].amounts;
    assert_eq!((supplement.shipping_minor, supplement.shipping_tax_minor), (900, 171));
    assert_eq!((after.total_minor(), invoiced(after), after.due_minor()), (1_071, 1_071, 1_071));
}

#[test]
fn nobody_is_asked_any_more_about_a_service_that_all_has_left_without() {
    let mut bench = stocked();
    bench.by("clerk");
    let id = bench.paid(&to_berlin_for(ServiceLevel::Standard));
    let change = changed(&mut bench, id, &[service(ServiceLevel::Express, Some(usd(400_000)))]);
    assert!(pending(bench.order(id)).is_some());
    bench.ship(id, 0);
    let after = bench.order(id).clone();
    let asked: Vec<_> = after.approvals.iter().filter(|it| it.change == Some(change.id)).collect();
    assert!(!asked.is_empty() && asked.iter().all(|it| it.state == ApprovalState::Withdrawn), "{asked:?}");
    assert_eq!((after.invoices[1].state, after.due_minor()), (InvoiceState::Paid, 0));
    assert_eq!((after.service, after.total_minor()), (ServiceLevel::Standard, 4_165));
    bench.deliver(id, 0);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn a_code_of_an_invoiced_order_is_free_again_when_a_larger_discount_takes_its_place() {
    let mut bench = stocked();
    issue(&mut bench, DiscountCode { uses_max: Some(1), ..ten_off("TEN") });
    let id = bench.paid(&to_berlin(order("ada", &[("A-1", 3), ("B-2", 1)])));
    changed(&mut bench, id, &[code("TEN")]);
    assert_eq!(redeemed(&bench, "TEN"), 1);
    changed(&mut bench, id, &[ChangeItem::SetDiscount(WantedDiscount::Rate(200_000))]);
    let after = bench.order(id);
    assert_eq!((after.credit_notes.len(), invoiced(after)), (2, after.total_minor()));
    assert_eq!(after.surplus_minor(), 0);
    assert_eq!(redeemed(&bench, "TEN"), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each decision.
    #[test]
    fn a_discount_of_a_paid_order_grows_any_number_of_times_and_never_shrinks_to_the_minor_unit(
        currency in prop::sample::select(vec!["JPY", "USD", "KWD"]),
        inclusive in any::<bool>(),
        prices in prop::collection::vec(1_i64..999, 3),
        amounts in prop::collection::vec(1_i64..1_500, 1..9),
    ) {
        let mut bench = stocked();
        let currency: Currency = currency.parse().expect("a currency");
        let mut new = to_berlin(order("ada", &[("A-1", 3), ("B-2", 2), ("C-3", 4)]));
        (new.currency, new.prices_include_tax, new.shipping_fee) = (currency, inclusive, Some(currency.of(0)));
        for (line, price) in new.lines.iter_mut().zip(&prices) {
            line.unit_price = Some(currency.of(*price));
        }
        bench.by("shop");
        let id: OrderId = bench.placed(&new);
        bench.approve_and_pay(id);
        let goods: i64 = bench.order(id).lines.iter().map(|it| it.amounts.gross_minor).sum();
        let mut given = 0;
        for amount in amounts {
            let item = ChangeItem::SetDiscount(WantedDiscount::Amount(currency.of(amount)));
            let before = bench.order(id).clone();
            let drafted = create(&mut bench, id, &[item]);
            prop_assert_eq!(drafted.is_ok(), amount > given && amount <= goods, "{:?}", drafted);
            let Ok(change) = drafted else { continue };
            propose(&mut bench, id, change).expect("proposed");
            confirm(&mut bench, id, change).expect("confirmed");
            given = amount;
            let after = bench.order(id);
            for (line, was) in after.lines.iter().zip(&before.lines) {
                prop_assert!(line.amounts.total_minor <= was.amounts.total_minor, "{:?}", line.amounts);
            }
            prop_assert_eq!(invoiced(after), after.total_minor());
            prop_assert_eq!((after.due_minor(), after.surplus_minor()), (0, 0));
            let kept = after.captured_minor() - after.refunded_minor();
            prop_assert_eq!(kept, after.total_minor());
        }
    }
}
