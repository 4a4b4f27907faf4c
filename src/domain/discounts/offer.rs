//! The discount code that a delivery letter offers for the next purchase.

use std::time::Duration;

use crate::domain::model::discount::{DiscountCode, DiscountKey, Gives};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

const DAY_SECONDS: u64 = 86_400;

/// A code as its letter offers it.
pub(in crate::domain) struct Offer {
    pub(in crate::domain) code: DiscountKey,
    pub(in crate::domain) rate_ppm: u32,
    /// The last day on which it can be redeemed.
    pub(in crate::domain) until: Timestamp,
}

/// Makes a code for one purchase. None: the rules offer nothing.
pub(in crate::domain) fn offer_discount(unit: &mut UnitOfWork<'_>, order: OrderId) -> Option<Offer> {
    let rate_ppm = unit.rules.next_purchase_discount_ppm;
    if rate_ppm == 0 {
        return None;
    }
    let code = fresh_code(unit, "NEXT");
    let days = u64::from(unit.rules.next_purchase_valid_days);
    let until = unit.now.plus(Duration::from_secs(days * DAY_SECONDS));
    let offered = DiscountCode {
        code: code.clone(),
        version: 1,
        gives: Gives::Rate(rate_ppm),
        starts_at: None,
        // The letter names a day, which is to be over wherever the customer is.
        ends_at: Some(until.plus(Duration::from_secs(DAY_SECONDS))),
        minimums: Vec::new(),
        uses_max: Some(1),
        uses_per_customer_max: None,
        description: "offered with a delivery".to_owned(),
        offered_by: Some(order),
        created_at: unit.now,
        updated_at: unit.now,
        active: true,
    };
    unit.changes.discount_codes.insert(code.clone(), offered.into());
    Some(Offer { code, rate_ppm, until })
}

/// Twelve characters of an id's random end, 60 bits: nobody guesses them, and of ten million codes no two are alike but once
/// in twenty thousand times. If they were, the decision would be made again, with other ids.
pub(in crate::domain) fn fresh_code(unit: &mut UnitOfWork<'_>, beginning: &str) -> DiscountKey {
    let id: OrderId = unit.ids.fresh();
    let id = id.to_string();
    let tail = &id[id.len() - 12..];
    let code = format!("{beginning}-{}-{}-{}", &tail[..4], &tail[4..8], &tail[8..]);
    code.parse().expect("letters, digits and dashes are a code")
}
