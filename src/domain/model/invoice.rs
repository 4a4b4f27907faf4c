//! What an order costs, line by line, and the invoice that fixes it.

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::amounts::{Amounts, LineAmounts};
use crate::domain::model::bank_numbers::creditor_reference;
use crate::domain::model::customer::Customer;
use crate::domain::model::scalars::{InvoiceId, OrderChangeId, OrderId, SellerId, Sku, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    pub enum InvoiceState {
        Open = "OPEN",
        Paid = "PAID",
        Void = "VOID",
    }
}

/// Immutable once issued, but for its state.
/// Law: `total = Σ line totals + shipping + shipping_tax` (exclusive) to the minor unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub id: InvoiceId,
    pub order: OrderId,
    pub series: String,
    /// Gapless per series from 1; 0 only until the writer has numbered it, just before it is stored.
    pub number: i64,
    pub state: InvoiceState,
    pub amounts: Amounts,
    pub lines: Vec<InvoiceLine>,
    pub issued_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// Who sold. None: the shop had no name yet.
    #[serde(default)]
    pub seller: Option<SellerId>,
    /// Until when it was to be paid; None: at once.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Who it was issued to, if the order says something else by now.
    #[serde(default)]
    pub buyer: Option<Box<Buyer>>,
    /// The invoice of the order that it adds to. None: it is that one.
    #[serde(default)]
    pub supplements: Option<InvoiceId>,
    /// The change that it is for.
    #[serde(default)]
    pub change: Option<OrderChangeId>,
}

/// Who an invoice was issued to, and where the goods were to go then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    pub customer: Customer,
    pub billing_address: Option<Address>,
    pub shipping_address: Address,
}

impl Invoice {
    /// The reference that banks check, for its payment. None: the number is too long for one.
    pub fn creditor_reference(&self) -> Option<String> {
        creditor_reference(&self.full_number())
    }

    /// The number as people write it: `INV-000001`.
    pub fn full_number(&self) -> String {
        invoice_number(&self.series, self.number)
    }
}

/// A series and a place in it as people write them.
pub fn invoice_number(series: &str, number: i64) -> String {
    format!("{series}-{number:06}")
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    pub line: i32,
    pub sku: Sku,
    pub description: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub amounts: LineAmounts,
}
