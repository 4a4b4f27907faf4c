//! Goods and services: what a line of an order is, and what became of a service.

use serde::{Deserialize, Serialize};

use crate::domain::model::scalars::{Actor, string_enum};
use crate::domain::model::time::Timestamp;

string_enum! {
    /// What a product is, for ever.
    #[derive(Default)]
    pub enum ProductKind {
        /// On shelves; it is reserved, picked and shipped.
        #[default]
        Goods = "GOODS",
        /// Done for the customer: neither stocked nor shipped.
        Service = "SERVICE",
    }
}

impl ProductKind {
    pub fn is_service(self) -> bool {
        match self {
            Self::Service => true,
            Self::Goods => false,
        }
    }
}

/// A service that was done: all units of its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDone {
    pub by: Actor,
    pub at: Timestamp,
    /// What was done; may be empty.
    pub note: String,
    /// Where the proof is kept, such as the number of a signed report; may be empty.
    pub proof_reference: String,
}
