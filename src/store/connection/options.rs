//! Options of the store.

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::{Rules, Timestamp};
use crate::store::archive_keys::ArchiveKeys;

/// Reads the machine's clock; the one place that does so is outside the store.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What keeps the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[derive(Debug, Clone)]
pub enum Database {
    /// A file; it and its directory are made when missing, readable by their owner only.
    Sqlite(PathBuf),
    /// A `postgres://` address.
    Postgres(String),
}

/// The clock that decisions go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeSource {
    /// The database's, which all its processes share. SQLite has no clock of its own: there it is the machine's.
    Database,
    /// The given clock's alone, as tests move it.
    Given,
}

#[derive(Clone)]
pub struct Options {
    pub database: Database,
    pub rules: Arc<Rules>,
    /// This machine's.
    pub clock: Clock,
    pub time: TimeSource,
    /// Changes that share a transaction at most; 1 turns group commit off.
    pub group_max: usize,
    /// Changes that wait for the writer at most; one more is refused at once.
    pub queue_max: usize,
    /// Writing connections on PostgreSQL; SQLite has one.
    pub lanes: usize,
    /// Reading connections at most.
    pub readers: u32,
    /// Orders that are kept in memory as they were last stored or read, at most.
    pub recent_orders: usize,
    /// Accept a PostgreSQL that acknowledges before it is on disk.
    pub allow_unsafe_durability: bool,
    /// What archived orders are sealed with, and opened.
    pub archive_keys: ArchiveKeys,
}

impl Options {
    pub fn new(database: Database, rules: Arc<Rules>, clock: Clock) -> Self {
        Self {
            database,
            rules,
            clock,
            time: TimeSource::Database,
            group_max: 64,
            queue_max: 1024,
            lanes: 1,
            readers: 8,
            recent_orders: 4_096,
            allow_unsafe_durability: false,
            archive_keys: ArchiveKeys::default(),
        }
    }
}
