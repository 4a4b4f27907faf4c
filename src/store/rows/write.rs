//! Writing rows: for each table one statement with all rows that are new, one with all that changed, of which only
//! the columns that differ.

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, Query, ValueTuple};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, ConnectionTrait, EntityTrait, IdenStatic, IntoActiveModel,
    Iterable, ModelTrait, PrimaryKeyToColumn, QueryFilter,
};

use super::{PARAMETERS_MAX, StoreError};
use crate::store::given::{self, rows_max, with_given};

/// The rows of parts that are new, that changed, and the keys of those that are gone.
pub(super) struct Difference<E: EntityTrait> {
    new: Vec<E::Model>,
    changed: Vec<Changed<E>>,
    gone: Vec<ValueTuple>,
}

/// A row as it is stored, and as it shall be.
type Changed<E> = (<E as EntityTrait>::Model, <E as EntityTrait>::Model);

impl<E> Difference<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    pub(super) fn new() -> Self {
        Self { new: Vec::new(), changed: Vec::new(), gone: Vec::new() }
    }

    /// Compares the parts of one whole. A part that neither changed nor moved is not written.
    pub(super) fn compare<T, K>(
        &mut self,
        (before, after): (&[T], &[T]),
        key: impl Fn(&T) -> K,
        row: impl Fn(i32, &T) -> E::Model,
    ) where
        T: PartialEq,
        K: PartialEq + Into<ValueTuple>,
    {
        for (place, part) in (0_i32..).zip(after) {
            let at_place = usize::try_from(place).ok().and_then(|it| before.get(it));
            if at_place == Some(part) {
                continue;
            }
            let old = match at_place.filter(|it| key(it) == key(part)) {
                Some(old) => Some((place, old)),
                None => (0_i32..).zip(before).find(|(_, it)| key(it) == key(part)),
            };
            match old {
                Some((old_place, old)) => self.changed.push((row(old_place, old), row(place, part))),
                None => self.new.push(row(place, part)),
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

    pub(super) async fn write<C: ConnectionTrait>(self, conn: &C) -> Result<(), StoreError> {
        remove::<E, C>(conn, self.gone).await?;
        update::<E, C>(conn, None, self.changed).await?;
        insert::<E, C>(conn, self.new).await
    }

    /// Where only one row at a time may take a place: first those that leave theirs.
    pub(super) async fn write_in_turn<C: ConnectionTrait>(
        mut self,
        conn: &C,
        takes_a_place: impl Fn(&E::Model) -> bool,
    ) -> Result<(), StoreError> {
        let (taking, leaving) = self.changed.into_iter().partition(|(_, after)| takes_a_place(after));
        self.changed = taking;
        self.new.sort_by_key(takes_a_place);
        update::<E, C>(conn, None, leaving).await?;
        self.write(conn).await
    }
}

/// Adds rows that must be new.
pub(super) async fn insert<E, C>(conn: &C, rows: Vec<E::Model>) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    upsert::<E, C>(conn, rows, "").await
}

/// Adds rows; what happens to those that are there already, `conflict` says.
pub(super) async fn upsert<E, C>(conn: &C, rows: Vec<E::Model>, conflict: &str) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names = listed(&columns, "");
    let sql = format!(
        r#"INSERT INTO "{}" ({names}) SELECT {names} FROM given WHERE {} IS NOT NULL {conflict}"#,
        E::default().table_name(),
        quoted(&columns[0])
    );

    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(rows_max(columns.len())).map(|row| {
            let mut row = row.into_active_model();
            let value = |column: &E::Column| row.take(*column).into_value();
            columns.iter().map(value).map(|it| it.expect("a row that was a model has every column")).collect()
        });
        let given: Vec<_> = columns.iter().map(|it| given_as(*it)).collect();
        let backend = conn.get_database_backend();
        conn.execute_raw(with_given(backend, &given, some.collect(), &sql, Vec::new())).await?;
    }
    Ok(())
}

/// Writes rows whose stored version is still the one that was loaded, and adds those that were not stored. One row
/// that finds another version is a lost race.
pub(super) async fn save_versioned<E, C>(
    conn: &C,
    version: E::Column,
    rows: impl IntoIterator<Item = (Option<E::Model>, E::Model)>,
) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (before, after) in rows {
        match before {
            Some(before) => changed.push((before, after)),
            None => new.push(after),
        }
    }
    update::<E, C>(conn, Some(version), changed).await?;
    insert::<E, C>(conn, new).await
}

/// Writes what differs of rows that are stored; with a version, only where that is still the one before. A row that
/// is not found so is a lost race.
async fn update<E, C>(conn: &C, version: Option<E::Column>, rows: Vec<Changed<E>>) -> Result<(), StoreError>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let is_key = |column: &E::Column| E::PrimaryKey::from_column(*column).is_some();
    let differs = |it: &E::Column| rows.iter().any(|(before, after)| before.get(*it) != after.get(*it));
    let (keys, others): (Vec<_>, Vec<_>) = E::Column::iter().partition(is_key);
    let set: Vec<E::Column> = others.into_iter().filter(differs).collect();
    if set.is_empty() {
        return Ok(());
    }

    let table = E::default();
    let table = table.table_name();
    let assigned: Vec<_> = set.iter().map(|it| format!("{0} = given.{0}", quoted(it))).collect();
    let same = keys.iter().map(|it| format!(r#""{table}".{0} = given.{0}"#, quoted(it)));
    let guard = version.map(|it| format!(r#""{table}".{} = given.loaded_version"#, quoted(&it)));
    let met: Vec<_> = same.chain(guard).collect();
    let sql =
        format!(r#"UPDATE "{table}" SET {} FROM given WHERE {}"#, assigned.join(", "), met.join(" AND "));

    let mut columns: Vec<_> = keys.iter().chain(&set).map(|it| given_as(*it)).collect();
    columns.extend(version.map(|_| given::number("loaded_version")));
    for rows in rows.chunks(rows_max(columns.len())) {
        let values = rows.iter().map(|(before, after)| {
            let values = keys.iter().chain(&set).map(|it| after.get(*it));
            values.chain(version.map(|it| before.get(it))).collect()
        });
        let backend = conn.get_database_backend();
        let statement = with_given(backend, &columns, values.collect(), &sql, Vec::new());
        if conn.execute_raw(statement).await?.rows_affected() != rows.len() as u64 {
            return Err(StoreError::LostRace);
        }
    }
    Ok(())
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
pub(super) fn one_of<C: ColumnTrait>(columns: &[C], keys: Vec<ValueTuple>) -> Expr {
    let listed = Query::select().column(Asterisk).from_values(keys, "listed").to_owned();
    Expr::tuple(columns.iter().map(|it| Expr::col(it.as_column_ref()))).in_subquery(listed)
}

fn quoted<C: IdenStatic>(column: &C) -> String {
    format!(r#""{}""#, column.as_str())
}

fn listed<C: IdenStatic>(columns: &[C], before: &str) -> String {
    let names: Vec<_> = columns.iter().map(|it| format!("{before}{}", quoted(it))).collect();
    names.join(", ")
}

fn given_as<C: ColumnTrait>(column: C) -> given::Column {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => given::uuid(name),
        ColumnType::BigInteger => given::number(name),
        ColumnType::Integer => given::integer(name),
        ColumnType::Boolean => given::boolean(name),
        // All that is left, for the rows have no other columns.
        _ => given::text(name),
    }
}
