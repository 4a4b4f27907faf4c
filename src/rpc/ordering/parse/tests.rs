//! Tests of `parse`.

use tonic::Request;

use crate::domain::{Correction, CreateOrder, OnShortage, Problems, ServiceLevel};
use crate::pb;
use crate::rpc::identity::Call;
use crate::rpc::ordering::parse::{OrderKey, UPDATABLE, correction, create_order, get_order};

fn address_of(country: &str) -> pb::Address {
    pb::Address {
        street: vec!["1 Main Street".to_owned()],
        city: "Newark".to_owned(),
        state: "NJ".to_owned(),
        postal_code: "07102".to_owned(),
        country: country.to_owned(),
        ..pb::Address::default()
    }
}

fn draft() -> pb::OrderDraft {
    pb::OrderDraft {
        channel: pb::Channel::Online.into(),
        customer: Some(pb::Customer {
            name: "Ada Byron".to_owned(),
            email: "ada@example.com".to_owned(),
            ..pb::Customer::default()
        }),
        shipping_address: Some(address_of("US")),
        lines: vec![pb::OrderLineDraft {
            sku: "MUG-1".to_owned(),
            quantity: 2,
            ..pb::OrderLineDraft::default()
        }],
        currency: "USD".to_owned(),
        ..pb::OrderDraft::default()
    }
}

fn money_of(currency: &str, units: i64, nanos: i32) -> Option<pb::Money> {
    Some(pb::Money { currency_code: currency.to_owned(), units, nanos })
}

fn bad_fields(order: pb::OrderDraft, request_id: &str) -> Vec<String> {
    let request = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(order),
        request_id: request_id.to_owned(),
        validate_only: false,
    };
    let mut bad = Problems::default();
    Call::of(&mut Request::new(request.clone()), &mut bad);
    create_order(request, &mut bad);
    let mut fields: Vec<String> = bad.0.into_iter().map(|it| it.field).collect();
    fields.sort();
    fields
}

#[test]
fn an_order_of_the_least_that_is_needed_is_read() {
    let request = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order: Some(draft()),
        request_id: String::new(),
        validate_only: false,
    };
    let mut bad = Problems::default();
    let CreateOrder { new: order, cart: _ } = create_order(request, &mut bad).expect("a good order");
    assert!(bad.0.is_empty());
    assert_eq!((order.service, order.on_shortage), (ServiceLevel::Standard, OnShortage::Refuse));
    assert_eq!((order.lines[0].sku.as_str(), order.lines[0].quantity), ("MUG-1", 2));
}

#[test]
fn every_bad_field_of_an_order_is_named_at_once_by_its_path() {
    let line = |sku: &str, quantity| pb::OrderLineDraft {
        sku: sku.to_owned(),
        quantity,
        ..pb::OrderLineDraft::default()
    };
    let order = pb::OrderDraft {
        channel: 99,
        external_reference: "4711\n".to_owned(),
        customer: Some(pb::Customer { phone: "1".repeat(41), ..pb::Customer::default() }),
        shipping_address: Some(pb::Address {
            street: vec!["a".to_owned(), "b\u{7}c".to_owned()],
            ..address_of("Germany")
        }),
        billing_address: Some(pb::Address { postal_code: "0".repeat(21), ..address_of("DE") }),
        lines: vec![
            line("MUG-1", 0),
            line("white space", 1_000_001),
            pb::OrderLineDraft {
                unit_price: money_of("USD", -1, 0),
                discount: Some(pb::Discount { value: Some(pb::discount::Value::RatePpm(0)) }),
                description: "\u{7}".to_owned(),
                ..line("MUG-2", 1)
            },
            pb::OrderLineDraft { discount: Some(pb::Discount { value: None }), ..line("MUG-3", 1) },
        ],
        currency: "usd".to_owned(),
        special_instructions: "x".repeat(1_001),
        shipping_service: 9,
        on_shortage: -1,
        allocation_strategy: 9,
        requested_delivery_time: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        discount: Some(pb::Discount {
            value: Some(pb::discount::Value::Amount(money_of("USD", 1, 1).expect("money"))),
        }),
        discount_code: "y".repeat(51),
        shipping_fee: money_of("USD", 1, -1),
        prices_include_tax: false,
        reservation_lifetime: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
        on_late: 9,
        labels: [("Team".to_owned(), String::new())].into(),
        wait_until: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        customer_id: "c-7".to_owned(),
    };
    assert_eq!(
        bad_fields(order, "short"),
        [
            "order.allocation_strategy",
            "order.billing_address.postal_code",
            "order.channel",
            "order.currency",
            "order.customer.name",
            "order.customer.phone",
            "order.customer_id",
            "order.discount.amount.nanos",
            "order.discount_code",
            "order.external_reference",
            "order.labels",
            "order.lines[0].quantity",
            "order.lines[1].quantity",
            "order.lines[1].sku",
            "order.lines[2].description",
            "order.lines[2].discount.rate_ppm",
            "order.lines[2].unit_price",
            "order.lines[3].discount",
            "order.on_late",
            "order.on_shortage",
            "order.requested_delivery_time",
            "order.reservation_lifetime",
            "order.shipping_address.country",
            "order.shipping_address.street[1]",
            "order.shipping_fee.nanos",
            "order.shipping_service",
            "order.special_instructions",
            "order.wait_until",
            "request_id",
        ]
    );
}

#[test]
fn an_order_may_name_articles_references_and_accounts_but_no_card_in_what_is_written_freely() {
    let with = |instructions: &str| pb::OrderDraft {
        external_reference: "4111-1111-1111-1111".to_owned(),
        lines: vec![pb::OrderLineDraft {
            description: "Mug, EAN 4001234500027, order 5555555555554444".to_owned(),
            ..draft().lines.remove(0)
        }],
        special_instructions: instructions.to_owned(),
        ..draft()
    };
    for fine in ["", "EAN 4001234500027", "ref 112-3640021-5936259", "IBAN DE89 3704 0044 0532 0130 00"] {
        assert_eq!(bad_fields(with(fine), ""), Vec::<String>::new(), "{fine}");
    }
    for card in ["4242424242424242", "my card is 4242 4242 4242 4242, 12/29", "3782-822463-10005"] {
        assert_eq!(bad_fields(with(card), ""), ["order.special_instructions"], "{card}");
    }
}

#[test]
fn what_is_required_is_named_when_it_is_missing() {
    assert_eq!(
        bad_fields(pb::OrderDraft::default(), ""),
        ["order.channel", "order.currency", "order.customer", "order.lines", "order.shipping_address",]
    );
}

#[test]
fn amounts_are_in_the_currency_of_the_order() {
    let amount = pb::discount::Value::Amount(money_of("EUR", 1, 0).expect("money"));
    let order = pb::OrderDraft {
        discount: Some(pb::Discount { value: Some(amount) }),
        shipping_fee: money_of("EUR", 1, 0),
        ..draft()
    };
    assert_eq!(bad_fields(order, ""), ["order.discount.amount", "order.shipping_fee"]);
}

#[test]
fn an_update_takes_the_fields_of_its_mask_and_no_others() {
    let update = |paths: &[&str], order: pb::OrderDraft| {
        let mut bad = Problems::default();
        let mask = prost_types::FieldMask { paths: paths.iter().map(|it| (*it).to_owned()).collect() };
        let named = crate::rpc::parse::paths(Some(mask), &UPDATABLE, &mut bad).expect("some are named");
        (correction(&named, order, &mut bad).0, bad.0)
    };
    let order = pb::OrderDraft { special_instructions: "ring twice".to_owned(), ..draft() };
    let (read, bad) = update(&["special_instructions", "billing_address"], order.clone());
    let expected = Correction {
        special_instructions: Some("ring twice".to_owned()),
        billing_address: Some(None),
        ..Correction::default()
    };
    assert_eq!((read, bad), (expected, Vec::new()));

    let (_, bad) = update(&["channel", "customer.email"], order);
    assert_eq!(bad.iter().map(|it| it.field.as_str()).collect::<Vec<_>>(), ["update_mask", "update_mask"]);
}

#[test]
fn an_order_is_asked_for_by_id_or_number() {
    let get = |key| {
        let mut bad = Problems::default();
        (get_order(pb::GetOrderRequest { key, view: 0 }, &mut bad).map(|it| it.0), bad.0.len())
    };
    assert_eq!(get(None), (None, 1));
    assert_eq!(
        get(Some(pb::get_order_request::Key::Number("100042".to_owned()))),
        (Some(OrderKey::Number(100_042)), 0)
    );
    for wrong in ["-1", "+100042", " 100042", "100_042", "1e5", "0", "", "١٠٠", "9223372036854775808"] {
        assert_eq!(get(Some(pb::get_order_request::Key::Number(wrong.to_owned()))), (None, 1), "{wrong}");
    }
    assert_eq!(get(Some(pb::get_order_request::Key::OrderId("shp_1".to_owned()))), (None, 1));
}
