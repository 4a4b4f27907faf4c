//! Changes of orders as the API shows them. Each is a part of its order and shares its etag.

use crate::domain::{
    AddedLine, ChangeApproval, ChangeItem, ChangeOutcome, ChangeProposal, ChangeStock, Currency, Discount,
    Order, OrderChange, OrderChangeId, WantedDiscount, WantedService, etag,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::enums;
use crate::rpc::reply::{actor, address, discount, minor, money, ppm, text_of, timestamp};

pub(super) fn change_of(order: &Order, id: OrderChangeId) -> Option<pb::OrderChange> {
    order.changes.iter().find(|it| it.id == id).map(|it| order_change(order, it))
}

pub(crate) fn order_change(order: &Order, change: &OrderChange) -> pb::OrderChange {
    // A change of the address shows it.
    shows_order(order);
    let OrderChange { id, state, items, reason, created_by, created_at, proposal: seen, ended, outcome: did } =
        change;
    let currency = order.amounts.currency;
    pb::OrderChange {
        id: id.to_string(),
        order_id: order.id.to_string(),
        order_number: order.number.to_string(),
        state: enums::order_change_state(*state),
        items: items.iter().map(item).collect(),
        reason: reason.clone(),
        proposal: seen.as_ref().map(|it| proposal(currency, it)),
        outcome: did.as_ref().map(|it| outcome(currency, it)),
        created_by: actor(created_by),
        create_time: Some(timestamp(*created_at)),
        ended_by: ended.as_ref().map(|it| actor(&it.by)).unwrap_or_default(),
        end_time: ended.as_ref().map(|it| timestamp(it.at)),
        decline_reason: ended.as_ref().map(|it| it.reason.clone()).unwrap_or_default(),
        etag: order.etag(),
        hidden: Vec::new(),
    }
}

fn item(item: &ChangeItem) -> pb::OrderChangeItem {
    use pb::order_change_item::Item;
    let item = match item {
        ChangeItem::SetQuantity { line, quantity } => {
            Item::SetQuantity(pb::SetLineQuantity { line_number: *line, quantity: *quantity })
        }
        ChangeItem::RemoveLine { line } => Item::RemoveLine(pb::RemoveOrderLine { line_number: *line }),
        ChangeItem::AddLine(AddedLine { sku, quantity, unit_price, description }) => {
            Item::AddLine(pb::AddOrderLine {
                sku: sku.to_string(),
                quantity: *quantity,
                unit_price: unit_price.map(money),
                description: description.clone(),
            })
        }
        ChangeItem::SetInstructions(text) => Item::SetInstructions(text.clone()),
        ChangeItem::SetShippingAddress(given) => Item::SetShippingAddress(address(given)),
        ChangeItem::SetService(WantedService { level, fee }) => {
            Item::SetShippingService(pb::SetShippingService {
                service_level: enums::service_level(*level),
                shipping_fee: fee.map(money),
            })
        }
        ChangeItem::SetDiscount(wanted) => {
            Item::SetDiscount(pb::SetDiscount { discount: discount_wanted(wanted) })
        }
    };
    pb::OrderChangeItem { item: Some(item) }
}

fn discount_wanted(wanted: &WantedDiscount) -> Option<pb::set_discount::Discount> {
    use pb::set_discount::Discount::{AmountOrRate, Code};
    match wanted {
        WantedDiscount::None => None,
        WantedDiscount::Rate(rate) => {
            Some(AmountOrRate(pb::Discount { value: Some(pb::discount::Value::RatePpm(ppm(*rate))) }))
        }
        WantedDiscount::Amount(amount) => {
            Some(AmountOrRate(discount(amount.currency, Discount::Amount(amount.minor))))
        }
        WantedDiscount::Code(code) => Some(Code(code.to_string())),
    }
}

fn proposal(currency: Currency, proposal: &ChangeProposal) -> pb::OrderChangeProposal {
    let ChangeProposal {
        by,
        at,
        order_version,
        basis: _,
        old_total_minor,
        new_total_minor,
        credited_minor,
        supplement_minor,
        to_pay_minor,
        to_pay_back_minor,
        stock,
        promised_before,
        promised_after,
        approvals,
        added: _,
        told: _,
    } = proposal;
    let in_stock = |it: &ChangeStock| pb::OrderChangeStock {
        line_number: it.line,
        sku: it.sku.to_string(),
        wanted: it.wanted,
        available: it.available,
    };
    let needed =
        |it: &ChangeApproval| pb::OrderChangeApproval { gate: enums::gate(it.gate), rule: it.rule.clone() };
    pb::OrderChangeProposal {
        proposed_by: actor(by),
        propose_time: Some(timestamp(*at)),
        order_etag: etag(*order_version),
        old_total: minor(currency, *old_total_minor),
        new_total: minor(currency, *new_total_minor),
        credited: minor(currency, *credited_minor),
        supplementary_invoiced: minor(currency, *supplement_minor),
        to_pay: minor(currency, *to_pay_minor),
        to_pay_back: minor(currency, *to_pay_back_minor),
        stock: stock.iter().map(in_stock).collect(),
        old_promised_delivery_time: promised_before.map(timestamp),
        new_promised_delivery_time: promised_after.map(timestamp),
        approvals: approvals.iter().map(needed).collect(),
    }
}

fn outcome(currency: Currency, outcome: &ChangeOutcome) -> pb::OrderChangeOutcome {
    let ChangeOutcome {
        credit_notes,
        supplementary_invoice,
        approvals,
        lines_added,
        to_pay_minor,
        paid_back_minor,
        service_once_paid,
        raised_minor: _,
        lowered_minor: _,
    } = outcome;
    pb::OrderChangeOutcome {
        credit_note_ids: credit_notes.iter().map(ToString::to_string).collect(),
        supplementary_invoice_id: text_of(supplementary_invoice.as_ref()),
        approval_ids: approvals.iter().map(ToString::to_string).collect(),
        added_line_numbers: lines_added.clone(),
        to_pay: minor(currency, *to_pay_minor),
        paid_back: minor(currency, *paid_back_minor),
        shipping_service_once_paid: service_once_paid.map(enums::service_level).unwrap_or_default(),
    }
}
