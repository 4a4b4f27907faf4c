//! AccessService: API keys that are made and revoked by calls.

pub(super) mod known;
pub(super) mod parse;
mod reply;
mod service;
