//! The histories of a database; the history of an order, its events, is in `event.rs`. The first history begins with the
//! schema, and each restore of an older copy begins the next one: it leaves out the numbers
//! that may have been given since the copy was made, and a reader of the feed who is ahead of the copy is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::model::scalars::HistoryId;
use crate::domain::model::time::Timestamp;

/// The last number that each counter gave, by the counter's name.
pub type Counters = BTreeMap<String, i64>;

/// The counter of events: the position of the last one in the feed.
pub const EVENTS_COUNTER: &str = "events";

/// The counter of orders.
pub const ORDERS_COUNTER: &str = "orders";

/// Before the name of a series: the counters of invoices and of credit notes.
const SERIES: [&str; 2] = ["invoices/", "credit_notes/"];

/// Where nobody knows what was given: at least so many numbers are left out of each counter.
const NUMBERS_LEFT_OUT_MIN: i64 = 10_000;

/// The same for events: each order has dozens.
const POSITIONS_LEFT_OUT_MIN: i64 = 1_000_000;

/// One history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// From 1 on.
    pub number: i64,
    pub id: HistoryId,
    pub begun_at: Timestamp,
    /// Up to this position the feed is the same as in the histories before it, and in those of the database that was replaced.
    pub shared_position: i64,
}

/// Numbers of a counter that a history never gives, since the one before may have given them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberGap {
    pub counter: String,
    pub first: i64,
    pub last: i64,
    /// The number of the history that leaves them out.
    pub history: i64,
}

/// What is known of the numbers that were given after a copy was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// None were given.
    Nothing,
    /// All of them are known: these are the last ones.
    UpTo(Counters),
    /// These, and nobody knows how many more.
    AtLeast(Counters),
}

impl Given {
    /// The counters that have certainly gone on after the copy was made, in words.
    pub fn beyond(&self, copy: &Counters) -> Vec<String> {
        match self {
            Self::UpTo(counters) => {
                let more = counters
                    .iter()
                    .filter(|(name, last)| is_given_out(name) && **last > standing(copy, name));
                more.map(|(name, last)| format!("{name} {} to {last}", standing(copy, name) + 1)).collect()
            }
            // Where it is not certain, a person knows better.
            Self::Nothing | Self::AtLeast(_) => Vec::new(),
        }
    }
}

/// A history that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHistory {
    pub history: History,
    pub gaps: Vec<NumberGap>,
}

impl NextHistory {
    /// This history, if the feed of the database that is replaced is like the copy's only up to this position.
    #[must_use]
    pub fn sharing_at_most(mut self, position: i64) -> Self {
        self.history.shared_position = self.history.shared_position.min(position);
        self
    }

    /// The history after the one of this number, in a copy whose counters stand there. `named` are last numbers that a
    /// person knows better than anybody else.
    pub fn after(
        number: i64,
        copy: &Counters,
        given: &Given,
        named: &Counters,
        id: HistoryId,
        at: Timestamp,
    ) -> Result<Self, String> {
        for (name, last) in named {
            let here = standing(copy, name);
            if !is_given_out(name) {
                return Err(format!(
                    "{name} is no counter: they are {EVENTS_COUNTER}, {ORDERS_COUNTER}, {}SERIES and {}SERIES",
                    SERIES[0], SERIES[1]
                ));
            }
            if *last < here {
                return Err(format!("{name} stands at {here} in the copy already, which is after {last}"));
            }
        }

        let known = match given {
            Given::Nothing => None,
            Given::UpTo(counters) | Given::AtLeast(counters) => Some(counters),
        };
        let fixed = [EVENTS_COUNTER, ORDERS_COUNTER].map(str::to_owned);
        let names: BTreeSet<&String> = fixed
            .iter()
            .chain(copy.keys())
            .chain(known.into_iter().flat_map(BTreeMap::keys))
            .chain(named.keys())
            .filter(|it| is_given_out(it))
            .collect();
        let number = number + 1;
        let gaps = names.into_iter().filter_map(|name| {
            let here = standing(copy, name);
            let last = match named.get(name) {
                Some(last) => exactly(name, here, *last),
                None => last_given(name, here, given),
            };
            let gap = NumberGap { counter: name.clone(), first: here + 1, last, history: number };
            (gap.last >= gap.first).then_some(gap)
        });
        let shared_position = standing(copy, EVENTS_COUNTER);
        Ok(Self { gaps: gaps.collect(), history: History { number, id, begun_at: at, shared_position } })
    }
}

/// The counters of the series that are in use. The first invoice or credit note of a series begins its counter, so that a
/// copy made before does not have it.
pub fn series_counters(invoices: &str, supplements: &str, credit_notes: &str) -> [String; 3] {
    let all = [(SERIES[0], invoices), (SERIES[0], supplements), (SERIES[1], credit_notes)];
    all.map(|(kind, series)| format!("{kind}{series}"))
}

/// The counters of a copy, and of the series that may have begun after it was made.
pub fn with_series(mut copy: Counters, series: &[String]) -> Counters {
    for counter in series {
        copy.entry(counter.clone()).or_default();
    }
    copy
}

fn standing(counters: &Counters, name: &str) -> i64 {
    counters.get(name).copied().unwrap_or(0)
}

/// Whether somebody outside knows this counter's numbers.
fn is_given_out(name: &str) -> bool {
    name == EVENTS_COUNTER
        || name == ORDERS_COUNTER
        || SERIES.iter().any(|it| name.strip_prefix(*it).is_some_and(|series| !series.is_empty()))
}

/// The last number that is left out.
fn last_given(name: &str, here: i64, given: &Given) -> i64 {
    match given {
        Given::Nothing => here,
        Given::UpTo(counters) => exactly(name, here, standing(counters, name)),
        Given::AtLeast(counters) => {
            let known = here.max(standing(counters, name));
            let least = if name == EVENTS_COUNTER { POSITIONS_LEFT_OUT_MIN } else { NUMBERS_LEFT_OUT_MIN };
            // As many again as are known: hardly more were given since the copy was made.
            known.saturating_add(known.max(least))
        }
    }
}

/// The last number of a gap. For events it is one more than was given: a reader may be told to go on from the end of a gap, so
/// no event that it was told before may have had that position.
fn exactly(name: &str, here: i64, last: i64) -> i64 {
    if name == EVENTS_COUNTER && last > here { last.saturating_add(1) } else { last.max(here) }
}

/// The histories of a database, the first to the present one, and the positions that were left out between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histories {
    pub all: Vec<History>,
    pub gaps: Vec<NumberGap>,
}

/// The end of what a reader of the feed knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadTo {
    pub position: i64,
    /// The history that told it; None: the reader does not know.
    pub history: Option<HistoryId>,
}

/// Why a reader cannot go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotResume {
    /// The position is beyond the latest event.
    Beyond,
    /// It was told in another history, which is the same up to here. None: nobody knows up to where.
    Restored(Option<i64>),
}

impl Histories {
    pub fn current(&self) -> Option<&History> {
        self.all.last()
    }

    /// The history that ended this one. None: it goes on.
    pub fn after(&self, id: HistoryId) -> Result<Option<&History>, CannotResume> {
        let mut later = self.all.iter().skip_while(|it| it.id != id);
        later.next().ok_or(CannotResume::Restored(None))?;
        Ok(later.next())
    }

    /// Whether a reader can go on from there; `last` is the position of the latest event.
    pub fn go_on(&self, read: ReadTo, last: i64) -> Result<(), CannotResume> {
        let ReadTo { position, history } = read;
        if position == 0 {
            // It knows nothing that could be lost.
            return Ok(());
        }
        if let Some(id) = history
            && let Some(History { shared_position, .. }) = self.after(id)?
            && position > *shared_position
        {
            return Err(CannotResume::Restored(Some(*shared_position)));
        }
        // The end of a gap is told as a place to go on from, the rest of it was told before the restore if at all.
        let lost =
            |gap: &&NumberGap| gap.counter == EVENTS_COUNTER && (gap.first..gap.last).contains(&position);
        if let Some(gap) = self.gaps.iter().find(lost) {
            let of_gap = self.all.iter().find(|it| it.number == gap.history);
            let shared = of_gap.map_or(gap.first - 1, |it| it.shared_position.min(gap.first - 1));
            return Err(CannotResume::Restored(Some(shared)));
        }
        let current = self.current().filter(|it| it.number > 1 && Some(it.id) != history);
        match current {
            _ if position <= last => Ok(()),
            Some(current) => Err(CannotResume::Restored(Some(current.shared_position))),
            None => Err(CannotResume::Beyond),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AT: Timestamp = Timestamp::from_unix_micros(1_760_000_000_000_000);

    fn id(number: u128) -> HistoryId {
        HistoryId(Uuid::from_u128(number))
    }

    fn counters<const N: usize>(counters: [(&str, i64); N]) -> Counters {
        counters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn copy() -> Counters {
        counters([("events", 100), ("orders", 4), ("invoices/INV", 3), ("api_keys", 9)])
    }

    fn gaps(given: &Given, named: &Counters) -> Vec<(String, i64, i64)> {
        let next = NextHistory::after(1, &copy(), given, named, id(2), AT).expect("a history");
        assert_eq!(next.history, History { number: 2, id: id(2), begun_at: AT, shared_position: 100 });
        assert!(next.gaps.iter().all(|it| it.history == 2));
        next.gaps.into_iter().map(|it| (it.counter, it.first, it.last)).collect()
    }

    fn gap(counter: &str, first: i64, last: i64) -> (String, i64, i64) {
        (counter.to_owned(), first, last)
    }

    #[test]
    fn exactly_what_was_given_is_left_out_where_it_is_known() {
        let there = counters([
            ("events", 130),
            ("orders", 6),
            ("invoices/INV", 3),
            ("credit_notes/CN", 2),
            ("api_keys", 12),
        ]);
        // One position more than was told.
        let expected = [gap("credit_notes/CN", 1, 2), gap("events", 101, 131), gap("orders", 5, 6)];
        assert_eq!(gaps(&Given::UpTo(there), &Counters::new()), expected);
        assert!(gaps(&Given::UpTo(copy()), &Counters::new()).is_empty());
        assert!(gaps(&Given::Nothing, &Counters::new()).is_empty());
    }

    #[test]
    fn where_nobody_knows_as_many_again_are_left_out_and_many_at_least() {
        let expected =
            [gap("events", 101, 1_000_100), gap("invoices/INV", 4, 10_003), gap("orders", 5, 10_004)];
        assert_eq!(gaps(&Given::AtLeast(Counters::new()), &Counters::new()), expected);
        let seen = counters([("events", 5_000_000), ("orders", 60_000)]);
        let expected =
            [gap("events", 101, 10_000_000), gap("invoices/INV", 4, 10_003), gap("orders", 5, 120_000)];
        assert_eq!(gaps(&Given::AtLeast(seen), &Counters::new()), expected);
    }

    #[test]
    fn a_series_that_may_have_begun_since_gets_a_gap_from_its_first_number_on() {
        let copy = with_series(copy(), &series_counters("INV", "SUP", "CRN"));
        assert_eq!((copy["invoices/INV"], copy["credit_notes/CRN"]), (3, 0));
        let left_out = |given: &Given| {
            let next = NextHistory::after(1, &copy, given, &Counters::new(), id(2), AT).expect("a history");
            let notes = next.gaps.into_iter().find(|it| it.counter == "credit_notes/CRN");
            notes.map(|it| (it.first, it.last))
        };
        assert_eq!(left_out(&Given::AtLeast(Counters::new())), Some((1, 10_000)));
        assert_eq!(left_out(&Given::UpTo(counters([("credit_notes/CRN", 5)]))), Some((1, 5)));
        for none in [Given::Nothing, Given::UpTo(self::copy())] {
            assert_eq!(left_out(&none), None);
        }
    }

    #[test]
    fn what_a_whole_database_gave_after_the_copy_is_certain() {
        let there = counters([("events", 130), ("orders", 4), ("invoices/INV", 5), ("api_keys", 12)]);
        let certain = Given::UpTo(there.clone()).beyond(&copy());
        assert_eq!(certain, ["events 101 to 130", "invoices/INV 4 to 5"]);
        for unsaid in [Given::Nothing, Given::AtLeast(there), Given::UpTo(copy())] {
            assert_eq!(unsaid.beyond(&copy()), Vec::<String>::new());
        }
    }

    #[test]
    fn a_person_may_know_better() {
        let named = counters([("orders", 7), ("events", 110), ("invoices/2027", 2)]);
        let expected = [gap("events", 101, 111), gap("invoices/2027", 1, 2), gap("orders", 5, 7)];
        assert_eq!(gaps(&Given::Nothing, &named), expected);
        let refused = |named: &Counters| {
            NextHistory::after(1, &copy(), &Given::Nothing, named, id(2), AT).expect_err("a refusal")
        };
        let said = refused(&counters([("orders", 3)]));
        assert_eq!(said, "orders stands at 4 in the copy already, which is after 3");
        for name in ["api_keys", "invoices/", "numbers"] {
            let said = refused(&counters([(name, 50)]));
            assert!(said.starts_with(&format!("{name} is no counter")), "{said}");
        }
    }

    fn restored() -> Histories {
        let first = History { number: 1, id: id(1), begun_at: AT, shared_position: 0 };
        let second = History { number: 2, id: id(2), shared_position: 100, ..first };
        let gap = NumberGap { counter: "events".to_owned(), first: 101, last: 131, history: 2 };
        Histories { all: vec![first, second], gaps: vec![gap] }
    }

    fn go_on(position: i64, history: Option<u128>, last: i64) -> Result<(), CannotResume> {
        restored().go_on(ReadTo { position, history: history.map(id) }, last)
    }

    #[test]
    fn a_reader_goes_on_in_what_both_histories_have() {
        for last in [100, 140] {
            for history in [None, Some(1), Some(2)] {
                assert_eq!(go_on(100, history, last), Ok(()), "{history:?}");
                assert_eq!(go_on(0, history, last), Ok(()), "{history:?}");
            }
            assert_eq!(go_on(0, Some(9), last), Ok(()), "from the first event on, whoever told it nothing");
        }
        for history in [None, Some(2)] {
            assert_eq!(go_on(131, history, 140), Ok(()), "the end of the gap is told");
            assert_eq!(go_on(140, history, 140), Ok(()));
        }
    }

    #[test]
    fn a_reader_of_what_was_lost_is_told_whether_or_not_it_knows_its_history() {
        let restored_at_100 = Err(CannotResume::Restored(Some(100)));
        for last in [100, 140] {
            assert_eq!(go_on(101, None, last), restored_at_100);
            assert_eq!(go_on(130, None, last), restored_at_100);
            assert_eq!(go_on(130, Some(1), last), restored_at_100);
        }
        // Ahead of all that was left out, as after a gap that was too small.
        assert_eq!(go_on(141, None, 140), restored_at_100);
        assert_eq!(go_on(140, Some(1), 140), restored_at_100);
        assert_eq!(go_on(7, Some(9), 140), Err(CannotResume::Restored(None)), "another database's history");
    }

    #[test]
    fn who_read_only_what_a_second_restore_has_lost_is_told_where_that_began() {
        // The first history was put back at 130 over one that had begun at 100 and gone on to 160.
        let copy = counters([("events", 130)]);
        let given = Given::UpTo(counters([("events", 160)]));
        let next = NextHistory::after(1, &copy, &given, &Counters::new(), id(3), AT).expect("a history");
        let NextHistory { history, gaps } = next.sharing_at_most(100);
        let first = History { number: 1, id: id(1), begun_at: AT, shared_position: 0 };
        let histories = Histories { all: vec![first, history], gaps };
        let go_on = |position, history| histories.go_on(ReadTo { position, history }, 170);
        let lost = Err(CannotResume::Restored(Some(100)));
        assert_eq!(go_on(160, None), lost);
        assert_eq!(go_on(160, Some(id(2))), Err(CannotResume::Restored(None)));
        assert_eq!((go_on(100, None), go_on(100, Some(id(1)))), (Ok(()), Ok(())));
        assert_eq!(go_on(161, Some(id(3))), Ok(()));
    }

    #[test]
    fn beyond_the_latest_event_of_the_same_history_there_is_nothing() {
        assert_eq!(go_on(141, Some(2), 140), Err(CannotResume::Beyond));
        let only = Histories { all: restored().all[..1].to_vec(), gaps: Vec::new() };
        for history in [None, Some(id(1))] {
            assert_eq!(only.go_on(ReadTo { position: 8, history }, 7), Err(CannotResume::Beyond));
            assert_eq!(only.go_on(ReadTo { position: 7, history }, 7), Ok(()));
        }
    }
}
