//! Documents for people: letters, labels, packing slips and other papers. Nothing is decided here.

pub(super) mod address;
pub(super) mod invoice;
pub(super) mod invoice_paper;
pub(super) mod label;
pub(super) mod letters;
pub(super) mod manifest;
pub(super) mod packing_slip;
pub(super) mod paper;
pub(super) mod return_papers;
pub(super) mod sheets;
pub(super) mod text;
