//! Results of verification, and the risk of an order.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::string_enum;

string_enum! {
    /// The rules of step 2, each with its own result.
    pub enum Rule {
        Contact = "CONTACT",
        Address = "ADDRESS",
        RegionServed = "REGION_SERVED",
        DuplicateOrder = "DUPLICATE_ORDER",
        BlockedCustomer = "BLOCKED_CUSTOMER",
    }
}

string_enum! {
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

string_enum! {
    /// Risk of fraud.
    pub enum Risk {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}
