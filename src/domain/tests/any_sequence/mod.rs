//! Any sequence of commands keeps every law.

mod actions;
mod acts;
mod answers;
mod changes;
mod codes;
mod disturbances;
mod journeys;
mod lots;
pub(crate) mod orders;
mod placed;
mod rare_steps;
mod reactions;
mod returned;
mod sequences;
mod shelves;

pub(super) const SKUS: [&str; 3] = ["A-1", "B-2", "C-3"];
pub(super) const PLACES: [&str; 3] = ["NYC", "LAX", "BER"];
