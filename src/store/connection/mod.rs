//! Connections: opened, lent, and what is sent over them.
//!
//! Both engines are spoken to in the same few words: a [`session::Session`] sends a list of fixed statements in one
//! message and gets their rows. On SQLite that is a call in this thread, on PostgreSQL one way there and back.

pub(super) mod clock;
mod columns;
pub(super) mod copies;
pub(super) mod database_file;
pub(super) mod error;
pub(super) mod histories;
mod hosts;
mod link;
pub(super) mod open;
pub(super) mod options;
pub(super) mod postgres;
pub(super) mod readers;
pub(super) mod row;
pub(super) mod session;
pub(super) mod sqlite;
pub(super) mod statement;
mod tls;
