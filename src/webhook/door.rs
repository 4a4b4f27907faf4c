//! What the door works with.

use std::time::Duration;

use crate::settings::Webhooks;
use crate::store::Store;

/// The store behind it, and what the company has chosen.
pub struct Door {
    pub store: Store,
    pub settings: Webhooks,
    /// How long a decision may take.
    pub deadline: Duration,
}
