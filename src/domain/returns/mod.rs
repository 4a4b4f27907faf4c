//! Goods come back: asked for, received, inspected, and answered with money, a code or nothing.

pub(super) mod create;
pub(super) mod decide;
pub(super) mod paid_before;
pub(super) mod receive;
pub(super) mod resolve;
pub(super) mod turn;
pub(super) mod undelivered;
