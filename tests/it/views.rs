//! How much of an order an answer has: all of it, or where it stands and what is owed.

use consign::pb;
use tonic::Code;

use crate::server::on_both_engines;
use crate::shop::{by, create_order, draft, reason, stocked};

const BASIC: i32 = pb::OrderView::Basic as i32;

/// What BASIC has of an order.
fn basic(full: &pb::Order) -> pb::Order {
    let it = full.clone();
    pb::Order {
        id: it.id,
        number: it.number,
        state: it.state,
        payment_status: it.payment_status,
        fulfillment_status: it.fulfillment_status,
        next_step: it.next_step,
        waiting_for: it.waiting_for,
        available_actions: it.available_actions,
        currency: it.currency,
        totals: it.totals,
        update_time: it.update_time,
        etag: it.etag,
        late: it.late,
        on_hold: it.on_hold,
        ..Default::default()
    }
}

/// All that BASIC has is there, and nothing else.
fn is_basic(answer: Option<pb::Order>) -> pb::Order {
    let it = answer.expect("an order");
    assert_eq!(it, basic(&it));
    let said = [&it.id, &it.number, &it.currency, &it.etag];
    assert!(said.iter().all(|text| !text.is_empty()), "{it:?}");
    let stands = [it.state, it.payment_status, it.fulfillment_status];
    assert!(stands.iter().all(|word| *word != 0), "{it:?}");
    assert!(
        it.update_time.is_some() && it.totals.as_ref().is_some_and(|sum| sum.amount_due.is_some()),
        "{it:?}"
    );
    it
}

fn is_full(answer: Option<pb::Order>) {
    let it = answer.expect("an order");
    assert_ne!(it, basic(&it));
    assert_eq!((it.lines.len(), it.customer.is_some(), it.create_time.is_some()), (1, true, true));
}

on_both_engines!(an_answer_has_as_much_of_the_order_as_was_asked_for, async |server| {
    stocked(&server, "V-1", 10).await;
    let mut orders = server.orders.clone();
    let id = create_order(&server, draft("ada", "V-1", 1)).await.expect("an order").id;

    let get =
        |view: i32| pb::GetOrderRequest { key: Some(pb::get_order_request::Key::OrderId(id.clone())), view };
    let found = is_basic(orders.get_order(get(BASIC)).await.expect("found").into_inner().order);
    assert_eq!((found.id.as_str(), found.next_step()), (id.as_str(), pb::Step::CapturePayment));
    assert!(found.available_actions.iter().any(|it| it == "CapturePayment") && !found.waiting_for.is_empty());
    for view in [pb::OrderView::Unspecified, pb::OrderView::Full] {
        is_full(orders.get_order(get(view.into())).await.expect("found").into_inner().order);
    }
    let refused = orders.get_order(get(9)).await.expect_err("no view");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let list = |view: i32| pb::ListOrdersRequest { view, ..Default::default() };
    let page = orders.list_orders(list(BASIC)).await.expect("a page").into_inner().orders;
    assert_eq!(page.len(), 1);
    page.into_iter().for_each(|it| drop(is_basic(Some(it))));
    let page = orders.list_orders(list(0)).await.expect("a page").into_inner().orders;
    page.into_iter().for_each(|it| is_full(Some(it)));

    let hold = pb::PlaceHoldRequest {
        order_id: id.clone(),
        reason: pb::HoldReason::Compliance as i32,
        view: BASIC,
        ..Default::default()
    };
    let held = orders.place_hold(by("clerk", hold)).await.expect("a hold").into_inner();
    is_basic(held.order);
    let hold_id = held.hold.expect("the hold is shown beside the order").id;
    let release = pb::ReleaseHoldRequest { order_id: id.clone(), hold_id, view: BASIC, ..Default::default() };
    is_basic(orders.release_hold(by("clerk", release)).await.expect("released").into_inner().order);

    let cancel = |view: i32| {
        let request = pb::CancelOrderRequest {
            order_id: id.clone(),
            reason: "no need".to_owned(),
            request_id: "cancel-it-once".to_owned(),
            view,
            ..Default::default()
        };
        by("clerk", request)
    };
    let first = orders.cancel_order(cancel(BASIC)).await.expect("cancelled").into_inner();
    let order = is_basic(first.order.clone());
    assert_eq!(order.state(), pb::OrderState::Cancelled);
    let again = orders.cancel_order(cancel(BASIC)).await.expect("answered anew").into_inner();
    assert_eq!(again, first, "a repeat gets the first answer");
    let other = orders.cancel_order(cancel(0)).await.expect_err("other content");
    assert_eq!(reason(&other), "REQUEST_ID_REUSED");
    server.stop().await;
});
