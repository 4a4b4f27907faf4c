//! Rows handed to a statement as parameters.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};
use uuid::Uuid;

/// A column of handed-over rows.
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

/// The statement `WITH given (…) AS (…) {sql}`, its further parameters numbered from `$1`. On PostgreSQL `given`
/// is one array per column, so that the text, and with it the prepared statement, does not depend on how many rows
/// there are; on SQLite it is a VALUES list.
pub(in crate::store) fn with_given(
    backend: DbBackend,
    columns: &[Column],
    rows: Vec<Vec<Value>>,
    sql: &str,
    further: Vec<Value>,
) -> Statement {
    assert!(!rows.is_empty(), "a statement about no rows is not to be made");
    let names: Vec<_> = columns.iter().map(|it| it.name).collect();
    let mut values = further;

    let source = match backend {
        DbBackend::Postgres => {
            let first = values.len() + 1;
            let arrays: Vec<_> =
                columns.iter().enumerate().map(|(at, it)| format!("${}::{}", first + at, it.array)).collect();
            values.extend(turned(columns, rows));
            format!("SELECT * FROM UNNEST({})", arrays.join(", "))
        }
        _ => {
            let mut lists = Vec::with_capacity(rows.len());
            for row in rows {
                let marks: Vec<_> = (1..=row.len()).map(|at| format!("${}", values.len() + at)).collect();
                lists.push(format!("({})", marks.join(", ")));
                values.extend(row);
            }
            format!("VALUES {}", lists.join(", "))
        }
    };
    let sql = format!("WITH given ({}) AS ({source}) {sql}", names.join(", "));
    Statement::from_sql_and_values(backend, sql, values)
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
