//! Rows, and how orders, stock and the rest are laid out in them. Every function here works on a whole group:
//! the number of its statements does not depend on the number of orders. No rule of the business is decided
//! here.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::sea_query::{
    Alias, ArrayType, Asterisk, CaseStatement, Expr, ExprTrait, Func, InsertStatement, OnConflict, Query,
    ValueTuple,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, Condition, ConnectionTrait, DbBackend, EntityTrait,
    IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Value,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::StoreError;

/// Declares one table: a module with its entity, whose `Model` is the row. The key comes first.
macro_rules! table {
    ($name:literal as $module:ident ($($key:ident: $key_type:ty),+) { $($column:ident: $type:ty,)+ }) => {
        pub(super) mod $module {
            use super::*;
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub(in crate::store::rows) struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)] pub(in crate::store::rows) $key: $key_type,)+
                $(pub(in crate::store::rows) $column: $type,)+
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub(in crate::store::rows) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

mod approval;
mod archive;
mod catalogue;
mod event;
mod invoice;
mod job;
mod message;
mod order;
mod payment;
mod reservation;
mod shipment;
mod stock;

#[cfg(test)]
pub(in crate::store) mod tests;

pub(in crate::store) use archive::load_archived;
pub(in crate::store) use catalogue::{
    courier_ratings, load_couriers, load_locations, load_products, save_couriers, save_locations,
    save_products,
};
pub(in crate::store) use event::append_events;
pub(in crate::store) use job::{complete_jobs, leases, save_jobs};
pub(in crate::store) use order::{
    awaited, awaited_before, external_references, fingerprints, load_orders, save_orders,
};
pub(in crate::store) use payment::bank_references;
pub(in crate::store) use reservation::{load_reservations, overdue, save_reservations};
pub(in crate::store) use stock::{
    append_movements, load_levels, load_replenishments, open_replenishments, save_levels, save_replenishments,
};

/// Whether rows are read to be changed: then they are locked, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lock {
    No,
    Update,
}

/// Something as it was loaded (None: it is new) and as it shall be from now on.
#[derive(Debug)]
pub(in crate::store) struct Saved<'a, T> {
    pub(in crate::store) before: Option<&'a T>,
    pub(in crate::store) after: &'a T,
}

impl<T> Clone for Saved<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Saved<'_, T> {}

impl<'a, T> Saved<'a, T> {
    /// The parts of it, before and after.
    fn parts<P>(&self, of: impl Fn(&'a T) -> &'a [P]) -> (&'a [P], &'a [P]) {
        (self.before.map_or(&[], &of), of(self.after))
    }
}

/// The most bind parameters that one statement gets: SQLite takes 32,766, PostgreSQL 65,535.
const PARAMETERS_MAX: usize = 30_000;

/// How many values an IN list has. A list is filled up by repeating its last value, so that few different
/// statements exist and each connection keeps them prepared.
const LIST_SIZES: [usize; 5] = [1, 8, 64, 512, 4_096];

fn list<K: Clone>(keys: &[K]) -> Vec<K> {
    let size = LIST_SIZES.iter().copied().find(|size| keys.len() <= *size).unwrap_or(keys.len());
    let mut list = keys.to_vec();
    if let Some(last) = keys.last() {
        list.resize(size, last.clone());
    }
    list
}

/// Keys sorted, each once: the one order in which rows are read and locked.
fn sorted<K: Ord + Clone>(keys: &[K]) -> Vec<K> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The rows whose `column` has one of the keys, ordered by `order`.
async fn find<E, K, C>(
    conn: &C,
    column: E::Column,
    keys: &[K],
    order: &[E::Column],
    lock: Lock,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    K: Ord + Clone + Into<Value>,
    C: ConnectionTrait,
{
    let mut found = Vec::new();
    for keys in sorted(keys).chunks(PARAMETERS_MAX) {
        let mut query = E::find().filter(column.is_in(list(keys)));
        for column in order {
            query = query.order_by_asc(*column);
        }
        if lock == Lock::Update {
            query = query.lock_exclusive();
        }

        let rows = query.all(conn).await?;
        if found.is_empty() {
            found = rows;
        } else {
            found.extend(rows);
        }
    }
    Ok(found)
}

/// Parts by the whole they belong to, in the order given.
fn gather<W: Eq + Hash, P>(
    parts: impl IntoIterator<Item = Result<(W, P), StoreError>>,
) -> Result<HashMap<W, Vec<P>>, StoreError> {
    let mut gathered: HashMap<W, Vec<P>> = HashMap::new();
    for part in parts {
        let (whole, part) = part?;
        gathered.entry(whole).or_default().push(part);
    }
    Ok(gathered)
}

fn take<W: Eq + Hash, P>(gathered: &mut HashMap<W, Vec<P>>, whole: &W) -> Vec<P> {
    gathered.remove(whole).unwrap_or_default()
}

/// The table with the rows of parts that changed, and the keys of those that are gone.
struct Difference<E: EntityTrait> {
    put: Vec<E::Model>,
    gone: Vec<ValueTuple>,
}

impl<E> Difference<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    fn new() -> Self {
        Self { put: Vec::new(), gone: Vec::new() }
    }

    /// Compares the parts of one whole. A part that neither changed nor moved is not written.
    fn compare<T, K>(
        &mut self,
        (before, after): (&[T], &[T]),
        key: impl Fn(&T) -> K,
        row: impl Fn(i32, &T) -> E::Model,
    ) where
        T: PartialEq,
        K: PartialEq + Into<ValueTuple>,
    {
        for (place, part) in (0_i32..).zip(after) {
            let stands = usize::try_from(place).ok().and_then(|place| before.get(place)) == Some(part);
            if !stands {
                self.put.push(row(place, part));
            }
        }

        let same_place = before.iter().zip(after).take_while(|(old, new)| key(old) == key(new)).count();
        for part in before.iter().skip(same_place) {
            let key_before = key(part);
            if !after.iter().any(|it| key(it) == key_before) {
                self.gone.push(key_before.into());
            }
        }
    }

    async fn write<C: ConnectionTrait>(self, conn: &C) -> Result<(), StoreError> {
        remove::<E, C>(conn, self.gone).await?;
        put::<E, C>(conn, self.put).await
    }
}

/// Adds rows that must be new.
async fn insert<E, C>(conn: &C, rows: Vec<E::Model>) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    write::<E, C>(conn, rows, None).await.map(|_| ())
}

/// Writes rows over those of the same key, or adds them.
async fn put<E, C>(conn: &C, rows: Vec<E::Model>) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    write::<E, C>(conn, rows, Some(replace::<E>())).await.map(|_| ())
}

/// Writes rows over those of the same key whose version is still the one that was loaded; each row comes with
/// that version, 0 for a new one. One row that finds another version is a lost race.
async fn put_versioned<E, C>(
    conn: &C,
    version: E::Column,
    rows: Vec<(i64, E::Model)>,
) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    // As a rule the row is one version younger than what was loaded. Several decisions of one group on the
    // same thing make it more; those are named one by one.
    let next = Expr::col((Alias::new("excluded"), version)).sub(1_i64);
    let mut loaded: Option<CaseStatement> = None;
    for (before, row) in &rows {
        if row.get(version) != Value::from(before + 1) {
            let cases = loaded.take().unwrap_or_default();
            loaded = Some(cases.case(is_row::<E>(row), *before));
        }
    }
    let loaded = match loaded {
        Some(cases) => cases.finally(next).into(),
        None => next,
    };

    let mut conflict = replace::<E>();
    conflict.action_and_where(version.into_expr().eq(loaded));
    let rows: Vec<E::Model> = rows.into_iter().map(|(_, row)| row).collect();
    let (count, written) = (rows.len(), write::<E, C>(conn, rows, Some(conflict)).await?);
    if written == count as u64 { Ok(()) } else { Err(StoreError::LostRace) }
}

fn is_row<E: EntityTrait>(row: &E::Model) -> Condition {
    E::PrimaryKey::iter().fold(Condition::all(), |condition, key| {
        let column = key.into_column();
        condition.add(column.eq(row.get(column)))
    })
}

/// On a key that is there already, every other column takes the new value.
fn replace<E: EntityTrait>() -> OnConflict {
    let is_key = |column: &E::Column| E::PrimaryKey::from_column(*column).is_some();
    let mut conflict = OnConflict::columns(E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column));
    conflict.update_columns(E::Column::iter().filter(|it| !is_key(it)));
    conflict
}

async fn write<E, C>(conn: &C, rows: Vec<E::Model>, conflict: Option<OnConflict>) -> Result<u64, StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let rows_max = match conn.get_database_backend() {
        DbBackend::Postgres => rows.len(),
        _ => PARAMETERS_MAX / E::Column::iter().count(),
    };
    let mut written = 0;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let rows = rows.by_ref().take(rows_max).map(IntoActiveModel::into_active_model);
        let mut insert = match conn.get_database_backend() {
            DbBackend::Postgres => insert_arrays::<E>(rows),
            _ => E::insert_many(rows).into_query(),
        };
        if let Some(conflict) = &conflict {
            insert.on_conflict(conflict.clone());
        }
        written += conn.execute(&insert).await?.rows_affected();
    }
    Ok(written)
}

/// On PostgreSQL each column goes as one array: the statement is the same however many rows there are, so
/// that it is prepared once.
fn insert_arrays<E: EntityTrait>(rows: impl Iterator<Item = E::ActiveModel>) -> InsertStatement {
    let mut columns: Vec<(E::Column, Vec<Value>)> = E::Column::iter().map(|it| (it, Vec::new())).collect();
    for mut row in rows {
        for (column, values) in &mut columns {
            values.extend(row.take(*column).into_value());
        }
    }

    let mut arrays = Query::select();
    for (column, values) in columns {
        let (kind, name) = array_of(column.def().get_column_type());
        let array = Expr::val(Value::Array(kind, Some(Box::new(values)))).cast_as(name);
        arrays.expr(Func::cust("unnest").arg(array));
    }
    let mut insert = Query::insert();
    insert.into_table(E::default().table_ref()).columns(E::Column::iter());
    insert.select_from(arrays).expect("one array per column");
    insert
}

fn array_of(column: &ColumnType) -> (ArrayType, &'static str) {
    match column {
        ColumnType::Uuid => (ArrayType::Uuid, "uuid[]"),
        ColumnType::BigInteger => (ArrayType::BigInt, "bigint[]"),
        ColumnType::Integer => (ArrayType::Int, "integer[]"),
        ColumnType::Boolean => (ArrayType::Bool, "boolean[]"),
        // All that is left, for the rows have no other columns.
        _ => (ArrayType::String, "text[]"),
    }
}

/// Removes the rows with these keys; those that are not there do not matter.
async fn remove<E, C>(conn: &C, keys: Vec<ValueTuple>) -> Result<(), StoreError>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let columns = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect::<Vec<_>>();
    for keys in keys.chunks(PARAMETERS_MAX / columns.len()) {
        E::delete_many().filter(one_of(&columns, keys.to_vec())).exec(conn).await?;
    }
    Ok(())
}

/// `(a, b) IN ((1, 2), (3, 4))`, in the form that both engines understand.
fn one_of<C: ColumnTrait>(columns: &[C], keys: Vec<ValueTuple>) -> Expr {
    let listed = Query::select().column(Asterisk).from_values(keys, "listed").to_owned();
    Expr::tuple(columns.iter().map(|it| Expr::col(it.as_column_ref()))).in_subquery(listed)
}

/// A number that a column keeps wider than its type.
fn narrow<T: TryFrom<i64>>(table: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt { table, detail: format!("{value} is out of range") })
}

fn to_json<T: Serialize>(table: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}

fn from_json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|it| StoreError::Corrupt { table, detail: it.to_string() })
}
