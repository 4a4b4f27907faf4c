//! The tables of customers' feedback: what is asked of many orders at once. All of it is in the document of its order.

use crate::domain::{
    Feedback, FeedbackReason, FeedbackState, FollowUp, FollowUpId, FollowUpState, LineFeedback, Order,
    OrderId, RegionCode, Sku, Timestamp,
};
use crate::store::rows::order::orders;
use crate::store::rows::table::table;

table! {
    "feedback" as feedback (order_id: OrderId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        state: FeedbackState,
        region: Option<RegionCode>,
        delivery_rating: i32,
        product_rating: i32,
        comment: String,
        archived: bool,
        requested_at: Timestamp,
        submitted_at: Option<Timestamp>,
    }
}

table! {
    "feedback_lines" as feedback_lines (order_id: OrderId, number: i32)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        sku: Sku,
        rating: i32,
        submitted_at: Timestamp,
    }
}

table! {
    "feedback_reasons" as feedback_reasons (order_id: OrderId, number: i32, reason: FeedbackReason)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        submitted_at: Timestamp,
    }
}

table! {
    "follow_ups" as follow_ups (id: FollowUpId)
    belongs to orders by "Column::OrderId" = "super::orders::Column::Id"
    {
        order_id: OrderId,
        state: FollowUpState,
        archived: bool,
        raised_at: Timestamp,
    }
}

pub(super) fn feedback_row(order: &Order, feedback: &Feedback) -> feedback::Model {
    feedback::Model {
        order_id: order.id,
        state: feedback.state,
        region: order.region.clone(),
        delivery_rating: feedback.delivery_rating,
        product_rating: feedback.product_rating,
        comment: feedback.comment.clone(),
        archived: order.is_archived(),
        requested_at: feedback.requested_at,
        submitted_at: feedback.submitted_at,
    }
}

/// The ratings of single lines, by what the lines are of.
pub(super) fn lines(order: &Order) -> Vec<feedback_lines::Model> {
    let Some((feedback, submitted_at)) = answered(order) else { return Vec::new() };
    let row = |rated: &LineFeedback| {
        let line = order.lines.iter().find(|it| it.number == rated.line)?;
        Some(feedback_lines::Model {
            order_id: order.id,
            number: rated.line,
            sku: line.sku.clone(),
            rating: rated.rating,
            submitted_at,
        })
    };
    feedback.lines.iter().filter_map(row).collect()
}

/// The reasons of the whole answer, as those of line 0, and of its lines.
pub(super) fn reasons(order: &Order) -> Vec<feedback_reasons::Model> {
    let Some((feedback, submitted_at)) = answered(order) else { return Vec::new() };
    let of_lines = feedback.lines.iter().flat_map(|it| it.reasons.iter().map(|reason| (it.line, *reason)));
    let all = feedback.reasons.iter().map(|it| (0, *it)).chain(of_lines);
    let row = |(number, reason)| feedback_reasons::Model { order_id: order.id, number, reason, submitted_at };
    all.map(row).collect()
}

fn answered(order: &Order) -> Option<(&Feedback, Timestamp)> {
    let feedback = order.feedback.as_ref()?;
    Some((feedback, feedback.submitted_at?))
}

pub(super) fn follow_up(order: &Order, follow_up: &FollowUp) -> follow_ups::Model {
    follow_ups::Model {
        id: follow_up.id,
        order_id: order.id,
        state: follow_up.state(),
        archived: order.is_archived(),
        raised_at: follow_up.raised_at,
    }
}
