//! Returns as the API shows them. Each is a part of its order and shares its etag.

use crate::domain::{
    Currency, DiscountKey, Exchange, ExchangeQuote, LineRefund, Order, Refund, RefundState, Return,
    ReturnLine, ReturnQuote,
};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::billing::reply::invoice_line;
use crate::rpc::enums;
use crate::rpc::reply::{actor, minor, money, text_of, timestamp, unavailable_action};

/// How codes of store credit are shown: who has one can spend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes {
    Whole,
    Masked,
}

pub(crate) fn goods_return(order: &Order, it: &Return, codes: Codes) -> pb::Return {
    shows_order(order);
    let Return {
        id,
        order: order_id,
        number,
        state,
        of_shipment,
        lines,
        override_reason,
        end_reason,
        transit,
        location,
        resolutions: _,
        fee_minor,
        store_credits,
        requested_by,
        created_at,
        updated_at,
        closed_at,
        exchanges,
        awaited_until,
    } = it;
    let currency = order.amounts.currency;
    let paid: Vec<&LineRefund> = order.line_refunds.iter().filter(|it| it.of_return == Some(*id)).collect();
    let refund_ids = paid.iter().flat_map(|it| &it.refunds);
    let refunds = refund_ids.clone().filter_map(|it| order.refund_of(*it));
    let goes_back = |it: &&Refund| it.state != RefundState::Failed;
    let refunded = refunds.filter(goes_back).map(|it| it.amount.minor).sum();
    let shown = |it: &DiscountKey| match codes {
        Codes::Whole => it.to_string(),
        Codes::Masked => it.masked(),
    };
    let unavailable = order.unavailable_actions_of_return(it);
    pb::Return {
        id: id.to_string(),
        order_id: order_id.to_string(),
        order_number: order.number.to_string(),
        number: *number,
        state: enums::return_state(*state),
        lines: lines.iter().map(line).collect(),
        override_reason: override_reason.clone(),
        end_reason: end_reason.clone(),
        courier: text_of(transit.as_ref().map(|it| &it.courier)),
        tracking_number: text_of(transit.as_ref().map(|it| &it.tracking_number)),
        transit_time: transit.as_ref().map(|it| timestamp(it.at)),
        location: text_of(location.as_ref()),
        refund_ids: refund_ids.map(ToString::to_string).collect(),
        credit_note_ids: paid.iter().flat_map(|it| &it.credit_notes).map(ToString::to_string).collect(),
        store_credit_codes: store_credits.iter().map(shown).collect(),
        credited_amount: minor(currency, paid.iter().map(|it| it.value_minor).sum()),
        restocking_fee: minor(currency, *fee_minor),
        refunded_amount: minor(currency, refunded),
        available_actions: it.available_actions().iter().map(ToString::to_string).collect(),
        unavailable_actions: unavailable.into_iter().map(unavailable_action).collect(),
        requested_by: actor(requested_by),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        close_time: closed_at.map(timestamp),
        etag: order.etag(),
        shipment_id: text_of(of_shipment.as_ref()),
        store_credit_restored: minor(currency, restored_minor(order, &paid)),
        exchanges: exchanges.iter().map(|it| exchange(currency, it)).collect(),
        hidden: Vec::new(),
        arrive_by_time: awaited_until.map(timestamp),
    }
}

fn exchange(currency: Currency, it: &Exchange) -> pb::ReturnExchange {
    pb::ReturnExchange { order_id: it.order.to_string(), value: minor(currency, it.value_minor) }
}

/// What of the store credit that paid for the order is on its code again by these refunds.
fn restored_minor(order: &Order, paid: &[&LineRefund]) -> i64 {
    let by_credit = order.payments.iter().filter(|it| it.is_by_credit()).flat_map(|it| &it.refunds);
    let is_of_it = |it: &&Refund| paid.iter().any(|paid| paid.refunds.contains(&it.id));
    by_credit.filter(is_of_it).map(|it| it.amount.minor).sum()
}

fn line(it: &ReturnLine) -> pb::ReturnLine {
    let ReturnLine {
        line,
        quantity,
        reason,
        note,
        received,
        restocked,
        quarantined,
        scrapped,
        missing,
        sent_back,
        refunded,
        credited,
        paid_before,
        repaired,
        rejected,
        exchanged,
    } = it;
    pb::ReturnLine {
        line_number: *line,
        quantity: *quantity,
        reason: enums::return_reason(*reason),
        note: note.clone(),
        received: *received,
        restocked: *restocked,
        quarantined: *quarantined,
        scrapped: *scrapped,
        missing: *missing,
        sent_back: *sent_back,
        refunded: *refunded,
        credited: *credited,
        paid_before: *paid_before,
        repaired: *repaired,
        rejected: *rejected,
        exchanged: *exchanged,
    }
}

pub(crate) fn quote(quote: &ReturnQuote) -> pb::SimulateReturnResponse {
    let ReturnQuote { lines, value, shipping_minor, fee, refund, exchange } = quote;
    let currency = value.currency;
    pb::SimulateReturnResponse {
        lines: lines.iter().map(|it| invoice_line(currency, it)).collect(),
        value: Some(money(*value)),
        shipping: minor(currency, *shipping_minor),
        restocking_fee: Some(money(*fee)),
        refund: Some(money(*refund)),
        exchange: exchange.as_ref().map(exchange_quote),
    }
}

fn exchange_quote(quote: &ExchangeQuote) -> pb::ExchangeQuote {
    let ExchangeQuote { lines, total, value, to_pay, fee, refund } = quote;
    pb::ExchangeQuote {
        lines: lines.iter().map(|it| invoice_line(total.currency, it)).collect(),
        total: Some(money(*total)),
        value: Some(money(*value)),
        to_pay: Some(money(*to_pay)),
        restocking_fee: Some(money(*fee)),
        refund: Some(money(*refund)),
    }
}
