//! Questions that are asked together: the parts of whole orders by the same ids, and lookups of different things.

#[cfg(test)]
mod tests;

use sea_orm::{DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement};
use uuid::Uuid;

use crate::store::connection::bound_rows::{filled, in_list_of, one_of};
use crate::store::connection::error::StoreError;

/// Of how many orders SQLite is asked at once.
const LOT_MAX: usize = 512;

/// Which rows of a table belong to the ids; `{ids}` in `belongs` stands for being one of them.
#[derive(Debug)]
pub(in crate::store) struct Question {
    table: String,
    columns: String,
    belongs: &'static str,
    order: &'static str,
}

impl Question {
    pub(in crate::store) fn rows<E: EntityTrait>(belongs: &'static str, order: &'static str) -> Self {
        let columns: Vec<_> = E::Column::iter().map(|it| format!(r#""{}""#, it.as_str())).collect();
        let entity = E::default();
        Self { table: entity.table_name().to_owned(), columns: columns.join(", "), belongs, order }
    }

    pub(super) fn sql(&self, ids: &str) -> String {
        let Self { table, columns, belongs, order } = self;
        let belongs = belongs.replace("{ids}", ids);
        format!("SELECT {columns} FROM {table} WHERE {belongs} ORDER BY {order}")
    }

    /// Under which name a connection to PostgreSQL keeps it: there is one question per table.
    pub(super) fn name(&self) -> String {
        format!("asked_{}", self.table)
    }

    /// The question by itself.
    pub(in crate::store) fn statement(&self, backend: DbBackend, ids: &[Uuid]) -> Statement {
        let (within, values) = one_of(backend, ids.to_vec());
        Statement::from_sql_and_values(backend, self.sql(&within), values)
    }
}

/// Lots of ids that can be asked about at once.
pub(in crate::store) fn lots(backend: DbBackend, ids: &[Uuid]) -> Vec<Vec<Uuid>> {
    if backend == DbBackend::Postgres {
        return if ids.is_empty() { Vec::new() } else { vec![ids.to_vec()] };
    }
    ids.chunks(LOT_MAX).map(|it| filled(it.to_vec())).collect()
}

/// All of them for SQLite, with the ids as parameters that they share.
pub(in crate::store) fn for_sqlite(questions: &[Question], count: usize) -> Vec<String> {
    let ids = in_list_of(count);
    questions.iter().map(|it| it.sql(&ids)).collect()
}

/// All of them for a connection to PostgreSQL that keeps them.
pub(in crate::store) fn for_postgres(questions: &[Question], ids: &[Uuid]) -> Vec<String> {
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    let ids = ids.join(",");
    questions.iter().map(|it| format!("EXECUTE {}('{{{ids}}}')", it.name())).collect()
}

/// The answers, in the order of the questions.
pub(in crate::store) struct Answers(std::vec::IntoIter<Vec<QueryResult>>);

impl Answers {
    pub(in crate::store) fn new(answers: Vec<Vec<QueryResult>>) -> Self {
        Self(answers.into_iter())
    }

    /// The rows that the next question was about.
    pub(in crate::store) fn rows<E: EntityTrait>(&mut self) -> Result<Vec<E::Model>, StoreError> {
        let rows = self.0.next().ok_or_else(unanswered)?;
        rows.iter().map(|it| Ok(E::Model::from_query_result(it, "")?)).collect()
    }
}

pub(super) fn unanswered() -> StoreError {
    StoreError::Internal("a question was not answered".to_owned())
}
