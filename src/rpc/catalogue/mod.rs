//! The calls about products and locations, which belong to InventoryService.

pub(super) mod parse;
pub(super) mod reply;
