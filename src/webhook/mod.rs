//! The couriers' door: their reports over HTTP. Each event is decided upon as by RecordTrackingEvents.
//!
//! | file | what it does |
//! |---|---|
//! | `listener` | connections: how many, how long; one request each |
//! | `request` | the signature, and the events of a body |
//! | `answer` | decides, and says what became of each event |
//!
//! `docs/webhooks.md` says what callers send and get.

mod answer;
mod door;
mod listener;
mod request;

pub use door::Door;
pub use listener::serve;
