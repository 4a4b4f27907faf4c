//! A command as a whole: its decision, and what follows from it by itself.

use crate::domain::inventory::restock::look_after_shelves;
use crate::domain::model::refusal::Refusal;
use crate::domain::returns::hand_back::settle_exchanges;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Decides a command, pays back what exchanges have let go of by it, and proposes to buy what it left too little of.
pub fn decide<C: Command>(command: &C, unit: &mut UnitOfWork<'_>) -> Result<C::Output, Refusal> {
    let output = command.decide(unit)?;
    settle_exchanges(unit)?;
    look_after_shelves(unit);
    Ok(output)
}
