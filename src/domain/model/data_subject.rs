//! The person whose data is asked for.

use crate::domain::model::scalars::CustomerId;

/// The person whose data is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSubject {
    /// With the orders that name them, and those under their e-mail address that name nobody.
    Customer(CustomerId),
    /// Whoever has this e-mail address: the customers who do, the orders under it, and those that name one of them.
    Email(String),
}
