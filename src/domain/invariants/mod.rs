//! What holds for every order at any time, checked by tests and by `check`.

pub(super) mod findings;
pub(super) mod history;
pub(super) mod order;
mod parts;
