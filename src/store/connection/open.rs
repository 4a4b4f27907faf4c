//! Connections: how each engine is reached, what it must promise before the store starts, and the schema's lock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use migrations::{Migrator, MigratorTrait};
use prometheus_client::metrics::counter::Counter;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sea_orm::sqlx::{self, ConnectOptions, Connection, PgConnection};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use tokio_postgres::Config;

use crate::domain::Timestamp;
use crate::store::connection::database_file::{self, Claim, Found};
use crate::store::connection::error::StoreError;
use crate::store::connection::hosts;
use crate::store::connection::link::Link;
use crate::store::connection::options::{Database, Engine, Options};
use crate::store::connection::postgres::PostgresLink;
use crate::store::connection::readers::{Connect, Readers};
use crate::store::connection::session::Session;
use crate::store::connection::sqlite::{Purpose, SqliteLink};
use crate::store::connection::statement::FixedStatement;
use crate::store::connection::tls::Tls;

/// Our number among PostgreSQL's advisory locks: "consign" in ASCII.
const MIGRATION_LOCK: i64 = 0x63_6f6e_7369_676e;

/// What every connection to PostgreSQL is set to. Without statistics a planner would start processes to read two rows.
const SETTINGS: &str = "-c lock_timeout=2s -c statement_timeout=5s -c idle_in_transaction_session_timeout=10s \
    -c jit=off -c max_parallel_workers_per_gather=0";

/// How the writer's PostgreSQL finds by key what is asked for by key, whatever the values: planned once, though its
/// tables may have been small then. A statement must not go on reading all of a table when it has grown.
const WRITER_SETTINGS: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off \
    -c enable_mergejoin=off";

/// What a reader says once it is connected. Said along with the connecting, it would make every host look like one that
/// takes no writes (`target_session_attrs`).
const READ_ONLY: &str = "SET default_transaction_read_only = on";

/// Connections to write with and connections to read with.
#[derive(Clone)]
pub(in crate::store) struct Pools {
    address: Address,
    pub(in crate::store) readers: Arc<Readers>,
    /// What the file of an embedded database was like before.
    pub(in crate::store) found: Found,
}

/// Where the database is, and how it is reached.
#[derive(Clone)]
pub(in crate::store) enum Address {
    Postgres(Arc<PostgresAddress>),
    Sqlite(PathBuf),
}

pub(in crate::store) struct PostgresAddress {
    url: String,
    /// Each host alone.
    writer: Vec<Config>,
    reader: Vec<Config>,
    tls: Tls,
    prepared: Prepared,
}

/// The statements that new connections to PostgreSQL prepare.
pub(in crate::store) struct Prepared {
    pub(in crate::store) writer: Vec<&'static FixedStatement>,
    pub(in crate::store) reader: Vec<&'static FixedStatement>,
    /// Counts them, and those that connections prepare later.
    pub(in crate::store) counted: Counter,
}

impl Address {
    fn of(database: &Database, prepared: Prepared) -> Result<Self, StoreError> {
        match database {
            Database::Sqlite(path) => Ok(Self::Sqlite(path.clone())),
            Database::Postgres(url) => {
                let (hosts, tls) = hosts::each(url)?;
                let with = |more: &str| {
                    let with_settings = |host: &Config| {
                        let own = host.get_options().unwrap_or_default();
                        let options = format!("{own} {SETTINGS} {more}").trim().to_owned();
                        let mut config = host.clone();
                        config.application_name("consign").options(options);
                        config
                    };
                    hosts.iter().map(with_settings).collect::<Vec<_>>()
                };
                let (writer, reader) = (with(WRITER_SETTINGS), with(""));
                Ok(Self::Postgres(Arc::new(PostgresAddress {
                    url: url.clone(),
                    writer,
                    reader,
                    tls,
                    prepared,
                })))
            }
        }
    }

    async fn connect_writer(&self) -> Result<Link, StoreError> {
        Ok(match self {
            Self::Postgres(at) => {
                let mut link =
                    PostgresLink::connect(&at.writer, &at.tls, at.prepared.counted.clone()).await?;
                prepare(&mut link, &at.prepared.writer).await;
                Link::Postgres(Box::new(link))
            }
            Self::Sqlite(path) => Link::Sqlite(SqliteLink::open(path, Purpose::Writing)?),
        })
    }

    async fn connect_reader(&self) -> Result<Link, StoreError> {
        Ok(match self {
            Self::Postgres(at) => {
                let mut link =
                    PostgresLink::connect(&at.reader, &at.tls, at.prepared.counted.clone()).await?;
                link.script(READ_ONLY).await?;
                prepare(&mut link, &at.prepared.reader).await;
                Link::Postgres(Box::new(link))
            }
            Self::Sqlite(path) => Link::Sqlite(SqliteLink::open(path, Purpose::Reading)?),
        })
    }
}

/// Prepares statements on a new connection. Where a table is missing or locked they are prepared when they are needed.
async fn prepare(link: &mut PostgresLink, statements: &[&'static FixedStatement]) {
    let texts = statements.iter().flat_map(|it| it.postgres_texts()).collect();
    if let Err(error) = link.prepare_all(texts).await {
        tracing::debug!(%error, "statements could not be prepared yet");
    }
}

impl Pools {
    pub(in crate::store) async fn open(options: &Options, prepared: Prepared) -> Result<Self, StoreError> {
        let address = Address::of(&options.database, prepared)?;
        let found = match &address {
            Address::Sqlite(path) => open_sqlite(path).await?,
            Address::Postgres(at) => {
                let link = PostgresLink::connect_at_start(&at.writer, &at.tls).await?;
                check_postgres(link, options.allow_unsafe_durability).await?;
                Found::default()
            }
        };
        let at = address.clone();
        let connect: Connect = Box::new(move || {
            let at = at.clone();
            Box::pin(async move { at.connect_reader().await })
        });
        let readers = Readers::new(connect, options.readers);
        Ok(Self { address, readers, found })
    }

    /// Sees to it that no other process serves the same file, until the claim is dropped. None on PostgreSQL, which any
    /// number may serve.
    pub(in crate::store) async fn claim(&self) -> Result<Option<Claim>, StoreError> {
        let Address::Sqlite(path) = &self.address else { return Ok(None) };
        // Who looks at what a crash has left claims the file for a moment, under this lock.
        let _guard = lock_file(path).await?;
        match Claim::on(path).map_err(|it| unusable(path, &it))? {
            Some(claim) => Ok(Some(claim)),
            None => Err(StoreError::InUse(path.clone())),
        }
    }

    pub(in crate::store) fn engine(&self) -> Engine {
        match self.address {
            Address::Postgres(_) => Engine::Postgres,
            Address::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// SQLite's write-ahead log.
    pub(in crate::store) fn wal(&self) -> Option<PathBuf> {
        match &self.address {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(database_file::beside(path, "-wal")),
        }
    }

    /// How many groups may be at work at once.
    pub(in crate::store) fn lanes(&self, wanted: usize) -> usize {
        match self.address {
            Address::Postgres(_) => wanted.max(1),
            Address::Sqlite(_) => 1,
        }
    }

    pub(in crate::store) async fn writer(&self, messages: &Counter) -> Result<Session, StoreError> {
        Ok(Session::new(self.address.connect_writer().await?, Some(messages.clone())))
    }

    /// The time on PostgreSQL; None on SQLite, which has no clock.
    pub(in crate::store) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        match self.address {
            Address::Postgres(_) => self.writer(&Counter::default()).await?.time().await,
            Address::Sqlite(_) => Ok(None),
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
        // A role that may only read and change rows can serve a schema that is up to date.
        if self.pending_migrations().await?.is_empty() {
            return Ok(());
        }
        match &self.address {
            Address::Postgres(at) => {
                let patient = hosts::writable(&at.url)
                    .await?
                    .application_name("consign")
                    .options([("lock_timeout", "0"), ("statement_timeout", "0")])
                    .disable_statement_logging();
                // The lock is the session's: it ends with it, whatever happens.
                let mut guard = PgConnection::connect_with(&patient).await?;
                sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut guard).await?;

                let pool = PgPoolOptions::new().max_connections(1).connect_with(patient).await?;
                let done = up(&SqlxPostgresConnector::from_sqlx_postgres_pool(pool)).await;
                guard.close().await?;
                done
            }
            Address::Sqlite(path) => {
                let _guard = lock_file(path).await?;
                let how =
                    SqliteConnectOptions::new().filename(path).foreign_keys(true).disable_statement_logging();
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(how).await?;
                up(&SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)).await
            }
        }
    }

    /// The names of the schema's steps that are still to be applied. An error if the database is newer than this program can
    /// serve.
    pub(in crate::store) async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        self.compare_schema().await.map(|it| it.pending)
    }

    /// How the database's schema differs from this program's.
    pub(in crate::store) async fn compare_schema(&self) -> Result<SchemaDifference, StoreError> {
        let db = self.reader().await?;
        let mut applied: Vec<String> = Vec::new();
        if self.has_table(&db, "seaql_migrations").await? {
            for row in db.query("SELECT version FROM seaql_migrations", Vec::new()).await? {
                applied.push(row.get(0)?);
            }
        }
        let mut compatible = BTreeMap::new();
        if self.has_table(&db, "schema_steps").await? {
            compatible = compatible_from(&db).await?;
        }
        SchemaDifference::of(&applied, &compatible)
    }

    async fn has_table(&self, db: &Session, table: &str) -> Result<bool, StoreError> {
        let sql = match self.address {
            Address::Postgres(_) => format!("SELECT 1 WHERE to_regclass('{table}') IS NOT NULL"),
            Address::Sqlite(_) => format!("SELECT 1 FROM sqlite_master WHERE name = '{table}'"),
        };
        Ok(db.query_one(&sql, Vec::new()).await?.is_some())
    }

    pub(in crate::store) async fn close(&self) {
        self.readers.close().await;
    }
}

/// The names of the schema's steps, in order.
pub(in crate::store) fn migrations() -> Vec<String> {
    Migrator::get_migration_files().iter().map(|it| it.name().to_owned()).collect()
}

/// How the schema of a database differs from this program's.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct SchemaDifference {
    /// Steps that the database lacks.
    pub(in crate::store) pending: Vec<String>,
    /// Steps that this program does not know and can do without.
    pub(in crate::store) newer: Vec<String>,
}

impl SchemaDifference {
    /// `compatible` has for each step the oldest one that a program has to know to serve a database with it. An error if this
    /// program cannot.
    pub(super) fn of(applied: &[String], compatible: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        let known = migrations();
        let pending: Vec<_> = known.iter().filter(|it| !applied.contains(it)).cloned().collect();
        let newer: Vec<_> = applied.iter().filter(|it| !known.contains(it)).cloned().collect();
        let can_serve = |step: &String| compatible.get(step).is_some_and(|it| is_known(it));
        // A program that has steps of its own to add has gone another way.
        if newer.is_empty() || (pending.is_empty() && newer.iter().all(can_serve)) {
            return Ok(Self { pending, newer });
        }
        Err(StoreError::Newer(newer.join(", ")))
    }
}

/// Whether a program that needs this step would find it here; steps are named in their order.
fn is_known(step: &str) -> bool {
    migrations().last().is_some_and(|it| step <= it.as_str())
}

/// For each step of the database the oldest one that a program has to know.
async fn compatible_from(db: &Session) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = db.query("SELECT version, compatible_from FROM schema_steps", Vec::new()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// An error if somebody has given the database a schema that this program cannot serve.
pub(in crate::store) async fn ensure_compatible(db: &Session) -> Result<(), StoreError> {
    let steps = compatible_from(db).await?;
    let newer: Vec<_> = steps.into_iter().filter(|it| !is_known(&it.1)).map(|it| it.0).collect();
    if newer.is_empty() { Ok(()) } else { Err(StoreError::Newer(newer.join(", "))) }
}

async fn up(database: &DatabaseConnection) -> Result<(), StoreError> {
    let done = Migrator::up(database, None).await;
    database.close_by_ref().await?;
    Ok(done?)
}

/// Two migrations of one file are kept apart by a lock on a file beside it; it ends with the process.
async fn lock_file(database: &Path) -> Result<std::fs::File, StoreError> {
    let database = database.to_owned();
    let locking = tokio::task::spawn_blocking(move || lock_schema(&database));
    let locked = locking.await.map_err(|it| StoreError::Internal(it.to_string()))?;
    locked.map_err(|it| StoreError::Unavailable(format!("the migration lock: {it}")))
}

/// The lock, waited for in this thread.
pub(super) fn lock_schema(database: &Path) -> std::io::Result<std::fs::File> {
    let name = database_file::beside(database, ".lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&name)?;
    file.lock()?;
    Ok(file)
}

async fn check_postgres(mut link: PostgresLink, unsafe_too: bool) -> Result<(), StoreError> {
    let refuse = |what: String| Err(StoreError::Unavailable(format!("PostgreSQL {what}")));
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        if show(&mut link, setting).await? == "off" && !unsafe_too {
            return refuse(format!("runs with {setting}=off and would acknowledge what a power cut loses"));
        }
    }
    // With another one, names that it has no letters for could not be stored, or bytes would be taken for letters.
    for setting in ["server_encoding", "client_encoding"] {
        let encoding = show(&mut link, setting).await?;
        if encoding != "UTF8" {
            return refuse(format!(
                "has {setting} {encoding} where UTF8 is needed; create the database with ENCODING 'UTF8'"
            ));
        }
    }
    Ok(())
}

async fn show(link: &mut PostgresLink, setting: &str) -> Result<String, StoreError> {
    let rows = link.query(&format!("SHOW {setting}"), &[]).await?;
    rows.first().map_or_else(|| Ok(String::new()), |row| row.get(0))
}

async fn open_sqlite(path: &Path) -> Result<Found, StoreError> {
    create_private(path).map_err(|it| unusable(path, &it))?;
    // The first connection turns WAL on, before any other process can migrate.
    let _guard = lock_file(path).await?;
    let found = Found::at(path).map_err(|it| unusable(path, &it))?;
    SqliteLink::open(path, Purpose::Writing)?.check()?;
    database_file::settle(path, found)?;
    Ok(found)
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

/// Makes file and directory if they are missing, for their owner only.
fn create_private(path: &Path) -> std::io::Result<()> {
    create_folder(path)?;
    let mut file = std::fs::OpenOptions::new();
    file.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        file.mode(0o600);
    }
    file.open(path).map(|_| ())
}

/// Makes the directory of a database, for its owner only.
pub(super) fn create_folder(database: &Path) -> std::io::Result<()> {
    let mut directories = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        directories.mode(0o700);
    }
    match database.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(parent) => directories.recursive(true).create(parent),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "m29990101_000001_later";
    const LATEST: &str = "m29990102_000001_latest";

    fn difference(applied: &[&str], compatible: &[(&str, &str)]) -> Result<SchemaDifference, String> {
        let ours = migrations();
        let applied = applied.iter().map(|it| if *it == "ours" { ours[0].clone() } else { (*it).to_owned() });
        let compatible = compatible.iter().map(|(step, from)| {
            let from = if *from == "ours" { ours[0].as_str() } else { *from };
            ((*step).to_owned(), from.to_owned())
        });
        SchemaDifference::of(&applied.collect::<Vec<_>>(), &compatible.collect::<BTreeMap<_, _>>())
            .map_err(|error| error.to_string())
    }

    fn newer(steps: &[&str]) -> Result<SchemaDifference, String> {
        let newer = steps.iter().map(|it| (*it).to_owned()).collect();
        Ok(SchemaDifference { pending: Vec::new(), newer })
    }

    #[test]
    fn a_program_serves_a_newer_schema_whose_every_step_can_do_with_what_it_knows() {
        let empty = SchemaDifference { pending: migrations(), newer: Vec::new() };
        assert_eq!(difference(&[], &[]), Ok(empty));
        assert_eq!(difference(&["ours"], &[("ours", "ours")]), newer(&[]));
        assert_eq!(difference(&["ours", LATER], &[(LATER, "ours")]), newer(&[LATER]));
        let both = [(LATER, "ours"), (LATEST, "ours")];
        assert_eq!(difference(&["ours", LATER, LATEST], &both), newer(&[LATER, LATEST]));
        // Steps from before the first that this program has may have become one with it.
        assert_eq!(difference(&["ours", LATER], &[(LATER, "m20200101_000001_old")]), newer(&[LATER]));
    }

    #[test]
    fn otherwise_it_says_which_steps_it_does_not_know() {
        for (applied, compatible) in [
            (&["ours", LATER][..], &[][..]),
            (&["ours", LATER][..], &[(LATER, LATER)][..]),
            (&["ours", LATER, LATEST][..], &[(LATER, "ours"), (LATEST, LATER)][..]),
            (&[LATER][..], &[(LATER, "ours")][..]),
        ] {
            let said = difference(applied, compatible).expect_err("it is newer");
            assert!(said.contains("newer than this program, which does not know m2999"), "{said}");
        }
    }
}
