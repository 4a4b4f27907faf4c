//! Parses requests that read orders.

use crate::domain::{OrderId, Problems, StuckGate};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::{Wanted, listing};
use crate::rpc::ordering::reply::OrderView;
use crate::rpc::parse::{digits, id, required, word};
use crate::settings::Limits;
use crate::store::Listing;

/// One order, by its id or by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderKey {
    Id(OrderId),
    Number(i64),
}

pub(crate) fn get_order(request: pb::GetOrderRequest, bad: &mut Problems) -> Option<(OrderKey, OrderView)> {
    let pb::GetOrderRequest { key, view } = request;
    let view = order_view(view, bad);
    let key = match required("order_id", key, bad)? {
        pb::get_order_request::Key::OrderId(order_id) => id("order_id", &order_id, bad).map(OrderKey::Id),
        pb::get_order_request::Key::Number(number) => order_number(&number, bad),
    };
    Some((key?, view))
}

/// How much of the order the answer has: all of it by default.
pub(crate) fn order_view(number: i32, bad: &mut Problems) -> OrderView {
    let view = word("view", number, |it| pb::OrderView::try_from(it).ok(), bad);
    match view.unwrap_or(pb::OrderView::Unspecified) {
        pb::OrderView::Unspecified | pb::OrderView::Full => OrderView::Full,
        pb::OrderView::Basic => OrderView::Basic,
    }
}

pub(crate) fn get_order_timeline(
    request: pb::GetOrderTimelineRequest,
    bad: &mut Problems,
) -> Option<OrderKey> {
    let pb::GetOrderTimelineRequest { key } = request;
    match required("order_id", key, bad)? {
        pb::get_order_timeline_request::Key::OrderId(order_id) => {
            id("order_id", &order_id, bad).map(OrderKey::Id)
        }
        pb::get_order_timeline_request::Key::Number(number) => order_number(&number, bad),
    }
}

fn order_number(text: &str, bad: &mut Problems) -> Option<OrderKey> {
    let number = digits(text).filter(|it| *it > 0).map(OrderKey::Number);
    if number.is_none() {
        bad.add("number", "must be an order's number, such as 100042");
    }
    number
}

/// The listing, whether archived orders belong to it, and how much of each is shown.
pub(crate) fn list_orders(
    request: pb::ListOrdersRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Listing, bool, OrderView)> {
    let pb::ListOrdersRequest { page_size, page_token, filter, order_by, show_archived, view } = request;
    let view = order_view(view, bad);
    Some((listing(Wanted { page_size, page_token, filter, order_by }, limits, bad), show_archived, view))
}

/// The page, and the gate that its orders are to stand at.
pub(crate) fn list_stuck_orders(
    request: pb::ListStuckOrdersRequest,
    limits: &Limits,
    bad: &mut Problems,
) -> Option<(Listing, Option<StuckGate>)> {
    let pb::ListStuckOrdersRequest { page_size, page_token, gate } = request;
    let gate = word("gate", gate, enums::to_stuck_gate, bad);
    Some((listing(Wanted { page_size, page_token, ..Wanted::default() }, limits, bad), gate))
}
