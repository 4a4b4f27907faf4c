//! Everything that is held about a person, as one JSON document that is written order by order: of a person with
//! thousands of orders one is in memory at a time.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch as signal};
use tokio::time::timeout;
use tonic::Status;

use crate::domain::{CustomerAccount, Order, OrderId};
use crate::json::json_of;
use crate::pb;
use crate::rpc::api::answered;
use crate::rpc::returns::reply::Codes;
use crate::rpc::{billing, changes, customers, messages, ordering, returns, shipping, status};
use crate::store::{Person, Store};

/// How much of the document one message has at most, in bytes.
const PIECE_MAX: usize = 64 * 1024;

/// A document under way to its reader.
pub(super) struct Export {
    pub(super) store: Store,
    pub(super) person: Person,
    pub(super) pieces: mpsc::Sender<Box<pb::ExportCustomerDataResponse>>,
    /// A reader that takes nothing for this long is given up.
    pub(super) read_within: Duration,
    pub(super) shutdown: signal::Receiver<bool>,
}

/// Why no more is written. None: nobody reads any more.
type End = Option<Status>;

impl Export {
    /// Writes the document to its end; the status that the stream ends with if it does not come to that.
    pub(super) async fn run(mut self) -> End {
        self.write().await.err().flatten()
    }

    async fn write(&mut self) -> Result<(), End> {
        let Person { customers, orders } = std::mem::take(&mut self.person);
        let began = Value::from(self.store.now().to_string());
        self.send(&format!("{{\"export_time\": {began}, \"customers\": [")).await?;
        for (index, customer) in customers.iter().enumerate() {
            let customer = customer_of(customer).map_err(Some)?;
            self.send(&format!("{}{customer}", separator(index))).await?;
        }
        self.send("], \"orders\": [").await?;
        for (index, id) in orders.into_iter().enumerate() {
            if *self.shutdown.borrow() {
                return Err(Some(status::shutting_down(0)));
            }
            let Some(order) = self.order(id).await.map_err(Some)? else { continue };
            self.send(&format!("{}{order}", separator(index))).await?;
        }
        self.send("\n]}\n").await
    }

    async fn send(&self, text: &str) -> Result<(), End> {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(rest.floor_char_boundary(PIECE_MAX));
            rest = left;
            let piece = Box::new(pb::ExportCustomerDataResponse { json: piece.to_owned() });
            match timeout(self.read_within, self.pieces.send(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(None),
                Err(_) => return Err(Some(status::too_slow(0))),
            }
        }
        Ok(())
    }

    /// An order with its parts, its letters and its history. None: it is gone.
    async fn order(&self, id: OrderId) -> Result<Option<Value>, Status> {
        let Some(order) = answered(self.store.order(id).await)? else { return Ok(None) };
        let events = answered(self.store.events_of(id).await)?;
        let events = events.iter().map(|(at, it)| ordering::reply::event(*at, it));
        let mut whole = parts(&order)?;
        whole.insert("messages".to_owned(), self.messages(&order).await?);
        whole.insert("events".to_owned(), list("OrderEvent", events)?);
        Ok(Some(Value::Object(whole)))
    }

    /// What its letters said; of one that is not written yet, that there is one.
    async fn messages(&self, order: &Arc<Order>) -> Result<Value, Status> {
        let kept = order.messages.iter().filter(|it| it.text_kept).map(|it| it.id);
        let mut texts = answered(self.store.message_texts(&kept.collect::<Vec<_>>()).await)?;
        let messages =
            order.messages.iter().map(|it| messages::reply::message(order, it, texts.remove(&it.id)));
        list("CustomerMessage", messages)
    }
}

/// Before the entry of a list.
fn separator(index: usize) -> &'static str {
    if index == 0 { "\n" } else { ",\n" }
}

fn customer_of(customer: &CustomerAccount) -> Result<Value, Status> {
    json("CustomerAccount", &customers::reply::account(customer))
}

/// An order and all of its parts.
fn parts(order: &Order) -> Result<Map<String, Value>, Status> {
    let refunds = order.payments.iter().flat_map(|it| &it.refunds);
    let tracking = order.shipments.iter().flat_map(|shipment| {
        shipment.tracking.iter().map(|it| shipping::reply::tracking_event(shipment.id, it))
    });
    let currency = order.amounts.currency;
    let cancelled =
        order.line_cancellations.iter().map(|it| ordering::reply::line_cancellation(it, currency));
    let parts = [
        ("order", json("Order", &ordering::reply::order(order))?),
        ("line_cancellations", list("LineCancellation", cancelled)?),
        ("invoices", list("Invoice", order.invoices.iter().map(|it| billing::reply::invoice(order, it)))?),
        (
            "credit_notes",
            list("CreditNote", order.credit_notes.iter().map(|it| billing::reply::credit_note(order, it)))?,
        ),
        ("payments", list("Payment", order.payments.iter().map(|it| billing::reply::payment(order, it)))?),
        ("refunds", list("Refund", refunds.map(|it| billing::reply::refund(order, it)))?),
        (
            "shipments",
            list("Shipment", order.shipments.iter().map(|it| shipping::reply::shipment(order, it)))?,
        ),
        ("tracking_events", list("TrackingEvent", tracking)?),
        (
            "returns",
            list(
                "Return",
                order.returns.iter().map(|it| returns::reply::goods_return(order, it, Codes::Masked)),
            )?,
        ),
        (
            "changes",
            list("OrderChange", order.changes.iter().map(|it| changes::reply::order_change(order, it)))?,
        ),
    ];
    Ok(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn list<M: Message>(name: &str, messages: impl Iterator<Item = M>) -> Result<Value, Status> {
    messages.map(|it| json(name, &it)).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn json<M: Message>(name: &str, message: &M) -> Result<Value, Status> {
    json_of(name, message).ok_or_else(status::internal)
}
