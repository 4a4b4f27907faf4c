//! Invariants of an order's feedback.

use std::collections::BTreeSet;

use crate::domain::customers::ask_again::ASKED_AGAIN_MAX;
use crate::domain::invariants::findings::Findings;
use crate::domain::model::feedback::{Feedback, FeedbackState};
use crate::domain::model::message::{MessageKind, MessageState};
use crate::domain::model::order::Order;

impl Order {
    pub(super) fn check_feedback(&self, found: &mut Findings) {
        let Some(feedback) = &self.feedback else {
            found.ensure("F2", self.id, self.follow_up.is_none(), "nothing to follow up", "a task");
            return;
        };
        let mut ensure = |law: &'static str, holds: bool, expected: &str| {
            found.ensure(law, self.id, holds, expected, feedback.state);
        };
        let is_submitted = feedback.state == FeedbackState::Submitted;
        let ratings = ratings(feedback);
        match is_submitted {
            true => ensure("F1", ratings.iter().all(|it| (1..=5).contains(it)), "ratings of 1 to 5"),
            false => ensure("F1", feedback.says_nothing(), "no ratings and no words"),
        }
        ensure(
            "F1",
            feedback.submitted_at.is_some() == is_submitted,
            "when, if and only if it was submitted",
        );
        let numbers: BTreeSet<i32> = feedback.lines.iter().map(|it| it.line).collect();
        let known = numbers.iter().all(|number| self.lines.iter().any(|it| it.number == *number));
        ensure("F1", known && numbers.len() == feedback.lines.len(), "lines of the order, each once");

        let is_bad = is_submitted && ratings.iter().any(|it| *it <= 2);
        ensure("F2", self.follow_up.is_some() == is_bad, "a task if and only if a rating is bad");

        let letters = || self.messages.iter().filter(|it| it.kind == MessageKind::FeedbackRequested);
        let is_left_alone = letters().all(|it| it.state != MessageState::Queued);
        ensure("F3", feedback.state != FeedbackState::OptedOut || is_left_alone, "no letter to be sent");
        let asked = usize::try_from(feedback.asked_again).unwrap_or(usize::MAX);
        ensure(
            "F3",
            feedback.asked_again <= ASKED_AGAIN_MAX && letters().count() == asked,
            "a letter each time",
        );
    }
}

fn ratings(feedback: &Feedback) -> Vec<i32> {
    let Feedback { delivery_rating, product_rating, lines, .. } = feedback;
    lines.iter().map(|it| it.rating).chain([*delivery_rating, *product_rating]).collect()
}

impl Feedback {
    fn says_nothing(&self) -> bool {
        let Self { delivery_rating, product_rating, comment, reasons, lines, .. } = self;
        (*delivery_rating, *product_rating) == (0, 0)
            && comment.is_empty()
            && reasons.is_empty()
            && lines.is_empty()
    }
}
