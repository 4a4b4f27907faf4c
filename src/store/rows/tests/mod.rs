//! Whatever is stored reads back as it was, its projection says what it says, and the schema refuses what breaks a law.

mod agreement;
mod archive;
mod days;
mod decisions;
mod documents;
mod entities;
mod erasure;
pub(in crate::store) mod full;
mod full_shipment;
mod grown;
mod lookups;
mod projection;
mod rebuilt;
mod records;
pub(in crate::store) mod sample;
mod schema;
mod spoken;
mod stock;
mod uses;
