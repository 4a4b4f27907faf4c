//! Process: rules across all capabilities, such as automatic steps, due dates, and how far
//! an order is. The states themselves stand in `model/states.rs`.

mod actions;
pub(super) mod advance;
pub(super) mod decide;
pub(super) mod redeliver;
mod rest_letters;
pub(super) mod schedule;
mod slips;
pub(super) mod status;
pub(super) mod stuck;
pub(super) mod subscribe;
pub(super) mod timeline;
pub(super) mod unavailable;
