//! WatchStockLevels: how much there is of some products, then each level that has changed.

use std::collections::HashMap;

use crate::domain::{Histories, LocationCode, ReadTo, Sku, StockLevel};
use crate::pb;
use crate::pb::watch_stock_levels_response::Update;
use crate::rpc::inventory::reply;
use crate::rpc::reply::timestamp;
use crate::rpc::streams::feed::Rings;
use crate::rpc::streams::watch::{Found, NextStep, Source};
use crate::store::{Store, StoreError};

/// Which levels a stream follows.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) skus: Vec<Sku>,
    /// None given: everywhere.
    pub(crate) locations: Vec<LocationCode>,
}

impl Followed {
    /// The levels as they are, of all products at one moment.
    pub(crate) async fn levels(&self, store: &Store) -> Result<Vec<StockLevel>, StoreError> {
        let mut levels = store.levels(&self.skus).await?;
        levels.retain(|it| self.locations.is_empty() || self.locations.contains(&it.location));
        levels.sort_by(|one, other| (&one.sku, &one.location).cmp(&(&other.sku, &other.location)));
        Ok(levels)
    }
}

/// How often these levels have changed: a level's version rises with each change, and no level ever goes.
pub(crate) fn changes(levels: &[StockLevel]) -> i64 {
    levels.iter().map(|it| it.version).sum()
}

/// The position after which a stream begins. In another history than the reader's the same one says nothing: levels may have
/// changed as often, and to other numbers.
pub(crate) fn start(read: ReadTo, histories: &Histories) -> i64 {
    let ReadTo { position, history } = read;
    match history {
        Some(id) if histories.current().is_none_or(|it| it.id != id) => 0,
        Some(_) | None => position,
    }
}

/// The levels that a stream follows, with the versions that were sent.
pub(crate) struct Levels {
    store: Store,
    followed: Followed,
    /// None before the first look.
    sent: Option<HashMap<(Sku, LocationCode), i64>>,
    /// The history that is read, as text.
    history: String,
}

impl Levels {
    pub(crate) fn new(store: Store, followed: Followed, history: String) -> Self {
        Self { store, followed, sent: None, history }
    }

    fn message(&self, position: i64, update: Update) -> pb::WatchStockLevelsResponse {
        let history_id = self.history.clone();
        pb::WatchStockLevelsResponse { update: Some(update), resume_position: position, history_id }
    }
}

/// The levels to send, with their positions. The last has the position of the whole look and the others that before it: a
/// reader that goes on from the middle of a look is sent all of it.
fn news(
    levels: Vec<StockLevel>,
    sent: &mut Option<HashMap<(Sku, LocationCode), i64>>,
    after: i64,
) -> Vec<(i64, StockLevel)> {
    let position = changes(&levels);
    let known = sent.take();
    let versions = levels.iter().map(|it| ((it.sku.clone(), it.location.clone()), it.version)).collect();
    *sent = Some(versions);
    let is_new = |level: &StockLevel| match &known {
        None => position != after,
        Some(known) => known.get(&(level.sku.clone(), level.location.clone())) != Some(&level.version),
    };

    let mut new: Vec<(i64, StockLevel)> =
        levels.into_iter().filter(is_new).map(|level| (after, level)).collect();
    if let Some(last) = new.last_mut() {
        last.0 = position;
    }
    new
}

impl Source for Levels {
    type Message = pb::WatchStockLevelsResponse;

    async fn look(&mut self, after: i64) -> Result<Found<Self::Message>, StoreError> {
        let levels = self.followed.levels(&self.store).await?;
        let position = changes(&levels);
        let new = news(levels, &mut self.sent, after);
        let messages = new.into_iter().map(|(position, level)| {
            (position, self.message(position, Update::StockLevel(reply::stock_level(&level))))
        });
        Ok(Found { messages: messages.collect(), position, then: NextStep::Wait })
    }

    fn rings(&self) -> Rings {
        Rings::Stock
    }

    fn heartbeat(&self, position: i64) -> Self::Message {
        let time = Some(timestamp(self.store.now()));
        self.message(position, Update::Heartbeat(pb::Heartbeat { high_water: position, time }))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    use crate::domain::{History, HistoryId, Timestamp};

    fn level(sku: &str, location: &str, version: i64) -> StockLevel {
        let mut level = StockLevel::empty(
            sku.parse().expect("an SKU"),
            location.parse().expect("a code"),
            Timestamp::from_unix_micros(0),
        );
        level.version = version;
        level
    }

    fn told(news: &[(i64, StockLevel)]) -> Vec<(i64, String)> {
        news.iter().map(|(position, it)| (*position, format!("{} {}", it.sku, it.location))).collect()
    }

    #[test]
    fn a_stream_begins_with_every_level_and_goes_on_with_those_that_changed() {
        let mut sent = None;
        let first = news(vec![level("A", "ONE", 3), level("B", "ONE", 1)], &mut sent, 0);
        assert_eq!(told(&first), [(0, "A ONE".to_owned()), (4, "B ONE".to_owned())]);
        assert!(news(vec![level("A", "ONE", 3), level("B", "ONE", 1)], &mut sent, 4).is_empty());
        let changed = vec![level("A", "ONE", 5), level("A", "TWO", 1), level("B", "ONE", 1)];
        let then = news(changed, &mut sent, 4);
        assert_eq!(told(&then), [(4, "A ONE".to_owned()), (7, "A TWO".to_owned())]);
    }

    #[test]
    fn one_that_comes_back_is_sent_everything_unless_nothing_has_changed() {
        let levels = || vec![level("A", "ONE", 3), level("B", "ONE", 1)];
        let mut sent = None;
        assert!(news(levels(), &mut sent, 4).is_empty());
        assert_eq!(news(vec![level("A", "ONE", 4), level("B", "ONE", 1)], &mut sent, 4).len(), 1);
        for missed in [0, 3] {
            assert_eq!(news(levels(), &mut None, missed).len(), 2);
        }
    }

    #[test]
    fn one_that_read_another_history_is_sent_everything() {
        let id = |number| HistoryId(Uuid::from_u128(number));
        let history =
            |number, id| History { number, id, begun_at: Timestamp::from_unix_micros(0), shared_position: 0 };
        let histories = Histories { all: vec![history(1, id(7)), history(2, id(8))], gaps: Vec::new() };
        let begins = |history| start(ReadTo { position: 4, history }, &histories);
        assert_eq!([None, Some(8), Some(7), Some(9)].map(|it| begins(it.map(id))), [4, 4, 0, 0]);
    }
}
