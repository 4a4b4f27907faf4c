//! Subscribers of events: servers that are told what happened to orders, as Standard Webhooks
//! (<https://www.standardwebhooks.com>).
//!
//! | file | what it has |
//! |---|---|
//! | `addresses` | which addresses may be called |
//! | `endpoint` | one subscriber's server, called with one event |
//! | `signature` | by which it knows that we called |

mod addresses;
pub(super) mod endpoint;
pub(super) mod signature;
