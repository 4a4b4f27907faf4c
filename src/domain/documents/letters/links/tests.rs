//! Tests of `links`.

use super::*;

use crate::domain::tests::sample::sample;

fn pattern(text: &str) -> LinkPattern {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why:?}"))
}

#[test]
fn a_link_names_the_order_and_the_parcel() {
    let (order, mut shipment) = sample();
    let links = Links {
        tracking: Some(pattern("https://shop.example/{order_number}?parcel={tracking_number}")),
        feedback: Some(pattern("https://shop.example/feedback/{order_id}")),
        review: None,
    };
    let tracking = links.tracking(&order, &shipment);
    assert_eq!(tracking.as_deref(), Some("https://shop.example/100042?parcel=CNK3F07XQ2M91TX"));
    let feedback = links.feedback(&order).expect("a link");
    assert!(feedback.starts_with("https://shop.example/feedback/ord_"), "{feedback}");
    assert_eq!(links.review(&order), None);
    shipment.label = None;
    assert_eq!(links.tracking(&order, &shipment), None, "there is no number to follow");
}

#[test]
fn only_a_link_with_a_place_for_it_has_the_token() {
    let (mut order, _) = sample();
    let with = |text: &str| Links { feedback: Some(pattern(text)), ..Links::default() };
    let links = with("https://shop.example/feedback#{feedback_token}");
    let token = links.feedback(&order).expect("a link").split_once('#').expect("a token").1.to_owned();
    let read: FeedbackToken = token.parse().expect("a token");
    assert_eq!(read, FeedbackToken::new(order.id, order.feedback.as_ref().expect("asked for").secret));

    let plain = with("https://shop.example/feedback/{order_number}").feedback(&order);
    assert_eq!(plain.as_deref(), Some("https://shop.example/feedback/100042"));
    order.feedback = None;
    assert_eq!(links.feedback(&order), None, "nothing is asked yet");
}

#[test]
fn what_is_put_into_a_link_cannot_leave_its_place() {
    assert_eq!(encoded("A1-b_.~"), "A1-b_.~");
    assert_eq!(encoded("a b/&?#%ü"), "a%20b%2F%26%3F%23%25%C3%BC");
}

#[test]
fn a_pattern_that_is_no_address_of_a_page_is_refused() {
    for wrong in [
        "",
        "shop.example/track",
        "javascript:alert(1)",
        "https://",
        "https://user:word@shop.example/",
        "https://{order_number}/",
        "https://shop.example/a b",
        "https://shop.example/{token}",
        "https://shop.example/{order_number",
        "https://shop.example/<x>",
        "https://shop.example/größe",
    ] {
        assert!(wrong.parse::<LinkPattern>().is_err(), "{wrong:?}");
    }
    assert!(format!("https://shop.example/{}", "x".repeat(500)).parse::<LinkPattern>().is_err());
}
