//! What a person has to know who handles a unit of a product.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// None: unknown.
    pub dimensions: Option<Dimensions>,
    pub fragile: bool,
    /// Dangerous goods: only some couriers take them.
    pub dangerous: bool,
}

impl Handling {
    /// Of one unit; zero: unknown.
    pub fn volume_mm3(&self) -> i64 {
        let Some(Dimensions { length_mm, width_mm, height_mm }) = self.dimensions else { return 0 };
        [width_mm, height_mm].into_iter().fold(length_mm, i64::saturating_mul)
    }
}

/// The sides of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimensions {
    pub length_mm: i64,
    pub width_mm: i64,
    pub height_mm: i64,
}
