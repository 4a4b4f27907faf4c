//! Orders, at the door.

pub(super) mod parse;
pub(super) mod reply;
pub(super) mod service;
