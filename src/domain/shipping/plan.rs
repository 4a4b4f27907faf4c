//! An order is divided into shipments, one per location.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::{LocationCode, ShipmentId};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Step 9's start: one shipment per location that holds stock for the order.
    pub(in crate::domain) fn plan_shipments(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let reservation: &Reservation = self.current_reservation().expect("a paid order has its reservation");
        let mut locations: Vec<LocationCode> =
            reservation.items.iter().filter(|it| it.open() > 0).map(|it| it.location.clone()).collect();
        locations.sort();
        locations.dedup();

        let items: Vec<_> = reservation.items.iter().filter(|it| it.open() > 0).cloned().collect();
        for location in locations {
            let here = items.iter().filter(|it| it.location == location);
            let items = here.filter_map(|it| {
                let line = self.lines.iter().find(|line| line.number == it.line)?;
                Some(ShipmentItem {
                    line: it.line,
                    sku: it.sku.clone(),
                    description: line.description.clone(),
                    quantity: it.open(),
                    picked: 0,
                    checked: 0,
                    packed: 0,
                    weight_grams: line.weight_grams,
                    handling: line.handling.clone(),
                    cancelled: 0,
                })
            });
            let items = items.collect();
            self.plan_shipment(unit, location, items);
        }
        let text = format!("{} shipments", self.shipments.len());
        self.transition_automatic(unit, OrderState::Fulfilling, EventKind::FulfillmentStarted, text)
    }

    /// One more shipment, with the next number.
    pub(super) fn plan_shipment(
        &mut self,
        unit: &mut UnitOfWork,
        location: LocationCode,
        items: Vec<ShipmentItem>,
    ) {
        let id: ShipmentId = unit.ids.fresh();
        let number = i32::try_from(self.shipments.len()).unwrap_or(i32::MAX - 1) + 1;
        let text = format!("{id} from {location}");
        self.shipments.push(Shipment {
            id,
            order: self.id,
            number,
            version: 1,
            location,
            state: ShipmentState::Planned,
            items,
            packages: Vec::new(),
            label: None,
            assignment: None,
            handover: None,
            tracking: Vec::new(),
            proof: None,
            promised_by: self.promised_by,
            estimated_at: None,
            created_at: unit.now,
            updated_at: unit.now,
            told: Vec::new(),
            slips: Vec::new(),
            booking: None,
            called_off: Vec::new(),
            courier_refusal: None,
            carrier_labels: Vec::new(),
            labels_recorded: 0,
            reports_updated: 0,
            resolutions: Vec::new(),
        });
        let step = opened(id.0, ShipmentState::Planned);
        self.record_automatic(unit, EventKind::ShipmentPlanned, Some(step), text);
    }
}
