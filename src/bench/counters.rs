//! What PostgreSQL counts of the bench's own database: rows written, the log written ahead, and statements where it is
//! made to count those.
//!
//! SQLite counts none of it. The size of its log says nothing: a checkpoint begins it anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use super::error::BenchError;

/// How long sessions may take to end that have been asked to.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(20);

const LOG_WRITTEN: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";

/// Without those that begin and end transactions, which PostgreSQL counts once for each time they are prepared, and
/// without those by which is counted.
const STATEMENTS: &str = "SELECT queryid, sum(calls)::bigint FROM pg_stat_statements \
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL \
    AND query !~* '^\\s*(begin|start|commit|rollback)\\M' \
    AND query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_current_wal_insert_lsn%' GROUP BY queryid";

const IS_COUNTING_STATEMENTS: &str = "SELECT to_regclass('pg_stat_statements') IS NOT NULL";

/// Without the catalogue, and without the pieces that long values are cut into.
const ROWS_WRITTEN: &str =
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables";

const OTHER_SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// Counts that are exact at any moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counted {
    /// Bytes of the cluster's log since it was made; other databases' too.
    pub(super) wal_bytes: i64,
    /// How often each statement was executed; None where this is not counted.
    pub(super) statements: Option<BTreeMap<i64, i64>>,
}

/// What was counted between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spent {
    pub(super) wal_bytes: i64,
    pub(super) statements: Option<Executed>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Executed {
    pub(super) times: i64,
    /// Statements that differ by more than their values.
    pub(super) distinct: u64,
}

impl Counted {
    pub(super) fn since(&self, before: &Self) -> Spent {
        let executed = |before: &BTreeMap<i64, i64>, after: &BTreeMap<i64, i64>| {
            let rises = after.iter().map(|(id, calls)| calls - before.get(id).copied().unwrap_or(0));
            let risen: Vec<i64> = rises.filter(|it| *it > 0).collect();
            Executed { times: risen.iter().sum(), distinct: risen.len() as u64 }
        };
        Spent {
            wal_bytes: (self.wal_bytes - before.wal_bytes).max(0),
            statements: before.statements.as_ref().zip(self.statements.as_ref()).map(|(a, b)| executed(a, b)),
        }
    }
}

/// Has statements counted in this database, if the server has the library loaded and lets the bench use it.
pub(super) async fn count_statements(url: &str) -> Result<(), BenchError> {
    let mut connection = PgConnection::connect(url).await?;
    // It can be made where the library is not loaded, and then does not answer.
    let made = sqlx::raw_sql("CREATE EXTENSION pg_stat_statements").execute(&mut connection).await;
    if made.is_ok() && sqlx::query(STATEMENTS).fetch_all(&mut connection).await.is_err() {
        sqlx::raw_sql("DROP EXTENSION pg_stat_statements").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

pub(super) async fn count(url: &str) -> Result<Counted, BenchError> {
    let mut connection = PgConnection::connect(url).await?;
    let wal_bytes = sqlx::query_scalar(LOG_WRITTEN).fetch_one(&mut connection).await?;
    let statements = if sqlx::query_scalar(IS_COUNTING_STATEMENTS).fetch_one(&mut connection).await? {
        let counted: Vec<(i64, i64)> = sqlx::query_as(STATEMENTS).fetch_all(&mut connection).await?;
        Some(counted.into_iter().collect())
    } else {
        None
    };
    connection.close().await?;
    Ok(Counted { wal_bytes, statements })
}

/// Rows inserted, updated and deleted since the database was made. A session reports the last of them only when it
/// ends, so this waits until no other session is connected.
pub(super) async fn rows_written(url: &str) -> Result<i64, BenchError> {
    let mut connection = PgConnection::connect(url).await?;
    let ends = Instant::now() + GONE_WITHIN;
    while sqlx::query_scalar::<_, i64>(OTHER_SESSIONS).fetch_one(&mut connection).await? > 0 {
        if Instant::now() > ends {
            return Err(BenchError::Wrong("somebody else uses the bench's own database".to_owned()));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    let rows = sqlx::query_scalar(ROWS_WRITTEN).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_that_were_executed_between_two_moments_count() {
        let at = |wal_bytes, calls: &[(i64, i64)]| Counted {
            wal_bytes,
            statements: Some(calls.iter().copied().collect()),
        };
        let (before, after) = (at(1_000, &[(1, 5), (2, 8)]), at(1_900, &[(1, 5), (2, 10), (3, 4)]));
        let spent = after.since(&before);
        assert_eq!(spent, Spent { wal_bytes: 900, statements: Some(Executed { times: 6, distinct: 2 }) });
        let unknown = Counted { wal_bytes: 2_000, statements: None };
        assert_eq!(unknown.since(&before), Spent { wal_bytes: 1_000, statements: None });
    }
}
