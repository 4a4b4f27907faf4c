//! Products, locations and couriers are corrected, taken out of use and put back; what was ordered goes on.

use std::time::Duration;

use crate::domain::catalogue::location::{DeactivateLocation, ReactivateLocation, UpdateLocation};
use crate::domain::catalogue::product::{DeactivateProduct, ReactivateProduct, UpdateProduct};
use crate::domain::couriers::courier::{DeactivateCourier, ReactivateCourier, UpdateCourier};
use crate::domain::inventory::availability::{CheckAvailability, Destination, Inquiry};
use crate::domain::inventory::replenish::{ReorderRule, set_reorder_rule};
use crate::domain::inventory::reserve_for_others::reserve_stock;
use crate::domain::model::courier::{Courier, CourierChange};
use crate::domain::model::in_use::{IfInUse, USES_MAX, Use, Uses};
use crate::domain::model::location::LocationChange;
use crate::domain::model::order::OrderState;
use crate::domain::model::product::{Price, Product, ProductChange};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, ServiceLevel};
use crate::domain::ordering::change::Correction;
use crate::domain::tests::bench::{Bench, others, refused_fields};
use crate::domain::tests::given::{location_code, order, reason, sku, usd, waiting};
use crate::domain::unit::command::Command;

const LATEST: String = String::new();

const RULE: ReorderRule = ReorderRule { point: 5, up_to: None, lead_time_days: None };

fn code(text: &str) -> CourierCode {
    text.parse().expect("a courier's code")
}

fn change_product(bench: &mut Bench, of: &str, changes: Vec<ProductChange>) -> Result<Product, Refusal> {
    bench.decide(|unit| UpdateProduct { sku: sku(of), changes, etag: LATEST }.decide(unit))
}

fn stop_product(bench: &mut Bench, of: &str, if_in_use: IfInUse) -> Result<(Product, Uses), Refusal> {
    bench.decide(|unit| DeactivateProduct { sku: sku(of), if_in_use, etag: LATEST }.decide(unit))
}

fn stop_location(bench: &mut Bench, of: &str, if_in_use: IfInUse) -> Result<Uses, Refusal> {
    let command = DeactivateLocation { code: location_code(of), if_in_use, etag: LATEST };
    bench.decide(|unit| command.decide(unit)).map(|it| it.1)
}

fn stop_courier(bench: &mut Bench, of: &str, if_in_use: IfInUse) -> Result<(Courier, Uses), Refusal> {
    bench.decide(|unit| DeactivateCourier { code: code(of), if_in_use, etag: LATEST }.decide(unit))
}

fn told(uses: &Uses) -> Vec<String> {
    uses.told.iter().map(ToString::to_string).collect()
}

// Corrections.

#[test]
fn a_corrected_product_counts_for_new_orders_and_leaves_placed_ones_alone() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let placed = bench.placed(&order("ada", &[("A-1", 1)]));
    bench.pass(60);
    let changes = vec![
        ProductChange::Name("A better thing".to_owned()),
        ProductChange::UnitPrice(Some(usd(1_500))),
        ProductChange::TaxCategory("BOOKS".to_owned()),
        ProductChange::WeightGrams(350),
    ];
    let changed = change_product(&mut bench, "A-1", changes.clone()).expect("corrected");
    assert_eq!((changed.version, changed.updated_at), (2, bench.now));
    assert_eq!((changed.created_at < bench.now, changed.weight_grams), (true, 350));

    let later = bench.placed(&order("bob", &[("A-1", 1)]));
    let line = |id| &bench.order(id).lines[0];
    assert_eq!((line(placed).unit_price_minor, line(placed).description.as_str()), (1_000, "Thing A-1"));
    assert_eq!((line(placed).weight_grams, line(placed).tax_category.as_str()), (300, "STANDARD"));
    assert_eq!((line(later).unit_price_minor, line(later).description.as_str()), (1_500, "A better thing"));
    assert_eq!((line(later).weight_grams, line(later).tax_category.as_str()), (350, "BOOKS"));

    // What is so already changes nothing, and the etag with it.
    assert_eq!(change_product(&mut bench, "A-1", changes), Ok(changed));
}

#[test]
fn a_correction_of_what_others_changed_or_nobody_has_is_refused() {
    let mut bench = Bench::with_stock(&[]);
    let rename = |etag: &str| UpdateProduct {
        sku: sku("A-1"),
        changes: vec![ProductChange::Name(etag.to_owned())],
        etag: etag.to_owned(),
    };
    assert!(bench.decide(|unit| rename("v1").decide(unit)).is_ok());
    let stale = bench.decide(|unit| rename("v1").decide(unit));
    assert_eq!(stale, Err(Refusal::StaleEtag { current: "v2".to_owned() }));
    assert!(matches!(change_product(&mut bench, "NONE", Vec::new()), Err(Refusal::NotFound { .. })));
    assert!(matches!(stop_product(&mut bench, "NONE", IfInUse::GoOn), Err(Refusal::NotFound { .. })));
}

#[test]
fn a_location_serves_where_the_correction_says() {
    let mut bench = Bench::with_stock(&[("A-1", "BER", 5)]);
    assert!(bench.create_order(&order("ada", &[("A-1", 1)])).is_err());
    let to = |region: &str| UpdateLocation {
        code: location_code("BER"),
        changes: vec![LocationChange::Region(region.parse().expect("a region"))],
        etag: LATEST,
    };
    let unknown = bench.decide(|unit| to("MOON").decide(unit));
    assert_eq!(refused_fields(unknown), ["stock_location.region"]);
    let moved = bench.decide(|unit| to("NORTH_AMERICA").decide(unit)).expect("corrected");
    assert_eq!(moved.version, 2);
    assert!(bench.create_order(&order("ada", &[("A-1", 1)])).is_ok());
}

#[test]
fn a_courier_charges_what_the_correction_says() {
    let mut bench = Bench::with_stock(&[]);
    let mut rates = bench.snapshot.couriers[&code("SNAIL")].rates.clone();
    rates[0].base_minor += 1;
    let to = |rates| UpdateCourier {
        code: code("SNAIL"),
        changes: vec![CourierChange::Rates(rates), CourierChange::Name("Slow but sure".to_owned())],
        etag: LATEST,
    };
    let changed = bench.decide(|unit| to(rates.clone()).decide(unit)).expect("corrected");
    assert_eq!((changed.rates, changed.name.as_str(), changed.version), (rates, "Slow but sure", 2));
}

#[test]
fn an_order_takes_the_price_that_is_valid_when_it_is_received_and_keeps_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 99)]);
    let begins = bench.now.plus(Duration::from_secs(3_600));
    let prices = vec![Price { price: usd(1_200), valid_from: Some(begins) }];
    change_product(&mut bench, "A-1", vec![ProductChange::Prices(prices)]).expect("corrected");
    let minor = |bench: &Bench, id| bench.order(id).lines[0].unit_price_minor;

    let mut held = order("ada", &[("A-1", 1)]);
    held.shipping_address.city = String::new();
    let first = bench.placed(&held);
    bench.pass(3_599);
    let second = bench.placed(&order("bob", &[("A-1", 1)]));
    bench.pass(1);
    let third = bench.placed(&order("eve", &[("A-1", 1)]));
    assert_eq!([first, second, third].map(|it| minor(&bench, it)), [1_000, 1_000, 1_200]);

    // A correction of what was ordered before is at the price of that time.
    let two = Correction { lines: Some(order("ada", &[("A-1", 2)]).lines), ..Correction::default() };
    bench.on(first, |order, unit| order.correct(unit, &two)).expect("corrected");
    assert_eq!(minor(&bench, first), 1_000);
}

#[test]
fn a_price_is_asked_for_in_the_currency_of_the_order() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 99)]);
    let mut new = order("ada", &[("A-1", 1)]);
    new.currency = "EUR".parse().expect("a currency");
    let Err(Refusal::Invalid(problems)) = bench.create_order(&new) else { panic!("it has no price in EUR") };
    let [problem] = &problems.0[..] else { panic!("one problem: {problems:?}") };
    assert_eq!(problem.field, "lines[0].unit_price");
    assert_eq!(problem.message, "is required: the product has no list price in EUR");

    let prices = vec![Price { price: new.currency.of(930), valid_from: None }];
    change_product(&mut bench, "A-1", vec![ProductChange::Prices(prices.clone())]).expect("corrected");
    let id = bench.placed(&new);
    assert_eq!(bench.order(id).lines[0].unit_price_minor, 930);

    let twice = ProductChange::Prices([prices.clone(), prices].concat());
    assert_eq!(refused_fields(change_product(&mut bench, "A-1", vec![twice])), ["product.prices[1]"]);
}

#[test]
fn dangerous_goods_go_with_those_who_take_them() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    change_product(&mut bench, "A-1", vec![ProductChange::Dangerous(true)]).expect("corrected");
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    // Those that were ordered before the mark was set stay as they were.
    change_product(&mut bench, "A-1", vec![ProductChange::Dangerous(false)]).expect("corrected");
    bench.label(id, 0);
    let shipment = bench.shipment(id, 0).id;
    assert!(bench.shipment(id, 0).items[0].handling.dangerous);
    let refused =
        bench.on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()));
    let Err(Refusal::Unmet { reason: Reason::NoCourier, message, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("takes no dangerous goods"), "{message}");

    let takes = UpdateCourier {
        code: code("ROCKET"),
        changes: vec![CourierChange::TakesDangerousGoods(true)],
        etag: LATEST,
    };
    bench.decide(|unit| takes.decide(unit)).expect("corrected");
    bench
        .on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
        .expect("one that takes them");
    let assigned = bench.shipment(id, 0).assignment.clone().expect("a courier");
    assert_eq!(assigned.courier, code("ROCKET"));
}

// Out of use.

#[test]
fn a_product_in_use_is_taken_out_of_it_only_on_purpose() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3)]);
    bench.placed(&order("ada", &[("A-1", 2)]));
    bench.placed(&waiting(order("bob", &[("A-1", 7)])));
    bench
        .decide(|unit| set_reorder_rule(unit, &sku("A-1"), &location_code("NYC"), Some(RULE), ""))
        .expect("a rule");

    let Err(Refusal::InUse { what, uses }) = stop_product(&mut bench, "A-1", IfInUse::Refuse) else {
        panic!("it is in use");
    };
    assert_eq!(what, "A-1");
    let [waits, stock, bought] = told(&uses).try_into().expect("three uses");
    assert_eq!(waits, "orders in NORTH_AMERICA wait for 7 units of A-1");
    assert_eq!(stock, "3 units of A-1 at NYC, 2 of them reserved");
    assert!(bought.starts_with("rpl_") && bought.ends_with(" of A-1 for NYC is open"), "{bought}");
    assert!(bench.snapshot.products[&sku("A-1")].active);

    let (product, left) = stop_product(&mut bench, "A-1", IfInUse::GoOn).expect("on purpose");
    assert_eq!((product.active, product.version, left), (false, 2, uses));
    assert_eq!(bench.level("A-1", "NYC").reorder_point, None, "it is not bought again");
    // Once more changes nothing.
    assert_eq!(stop_product(&mut bench, "A-1", IfInUse::Refuse).expect("it is so").0, product);

    // Unused, it goes at once.
    assert!(!stop_product(&mut bench, "C-3", IfInUse::Refuse).expect("nothing is open").0.active);
}

#[test]
fn a_product_out_of_use_is_sold_no_more_and_what_was_ordered_goes_on() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("B-2", "NYC", 3)]);
    let held = bench.placed(&order("held", &[("A-1", 1)]));
    let waits = bench.placed(&waiting(order("waits", &[("A-1", 4)])));
    stop_product(&mut bench, "A-1", IfInUse::GoOn).expect("on purpose");

    let refused = bench.create_order(&order("new", &[("B-2", 1), ("A-1", 1)]));
    let Err(Refusal::Unmet { message, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(message, "product A-1 is out of use; ReactivateProduct brings it back");
    assert_eq!(reason(refused), Reason::Inactive);
    assert_eq!(
        reason(bench.decide(|unit| reserve_stock(unit, &others(&[("A-1", 1)], 60)))),
        Reason::Inactive
    );
    let rule =
        bench.decide(|unit| set_reorder_rule(unit, &sku("A-1"), &location_code("NYC"), Some(RULE), ""));
    assert_eq!(reason(rule), Reason::Inactive);
    let inquiry = Inquiry {
        destination: Destination::Country("US".to_owned(), String::new()),
        lines: vec![(sku("A-1"), 1), (sku("B-2"), 1)],
        service: ServiceLevel::Standard,
        requested_by: None,
    };
    let outlook =
        bench.decide(|unit| CheckAvailability { inquiry: inquiry.clone() }.decide(unit)).expect("an answer");
    let [here] = &outlook.regions[..] else { panic!("one region: {outlook:?}") };
    let shortages: Vec<&str> = here.found.lines.iter().map(|it| it.shortage.as_str()).collect();
    assert_eq!((shortages, here.promise.is_some()), (vec!["out of use: it is not sold any more", ""], false));

    // Goods that were under way arrive, and who waits for them gets them; what is held is shipped.
    bench.stock("A-1", "NYC", 4);
    assert!(bench.fill(waits));
    bench.pay_cash(held);
    bench.prepare(held, 0);
    assert_eq!(bench.state(held), OrderState::Fulfilling);

    let back = ReactivateProduct { sku: sku("A-1"), etag: LATEST };
    assert!(bench.decide(|unit| back.decide(unit)).expect("back in use").active);
    bench.stock("A-1", "NYC", 1);
    assert!(bench.create_order(&order("new", &[("A-1", 1)])).is_ok());
}

#[test]
fn an_order_that_is_corrected_may_keep_what_went_out_of_use_but_not_add_it() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9), ("B-2", "NYC", 9)]);
    let mut new = order("ada", &[("A-1", 2)]);
    new.shipping_address.city = String::new();
    let id = bench.placed(&new);
    assert_eq!(bench.state(id), OrderState::Received);
    stop_product(&mut bench, "A-1", IfInUse::GoOn).expect("on purpose");
    stop_product(&mut bench, "B-2", IfInUse::GoOn).expect("on purpose");

    let lines = |lines: &[(&str, i64)]| Correction {
        lines: Some(order("ada", lines).lines),
        ..Correction::default()
    };
    assert!(bench.on(id, |order, unit| order.correct(unit, &lines(&[("A-1", 1)]))).is_ok());
    let added = bench.on(id, |order, unit| order.correct(unit, &lines(&[("A-1", 1), ("B-2", 1)])));
    assert_eq!(reason(added), Reason::Inactive);
}

#[test]
fn from_a_location_out_of_use_nothing_more_is_allocated() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 3), ("A-1", "LAX", 3)]);
    let here = bench.placed(&order("ada", &[("A-1", 1)]));
    let Err(Refusal::InUse { uses, .. }) = stop_location(&mut bench, "NYC", IfInUse::Refuse) else {
        panic!("it is in use");
    };
    assert_eq!(told(&uses), ["3 units of A-1 at NYC, 1 of them reserved"]);
    assert_eq!(stop_location(&mut bench, "NYC", IfInUse::GoOn), Ok(uses));

    bench.placed(&order("bob", &[("A-1", 3)]));
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((3, 1, 0), (3, 3, 0)));
    assert!(matches!(bench.create_order(&order("eve", &[("A-1", 1)])), Err(Refusal::Short(_))));
    let mut only = others(&[("A-1", 1)], 60);
    only.location = Some(location_code("NYC"));
    assert_eq!(reason(bench.decide(|unit| reserve_stock(unit, &only))), Reason::Inactive);

    // What is set aside there goes out, and goods may arrive.
    bench.pay_cash(here);
    bench.ship(here, 0);
    bench.stock("A-1", "NYC", 5);
    let back = ReactivateLocation { code: location_code("NYC"), etag: LATEST };
    assert!(bench.decide(|unit| back.decide(unit)).expect("back in use").active);
    assert!(bench.create_order(&order("eve", &[("A-1", 1)])).is_ok());
}

#[test]
fn a_courier_out_of_use_gets_nothing_more_and_brings_what_it_has() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 9)]);
    let id = bench.paid(&order("ada", &[("A-1", 1)]));
    bench.ship(id, 0);
    let shipment = bench.shipment(id, 0);
    let (shipment, courier) = (shipment.id, shipment.assignment.clone().expect("a courier").courier);
    let Err(Refusal::InUse { uses, .. }) = stop_courier(&mut bench, courier.as_str(), IfInUse::Refuse) else {
        panic!("it is in use");
    };
    assert_eq!(uses.told, [Use::Shipment(shipment)]);
    let (stopped, left) = stop_courier(&mut bench, courier.as_str(), IfInUse::GoOn).expect("on purpose");
    assert_eq!((stopped.active, left), (false, uses));

    let other = bench.paid(&order("bob", &[("A-1", 1)]));
    bench.prepare(other, 0);
    let wanted = bench.shipment(other, 0).id;
    let named = bench.on(other, |order, unit| {
        order.assign_courier(unit, wanted, Some(&courier), None, &Default::default())
    });
    assert_eq!(reason(named), Reason::Inactive);
    bench
        .on(other, |order, unit| order.assign_courier(unit, wanted, None, None, &Default::default()))
        .expect("another courier");
    assert_ne!(bench.shipment(other, 0).assignment.clone().expect("a courier").courier, courier);

    bench.deliver(id, 0);
    assert_eq!(bench.state(id), OrderState::Delivered);
    assert!(stop_courier(&mut bench, courier.as_str(), IfInUse::Refuse).expect("it is so").1.told.is_empty());
    let back = ReactivateCourier { code: courier, etag: LATEST };
    assert!(bench.decide(|unit| back.decide(unit)).expect("back in use").active);
}

#[test]
fn no_more_uses_are_told_than_a_caller_reads() {
    let waits = |units| Use::Waiting { sku: sku("A-1"), region: "EUROPE".parse().expect("a region"), units };
    let few = Uses::of((0..25).map(waits));
    assert_eq!((few.told.len(), few.more), (USES_MAX, false));
    let many = Uses::of((0..26).map(waits));
    assert_eq!((many.told.len(), many.more), (USES_MAX, true));
    let refused = Refusal::in_use("A-1", &many, IfInUse::Refuse).expect_err("it is in use").to_string();
    assert!(refused.starts_with("A-1 is in use: orders in EUROPE wait for 0 units of A-1; "), "{refused}");
    assert!(
        refused.ends_with("; and more than 22 more; set even_if_in_use to go on all the same"),
        "{refused}"
    );
}
