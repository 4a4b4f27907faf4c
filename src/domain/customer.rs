//! The customer, where the goods go, and the rules that both must pass before anything is reserved.

use serde::{Deserialize, Serialize};

use super::words::words;

/// Who ordered. An order has it [normalised](Customer::normalised); [`super::verify`] says whether it can be used.
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

/// A postal address, field by field, at most 200 characters each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives; the customer's name when empty.
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

words! {
    /// The rules of step 2, each with its own result.
    pub enum Rule {
        Contact = "CONTACT",
        Address = "ADDRESS",
        RegionServed = "REGION_SERVED",
        DuplicateOrder = "DUPLICATE_ORDER",
        BlockedCustomer = "BLOCKED_CUSTOMER",
    }
}

words! {
    pub enum Verdict {
        Passed = "PASSED",
        Failed = "FAILED",
    }
}

/// The result of one rule: the evidence of step 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub rule: Rule,
    pub verdict: Verdict,
    /// What was found, in words a clerk can act on; every bad field of the rule.
    pub detail: String,
}

words! {
    /// How likely it is that somebody is cheating.
    pub enum Risk {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}
