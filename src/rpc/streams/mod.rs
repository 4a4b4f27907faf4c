//! What callers follow: orders and shipments, as things happen.

pub(super) mod feed;
pub(super) mod track;
pub(super) mod watch;
