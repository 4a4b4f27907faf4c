//! Events that people have subscribers told once more.

use crate::domain::model::redelivery::Redelivery;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::OrderId;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How many events one call has told once more.
pub(crate) const REDELIVERED_AT_ONCE_MAX: usize = 1_000;

/// Has a subscriber told of these events once more, whatever became of them before: it knows them again by their ids.
#[derive(Debug, Clone)]
pub struct RedeliverEvents {
    pub subscriber: String,
    /// Their positions, which rise, and the order of each; at most [`REDELIVERED_AT_ONCE_MAX`].
    pub events: Vec<(i64, OrderId)>,
}

impl Command for RedeliverEvents {
    const NAME: &'static str = "RedeliverEvents";
    type Output = ();

    fn reads(&self) -> ReadSet {
        ReadSet::default()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let Self { subscriber, events } = self.clone();
        if !events.is_empty() {
            let by = unit.actor.clone();
            unit.changes.redeliveries.push(Redelivery { subscriber, by, at: unit.now, events });
        }
        Ok(())
    }
}
