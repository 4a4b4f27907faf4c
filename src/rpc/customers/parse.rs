//! Parses requests about messages and feedback.

use crate::domain::{MessageId, MessageKind, OrderId, Problems, SubmitFeedback, Timestamp};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::ordering::parse::{order_view, target};
use crate::rpc::ordering::reply::OrderView;
use crate::rpc::parse::{LOCALE_MAX, id, note, number, required_word, text, timestamp};

list_requests! {
    list_messages: ListMessagesRequest,
}

const FEEDBACK_MAX: usize = 2_000;

pub(crate) fn submit_feedback(
    request: pb::SubmitFeedbackRequest,
    bad: &mut Problems,
) -> Option<(SubmitFeedback, OrderView)> {
    let pb::SubmitFeedbackRequest {
        order_id,
        delivery_rating,
        product_rating,
        comment,
        etag,
        request_id: _,
        view,
    } = request;
    let target = target(&order_id, etag, bad);
    number("delivery_rating", i64::from(delivery_rating), 1..=5, bad);
    number("product_rating", i64::from(product_rating), 1..=5, bad);
    let comment = note("comment", comment, FEEDBACK_MAX, bad);
    let view = order_view(view, bad);
    let target = target?;
    Some((SubmitFeedback { target, delivery_rating, product_rating, comment }, view))
}

pub(crate) fn get_message(request: pb::GetMessageRequest, bad: &mut Problems) -> Option<MessageId> {
    let pb::GetMessageRequest { message_id } = request;
    id("message_id", &message_id, bad)
}

/// The order, the kind of message, and the locale if another than the customer's is meant.
pub(crate) fn preview_message(
    request: pb::PreviewMessageRequest,
    bad: &mut Problems,
) -> Option<(OrderId, MessageKind, Option<String>)> {
    let pb::PreviewMessageRequest { order_id, kind, locale } = request;
    let order = id("order_id", &order_id, bad);
    let kind = required_word("kind", kind, enums::to_message_kind, bad);
    let locale = text("locale", locale, LOCALE_MAX, bad);
    Some((order?, kind?, Some(locale).filter(|it| !it.is_empty())))
}

/// The time that a feedback report is about.
pub(crate) fn get_feedback_report(
    request: pb::GetFeedbackReportRequest,
    bad: &mut Problems,
) -> Option<(Timestamp, Timestamp)> {
    let pb::GetFeedbackReportRequest { start_time, end_time } = request;
    let since = timestamp("start_time", start_time, bad).unwrap_or(Timestamp::MIN);
    let until = timestamp("end_time", end_time, bad).unwrap_or(Timestamp::MAX);
    if until < since {
        bad.add("end_time", "must not be before start_time");
    }
    Some((since, until))
}
