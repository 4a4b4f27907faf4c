//! What the clients do, a file for each scenario.

pub(super) mod flash;
pub(super) mod place;
pub(super) mod read;
pub(super) mod track;
