//! Holds are placed and released.

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, HoldId};
use crate::domain::ordering::receive::{ACTIVE_HOLDS_MAX, HOLD_NOTE_MAX, HOLDS_BY_HAND_MAX};
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::journal::{born, cut, moved};
use crate::domain::unit::unit_of_work::{Desk, Touch};

/// Stops every forward move of an order until the hold is released.
#[derive(Debug, Clone)]
pub struct PlaceHold {
    pub target: Target,
    pub reason: HoldReason,
    pub comment: String,
}

impl OrderCommand for PlaceHold {
    const NAME: &'static str = "PlaceHold";
    type Output = HoldId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<HoldId, Refusal> {
        order.place_hold(desk, self.reason, self.comment.clone())
    }
}

/// Releases one hold; without another the order goes on.
#[derive(Debug, Clone)]
pub struct ReleaseHold {
    pub target: Target,
    pub hold: HoldId,
    pub comment: String,
}

impl OrderCommand for ReleaseHold {
    const NAME: &'static str = "ReleaseHold";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> Touch {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        order.release_hold(desk, self.hold, &self.comment)
    }
}

impl Order {
    pub(in crate::domain) fn hold(
        &mut self,
        desk: &mut Desk,
        by: Actor,
        reason: HoldReason,
        note: String,
    ) -> HoldId {
        let id: HoldId = desk.ids.fresh();
        self.holds.push(Hold {
            id,
            reason,
            note: cut(note, HOLD_NOTE_MAX),
            state: HoldState::Active,
            placed_by: by,
            placed_at: desk.now,
            released_by: None,
            released_at: None,
            release_note: String::new(),
        });
        let step = born(id.0, HoldState::Active);
        self.tell(desk, EventKind::HoldPlaced, Some(step), format!("hold {id}: {reason}"));
        id
    }

    pub(super) fn release_holds(
        &mut self,
        desk: &mut Desk,
        which: impl Fn(&Hold) -> bool,
        note: &str,
    ) -> Result<(), Refusal> {
        let ids: Vec<HoldId> = self
            .holds
            .iter()
            .filter(|it| it.state == HoldState::Active && which(it))
            .map(|it| it.id)
            .collect();
        for id in ids {
            self.release_one(desk, id, note)?;
        }
        Ok(())
    }

    fn release_one(&mut self, desk: &mut Desk, id: HoldId, note: &str) -> Result<(), Refusal> {
        let place = self.holds.iter().position(|it| it.id == id);
        let place = place.ok_or_else(|| Refusal::not_found("hold", id))?;
        let step = moved(id.0, self.holds[place].state, HoldState::Released)
            .map_err(|it| it.instead(|| self.available_actions()))?;
        let hold = &mut self.holds[place];
        hold.state = HoldState::Released;
        hold.released_by = Some(desk.actor.clone());
        hold.released_at = Some(desk.now);
        hold.release_note = note.to_owned();
        self.tell(desk, EventKind::HoldReleased, Some(step), format!("hold {id} released"));
        Ok(())
    }

    /// Stops every forward move until released.
    pub fn place_hold(
        &mut self,
        desk: &mut Desk,
        reason: HoldReason,
        note: String,
    ) -> Result<HoldId, Refusal> {
        if self.is_over() {
            return Err(self.out_of_turn("place a hold"));
        }
        let active = self.holds.iter().filter(|it| it.state == HoldState::Active).count();
        if active >= ACTIVE_HOLDS_MAX {
            let message = format!("an order has at most {ACTIVE_HOLDS_MAX} active holds");
            let refusal = self.unmet(Reason::LimitReached, message);
            return Err(refusal.without(&[Action::PlaceHold]));
        }
        // Holds of the system's own are not counted: they always have room.
        let by_hand = self.holds.iter().filter(|it| it.placed_by != Actor::system()).count();
        if by_hand >= HOLDS_BY_HAND_MAX {
            let message = format!("callers place at most {HOLDS_BY_HAND_MAX} holds on an order");
            let refusal = self.unmet(Reason::LimitReached, message);
            return Err(refusal.without(&[Action::PlaceHold]));
        }
        let by = desk.actor.clone();
        Ok(self.hold(desk, by, reason, note))
    }

    /// Releases one hold; a verification hold asks for a verification instead of a word.
    pub fn release_hold(&mut self, desk: &mut Desk, id: HoldId, note: &str) -> Result<(), Refusal> {
        let hold = self.holds.iter().find(|it| it.id == id).ok_or_else(|| Refusal::not_found("hold", id))?;
        if hold.state == HoldState::Active && hold.reason == HoldReason::VerificationFailed {
            let message = "a failed verification is released by UpdateOrder and VerifyOrder";
            return Err(self.unmet(Reason::HoldActive, message));
        }
        self.release_one(desk, id, note)?;
        self.fill(desk).map(|_| ())
    }
}
