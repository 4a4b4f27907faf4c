//! Steps 5 and 8: a gate is passed by policy, or a person is asked.

use crate::domain::model::approval::{Approval, ApprovalState, Gate};
use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::PaymentState;
use crate::domain::model::policy::GateRules;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{Actor, ApprovalId, Channel, OrderChangeId};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Asks for the approval of a gate once, and goes through when it is there.
    pub(in crate::domain) fn pass_gate(&mut self, unit: &mut UnitOfWork, gate: Gate) -> Result<(), Refusal> {
        // One that was withdrawn was about stock that was lost again.
        let asked = self.approval(gate).map(|it| it.state).filter(|it| *it != ApprovalState::Withdrawn);
        let state = match asked {
            Some(state) => state,
            None => self.ask_approval(unit, gate),
        };
        match state {
            ApprovalState::Approved | ApprovalState::AutoApproved => {
                let (to, kind) = match gate {
                    Gate::Reservation => (OrderState::ReservationApproved, EventKind::ReservationApproved),
                    Gate::Payment => (OrderState::PaymentApproved, EventKind::PaymentApproved),
                };
                self.transition_automatic(
                    unit,
                    to,
                    kind,
                    format!("{} approved", gate.as_str().to_lowercase()),
                )
            }
            ApprovalState::Pending
            | ApprovalState::Rejected
            | ApprovalState::Expired
            | ApprovalState::Withdrawn => Ok(()),
        }
    }

    /// Asks again for the gates that the order has passed, where more is sold now than was approved and the policy wants a
    /// person. What the change added waits for it; the rest of the order goes on.
    pub(in crate::domain) fn renew_approvals(
        &mut self,
        unit: &mut UnitOfWork,
        change: OrderChangeId,
    ) -> Vec<ApprovalId> {
        // Goods that are given away were not approved with the money.
        let most = self.total_minor().max(self.worth_minor());
        let mut asked = Vec::new();
        for gate in [Gate::Reservation, Gate::Payment] {
            let of_gate = |it: &&Approval| it.gate == gate && it.state == ApprovalState::Approved;
            let passed = self.approval(gate).is_some_and(|it| match it.state {
                ApprovalState::Approved | ApprovalState::AutoApproved => true,
                ApprovalState::Pending
                | ApprovalState::Rejected
                | ApprovalState::Expired
                | ApprovalState::Withdrawn => false,
            });
            let covered = self.approvals.iter().filter(of_gate).any(|it| it.amount.minor >= most);
            let Some(rule) = self.why_a_person(policy_of(unit, gate)).filter(|_| passed && !covered) else {
                continue;
            };
            let requested_by = unit.actor.clone();
            let id = self.open_approval(unit, gate, ApprovalState::Pending, rule, requested_by);
            if let Some(opened) = self.approvals.last_mut() {
                opened.change = Some(change);
            }
            asked.push(id);
        }
        asked
    }

    /// What is asked of a gate is about what the order came to: it is asked anew.
    pub(in crate::domain) fn withdraw_approvals(
        &mut self,
        unit: &mut UnitOfWork,
        why: &str,
    ) -> Result<(), Refusal> {
        for index in 0..self.approvals.len() {
            let approval = &self.approvals[index];
            if approval.state == ApprovalState::Pending && approval.change.is_none() {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(unit, index, ApprovalState::Withdrawn, kind, why)?;
            }
        }
        Ok(())
    }

    fn ask_approval(&mut self, unit: &mut UnitOfWork, gate: Gate) -> ApprovalState {
        if gate == Gate::Payment {
            self.promise_anew(unit, PromiseOccasion::Payment);
        }
        let (state, rule) = match self.why_a_person(policy_of(unit, gate)) {
            Some(rule) => (ApprovalState::Pending, rule),
            None => (ApprovalState::AutoApproved, "total, channel and risk are within the policy".to_owned()),
        };
        let requested_by = match gate {
            Gate::Reservation => self.created_by.clone(),
            Gate::Payment => {
                let paid = self.payments.iter().rfind(|it| it.state == PaymentState::Captured);
                match paid {
                    // It pays once there is an invoice, whoever approved that: the order's maker has named it.
                    Some(it) if it.is_by_credit() => self.created_by.clone(),
                    Some(it) => it.created_by.clone(),
                    None => Actor::system(),
                }
            }
        };
        self.open_approval(unit, gate, state, rule, requested_by);
        state
    }

    fn open_approval(
        &mut self,
        unit: &mut UnitOfWork,
        gate: Gate,
        state: ApprovalState,
        rule: String,
        requested_by: Actor,
    ) -> ApprovalId {
        let automatic = state == ApprovalState::AutoApproved;
        let id: ApprovalId = unit.ids.fresh();
        self.approvals.push(Approval {
            id,
            order: self.id,
            gate,
            state,
            amount: self.amounts.currency.of(self.total_minor()),
            policy_version: unit.rules.approval.version.clone(),
            rule: rule.clone(),
            requested_by,
            requested_at: unit.now,
            expires_at: (!automatic).then(|| unit.now.plus(unit.rules.approval_lifetime())),
            decided_by: automatic.then(Actor::system),
            decided_at: automatic.then_some(unit.now),
            comment: String::new(),
            change: None,
            decided_principal: None,
            decided_event: None,
        });
        if gate == Gate::Reservation && !automatic {
            self.outlast_approval(unit);
        }

        let kind = if automatic { EventKind::ApprovalGranted } else { EventKind::ApprovalRequested };
        let gate = gate.as_str().to_lowercase();
        self.record_automatic(unit, kind, Some(opened(id.0, state)), format!("{gate} approval {id}: {rule}"));
        id
    }

    /// A reservation with the settings' lifetime lasts as long as its approval may take; a lifetime of the caller's own
    /// stands.
    fn outlast_approval(&mut self, unit: &UnitOfWork) {
        if self.reservation_lifetime_seconds.is_none() {
            let lifetime = unit.rules.approval_lifetime().max(unit.rules.reservation_lifetime());
            self.pin_reservation(Some(unit.now.plus(lifetime)));
        }
    }

    /// The rule of the policy that asks for a person, if one does.
    fn why_a_person(&self, policy: &GateRules) -> Option<String> {
        let total = self.amounts.currency.of(self.total_minor());
        let limit = policy.automatic_up_to_minor.get(&total.currency).copied();
        let channel: Channel = self.channel;
        if policy.channels.contains(&channel) {
            Some(format!("orders through {channel} ask a person"))
        } else if self.risk >= policy.risk {
            Some(format!("the risk is {}: {}", self.risk, self.risk_reasons.join("; ")))
        } else {
            // Goods that are given away are not cheap.
            let worth = self.worth_minor();
            match limit {
                Some(limit) if total.minor.max(worth) <= limit => None,
                Some(limit) if total.minor <= limit => {
                    let (worth, limit) = (total.currency.of(worth), total.currency.of(limit));
                    Some(format!("goods worth {worth} at list prices, sold for {total}, are above {limit}"))
                }
                Some(limit) => Some(format!("{total} is above {}", total.currency.of(limit))),
                None => Some(format!("no automatic limit is set for {}", total.currency)),
            }
        }
    }

    /// What its goods are worth at list prices.
    fn worth_minor(&self) -> i64 {
        self.lines.iter().fold(0_i64, |sum, it| sum.saturating_add(it.worth_minor()))
    }

    /// Payment gets its full time after an approval, however long that took, and no more.
    pub(super) fn extend_reservation(&mut self, unit: &UnitOfWork) {
        let ends = self.current_reservation().is_some_and(|it| it.expires_at.is_some());
        if self.reservation_lifetime_seconds.is_none() && ends {
            self.pin_reservation(Some(unit.now.plus(unit.rules.reservation_lifetime())));
        }
    }
}

fn policy_of<'u>(unit: &UnitOfWork<'u>, gate: Gate) -> &'u GateRules {
    match gate {
        Gate::Reservation => &unit.rules.approval.reservation,
        Gate::Payment => &unit.rules.approval.payment,
    }
}
