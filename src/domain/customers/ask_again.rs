//! Whether a customer is asked for feedback again: people may have that done, and the customer may do without.

use std::time::Duration;

use crate::domain::customers::feedback::FeedbackTarget;
use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::FeedbackState;
use crate::domain::model::message::{MessageKind, Suppression, SuppressionReason};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{Command, OnOrder, OrderCommand, Target};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How often people may have a customer asked again about one order.
pub(in crate::domain) const ASKED_AGAIN_MAX: u32 = 3;

/// How long a customer is left in peace after they were asked.
pub(in crate::domain) const ASKING_PAUSE: Duration = Duration::from_secs(3 * 86_400);

const NOTHING_TO_ASK_ABOUT: &str = "nothing was delivered that could be asked about";

/// Asks the customer once more, by a letter of its own.
#[derive(Debug, Clone)]
pub struct RequestFeedback {
    pub target: Target,
}

impl OrderCommand for RequestFeedback {
    const NAME: &'static str = "RequestFeedback";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.ask_again(unit)
    }
}

/// The customer does not want to be asked.
#[derive(Debug, Clone)]
pub struct OptOutFeedback {
    pub target: FeedbackTarget,
}

impl Command for OptOutFeedback {
    const NAME: &'static str = "OptOutFeedback";
    type Output = OnOrder<()>;

    fn reads(&self) -> ReadSet {
        self.target.reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<OnOrder<()>, Refusal> {
        self.target.decide(unit, Order::opt_out_of_feedback)
    }
}

impl Order {
    /// Why the customer is not asked again, whenever that would be.
    pub(in crate::domain) fn why_not_asked_again(&self) -> Option<(Reason, String)> {
        let not_open = |why: &str| Some((Reason::FeedbackNotOpen, why.to_owned()));
        let state = self.feedback.as_ref().filter(|_| self.delivered_at.is_some()).map(|it| it.state);
        match state {
            None => not_open(NOTHING_TO_ASK_ABOUT),
            Some(FeedbackState::Submitted) => not_open("the customer has answered"),
            Some(FeedbackState::OptedOut) => not_open("the customer does not want to be asked"),
            Some(FeedbackState::Requested | FeedbackState::Expired) => {
                let suppression = self.suppression_of(MessageKind::FeedbackRequested)?;
                Some((Reason::NotSendable, format!("no letter can ask for it: {}", suppression.why)))
            }
        }
    }

    /// Asks for feedback once more, also after the time for it was over.
    pub fn ask_again(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.is_archived() {
            return Err(self.out_of_turn("ask for feedback"));
        }
        if let Some((reason, why)) = self.why_not_asked_again() {
            return Err(self.unmet(reason, why));
        }
        let Some(feedback) = self.feedback.as_mut() else {
            return Err(self.unmet(Reason::FeedbackNotOpen, NOTHING_TO_ASK_ABOUT));
        };
        let (asked, last) = (feedback.asked_again, feedback.last_asked_at());
        if asked >= ASKED_AGAIN_MAX {
            let why = format!("a customer is asked again at most {ASKED_AGAIN_MAX} times");
            return Err(self.unmet(Reason::LimitReached, why));
        }
        let next = last.plus(ASKING_PAUSE);
        if unit.now < next {
            let why = format!("the customer was asked at {last} and is left in peace until {next}");
            return Err(self.unmet(Reason::LimitReached, why));
        }

        let step = step_between(self.id.0, feedback.state, FeedbackState::Requested).ok();
        feedback.state = FeedbackState::Requested;
        feedback.asked_again += 1;
        feedback.asked_again_at = Some(unit.now);
        let nth = feedback.asked_again;
        self.record(unit, EventKind::FeedbackRequested, step, "asked for feedback again");
        self.notify(unit, MessageKind::FeedbackRequested, None, i64::from(nth));
        Ok(())
    }

    /// From now on no letter asks about this order. A second time changes nothing.
    pub fn opt_out_of_feedback(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.is_archived() {
            return Err(self.out_of_turn("opt out of feedback"));
        }
        let Some(feedback) = self.feedback.as_mut() else {
            return Err(self.unmet(Reason::FeedbackNotOpen, "the customer was not asked for feedback yet"));
        };
        match feedback.state {
            FeedbackState::Requested | FeedbackState::Expired => {}
            FeedbackState::OptedOut => return Ok(()),
            FeedbackState::Submitted => {
                return Err(self.unmet(Reason::FeedbackNotOpen, "the customer has answered"));
            }
        }
        let step = step_between(self.id.0, feedback.state, FeedbackState::OptedOut)?;
        feedback.state = FeedbackState::OptedOut;
        let why = "the customer does not want to be asked for feedback";
        self.record(unit, EventKind::FeedbackOptedOut, Some(step), why);
        self.unwanted_messages.insert(MessageKind::FeedbackRequested);
        let suppression = Suppression::new(SuppressionReason::NotWanted, why);
        self.suppress_queued(unit, |it| it.kind == MessageKind::FeedbackRequested, &suppression)
    }
}
