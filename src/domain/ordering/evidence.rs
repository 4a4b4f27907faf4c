//! What outside services and people say of an order is recorded, and acted on.

use crate::domain::model::action::Action;
use crate::domain::model::check::{Check, Fault, Risk, Rule, Severity, Verdict};
use crate::domain::model::event::EventKind;
use crate::domain::model::evidence::{Attestation, Evidence, Finding, RiskAssessment};
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::Rules;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::Actor;
use crate::domain::ordering::checks::risk;
use crate::domain::ordering::verify::{Attest, Waive};
use crate::domain::shipping::tracking_state::has_left;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

pub(crate) const NOT_HEARD: &str =
    "must be CONTACT or ADDRESS: outside services say nothing of the other rules";

/// How often outside services may say something of one order's verification, and of its risk.
pub(crate) const EVIDENCE_MAX: usize = 20;

/// An outside service's word about a rule of the verification.
#[derive(Debug, Clone)]
pub struct RecordVerification {
    pub target: Target,
    pub rule: Rule,
    pub finding: Finding,
    pub source: Source,
}

/// Who says it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub provider: String,
    pub facts: Vec<String>,
    pub reference: String,
}

impl OrderCommand for RecordVerification {
    const NAME: &'static str = "RecordVerification";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { order_fingerprints: true, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.record_verification(unit, self.rule, self.finding, self.source.clone())
    }
}

/// An outside service's word about the risk of fraud.
#[derive(Debug, Clone)]
pub struct RecordRiskAssessment {
    pub target: Target,
    pub level: Risk,
    pub source: Source,
}

impl OrderCommand for RecordRiskAssessment {
    const NAME: &'static str = "RecordRiskAssessment";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.record_risk(unit, self.level, self.source.clone())
    }
}

impl Order {
    /// Records what a service says of a rule. Before the goods leave it is acted on: what it passes stops the order no
    /// longer, and what it fails stops it as the rule's own fault does.
    pub fn record_verification(
        &mut self,
        unit: &mut UnitOfWork,
        rule: Rule,
        finding: Finding,
        source: Source,
    ) -> Result<(), Refusal> {
        if !rule.is_heard_from_outside() {
            return Err(Refusal::invalid("rule", NOT_HEARD));
        }
        self.must_have_room_for(self.evidence.len(), Action::RecordVerification)?;
        let Source { provider, facts, reference } = source;
        let evidence = Evidence {
            provider,
            rule,
            finding,
            facts,
            reference,
            recorded_by: unit.actor.clone(),
            recorded_at: unit.now,
            outdated_at: None,
        };
        self.evidence.push(evidence);
        let text = format!("an outside service says of {rule}: {finding}");
        self.record(unit, EventKind::VerificationRecorded, None, text);

        if self.state == OrderState::Received {
            return self.verify_again(unit, Waive::Nothing);
        }
        if self.has_left_in_part() {
            return Ok(());
        }
        self.check_again(unit, rule)
    }

    /// Records how risky a service finds the order. Before the goods leave a level that policy stops orders for places a
    /// hold, which is released once no service's last word is such a level.
    pub fn record_risk(&mut self, unit: &mut UnitOfWork, level: Risk, source: Source) -> Result<(), Refusal> {
        self.must_have_room_for(self.assessments.len(), Action::RecordRiskAssessment)?;
        let Source { provider, facts, reference } = source;
        let by = unit.actor.clone();
        self.assessments.push(RiskAssessment {
            provider,
            level,
            facts,
            reference,
            recorded_by: by,
            recorded_at: unit.now,
        });
        self.assess();
        let text = format!("an outside service says of the risk: {level}");
        self.record(unit, EventKind::RiskAssessed, None, text);
        if self.has_left_in_part() {
            return Ok(());
        }

        let stops = |level: Risk| unit.rules.on_risk(level) == Severity::Hold;
        let is_stopped = self.latest_assessments().any(|it| stops(it.level));
        match is_stopped {
            // What another service said before was decided upon before.
            true if stops(level) && !self.is_held_by_us(HoldReason::HighRiskOfFraud) => {
                let note = format!("an outside service assesses the risk as {level}");
                self.hold(unit, Actor::system(), HoldReason::HighRiskOfFraud, note);
                Ok(())
            }
            true => Ok(()),
            false => self.release_ours(unit, HoldReason::HighRiskOfFraud, "assessed anew"),
        }
    }

    /// The risk by the rules and by what outside services say.
    pub(super) fn assess(&mut self) {
        let quantities: Vec<i64> = self.lines.iter().map(|it| it.quantity).collect();
        (self.risk, self.risk_reasons) =
            risk(&self.shipping_address, self.billing_address.as_ref(), self.channel, &quantities);
        let outside = self.latest_assessments().map(|it| it.level).max();
        if let Some(level) = outside.filter(|it| *it > Risk::Low) {
            self.risk = self.risk.max(level);
            self.risk_reasons.push(format!("an outside service assesses the risk as {level}"));
        }
    }

    /// The last word of each provider.
    fn latest_assessments(&self) -> impl Iterator<Item = &RiskAssessment> {
        self.assessments.iter().enumerate().filter_map(|(index, it)| {
            let later = &self.assessments[index + 1..];
            (!later.iter().any(|later| later.provider == it.provider)).then_some(it)
        })
    }

    /// A person says that what these rules found does not matter here. Verifying again takes their word.
    pub fn attest(&mut self, unit: &mut UnitOfWork, all: &[Attest]) -> Result<(), Refusal> {
        let mut bad = Problems::default();
        for (index, Attest { rule, reason }) in all.iter().enumerate() {
            let field = format!("attest[{index}].rule");
            let check = self.checks.iter().find(|it| it.rule == *rule && it.verdict != Verdict::Passed);
            match check {
                _ if *rule == Rule::RegionServed => {
                    bad.add(field, "cannot be attested: no word makes a region serve the country");
                }
                None => bad.add(field, format!("{rule} has found nothing wrong")),
                Some(check) => {
                    let (by, at, found) = (unit.actor.clone(), unit.now, check.detail.clone());
                    let word = Attestation { rule: *rule, reason: reason.clone(), by, at, found };
                    self.attestations.retain(|it| it.rule != *rule);
                    self.attestations.push(word);
                    self.record(unit, EventKind::RuleAttested, None, format!("attested: {rule}"));
                }
            }
        }
        bad.into_result()
    }

    /// A check with what outside services and people say of its rule.
    pub(super) fn heard(&self, check: Check, rules: &Rules) -> Check {
        let word = self.evidence.iter().rfind(|it| it.rule == check.rule && it.outdated_at.is_none());
        let check = match word.map(|it| it.finding) {
            Some(Finding::Passed) if check.verdict != Verdict::Passed => {
                Check::passed(check.rule, "an outside service has confirmed it".to_owned())
            }
            Some(Finding::Failed) => {
                let (field, text) = match check.rule {
                    Rule::Address | Rule::AddressDetails => {
                        ("shipping_address", "the address could not be confirmed")
                    }
                    Rule::Contact | Rule::ContactDetails => {
                        ("customer", "the e-mail address or phone number could not be confirmed")
                    }
                    Rule::RegionServed | Rule::DuplicateOrder | Rule::BlockedCustomer => {
                        ("", "could not be confirmed")
                    }
                };
                let mut faults = check.faults;
                faults.push(Fault { field: field.to_owned(), text: text.to_owned() });
                Check::faulty(check.rule, rules.severity(check.rule), faults)
            }
            Some(Finding::Passed) | None => check,
        };
        let attested = self.attestations.iter().any(|it| it.is_about(&check));
        match check.verdict {
            Verdict::Warned | Verdict::Failed if attested => Check { verdict: Verdict::Attested, ..check },
            Verdict::Passed | Verdict::Warned | Verdict::Failed | Verdict::Attested => check,
        }
    }

    /// A rule again, of an order that is on its way. What it finds cannot undo the verification: it stops the order until a
    /// person corrects the address or lets it go on.
    fn check_again(&mut self, unit: &mut UnitOfWork, rule: Rule) -> Result<(), Refusal> {
        let index = self.checks.iter().position(|it| it.rule == rule);
        let blocked = self.block_of_customer(unit);
        let now = self.run_rules(unit.rules, None, blocked).into_iter().find(|it| it.rule == rule);
        let (Some(index), Some(mut check)) = (index, now) else { return Ok(()) };
        let reason = match rule {
            Rule::Address | Rule::AddressDetails => HoldReason::IncorrectAddress,
            Rule::Contact | Rule::ContactDetails => HoldReason::VerificationFailed,
            Rule::RegionServed | Rule::DuplicateOrder | Rule::BlockedCustomer => HoldReason::Other,
        };
        let passed = match check.verdict {
            Verdict::Failed => {
                check.verdict = Verdict::Warned;
                if !self.is_held_by_us(reason) {
                    let note = format!("{rule}: {}", check.detail);
                    self.hold(unit, Actor::system(), reason, note);
                }
                false
            }
            Verdict::Warned => false,
            Verdict::Passed | Verdict::Attested => true,
        };
        self.checks[index] = check;
        if passed { self.release_ours(unit, reason, "an outside service has confirmed it") } else { Ok(()) }
    }

    /// Whether an outside service's last word about what the rule is about is that it is wrong.
    pub(in crate::domain) fn is_said_to_be_wrong(&self, rule: Rule) -> bool {
        let word = self.evidence.iter().rfind(|it| it.rule == rule && it.outdated_at.is_none());
        word.is_some_and(|it| it.finding == Finding::Failed)
    }

    fn is_held_by_us(&self, reason: HoldReason) -> bool {
        self.holds.iter().any(|it| is_ours(it, reason))
    }

    /// Releases the holds that the system placed for a reason; without another the order goes on.
    fn release_ours(&mut self, unit: &mut UnitOfWork, reason: HoldReason, note: &str) -> Result<(), Refusal> {
        if !self.is_held_by_us(reason) {
            return Ok(());
        }
        self.release_holds(unit, |it| is_ours(it, reason), note)?;
        self.tell_released(unit);
        self.fill(unit).map(|_| ())
    }

    /// What was said of a rule is about what is no longer there.
    pub(super) fn outdate(&mut self, unit: &UnitOfWork, rules: &[Rule]) {
        let of_it = |it: &&mut Evidence| rules.contains(&it.rule) && it.outdated_at.is_none();
        for it in self.evidence.iter_mut().filter(of_it) {
            it.outdated_at = Some(unit.now);
        }
        self.attestations.retain(|it| !rules.contains(&it.rule));
    }

    /// Whether a courier has any of it.
    pub(in crate::domain) fn has_left_in_part(&self) -> bool {
        self.live_shipments().any(|it| it.handover.is_some() || has_left(&it.tracking))
    }

    fn must_have_room_for(&self, recorded: usize, action: Action) -> Result<(), Refusal> {
        if self.is_over() {
            return Err(self.out_of_turn("record what an outside service says"));
        }
        if recorded >= EVIDENCE_MAX {
            let message =
                format!("outside services say at most {EVIDENCE_MAX} things of this kind of one order");
            return Err(self.unmet(Reason::LimitReached, message).without(&[action]));
        }
        Ok(())
    }
}

fn is_ours(hold: &Hold, reason: HoldReason) -> bool {
    hold.state == HoldState::Active && hold.reason == reason && hold.placed_by.is_system()
}
