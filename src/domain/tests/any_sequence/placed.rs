//! The orders that a sequence places, and the shop that it begins with.

use std::sync::Arc;

use crate::domain::model::amounts::Discount;
use crate::domain::model::money::Currency;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::scalars::OnShortage;
use crate::domain::tests::any_sequence::SKUS;
use crate::domain::tests::any_sequence::lots::begin_lots;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{MONDAY, dear, order, sku, to_berlin, usd};

/// With no, two and three decimals.
pub(super) const CURRENCIES: [&str; 3] = ["JPY", "USD", "KWD"];

/// Goods and services.
pub(super) const SOLD: [&str; 5] = ["A-1", "B-2", "C-3", "FIT", "TUNE"];

/// A shop with a few units of everything, that sells in this currency, and whose couriers are paid in it: as many minor
/// units as in dollars.
pub(super) fn a_shop_in(currency: &str) -> Bench {
    a_shop_by_lots(currency, &[])
}

/// The same, of which these products track lots.
pub(super) fn a_shop_by_lots(currency: &str, by_lots: &[&str]) -> Bench {
    let stock = [("A-1", "NYC", 6), ("A-1", "LAX", 3), ("B-2", "LAX", 4), ("C-3", "BER", 5)];
    let (of_lots, others): (Vec<_>, Vec<_>) = stock.into_iter().partition(|it| by_lots.contains(&it.0));
    let mut bench = Bench::with_stock(&others);
    begin_lots(&mut bench, by_lots, &of_lots);
    let currency: Currency = currency.parse().expect("a currency");
    for product in bench.snapshot.products.values_mut() {
        let product = Arc::make_mut(product);
        product.unit_price = product.unit_price.map(|it| currency.of(it.minor));
    }
    for courier in bench.snapshot.couriers.values_mut() {
        Arc::make_mut(courier).rates.iter_mut().for_each(|it| it.currency = currency);
    }
    // Less than an hour, so that some returns are waited for in vain.
    bench.rules.returns.arrival_seconds = 3_000;
    bench
}

/// What the shop sells in.
pub(super) fn currency_of(bench: &Bench) -> Currency {
    let price = bench.snapshot.products[&sku(SKUS[0])].unit_price;
    price.expect("every product has one").currency
}

/// The order as the shop sells it.
pub(super) fn sold_by(bench: &Bench, new: NewOrder) -> NewOrder {
    let currency = currency_of(bench);
    let mut new = NewOrder { currency, ..new };
    for line in &mut new.lines {
        line.unit_price = line.unit_price.map(|it| currency.of(it.minor));
    }
    new
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) waits: bool,
    /// Of those that wait: whether what is there is shipped meanwhile.
    pub(super) in_parts: bool,
    pub(super) abroad: bool,
    pub(super) price: u8,
    pub(super) seconds: Option<u64>,
}

pub(super) fn new_order(name: usize, lines: &[(usize, i64)], style: Style) -> NewOrder {
    let lines: Vec<(&str, i64)> = lines.iter().map(|(code, units)| (SOLD[*code], *units)).collect();
    let mut new = order(["ada", "bob", "eve", "kim", "lee"][name], &lines);
    new.on_shortage = match (style.waits, style.in_parts) {
        (false, _) => OnShortage::Refuse,
        (true, false) => OnShortage::Wait,
        (true, true) => OnShortage::ShipAvailable,
    };
    new.reservation_lifetime_seconds = style.seconds;
    // Some of those that wait do so for as long only as stock would be kept for them.
    if let (true, Some(seconds)) = (style.waits, style.seconds) {
        new.wait_until = Some(MONDAY.plus(std::time::Duration::from_secs(40 * seconds)));
    }
    if style.abroad {
        new = to_berlin(new);
    }
    match style.price {
        0 => new = dear(new),
        1 => new.lines.iter_mut().for_each(|it| it.unit_price = Some(usd(0))),
        2 => new.discount = Some(Discount::Percent(333_333)),
        3 => new.customer.email = "nobody".to_owned(),
        _ => {}
    }
    new
}
