//! Discount codes over the wire: made, listed, redeemed, given back, and offered with a delivery.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::mail::MovedClock;
use crate::server::{Clients, Engine, TestServer, connect, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, eur, every_law_holds, in_seconds, order, pay_by_card, reason,
    stocked,
};
use crate::warehouse::Warehouse;

/// Ten percent off, for everybody, always.
fn ten_off(code: &str) -> pb::DiscountCode {
    let value = Some(pb::discount::Value::RatePpm(100_000));
    pb::DiscountCode { code: code.to_owned(), discount: Some(pb::Discount { value }), ..Default::default() }
}

fn voucher(code: &str, minor: i64) -> pb::DiscountCode {
    let value = Some(pb::discount::Value::Amount(eur(minor)));
    pb::DiscountCode { discount: Some(pb::Discount { value }), ..ten_off(code) }
}

async fn create(
    server: &Clients,
    code: pb::DiscountCode,
    request_id: &str,
) -> Result<pb::DiscountCode, Status> {
    let request = pb::CreateDiscountCodeRequest {
        discount_code: Some(code),
        request_id: request_id.to_owned(),
        validate_only: false,
    };
    let answer = server.discounts.clone().create_discount_code(by("marketing", request)).await?;
    Ok(answer.into_inner().discount_code.expect("a code"))
}

pub(crate) async fn issue(server: &Clients, code: pb::DiscountCode) -> pb::DiscountCode {
    create(server, code, "").await.expect("a new code")
}

pub(crate) async fn issue_for_one_order(server: &Clients, code: &str) {
    issue(server, pb::DiscountCode { uses_max: 1, ..ten_off(code) }).await;
}

pub(crate) async fn discount_code(server: &Clients, code: &str) -> pb::DiscountCode {
    let request = pb::GetDiscountCodeRequest { code: code.to_owned() };
    let answer = server.discounts.clone().get_discount_code(request).await.expect("the code is there");
    answer.into_inner().discount_code.expect("a code")
}

async fn listed(server: &Clients, filter: &str) -> Vec<String> {
    let request = pb::ListDiscountCodesRequest { filter: filter.to_owned(), ..Default::default() };
    let answer = server.discounts.clone().list_discount_codes(request).await.expect(filter);
    answer.into_inner().discount_codes.into_iter().map(|it| it.code).collect()
}

async fn cancel(server: &Clients, id: &str) {
    let request = pb::CancelOrderRequest {
        order_id: id.to_owned(),
        reason: "changed her mind".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("support", request)).await.expect("cancelled");
}

fn with(draft: pb::OrderDraft, code: &str) -> pb::OrderDraft {
    pb::OrderDraft { discount_code: code.to_owned(), ..draft }
}

/// Bad fields with what is wrong with them.
fn violations(status: &Status) -> Vec<(String, String)> {
    let bad = status.get_details_bad_request().expect("a bad request");
    bad.field_violations.into_iter().map(|it| (it.field, it.description)).collect()
}

on_both_engines!(a_code_is_made_once_listed_taken_out_of_use_and_put_back, async |server| {
    let asked = pb::DiscountCode {
        start_time: Some(in_seconds(-60)),
        end_time: Some(in_seconds(3_600)),
        minimums: vec![eur(2_000)],
        uses_max: 5,
        uses_per_customer_max: 2,
        description: "the newsletter of spring".to_owned(),
        ..voucher("Spring-10", 1_000)
    };
    let made = create(&server, asked.clone(), "request-1").await.expect("a new code");
    let expected = pb::DiscountCode {
        code: "SPRING-10".to_owned(),
        active: true,
        create_time: made.create_time,
        update_time: made.create_time,
        etag: made.etag.clone(),
        ..asked.clone()
    };
    assert_eq!(made, expected);
    assert_eq!(create(&server, asked.clone(), "request-1").await.expect("the stored answer"), made);
    let twice = create(&server, asked, "request-2").await.expect_err("there is one");
    assert_eq!((twice.code(), reason(&twice)), (Code::AlreadyExists, "DUPLICATE".to_owned()));
    assert_eq!(discount_code(&server, "spring–10").await, made);

    for code in ["SPRING-20", "AUTUMN", "скидка"] {
        issue(&server, ten_off(code)).await;
    }
    assert_eq!(listed(&server, "").await, ["AUTUMN", "SPRING-10", "SPRING-20", "СКИДКА"]);
    assert_eq!(listed(&server, "code_prefix = spring").await, ["SPRING-10", "SPRING-20"]);
    assert_eq!(listed(&server, "code_prefix = ски AND offered = false").await, ["СКИДКА"]);

    let (code, etag) = ("SPRING-10".to_owned(), made.etag.clone());
    let request = pb::DeactivateDiscountCodeRequest { code, etag, ..Default::default() };
    let answer = server.discounts.clone().deactivate_discount_code(by("marketing", request.clone())).await;
    let off = answer.expect("out of use").into_inner().discount_code.expect("a code");
    assert!(!off.active && off.etag != made.etag);
    let stale = server.discounts.clone().deactivate_discount_code(by("marketing", request)).await;
    let stale = stale.expect_err("another version");
    assert_eq!((stale.code(), reason(&stale)), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    assert_eq!(listed(&server, "active = false").await, ["SPRING-10"]);
    assert_eq!(listed(&server, "active = true AND code_prefix = SP").await, ["SPRING-20"]);
    let request = pb::ReactivateDiscountCodeRequest { code: "spring-10".to_owned(), ..Default::default() };
    let answer = server.discounts.clone().reactivate_discount_code(by("marketing", request)).await;
    assert!(answer.expect("back in use").into_inner().discount_code.expect("a code").active);

    let request = pb::GetDiscountCodeRequest { code: "NOBODY".to_owned() };
    let none = server.discounts.clone().get_discount_code(request).await.expect_err("no such code");
    assert_eq!((none.code(), reason(&none)), (Code::NotFound, "NOT_FOUND".to_owned()));
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(every_bad_field_of_a_code_is_named_at_once, async |server| {
    let dollars = pb::Money { currency_code: "USD".to_owned(), units: 5, nanos: 0 };
    let bad = pb::DiscountCode {
        code: "SPRING 10".to_owned(),
        start_time: Some(in_seconds(60)),
        end_time: Some(in_seconds(60)),
        minimums: vec![eur(100), eur(200), dollars, eur(0)],
        uses_max: -1,
        uses_per_customer_max: 1_000_000_001,
        description: "x".repeat(501),
        ..voucher("", 500)
    };
    let refused = create(&server, bad, "").await.expect_err("nothing of it is right");
    let fields: Vec<String> = violations(&refused).into_iter().map(|it| it.0).collect();
    assert_eq!(
        fields,
        [
            "discount_code.code",
            "discount_code.end_time",
            "discount_code.minimums[1]",
            "discount_code.minimums[2]",
            "discount_code.minimums[3]",
            "discount_code.minimums[3]",
            "discount_code.uses_max",
            "discount_code.uses_per_customer_max",
            "discount_code.description",
        ]
    );
    let nothing = pb::DiscountCode { code: "FREE".to_owned(), ..Default::default() };
    let refused = create(&server, nothing, "").await.expect_err("it gives nothing");
    assert_eq!(violations(&refused)[0].0, "discount_code.discount");
    server.stop().await;
});

on_both_engines!(a_code_that_nobody_issued_or_that_is_spent_is_refused_by_name, async |server| {
    stocked(&server, "D-1", 20).await;
    let refused =
        create_order(&server, with(draft("ann", "D-1", 1), "Spring10")).await.expect_err("nobody's");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "DISCOUNT_CODE_UNKNOWN")
    );
    let told = [("order.discount_code".to_owned(), "there is no discount code SPRING10".to_owned())];
    assert_eq!(violations(&refused), told);
    let two_things =
        create_order(&server, with(draft("ann", "NOTHING", 1), "SPRING10")).await.expect_err("both");
    assert_eq!(
        (two_things.code(), reason(&two_things).as_str()),
        (Code::InvalidArgument, "DISCOUNT_CODE_UNKNOWN")
    );
    let fields: Vec<String> = violations(&two_things).into_iter().map(|it| it.0).collect();
    assert_eq!(fields, ["order.lines[0].sku", "order.discount_code"]);

    issue_for_one_order(&server, "SPRING10").await;
    let value = Some(pb::discount::Value::RatePpm(1));
    let twice =
        pb::OrderDraft { discount: Some(pb::Discount { value }), ..with(draft("ann", "D-1", 1), "SPRING10") };
    let refused = create_order(&server, twice).await.expect_err("two discounts");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert_eq!(violations(&refused)[0].0, "order.discount_code");

    let placed = create_order(&server, with(draft("ann", "D-1", 1), "spring10")).await.expect("redeemed");
    assert_eq!(placed.discount_code, "SPRING10");
    assert_eq!(placed.discount, ten_off("").discount);
    assert_eq!(placed.lines[0].order_discount_share, Some(eur(199)));
    let again =
        create_order(&server, with(draft("ben", "D-1", 1), "SPRING10")).await.expect_err("it is spent");
    assert_eq!(reason(&again), "DISCOUNT_CODE_USED_UP");
    assert_eq!(violations(&again)[0].1, "discount code SPRING10 is used up: 1 of 1 use");

    cancel(&server, &placed.id).await;
    let counted = discount_code(&server, "SPRING10").await;
    assert_eq!((counted.redeemed_count, counted.given_back_count), (1, 1));
    let next = create_order(&server, with(draft("ben", "D-1", 1), "SPRING10")).await.expect("given back");
    cancel(&server, &next.id).await;
    cancel_twice(&server, &next.id).await;
    let counted = discount_code(&server, "SPRING10").await;
    assert_eq!((counted.redeemed_count, counted.given_back_count), (2, 2));
    every_law_holds(&server).await;
    server.stop().await;
});

async fn cancel_twice(server: &TestServer, id: &str) {
    let (order_id, reason_given) = (id.to_owned(), "once more".to_owned());
    let request = pb::CancelOrderRequest { order_id, reason: reason_given, ..Default::default() };
    let again = server.orders.clone().cancel_order(by("support", request)).await.expect_err("it is over");
    assert_eq!(reason(&again), "ILLEGAL_TRANSITION");
}

on_both_engines!(a_voucher_takes_what_is_there_and_its_terms_stay_with_the_order, async |server| {
    stocked(&server, "D-1", 20).await;
    issue(&server, pb::DiscountCode { minimums: vec![eur(1_900)], ..voucher("GIFT", 2_500) }).await;
    let mut held = with(draft("ann", "D-1", 1), "GIFT");
    held.shipping_address.as_mut().expect("an address").postal_code = "1".to_owned();
    let placed = create_order(&server, held).await.expect("an order on hold");
    let given = |minor| Some(pb::Discount { value: Some(pb::discount::Value::Amount(eur(minor))) });
    assert_eq!(placed.discount, given(1_990));

    let request = pb::DeactivateDiscountCodeRequest { code: "GIFT".to_owned(), ..Default::default() };
    server.discounts.clone().deactivate_discount_code(by("marketing", request)).await.expect("out of use");
    let update = async |line: pb::OrderLineDraft| {
        let request = pb::UpdateOrderRequest {
            order_id: placed.id.clone(),
            order: Some(pb::OrderDraft { lines: vec![line], ..draft("ann", "D-1", 1) }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["lines".to_owned()] }),
            ..Default::default()
        };
        server.orders.clone().update_order(by("support", request)).await
    };
    let line = |quantity| draft("ann", "D-1", quantity).lines.remove(0);
    update(line(2)).await.expect("more goods");
    assert_eq!(order(&server, &placed.id).await.discount, given(2_500));
    let cheap = pb::OrderLineDraft { unit_price: Some(eur(1_899)), ..line(1) };
    let refused = update(cheap).await.expect_err("below what the code asks for");
    assert_eq!(reason(&refused), "DISCOUNT_CODE_BELOW_MINIMUM");
    assert!(
        refused.message().contains("discount code GIFT needs goods worth at least EUR 19.00"),
        "{refused:?}"
    );
    let refused = create_order(&server, with(draft("ben", "D-1", 1), "GIFT")).await.expect_err("out of use");
    assert_eq!(reason(&refused), "DISCOUNT_CODE_INACTIVE");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(the_code_of_a_delivery_letter_is_redeemed_in_the_next_order, async |server| {
    stocked(&server, "D-1", 20).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, draft("ann", "D-1", 1)).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    warehouse.deliver_all(&placed.id).await;
    warehouse.until_quiet(&placed.id).await;
    let offer = order(&server, &placed.id).await.discount_offer.expect("an offer");
    let counted = discount_code(&server, &offer.code).await;
    assert_eq!((counted.offered_by_order_id.as_str(), counted.uses_max), (placed.id.as_str(), 1));
    assert_eq!(counted.discount.and_then(|it| it.value), Some(pb::discount::Value::RatePpm(offer.rate_ppm)));
    assert_eq!(listed(&server, "offered = true").await, std::slice::from_ref(&offer.code));
    assert_eq!(listed(&server, "offered = false").await, Vec::<String>::new());
    let last_day = offer.last_day_time.expect("a last day").seconds;
    assert_eq!(counted.end_time.expect("an end").seconds, last_day + 86_400);

    let request = pb::ListMessagesRequest {
        filter: format!("order_id = {} AND kind = DELIVERY_CONFIRMED", placed.id),
        ..Default::default()
    };
    let letters = server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages;
    let told = letters[0].body.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&format!("The code is {}, valid until ", offer.code)), "{told}");

    let next = create_order(&server, with(draft("ann", "D-1", 2), &offer.code)).await.expect("redeemed");
    assert_eq!(
        (next.discount_code, next.lines[0].order_discount_share.clone()),
        (offer.code.clone(), Some(eur(199)))
    );
    let again =
        create_order(&server, with(draft("ben", "D-1", 1), &offer.code)).await.expect_err("it is spent");
    assert_eq!(reason(&again), "DISCOUNT_CODE_USED_UP");
    every_law_holds(&server).await;
    server.stop().await;
});

const HOUR: i64 = 3_600;

/// Why this buyer's order cannot redeem the code, and what is said of it.
async fn refused(server: &Clients, buyer: &str, code: &str) -> (String, String) {
    let refused = create_order(server, with(draft(buyer, "D-1", 1), code)).await.expect_err(code);
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let [(field, told)] = &violations(&refused)[..] else { panic!("{refused:?}") };
    assert_eq!(field, "order.discount_code");
    (reason(&refused), told.clone())
}

async fn a_code_is_for_its_time_its_customer_and_its_currency(engine: Engine) {
    let Some(clock) = MovedClock::set(engine).await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let server = clock.serve_with(folder.path(), |_| {}).await;
    let clients = Clients::over(connect(&server).await);
    stocked(&clients, "D-1", 50).await;
    let window = pb::DiscountCode {
        start_time: Some(in_seconds(HOUR)),
        end_time: Some(in_seconds(3 * HOUR)),
        ..ten_off("NOON")
    };
    issue(&clients, window).await;
    issue(&clients, pb::DiscountCode { uses_per_customer_max: 1, ..ten_off("EACH") }).await;
    let dollars = pb::Money { currency_code: "USD".to_owned(), units: 5, nanos: 0 };
    let value = Some(pb::discount::Value::Amount(dollars.clone()));
    issue(&clients, pb::DiscountCode { discount: Some(pb::Discount { value }), ..ten_off("FIVE-OFF") }).await;
    issue(&clients, pb::DiscountCode { minimums: vec![dollars], ..ten_off("US-SHOP") }).await;

    for code in ["FIVE-OFF", "US-SHOP"] {
        let told = format!("discount code {code} is for orders in USD, and this one is in EUR");
        assert_eq!(refused(&clients, "ann", code).await, ("DISCOUNT_CODE_OTHER_CURRENCY".to_owned(), told));
    }

    let first = create_order(&clients, with(draft("ann", "D-1", 1), "EACH")).await.expect("redeemed");
    let spent = "discount code EACH is used up for this customer: 1 of 1 use";
    for again in ["ann", "ANN"] {
        let told = refused(&clients, again, "EACH").await;
        assert_eq!(told, ("DISCOUNT_CODE_USED_BY_CUSTOMER".to_owned(), spent.to_owned()), "{again}");
    }
    create_order(&clients, with(draft("ben", "D-1", 1), "EACH")).await.expect("another customer");
    cancel(&clients, &first.id).await;
    create_order(&clients, with(draft("ann", "D-1", 2), "EACH")).await.expect("given back");

    let (early, told) = refused(&clients, "cem", "NOON").await;
    assert_eq!(early, "DISCOUNT_CODE_NOT_BEGUN");
    assert!(told.starts_with("discount code NOON is valid from "), "{told}");
    clock.pass(2 * HOUR).await;
    let redeemed = create_order(&clients, with(draft("cem", "D-1", 1), "NOON")).await.expect("its time");
    assert_eq!(redeemed.lines[0].order_discount_share, Some(eur(199)));
    clock.pass(HOUR).await;
    let (late, told) = refused(&clients, "dan", "NOON").await;
    assert_eq!(late, "DISCOUNT_CODE_OVER");
    assert!(told.starts_with("discount code NOON was valid until "), "{told}");
    assert_eq!(discount_code(&clients, "NOON").await.redeemed_count, 1);
    every_law_holds(&clients).await;
    server.stop().await.expect("it stops");
}

mod a_code_is_for_its_time_its_customer_and_its_currency {
    use crate::server::Engine;

    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::a_code_is_for_its_time_its_customer_and_its_currency(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::a_code_is_for_its_time_its_customer_and_its_currency(Engine::Postgres).await;
    }
}
