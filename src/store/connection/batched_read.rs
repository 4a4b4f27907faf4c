//! Batched reads: the parts of whole orders by the same ids, and lookups of different things in one message.

#[cfg(test)]
mod tests;

use sea_orm::{DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement};
use uuid::Uuid;

use crate::store::connection::bound_rows::{in_list_of, one_of, padded};
use crate::store::connection::error::StoreError;

/// How many orders SQLite reads at once.
const CHUNK_MAX: usize = 512;

/// A read of the rows of one table that belong to the ids; `{ids}` in `belongs` stands for "is one of them".
#[derive(Debug)]
pub(in crate::store) struct TableRead {
    table: String,
    columns: String,
    belongs: &'static str,
    order: &'static str,
}

impl TableRead {
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

    /// Name of the prepared statement on PostgreSQL: there is one per table.
    pub(super) fn name(&self) -> String {
        format!("asked_{}", self.table)
    }

    /// The read as a statement of its own.
    pub(in crate::store) fn statement(&self, backend: DbBackend, ids: &[Uuid]) -> Statement {
        let (within, values) = one_of(backend, ids.to_vec());
        Statement::from_sql_and_values(backend, self.sql(&within), values)
    }
}

/// The ids in chunks that can be read at once.
pub(in crate::store) fn chunks(backend: DbBackend, ids: &[Uuid]) -> Vec<Vec<Uuid>> {
    if backend == DbBackend::Postgres {
        return if ids.is_empty() { Vec::new() } else { vec![ids.to_vec()] };
    }
    ids.chunks(CHUNK_MAX).map(|it| padded(it.to_vec())).collect()
}

/// All reads for SQLite, with the ids as shared parameters.
pub(in crate::store) fn for_sqlite(table_reads: &[TableRead], count: usize) -> Vec<String> {
    let ids = in_list_of(count);
    table_reads.iter().map(|it| it.sql(&ids)).collect()
}

/// All reads for a connection to PostgreSQL that has them prepared.
pub(in crate::store) fn for_postgres(table_reads: &[TableRead], ids: &[Uuid]) -> Vec<String> {
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    let ids = ids.join(",");
    table_reads.iter().map(|it| format!("EXECUTE {}('{{{ids}}}')", it.name())).collect()
}

/// The result sets, in the order of the reads.
pub(in crate::store) struct ResultSets(std::vec::IntoIter<Vec<QueryResult>>);

impl ResultSets {
    pub(in crate::store) fn new(answers: Vec<Vec<QueryResult>>) -> Self {
        Self(answers.into_iter())
    }

    /// The rows of the next read.
    pub(in crate::store) fn rows<E: EntityTrait>(&mut self) -> Result<Vec<E::Model>, StoreError> {
        let rows = self.0.next().ok_or_else(unanswered)?;
        rows.iter().map(|it| Ok(E::Model::from_query_result(it, "")?)).collect()
    }
}

pub(super) fn unanswered() -> StoreError {
    StoreError::Internal("a question was not answered".to_owned())
}
