//! Prices, invoices, payments and refunds.
//!
//! | file | what it has |
//! |---|---|
//! | `price` | what an order costs: discounts, taxes and shipping, exact to the last minor unit |
//! | `tax_rows` | the tax of an order or invoice by category and rate, as papers and letters show it |
//! | `invoice` | step 6: the invoice is issued, and settled when it is paid |
//! | `supplement` | supplementary invoices: what changes add to an order that is invoiced |
//! | `pay` | step 7: payments are authorised, captured, recorded and voided |
//! | `share` | what some units of a line are worth, as shares of the line's amounts |
//! | `credit` | credit notes: what was sold and is not wanted any more |
//! | `refund` | money is paid back, by the provider or by hand |
//! | `refund_lines` | money is paid back for units of lines, with a credit note |
//! | `reconcile` | what a provider knows of its payments, against what is known here |

pub(super) mod credit;
mod invoice;
pub(super) mod pay;
pub(super) mod price;
pub(super) mod reconcile;
pub(super) mod refund;
pub(super) mod refund_lines;
mod share;
mod supplement;
pub(super) mod tax_rows;
