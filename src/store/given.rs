//! Rows handed to a statement as parameters.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};
use uuid::Uuid;

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

/// The statement `WITH given (…) AS (…) {sql}`. Its text hardly depends on
/// how many rows there are, so that each connection keeps it prepared: on PostgreSQL `given` is one array per column;
/// on SQLite it is a VALUES list, filled up with rows of NULLs that `sql` has to pass over.
pub(in crate::store) fn with_given(
    backend: DbBackend,
    columns: &[Column],
    rows: Vec<Vec<Value>>,
    sql: &str,
) -> Statement {
    assert!(!rows.is_empty(), "a statement about no rows is not to be made");

    let names: Vec<_> = columns.iter().map(|it| format!(r#""{}""#, it.name)).collect();
    let mut text = format!("WITH given ({}) AS (", names.join(", "));
    let values = match backend {
        DbBackend::Postgres => {
            let arrays: Vec<_> = (1..).zip(columns).map(|(at, it)| format!("${at}::{}", it.array)).collect();
            text.push_str(&format!("SELECT * FROM UNNEST({})", arrays.join(", ")));
            turned(columns, rows)
        }
        _ => {
            let marks = vec!["?"; columns.len()].join(", ");
            let size = rows.len().next_power_of_two();
            text.push_str("VALUES ");
            text.push_str(&vec![format!("({marks})"); size].join(", "));

            let filling = std::iter::repeat_n(columns, size - rows.len()).flatten().map(Column::null);
            let mut values = Vec::with_capacity(size * columns.len());
            values.extend(rows.into_iter().flatten().chain(filling));
            values
        }
    };
    text.push_str(") ");
    text.push_str(sql);
    Statement::from_sql_and_values(backend, text, values)
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
