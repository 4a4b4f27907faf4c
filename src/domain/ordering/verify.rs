//! Step 2: what verification does to an order.

use std::time::Duration;

use crate::domain::model::account::Block;
use crate::domain::model::check::{Check, Rule, Verdict};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::Rules;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::Actor;
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::checks::{Subject, verify};
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Step 2 again, after a correction.
#[derive(Debug, Clone)]
pub struct VerifyOrder {
    pub target: Target,
    pub waive: Waive,
    /// A person's word about what rules found.
    pub attest: Vec<Attest>,
}

impl OrderCommand for VerifyOrder {
    const NAME: &'static str = "VerifyOrder";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { order_fingerprints: true, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        if order.state == OrderState::Received {
            order.attest(unit, &self.attest)?;
        }
        order.verify_again(unit, self.waive)
    }
}

impl Order {
    /// Runs the rules of step 2; a failed one places a hold, and a warning is written down: never a silent pass. A duplicate
    /// stays one until its goods are corrected or a person waives it, which then holds as well: by then the youngest order
    /// like it is this one.
    pub(super) fn verify(
        &mut self,
        unit: &mut UnitOfWork,
        duplicate_of: Option<Timestamp>,
        waive_duplicate: Waive,
    ) -> Result<(), Refusal> {
        self.region = unit.rules.region_of(&self.shipping_address.country).cloned();
        let window = Duration::from_secs(unit.rules.duplicate_window_seconds);
        let same_before = self.checks.iter().find(|it| it.rule == Rule::DuplicateOrder).cloned();
        let duplicate_of = duplicate_of.filter(|it| self.created_at.since(*it) <= window);
        self.checks = self.run_rules(unit.rules, duplicate_of, self.block_of_customer(unit));
        if waive_duplicate == Waive::Nothing
            && let Some(before) = same_before
        {
            self.checks.retain(|it| it.rule != Rule::DuplicateOrder);
            self.checks.push(self.heard(before, unit.rules));
            self.checks.sort_by_key(|it| it.rule);
        }
        let warned = self.rules_found(Verdict::Warned);
        if !warned.is_empty() {
            let text = format!("warned: {}", warned.join(", "));
            self.record_automatic(unit, EventKind::VerificationWarned, None, text);
        }
        let failed = self.rules_found(Verdict::Failed);
        if failed.is_empty() {
            let step = if warned.is_empty() { "every rule passed" } else { "no rule stops it" };
            return self.transition_automatic(unit, OrderState::Verified, EventKind::OrderVerified, step);
        }
        let text = format!("failed: {}", failed.join(", "));
        self.record_automatic(unit, EventKind::VerificationFailed, None, text);
        let found = self.checks.iter().filter(|it| it.verdict == Verdict::Failed);
        let note: Vec<String> = found.map(|it| format!("{}: {}", it.rule, it.detail)).collect();
        self.hold(unit, Actor::system(), HoldReason::VerificationFailed, note.join("; "));
        self.keep_for_a_person(unit);
        Ok(())
    }

    /// Every rule as it stands now, with what outside services and people say of it.
    pub(super) fn run_rules(
        &self,
        rules: &Rules,
        duplicate_of_at: Option<Timestamp>,
        blocked: Option<&Block>,
    ) -> Vec<Check> {
        let checks = verify(&Subject {
            customer: &self.customer,
            shipping: &self.shipping_address,
            billing: self.billing_address.as_ref(),
            duplicate_of_at,
            blocked,
            rules,
        });
        checks.into_iter().map(|it| self.heard(it, rules)).collect()
    }

    fn rules_found(&self, verdict: Verdict) -> Vec<&'static str> {
        self.checks.iter().filter(|it| it.verdict == verdict).map(|it| it.rule.as_str()).collect()
    }

    /// Step 2 again, after a correction: holds of a failed verification are released, the rules run anew, and a
    /// passed order goes on by itself. `waive_duplicate` is a person's word that a repeated order is meant.
    pub fn verify_again(&mut self, unit: &mut UnitOfWork, waive_duplicate: Waive) -> Result<(), Refusal> {
        if self.state != OrderState::Received {
            return Err(self.out_of_turn("verify"));
        }
        self.must_have_room_to_correct()?;
        self.release_holds(unit, |it| it.reason == HoldReason::VerificationFailed, "verified again")?;
        let duplicate_of = match waive_duplicate {
            Waive::Duplicate => None,
            Waive::Nothing => {
                unit.last_received_with(&self.fingerprint, self.id).filter(|it| *it < self.created_at)
            }
        };
        self.verify(unit, duplicate_of, waive_duplicate)?;
        self.tell_released(unit);
        Ok(())
    }
}

/// The checks that a person waives at a repeated verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waive {
    Nothing,
    /// The same customer ordering the same goods again is meant.
    Duplicate,
}

/// A person's word about a rule that found something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attest {
    pub rule: Rule,
    pub reason: String,
}
