//! The store on both engines: PostgreSQL when TEST_DATABASE_URL names a server, each test in a database of its
//! own.

mod answers;
mod chains;
mod clocks;
mod due;
mod erasures;
mod found;
mod groups;
mod histories;
mod hosts;
mod life;
mod plans;
mod readers;
mod reads;
mod requests;
mod retention;
mod sealed;
pub(in crate::store) mod shop;
mod stock;
mod subscribers;
mod transactions;
