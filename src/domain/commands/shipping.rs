//! Commands about shipments, from the pick list to the doorstep, and about couriers.

use super::{Command, OrderCommand, Target, to_reserve, with_stock};
use crate::domain::inventory::create_courier;
use crate::domain::{
    Courier, CourierCode, Decline, Desk, LineCheck, LineUnits, Order, Package, Part, Proof, Quote, Recorded,
    Refusal, Report, ServiceLevel, ShipmentId, Timestamp, Touch, TrackingEvent,
};

/// Begins to pick a shipment; what was cancelled of its stock is reserved again first.
#[derive(Debug, Clone)]
pub struct StartPicking {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for StartPicking {
    const NAME: &'static str = "StartPicking";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.start_picking(desk, self.shipment)
    }
}

/// What was taken from the shelf, and what was not there.
#[derive(Debug, Clone)]
pub struct RecordPick {
    pub target: Target,
    pub shipment: ShipmentId,
    pub picks: Vec<LineUnits>,
    pub missing: Vec<LineUnits>,
}

impl OrderCommand for RecordPick {
    const NAME: &'static str = "RecordPick";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        if self.missing.is_empty() { Touch::default() } else { to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        match self.missing.is_empty() {
            true => order.record_pick(desk, self.shipment, &self.picks),
            false => order.record_short_pick(desk, self.shipment, &self.picks, &self.missing),
        }
    }
}

#[derive(Debug, Clone)]
pub struct RecordQualityCheck {
    pub target: Target,
    pub shipment: ShipmentId,
    pub checks: Vec<LineCheck>,
}

impl OrderCommand for RecordQualityCheck {
    const NAME: &'static str = "RecordQualityCheck";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.record_quality_check(desk, self.shipment, &self.checks)
    }
}

#[derive(Debug, Clone)]
pub struct PackShipment {
    pub target: Target,
    pub shipment: ShipmentId,
    pub packages: Vec<Package>,
}

impl OrderCommand for PackShipment {
    const NAME: &'static str = "PackShipment";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.pack(desk, self.shipment, self.packages.clone())
    }
}

#[derive(Debug, Clone)]
pub struct CreateShippingLabel {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for CreateShippingLabel {
    const NAME: &'static str = "CreateShippingLabel";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.create_label(desk, self.shipment)
    }
}

#[derive(Debug, Clone)]
pub struct VoidShippingLabel {
    pub target: Target,
    pub shipment: ShipmentId,
}

impl OrderCommand for VoidShippingLabel {
    const NAME: &'static str = "VoidShippingLabel";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.void_label(desk, self.shipment)
    }
}

/// What couriers offer for a shipment. It changes nothing.
#[derive(Debug, Clone)]
pub struct QuoteCouriers {
    pub shipment: ShipmentId,
    /// None: every service.
    pub service: Option<ServiceLevel>,
}

#[derive(Debug, Clone)]
pub struct Offers {
    /// The one that would be taken, with the reason.
    pub preferred: Option<(Quote, String)>,
    pub quotes: Vec<Quote>,
    pub declines: Vec<Decline>,
}

impl Command for QuoteCouriers {
    const NAME: &'static str = "QuoteCouriers";
    type Output = Offers;

    fn reads(&self) -> Touch {
        Touch {
            parts: vec![Part::Shipment(self.shipment)],
            couriers: true,
            locations: true,
            ..Touch::default()
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offers, Refusal> {
        let order = desk.order(desk.order_of(&Part::Shipment(self.shipment))?)?;
        let (quotes, declines) = order.quotes(desk, self.shipment, self.service)?;
        Ok(Offers { preferred: order.preferred(&quotes, self.service), quotes, declines })
    }
}

/// Gives a shipment to a courier.
#[derive(Debug, Clone)]
pub struct AssignCourier {
    pub target: Target,
    pub shipment: ShipmentId,
    /// None: the one that the quotes prefer.
    pub courier: Option<CourierCode>,
    pub service: Option<ServiceLevel>,
}

impl OrderCommand for AssignCourier {
    const NAME: &'static str = "AssignCourier";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        Touch { couriers: true, locations: true, ..Touch::default() }
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.assign_courier(desk, self.shipment, self.courier.as_ref(), self.service)
    }
}

/// What was handed over, to whom and when. Stock leaves here.
#[derive(Debug, Clone)]
pub struct ConfirmPickup {
    pub target: Target,
    pub shipment: ShipmentId,
    pub packages: i32,
    pub driver: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl OrderCommand for ConfirmPickup {
    const NAME: &'static str = "ConfirmPickup";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        with_stock()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.confirm_pickup(desk, self.shipment, &self.driver, self.packages, self.at)
    }
}

/// What a courier or warehouse reports of a parcel, named by its shipment or by courier and tracking number.
#[derive(Debug, Clone)]
pub struct RecordTracking {
    pub target: Target,
    pub reports: Vec<Report>,
}

/// What became of reports; those that were known already leave the order as it is.
#[derive(Debug, Clone)]
pub struct RecordedTracking {
    pub shipment: ShipmentId,
    pub recorded: Vec<TrackingEvent>,
    pub duplicates: usize,
    /// For want of room.
    pub left_out: usize,
}

impl OrderCommand for RecordTracking {
    const NAME: &'static str = "RecordTrackingEvents";
    type Output = RecordedTracking;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<RecordedTracking, Refusal> {
        let shipment = order.shipment_named(&self.target.part)?;
        let Recorded { new, left_out } = order.record_tracking(desk, shipment, &self.reports)?;
        let tracking = &order.shipments[order.shipment_place(shipment)?].tracking;
        let recorded = tracking[tracking.len() - new..].to_vec();
        let duplicates = self.reports.len() - new - left_out;
        Ok(RecordedTracking { shipment, recorded, duplicates, left_out })
    }
}

/// A proof of delivery before anybody vouched for it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub received_by: String,
    pub place: String,
    /// 64 hexadecimal digits; empty: none.
    pub signature_sha256: String,
    /// 64 hexadecimal digits; empty: none.
    pub photo_sha256: String,
    /// None: now.
    pub at: Option<Timestamp>,
}

impl Delivery {
    fn proof(&self, desk: &Desk<'_>) -> Proof {
        let Self { received_by, place, signature_sha256, photo_sha256, at } = self.clone();
        let recorded_by = desk.actor.clone();
        Proof { received_by, place, signature_sha256, photo_sha256, at: at.unwrap_or(desk.now), recorded_by }
    }
}

#[derive(Debug, Clone)]
pub struct ConfirmDelivery {
    pub target: Target,
    pub shipment: ShipmentId,
    pub delivery: Delivery,
}

impl OrderCommand for ConfirmDelivery {
    const NAME: &'static str = "ConfirmDelivery";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let proof = self.delivery.proof(desk);
        order.confirm_delivery(desk, self.shipment, proof)
    }
}

#[derive(Debug, Clone)]
pub struct CreateCourier {
    pub courier: Courier,
}

impl Command for CreateCourier {
    const NAME: &'static str = "CreateCourier";
    type Output = Courier;

    fn reads(&self) -> Touch {
        Touch { couriers: true, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Courier, Refusal> {
        let code = create_courier(desk, &self.courier)?;
        desk.courier(&code).cloned().ok_or_else(|| Refusal::not_found("courier", code))
    }
}
