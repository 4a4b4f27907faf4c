//! Orders that wait for stock, over the wire: for how long, how many of one caller, and whom they hold up.

use consign::domain::MayPass;
use consign::pb;
use tonic::Status;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{LEIPZIG, by, create_order, draft, every_law_holds, order, reason, receive, stocked};
use crate::warehouse::Warehouse;

fn waiting(buyer: &str, units: i64) -> pb::OrderDraft {
    pb::OrderDraft { on_shortage: pb::OnShortage::Wait as i32, ..draft(buyer, "W-1", units) }
}

/// From a caller who does not say who it is.
async fn create_unnamed(server: &TestServer, new: pb::OrderDraft) -> Result<pb::Order, Status> {
    let request = pb::CreateOrderRequest { order: Some(new), ..Default::default() };
    let answer = server.orders.clone().create_order(request).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

on_both_engines!(
    a_caller_has_no_more_orders_waiting_than_the_settings_allow,
    |it| it.rules.waiting.orders_per_caller = 2,
    async |server| {
        stocked(&server, "W-1", 10).await;
        let first = create_unnamed(&server, waiting("ada", 11)).await.expect("it waits");
        assert_eq!(first.state(), pb::OrderState::AwaitingStock);
        assert!(first.wait_until.is_none(), "the settings set no end");
        create_unnamed(&server, waiting("bob", 12)).await.expect("another waits");
        let refused = create_unnamed(&server, waiting("eve", 13)).await.expect_err("two at a time");
        assert_eq!(reason(&refused), "LIMIT_REACHED");
        let request = pb::CreateOrderRequest { order: Some(waiting("dan", 14)), ..Default::default() };
        let other = server.orders.clone().create_order(by("market", request)).await;
        other.expect("each caller has its own");
        let refused =
            create_order(&server, draft("cid", "W-1", 1)).await.expect_err("first come, first served");
        assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

        let reason = "changed their mind".to_owned();
        let request = pb::CancelOrderRequest { order_id: first.id.clone(), reason, ..Default::default() };
        server.orders.clone().cancel_order(by("clerk", request)).await.expect("called off");
        create_unnamed(&server, waiting("eve", 13)).await.expect("one is over");
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(
    a_wait_whose_caller_does_not_say_ends_as_the_settings_say,
    |it| it.rules.waiting.lifetime_seconds = 2,
    async |server| {
        stocked(&server, "W-1", 10).await;
        let placed = create_unnamed(&server, waiting("ada", 11)).await.expect("it waits");
        assert!(placed.wait_until.is_some(), "the settings say until when");
        let warehouse = Warehouse { server: &server };
        let over = warehouse.until(&placed.id, |it| it.state() == pb::OrderState::Cancelled).await;
        assert_eq!(over.end_reason, "its stock did not come in time");
        create_order(&server, draft("bob", "W-1", 10)).await.expect("nobody waits for them any more");
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(
    who_wants_less_need_not_wait_behind_who_wants_more_than_there_is,
    |it| it.rules.waiting.may_pass = MayPass::Smaller,
    async |server| {
        stocked(&server, "W-1", 10).await;
        let large = create_unnamed(&server, waiting("ada", 11)).await.expect("it waits");
        let refused = create_order(&server, draft("bob", "W-1", 11)).await.expect_err("not before it");
        assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");
        let small = create_order(&server, draft("eve", "W-1", 9)).await.expect("there are ten");
        assert_eq!(small.state(), pb::OrderState::Invoiced);

        // Behind the large one, and served before it.
        let second = create_order(&server, waiting("dan", 2)).await.expect("it waits");
        assert_eq!(second.state(), pb::OrderState::AwaitingStock);
        receive(&server, "W-1", LEIPZIG, 1).await;
        let warehouse = Warehouse { server: &server };
        warehouse.until(&second.id, |it| it.state() == pb::OrderState::Invoiced).await;
        assert_eq!(order(&server, &large.id).await.state(), pb::OrderState::AwaitingStock);
        receive(&server, "W-1", LEIPZIG, 11).await;
        warehouse.until(&large.id, |it| it.state() == pb::OrderState::Invoiced).await;
        every_law_holds(&server).await;
        server.stop().await;
    }
);
