//! Filters as callers write them: words of enums as answers have them, as filters had them first, and in any case.

use consign::pb;
use tonic::{Code, Status};

use crate::server::{TestServer, on_both_engines};
use crate::shop::{create_order, draft, stocked};

/// Every word of an enum of the API but UNSPECIFIED, in full.
fn words<E: TryFrom<i32>>(name: impl Fn(&E) -> &'static str) -> Vec<&'static str> {
    (1..1_000).map_while(|it| E::try_from(it).ok()).map(|it| name(&it)).collect()
}

/// The words, and what stands before each of them.
fn split<E: TryFrom<i32>>(name: fn(&E) -> &'static str) -> (String, Vec<String>) {
    let unspecified = E::try_from(0).ok().map(|it| name(&it)).expect("every enum has its zero");
    let prefix = unspecified.strip_suffix("UNSPECIFIED").expect("the zero is UNSPECIFIED");
    let bare = words(name).into_iter().map(|it| it.strip_prefix(prefix).expect("one prefix").to_owned());
    (prefix.to_owned(), bare.collect())
}

/// Asks a list for every word of one of its fields in each spelling, and for one that is none.
macro_rules! speaks {
    ($server:ident, $($service:ident.$list:ident($request:ident) $field:literal: $words:ident;)+) => { $(
        let (prefix, words) = split(pb::$words::as_str_name);
        assert!(!words.is_empty());
        let ask = async |value: &str| -> Result<(), Status> {
            let filter = format!("{} = {value}", $field);
            let request = pb::$request { filter, ..Default::default() };
            $server.$service.clone().$list(request).await.map(|_| ())
        };
        for word in &words {
            let full = format!("{prefix}{word}");
            for spelling in [word, &full, &word.to_lowercase(), &full.to_lowercase()] {
                ask(spelling).await.expect(spelling);
            }
        }
        for wrong in ["Sent_Away", "ORDER_STATE_", &format!("{prefix}UNSPECIFIED")] {
            let refused = ask(wrong).await.expect_err(wrong);
            assert_eq!(refused.code(), Code::InvalidArgument);
            let place = $field.len() + 4;
            let told = format!("filter: {} `{wrong}` at character {place} must be one of ", $field);
            assert!(refused.message().starts_with(&told), "{refused:?}");
            for word in &words {
                assert!(refused.message().contains(word), "{word} is not told: {refused:?}");
            }
        }
    )+ };
}

on_both_engines!(every_word_is_understood_as_the_api_writes_it_and_in_any_case, async |server| {
    speaks! { server,
        orders.list_orders(ListOrdersRequest) "state": OrderState;
        orders.list_orders(ListOrdersRequest) "channel": Channel;
        orders.list_orders(ListOrdersRequest) "payment_status": PaymentStatus;
        orders.list_orders(ListOrdersRequest) "fulfillment_status": FulfillmentStatus;
        orders.list_orders(ListOrdersRequest) "hold_reason": HoldReason;
        orders.list_messages(ListMessagesRequest) "state": MessageState;
        orders.list_messages(ListMessagesRequest) "kind": MessageKind;
        feedback.list_feedback(ListFeedbackRequest) "state": FeedbackState;
        feedback.list_follow_ups(ListFollowUpsRequest) "state": FollowUpState;
        billing.list_invoices(ListInvoicesRequest) "state": InvoiceState;
        billing.list_payments(ListPaymentsRequest) "state": PaymentState;
        billing.list_payments(ListPaymentsRequest) "method": PaymentMethod;
        billing.list_refunds(ListRefundsRequest) "state": RefundState;
        approvals.list_approvals(ListApprovalsRequest) "state": ApprovalState;
        approvals.list_approvals(ListApprovalsRequest) "gate": Gate;
        shipping.list_shipments(ListShipmentsRequest) "state": ShipmentState;
        inventory.list_reservations(ListReservationsRequest) "state": ReservationState;
        inventory.list_replenishments(ListReplenishmentsRequest) "state": ReplenishmentState;
        inventory.list_transfers(ListTransfersRequest) "state": TransferState;
        inventory.list_stock_movements(ListStockMovementsRequest) "kind": MovementKind;
        returns.list_returns(ListReturnsRequest) "state": ReturnState;
    }
    server.stop().await;
});

async fn found(
    server: &TestServer,
    filter: &str,
    page_token: String,
    show_archived: bool,
) -> pb::ListOrdersResponse {
    let filter = filter.to_owned();
    let request =
        pb::ListOrdersRequest { filter, page_token, page_size: 1, show_archived, ..Default::default() };
    server.orders.clone().list_orders(request).await.expect("a page").into_inner()
}

on_both_engines!(a_page_is_the_same_however_its_words_are_written, async |server| {
    stocked(&server, "F-1", 10).await;
    for buyer in ["ada", "bob"] {
        create_order(&server, draft(buyer, "F-1", 1)).await.expect("an order");
    }

    let spellings = ["state = INVOICED", "state = invoiced", "state = order_state_invoiced"];
    for show_archived in [false, true] {
        let first = found(&server, spellings[0], String::new(), show_archived).await;
        assert_eq!(first.orders.len(), 1);
        for spelling in spellings {
            let same = found(&server, spelling, String::new(), show_archived).await;
            assert_eq!(same.orders[0].id, first.orders[0].id);
            assert_eq!(same.next_page_token, first.next_page_token);
            // A page goes on under another spelling of the same filter.
            let second = found(&server, spelling, first.next_page_token.clone(), show_archived).await;
            assert_eq!((second.orders.len(), second.next_page_token.as_str()), (1, ""));
        }
        let others = found(&server, "state != Order_State_Invoiced", String::new(), show_archived).await;
        assert!(others.orders.is_empty());
    }
    let archived = found(&server, "state = archived", String::new(), true).await;
    assert!(archived.orders.is_empty());
    server.stop().await;
});
