//! Changes of an order that was sold: drafted, proposed, and confirmed, declined or cancelled.

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldState;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::{Message, MessageKind, SuppressionReason};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::order_change::{
    ChangeEnd, ChangeItem, ChangeProposal, OrderChange, OrderChangeState,
};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, OrderChangeId};
use crate::domain::ordering::change_items::Stock;
use crate::domain::unit::command::{FURTHER_READS_MAX, OrderCommand, Target, to_reserve};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How many changes of one order are kept. Each is shown with what it would do.
pub(crate) const CHANGES_MAX: usize = 20;

/// How many letters about proposals an order's customer gets before only the first of a change is told: each may be looked at
/// anew as often as its figures move.
const PROPOSALS_TOLD_MAX: usize = 40;

/// How many things one change may ask for.
pub(crate) const ITEMS_MAX: usize = 50;

/// Drafts a change. Nothing moves.
#[derive(Debug, Clone)]
pub struct CreateOrderChange {
    pub target: Target,
    pub items: Vec<ChangeItem>,
    pub reason: String,
}

impl OrderCommand for CreateOrderChange {
    const NAME: &'static str = "CreateOrderChange";
    type Output = OrderChangeId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        let added = self.items.iter().filter_map(|it| match it {
            ChangeItem::AddLine(line) => Some(line.sku.clone()),
            ChangeItem::SetQuantity { .. }
            | ChangeItem::RemoveLine { .. }
            | ChangeItem::SetInstructions(_)
            | ChangeItem::SetShippingAddress(_)
            | ChangeItem::SetService(_)
            | ChangeItem::SetDiscount(_) => None,
        });
        // A discount code is looked up with the redemptions of the order's customer, who is not known before.
        ReadSet { products: added.collect(), further_reads: FURTHER_READS_MAX, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<OrderChangeId, Refusal> {
        order.create_change(unit, &self.items, &self.reason)
    }
}

/// What is done with a change that was drafted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeStep {
    /// Looks at what it would do, and freezes that.
    Propose,
    /// Does it.
    Confirm,
    /// The customer does not want it as it was proposed.
    Decline(String),
    Cancel,
}

/// Takes a change further.
#[derive(Debug, Clone)]
pub struct DecideOrderChange {
    pub target: Target,
    pub change: OrderChangeId,
    pub step: ChangeStep,
}

impl OrderCommand for DecideOrderChange {
    const NAME: &'static str = "DecideOrderChange";
    type Output = OrderChangeId;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { further_reads: FURTHER_READS_MAX, ..to_reserve() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<OrderChangeId, Refusal> {
        let change = self.change;
        match &self.step {
            ChangeStep::Propose => order.propose_change(unit, change),
            ChangeStep::Confirm => order.confirm_change(unit, change),
            ChangeStep::Decline(reason) => order.decline_change(unit, change, reason),
            ChangeStep::Cancel => order.cancel_change(unit, change),
        }?;
        Ok(change)
    }
}

impl Order {
    pub fn create_change(
        &mut self,
        unit: &mut UnitOfWork,
        items: &[ChangeItem],
        reason: &str,
    ) -> Result<OrderChangeId, Refusal> {
        if !self.is_open_to_changes() {
            return Err(self.not_open_to_changes());
        }
        if let Some(open) = self.open_change() {
            let message =
                format!("change {} is {}; confirm, decline or cancel it first", open.id, open.state);
            return Err(self.unmet(Reason::OrderChangeOpen, message));
        }
        if self.changes.len() >= CHANGES_MAX {
            let message = format!("an order is changed {CHANGES_MAX} times at most");
            return Err(self.unmet(Reason::LimitReached, message));
        }
        self.check_draft(unit, items)?;

        let id: OrderChangeId = unit.ids.fresh();
        self.changes.push(OrderChange {
            id,
            state: OrderChangeState::Draft,
            items: items.to_vec(),
            reason: reason.to_owned(),
            created_by: unit.actor.clone(),
            created_at: unit.now,
            proposal: None,
            ended: None,
            outcome: None,
        });
        let text = format!("change {id} drafted");
        self.record(unit, EventKind::OrderChangeCreated, Some(opened(id.0, OrderChangeState::Draft)), text);
        Ok(id)
    }

    /// Looks at what the change would do as the order stands, and freezes that. A proposal is looked at anew without a step.
    pub fn propose_change(&mut self, unit: &mut UnitOfWork, id: OrderChangeId) -> Result<(), Refusal> {
        let index = self.open_change_index(id)?;
        if !self.is_open_to_changes() {
            return Err(self.not_open_to_changes());
        }
        let mut proposal = self.look_ahead(unit, index)?;
        let news = self.letter_about(index, &proposal);
        let before = self.changes[index].proposal.as_ref().map_or(0, |it| it.told);
        proposal.told = news.unwrap_or(before);
        let change = &mut self.changes[index];
        let step = match change.state {
            OrderChangeState::Proposed => None,
            state => Some(step_between(id.0, state, OrderChangeState::Proposed)?),
        };
        change.state = OrderChangeState::Proposed;
        let new_total = self.amounts.currency.of(proposal.new_total_minor);
        change.proposal = Some(Box::new(proposal));
        let text = format!("change {id} proposed: the order would come to {new_total}");
        self.record(unit, EventKind::OrderChangeProposed, step, text);
        if let Some(nth) = news {
            self.notify(unit, MessageKind::ChangeProposed, None, nth);
        }
        Ok(())
    }

    /// Which letter tells of a proposal. None: the one before reads the same and is read, or there were so many.
    fn letter_about(&self, index: usize, proposal: &ChangeProposal) -> Option<i64> {
        let letters = || self.messages.iter().filter(|it| it.kind == MessageKind::ChangeProposed);
        let told = letters().count();
        // One that was old before it went was read by nobody.
        let is_unread = |before: &ChangeProposal| {
            let is_old = |it: &Message| it.suppressed == Some(SuppressionReason::Outdated);
            letters().any(|it| it.sequence == before.told && is_old(it))
        };
        let is_news = match &self.changes[index].proposal {
            None => true,
            Some(before) => told < PROPOSALS_TOLD_MAX && (!before.reads_like(proposal) || is_unread(before)),
        };
        is_news.then(|| i64::try_from(told + 1).unwrap_or(i64::MAX))
    }

    /// The change whose proposal a letter tells.
    pub fn change_told(&self, message: &Message) -> Option<&OrderChange> {
        self.changes.iter().find(|it| it.proposal.as_ref().is_some_and(|it| it.told == message.sequence))
    }

    /// Why a letter about a proposal is not worth sending any more.
    pub(in crate::domain) fn outdates_proposal(&self, message: &Message) -> Option<&'static str> {
        let Some(change) = self.change_told(message) else { return Some("the change was proposed anew") };
        if change.state != OrderChangeState::Proposed {
            return Some("the change is over");
        }
        let basis = change.proposal.as_ref().map(|it| &it.basis);
        (basis != Some(&self.basis_of(&change.items))).then_some("what the change touches is different now")
    }

    /// Does what was proposed, in one decision.
    pub fn confirm_change(&mut self, unit: &mut UnitOfWork, id: OrderChangeId) -> Result<(), Refusal> {
        let index = self.open_change_index(id)?;
        if !self.is_open_to_changes() {
            return Err(self.not_open_to_changes());
        }
        let change = &self.changes[index];
        let proposed = change.proposal.as_ref().filter(|_| change.state == OrderChangeState::Proposed);
        let Some(proposal) = proposed else {
            let message = format!("the change is {}: propose it first", change.state);
            return Err(self.unmet_part(Reason::IllegalTransition, change.state.as_str(), message));
        };
        if proposal.basis != self.basis_of(&change.items) {
            let message = format!(
                "what the change touches, or the order's money, has changed since version {} that it was proposed \
                 for; propose it anew",
                proposal.order_version
            );
            return Err(self.unmet(Reason::OrderChangeOutdated, message));
        }

        let proposed_total = self.amounts.currency.of(proposal.new_total_minor);
        let outcome = self.apply_change(unit, index, Stock::SetAside)?;
        self.changes[index].outcome = Some(outcome);
        let total = self.amounts.currency.of(self.total_minor());
        if total != proposed_total {
            let message = format!(
                "prices or taxes have changed since: the order would come to {total}, not to {proposed_total}; \
                 propose it anew"
            );
            return Err(self.unmet(Reason::OrderChangeOutdated, message));
        }
        let text = format!("change {id} confirmed: the order comes to {total}");
        self.end_change(unit, index, OrderChangeState::Confirmed, EventKind::OrderChangeConfirmed, "", text)
    }

    /// The customer does not want what was proposed.
    pub fn decline_change(
        &mut self,
        unit: &mut UnitOfWork,
        id: OrderChangeId,
        reason: &str,
    ) -> Result<(), Refusal> {
        let index = self.open_change_index(id)?;
        let state = self.changes[index].state;
        if state != OrderChangeState::Proposed {
            let message =
                format!("the change is {state}: only what was proposed is declined; cancel it instead");
            return Err(self.unmet_part(Reason::IllegalTransition, state.as_str(), message));
        }
        let text = format!("change {id} declined");
        let kind = EventKind::OrderChangeDeclined;
        self.end_change(unit, index, OrderChangeState::Declined, kind, reason, text)
    }

    pub fn cancel_change(&mut self, unit: &mut UnitOfWork, id: OrderChangeId) -> Result<(), Refusal> {
        let index = self.open_change_index(id)?;
        let text = format!("change {id} cancelled");
        let kind = EventKind::OrderChangeCancelled;
        self.end_change(unit, index, OrderChangeState::Cancelled, kind, "", text)
    }

    /// What is open when the order ends is not done any more.
    pub(super) fn lapse_change(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some(index) = self.changes.iter().position(|it| it.state.is_open()) else { return Ok(()) };
        // The end of the order is the caller's act, that of the change is not.
        let caller = std::mem::replace(&mut unit.actor, Actor::system());
        let text = format!("change {} lapsed: the order is over", self.changes[index].id);
        let kind = EventKind::OrderChangeLapsed;
        let done = self.end_change(unit, index, OrderChangeState::Lapsed, kind, "", text);
        unit.actor = caller;
        done
    }

    fn end_change(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        to: OrderChangeState,
        kind: EventKind,
        reason: &str,
        text: String,
    ) -> Result<(), Refusal> {
        let change = &mut self.changes[index];
        let step = step_between(change.id.0, change.state, to)?;
        change.state = to;
        change.ended = Some(ChangeEnd { by: unit.actor.clone(), at: unit.now, reason: reason.to_owned() });
        self.record(unit, kind, Some(step), text);
        Ok(())
    }

    fn open_change_index(&self, id: OrderChangeId) -> Result<usize, Refusal> {
        let found = self.changes.iter().position(|it| it.id == id);
        let index = found.ok_or_else(|| Refusal::not_found("order change", id))?;
        let state = self.changes[index].state;
        if state.is_open() {
            return Ok(index);
        }
        let message = format!("the change is {state} already");
        Err(self.unmet_part(Reason::IllegalTransition, state.as_str(), message))
    }

    /// Whether a part of it may still be different: it is sold, and not all of it has left.
    pub(in crate::domain) fn is_open_to_changes(&self) -> bool {
        match self.state {
            OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::PartiallyDelivered => true,
            OrderState::Received
            | OrderState::Shipped
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived
            | OrderState::Rejected
            | OrderState::Cancelled
            | OrderState::Expired => false,
        }
    }

    fn not_open_to_changes(&self) -> Refusal {
        self.unmet(Reason::IllegalTransition, self.why_no_change())
    }

    /// Why no change is open to it, of an order that is not open to changes.
    pub(in crate::domain) fn why_no_change(&self) -> String {
        match self.state {
            OrderState::Received => "the order is RECEIVED: UpdateOrder changes it".to_owned(),
            OrderState::Shipped | OrderState::Delivered => {
                format!("the order is {}: all of it has left", self.state)
            }
            state => format!("the order is {state}"),
        }
    }

    /// Whether an item of a change adds units.
    pub(in crate::domain) fn adds(&self, item: &ChangeItem) -> bool {
        match item {
            ChangeItem::AddLine(_) => true,
            ChangeItem::SetQuantity { line, quantity } => {
                let found = self.lines.iter().find(|it| it.number == *line);
                found.is_some_and(|it| it.remaining_quantity() < *quantity)
            }
            ChangeItem::RemoveLine { .. }
            | ChangeItem::SetInstructions(_)
            | ChangeItem::SetShippingAddress(_)
            | ChangeItem::SetService(_)
            | ChangeItem::SetDiscount(_) => false,
        }
    }

    /// Why what a change adds cannot be added now. None: it can.
    pub(in crate::domain) fn why_nothing_is_added(&self) -> Option<String> {
        let hold = self.holds.iter().find(|it| it.state == HoldState::Active);
        if let Some(hold) = hold {
            return Some(format!(
                "hold {} ({}) is active: nothing is added to the order",
                hold.id, hold.reason
            ));
        }
        let is_to_come = matches!(self.state, OrderState::Verified | OrderState::AwaitingStock);
        let has_stock = self.current_reservation().is_some() || is_to_come;
        if !self.has_only_services() && !has_stock {
            return Some("nothing is set aside for the order any more: create another one".to_owned());
        }
        None
    }

    /// What a change added is not approved, or not paid in time: it is taken off again. An order of which nothing would
    /// be left is cancelled.
    pub(in crate::domain) fn take_back(
        &mut self,
        unit: &mut UnitOfWork,
        change: Option<OrderChangeId>,
        why: &str,
    ) -> Result<(), Refusal> {
        self.withdraw_approvals_of(unit, change, why)?;
        if let Some(change) = change {
            self.give_up_service(unit, change, why)?;
        }
        let units = change.map(|it| self.still_in_the_house(it)).unwrap_or_default();
        if units.is_empty() {
            return Ok(());
        }
        match self.must_leave_an_order(&units) {
            Ok(()) => self.take_off(unit, &units, why),
            Err(_) => self.cancel(unit, why),
        }
    }

    /// Nobody is asked any more about a change of which nothing is left; None: about the order itself.
    pub(super) fn withdraw_approvals_of(
        &mut self,
        unit: &mut UnitOfWork,
        change: Option<OrderChangeId>,
        why: &str,
    ) -> Result<(), Refusal> {
        for index in 0..self.approvals.len() {
            let approval = &self.approvals[index];
            if approval.state == ApprovalState::Pending && approval.change == change {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(unit, index, ApprovalState::Withdrawn, kind, why)?;
            }
        }
        Ok(())
    }

    /// The units that a change added and that can still be taken off.
    pub(in crate::domain) fn still_in_the_house(&self, change: OrderChangeId) -> Vec<CancelledUnits> {
        let whereabouts = self.whereabouts();
        let added = self.lines.iter().filter(|it| it.added_by_change == Some(change));
        let units = added.map(|it| CancelledUnits { line: it.number, quantity: whereabouts.cancellable(it) });
        units.filter(|it| it.quantity > 0).collect()
    }
}
