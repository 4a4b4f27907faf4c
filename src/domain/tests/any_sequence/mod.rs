//! Any sequence of commands keeps every law.

mod actions;
mod acts;
mod rare_steps;
mod sequences;
