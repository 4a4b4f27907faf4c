//! Messages and feedback as the API shows them.

use crate::domain::{Feedback, Letter, Message, MessageText, Order};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::reply::{ppm, text_of, timestamp};
use crate::store::{Comment, CourierFeedback, FeedbackReport};

pub(crate) fn feedback(feedback: &Feedback) -> pb::Feedback {
    let Feedback {
        state,
        delivery_rating,
        product_rating,
        comment,
        requested_at,
        submitted_at,
        discount_code: _,
        discount_ppm: _,
        discount_until: _,
    } = feedback;
    pb::Feedback {
        state: enums::feedback_state(*state),
        delivery_rating: *delivery_rating,
        product_rating: *product_rating,
        comment: comment.clone(),
        request_time: Some(timestamp(*requested_at)),
        submit_time: submitted_at.map(timestamp),
    }
}

pub(crate) fn discount_offer(feedback: &Feedback) -> Option<pb::DiscountOffer> {
    (feedback.discount_ppm > 0).then(|| pb::DiscountOffer {
        code: feedback.discount_code.clone(),
        rate_ppm: ppm(feedback.discount_ppm),
        last_day_time: feedback.discount_until.map(timestamp),
    })
}

/// A message with its text; None: it cannot be written yet.
pub(crate) fn message(order: &Order, message: &Message, text: Option<MessageText>) -> pb::CustomerMessage {
    let letter = text.as_ref().and_then(|it| Letter::to(order, it).ok());
    let to = letter.map(|it| it.to.to_string()).unwrap_or_default();
    let unwritten = || MessageText {
        locale: String::new(),
        subject: String::new(),
        body: String::new(),
        html: String::new(),
    };
    let MessageText { locale, subject, body, html } = text.unwrap_or_else(unwritten);
    let Message {
        id,
        kind,
        state,
        key,
        shipment,
        sequence: _,
        attempts,
        due_at,
        created_at,
        sent_at,
        failure,
        failed_at,
        resends,
        resent_at,
        suppressed,
        text_kept: _,
    } = message;
    pb::CustomerMessage {
        id: id.to_string(),
        order_id: order.id.to_string(),
        shipment_id: text_of(*shipment),
        kind: enums::message_kind(*kind),
        state: enums::message_state(*state),
        recipient: to,
        locale,
        subject,
        body,
        dedupe_key: key.clone(),
        attempts: i32::try_from(*attempts).unwrap_or(i32::MAX),
        failure: failure.clone(),
        create_time: Some(timestamp(*created_at)),
        due_time: Some(timestamp(*due_at)),
        send_time: sent_at.map(timestamp),
        html,
        suppression_reason: suppressed.map_or(0, enums::suppression_reason),
        fail_time: failed_at.map(timestamp),
        resend_count: i32::try_from(*resends).unwrap_or(i32::MAX),
        resend_time: resent_at.map(timestamp),
    }
}

pub(crate) fn preview(text: MessageText) -> pb::PreviewMessageResponse {
    let MessageText { locale, subject, body, html } = text;
    pb::PreviewMessageResponse { locale, subject, body, html }
}

pub(crate) fn feedback_report(report: FeedbackReport) -> pb::FeedbackReport {
    let FeedbackReport {
        requested,
        submitted,
        delivery_average,
        product_average,
        delivery_counts,
        product_counts,
        couriers,
        comments,
    } = report;
    pb::FeedbackReport {
        requested,
        submitted,
        average_delivery_rating: rating(delivery_average),
        average_product_rating: rating(product_average),
        delivery_rating_counts: delivery_counts.to_vec(),
        product_rating_counts: product_counts.to_vec(),
        couriers: couriers.into_iter().map(courier_rating).collect(),
        comments: comments.into_iter().map(comment).collect(),
    }
}

fn courier_rating(feedback: CourierFeedback) -> pb::CourierRating {
    let CourierFeedback { courier, submitted, delivery_average } = feedback;
    pb::CourierRating {
        courier: courier.to_string(),
        count: submitted,
        average_rating: rating(delivery_average),
    }
}

pub(crate) fn comment(comment: Comment) -> pb::FeedbackComment {
    let Comment { order, at, delivery_rating, product_rating, text } = comment;
    pb::FeedbackComment {
        order_id: order.to_string(),
        delivery_rating,
        product_rating,
        comment: text,
        submit_time: Some(timestamp(at)),
    }
}

/// Hundredths of 1.00–5.00.
fn rating(hundredths: i64) -> f64 {
    f64::from(i32::try_from(hundredths).unwrap_or(0)) / 100.0
}
