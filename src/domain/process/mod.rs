//! What runs across all capabilities: what happens by itself, what is due, where an order stands.

mod actions;
pub(super) mod advance;
pub(super) mod schedule;
pub(super) mod status;
pub(super) mod timeline;
