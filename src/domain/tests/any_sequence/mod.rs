//! Any sequence of commands keeps every law.

mod actions;
mod acts;
mod answers;
mod codes;
mod journeys;
pub(crate) mod orders;
mod rare_steps;
mod reactions;
mod sequences;
