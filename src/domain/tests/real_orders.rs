//! Orders as people send them, from 21 countries: few are held.

use crate::domain::model::address::Address;
use crate::domain::model::check::{Rule, Verdict};
use crate::domain::model::event::EventKind;
use crate::domain::model::order::OrderState;
use crate::domain::model::scalars::OnShortage;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::order;

/// A note begins with `#`; the wire is shown the same orders.
const ORDERS: &str = include_str!("../../../tests/real_orders.csv");

/// Country, phone number, street, city, state, postal code.
fn orders() -> impl Iterator<Item = [&'static str; 6]> {
    let rows = ORDERS.lines().filter(|it| !it.starts_with('#'));
    rows.map(|row| {
        let fields: Vec<&str> = row.split(';').collect();
        <[&str; 6]>::try_from(fields).expect("six fields")
    })
}

#[test]
fn few_of_the_orders_of_21_countries_are_held() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 500)]);
    let countries: std::collections::BTreeSet<&str> = orders().map(|it| it[0]).collect();
    assert_eq!((orders().count(), countries.len()), (44, 21));
    let served = countries.iter().map(|it| (*it).to_owned()).collect();
    bench.rules.regions = [("NORTH_AMERICA".parse().expect("a region code"), served)].into();

    let mut held = Vec::new();
    let mut warned = 0;
    for (number, [country, phone, street, city, area, code]) in orders().enumerate() {
        let mut new = order(&format!("customer{number}"), &[("A-1", 1)]);
        new.on_shortage = OnShortage::Wait;
        new.shipping_address = Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec![street.to_owned()],
            city: city.to_owned(),
            area: area.to_owned(),
            postal_code: code.to_owned(),
            country: country.to_owned(),
        }
        .normalised();
        new.customer.email.clear();
        new.customer.phone = phone.to_owned();
        new.customer = new.customer.normalised(country);
        let id = bench.placed(&new);
        if bench.state(id) == OrderState::Received {
            held.push((country, code));
        }
        warned += usize::from(bench.order(id).checks.iter().any(|it| it.verdict == Verdict::Warned));
    }
    assert_eq!(held, [("PT", "1756")]);
    assert!(
        (15..=40).contains(&warned),
        "{warned} of them have a phone number that no plan has, or no province"
    );
}

#[test]
fn a_warning_stands_in_the_order_and_in_its_history_and_stops_nothing() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.customer.phone = "call me".to_owned();
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Invoiced);
    let check = bench.order(id).checks.iter().find(|it| it.rule == Rule::ContactDetails).expect("a check");
    assert_eq!((check.verdict, check.faults[0].field.as_str()), (Verdict::Warned, "customer.phone"));
    let event = bench.history(id).iter().find(|it| it.kind == EventKind::VerificationWarned);
    assert_eq!(event.expect("an event").text, "warned: CONTACT_DETAILS");
}
