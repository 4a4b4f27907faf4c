//! One connection for as long as its work takes: messages, transactions, and a count of both. What is dropped inside a
//! transaction is rolled back or thrown away.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use prometheus_client::metrics::counter::Counter;
use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::domain::Timestamp;
use crate::faults;
use crate::store::connection::error::StoreError;
use crate::store::connection::link::Link;
use crate::store::connection::postgres::Part;
use crate::store::connection::readers::Loan;
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Ask, Effect, FixedStatement, spelled};
use crate::traces;

/// How long a reader waits for an answer. PostgreSQL gives up a statement sooner: then the way there has gone dark, and
/// without word of it the client would wait for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);

/// How long a session may take to roll back before its connection is thrown away.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// A transaction whose reads all see the same moment.
const SNAPSHOT_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What time it is, in microseconds: at this moment, not when the transaction began.
static TIME: std::sync::LazyLock<FixedStatement> = std::sync::LazyLock::new(|| {
    let postgres = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
    FixedStatement::new(Effect::Read, [], "SELECT 1", postgres).each_its_own()
});

#[cfg(test)]
tokio::task_local! {
    /// What the task's sessions are asked: tests look at the plans of these very statements.
    pub(in crate::store) static HEARD: std::cell::RefCell<Vec<(String, Vec<Value>)>>;
}

pub(in crate::store) struct Session {
    link: Mutex<Option<Link>>,
    backend: DbBackend,
    /// Inside a transaction, or about to be.
    open: AtomicBool,
    messages: Option<Counter>,
    existing_key: std::sync::Mutex<Option<String>>,
    /// None: the user of the session limits the waiting itself.
    answer_within: Option<Duration>,
    /// A message is under way, or was given up.
    unsettled: AtomicBool,
    /// A reader's connection is lent; None: it ends with the session.
    loan: Option<Loan>,
}

impl Session {
    /// A session that counts in `messages`, if there is one, each message to the database.
    pub(super) fn new(link: Link, messages: Option<Counter>) -> Self {
        let backend = match link {
            Link::Postgres(_) => DbBackend::Postgres,
            Link::Sqlite(_) => DbBackend::Sqlite,
        };
        Self {
            link: Mutex::new(Some(link)),
            backend,
            open: AtomicBool::new(false),
            messages,
            existing_key: std::sync::Mutex::default(),
            answer_within: None,
            unsettled: AtomicBool::new(false),
            loan: None,
        }
    }

    /// A session with a reader's connection, that gives up a PostgreSQL that has gone silent.
    pub(super) fn for_reading(link: Link, loan: Loan) -> Self {
        let mut session = Self::new(link, None);
        session.loan = Some(loan);
        session.answer_within = (session.backend == DbBackend::Postgres).then_some(ANSWER_WITHIN);
        session
    }

    pub(in crate::store) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Gives PostgreSQL that long for each answer until the transaction ends, None: as long as it takes.
    pub(in crate::store) async fn allow_for_answers(
        &mut self,
        within: Option<Duration>,
    ) -> Result<(), StoreError> {
        if self.backend == DbBackend::Postgres {
            // Zero stands for no limit.
            let millis = within.map_or(0, |it| it.as_millis().max(1));
            self.script(&format!("SET LOCAL statement_timeout = {millis}")).await?;
            self.answer_within = within.map(|it| it + SETTLED_WITHIN);
        }
        Ok(())
    }

    /// The rows of each of these, all in one message.
    pub(in crate::store) async fn exchange(&self, asks: Vec<Ask>) -> Result<Vec<Vec<Row>>, StoreError> {
        self.message(&[], &asks, &[]).await
    }

    /// The same, all as of one moment: the message is a transaction of its own.
    pub(in crate::store) async fn exchange_at_once(
        &self,
        asks: Vec<Ask>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        self.open.store(true, Ordering::Relaxed);
        let begin = self.snapshot_begin();
        let rows = self.message(&[begin], &asks, &["COMMIT"]).await?;
        self.open.store(false, Ordering::Relaxed);
        Ok(rows)
    }

    /// Begins a transaction that may write; on SQLite it is the only one from here on. PostgreSQL says what time it is.
    /// What is asked goes along in the same message.
    pub(in crate::store) async fn begin(
        &self,
        mut asks: Vec<Ask>,
    ) -> Result<(Option<Timestamp>, Vec<Vec<Row>>), StoreError> {
        assert!(!self.open.swap(true, Ordering::Relaxed), "one transaction at a time");
        // What an earlier transaction failed of says nothing about this one.
        self.take_existing_key();
        if self.backend == DbBackend::Sqlite {
            return Ok((None, self.message(&["BEGIN IMMEDIATE"], &asks, &[]).await?));
        }
        asks.insert(0, TIME.about(vec![Vec::new()]));
        let mut rows = self.message(&["BEGIN"], &asks, &[]).await?;
        let time = time_of(&rows.remove(0))?;
        Ok((Some(time), rows))
    }

    /// Writes and commits in one message. `whose` names those who commit, for tests that make it fail here.
    pub(in crate::store) async fn commit(
        &self,
        asks: Vec<Ask>,
        whose: &[&'static str],
    ) -> Result<(), StoreError> {
        for name in whose {
            faults::at(format_args!("{name}.commit.before"))?;
        }
        let written = self.message(&[], &asks, &["COMMIT"]).await;
        // A statement that failed has made PostgreSQL take COMMIT for ROLLBACK; one that could not be sent has not.
        if written.is_ok() {
            self.open.store(false, Ordering::Relaxed);
        }
        written?;
        for name in whose {
            faults::at(format_args!("{name}.commit.after"))?;
        }
        Ok(())
    }

    /// Begins a transaction whose reads all see the same moment.
    pub(in crate::store) async fn begin_snapshot(&self) -> Result<(), StoreError> {
        assert!(!self.open.swap(true, Ordering::Relaxed), "one transaction at a time");
        self.message(&[self.snapshot_begin()], &[], &[]).await.map(|_| ())
    }

    fn snapshot_begin(&self) -> &'static str {
        match self.backend {
            DbBackend::Sqlite => "BEGIN",
            _ => SNAPSHOT_POSTGRES,
        }
    }

    /// Asks for an answer, whatever it is; PostgreSQL says what time it is.
    pub(in crate::store) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.exchange(vec![TIME.about(vec![Vec::new()])]).await?;
        match self.backend {
            DbBackend::Sqlite => Ok(None),
            _ => Ok(Some(time_of(rows.first().map(Vec::as_slice).unwrap_or_default())?)),
        }
    }

    /// Rolls back if a transaction is open. After an error the session is not to be used any more.
    pub(in crate::store) async fn rollback(&self) -> Result<(), StoreError> {
        if !self.open.load(Ordering::Relaxed) {
            return Ok(());
        }

        let late = |_| StoreError::Unavailable("no answer to ROLLBACK".to_owned());
        timeout(SETTLED_WITHIN, self.end()).await.map_err(late)??;
        self.open.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn end(&self) -> Result<(), StoreError> {
        self.count();
        let mut held = self.link.lock().await;
        end_transaction(held.as_mut().ok_or_else(gone)?).await
    }

    /// Whether the connection is known to be gone.
    pub(in crate::store) fn is_closed(&mut self) -> bool {
        self.link.get_mut().as_ref().is_none_or(Link::is_closed)
    }

    /// Throws the connection away without another word to the database.
    pub(in crate::store) fn discard(mut self) {
        drop(self.link.get_mut().take());
    }

    async fn message(
        &self,
        before: &[&str],
        asks: &[Ask],
        after: &[&str],
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        #[cfg(test)]
        asks.iter().for_each(|it| hear(it.statement.text(self.backend), &[]));
        self.count();
        let asking = async {
            let mut held = self.link.lock().await;
            match held.as_mut().ok_or_else(gone)? {
                Link::Sqlite(link) => {
                    before.iter().try_for_each(|it| link.command(it))?;
                    let rows = asks.iter().map(|it| link.ask(it)).collect::<Result<Vec<_>, _>>()?;
                    after.iter().try_for_each(|it| link.command(it))?;
                    Ok(rows)
                }
                Link::Postgres(link) => {
                    let asked = asks.iter().filter(|it| !it.rows.is_empty());
                    let parts: Vec<Part<'_>> = before
                        .iter()
                        .map(|it| Part::Command(it))
                        .chain(asked.map(Part::Ask))
                        .chain(after.iter().map(|it| Part::Command(it)))
                        .collect();
                    let mut answers = link.exchange(&parts).await?.into_iter().skip(before.len());
                    let mut rows = |it: &Ask| {
                        if it.rows.is_empty() { Vec::new() } else { answers.next().unwrap_or_default() }
                    };
                    Ok(asks.iter().map(&mut rows).collect())
                }
            }
        };
        self.heard(asking).await
    }

    /// The rows of a statement whose text was made for this once; its parameters read `$1`, ….
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        #[cfg(test)]
        hear(sql, &values);
        self.count();
        let sql = spelled(self.backend, sql);
        let asking = async {
            let mut held = self.link.lock().await;
            match held.as_mut().ok_or_else(gone)? {
                Link::Sqlite(link) => link.query(&sql, &values),
                Link::Postgres(link) => link.query(&sql, &values).await,
            }
        };
        self.heard(asking).await
    }

    pub(in crate::store) async fn query_one(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Changes rows by a statement whose text was made for this once. Gives back how many it changed.
    pub(in crate::store) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        #[cfg(test)]
        hear(sql, &values);
        self.count();
        let sql = spelled(self.backend, sql);
        let asking = async {
            let mut held = self.link.lock().await;
            match held.as_mut().ok_or_else(gone)? {
                Link::Sqlite(link) => link.execute(&sql, &values),
                Link::Postgres(link) => link.execute(&sql, &values).await,
            }
        };
        self.heard(asking).await
    }

    /// Statements without parameters, of which nothing is kept.
    pub(in crate::store) async fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.count();
        let asking = async {
            let mut held = self.link.lock().await;
            match held.as_mut().ok_or_else(gone)? {
                Link::Sqlite(link) => link.script(sql),
                Link::Postgres(link) => link.script(sql).await,
            }
        };
        self.heard(asking).await
    }

    async fn heard<T>(&self, asking: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.unsettled.store(true, Ordering::Relaxed);
        let asking = traces::statements(asking);
        let heard = match self.answer_within {
            None => asking.await,
            Some(within) => match timeout(within, asking).await {
                Ok(heard) => heard,
                // It stays unsettled, so that nobody uses the connection again.
                Err(_) => return Err(StoreError::Unavailable("the database does not answer".to_owned())),
            },
        };
        self.unsettled.store(heard.is_err(), Ordering::Relaxed);
        heard.map_err(|error| match error {
            StoreError::ExistingKey(key) => {
                *self.existing_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
                StoreError::LostRace
            }
            other => other,
        })
    }

    /// The key that the last failed statement would have used twice.
    pub(in crate::store) fn take_existing_key(&self) -> Option<String> {
        self.existing_key.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn count(&self) {
        if let Some(messages) = &self.messages {
            messages.inc();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(mut link), Some(loan)) = (self.link.get_mut().take(), self.loan.take()) else { return };
        if link.is_closed() {
            return;
        }
        if !*self.open.get_mut() && !*self.unsettled.get_mut() {
            return loan.give_back(link);
        }
        if let Link::Sqlite(_) = link {
            // Nothing of it is under way: calls are in this thread.
            if matches!(end_transaction(&mut link).now_or_never(), Some(Ok(()))) {
                loan.give_back(link);
            }
            return;
        }

        // A reader was dropped in mid-transaction or before it had its answer: this settles in the background.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Ok(Ok(())) = timeout(SETTLED_WITHIN, end_transaction(&mut link)).await {
                loan.give_back(link);
            }
        });
    }
}

/// Ends the transaction, if there is one.
async fn end_transaction(link: &mut Link) -> Result<(), StoreError> {
    match link {
        Link::Sqlite(sqlite) if !sqlite.is_in_transaction() => Ok(()),
        _ => link.command("ROLLBACK").await,
    }
}

#[cfg(test)]
fn hear(sql: &str, values: &[Value]) {
    // Nobody listens to other tasks.
    let _ = HEARD.try_with(|it| it.borrow_mut().push((sql.to_owned(), values.to_vec())));
}

fn time_of(rows: &[Row]) -> Result<Timestamp, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::Unavailable("the answer was cut short".to_owned()))?;
    Ok(Timestamp::from_unix_micros(row.get(0)?))
}

fn gone() -> StoreError {
    StoreError::Unavailable("the session is over".to_owned())
}
