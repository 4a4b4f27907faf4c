//! The writer: changes are queued, decided in groups and committed.

mod before;
pub(super) mod change;
pub(super) mod chore;
pub(super) mod group;
pub(super) mod idempotency;
pub(super) mod job;
mod lane;
pub(super) mod load;
mod outcome;
pub(super) mod queue;
mod sequences;
