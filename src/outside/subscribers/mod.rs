//! Subscribers of events: who is told what happened to orders.
//!
//! | file | what it has |
//! |---|---|
//! | `contract` | what a subscriber's side does |
//! | `notice` | what is told, in each form |
//! | `endpoint` | a server of a subscriber's own, called with one event, as Standard Webhooks (<https://www.standardwebhooks.com>) |
//! | `jetstream` | a stream of NATS JetStream, as CloudEvents |
//! | `stream` | how such a stream is named and reached |
//! | `nats`, `nats_off` | the connection to NATS; the same without the feature `nats` |
//! | `signature` | by which it knows that we called |
//! | `addresses` | which addresses may be called |

mod addresses;
pub(super) mod contract;
pub(super) mod endpoint;
pub(super) mod jetstream;
#[cfg(feature = "nats")]
mod nats;
#[cfg(not(feature = "nats"))]
mod nats_off;
pub(super) mod notice;
pub(super) mod signature;
pub(super) mod stream;
