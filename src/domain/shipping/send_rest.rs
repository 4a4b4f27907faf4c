//! What waited for stock while the rest of its order was sent: it joins what is not begun yet, or is sent on its own.

use std::collections::BTreeSet;

use crate::domain::inventory::allocate::Take;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::scalars::LocationCode;
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// Plans units that are set aside now, of an order that has shipments.
    pub(in crate::domain) fn send_rest(&mut self, unit: &mut UnitOfWork, takes: &[Take]) {
        let planned_before = self.shipments.len();
        let mut touched: BTreeSet<usize> = BTreeSet::new();
        for take in takes {
            let Some(item) = self.item_of(take) else { continue };
            let index = match self.unbegun_shipment(&take.location, take.line) {
                Some(index) => {
                    let items = &mut self.shipments[index].items;
                    match items.iter_mut().find(|it| it.line == item.line) {
                        Some(it) => it.quantity += item.quantity,
                        None => items.push(item),
                    }
                    index
                }
                None => {
                    self.plan_shipment(unit, take.location.clone(), vec![item]);
                    let index = self.shipments.len() - 1;
                    self.shipments[index].brings_rest = true;
                    index
                }
            };
            touched.insert(index);
        }
        for index in touched {
            if index < planned_before {
                self.touch_shipment(unit, index);
            }
            self.promise_shipment_anew(unit, index, PromiseOccasion::Availability);
            if index >= planned_before {
                self.promise_rest(index);
            }
        }
    }

    /// The customer goes by the date of the shipment itself: that of the order was told for what was there.
    fn promise_rest(&mut self, index: usize) {
        let location = &self.shipments[index].location;
        let legs = self.promise.iter().flat_map(|it| &it.legs);
        let leg = legs.into_iter().find(|it| it.location == *location);
        self.shipments[index].promised_by = leg.and_then(|it| it.cheapest_at.or(it.delivery_at));
    }

    /// A shipment from there that nobody has begun to pick: the one with the line, if there are several.
    fn unbegun_shipment(&self, location: &LocationCode, line: i32) -> Option<usize> {
        let is_unbegun = |it: &Shipment| it.location == *location && it.state == ShipmentState::Planned;
        let has_line = |it: &Shipment| it.items.iter().any(|it| it.line == line);
        let with_line = self.shipments.iter().position(|it| is_unbegun(it) && has_line(it));
        with_line.or_else(|| self.shipments.iter().position(is_unbegun))
    }

    fn item_of(&self, take: &Take) -> Option<ShipmentItem> {
        let line = self.lines.iter().find(|it| it.number == take.line)?;
        Some(ShipmentItem {
            line: take.line,
            sku: take.sku.clone(),
            description: line.description.clone(),
            quantity: take.quantity,
            picked: 0,
            checked: 0,
            packed: 0,
            weight_grams: line.weight_grams,
            handling: line.handling.clone(),
            cancelled: 0,
            lots: Vec::new(),
        })
    }
}
