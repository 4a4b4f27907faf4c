//! Orders that were made in exchange, and those whose goods came back for them, as a decision sees them.

use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::OrderId;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

impl ReadSet {
    /// Whether nothing but first orders is in it: nobody can name these before the orders are read that were made for them.
    pub fn follows_from_exchanges(&self) -> bool {
        !self.first_orders.is_empty()
            && *self == Self { first_orders: self.first_orders.clone(), ..Self::default() }
    }
}

impl UnitOfWork<'_> {
    /// The order as it was loaded. None: this decision makes it.
    pub(in crate::domain) fn loaded_order(&self, id: OrderId) -> Option<&Order> {
        self.snapshot.orders.get(&id).map(AsRef::as_ref)
    }

    /// The order whose goods came back for another one.
    pub(in crate::domain) fn first_order(&self, id: OrderId) -> Result<&Order, Refusal> {
        let found = self.changes.orders.get(&id).or_else(|| self.snapshot.orders.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.orders.contains(&id), |it| it.first_orders.push(id));
        }
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("order", id))
    }
}
