//! What is written for people. It decides nothing and is called by who hands it out.

pub(super) mod label;
pub(super) mod letters;
pub(super) mod packing_slip;
pub(super) mod zpl;
