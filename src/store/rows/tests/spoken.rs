//! What rules, people and outside services say of the sample order.

use crate::domain::{
    Actor, Attestation, Check, Evidence, Fault, Finding, Risk, RiskAssessment, Rule, Verdict,
};
use crate::store::rows::tests::sample::{AT, later};

pub(super) fn checks() -> Vec<Check> {
    vec![Check {
        rule: Rule::Contact,
        verdict: Verdict::Failed,
        detail: "no phone".to_owned(),
        faults: vec![Fault { field: "customer.phone".to_owned(), text: "no phone".to_owned() }],
    }]
}

pub(super) fn evidence() -> Vec<Evidence> {
    vec![Evidence {
        provider: "post".to_owned(),
        rule: Rule::Address,
        finding: Finding::Passed,
        facts: vec!["delivery point".to_owned()],
        reference: "DP-1".to_owned(),
        recorded_by: Actor::system(),
        recorded_at: AT,
        outdated_at: Some(later(1)),
    }]
}

pub(super) fn attestations() -> Vec<Attestation> {
    vec![Attestation {
        rule: Rule::Address,
        reason: "seen".to_owned(),
        by: Actor::system(),
        at: AT,
        found: "no city".to_owned(),
    }]
}

pub(super) fn assessments() -> Vec<RiskAssessment> {
    vec![RiskAssessment {
        provider: "radar".to_owned(),
        level: Risk::High,
        facts: vec!["many orders".to_owned()],
        reference: "R-1".to_owned(),
        recorded_by: Actor::system(),
        recorded_at: AT,
    }]
}
