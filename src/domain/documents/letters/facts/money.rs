//! What letters tell of money: how it is paid beside money, what is still due, what went back.

use crate::domain::documents::letters::facts::{Facts, RefundWay, Source};
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::message::{Message, MessageKind};
use crate::domain::model::method::Method;
use crate::domain::model::order::OrderState;
use crate::domain::model::refund::Refund;

impl Source<'_> {
    /// What is not paid with money: by store credit, or by what came back for an exchange.
    pub(super) fn set_paid_otherwise(&self, facts: &mut Facts, minor: i64) {
        let paid = (minor > 0).then(|| self.money(minor.saturating_neg()));
        (facts.by_credit, facts.by_exchange) = match facts.exchange_of {
            None => (paid, None),
            Some(_) => (None, paid),
        };
    }

    pub(super) fn due(&self) -> Option<String> {
        let due = self.order.due_minor();
        (self.order.state == OrderState::Invoiced && due > 0).then(|| self.money(due))
    }

    /// The refunds in this message: from the n-th successful one up to the one where the next message begins; all of
    /// them if the message names none.
    pub(super) fn add_refund(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let mut done: Vec<&Refund> = order.told_refunds().collect();
        done.sort_by_key(|it| (it.updated_at, it.id));
        let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
        let told = match nth {
            Some(nth) => {
                let letters = order.messages.iter().filter(|it| it.kind == MessageKind::RefundIssued);
                let next = letters.map(|it| it.sequence).filter(|it| *it > message.sequence).min();
                let end = next.and_then(|it| usize::try_from(it - 1).ok()).unwrap_or(done.len());
                let told = done.get(nth..end).filter(|it| !it.is_empty());
                told.ok_or("the order has no such refund")?.to_vec()
            }
            None if done.is_empty() => return Err("nothing has been paid back".to_owned()),
            None => done,
        };
        let minor = told.iter().map(|it| it.amount.minor).fold(0, i64::saturating_add);
        facts.refund = Some(self.money(minor));
        let by_credit = |it: &Refund| {
            let payment = order.payments.iter().find(|payment| payment.id == it.payment);
            payment.filter(|it| it.is_by_credit()).map(|_| Method::StoreCredit)
        };
        let way_of = |it: &Refund| it.handed_by().or_else(|| by_credit(it));
        let way = told.last().and_then(|it| way_of(it));
        facts.refund_way = match way {
            _ if told.iter().any(|it| way_of(it) != way) => Some(RefundWay::Several),
            None => None,
            Some(Method::Cash) => Some(RefundWay::Cash),
            Some(Method::BankTransfer | Method::Card | Method::Paypal) => Some(RefundWay::Transfer),
            Some(Method::StoreCredit) => Some(RefundWay::Credit),
        };
        Ok(())
    }

    /// What one call cancelled: the nth, or the last.
    pub(super) fn add_cancelled(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
        let all = &order.line_cancellations;
        let found = nth.map_or_else(|| all.last(), |it| all.get(it));
        let cancellation = found.ok_or("nothing of the order was cancelled")?;
        for units in &cancellation.units {
            if let Some(line) = order.lines.iter().find(|it| it.number == units.line) {
                facts.cancelled.push(self.item(units.quantity, &line.description, line.sku.as_str()));
            }
        }
        facts.cancelled_value = Some(self.money(cancellation.value_minor));
        facts.due = self.due();
        let refund = cancellation.refund_minor;
        facts.refund = (refund > 0).then(|| self.money(refund));
        let issued = |it: &&CreditNote| cancellation.credit_notes.contains(&it.id) && it.number > 0;
        let numbers: Vec<String> =
            order.credit_notes.iter().filter(issued).map(CreditNote::full_number).collect();
        facts.credit_note = (!numbers.is_empty()).then(|| numbers.join(", "));
        Ok(())
    }
}
