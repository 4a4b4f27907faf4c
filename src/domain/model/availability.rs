//! What was found when the stock for an order was last looked at.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::time::Timestamp;

/// The evidence of step 3, as found when it was last looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityFound {
    pub at: Timestamp,
    pub lines: Vec<LineAvailability>,
    /// Earliest handover to a courier if everything is there.
    pub earliest_ship_at: Option<Timestamp>,
    /// Whether the requested date can be met; None: no date was requested.
    pub requested_date_feasible: Option<bool>,
}

impl AvailabilityFound {
    pub fn is_short_of(&self, line: i32) -> bool {
        self.lines.iter().any(|it| it.line == line && !it.shortage.is_empty())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineAvailability {
    pub line: i32,
    pub sku: Sku,
    pub wanted: i64,
    /// In the order's region, for this order: without what older waiting orders are waiting for.
    pub available: i64,
    pub by_location: Vec<(LocationCode, i64)>,
    /// Why it is short; empty if it is not.
    pub shortage: String,
    /// When it could leave at the earliest; None: it is short, or no courier carries it.
    pub ship_at: Option<Timestamp>,
    /// When it could arrive at the earliest.
    pub delivery_at: Option<Timestamp>,
    /// Where the last of what is short comes from what is on order, and when it is there; None: nothing is short, or nobody
    /// knows.
    #[serde(default)]
    pub expected: Option<(LocationCode, Timestamp)>,
}
