//! Feedback and follow-ups as the API shows them.

use crate::domain::{Day, Feedback, FeedbackReason, FollowUp, FollowUpEnd, LineFeedback, Order, OrderLine};
use crate::pb;
use crate::rpc::access::data_reads::{shows_data_of, shows_order};
use crate::rpc::enums;
use crate::rpc::reply::{actor, timestamp};
use crate::store::{
    Comment, FeedbackReport, RatedGroup, RatedProduct, RatedRegion, Trend, TrendPoint, TrendUnit,
};

/// An order's feedback for who answers: with every line that can be rated. None: it was not asked for.
pub(crate) fn to_be_given(order: &Order) -> Option<pb::Feedback> {
    let asked = order.feedback.as_ref()?;
    let said = |number: i32| asked.lines.iter().find(|it| it.line == number);
    let wanted = order.lines.iter().filter(|it| it.is_wanted());
    let lines = wanted.map(|it| line(order, it.number, said(it.number))).collect();
    Some(pb::Feedback { lines, ..feedback(order, asked) })
}

/// Feedback as a part of its order, which says what its lines are of: with those that were rated.
pub(crate) fn feedback(order: &Order, feedback: &Feedback) -> pb::Feedback {
    shows_order(order);
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
        secret: _,
        reasons: about,
        lines,
        asked_again,
        asked_again_at,
    } = feedback;
    pb::Feedback {
        state: enums::feedback_state(*state),
        delivery_rating: *delivery_rating,
        product_rating: *product_rating,
        comment: comment.clone(),
        request_time: Some(timestamp(*requested_at)),
        submit_time: submitted_at.map(timestamp),
        reasons: reasons(about),
        lines: lines.iter().map(rated_line).collect(),
        order_id: order.id.to_string(),
        order_number: order.number.to_string(),
        repeat_count: i32::try_from(*asked_again).unwrap_or(i32::MAX),
        repeat_time: asked_again_at.map(timestamp),
        etag: order.etag(),
        hidden: Vec::new(),
    }
}

/// A line of the order, with what was said of it.
fn line(order: &Order, number: i32, said: Option<&LineFeedback>) -> pb::FeedbackLine {
    let ordered = order.lines.iter().find(|it| it.number == number);
    pb::FeedbackLine {
        line_number: number,
        description: ordered.map(|it| it.description.clone()).unwrap_or_default(),
        quantity: ordered.map_or(0, OrderLine::remaining_quantity),
        ..said.map(rated_line).unwrap_or_default()
    }
}

/// What was said of a line, without what the line is of.
fn rated_line(said: &LineFeedback) -> pb::FeedbackLine {
    let LineFeedback { line, rating, reasons: about, comment } = said;
    pb::FeedbackLine {
        line_number: *line,
        description: String::new(),
        quantity: 0,
        rating: *rating,
        reasons: reasons(about),
        comment: comment.clone(),
    }
}

fn reasons<'a>(reasons: impl IntoIterator<Item = &'a FeedbackReason>) -> Vec<i32> {
    reasons.into_iter().map(|it| enums::feedback_reason(*it)).collect()
}

/// What was said of an order, with the lines that were rated. None: it was not asked for.
pub(crate) fn said(order: &Order) -> Option<pb::Feedback> {
    let asked = order.feedback.as_ref()?;
    let lines = asked.lines.iter().map(|it| line(order, it.line, Some(it))).collect();
    Some(pb::Feedback { lines, ..feedback(order, asked) })
}

/// A follow-up by itself: with what was said.
pub(crate) fn follow_up_with_feedback(order: &Order) -> Option<pb::FollowUp> {
    let raised = order.follow_up.as_ref()?;
    Some(pb::FollowUp { feedback: said(order), ..follow_up(order, raised) })
}

/// A follow-up as a part of its order, which has what was said.
pub(crate) fn follow_up(order: &Order, follow_up: &FollowUp) -> pb::FollowUp {
    let FollowUp { id, raised_at, closed } = follow_up;
    let (closed_by, close_time, result) = match closed {
        None => (String::new(), None, String::new()),
        Some(FollowUpEnd { at, by, result }) => (actor(by), Some(timestamp(*at)), result.clone()),
    };
    pb::FollowUp {
        id: id.to_string(),
        order_id: order.id.to_string(),
        order_number: order.number.to_string(),
        state: enums::follow_up_state(follow_up.state()),
        feedback: None,
        create_time: Some(timestamp(*raised_at)),
        closed_by,
        close_time,
        result,
        etag: order.etag(),
        hidden: Vec::new(),
    }
}

pub(crate) fn feedback_report(report: FeedbackReport) -> pb::FeedbackReport {
    let FeedbackReport {
        requested,
        opted_out,
        submitted,
        delivery,
        product,
        couriers,
        products,
        regions,
        reasons,
        trend: Trend { unit, points },
        comments,
    } = report;
    let unit = match unit {
        TrendUnit::Day => pb::TrendUnit::Day,
        TrendUnit::Week => pb::TrendUnit::Week,
        TrendUnit::Month => pb::TrendUnit::Month,
    };
    let reason = |(reason, count)| pb::ReasonCount { reason: enums::feedback_reason(reason), count };
    pb::FeedbackReport {
        requested,
        submitted,
        average_delivery_rating: rating(delivery.average()),
        average_product_rating: rating(product.average()),
        delivery_rating_counts: delivery.0.to_vec(),
        product_rating_counts: product.0.to_vec(),
        couriers: couriers.into_iter().map(courier_rating).collect(),
        comments: comments.into_iter().map(comment).collect(),
        opted_out,
        products: products.into_iter().map(product_rating).collect(),
        regions: regions.into_iter().map(region_rating).collect(),
        reasons: reasons.into_iter().map(reason).collect(),
        trend_unit: unit.into(),
        trend: points.iter().map(trend_point).collect(),
    }
}

fn courier_rating(rated: RatedGroup<crate::domain::CourierCode>) -> pb::CourierRating {
    let RatedGroup { of, count, average } = rated;
    pb::CourierRating { courier: of.to_string(), count, average_rating: rating(average) }
}

fn product_rating(rated: RatedGroup<RatedProduct>) -> pb::ProductRating {
    let RatedGroup { of: RatedProduct { sku, name }, count, average } = rated;
    pb::ProductRating { sku: sku.to_string(), name, count, average_rating: rating(average) }
}

fn region_rating(rated: RatedRegion) -> pb::RegionRating {
    let RatedRegion { region, count, delivery_average, product_average } = rated;
    pb::RegionRating {
        region: region.to_string(),
        count,
        average_delivery_rating: rating(delivery_average),
        average_product_rating: rating(product_average),
    }
}

fn trend_point(point: &TrendPoint) -> pb::FeedbackTrendPoint {
    pb::FeedbackTrendPoint {
        start_time: Some(midnight(point.from)),
        count: point.submitted,
        average_delivery_rating: rating(point.delivery_average()),
        average_product_rating: rating(point.product_average()),
    }
}

fn midnight(day: Day) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: i64::from(day.number()) * 86_400, nanos: 0 }
}

fn comment(comment: Comment) -> pb::FeedbackComment {
    let Comment { order, at, delivery_rating, product_rating, text } = comment;
    shows_data_of(order, None);
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
