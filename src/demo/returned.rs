//! Goods of a delivered order come back: back on the shelf, and their money with a credit note.

use super::Demo;
use super::client::words::money;
use super::error::DemoError;

/// Units of the first line that come back.
const UNITS: i64 = 1;

impl Demo {
    /// One unit that arrived damaged, from the request to the closed return.
    pub(super) async fn take_back(&mut self, order_id: &str) -> Result<(), DemoError> {
        let order = self.client.order(order_id).await?;
        let line =
            order.lines.first().ok_or_else(|| DemoError::Wrong("an order without lines".to_owned()))?;
        let back = self.client.create_return(order_id, line.number, UNITS).await?;
        self.tell("CreateReturn", &format!("{UNITS} × {} of order {}", line.sku, order.number));
        self.client.authorize_return(&back.id).await?;
        let items = order.reservation.as_ref().map(|it| it.items.as_slice()).unwrap_or_default();
        let location = items.iter().find(|it| it.line_number == line.number).map(|it| it.location.as_str());
        let location = location.ok_or_else(|| DemoError::Wrong("a line without a location".to_owned()))?;
        self.client.receive_return(&back.id, location, line.number, UNITS).await?;
        self.client.restock_return(&back.id, line.number, UNITS).await?;
        self.tell("InspectReturn", &format!("back on the shelf at {location}"));
        let answered = self.client.refund_return(&back.id, line.number, UNITS).await?;
        let [note] = answered.credit_note_ids.as_slice() else {
            return Err(DemoError::Wrong("a return without its credit note".to_owned()));
        };
        let note = self.client.credit_note(note).await?;
        let refunded = answered.refunded_amount.as_ref().map(money).unwrap_or_default();
        self.client.close_return(&back.id).await?;
        let text = format!(
            "{UNITS} × {} of order {}: credit note {}, {refunded} paid back",
            line.sku, order.number, note.number
        );
        self.tell("CloseReturn", &text);
        self.shown.came_back = text;
        Ok(())
    }
}
