//! Notes on an order: only added.

use crate::domain::model::event::EventKind;
use crate::domain::model::note::OrderNote;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Adds a note to an order.
#[derive(Debug, Clone)]
pub struct AddOrderNote {
    pub target: Target,
    pub text: String,
}

impl OrderCommand for AddOrderNote {
    const NAME: &'static str = "AddOrderNote";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.add_note(unit, &self.text)
    }
}

/// How many notes an order may have: all of them are shown with it.
pub(crate) const NOTES_MAX: usize = 30;

impl Order {
    pub fn add_note(&mut self, unit: &mut UnitOfWork, text: &str) -> Result<(), Refusal> {
        if self.is_archived() {
            return Err(self.out_of_turn("add a note"));
        }
        if self.notes.len() >= NOTES_MAX {
            let message = format!("an order has at most {NOTES_MAX} notes");
            return Err(self.unmet(Reason::LimitReached, message));
        }

        self.notes.push(OrderNote { text: text.to_owned(), by: unit.actor.clone(), at: unit.now });
        // Its words may be about people.
        let text = format!("note {} was added", self.notes.len());
        self.record(unit, EventKind::OrderNoteAdded, None, text);
        Ok(())
    }
}
