//! What is to be different of an order: drafted, looked at, and done or not.

use crate::domain::model::order_change::{
    AddedLine, ChangeItem, OrderChangeState, WantedDiscount, WantedService,
};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{OrderId, ServiceLevel};
use crate::domain::tests::any_sequence::placed::SOLD;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::discounts::key;
use crate::domain::tests::given::sku;

/// The next step of the open change, or a new one.
pub(super) fn change(bench: &mut Bench, id: OrderId, amount: i64) -> Result<(), Refusal> {
    if let Some(open) = bench.order(id).open_change() {
        let (change, state) = (open.id, open.state);
        let step = bench.on(id, |order, unit| match (state, amount % 7) {
            (_, 0) => order.cancel_change(unit, change),
            (OrderChangeState::Proposed, 1) => order.decline_change(unit, change, "no"),
            (OrderChangeState::Proposed, 2..) => order.confirm_change(unit, change),
            _ => order.propose_change(unit, change),
        });
        // What is outdated is looked at anew.
        return step.or_else(|_| bench.on(id, |order, unit| order.propose_change(unit, change)));
    }
    let lines = i64::try_from(bench.order(id).lines.len()).expect("a few");
    let line = i32::try_from(1 + amount % lines).expect("a few");
    let code = SOLD[usize::try_from(amount % 5).expect("one of five")];
    let added =
        AddedLine { sku: sku(code), quantity: 1 + amount % 2, unit_price: None, description: String::new() };
    let items = match amount % 9 {
        0 => vec![ChangeItem::RemoveLine { line }],
        1 => vec![ChangeItem::AddLine(added)],
        2 => vec![ChangeItem::SetInstructions(format!("ring {amount} times"))],
        3 => vec![ChangeItem::RemoveLine { line }, ChangeItem::AddLine(added)],
        4 => vec![another_service(bench, id, amount)],
        5 => vec![another_discount(bench, id, amount)],
        _ => vec![ChangeItem::SetQuantity { line, quantity: 1 + amount / 7 % 5 }],
    };
    let change = bench.on(id, |order, unit| order.create_change(unit, &items, "on second thoughts"))?;
    if amount % 3 == 0 {
        return Ok(());
    }
    bench.on(id, |order, unit| order.propose_change(unit, change))?;
    bench.on(id, |order, unit| order.confirm_change(unit, change))
}

fn another_service(bench: &Bench, id: OrderId, amount: i64) -> ChangeItem {
    let level = match bench.order(id).service {
        ServiceLevel::Standard => ServiceLevel::Express,
        ServiceLevel::Express | ServiceLevel::Overnight => ServiceLevel::Standard,
    };
    let fee = bench.order(id).amounts.currency.of(amount % 700);
    ChangeItem::SetService(WantedService { level, fee: Some(fee) })
}

/// A code that there may be, one of the caller's own, or none.
fn another_discount(bench: &Bench, id: OrderId, amount: i64) -> ChangeItem {
    ChangeItem::SetDiscount(match amount / 9 % 5 {
        0 => WantedDiscount::Code(key("ONCE")),
        1 => WantedDiscount::Code(key("EACH")),
        2 => WantedDiscount::Rate(u32::try_from(amount % 1_000_000).unwrap_or(0)),
        3 => WantedDiscount::Amount(bench.order(id).amounts.currency.of(amount % 500)),
        _ => WantedDiscount::None,
    })
}
