//! Goods come back: asked for, received, inspected, and answered with money, a code, other goods or nothing.

pub(super) mod create;
pub(super) mod decide;
mod exchange;
pub(super) mod hand_back;
pub(super) mod paid_before;
pub(super) mod papers;
pub(super) mod receive;
pub(super) mod resolve;
pub(super) mod simulate;
pub(super) mod turn;
pub(super) mod undelivered;
