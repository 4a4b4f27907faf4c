//! Discount codes and how often they were redeemed, as a decision sees them.

use crate::domain::model::discount::{DiscountCode, DiscountKey};
use crate::domain::model::discount_uses::{DiscountUses, DiscountUsesByKey, count_discount_uses};
use crate::domain::model::order::Order;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    pub(in crate::domain) fn discount_code(&self, code: &DiscountKey) -> Option<&DiscountCode> {
        self.discount_must_be_loaded(code, "");
        let found = self.changes.discount_codes.get(code).or_else(|| self.snapshot.discount_codes.get(code));
        found.map(AsRef::as_ref)
    }

    /// How often all customers redeemed it, or this one; empty: all.
    pub(in crate::domain) fn discount_uses(&self, code: &DiscountKey, customer: &str) -> DiscountUses {
        self.discount_must_be_loaded(code, customer);
        let key = (code.clone(), customer.to_owned());
        let mut uses = DiscountUses::default();
        for map in [&self.snapshot.discount_uses, &self.changes.discount_uses] {
            map.get(&key).into_iter().for_each(|it| uses.add(it, 1));
        }
        uses
    }

    /// Who asks for one customer's redemptions gets the code and all redemptions as well.
    fn discount_must_be_loaded(&self, code: &DiscountKey, customer: &str) {
        self.note_if_not_loaded(
            |it| {
                it.discount_codes.iter().any(|(it, of)| it == code && (customer.is_empty() || of == customer))
            },
            |it| it.discount_codes.push((code.clone(), customer.to_owned())),
        );
    }

    /// Counts what an order redeemed in the place of what it had.
    pub(super) fn recount_discount_uses(&mut self, order: &Order) {
        let mut moved = DiscountUsesByKey::new();
        if let Some(before) = self.order_before(order.id) {
            count_discount_uses(&mut moved, before, -1);
        }
        count_discount_uses(&mut moved, order, 1);
        for (key, uses) in moved.into_iter().filter(|(_, it)| !it.is_nothing()) {
            self.changes.discount_uses.entry(key).or_default().add(&uses, 1);
        }
    }
}

impl Snapshot {
    pub(super) fn count_discount_uses(&mut self, changes: &ChangeSet) {
        for (code, it) in &changes.discount_codes {
            self.discount_codes.insert(code.clone(), it.clone());
        }
        for (key, uses) in &changes.discount_uses {
            self.discount_uses.entry(key.clone()).or_default().add(uses, 1);
        }
    }
}
