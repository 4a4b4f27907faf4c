//! Goods are exchanged over the wire: asked about, answered with an order of its own, and paid back when that comes to nothing.

use consign::pb;
use futures_util::future::join_all;
use tonic::Status;

use crate::returns::{back_on_the_shelf, delivered};
use crate::server::{Clients, on_both_engines};
use crate::shop::{
    by, create_courier, create_product, eur, every_law_holds, level, order, pay_by_card, reason, receive,
    stocked,
};
use crate::warehouse::Warehouse;

type Answer = Result<pb::Return, Status>;

fn what_for(sku: &str, quantity: i64) -> pb::ExchangeFor {
    pb::ExchangeFor { sku: sku.to_owned(), quantity, unit_price: None }
}

fn exchange(id: &str, quantity: i64, exchange: Option<pb::ExchangeFor>) -> pb::ResolveReturnRequest {
    let resolution = pb::ReturnResolution::Exchange.into();
    pb::ResolveReturnRequest {
        return_id: id.to_owned(),
        resolutions: vec![pb::ReturnLineResolution { line_number: 1, resolution, quantity, exchange }],
        reason: "does not fit".to_owned(),
        ..Default::default()
    }
}

async fn resolve(server: &Clients, request: pb::ResolveReturnRequest) -> Answer {
    let answer = server.returns.clone().resolve_return(by("clerk", request)).await?;
    Ok(answer.into_inner().goods_return.expect("a return"))
}

async fn cancel(server: &Clients, id: &str) {
    let request = pb::CancelOrderRequest {
        order_id: id.to_owned(),
        reason: "changed her mind again".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("support", request)).await.expect("nothing has left");
}

async fn simulated(server: &Clients, id: &str, sku: &str) -> pb::ExchangeQuote {
    let line = pb::ReturnLineRequest {
        line_number: 1,
        quantity: 2,
        reason: pb::ReturnReason::Damaged.into(),
        note: String::new(),
    };
    let exchange = Some(what_for(sku, 0));
    let request = pb::SimulateReturnRequest {
        order_id: id.to_owned(),
        lines: vec![line],
        override_reason: String::new(),
        exchanges: vec![pb::SimulatedExchange { line_number: 1, quantity: 2, exchange }],
    };
    let answer = server.returns.clone().simulate_return(request).await.expect("six arrived").into_inner();
    assert_eq!((answer.lines.len(), answer.refund), (0, Some(eur(0))), "nothing else comes back");
    answer.exchange.expect("it was asked about")
}

/// Two products beside the one that comes back: one dearer, one cheaper.
async fn shelves(server: &Clients) {
    stocked(server, "SIX", 20).await;
    for (sku, price) in [("NINE", 1_500), ("FOUR", 400)] {
        create_product(server, sku, price).await;
        receive(server, sku, crate::shop::LEIPZIG, 20).await;
    }
    create_courier(server).await;
}

on_both_engines!(goods_are_exchanged_for_the_same_dearer_and_cheaper_ones, async |server| {
    shelves(&server).await;
    let placed = delivered(&server, "ann").await;
    let quote = simulated(&server, &placed.id, "NINE").await;
    let total = quote.total.clone().expect("a total");
    assert_eq!((quote.value, quote.refund), (Some(eur(2_000)), Some(eur(0))));
    assert!(total.units >= 30, "{total:?}");

    let back = back_on_the_shelf(&server, &placed.id, 2).await;
    let mut asked = exchange(&back, 2, Some(what_for("NINE", 2)));
    asked.validate_only = true;
    let only_asked = resolve(&server, asked.clone()).await.expect("it would be");
    assert_eq!(only_asked.exchanges.len(), 1);
    assert!(order(&server, &placed.id).await.exchange_order_ids.is_empty(), "nothing was changed");
    (asked.validate_only, asked.request_id) = (false, "exchange-1".to_owned());
    let answered = resolve(&server, asked.clone()).await.expect("exchanged");
    let again = resolve(&server, asked).await.expect("the stored answer");
    assert_eq!(answered, again);
    assert_eq!((answered.state(), answered.lines[0].exchanged), (pb::ReturnState::Resolved, 2));
    assert_eq!(answered.exchanges[0].value, Some(eur(2_000)));

    let first = order(&server, &placed.id).await;
    assert_eq!(first.exchange_order_ids, [answered.exchanges[0].order_id.clone()]);
    let made = order(&server, &first.exchange_order_ids[0]).await;
    let of = made.exchange_of.clone().expect("it names the first");
    assert_eq!((of.order_id, of.order_number, of.return_id), (first.id.clone(), first.number.clone(), back));
    assert_eq!((&made.customer, &made.shipping_address), (&first.customer, &first.shipping_address));
    assert_eq!((made.store_credit.clone(), made.discount_code.as_str()), (Some(eur(2_000)), ""));
    let totals = made.totals.clone().expect("totals");
    assert_eq!(totals.total, Some(total));
    pay_by_card(&server, &made.id, "tok_success").await.expect("the difference");
    Warehouse { server: &server }.deliver_all(&made.id).await;
    assert_eq!(level(&server, "NINE").await.on_hand, 18);

    let back = back_on_the_shelf(&server, &placed.id, 1).await;
    let answered = resolve(&server, exchange(&back, 1, Some(what_for("FOUR", 1)))).await.expect("exchanged");
    let made = order(&server, &answered.exchanges[0].order_id).await;
    let spent = made.totals.expect("totals").total.expect("a total");
    let left = 10 * 100 - (spent.units * 100 + i64::from(spent.nanos / 10_000_000));
    assert_eq!(answered.refunded_amount, Some(eur(left)));

    let back = back_on_the_shelf(&server, &placed.id, 3).await;
    let answered = resolve(&server, exchange(&back, 3, None)).await.expect("the same");
    let made = order(&server, &answered.exchanges[0].order_id).await;
    assert_eq!(
        (made.totals.clone().expect("totals").total, answered.refunded_amount),
        (Some(eur(3_000)), Some(eur(0)))
    );
    assert_eq!(made.state(), pb::OrderState::Fulfilling, "nothing is left to pay");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_exchange_that_is_cancelled_pays_the_customer_back_once, async |server| {
    shelves(&server).await;
    let placed = delivered(&server, "bea").await;
    let back = back_on_the_shelf(&server, &placed.id, 2).await;
    let request = exchange(&back, 2, None);
    let crowd = (0..20).map(|_| resolve(&server, request.clone()));
    let answers = join_all(crowd).await;
    let won: Vec<_> = answers.iter().filter_map(|it| it.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let lost = answers.iter().find_map(|it| it.as_ref().err()).expect("nineteen");
    assert_eq!(reason(lost), "ILLEGAL_TRANSITION");

    let made = won[0].exchanges[0].order_id.clone();
    assert_eq!(
        order(&server, &placed.id).await.exchange_order_ids,
        std::slice::from_ref(&made),
        "one order was made"
    );
    cancel(&server, &made).await;
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let first = order(&server, &placed.id).await;
    assert_eq!(first.totals.expect("totals").refunded, Some(eur(2_000)));
    let request = pb::GetReturnRequest { return_id: back };
    let after = server.returns.clone().get_return(request).await.expect("it is there").into_inner();
    let after = after.goods_return.expect("a return");
    assert_eq!((&after.exchanges[0].value, after.refunded_amount), (&Some(eur(0)), Some(eur(2_000))));
    assert_eq!(order(&server, &made).await.store_credit, Some(eur(0)));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(what_an_exchange_names_wrongly_is_told_by_its_field, async |server| {
    shelves(&server).await;
    let placed = delivered(&server, "cem").await;
    let back = back_on_the_shelf(&server, &placed.id, 2).await;
    let fields = async |request| {
        let refused = resolve(&server, request).await.expect_err("a fault");
        let bad = tonic_types::StatusExt::get_details_bad_request(&refused).expect("the fields");
        bad.field_violations.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    let unknown = exchange(&back, 1, Some(what_for("NONE", 1)));
    assert_eq!(fields(unknown).await, ["resolutions[0].exchange.sku"]);
    let too_many = exchange(&back, 1, Some(what_for("NINE", 2_000_000)));
    assert_eq!(fields(too_many).await, ["resolutions[0].exchange.quantity"]);
    let mut refund = exchange(&back, 1, Some(what_for("NINE", 1)));
    refund.resolutions[0].resolution = pb::ReturnResolution::Refund.into();
    assert_eq!(fields(refund).await, ["resolutions[0].exchange"]);
    every_law_holds(&server).await;
    server.stop().await;
});
