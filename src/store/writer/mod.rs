//! The writer: changes are queued, decided in groups and committed.

pub(super) mod before;
pub(super) mod chance;
pub(super) mod change;
pub(super) mod chore;
pub(super) mod counts;
pub(super) mod erasing;
pub(super) mod group;
pub(super) mod job;
mod lane;
mod load;
mod loaded;
mod loading;
mod outcome;
pub(super) mod queue;
mod rebuild;
pub(super) mod retention;
mod sellers;
mod sequences;
pub(super) mod subscribers;
pub(super) mod wanted;
