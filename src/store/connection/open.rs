//! Connections: how each engine is spoken to, what it must promise before the store starts, and the schema's lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::pool::{PoolConnectionMetadata, PoolOptions};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{
    self, AssertSqlSafe, ConnectOptions, Connection, Database as Engine, Executor, PgConnection, PgPool,
    SqliteConnection,
};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use tokio::time::timeout;

use crate::domain::Timestamp;
use crate::store::connection::error::StoreError;
use crate::store::connection::lookup::prepare_all;
use crate::store::connection::options::{Database, Options};
use crate::store::connection::pool::{ACQUIRE_WITHIN, PING_WITHIN, Pool, TRUSTED_FOR};
use crate::store::connection::reader_pool::Readers;
use crate::store::connection::select::{all, one};
use crate::store::connection::session::{BY_KEY, Session};
use crate::store::rows::order::WHOLE_ORDER;

/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take to be cleaned before it is thrown away.
const CLEAN_WITHIN: Duration = Duration::from_secs(2);

/// Prepared statements that the writer's connection to SQLite keeps, and each reader's: readers are many, and asked by
/// any of many filters, each a statement of its own.
const WRITER_STATEMENTS_KEPT: usize = 512;

const READER_STATEMENTS_KEPT: usize = 96;

/// The same to PostgreSQL, where each comes with a plan: under mixed traffic most are of their own kind, and the
/// writer's process has about 0.4 MB for each.
const PLANS_KEPT: usize = 256;

/// Rows that SQLite's writing thread reads before anybody takes them. With fewer it would stop and wait within a group.
const ROWS_AHEAD: usize = 1_024;

/// The first release whose WAL reset cannot lose pages.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];

/// Our number among PostgreSQL's advisory locks: "consign" in ASCII.
const MIGRATION_LOCK: i64 = 0x63_6f6e_7369_676e;

/// Pages that SQLite's writer keeps, as its pragma has it: KiB, negative. With less it reads from the file what it
/// wrote a moment ago.
const WRITER_CACHE_KIB: &str = "-32768";

/// Pages in the write-ahead log before they are carried over: those written again and again are carried over once.
const CHECKPOINT_PAGES: &str = "4000";

/// Connections to write with and connections to read with.
#[derive(Clone)]
pub(in crate::store) struct Pools {
    writers: Pool,
    pub(in crate::store) readers: Arc<Readers>,
    how: How,
}

/// How a connection is made beside the pools.
#[derive(Clone)]
pub(in crate::store) enum How {
    Postgres(PgConnectOptions),
    Sqlite { file: PathBuf, how: SqliteConnectOptions },
}

impl Pools {
    pub(in crate::store) async fn open(options: &Options) -> Result<Self, StoreError> {
        let pools = match &options.database {
            Database::Sqlite(path) => open_sqlite(path, options.readers).await?,
            Database::Postgres(url) => {
                open_postgres(url, options.lanes, options.readers, options.allow_unsafe_durability).await?
            }
        };
        Ok(pools)
    }

    /// How many groups may be at work at once.
    pub(in crate::store) fn lanes(&self, wanted: usize) -> usize {
        match self.how {
            How::Postgres(_) => wanted.max(1),
            How::Sqlite { .. } => 1,
        }
    }

    pub(in crate::store) async fn writer(&self, statements: &Arc<AtomicU64>) -> Result<Session, StoreError> {
        Ok(Session::new(self.writers.acquire().await?, Some(Arc::clone(statements))))
    }

    /// The time on PostgreSQL; None on SQLite, which has no clock.
    pub(in crate::store) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        match self.how {
            How::Postgres(_) => self.writer(&Arc::default()).await?.time().await,
            How::Sqlite { .. } => Ok(None),
        }
    }

    pub(in crate::store) async fn reader(&self) -> Result<Session, StoreError> {
        let (link, loan) = self.readers.lend().await?;
        Ok(Session::for_reading(link, loan))
    }

    /// A reader whose statements all see the same moment.
    pub(in crate::store) async fn snapshot(&self) -> Result<Session, StoreError> {
        let db = self.reader().await?;
        db.begin_snapshot().await?;
        Ok(db)
    }

    /// Applies what is missing of the schema. Several processes may try at once: they take turns.
    pub(in crate::store) async fn migrate(&self) -> Result<(), StoreError> {
        match &self.how {
            How::Postgres(how) => {
                // The lock is the session's: it ends with it, whatever happens.
                let patient = how.clone().options([("lock_timeout", "0"), ("statement_timeout", "0")]);
                let mut guard = PgConnection::connect_with(&patient).await?;
                sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut guard).await?;

                let pool = PgPoolOptions::new().max_connections(1).connect_with(patient).await?;
                let done = up(&SqlxPostgresConnector::from_sqlx_postgres_pool(pool)).await;
                guard.close().await?;
                done
            }
            How::Sqlite { file, how } => {
                let _guard = lock_file(file).await?;
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(how.clone()).await?;
                up(&SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)).await
            }
        }
    }

    /// The names of the schema's steps that are still to be applied.
    pub(in crate::store) async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let table = match self.how {
            How::Postgres(_) => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
            How::Sqlite { .. } => "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'",
        };
        // Readers' connections try to prepare reads of tables that may not exist yet.
        let db = self.writer(&Arc::default()).await?;
        let mut applied: Vec<String> = Vec::new();
        if one(&db, table, Vec::new()).await?.is_some() {
            for row in all(&db, "SELECT version FROM seaql_migrations", Vec::new()).await? {
                applied.push(row.try_get_by_index(0)?);
            }
        }

        Ok(migrations().into_iter().filter(|it| !applied.contains(it)).collect())
    }

    pub(in crate::store) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// The names of the schema's steps, in order.
pub(in crate::store) fn migrations() -> Vec<String> {
    Migrator::get_migration_files().iter().map(|it| it.name().to_owned()).collect()
}

async fn up(database: &DatabaseConnection) -> Result<(), StoreError> {
    let done = Migrator::up(database, None).await;
    database.close_by_ref().await?;
    Ok(done?)
}

/// Two migrations of one file are kept apart by a lock on a file beside it; it ends with the process.
async fn lock_file(database: &Path) -> Result<std::fs::File, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let locking = tokio::task::spawn_blocking(move || {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&name)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    let locked = locking.await.map_err(|it| StoreError::Internal(it.to_string()))?;
    locked.map_err(|it| StoreError::Unavailable(format!("the migration lock: {it}")))
}

async fn open_postgres(url: &str, lanes: usize, readers: u32, unsafe_too: bool) -> Result<Pools, StoreError> {
    let how = url
        .parse::<PgConnectOptions>()
        .map_err(|_| StoreError::Unavailable("the database address is not a postgres:// URL".to_owned()))?
        .application_name("consign")
        .statement_cache_capacity(PLANS_KEPT)
        .options([
            ("lock_timeout", "2s"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("jit", "off"),
            // Without statistics a planner would start processes to read two rows.
            ("max_parallel_workers_per_gather", "0"),
        ])
        .disable_statement_logging();
    let writing = how.clone().options(BY_KEY);
    // One more than lanes, to look up the outcome of a group while its connection is silent.
    let lanes = u32::try_from(lanes.max(1)).unwrap_or(u32::MAX).saturating_add(1);
    let writers = trusting(PgPoolOptions::new().max_connections(lanes).idle_timeout(None).max_lifetime(None))
        .connect_with(writing)
        .await?;
    check_postgres(&writers, unsafe_too).await?;

    let reading = how.clone().options([("default_transaction_read_only", "on")]);
    let readers = trusting(PgPoolOptions::new().max_connections(readers.max(1)))
        .after_connect(|connection, _| {
            let prepare = connection.execute(AssertSqlSafe(prepare_all(&WHOLE_ORDER)));
            Box::pin(async move {
                // Where a table is locked or missing, connections without prepared reads still work.
                if let Err(error) = prepare.await {
                    tracing::warn!(%error, "a connection cannot read orders yet");
                }
                Ok(())
            })
        })
        .after_release(|connection, _| Box::pin(clean(connection)))
        .connect_lazy_with(reading);
    let readers = Readers::of(Pool::Postgres(readers));
    Ok(Pools { writers: Pool::Postgres(writers), readers, how: How::Postgres(how) })
}

/// Connections that were used just now are not tried again before they are used.
fn trusting<DB: Engine>(pool: PoolOptions<DB>) -> PoolOptions<DB> {
    pool.acquire_timeout(ACQUIRE_WITHIN).test_before_acquire(false).before_acquire(|connection, before| {
        let PoolConnectionMetadata { idle_for, .. } = before;
        Box::pin(async move {
            if idle_for > TRUSTED_FOR {
                // A connection that went dark while idle is replaced, so that no query waits on it in vain.
                let silent = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
                timeout(PING_WITHIN, connection.ping()).await.map_err(silent)??;
            }
            Ok(true)
        })
    })
}

/// Whatever a session may have left open is rolled back before the next one gets its connection. Begun first, so
/// that PostgreSQL does not warn about every session that left nothing; in a failed transaction that is an error,
/// and the connection goes.
async fn clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(CLEAN_WITHIN, connection.execute("BEGIN; ROLLBACK")).await {
        Ok(cleaned) => cleaned.map(|_| true),
        Err(_) => Ok(false),
    }
}

async fn check_postgres(writers: &PgPool, unsafe_too: bool) -> Result<(), StoreError> {
    let refuse = |what: String| Err(StoreError::Unavailable(format!("PostgreSQL {what}")));
    let mut connection = writers.acquire().await?;
    let mut show = async |setting: &str| -> Result<String, sqlx::Error> {
        let table_read = format!("SHOW {setting}");
        sqlx::query_scalar(AssertSqlSafe(table_read)).fetch_one(&mut *connection).await
    };

    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        if show(setting).await? == "off" && !unsafe_too {
            return refuse(format!("runs with {setting}=off and would acknowledge what a power cut loses"));
        }
    }
    // With another one, names that it has no letters for could not be stored, or bytes would be taken for letters.
    for setting in ["server_encoding", "client_encoding"] {
        let encoding = show(setting).await?;
        if encoding != "UTF8" {
            return refuse(format!(
                "has {setting} {encoding} where UTF8 is needed; create the database with ENCODING 'UTF8'"
            ));
        }
    }
    Ok(())
}

async fn open_sqlite(path: &Path, readers: u32) -> Result<Pools, StoreError> {
    create_private(path).map_err(|it| StoreError::Unavailable(format!("{}: {it}", path.display())))?;

    let how = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(READER_STATEMENTS_KEPT)
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    // The first connection turns WAL on, before any other process can migrate.
    let _guard = lock_file(path).await?;
    // The second only looks up the outcome of a group after the first was thrown away.
    let writing = how
        .clone()
        .row_buffer_size(ROWS_AHEAD)
        .statement_cache_capacity(WRITER_STATEMENTS_KEPT)
        // The writer's statement journals stay in memory. What readers sort may be more than memory holds.
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", WRITER_CACHE_KIB)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
    let writers = trusting(SqlitePoolOptions::new().max_connections(2).idle_timeout(None).max_lifetime(None))
        .connect_with(writing)
        .await?;
    check_sqlite(&mut *writers.acquire().await?).await?;

    let readers = trusting(SqlitePoolOptions::new().max_connections(readers.max(1)))
        .connect_lazy_with(how.clone().pragma("query_only", "ON"));
    let readers = Readers::of(Pool::Sqlite(readers));
    Ok(Pools { writers: Pool::Sqlite(writers), readers, how: How::Sqlite { file: path.to_owned(), how } })
}

/// Makes file and directory if they are missing, for their owner only.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut directories = std::fs::DirBuilder::new();
    let mut file = std::fs::OpenOptions::new();
    file.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        directories.mode(0o700);
        file.mode(0o600);
    }

    if let Some(parent) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        directories.recursive(true).create(parent)?;
    }
    file.open(path).map(|_| ())
}

async fn check_sqlite(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let refuse = |what: String| Err(StoreError::Unavailable(format!("SQLite {what}")));

    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await?;
    let parts: Vec<u32> = version.split('.').filter_map(|it| it.parse().ok()).collect();
    if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
        return refuse(format!("{version} is too old; 3.51.3 or later is needed"));
    }

    let shares: bool = sqlx::query_scalar("SELECT sqlite_compileoption_used('ENABLE_MEMORY_MANAGEMENT')")
        .fetch_one(&mut *connection)
        .await?;
    if shares {
        tracing::warn!("SQLite was not built as .cargo/config.toml says: its connections share one cache");
    }

    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    if journal != "wal" {
        return refuse(format!("keeps a {journal} journal where a write-ahead log is needed"));
    }
    for (table_read, needed) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1)] {
        let value: i64 = sqlx::query_scalar(table_read).fetch_one(&mut *connection).await?;
        if value != needed {
            return refuse(format!("says {value} to {table_read} where {needed} is needed"));
        }
    }
    Ok(())
}
