//! Holds of an order: placed and released.

use crate::domain::model::action::Action;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldReason, HoldState};
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, HoldId, OnLate};
use crate::domain::ordering::receive::{ACTIVE_HOLDS_MAX, HOLD_NOTE_MAX, HOLDS_BY_HAND_MAX};
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::journal::{cut, opened, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

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

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<HoldId, Refusal> {
        order.place_hold(unit, self.reason, self.comment.clone())
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

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.release_hold(unit, self.hold, &self.comment)
    }
}

impl Order {
    pub(in crate::domain) fn hold(
        &mut self,
        unit: &mut UnitOfWork,
        by: Actor,
        reason: HoldReason,
        note: String,
    ) -> HoldId {
        let id: HoldId = unit.ids.fresh();
        self.holds.push(Hold {
            id,
            reason,
            note: cut(note, HOLD_NOTE_MAX),
            state: HoldState::Active,
            placed_by: by,
            placed_at: unit.now,
            released_by: None,
            released_at: None,
            release_note: String::new(),
        });
        let step = opened(id.0, HoldState::Active);
        self.record(unit, EventKind::HoldPlaced, Some(step), format!("hold {id}: {reason}"));
        let nth = i64::try_from(self.holds.len()).unwrap_or(i64::MAX);
        self.notify(unit, MessageKind::OnHold, None, nth);
        id
    }

    /// The order goes on: a customer who was told that it waits, and not yet that this is over, hears so.
    pub(super) fn tell_released(&mut self, unit: &mut UnitOfWork) {
        // One whose sending was tried may have arrived.
        let is_told = |it: &&Message| {
            it.kind == MessageKind::OnHold && (it.state == MessageState::Sent || it.attempts > 0)
        };
        let is_end =
            |it: &&Message| it.kind == MessageKind::HoldReleased && it.state != MessageState::Suppressed;
        let begun = self.messages.iter().filter(is_told).map(|it| it.sequence).max();
        let ended = self.messages.iter().filter(is_end).map(|it| it.sequence).max();
        if begun > ended && !self.on_hold() {
            let nth = i64::try_from(self.holds.len()).unwrap_or(i64::MAX);
            self.notify(unit, MessageKind::HoldReleased, None, nth);
        }
    }

    pub(super) fn release_holds(
        &mut self,
        unit: &mut UnitOfWork,
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
            self.release_one(unit, id, note)?;
        }
        Ok(())
    }

    fn release_one(&mut self, unit: &mut UnitOfWork, id: HoldId, note: &str) -> Result<(), Refusal> {
        let index = self.holds.iter().position(|it| it.id == id);
        let index = index.ok_or_else(|| Refusal::not_found("hold", id))?;
        let step = step_between(id.0, self.holds[index].state, HoldState::Released)
            .map_err(|it| it.instead(|| self.available_actions()))?;
        let hold = &mut self.holds[index];
        hold.state = HoldState::Released;
        hold.released_by = Some(unit.actor.clone());
        hold.released_at = Some(unit.now);
        hold.release_note = note.to_owned();
        self.record(unit, EventKind::HoldReleased, Some(step), format!("hold {id} released"));
        Ok(())
    }

    /// Stops every forward move until released.
    pub fn place_hold(
        &mut self,
        unit: &mut UnitOfWork,
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
        let by = unit.actor.clone();
        Ok(self.hold(unit, by, reason, note))
    }

    /// Whether a word does not end it: an order that is not verified yet is verified again. One that was verified before has no
    /// way back there.
    pub(in crate::domain) fn is_ended_by_verifying(&self, hold: &Hold) -> bool {
        hold.state == HoldState::Active
            && hold.reason == HoldReason::VerificationFailed
            && self.state == OrderState::Received
    }

    /// Why the actor cannot release the hold; None if they can. A doubt can be released by the person who placed it, and by
    /// every person without a hand in the order.
    fn why_not_to_release(&self, unit: &UnitOfWork, hold: &Hold) -> Option<String> {
        if hold.state != HoldState::Active || !hold.reason.is_a_doubt() {
            return None;
        }
        if unit.actor.is_anonymous() {
            return Some(format!("who releases a hold for {} has to say who they are", hold.reason));
        }
        if hold.placed_by.is_same_person(&unit.actor) {
            return None;
        }
        let did = self.own_hands(unit)?;
        Some(format!("{did} and may not release a hold for {}: another person has to", hold.reason))
    }

    /// Releases one hold; a verification hold asks for a verification instead of a word, a doubt for another person.
    pub fn release_hold(&mut self, unit: &mut UnitOfWork, id: HoldId, note: &str) -> Result<(), Refusal> {
        let hold = self.holds.iter().find(|it| it.id == id).ok_or_else(|| Refusal::not_found("hold", id))?;
        if self.is_ended_by_verifying(hold) {
            let message = "a failed verification is released by UpdateOrder and VerifyOrder";
            return Err(self.unmet(Reason::HoldActive, message));
        }
        if let Some(why) = self.why_not_to_release(unit, hold) {
            return Err(self.unmet(Reason::SelfApproval, why).without(&[Action::ReleaseHold]));
        }
        // Who lets an order go on whose date is too late has accepted the date.
        if hold.reason == HoldReason::UnknownDeliveryDate && self.shipments.is_empty() {
            self.on_late = OnLate::Accept;
        }
        if hold.state == HoldState::Active && hold.reason == HoldReason::InventoryOutOfStock {
            self.replace_missing(unit)?;
        }
        self.release_one(unit, id, note)?;
        self.tell_released(unit);
        self.fill(unit).map(|_| ())
    }
}
