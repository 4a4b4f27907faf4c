//! The whole server, tested from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod flash;
mod groups;
mod postgres;
mod server;
mod shop;
mod tidy;
mod walk;
mod warehouse;
