//! A connection to PostgreSQL: all statements of a message are sent before the first answer is awaited, and the task
//! that asks is the one that reads the socket, so that no other has to wake.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{BoxFuture, FutureExt};
use hashlink::LruCache;
use prometheus_client::metrics::counter::Counter;
use sea_orm::sea_query::Value;
use tokio_postgres::config::Host;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error};

use crate::store::connection::error::StoreError;
use crate::store::connection::hosts::{self, NoHost};
use crate::store::connection::row::Row;
use crate::store::connection::statement::{Ask, Effect, Kind};
use crate::store::connection::tls::Tls;

/// Prepared statements that a connection keeps, each with its plan: about 0.1 MB in the server's process. All that a lane
/// prepares at its start fit, so that none is prepared again inside a group.
pub(in crate::store) const STATEMENTS_KEPT: usize = 320;

type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

pub(super) struct PostgresLink {
    client: Client,
    /// Reads and writes the socket, while somebody asks.
    connection: BoxFuture<'static, Result<(), Error>>,
    statements: LruCache<String, tokio_postgres::Statement>,
    /// Statements that were prepared.
    prepared: Counter,
}

/// Hosts with their ports, and the database.
fn address_of(hosts: &[Config]) -> String {
    let places: Vec<_> = hosts.iter().map(place_of).collect();
    // PostgreSQL's own rule: a database is named as its user unless said otherwise.
    let database = hosts.first().and_then(|it| it.get_dbname().or(it.get_user())).unwrap_or_default();
    format!("{}, database {database}", places.join(" or "))
}

/// The only host, with its port.
fn place_of(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) if name.contains(':') => format!("[{name}]:{port}"),
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => format!("{}, port {port}", folder.display()),
        None => config.get_hostaddrs().first().map(|it| format!("{it}, port {port}")).unwrap_or_default(),
    }
}

/// PostgreSQL's own words, or those of who did not get as far as that.
fn words_of(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        None => in_full(error),
    }
}

/// An error with all that is behind it.
fn in_full(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    match error.source().map(in_full) {
        Some(cause) if !text.contains(&cause) => format!("{text}: {cause}"),
        _ => text,
    }
}

/// One part of a message.
pub(super) enum Part<'a> {
    /// A command without parameters or rows.
    Command(&'a str),
    Ask(&'a Ask),
}

impl PostgresLink {
    /// Counts in `prepared` what it prepares.
    pub(super) async fn connect(hosts: &[Config], tls: &Tls, prepared: Counter) -> Result<Self, StoreError> {
        let (_, (client, connection)) = hosts::connect(hosts, tls).await?;
        Ok(Self { client, connection, statements: LruCache::new(STATEMENTS_KEPT), prepared })
    }

    /// The same, with an error for whoever reads why a program did not start: where, and in PostgreSQL's own words.
    pub(super) async fn connect_at_start(hosts: &[Config], tls: &Tls) -> Result<Self, StoreError> {
        let (_, (client, connection)) = hosts::connect(hosts, tls).await.map_err(|none| {
            let why = match none {
                NoHost::Refused(error) => words_of(&error),
                NoHost::Silent { within, refused: None } => {
                    format!("no answer within {} s", within.as_secs())
                }
                NoHost::Silent { within, refused: Some(error) } => {
                    format!(
                        "no answer from one within {} s, and from another: {}",
                        within.as_secs(),
                        words_of(&error)
                    )
                }
            };
            StoreError::CannotConnect { address: address_of(hosts), why }
        })?;
        let statements = LruCache::new(STATEMENTS_KEPT);
        Ok(Self { client, connection, statements, prepared: Counter::default() })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(driven(&mut self.connection, self.client.batch_execute(sql)).await?)
    }

    /// The rows of each part, in its place. After one that fails the server does not do the rest.
    pub(super) async fn exchange(&mut self, parts: &[Part<'_>]) -> Result<Vec<Vec<Row>>, StoreError> {
        let texts = parts.iter().filter_map(|it| match it {
            Part::Ask(ask) => Some(text_for(ask)),
            Part::Command(_) => None,
        });
        self.prepare_all(texts.collect()).await?;

        let mut ready = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Command(sql) => ready.push(Ready::Command(sql)),
                Part::Ask(ask) => self.make_ready(ask, &mut ready)?,
            }
        }
        let client = &self.client;
        let asked = ready.iter().map(|it| it.send(client)).collect();
        let mut answers = driven(&mut self.connection, in_a_row(asked)).await.into_iter();
        let mut rows = Vec::with_capacity(parts.len());
        for part in parts {
            let mut found = Vec::new();
            for answer in answers.by_ref().take(messages_for(part)) {
                let answer = answer.map_err(|it| self.failed(it))?;
                if let Part::Ask(ask) = part
                    && ask.statement.effect == Effect::Read
                {
                    found.extend(answer.iter().map(read).collect::<Result<Vec<_>, _>>()?);
                }
            }
            rows.push(found);
        }
        Ok(rows)
    }

    fn make_ready(&mut self, ask: &Ask, ready: &mut Vec<Ready<'_>>) -> Result<(), StoreError> {
        let known = self.statements.get(text_for(ask)).cloned();
        let known = known.ok_or_else(|| StoreError::Internal("a statement was not prepared".to_owned()))?;
        if !goes_one_by_one(ask) {
            ready.push(Ready::Ask(known, arrays(ask)?));
            return Ok(());
        }
        for row in &ask.rows {
            let columns = ask.statement.one_columns.iter().filter_map(|it| row.get(*it));
            ready.push(Ready::Ask(known.clone(), scalars(columns)?));
        }
        Ok(())
    }

    /// A statement that was made for this once.
    pub(super) async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql, values).await?;
        let parameters = scalars(values)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
        let rows = driven(&mut self.connection, self.client.query(&statement, &parameters)).await;
        rows.map_err(|it| self.failed(it))?.iter().map(read).collect()
    }

    pub(super) async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql, values).await?;
        let parameters = scalars(values)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
        let done = driven(&mut self.connection, self.client.execute(&statement, &parameters)).await;
        done.map_err(|it| self.failed(it))
    }

    async fn prepared(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<tokio_postgres::Statement, StoreError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let types = values.iter().map(type_of).collect::<Result<Vec<_>, _>>()?;
        let statement = driven(&mut self.connection, self.client.prepare_typed(sql, &types)).await?;
        self.prepared.inc();
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// A server that does not know a prepared statement, or whose tables give other columns to it by now, will not do
    /// so later: then all of them are prepared anew when they are next needed.
    fn failed(&mut self, error: Error) -> StoreError {
        let stale = error
            .as_db_error()
            .is_some_and(|it| it.code().code() == "26000" || it.routine() == Some("RevalidateCachedQuery"));
        if stale {
            self.statements.clear();
            return StoreError::Unavailable("its prepared statements are out of date".to_owned());
        }
        error.into()
    }

    /// Prepares what is missing, all in one message.
    pub(super) async fn prepare_all(&mut self, texts: Vec<&str>) -> Result<(), StoreError> {
        let mut missing: Vec<&str> =
            texts.into_iter().filter(|it| self.statements.get(*it).is_none()).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let preparing = missing.iter().map(|it| self.client.prepare(it).boxed()).collect();
        let prepared = driven(&mut self.connection, in_a_row(preparing)).await;
        for (sql, statement) in missing.into_iter().zip(prepared) {
            self.statements.insert(sql.to_owned(), statement?);
            self.prepared.inc();
        }
        Ok(())
    }
}

fn goes_one_by_one(ask: &Ask) -> bool {
    ask.rows.len() <= ask.statement.one_by_one_max
}

fn text_for(ask: &Ask) -> &str {
    if goes_one_by_one(ask) { &ask.statement.postgres_one } else { &ask.statement.postgres }
}

/// How many statements a part is.
fn messages_for(part: &Part<'_>) -> usize {
    match part {
        Part::Ask(ask) if goes_one_by_one(ask) => ask.rows.len(),
        Part::Ask(_) | Part::Command(_) => 1,
    }
}

/// A part of a message with all that it takes.
enum Ready<'a> {
    Command(&'a str),
    Ask(tokio_postgres::Statement, Parameters),
}

impl Ready<'_> {
    fn send<'s>(&'s self, client: &'s Client) -> BoxFuture<'s, Result<Vec<tokio_postgres::Row>, Error>> {
        match self {
            Ready::Command(sql) => client.batch_execute(sql).map(|it| it.map(|()| Vec::new())).boxed(),
            Ready::Ask(statement, parameters) => async move {
                let parameters: Vec<&(dyn ToSql + Sync)> =
                    parameters.iter().map(|it| &**it as &(dyn ToSql + Sync)).collect();
                client.query(statement, &parameters).await
            }
            .boxed(),
        }
    }
}

/// Waits for work on a connection that nobody else reads.
async fn driven<T>(
    connection: &mut BoxFuture<'static, Result<(), Error>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|cx| {
        // First what is asked goes to the connection, then the connection to the socket, then its answers back.
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if Pin::new(&mut *connection).poll(cx).is_ready() {
            // It is over, but what waits for it hears that only when it is gone.
            *connection = std::future::pending().boxed();
        }
        work.as_mut().poll(cx)
    })
    .await
}

/// All of these, begun in their order.
async fn in_a_row<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut all = true;
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(it) => *done = Some(it),
                    Poll::Pending => all = false,
                }
            }
        }
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// The rows turned: an array for each column.
fn arrays(ask: &Ask) -> Result<Parameters, StoreError> {
    let Ask { statement, rows } = ask;
    let mut parameters: Parameters = Vec::with_capacity(statement.columns.len() + 1);
    for (index, kind) in statement.columns.iter().enumerate() {
        let column = rows.iter().map(|it| it.get(index));
        /// The column as an array of one type; its elements may be null.
        macro_rules! array {
            ($variant:ident) => {
                Box::new(
                    column
                        .map(|it| match it {
                            Some(Value::$variant(it)) => Ok(it.clone()),
                            other => Err(mismatch(other, *kind)),
                        })
                        .collect::<Result<Vec<_>, _>>()?,
                )
            };
        }
        parameters.push(match kind {
            Kind::Bool => array!(Bool),
            Kind::Int => array!(Int),
            Kind::BigInt => array!(BigInt),
            Kind::Text => array!(String),
            Kind::Bytes => array!(Bytes),
            Kind::Uuid => array!(Uuid),
        });
    }
    if statement.effect == Effect::WriteEach {
        parameters.push(Box::new(rows.len() as i64));
    }
    Ok(parameters)
}

fn mismatch(value: Option<&Value>, kind: Kind) -> StoreError {
    StoreError::Internal(format!(
        "a parameter is {:?} where {kind:?} is needed",
        value.map(std::mem::discriminant)
    ))
}

fn scalars<'v>(values: impl IntoIterator<Item = &'v Value>) -> Result<Parameters, StoreError> {
    let scalar = |value: &Value| -> Result<Box<dyn ToSql + Sync + Send>, StoreError> {
        Ok(match value {
            Value::Bool(it) => Box::new(*it),
            Value::Int(it) => Box::new(*it),
            Value::BigInt(it) => Box::new(*it),
            Value::String(it) => Box::new(it.clone()),
            Value::Bytes(it) => Box::new(it.clone()),
            Value::Uuid(it) => Box::new(*it),
            other => return Err(unbound(other)),
        })
    };
    values.into_iter().map(scalar).collect()
}

fn type_of(value: &Value) -> Result<Type, StoreError> {
    Ok(match value {
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT4,
        Value::BigInt(_) => Type::INT8,
        Value::String(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
        Value::Uuid(_) => Type::UUID,
        other => return Err(unbound(other)),
    })
}

fn unbound(value: &Value) -> StoreError {
    StoreError::Internal(format!("values like {:?} are not bound", std::mem::discriminant(value)))
}

fn read(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let value = |index: usize| -> Result<Value, StoreError> {
        let kind = row.columns()[index].type_();
        Ok(match *kind {
            Type::BOOL => Value::Bool(row.try_get(index)?),
            Type::INT4 => Value::Int(row.try_get(index)?),
            Type::INT8 => Value::BigInt(row.try_get(index)?),
            Type::TEXT | Type::VARCHAR | Type::NAME => Value::String(row.try_get(index)?),
            Type::BYTEA => Value::Bytes(row.try_get(index)?),
            Type::UUID => Value::Uuid(row.try_get(index)?),
            Type::VOID => Value::String(None),
            _ => return Err(StoreError::Internal(format!("columns of type {kind} are not read"))),
        })
    };
    Ok(Row((0..row.len()).map(value).collect::<Result<Vec<_>, _>>()?))
}
