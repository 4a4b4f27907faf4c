//! How a page is read: the arms of its statement, each along an index.

use std::cmp::Reverse;

use sea_orm::sea_query::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{Problems, Refusal};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row as FoundRow;
use crate::store::connection::session::Session;
use crate::store::query::condition::{Conditions, Remaining, WantedTerms, literal};
use crate::store::query::listing::{Compare, Cursor, Direction, Listing, Page, SIZE_MAX, Term};
use crate::store::query::resource::{
    ARCHIVED, Column, Field, FieldKind, Index, Is, ORDERED_BY_SIDE, Resource, Shown, Terms,
    along as index_along,
};

/// One value that pages go along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyValue {
    Id(Uuid),
    Text(String),
    Whole(i64),
}

/// A row of a page: what it is sorted by, what tells it apart, and what is shown of it.
pub(super) struct Row {
    sorted_by: Vec<KeyValue>,
    pub(super) key: Vec<KeyValue>,
    pub(super) shown: FoundRow,
}

impl Row {
    pub(super) fn id(&self) -> Uuid {
        match self.key.first() {
            Some(KeyValue::Id(id)) => *id,
            _ => Uuid::nil(),
        }
    }
}

/// A listing that was understood.
struct Plan<'a> {
    resource: &'a Resource,
    conditions: Vec<String>,
    /// Conditions of which exactly one holds for each row that is wanted; empty: there is nothing to tell apart.
    union_arms: Vec<String>,
    /// The term whose rows are gone through, one of each arm.
    led_by: Option<WantedTerms>,
    values: Vec<Value>,
    /// The parameters of the last row of the page before.
    after: Vec<String>,
    along: Vec<Column>,
    direction: Direction,
    size: u64,
    /// Tells lists apart: a cursor of one is not good for another.
    list_hash: [u8; 8],
}

pub(super) async fn page(
    db: &Session,
    resource: &Resource,
    listing: &Listing,
) -> Result<Page<Row>, StoreError> {
    let mut plan = plan(resource, &resource.spelled(listing))?;
    if let Some(cursor) = &listing.after {
        let from = plan.open(cursor)?;
        plan.start_after(from);
    }
    let mut rows = plan.run(db).await?;
    let next = plan.cut(&mut rows);
    Ok((rows, next))
}

/// Every problem of a listing is named, not only the first.
fn plan<'a>(resource: &'a Resource, listing: &Listing) -> Result<Plan<'a>, Refusal> {
    let mut problems = Problems::default();
    let mut found = Conditions::of(resource);
    for term in &listing.filter {
        if let Err(message) = found.add(resource, term) {
            problems.add("filter", message);
        }
    }
    let name = listing.order_by.as_ref().map(|(name, _)| name.as_str());
    let along = sorting(resource, name, &listing.filter).unwrap_or_else(|message| {
        problems.add("order_by", message);
        Vec::new()
    });
    problems.into_result()?;

    let direction = match &listing.order_by {
        Some((_, direction)) => *direction,
        // Names from A to Z, rows as they were made from the newest back.
        None if resource.keyed_by_time && along.first().is_none_or(|it| it.is != Is::Text) => {
            Direction::Descending
        }
        None => Direction::Ascending,
    };
    let Conditions { sql: mut conditions, values, mut left, mut wanted_terms } = found;
    let lead = resource.lead(&listing.filter, (&left, &wanted_terms), along.first());
    let led_by = matches!(lead, Lead::Terms).then(|| wanted_terms.remove(0));
    let union_arms = match lead {
        Lead::Index(index) => union_arms(index, &mut left),
        Lead::Terms | Lead::Sides => union_arms(&index_along(&[ARCHIVED]), &mut left),
        Lead::Key => Vec::new(),
    };
    conditions.extend(wanted_terms.into_iter().map(|it| it.exists));
    conditions.extend(left.iter().filter(|it| it.is_narrowed).map(Remaining::condition));
    let size = listing.size.clamp(1, SIZE_MAX);
    let list_hash = list_hash_of(resource.name, listing);
    let after = Vec::new();
    Ok(Plan { resource, conditions, union_arms, led_by, values, after, along, direction, size, list_hash })
}

/// What leads to the rows of a page.
enum Lead<'a> {
    /// An index, in an arm for each combination of words.
    Index(&'a Index),
    /// The first of the terms that are wanted.
    Terms,
    /// An index in the order that is asked for, of archived rows and of the others.
    Sides,
    /// The key, or a condition that leads to a few rows.
    Key,
}

fn sorting(resource: &Resource, name: Option<&str>, filter: &[Term]) -> Result<Vec<Column>, String> {
    let by = resource.sorts.iter().find(|(it, _)| Some(*it) == name);
    let mut along: Vec<Column> = Vec::new();
    match (name, by) {
        (Some(_), Some((_, column))) => along.push(*column),
        (Some("create_time"), None) if resource.keyed_by_time => {}
        (Some(_), None) => {
            let mut names: Vec<_> = resource.sorts.iter().map(|(it, _)| *it).collect();
            names.extend(resource.keyed_by_time.then_some("create_time"));
            return Err(format!("{} can be sorted by {}", resource.name, names.join(", ")));
        }
        (None, _) => along.extend(filter.iter().filter_map(|it| resource.own_order(it)).next()),
    }

    let rest: Vec<_> = resource.key.iter().filter(|it| !along.contains(it)).copied().collect();
    along.extend(rest);
    Ok(along)
}

impl Resource {
    /// The index that tells most of what the filter asks for, in the fewest arms, unless it leads to a few rows by itself.
    /// Terms go before words, of which each has many rows, and behind texts about a customer.
    fn lead(
        &self,
        filter: &[Term],
        (left, wanted_terms): (&[Remaining], &[WantedTerms]),
        first: Option<&Column>,
    ) -> Lead<'_> {
        let fixed = |term: &&Term| {
            let is_said = matches!(term.compare, Compare::Equal | Compare::In);
            is_said && term.texts().all(|it| !it.is_empty())
        };
        let fixed: Vec<(&Field, &Term)> =
            filter.iter().filter(fixed).filter_map(|it| Some((self.field(&it.field)?, it))).collect();
        if fixed.iter().any(|it| it.0.few) {
            return Lead::Key;
        }

        let says = |it: &&(&Field, &Term), column: &str| {
            let is_beginning = matches!(it.0.kind, FieldKind::Name) && it.1.is_beginning();
            it.0.column == column && it.1.compare == Compare::Equal && !is_beginning
        };
        let rank = |index: &Index| -> Option<(usize, Reverse<usize>)> {
            let (mut told, mut union_arms) = (0, 1);
            for column in index.columns {
                match left.iter().find(|it| it.column == *column) {
                    Some(words) => {
                        told += usize::from(words.is_narrowed);
                        union_arms *= words.words.len();
                    }
                    None if fixed.iter().any(|it| says(&it, column)) => told += 1,
                    None => return None,
                }
            }
            (told > 0).then_some((told, Reverse(union_arms)))
        };
        let ranked = self.indexes.iter().filter_map(|it| Some((self.is_about_a_customer(it), rank(it)?, it)));
        match ranked.max_by_key(|(about_a_customer, rank, _)| (*about_a_customer, *rank)) {
            Some((true, _, index)) => Lead::Index(index),
            _ if !wanted_terms.is_empty() => Lead::Terms,
            Some((false, _, index)) => Lead::Index(index),
            None if first.is_some_and(|it| ORDERED_BY_SIDE.contains(&it.name)) => Lead::Sides,
            None => Lead::Key,
        }
    }

    fn is_about_a_customer(&self, index: &Index) -> bool {
        let of_customer = |it: &Field| matches!(it.kind, FieldKind::Compared(_) | FieldKind::Name);
        index.columns.iter().filter_map(|it| self.field_of_column(it)).any(of_customer)
    }

    /// The first of the fields that are read from the column.
    fn field_of_column(&self, column: &str) -> Option<&Field> {
        self.fields.iter().find(|it| it.column == column)
    }
}

/// The words that are left of the index's columns, each combination an arm. What is said by them need not be said
/// again.
fn union_arms(index: &Index, left: &mut Vec<Remaining>) -> Vec<String> {
    let mut union_arms: Vec<String> = Vec::new();
    for column in index.columns {
        let Some(found) = left.iter().position(|it| it.column == *column) else { continue };
        let Remaining { column, words, is_narrowed: _ } = left.remove(found);
        let says = |word: &String| match index.without.map(literal) {
            Some(without) if without != *word => format!("{column} = {word} AND {column} <> {without}"),
            Some(_) | None => format!("{column} = {word}"),
        };
        let of_word: Vec<String> = words.iter().map(says).collect();
        union_arms = match (union_arms.as_slice(), of_word.as_slice()) {
            (_, []) => return vec!["1 = 0".to_owned()],
            ([], _) => of_word,
            (so_far, further) => so_far
                .iter()
                .flat_map(|one| further.iter().map(move |other| format!("{one} AND {other}")))
                .collect(),
        };
    }
    union_arms
}

pub(super) fn list_hash_of(name: &str, listing: &Listing) -> [u8; 8] {
    let Listing { filter, order_by, size: _, after: _ } = listing;
    let said: Vec<_> =
        filter.iter().map(|it| (&it.field, it.compare, it.texts().collect::<Vec<_>>())).collect();
    let digest = Sha256::digest(format!("{name} {said:?} {order_by:?}"));
    let mut list_hash = [0; 8];
    list_hash.copy_from_slice(&digest[..8]);
    list_hash
}

impl Plan<'_> {
    fn start_after(&mut self, from: Vec<KeyValue>) {
        for key in from {
            self.values.push(match key {
                KeyValue::Id(id) => id.into(),
                KeyValue::Text(text) => text.into(),
                KeyValue::Whole(number) => number.into(),
            });
            self.after.push(format!("${}", self.values.len()));
        }
    }

    /// That rows come after the page before, by these names of the columns.
    fn after(&self, name: impl Fn(&Column) -> &'static str) -> Option<String> {
        let columns: Vec<_> = self.along.iter().map(name).collect();
        let sign = match self.direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        let says = || format!("({}) {sign} ({})", columns.join(", "), self.after.join(", "));
        (!self.after.is_empty()).then(says)
    }

    /// One row more than the page has, if there is one.
    async fn run(&self, db: &Session) -> Result<Vec<Row>, StoreError> {
        let found = db.query(&self.sql(), self.values.clone()).await?;
        found.into_iter().map(|row| self.read(row)).collect()
    }

    /// The page, and what is shown of its rows beside it.
    fn sql(&self) -> String {
        let Self { resource, along, .. } = self;
        let key = |index: usize| format!("c{}", along.len() + index);
        let joined = match resource.shown {
            Shown::Document => {
                let id = key(if resource.order.is_some() { resource.key.len() } else { 0 });
                format!(
                    "shown.document, shown.id, shown.version, shown.updated_at \
                    FROM page JOIN orders AS shown ON shown.id = page.{id}"
                )
            }
            Shown::Row(columns) => {
                let table = resource.from;
                let keys = resource.key.iter().enumerate();
                let keys: Vec<_> =
                    keys.map(|(index, it)| format!("{table}.{} = page.{}", it.name, key(index))).collect();
                format!("{} FROM page JOIN {table} ON {}", columns(), keys.join(" AND "))
            }
            Shown::Reservation => format!(
                "own.document, orders.document FROM page JOIN reservations AS own ON own.id = page.{} \
                LEFT JOIN orders ON orders.id = own.order_id",
                key(0)
            ),
        };
        let columns = along.len() + resource.key.len();
        let columns: Vec<_> = (0..columns).map(|it| format!("page.c{it}")).collect();
        format!(
            "WITH page AS ({}) SELECT {}, {joined} ORDER BY {}",
            self.page_sql(),
            columns.join(", "),
            self.order("page.")
        )
    }

    fn order(&self, table: &str) -> String {
        let direction = match self.direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        let order: Vec<_> =
            (0..self.along.len()).map(|index| format!("{table}c{index} {direction}")).collect();
        order.join(", ")
    }

    /// The name of a column in an arm: a key is found through the term that leads to it.
    fn name_of(&self, column: &Column) -> &'static str {
        let is_found = self.led_by.is_some() && self.resource.key.contains(column);
        if is_found { "found.found_key" } else { column.name }
    }

    fn page_sql(&self) -> String {
        let Self { resource, along, size, .. } = self;
        let names = along.iter().chain(resource.key).map(|it| self.name_of(it)).chain(resource.order);
        let columns: Vec<_> = names.enumerate().map(|(index, it)| format!("{it} AS c{index}")).collect();
        let page = format!("ORDER BY {} LIMIT {}", self.order(""), size + 1);
        let arm = |it: &String| format!("SELECT {} FROM {it}", columns.join(", "));
        let arms = self.arms();
        match arms.as_slice() {
            [] => format!("SELECT {} FROM {} WHERE 1 = 0 {page}", columns.join(", "), resource.from),
            [only] => format!("{} {page}", arm(only)),
            // Each arm ends by itself, so that none is read further than the page can reach. A row may have several of
            // the terms.
            arms => {
                let union = if self.led_by.is_some() { " UNION " } else { " UNION ALL " };
                let arms = arms.iter().enumerate();
                let arms = arms.map(|(index, it)| format!("SELECT * FROM ({} {page}) AS a{index}", arm(it)));
                format!("{} {page}", arms.collect::<Vec<_>>().join(union))
            }
        }
    }

    /// What each arm reads from, and under which conditions.
    fn arms(&self) -> Vec<String> {
        let from = self.resource.from;
        let arm = |arm: Option<&String>| {
            let after = self.after(|it| it.name);
            let filter: Vec<&str> =
                after.iter().chain(&self.conditions).chain(arm).map(String::as_str).collect();
            if filter.is_empty() { from.to_owned() } else { format!("{from} WHERE {}", filter.join(" AND ")) }
        };
        let (Some(led_by), Some(terms)) = (&self.led_by, self.resource.terms) else {
            return match self.union_arms.as_slice() {
                [] => vec![arm(None)],
                arms => arms.iter().map(|it| arm(Some(it))).collect(),
            };
        };

        let Terms { table, key: _, listed } = terms;
        let sides: Vec<String> = match self.union_arms.as_slice() {
            [] => vec![String::new()],
            sides => sides.iter().map(|it| format!(" AND {it}")).collect(),
        };
        let own: Vec<_> =
            self.resource.key.iter().map(|it| format!("{from}.{} = found.found_key", it.name)).collect();
        let is_by_key = self.along.iter().all(|it| self.resource.key.contains(it));
        let after = self.after(|it| self.name_of(it));
        let rest: String = self.conditions.iter().map(|it| format!(" AND {it}")).collect();
        let of_mark = |mark: &String| {
            let found = format!(
                "SELECT {listed} AS found_key FROM {table} WHERE field = '{}' AND term = {mark}",
                led_by.field
            );
            // The term first: SQLite keeps to the order of a CROSS JOIN.
            let arm = |side: &String| {
                let found = format!("({found}{side}) AS found");
                if rest.is_empty() && is_by_key {
                    return after.as_ref().map_or(found.clone(), |it| format!("{found} WHERE {it}"));
                }
                let after = self.after(|it| self.name_of(it)).into_iter().chain(self.after(|it| it.name));
                let after: String = after.map(|it| format!(" AND {it}")).collect();
                format!("{found} CROSS JOIN {from} WHERE {}{side}{rest}{after}", own.join(" AND "))
            };
            sides.iter().map(arm).collect::<Vec<_>>()
        };
        led_by.marks.iter().flat_map(of_mark).collect()
    }

    fn read(&self, row: FoundRow) -> Result<Row, StoreError> {
        let key = |(index, column): (usize, &Column)| -> Result<KeyValue, StoreError> {
            Ok(match column.is {
                Is::Id => KeyValue::Id(row.get(index)?),
                Is::Text => KeyValue::Text(row.get(index)?),
                Is::Whole => KeyValue::Whole(row.get(index)?),
            })
        };
        let mut keys = self.along.iter().chain(self.resource.key).enumerate().map(key);
        let sorted_by = keys.by_ref().take(self.along.len()).collect::<Result<Vec<_>, _>>()?;
        let key = keys.collect::<Result<Vec<_>, _>>()?;
        let shown = row.after(sorted_by.len() + key.len());
        Ok(Row { sorted_by, key, shown })
    }

    /// Cuts what is too much for the page off; if something is, there is a next one.
    fn cut(&self, rows: &mut Vec<Row>) -> Option<Cursor> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return None;
        }

        rows.truncate(size);
        let last = rows.last()?;
        let mut bytes = self.list_hash.to_vec();
        for key in &last.sorted_by {
            match key {
                KeyValue::Id(id) => bytes.extend(id.as_bytes()),
                KeyValue::Whole(number) => bytes.extend(number.to_be_bytes()),
                KeyValue::Text(text) => {
                    bytes.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
        Some(Cursor(bytes))
    }

    fn open(&self, cursor: &Cursor) -> Result<Vec<KeyValue>, Refusal> {
        let refused =
            || Refusal::invalid("page_token", "is not from this list, with this filter and order_by");
        let mut rest = cursor.0.strip_prefix(&self.list_hash[..]).ok_or_else(refused)?;
        let mut keys = Vec::new();
        for column in &self.along {
            let read = |bytes: &mut &[u8], length: usize| -> Option<Vec<u8>> {
                let (taken, left) = bytes.split_at_checked(length)?;
                *bytes = left;
                Some(taken.to_vec())
            };
            let key = match column.is {
                Is::Id => read(&mut rest, 16).and_then(|it| Uuid::from_slice(&it).ok()).map(KeyValue::Id),
                Is::Whole => read(&mut rest, 8)
                    .and_then(|it| it.try_into().ok())
                    .map(|it| KeyValue::Whole(i64::from_be_bytes(it))),
                Is::Text => read(&mut rest, 2)
                    .and_then(|it| it.try_into().ok())
                    .and_then(|it| read(&mut rest, usize::from(u16::from_be_bytes(it))))
                    .and_then(|it| String::from_utf8(it).ok())
                    .filter(|it| !it.chars().any(char::is_control))
                    .map(KeyValue::Text),
            };
            keys.push(key.ok_or_else(refused)?);
        }
        if rest.is_empty() { Ok(keys) } else { Err(refused()) }
    }
}
