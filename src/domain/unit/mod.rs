//! The floor under every command: the unit of work, the journal, the form of a command.

mod accounts;
pub(super) mod callers;
mod capacity;
pub(super) mod command;
mod couriers;
mod discounts;
mod exchanges;
mod hands;
mod holders;
pub(super) mod journal;
mod keys;
pub(super) mod on_order;
mod queue;
mod references;
mod subscriptions;
mod time;
pub(super) mod turn;
pub(super) mod unit_of_work;
mod uses;
mod waiting;
pub(super) mod warm_up;
