//! Whatever is stored reads back as it was, and the schema refuses what breaks a law.

pub(in crate::store) mod full;
mod nonsense;
mod orders;
mod others;
#[cfg(test)]
pub(in crate::store) mod sample;
mod schema;
