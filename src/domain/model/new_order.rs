//! An order as a caller asks for it.

use crate::domain::model::address::Address;
use crate::domain::model::amounts::Discount;
use crate::domain::model::customer::Customer;
use crate::domain::model::discount::DiscountKey;
use crate::domain::model::labels::Labels;
use crate::domain::model::money::{Currency, Money};
use crate::domain::model::policy::Allocation;
use crate::domain::model::scalars::{Channel, CustomerId, OnLate, OnShortage, ServiceLevel, Sku};
use crate::domain::model::time::Timestamp;

/// A caller's input for a new order. Texts are bounded, references are not yet looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub channel: Channel,
    pub external_reference: String,
    pub customer: Customer,
    pub shipping_address: Address,
    pub billing_address: Option<Address>,
    pub currency: Currency,
    pub lines: Vec<NewLine>,
    pub discount: Option<Discount>,
    /// Gives the discount in the place of one of the caller's own.
    pub discount_code: Option<DiscountKey>,
    pub prices_include_tax: bool,
    /// None: as settings say for the region and service.
    pub shipping_fee: Option<Money>,
    pub special_instructions: String,
    pub service: ServiceLevel,
    pub on_shortage: OnShortage,
    /// How locations are chosen; None: as settings say for the region.
    pub allocation: Option<Allocation>,
    pub reservation_lifetime_seconds: Option<u64>,
    pub requested_by: Option<Timestamp>,
    pub on_late: OnLate,
    /// Until when it waits for stock, if it waits. None: as long as it takes.
    pub wait_until: Option<Timestamp>,
    pub labels: Labels,
    /// The customer that it names; None: one that nobody keeps.
    pub named: Option<Named>,
}

/// The customer that a draft names, and what it leaves to them: the fields of the draft say nothing then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: CustomerId,
    pub takes_contact: bool,
    pub takes_shipping_address: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    pub sku: Sku,
    pub quantity: i64,
    /// None: the product's list price in the order's currency.
    pub unit_price: Option<Money>,
    pub discount: Option<Discount>,
    /// Empty: the product's name.
    pub description: String,
}
