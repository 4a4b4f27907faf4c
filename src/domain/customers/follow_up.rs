//! What is done about a bad rating: a task that somebody closes with a result.

use crate::domain::model::event::EventKind;
use crate::domain::model::feedback::{FollowUp, FollowUpEnd, FollowUpState};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// A rating of this or less, of whatever it is, is followed up.
const FOLLOWED_UP: i32 = 2;

/// Says what was done about a bad rating.
#[derive(Debug, Clone)]
pub struct CloseFollowUp {
    pub target: Target,
    pub result: String,
}

impl OrderCommand for CloseFollowUp {
    const NAME: &'static str = "CloseFollowUp";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.close_follow_up(unit, &self.result)
    }
}

impl Order {
    /// Raises a task if the lowest of the ratings is bad.
    pub(super) fn follow_up_on(&mut self, unit: &mut UnitOfWork, lowest: i32) {
        if lowest > FOLLOWED_UP || self.follow_up.is_some() {
            return;
        }
        let follow_up = FollowUp { id: unit.ids.fresh(), raised_at: unit.now, closed: None };
        let step = opened(follow_up.id.0, follow_up.state());
        self.follow_up = Some(follow_up);
        let text = format!("a rating of {lowest} of 5 is to be followed up");
        self.record_automatic(unit, EventKind::FollowUpRaised, Some(step), text);
    }

    /// Whether somebody is still to do something about a bad rating.
    pub fn has_open_follow_up(&self) -> bool {
        self.follow_up.as_ref().is_some_and(|it| it.state() == FollowUpState::Open)
    }

    /// In whatever state the order is: a task outlives the order's way, the archive included, and so never keeps an order
    /// from going on.
    pub fn close_follow_up(&mut self, unit: &mut UnitOfWork, result: &str) -> Result<(), Refusal> {
        let Some(follow_up) = self.follow_up.as_mut() else {
            return Err(self.unmet(Reason::IllegalTransition, "no rating of this order is to be followed up"));
        };
        let state = follow_up.state();
        if state == FollowUpState::Closed {
            let message = "the follow-up is closed already";
            return Err(self.unmet_part(Reason::IllegalTransition, state.as_str(), message));
        }
        let step = step_between(follow_up.id.0, state, FollowUpState::Closed)?;
        let (by, result) = (unit.actor.clone(), result.to_owned());
        follow_up.closed = Some(FollowUpEnd { at: unit.now, by, result });
        self.record(unit, EventKind::FollowUpClosed, Some(step), "the bad rating was followed up");
        Ok(())
    }
}
