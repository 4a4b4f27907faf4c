//! Goods that came back are exchanged: an order of its own sends the customer something in their place, and their value pays
//! for it.

use serde::{Deserialize, Serialize};

use crate::domain::model::amounts::LineAmounts;
use crate::domain::model::money::Money;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::scalars::{OrderId, ReturnId, Sku};

/// How many exchanges in a row there may be, the first included: whose money goes back is looked up order by order.
pub const EXCHANGES_DEEP_MAX: u32 = 4;

/// What the customer gets in the place of units that came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instead {
    /// None: the same product.
    pub sku: Option<Sku>,
    /// None: as many as came back.
    pub quantity: Option<i64>,
    /// None: of the same product what it was sold for, of another one its list price.
    pub unit_price: Option<Money>,
}

/// A line of the order that is made in exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeLine {
    pub new: NewLine,
    /// Like for like: what the units that came back had come to, to the minor unit. None: it has its own price.
    pub share: Option<LineAmounts>,
    /// Which of the caller's entries asks for it.
    pub entry: usize,
}

/// The order that is to be made in exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InExchange {
    pub lines: Vec<ExchangeLine>,
    pub of: ExchangeOf,
    /// What came back is worth: it pays for as much of the order.
    pub value: Money,
}

/// What an order was made in exchange for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeOf {
    /// The order whose goods came back.
    pub order: OrderId,
    pub order_number: i64,
    pub of_return: ReturnId,
    pub return_number: i32,
    /// 1: that one was a purchase; 2: it was made in exchange for another itself, and so on.
    pub depth: u32,
}

/// An order that a return was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub order: OrderId,
    /// What that order has of the value of what came back. Law: what the order itself says.
    pub value_minor: i64,
}

/// What orders made in exchange have of the value of what came back: as the returns say, and as they say themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExchangeValue {
    pub given_minor: i64,
    pub held_minor: i64,
}
