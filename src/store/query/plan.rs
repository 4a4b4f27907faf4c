//! How a page is read: the arms of its statement, each along an index.

use std::cmp::Reverse;

use sea_orm::sea_query::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{Invalid, Problems, Refusal, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row as FoundRow;
use crate::store::connection::session::Session;
use crate::store::query::listing::{Compare, Cursor, Direction, Listing, Page, SIZE_MAX, Term};
use crate::store::query::resources::{Column, Field, FieldKind, Index, Is, Resource, Shown, TRUTH};

/// How much of a wrong word is repeated to the caller, in characters.
const VALUE_SHOWN: usize = 60;

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
    values: Vec<Value>,
    along: Vec<Column>,
    direction: Direction,
    size: u64,
    /// Tells lists apart: a cursor of one is not good for another.
    list_hash: [u8; 8],
}

/// The words of a closed set that a filter leaves.
struct Remaining {
    column: &'static str,
    words: Vec<&'static str>,
    is_narrowed: bool,
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
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut left = resource.words();
    for term in &listing.filter {
        match condition(resource, term, &mut values, &mut left) {
            Ok(condition) => conditions.extend(condition),
            Err(message) => problems.add("filter", message),
        }
    }

    let own_direction = if resource.keyed_by_time { Direction::Descending } else { Direction::Ascending };
    let (name, direction) = match &listing.order_by {
        Some((name, direction)) => (Some(name.as_str()), *direction),
        None => (None, own_direction),
    };
    let along = sorting(resource, name, &listing.filter).unwrap_or_else(|message| {
        problems.add("order_by", message);
        Vec::new()
    });

    problems.into_result()?;
    let union_arms = match resource.index_for(&listing.filter, &left) {
        Some(index) => union_arms(index, &mut left),
        None => Vec::new(),
    };
    conditions.extend(left.iter().filter(|it| it.is_narrowed).map(Remaining::condition));
    let size = listing.size.clamp(1, SIZE_MAX);
    let list_hash = list_hash_of(resource.name, listing);
    Ok(Plan { resource, conditions, union_arms, values, along, direction, size, list_hash })
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
    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|it| it.name == name)
    }

    /// The listing with each word as rows have it: `invoiced` and `ORDER_STATE_INVOICED` are `INVOICED`. What is no word
    /// stays, to be refused by name.
    fn spelled(&self, listing: &Listing) -> Listing {
        let mut listing = listing.clone();
        for term in &mut listing.filter {
            if let Some(Field { kind: FieldKind::Word(prefix, all), .. }) = self.field(&term.field) {
                let capitals = term.value.to_ascii_uppercase();
                let word = capitals.strip_prefix(prefix).unwrap_or(&capitals);
                if all().contains(&word) {
                    term.value = word.to_owned();
                }
            }
        }
        listing
    }

    fn own_order(&self, term: &Term) -> Option<Column> {
        let field = self.field(&term.field)?;
        let is_found_by = term.compare == Compare::Equal || matches!(field.kind, FieldKind::Whole);
        field.sorted_by.filter(|_| is_found_by)
    }

    /// The closed sets among the fields, with all their words.
    fn words(&self) -> Vec<Remaining> {
        let words = |field: &Field| match field.kind {
            FieldKind::Word(_, all) => {
                Some(Remaining { column: field.column, words: all(), is_narrowed: false })
            }
            FieldKind::Text
            | FieldKind::Beginning
            | FieldKind::Keyed(_)
            | FieldKind::Whole
            | FieldKind::Flag
            | FieldKind::Time
            | FieldKind::Created
            | FieldKind::Id(_) => None,
        };
        self.fields.iter().filter_map(words).collect()
    }

    /// The index that tells most of what the filter asks for, in the fewest arms; none where the filter leads to a few
    /// rows by itself.
    fn index_for(&self, filter: &[Term], left: &[Remaining]) -> Option<&Index> {
        let fixed = |term: &&Term| term.compare == Compare::Equal && !term.value.is_empty();
        let fixed: Vec<&Field> = filter.iter().filter(fixed).filter_map(|it| self.field(&it.field)).collect();
        // Rows without a flag are no few.
        let is_unset = |it: &Field| {
            let says = |term: &Term| term.field == it.name && term.value == "false";
            matches!(it.kind, FieldKind::Flag) && filter.iter().any(says)
        };
        if fixed.iter().any(|it| it.few && !is_unset(it)) {
            return None;
        }

        let rank = |index: &Index| -> Option<(usize, Reverse<usize>)> {
            let (mut told, mut union_arms) = (0, 1);
            for column in index.columns {
                match left.iter().find(|it| it.column == *column) {
                    Some(words) => {
                        told += usize::from(words.is_narrowed);
                        union_arms *= words.words.len();
                    }
                    None if fixed.iter().any(|it| it.column == *column) => told += 1,
                    None => return None,
                }
            }
            (told > 0).then_some((told, Reverse(union_arms)))
        };
        let ranked = self.indexes.iter().filter_map(|it| Some((rank(it)?, it)));
        ranked.max_by_key(|(rank, _)| *rank).map(|(_, it)| it)
    }
}

/// The words that are left of the index's columns, each combination an arm. What is said by them need not be said
/// again.
fn union_arms(index: &Index, left: &mut Vec<Remaining>) -> Vec<String> {
    let mut union_arms: Vec<String> = Vec::new();
    for column in index.columns {
        let Some(found) = left.iter().position(|it| it.column == *column) else { continue };
        let Remaining { column, words, is_narrowed: _ } = left.remove(found);
        let says = |word: &&str| match index.without {
            Some(without) if without != *word => {
                format!("{column} = {} AND {column} <> {}", literal(word), literal(without))
            }
            Some(_) | None => format!("{column} = {}", literal(word)),
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

/// The word as SQL: a truth value is none of the texts.
fn literal(word: &str) -> String {
    if TRUTH.contains(&word) { word.to_owned() } else { format!("'{word}'") }
}

impl Remaining {
    fn condition(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|it| literal(it)).collect();
        match words.as_slice() {
            [] => "1 = 0".to_owned(),
            [word] => format!("{} = {word}", self.column),
            words => format!("{} IN ({})", self.column, words.join(", ")),
        }
    }
}

/// A term as SQL; words are only struck off what is left of theirs.
fn condition(
    resource: &Resource,
    term: &Term,
    values: &mut Vec<Value>,
    left: &mut [Remaining],
) -> Result<Option<String>, String> {
    let Some(field) = resource.field(&term.field) else {
        let names: Vec<_> = resource.fields.iter().map(|it| it.name).collect();
        return Err(format!("{} can be filtered by {}", resource.name, names.join(", ")));
    };

    let sign = match term.compare {
        Compare::Equal => "=",
        Compare::NotEqual => "<>",
        Compare::Less => "<",
        Compare::LessOrEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterOrEqual => ">=",
    };
    let is_equality = matches!(term.compare, Compare::Equal | Compare::NotEqual);
    let wrong = |why: &str| Err(format!("{} {why}", field.name));
    let sql = match &field.kind {
        FieldKind::Text if is_equality => {
            values.push(term.value.as_str().into());
            format!("{} {sign} ${}", field.column, values.len())
        }
        FieldKind::Beginning if term.compare == Compare::Equal => {
            let beginning = term.value.to_uppercase();
            values.push(beginning.as_str().into());
            // No text with this beginning comes after the last character that there is.
            values.push(format!("{beginning}{}", char::MAX).into());
            format!("{0} >= ${1} AND {0} < ${2}", field.column, values.len() - 1, values.len())
        }
        FieldKind::Keyed(found) if is_equality => {
            values.push(term.value.as_str().into());
            let mark = format!("${}", values.len());
            let found: Vec<_> = found.iter().map(|it| it.replace('?', &mark)).collect();
            let not = if term.compare == Compare::Equal { "" } else { "NOT " };
            let key: Vec<_> = resource.key.iter().map(|it| it.name).collect();
            format!("{} {not}IN ({})", key.join(", "), found.join(" UNION ALL "))
        }
        FieldKind::Word(_, all) if is_equality => {
            let words = all();
            if !words.contains(&term.value.as_str()) {
                let given: String = term.value.chars().take(VALUE_SHOWN).collect();
                return wrong(&format!("`{given}` must be one of {}", words.join(", ")));
            }
            for left in left.iter_mut().filter(|it| it.column == field.column) {
                left.words.retain(|it| (*it == term.value) == (term.compare == Compare::Equal));
                left.is_narrowed = true;
            }
            return Ok(None);
        }
        FieldKind::Id(parse) if term.compare == Compare::Equal => match parse(&term.value) {
            Ok(id) => {
                values.push(id.into());
                format!("{} = ${}", field.column, values.len())
            }
            Err(Invalid(why)) => return wrong(&why),
        },
        FieldKind::Flag if is_equality => match term.value.as_str() {
            "true" | "false" if (term.value == "true") == (term.compare == Compare::Equal) => {
                field.column.to_owned()
            }
            "true" | "false" => format!("NOT {}", field.column),
            _ => return wrong("must be true or false"),
        },
        FieldKind::Text | FieldKind::Keyed(_) | FieldKind::Word(..) | FieldKind::Flag => {
            return wrong("can only be compared with = and !=");
        }
        FieldKind::Id(_) | FieldKind::Beginning => return wrong("can only be compared with ="),
        FieldKind::Whole => match whole_number(&term.value) {
            Some(number) => {
                values.push(number.into());
                format!("{} {sign} ${}", field.column, values.len())
            }
            None => return wrong("must be a whole number"),
        },
        FieldKind::Time | FieldKind::Created => match instant(&term.value) {
            Some(at) => {
                values.push(at.unix_micros().into());
                let mut sql = format!("{} {sign} ${}", field.column, values.len());
                if let (FieldKind::Created, [key]) = (&field.kind, resource.key) {
                    sql.push_str(&along_ids(key.name, term.compare, at, values));
                }
                sql
            }
            None => return wrong("must be a time like 2026-01-31T12:00:00Z"),
        },
    };

    if term.compare == Compare::Equal && !term.value.is_empty() && !field.implies.is_empty() {
        return Ok(Some(format!("{sql} AND {}", field.implies)));
    }
    Ok(Some(sql))
}

/// Bound on the ids that were made at a time of creation.
fn along_ids(column: &str, compare: Compare, at: Timestamp, values: &mut Vec<Value>) -> String {
    let first = u128::from(at.unix_millis()) << 80;
    let mut sql = String::new();
    if matches!(compare, Compare::Equal | Compare::Greater | Compare::GreaterOrEqual) {
        values.push(Uuid::from_u128(first).into());
        sql.push_str(&format!(" AND {column} >= ${}", values.len()));
    }
    if matches!(compare, Compare::Equal | Compare::Less | Compare::LessOrEqual) {
        values.push(Uuid::from_u128(first | ((1 << 80) - 1)).into());
        sql.push_str(&format!(" AND {column} <= ${}", values.len()));
    }
    sql
}

/// Digits, with a minus before them or not.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    text.parse().ok().filter(|_| digits.bytes().all(|it| it.is_ascii_digit()))
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(Timestamp::from_date_time(at))
}

pub(super) fn list_hash_of(name: &str, listing: &Listing) -> [u8; 8] {
    let Listing { filter, order_by, size: _, after: _ } = listing;
    let digest = Sha256::digest(format!("{name} {filter:?} {order_by:?}"));
    let mut list_hash = [0; 8];
    list_hash.copy_from_slice(&digest[..8]);
    list_hash
}

impl Plan<'_> {
    fn start_after(&mut self, from: Vec<KeyValue>) {
        let columns: Vec<_> = self.along.iter().map(|it| it.name).collect();
        let mut marks = Vec::new();
        for key in from {
            self.values.push(match key {
                KeyValue::Id(id) => id.into(),
                KeyValue::Text(text) => text.into(),
                KeyValue::Whole(number) => number.into(),
            });
            marks.push(format!("${}", self.values.len()));
        }
        let sign = match self.direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        self.conditions.push(format!("({}) {sign} ({})", columns.join(", "), marks.join(", ")));
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

    fn page_sql(&self) -> String {
        let Self { resource, conditions, union_arms, values: _, along, direction: _, size, list_hash: _ } =
            self;
        let columns = along.iter().chain(resource.key).map(|it| it.name).chain(resource.order);
        let columns: Vec<_> = columns.enumerate().map(|(index, it)| format!("{it} AS c{index}")).collect();
        let arm = |arm: Option<&String>| {
            let filter: Vec<&str> = conditions.iter().chain(arm).map(String::as_str).collect();
            let filter =
                if filter.is_empty() { String::new() } else { format!(" WHERE {}", filter.join(" AND ")) };
            format!("SELECT {} FROM {}{filter}", columns.join(", "), resource.from)
        };
        let page = format!("ORDER BY {} LIMIT {}", self.order(""), size + 1);
        match union_arms.as_slice() {
            [] => format!("{} {page}", arm(None)),
            [only] => format!("{} {page}", arm(Some(only))),
            // Each arm ends by itself, so that none is read further than the page can reach.
            union_arms => {
                let union_arms = union_arms.iter().enumerate();
                let union_arms = union_arms
                    .map(|(index, it)| format!("SELECT * FROM ({} {page}) AS a{index}", arm(Some(it))));
                format!("{} {page}", union_arms.collect::<Vec<_>>().join(" UNION ALL "))
            }
        }
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
                    bytes.push(u8::try_from(text.len()).ok()?);
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
                Is::Text => read(&mut rest, 1)
                    .and_then(|it| read(&mut rest, usize::from(*it.first()?)))
                    .and_then(|it| String::from_utf8(it).ok())
                    .filter(|it| !it.chars().any(char::is_control))
                    .map(KeyValue::Text),
            };
            keys.push(key.ok_or_else(refused)?);
        }
        if rest.is_empty() { Ok(keys) } else { Err(refused()) }
    }
}
