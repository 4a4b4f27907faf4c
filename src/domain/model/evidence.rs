//! What outside services and people say of an order: whether a rule of the verification holds, and how risky the order is.

use serde::{Deserialize, Serialize};

use crate::domain::model::check::{Check, Risk, Rule};
use crate::domain::model::scalars::{Actor, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What an outside service found of a rule.
    pub enum Finding {
        Passed = "PASSED",
        Failed = "FAILED",
    }
}

/// An outside service's word about a rule: of an address, that the post delivers there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub provider: String,
    pub rule: Rule,
    pub finding: Finding,
    pub facts: Vec<String>,
    /// The provider's own number of it.
    pub reference: String,
    pub recorded_by: Actor,
    pub recorded_at: Timestamp,
    /// Since when it is about what is no longer there: a contact or an address was corrected.
    pub outdated_at: Option<Timestamp>,
}

/// A person's word that what a rule found does not matter in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    pub rule: Rule,
    pub reason: String,
    pub by: Actor,
    pub at: Timestamp,
    /// What the rule had found. Another finding needs another word.
    pub found: String,
}

impl Attestation {
    /// Whether it is a word about what this check found.
    pub fn is_about(&self, check: &Check) -> bool {
        self.rule == check.rule && self.found == check.detail
    }
}

/// An outside service's word about the risk of fraud. The latest of each provider counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAssessment {
    pub provider: String,
    pub level: Risk,
    pub facts: Vec<String>,
    /// The provider's own number of it.
    pub reference: String,
    pub recorded_by: Actor,
    pub recorded_at: Timestamp,
}
