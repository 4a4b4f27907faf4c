//! Goods come back over the wire: asked for, received in parts, inspected, and answered; by a crowd too.

use consign::pb;
use futures_util::future::join_all;
use tonic::{Code, Status};

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, eur, every_law_holds, level, open_location, order,
    pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

type Answer = Result<pb::Return, Status>;

pub(crate) fn wanted(lines: &[(i32, i64)], reason: pb::ReturnReason) -> Vec<pb::ReturnLineRequest> {
    let line = |(line_number, quantity): &(i32, i64)| pb::ReturnLineRequest {
        line_number: *line_number,
        quantity: *quantity,
        reason: reason.into(),
        note: "as it came".to_owned(),
    };
    lines.iter().map(line).collect()
}

pub(crate) async fn ask(
    server: &Clients,
    order: &str,
    lines: &[(i32, i64)],
    reason: pb::ReturnReason,
) -> Answer {
    let request = pb::CreateReturnRequest {
        order_id: order.to_owned(),
        lines: wanted(lines, reason),
        ..Default::default()
    };
    let answer = server.returns.clone().create_return(by("clerk", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

pub(crate) async fn authorize(server: &Clients, id: &str) -> Answer {
    let request = pb::AuthorizeReturnRequest { return_id: id.to_owned(), ..Default::default() };
    let answer = server.returns.clone().authorize_return(by("clerk", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

pub(crate) async fn receive(server: &Clients, id: &str, quantity: i64) -> Answer {
    let request = pb::ReceiveReturnRequest {
        return_id: id.to_owned(),
        location: LEIPZIG.to_owned(),
        lines: vec![pb::LineUnits { line_number: 1, quantity }],
        ..Default::default()
    };
    let answer = server.returns.clone().receive_return(by("warehouse", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

pub(crate) async fn inspect(server: &Clients, id: &str, units: &[(pb::ReturnDisposition, i64)]) -> Answer {
    let inspection = |(disposition, quantity): &(pb::ReturnDisposition, i64)| pb::ReturnInspection {
        line_number: 1,
        disposition: (*disposition).into(),
        quantity: *quantity,
        ..Default::default()
    };
    let request = pb::InspectReturnRequest {
        return_id: id.to_owned(),
        inspections: units.iter().map(inspection).collect(),
        ..Default::default()
    };
    let answer = server.returns.clone().inspect_return(by("warehouse", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

pub(crate) async fn resolve(server: &Clients, id: &str, units: &[(pb::ReturnResolution, i64)]) -> Answer {
    let answered = |(resolution, quantity): &(pb::ReturnResolution, i64)| pb::ReturnLineResolution {
        line_number: 1,
        resolution: (*resolution).into(),
        quantity: *quantity,
        exchange: None,
    };
    let request = pb::ResolveReturnRequest {
        return_id: id.to_owned(),
        resolutions: units.iter().map(answered).collect(),
        reason: "came back".to_owned(),
        ..Default::default()
    };
    let answer = server.returns.clone().resolve_return(by("clerk", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

async fn close(server: &Clients, id: &str) -> Answer {
    let request = pb::CloseReturnRequest { return_id: id.to_owned(), ..Default::default() };
    let answer = server.returns.clone().close_return(by("clerk", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

async fn get(server: &Clients, id: &str) -> pb::Return {
    let request = pb::GetReturnRequest { return_id: id.to_owned() };
    let answer = server.returns.clone().get_return(request).await.expect("it is there");
    answer.into_inner().goods_return.expect("a return")
}

async fn listed(server: &Clients, filter: &str) -> Vec<String> {
    let request = pb::ListReturnsRequest { filter: filter.to_owned(), ..Default::default() };
    let answer = server.returns.clone().list_returns(request).await.expect(filter);
    answer.into_inner().returns.into_iter().map(|it| it.id).collect()
}

/// Six units at 10.00, delivered.
pub(crate) async fn delivered(server: &Clients, buyer: &str) -> pb::Order {
    delivered_with(server, buyer, "").await
}

/// The same, with a discount code.
async fn delivered_with(server: &Clients, buyer: &str, discount_code: &str) -> pb::Order {
    let placed = paid(server, buyer, discount_code).await;
    Warehouse { server }.deliver_all(&placed.id).await;
    order(server, &placed.id).await
}

async fn paid(server: &Clients, buyer: &str, discount_code: &str) -> pb::Order {
    let mut six = draft(buyer, "SIX", 6);
    six.discount_code = discount_code.to_owned();
    six.lines[0].unit_price = Some(eur(1_000));
    six.prices_include_tax = true;
    six.shipping_fee = Some(eur(499));
    let placed = create_order(server, six).await.expect("there is stock");
    pay_by_card(server, &placed.id, "tok_success").await.expect("paid");
    order(server, &placed.id).await
}

on_both_engines!(goods_come_back_are_inspected_and_paid_back, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "ann").await;
    assert_eq!(placed.return_status(), pb::ReturnStatus::None);

    let asked = pb::SimulateReturnRequest {
        order_id: placed.id.clone(),
        lines: wanted(&[(1, 4)], pb::ReturnReason::Damaged),
        ..Default::default()
    };
    let quote = server.returns.clone().simulate_return(asked).await.expect("it can come back").into_inner();
    assert_eq!((quote.value, quote.refund), (Some(eur(4_000)), Some(eur(4_000))));

    let back = ask(&server, &placed.id, &[(1, 4)], pb::ReturnReason::Damaged).await.expect("six arrived");
    assert_eq!((back.state(), back.number), (pb::ReturnState::Requested, 1));
    assert_eq!(back.available_actions, ["AuthorizeReturn", "DeclineReturn", "CancelReturn"]);
    assert!(back.unavailable_actions.iter().any(|it| it.action == "CloseReturn" && !it.reason.is_empty()));
    authorize(&server, &back.id).await.expect("asked for");
    let some = receive(&server, &back.id, 1).await.expect("the first");
    assert_eq!(some.state(), pb::ReturnState::PartiallyReceived);
    receive(&server, &back.id, 2).await.expect("two more");
    let units = [
        (pb::ReturnDisposition::Restock, 1),
        (pb::ReturnDisposition::Quarantine, 1),
        (pb::ReturnDisposition::Scrap, 1),
        (pb::ReturnDisposition::Missing, 1),
    ];
    let seen = inspect(&server, &back.id, &units).await.expect("all of it");
    assert_eq!(seen.state(), pb::ReturnState::Inspected);
    let shelf = level(&server, "SIX").await;
    assert_eq!((shelf.on_hand, shelf.quality_hold, shelf.available), (16, 1, 15));

    let answers = [(pb::ReturnResolution::Refund, 3), (pb::ReturnResolution::StoreCredit, 1)];
    let answered = resolve(&server, &back.id, &answers).await.expect("all of it");
    assert_eq!(answered.state(), pb::ReturnState::Resolved);
    assert_eq!(
        (answered.credited_amount.clone(), answered.refunded_amount.clone()),
        (Some(eur(4_000)), Some(eur(3_000)))
    );
    assert_eq!((answered.refund_ids.len(), answered.credit_note_ids.len()), (1, 2));
    let code = crate::discounts::discount_code(&server, &answered.store_credit_codes[0]).await;
    assert_eq!((code.uses_max, code.worth, code.discount), (0, Some(eur(1_000)), None));
    assert_eq!((code.balance, code.return_id), (Some(eur(1_000)), back.id.clone()));
    let after = order(&server, &placed.id).await;
    assert_eq!((after.lines[0].returned, after.lines[0].refunded), (4, 4));
    assert_eq!(
        (after.return_status(), &after.return_ids),
        (pb::ReturnStatus::InProgress, &vec![back.id.clone()])
    );
    close(&server, &back.id).await.expect("every unit is accounted for");
    assert_eq!(get(&server, &back.id).await.state(), pb::ReturnState::Closed);
    assert_eq!(order(&server, &placed.id).await.return_status(), pb::ReturnStatus::PartiallyReturned);

    let mine = [back.id.clone()];
    assert_eq!(listed(&server, "state = CLOSED").await, mine);
    assert_eq!(listed(&server, &format!("order_id = {}", placed.id)).await, mine);
    assert!(listed(&server, "state = REQUESTED").await.is_empty());
    let warehouse = Warehouse { server: &server };
    warehouse.until_quiet(&placed.id).await;
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_goes_back_to_the_customer_moves_neither_stock_nor_money, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "lea").await;
    let back = ask(&server, &placed.id, &[(1, 3)], pb::ReturnReason::Damaged).await.expect("six arrived");
    authorize(&server, &back.id).await.expect("asked for");
    receive(&server, &back.id, 3).await.expect("all three");
    let units = [(pb::ReturnDisposition::BackToCustomer, 2), (pb::ReturnDisposition::Scrap, 1)];
    let seen = inspect(&server, &back.id, &units).await.expect("all three");
    assert_eq!(seen.state(), pb::ReturnState::Inspected);
    assert_eq!((seen.lines[0].sent_back, seen.lines[0].scrapped), (2, 1));
    let shelf = level(&server, "SIX").await;
    assert_eq!((shelf.on_hand, shelf.quality_hold), (14, 0), "none of it was put on the shelf");

    let answers = [(pb::ReturnResolution::Repair, 2), (pb::ReturnResolution::Reject, 1)];
    let answered = resolve(&server, &back.id, &answers).await.expect("all three");
    assert_eq!(answered.state(), pb::ReturnState::Resolved);
    let line = &answered.lines[0];
    assert_eq!((line.repaired, line.rejected, line.refunded, line.credited), (2, 1, 0, 0));
    assert!(answered.refund_ids.is_empty() && answered.credit_note_ids.is_empty(), "{answered:?}");
    assert!(answered.store_credit_codes.is_empty(), "{answered:?}");
    close(&server, &back.id).await.expect("every unit is accounted for");
    let after = order(&server, &placed.id).await;
    assert_eq!((after.totals, after.lines[0].refunded), (placed.totals, 0));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_return_out_of_turn_is_refused_by_name_and_stays_as_it_is, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "bea").await;
    let bad = ask(&server, &placed.id, &[(1, 7), (1, 1), (8, 1)], pb::ReturnReason::Damaged).await;
    let refused = bad.expect_err("three faults");
    let bad = tonic_types::StatusExt::get_details_bad_request(&refused).expect("the fields");
    let fields: Vec<_> = bad.field_violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["lines[0].quantity", "lines[1].line_number", "lines[2].line_number"]);

    let back = ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Other).await.expect("all of it");
    for refused in [
        receive(&server, &back.id, 1).await.expect_err("not authorised"),
        inspect(&server, &back.id, &[(pb::ReturnDisposition::Scrap, 1)]).await.expect_err("nothing arrived"),
        resolve(&server, &back.id, &[(pb::ReturnResolution::Reject, 1)]).await.expect_err("nothing arrived"),
        close(&server, &back.id).await.expect_err("nothing arrived"),
    ] {
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "ILLEGAL_TRANSITION")
        );
    }
    let twice = ask(&server, &placed.id, &[(1, 1)], pb::ReturnReason::Other).await.expect_err("in a return");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));
    // Letters go on being sent: the order, and the etag with it, may be another.
    let after = get(&server, &back.id).await;
    assert_eq!(pb::Return { etag: back.etag.clone(), ..after }, back);

    let only_asked = pb::DeclineReturnRequest {
        return_id: back.id.clone(),
        reason: "worn".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let told =
        server.returns.clone().decline_return(by("clerk", only_asked.clone())).await.expect("it may be");
    assert_eq!(told.into_inner().goods_return.expect("a return").state(), pb::ReturnState::Declined);
    assert_eq!(get(&server, &back.id).await.state(), pb::ReturnState::Requested);
    let declined = pb::DeclineReturnRequest { validate_only: false, ..only_asked };
    server.returns.clone().decline_return(by("clerk", declined)).await.expect("declined");
    ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Other).await.expect("its units are free again");
    every_law_holds(&server).await;
    server.stop().await;
});

async fn on_its_way(server: &Clients, id: &str, courier: &str, number: &str) -> Answer {
    let request = pb::RecordReturnTransitRequest {
        return_id: id.to_owned(),
        courier: courier.to_owned(),
        tracking_number: number.to_owned(),
        ..Default::default()
    };
    let answer = server.returns.clone().record_return_transit(by("customer", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

async fn call_off(server: &Clients, id: &str, reason: &str) -> Answer {
    let request =
        pb::CancelReturnRequest { return_id: id.to_owned(), reason: reason.to_owned(), ..Default::default() };
    let answer = server.returns.clone().cancel_return(by("customer", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

on_both_engines!(it_is_written_down_how_a_return_travels, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "joe").await;
    let back = ask(&server, &placed.id, &[(1, 2)], pb::ReturnReason::Damaged).await.expect("six arrived");
    let refused = on_its_way(&server, &back.id, "Post", "R 7").await.expect_err("it is not authorised");
    assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
    authorize(&server, &back.id).await.expect("asked for");

    let refused = on_its_way(&server, &back.id, &"P".repeat(101), "R\n7").await.expect_err("two faults");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let bad = tonic_types::StatusExt::get_details_bad_request(&refused).expect("the fields");
    let fields: Vec<_> = bad.field_violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["courier", "tracking_number"]);
    assert_eq!(get(&server, &back.id).await.state(), pb::ReturnState::Authorized);

    let sent = on_its_way(&server, &back.id, "Post", "R 7").await.expect("it is authorised");
    assert_eq!(sent.state(), pb::ReturnState::InTransit);
    assert_eq!((sent.courier.as_str(), sent.tracking_number.as_str()), ("Post", "R 7"));
    assert!(sent.transit_time.is_some());
    on_its_way(&server, &back.id, "Post", "R 8").await.expect("the number was read wrongly");
    let seen = get(&server, &back.id).await;
    assert_eq!((seen.state(), seen.tracking_number.as_str()), (pb::ReturnState::InTransit, "R 8"));
    let refused = call_off(&server, &back.id, "keeps them").await.expect_err("they are on their way");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));
    let here = receive(&server, &back.id, 2).await.expect("both");
    assert_eq!((here.state(), here.tracking_number.as_str()), (pb::ReturnState::Received, "R 8"));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_return_that_is_called_off_frees_its_units, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "kai").await;
    let back = ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Other).await.expect("all of it");
    authorize(&server, &back.id).await.expect("asked for");
    let ended = call_off(&server, &back.id, "keeps them").await.expect("nothing was sent");
    assert_eq!(ended.state(), pb::ReturnState::Cancelled);
    assert_eq!((ended.end_reason.as_str(), ended.close_time), ("keeps them", None));
    assert!(ended.available_actions.is_empty());
    assert_eq!(listed(&server, "state = CANCELLED").await, std::slice::from_ref(&back.id));
    let after = order(&server, &placed.id).await;
    assert_eq!((after.return_status(), after.lines[0].returned), (pb::ReturnStatus::None, 0));

    let again = ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Other).await.expect("they are free");
    assert_eq!(again.number, 2);
    let ended = call_off(&server, &again.id, "").await.expect("nobody has authorised it");
    assert_eq!((ended.state(), ended.end_reason.as_str()), (pb::ReturnState::Cancelled, ""));
    let twice = call_off(&server, &again.id, "").await.expect_err("it is over");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_unit_that_was_paid_back_comes_back_for_nothing, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "dan").await;
    let request = pb::RefundPaymentRequest {
        payment_id: placed.payment_ids[0].clone(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
        reason: "sorry".to_owned(),
        ..Default::default()
    };
    server.billing.clone().refund_payment(by("clerk", request)).await.expect("paid back");
    let asked = pb::SimulateReturnRequest {
        order_id: placed.id.clone(),
        lines: wanted(&[(1, 2)], pb::ReturnReason::Damaged),
        ..Default::default()
    };
    let quote = server.returns.clone().simulate_return(asked).await.expect("it can come back").into_inner();
    assert_eq!((quote.value, quote.refund), (Some(eur(1_000)), Some(eur(1_000))));

    let back = ask(&server, &placed.id, &[(1, 2)], pb::ReturnReason::Damaged).await.expect("six arrived");
    authorize(&server, &back.id).await.expect("asked for");
    receive(&server, &back.id, 2).await.expect("both");
    inspect(&server, &back.id, &[(pb::ReturnDisposition::Restock, 2)]).await.expect("both");
    assert_eq!(level(&server, "SIX").await.on_hand, 16);
    let answered = resolve(&server, &back.id, &[(pb::ReturnResolution::Refund, 2)]).await.expect("both");
    assert_eq!((answered.lines[0].refunded, answered.lines[0].paid_before), (1, 1));
    assert_eq!(answered.refunded_amount, Some(eur(1_000)));
    let after = order(&server, &placed.id).await;
    assert_eq!(after.totals.expect("totals").refunded, Some(eur(2_000)));
    every_law_holds(&server).await;
    server.stop().await;
});

/// Received whole and restocked: ready to be answered.
pub(crate) async fn back_on_the_shelf(server: &Clients, order: &str, quantity: i64) -> String {
    let back = ask(server, order, &[(1, quantity)], pb::ReturnReason::Damaged).await.expect("they arrived");
    authorize(server, &back.id).await.expect("asked for");
    receive(server, &back.id, quantity).await.expect("they came back");
    inspect(server, &back.id, &[(pb::ReturnDisposition::Restock, quantity)]).await.expect("looked at");
    back.id
}

on_both_engines!(what_a_store_credit_paid_for_is_on_it_again_when_it_comes_back, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let first = delivered(&server, "eva").await;
    let back = back_on_the_shelf(&server, &first.id, 2).await;
    let given = resolve(&server, &back, &[(pb::ReturnResolution::StoreCredit, 2)]).await.expect("both");
    let code = given.store_credit_codes[0].clone();
    let balance = async || crate::discounts::discount_code(&server, &code).await.balance;
    assert_eq!(balance().await, Some(eur(2_000)));
    assert_eq!(
        get(&server, &back).await.store_credit_codes,
        std::slice::from_ref(&code),
        "callers are believed here"
    );

    let next = delivered_with(&server, "fay", &code).await;
    assert_eq!(next.discount_code, format!("…{}", &code[code.len() - 4..]), "it is as good as money");
    let totals = next.totals.expect("totals");
    assert_eq!(
        (totals.total, totals.captured),
        (Some(eur(6_499)), Some(eur(6_499))),
        "it pays, and takes nothing off"
    );
    assert_eq!(next.store_credit, Some(eur(2_000)));
    assert_eq!(balance().await, Some(eur(0)));
    let mut more = draft("eva", "SIX", 1);
    more.discount_code = code.clone();
    let refused = create_order(&server, more).await.expect_err("it is empty");
    assert_eq!(reason(&refused), "DISCOUNT_CODE_USED_UP");

    let half = back_on_the_shelf(&server, &next.id, 3).await;
    let answered = resolve(&server, &half, &[(pb::ReturnResolution::Refund, 3)]).await.expect("all three");
    assert_eq!(answered.refunded_amount, Some(eur(3_000)));
    assert_eq!(answered.store_credit_restored, Some(eur(2_000)), "it goes back first");
    assert_eq!(balance().await, Some(eur(2_000)));
    assert_eq!(order(&server, &next.id).await.store_credit, Some(eur(0)));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_lost_shipment_asks_for_its_answer_by_itself, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = paid(&server, "gil", "").await;
    let warehouse = Warehouse { server: &server };
    warehouse.ship_all(&placed.id).await;
    report(&server, &placed.shipment_ids[0], pb::TrackingStatus::Lost, 0).await;

    let id = order(&server, &placed.id).await.return_ids[0].clone();
    let opened = get(&server, &id).await;
    assert_eq!((opened.state(), opened.lines[0].missing), (pb::ReturnState::Inspected, 6));
    assert_eq!(opened.shipment_id, placed.shipment_ids[0]);
    assert_eq!(opened.available_actions, ["ResolveReturn"]);
    let one = pb::CancelOrderLinesRequest {
        order_id: placed.id.clone(),
        lines: vec![pb::LineUnits { line_number: 1, quantity: 1 }],
        reason: "given up".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order_lines(by("clerk", one)).await.expect("it is lost");
    let left = get(&server, &id).await;
    assert_eq!((left.lines[0].quantity, left.lines[0].missing), (5, 5), "it is answered by that");
    every_law_holds(&server).await;
    let answered = resolve(&server, &id, &[(pb::ReturnResolution::Refund, 5)]).await.expect("all of it");
    assert_eq!(answered.refunded_amount, Some(eur(5_499)), "with the shipping");
    warehouse.until_quiet(&placed.id).await;
    warehouse.close(&placed.id).await;
    assert_eq!(get(&server, &id).await.state(), pb::ReturnState::Closed);
    assert_eq!(level(&server, "SIX").await.on_hand, 14);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_was_paid_for_a_loss_is_not_paid_again_when_it_is_found_and_sent_back, async |server| {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = paid(&server, "hal", "").await;
    let warehouse = Warehouse { server: &server };
    warehouse.ship_all(&placed.id).await;
    let shipment = placed.shipment_ids[0].clone();
    report(&server, &shipment, pb::TrackingStatus::Lost, 0).await;
    let goods = pb::GoodsRefund { amount: None };
    let request = pb::ResolveExceptionRequest {
        shipment_id: shipment.clone(),
        resolution: Some(pb::resolve_exception_request::Resolution::Refund(goods)),
        reason: "lost".to_owned(),
        ..Default::default()
    };
    server.shipping.clone().resolve_exception(by("clerk", request)).await.expect("it is lost");
    let paid_back = order(&server, &placed.id).await.totals.expect("totals").refunded;
    assert_eq!(paid_back, Some(eur(6_499)), "with the shipping");

    warehouse.deliver(&shipment).await;
    let back = back_on_the_shelf(&server, &placed.id, 6).await;
    let answered = resolve(&server, &back, &[(pb::ReturnResolution::Refund, 6)]).await.expect("all of it");
    assert_eq!(answered.state(), pb::ReturnState::Resolved);
    assert_eq!((answered.lines[0].paid_before, answered.lines[0].refunded), (6, 0));
    assert_eq!(answered.refunded_amount, Some(eur(0)));
    close(&server, &back).await.expect("every unit is accounted for");
    assert_eq!(order(&server, &placed.id).await.totals.expect("totals").refunded, Some(eur(6_499)));
    warehouse.until_quiet(&placed.id).await;
    warehouse.close(&placed.id).await;
    every_law_holds(&server).await;
    server.stop().await;
});

/// A courier's report of so many seconds from now.
async fn report(server: &Clients, shipment: &str, status: pb::TrackingStatus, seconds: i64) {
    let report = pb::TrackingReport {
        status: status.into(),
        occurred_time: Some(crate::shop::in_seconds(seconds)),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: vec![report],
        ..Default::default()
    };
    server.shipping.clone().record_tracking_events(by("courier", request)).await.expect("reported");
}

on_both_engines!(a_late_report_takes_no_units_that_the_customer_sent_back, async |server| {
    stocked(&server, "SIX", 3).await;
    open_location(&server, "DE-KOELN", "EUROPE", "DE").await;
    crate::shop::receive(&server, "SIX", "DE-KOELN", 3).await;
    create_courier(&server).await;
    let placed = paid(&server, "ida", "").await;
    assert_eq!(placed.shipment_ids.len(), 2);
    let (first, second) = (placed.shipment_ids[0].clone(), placed.shipment_ids[1].clone());
    let warehouse = Warehouse { server: &server };
    warehouse.ship(&first).await;
    warehouse.ship(&second).await;
    report(&server, &first, pb::TrackingStatus::Delivered, 0).await;
    back_on_the_shelf(&server, &placed.id, 2).await;

    // The courier had turned it round: what was delivered was delivered to the sender.
    report(&server, &first, pb::TrackingStatus::Returning, -600).await;
    let id = order(&server, &placed.id).await.return_ids.last().expect("it opened by itself").clone();
    let opened = get(&server, &id).await;
    assert_eq!((opened.shipment_id, opened.lines[0].quantity), (first, 1), "two are back already");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(no_share_is_paid_twice_however_many_ask, crowd);

/// A hundred callers answer the same return or pay the same units back.
async fn crowd(server: TestServer) {
    stocked(&server, "SIX", 20).await;
    create_courier(&server).await;
    let placed = delivered(&server, "cem").await;
    let back = ask(&server, &placed.id, &[(1, 6)], pb::ReturnReason::Damaged).await.expect("all of it");
    authorize(&server, &back.id).await.expect("asked for");
    receive(&server, &back.id, 6).await.expect("it came back");
    inspect(&server, &back.id, &[(pb::ReturnDisposition::Restock, 6)]).await.expect("looked at");

    let payment = placed.payment_ids[0].as_str();
    let server_ref: &Clients = &server;
    let calls = (0..100).map(|index| {
        let back = back.id.clone();
        async move {
            if index % 2 == 0 {
                return resolve(server_ref, &back, &[(pb::ReturnResolution::Refund, 6)]).await.map(drop);
            }
            let request = pb::RefundPaymentRequest {
                payment_id: payment.to_owned(),
                lines: vec![pb::LineUnits { line_number: 1, quantity: 4 }],
                reason: "sorry".to_owned(),
                ..Default::default()
            };
            server_ref.billing.clone().refund_payment(by("clerk", request)).await.map(drop)
        }
    });
    let answers = join_all(calls).await;
    let resolved = answers.iter().step_by(2).filter(|it| it.is_ok()).count();
    assert_eq!(resolved, 1, "{answers:?}");
    assert!(answers.iter().skip(1).step_by(2).filter(|it| it.is_ok()).count() <= 1, "{answers:?}");
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let after = order(&server, &placed.id).await;
    let totals = after.totals.expect("totals");
    assert_eq!((totals.captured, totals.refunded), (Some(eur(6_499)), Some(eur(6_499))));
    assert_eq!(after.lines[0].refunded, 6);
    every_law_holds(&server).await;
    server.stop().await;
}
