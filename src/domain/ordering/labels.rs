//! The labels of an order are set.

use crate::domain::model::event::EventKind;
use crate::domain::model::labels::Labels;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Sets the labels of an order, all of them at once, in any state.
#[derive(Debug, Clone)]
pub struct SetOrderLabels {
    pub target: Target,
    pub labels: Labels,
}

impl OrderCommand for SetOrderLabels {
    const NAME: &'static str = "SetOrderLabels";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.set_labels(unit, &self.labels)
    }
}

/// Well below what an order may have that is still verified: labels without end would leave it no way on.
const ENTRIES_MAX: i64 = 400;

impl Order {
    pub fn set_labels(&mut self, unit: &mut UnitOfWork, labels: &Labels) -> Result<(), Refusal> {
        if self.labels == *labels {
            return Ok(());
        }
        if self.state == OrderState::Received && self.last_event >= ENTRIES_MAX {
            let message = format!(
                "before it is verified, an order takes labels until its history has {ENTRIES_MAX} entries"
            );
            return Err(self.unmet(Reason::LimitReached, message));
        }

        self.labels.clone_from(labels);
        let text = format!("{} labels", self.labels.len());
        self.record(unit, EventKind::OrderLabelsSet, None, text);
        Ok(())
    }
}
