//! The calls about approvals.

mod parse;
pub(super) mod reply;
mod service;
