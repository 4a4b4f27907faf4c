//! A postal address.

use serde::{Deserialize, Serialize};

/// How many street lines an address may have.
pub const STREET_LINES_MAX: usize = 4;

/// A postal address, field by field, at most 200 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The recipient; empty: the customer's name.
    pub recipient: String,
    pub organization: String,
    /// 1–4 street lines.
    pub lines: Vec<String>,
    pub city: String,
    /// State, province or the like.
    pub area: String,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
}

impl Address {
    /// In the place of one that is filled in later.
    pub fn nowhere() -> Self {
        let none = String::new;
        Self {
            recipient: none(),
            organization: none(),
            lines: Vec::new(),
            city: none(),
            area: none(),
            postal_code: none(),
            country: none(),
        }
    }
}
