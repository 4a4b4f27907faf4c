//! A line of an order.

use serde::{Deserialize, Serialize};

use crate::domain::model::amounts::{Discount, LineAmounts};
use crate::domain::model::handling::Handling;
use crate::domain::model::scalars::{OrderChangeId, Sku};
use crate::domain::model::service::{ProductKind, ServiceDone};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// 1…n within the order.
    pub number: i32,
    pub sku: Sku,
    pub description: String,
    pub tax_category: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    /// The line's own discount as asked for.
    pub discount: Option<Discount>,
    pub amounts: LineAmounts,
    /// Of one unit; zero: unknown.
    pub weight_grams: i64,
    #[serde(default)]
    pub handling: Handling,
    #[serde(default)]
    pub kind: ProductKind,
    /// None: goods, or a service that is still to be done.
    #[serde(default)]
    pub done: Option<ServiceDone>,
    /// The product's list price in the order's currency when the order was received. None: it had none.
    #[serde(default)]
    pub list_price_minor: Option<i64>,
    /// Units of `quantity` that are not wanted any more. The amounts stay those of all units.
    #[serde(default)]
    pub cancelled_quantity: i64,
    /// The change that added it; the discounts of the order gave it nothing. None: it was ordered at first.
    #[serde(default)]
    pub added_by_change: Option<OrderChangeId>,
    /// Units of `quantity` that were paid back by line. The amounts stay those of all units.
    #[serde(default)]
    pub refunded_quantity: i64,
    /// Units of `quantity` that were not there when the others were set aside, and that are waited for.
    #[serde(default)]
    pub waiting_quantity: i64,
    /// Whether its amounts are those of units that were exchanged, like for like. Their tax is a share of what it was then,
    /// which may be one minor unit from that of this line alone.
    #[serde(default)]
    pub carried_over: bool,
}

impl OrderLine {
    pub fn is_service(&self) -> bool {
        self.kind.is_service()
    }

    /// What its wanted units are worth: at the list price, or at the order's own if that is higher, whatever is taken off.
    pub fn worth_minor(&self) -> i64 {
        let price = self.list_price_minor.unwrap_or(0).max(self.unit_price_minor);
        price.saturating_mul(self.remaining_quantity())
    }

    /// Units that are wanted: ordered and not cancelled.
    pub fn remaining_quantity(&self) -> i64 {
        self.quantity - self.cancelled_quantity
    }

    /// Units that are wanted and not waited for: set aside, planned or on their way once the order has its stock.
    pub fn ready_quantity(&self) -> i64 {
        self.remaining_quantity() - self.waiting_quantity
    }

    /// Units whose shares are taken off what the order comes to. Units that were paid back are cancelled after all
    /// others, without being credited again.
    pub fn credited_quantity(&self) -> i64 {
        (self.cancelled_quantity + self.refunded_quantity).min(self.quantity)
    }

    /// Units that are sold: ordered, and neither cancelled nor paid back.
    pub fn sold_quantity(&self) -> i64 {
        self.quantity - self.credited_quantity()
    }

    pub fn is_wanted(&self) -> bool {
        self.remaining_quantity() > 0
    }
}
