//! From the pick list to the door.

use tonic::Streaming;

use super::Client;
use super::words::event_word;
use crate::client::{Refused, by};
use crate::demo::PATIENCE;
use crate::demo::error::DemoError;
use crate::pb;

impl Client {
    pub(in crate::demo) async fn start_picking(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let request = pb::StartPickingRequest { shipment_id: id.to_owned(), ..Default::default() };
        call!(self.shipping, start_picking, "warehouse", request, shipment)
    }

    pub(in crate::demo) async fn pick_all(
        &mut self,
        shipment: &pb::Shipment,
    ) -> Result<pb::Shipment, DemoError> {
        let picks = shipment
            .items
            .iter()
            .map(|it| pb::LineUnits { line_number: it.line_number, quantity: it.quantity });
        let request = pb::RecordPickRequest {
            shipment_id: shipment.id.clone(),
            picks: picks.collect(),
            ..Default::default()
        };
        call!(self.shipping, record_pick, "warehouse", request, shipment)
    }

    pub(in crate::demo) async fn check_all(
        &mut self,
        shipment: &pb::Shipment,
    ) -> Result<pb::Shipment, DemoError> {
        let checks = shipment.items.iter().map(|it| pb::LineCheck {
            line_number: it.line_number,
            passed: it.quantity,
            ..Default::default()
        });
        let request = pb::RecordQualityCheckRequest {
            shipment_id: shipment.id.clone(),
            checks: checks.collect(),
            ..Default::default()
        };
        call!(self.shipping, record_quality_check, "warehouse", request, shipment)
    }

    pub(in crate::demo) async fn pack(
        &mut self,
        shipment: &pb::Shipment,
        packages: Vec<pb::Package>,
    ) -> Result<pb::Shipment, DemoError> {
        let request =
            pb::PackShipmentRequest { shipment_id: shipment.id.clone(), packages, ..Default::default() };
        call!(self.shipping, pack_shipment, "warehouse", request, shipment)
    }

    pub(in crate::demo) async fn label(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let request = pb::CreateShippingLabelRequest { shipment_id: id.to_owned(), ..Default::default() };
        call!(self.shipping, create_shipping_label, "warehouse", request, shipment)
    }

    /// To the courier named, or to the one that Consign prefers.
    pub(in crate::demo) async fn assign_courier(
        &mut self,
        id: &str,
        courier: Option<&str>,
    ) -> Result<pb::Shipment, DemoError> {
        let request = pb::AssignCourierRequest {
            shipment_id: id.to_owned(),
            courier: courier.unwrap_or_default().to_owned(),
            ..Default::default()
        };
        call!(self.shipping, assign_courier, "warehouse", request, shipment)
    }

    pub(in crate::demo) async fn pick_up(
        &mut self,
        shipment: &pb::Shipment,
    ) -> Result<pb::Shipment, DemoError> {
        let request = pb::ConfirmPickupRequest {
            shipment_id: shipment.id.clone(),
            package_count: i32::try_from(shipment.packages.len()).unwrap_or(i32::MAX),
            driver: "driver 12".to_owned(),
            ..Default::default()
        };
        call!(self.shipping, confirm_pickup, "warehouse", request, shipment)
    }

    /// Follows a shipment as a customer's page would, in a task of its own.
    pub(in crate::demo) async fn follow(&mut self, id: &str) -> Result<Followed, DemoError> {
        let request = pb::TrackShipmentRequest { shipment_id: id.to_owned(), ..Default::default() };
        let stream = call!(self.shipping, track_shipment, "storefront", request)?;
        Ok(Followed(tokio::spawn(follow_to_the_end(stream))))
    }

    pub(in crate::demo) async fn record(
        &mut self,
        courier: &str,
        tracking_number: &str,
        events: Vec<pb::TrackingReport>,
    ) -> Result<pb::RecordTrackingEventsResponse, DemoError> {
        let request = pb::RecordTrackingEventsRequest {
            courier: courier.to_owned(),
            tracking_number: tracking_number.to_owned(),
            events,
            ..Default::default()
        };
        call!(self.shipping, record_tracking_events, "courier", request)
    }

    pub(in crate::demo) async fn deliver(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let proof = pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
        let request = pb::ConfirmDeliveryRequest {
            shipment_id: id.to_owned(),
            proof: Some(proof),
            ..Default::default()
        };
        call!(self.shipping, confirm_delivery, "courier", request, shipment)
    }
}

/// A shipment being followed.
pub(in crate::demo) struct Followed(tokio::task::JoinHandle<Result<Vec<String>, tonic::Status>>);

impl Followed {
    /// The events of the stream, once it has ended by itself.
    pub(in crate::demo) async fn finish(self) -> Result<Vec<String>, DemoError> {
        let ended = tokio::time::timeout(PATIENCE, self.0).await;
        let seen =
            ended.map_err(|_| DemoError::Wrong("the stream did not end after the delivery".to_owned()))?;
        let seen = seen.map_err(|it| DemoError::Wrong(it.to_string()))?;
        seen.map_err(|status| {
            DemoError::Refused(Refused { call: "track_shipment", status: Box::new(status) })
        })
    }
}

async fn follow_to_the_end(
    mut stream: Streaming<pb::TrackShipmentResponse>,
) -> Result<Vec<String>, tonic::Status> {
    let mut seen = Vec::new();
    while let Some(message) = stream.message().await? {
        if let Some(pb::track_shipment_response::Update::Event(event)) = message.update {
            seen.push(event_word(&event));
        }
    }
    Ok(seen)
}
