//! How often discount codes were redeemed, and what was drawn from store credits: the sum of what orders say.

use std::collections::BTreeMap;

use crate::domain::model::discount::{CountedIn, DiscountKey, Redemption};
use crate::domain::model::order::Order;

/// Redemptions of a code: of all customers, or of one. Of a store credit they are counted in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiscountUses {
    /// How many may be held at a time. None: any number.
    pub uses_max: Option<i64>,
    pub redeemed: i64,
    /// By orders that ended early; to a store credit also for units that came back or were called off.
    pub given_back: i64,
}

impl DiscountUses {
    pub fn held(&self) -> i64 {
        self.redeemed - self.given_back
    }

    /// Adds redemptions (`sign` 1), or takes them off (−1).
    pub fn add(&mut self, other: &Self, sign: i64) {
        self.uses_max = self.uses_max.or(other.uses_max);
        self.redeemed += sign * other.redeemed;
        self.given_back += sign * other.given_back;
    }
}

/// Redemptions by code and customer's key; the empty key has those of all customers.
pub type DiscountUsesByKey = BTreeMap<(DiscountKey, String), DiscountUses>;

/// Adds what an order redeemed (`sign` 1), or takes it off (−1).
pub fn count_discount_uses(uses: &mut DiscountUsesByKey, order: &Order, sign: i64) {
    let Some(redemption) = &order.redemption else { return };
    let Redemption { code, uses_max, customer, given_back_at, counted_in, .. } = redemption;
    let (redeemed, given_back) = match counted_in {
        CountedIn::Orders => (1, i64::from(given_back_at.is_some())),
        CountedIn::MinorUnits => {
            let drawn: i64 = order.lines.iter().map(|it| it.amounts.discount_share_minor).sum();
            (drawn, if given_back_at.is_some() { drawn } else { drawn - order.credit_held_minor() })
        }
    };
    if redeemed == 0 {
        return;
    }
    let of_all = Some((String::new(), *uses_max));
    let of_one = customer.as_ref().map(|it| (it.key.clone(), Some(it.uses_max)));
    for (key, uses_max) in of_all.into_iter().chain(of_one) {
        let one = DiscountUses { uses_max, redeemed, given_back };
        uses.entry((code.clone(), key)).or_default().add(&one, sign);
    }
}
