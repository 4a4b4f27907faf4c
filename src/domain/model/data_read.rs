//! Who was shown a customer's personal data.

use crate::domain::model::scalars::{Actor, CustomerId, OrderId};
use crate::domain::model::time::Timestamp;

/// An answer that showed name, address or contact of a customer: of an order, of a customer that the shop keeps, or of an
/// order that names one. Several like it within a second are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataRead {
    pub at: Timestamp,
    /// Whose key was shown.
    pub principal: Actor,
    /// The person on whose behalf, or the principal itself.
    pub actor: Actor,
    /// `OrderService/GetOrder`
    pub method: String,
    pub order: Option<OrderId>,
    pub customer: Option<CustomerId>,
}
