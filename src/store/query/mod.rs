//! Reads: what is found by id, listed, reported and checked.

pub(super) mod agreement;
mod caller_resources;
pub(super) mod chains;
mod condition;
pub(super) mod deliveries;
#[cfg(test)]
pub(super) mod documented;
pub(super) mod feed;
pub(super) mod feedback;
pub(super) mod figures;
pub(super) mod find;
mod history;
pub(super) mod integrity;
mod laws;
mod list;
pub(super) mod listing;
pub(super) mod order_cache;
pub(super) mod overview;
pub(super) mod person;
mod plan;
mod resource;
pub(super) mod resources;
mod sealed;
pub(super) mod single_flight;
mod stock_agreement;
mod stuck;
mod transfers;
pub(super) mod trend;
pub(super) mod whole;
