//! Carts over the wire: a reservation of ReserveStock is kept for a checkout and becomes an order, and nobody finds its units
//! free in between.

use consign::pb::{self, reserve_stock_request::Source};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, draft, every_law_holds, in_seconds, level, order, pay_by_card, reason, stocked,
};

pub(crate) async fn reserve(server: &Clients, sku: &str, quantity: i64) -> Result<pb::Reservation, Status> {
    let request = pb::ReserveStockRequest {
        lines: vec![pb::StockLine { sku: sku.to_owned(), quantity }],
        source: Some(Source::Region("EUROPE".to_owned())),
        reference: "cart 7".to_owned(),
        ..Default::default()
    };
    let answer = server.inventory.clone().reserve_stock(by("storefront", request)).await?;
    Ok(answer.into_inner().reservation.expect("a reservation"))
}

async fn cart(server: &TestServer, sku: &str, quantity: i64) -> pb::Reservation {
    reserve(server, sku, quantity).await.expect("a cart")
}

pub(crate) async fn check_out(
    server: &Clients,
    cart: &str,
    draft: pb::OrderDraft,
) -> Result<pb::Order, Status> {
    let request =
        pb::CreateOrderRequest { order: Some(draft), reservation_id: cart.to_owned(), ..Default::default() };
    let answer = server.orders.clone().create_order(by("storefront", request)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

async fn get(server: &TestServer, id: &str) -> pb::Reservation {
    let request = pb::GetReservationRequest { reservation_id: id.to_owned() };
    let answer = server.inventory.clone().get_reservation(request).await.expect("a reservation");
    answer.into_inner().reservation.expect("a reservation")
}

async fn extend(server: &TestServer, id: &str, seconds: i64) -> Result<pb::Reservation, Status> {
    let request = pb::ExtendReservationRequest {
        reservation_id: id.to_owned(),
        expire_time: Some(in_seconds(seconds)),
        ..Default::default()
    };
    let answer = server.inventory.clone().extend_reservation(by("storefront", request)).await?;
    Ok(answer.into_inner().reservation.expect("a reservation"))
}

async fn confirm(server: &TestServer, id: &str) -> Result<pb::Reservation, Status> {
    let request = pb::ConfirmReservationRequest { reservation_id: id.to_owned(), ..Default::default() };
    let answer = server.inventory.clone().confirm_reservation(by("storefront", request)).await?;
    Ok(answer.into_inner().reservation.expect("a reservation"))
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("a bad request lists its fields");
    bad.field_violations.into_iter().map(|it| it.field).collect()
}

fn expires(it: &pb::Reservation) -> i64 {
    it.expire_time.expect("it expires").seconds
}

on_both_engines!(a_cart_becomes_an_order_with_its_units, async |server| {
    stocked(&server, "C-1", 5).await;
    let held = cart(&server, "C-1", 3).await;
    let refused = create_order(&server, draft("bob", "C-1", 3)).await.expect_err("two are free");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");

    // More than the cart has: the rest is there, or the order is refused and the cart stays.
    let refused = check_out(&server, &held.id, draft("ada", "C-1", 6)).await.expect_err("five are there");
    assert_eq!(reason(&refused), "INSUFFICIENT_STOCK");
    assert!(refused.message().contains("only 5 of C-1 available, 6 wanted"), "{}", refused.message());
    assert_eq!(get(&server, &held.id).await, held);

    let placed = check_out(&server, &held.id, draft("ada", "C-1", 4)).await.expect("an order");
    assert_eq!(placed.state(), pb::OrderState::Invoiced);
    let own = placed.reservation.expect("its reservation");
    assert_eq!(
        (own.taken_over_from_reservation_id.as_str(), own.reference.as_str()),
        (held.id.as_str(), "cart 7")
    );
    assert_eq!(own.items.iter().map(|it| it.quantity).sum::<i64>(), 4);
    let over = get(&server, &held.id).await;
    assert_eq!(
        (over.state(), over.taken_over_by_order_id),
        (pb::ReservationState::Released, placed.id.clone())
    );
    let shelf = level(&server, "C-1").await;
    assert_eq!((shelf.reserved, shelf.available), (4, 1));

    let again = check_out(&server, &held.id, draft("eve", "C-1", 1)).await.expect_err("once only");
    assert_eq!(reason(&again), "ILLEGAL_TRANSITION");
    assert!(again.message().contains(&placed.id), "{}", again.message());
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_cart_that_cannot_be_used_is_refused_and_stays_as_it_is, async |server| {
    stocked(&server, "C-1", 5).await;
    stocked(&server, "C-2", 5).await;
    let held = cart(&server, "C-1", 1).await;
    let refused = check_out(&server, "rsv_nonsense", draft("ada", "C-1", 1)).await.expect_err("no id");
    assert_eq!(fields(&refused), ["reservation_id"]);
    let nobody = "rsv_01h455vb4pex5vsknk084sn02q";
    let refused = check_out(&server, nobody, draft("ada", "C-1", 1)).await.expect_err("nobody's");
    assert_eq!(refused.code(), Code::NotFound);
    let mut abroad = draft("ada", "C-1", 1);
    if let Some(address) = &mut abroad.shipping_address {
        (address.country, address.state, address.postal_code) =
            ("US".to_owned(), "NY".to_owned(), "10118".to_owned());
    }
    let refused = check_out(&server, &held.id, abroad).await.expect_err("another region");
    assert_eq!(fields(&refused), ["reservation_id"]);
    let mut wrong = draft("ada", "C-2", 1);
    wrong.lines.push(pb::OrderLineDraft { sku: "NONE".to_owned(), quantity: 1, ..Default::default() });
    let refused = check_out(&server, &held.id, wrong).await.expect_err("other products");
    assert_eq!(fields(&refused), ["order.lines[1].sku", "reservation_id"]);
    let own = create_order(&server, draft("bob", "C-2", 1)).await.expect("an order").reservation;
    let own = own.expect("reserved").id;
    for it in [
        check_out(&server, &own, draft("ada", "C-2", 1)).await.map(drop),
        confirm(&server, &own).await.map(drop),
        extend(&server, &own, 3_600).await.map(drop),
    ] {
        assert_eq!(reason(&it.expect_err("it is an order's")), "ILLEGAL_TRANSITION");
    }
    assert_eq!(get(&server, &held.id).await, held);

    // Only asked: nothing happens.
    let request = pb::CreateOrderRequest {
        order: Some(draft("ada", "C-1", 1)),
        reservation_id: held.id.clone(),
        validate_only: true,
        ..Default::default()
    };
    server.orders.clone().create_order(by("storefront", request)).await.expect("it would be taken");
    assert_eq!(get(&server, &held.id).await, held);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_cart_in_checkout_is_kept_longer, async |server| {
    stocked(&server, "C-1", 5).await;
    let held = cart(&server, "C-1", 1).await;
    let confirmed = confirm(&server, &held.id).await.expect("in checkout");
    assert_eq!(confirmed.state(), pb::ReservationState::Held);
    let at = confirmed.confirm_time.expect("when");
    assert_eq!(expires(&confirmed) - at.seconds, 86_400);
    assert_eq!(confirm(&server, &held.id).await.expect("said already"), confirmed);

    let longer = extend(&server, &held.id, 7 * 86_400).await.expect("kept a week");
    assert!(expires(&longer) > expires(&confirmed) && longer.etag != confirmed.etag);
    let refused = extend(&server, &held.id, 60).await.expect_err("sooner");
    assert_eq!(fields(&refused), ["expire_time"]);
    let refused = extend(&server, &held.id, 31 * 86_400).await.expect_err("too long");
    assert_eq!(fields(&refused), ["expire_time"]);
    let none = pb::ExtendReservationRequest { reservation_id: held.id.clone(), ..Default::default() };
    let refused = server.inventory.clone().extend_reservation(by("storefront", none)).await;
    assert_eq!(fields(&refused.expect_err("until when?")), ["expire_time"]);
    let stale = pb::ConfirmReservationRequest {
        reservation_id: held.id.clone(),
        etag: held.etag.clone(),
        ..Default::default()
    };
    let refused = server.inventory.clone().confirm_reservation(by("storefront", stale)).await;
    assert_eq!(reason(&refused.expect_err("it has changed")), "ETAG_MISMATCH");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_order_on_hold_keeps_the_units_of_its_cart, async |server| {
    stocked(&server, "C-1", 3).await;
    let held = cart(&server, "C-1", 2).await;
    let mut suspect = draft("ada", "C-1", 2);
    if let Some(customer) = &mut suspect.customer {
        customer.email = "ada@localhost".to_owned();
    }
    let placed = check_out(&server, &held.id, suspect).await.expect("an order on hold");
    assert_eq!(placed.state(), pb::OrderState::Received);
    let own = placed.reservation.expect("it keeps the units");
    assert_eq!((own.state(), own.items[0].line_number), (pb::ReservationState::Held, 1));
    assert_eq!(level(&server, "C-1").await.available, 1);

    let request = pb::UpdateOrderRequest {
        order_id: placed.id.clone(),
        order: Some(pb::OrderDraft {
            customer: draft("ada", "C-1", 1).customer,
            lines: draft("ada", "C-1", 1).lines,
            currency: "EUR".to_owned(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["customer".to_owned(), "lines".to_owned()] }),
        ..Default::default()
    };
    server.orders.clone().update_order(by("clerk", request)).await.expect("corrected");
    assert_eq!(level(&server, "C-1").await.available, 2);
    let request = pb::VerifyOrderRequest { order_id: placed.id.clone(), ..Default::default() };
    server.orders.clone().verify_order(by("clerk", request)).await.expect("verified");
    let placed = order(&server, &placed.id).await;
    assert_eq!(placed.state(), pb::OrderState::Invoiced);
    assert_eq!(placed.reservation.expect("reserved").id, own.id);
    let shelf = pb::GetStockLevelRequest { sku: "C-1".to_owned(), location: LEIPZIG.to_owned() };
    let shelf = server.inventory.clone().get_stock_level(shelf).await.expect("a level").into_inner();
    assert_eq!(shelf.stock_level.expect("a level").reserved, 1);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(
    a_caller_has_no_more_carts_than_the_settings_allow,
    |it| it.rules.reservations_per_caller = 2,
    async |server| {
        stocked(&server, "C-1", 9).await;
        let carts = [cart(&server, "C-1", 1).await, cart(&server, "C-1", 1).await];
        let refused = reserve(&server, "C-1", 1).await.expect_err("two at a time");
        assert_eq!(reason(&refused), "LIMIT_REACHED");
        let request = pb::ReserveStockRequest {
            lines: vec![pb::StockLine { sku: "C-1".to_owned(), quantity: 1 }],
            source: Some(Source::Region("EUROPE".to_owned())),
            ..Default::default()
        };
        server.inventory.clone().reserve_stock(by("market", request)).await.expect("each caller has its own");
        check_out(&server, &carts[0].id, draft("ada", "C-1", 1)).await.expect("an order");
        cart(&server, "C-1", 1).await;
        every_law_holds(&server).await;
        server.stop().await;
    }
);
