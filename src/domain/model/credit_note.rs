//! A credit note: it takes units off an invoice that was issued, and never changes.

use serde::{Deserialize, Serialize};

use crate::domain::model::amounts::Amounts;
use crate::domain::model::invoice::{InvoiceLine, invoice_number};
use crate::domain::model::scalars::{Actor, CreditNoteId, InvoiceId, OrderId};
use crate::domain::model::time::Timestamp;

/// Law: what the credit notes of an invoice take off a line is at most what the invoice has of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNote {
    pub id: CreditNoteId,
    pub order: OrderId,
    /// The invoice that it corrects.
    pub invoice: InvoiceId,
    pub series: String,
    /// Gapless per series from 1; 0 only until the writer has numbered it, just before it is stored.
    pub number: i64,
    /// What it takes off, as amounts above zero.
    pub amounts: Amounts,
    /// The units that it takes off, each with its share of the line.
    pub lines: Vec<InvoiceLine>,
    /// Why, in the words of who had it made.
    pub reason: String,
    pub issued_by: Actor,
    pub issued_at: Timestamp,
}

impl CreditNote {
    /// The number as people write it: `CRN-000001`.
    pub fn full_number(&self) -> String {
        invoice_number(&self.series, self.number)
    }
}
