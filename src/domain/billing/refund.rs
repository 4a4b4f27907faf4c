//! Money is paid back, by the provider or by hand.

use crate::domain::billing::pay::{REFUND_PARTS_MAX, REFUSED_REFUNDS_MAX, reason_of};
use crate::domain::model::event::EventKind;
use crate::domain::model::line_refund::RefundedUnits;
use crate::domain::model::money::Money;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{PaymentState, ProviderAnswer, ProviderRequest};
use crate::domain::model::refund::{HandedBack, Refund, RefundState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{PaymentId, RefundId};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Gives money back, through the provider or by hand.
#[derive(Debug, Clone)]
pub struct RefundPayment {
    pub target: Target,
    pub payment: PaymentId,
    /// The units that are paid back. Empty: an amount is.
    pub lines: Vec<RefundedUnits>,
    /// None: all that is left of the payment, or what the units cost.
    pub amount: Option<Money>,
    pub reason: String,
    /// None: the way the payment came.
    pub handed: Option<HandedBack>,
}

impl OrderCommand for RefundPayment {
    const NAME: &'static str = "RefundPayment";
    type Output = RefundId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<RefundId, Refusal> {
        if !self.lines.is_empty() {
            let Self { payment, lines, amount, reason, handed, .. } = self;
            return order.refund_lines(unit, *payment, lines, *amount, reason, handed.as_ref());
        }
        match &self.handed {
            Some(handed) => order.refund_by_hand(unit, self.payment, self.amount, &self.reason, handed),
            None => order.refund(unit, self.payment, self.amount, &self.reason),
        }
    }
}

impl Order {
    /// Decides to pay money back, the way it came: never more than was captured and not yet paid back.
    pub fn refund(
        &mut self,
        unit: &mut UnitOfWork,
        id: PaymentId,
        amount: Option<Money>,
        reason: &str,
    ) -> Result<RefundId, Refusal> {
        let index = self.giving_index(id)?;
        let payment = &self.payments[index];
        if let Some(at) = payment.at_provider().filter(|_| payment.refused_refunds() >= REFUSED_REFUNDS_MAX) {
            let message = format!(
                "{} refused {REFUSED_REFUNDS_MAX} refunds of {id}; pay back by other means, with a method",
                at.provider
            );
            return Err(self.unmet_part(Reason::LimitReached, payment.state.as_str(), message));
        }
        let refund = match self.owed_by_hand(index, amount)? {
            Some(owed) => owed,
            None => self.begin_refund_of(unit, index, amount, reason)?,
        };
        if !self.payments[index].is_by_provider() {
            // Cash and transfers are paid back by the person who says so.
            self.answer_refund(unit, refund, &ProviderAnswer::Done(String::new()))?;
        }
        Ok(refund)
    }

    /// Writes down that a person paid money back by other means. What came through a provider goes back through it,
    /// unless that has refused: else it could be paid back twice.
    pub fn refund_by_hand(
        &mut self,
        unit: &mut UnitOfWork,
        id: PaymentId,
        amount: Option<Money>,
        reason: &str,
        handed: &HandedBack,
    ) -> Result<RefundId, Refusal> {
        let index = self.giving_index(id)?;
        let payment = &self.payments[index];
        if payment.is_by_credit() {
            let message = "must be left out: what a store credit paid goes back on it";
            return Err(Refusal::invalid("method", message));
        }
        if let Some(at) = payment.at_provider().filter(|_| payment.refused_refunds() == 0) {
            let message =
                format!("{} has not refused to pay {id} back: ask it first, without a method", at.provider);
            return Err(self.unmet_part(Reason::IllegalTransition, payment.state.as_str(), message));
        }
        let refund = match self.owed_by_hand(index, amount)? {
            Some(owed) => owed,
            None => self.begin_refund_of(unit, index, amount, reason)?,
        };
        let (_, nth) = self.refund_index(refund)?;
        self.payments[index].refunds[nth].handed_back = Some(handed.clone());
        self.answer_refund(unit, refund, &ProviderAnswer::Done(String::new()))?;
        Ok(refund)
    }

    /// The checks that every refund has to pass; returns the payment's index. Of an archived order money may go back at
    /// any time, and it stays archived.
    pub(super) fn giving_index(&self, id: PaymentId) -> Result<usize, Refusal> {
        let index = self.payment_index(id)?;
        // An order that is being paid is cancelled, not refunded: what it paid would be due again.
        if self.state == OrderState::Invoiced && self.payments[index].owed_by_hand().is_none() {
            return Err(self.out_of_turn("refund"));
        }
        Ok(index)
    }

    /// What the end of an order left owing in cash or by transfer is paid back whole when a person says so.
    pub(super) fn owed_by_hand(
        &self,
        index: usize,
        amount: Option<Money>,
    ) -> Result<Option<RefundId>, Refusal> {
        let Some(owed) = self.payments[index].owed_by_hand() else { return Ok(None) };
        if amount.is_some_and(|it| it != owed.amount) {
            let message = format!("must be left out or the {} that refund {} owes", owed.amount, owed.id);
            return Err(Refusal::invalid("amount", message));
        }
        Ok(Some(owed.id))
    }

    fn begin_refund_of(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        amount: Option<Money>,
        reason: &str,
    ) -> Result<RefundId, Refusal> {
        let amount = self.amount_of_payment(index, amount)?;
        self.begin_refund(unit, index, amount, reason)
    }

    /// How much a payment gives back: what is asked for, or all that is left of it without what the shop keeps for good,
    /// such as the money behind store credit.
    pub(super) fn amount_of_payment(&self, index: usize, amount: Option<Money>) -> Result<Money, Refusal> {
        let payment = &self.payments[index];
        let left = payment.amount.currency.of(payment.refundable_minor());
        let whole = payment.amount.currency.of(left.minor.min(self.payable_minor()));
        if amount.is_none() && whole.minor <= 0 && left.minor > 0 {
            let message =
                format!("the {left} that are left are kept for fees and store credit; name an amount");
            return Err(self.unmet_part(Reason::RefundExceedsCapture, payment.state.as_str(), message));
        }
        let amount = amount.unwrap_or(whole);
        if amount.currency != left.currency {
            return Err(Refusal::invalid("amount", format!("must be in {}", left.currency)));
        }
        if amount.minor > left.minor || left.minor <= 0 {
            let message = format!("{amount} is more than the {left} that can be paid back");
            return Err(self.unmet_part(Reason::RefundExceedsCapture, payment.state.as_str(), message));
        }
        if amount.minor <= 0 {
            return Err(Refusal::invalid("amount", "must be more than zero"));
        }
        if amount.minor < whole.minor && payment.refunds.len() - payment.refused_refunds() >= REFUND_PARTS_MAX
        {
            let message = format!(
                "a payment is given back in at most {REFUND_PARTS_MAX} parts and a last one: give back all {left}"
            );
            return Err(self.unmet_part(Reason::LimitReached, payment.state.as_str(), message));
        }
        Ok(amount)
    }

    pub(in crate::domain) fn begin_refund(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        amount: Money,
        reason: &str,
    ) -> Result<RefundId, Refusal> {
        let id: RefundId = unit.ids.fresh();
        let payment = &mut self.payments[index];
        let is_by_credit = payment.is_by_credit();
        payment.updated_at = unit.now;
        payment.refunds.push(Refund {
            id,
            payment: payment.id,
            state: RefundState::Pending,
            amount,
            reason: reason.to_owned(),
            handed_back: None,
            provider_reference: None,
            failure: None,
            requested_at: unit.now,
            attempts: 0,
            created_by: unit.actor.clone(),
            created_at: unit.now,
            updated_at: unit.now,
        });
        let text = format!("refund {id} of {amount} from {}", payment.id);
        self.record(unit, EventKind::RefundRequested, Some(opened(id.0, RefundState::Pending)), text);
        if is_by_credit {
            self.answer_refund(unit, id, &ProviderAnswer::Done(String::new()))?;
        }
        Ok(id)
    }

    pub fn refund_of(&self, id: RefundId) -> Option<&Refund> {
        self.payments.iter().flat_map(|it| &it.refunds).find(|it| it.id == id)
    }

    pub fn refund_index(&self, id: RefundId) -> Result<(usize, usize), Refusal> {
        let found = self.payments.iter().enumerate().find_map(|(payment, it)| {
            it.refunds.iter().position(|refund| refund.id == id).map(|refund| (payment, refund))
        });
        found.ok_or_else(|| Refusal::not_found("refund", id))
    }

    /// The provider's answer to a refund; returns whether it changed anything.
    pub fn answer_refund(
        &mut self,
        unit: &mut UnitOfWork,
        id: RefundId,
        answer: &ProviderAnswer,
    ) -> Result<bool, Refusal> {
        let (payment, refund) = self.refund_index(id)?;
        let refund = &mut self.payments[payment].refunds[refund];
        if refund.state != RefundState::Pending {
            return Ok(false);
        }
        refund.updated_at = unit.now;

        let (to, kind) = match answer {
            ProviderAnswer::Unknown(why) => {
                refund.attempts += 1;
                refund.requested_at = unit.now;
                refund.failure = reason_of(why);
                return Ok(true);
            }
            ProviderAnswer::Done(reference) => {
                refund.provider_reference = (!reference.is_empty()).then(|| reference.clone());
                refund.failure = None;
                (RefundState::Succeeded, EventKind::RefundSucceeded)
            }
            ProviderAnswer::Declined(why) => {
                refund.failure = reason_of(why);
                (RefundState::Failed, EventKind::RefundFailed)
            }
        };
        let step = step_between(id.0, refund.state, to)?;
        refund.state = to;
        let by = refund.handed_by().map(|it| format!(" by {it}")).unwrap_or_default();
        let text = format!("refund {id} of {} {to}{by}", refund.amount);
        self.record(unit, kind, Some(step), text);
        if to == RefundState::Succeeded && self.told_refunds().any(|it| it.id == id) {
            self.notify_refund(unit);
        }
        Ok(true)
    }

    /// Undoes all money of an order that is over: open authorisations are voided, one after the other, captures paid
    /// back. What the provider has not answered yet is undone when the answer comes.
    pub(in crate::domain) fn pay_back(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.archived_from.unwrap_or(self.state) == OrderState::Closed {
            return Ok(());
        }
        // What was kept when less was paid back for units than they cost is kept still.
        let mut payable = self.payable_minor();
        for index in 0..self.payments.len() {
            let payment = &self.payments[index];
            if payment.request.is_some() {
                continue;
            }
            let left = payment.amount.currency.of(payment.refundable_minor().min(payable));
            payable -= left.minor;
            if payment.state == PaymentState::Authorized {
                if self.payments.iter().all(|it| it.request.is_none()) {
                    self.request_from_provider(unit, index, ProviderRequest::Void);
                }
            } else if left.minor > 0 {
                self.begin_refund(unit, index, left, "the order is over")?;
            }
        }
        Ok(())
    }
}
