//! TrackShipment: what is known of a shipment's journey, then what becomes known of it, until it is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::feed::Rings;
use super::to_proto;
use super::watch::{Found, Source, Then};
use crate::domain::{Order, OrderId, OrderState, Refusal, Shipment, ShipmentId, ShipmentState, Timestamp};
use crate::pb::{self, track_shipment_response::Update};
use crate::store::{Store, StoreError};

/// The journey of one shipment; the places of its stream are the sequences of its events.
pub(super) struct Journey {
    store: Store,
    order: OrderId,
    shipment: ShipmentId,
    seen: Seen,
    told: Standing,
    reading: Arc<Reading>,
    readings: Readings,
}

/// How long an order that was read for one stream serves the others.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// What is being read of the shipments that somebody follows: a thousand readers of one shipment read its news once.
#[derive(Clone, Default)]
pub(crate) struct Readings(Arc<Mutex<HashMap<ShipmentId, Weak<Reading>>>>);

/// The order of one shipment as it was read last, with the version that had made somebody read it.
#[derive(Default)]
struct Reading(tokio::sync::Mutex<Option<(Seen, Arc<Order>)>>);

/// The version that was looked at last; a shipment in the archive has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Version(Option<i64>),
}

/// Where a shipment stands and when it is expected, as it was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    state: Option<ShipmentState>,
    estimated_at: Option<Timestamp>,
}

impl Readings {
    fn of(&self, shipment: ShipmentId) -> Arc<Reading> {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.get(&shipment).and_then(Weak::upgrade).unwrap_or_else(|| {
            let reading = Arc::default();
            readings.insert(shipment, Arc::downgrade(&reading));
            reading
        })
    }

    /// Said by a stream that still has its reading, when it ends.
    fn leave(&self, shipment: ShipmentId) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.get(&shipment).is_some_and(|it| it.strong_count() <= 1) {
            readings.remove(&shipment);
        }
    }
}

impl Reading {
    /// The order in this version of the shipment, or a later one.
    async fn order(
        self: &Arc<Self>,
        store: &Store,
        order: OrderId,
        version: Seen,
    ) -> Result<Arc<Order>, StoreError> {
        let mut read = self.0.lock().await;
        if let Some((of, order)) = &*read
            && *of == version
        {
            return Ok(Arc::clone(order));
        }

        let found = store.order(order).await?;
        let found = found.ok_or_else(|| Refusal::not_found("order", order))?;
        *read = Some((version, Arc::clone(&found)));
        tokio::spawn(forget(Arc::downgrade(self), version));
        Ok(found)
    }
}

/// Orders are large, and streams may wait for long.
async fn forget(reading: Weak<Reading>, version: Seen) {
    sleep(KEPT_FOR).await;
    if let Some(reading) = reading.upgrade() {
        let mut read = reading.0.lock().await;
        if read.as_ref().is_some_and(|it| it.0 == version) {
            *read = None;
        }
    }
}

impl Drop for Journey {
    fn drop(&mut self) {
        self.readings.leave(self.shipment);
    }
}

impl Journey {
    pub(super) fn new(store: Store, order: OrderId, shipment: ShipmentId, readings: &Readings) -> Self {
        let told = Standing { state: None, estimated_at: None };
        let (reading, readings) = (readings.of(shipment), readings.clone());
        Self { store, order, shipment, seen: Seen::Nothing, told, reading, readings }
    }

    /// Every event that is new, and the standing if it changed without one.
    fn news(&mut self, order: &Order, after: i64) -> Result<Found<pb::TrackShipmentResponse>, Refusal> {
        let shipment = &order.shipments[order.shipment_place(self.shipment)?];
        let Shipment { state, estimated_at, tracking, .. } = shipment;
        let standing = Standing { state: Some(*state), estimated_at: *estimated_at };

        let new = tracking.iter().filter(|it| it.sequence > after);
        let mut messages: Vec<_> = new
            .map(|it| {
                let event = to_proto::shipping::tracking_event(self.shipment, it);
                (it.sequence, standing.message(it.sequence, Update::Event(Box::new(event))))
            })
            .collect();
        if messages.is_empty() && self.told != standing {
            messages.push((after, standing.message(after, self.sign_of_life(after))));
        }
        self.told = standing;

        // Nothing of an archived order changes any more, not even what was lost.
        let over = state.is_over() || order.state == OrderState::Archived;
        Ok(Found { messages, place: after, then: if over { Then::End } else { Then::Wait } })
    }

    fn sign_of_life(&self, place: i64) -> Update {
        let time = Some(to_proto::timestamp(self.store.now()));
        Update::Heartbeat(pb::Heartbeat { high_water: place, time })
    }
}

impl Standing {
    fn message(self, place: i64, update: Update) -> pb::TrackShipmentResponse {
        let Self { state, estimated_at } = self;
        pb::TrackShipmentResponse {
            state: state.map(to_proto::shipping::shipment_state).unwrap_or_default(),
            estimated_delivery_time: estimated_at.map(to_proto::timestamp),
            resume_sequence: place,
            update: Some(update),
        }
    }
}

impl Source for Journey {
    type Message = pb::TrackShipmentResponse;

    /// The order is read only when the shipment has changed, and then for all streams at once.
    async fn look(&mut self, after: i64) -> Result<Found<Self::Message>, StoreError> {
        let version = Seen::Version(self.store.shipment_version(self.shipment).await?);
        if self.seen == version {
            return Ok(Found { messages: Vec::new(), place: after, then: Then::Wait });
        }

        let order = self.reading.order(&self.store, self.order, version).await?;
        let found = self.news(&order, after)?;
        self.seen = version;
        Ok(found)
    }

    fn rings(&self) -> Rings {
        Rings::ForOrder(self.order)
    }

    fn heartbeat(&self, place: i64) -> Self::Message {
        self.told.message(place, self.sign_of_life(place))
    }
}
