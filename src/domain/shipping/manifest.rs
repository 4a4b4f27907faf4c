//! All parcels of one pickup: their list, and their handover in one call.

use time::Date;

use crate::domain::model::courier::Courier;
use crate::domain::model::location::Location;
use crate::domain::model::manifest::{Manifest, ManifestEntry};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{CourierCode, LocationCode, ShipmentId};
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::{Command, conclude};
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// How many shipments one call hands over.
pub(crate) const HANDED_OVER_MAX: usize = 200;

/// One courier's pickup at one location on one day, by the courier's own clock.
struct Pickup {
    courier: CourierCode,
    location: LocationCode,
    day: Date,
}

/// What waits for this courier at this location on that day, out of these shipments.
pub fn manifest<'a>(
    courier: &Courier,
    location: &Location,
    day: Date,
    waiting: impl IntoIterator<Item = (&'a Order, ShipmentId)>,
) -> Manifest {
    let pickup = Pickup { courier: courier.code.clone(), location: location.code.clone(), day };
    let of = |(order, id): (&'a Order, ShipmentId)| {
        let shipment = order.shipments.iter().find(|it| it.id == id)?;
        pickup.has(courier, shipment).then(|| entry(order, shipment)).flatten()
    };
    let mut entries: Vec<ManifestEntry> = waiting.into_iter().filter_map(of).collect();
    entries.sort_by_key(|it| (it.pickup_at, it.order_number, it.number));
    Manifest {
        courier: courier.code.clone(),
        courier_name: courier.name.clone(),
        location: location.code.clone(),
        location_name: location.name.clone(),
        day,
        entries,
    }
}

fn entry(order: &Order, shipment: &Shipment) -> Option<ManifestEntry> {
    let (numbers, assignment) = (shipment.courier_numbers(), shipment.assignment.as_ref()?);
    let address = shipment.new_address().unwrap_or(&order.shipping_address);
    Some(ManifestEntry {
        shipment: shipment.id,
        order_number: order.number,
        number: shipment.number,
        tracking_number: (*numbers.first()?).to_owned(),
        service: assignment.service,
        packages: packages_of(shipment),
        weight_grams: shipment.packages.iter().map(|it| it.weight_grams).fold(0, i64::saturating_add),
        dangerous: shipment.has_dangerous_goods(),
        town: address.city.clone(),
        country: address.country.clone(),
        pickup_at: assignment.pickup_at,
    })
}

fn packages_of(shipment: &Shipment) -> i32 {
    i32::try_from(shipment.packages.len()).unwrap_or(i32::MAX)
}

impl Pickup {
    fn has(&self, courier: &Courier, shipment: &Shipment) -> bool {
        let Self { courier: code, location, day } = self;
        let due = |at: Timestamp| courier.day_of(at) == *day;
        shipment.state == ShipmentState::CourierAssigned
            && shipment.location == *location
            && shipment.assignment.as_ref().is_some_and(|it| it.courier == *code && due(it.pickup_at))
    }
}

/// Hands the listed shipments of a manifest over, each as ConfirmPickup does. One that cannot be handed over stays, and
/// keeps none of the others back.
#[derive(Debug, Clone)]
pub struct ConfirmManifest {
    pub courier: CourierCode,
    pub location: LocationCode,
    /// None: today, by the courier's own clock.
    pub day: Option<Date>,
    /// None twice; more than [`HANDED_OVER_MAX`] are refused.
    pub shipments: Vec<ShipmentId>,
    pub driver: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

/// Each shipment, and why it was not handed over if it was not.
pub type HandedOver = Vec<(ShipmentId, Result<(), Refusal>)>;

impl Command for ConfirmManifest {
    const NAME: &'static str = "ConfirmManifest";
    type Output = HandedOver;

    fn reads(&self) -> ReadSet {
        ReadSet {
            parts: self.shipments.iter().map(|it| Part::Shipment(*it)).collect(),
            couriers: true,
            locations: true,
            order_stock: true,
            ..ReadSet::default()
        }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<HandedOver, Refusal> {
        let Self { courier, location, day, .. } = self;
        let known = unit.courier(courier).cloned();
        let known = known.ok_or_else(|| Refusal::not_found("courier", courier))?;
        let day = day.unwrap_or_else(|| known.day_of(unit.now));
        if unit.location(location).is_none() {
            return Err(Refusal::not_found("stock location", location));
        }
        if self.shipments.len() > HANDED_OVER_MAX {
            let message = format!("one call hands over at most {HANDED_OVER_MAX} shipments: list them");
            return Err(Refusal::unmet(Reason::LimitReached, message));
        }
        let pickup = Pickup { courier: courier.clone(), location: location.clone(), day };
        let mut results = Vec::new();
        for id in &self.shipments {
            match self.order_of(unit, &pickup, &known, *id) {
                Ok(order) => {
                    self.hand_over(unit, order, *id)?;
                    results.push((*id, Ok(())));
                }
                Err(why) => results.push((*id, Err(why))),
            }
        }
        Ok(results)
    }
}

impl ConfirmManifest {
    /// The order of a shipment that may be handed over now. Nothing has changed where it may not.
    fn order_of(
        &self,
        unit: &mut UnitOfWork<'_>,
        pickup: &Pickup,
        courier: &Courier,
        id: ShipmentId,
    ) -> Result<Order, Refusal> {
        let order = unit.order_of(&Part::Shipment(id))?;
        let order = unit.take_order(order)?;
        let index = order.workable(id)?;
        order.shipment_must_be(index, ShipmentState::CourierAssigned, "confirm the pickup")?;
        order.must_have_its_label(index)?;
        let shipment = &order.shipments[index];
        if !pickup.has(courier, shipment) {
            let message = "the shipment is not on this manifest: another courier, location or day";
            return Err(order.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }
        order.must_not_be_expired(index, order.leaves_at(unit, index, self.at))?;
        Ok(order)
    }

    fn hand_over(&self, unit: &mut UnitOfWork<'_>, mut order: Order, id: ShipmentId) -> Result<(), Refusal> {
        let packages = packages_of(&order.shipments[order.shipment_index(id)?]);
        order.confirm_pickup(unit, id, &self.driver, packages, self.at)?;
        conclude(order, unit)
    }
}
