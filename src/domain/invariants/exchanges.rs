//! Invariants of exchanges: what came back pays for the new order or goes back, and never both.

use std::collections::BTreeMap;

use crate::domain::invariants::findings::{Findings, Violation};
use crate::domain::model::exchange::ExchangeValue;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::OrderId;

/// The law that two orders agree about an exchange.
pub const EXCHANGES: &str = "R4";

/// Adds what an order says of exchanges: of those that its returns gave, and of its own.
pub fn count_exchanges(values: &mut BTreeMap<OrderId, ExchangeValue>, order: &Order) {
    for exchange in order.returns.iter().flat_map(|it| &it.exchanges) {
        values.entry(exchange.order).or_default().given_minor += exchange.value_minor;
    }
    if order.exchange_of.is_some() {
        values.entry(order.id).or_default().held_minor += order.credit_held_minor();
    }
}

/// Orders made in exchange that have more of the value than their return gave, or less.
pub fn exchange_violations(values: &BTreeMap<OrderId, ExchangeValue>) -> Vec<Violation> {
    let mut found = Findings::default();
    for (id, ExchangeValue { given_minor, held_minor }) in values {
        let expected = format!("{given_minor} minor units as the return says");
        found.ensure(EXCHANGES, id, given_minor == held_minor, &expected, held_minor);
    }
    found.0
}

impl Order {
    /// What an exchange has is kept of what was credited for it.
    pub(super) fn check_exchanges(&self, found: &mut Findings) {
        for exchange in self.returns.iter().flat_map(|it| &it.exchanges) {
            let of_it = self.line_refunds.iter().filter(|it| it.exchanged_for == Some(exchange.order));
            let kept: i64 = of_it.map(|it| it.retained_minor).sum();
            let value = exchange.value_minor;
            let expected = format!("0 to {kept} of what was credited");
            found.ensure(EXCHANGES, exchange.order, (0..=kept).contains(&value), &expected, value);
        }
        let by_code = self.payments.iter().filter(|it| it.is_by_credit()).count();
        let fits = self.exchange_of.is_none() || by_code <= 1;
        found.ensure(EXCHANGES, self.id, fits, "paid once with what came back", by_code);
    }
}
