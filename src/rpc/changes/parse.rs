//! Parses requests about changes of orders.

use crate::domain::{
    AddedLine, CHANGE_ITEMS_MAX, ChangeItem, ChangeStep, CreateOrderChange, DecideOrderChange, Problems,
};
use crate::pb;
use crate::rpc::ordering::parse::target;
use crate::rpc::parse::{
    NAME_MAX, NOTE_MAX, address, entries, id, note, one_line, price, quantity, required, required_text,
};

pub(super) fn create_order_change(
    request: pb::CreateOrderChangeRequest,
    bad: &mut Problems,
) -> Option<CreateOrderChange> {
    let pb::CreateOrderChangeRequest { order_id, items, reason, etag, request_id: _, validate_only: _ } =
        request;
    let target = target(&order_id, etag, bad);
    let items = entries("items", items, 1..=CHANGE_ITEMS_MAX, bad);
    let items = items.filter_map(|(index, it)| item(&format!("items[{index}]"), it, bad)).collect();
    let reason = required_text("reason", reason, NAME_MAX, bad);
    Some(CreateOrderChange { target: target?, items, reason })
}

fn item(at: &str, given: pb::OrderChangeItem, bad: &mut Problems) -> Option<ChangeItem> {
    use pb::order_change_item::Item;
    match required(at, given.item, bad)? {
        Item::SetQuantity(pb::SetLineQuantity { line_number, quantity: units }) => {
            let quantity = quantity(&format!("{at}.set_quantity.quantity"), units, bad);
            Some(ChangeItem::SetQuantity { line: line_number, quantity })
        }
        Item::RemoveLine(pb::RemoveOrderLine { line_number }) => {
            Some(ChangeItem::RemoveLine { line: line_number })
        }
        Item::AddLine(line) => added_line(&format!("{at}.add_line"), line, bad).map(ChangeItem::AddLine),
        Item::SetInstructions(text) => {
            let text = note(&format!("{at}.set_instructions"), text, NOTE_MAX, bad);
            Some(ChangeItem::SetInstructions(text))
        }
        Item::SetShippingAddress(given) => {
            let address = address(&format!("{at}.set_shipping_address"), given, bad);
            Some(ChangeItem::SetShippingAddress(Box::new(address)))
        }
    }
}

fn added_line(at: &str, line: pb::AddOrderLine, bad: &mut Problems) -> Option<AddedLine> {
    let pb::AddOrderLine { sku, quantity: units, unit_price, description } = line;
    let sku = id(&format!("{at}.sku"), &sku, bad);
    let quantity = quantity(&format!("{at}.quantity"), units, bad);
    let unit_price = price(&format!("{at}.unit_price"), unit_price, bad);
    let description = one_line(&format!("{at}.description"), description, NAME_MAX, bad);
    Some(AddedLine { sku: sku?, quantity, unit_price, description })
}

pub(super) fn propose_order_change(
    request: pb::ProposeOrderChangeRequest,
    bad: &mut Problems,
) -> Option<DecideOrderChange> {
    let pb::ProposeOrderChangeRequest { order_id, change_id, etag, request_id: _, validate_only: _ } =
        request;
    decided(&order_id, &change_id, etag, ChangeStep::Propose, bad)
}

pub(super) fn confirm_order_change(
    request: pb::ConfirmOrderChangeRequest,
    bad: &mut Problems,
) -> Option<DecideOrderChange> {
    let pb::ConfirmOrderChangeRequest { order_id, change_id, etag, request_id: _, validate_only: _ } =
        request;
    decided(&order_id, &change_id, etag, ChangeStep::Confirm, bad)
}

pub(super) fn decline_order_change(
    request: pb::DeclineOrderChangeRequest,
    bad: &mut Problems,
) -> Option<DecideOrderChange> {
    let pb::DeclineOrderChangeRequest { order_id, change_id, reason, etag, request_id: _, validate_only: _ } =
        request;
    let reason = required_text("reason", reason, NAME_MAX, bad);
    decided(&order_id, &change_id, etag, ChangeStep::Decline(reason), bad)
}

pub(super) fn cancel_order_change(
    request: pb::CancelOrderChangeRequest,
    bad: &mut Problems,
) -> Option<DecideOrderChange> {
    let pb::CancelOrderChangeRequest { order_id, change_id, etag, request_id: _, validate_only: _ } = request;
    decided(&order_id, &change_id, etag, ChangeStep::Cancel, bad)
}

fn decided(
    order_id: &str,
    change_id: &str,
    etag: String,
    step: ChangeStep,
    bad: &mut Problems,
) -> Option<DecideOrderChange> {
    let target = target(order_id, etag, bad);
    let change = id("change_id", change_id, bad);
    Some(DecideOrderChange { target: target?, change: change?, step })
}
