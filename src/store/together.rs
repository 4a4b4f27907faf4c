//! Questions about the same ids, asked in one message and answered as of one moment.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement};
use uuid::Uuid;

use super::StoreError;

/// How many ids SQLite is asked about at once; fewer are filled up to few sizes by repeating the last, so that each
/// connection keeps the statements prepared.
const SIZES: [usize; 4] = [1, 8, 64, 512];

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

    fn sql(&self, ids: &str) -> String {
        let Self { table, columns, belongs, order } = self;
        let belongs = belongs.replace("{ids}", ids);
        format!("SELECT {columns} FROM {table} WHERE {belongs} ORDER BY {order}")
    }

    /// Under which name a connection to PostgreSQL keeps it.
    fn name(&self) -> String {
        format!("asked_{}", self.table)
    }

    /// The question by itself.
    pub(in crate::store) fn statement(&self, backend: DbBackend, ids: &[Uuid]) -> Statement {
        let values: Vec<Value> = ids.iter().map(|it| (*it).into()).collect();
        let (within, values) = match backend {
            DbBackend::Postgres => {
                ("= ANY($1)".to_owned(), vec![Value::Array(ArrayType::Uuid, Some(Box::new(values)))])
            }
            _ => (marks(values.len()), values),
        };
        Statement::from_sql_and_values(backend, self.sql(&within), values)
    }
}

/// Lots of ids that can be asked about at once.
pub(in crate::store) fn lots(backend: DbBackend, ids: &[Uuid]) -> Vec<Vec<Uuid>> {
    if backend == DbBackend::Postgres {
        return vec![ids.to_vec()];
    }
    let filled_up = |ids: &[Uuid]| {
        let size = SIZES.into_iter().find(|size| ids.len() <= *size).unwrap_or(ids.len());
        let last = ids.last().copied().into_iter();
        ids.iter().copied().chain(last.cycle()).take(size).collect()
    };
    ids.chunks(SIZES[SIZES.len() - 1]).map(filled_up).collect()
}

/// All of them for SQLite, with the ids as parameters that they share.
pub(in crate::store) fn for_sqlite(questions: &[Question], ids: usize) -> Vec<String> {
    let ids = marks(ids);
    questions.iter().map(|it| it.sql(&ids)).collect()
}

/// All of them for a connection to PostgreSQL that keeps them.
pub(in crate::store) fn for_postgres(questions: &[Question], ids: &[Uuid]) -> Vec<String> {
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    let ids = ids.join(",");
    questions.iter().map(|it| format!("EXECUTE {}('{{{ids}}}')", it.name())).collect()
}

/// Makes a connection to PostgreSQL keep them.
pub(in crate::store) fn keep_them(questions: &[Question]) -> String {
    let kept = questions.iter().map(|it| format!("PREPARE {}(uuid[]) AS {}", it.name(), it.sql("= ANY($1)")));
    kept.collect::<Vec<_>>().join("; ")
}

fn marks(ids: usize) -> String {
    let marks: Vec<_> = (1..=ids).map(|it| format!("${it}")).collect();
    format!("IN ({})", marks.join(", "))
}

/// The answers, in the order of the questions.
pub(in crate::store) struct Answers(pub(in crate::store) std::vec::IntoIter<Vec<QueryResult>>);

impl Answers {
    /// The rows that the next question was about.
    pub(in crate::store) fn rows<E: EntityTrait>(&mut self) -> Result<Vec<E::Model>, StoreError> {
        let rows = self.0.next().unwrap_or_default();
        rows.iter().map(|it| Ok(E::Model::from_query_result(it, "")?)).collect()
    }
}
