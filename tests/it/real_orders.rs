//! Orders as people send them, from 21 countries, over the wire: few are held.

use std::collections::BTreeSet;

use consign::pb::{self, HoldReason, OrderState, VerificationOutcome, VerificationRule};
use consign::settings::Settings;

use crate::server::on_both_engines;
use crate::shop::{create_order, draft, every_law_holds, stocked};

/// A note begins with `#`; the domain is shown the same orders.
const ORDERS: &str = include_str!("../real_orders.csv");

/// Country, phone number, street, city, state, postal code.
fn orders() -> impl Iterator<Item = [&'static str; 6]> {
    let rows = ORDERS.lines().filter(|it| !it.starts_with('#'));
    rows.map(|row| {
        let fields: Vec<&str> = row.split(';').collect();
        <[&str; 6]>::try_from(fields).expect("six fields")
    })
}

fn served_everywhere(settings: &mut Settings) {
    let countries: BTreeSet<String> = orders().map(|it| it[0].to_owned()).collect();
    let countries: Vec<String> = countries.into_iter().collect();
    settings.rules.regions = [("EUROPE".parse().expect("a region"), countries)].into();
}

on_both_engines!(few_of_the_orders_of_21_countries_are_held, served_everywhere, async |server| {
    stocked(&server, "R-1", 100).await;
    let (mut held, mut warned) = (Vec::new(), 0);
    for (number, [country, phone, street, city, state, postal_code]) in orders().enumerate() {
        let mut wish = draft(&format!("customer{number}"), "R-1", 1);
        let customer = wish.customer.as_mut().expect("a customer");
        (customer.email, customer.phone) = (String::new(), phone.to_owned());
        wish.shipping_address = Some(pb::Address {
            street: vec![street.to_owned()],
            city: city.to_owned(),
            state: state.to_owned(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
            ..Default::default()
        });
        let placed = create_order(&server, wish).await.expect("an order");
        warned += usize::from(!placed.warnings.is_empty());
        if placed.state() == OrderState::Invoiced {
            assert!(placed.holds.is_empty(), "{country} {postal_code}: {:?}", placed.holds);
            continue;
        }
        let failed = placed.verification.iter().filter(|it| it.outcome() == VerificationOutcome::Failed);
        let failed: Vec<_> = failed.map(pb::VerificationResult::rule).collect();
        let why: Vec<_> = placed.holds.iter().map(pb::Hold::reason).collect();
        held.push((country, postal_code, failed, why));
    }
    let expected = ("PT", "1756", vec![VerificationRule::Address], vec![HoldReason::VerificationFailed]);
    assert_eq!(held, [expected]);
    assert!((15..=40).contains(&warned), "{warned} of 44");
    every_law_holds(&server).await;
    server.stop().await;
});
