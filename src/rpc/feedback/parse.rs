//! Parses requests about feedback.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    CloseFollowUp, FeedbackAnswer, FeedbackKey, FeedbackReason, FeedbackTarget, FeedbackToken, FollowUpId,
    LineFeedback, OptOutFeedback, Part, Problems, RequestFeedback, SubmitFeedback, Target, Timestamp,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::listing::list_requests;
use crate::rpc::ordering::parse::target;
use crate::rpc::parse::{
    LINE_NUMBERS, LINES_MAX, REASON_MAX, entries, id, note, number, required_text, required_word, timestamp,
};
use crate::store::Among;

list_requests! {
    list_feedback: ListFeedbackRequest,
    list_follow_ups: ListFollowUpsRequest,
}

/// How long the customer's words may be, about the whole and about a line, and all of them together: an order with them can
/// still be shown.
const COMMENT_MAX: usize = 2_000;
const LINE_COMMENT_MAX: usize = 500;
const ALL_COMMENTS_MAX: usize = 2_000;

pub(crate) fn get_feedback(request: pb::GetFeedbackRequest, bad: &mut Problems) -> Option<FeedbackKey> {
    let pb::GetFeedbackRequest { order_id, token } = request;
    key(&order_id, &token, bad)
}

pub(crate) fn submit_feedback(
    request: pb::SubmitFeedbackRequest,
    bad: &mut Problems,
) -> Option<SubmitFeedback> {
    let pb::SubmitFeedbackRequest {
        order_id,
        delivery_rating,
        product_rating,
        comment,
        etag,
        request_id: _,
        token,
        reasons,
        lines,
        validate_only: _,
    } = request;
    let key = key(&order_id, &token, bad);
    rating("delivery_rating", delivery_rating, bad);
    rating("product_rating", product_rating, bad);
    let comment = note("comment", comment, COMMENT_MAX, bad);
    let reasons = words("reasons", reasons, bad);
    let lines = line_ratings(lines, bad);
    let of_lines: usize = lines.iter().map(|it| it.comment.chars().count()).sum();
    if of_lines > 0 && of_lines + comment.chars().count() > ALL_COMMENTS_MAX {
        bad.add(
            "lines",
            format!("must have comments of at most {ALL_COMMENTS_MAX} characters with `comment`"),
        );
    }
    let answer = FeedbackAnswer { delivery_rating, product_rating, comment, reasons, lines };
    Some(SubmitFeedback { target: FeedbackTarget { key: key?, etag }, answer })
}

pub(crate) fn opt_out_feedback(
    request: pb::OptOutFeedbackRequest,
    bad: &mut Problems,
) -> Option<OptOutFeedback> {
    let pb::OptOutFeedbackRequest { order_id, token, etag, request_id: _, validate_only: _ } = request;
    let key = key(&order_id, &token, bad)?;
    Some(OptOutFeedback { target: FeedbackTarget { key, etag } })
}

pub(crate) fn request_feedback(
    request: pb::RequestFeedbackRequest,
    bad: &mut Problems,
) -> Option<RequestFeedback> {
    let pb::RequestFeedbackRequest { order_id, etag, request_id: _, validate_only: _ } = request;
    Some(RequestFeedback { target: target(&order_id, etag, bad)? })
}

pub(crate) fn close_follow_up(
    request: pb::CloseFollowUpRequest,
    bad: &mut Problems,
) -> Option<CloseFollowUp> {
    let pb::CloseFollowUpRequest { follow_up_id, result, etag, request_id: _, validate_only: _ } = request;
    let follow_up: Option<FollowUpId> = id("follow_up_id", &follow_up_id, bad);
    let result = required_text("result", result, REASON_MAX, bad);
    Some(CloseFollowUp { target: Target { part: Part::FollowUp(follow_up?), etag }, result })
}

/// The time that a feedback report is about.
pub(crate) fn get_feedback_report(
    request: pb::GetFeedbackReportRequest,
    bad: &mut Problems,
) -> Option<(Timestamp, Timestamp, Among)> {
    let pb::GetFeedbackReportRequest { start_time, end_time, archived } = request;
    let since = timestamp("start_time", start_time, bad).unwrap_or(Timestamp::MIN);
    let until = timestamp("end_time", end_time, bad).unwrap_or(Timestamp::MAX);
    if until < since {
        bad.add("end_time", "must not be before start_time");
    }
    let among = match archived {
        None => Among::All,
        Some(true) => Among::Archived,
        Some(false) => Among::NotArchived,
    };
    Some((since, until, among))
}

/// The order or the token. A text that is no token opens as little as a wrong one: nobody learns which it was.
fn key(order_id: &str, token: &str, bad: &mut Problems) -> Option<FeedbackKey> {
    match (order_id.is_empty(), token.is_empty()) {
        (true, true) => bad.add("order_id", "is required, or a token"),
        (false, false) => bad.add("token", "must be left out where order_id is given"),
        (false, true) => return id("order_id", order_id, bad).map(FeedbackKey::Order),
        (true, false) => {
            return Some(FeedbackKey::Token(token.parse().unwrap_or(FeedbackToken::OF_NOBODY)));
        }
    }
    None
}

fn rating(field: &str, value: i32, bad: &mut Problems) {
    number(field, i64::from(value), 1..=5, bad);
}

fn words(field: &str, numbers: Vec<i32>, bad: &mut Problems) -> BTreeSet<FeedbackReason> {
    let mut reasons = BTreeSet::new();
    for (index, number) in entries(field, numbers, 0..=FeedbackReason::ALL.len(), bad) {
        let at = format!("{field}[{index}]");
        let Some(reason) = required_word(&at, number, enums::to_feedback_reason, bad) else { continue };
        if !reasons.insert(reason) {
            bad.add(&at, format!("{reason} is named twice"));
        }
    }
    reasons
}

fn line_ratings(lines: Vec<pb::LineRating>, bad: &mut Problems) -> Vec<LineFeedback> {
    let mut first: BTreeMap<i32, usize> = BTreeMap::new();
    let mut rated = Vec::new();
    for (index, line) in entries("lines", lines, 0..=LINES_MAX, bad) {
        let pb::LineRating { line_number, rating: given, reasons, comment } = line;
        let at = |field: &str| format!("lines[{index}].{field}");
        number(&at("line_number"), i64::from(line_number), LINE_NUMBERS, bad);
        if let Some(first) = first.get(&line_number) {
            bad.add(at("line_number"), format!("line {line_number} is rated already, in lines[{first}]"));
        }
        first.entry(line_number).or_insert(index);
        rating(&at("rating"), given, bad);
        let reasons = words(&at("reasons"), reasons, bad);
        let comment = note(&at("comment"), comment, LINE_COMMENT_MAX, bad);
        rated.push(LineFeedback { line: line_number, rating: given, reasons, comment });
    }
    rated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: pb::SubmitFeedbackRequest) -> Vec<String> {
        let mut bad = Problems::default();
        let _ = submit_feedback(request, &mut bad);
        bad.0.into_iter().map(|it| it.field).collect()
    }

    fn order_id() -> String {
        "ord_01h455vb4pex5vsknk084sn02q".to_owned()
    }

    #[test]
    fn every_bad_field_of_an_answer_is_named_at_once() {
        let late = pb::FeedbackReason::Late as i32;
        let line = |line_number, rating| pb::LineRating { line_number, rating, ..Default::default() };
        let long = pb::LineRating { comment: "x".repeat(501), reasons: vec![late, late], ..line(2, 3) };
        let request = pb::SubmitFeedbackRequest {
            order_id: "ord_1".to_owned(),
            delivery_rating: 6,
            comment: "\u{7}".to_owned(),
            reasons: vec![late, 0, 99],
            lines: vec![line(1, 5), line(1, 0), long, line(0, 1)],
            ..Default::default()
        };
        let expected = [
            "order_id",
            "delivery_rating",
            "product_rating",
            "comment",
            "reasons[1]",
            "reasons[2]",
            "lines[1].line_number",
            "lines[1].rating",
            "lines[2].reasons[1]",
            "lines[2].comment",
            "lines[3].line_number",
        ];
        assert_eq!(refused(request), expected);
    }

    #[test]
    fn the_words_about_all_lines_have_a_limit_too() {
        let line = |line_number| pb::LineRating {
            line_number,
            rating: 5,
            comment: "x".repeat(500),
            ..Default::default()
        };
        let said = |lines: i32| pb::SubmitFeedbackRequest {
            order_id: order_id(),
            delivery_rating: 5,
            product_rating: 5,
            lines: (1..=lines).map(line).collect(),
            ..Default::default()
        };
        assert_eq!(refused(said(4)), Vec::<String>::new());
        assert_eq!(refused(said(5)), ["lines"]);
    }

    #[test]
    fn either_the_order_or_the_token_is_named() {
        let rated = pb::SubmitFeedbackRequest { delivery_rating: 5, product_rating: 5, ..Default::default() };
        let by = |order_id: String, token: &str| {
            refused(pb::SubmitFeedbackRequest { order_id, token: token.to_owned(), ..rated.clone() })
        };
        assert_eq!(by(String::new(), ""), ["order_id"]);
        assert_eq!(by(order_id(), "x"), ["token"]);
        assert_eq!(by(order_id(), ""), Vec::<String>::new());
        assert_eq!(
            by(String::new(), "nonsense"),
            Vec::<String>::new(),
            "it opens nothing, and is not judged"
        );
    }
}
