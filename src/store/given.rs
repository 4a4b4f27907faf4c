//! Rows handed to a statement as parameters.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};
use uuid::Uuid;

/// Parameters that SQLite takes in one statement; PostgreSQL takes twice as many.
pub(in crate::store) const PARAMETERS_MAX: usize = 32_766;

/// Rows of so many columns that fit into one statement, however they are filled up.
pub(in crate::store) fn rows_max(columns: usize) -> usize {
    1 << (PARAMETERS_MAX / columns.max(1)).ilog2()
}

/// A column of handed-over rows.
#[derive(Debug, Clone)]
pub(in crate::store) struct Column {
    name: &'static str,
    /// PostgreSQL's name for an array of it.
    array: &'static str,
    kind: ArrayType,
}

pub(in crate::store) const fn text(name: &'static str) -> Column {
    Column { name, array: "text[]", kind: ArrayType::String }
}

pub(in crate::store) const fn bytes(name: &'static str) -> Column {
    Column { name, array: "bytea[]", kind: ArrayType::Bytes }
}

pub(in crate::store) const fn number(name: &'static str) -> Column {
    Column { name, array: "bigint[]", kind: ArrayType::BigInt }
}

pub(in crate::store) const fn integer(name: &'static str) -> Column {
    Column { name, array: "integer[]", kind: ArrayType::Int }
}

pub(in crate::store) const fn boolean(name: &'static str) -> Column {
    Column { name, array: "boolean[]", kind: ArrayType::Bool }
}

pub(in crate::store) const fn uuid(name: &'static str) -> Column {
    Column { name, array: "uuid[]", kind: ArrayType::Uuid }
}

impl Column {
    fn null(&self) -> Value {
        match self.kind {
            ArrayType::Bytes => Value::Bytes(None),
            ArrayType::BigInt => Value::BigInt(None),
            ArrayType::Int => Value::Int(None),
            ArrayType::Bool => Value::Bool(None),
            ArrayType::Uuid => Value::Uuid(None),
            _ => Value::String(None),
        }
    }
}

/// The statement `WITH given (…) AS (…) {sql}`, its further parameters numbered from `$1`. Its text hardly depends on
/// how many rows there are, so that each connection keeps it prepared: on PostgreSQL `given` is one array per column;
/// on SQLite it is a VALUES list, filled up with rows of NULLs that `sql` has to pass over.
pub(in crate::store) fn with_given(
    backend: DbBackend,
    columns: &[Column],
    rows: Vec<Vec<Value>>,
    sql: &str,
    further: Vec<Value>,
) -> Statement {
    assert!(!rows.is_empty(), "a statement about no rows is not to be made");

    let names: Vec<_> = columns.iter().map(|it| format!(r#""{}""#, it.name)).collect();
    let mut text = format!("WITH given ({}) AS (", names.join(", "));
    let first = further.len() + 1;
    let mut values = further;
    match backend {
        DbBackend::Postgres => {
            let arrays = (first..).zip(columns).map(|(at, it)| format!("${at}::{}", it.array));
            text.push_str(&format!("SELECT * FROM UNNEST({})", arrays.collect::<Vec<_>>().join(", ")));
            values.extend(turned(columns, rows));
        }
        _ => {
            let size = filled_up(rows.len());
            text.push_str("VALUES ");
            text.push_str(&marks(first, size, columns.len()));

            let filling = std::iter::repeat_n(columns, size - rows.len()).flatten().map(Column::null);
            values.reserve(size * columns.len());
            values.extend(rows.into_iter().flatten().chain(filling));
            assert!(values.len() <= PARAMETERS_MAX, "more parameters than a statement takes");
        }
    }
    text.push_str(") ");
    text.push_str(sql);
    Statement::from_sql_and_values(backend, text, values)
}

/// A power of two, or one and a half times one: few different statements, with few rows that are there for nothing.
fn filled_up(rows: usize) -> usize {
    let size = rows.next_power_of_two();
    let less = size / 4 * 3;
    if rows <= less { less } else { size }
}

/// Rows of parameters for SQLite. Marks without a number count from 1: they will do where nothing comes before them.
fn marks(first: usize, rows: usize, columns: usize) -> String {
    if first == 1 {
        let row = format!("({})", vec!["?"; columns].join(","));
        return vec![row; rows].join(",");
    }
    let row = |from: usize| (from..from + columns).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
    let rows = (0..rows).map(|it| format!("({})", row(first + it * columns)));
    rows.collect::<Vec<_>>().join(", ")
}

fn turned(columns: &[Column], rows: Vec<Vec<Value>>) -> Vec<Value> {
    let mut turned: Vec<Vec<Value>> = columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in turned.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let arrays = columns.iter().zip(turned);
    arrays.map(|(column, values)| Value::Array(column.kind.clone(), Some(Box::new(values)))).collect()
}

/// What goes into `IN (…)` for these ids, as the first parameters of a statement: one array on PostgreSQL.
pub(in crate::store) fn listed(backend: DbBackend, ids: impl Iterator<Item = Uuid>) -> (String, Vec<Value>) {
    let values: Vec<Value> = ids.map(Value::from).collect();
    match backend {
        DbBackend::Postgres => {
            let array = Value::Array(ArrayType::Uuid, Some(Box::new(values)));
            ("SELECT UNNEST($1::uuid[])".to_owned(), vec![array])
        }
        _ => {
            let marks: Vec<_> = (1..=values.len()).map(|it| format!("${it}")).collect();
            (marks.join(", "), values)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_filled_up_to_few_sizes() {
        let sizes: Vec<_> = (1..=9).chain([12, 13, 17, 25]).map(filled_up).collect();
        assert_eq!(sizes, [1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 16, 24, 32]);
    }

    #[test]
    fn as_many_rows_as_there_may_be_fit_however_they_are_filled_up() {
        for columns in 1..=64 {
            let rows = rows_max(columns);
            assert!(filled_up(rows) * columns <= PARAMETERS_MAX, "{rows} rows of {columns}");
            assert!(rows >= 256);
        }
        let columns: Vec<_> = std::iter::repeat_n(number("it"), 16).collect();
        let rows = (1..rows_max(16)).map(|_| columns.iter().map(Column::null).collect()).collect();
        let statement = with_given(DbBackend::Sqlite, &columns, rows, "SELECT 1", Vec::new());
        assert_eq!(statement.values.map(|it| it.0.len()), Some(rows_max(16) * 16));
    }
}
