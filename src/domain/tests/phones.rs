//! A customer's phone number is parsed at the door; a decision parses it once, to say what it found.

use crate::domain::model::contact::PHONES_READ;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::OrderState;
use crate::domain::ordering::change::Correction;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{order, to_berlin};

fn with_phone(phone: &str) -> NewOrder {
    let mut new = order("ada", &[("A-1", 2)]);
    new.customer.phone = phone.to_owned();
    new.customer = new.customer.normalised(&new.shipping_address.country);
    new
}

#[test]
fn taking_an_order_in_parses_the_phone_number_once() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let new = with_phone("(212) 736-5000");
    PHONES_READ.set(0);
    let id = bench.placed(&new);
    assert_eq!(PHONES_READ.get(), 1, "the check of the contact");
    assert_eq!(bench.order(id).customer.phone, "+12127365000");
}

#[test]
fn a_phone_number_without_prefix_is_one_of_the_corrected_country() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut nowhere = with_phone("030 901820");
    nowhere.shipping_address.city.clear();
    let id = bench.placed(&nowhere);
    assert_eq!(bench.order(id).state, OrderState::Received);
    assert_eq!(bench.order(id).customer.phone, "030 901820", "no number of the United States");

    let berlin = to_berlin(order("ada", &[])).shipping_address;
    let correction = Correction { shipping_address: Some(berlin), ..Correction::default() };
    bench.on(id, |order, unit| order.correct(unit, &correction)).expect("nothing is reserved yet");
    assert_eq!(bench.order(id).customer.phone, "+4930901820");
}
