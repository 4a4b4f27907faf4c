//! Questions that are asked together: the parts of whole orders by the same ids, and lookups of different things.

use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, Iterable, QueryResult, QueryTrait,
    Select, Statement,
};
use uuid::Uuid;

use super::StoreError;
use super::given::{filled, in_list_of, one_of};
use super::session::Session;

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

    fn sql(&self, ids: &str) -> String {
        let Self { table, columns, belongs, order } = self;
        let belongs = belongs.replace("{ids}", ids);
        format!("SELECT {columns} FROM {table} WHERE {belongs} ORDER BY {order}")
    }

    /// Under which name a connection to PostgreSQL keeps it: there is one question per table.
    fn name(&self) -> String {
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

/// What makes a connection to PostgreSQL keep them.
pub(in crate::store) fn prepare_all(questions: &[Question]) -> String {
    let kept = questions.iter().map(|it| format!("PREPARE {}(uuid[]) AS {}", it.name(), it.sql("= ANY($1)")));
    kept.collect::<Vec<_>>().join("; ")
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

fn unanswered() -> StoreError {
    StoreError::Internal("a question was not answered".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            table: "holds".to_owned(),
            columns: "id".to_owned(),
            belongs: "order_id {ids}",
            order: "place",
        }
    }

    fn ids(count: u128) -> Vec<Uuid> {
        (1..=count).map(Uuid::from_u128).collect()
    }

    #[test]
    fn sqlite_is_asked_about_few_sizes_of_lots() {
        let sizes = |count| lots(DbBackend::Sqlite, &ids(count)).iter().map(Vec::len).collect::<Vec<_>>();
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(9), [12]);
        assert_eq!(sizes(513), [512, 1]);
    }

    #[test]
    fn postgres_is_asked_about_all_at_once() {
        assert_eq!(lots(DbBackend::Postgres, &ids(600)), [ids(600)]);
        assert!(lots(DbBackend::Postgres, &[]).is_empty());
    }

    #[test]
    fn a_question_reads_as_each_engine_has_it() {
        let questions = [question()];
        assert_eq!(
            for_sqlite(&questions, 2),
            ["SELECT id FROM holds WHERE order_id IN ($1, $2) ORDER BY place"]
        );
        assert_eq!(
            for_postgres(&questions, &ids(2)),
            [
                "EXECUTE asked_holds('{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}')"
            ]
        );
        assert_eq!(
            prepare_all(&questions),
            "PREPARE asked_holds(uuid[]) AS SELECT id FROM holds WHERE order_id = ANY($1) ORDER BY place"
        );
    }
}
