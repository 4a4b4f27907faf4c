//! TrackShipment: a shipment's tracking events so far, then each new one, until the journey is over.

use tonic::Status;

use crate::domain::{
    CannotResume, Histories, History, HistoryId, Order, OrderId, Part, Refusal, Shipment, ShipmentId,
    ShipmentState, Timestamp,
};
use crate::pb;
use crate::pb::track_shipment_response::Update;
use crate::rpc::enums;
use crate::rpc::reply::timestamp;
use crate::rpc::shipping::carried::Eyes;
use crate::rpc::status;
use crate::rpc::streams::feed::Rings;
use crate::rpc::streams::watch::{self, Found, NextStep, Source};
use crate::store::{Store, StoreError};

/// The journey of one shipment; the positions of its stream are the sequences of its events.
pub(crate) struct Journey {
    store: Store,
    order: OrderId,
    shipment: ShipmentId,
    /// The version of the order that was looked at last.
    seen: Option<i64>,
    sent: Standing,
    eyes: Eyes,
    /// The history that is read, as text.
    history: String,
}

/// State and expected delivery of a shipment, as last sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    state: Option<ShipmentState>,
    estimated_at: Option<Timestamp>,
}

impl Journey {
    pub(crate) fn new(store: Store, order: OrderId, shipment: ShipmentId, history: String) -> Self {
        let sent = Standing { state: None, estimated_at: None };
        Self { store, order, shipment, seen: None, sent, eyes: Eyes::Ours, history }
    }

    /// For a reader who sees the shipments of some couriers: it ends when the shipment is given to another one.
    pub(crate) fn seen_by(self, eyes: Eyes) -> Self {
        Self { eyes, ..self }
    }

    /// Every event that is new, and the standing if it changed without one.
    fn news(&mut self, order: &Order, after: i64) -> Result<Found<pb::TrackShipmentResponse>, Refusal> {
        self.eyes.must_carry(order, &Part::Shipment(self.shipment))?;
        let shipment = &order.shipments[order.shipment_index(self.shipment)?];
        let Shipment { state, estimated_at, tracking, .. } = shipment;
        let standing = Standing { state: Some(*state), estimated_at: *estimated_at };

        let new = tracking.iter().filter(|it| it.sequence > after);
        let mut messages: Vec<_> = new
            .filter_map(|it| {
                let event = self.eyes.event(shipment, it)?;
                Some((it.sequence, self.message(standing, it.sequence, Update::Event(Box::new(event)))))
            })
            .collect();
        if messages.is_empty() && self.sent != standing {
            messages.push((after, self.message(standing, after, self.heartbeat_update(after))));
        }
        self.sent = standing;

        // Nobody waits for news of what is archived, not even of what was lost.
        let over = state.is_over() || order.is_archived();
        Ok(Found { messages, position: after, then: if over { NextStep::End } else { NextStep::Wait } })
    }

    fn heartbeat_update(&self, position: i64) -> Update {
        let time = Some(timestamp(self.store.now()));
        Update::Heartbeat(pb::Heartbeat { high_water: position, time })
    }

    fn message(&self, standing: Standing, position: i64, update: Update) -> pb::TrackShipmentResponse {
        let Standing { state, estimated_at } = standing;
        pb::TrackShipmentResponse {
            state: state.map(enums::shipment_state).unwrap_or_default(),
            estimated_delivery_time: estimated_at.map(timestamp),
            resume_sequence: position,
            history_id: self.history.clone(),
            update: Some(update),
        }
    }
}

/// Whether a reader can go on after the event of this sequence, which that history told.
pub(crate) fn start(
    shipment: &Shipment,
    after: i64,
    history: Option<HistoryId>,
    histories: &Histories,
) -> Result<(), Status> {
    let last = shipment.tracking.last().map_or(0, |it| it.sequence);
    let current = histories.current().map(|it| it.id);
    let Some(history) = history.filter(|it| Some(*it) != current) else {
        return if after > last { Err(watch::beyond("after_sequence", "sequence", last)) } else { Ok(()) };
    };
    let shared = match histories.after(history) {
        // What was recorded since the copy took its place is not what the reader knows.
        Ok(Some(History { begun_at, .. })) => {
            shipment.tracking.iter().filter(|it| it.recorded_at < *begun_at).map(|it| it.sequence).max()
        }
        Ok(None) | Err(CannotResume::Beyond | CannotResume::Restored(_)) => None,
    };
    if after > shared.unwrap_or(0) { Err(status::history_restored(current, None)) } else { Ok(()) }
}

impl Source for Journey {
    type Message = pb::TrackShipmentResponse;

    /// A thousand readers of one shipment look at its order's version only: the store remembers the order itself.
    async fn look(&mut self, after: i64) -> Result<Found<Self::Message>, StoreError> {
        let order = self.store.order(self.order).await?;
        let order = order.ok_or_else(|| Refusal::not_found("order", self.order))?;
        if self.seen == Some(order.version) {
            return Ok(Found { messages: Vec::new(), position: after, then: NextStep::Wait });
        }

        let found = self.news(&order, after)?;
        self.seen = Some(order.version);
        Ok(found)
    }

    fn rings(&self) -> Rings {
        Rings::Order(self.order)
    }

    fn heartbeat(&self, position: i64) -> Self::Message {
        self.message(self.sent, position, self.heartbeat_update(position))
    }
}
