//! The whole server, tested from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod cancelled;
mod child;
mod crash_points;
mod disk;
mod flash;
mod frozen;
mod groups;
mod kills;
mod load;
mod outage;
mod postgres;
mod process;
mod proxy;
mod server;
mod shelves;
mod shop;
mod tidy;
mod tracking;
mod walk;
mod warehouse;
