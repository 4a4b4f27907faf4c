//! An order is divided into shipments, one per location.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::model::event::EventKind;
use crate::domain::model::line::OrderLine;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{LocationCode, ShipmentId};
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Step 9's start: one shipment per location that has stock for the order.
    pub(in crate::domain) fn plan_shipments(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        self.plan_goods(unit, |order, line| !order.awaits_its_change(line));
        let text = format!("{} shipments", self.shipments.len());
        self.transition_automatic(unit, OrderState::Fulfilling, EventKind::FulfillmentStarted, text)
    }

    /// What changes added since and nothing keeps back is sent on its own: its line tells it from what is under way.
    pub(in crate::domain) fn plan_additions(&mut self, unit: &mut UnitOfWork) {
        let planned = self.shipments.len();
        let is_ready = |order: &Self, line: &OrderLine| {
            !order.awaits_its_change(line) && order.unplanned_goods().any(|it| it.number == line.number)
        };
        self.plan_goods(unit, is_ready);
        for index in planned..self.shipments.len() {
            self.promise_shipment_anew(unit, index, PromiseOccasion::OrderChanged);
        }
    }

    /// Plans these of its lines from the locations that have stock for them.
    fn plan_goods(&mut self, unit: &mut UnitOfWork, is_sent: impl Fn(&Self, &OrderLine) -> bool) {
        let Some(reservation) = self.current_reservation() else { return };
        let sent = |number: i32| self.lines.iter().find(|it| it.number == number && is_sent(self, it));
        let mut by_location: BTreeMap<LocationCode, Vec<ShipmentItem>> = BTreeMap::new();
        for item in reservation.items.iter().filter(|it| it.open() > 0) {
            let Some(line) = sent(item.line) else { continue };
            by_location.entry(item.location.clone()).or_default().push(ShipmentItem {
                line: item.line,
                sku: item.sku.clone(),
                description: line.description.clone(),
                quantity: item.open(),
                picked: 0,
                checked: 0,
                packed: 0,
                weight_grams: line.weight_grams,
                handling: line.handling.clone(),
                cancelled: 0,
                lots: Vec::new(),
            });
        }
        for (location, items) in by_location {
            self.plan_shipment(unit, location, items);
        }
    }

    /// One more shipment, for goods of another one: what was promised of that counts for it.
    pub(super) fn plan_instead(
        &mut self,
        unit: &mut UnitOfWork,
        of: usize,
        location: LocationCode,
        items: Vec<ShipmentItem>,
    ) {
        self.plan_shipment(unit, location, items);
        let (brings_rest, promised_by) = (self.shipments[of].brings_rest, self.shipments[of].promised_by);
        if let Some(last) = self.shipments.last_mut().filter(|_| brings_rest) {
            (last.brings_rest, last.promised_by) = (true, promised_by);
        }
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
            brings_rest: false,
            sent_to: None,
            refused_by: BTreeSet::new(),
        });
        let step = opened(id.0, ShipmentState::Planned);
        self.record_automatic(unit, EventKind::ShipmentPlanned, Some(step), text);
    }
}
