//! What has not left of an order follows another shipping service.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Takes shipments back from couriers that were chosen for another service, and promises anew what has not left.
    pub(in crate::domain) fn follow_service(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.live_shipments().next().is_none() {
            self.promise_anew(unit, PromiseOccasion::OrderChanged);
            return Ok(());
        }
        for index in 0..self.shipments.len() {
            let shipment = &self.shipments[index];
            if shipment.state == ShipmentState::Cancelled || shipment.has_left_the_house() {
                continue;
            }
            let fits = shipment.assignment.as_ref().is_none_or(|it| it.service == self.service);
            if shipment.state == ShipmentState::CourierAssigned && !fits {
                let text = format!("courier released: the service is {} now", self.service);
                self.release_courier(unit, index, EventKind::CourierReleased, text)?;
            } else {
                self.touch_shipment(unit, index);
            }
            self.promise_shipment_anew(unit, index, PromiseOccasion::OrderChanged);
            // While nobody knows another date, the one that was promised stands.
            if let Some(date) = self.date_of_shipment(index) {
                let shipment = &mut self.shipments[index];
                shipment.promised_by = Some(date);
                // The date of a courier that was released was for the service before.
                if shipment.assignment.is_none() {
                    shipment.estimated_at = None;
                }
            }
        }
        let dates: Option<Vec<Timestamp>> = self.live_shipments().map(|it| it.promised_by).collect();
        if let Some(latest) = dates.and_then(|it| it.into_iter().max()) {
            self.promised_by = Some(latest);
        }
        Ok(())
    }

    /// When a shipment could be there, by the cheapest offer; not before the customer wants it.
    fn date_of_shipment(&self, index: usize) -> Option<Timestamp> {
        let location = &self.shipments[index].location;
        let leg = self.promise.iter().flat_map(|it| &it.legs).find(|it| it.location == *location)?;
        let earliest = leg.cheapest_at.or(leg.delivery_at)?;
        Some(self.requested_by.map_or(earliest, |it| it.max(earliest)))
    }
}
