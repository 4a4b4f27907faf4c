//! What a change would do: looked at on a copy of the order, and frozen.

use crate::domain::model::approval::{Approval, ApprovalState};
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{ChangeApproval, ChangeProposal, ChangeStock, ProposedLine};
use crate::domain::model::refusal::Refusal;
use crate::domain::ordering::change_items::Stock;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Does the change on a copy, and says what is different then. What is short is told; the rest is as if it were there.
    pub(super) fn look_ahead(&self, unit: &mut UnitOfWork, index: usize) -> Result<ChangeProposal, Refusal> {
        let items = &self.changes[index].items;
        let plan = self.check_items(unit, items)?;
        if !plan.added.is_empty() {
            self.must_be_open_to_additions()?;
        }
        let needs = plan.needs();
        let available = self.available_for(unit, &needs);
        let stock: Vec<ChangeStock> = needs
            .iter()
            .zip(available)
            .map(|(it, available)| ChangeStock {
                line: it.line,
                sku: it.sku.clone(),
                wanted: it.quantity,
                available,
            })
            .collect();
        // What is added to an order that waits for its stock waits with it.
        let waits = self.state == OrderState::AwaitingStock;
        let is_short = !waits && stock.iter().any(|it| it.available < it.wanted);

        let mut then = self.clone();
        let outcome = unit.only_asked(|unit| {
            if is_short {
                return then.apply_change(unit, index, Stock::Leave);
            }
            let outcome = then.apply_change(unit, index, Stock::SetAside)?;
            then.advance(unit)?;
            if let Some(level) = outcome.service_once_paid {
                then.service = level;
                then.follow_service(unit)?;
            }
            Ok(outcome)
        })?;
        let total_of = |invoice| then.invoices.iter().find(|it| Some(it.id) == invoice);
        let supplement = total_of(outcome.supplementary_invoice);
        let notes = then.credit_notes.iter().skip(self.credit_notes.len());
        Ok(ChangeProposal {
            by: unit.actor.clone(),
            at: unit.now,
            order_version: self.version,
            basis: self.basis_of(items),
            old_total_minor: self.total_minor(),
            new_total_minor: then.total_minor(),
            credited_minor: notes.map(|it| it.amounts.total_minor).sum(),
            supplement_minor: supplement.map_or(0, |it| it.amounts.total_minor),
            to_pay_minor: outcome.to_pay_minor,
            to_pay_back_minor: outcome.paid_back_minor,
            stock,
            promised_before: self.promised_by,
            promised_after: then.promised_by,
            approvals: self.approvals_beyond(&then),
            added: plan.added.iter().map(proposed).collect(),
            told: 0,
        })
    }

    /// The approvals that are pending then, and are not now.
    fn approvals_beyond(&self, then: &Self) -> Vec<ChangeApproval> {
        let is_new = |it: &&Approval| {
            it.state == ApprovalState::Pending && self.approvals.iter().all(|known| known.id != it.id)
        };
        let new = then.approvals.iter().filter(is_new);
        new.map(|it| ChangeApproval { gate: it.gate, rule: it.rule.clone() }).collect()
    }
}

fn proposed(line: &OrderLine) -> ProposedLine {
    ProposedLine { sku: line.sku.clone(), description: line.description.clone(), quantity: line.quantity }
}
