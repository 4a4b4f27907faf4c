//! Errors between a decision and the disk, told apart by code and never by message text.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

use crate::domain::Refusal;
use crate::faults::Failed;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The decision's "no".
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("this request id was used before with other content")]
    RequestIdReused,
    /// Others kept changing the same rows; nothing has happened.
    #[error("others are changing the same things; try again")]
    LostRace,
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

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => of_sqlx(&cause),
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => {
                Self::Unavailable("no connection became free".to_owned())
            }
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
                Self::Unavailable("the store is closed".to_owned())
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<Failed> for StoreError {
    fn from(_: Failed) -> Self {
        Self::Unavailable("told to fail".to_owned())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        of_sqlx(&error)
    }
}

fn of_sqlx(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(cause) => {
            if let Some(cause) = cause.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                return of_postgres(cause);
            }
            let code = cause.code().and_then(|it| it.parse::<i32>().ok()).unwrap_or(1);
            of_sqlite(code, cause.message())
        }
        sqlx::Error::PoolTimedOut => StoreError::Unavailable("no connection became free".to_owned()),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the store is closed".to_owned()),
        sqlx::Error::Io(cause) => StoreError::Unavailable(format!("connection lost ({})", cause.kind())),
        sqlx::Error::Tls(_) => StoreError::Unavailable("no TLS connection".to_owned()),
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => {
            StoreError::Unavailable("the connection is out of step".to_owned())
        }
        // These speak of columns and types, never of values.
        other => StoreError::Internal(other.to_string()),
    }
}

/// The key that exists already, if that is what is wrong: the one thing about a lost race that may be no race.
pub(in crate::store) fn existing_key(error: &sqlx::Error) -> Option<String> {
    let sqlx::Error::Database(cause) = error else { return None };
    if cause.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return (cause.code()? == "23505").then(|| cause.constraint().unwrap_or("unique").to_owned());
    }
    let code: i32 = cause.code()?.parse().ok()?;
    SQLITE_UNIQUE.contains(&code).then(|| cause.message().to_owned())
}

/// Primary key, unique, rowid.
const SQLITE_UNIQUE: [i32; 3] = [1555, 2067, 2579];

/// By SQLSTATE. Only classes 23 and 42 bring their message along: it names tables and columns, not values.
fn of_postgres(cause: &sqlx::postgres::PgDatabaseError) -> StoreError {
    let code = cause.code();
    let unavailable = || StoreError::Unavailable(format!("SQLSTATE {code}"));
    match code {
        // Serialisation failure, deadlock, lock not available; and a key that another transaction used first.
        "40001" | "40P01" | "55P03" | "23505" => StoreError::LostRace,
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
        return StoreError::LostRace;
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
