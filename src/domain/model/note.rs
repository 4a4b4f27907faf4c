//! Notes that people add to an order.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::Actor;
use crate::domain::model::time::Timestamp;

/// A note as it was written; it is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNote {
    /// At most 1,000 characters, with line feeds.
    pub text: String,
    pub by: Actor,
    pub at: Timestamp,
}
