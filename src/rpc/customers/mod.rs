//! Messages and feedback, at the door. Their calls belong to OrderService.

pub(super) mod parse;
pub(super) mod reply;
