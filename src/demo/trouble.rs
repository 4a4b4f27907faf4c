//! What went wrong, for the person watching.

/// A call that failed, or something that is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{call}: {status}", status = status_text(.status))]
    Refused { call: &'static str, status: Box<tonic::Status> },
    #[error("cannot reach {0}: {1}")]
    Unreachable(String, tonic::transport::Error),
    #[error("{0}")]
    Wrong(String),
    #[error("{0}")]
    Server(#[from] crate::server::ServeError),
}

fn status_text(status: &tonic::Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
