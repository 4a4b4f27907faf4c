//! Store credit over the wire: it pays what it is worth, once, for whom it was given to, and is shown whole to few.

use consign::access::{KeyHash, Role};
use consign::pb;
use consign::settings::{KeySettings, Settings};
use futures_util::future::join_all;
use tonic::Code;

use crate::access::with_key;
use crate::discounts::discount_code;
use crate::returns::{back_on_the_shelf, delivered, resolve};
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, order, pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

/// The code of a store credit of so many times 10.00, and the return that gave it.
async fn given_to(server: &Clients, buyer: &str, units: i64) -> (String, String) {
    let placed = delivered(server, buyer).await;
    given_for(server, &placed.id, units).await
}

async fn given_for(server: &Clients, order: &str, units: i64) -> (String, String) {
    let back = back_on_the_shelf(server, order, units).await;
    let answer = resolve(server, &back, &[(pb::ReturnResolution::StoreCredit, units)]).await;
    (answer.expect("all of it").store_credit_codes[0].clone(), back)
}

fn paid_with(code: &str, buyer: &str, units: i64) -> pb::OrderDraft {
    let mut wish = draft(buyer, "SIX", units);
    wish.lines[0].unit_price = Some(eur(1_000));
    wish.discount_code = code.to_owned();
    wish.shipping_fee = Some(eur(500));
    wish
}

async fn balance(server: &Clients, code: &str) -> Option<pb::Money> {
    discount_code(server, code).await.balance
}

on_both_engines!(a_store_credit_pays_what_it_is_worth_whatever_the_tax, async |server| {
    stocked(&server, "SIX", 40).await;
    create_courier(&server).await;
    let (code, _) = given_to(&server, "ann", 3).await;
    for include_tax in [true, false] {
        // Of customers of their own: the same goods for the same one would be held as a duplicate.
        let wish = |code: &str| {
            let buyer = format!("{include_tax}-{}", code.len());
            pb::OrderDraft { prices_include_tax: include_tax, ..paid_with(code, &buyer, 2) }
        };
        let without = create_order(&server, wish("")).await.expect("there is stock").totals.expect("totals");
        let placed = create_order(&server, wish(&code)).await.expect("there is stock");
        let totals = placed.totals.clone().expect("totals");
        assert_eq!((&totals.total, &totals.tax), (&without.total, &without.tax), "as without it");
        let due = |it: &pb::OrderTotals| {
            it.amount_due.as_ref().map_or(0, |it| it.units * 100 + i64::from(it.nanos / 10_000_000))
        };
        let credit = due(&without);
        assert_eq!(credit > 2_500, !include_tax);
        let paid = credit.min(3_000);
        assert_eq!((due(&totals), placed.store_credit), (credit - paid, Some(eur(paid))));
        assert_eq!(balance(&server, &code).await, Some(eur(3_000 - paid)));
        let request = pb::ListPaymentsRequest {
            filter: format!("order_id = {} AND method = STORE_CREDIT", placed.id),
            ..Default::default()
        };
        let paid_by =
            server.billing.clone().list_payments(request).await.expect("a page").into_inner().payments;
        assert_eq!((paid_by.len(), &paid_by[0].captured), (1, &Some(eur(paid))));
        assert_eq!(paid_by[0].reference, format!("…{}", &code[code.len() - 4..]));

        let request = pb::CancelOrderRequest {
            order_id: placed.id.clone(),
            reason: "changed his mind".to_owned(),
            ..Default::default()
        };
        server.orders.clone().cancel_order(by("clerk", request)).await.expect("nothing has left");
        assert_eq!(balance(&server, &code).await, Some(eur(3_000)));
    }
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(of_orders_placed_at_once_on_one_store_credit_its_balance_is_drawn_once, async |server| {
    stocked(&server, "SIX", 60).await;
    create_courier(&server).await;
    let (code, _) = given_to(&server, "cem", 4).await;
    let placing = (0..16).map(|it| {
        let mut wish = paid_with(&code, &format!("buyer-{it}"), 1);
        wish.prices_include_tax = true;
        let server = &server;
        async move { create_order(server, wish).await }
    });
    let answers = join_all(placing).await;
    let mut drawn = 0;
    for answer in &answers {
        match answer {
            Ok(placed) => {
                let held = placed.store_credit.as_ref().expect("it named one");
                drawn += held.units * 100 + i64::from(held.nanos / 10_000_000);
            }
            Err(refused) => assert_eq!(
                (refused.code(), reason(refused).as_str()),
                (Code::FailedPrecondition, "DISCOUNT_CODE_USED_UP")
            ),
        }
    }
    assert_eq!((drawn, balance(&server, &code).await), (4_000, Some(eur(0))));
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 3, "15.00, 15.00 and 10.00");
    every_law_holds(&server).await;
    server.stop().await;
});

async fn customer(server: &Clients, name: &str) -> String {
    let contact = pb::Customer {
        name: format!("Buyer {name}"),
        email: format!("{name}@example.com"),
        ..Default::default()
    };
    let customer = pb::CustomerAccount { contact: Some(contact), ..Default::default() };
    let request = pb::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
    let answer = server.customers.clone().create_customer(by("clerk", request)).await.expect("a customer");
    answer.into_inner().customer.expect("a customer").id
}

on_both_engines!(a_store_credit_of_a_customer_is_refused_to_others_and_to_guests, async |server| {
    stocked(&server, "SIX", 40).await;
    create_courier(&server).await;
    let (dora, emil) = (customer(&server, "dora").await, customer(&server, "emil").await);
    let of = |id: &str, wish: pb::OrderDraft| pb::OrderDraft { customer_id: id.to_owned(), ..wish };
    let first = create_order(&server, of(&dora, paid_with("", "dora", 2))).await.expect("there is stock");
    pay_by_card(&server, &first.id, "tok_success").await.expect("paid");
    Warehouse { server: &server }.deliver_all(&first.id).await;
    let (code, _) = given_for(&server, &first.id, 1).await;
    assert_eq!(discount_code(&server, &code).await.customer_id, dora);

    let other = of(&emil, paid_with(&code, "emil", 1));
    for wish in [other, paid_with(&code, "dora", 1), paid_with(&code, "guest", 1)] {
        let refused = create_order(&server, wish).await.expect_err("it is hers");
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "DISCOUNT_CODE_OTHER_CUSTOMER")
        );
    }
    let before = balance(&server, &code).await;
    let hers = create_order(&server, of(&dora, paid_with(&code, "dora", 1))).await.expect("it is hers");
    assert_eq!(hers.store_credit, before);
    assert_eq!(balance(&server, &code).await, Some(eur(0)));
    every_law_holds(&server).await;
    server.stop().await;
});

const KEYS: [(&str, Role); 4] = [
    ("consign_reader", Role::Reader),
    ("consign_warehouse", Role::Warehouse),
    ("consign_finance", Role::Finance),
    ("consign_operator", Role::Operator),
];

fn with_keys(settings: &mut Settings) {
    for (key, role) in KEYS {
        let sha256 = vec![KeyHash::of(key)];
        let known = KeySettings { sha256, roles: vec![role.into()], expires: None, names_persons: false };
        settings.access.keys.insert(key.to_owned(), known);
    }
}

on_both_engines!(who_may_not_see_money_sees_the_end_of_a_store_credit_only, async |server| {
    stocked(&server, "SIX", 40).await;
    create_courier(&server).await;
    let (code, back) = given_to(&server, "fay", 2).await;
    let placed = create_order(&server, paid_with(&code, "gil", 1)).await.expect("there is stock");
    let server = TestServer::open(server.stop().await, with_keys).await;
    let end = format!("…{}", &code[code.len() - 4..]);
    for (key, role) in KEYS {
        let request = pb::GetReturnRequest { return_id: back.clone() };
        let answer = server.returns.clone().get_return(with_key(key, request)).await.expect("they may read");
        let shown = answer.into_inner().goods_return.expect("a return").store_credit_codes;
        let sees_money = matches!(role, Role::Finance | Role::Operator);
        assert_eq!(shown, [if sees_money { code.clone() } else { end.clone() }], "{role:?}");

        let request = pb::ListReturnsRequest::default();
        let answer =
            server.returns.clone().list_returns(with_key(key, request)).await.expect("they may read");
        assert_eq!(answer.into_inner().returns[0].store_credit_codes, shown, "{role:?}");

        let request = pb::GetDiscountCodeRequest { code: code.clone() };
        let asked = server.discounts.clone().get_discount_code(with_key(key, request)).await;
        match asked {
            Ok(answer) => {
                let found = answer.into_inner().discount_code.expect("a code");
                assert!(sees_money && found.code == code, "{role:?}");
            }
            Err(refused) => {
                assert_eq!((refused.code(), sees_money), (Code::PermissionDenied, false), "{role:?}");
            }
        }
        let request = pb::GetOrderRequest {
            key: Some(pb::get_order_request::Key::OrderId(placed.id.clone())),
            ..Default::default()
        };
        let answer = server.orders.clone().get_order(with_key(key, request)).await.expect("they may read");
        assert_eq!(answer.into_inner().order.expect("an order").discount_code, end, "{role:?}");
    }
    server.stop().await;
});

on_both_engines!(what_store_credit_paid_goes_back_on_it_and_not_in_cash, async |server| {
    stocked(&server, "SIX", 40).await;
    create_courier(&server).await;
    let (code, _) = given_to(&server, "hal", 2).await;
    let placed = create_order(&server, paid_with(&code, "ida", 2)).await.expect("there is stock");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("the rest");
    let placed = order(&server, &placed.id).await;
    let refund = |method: pb::PaymentMethod| pb::RefundPaymentRequest {
        payment_id: placed.payment_ids[0].clone(),
        amount: Some(eur(700)),
        reason: "sorry".to_owned(),
        method: method as i32,
        ..Default::default()
    };
    let cash = server.billing.clone().refund_payment(by("clerk", refund(pb::PaymentMethod::Cash))).await;
    assert_eq!(reason(&cash.expect_err("not in cash")), "INVALID_FIELD");
    let back =
        server.billing.clone().refund_payment(by("clerk", refund(pb::PaymentMethod::Unspecified))).await;
    let back = back.expect("on the code").into_inner().refund.expect("a refund");
    assert_eq!((back.state(), balance(&server, &code).await), (pb::RefundState::Succeeded, Some(eur(700))));
    every_law_holds(&server).await;
    server.stop().await;
});
