//! Whom letters greet, who signs them, and who carries what they tell of.

use super::*;

use proptest::prelude::*;

#[test]
fn a_letter_is_signed_by_the_company_that_writes() {
    let rules = Rules { company_name: "North Wind\nLtd.".to_owned(), ..Rules::default() };
    for kind in MessageKind::ALL {
        let text = Letters::default().text(&message(*kind), &order(), &rules, &CourierNames::new());
        let body = text.expect("written").body;
        assert!(body.ends_with("\n\nKind regards\nNorth Wind Ltd.\n"), "{body}");
    }
}

#[test]
fn a_letter_about_a_parcel_says_who_carries_it() {
    for kind in [
        MessageKind::Shipped,
        MessageKind::OutForDelivery,
        MessageKind::DeliveryDelayed,
        MessageKind::DeliveryException,
        MessageKind::DeliveryAttempted,
        MessageKind::ReadyForPickup,
        MessageKind::LocationChanged,
    ] {
        has(kind, &order(), &["CNK3F07XQ2M91TX\n- Carried by: Falcon Air\n"]);
    }
    let (letters, message) = (Letters::default(), message(MessageKind::Shipped));
    let unknown = letters.text(&message, &order(), &Rules::default(), &CourierNames::new());
    assert!(unknown.expect("written").body.contains("Carried by: FALCON\n"));
}

proptest! {
    #[test]
    fn no_name_leaves_a_gap_or_a_second_line(name in "[ \\t\\n\\ra-z{}%^.,]{0,12}") {
        let mut order = order();
        order.customer.name = name;
        let body = written(MessageKind::OrderReceived, &order).body;
        let first = body.lines().next().unwrap_or_default();
        let is_named = first.starts_with("Dear ") && first.len() > "Dear ,".len();
        prop_assert!(first == "Hello," || is_named, "{:?}", first);
        prop_assert_eq!(body.lines().nth(1), Some(""));
        prop_assert!(!body.contains("&#"), "{}", body);
    }
}
