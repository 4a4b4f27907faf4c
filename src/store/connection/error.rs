//! Errors between a decision and the disk, told apart by code and never by message text.

use std::io::ErrorKind;
use std::path::PathBuf;

use sea_orm::{DbErr, sqlx};
use tokio_postgres::error::DbError;

use crate::domain::Refusal;
use crate::faults::Failed;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The decision's "no".
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("this request id was used before with other content")]
    RequestIdReused,
    /// The answer that was kept told of a person whose data was erased.
    #[error("the answer to the first call with this request id was erased with the data of a person")]
    AnswerErased,
    /// Others kept changing the same rows; nothing has happened.
    #[error("others are changing the same things; try again")]
    LostRace,
    /// A row with the same key exists: another transaction may have used it first. Sessions give it out as a lost race.
    #[error("a row with the same key exists: {0}")]
    ExistingKey(String),
    /// The queue is full; nothing has happened.
    #[error("too many changes are waiting; try again")]
    Overloaded,
    #[error("the deadline passed first")]
    DeadlineExceeded,
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// This process goes by another time than the others.
    #[error(
        "this machine's clock is {seconds} s {way} the database's, where at most {seconds_max} s are tolerated"
    )]
    ClockOff { seconds: u64, way: &'static str, seconds_max: u64 },
    #[error("cannot connect to PostgreSQL at {address}: {why}")]
    CannotConnect { address: String, why: String },
    /// The schema has steps that are not among this program's.
    #[error(
        "this database is newer than this program, which does not know {0}; use the program that it was used with, or \
         a later one"
    )]
    Newer(String),
    /// A file that another process serves.
    #[error("{} is served by another process; one at a time may serve an embedded database", .0.display())]
    InUse(PathBuf),
    #[error("the storage is full")]
    StorageFull,
    /// A row that breaks its own rules.
    #[error("a row of {table} cannot be understood: {detail}")]
    Corrupt { table: &'static str, detail: String },
    #[error("{0}")]
    Internal(String),
}

impl StoreError {
    pub(in crate::store) fn corrupt(table: &'static str, detail: impl Into<String>) -> Self {
        Self::Corrupt { table, detail: detail.into() }
    }
}

impl From<Failed> for StoreError {
    fn from(_: Failed) -> Self {
        Self::Unavailable("told to fail".to_owned())
    }
}

/// Of migrations, which go their own way to the database.
impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(cause) => Self::Unavailable(cause.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(cause) => Self::Unavailable(format!("connection lost ({})", cause.kind())),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(cause) = error.as_db_error() {
            return of_postgres(cause);
        }
        let io = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<std::io::Error>());
        match io {
            // The driver's word about the host that it tried last, where the system itself forbade nothing.
            Some(cause) if cause.kind() == ErrorKind::PermissionDenied && cause.raw_os_error().is_none() => {
                Self::Unavailable("no host takes writes".to_owned())
            }
            Some(cause) => Self::Unavailable(format!("connection lost ({})", cause.kind())),
            None if error.is_closed() => Self::Unavailable("connection lost".to_owned()),
            // These speak of columns and types, never of values.
            None => {
                let text = error.to_string();
                if text.starts_with("error serializing") || text.starts_with("error deserializing") {
                    Self::Internal(text)
                } else {
                    Self::Unavailable(text)
                }
            }
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(cause, message) => {
                of_sqlite(cause.extended_code, message.as_deref().unwrap_or_default())
            }
            // These speak of columns and types, never of values.
            other => Self::Internal(other.to_string()),
        }
    }
}

/// Primary key, unique, rowid.
const SQLITE_UNIQUE: [i32; 3] = [1555, 2067, 2579];

/// By SQLSTATE. Only classes 23 and 42 bring their message along: it names tables and columns, not values.
fn of_postgres(cause: &DbError) -> StoreError {
    let code = cause.code().code();
    let unavailable = || StoreError::Unavailable(format!("SQLSTATE {code}"));
    match code {
        // Serialisation failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => StoreError::LostRace,
        "23505" => StoreError::ExistingKey(cause.constraint().unwrap_or("unique").to_owned()),
        "3D000" => StoreError::Unavailable("it has no database of that name".to_owned()),
        "28000" | "28P01" => StoreError::Unavailable("it refuses this user or password".to_owned()),
        // Disk full.
        "53100" => StoreError::StorageFull,
        // Statement timeout, failed transaction, read-only (a standby), idle in transaction.
        "57014" | "25P02" | "25006" | "25P03" | "58030" => unavailable(),
        "XX001" | "XX002" => StoreError::corrupt("database", format!("SQLSTATE {code}")),
        _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => unavailable(),
        _ if code.starts_with("23") || code.starts_with("42") => {
            StoreError::Internal(format!("SQLSTATE {code}: {}", cause.message()))
        }
        _ => StoreError::Internal(format!(
            "SQLSTATE {code} from {}",
            cause.routine().unwrap_or("the database")
        )),
    }
}

/// By result code; the low byte is the family. Messages of families 1 and 19 name tables and columns, not values.
fn of_sqlite(code: i32, message: &str) -> StoreError {
    if SQLITE_UNIQUE.contains(&code) {
        return StoreError::ExistingKey(message.to_owned());
    }
    match code & 0xff {
        // BUSY and LOCKED.
        5 | 6 => StoreError::LostRace,
        13 => StoreError::StorageFull,
        // READONLY, IOERR, CANTOPEN.
        8 | 10 | 14 => StoreError::Unavailable(format!("SQLite code {code}")),
        // CORRUPT and NOTADB.
        11 | 26 => StoreError::corrupt("database", format!("SQLite code {code}")),
        1 | 19 => StoreError::Internal(format!("SQLite code {code}: {message}")),
        _ => StoreError::Internal(format!("SQLite code {code}")),
    }
}
