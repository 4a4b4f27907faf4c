//! An order from receipt to archive.

pub(super) mod archive;
pub(super) mod cancel;
pub(super) mod cancel_lines;
pub(super) mod card_numbers;
pub(super) mod change;
mod change_discount;
mod change_items;
mod change_proposal;
mod change_service;
pub(super) mod checks;
pub(super) mod close;
pub(super) mod evidence;
mod exchange;
pub(super) mod holds;
pub(super) mod labels;
mod named;
pub(super) mod notes;
pub(super) mod order_change;
mod order_wide_change;
mod pricing;
pub(super) mod receive;
pub(super) mod resolve;
pub(super) mod services;
pub(super) mod verify;
