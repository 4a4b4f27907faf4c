//! The feed: what happened to orders, by position, forwards and backwards, and which of it is wanted.

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use sea_orm::sea_query::Value;

use crate::domain::{CustomerId, Event, EventKind, OrderId, Problems, Refusal, caseless};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::condition::{Conditions, literal, place_of, shown, whole_number};
use crate::store::query::listing::{Compare, Cursor, Direction, Listing, Page, SIZE_MAX, Term};
use crate::store::query::order_history::events;
use crate::store::query::plan::list_hash_of;
use crate::store::query::resource::{FieldKind, Resource, Shown, field, id};

/// Positions that one look into the feed covers at most, so that a filter that fits nothing costs little.
const WINDOW: i64 = 10_000;

/// Decisions that are read at once; each has a handful of events.
const DECISIONS_AT_ONCE: usize = 256;

/// How long a page is looked for: a filter that fits little leads to pages with few events.
pub(super) const LOOK_FOR: Duration = Duration::from_secs(1);

/// What events can be filtered by. All events of a decision are of one order and of one time; a kind and a position are
/// each event's own.
static EVENTS: Resource = Resource {
    name: "events",
    from: "decisions",
    key: &[id("order_id")],
    order: None,
    shown: Shown::Row(|| "decisions.events".to_owned()),
    keyed_by_time: false,
    fields: &[
        field(KIND, KIND, FieldKind::Word("", || EventKind::ALL.iter().map(|it| it.as_str()).collect())),
        field(ORDER, "order_id", FieldKind::Id(|text| text.parse::<OrderId>().map(|it| it.0))),
        field("customer_id", "order_id", FieldKind::Keyed(OF_CUSTOMER)),
        field(EMAIL, "order_id", FieldKind::Keyed(OF_EMAIL)),
        field("time", "at", FieldKind::Time),
        field(POSITION, POSITION, FieldKind::Whole),
    ],
    indexes: &[],
    sorts: &[],
    terms: None,
};

const KIND: &str = "type";
const ORDER: &str = "order_id";
const EMAIL: &str = "customer_email";
const POSITION: &str = "position";

const OF_CUSTOMER: &[&str] = &["SELECT order_id FROM order_terms WHERE field = 'customer' AND term = ?"];
const OF_EMAIL: &[&str] = &["SELECT id FROM orders WHERE customer_email = ?"];

/// Which events of the feed are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct EventFilter {
    /// The one order that they are of, if only one is asked for.
    pub order: Option<OrderId>,
    /// None: of all kinds.
    kinds: Option<Vec<EventKind>>,
    positions: RangeInclusive<i64>,
    /// What their decisions have to be like, with the values of `$1` and so on.
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Default for EventFilter {
    /// All.
    fn default() -> Self {
        Self { order: None, kinds: None, positions: 1..=i64::MAX, conditions: Vec::new(), values: Vec::new() }
    }
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<(i64, Event)>,
    /// Everything up to this position has been looked at: where to go on.
    pub position: i64,
    /// Whether that was all there is for now.
    pub is_end: bool,
}

impl EventFilter {
    pub fn of_order(order: OrderId) -> Self {
        let conditions = vec!["order_id = $1".to_owned()];
        Self { order: Some(order), conditions, values: vec![order.0.into()], ..Self::default() }
    }

    /// Of these kinds; none: of all.
    pub fn of_kinds(kinds: &[EventKind]) -> Self {
        let kinds = (!kinds.is_empty()).then(|| kinds.to_vec());
        Self { kinds, ..Self::default() }
    }

    /// Those of them from the first position to the last.
    pub fn within(self, positions: RangeInclusive<i64>) -> Self {
        Self { positions, ..self }
    }

    /// What a caller has written. Every problem is named.
    pub fn of(terms: &[Term]) -> Result<Self, Refusal> {
        let listing = Listing { filter: terms.to_vec(), ..Listing::default() };
        let mut problems = Problems::default();
        let mut found = Conditions::of(&EVENTS);
        let (mut first, mut last) = (1, i64::MAX);
        let mut orders: Vec<OrderId> = Vec::new();
        for mut term in EVENTS.spelled(&listing).filter {
            let added = match term.field.as_str() {
                POSITION => positions(&term).map(|it| {
                    first = first.max(*it.start());
                    last = last.min(*it.end());
                }),
                EMAIL => {
                    term.values.iter_mut().for_each(|it| it.text = caseless(&it.text));
                    found.add(&EVENTS, &term)
                }
                "customer_id" => of_customers(&term).and_then(|()| found.add(&EVENTS, &term)),
                _ => found.add(&EVENTS, &term),
            };
            if let Err(why) = added {
                problems.add("filter", why);
            }
            if term.field == ORDER {
                orders.extend(term.texts().filter_map(|it| it.parse::<OrderId>().ok()));
            }
        }
        problems.into_result()?;

        let Conditions { sql: conditions, values, left, wanted_terms: _ } = found;
        let narrowed = left.into_iter().find(|it| it.column == KIND && it.is_narrowed);
        let kinds = narrowed.map(|it| {
            let is_left = |kind: &&EventKind| it.words.contains(&literal(kind.as_str()));
            EventKind::ALL.iter().filter(is_left).copied().collect()
        });
        let order = orders.first().copied().filter(|_| orders.len() == 1);
        Ok(Self { order, kinds, positions: first..=last, conditions, values })
    }

    fn wants(&self, position: i64, event: &Event) -> bool {
        self.positions.contains(&position)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&event.kind))
    }

    /// How far from a position one look goes. An order's own index leads to all of it.
    fn window(&self) -> i64 {
        if self.order.is_some() { i64::MAX } else { WINDOW }
    }
}

/// The positions that a comparison leaves.
fn positions(term: &Term) -> Result<RangeInclusive<i64>, String> {
    let told =
        |text: &str, at: usize, why: &str| format!("{POSITION} `{}`{} {why}", shown(text), place_of(at));
    let [value] = term.values.as_slice() else { return Err(only_compared(term)) };
    let number =
        whole_number(&value.text).ok_or_else(|| told(&value.text, value.at, "must be a whole number"))?;
    match term.compare {
        Compare::Equal => Ok(number..=number),
        Compare::Less => Ok(i64::MIN..=number.saturating_sub(1)),
        Compare::LessOrEqual => Ok(i64::MIN..=number),
        Compare::Greater => Ok(number.saturating_add(1)..=i64::MAX),
        Compare::GreaterOrEqual => Ok(number..=i64::MAX),
        Compare::NotEqual | Compare::In | Compare::Has => Err(only_compared(term)),
    }
}

fn only_compared(term: &Term) -> String {
    format!("{POSITION}{} can only be compared with =, <, <=, > and >=", place_of(term.at))
}

fn of_customers(term: &Term) -> Result<(), String> {
    for value in &term.values {
        if let Err(why) = value.text.parse::<CustomerId>() {
            return Err(format!("customer_id `{}`{} {why}", shown(&value.text), place_of(value.at)));
        }
    }
    Ok(())
}

impl Store {
    /// The part of the feed after a position, at most `limit` events of it.
    pub async fn events_after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<EventPage, StoreError> {
        let db = self.snapshot().await?;
        let newest = last_position(&db).await?;
        let last = newest.min(*filter.positions.end());
        let position = position.max((*filter.positions.start() - 1).min(newest));
        let mut found = Vec::new();
        let mut seen = position;
        // Decision by decision, as events are not rows: until there are enough, the window or the feed ends.
        let until = last.min(position.saturating_add(filter.window()));
        while seen < until && (found.len() as u64) < limit {
            let sql = "last_position > {from} AND first_position <= {to}";
            let rows = decisions(&db, sql, (seen, until), filter, Direction::Ascending).await?;
            let is_all = rows.len() < DECISIONS_AT_ONCE;
            let events = events(&rows)?;
            if let Some((last_read, _)) = events.last() {
                seen = seen.max(*last_read);
            }
            found.extend(events.into_iter().filter(|(at, it)| *at > position && filter.wants(*at, it)));
            // The last decision may reach beyond the window: all of its events were read.
            if is_all {
                seen = seen.max(until);
            }
        }
        if seen == until && until < newest && (found.len() as u64) < limit {
            // Over what a restore left out in one step, and never to a position within: that is how lost ones are told.
            seen = seen.max(next_position(&db, until).await?.unwrap_or(newest) - 1);
        }

        let room = usize::try_from(limit).unwrap_or(usize::MAX);
        let position = if found.len() >= room {
            found.truncate(room);
            found.last().map_or(position, |it| it.0)
        } else {
            seen.max(position)
        };
        Ok(EventPage { events: found, position, is_end: position >= last })
    }

    /// The part of the feed before a position, the newest first, at most `limit` events of it.
    pub async fn events_before(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: u64,
    ) -> Result<EventPage, StoreError> {
        let db = self.snapshot().await?;
        let newest = last_position(&db).await?.min(*filter.positions.end());
        let position = position.min(newest.saturating_add(1));
        let first = (*filter.positions.start()).max(1);
        let mut found = Vec::new();
        let mut seen = position;
        let until = first.max(position.saturating_sub(filter.window()));
        while seen > until && (found.len() as u64) < limit {
            // The decision of the position before: no other of those wanted ends later.
            let ends = end_of_decision(&db, seen - 1).await?;
            let sql = "last_position <= {from} AND last_position >= {to}";
            let rows = decisions(&db, sql, (ends, until), filter, Direction::Descending).await?;
            let is_all = rows.len() < DECISIONS_AT_ONCE;
            let mut events = events(&rows)?;
            events.sort_by_key(|it| Reverse(it.0));
            let before = seen;
            if let Some((first_read, _)) = events.last() {
                seen = seen.min(*first_read);
            }
            found.extend(events.into_iter().filter(|(at, it)| *at < before && filter.wants(*at, it)));
            if is_all {
                seen = seen.min(until);
            }
        }
        if seen == until && until > first && (found.len() as u64) < limit {
            seen = seen.min(position_before(&db, until).await?.unwrap_or(0) + 1).max(first);
        }

        let room = usize::try_from(limit).unwrap_or(usize::MAX);
        let position = if found.len() >= room {
            found.truncate(room);
            found.last().map_or(position, |it| it.0)
        } else {
            seen.min(position)
        };
        Ok(EventPage { events: found, position, is_end: position <= first })
    }

    /// One page, by position. It may have fewer events than fit, or none, and there is a next one all the same.
    pub async fn list_events(&self, listing: &Listing) -> Result<Page<(i64, Event)>, StoreError> {
        let mut listing = EVENTS.spelled(listing);
        listing.filter = self.and_sealed(listing.filter);
        let mut problems = Problems::default();
        let filter = match EventFilter::of(&listing.filter) {
            Ok(filter) => filter,
            Err(Refusal::Invalid(bad)) => {
                problems = bad;
                EventFilter::default()
            }
            Err(other) => return Err(other.into()),
        };
        let direction = match &listing.order_by {
            None => Direction::Ascending,
            Some((field, direction)) => {
                if field != POSITION {
                    problems.add("order_by", format!("events can be sorted by {POSITION}"));
                }
                *direction
            }
        };
        problems.into_result()?;

        let hash = list_hash_of(EVENTS.name, &listing);
        let mut position = match (&listing.after, direction) {
            (Some(cursor), _) => open(cursor, &hash)?,
            (None, Direction::Ascending) => 0,
            (None, Direction::Descending) => i64::MAX,
        };
        let size = listing.size.clamp(1, SIZE_MAX);
        let begun = Instant::now();
        let mut found = Vec::new();
        loop {
            let room = size - found.len() as u64;
            let page = match direction {
                Direction::Ascending => self.events_after(position, &filter, room).await?,
                Direction::Descending => self.events_before(position, &filter, room).await?,
            };
            found.extend(page.events);
            position = page.position;
            if page.is_end {
                return Ok((found, None));
            }
            if found.len() as u64 >= size || begun.elapsed() >= LOOK_FOR {
                let cursor = [&hash[..], &position.to_be_bytes()].concat();
                return Ok((found, Some(Cursor(cursor))));
            }
        }
    }

    /// The position of the newest event; 0 before the first.
    pub async fn last_position(&self) -> Result<i64, StoreError> {
        last_position(&self.look().await?).await
    }
}

fn open(cursor: &Cursor, hash: &[u8; 8]) -> Result<i64, Refusal> {
    let read = || Some(i64::from_be_bytes(cursor.0.strip_prefix(&hash[..])?.try_into().ok()?));
    let position = read().filter(|it| *it >= 0);
    position
        .ok_or_else(|| Refusal::invalid("page_token", "is not from this list, with this filter and order_by"))
}

async fn last_position(db: &Session) -> Result<i64, StoreError> {
    // SQLite goes through the whole table unless the condition of the index is said.
    let sql = "SELECT COALESCE(MAX(last_position), 0) FROM decisions WHERE last_position IS NOT NULL";
    let row = db.query_one(sql, Vec::new()).await?;
    row.map_or(Ok(0), |it| it.get(0))
}

/// Where the decision ends that has the event at this position.
async fn end_of_decision(db: &Session, position: i64) -> Result<i64, StoreError> {
    let sql = "SELECT last_position FROM decisions WHERE last_position >= $1 ORDER BY last_position LIMIT 1";
    let row = db.query_one(sql, vec![position.into()]).await?;
    row.map_or(Ok(position), |it| it.get(0))
}

/// Where the first decision begins that ends after this position.
async fn next_position(db: &Session, position: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT first_position FROM decisions WHERE last_position > $1 ORDER BY last_position LIMIT 1";
    let row = db.query_one(sql, vec![position.into()]).await?;
    row.map(|it| it.get(0)).transpose()
}

/// Where the last decision ends that ends before this position.
async fn position_before(db: &Session, position: i64) -> Result<Option<i64>, StoreError> {
    let sql =
        "SELECT last_position FROM decisions WHERE last_position < $1 ORDER BY last_position DESC LIMIT 1";
    let row = db.query_one(sql, vec![position.into()]).await?;
    row.map(|it| it.get(0)).transpose()
}

/// The decisions with events in a part of the feed that fit the filter, as far as the filter can tell.
async fn decisions(
    db: &Session,
    part: &str,
    (from, to): (i64, i64),
    filter: &EventFilter,
    direction: Direction,
) -> Result<Vec<Row>, StoreError> {
    let mut values = filter.values.clone();
    values.extend([from.into(), to.into()]);
    let part = part.replace("{from}", &format!("${}", values.len() - 1));
    let part = part.replace("{to}", &format!("${}", values.len()));
    let conditions: String = filter.conditions.iter().map(|it| format!(" AND {it}")).collect();
    let order = match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let sql = format!(
        "SELECT first_position, events FROM decisions WHERE {part}{conditions} \
        ORDER BY last_position {order} LIMIT {DECISIONS_AT_ONCE}"
    );
    db.query(&sql, values).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(field: &str, compare: Compare, value: &str) -> Term {
        Term::new(field, compare, value)
    }

    fn refused(terms: &[Term]) -> Vec<String> {
        match EventFilter::of(terms) {
            Err(Refusal::Invalid(problems)) => problems.0.into_iter().map(|it| it.message).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_filter_of_events_is_read_as_those_of_lists_are() {
        let filter = EventFilter::of(&[
            term("type", Compare::NotEqual, "order_received"),
            term("position", Compare::Greater, "7"),
            term("position", Compare::LessOrEqual, "9"),
        ]);
        let filter = filter.expect("a filter");
        assert_eq!(filter.positions, 8..=9);
        assert_eq!(filter.kinds.map(|it| it.len()), Some(EventKind::ALL.len() - 1));

        let order = "ord_01h455vb4pex5vsknk084sn02q";
        let filter = EventFilter::of(&[term("order_id", Compare::Equal, order)]).expect("a filter");
        assert_eq!(filter.order.map(|it| it.to_string()).as_deref(), Some(order));
        assert_eq!(EventFilter::of(&[]), Ok(EventFilter::default()));
    }

    #[test]
    fn every_problem_of_a_filter_of_events_is_named() {
        let said = refused(&[
            term("kind", Compare::Equal, "ORDER_RECEIVED"),
            term("type", Compare::Equal, "RECEIVED"),
            term("position", Compare::NotEqual, "7"),
            term("position", Compare::Less, "seven"),
            term("customer_id", Compare::Equal, "dana"),
            term("time", Compare::Greater, "yesterday"),
        ]);
        assert_eq!(said.len(), 6, "{said:?}");
        assert!(said[0].contains("can be filtered by type, order_id, customer_id"), "{said:?}");
        assert!(said[2].contains("can only be compared with"), "{said:?}");
    }

    #[test]
    fn two_kinds_at_once_are_no_kind() {
        let both =
            [term("type", Compare::Equal, "ORDER_RECEIVED"), term("type", Compare::Equal, "ORDER_CANCELLED")];
        assert_eq!(EventFilter::of(&both).expect("a filter").kinds, Some(Vec::new()));
    }
}
