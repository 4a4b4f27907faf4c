//! The rules at work: one order through all twenty steps, each refusal by example, each law under random commands.

pub(crate) mod any_sequence;
mod bench;
pub(crate) mod bounds;
mod exact;
mod given;
mod instead;
mod letters;
mod master_data;
mod phones;
mod refusals;
mod reports;
#[cfg(test)]
pub(super) mod sample;
mod twenty_steps;
mod waits;
