//! The whole server, tested from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod bench;
mod child;
mod flash;
mod groups;
mod postgres;
mod process;
mod server;
mod shelves;
mod shop;
mod tidy;
mod tracking;
mod walk;
mod warehouse;
