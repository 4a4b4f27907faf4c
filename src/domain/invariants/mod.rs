//! Invariants of every order, checked by tests and by `consign check`.

mod changes;
mod credits;
pub(super) mod exchanges;
mod feedback;
pub(super) mod findings;
pub(super) mod history;
pub(super) mod order;
mod parts;
mod returns;
mod services;
mod waits;
