//! The whole server, tested from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod amends;
mod child;
mod deadlines;
mod exact;
mod floods;
mod followers;
mod groups;
mod malformed;
mod overload;
mod postgres;
mod process;
mod server;
mod shelves;
mod shop;
mod tidy;
mod tracking;
mod walk;
mod warehouse;
