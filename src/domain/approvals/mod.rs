//! What policy or a person has to approve.

mod askers;
pub(super) mod decide;
mod gates;
