//! Events that a subscriber has not taken, and those that it is to be told once more.

use crate::domain::model::scalars::{Actor, OrderId, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// Where an event stands that a subscriber has not taken.
    pub enum DeliveryState {
        Waiting = "WAITING",
        GivenUp = "GIVEN_UP",
    }
}

/// Events that somebody wants a subscriber to be told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redelivery {
    pub subscriber: String,
    pub by: Actor,
    pub at: Timestamp,
    /// Their positions, which rise, and the order of each; at least one.
    pub events: Vec<(i64, OrderId)>,
}
