//! Papers drawn: the domain says what stands on them, here it is set in type, as PDF or for label printers.
//!
//! In reading order:
//!
//! | file | what it does |
//! |---|---|
//! | `printed` | a paper as bytes, and what could not be printed as it was written |
//! | `fonts` | the fonts that are shipped, and which of them has a character |
//! | `typesetting` | a line of text as shaped letters, in any script and direction |
//! | `paragraph` | text in lines of a given width |
//! | `barcodes` | Code 128 and QR codes as modules |
//! | `canvas` | draws text, rules and codes on a page of a PDF |
//! | `invoice`, `invoice_parts`, `logo` | the invoice, A4 |
//! | `label` | the shipping label, A6 |
//! | `sheet`, `sheet_pages` | packing slip, pick list, return form, manifest, A4 |
//! | `picture` | a line of text as dots |
//! | `zpl` | the shipping label for label printers |
//!
//! All of it is a pure function of the paper: no clock, no chance, so that the same paper gives the same bytes. It takes
//! milliseconds and more, and belongs on no thread that others wait for. Nothing here names tonic, tokio or a database.

mod barcodes;
mod canvas;
mod fonts;
mod invoice;
mod invoice_parts;
mod label;
mod logo;
mod paragraph;
mod picture;
mod printed;
mod sheet;
mod sheet_pages;
#[cfg(test)]
mod tests;
mod typesetting;
mod zpl;

pub use logo::{LOGO_BYTES_MAX, check_logo};
pub use printed::{PAGES_MAX, PrintError, Printed};

use crate::domain::{InvoicePaper, LabelPaper, Paper};

/// Draws a paper as PDF.
pub fn pdf(paper: &Paper) -> Result<Printed, PrintError> {
    match paper {
        Paper::Label(label) => label::pdf(label),
        Paper::Sheet(sheet) => sheet_pages::pdf(sheet),
    }
}

/// Draws an invoice as PDF.
pub fn invoice_pdf(paper: &InvoicePaper) -> Result<Printed, PrintError> {
    invoice::pdf(paper)
}

/// Writes labels in Zebra's printer language.
pub fn zpl(label: &LabelPaper) -> Result<Printed, PrintError> {
    zpl::forms(label)
}
