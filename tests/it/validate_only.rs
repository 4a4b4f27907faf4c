//! `validate_only`: a call that is only asked is answered as if it were made, and leaves nothing.

use consign::pb;
use futures_util::future::join_all;
use tonic::Code;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{LEIPZIG, by, create_order, draft, every_law_holds, level, order, reason, stocked};

fn placing(name: &str, units: i64, validate_only: bool) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft(name, "V-1", units)),
        request_id: "cart-0000-0001".to_owned(),
        validate_only,
    }
}

async fn place(server: &TestServer, request: pb::CreateOrderRequest) -> Result<pb::Order, tonic::Status> {
    let answer = server.orders.clone().create_order(by("shop", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn capture(server: &TestServer, order: &str, validate_only: bool) -> pb::Payment {
    let request = pb::CapturePaymentRequest {
        order_id: order.to_owned(),
        method: pb::PaymentMethod::Card as i32,
        token: "tok_success".to_owned(),
        validate_only,
        ..Default::default()
    };
    let answer = server.billing.clone().capture_payment(by("shop", request)).await.expect("a payment");
    answer.into_inner().payment.expect("a payment")
}

on_both_engines!(an_order_that_is_only_asked_for_is_answered_and_leaves_nothing, async |server| {
    stocked(&server, "V-1", 5).await;

    let asked = place(&server, placing("ada", 3, true)).await.expect("the order as it would be");
    assert_eq!(asked.state(), pb::OrderState::Invoiced);
    assert!(!asked.invoice_number.is_empty() && asked.reservation.is_some());
    let key = pb::get_order_request::Key::OrderId(asked.id.clone());
    let request = pb::GetOrderRequest { key: Some(key), ..Default::default() };
    let unknown = server.orders.clone().get_order(request).await.expect_err("nothing was kept");
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(level(&server, "V-1").await.reserved, 0);

    // The request id is free, also for another content, and the numbers are those that were told.
    let placed = place(&server, placing("ada", 4, false)).await.expect("an order");
    assert_eq!((&placed.number, &placed.invoice_number), (&asked.number, &asked.invoice_number));
    assert_ne!(placed.id, asked.id);

    // What is kept of a call that was made is no answer to one that is only asked.
    let refused = place(&server, placing("bob", 4, true)).await.expect_err("one unit is left");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

    let short = pb::CreateOrderRequest { request_id: String::new(), ..placing("bob", 2, true) };
    let told = place(&server, short.clone()).await.expect_err("one unit is left");
    let made = place(&server, pb::CreateOrderRequest { validate_only: false, ..short }).await;
    let made = made.expect_err("one unit is left");
    assert_eq!((told.code(), told.message()), (made.code(), made.message()));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_payment_that_is_only_asked_for_charges_nobody, async |server| {
    stocked(&server, "V-1", 5).await;
    let placed = create_order(&server, draft("ada", "V-1", 1)).await.expect("an order");

    let asked = capture(&server, &placed.id, true).await;
    assert_eq!(asked.state(), pb::PaymentState::Pending, "the provider was not asked");
    let after = order(&server, &placed.id).await;
    assert!(after.payment_ids.is_empty() && after.etag == placed.etag);

    let paid = capture(&server, &placed.id, false).await;
    assert_eq!(paid.state(), pb::PaymentState::Captured);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_is_only_asked_beside_what_is_done_moves_no_unit, async |server| {
    stocked(&server, "V-1", 40).await;
    let calls = (0..80).map(|index| {
        let server = &server;
        let only_asked = index % 2 == 0;
        let name = format!("buyer-{index}");
        let request = pb::CreateOrderRequest { request_id: String::new(), ..placing(&name, 1, only_asked) };
        async move { place(server, request).await.map(|it| (only_asked, it)) }
    });
    let answers = join_all(calls).await;
    let placed: Vec<_> = answers.into_iter().filter_map(Result::ok).filter(|it| !it.0).collect();
    assert_eq!(placed.len(), 40, "the units asked for were free for those who bought");
    assert_eq!(level(&server, "V-1").await.available, 0);

    let request = pb::CountStockRequest {
        sku: "V-1".to_owned(),
        location: LEIPZIG.to_owned(),
        counted: Some(39),
        note: "sheet 7".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let counted = server.inventory.clone().count_stock(by("clerk", request)).await.expect("a count");
    assert_eq!(counted.into_inner().order_ids.len(), 1, "one order would lose its unit");
    assert_eq!(level(&server, "V-1").await.on_hand, 40);
    every_law_holds(&server).await;
    server.stop().await;
});
