//! What every command works on and is written down with.

pub(super) mod command;
pub(super) mod journal;
pub(super) mod turn;
pub(super) mod unit_of_work;
