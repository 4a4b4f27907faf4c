//! Services beside goods, and by themselves, from the catalogue to the closed order.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, eur, every_law_holds, order, pay_by_card, reason,
    stocked,
};
use crate::warehouse::Warehouse;

async fn create_service(server: &TestServer, sku: &str, weight_grams: i32) -> Result<pb::Product, Status> {
    let product = pb::Product {
        sku: sku.to_owned(),
        name: "Fitting at home".to_owned(),
        unit_price: Some(eur(4_900)),
        kind: pb::ProductKind::Service as i32,
        weight_grams,
        ..Default::default()
    };
    let request =
        pb::CreateProductRequest { product: Some(product), request_id: String::new(), validate_only: false };
    let created = server.inventory.clone().create_product(by("clerk", request)).await?;
    Ok(created.into_inner().product.expect("a product"))
}

async fn complete(server: &TestServer, order: &str, line: i32, request: &str) -> Result<pb::Order, Status> {
    let request = pb::CompleteServiceLineRequest {
        order_id: order.to_owned(),
        line_number: line,
        note: "fitted".to_owned(),
        proof_reference: "report 7".to_owned(),
        request_id: request.to_owned(),
        ..Default::default()
    };
    let done = server.orders.clone().complete_service_line(by("fitter", request)).await?;
    Ok(done.into_inner().order.expect("an order"))
}

async fn steps_skipped(server: &TestServer, id: &str) -> Vec<pb::Step> {
    let key = Some(pb::get_order_timeline_request::Key::OrderId(id.to_owned()));
    let asked = pb::GetOrderTimelineRequest { key };
    let timeline = server.orders.clone().get_order_timeline(asked).await.expect("a timeline").into_inner();
    let steps = timeline.timeline.expect("a timeline").steps;
    steps.iter().filter(|it| it.state() == pb::StepState::Skipped).map(pb::ProcessStep::step).collect()
}

fn bad_fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().map(|it| it.field_violations).unwrap_or_default();
    bad.into_iter().map(|it| it.field).collect()
}

on_both_engines!(an_order_of_services_only_is_done_without_a_warehouse, async |server| {
    stocked(&server, "GOODS", 5).await;
    let heavy = create_service(&server, "FIT", 500).await.expect_err("services weigh nothing");
    assert_eq!(bad_fields(&heavy), ["product.weight_grams"]);
    let service = create_service(&server, "FIT", 0).await.expect("a service");
    assert_eq!(service.kind(), pb::ProductKind::Service);
    let received = pb::ReceiveStockRequest {
        sku: "FIT".to_owned(),
        location: LEIPZIG.to_owned(),
        quantity: 1,
        ..Default::default()
    };
    let refused = server.inventory.clone().receive_stock(by("clerk", received)).await.expect_err("no stock");
    assert_eq!((refused.code(), bad_fields(&refused)), (Code::InvalidArgument, vec!["sku".to_owned()]));

    let placed = create_order(&server, draft("ann", "FIT", 2)).await.expect("an order");
    assert_eq!((placed.state(), placed.next_step()), (pb::OrderState::Invoiced, pb::Step::CapturePayment));
    assert_eq!(placed.lines[0].kind(), pb::ProductKind::Service);
    assert!(placed.reservation.is_none() && placed.promise.is_none() && placed.approvals.is_empty());
    let early = complete(&server, &placed.id, 1, "").await.expect_err("not paid");
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));

    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let paid = order(&server, &placed.id).await;
    assert_eq!((paid.state(), paid.shipment_ids.len()), (pb::OrderState::Fulfilling, 0));
    assert_eq!(paid.waiting_for, "CompleteServiceLine for line 1");
    assert!(paid.available_actions.contains(&"CompleteServiceLine".to_owned()));
    assert_eq!(steps_skipped(&server, &placed.id).await.len(), 3 + 8 + 1);
    let unknown = complete(&server, &placed.id, 2, "").await.expect_err("one line only");
    assert_eq!(bad_fields(&unknown), ["line_number"]);

    let done = complete(&server, &placed.id, 1, "fitting-of-ann").await.expect("its turn");
    let completion = done.lines[0].completion.clone().expect("how it was done");
    assert_eq!(
        (completion.completed_by.as_str(), completion.proof_reference.as_str()),
        ("fitter", "report 7")
    );
    assert_eq!((done.state(), done.lines[0].delivered), (pb::OrderState::Delivered, 2));
    assert_eq!(done.fulfillment_status(), pb::FulfillmentStatus::Delivered);
    assert!(done.feedback.is_some());
    let again = complete(&server, &placed.id, 1, "fitting-of-ann").await.expect("the stored answer");
    assert_eq!(again, done);
    let twice = complete(&server, &placed.id, 1, "").await.expect_err("done already");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::FailedPrecondition, "ILLEGAL_TRANSITION"));

    let close = pb::CloseOrderRequest { order_id: placed.id.clone(), ..Default::default() };
    server.orders.clone().close_order(by("clerk", close)).await.expect("nothing is open");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(goods_are_shipped_and_the_service_with_them_keeps_the_order_open, async |server| {
    stocked(&server, "GOODS", 5).await;
    create_courier(&server).await;
    create_service(&server, "FIT", 0).await.expect("a service");
    let mut new = draft("ben", "GOODS", 1);
    new.lines.push(pb::OrderLineDraft { sku: "FIT".to_owned(), quantity: 1, ..Default::default() });
    let placed = create_order(&server, new).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let warehouse = Warehouse { server: &server };
    warehouse.ship_all(&placed.id).await;
    let shipped = order(&server, &placed.id).await;
    warehouse.deliver(&shipped.shipment_ids[0]).await;
    warehouse.until_quiet(&placed.id).await;

    let delivered = order(&server, &placed.id).await;
    assert_eq!(delivered.state(), pb::OrderState::Delivered);
    assert_eq!((delivered.lines[0].delivered, delivered.lines[1].delivered), (1, 0));
    let close = pb::CloseOrderRequest { order_id: placed.id.clone(), ..Default::default() };
    let open = server.orders.clone().close_order(by("clerk", close.clone())).await.expect_err("to be done");
    assert_eq!(reason(&open), "ORDER_NOT_CLOSABLE");
    assert!(open.message().contains("services are not done: line 2"), "{}", open.message());
    let goods = complete(&server, &placed.id, 1, "").await.expect_err("goods");
    assert_eq!(bad_fields(&goods), ["line_number"]);

    complete(&server, &placed.id, 2, "").await.expect("its turn");
    let closed = server.orders.clone().close_order(by("clerk", close)).await.expect("nothing is open");
    assert_eq!(closed.into_inner().order.expect("an order").state(), pb::OrderState::Closed);
    every_law_holds(&server).await;
    server.stop().await;
});
