//! Products and locations.

pub(super) mod import;
pub(super) mod location;
pub(super) mod product;
