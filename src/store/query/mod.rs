//! Reads: what is found by id, listed, reported and checked.

pub(super) mod agreement;
mod caller_resources;
pub(super) mod chains;
mod condition;
pub(super) mod deliveries;
pub(super) mod feed;
pub(super) mod feedback;
mod feedback_resource;
pub(super) mod figures;
pub(super) mod find;
pub(super) mod integrity;
mod laws;
mod list;
pub(super) mod listing;
pub(super) mod order_cache;
mod order_history;
pub(super) mod overview;
pub(super) mod person;
mod plan;
mod resource;
pub(super) mod resources;
mod sealed;
pub(super) mod series;
pub(super) mod single_flight;
mod stock_agreement;
mod stuck;
#[cfg(test)]
pub(super) mod tests;
mod transfers;
pub(super) mod trend;
pub(super) mod whole;
