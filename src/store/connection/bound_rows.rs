//! Rows and lists of keys, bound to a statement as parameters.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};
use uuid::Uuid;

/// Parameters that SQLite takes in one statement; PostgreSQL takes twice as many.
const PARAMETERS_MAX: usize = 32_766;

/// Keys that one statement is asked for: a size that lists are padded to, with parameters left for its other
/// conditions.
pub(in crate::store) const KEYS_MAX: usize = 24_576;

/// How many rows of so many columns fit into one statement, padding included.
pub(in crate::store) fn rows_max(columns: usize) -> usize {
    1 << (PARAMETERS_MAX / columns.max(1)).ilog2()
}

/// A column of bound rows.
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

/// The statement `WITH bound (…) AS (…) {sql}`. Its text depends little on the number of rows, so that each connection
/// keeps it prepared: on PostgreSQL `bound` is one array per column; on SQLite it is a VALUES list, padded with rows of
/// NULLs that `sql` has to skip. Its parameters are not numbered, so that it may be one of several in a message.
pub(in crate::store) fn with_rows(
    backend: DbBackend,
    columns: &[Column],
    rows: Vec<Vec<Value>>,
    sql: &str,
) -> Statement {
    assert!(!rows.is_empty(), "a statement about no rows is not to be made");
    if backend == DbBackend::Postgres {
        return with_arrays(columns, rows, sql, Vec::new());
    }

    let size = size_for(rows.len());
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let text = format!("{}VALUES {}) {sql}", head_of(columns), vec![row; size].join(","));

    let filling = size - rows.len();
    let mut values = Vec::with_capacity(size * columns.len());
    rows.into_iter().for_each(|row| values.extend(row));
    (0..filling).for_each(|_| values.extend(columns.iter().map(Column::null)));
    assert!(values.len() <= PARAMETERS_MAX, "more parameters than a statement takes");
    Statement::from_sql_and_values(backend, text, values)
}

/// The same for PostgreSQL, where the arrays come after `others`, the parameters before them.
pub(in crate::store) fn with_arrays(
    columns: &[Column],
    rows: Vec<Vec<Value>>,
    sql: &str,
    others: Vec<Value>,
) -> Statement {
    let arrays = (others.len() + 1..).zip(columns).map(|(at, it)| format!("${at}::{}", it.array));
    let arrays = arrays.collect::<Vec<_>>().join(", ");
    let text = format!("{}SELECT * FROM UNNEST({arrays})) {sql}", head_of(columns));

    let mut values = others;
    values.extend(transposed(columns, rows));
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}

fn head_of(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|it| it.name).collect();
    format!(r#"WITH bound ("{}") AS ("#, names.join(r#"", ""#))
}

/// A power of two, or one and a half times one: few different statements, with little padding.
fn size_for(rows: usize) -> usize {
    let size = rows.next_power_of_two();
    let less = size / 4 * 3;
    if rows <= less { less } else { size }
}

/// Keys padded by repeating the last, so that lists come in few sizes.
pub(in crate::store) fn padded<K: Clone>(mut keys: Vec<K>) -> Vec<K> {
    if let Some(last) = keys.last().cloned() {
        keys.resize(size_for(keys.len()), last);
    }
    keys
}

fn transposed(columns: &[Column], rows: Vec<Vec<Value>>) -> Vec<Value> {
    let mut transposed: Vec<Vec<Value>> = columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in transposed.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let arrays = columns.iter().zip(transposed);
    arrays.map(|(column, values)| Value::Array(column.kind.clone(), Some(Box::new(values)))).collect()
}

/// The condition for these ids, as the first parameters of a statement: one array on PostgreSQL, on SQLite a list.
pub(in crate::store) fn one_of(backend: DbBackend, ids: Vec<Uuid>) -> (String, Vec<Value>) {
    let values = |ids: Vec<Uuid>| ids.into_iter().map(Value::from).collect::<Vec<_>>();
    match backend {
        DbBackend::Postgres => {
            let array = Value::Array(ArrayType::Uuid, Some(Box::new(values(ids))));
            ("= ANY($1)".to_owned(), vec![array])
        }
        _ => {
            let ids = padded(ids);
            (in_list_of(ids.len()), values(ids))
        }
    }
}

pub(in crate::store) fn in_list_of(count: usize) -> String {
    let marks: Vec<_> = (1..=count).map(|it| format!("${it}")).collect();
    format!("IN ({})", marks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_filled_up_to_few_sizes() {
        let sizes: Vec<_> = (1..=9).chain([12, 13, 17, 25]).map(size_for).collect();
        assert_eq!(sizes, [1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 16, 24, 32]);
        assert_eq!(padded(vec![1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5]);
        assert!(padded(Vec::<i64>::new()).is_empty());
        assert_eq!(size_for(KEYS_MAX), KEYS_MAX);
        const { assert!(KEYS_MAX < PARAMETERS_MAX) };
    }

    #[test]
    fn as_many_rows_as_there_may_be_fit_however_they_are_filled_up() {
        for columns in 1..=64 {
            let rows = rows_max(columns);
            assert!(size_for(rows) * columns <= PARAMETERS_MAX, "{rows} rows of {columns}");
            assert!(rows >= 256);
        }
        let columns: Vec<_> = std::iter::repeat_n(number("it"), 16).collect();
        let rows = (1..rows_max(16)).map(|_| columns.iter().map(Column::null).collect()).collect();
        let statement = with_rows(DbBackend::Sqlite, &columns, rows, "SELECT 1");
        assert_eq!(statement.values.map(|it| it.0.len()), Some(rows_max(16) * 16));
    }
}
