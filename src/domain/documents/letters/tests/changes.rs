//! Letters about changes that are proposed.

use super::*;

use crate::domain::model::order_change::{
    BasisLine, ChangeBasis, ChangeItem, ChangeProposal, OrderChange, OrderChangeState, ProposedLine,
    WantedDiscount, WantedService,
};
use crate::domain::model::scalars::ServiceLevel;

/// A mug less, and a pot more.
pub(super) fn proposed() -> OrderChange {
    let sku = "POT-1".parse().expect("a sku");
    let basis = ChangeBasis {
        lines: vec![BasisLine { number: 1, wanted: 2, bound: 0 }],
        total_minor: 3_290,
        captured_minor: 3_290,
        refunded_minor: 0,
        invoices: Vec::new(),
        shipping_address: None,
    };
    OrderChange {
        id: Uuid::from_u128(11).into(),
        state: OrderChangeState::Proposed,
        items: vec![ChangeItem::SetQuantity { line: 1, quantity: 1 }],
        reason: "internal".to_owned(),
        created_by: Actor::system(),
        created_at: NOW,
        proposal: Some(Box::new(ChangeProposal {
            by: Actor::system(),
            at: NOW,
            order_version: 1,
            basis,
            old_total_minor: 3_290,
            new_total_minor: 4_540,
            credited_minor: 1_250,
            supplement_minor: 2_500,
            to_pay_minor: 1_250,
            to_pay_back_minor: 0,
            stock: Vec::new(),
            promised_before: Some(days_later(5)),
            promised_after: Some(days_later(6)),
            approvals: Vec::new(),
            added: vec![ProposedLine { sku, description: "Pot".to_owned(), quantity: 1 }],
            told: 1,
        })),
        ended: None,
        outcome: None,
    }
}

/// The order with what its change would do.
pub(super) fn with(mut order: Order, change: impl FnOnce(&mut OrderChange, &mut ChangeProposal)) -> Order {
    let mut it = order.changes.remove(0);
    let mut proposal = it.proposal.take().expect("a proposal");
    change(&mut it, &mut proposal);
    order.changes = vec![OrderChange { proposal: Some(proposal), ..it }];
    order
}

/// Taken off, with money that goes back and without a new date.
pub(super) fn of_less(change: &mut OrderChange, proposal: &mut ChangeProposal) {
    change.items = vec![ChangeItem::RemoveLine { line: 1 }, ChangeItem::SetInstructions(" ".to_owned())];
    proposal.added.clear();
    (proposal.new_total_minor, proposal.to_pay_minor, proposal.to_pay_back_minor) = (790, 0, 2_500);
    proposal.promised_after = proposal.promised_before;
}

/// Sent elsewhere, with other words for the courier.
pub(super) fn elsewhere(order: &Order, change: &mut OrderChange, proposal: &mut ChangeProposal) {
    let mut address = order.shipping_address.clone();
    address.organization = "Zweigstelle".to_owned();
    change.items = vec![
        ChangeItem::SetInstructions("Ring twice".to_owned()),
        ChangeItem::SetShippingAddress(Box::new(address)),
    ];
    proposal.added.clear();
    (proposal.new_total_minor, proposal.to_pay_minor) = (proposal.old_total_minor, 0);
    proposal.promised_after = proposal.promised_before;
}

#[test]
fn a_proposal_says_what_would_change_what_it_costs_and_that_nothing_has_happened() {
    has(
        MessageKind::ChangeProposed,
        &order(),
        &[
            "- Added: 1 × Pot",
            "- Fewer: 1 × Mug, blue instead of 2",
            "come to €45.40 instead of €32.90.",
            "You would have €12.50 more to pay.",
            "We would deliver it by Sunday, 8 March 2026.",
            "Nothing changes until this has been confirmed.",
        ],
    );
    let less = with(order(), of_less);
    has(
        MessageKind::ChangeProposed,
        &less,
        &[
            "- Left out: 2 × Mug, blue",
            "- No note for the delivery any more",
            "instead of €32.90. We would pay €25.00 back to you.",
        ],
    );
    let body = written(MessageKind::ChangeProposed, &less).body;
    assert!(!body.contains("Added") && !body.contains("deliver it by"), "{body}");

    let base = order();
    let moved = with(base.clone(), |change, proposal| elsewhere(&base, change, proposal));
    has(
        MessageKind::ChangeProposed,
        &moved,
        &[
            "- Note for the delivery: “Ring twice”",
            "New delivery address: Ada Byron Zweigstelle",
            "costs you nothing",
        ],
    );

    let second = Message { sequence: 2, ..message(MessageKind::ChangeProposed) };
    assert_eq!(refused(&second, &order()), "the order has no such change");
}

#[test]
fn another_service_and_discount_are_told_by_their_names() {
    let terms = with(order(), |change, proposal| {
        let service = WantedService { level: ServiceLevel::Express, fee: None };
        let discount = WantedDiscount::Rate(100_000);
        change.items = vec![ChangeItem::SetService(service), ChangeItem::SetDiscount(discount)];
        proposal.added.clear();
    });
    let points = ["- Shipping: express", "- With a discount on your order", "come to €45.40"];
    has(MessageKind::ChangeProposed, &terms, &points);
    let without = with(terms, |change, _| {
        let service = WantedService { level: ServiceLevel::Overnight, fee: None };
        change.items = vec![ChangeItem::SetService(service), ChangeItem::SetDiscount(WantedDiscount::None)];
    });
    let points = ["- Shipping: overnight", "- Without the discount on your order"];
    has(MessageKind::ChangeProposed, &without, &points);
}
