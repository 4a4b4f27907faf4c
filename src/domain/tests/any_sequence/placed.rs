//! The orders that a sequence places.

use crate::domain::model::amounts::Discount;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::scalars::OnShortage;
use crate::domain::tests::given::{MONDAY, dear, order, to_berlin, usd};

/// Goods and services.
pub(super) const SOLD: [&str; 5] = ["A-1", "B-2", "C-3", "FIT", "TUNE"];

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
    // Some of those that wait do so for as long only as stock would be held for them.
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
