//! What settings say of returns, over the wire: for how long goods may be sent back and are waited for, and what is kept of
//! their price.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::returns::{ask, authorize, delivered, inspect, receive, resolve, wanted};
use crate::server::on_both_engines;
use crate::shop::{by, create_courier, eur, every_law_holds, order, reason, stocked};
use crate::warehouse::Warehouse;

/// The one field that is wrong, and what is wrong with it.
fn violation(refused: &Status) -> (String, String) {
    assert_eq!((refused.code(), reason(refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    let mut violations = refused.get_details_bad_request().expect("the fields").field_violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    let it = violations.remove(0);
    (it.field, it.description)
}

on_both_engines!(
    goods_that_come_late_are_taken_only_with_a_reason,
    |it| it.rules.returns.window_days = 0,
    async |server| {
        stocked(&server, "SIX", 20).await;
        create_courier(&server).await;
        let placed = delivered(&server, "ann").await;
        // Its letters are later than its delivery, whichever clock tells the time.
        Warehouse { server: &server }.until_quiet(&placed.id).await;
        let late = |why: &str| pb::CreateReturnRequest {
            order_id: placed.id.clone(),
            lines: wanted(&[(1, 2)], pb::ReturnReason::Damaged),
            override_reason: why.to_owned(),
            ..Default::default()
        };
        let asked = |why: &str| pb::SimulateReturnRequest {
            order_id: placed.id.clone(),
            lines: wanted(&[(1, 2)], pb::ReturnReason::Damaged),
            override_reason: why.to_owned(),
            ..Default::default()
        };
        let returns = || server.returns.clone();

        let why = "is required: the 0 days in which line 1 could be sent back are over";
        let expected = ("override_reason".to_owned(), why.to_owned());
        let refused = returns().create_return(by("clerk", late(""))).await.expect_err("too late");
        assert_eq!(violation(&refused), expected);
        let refused = returns().simulate_return(asked("")).await.expect_err("too late");
        assert_eq!(violation(&refused), expected);
        let listed = returns().list_returns(pb::ListReturnsRequest::default()).await.expect("a page");
        assert!(listed.into_inner().returns.is_empty());

        let quote = returns().simulate_return(asked("an old customer")).await.expect("a reason");
        assert_eq!(quote.into_inner().refund, Some(eur(2_000)));
        let taken = returns().create_return(by("clerk", late("an old customer"))).await.expect("a reason");
        let taken = taken.into_inner().goods_return.expect("a return");
        assert_eq!(taken.state(), pb::ReturnState::Requested);
        assert_eq!((taken.override_reason.as_str(), taken.lines[0].quantity), ("an old customer", 2));
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(
    a_restocking_fee_is_kept_of_what_comes_back_for_the_customers_own_reasons,
    |it| it.rules.returns.restocking_fee_ppm = 100_000,
    async |server| {
        use pb::ReturnReason::{ChangedMind, Damaged};
        stocked(&server, "SIX", 20).await;
        create_courier(&server).await;
        for (buyer, why, fee) in [("ann", ChangedMind, 200), ("bea", Damaged, 0)] {
            let placed = delivered(&server, buyer).await;
            let expected = (Some(eur(2_000)), Some(eur(fee)), Some(eur(2_000 - fee)));
            let asked = pb::SimulateReturnRequest {
                order_id: placed.id.clone(),
                lines: wanted(&[(1, 2)], why),
                ..Default::default()
            };
            let quote =
                server.returns.clone().simulate_return(asked).await.expect("both arrived").into_inner();
            assert_eq!((quote.value, quote.restocking_fee, quote.refund), expected, "{why:?}");

            let back = ask(&server, &placed.id, &[(1, 2)], why).await.expect("both arrived");
            authorize(&server, &back.id).await.expect("asked for");
            receive(&server, &back.id, 2).await.expect("both");
            inspect(&server, &back.id, &[(pb::ReturnDisposition::Restock, 2)]).await.expect("both");
            let it = resolve(&server, &back.id, &[(pb::ReturnResolution::Refund, 2)]).await.expect("both");
            assert_eq!((it.credited_amount, it.restocking_fee, it.refunded_amount), expected, "{why:?}");

            Warehouse { server: &server }.until_quiet(&placed.id).await;
            let request = pb::GetOrderBalanceRequest { order_id: placed.id.clone() };
            let answer = server.billing.clone().get_order_balance(request).await.expect("a balance");
            let balance = answer.into_inner().balance.expect("a balance");
            assert_eq!((balance.invoiced, balance.captured), (Some(eur(6_499)), Some(eur(6_499))));
            assert_eq!((balance.credited, balance.refunded), (Some(eur(2_000)), Some(eur(2_000 - fee))));
            assert_eq!(balance.open, Some(eur(0)), "what is kept is not owed");
        }
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(
    a_return_whose_goods_never_arrive_ends_by_itself,
    |it| it.rules.returns.arrival_seconds = 1,
    async |server| {
        stocked(&server, "SIX", 20).await;
        create_courier(&server).await;
        let placed = delivered(&server, "ann").await;
        let back = ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Damaged).await.expect("all arrived");
        assert_eq!(order(&server, &placed.id).await.lines[0].returned, 6);
        let waits = authorize(&server, &back.id).await.expect("asked for");
        let (told, until) = (waits.update_time.expect("a time"), waits.arrive_by_time.expect("an end"));
        assert_eq!((until.seconds, until.nanos), (told.seconds + 1, told.nanos));

        let warehouse = Warehouse { server: &server };
        let after = warehouse.until(&placed.id, |it| it.lines[0].returned == 0).await;
        assert_eq!(after.return_status(), pb::ReturnStatus::None);
        let request = pb::GetReturnRequest { return_id: back.id.clone() };
        let over = server.returns.clone().get_return(request).await.expect("it is there").into_inner();
        let over = over.goods_return.expect("a return");
        let expected = (pb::ReturnState::Cancelled, "nothing of it arrived in time");
        assert_eq!((over.state(), over.end_reason.as_str()), expected);
        assert!(over.available_actions.is_empty() && over.arrive_by_time.is_none());
        let key = Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone()));
        let timeline = server.orders.clone().get_order_timeline(pb::GetOrderTimelineRequest { key }).await;
        let events = timeline.expect("a timeline").into_inner().timeline.expect("a timeline").events;
        let ended = events.iter().find(|it| it.r#type == "RETURN_CANCELLED").expect("an event");
        assert_eq!((ended.actor.as_str(), ended.subject_id.as_str()), ("consign", back.id.as_str()));

        let refused = receive(&server, &back.id, 6).await.expect_err("nobody waits for it any more");
        assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
        let again =
            ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Damaged).await.expect("they are free");
        assert_eq!((again.number, again.state()), (2, pb::ReturnState::Requested));
        every_law_holds(&server).await;
        server.stop().await;
    }
);
