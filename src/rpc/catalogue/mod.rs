//! Products and locations, at the door. Their calls belong to InventoryService.

pub(super) mod parse;
pub(super) mod reply;
