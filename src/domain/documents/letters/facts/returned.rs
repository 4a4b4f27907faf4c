//! What letters tell of goods that come back.

use crate::domain::documents::letters::facts::{Facts, Item, Returned, Source, plain};
use crate::domain::model::message::Message;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::returns::{Return, ReturnLine};

impl Source<'_> {
    /// The return that a message is about.
    pub(super) fn add_return(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let order = self.order;
        let it = order.return_told(message).ok_or("the order has no such return")?;
        let of_it = order.line_refunds.iter().filter(|refund| refund.of_return == Some(it.id));
        let retained: i64 = of_it.clone().map(|refund| refund.retained_minor).sum();
        let refunds = of_it.flat_map(|refund| &refund.refunds).filter_map(|id| order.refund_of(*id));
        let goes_back = |refund: &&Refund| refund.state != RefundState::Failed;
        let refunded = refunds.filter(goes_back).map(|refund| refund.amount.minor).sum();
        let exchanged: i64 = it.exchanges.iter().map(|exchange| exchange.value_minor).sum();
        let some = |minor: i64| (minor > 0).then(|| self.money(minor));
        let codes: Vec<String> = it.store_credits.iter().map(ToString::to_string).collect();
        facts.returned = Some(Returned {
            number: it.full_number(order.number),
            goods: self.returned_items(it, |line| line.quantity - line.missing),
            awaited_until: it.awaited_until.map(|it| self.locale.moment(&self.clock(), it)),
            reason: plain(&it.end_reason),
            refund: some(refunded),
            credit: some(retained - it.fee_minor - exchanged).filter(|_| !codes.is_empty()),
            codes: Some(codes.join(", ")).filter(|it| !it.is_empty()),
            fee: some(it.fee_minor),
            exchanged: self.returned_items(it, |line| line.exchanged),
            repaired: self.returned_items(it, |line| line.repaired),
            rejected: self.returned_items(it, |line| line.rejected),
        });
        Ok(())
    }

    fn returned_items(&self, it: &Return, units: fn(&ReturnLine) -> i64) -> Vec<Item> {
        let some = it.lines.iter().filter(|line| units(line) > 0);
        some.filter_map(|line| {
            let sold = self.order.lines.iter().find(|sold| sold.number == line.line)?;
            Some(self.item(units(line), &sold.description, sold.sku.as_str()))
        })
        .collect()
    }
}
