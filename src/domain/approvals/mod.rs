//! What policy or a person has to approve.

pub(super) mod decide;
mod gates;
