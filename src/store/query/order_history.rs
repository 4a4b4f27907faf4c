//! The history of orders and the feed, out of decisions.

use std::collections::BTreeMap;

use crate::domain::{ChainBreak, Event, Order, OrderId, Timestamp, first_break};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::rows::decision::{self, EVENTS_OF_ORDERS};
use crate::store::rows::lookup;

/// The events of these orders, those of each in their order.
pub(in crate::store) async fn events_of_orders(
    db: &Session,
    orders: &[OrderId],
) -> Result<Vec<(i64, Event)>, StoreError> {
    let rows = db.exchange(vec![EVENTS_OF_ORDERS.about(lookup::keys(orders.iter().copied()))]).await?;
    events(&rows.concat())
}

/// The events of decisions: position of the first, and the encoded events.
pub(in crate::store) fn events(rows: &[Row]) -> Result<Vec<(i64, Event)>, StoreError> {
    let mut found = Vec::new();
    for row in rows {
        found.extend(decision::events(row.get(0)?, row.bytes(1)?)?);
    }
    Ok(found)
}

/// The history of an order as it is checked: whatever its rows have become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct OrderHistory {
    pub(in crate::store) events: Vec<Event>,
    /// Rows whose events cannot be read, or that say something else than their events.
    pub(in crate::store) faults: Vec<ChainBreak>,
    /// Position of its last event.
    last_position: i64,
}

impl OrderHistory {
    /// Where the chain of its events is broken first.
    pub(in crate::store) fn first_break(&self, order: &Order) -> Option<ChainBreak> {
        let broken = first_break(order.id, order.last_link, &self.events);
        self.faults.iter().copied().chain(broken).min_by_key(|it| it.sequence)
    }

    fn take_in(&mut self, row: &EventsRow, events: Result<Vec<Event>, StoreError>) {
        let fault = match &events {
            Err(_) => Some("its row cannot be read"),
            Ok(events) if !row.says(events) => Some("its row says something else than its events do"),
            Ok(_) if row.positions.0 <= self.last_position => {
                Some("it stands in the feed before what came before it")
            }
            Ok(_) => None,
        };
        let sequence = row.sequences.0;
        self.faults.extend(fault.map(|what| ChainBreak { sequence, what }));
        self.last_position = self.last_position.max(row.positions.1);
        self.events.extend(events.unwrap_or_default());
    }
}

/// What a row says of its events in columns.
struct EventsRow {
    order: OrderId,
    /// Of the first event and of the last.
    sequences: (i64, i64),
    positions: (i64, i64),
    at: Timestamp,
}

impl EventsRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            order: row.get(3)?,
            sequences: (row.get(4)?, row.get(5)?),
            positions: (row.get(0)?, row.get(2)?),
            at: row.get(6)?,
        })
    }

    fn says(&self, events: &[Event]) -> bool {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return false };
        let numbers = (first.sequence, last.sequence) == self.sequences;
        numbers && first.at == self.at && events.iter().all(|it| it.order == self.order)
    }
}

/// The histories of these orders by the orders that their rows name. What cannot be read is a fault of its order.
pub(in crate::store) async fn order_histories(
    db: &Session,
    orders: &[OrderId],
) -> Result<BTreeMap<OrderId, OrderHistory>, StoreError> {
    let rows = db.exchange(vec![EVENTS_OF_ORDERS.about(lookup::keys(orders.iter().copied()))]).await?;
    let mut histories: BTreeMap<OrderId, OrderHistory> = BTreeMap::new();
    for row in rows.iter().flatten() {
        let columns = EventsRow::read(row)?;
        let events = decision::events(columns.positions.0, row.bytes(1)?);
        let events = events.map(|it| it.into_iter().map(|(_, event)| event).collect());
        histories.entry(columns.order).or_default().take_in(&columns, events);
    }
    Ok(histories)
}
