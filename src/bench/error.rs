//! Why nothing could be measured, for the person waiting.

use std::io;
use std::path::PathBuf;

use crate::client::{Refused, Unreachable};

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error("{0}")]
    Unreachable(#[from] Unreachable),
    #[error("cannot use {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot start {program}: {source}")]
    Program { program: String, source: io::Error },
    #[error("the server did not come up; it said last:\n{0}")]
    NotUp(String),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Server(#[from] crate::server::ServeError),
    #[error("{0}")]
    Wrong(String),
    #[error("interrupted")]
    Interrupted,
}
