//! What the clients do, a file for each scenario.

pub(super) mod flash;
pub(super) mod lists;
pub(super) mod past;
pub(super) mod place;
pub(super) mod read;
pub(super) mod track;
