//! Orders are changed after they were sold: lines, stock, money, approvals and the way to the customer follow.

use proptest::prelude::*;

use crate::domain::approvals::decide::Decision;
use crate::domain::catalogue::import::ImportProduct;
use crate::domain::model::action::Action;
use crate::domain::model::amounts::Discount;
use crate::domain::model::approval::{ApprovalState, Gate};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{AddedLine, ChangeItem, OrderChange, OrderChangeState};
use crate::domain::model::product::ProductChange;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{OrderChangeId, OrderId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::ordering::order_change::CHANGES_MAX;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{dear, order, pending, reason, sku, usd, waiting};
use crate::domain::unit::command::Command;

pub(super) fn set(line: i32, quantity: i64) -> ChangeItem {
    ChangeItem::SetQuantity { line, quantity }
}

pub(super) fn remove(line: i32) -> ChangeItem {
    ChangeItem::RemoveLine { line }
}

pub(super) fn add(code: &str, quantity: i64) -> ChangeItem {
    ChangeItem::AddLine(AddedLine { sku: sku(code), quantity, unit_price: None, description: String::new() })
}

pub(super) fn create(bench: &mut Bench, id: OrderId, items: &[ChangeItem]) -> Result<OrderChangeId, Refusal> {
    bench.on(id, |order, unit| order.create_change(unit, items, "as agreed by phone"))
}

pub(super) fn propose(bench: &mut Bench, id: OrderId, change: OrderChangeId) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.propose_change(unit, change))
}

pub(super) fn confirm(bench: &mut Bench, id: OrderId, change: OrderChangeId) -> Result<(), Refusal> {
    bench.on(id, |order, unit| order.confirm_change(unit, change))
}

pub(super) fn proposed(bench: &mut Bench, id: OrderId, items: &[ChangeItem]) -> OrderChangeId {
    let change = create(bench, id, items).expect("drafted");
    propose(bench, id, change).expect("proposed");
    change
}

pub(super) fn changed(bench: &mut Bench, id: OrderId, items: &[ChangeItem]) -> OrderChange {
    let change = proposed(bench, id, items);
    confirm(bench, id, change).expect("confirmed");
    last(bench, id).clone()
}

pub(super) fn last(bench: &Bench, id: OrderId) -> &OrderChange {
    bench.order(id).changes.last().expect("a change")
}

fn stocked() -> Bench {
    Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "NYC", 9), ("C-3", "NYC", 2)])
}

/// What invoices say, less what credit notes take off them.
fn invoiced(order: &Order) -> i64 {
    order.current_invoices().map(|it| it.amounts.total_minor - order.credited_of(it)).sum()
}

#[test]
fn what_is_taken_off_a_paid_order_pays_for_what_is_added_and_the_rest_is_asked_for() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 3), ("C-3", 1)]));
    let before = bench.order(id).clone();
    let change = proposed(&mut bench, id, &[set(1, 2), add("B-2", 1)]);

    let seen = bench.order(id).clone();
    assert_eq!((seen.lines.clone(), seen.amounts.clone()), (before.lines.clone(), before.amounts.clone()));
    assert_eq!(seen.open_change().map(|it| it.state), Some(OrderChangeState::Proposed));
    assert_eq!(bench.shelf("B-2", "NYC"), (9, 0, 0), "nothing moved");
    let proposal = last(&bench, id).proposal.clone().expect("a proposal");
    assert_eq!(proposal.old_total_minor, before.total_minor());
    assert_eq!(
        proposal.new_total_minor,
        before.total_minor() - proposal.credited_minor + proposal.supplement_minor
    );
    assert_eq!(proposal.to_pay_minor, proposal.supplement_minor - proposal.credited_minor);
    assert_eq!(proposal.to_pay_back_minor, 0);
    assert_eq!((proposal.stock[0].line, proposal.stock[0].wanted, proposal.stock[0].available), (3, 1, 1));

    confirm(&mut bench, id, change).expect("confirmed");
    let after = bench.order(id).clone();
    let outcome = after.changes[0].outcome.clone().expect("an outcome");
    assert_eq!((outcome.to_pay_minor, outcome.paid_back_minor), (proposal.to_pay_minor, 0));
    assert_eq!((outcome.credit_notes.len(), outcome.lines_added.as_slice()), (1, &[3][..]));
    assert_eq!((after.total_minor(), invoiced(&after)), (proposal.new_total_minor, after.total_minor()));
    assert_eq!(after.due_minor(), proposal.to_pay_minor);
    assert_eq!(after.lines[0].amounts, before.lines[0].amounts, "frozen");
    assert_eq!((after.lines[0].remaining_quantity(), after.lines[2].added_by_change), (2, Some(change)));
    let supplement = &after.invoices[1];
    assert_eq!((supplement.supplements, supplement.change), (Some(after.invoices[0].id), Some(change)));
    assert_eq!(after.due_of(supplement), after.due_minor());
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "NYC")), ((9, 2, 0), (9, 1, 0)));

    // What was paid goes on; what was added waits.
    assert_eq!((after.state, after.shipments.len()), (OrderState::Fulfilling, 1));
    assert!(after.available_actions().contains(&Action::RecordPayment));
    bench.ship(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyShipped);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    bench.pay_cash(id);
    let paid = bench.order(id).clone();
    assert!(paid.invoices.iter().all(|it| it.state == InvoiceState::Paid));
    assert_eq!((paid.due_minor(), paid.shipments.len()), (0, 2));
    assert_eq!(paid.payments[1].invoice, paid.invoices[1].id);
    bench.ship(id, 1);
    bench.deliver(id, 1);
    assert_eq!(bench.state(id), OrderState::Delivered);
    bench.on(id, Order::close).expect("nothing is open");
    assert_eq!(bench.shelf("B-2", "NYC"), (8, 0, 0));
}

#[test]
fn nobody_pays_a_price_that_was_not_proposed() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let change = proposed(&mut bench, id, &[add("B-2", 1)]);
    let dearer = vec![ProductChange::UnitPrice(Some(usd(999_900)))];
    bench
        .decide(|unit| ImportProduct { sku: sku("B-2"), kind: None, changes: dearer }.decide(unit))
        .expect("corrected");
    let before = bench.order(id).clone();
    assert_eq!(reason(confirm(&mut bench, id, change)), Reason::OrderChangeOutdated);
    assert_eq!((bench.order(id), bench.shelf("B-2", "NYC")), (&before, (9, 0, 0)), "and nothing changed");
    propose(&mut bench, id, change).expect("looked at anew");
    confirm(&mut bench, id, change).expect("the customer agreed to the new price");
}

#[test]
fn what_was_added_and_is_not_paid_is_not_paid_back() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    changed(&mut bench, id, &[add("B-2", 1)]);
    let payment = bench.order(id).payments[0].id;
    let mut pay_back = |line| {
        let units = [RefundedUnits { line, quantity: 1 }];
        bench.on(id, |order, unit| order.refund_lines(unit, payment, &units, None, "came back", None))
    };
    assert_eq!(refused_fields(pay_back(2)), ["lines[0].line_number"]);
    pay_back(1).expect("the first line is paid");
}

#[test]
fn an_approval_does_not_cover_goods_that_a_change_gives_away() {
    let mut bench = stocked();
    bench.by("shop");
    let id = bench.placed(&dear(order("ada", &[("A-1", 1)])));
    bench.by("boss").decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    bench.by("shop");
    let total = bench.order(id).total_minor();
    let gift = ChangeItem::AddLine(AddedLine {
        sku: sku("B-2"),
        quantity: 9,
        unit_price: Some(usd(0)),
        description: String::new(),
    });
    let dearer = vec![ProductChange::UnitPrice(Some(usd(total)))];
    bench
        .decide(|unit| ImportProduct { sku: sku("B-2"), kind: None, changes: dearer }.decide(unit))
        .expect("corrected");
    changed(&mut bench, id, &[gift]);
    let asked = pending(bench.order(id)).expect("a person is asked about the goods that are given away");
    assert_eq!(asked.gate, Gate::Reservation);
}

#[test]
fn before_the_invoice_the_money_simply_changes_and_the_approval_is_asked_anew() {
    let mut bench = stocked();
    bench.by("shop");
    let id = bench.placed(&dear(order("ada", &[("A-1", 1), ("B-2", 1)])));
    let asked = pending(bench.order(id)).expect("a gate").id;
    let change = changed(&mut bench, id, &[set(1, 2), remove(2)]);
    let after = bench.order(id).clone();
    assert_eq!((after.state, after.invoices.len(), after.credit_notes.len()), (OrderState::Reserved, 0, 0));
    assert_eq!(change.outcome.expect("an outcome").supplementary_invoice, None);
    let anew = pending(&after).expect("asked anew");
    assert_ne!(anew.id, asked);
    assert_eq!(anew.amount.minor, after.total_minor());
    let lines: Vec<_> = after.lines.iter().map(|it| (it.sku.as_str(), it.remaining_quantity())).collect();
    assert_eq!(lines, [("A-1", 1), ("B-2", 0), ("A-1", 1)]);
    assert_eq!(after.lines[2].unit_price_minor, 200_000, "at the line's price");
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("B-2", "NYC")), ((9, 2, 0), (9, 0, 0)));

    bench.by("judge");
    bench.decide_gate(id, Gate::Reservation, Decision::Approve).expect("approved");
    let invoiced = bench.order(id);
    assert_eq!((invoiced.invoices.len(), invoiced.invoices[0].lines.len()), (1, 2));
}

#[test]
fn an_unpaid_order_is_paid_at_once_with_what_was_added() {
    let mut bench = stocked();
    let id = bench.placed(&order("ada", &[("A-1", 2)]));
    assert_eq!(bench.state(id), OrderState::Invoiced);
    changed(&mut bench, id, &[add("B-2", 1)]);
    let after = bench.order(id).clone();
    assert_eq!((after.state, after.invoices.len()), (OrderState::Invoiced, 2));
    assert_eq!((after.due_minor(), invoiced(&after)), (after.total_minor(), after.total_minor()));
    let parts: i64 = after.invoices.iter().map(|it| after.due_of(it)).sum();
    assert_eq!(parts, after.due_minor());

    bench.pay_cash(id);
    let paid = bench.order(id);
    assert!(paid.invoices.iter().all(|it| it.state == InvoiceState::Paid));
    assert_eq!((paid.state, paid.shipments.len()), (OrderState::Fulfilling, 1), "one shipment with all");
    assert_eq!(paid.shipments[0].items.len(), 2);
}

#[test]
fn what_is_taken_off_is_paid_back_and_each_invoice_gets_its_credit_note() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    changed(&mut bench, id, &[set(1, 5)]);
    bench.pay_cash(id);
    let change = changed(&mut bench, id, &[set(1, 2), set(2, 1)]);
    let after = bench.order(id).clone();
    let outcome = change.outcome.expect("an outcome");
    assert_eq!(outcome.credit_notes.len(), 2);
    let corrected: Vec<_> = after.credit_notes.iter().map(|it| it.invoice).collect();
    assert_eq!(corrected, [after.invoices[1].id, after.invoices[0].id], "the newest first");
    assert_eq!(after.line_cancellations[0].credit_notes, outcome.credit_notes);
    assert_eq!((invoiced(&after), after.surplus_minor()), (after.total_minor(), 0));
    assert_eq!(outcome.paid_back_minor, after.credited_minor());
    assert_eq!(bench.shelf("A-1", "NYC"), (9, 3, 0));
}

#[test]
fn money_that_went_back_before_is_asked_for_again_when_units_are_added() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    changed(&mut bench, id, &[set(1, 2)]);
    bench.settle(id);
    let change = changed(&mut bench, id, &[add("A-1", 1)]);
    let proposal = change.proposal.expect("a proposal");
    assert_eq!(bench.order(id).due_minor(), proposal.supplement_minor);
    bench.pay_cash(id);
    let paid = bench.order(id);
    let kept = paid.captured_minor() - paid.refunded_minor();
    assert_eq!((paid.due_minor(), kept), (0, paid.total_minor()));
}

#[test]
fn a_discount_keeps_its_share_and_gives_added_lines_nothing() {
    let mut bench = stocked();
    let mut new = order("ada", &[("A-1", 3), ("B-2", 1)]);
    new.discount = Some(Discount::Percent(100_000));
    let id = bench.paid(&new);
    let before: Vec<_> = bench.order(id).lines.iter().map(|it| it.amounts).collect();
    changed(&mut bench, id, &[set(1, 4), remove(2)]);
    let after = bench.order(id);
    assert_eq!(after.lines[..2].iter().map(|it| it.amounts).collect::<Vec<_>>(), before);
    assert_eq!(after.lines[2].amounts.discount_share_minor, 0);
    assert_eq!(after.lines[2].amounts.gross_minor, 1_000);
    assert_eq!(invoiced(after), after.total_minor());
}

#[test]
fn a_shortage_is_shown_and_refused_and_nothing_has_changed() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let change = proposed(&mut bench, id, &[add("C-3", 3), add("B-2", 1)]);
    let stock = &last(&bench, id).proposal.as_ref().expect("a proposal").stock;
    assert_eq!((stock[0].wanted, stock[0].available, stock[1].available), (3, 2, 1));
    let before = bench.order(id).clone();
    let Err(Refusal::Short(short)) = confirm(&mut bench, id, change) else { panic!("it is short") };
    assert_eq!((short.len(), short[0].sku.as_str(), short[0].available), (1, "C-3", 2));
    assert_eq!(*bench.order(id), before);

    bench.stock("C-3", "NYC", 5);
    confirm(&mut bench, id, change).expect("what it rests on has not changed");
    let id = bench.placed(&waiting(order("bob", &[("C-3", 90)])));
    changed(&mut bench, id, &[add("A-1", 1)]);
    assert_eq!(bench.state(id), OrderState::AwaitingStock, "it waits for both");
    changed(&mut bench, id, &[set(1, 4)]);
    assert_eq!(bench.state(id), OrderState::Invoiced, "fewer are there");
}

#[test]
fn a_proposal_is_outdated_when_what_it_touches_or_the_money_has_changed() {
    let mut bench = stocked();
    let id = bench.placed(&order("ada", &[("A-1", 3), ("B-2", 2)]));
    let change = proposed(&mut bench, id, &[set(1, 2)]);
    bench.pay_cash(id);
    assert_eq!(reason(confirm(&mut bench, id, change)), Reason::OrderChangeOutdated);
    propose(&mut bench, id, change).expect("looked at anew");
    assert_eq!(last(&bench, id).proposal.as_ref().map(|it| it.to_pay_back_minor > 0), Some(true));
    let steps = bench.history(id).iter().filter(|it| it.kind == EventKind::OrderChangeProposed).count();
    assert_eq!(steps, 2);

    // A pick of the line beside it is no matter; units of it that were cancelled are.
    bench.pick(id, 0);
    confirm(&mut bench, id, change).expect("picked units are put back");
    let last_shipment = bench.order(id).shipments.len() - 1;
    assert_eq!(bench.order(id).shipments[last_shipment].state, ShipmentState::Planned);
    let change = proposed(&mut bench, id, &[set(1, 1)]);
    let one = [CancelledUnits { line: 1, quantity: 1 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &one, "one only")).expect("cancelled");
    assert_eq!(reason(confirm(&mut bench, id, change)), Reason::OrderChangeOutdated);
    let refused = propose(&mut bench, id, change);
    assert_eq!(refused_fields(refused), ["items[0].set_quantity.quantity"]);
}

#[test]
fn every_fault_is_told_at_once() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 3), ("B-2", 1)]));
    let items = [set(1, 3), set(9, 1), remove(2), remove(2), add("NONE", 1)];
    let refused = create(&mut bench, id, &items);
    assert_eq!(
        refused_fields(refused),
        [
            "items[0].set_quantity.quantity",
            "items[1].set_quantity.line_number",
            "items[3].remove_line.line_number"
        ]
    );
    let refused = create(&mut bench, id, &[set(1, 2), add("NONE", 1)]);
    assert_eq!(refused_fields(refused), ["items[1].add_line.sku"]);
    let whole = create(&mut bench, id, &[remove(1), remove(2)]).expect("drafted");
    assert_eq!(reason(propose(&mut bench, id, whole)), Reason::IllegalTransition, "nothing would be left");
}

#[test]
fn one_change_is_open_at_a_time_and_lapses_with_its_order() {
    let mut bench = stocked();
    let id = bench.placed(&order("ada", &[("A-1", 3)]));
    let change = create(&mut bench, id, &[set(1, 2)]).expect("drafted");
    assert_eq!(reason(create(&mut bench, id, &[set(1, 1)])), Reason::OrderChangeOpen);
    assert_eq!(reason(confirm(&mut bench, id, change)), Reason::IllegalTransition, "not proposed");
    let declined = bench.on(id, |order, unit| order.decline_change(unit, change, "no"));
    assert_eq!(reason(declined), Reason::IllegalTransition);
    propose(&mut bench, id, change).expect("proposed");
    bench.on(id, |order, unit| order.decline_change(unit, change, "too late")).expect("declined");
    assert_eq!(last(&bench, id).ended.as_ref().map(|it| it.reason.as_str()), Some("too late"));
    assert_eq!(reason(propose(&mut bench, id, change)), Reason::IllegalTransition);

    create(&mut bench, id, &[set(1, 1)]).expect("another one");
    bench.on(id, |order, unit| order.cancel(unit, "changed her mind")).expect("cancelled");
    assert_eq!(last(&bench, id).state, OrderChangeState::Lapsed);
    assert!(last(&bench, id).ended.as_ref().is_some_and(|it| it.by.is_system()));
    assert_eq!(reason(create(&mut bench, id, &[set(1, 1)])), Reason::IllegalTransition);

    let id = bench.placed(&order("bob", &[("A-1", 3)]));
    for _ in 0..CHANGES_MAX {
        let change = create(&mut bench, id, &[set(1, 1)]).expect("drafted");
        bench.on(id, |order, unit| order.cancel_change(unit, change)).expect("cancelled");
    }
    assert_eq!(reason(create(&mut bench, id, &[set(1, 1)])), Reason::LimitReached);
    assert!(!bench.order(id).available_actions().contains(&Action::CreateOrderChange));
}

/// A cheap order that a change makes so dear that a person is asked.
fn made_dear(bench: &mut Bench) -> OrderId {
    bench.by("clerk");
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let dear = AddedLine {
        sku: sku("B-2"),
        quantity: 1,
        unit_price: Some(usd(400_000)),
        description: "with engraving".to_owned(),
    };
    let change = changed(bench, id, &[ChangeItem::AddLine(dear)]);
    let needed = &change.proposal.as_ref().expect("a proposal").approvals;
    assert_eq!(needed.iter().map(|it| it.gate).collect::<Vec<_>>(), [Gate::Reservation, Gate::Payment]);
    assert_eq!(change.outcome.expect("an outcome").approvals.len(), 2);
    id
}

fn invoices_told(bench: &Bench, id: OrderId) -> usize {
    bench.order(id).messages.iter().filter(|it| it.kind == MessageKind::InvoiceIssued).count()
}

#[test]
fn approvals_are_renewed_for_what_was_added_and_the_rest_goes_on() {
    let mut bench = stocked();
    let id = made_dear(&mut bench);
    assert_eq!(bench.state(id), OrderState::Fulfilling);
    let paying = bench.on(id, |order, unit| {
        order.record_payment(unit, &crate::domain::tests::given::cash(None)).map(|_| ())
    });
    assert_eq!(reason(paying), Reason::IllegalTransition);
    assert_eq!(invoices_told(&bench, id), 1, "what cannot be paid yet is not asked for");
    let (asked, due) = (bench.now, bench.order(id).invoices[1].due_at.expect("it is kept for a while"));
    bench.pass(60);
    bench.ship(id, 0);
    bench.by("judge");
    for _ in 0..2 {
        let approval = pending(bench.order(id)).expect("a gate").id;
        bench
            .on(id, |order, unit| order.decide_approval(unit, approval, Decision::Approve, "fine"))
            .expect("approved");
    }
    assert_eq!(invoices_told(&bench, id), 2);
    let due_now = bench.order(id).invoices[1].due_at;
    assert_eq!(due_now, Some(due.plus(bench.now.since(asked))), "the time to pay counts from the approval");
    bench.pay_cash(id);
    assert_eq!((bench.state(id), bench.order(id).shipments.len()), (OrderState::PartiallyShipped, 2));
    bench.ship(id, 1);
    assert_eq!(bench.state(id), OrderState::Shipped);
}

#[test]
fn what_is_not_approved_is_taken_off_again() {
    for late in [false, true] {
        let mut bench = stocked();
        let id = made_dear(&mut bench);
        bench.by("judge");
        if late {
            bench.pass(bench.rules.approval_lifetime_seconds);
            bench.run_due(id);
        } else {
            let approval = pending(bench.order(id)).expect("a gate").id;
            bench
                .on(id, |order, unit| order.decide_approval(unit, approval, Decision::Reject, "no"))
                .expect("rejected");
        }
        let after = bench.order(id);
        assert_eq!(after.state, OrderState::Fulfilling);
        assert_eq!((after.lines[1].remaining_quantity(), after.due_minor()), (0, 0));
        assert_eq!(after.credit_notes[0].invoice, after.invoices[1].id);
        assert_eq!(invoices_told(&bench, id), 1);
        assert!(after.approvals.iter().all(|it| it.state != ApprovalState::Pending));
        assert_eq!(bench.shelf("B-2", "NYC"), (9, 0, 0));
    }
}

#[test]
fn an_addition_that_is_never_paid_is_cancelled_and_the_order_ends() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    changed(&mut bench, id, &[add("B-2", 2)]);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::PartiallyDelivered);
    changed(&mut bench, id, &[remove(2)]);
    let after = bench.order(id);
    assert_eq!((after.state, after.due_minor()), (OrderState::Delivered, 0));
    assert_eq!(after.invoices[1].state, InvoiceState::Paid, "all of it is credited");
    assert_eq!(bench.shelf("B-2", "NYC"), (9, 0, 0));
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn words_and_address_change_and_a_hold_stops_what_is_added() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    let mut address = bench.order(id).shipping_address.clone();
    address.lines = vec!["1 Main Street".to_owned()];
    let items = [
        ChangeItem::SetInstructions("ring twice".to_owned()),
        ChangeItem::SetShippingAddress(Box::new(address.clone())),
    ];
    changed(&mut bench, id, &items);
    let after = bench.order(id);
    assert_eq!(after.special_instructions, "ring twice");
    assert_eq!(after.shipping_address.lines, ["1 Main Street"]);
    assert!(after.messages.iter().any(|it| it.kind == MessageKind::OrderUpdated));

    let elsewhere = crate::domain::model::address::Address { country: "DE".to_owned(), ..address };
    let refused = create(&mut bench, id, &[ChangeItem::SetShippingAddress(Box::new(elsewhere))]);
    assert_eq!(refused_fields(refused), ["items[0].set_shipping_address.country"]);
    bench.on(id, |order, unit| order.place_hold(unit, HoldReason::Compliance, String::new())).expect("held");
    let change = create(&mut bench, id, &[add("B-2", 1)]).expect("drafted");
    assert_eq!(reason(propose(&mut bench, id, change)), Reason::HoldActive);
    assert!(!bench.order(id).available_actions().contains(&Action::ProposeOrderChange));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bench checks every law after each decision; this one is about the sums alone.
    #[test]
    fn after_any_changes_the_lines_are_the_invoices_less_the_credit_notes(
        currency in prop::sample::select(vec!["JPY", "EUR", "KWD"]),
        inclusive in any::<bool>(),
        discount in prop::option::of(1_u32..=400_000),
        prices in prop::collection::vec(1_i64..9_999, 4),
        steps in prop::collection::vec((0_usize..4, 1_i32..6, 1_i64..5), 1..9),
        pays in any::<bool>(),
    ) {
        let mut bench = Bench::with_stock(&[("A-1", "NYC", 99), ("B-2", "LAX", 99), ("C-3", "NYC", 99)]);
        let currency: crate::domain::model::money::Currency = currency.parse().expect("a currency");
        let mut new = order("ada", &[("A-1", 3), ("B-2", 2), ("C-3", 4)]);
        new.currency = currency;
        new.prices_include_tax = inclusive;
        new.discount = discount.map(Discount::Percent);
        for (line, price) in new.lines.iter_mut().zip(&prices) {
            line.unit_price = Some(currency.of(*price));
        }
        bench.by("shop");
        let id = bench.placed(&new);
        let sold: Vec<_> = bench.order(id).lines.iter().map(|it| it.amounts).collect();
        for (what, line, quantity) in steps {
            bench.by("judge");
            while let Some(approval) = pending(bench.order(id)).map(|it| it.id) {
                bench.on(id, |order, unit| order.decide_approval(unit, approval, Decision::Approve, "")).expect("yes");
            }
            if pays && bench.order(id).due_minor() > 0 {
                let money = crate::domain::billing::pay::ReceivedMoney {
                    amount: None, ..crate::domain::tests::given::cash(None)
                };
                bench.by("cashier");
                let _ = bench.on(id, |order, unit| order.record_payment(unit, &money));
            }
            let added = AddedLine {
                sku: sku("B-2"), quantity, unit_price: Some(currency.of(prices[3])), description: String::new(),
            };
            let item = match what {
                0 => remove(line),
                1 => ChangeItem::AddLine(added),
                _ => set(line, quantity),
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
            let left: i64 = order.lines.iter().map(|it| it.remaining_amounts().total_minor).sum();
            let shipping = order.amounts.shipping_minor + if inclusive { 0 } else { order.amounts.shipping_tax_minor };
            prop_assert_eq!(order.total_minor(), left + shipping);
            if order.main_invoice().is_some() {
                prop_assert_eq!(invoiced(order), order.total_minor());
            }
            prop_assert_eq!(order.lines.iter().take(3).map(|it| it.amounts).collect::<Vec<_>>(), sold.clone());
        }
    }
}

#[test]
fn what_a_change_added_is_sold_to_others_when_nobody_pays_it() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    changed(&mut bench, id, &[add("B-2", 1)]);
    let before = bench.order(id).clone();
    let ends = before.invoices[1].issued_at.plus(bench.rules.reservation_lifetime());
    assert_eq!(before.next_unpaid_change(&bench.rules), Some((ends, before.changes[0].id)));
    let lifetime = bench.rules.reservation_lifetime_seconds;
    bench.pass(lifetime - 1);
    bench.run_due(id);
    assert_eq!(bench.shelf("B-2", "NYC"), (9, 1, 0), "it is still set aside");
    bench.pass(1);
    bench.run_due(id);
    let after = bench.order(id).clone();
    assert_eq!(bench.shelf("B-2", "NYC"), (9, 0, 0));
    assert_eq!((after.due_minor(), after.surplus_minor(), after.credit_notes.len()), (0, 0, 1));
    assert_eq!((after.state, after.total_minor()), (before.state, before.captured_minor()));
    assert_eq!(after.next_unpaid_change(&bench.rules), None);
    bench.ship(id, 0);
    bench.deliver(id, 0);
    bench.on(id, Order::close).expect("nothing is open");
}

#[test]
fn what_went_back_of_one_change_does_not_pay_for_another() {
    let mut bench = stocked();
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    changed(&mut bench, id, &[add("B-2", 2)]);
    bench.pay_cash(id);
    bench
        .on(id, |order, unit| {
            order.cancel_lines(unit, &[CancelledUnits { line: 2, quantity: 1 }], "one only")
        })
        .expect("cancelled");
    let back = bench.order(id).refunded_minor();
    assert!(back > 0, "one unit was paid back");
    changed(&mut bench, id, &[add("C-3", 1)]);
    let after = bench.order(id).clone();
    let supplement = after.invoices.last().expect("a supplement");
    assert_eq!(after.due_minor(), supplement.amounts.total_minor);
}
