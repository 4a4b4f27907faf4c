//! Rows of messages to customers and of their feedback.

use crate::domain::{
    Feedback, FeedbackState, Message, MessageId, MessageKind, MessageState, Order, OrderId, ShipmentId,
    Timestamp,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::error::StoreError;
use crate::store::rows::read::{Of, gather, narrow};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes};

table! {
    "messages" as messages (id: MessageId) {
        order_id: OrderId,
        place: i32,
        kind: MessageKind,
        state: MessageState,
        dedupe_key: String,
        shipment_id: Option<ShipmentId>,
        sequence: i64,
        attempts: i64,
        due_at: Timestamp,
        created_at: Timestamp,
        sent_at: Option<Timestamp>,
        failure: String,
    }
}

table! {
    "feedback" as feedback (order_id: OrderId) {
        state: FeedbackState,
        delivery_rating: i32,
        product_rating: i32,
        comment: String,
        requested_at: Timestamp,
        submitted_at: Option<Timestamp>,
        discount_code: String,
        discount_ppm: i64,
    }
}

pub(super) fn table_reads() -> Vec<TableRead> {
    vec![
        TableRead::rows::<messages::Entity>("order_id {ids}", "place"),
        TableRead::rows::<feedback::Entity>("order_id {ids}", "order_id"),
    ]
}

/// Messages and feedback, by order.
pub(super) fn read(answers: &mut ResultSets) -> Result<(Of<Message>, Of<Feedback>), StoreError> {
    let messages = answers.rows::<messages::Entity>()?;
    let messages = gather(messages.into_iter().map(|it| Ok((it.order_id, from_row(it)?))))?;
    let feedback = answers.rows::<feedback::Entity>()?;
    Ok((messages, gather(feedback.into_iter().map(feedback_from_row))?))
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut messages = Difference::<messages::Entity>::new();
    let mut feedback = Difference::<feedback::Entity>::new();
    for order in orders {
        let id = order.after.id;
        messages.compare(order.parts(|it| &it.messages), |it| it.id, |place, it| to_row(id, place, it));
        feedback.compare(order.parts(|it| it.feedback.as_slice()), |_| id, |_, it| feedback_to_row(id, it));
    }

    messages.write(writes);
    feedback.write(writes);
}

fn to_row(order: OrderId, place: i32, message: &Message) -> messages::Model {
    let Message { id, kind, state, key, shipment, sequence, attempts, due_at, created_at, sent_at, failure } =
        message;

    messages::Model {
        id: *id,
        order_id: order,
        place,
        kind: *kind,
        state: *state,
        dedupe_key: key.clone(),
        shipment_id: *shipment,
        sequence: *sequence,
        attempts: (*attempts).into(),
        due_at: *due_at,
        created_at: *created_at,
        sent_at: *sent_at,
        failure: failure.clone(),
    }
}

fn from_row(row: messages::Model) -> Result<Message, StoreError> {
    let messages::Model {
        id,
        order_id: _,
        place: _,
        kind,
        state,
        dedupe_key,
        shipment_id,
        sequence,
        attempts,
        due_at,
        created_at,
        sent_at,
        failure,
    } = row;

    Ok(Message {
        id,
        kind,
        state,
        key: dedupe_key,
        shipment: shipment_id,
        sequence,
        attempts: narrow("messages", attempts)?,
        due_at,
        created_at,
        sent_at,
        failure,
    })
}

fn feedback_to_row(order: OrderId, feedback: &Feedback) -> feedback::Model {
    let Feedback {
        state,
        delivery_rating,
        product_rating,
        comment,
        requested_at,
        submitted_at,
        discount_code,
        discount_ppm,
    } = feedback;

    feedback::Model {
        order_id: order,
        state: *state,
        delivery_rating: *delivery_rating,
        product_rating: *product_rating,
        comment: comment.clone(),
        requested_at: *requested_at,
        submitted_at: *submitted_at,
        discount_code: discount_code.clone(),
        discount_ppm: (*discount_ppm).into(),
    }
}

fn feedback_from_row(row: feedback::Model) -> Result<(OrderId, Feedback), StoreError> {
    let feedback::Model {
        order_id,
        state,
        delivery_rating,
        product_rating,
        comment,
        requested_at,
        submitted_at,
        discount_code,
        discount_ppm,
    } = row;

    let discount_ppm = narrow("feedback", discount_ppm)?;
    let feedback = Feedback {
        state,
        delivery_rating,
        product_rating,
        comment,
        requested_at,
        submitted_at,
        discount_code,
        discount_ppm,
    };
    Ok((order_id, feedback))
}
