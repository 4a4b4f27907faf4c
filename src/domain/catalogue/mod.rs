//! Products and locations.

pub(super) mod location;
pub(super) mod product;
