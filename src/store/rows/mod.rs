//! Rows, and how orders, stock and the rest are laid out in them. Every function here works on a whole
//! group: the number of its statements does not depend on the number of orders. No rule of the business
//! is decided here.

mod approval;
pub(super) mod archive;
pub(super) mod awaited;
pub(super) mod catalogue;
pub(super) mod event;
mod invoice;
pub(super) mod job;
mod message;
pub(super) mod order;
mod order_columns;
mod order_tables;
pub(super) mod payment;
pub(super) mod read;
pub(super) mod reservation;
pub(super) mod saved;
mod shipment;
pub(super) mod stock;
mod table;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod write;
