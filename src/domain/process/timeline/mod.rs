//! All twenty steps of one order.

mod delivery;
mod evidence;
mod history;
pub(in crate::domain) mod lines;
mod plan;
pub(in crate::domain) mod steps;
