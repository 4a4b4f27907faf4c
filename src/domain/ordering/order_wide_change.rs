//! What a change of an order that was sold sets for all of it: its shipping service and its discount, in one decision.

use crate::domain::billing::price::AMOUNT_MINOR_MAX;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::ServiceLevel;
use crate::domain::ordering::change_discount::NewDiscount;
use crate::domain::ordering::change_service::NewService;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// What is to be different beside the lines.
#[derive(Default)]
pub(super) struct OrderWideChange {
    pub(super) service: Option<NewService>,
    pub(super) discount: Option<NewDiscount>,
}

impl OrderWideChange {
    pub(super) fn is_empty(&self) -> bool {
        self.service.is_none() && self.discount.is_none()
    }
}

/// What that did to what the order comes to.
#[derive(Default)]
pub(super) struct OrderWideOutcome {
    /// What the shipping costs more, and the tax of that: it is to be invoiced.
    pub(super) shipping: Option<(i64, i64)>,
    /// The service that the order gets once that is paid.
    pub(super) service_once_paid: Option<ServiceLevel>,
    pub(super) raised_minor: i64,
    pub(super) lowered_minor: i64,
}

impl Order {
    /// Changes service and discount. What is less than was invoiced is credited; what shipping costs more is to be invoiced,
    /// and the dearer service is given once that is paid.
    pub(super) fn change_order_wide(
        &mut self,
        unit: &mut UnitOfWork,
        wide: &OrderWideChange,
        reason: &str,
    ) -> Result<OrderWideOutcome, Refusal> {
        let (before, is_invoiced) = (self.amounts.clone(), self.is_invoiced());
        let mut told = OrderWideOutcome::default();
        let mut note = before.without_shipping();
        let mut words = Vec::new();
        let credited = match &wide.discount {
            Some(new) => {
                words.push("the discount is another one".to_owned());
                self.set_discount(new)
            }
            None => Vec::new(),
        };
        if let Some(new) = &wide.service {
            let (fee, tax) =
                (new.fee_minor - before.shipping_minor, new.tax_minor - before.shipping_tax_minor);
            self.amounts = before.with_shipping(new.fee_minor, new.tax_minor);
            if is_invoiced && fee > 0 {
                (told.shipping, told.service_once_paid) = (Some((fee, tax)), Some(new.level));
                words.push(format!("shipping {} once its difference is paid", new.level));
            } else {
                self.service = new.level;
                note = if is_invoiced && fee < 0 { before.with_shipping(-fee, -tax) } else { note };
                words.push(format!("shipping {}", new.level));
            }
        }
        self.sum_up();
        let moved = self.total_minor() - before.total_minor;
        (told.raised_minor, told.lowered_minor) = (moved.max(0), moved.saturating_neg().max(0));
        if self.total_minor() > AMOUNT_MINOR_MAX {
            let message = format!("the order would come to more than {AMOUNT_MINOR_MAX} minor units");
            return Err(Refusal::invalid("items", message));
        }
        if told.raised_minor > 0 {
            self.must_be_free()?;
        }

        self.record(unit, EventKind::OrderUpdated, None, words.join("; "));
        if is_invoiced {
            self.issue_credit_notes_over(unit, &credited, &note, reason);
        } else {
            self.draw_again(unit);
        }
        if wide.service.is_some() && told.service_once_paid.is_none() {
            self.follow_service(unit)?;
        }
        Ok(told)
    }

    /// Whether there is an invoice that says what the order costs.
    pub(super) fn is_invoiced(&self) -> bool {
        self.main_invoice().is_some_and(|it| it.state != InvoiceState::Void)
    }

    /// The sums of what is left of the lines, with the shipping; what is asked of approvers follows.
    pub(super) fn sum_up(&mut self) {
        self.amounts = self.amounts.over(self.lines.iter().map(|it| it.remaining_amounts()));
        let total = self.amounts.currency.of(self.total_minor());
        for approval in self.approvals.iter_mut().filter(|it| it.state == ApprovalState::Pending) {
            approval.amount = total;
        }
    }
}
