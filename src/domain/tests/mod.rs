//! The rules at work: one order through all twenty steps, each refusal by example, each law under random commands.

pub(crate) mod any_sequence;
mod archived;
mod bench;
pub(crate) mod bounds;
mod exact;
mod given;
mod instead;
mod letters;
mod phones;
mod refusals;
mod reports;
mod restock;
#[cfg(test)]
pub(super) mod sample;
mod twenty_steps;
mod waits;
