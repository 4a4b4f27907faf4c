//! One connection for as long as its work takes: statements, transactions, and a count of both.
//!
//! sea-orm's own transaction gives its connection back to the pool after every group and copies all values; and
//! sqlx's can come back to the pool open when the future that began it is dropped. This one is marked open before
//! BEGIN is sent, and what is dropped open is rolled back or thrown away.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use sea_orm::sea_query::{ArrayType, Value, Values};
use sea_orm::sqlx::{self, Arguments, AssertSqlSafe, Either, Executor, Postgres, Row, Sqlite};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::Timestamp;
use crate::faults;
use crate::store::connection::arguments::{ArgumentsOf, Binds, arguments, bind_scalar};
use crate::store::connection::batched_read::{ResultSets, TableRead, for_postgres, for_sqlite};
use crate::store::connection::error::{StoreError, existing_key};
use crate::store::connection::link::Link;
use crate::store::connection::reader_pool::Loan;

/// How long a reader waits for an answer. PostgreSQL gives up a statement sooner: then the way there has gone dark, and
/// without word of it the client would wait for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);

/// PostgreSQL's word for a statement that was not prepared.
const NO_SUCH_STATEMENT: &str = "26000";

/// How long a session may take to roll back, or to hear what it has asked, before its connection is thrown away.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// A transaction whose reads all see the same moment.
const BEGIN_SQLITE: &str = "BEGIN";

const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What time it is, in microseconds: at this moment, not when the transaction began. The second begins one that may
/// write, in the same message.
const TIME_POSTGRES: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

const BEGIN_WITH_TIME_POSTGRES: &str =
    "BEGIN; SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

/// How PostgreSQL is made to find by key what is asked for by key, whatever the values: planned once, though its tables
/// may have been small then. A statement must not go on reading all of a table when it has grown.
pub(in crate::store) const BY_KEY: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

#[cfg(test)]
tokio::task_local! {
    /// What the task's sessions are asked: tests look at the plans of these very statements.
    pub(in crate::store) static HEARD: std::cell::RefCell<Vec<Statement>>;
}

pub(in crate::store) struct Session {
    link: Mutex<Option<Link>>,
    backend: DbBackend,
    open: AtomicBool,
    statements: Option<Arc<AtomicU64>>,
    existing_key: std::sync::Mutex<Option<String>>,
    /// None: the user of the session limits the waiting itself.
    answer_within: Option<Duration>,
    /// Whether the batched reads are prepared on this connection.
    keeps_questions: bool,
    /// An answer did not come, or none can; the connection is of no use any more.
    silent: AtomicBool,
    /// The last statement failed, or its answer was not read to the end.
    unsettled: AtomicBool,
    /// A reader's connection is lent; None: it goes to its pool.
    loan: Option<Loan>,
}

impl Session {
    /// A session that counts in `statements`, if there is one, each message to the database.
    pub(in crate::store) fn new(link: Link, statements: Option<Arc<AtomicU64>>) -> Self {
        let backend = match link {
            Link::Postgres(_) => DbBackend::Postgres,
            Link::Sqlite(_) => DbBackend::Sqlite,
        };
        Self {
            link: Mutex::new(Some(link)),
            backend,
            open: AtomicBool::new(false),
            statements,
            existing_key: std::sync::Mutex::default(),
            answer_within: None,
            keeps_questions: false,
            silent: AtomicBool::new(false),
            unsettled: AtomicBool::new(false),
            loan: None,
        }
    }

    /// A session with a reader's connection, that gives up a PostgreSQL that has gone silent.
    pub(in crate::store) fn for_reading(link: Link, loan: Loan) -> Self {
        let mut session = Self::new(link, None);
        session.loan = Some(loan);
        session.keeps_questions = true;
        session.answer_within = (session.backend == DbBackend::Postgres).then_some(ANSWER_WITHIN);
        session
    }

    /// Gives PostgreSQL that long for each answer until the transaction ends, None: as long as it takes.
    pub(in crate::store) async fn allow_for_answers(
        &mut self,
        within: Option<Duration>,
    ) -> Result<(), DbErr> {
        if self.backend == DbBackend::Postgres {
            // Zero stands for no limit.
            let millis = within.map_or(0, |it| it.as_millis().max(1));
            self.execute_unprepared(&format!("SET LOCAL statement_timeout = {millis}")).await?;
            self.answer_within = within.map(|it| it + SETTLED_WITHIN);
        }
        Ok(())
    }

    pub(in crate::store) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Begins a transaction that may write; on SQLite it is the only one from here on. PostgreSQL says what time it is.
    pub(in crate::store) async fn begin(&self) -> Result<Option<Timestamp>, StoreError> {
        self.mark_open();
        self.time_after(match self.backend {
            DbBackend::Sqlite => "BEGIN IMMEDIATE",
            _ => BEGIN_WITH_TIME_POSTGRES,
        })
        .await
    }

    /// Asks for an answer, whatever it is; PostgreSQL says what time it is.
    pub(in crate::store) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.time_after(match self.backend {
            DbBackend::Sqlite => "SELECT 1",
            _ => TIME_POSTGRES,
        })
        .await
    }

    /// Begins a transaction whose reads all see the same moment.
    pub(in crate::store) async fn begin_snapshot(&self) -> Result<(), StoreError> {
        self.mark_open();
        self.command(match self.backend {
            DbBackend::Sqlite => BEGIN_SQLITE,
            _ => BEGIN_POSTGRES,
        })
        .await
    }

    fn mark_open(&self) {
        assert!(!self.open.swap(true, Ordering::Relaxed), "one transaction at a time");
    }

    /// `whose` names those who commit for tests that make it fail here.
    pub(in crate::store) async fn commit(&self, whose: &[&'static str]) -> Result<(), StoreError> {
        for name in whose {
            faults::at(format_args!("{name}.commit.before"))?;
        }
        self.command("COMMIT").await?;
        self.open.store(false, Ordering::Relaxed);
        for name in whose {
            faults::at(format_args!("{name}.commit.after"))?;
        }
        Ok(())
    }

    /// Rolls back if a transaction is open. After an error the session is not to be used any more.
    pub(in crate::store) async fn rollback(&self) -> Result<(), StoreError> {
        if !self.open.load(Ordering::Relaxed) {
            return Ok(());
        }

        let late = |_| StoreError::Unavailable("no answer to ROLLBACK".to_owned());
        timeout(SETTLED_WITHIN, self.command("ROLLBACK")).await.map_err(late)??;
        self.open.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Throws the connection away without another word to the database.
    pub(in crate::store) fn discard(mut self) {
        if let Some(link) = self.link.get_mut().take() {
            link.discard();
        }
    }

    async fn command(&self, sql: &'static str) -> Result<(), StoreError> {
        self.count();
        let mut held = self.link.lock().await;
        let link = held.as_mut().ok_or_else(gone)?;
        self.heard(link.command(sql)).await?;
        Ok(())
    }

    /// Commands something, of which PostgreSQL's only row says what time it is.
    async fn time_after(&self, sql: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.count();
        let mut held = self.link.lock().await;
        let connection = match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => connection,
            link @ Link::Sqlite(_) => {
                self.heard(link.command(sql)).await?;
                return Ok(None);
            }
        };
        let rows = self.heard((**connection).fetch_all(sql)).await?;
        let [row] = rows.as_slice() else {
            self.silent.store(true, Ordering::Relaxed);
            return Err(of_connection("the answer was cut short").into());
        };
        Ok(Some(Timestamp::from_unix_micros(row.try_get(0)?)))
    }

    /// Result of each statement of a message.
    async fn outcomes<R: Into<QueryResult>, D>(
        &self,
        mut answer: impl Stream<Item = Result<Either<D, R>, sqlx::Error>> + Unpin,
        changed: impl Fn(&D) -> u64,
    ) -> Result<Vec<StatementResult>, sqlx::Error> {
        let (mut outcomes, mut rows) = (Vec::new(), Vec::new());
        while let Some(next) = self.heard(answer.try_next()).await? {
            match next {
                Either::Left(it) => {
                    outcomes.push(StatementResult { rows: std::mem::take(&mut rows), changed: changed(&it) });
                }
                Either::Right(row) => rows.push(row.into()),
            }
        }
        Ok(outcomes)
    }

    async fn heard<T>(&self, asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        self.unsettled.store(true, Ordering::Relaxed);
        let heard = match self.answer_within {
            None => asking.await,
            Some(within) => timeout(within, asking).await.unwrap_or_else(|_| {
                self.silent.store(true, Ordering::Relaxed);
                Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
            }),
        };
        self.unsettled.store(heard.is_err(), Ordering::Relaxed);
        heard
    }

    /// The rows that each question is about, as of one moment. A writer on PostgreSQL asks one after the other: its
    /// locks hold still what it asks about.
    pub(in crate::store) async fn ask_each(
        &self,
        table_reads: &[TableRead],
        ids: &[Uuid],
    ) -> Result<ResultSets, DbErr> {
        if self.backend == DbBackend::Postgres && !self.keeps_questions {
            let statements = table_reads.iter().map(|it| it.statement(self.backend, ids));
            return Ok(ResultSets::new(self.query_each(statements.collect()).await?));
        }

        #[cfg(test)]
        table_reads.iter().for_each(|it| hear(&it.statement(self.backend, ids)));
        self.count();
        // An answer that does not come leaves the transaction open.
        let was_open = self.open.swap(true, Ordering::Relaxed);
        let (before, after) = around_reads(self.backend, was_open);
        let statements = before.len() + table_reads.len() + after.len();
        let joined = |table_reads: Vec<String>| [before.clone(), table_reads, after].concat().join("; ");
        let mut held = self.link.lock().await;
        let outcomes = match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => {
                let sql = AssertSqlSafe(joined(for_postgres(table_reads, ids)));
                self.outcomes((**connection).fetch_many(sql), |_| 0).await
            }
            Link::Sqlite(connection) => {
                let sql = AssertSqlSafe(joined(for_sqlite(table_reads, ids.len())));
                let values = Values(ids.iter().map(|it| (*it).into()).collect());
                let query = sqlx::query_with(sql, arguments::<Sqlite>(Some(values))?);
                self.outcomes((**connection).fetch_many(query), |_| 0).await
            }
        };
        let outcomes = outcomes.map_err(|it| self.unprepared(it))?;
        self.all_of(&outcomes, statements)?;
        self.open.store(was_open, Ordering::Relaxed);
        let answers = outcomes.into_iter().skip(before.len()).take(table_reads.len());
        Ok(ResultSets::new(answers.map(|it| it.rows).collect()))
    }

    /// The rows of each statement. SQLite gets them in one message, where none may number its parameters.
    pub(in crate::store) async fn query_each(
        &self,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<QueryResult>>, DbErr> {
        if self.backend == DbBackend::Sqlite {
            let outcomes = self.run(self.ready(statements)?).await?;
            return Ok(outcomes.into_iter().map(|it| it.rows).collect());
        }
        let mut rows = Vec::new();
        for statement in statements {
            rows.push(self.query_all_raw(statement).await?);
        }
        Ok(rows)
    }

    /// Statements as they are sent in one message: to SQLite several, none of which may number its parameters; to
    /// PostgreSQL one.
    pub(in crate::store) fn ready(&self, statements: Vec<Statement>) -> Result<Ready, DbErr> {
        let one_at_a_time = self.backend == DbBackend::Postgres;
        assert!(!one_at_a_time || statements.len() == 1, "PostgreSQL takes one prepared statement at a time");
        #[cfg(test)]
        statements.iter().for_each(hear);

        let sql: Vec<_> = statements.iter().map(|it| it.sql.as_str()).collect();
        let (count, sql) = (statements.len(), sql.join("; "));
        let values = statements.into_iter().filter_map(|it| it.values);
        let arguments = match self.backend {
            DbBackend::Postgres => ArgumentsOf::Postgres(arguments::<Postgres>(values)?),
            _ => ArgumentsOf::Sqlite(arguments::<Sqlite>(values)?),
        };
        Ok(Ready { statements: count, sql, arguments })
    }

    /// Result of each statement.
    pub(in crate::store) async fn run(&self, ready: Ready) -> Result<Vec<StatementResult>, DbErr> {
        self.count();
        let Ready { statements, sql, arguments } = ready;
        let mut held = self.link.lock().await;
        let outcomes = match (held.as_mut().ok_or_else(gone)?, arguments) {
            (Link::Postgres(connection), ArgumentsOf::Postgres(arguments)) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                self.outcomes((**connection).fetch_many(query), |it| it.rows_affected()).await
            }
            (Link::Sqlite(connection), ArgumentsOf::Sqlite(arguments)) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                self.outcomes((**connection).fetch_many(query), |it| it.rows_affected()).await
            }
            _ => return Err(DbErr::Custom("made ready for another database".to_owned())),
        };
        let outcomes = outcomes.map_err(|it| self.failed(it))?;
        self.all_of(&outcomes, statements)?;
        Ok(outcomes)
    }

    /// The key that the last failed statement would have used twice.
    pub(in crate::store) fn take_existing_key(&self) -> Option<String> {
        self.existing_key.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A connection on which the reads could not be prepared, as a table was locked or missing, is replaced.
    fn unprepared(&self, error: sqlx::Error) -> DbErr {
        if error.as_database_error().and_then(|it| it.code()).as_deref() != Some(NO_SUCH_STATEMENT) {
            return self.failed(error);
        }
        self.silent.store(true, Ordering::Relaxed);
        of_connection("the connection cannot read orders")
    }

    /// A connection that dies in mid-answer may seem to have said all it had to say.
    pub(in crate::store) fn all_of(
        &self,
        outcomes: &[StatementResult],
        statements: usize,
    ) -> Result<(), DbErr> {
        if outcomes.len() == statements {
            return Ok(());
        }
        self.silent.store(true, Ordering::Relaxed);
        Err(of_connection("the answer was cut short"))
    }

    fn failed(&self, error: sqlx::Error) -> DbErr {
        *self.existing_key.lock().unwrap_or_else(PoisonError::into_inner) = existing_key(&error);
        DbErr::Query(RuntimeErr::SqlxError(error.into()))
    }

    fn count(&self) {
        if let Some(statements) = &self.statements {
            statements.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(mut link) = self.link.get_mut().take() else { return };
        if *self.silent.get_mut() {
            return link.discard();
        }
        let (is_open, is_unsettled) = (*self.open.get_mut(), *self.unsettled.get_mut());
        let loan = self.loan.take();
        let give_back = |link| {
            if let Some(loan) = loan {
                loan.give_back(link);
            }
        };
        if !is_open && !is_unsettled {
            return give_back(link);
        }

        // A reader was dropped in mid-transaction or before it had its answer, or ended its snapshot: this settles in
        // the background.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return link.discard() };
        runtime.spawn(async move {
            let settling = async { if is_open { link.command("ROLLBACK").await } else { link.ping().await } };
            match timeout(SETTLED_WITHIN, settling).await {
                Ok(Ok(())) => give_back(link),
                // SQLite's transaction was over.
                Ok(Err(sqlx::Error::Database(error)))
                    if error.message().contains("no transaction is active") =>
                {
                    give_back(link);
                }
                _ => link.discard(),
            }
        });
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Session {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        #[cfg(test)]
        hear(&statement);
        self.count();
        let mut held = self.link.lock().await;
        let sql = AssertSqlSafe(statement.sql);
        match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(statement.values)?);
                self.heard(query.execute(&mut **connection))
                    .await
                    .map(Into::into)
                    .map_err(|it| self.failed(it))
            }
            Link::Sqlite(connection) => {
                let query = sqlx::query_with(sql, arguments::<Sqlite>(statement.values)?);
                self.heard(query.execute(&mut **connection))
                    .await
                    .map(Into::into)
                    .map_err(|it| self.failed(it))
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.count();
        let mut held = self.link.lock().await;
        let sql = AssertSqlSafe(sql.to_owned());
        match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => {
                self.heard((**connection).execute(sql)).await.map(Into::into).map_err(|it| self.failed(it))
            }
            Link::Sqlite(connection) => {
                self.heard((**connection).execute(sql)).await.map(Into::into).map_err(|it| self.failed(it))
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        #[cfg(test)]
        hear(&statement);
        self.count();
        let mut held = self.link.lock().await;
        let sql = AssertSqlSafe(statement.sql);
        match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(statement.values)?);
                let row = self
                    .heard(query.fetch_optional(&mut **connection))
                    .await
                    .map_err(|it| self.failed(it))?;
                Ok(row.map(Into::into))
            }
            Link::Sqlite(connection) => {
                let query = sqlx::query_with(sql, arguments::<Sqlite>(statement.values)?);
                let row = self
                    .heard(query.fetch_optional(&mut **connection))
                    .await
                    .map_err(|it| self.failed(it))?;
                Ok(row.map(Into::into))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        #[cfg(test)]
        hear(&statement);
        self.count();
        let mut held = self.link.lock().await;
        let sql = AssertSqlSafe(statement.sql);
        match held.as_mut().ok_or_else(gone)? {
            Link::Postgres(connection) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(statement.values)?);
                let rows =
                    self.heard(query.fetch_all(&mut **connection)).await.map_err(|it| self.failed(it))?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
            Link::Sqlite(connection) => {
                let query = sqlx::query_with(sql, arguments::<Sqlite>(statement.values)?);
                let rows =
                    self.heard(query.fetch_all(&mut **connection)).await.map_err(|it| self.failed(it))?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}

#[cfg(test)]
fn hear(statement: &Statement) {
    // Nobody listens to other tasks.
    let _ = HEARD.try_with(|it| it.borrow_mut().push(statement.clone()));
}

/// Statements before and after batched reads: a transaction of their own unless one is open, and settings that make
/// PostgreSQL read by key.
fn around_reads(backend: DbBackend, in_transaction: bool) -> (Vec<String>, Vec<String>) {
    if backend == DbBackend::Sqlite {
        let (begin, end) = (BEGIN_SQLITE.to_owned(), "COMMIT".to_owned());
        return if in_transaction { (Vec::new(), Vec::new()) } else { (vec![begin], vec![end]) };
    }

    let by_key = BY_KEY.iter().map(|(setting, value)| format!("SET LOCAL {setting} = {value}"));
    if in_transaction {
        let as_usual = BY_KEY.iter().map(|(setting, _)| format!("SET LOCAL {setting} TO DEFAULT"));
        return (by_key.collect(), as_usual.collect());
    }
    ([BEGIN_POSTGRES.to_owned()].into_iter().chain(by_key).collect(), vec!["COMMIT".to_owned()])
}

/// One message for the database.
pub(in crate::store) struct Ready {
    statements: usize,
    sql: String,
    arguments: ArgumentsOf,
}

/// Result of one statement.
pub(in crate::store) struct StatementResult {
    pub(in crate::store) rows: Vec<QueryResult>,
    /// Rows it changed.
    pub(in crate::store) changed: u64,
}

/// An error of the connection, not of what was asked.
fn of_connection(what: &str) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::Protocol(what.to_owned()).into()))
}

fn gone() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the session is over".to_owned()))
}

impl Binds for Sqlite {
    fn bind(arguments: &mut Self::Arguments, value: Value) -> Result<(), sqlx::error::BoxDynError> {
        bind_scalar::<Self>(arguments, value)
    }
}

impl Binds for Postgres {
    fn bind(arguments: &mut Self::Arguments, value: Value) -> Result<(), sqlx::error::BoxDynError> {
        let Value::Array(kind, items) = value else { return bind_scalar::<Self>(arguments, value) };
        let items = items.map(|it| *it).unwrap_or_default();

        /// One array parameter; its elements may be null.
        macro_rules! array {
            ($($kind:ident)+) => {
                match kind {
                    $(ArrayType::$kind => {
                        let items: Result<Vec<_>, _> = items
                            .into_iter()
                            .map(|it| match it {
                                Value::$kind(item) => Ok(item),
                                other => Err(format!("{other:?} in an array of another kind")),
                            })
                            .collect();
                        arguments.add(items?)
                    })+
                    other => Err(format!("arrays of {other:?} are not bound").into()),
                }
            };
        }
        array!(Bool SmallInt Int BigInt Double String Bytes Uuid)
    }
}
