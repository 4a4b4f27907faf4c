//! What was cancelled of an order's lines by one call.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, CreditNoteId};
use crate::domain::model::time::Timestamp;

/// Units of one line that are cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelledUnits {
    pub line: i32,
    pub quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCancellation {
    pub units: Vec<CancelledUnits>,
    pub reason: String,
    /// What the units cost, tax included.
    pub value_minor: i64,
    /// What of the captured money goes back for it.
    pub refund_minor: i64,
    /// One of each invoice that had some of the units. Empty: nothing was invoiced yet.
    pub credit_notes: Vec<CreditNoteId>,
    pub cancelled_by: Actor,
    pub cancelled_at: Timestamp,
}
