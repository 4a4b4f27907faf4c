//! Store credit: a code with a balance, which pays as money does. It takes nothing off prices or taxes: what it is worth it
//! pays, of any order. The balance is set aside when the order is placed, is a payment of the invoice once that is issued,
//! and is on the code again when it is paid back, first of all payments.

use crate::domain::discounts::valid::{must_be_valid, problem};
use crate::domain::model::discount::{CreditDraw, DiscountKey, StoreCredit};
use crate::domain::model::method::Method;
use crate::domain::model::order::Order;
use crate::domain::model::payment::Means;
use crate::domain::model::refusal::{Problem, Reason, Refusal};
use crate::domain::model::scalars::CustomerId;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The balance for an order that names the code.
pub(super) fn draw(
    unit: &UnitOfWork,
    code: &DiscountKey,
    credit: StoreCredit,
    named: Option<CustomerId>,
) -> Result<CreditDraw, Problem> {
    if credit.customer.is_some() && credit.customer != named {
        let why = format!("store credit {code} is for orders that name the customer whom it was given to");
        return Err(problem(Reason::DiscountCodeOtherCustomer, why));
    }
    let worth_minor = credit.worth.minor;
    let balance = worth_minor - unit.discount_uses(code, "").drawn_minor;
    if balance <= 0 {
        return Err(problem(Reason::DiscountCodeUsedUp, format!("nothing is left of store credit {code}")));
    }
    Ok(CreditDraw { code: code.clone(), worth_minor, set_aside_minor: balance })
}

impl Order {
    /// No more is set aside than the order comes to.
    pub(in crate::domain) fn set_aside_no_more_than_needed(&mut self) {
        let total_minor = self.total_minor();
        if let Some(draw) = &mut self.store_credit {
            draw.set_aside_minor = draw.set_aside_minor.min(total_minor);
        }
    }

    /// A corrected order gets what the store credit has left beside what other orders have. One that is out of use by now
    /// gives no more than before.
    pub(in crate::domain) fn draw_again(&mut self, unit: &UnitOfWork) {
        let before = unit.order_before(self.id).map_or(0, Order::credit_held_minor);
        let Some(draw) = &mut self.store_credit else { return };
        let by_others = unit.discount_uses(&draw.code, "").drawn_minor - before;
        let left = (draw.worth_minor - by_others).max(0);
        let is_in_use = unit.discount_code(&draw.code).is_some_and(|it| must_be_valid(unit, it).is_ok());
        draw.set_aside_minor = if is_in_use { left } else { left.min(before) };
        self.set_aside_no_more_than_needed();
    }

    /// What is set aside is on the code again.
    pub(super) fn set_credit_free(&mut self) {
        if let Some(draw) = &mut self.store_credit {
            draw.set_aside_minor = 0;
        }
    }

    /// What is set aside pays the invoice that was issued just now.
    pub(in crate::domain) fn pay_by_credit(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some(draw) = self.store_credit.as_mut().filter(|it| it.set_aside_minor > 0) else {
            return Ok(());
        };
        let minor = std::mem::take(&mut draw.set_aside_minor);
        let means = Means::StoreCredit(draw.code.clone());
        let amount = self.amounts.currency.of(minor);
        self.book_captured(unit, Method::StoreCredit, means, amount).map(|_| ())
    }
}
