//! Reads that are asked together and answered each in its own type.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryResult, QueryTrait, Select, Statement};

use crate::store::connection::batched_read::{TableRead, unanswered};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;

/// The statements that prepare the reads on a connection to PostgreSQL.
pub(in crate::store) fn prepare_all(table_reads: &[TableRead]) -> String {
    let kept =
        table_reads.iter().map(|it| format!("PREPARE {}(uuid[]) AS {}", it.name(), it.sql("= ANY($1)")));
    kept.collect::<Vec<_>>().join("; ")
}

/// A statement and how its rows are read. On SQLite its parameters are not numbered, so that it may be one of several.
pub(in crate::store) struct Lookup<T> {
    pub(in crate::store) statement: Statement,
    pub(in crate::store) read: fn(&QueryResult) -> Result<T, StoreError>,
}

impl<T> Lookup<T> {
    pub(in crate::store) fn about<E: EntityTrait>(
        backend: DbBackend,
        query: Select<E>,
        read: fn(&QueryResult) -> Result<T, StoreError>,
    ) -> Self {
        Self { statement: query.build(backend), read }
    }

    pub(in crate::store) async fn alone(self, db: &Session) -> Result<Vec<T>, StoreError> {
        db.query_all_raw(self.statement).await?.iter().map(self.read).collect()
    }

    /// Adds this lookup to others that go in the same message.
    pub(in crate::store) fn with(self, others: &mut Vec<Statement>) -> Slot<T> {
        others.push(self.statement);
        Slot { index: others.len() - 1, read: self.read }
    }
}

/// The position of a lookup's result set.
pub(in crate::store) struct Slot<T> {
    index: usize,
    read: fn(&QueryResult) -> Result<T, StoreError>,
}

impl<T> Slot<T> {
    pub(in crate::store) fn read(self, answers: &[Vec<QueryResult>]) -> Result<Vec<T>, StoreError> {
        answers.get(self.index).ok_or_else(unanswered)?.iter().map(self.read).collect()
    }
}
