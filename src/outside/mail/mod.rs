//! Mail: what is asked of it, and the two ways it goes.

pub(super) mod contract;
pub(super) mod folder;
mod message;
#[cfg(test)]
mod outages;
pub(super) mod program;
