//! Jobs: what the workers have to do, and when.

use uuid::Uuid;

use crate::domain::Lease;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    Order,
    Reservation,
}

/// Something to be done about an order or another caller's reservation, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub lease: Lease,
    pub kind: JobKind,
    /// The order's or the reservation's id.
    pub subject: Uuid,
    /// How often it was claimed since it was last done.
    pub attempts: i64,
}

impl JobKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "ORDER",
            Self::Reservation => "RESERVATION",
        }
    }
}
