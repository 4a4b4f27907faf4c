//! Steps 9 to 19 as a warehouse, a courier and a back office do them, for tests that need an order somewhere on its
//! way.

use std::time::{Duration, Instant};

use consign::pb;
use tonic::Code;

use crate::server::Clients;
use crate::shop::{by, order};

/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Warehouse<'a> {
    pub(crate) server: &'a Clients,
}

/// One package with that many units of line 1.
pub(crate) fn package(quantity: i64) -> pb::Package {
    pb::Package {
        weight_grams: 700,
        length_mm: 200,
        width_mm: 150,
        height_mm: 100,
        contents: vec![pb::LineUnits { line_number: 1, quantity }],
        ..Default::default()
    }
}

impl Warehouse<'_> {
    /// Picks, checks, packs, labels and hands over one shipment.
    pub(crate) async fn ship(&self, id: &str) {
        self.assign(id).await;
        let request = pb::ConfirmPickupRequest {
            shipment_id: id.to_owned(),
            package_count: 1,
            driver: "driver 12".to_owned(),
            ..Default::default()
        };
        self.server.shipping.clone().confirm_pickup(by("warehouse", request)).await.expect("handed over");
    }

    /// Picks and checks one shipment.
    pub(crate) async fn pick(&self, id: &str) -> Vec<pb::ShipmentItem> {
        let mut shipping = self.server.shipping.clone();
        let request = pb::StartPickingRequest { shipment_id: id.to_owned(), ..Default::default() };
        let started = shipping.start_picking(by("warehouse", request)).await.expect("picking starts");
        let items = started.into_inner().shipment.expect("a shipment").items;

        let units =
            || items.iter().map(|it| pb::LineUnits { line_number: it.line_number, quantity: it.quantity });
        let request = pb::RecordPickRequest {
            shipment_id: id.to_owned(),
            picks: units().collect(),
            ..Default::default()
        };
        shipping.record_pick(by("warehouse", request)).await.expect("picked");
        let checks = items.iter().map(|it| pb::LineCheck {
            line_number: it.line_number,
            passed: it.quantity,
            ..Default::default()
        });
        let request = pb::RecordQualityCheckRequest {
            shipment_id: id.to_owned(),
            checks: checks.collect(),
            ..Default::default()
        };
        shipping.record_quality_check(by("warehouse", request)).await.expect("checked");
        items
    }

    /// The same up to the courier, which is yet to come.
    pub(crate) async fn assign(&self, id: &str) {
        self.label(id).await;
        let request = pb::AssignCourierRequest { shipment_id: id.to_owned(), ..Default::default() };
        let assigned = self.server.shipping.clone().assign_courier(by("warehouse", request)).await;
        assigned.expect("a courier carries it");
    }

    /// The same up to the label.
    pub(crate) async fn label(&self, id: &str) {
        let mut shipping = self.server.shipping.clone();
        let items = self.pick(id).await;
        let units =
            || items.iter().map(|it| pb::LineUnits { line_number: it.line_number, quantity: it.quantity });
        let request = pb::PackShipmentRequest {
            shipment_id: id.to_owned(),
            packages: vec![pb::Package { contents: units().collect(), ..package(0) }],
            ..Default::default()
        };
        shipping.pack_shipment(by("warehouse", request)).await.expect("packed");
        let request = pb::CreateShippingLabelRequest { shipment_id: id.to_owned(), ..Default::default() };
        shipping.create_shipping_label(by("warehouse", request)).await.expect("labelled");
    }

    pub(crate) async fn ship_all(&self, order_id: &str) {
        for id in order(self.server, order_id).await.shipment_ids {
            self.ship(&id).await;
        }
    }

    pub(crate) async fn deliver(&self, id: &str) {
        let proof = pb::ProofOfDelivery { received_by: "at the door".to_owned(), ..Default::default() };
        let request = pb::ConfirmDeliveryRequest {
            shipment_id: id.to_owned(),
            proof: Some(proof),
            ..Default::default()
        };
        self.server.shipping.clone().confirm_delivery(by("courier", request)).await.expect("delivered");
    }

    pub(crate) async fn deliver_all(&self, order_id: &str) {
        self.ship_all(order_id).await;
        for id in order(self.server, order_id).await.shipment_ids {
            self.deliver(&id).await;
        }
    }

    pub(crate) async fn close(&self, order_id: &str) {
        let request = pb::CloseOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
        self.server.orders.clone().close_order(by("clerk", request)).await.expect("nothing is open");
    }

    /// The archive takes an order once its messages are sent.
    pub(crate) async fn archive(&self, order_id: &str) {
        let started = Instant::now();
        loop {
            let request = pb::ArchiveOrderRequest { order_id: order_id.to_owned(), ..Default::default() };
            match self.server.orders.clone().archive_order(by("clerk", request)).await {
                Ok(_) => return,
                Err(status) if status.code() == Code::FailedPrecondition && started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(status) => panic!("not archived: {status:?}"),
            }
        }
    }

    /// Reads the order until it is as wanted: for what happens by itself.
    pub(crate) async fn until(&self, order_id: &str, wanted: impl Fn(&pb::Order) -> bool) -> pb::Order {
        let started = Instant::now();
        loop {
            let found = order(self.server, order_id).await;
            if wanted(&found) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "waited in vain; the order is {:?}", found.state());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no refund of the order is under way, and no message of it is left to be sent.
    pub(crate) async fn until_quiet(&self, order_id: &str) {
        let started = Instant::now();
        loop {
            let request =
                pb::ListRefundsRequest { filter: format!("order_id = {order_id}"), ..Default::default() };
            let refunds = self.server.billing.clone().list_refunds(request).await;
            let refunds = refunds.expect("refunds can be listed").into_inner().refunds;
            if refunds.iter().any(|it| it.state() == pb::RefundState::Pending) {
                assert!(started.elapsed() < PATIENCE, "a refund is never settled");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let request = pb::ListMessagesRequest {
                filter: format!("order_id = {order_id} AND state = QUEUED"),
                ..Default::default()
            };
            let queued =
                self.server.orders.clone().list_messages(request).await.expect("messages can be listed");
            if queued.into_inner().messages.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "a message is never sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
