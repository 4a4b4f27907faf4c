//! Goods that come back.

mod parse;
pub(in crate::rpc) mod reply;
mod service;
