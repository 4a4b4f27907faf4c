//! Services of an order: they begin once it is paid, and are done by a call of their own.

use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::service::ServiceDone;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Says that the service of one line was done, all units of it.
#[derive(Debug, Clone)]
pub struct CompleteServiceLine {
    pub target: Target,
    pub line: i32,
    /// What was done; may be empty.
    pub note: String,
    /// Where the proof is kept; may be empty.
    pub proof_reference: String,
}

impl OrderCommand for CompleteServiceLine {
    const NAME: &'static str = "CompleteServiceLine";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.complete_service(unit, self.line, &self.note, &self.proof_reference)
    }
}

/// How many lines are named in one sentence; the rest is counted.
const LINES_NAMED: usize = 5;

impl Order {
    /// Step 9 of an order without goods: there is nothing to ship, and its services may be done.
    pub(in crate::domain) fn begin_services(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let text = format!("services only: {} to be done", self.services().count());
        self.transition_automatic(unit, OrderState::Fulfilling, EventKind::FulfillmentStarted, text)
    }

    /// The lines whose services are not done: `line 2, line 3, and 4 more`.
    pub(in crate::domain) fn open_services_named(&self) -> String {
        let mut open = self.open_services().map(|it| format!("line {}", it.number));
        let named: Vec<String> = open.by_ref().take(LINES_NAMED).collect();
        let more = match open.count() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        format!("{}{more}", named.join(", "))
    }

    /// The service of a line is done. With its last one an order without goods is delivered; another one is when its
    /// goods are.
    pub fn complete_service(
        &mut self,
        unit: &mut UnitOfWork,
        number: i32,
        note: &str,
        proof_reference: &str,
    ) -> Result<(), Refusal> {
        let index = self.lines.iter().position(|it| it.number == number);
        let Some(index) = index else {
            let message = format!("the order has {} lines", self.lines.len());
            return Err(Refusal::invalid("line_number", message));
        };
        if !self.lines[index].is_service() {
            let message = format!("line {number} is goods: it is delivered, not done");
            return Err(Refusal::invalid("line_number", message));
        }
        if !self.is_open_to_services() {
            return Err(self.out_of_turn("complete a service"));
        }
        self.must_be_free()?;
        if !self.lines[index].is_wanted() {
            return Err(self.unmet(Reason::IllegalTransition, format!("line {number} is cancelled")));
        }
        if self.awaits_its_change(&self.lines[index]) {
            let message = format!("line {number} was added by a change that is not paid or approved yet");
            return Err(self.unmet(Reason::IllegalTransition, message));
        }
        if let Some(done) = &self.lines[index].done {
            let message = format!("the service of line {number} was done already, at {}", done.at);
            return Err(self.unmet(Reason::IllegalTransition, message));
        }

        self.lines[index].done = Some(ServiceDone {
            by: unit.actor.clone(),
            at: unit.now,
            note: note.to_owned(),
            proof_reference: proof_reference.to_owned(),
        });
        let left = self.open_services().count();
        let text = format!("service of line {number} done, {left} to be done");
        self.record(unit, EventKind::ServiceCompleted, None, text);
        self.follow_services(unit)
    }

    /// An order without goods is delivered with the last of its services.
    pub(super) fn follow_services(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let begun = self.state == OrderState::Fulfilling && self.last_service_at().is_some();
        if !self.has_only_services() || !begun || self.open_services().next().is_some() {
            return Ok(());
        }
        let done = self.services().filter(|it| it.done.is_some()).count();
        let text = format!("all {done} services done");
        self.transition_automatic(unit, OrderState::Delivered, EventKind::OrderDelivered, text)?;
        self.confirm_to_customer(unit);
        Ok(())
    }
}
