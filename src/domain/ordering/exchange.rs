//! The order that a customer gets in exchange for goods that came back: received, verified, reserved, approved and invoiced
//! as every order. It goes to the same customer and address, in the same currency, and is no duplicate of the first.

use crate::domain::discounts::offer::fresh_code;
use crate::domain::model::amounts::{Amounts, Discount};
use crate::domain::model::discount::{CreditDraw, DiscountCode, Gives, StoreCredit};
use crate::domain::model::event::EventKind;
use crate::domain::model::exchange::{ExchangeLine, InExchange};
use crate::domain::model::line::OrderLine;
use crate::domain::model::message::MessageKind;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{OnLate, OrderId};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::pricing::Pricing;
use crate::domain::ordering::receive::build_order;
use crate::domain::ordering::verify::Waive;
use crate::domain::unit::command::conclude;
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Takes the order in, on to the first gate that needs a person.
    pub(in crate::domain) fn order_in_exchange(
        &self,
        unit: &mut UnitOfWork<'_>,
        it: InExchange,
    ) -> Result<OrderId, Refusal> {
        let InExchange { lines, of, value } = it;
        let mut order = build_order(unit, &self.asked_in_exchange(&lines, unit.now), self.named.clone())?;
        order.amounts = carry_over(&mut order.lines, &order.amounts, &lines);
        order.unwanted_messages = self.unwanted_messages.clone();
        if value.minor > 0 {
            let code = fresh_code(unit, "EXCHANGE");
            let description = format!(
                "pays for what order {} gets in exchange by return {}",
                of.order_number, of.return_number
            );
            let credit = StoreCredit {
                worth: value,
                of_return: of.of_return,
                customer: self.named.as_ref().map(|it| it.id),
                exchange: Some(order.id),
            };
            // Out of use from the first: the order has it, and nobody else gets any of it.
            let issued = DiscountCode {
                code: code.clone(),
                version: 1,
                gives: Gives::Credit(credit),
                starts_at: None,
                ends_at: None,
                minimums: Vec::new(),
                uses_max: None,
                uses_per_customer_max: None,
                description,
                offered_by: None,
                created_at: unit.now,
                updated_at: unit.now,
                active: false,
            };
            unit.changes.discount_codes.insert(code.clone(), issued.into());
            let (worth_minor, set_aside_minor) = (value.minor, value.minor);
            order.store_credit = Some(CreditDraw { code, worth_minor, set_aside_minor });
            order.set_aside_no_more_than_needed();
        }
        let total = order.amounts.currency.of(order.total_minor());
        let text = format!(
            "received in exchange for return {} of order {}, {} lines, {total}",
            of.return_number,
            of.order_number,
            order.lines.len()
        );
        order.exchange_of = Some(of);
        order.record(unit, EventKind::OrderReceived, Some(opened(order.id.0, OrderState::Received)), text);
        order.notify(unit, MessageKind::OrderReceived, None, 0);
        // Who exchanges wants the same again: that makes it no duplicate.
        order.verify(unit, None, Waive::Nothing)?;
        let id = order.id;
        conclude(order, unit)?;
        Ok(id)
    }

    /// What the lines of an order in exchange would come to.
    pub(in crate::domain) fn price_in_exchange(
        &self,
        unit: &UnitOfWork<'_>,
        lines: &[ExchangeLine],
    ) -> Result<(Vec<OrderLine>, Amounts), Refusal> {
        let new: Vec<_> = lines.iter().map(|it| it.new.clone()).collect();
        let pricing = Pricing {
            currency: self.amounts.currency,
            prices_include_tax: self.amounts.prices_include_tax,
            discount: None,
            redemption: None,
            shipping_minor: 0,
            received_at: unit.now,
            tax_exempt: self.tax_exempt(),
            has: Vec::new(),
        };
        let mut priced = pricing.of_lines(unit, &self.shipping_address.country, &new)?;
        let amounts = carry_over(&mut priced.lines, &priced.amounts, lines);
        Ok((priced.lines, amounts))
    }

    /// It waits for stock as long as the first order's caller would have had that wait.
    fn asked_in_exchange(&self, lines: &[ExchangeLine], now: Timestamp) -> NewOrder {
        NewOrder {
            channel: self.channel,
            external_reference: String::new(),
            customer: self.customer.clone(),
            shipping_address: self.shipping_address.clone(),
            billing_address: self.billing_address.clone(),
            currency: self.amounts.currency,
            lines: lines.iter().map(|it| it.new.clone()).collect(),
            discount: None,
            discount_code: None,
            prices_include_tax: self.amounts.prices_include_tax,
            shipping_fee: Some(self.amounts.currency.zero()),
            special_instructions: self.special_instructions.clone(),
            service: self.service,
            on_shortage: self.on_shortage,
            allocation: self.allocation,
            reservation_lifetime_seconds: self.reservation_lifetime_seconds,
            requested_by: None,
            on_late: OnLate::Accept,
            wait_until: self.wait_until.map(|it| now.plus(it.since(self.created_at))),
            labels: self.labels.clone(),
            named: None,
        }
    }
}

/// Like for like, lines have the amounts that the units had come to; returns the sums.
fn carry_over(lines: &mut [OrderLine], amounts: &Amounts, asked: &[ExchangeLine]) -> Amounts {
    for (line, asked) in lines.iter_mut().zip(asked) {
        if let Some(share) = asked.share {
            line.discount = (share.discount_minor > 0).then_some(Discount::Amount(share.discount_minor));
            line.amounts = share;
            line.carried_over = true;
        }
    }
    amounts.over(lines.iter().map(|it| it.amounts))
}
