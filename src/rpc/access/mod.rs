//! AccessService: API keys that are made and revoked by calls, and who was shown customers' data.

pub(crate) mod data_reads;
pub(super) mod known;
pub(super) mod parse;
mod reply;
mod service;
