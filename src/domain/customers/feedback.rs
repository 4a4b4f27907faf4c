//! Step 17: the delivery is confirmed to the customer, who may answer with feedback.

use crate::domain::discounts::offer::offer_discount;
use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::{Feedback, FeedbackState};
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The customer's feedback.
#[derive(Debug, Clone)]
pub struct SubmitFeedback {
    pub target: Target,
    /// 1 to 5.
    pub delivery_rating: i32,
    /// 1 to 5.
    pub product_rating: i32,
    pub comment: String,
}

impl OrderCommand for SubmitFeedback {
    const NAME: &'static str = "SubmitFeedback";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.submit_feedback(unit, self.delivery_rating, self.product_rating, self.comment.clone())
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
        let offer = offer_discount(unit, self.id);
        self.feedback = Some(Feedback {
            state: FeedbackState::Requested,
            delivery_rating: 0,
            product_rating: 0,
            comment: String::new(),
            requested_at: unit.now,
            submitted_at: None,
            discount_code: offer.as_ref().map(|it| it.code.to_string()).unwrap_or_default(),
            discount_ppm: offer.as_ref().map_or(0, |it| it.rate_ppm),
            discount_until: offer.map(|it| it.until),
        });
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
        if let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) {
            let step = step_between(self.id.0, feedback.state, FeedbackState::Expired)?;
            feedback.state = FeedbackState::Expired;
            self.record_automatic(unit, EventKind::FeedbackExpired, Some(step), "the goods have gone back");
        }
        Ok(())
    }

    /// The customer's answer, once.
    pub fn submit_feedback(
        &mut self,
        unit: &mut UnitOfWork,
        delivery_rating: i32,
        product_rating: i32,
        comment: String,
    ) -> Result<(), Refusal> {
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("give feedback"));
        }
        let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) else {
            let message = "feedback is asked for at delivery and given once";
            return Err(self.unmet(Reason::FeedbackNotOpen, message));
        };
        let step = step_between(self.id.0, feedback.state, FeedbackState::Submitted)?;
        feedback.state = FeedbackState::Submitted;
        feedback.delivery_rating = delivery_rating;
        feedback.product_rating = product_rating;
        feedback.comment = comment;
        feedback.submitted_at = Some(unit.now);
        let text = format!("delivery {delivery_rating} of 5, products {product_rating} of 5");
        self.record(unit, EventKind::FeedbackSubmitted, Some(step), text);
        Ok(())
    }
}
