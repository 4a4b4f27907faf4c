//! A command that changes nothing.

use crate::domain::model::contact::phone_number;
use crate::domain::model::refusal::Refusal;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Decided before a server serves, so that its first caller does not wait for the writer's connection, for statements to
/// be prepared, and for the numbering plans of the world's telephones to be unpacked.
#[derive(Debug, Clone, Copy)]
pub struct WarmUp;

impl Command for WarmUp {
    const NAME: &'static str = "WarmUp";
    type Output = ();

    fn reads(&self) -> ReadSet {
        ReadSet { locations: true, couriers: true, courier_records: true, ..ReadSet::default() }
    }

    fn decide(&self, _: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        // Read for the sake of reading.
        let _ = phone_number("+49 30 901820", "DE");
        Ok(())
    }
}
