//! Invariants of an order of which a part waits for stock.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::reservation::ReservedItem;
use crate::domain::model::scalars::OnShortage;
use crate::domain::model::shipment::{ShipmentItem, ShipmentState};

impl Order {
    /// Every unit of an order that ships what is there is at one place: set aside, sent, waited for or cancelled.
    pub(super) fn check_rest(&self, found: &mut Findings) {
        for line in &self.lines {
            let (waiting, most) = (line.waiting_quantity, line.remaining_quantity());
            let key = format!("{} line {}", self.id, line.number);
            found.ensure("W2", &key, (0..=most).contains(&waiting), &format!("0 to {most} waiting"), waiting);
            let may_wait = !line.is_service() && self.may_wait_for_rest();
            found.ensure("W2", &key, waiting == 0 || may_wait, "nothing waiting", waiting);

            let units = self.units_set_aside_or_sent(line) + waiting + line.cancelled_quantity;
            let fits = units <= line.quantity || line.is_service();
            found.ensure("W2", &key, fits, &format!("at most {} units", line.quantity), units);
            let exact = units == line.quantity || line.is_service() || !self.is_whole();
            found.ensure("W2", &key, exact, &format!("{} units", line.quantity), units);
        }
    }

    fn units_set_aside_or_sent(&self, line: &OrderLine) -> i64 {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let set_aside = items.iter().filter(|it| it.line == line.number).map(ReservedItem::open).sum::<i64>();
        let sent = self.live_shipments().filter(|it| it.handover.is_some()).flat_map(|it| &it.items);
        set_aside + sent.filter(|it| it.line == line.number).map(ShipmentItem::remaining).sum::<i64>()
    }

    /// Whether it ships what is there, has it, and nothing of that is missing.
    fn is_whole(&self) -> bool {
        let lacks =
            !self.lacks_nothing() || self.live_shipments().any(|it| it.state == ShipmentState::QcFailed);
        self.on_shortage == OnShortage::ShipAvailable && !self.on_hold() && !lacks && self.has_its_stock()
    }

    fn may_wait_for_rest(&self) -> bool {
        self.on_shortage == OnShortage::ShipAvailable
            && self.has_its_stock()
            && self.current_reservation().is_some()
    }

    fn has_its_stock(&self) -> bool {
        match self.state {
            OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::PartiallyDelivered => true,
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Shipped
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }
}
