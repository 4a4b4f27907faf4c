//! Errors of the demo, for the person watching.

use crate::client::{Refused, Unreachable};

/// A call that failed, or something that is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Unreachable(#[from] Unreachable),
    #[error("{0}")]
    Wrong(String),
    #[error("{0}")]
    Server(#[from] crate::server::ServeError),
}
