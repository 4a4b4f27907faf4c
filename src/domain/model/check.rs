//! Results of verification, and the risk of an order.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::string_enum;

string_enum! {
    /// The rules of step 2, each with its own result.
    pub enum Rule {
        /// The customer has a name and can be reached.
        Contact = "CONTACT",
        /// A second way to reach the customer is well-formed too.
        ContactDetails = "CONTACT_DETAILS",
        /// The addresses have what their country's post cannot do without.
        Address = "ADDRESS",
        /// The addresses have what their country's post asks for beside that.
        AddressDetails = "ADDRESS_DETAILS",
        RegionServed = "REGION_SERVED",
        DuplicateOrder = "DUPLICATE_ORDER",
        BlockedCustomer = "BLOCKED_CUSTOMER",
    }
}

string_enum! {
    pub enum Verdict {
        Passed = "PASSED",
        /// Something is wrong, and policy lets the order go on.
        Warned = "WARNED",
        /// Something is wrong, and stops the order.
        Failed = "FAILED",
        /// Something is wrong, and a person has said that it does not matter here.
        Attested = "ATTESTED",
    }
}

string_enum! {
    /// What a rule that finds something wrong does to an order.
    pub enum Severity {
        /// It stops the order.
        Hold = "HOLD",
        /// It is shown, and the order goes on.
        Warn = "WARN",
    }
}

impl Severity {
    pub(in crate::domain) fn verdict(self) -> Verdict {
        match self {
            Self::Hold => Verdict::Failed,
            Self::Warn => Verdict::Warned,
        }
    }
}

/// One thing that a rule finds wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where, as a field of the order: `shipping_address.postal_code`; empty: in no single one.
    pub field: String,
    /// In words that the customer may read; nothing of what the customer wrote is repeated.
    pub text: String,
}

/// The result of one rule: the evidence of step 2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub rule: Rule,
    pub verdict: Verdict,
    /// What was found, in words a clerk can act on; every fault of the rule.
    pub detail: String,
    /// Empty for a rule that passed.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

impl Check {
    pub(in crate::domain) fn passed(rule: Rule, detail: String) -> Self {
        Self { rule, verdict: Verdict::Passed, detail, faults: Vec::new() }
    }

    pub(in crate::domain) fn faulty(rule: Rule, severity: Severity, faults: Vec<Fault>) -> Self {
        let texts: Vec<&str> = faults.iter().map(|it| it.text.as_str()).collect();
        Self { rule, verdict: severity.verdict(), detail: texts.join("; "), faults }
    }
}

impl Rule {
    /// Whether outside services may say something of it.
    pub fn is_heard_from_outside(self) -> bool {
        match self {
            Self::Contact | Self::Address => true,
            Self::ContactDetails
            | Self::AddressDetails
            | Self::RegionServed
            | Self::DuplicateOrder
            | Self::BlockedCustomer => false,
        }
    }
}

string_enum! {
    /// Risk of fraud.
    pub enum Risk {
        Low = "LOW",
        Medium = "MEDIUM",
        High = "HIGH",
    }
}
