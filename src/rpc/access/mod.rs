//! AccessService: API keys that are made and revoked by calls, and who was shown customers' data.

pub(super) mod known;
pub(super) mod parse;
pub(crate) mod reads;
mod reply;
mod service;
