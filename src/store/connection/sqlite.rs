//! A connection to SQLite: calls in this thread.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};
use sea_orm::sea_query::Value;

use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Ask, Effect};

/// How long SQLite waits for another process that writes.
pub(in crate::store) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps.
const STATEMENTS_KEPT: usize = 192;

/// Pages that the writer keeps, as its pragma has it: KiB, negative. With less it reads from the file what it wrote a
/// moment ago.
const WRITER_CACHE_KIB: i64 = -32_768;

/// Pages in the write-ahead log before they are carried over: those written again and again are carried over once.
const CHECKPOINT_PAGES: i64 = 4_000;

/// The first release whose WAL reset cannot lose pages.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];

pub(super) struct SqliteLink {
    connection: Connection,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Writing,
    Reading,
}

impl SqliteLink {
    pub(super) fn open(path: &Path, purpose: Purpose) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let set = |pragma: &str, value: &dyn ToSql| connection.pragma_update(None, pragma, value);
        set("journal_mode", &"WAL")?;
        set("synchronous", &"FULL")?;
        set("foreign_keys", &1)?;
        set("journal_size_limit", &67_108_864)?;
        match purpose {
            Purpose::Writing => {
                // The writer's statement journals stay in memory. What readers sort may be more than memory holds.
                set("temp_store", &"MEMORY")?;
                set("cache_size", &WRITER_CACHE_KIB)?;
                set("wal_autocheckpoint", &CHECKPOINT_PAGES)?;
                // What is changed or removed is overwritten with zeros: a person's data is not to stand in free pages.
                set("secure_delete", &1)?;
            }
            Purpose::Reading => set("query_only", &1)?,
        }
        Ok(Self { connection })
    }

    /// What SQLite must promise before the store starts.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let refuse = |what: String| Err(StoreError::Unavailable(format!("SQLite {what}")));
        let version = rusqlite::version();
        let parts: Vec<u32> = version.split('.').filter_map(|it| it.parse().ok()).collect();
        if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
            return refuse(format!("{version} is too old; 3.51.3 or later is needed"));
        }

        let shares: bool = self.connection.query_row(
            "SELECT sqlite_compileoption_used('ENABLE_MEMORY_MANAGEMENT')",
            (),
            |it| it.get(0),
        )?;
        if shares {
            tracing::warn!(
                "SQLite was not built as .cargo/config.toml says: its connections share one cache"
            );
        }

        let journal: String = self.connection.query_row("PRAGMA journal_mode", (), |it| it.get(0))?;
        if journal != "wal" {
            return refuse(format!("keeps a {journal} journal where a write-ahead log is needed"));
        }
        for (pragma, needed) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)] {
            let value: i64 = self.connection.query_row(pragma, (), |it| it.get(0))?;
            if value != needed {
                return refuse(format!("says {value} to {pragma} where {needed} is needed"));
            }
        }
        Ok(())
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    pub(super) fn command(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.raw_execute()?;
        Ok(())
    }

    /// Statements that nothing is kept of.
    pub(super) fn script(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    pub(super) fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        read(&mut statement, values, &mut found)?;
        Ok(found)
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()? as u64)
    }

    pub(super) fn ask(&self, ask: &Ask) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        if ask.rows.is_empty() {
            return Ok(found);
        }
        let mut statement = self.connection.prepare_cached(&ask.statement.sqlite)?;
        for row in &ask.rows {
            match ask.statement.effect {
                Effect::Read => read(&mut statement, row, &mut found)?,
                Effect::Write => {
                    bind(&mut statement, row)?;
                    statement.raw_execute()?;
                }
                Effect::WriteEach => {
                    bind(&mut statement, row)?;
                    if statement.raw_execute()? != 1 {
                        return Err(StoreError::LostRace);
                    }
                }
            }
        }
        Ok(found)
    }
}

fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<(), StoreError> {
    for (index, value) in (1_usize..).zip(values) {
        statement.raw_bind_parameter(index, Bound(value))?;
    }
    Ok(())
}

fn read(
    statement: &mut CachedStatement<'_>,
    values: &[Value],
    found: &mut Vec<Row>,
) -> Result<(), StoreError> {
    bind(statement, values)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|it| Ok(value(row.get_ref(it)?)));
        found.push(Row(values.collect::<Result<Vec<_>, rusqlite::Error>>()?));
    }
    Ok(())
}

fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Null => Value::String(None),
        ValueRef::Integer(number) => Value::BigInt(Some(number)),
        ValueRef::Real(number) => Value::Double(Some(number)),
        // Lossy only where a text is no UTF-8, which no statement of ours has stored.
        ValueRef::Text(text) => Value::String(Some(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(bytes) => Value::Bytes(Some(bytes.to_vec())),
    }
}

/// A value as a parameter.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let whole = |it: Option<i64>| it.map_or(ValueRef::Null, ValueRef::Integer);
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Bool(it) => whole(it.map(i64::from)),
            Value::Int(it) => whole(it.map(i64::from)),
            Value::BigInt(it) => whole(*it),
            Value::String(it) => it.as_ref().map_or(ValueRef::Null, |it| ValueRef::Text(it.as_bytes())),
            Value::Bytes(it) => it.as_ref().map_or(ValueRef::Null, |it| ValueRef::Blob(it)),
            Value::Uuid(it) => it.as_ref().map_or(ValueRef::Null, |it| ValueRef::Blob(it.as_bytes())),
            other => {
                let what = format!("values like {:?} are not bound", std::mem::discriminant(other));
                return Err(rusqlite::Error::ToSqlConversionFailure(what.into()));
            }
        }))
    }
}
