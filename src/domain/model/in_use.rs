//! What is open about a product, a stock location or a courier that somebody wants to take out of use.

use crate::domain::model::scalars::{LocationCode, RegionCode, ReplenishmentId, ShipmentId, Sku};

/// How many uses are told, at most.
pub const USES_MAX: usize = 25;

/// One thing that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Units on a shelf, some of them perhaps set aside.
    Stock { sku: Sku, location: LocationCode, on_hand: i64, reserved: i64 },
    /// Units that orders of a region wait for.
    Waiting { sku: Sku, region: RegionCode, units: i64 },
    /// Units that are to be bought, or on their way.
    Replenishment { id: ReplenishmentId, sku: Sku, location: LocationCode },
    /// A shipment that the courier has, or is to get.
    Shipment(ShipmentId),
}

impl Use {
    /// Its kind, as errors name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stock { .. } => "STOCK",
            Self::Waiting { .. } => "WAITING_ORDERS",
            Self::Replenishment { .. } => "REPLENISHMENT",
            Self::Shipment(_) => "SHIPMENT",
        }
    }

    /// What to look up to see it.
    pub fn subject(&self) -> String {
        match self {
            Self::Stock { sku, location, .. } => format!("{sku} at {location}"),
            Self::Waiting { sku, region, .. } => format!("{sku} in {region}"),
            Self::Replenishment { id, .. } => id.to_string(),
            Self::Shipment(id) => id.to_string(),
        }
    }
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stock { sku, location, on_hand, reserved: 0 } => {
                write!(f, "{on_hand} units of {sku} at {location}")
            }
            Self::Stock { sku, location, on_hand, reserved } => {
                write!(f, "{on_hand} units of {sku} at {location}, {reserved} of them reserved")
            }
            Self::Waiting { sku, region, units } => {
                write!(f, "orders in {region} wait for {units} units of {sku}")
            }
            Self::Replenishment { id, sku, location } => {
                write!(f, "{id} of {sku} for {location} is open")
            }
            Self::Shipment(id) => write!(f, "{id} is not over"),
        }
    }
}

/// Everything that is open, as far as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// At most [`USES_MAX`].
    pub told: Vec<Use>,
    /// Whether there are more.
    pub more: bool,
}

impl Uses {
    pub fn of(uses: impl IntoIterator<Item = Use>) -> Self {
        let mut told: Vec<Use> = uses.into_iter().take(USES_MAX + 1).collect();
        let more = told.len() > USES_MAX;
        told.truncate(USES_MAX);
        Self { told, more }
    }
}

/// What to do if something is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfInUse {
    Refuse,
    GoOn,
}
