//! Any sequence of commands keeps every law.

mod actions;
mod acts;
pub(crate) mod orders;
mod rare_steps;
mod sequences;
