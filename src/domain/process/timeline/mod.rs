//! All twenty steps of one order.

mod delivery;
mod evidence;
pub(in crate::domain) mod lines;
mod order_history;
mod plan;
pub(in crate::domain) mod steps;
