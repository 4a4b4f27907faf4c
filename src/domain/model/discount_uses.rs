//! How often discount codes were redeemed, and what was drawn from store credits: the sum of what orders say.

use std::collections::BTreeMap;

use crate::domain::model::discount::{CreditDraw, DiscountKey, Redemption};
use crate::domain::model::order::Order;

/// Redemptions of a code: of all customers, or of one; and what orders hold of a store credit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiscountUses {
    /// How many may be held at a time. None: any number.
    pub uses_max: Option<i64>,
    pub redeemed: i64,
    /// By orders that ended early.
    pub given_back: i64,
    /// What a store credit was worth when it was given. None: it is a discount.
    pub worth_minor: Option<i64>,
    /// What orders have of it: set aside, or paid with it and not paid back.
    pub drawn_minor: i64,
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
        self.worth_minor = self.worth_minor.or(other.worth_minor);
        self.drawn_minor += sign * other.drawn_minor;
    }

    /// Whether it adds nothing to others.
    pub fn is_nothing(&self) -> bool {
        self.redeemed == 0 && self.given_back == 0 && self.drawn_minor == 0
    }
}

/// Redemptions by code and customer's key; the empty key has those of all customers.
pub type DiscountUsesByKey = BTreeMap<(DiscountKey, String), DiscountUses>;

/// Adds what an order redeemed (`sign` 1), or takes it off (−1).
pub fn count_discount_uses(uses: &mut DiscountUsesByKey, order: &Order, sign: i64) {
    if let Some(CreditDraw { code, worth_minor, set_aside_minor: _ }) = &order.store_credit {
        let (worth_minor, drawn_minor) = (Some(*worth_minor), order.credit_held_minor());
        let drawn = DiscountUses { worth_minor, drawn_minor, ..DiscountUses::default() };
        uses.entry((code.clone(), String::new())).or_default().add(&drawn, sign);
    }
    let Some(redemption) = &order.redemption else { return };
    let Redemption { code, uses_max, customer, given_back_at, gives: _, minimum_minor: _ } = redemption;
    let of_all = Some((String::new(), *uses_max));
    let of_one = customer.as_ref().map(|it| (it.key.clone(), Some(it.uses_max)));
    for (key, uses_max) in of_all.into_iter().chain(of_one) {
        let given_back = i64::from(given_back_at.is_some());
        let one = DiscountUses { uses_max, redeemed: 1, given_back, ..DiscountUses::default() };
        uses.entry((code.clone(), key)).or_default().add(&one, sign);
    }
}
