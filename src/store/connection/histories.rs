//! The next history of an embedded database, begun in a file that is about to be put in its place.

use rusqlite::{Connection, params};
use sea_orm::DbBackend;
use uuid::Uuid;

use crate::domain::{Counters, EVENTS_COUNTER, Given, History, HistoryId, NextHistory, Timestamp};
use crate::store::connection::statement::spelled;

pub(in crate::store) const ADD_HISTORY: &str =
    "INSERT INTO histories (number, id, begun_at, shared_position) VALUES ($1, $2, $3, $4)";

pub(in crate::store) const ADD_GAP: &str =
    "INSERT INTO number_gaps (counter, first_number, last_number, history) VALUES ($1, $2, $3, $4)";

/// Lets a counter go on after a gap.
pub(in crate::store) const MOVE_COUNTER: &str = "INSERT INTO counters (name, value) VALUES ($1, $2) \
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// The point that a database has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatabasePoint {
    pub(super) counters: Counters,
    /// The position of the last event.
    pub(super) position: i64,
    /// The present one last.
    pub(super) histories: Vec<History>,
}

impl DatabasePoint {
    pub(super) fn of(database: &Connection) -> Result<Self, rusqlite::Error> {
        let mut counters = database.prepare("SELECT name, value FROM counters")?;
        let counters = counters.query_map((), |it| Ok((it.get::<_, String>(0)?, it.get::<_, i64>(1)?)))?;
        let sql = "SELECT number, id, begun_at, shared_position FROM histories ORDER BY number";
        let mut histories = database.prepare(sql)?;
        let histories = histories.query_map((), |it| {
            let id: [u8; 16] = it.get(1)?;
            Ok(History {
                number: it.get(0)?,
                id: HistoryId(Uuid::from_bytes(id)),
                begun_at: Timestamp::from_unix_micros(it.get(2)?),
                shared_position: it.get(3)?,
            })
        })?;
        Ok(Self {
            counters: counters.collect::<Result<_, _>>()?,
            position: position(database)?,
            histories: histories.collect::<Result<_, _>>()?,
        })
    }

    /// The number of its present history.
    pub(super) fn number(&self) -> i64 {
        self.histories.last().map_or(0, |it| it.number)
    }

    /// Up to where the histories of the database that was there before are the same as this copy's; None: it has none that
    /// the copy lacks, or is another database.
    pub(super) fn shared_with(&self, before: &Self) -> Option<i64> {
        let first = |it: &Self| it.histories.first().map(|it| it.id);
        if first(self) != first(before) {
            return None;
        }
        let lacking = before.histories.iter().filter(|it| self.histories.iter().all(|own| own.id != it.id));
        lacking.map(|it| it.shared_position).min()
    }

    /// What the database that was there before tells about numbers that were given after this copy was made; `seen` is
    /// the last position that a server wrote down beside it. Only one that is whole, and goes on from this copy, tells all.
    pub(super) fn given_since(&self, before: Option<&Self>, is_whole: bool, seen: Option<i64>) -> Given {
        let mut counters = before.map(|it| it.counters.clone()).unwrap_or_default();
        let goes_on = |before: &Self| {
            before.histories.starts_with(&self.histories)
                && self.counters.iter().all(|(name, here)| before.counters.get(name) >= Some(here))
                && seen.is_none_or(|it| it <= before.position)
        };
        if is_whole && before.is_some_and(goes_on) {
            return Given::UpTo(counters);
        }
        if let Some(seen) = seen {
            let events = counters.entry(EVENTS_COUNTER.to_owned()).or_default();
            *events = (*events).max(seen);
        }
        Given::AtLeast(counters)
    }
}

/// The position of the last event.
pub(super) fn position(database: &Connection) -> Result<i64, rusqlite::Error> {
    let sql = "SELECT coalesce(max(last_position), 0) FROM decisions WHERE last_position IS NOT NULL";
    database.query_row(sql, (), |it| it.get(0))
}

/// Begins it, in one transaction.
pub(super) fn begin(database: &Connection, next: &NextHistory) -> Result<(), rusqlite::Error> {
    let sqlite = |text: &str| spelled(DbBackend::Sqlite, text);
    let NextHistory { history, gaps } = next;
    let transaction = database.unchecked_transaction()?;
    transaction.execute(
        &sqlite(ADD_HISTORY),
        params![
            history.number,
            history.id.0.as_bytes().as_slice(),
            history.begun_at.unix_micros(),
            history.shared_position
        ],
    )?;
    for gap in gaps {
        transaction.execute(&sqlite(ADD_GAP), params![gap.counter, gap.first, gap.last, gap.history])?;
        transaction.execute(&sqlite(MOVE_COUNTER), params![gap.counter, gap.last])?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each begins after another ten events.
    fn history(number: i64, id: u128) -> History {
        let begun_at = Timestamp::from_unix_micros(0);
        History { number, id: HistoryId(Uuid::from_u128(id)), begun_at, shared_position: (number - 1) * 10 }
    }

    fn point(events: i64, histories: &[u128]) -> DatabasePoint {
        let numbered = (1..).zip(histories);
        DatabasePoint {
            counters: [("events".to_owned(), events), ("orders".to_owned(), events / 10)].into(),
            position: events,
            histories: numbered.map(|(number, it)| history(number, *it)).collect(),
        }
    }

    #[test]
    fn the_database_that_was_there_tells_all_if_it_is_whole_and_goes_on_from_the_copy() {
        let copy = point(100, &[1, 2]);
        let there = point(130, &[1, 2]);
        let known = Given::UpTo(there.counters.clone());
        assert_eq!(copy.given_since(Some(&there), true, None), known);
        assert_eq!(copy.given_since(Some(&there), true, Some(130)), known);
        let restored = point(150, &[1, 2, 3]);
        assert_eq!(
            copy.given_since(Some(&restored), true, None),
            Given::UpTo(restored.counters.clone()),
            "a copy of what was before the last restore"
        );
        assert_eq!(copy.given_since(Some(&copy), true, None), Given::UpTo(copy.counters.clone()));
    }

    #[test]
    fn histories_that_the_copy_lacks_have_in_common_with_it_what_was_before_the_first_of_them() {
        let copy = point(30, &[1, 2]);
        assert_eq!(copy.shared_with(&point(50, &[1, 2, 3, 4])), Some(20));
        assert_eq!(copy.shared_with(&point(50, &[1, 7])), Some(10), "restored twice from one");
        let others: [&[u128]; 4] = [&[1, 2], &[1], &[9, 2, 3], &[]];
        for other in others {
            assert_eq!(copy.shared_with(&point(50, other)), None, "{other:?}");
        }
    }

    #[test]
    fn otherwise_it_tells_the_least_that_was_given() {
        let copy = point(100, &[1, 2]);
        let there = point(130, &[1, 2]);
        let least = Given::AtLeast(there.counters.clone());
        assert_eq!(copy.given_since(Some(&there), false, None), least, "it lacks its log");
        let fresh = point(120, &[7]);
        assert_eq!(copy.given_since(Some(&fresh), true, None), Given::AtLeast(fresh.counters.clone()));
        let older = point(90, &[1, 2]);
        assert_eq!(copy.given_since(Some(&older), true, None), Given::AtLeast(older.counters.clone()));
        let seen = Given::AtLeast([("events".to_owned(), 140), ("orders".to_owned(), 13)].into());
        assert_eq!(copy.given_since(Some(&there), true, Some(140)), seen, "it was older than it had been");
        let only_seen = Given::AtLeast([("events".to_owned(), 140)].into());
        assert_eq!(copy.given_since(None, true, Some(140)), only_seen);
    }
}
