//! Writing rows: what differs is collected table by table, and goes to the database together.

use futures_util::future::join;
use sea_orm::sea_query::{Value, ValueTuple};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ColumnType, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable,
    ModelTrait, PrimaryKeyToColumn, Statement,
};

use crate::store::connection::bound_rows::{self as given, rows_max, with_arrays, with_rows};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::{Ready, Session};

/// Writes in the order in which they came. Collecting them sends nothing to the database.
#[derive(Default)]
pub(in crate::store) struct Writes(Vec<Write>);

/// One statement about the rows of one table.
pub(in crate::store) struct Write {
    table: String,
    kind: WriteKind,
    columns: Vec<given::Column>,
    rows: Vec<Vec<Value>>,
    /// The statement about the rows, which it knows as `bound`.
    sql: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum WriteKind {
    /// Of rows that are new.
    Add,
    /// Of rows that are there, or may be.
    Change,
    /// The same, and every given row must find its own: one that does not is a lost race.
    ChangeEach,
}

impl Writes {
    /// Adds a statement about rows of a table, which `sql` knows as `bound`.
    pub(in crate::store) fn put(
        &mut self,
        table: &str,
        kind: WriteKind,
        columns: impl Into<Vec<given::Column>>,
        rows: Vec<Vec<Value>>,
        sql: impl Into<String>,
    ) {
        let (columns, sql) = (columns.into(), sql.into());
        if rows.is_empty() {
            return;
        }
        // The order in which rows are added means nothing.
        if kind == WriteKind::Add
            && let Some(same) = self.0.iter_mut().find(|it| it.kind == WriteKind::Add && it.sql == sql)
        {
            return same.rows.extend(rows);
        }
        self.0.push(Write { table: table.to_owned(), kind, columns, rows, sql });
    }

    /// Writes it all in few messages: on PostgreSQL each is a way to another process and back, on SQLite to another
    /// thread.
    pub(in crate::store) async fn send(self, db: &Session) -> Result<(), StoreError> {
        // What is there makes room for what is new, but for what it may point to itself from now on.
        let (added, changed): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|it| it.kind == WriteKind::Add);
        let (first, added): (Vec<_>, Vec<_>) =
            added.into_iter().partition(|it| POINTED_TO.contains(&it.table.as_str()));
        let (parts, make_ready): (Vec<_>, MakeReady) = match db.backend() {
            // Rows that are added may point to each other: all at once.
            DbBackend::Postgres => {
                let parts = [first].into_iter().chain(rounds(changed)).chain([added]);
                (parts.filter(|it| !it.is_empty()).collect(), as_one)
            }
            _ => {
                let changed = batches(changed, CHANGED_TOGETHER);
                let added = batches(added, ADDED_TOGETHER);
                (batches(first, &[]).into_iter().chain(changed).chain(added).collect(), in_a_row)
            }
        };

        let mut parts = parts.into_iter();
        let mut next = parts.next().map(|it| make_ready(db, it));
        while let Some(batch) = next {
            // The next is made ready while the database is at work.
            let making_ready = async { parts.next().map(|it| make_ready(db, it)) };
            let (sent, following) = join(batch?.send(db), making_ready).await;
            sent?;
            next = following;
        }
        Ok(())
    }
}

/// Tables to whose new rows others are made to point. None of their rows waits for another one to make room.
const POINTED_TO: [&str; 3] = ["products", "locations", "couriers"];

/// Tables of which rows are added, or changed, together, about as many in each: statements about them in one message
/// are of few kinds, so that a connection keeps them prepared.
const ADDED_TOGETHER: &[&[&str]] = &[
    &[
        "orders",
        "order_lines",
        "reservations",
        "reservation_items",
        "invoice_numbers",
        "invoices",
        "invoice_lines",
    ],
    &["shipments", "shipment_items"],
];

const CHANGED_TOGETHER: &[&[&str]] = &[&["reservations", "invoices", "payments"]];

/// Groups writes into messages, each at the position of its first part: added rows of the others point to that one's.
fn batches(writes: Vec<Write>, together: &[&[&str]]) -> Vec<Vec<Write>> {
    let mut batches: Vec<(Option<usize>, Vec<Write>)> = Vec::new();
    for write in writes {
        let fits = write.rows.len() <= rows_max(write.columns.len());
        let with = together.iter().position(|it| fits && it.contains(&write.table.as_str()));
        match batches.iter_mut().find(|(it, _)| with.is_some() && *it == with) {
            Some((_, batch)) => batch.push(write),
            None => batches.push((with, vec![write])),
        }
    }
    batches.into_iter().map(|it| it.1).collect()
}

/// Statements that are sent in one message.
struct StatementBatch {
    ready: Ready,
    expected: Expected,
}

type MakeReady = fn(&Session, Vec<Write>) -> Result<StatementBatch, StoreError>;

/// How many rows the statements are expected to find.
enum Expected {
    /// By each of the statements, None: that does not matter.
    Each(Vec<Option<u64>>),
    /// As the statement's own row counts them.
    Counted(Vec<u64>),
}

impl StatementBatch {
    async fn send(self, db: &Session) -> Result<(), StoreError> {
        let outcomes = db.run(self.ready).await?;
        let is_as_expected = match self.expected {
            Expected::Each(each) => {
                assert_eq!(each.len(), outcomes.len(), "every statement is answered");
                each.iter()
                    .zip(&outcomes)
                    .all(|(expected, it)| expected.is_none_or(|rows| rows == it.changed))
            }
            Expected::Counted(counted) => {
                let row = outcomes.first().and_then(|it| it.rows.first());
                let count = |index| row.map(|it| it.try_get_by_index::<i64>(index)).transpose();
                let found = (0..counted.len()).map(count).collect::<Result<Vec<_>, _>>()?;
                counted.iter().zip(found).all(|(expected, it)| i64::try_from(*expected).ok() == it)
            }
        };
        if is_as_expected { Ok(()) } else { Err(StoreError::LostRace) }
    }
}

/// The statements one after the other, as many of each as it takes.
fn in_a_row(db: &Session, writes: Vec<Write>) -> Result<StatementBatch, StoreError> {
    let (mut statements, mut each) = (Vec::new(), Vec::new());
    for Write { table: _, kind, columns, rows, sql } in writes {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<_> = rows.by_ref().take(rows_max(columns.len())).collect();
            each.push((kind == WriteKind::ChangeEach).then_some(some.len() as u64));
            statements.push(with_rows(db.backend(), &columns, some, &sql));
        }
    }
    Ok(StatementBatch { ready: db.ready(statements)?, expected: Expected::Each(each) })
}

/// Statements that may be one: none sees what another one does, so those about one table follow each other.
fn rounds(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut rounds: Vec<Vec<Write>> = Vec::new();
    for write in writes {
        let last = rounds.iter().rposition(|round| round.iter().any(|it| it.table == write.table));
        match rounds.get_mut(last.map_or(0, |it| it + 1)) {
            Some(round) => round.push(write),
            None => rounds.push(vec![write]),
        }
    }
    rounds
}

/// One statement of them all.
fn as_one(db: &Session, writes: Vec<Write>) -> Result<StatementBatch, StoreError> {
    let (mut parts, mut counts, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut counted = Vec::new();
    for (index, write) in writes.into_iter().enumerate() {
        let Write { table: _, kind, columns, rows, sql } = write;
        if kind == WriteKind::ChangeEach {
            counts.push(format!("(SELECT COUNT(*) FROM w{index})"));
            counted.push(rows.len() as u64);
        }
        let statement = with_arrays(&columns, rows, &format!("{sql} RETURNING 1"), values);
        parts.push(format!("w{index} AS ({})", statement.sql));
        values = statement.values.map(|it| it.0).unwrap_or_default();
    }
    let counts = if counts.is_empty() { "1".to_owned() } else { counts.join(", ") };
    let sql = format!("WITH {} SELECT {counts}", parts.join(", "));
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    Ok(StatementBatch { ready: db.ready(vec![statement])?, expected: Expected::Counted(counted) })
}

/// The rows of parts that are new, that changed, and the keys of those that are gone.
pub(super) struct Difference<E: EntityTrait> {
    new: Vec<E::Model>,
    changed: Vec<Changed<E>>,
    gone: Vec<ValueTuple>,
}

/// A row as stored, and as it is to be.
pub(super) type Changed<E> = (<E as EntityTrait>::Model, <E as EntityTrait>::Model);

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
        for (index, part) in (0_i32..).zip(after) {
            let at_index = usize::try_from(index).ok().and_then(|it| before.get(it));
            if at_index == Some(part) {
                continue;
            }
            let old = match at_index.filter(|it| key(it) == key(part)) {
                Some(old) => Some((index, old)),
                None => (0_i32..).zip(before).find(|(_, it)| key(it) == key(part)),
            };
            match old {
                Some((old_index, old)) => self.changed.push((row(old_index, old), row(index, part))),
                None => self.new.push(row(index, part)),
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

    pub(super) fn write(self, writes: &mut Writes) {
        remove::<E>(writes, self.gone);
        update::<E>(writes, None, self.changed);
        insert::<E>(writes, self.new);
    }

    /// For tables with a unique index over open rows: first the rows that leave it, then those that enter.
    pub(super) fn write_in_turn(mut self, writes: &mut Writes, takes_a_place: impl Fn(&E::Model) -> bool) {
        let (taking, leaving) = self.changed.into_iter().partition(|(_, after)| takes_a_place(after));
        self.changed = taking;
        self.new.sort_by_key(takes_a_place);
        update::<E>(writes, None, leaving);
        self.write(writes);
    }
}

/// Adds rows that must be new.
pub(super) fn insert<E>(writes: &mut Writes, rows: Vec<E::Model>)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    upsert::<E>(writes, rows, "");
}

/// Adds rows; what happens to those that are there already, `conflict` says.
pub(super) fn upsert<E>(writes: &mut Writes, rows: Vec<E::Model>, conflict: &str)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let names = listed(&columns);
    let table = E::default();
    let table = table.table_name();
    let sql = format!(
        r#"INSERT INTO "{table}" ({names}) SELECT {names} FROM bound WHERE {} IS NOT NULL {conflict}"#,
        quoted(&columns[0])
    );

    let rows = rows.into_iter().map(|row| {
        let mut row = row.into_active_model();
        let value = |column: &E::Column| row.take(*column).into_value();
        columns.iter().map(value).map(|it| it.expect("a row that was a model has every column")).collect()
    });
    writes.put(table, WriteKind::Add, bound_columns(&columns), rows.collect(), sql);
}

/// Writes rows whose stored version is still the one that was loaded, and adds those that were not stored. One row
/// that finds another version is a lost race.
pub(super) fn save_versioned<E>(
    writes: &mut Writes,
    version: E::Column,
    rows: impl IntoIterator<Item = (Option<E::Model>, E::Model)>,
) where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (before, after) in rows {
        match before {
            Some(before) => changed.push((before, after)),
            None => new.push(after),
        }
    }
    update::<E>(writes, Some(version), changed);
    insert::<E>(writes, new);
}

/// Writes what differs of rows that are stored; with a version, only where that is still the one before. A row that
/// is not found so is a lost race.
fn update<E: EntityTrait>(writes: &mut Writes, version: Option<E::Column>, rows: Vec<Changed<E>>) {
    let is_key = |column: &E::Column| E::PrimaryKey::from_column(*column).is_some();
    let differs = |it: &E::Column| rows.iter().any(|(before, after)| before.get(*it) != after.get(*it));
    let (keys, others): (Vec<_>, Vec<_>) = E::Column::iter().partition(is_key);
    let set: Vec<E::Column> = others.into_iter().filter(differs).collect();
    if set.is_empty() {
        return;
    }

    let table = E::default();
    let table = table.table_name();
    let assigned: Vec<_> = set.iter().map(|it| format!("{0} = bound.{0}", quoted(it))).collect();
    let same = keys.iter().map(|it| format!(r#""{table}".{0} = bound.{0}"#, quoted(it)));
    let guard = version.map(|it| format!(r#""{table}".{} = bound.loaded_version"#, quoted(&it)));
    let met: Vec<_> = same.chain(guard).collect();
    let sql =
        format!(r#"UPDATE "{table}" SET {} FROM bound WHERE {}"#, assigned.join(", "), met.join(" AND "));

    let mut columns: Vec<_> = keys.iter().chain(&set).map(|it| bound_column(*it)).collect();
    columns.extend(version.map(|_| given::number("loaded_version")));
    let values = rows.iter().map(|(before, after)| {
        let values = keys.iter().chain(&set).map(|it| after.get(*it));
        values.chain(version.map(|it| before.get(it))).collect()
    });
    writes.put(table, WriteKind::ChangeEach, columns, values.collect(), sql);
}

/// Removes the rows with these keys; those that are not there do not matter.
pub(super) fn remove<E: EntityTrait>(writes: &mut Writes, keys: Vec<ValueTuple>) {
    let columns: Vec<_> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect();
    writes.put(
        E::default().table_name(),
        WriteKind::Change,
        bound_columns(&columns),
        values(keys),
        delete::<E>(&columns),
    );
}

/// Removes the rows with these values in these columns, each of which must be there.
pub(super) fn remove_each<E: EntityTrait>(writes: &mut Writes, columns: &[E::Column], keys: Vec<ValueTuple>) {
    writes.put(
        E::default().table_name(),
        WriteKind::ChangeEach,
        bound_columns(columns),
        values(keys),
        delete::<E>(columns),
    );
}

fn delete<E: EntityTrait>(columns: &[E::Column]) -> String {
    let names = listed(columns);
    format!(r#"DELETE FROM "{}" WHERE ({names}) IN (SELECT {names} FROM bound)"#, E::default().table_name())
}

fn values(keys: Vec<ValueTuple>) -> Vec<Vec<Value>> {
    keys.into_iter().map(|it| it.into_iter().collect()).collect()
}

fn quoted<C: IdenStatic>(column: &C) -> String {
    format!(r#""{}""#, column.as_str())
}

fn listed<C: IdenStatic>(columns: &[C]) -> String {
    columns.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

fn bound_columns<C: ColumnTrait>(columns: &[C]) -> Vec<given::Column> {
    columns.iter().map(|it| bound_column(*it)).collect()
}

fn bound_column<C: ColumnTrait>(column: C) -> given::Column {
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
