//! Reads that are asked together and answered each in its own type.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryResult, QueryTrait, Select, Statement};

use crate::store::connection::batched_read::{Question, unanswered};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;

/// What makes a connection to PostgreSQL keep them.
pub(in crate::store) fn prepare_all(questions: &[Question]) -> String {
    let kept = questions.iter().map(|it| format!("PREPARE {}(uuid[]) AS {}", it.name(), it.sql("= ANY($1)")));
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

    /// Joins others that are asked in the same message.
    pub(in crate::store) fn with(self, others: &mut Vec<Statement>) -> Place<T> {
        others.push(self.statement);
        Place { place: others.len() - 1, read: self.read }
    }
}

/// Where among the answers a lookup's is.
pub(in crate::store) struct Place<T> {
    place: usize,
    read: fn(&QueryResult) -> Result<T, StoreError>,
}

impl<T> Place<T> {
    pub(in crate::store) fn read(self, answers: &[Vec<QueryResult>]) -> Result<Vec<T>, StoreError> {
        answers.get(self.place).ok_or_else(unanswered)?.iter().map(self.read).collect()
    }
}
