//! Parses requests about changes of orders.

use crate::domain::{
    AddedLine, CHANGE_ITEMS_MAX, ChangeItem, ChangeStep, CreateOrderChange, DecideOrderChange, Problems,
    WantedDiscount, WantedService,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::ordering::parse::target;
use crate::rpc::parse::{
    NAME_MAX, NOTE_MAX, address, entries, id, note, number, one_line, price, quantity, required,
    required_text, required_word,
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
        Item::SetShippingService(wanted) => {
            service(&format!("{at}.set_shipping_service"), wanted, bad).map(ChangeItem::SetService)
        }
        Item::SetDiscount(wanted) => {
            wanted_discount(&format!("{at}.set_discount"), wanted, bad).map(ChangeItem::SetDiscount)
        }
    }
}

fn service(at: &str, wanted: pb::SetShippingService, bad: &mut Problems) -> Option<WantedService> {
    let pb::SetShippingService { service_level, shipping_fee } = wanted;
    let field = format!("{at}.service_level");
    let level = required_word(&field, service_level, enums::to_service_level, bad);
    let fee = price(&format!("{at}.shipping_fee"), shipping_fee, bad);
    Some(WantedService { level: level?, fee })
}

fn wanted_discount(at: &str, wanted: pb::SetDiscount, bad: &mut Problems) -> Option<WantedDiscount> {
    use pb::set_discount::Discount::{AmountOrRate, Code};
    match wanted.discount {
        None => Some(WantedDiscount::None),
        Some(Code(code)) => id(&format!("{at}.code"), &code, bad).map(WantedDiscount::Code),
        Some(AmountOrRate(own)) => own_discount(&format!("{at}.amount_or_rate"), own, bad),
    }
}

fn own_discount(at: &str, own: pb::Discount, bad: &mut Problems) -> Option<WantedDiscount> {
    match required(at, own.value, bad)? {
        pb::discount::Value::Amount(amount) => {
            price(&format!("{at}.amount"), Some(amount), bad).map(WantedDiscount::Amount)
        }
        pb::discount::Value::RatePpm(rate) => {
            let rate = number(&format!("{at}.rate_ppm"), i64::from(rate), 1..=1_000_000, bad);
            Some(WantedDiscount::Rate(u32::try_from(rate).unwrap_or(0)))
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
