//! FeedbackService: what customers say after a delivery, and what is done about it.

pub(super) mod parse;
pub(super) mod reply;
mod service;
