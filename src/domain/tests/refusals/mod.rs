//! Refusals, each by an example.

mod billing;
mod ordering;
mod shipping;
mod stock;
