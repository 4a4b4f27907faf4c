//! Tables: each one's entity, and the fixed statements about it, made from the entity's columns.
//!
//! An order is one document in its row. What the tables around it have of it is its [`projection`].

pub(super) mod account;
pub(super) mod api_key;
pub(super) mod callers;
pub(super) mod capacity;
pub(super) mod catalogue;
pub(super) mod data_read;
pub(super) mod decision;
pub(super) mod discount;
pub(super) mod document;
pub(super) mod erasure;
pub(super) mod expired_lots;
pub(super) mod feedback;
pub(super) mod lookup;
pub(super) mod order;
pub(super) mod parts;
pub(super) mod projection;
pub(super) mod record;
pub(super) mod reservation;
pub(super) mod returns;
pub(super) mod seller;
pub(super) mod statements;
pub(super) mod stock;
pub(super) mod subscribers;
pub(super) mod subscription;
pub(super) mod table;
pub(super) mod terms;
#[cfg(test)]
pub(super) mod tests;
pub(in crate::store) mod transfer;
pub(super) mod writes;
