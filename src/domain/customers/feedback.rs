//! Step 17: the delivery is confirmed to the customer, who may answer with feedback.

use crate::domain::discounts::offer::offer_discount;
use crate::domain::model::etag::check_etag;
use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::{Feedback, FeedbackReason, FeedbackState, LineFeedback};
use crate::domain::model::feedback_token::{FeedbackSecret, FeedbackToken};
use crate::domain::model::line::OrderLine;
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::OrderId;
use crate::domain::unit::command::{Command, OnOrder, conclude};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};
use std::collections::{BTreeMap, BTreeSet};

/// Whose feedback a call is about. A shop names the order; a customer has nothing but the token of a letter.
#[derive(Debug, Clone)]
pub enum FeedbackKey {
    Order(OrderId),
    Token(FeedbackToken),
}

impl FeedbackKey {
    pub fn order(&self) -> OrderId {
        match self {
            Self::Order(id) => *id,
            Self::Token(token) => token.order,
        }
    }

    /// Whether it opens the feedback of this order. Of a wrong token nothing is said, not even whether there is such an
    /// order.
    pub fn check(&self, order: &Order) -> Result<(), Refusal> {
        match self {
            Self::Order(_) => Ok(()),
            Self::Token(token) => {
                let feedback = order.feedback.as_ref().filter(|it| token.opens(&it.secret));
                feedback.map(|_| ()).ok_or_else(Self::unknown)
            }
        }
    }

    /// There is no such feedback.
    pub fn not_found(&self) -> Refusal {
        match self {
            Self::Order(id) => Refusal::not_found("order", id),
            Self::Token(_) => Self::unknown(),
        }
    }

    /// Of a token that nothing belongs to, or that is none.
    pub fn unknown() -> Refusal {
        Refusal::not_found("feedback", "with this token")
    }
}

/// The feedback of an order, in the version that the caller has seen.
#[derive(Debug, Clone)]
pub struct FeedbackTarget {
    pub key: FeedbackKey,
    /// The order's; empty: any version.
    pub etag: String,
}

impl FeedbackTarget {
    pub(super) fn reads(&self) -> ReadSet {
        ReadSet { orders: vec![self.key.order()], ..ReadSet::default() }
    }

    /// Decides about the order that is meant.
    pub(super) fn decide(
        &self,
        unit: &mut UnitOfWork<'_>,
        decide: impl FnOnce(&mut Order, &mut UnitOfWork<'_>) -> Result<(), Refusal>,
    ) -> Result<OnOrder<()>, Refusal> {
        let id = self.key.order();
        let mut order = unit.take_order(id).map_err(|_| self.key.not_found())?;
        self.key.check(&order)?;
        check_etag(&self.etag, order.version)?;
        decide(&mut order, unit)?;
        conclude(order, unit)?;
        Ok(OnOrder { order: id, output: () })
    }
}

/// The customer's answer.
#[derive(Debug, Clone)]
pub struct SubmitFeedback {
    pub target: FeedbackTarget,
    pub answer: FeedbackAnswer,
}

/// What a customer says of an order, and of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackAnswer {
    /// 1 to 5.
    pub delivery_rating: i32,
    /// 1 to 5.
    pub product_rating: i32,
    pub comment: String,
    pub reasons: BTreeSet<FeedbackReason>,
    /// As the customer sent them.
    pub lines: Vec<LineFeedback>,
}

impl FeedbackAnswer {
    /// Of the order as a whole, without words.
    pub fn overall(delivery_rating: i32, product_rating: i32) -> Self {
        let (comment, reasons, lines) = (String::new(), BTreeSet::new(), Vec::new());
        Self { delivery_rating, product_rating, comment, reasons, lines }
    }

    /// The lowest of all its ratings.
    fn lowest(&self) -> i32 {
        let overall = self.delivery_rating.min(self.product_rating);
        self.lines.iter().map(|it| it.rating).fold(overall, i32::min)
    }

    /// Facts for the history: no word of the customer's own.
    fn told(&self) -> String {
        let Self { delivery_rating, product_rating, comment: _, reasons, lines } = self;
        let mut text = format!("delivery {delivery_rating} of 5, products {product_rating} of 5");
        let of_lines = lines.iter().flat_map(|it| &it.reasons);
        let all: BTreeSet<&str> = reasons.iter().chain(of_lines).map(|it| it.as_str()).collect();
        let rated: Vec<String> = lines.iter().map(|it| format!("line {}: {}", it.line, it.rating)).collect();
        for part in [rated, all.into_iter().map(ToOwned::to_owned).collect()] {
            if !part.is_empty() {
                text.push_str(&format!("; {}", part.join(", ")));
            }
        }
        text
    }
}

impl Command for SubmitFeedback {
    const NAME: &'static str = "SubmitFeedback";
    type Output = OnOrder<()>;

    fn reads(&self) -> ReadSet {
        self.target.reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<OnOrder<()>, Refusal> {
        self.target.decide(unit, |order, unit| order.submit_feedback(unit, &self.answer))
    }
}

impl Order {
    /// Step 17: thanks, a question, and a discount that does not depend on the answer.
    pub(in crate::domain) fn confirm_to_customer(&mut self, unit: &mut UnitOfWork) {
        self.delivered_at = Some(unit.now);
        if self.feedback.is_some() {
            self.confirm_again(unit);
            return;
        }
        let secret = FeedbackSecret::fresh(&mut unit.ids);
        let mut feedback = Feedback::asked_for(unit.now, secret);
        if let Some(offer) = offer_discount(unit, self.id) {
            feedback.discount_code = offer.code.to_string();
            feedback.discount_ppm = offer.rate_ppm;
            feedback.discount_until = Some(offer.until);
        }
        self.feedback = Some(feedback);
        let step = opened(self.id.0, FeedbackState::Requested);
        self.record_automatic(unit, EventKind::FeedbackRequested, Some(step), "asked for feedback");
        self.notify(unit, MessageKind::DeliveryConfirmed, None, 0);
    }

    /// It had arrived before, as it seemed. The customer may answer again, and gets the letter unless it was sent, or is
    /// about to be.
    fn confirm_again(&mut self, unit: &mut UnitOfWork) {
        if let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Expired) {
            let step = step_between(self.id.0, feedback.state, FeedbackState::Requested);
            feedback.state = FeedbackState::Requested;
            feedback.requested_at = unit.now;
            self.record_automatic(unit, EventKind::FeedbackRequested, step.ok(), "asked for feedback again");
        }
        let letters = self.messages.iter().filter(|it| it.kind == MessageKind::DeliveryConfirmed);
        let is_told = |it: &Message| matches!(it.state, MessageState::Queued | MessageState::Sent);
        if !letters.clone().any(is_told) {
            let nth = i64::try_from(letters.count()).unwrap_or(i64::MAX);
            self.notify(unit, MessageKind::DeliveryConfirmed, None, nth);
        }
    }

    /// What seemed to be delivered has gone back: a letter that was not sent is not sent any more, and no answer is
    /// waited for.
    pub(in crate::domain) fn take_confirmation_back(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        self.delivered_at = None;
        self.expire_feedback(unit, "the goods have gone back")
    }

    /// No answer is waited for any more.
    pub(in crate::domain) fn expire_feedback(
        &mut self,
        unit: &mut UnitOfWork,
        why: &str,
    ) -> Result<(), Refusal> {
        if let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) {
            let step = step_between(self.id.0, feedback.state, FeedbackState::Expired)?;
            feedback.state = FeedbackState::Expired;
            self.record_automatic(unit, EventKind::FeedbackExpired, Some(step), why);
        }
        Ok(())
    }

    /// Whether an answer is waited for.
    pub fn awaits_feedback(&self) -> bool {
        self.feedback.as_ref().is_some_and(|it| it.state == FeedbackState::Requested)
    }

    /// The customer's answer, once.
    pub fn submit_feedback(&mut self, unit: &mut UnitOfWork, answer: &FeedbackAnswer) -> Result<(), Refusal> {
        self.check_lines(&answer.lines)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("give feedback"));
        }
        let state = self.feedback.as_ref().map(|it| it.state);
        let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) else {
            return Err(self.unmet(Reason::FeedbackNotOpen, why_not_open(state)));
        };
        let step = step_between(self.id.0, feedback.state, FeedbackState::Submitted)?;
        let mut answer = answer.clone();
        answer.lines.sort_by_key(|it| it.line);
        let text = answer.told();
        let lowest = answer.lowest();
        let FeedbackAnswer { delivery_rating, product_rating, comment, reasons, lines } = answer;
        feedback.state = FeedbackState::Submitted;
        (feedback.delivery_rating, feedback.product_rating) = (delivery_rating, product_rating);
        (feedback.comment, feedback.reasons, feedback.lines) = (comment, reasons, lines);
        feedback.submitted_at = Some(unit.now);
        self.record(unit, EventKind::FeedbackSubmitted, Some(step), text);
        self.follow_up_on(unit, lowest);
        Ok(())
    }

    /// Every rated line is one of the order that was not cancelled, whatever it is of, and is rated once.
    fn check_lines(&self, rated: &[LineFeedback]) -> Result<(), Refusal> {
        let mut bad = Problems::default();
        let mut first: BTreeMap<i32, usize> = BTreeMap::new();
        for (index, line) in rated.iter().enumerate() {
            let at = format!("lines[{index}].line_number");
            let rated = self.lines.iter().find(|it| it.number == line.line);
            if rated.is_none() {
                bad.add(at, format!("the order has no line {}", line.line));
            } else if !rated.is_some_and(OrderLine::is_wanted) {
                bad.add(at, format!("line {} was cancelled", line.line));
            } else if let Some(first) = first.get(&line.line) {
                bad.add(at, format!("line {} is rated already, in lines[{first}]", line.line));
            } else {
                first.insert(line.line, index);
            }
        }
        bad.into_result()
    }
}

/// Why nobody can answer now.
pub(in crate::domain) fn why_not_open(state: Option<FeedbackState>) -> &'static str {
    match state {
        None | Some(FeedbackState::Requested) => "feedback is asked for once the order is delivered",
        Some(FeedbackState::Submitted) => "the customer has answered",
        Some(FeedbackState::OptedOut) => "the customer does not want to be asked",
        Some(FeedbackState::Expired) => "the time for an answer is over",
    }
}
