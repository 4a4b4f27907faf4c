//! Goods that come back.

mod documents;
mod parse;
pub(in crate::rpc) mod reply;
mod service;
