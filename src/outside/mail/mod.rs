//! Mail: what is asked of it, and the three ways it goes.

pub(super) mod contract;
mod erasing;
pub(super) mod folder;
mod message;
mod outages;
pub(super) mod program;
pub(super) mod smtp;
#[cfg(test)]
mod tests;
mod words;
