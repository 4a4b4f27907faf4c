//! The customer of an order.

use serde::{Deserialize, Serialize};

/// The customer who ordered. An order has it [normalised](Customer::normalised); [`super::verify`] says whether it can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// 1–200 characters.
    pub name: String,
    /// Empty or an address; at least one of e-mail and phone is needed.
    pub email: String,
    /// Empty, a phone number as E.164, or what could not be read as one.
    pub phone: String,
    /// BCP 47, `en` when left out: the language of messages.
    pub locale: String,
}
