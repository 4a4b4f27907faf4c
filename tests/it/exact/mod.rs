//! Exactness under contention: however many want the same at once, every unit, order and cent is counted once.

mod approvals;
mod capacity;
mod captures;
mod carts;
mod changes;
mod codes;
mod crossed;
mod expiry;
mod flash;
mod repeats;
mod stage;
