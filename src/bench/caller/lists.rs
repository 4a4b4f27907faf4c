//! The lists, as people read them.

use tonic::Status;

use super::Caller;
use crate::client::by;
use crate::pb;

/// Rows of a page.
const PAGE: i32 = 50;

/// What can be read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum List {
    Orders,
    StuckOrders(pb::StuckGate),
    Invoices,
    CreditNotes,
    Payments,
    Refunds,
    Returns,
    Shipments,
    Approvals,
    Messages,
    Feedback,
    FollowUps,
    Reservations,
    Movements,
    /// Of the shipment that stands in place of a filter.
    TrackingEvents,
    /// Of the order that stands in place of a filter.
    OrderChanges,
}

/// How many there are on the first page of a list.
macro_rules! page {
    ($client:expr, $method:ident, $request:ident, $rows:ident, $filter:expr, $order_by:expr) => {{
        let request = pb::$request {
            page_size: PAGE,
            filter: $filter,
            order_by: $order_by.to_owned(),
            ..Default::default()
        };
        Ok($client.clone().$method(by("clerk", request)).await?.into_inner().$rows.len())
    }};
}

impl Caller {
    /// Reads the first page; how many rows it has.
    pub(in crate::bench) async fn page(
        &self,
        list: List,
        filter: String,
        order_by: &str,
    ) -> Result<usize, Status> {
        let Self { orders, inventory, shipping, billing, approvals, returns, feedback, changes } = self;
        match list {
            List::Orders => page!(orders, list_orders, ListOrdersRequest, orders, filter, order_by),
            List::Invoices => page!(billing, list_invoices, ListInvoicesRequest, invoices, filter, order_by),
            List::CreditNotes => {
                page!(billing, list_credit_notes, ListCreditNotesRequest, credit_notes, filter, order_by)
            }
            List::Payments => page!(billing, list_payments, ListPaymentsRequest, payments, filter, order_by),
            List::Refunds => page!(billing, list_refunds, ListRefundsRequest, refunds, filter, order_by),
            List::Returns => page!(returns, list_returns, ListReturnsRequest, returns, filter, order_by),
            List::Shipments => {
                page!(shipping, list_shipments, ListShipmentsRequest, shipments, filter, order_by)
            }
            List::Approvals => {
                page!(approvals, list_approvals, ListApprovalsRequest, approvals, filter, order_by)
            }
            List::Messages => page!(orders, list_messages, ListMessagesRequest, messages, filter, order_by),
            List::Feedback => page!(feedback, list_feedback, ListFeedbackRequest, feedback, filter, order_by),
            List::FollowUps => {
                page!(feedback, list_follow_ups, ListFollowUpsRequest, follow_ups, filter, order_by)
            }
            List::Reservations => {
                page!(inventory, list_reservations, ListReservationsRequest, reservations, filter, order_by)
            }
            List::Movements => {
                page!(inventory, list_stock_movements, ListStockMovementsRequest, movements, filter, order_by)
            }
            List::StuckOrders(gate) => {
                let request =
                    pb::ListStuckOrdersRequest { page_size: PAGE, gate: gate as i32, ..Default::default() };
                let answer = orders.clone().list_stuck_orders(by("clerk", request)).await?;
                Ok(answer.into_inner().stuck_orders.len())
            }
            List::TrackingEvents => {
                let request = pb::ListTrackingEventsRequest {
                    shipment_id: filter,
                    page_size: PAGE,
                    ..Default::default()
                };
                let answer = shipping.clone().list_tracking_events(by("clerk", request)).await?;
                Ok(answer.into_inner().tracking_events.len())
            }
            List::OrderChanges => {
                let request = pb::ListOrderChangesRequest { order_id: filter };
                let answer = changes.clone().list_order_changes(by("clerk", request)).await?;
                Ok(answer.into_inner().changes.len())
            }
        }
    }
}
