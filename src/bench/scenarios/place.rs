//! Placing and paying orders (`place`), and all calls until the goods are delivered (`lifecycle`).

use std::sync::{Arc, Mutex, PoisonError};

use tonic::Status;

use crate::bench::caller::{Caller, unexpected};
use crate::bench::catalogue::{COURIER, Catalogue, Reach};
use crate::bench::driver::Operation;
use crate::bench::tally::Tally;
use crate::pb;

/// Orders that are remembered to be read later; of more, these are enough to choose from.
const REMEMBERED: usize = 100_000;

/// An order of two products is created, verified, reserved and invoiced, and paid by card.
pub(in crate::bench) struct Place {
    catalogue: Arc<Catalogue>,
    reach: Reach,
    placed: Mutex<Vec<String>>,
}

impl Place {
    pub(in crate::bench) fn new(catalogue: &Arc<Catalogue>, reach: Reach) -> Arc<Self> {
        Arc::new(Self { catalogue: Arc::clone(catalogue), reach, placed: Mutex::default() })
    }

    /// The ids of orders that were placed.
    pub(in crate::bench) fn placed(&self) -> Vec<String> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Operation for Place {
    const NAME: &'static str = "place";

    async fn run(&self, caller: &Caller, _: u64, tally: &Tally) -> Result<(), Status> {
        let id = place(&self.catalogue, self.reach, caller, tally).await?;
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if placed.len() < REMEMBERED {
            placed.push(id);
        }
        Ok(())
    }
}

/// From receipt to proof of delivery.
pub(in crate::bench) struct Lifecycle(pub(in crate::bench) Arc<Catalogue>);

impl Operation for Lifecycle {
    const NAME: &'static str = "lifecycle";

    async fn run(&self, caller: &Caller, _: u64, tally: &Tally) -> Result<(), Status> {
        let order = place(&self.0, Reach::Email, caller, tally).await?;
        let shipment = send_off(&order, caller, tally).await?;
        let delivered = tally.time("ConfirmDelivery", caller.confirm_delivery(&shipment)).await?;
        if delivered.state() != pb::ShipmentState::Delivered {
            return Err(unexpected("NOT_DELIVERED"));
        }
        Ok(())
    }
}

/// Gives the id of an order that is paid.
pub(in crate::bench) async fn place(
    catalogue: &Catalogue,
    reach: Reach,
    caller: &Caller,
    tally: &Tally,
) -> Result<String, Status> {
    let request = catalogue.order_for_two(reach);
    let order = tally.time("CreateOrder", caller.create_order(request)).await?;
    if order.state() != pb::OrderState::Invoiced {
        return Err(unexpected("NOT_INVOICED"));
    }
    let payment = tally.time("CapturePayment", caller.capture_payment(&order.id)).await?;
    if payment.state() != pb::PaymentState::Captured {
        return Err(unexpected("NOT_CAPTURED"));
    }
    Ok(order.id)
}

/// Picks, checks, packs and labels a paid order, and hands it to the courier; returns the shipment's id.
pub(in crate::bench) async fn send_off(
    order: &str,
    caller: &Caller,
    tally: &Tally,
) -> Result<String, Status> {
    let order = tally.time("GetOrder", caller.order(order)).await?;
    let Some(id) = order.shipment_ids.first() else { return Err(unexpected("NO_SHIPMENT")) };

    let shipment = tally.time("StartPicking", caller.start_picking(id)).await?;
    tally.time("RecordPick", caller.record_pick(&shipment)).await?;
    tally.time("RecordQualityCheck", caller.record_quality_check(&shipment)).await?;
    tally.time("PackShipment", caller.pack_shipment(&shipment)).await?;
    tally.time("CreateShippingLabel", caller.create_shipping_label(id)).await?;
    tally.time("AssignCourier", caller.assign_courier(id, COURIER)).await?;
    tally.time("ConfirmPickup", caller.confirm_pickup(id)).await?;
    Ok(id.clone())
}
