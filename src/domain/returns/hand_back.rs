//! An order that was made in exchange does not need its value any more: it was cancelled, it expired, or units of it were
//! called off or paid back. In the same decision the value goes back to the customer, the way the first order was paid,
//! without a restocking fee: as often as not it is the shop that could not send what was to go out.

use crate::domain::model::event::EventKind;
use crate::domain::model::exchange::ExchangeOf;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{Actor, OrderId};
use crate::domain::unit::command::conclude;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Value that an order made in exchange has let go of.
struct LetGo {
    by: OrderId,
    of: ExchangeOf,
    /// What it still has.
    held_minor: i64,
}

/// Pays back what orders made in exchange have let go of; from one to the next where the first order was one too.
pub(in crate::domain) fn settle_exchanges(unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
    while let Some(LetGo { by, of, held_minor }) = let_go(unit)? {
        let mut first = unit.take_order(of.order)?;
        let caller = std::mem::replace(&mut unit.actor, Actor::system());
        first.hand_back(unit, &of, by, held_minor)?;
        conclude(first, unit)?;
        unit.actor = caller;
    }
    Ok(())
}

/// The next one that has less than its first order knows of.
fn let_go(unit: &UnitOfWork<'_>) -> Result<Option<LetGo>, Refusal> {
    for order in unit.changes.orders.values() {
        let Some(of) = &order.exchange_of else { continue };
        let held_minor = order.credit_held_minor();
        if unit.loaded_order(order.id).is_some_and(|it| it.credit_held_minor() == held_minor) {
            continue;
        }
        let known = unit.first_order(of.order)?.value_in_exchange(of, order.id);
        if known.is_some_and(|it| it > held_minor) {
            return Ok(Some(LetGo { by: order.id, of: of.clone(), held_minor }));
        }
    }
    Ok(None)
}

impl Order {
    /// What an order made in exchange has of the value of a return of this one.
    fn value_in_exchange(&self, of: &ExchangeOf, by: OrderId) -> Option<i64> {
        let returns = self.returns.iter().filter(|it| it.id == of.of_return);
        returns.flat_map(|it| &it.exchanges).find(|it| it.order == by).map(|it| it.value_minor)
    }

    /// Pays back what the order made in exchange has let go of: it is not retained any more.
    fn hand_back(
        &mut self,
        unit: &mut UnitOfWork,
        of: &ExchangeOf,
        by: OrderId,
        held_minor: i64,
    ) -> Result<(), Refusal> {
        let mut back_minor = 0;
        for it in self.returns.iter_mut().filter(|it| it.id == of.of_return) {
            for exchange in it.exchanges.iter_mut().filter(|it| it.order == by) {
                back_minor = exchange.value_minor - held_minor;
                exchange.value_minor = held_minor;
                it.updated_at = unit.now;
            }
        }
        let Some(entry) = self.line_refunds.iter().position(|it| it.exchanged_for == Some(by)) else {
            return Ok(());
        };
        let back = self.amounts.currency.of(back_minor);
        let text = format!("order {by}, made in exchange, does not need {back} any more");
        self.record(unit, EventKind::ExchangeHandedBack, None, text);

        self.line_refunds[entry].retained_minor -= back_minor;
        // A person may have paid back more than was to be, out of what was kept.
        let payable = self.amounts.currency.of(back_minor.min(self.payable_minor()));
        for (payment, part) in self.spread(0, payable) {
            let payment = self.payment_index(payment)?;
            let refund = self.begin_refund(unit, payment, part, "what was exchanged is not sent")?;
            self.line_refunds[entry].refunds.push(refund);
        }
        Ok(())
    }
}
