//! The operators' port: HTTP for those who run the server, beside the gRPC port and behind the same keys and certificates.
//!
//! | file | what it does |
//! |---|---|
//! | `listener` | connections: how many, how long, with TLS or without |
//! | `probes` | whether the server lives, takes calls, and what it is; for everybody |
//! | `readiness` | whether calls are taken, and why not |
//! | `refused` | who may ask for the rest, and what others are told |

mod listener;
mod probes;
mod readiness;
mod refused;

pub use listener::{Connections, serve};
pub use probes::{Port, routes};
pub use readiness::{Readiness, Ready};
pub use refused::{Refused, permitted};
