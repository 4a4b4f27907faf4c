//! ImportService: many rows in one call, each decided and answered by itself.

mod answer;
mod row;
mod run;
mod service;
