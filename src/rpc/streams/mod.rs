//! What callers follow: orders, shipments and stock, as things happen.

pub(super) mod feed;
pub(super) mod levels;
pub(super) mod track;
pub(super) mod watch;
