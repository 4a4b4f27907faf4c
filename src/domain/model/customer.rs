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
    /// Behind the phone number: empty or up to 7 digits.
    #[serde(default)]
    pub phone_extension: String,
}

impl Customer {
    /// In the place of one that is filled in later.
    pub fn nobody() -> Self {
        let none = String::new;
        Self { name: none(), email: none(), phone: none(), locale: none(), phone_extension: none() }
    }

    /// Number and extension: `+12127365000 ext. 123`.
    pub(in crate::domain) fn phone_in_words(&self) -> String {
        match self.phone_extension.is_empty() {
            true => self.phone.clone(),
            false => format!("{} ext. {}", self.phone, self.phone_extension),
        }
    }
}
