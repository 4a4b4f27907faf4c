//! An order that changes after it was paid: a part is cancelled, and a count does not find what was set aside for it.

use super::Demo;
use super::client::words::{counted, money};
use super::error::DemoError;
use crate::pb;

/// Units that the customer does not want any more.
const CANCELLED_UNITS: i64 = 2;

/// Units of its first line that a count finds where they were set aside.
const FOUND_UNITS: i64 = 1;

impl Demo {
    /// What happens to the first line of a paid order before it is picked.
    pub(super) async fn change_what_was_sold(&mut self, order: &pb::Order) -> Result<pb::Order, DemoError> {
        let line =
            order.lines.first().ok_or_else(|| DemoError::Wrong("an order without lines".to_owned()))?;
        self.cancel_a_part(order, line).await?;
        self.count_below_what_is_reserved(&order.id, line).await?;
        self.change_a_line(&order.id, line).await?;
        self.client.order(&order.id).await
    }

    async fn cancel_a_part(&mut self, order: &pb::Order, line: &pb::OrderLine) -> Result<(), DemoError> {
        let units = vec![pb::LineUnits { line_number: line.number, quantity: CANCELLED_UNITS }];
        let request = pb::CancelOrderLinesRequest {
            order_id: order.id.clone(),
            lines: units,
            reason: "the customer has enough cups".to_owned(),
            ..Default::default()
        };
        let asked = pb::CancelOrderLinesRequest { validate_only: true, ..request.clone() };
        let preview = self.client.cancel_lines(asked).await?;
        if let Some(cancellation) = preview.line_cancellations.last() {
            let refund = cancellation.refund.as_ref().map(money).unwrap_or_default();
            self.tell("CancelOrderLines", &format!("only asked: {refund} would be paid back"));
        }

        let cancelled = self.client.cancel_lines(request).await?;
        let Some(cancellation) = cancelled.line_cancellations.last() else {
            return Err(DemoError::Wrong("a cancellation without a record".to_owned()));
        };
        let note = match cancellation.credit_note_ids.as_slice() {
            [note] => self.client.credit_note(note).await?,
            _ => return Err(DemoError::Wrong("a cancellation without its credit note".to_owned())),
        };
        let credited = note.total.as_ref().map(money).unwrap_or_default();
        let refund = cancellation.refund.as_ref().map(money).unwrap_or_default();
        let text = format!(
            "{CANCELLED_UNITS} of {} × {} of order {}: credit note {} over {credited}, {refund} paid back",
            line.quantity, line.sku, order.number, note.number
        );
        self.tell("CancelOrderLines", &text);
        self.shown.part_cancelled = text;
        Ok(())
    }

    /// One unit less of the line and its like beside it: nothing is to be paid, and both invoices have their papers.
    async fn change_a_line(&mut self, id: &str, line: &pb::OrderLine) -> Result<(), DemoError> {
        let order = self.client.order(id).await?;
        let kept = order.lines.iter().find(|it| it.number == line.number);
        let wanted = kept.map_or(0, |it| it.quantity - it.cancelled);
        let fewer = pb::SetLineQuantity { line_number: line.number, quantity: wanted - 1 };
        let like = pb::AddOrderLine {
            sku: line.sku.clone(),
            quantity: 1,
            unit_price: line.unit_price.clone(),
            description: format!("{}, as a gift", line.description),
        };
        let item = |item| pb::OrderChangeItem { item: Some(item) };
        let items = vec![
            item(pb::order_change_item::Item::SetQuantity(fewer)),
            item(pb::order_change_item::Item::AddLine(like)),
            item(pb::order_change_item::Item::SetInstructions("wrap the gift".to_owned())),
        ];
        let draft = pb::CreateOrderChangeRequest {
            order_id: id.to_owned(),
            items,
            reason: "one of them is a gift".to_owned(),
            ..Default::default()
        };
        let change = self.client.create_change(draft).await?;
        let proposed = self.client.propose_change(id, &change.id).await?;
        let seen = proposed.proposal.unwrap_or_default();
        let amount = |it: &Option<pb::Money>| it.as_ref().map(money).unwrap_or_default();
        let text = format!(
            "would credit {} and invoice {}, {} to be paid",
            amount(&seen.credited),
            amount(&seen.supplementary_invoiced),
            amount(&seen.to_pay)
        );
        self.tell("ProposeOrderChange", &text);

        let confirmed = self.client.confirm_change(id, &change.id).await?;
        let outcome = confirmed.outcome.unwrap_or_default();
        let note = match outcome.credit_note_ids.as_slice() {
            [note] => self.client.credit_note(note).await?,
            _ => return Err(DemoError::Wrong("a change without its credit note".to_owned())),
        };
        let due = outcome.to_pay.as_ref().is_some_and(|it| it.units > 0 || it.nanos > 0);
        if due {
            self.client.pay_rest(id).await?;
        }
        let text = format!(
            "order {}: credit note {}, supplementary invoice {}, line {} added",
            order.number,
            note.number,
            outcome.supplementary_invoice_id,
            outcome.added_line_numbers.first().copied().unwrap_or_default()
        );
        self.tell("ConfirmOrderChange", &text);
        self.shown.order_changed = text;
        Ok(())
    }

    /// The units that are not there are set aside at the next location of the region.
    async fn count_below_what_is_reserved(
        &mut self,
        id: &str,
        line: &pb::OrderLine,
    ) -> Result<(), DemoError> {
        let order = self.client.order(id).await?;
        let reserved = order.reservation.unwrap_or_default().items;
        let location = reserved.iter().find(|it| it.line_number == line.number).map(|it| it.location.clone());
        let location = location.ok_or_else(|| DemoError::Wrong("a line without a reservation".to_owned()))?;
        let counted_stock = self.client.count_stock(&line.sku, &location, FOUND_UNITS).await?;
        let level = counted_stock.stock_level.unwrap_or_default();
        let orders = counted(counted_stock.order_ids.len(), "order");
        let text = format!("{} × {} at {location}, {orders} concerned", level.on_hand, line.sku);
        self.tell("CountStock", &text);

        let order = self.client.order(id).await?;
        let items = order.reservation.unwrap_or_default().items;
        let shares = items.iter().filter(|it| it.line_number == line.number && it.quantity > it.released);
        let shares: Vec<String> =
            shares.map(|it| format!("{} from {}", it.quantity - it.released, it.location)).collect();
        let text = format!("order {} gets {}", order.number, shares.join(", "));
        self.tell("set aside anew", &text);
        if shares.len() > 1 {
            self.shown.counted_below_reserved = text;
        }
        Ok(())
    }
}
