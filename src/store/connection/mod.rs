//! Connections: opened, lent, and what is sent over them.

mod arguments;
pub(super) mod batched_read;
pub(super) mod bound_rows;
pub(super) mod clock;
mod columns;
pub(super) mod error;
pub(super) mod link;
pub(super) mod lookup;
pub(super) mod open;
pub(super) mod options;
pub(super) mod pool;
mod reader_pool;
pub(super) mod select;
pub(super) mod session;
