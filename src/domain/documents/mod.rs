//! Documents for people: letters, labels, packing slips. Nothing is decided here.

pub(super) mod label;
pub(super) mod letters;
pub(super) mod manifest;
pub(super) mod packing_slip;
pub(super) mod zpl;
