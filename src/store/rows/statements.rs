//! Statements about one table, made from its entity; and a group's rows for each that writes.

use std::sync::LazyLock;

use sea_orm::sea_query::Value;
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};

use crate::store::connection::statement::{Ask, Effect, FixedStatement, Kind};

/// A statement that is made when it is first needed.
pub(in crate::store) type Fixed = LazyLock<FixedStatement>;

/// Adds rows, which must be new.
pub(in crate::store) fn insert<E: EntityTrait>() -> FixedStatement {
    adding::<E>("")
}

/// Adds rows, or changes these columns of those with the same key. SQLite touches every index over a column that is set,
/// so what never changes is not.
pub(in crate::store) fn upsert<E: EntityTrait>(changing: &[E::Column]) -> FixedStatement {
    let keys = keys::<E>();
    let set: Vec<_> = changing.iter().map(quoted).map(|it| format!("{it} = excluded.{it}")).collect();
    adding::<E>(&format!("ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), set.join(", ")))
}

/// Adds rows, or their numbers to those of the rows with the same key.
pub(in crate::store) fn add_up<E: EntityTrait>() -> FixedStatement {
    let keys = keys::<E>();
    add_up_columns::<E>(E::Column::iter().map(|it| quoted(&it)).filter(|it| !keys.contains(it)))
}

/// The same for these columns; the others stay as they are.
pub(in crate::store) fn add_up_some<E: EntityTrait>(some: &[E::Column]) -> FixedStatement {
    add_up_columns::<E>(some.iter().map(quoted))
}

fn add_up_columns<E: EntityTrait>(summed: impl Iterator<Item = String>) -> FixedStatement {
    let (table, keys) = (table_of::<E>(), keys::<E>());
    let sums: Vec<_> = summed.map(|it| format!("{it} = {table}.{it} + excluded.{it}")).collect();
    let clause = format!("ON CONFLICT ({}) DO UPDATE SET {}", keys.join(", "), sums.join(", "));
    adding::<E>(&clause)
}

/// Reads every row, in the order of this column.
pub(in crate::store) fn select_all<E: EntityTrait>(order: &E::Column) -> FixedStatement {
    let sql = format!("SELECT {} FROM {} ORDER BY {}", names::<E>(), table_of::<E>(), quoted(order));
    FixedStatement::new(Effect::Read, [], sql.clone(), &sql)
}

/// Adds rows unless there are such.
pub(in crate::store) fn insert_missing<E: EntityTrait>() -> FixedStatement {
    adding::<E>("ON CONFLICT DO NOTHING")
}

fn adding<E: EntityTrait>(clause: &str) -> FixedStatement {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names = columns.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let marks: Vec<_> = (1..=columns.len()).map(|it| format!("?{it}")).collect();
    let table = table_of::<E>();
    FixedStatement::new(
        Effect::Write,
        columns.iter().map(kind).collect::<Vec<_>>(),
        format!("INSERT INTO {table} ({names}) VALUES ({}) {clause}", marks.join(", ")),
        &format!("INSERT INTO {table} ({names}) SELECT * FROM {{bound}} {clause}"),
    )
}

/// Changes all columns but `except` of rows whose version is still the one that was loaded, which comes after the
/// row's own values. One that is not found so is a lost race.
pub(in crate::store) fn update_versioned<E: EntityTrait>(
    version: &E::Column,
    except: &[E::Column],
) -> FixedStatement {
    let except: Vec<_> = except.iter().map(quoted).collect();
    let all = E::Column::iter().map(|it| quoted(&it));
    update_columns::<E>(version, &all.filter(|it| !except.contains(it)).collect::<Vec<_>>())
}

/// The same for these columns only.
pub(in crate::store) fn update_some<E: EntityTrait>(
    version: &E::Column,
    some: &[E::Column],
) -> FixedStatement {
    update_columns::<E>(version, &some.iter().map(quoted).collect::<Vec<_>>())
}

fn update_columns<E: EntityTrait>(version: &E::Column, set: &[String]) -> FixedStatement {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let (table, keys) = (table_of::<E>(), keys::<E>());
    let numbered: Vec<_> = columns.iter().map(quoted).zip(1..).collect();
    let changed = |it: &&(String, usize)| !keys.contains(&it.0) && set.contains(&it.0);
    let assigned = |mark: &str| {
        let each = numbered.iter().filter(changed).map(|(name, at)| format!("{name} = {mark}{at}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let is = |mark: &str| {
        let keys = numbered.iter().filter(|it| keys.contains(&it.0));
        let each = keys.map(|(name, at)| format!("{table}.{name} = {mark}{at}"));
        each.chain([format!("{table}.{} = {mark}{}", quoted(version), columns.len() + 1)])
            .collect::<Vec<_>>()
            .join(" AND ")
    };
    let mut kinds: Vec<_> = columns.iter().map(kind).collect();
    kinds.push(Kind::BigInt);
    FixedStatement::new(
        Effect::WriteEach,
        kinds,
        format!("UPDATE {table} SET {} WHERE {}", assigned("?"), is("?")),
        &format!("UPDATE {table} SET {} FROM {{bound}} WHERE {}", assigned("bound.c"), is("bound.c")),
    )
}

/// Removes the rows with these values in these columns. Those that are not there do not matter, unless each must be.
pub(in crate::store) fn delete<E: EntityTrait>(columns: &[E::Column], effect: Effect) -> FixedStatement {
    let table = table_of::<E>();
    let is = |mark: &str| {
        let each = columns.iter().zip(1..).map(|(it, at)| format!("{table}.{} = {mark}{at}", quoted(it)));
        each.collect::<Vec<_>>().join(" AND ")
    };
    FixedStatement::new(
        effect,
        columns.iter().map(kind).collect::<Vec<_>>(),
        format!("DELETE FROM {table} WHERE {}", is("?")),
        &format!("DELETE FROM {table} USING {{bound}} WHERE {}", is("bound.c")),
    )
}

/// Reads the rows with these values in a column, in the order of other columns.
pub(in crate::store) fn select<E: EntityTrait>(
    column: &E::Column,
    order: &[E::Column],
    locked: Locked,
) -> FixedStatement {
    let table = table_of::<E>();
    let names = names::<E>();
    let order: Vec<_> = order.iter().map(|it| format!("{table}.{}", quoted(it))).collect();
    let order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) };
    let is = format!("{table}.{}", quoted(column));
    let statement = FixedStatement::new(
        Effect::Read,
        [kind(column)],
        format!("SELECT {names} FROM {table} WHERE {is} = ?1 {order}"),
        &format!("SELECT {names} FROM {{bound}} JOIN {table} ON {is} = bound.c1 {order}"),
    );
    match locked {
        Locked::No => statement,
        Locked::Update => statement.locking(&format!("FOR UPDATE OF {table}")).together(),
    }
}

/// Reads one column of the rows with these values in another, in the order of that.
pub(in crate::store) fn select_column<E: EntityTrait>(shown: &E::Column, by: &E::Column) -> FixedStatement {
    let (table, shown, by, kind) = (table_of::<E>(), quoted(shown), quoted(by), kind(by));
    FixedStatement::new(
        Effect::Read,
        [kind],
        format!("SELECT {shown} FROM {table} WHERE {by} = ?1"),
        &format!(
            "SELECT {table}.{shown} FROM {{bound}} JOIN {table} ON {table}.{by} = bound.c1 ORDER BY {table}.{by}"
        ),
    )
}

/// Reads one column of every row, in the order of another.
pub(in crate::store) fn select_column_of_all<E: EntityTrait>(
    shown: &E::Column,
    order: &E::Column,
) -> FixedStatement {
    let sql = format!("SELECT {} FROM {} ORDER BY {}", quoted(shown), table_of::<E>(), quoted(order));
    FixedStatement::new(Effect::Read, [], sql.clone(), &sql)
}

/// Whether rows are read to be changed: then PostgreSQL locks them, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Locked {
    No,
    Update,
}

/// All columns, in their order, each with its table.
pub(in crate::store) fn names<E: EntityTrait>() -> String {
    let table = table_of::<E>();
    E::Column::iter().map(|it| format!("{table}.{}", quoted(&it))).collect::<Vec<_>>().join(", ")
}

pub(in crate::store) fn table_of<E: EntityTrait>() -> String {
    format!(r#""{}""#, E::default().table_name())
}

fn keys<E: EntityTrait>() -> Vec<String> {
    E::PrimaryKey::iter().map(|it| quoted(&it.into_column())).collect()
}

fn quoted<C: IdenStatic>(column: &C) -> String {
    format!(r#""{}""#, column.as_str())
}

fn kind<C: ColumnTrait>(column: &C) -> Kind {
    match column.def().get_column_type() {
        ColumnType::Uuid => Kind::Uuid,
        ColumnType::BigInteger => Kind::BigInt,
        ColumnType::Integer => Kind::Int,
        ColumnType::Boolean => Kind::Bool,
        ColumnType::VarBinary(_) | ColumnType::Binary(_) | ColumnType::Blob => Kind::Bytes,
        // All that is left, for the rows have no other columns.
        _ => Kind::Text,
    }
}

/// Rows to write, statement by statement, in the order in which the statements first came.
#[derive(Default)]
pub(in crate::store) struct Writes(Vec<Ask>);

impl Writes {
    /// Adds rows for a statement.
    pub(in crate::store) fn put(&mut self, statement: &'static FixedStatement, rows: Vec<Vec<Value>>) {
        if !rows.is_empty() {
            self.0.push(statement.about(rows));
        }
    }

    pub(in crate::store) fn into_asks(self) -> Vec<Ask> {
        self.0
    }
}
