//! The whole server, tested from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod amends;
mod api_page;
mod archive;
mod bench;
mod bounds;
mod cancelled;
mod catalogue;
mod child;
mod clocks;
mod couriers;
mod crash_points;
mod deadlines;
mod disk;
mod documents;
mod exact;
mod filters;
mod floods;
mod followers;
mod frozen;
mod groups;
mod karrio;
mod kills;
mod load;
mod malformed;
mod manifest;
mod operator;
mod outage;
mod overload;
mod papers;
mod parcels;
mod postgres;
mod process;
mod promises;
mod proxy;
mod server;
mod shelves;
mod shop;
mod slips;
mod tidy;
mod tracking;
mod views;
mod walk;
mod warehouse;
mod webhooks;
