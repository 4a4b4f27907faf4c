//! Options of `consign bench`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

/// How many clients share a connection by default.
const CLIENTS_PER_CONNECTION: u64 = 8;
/// Orders that are there to be read by default.
const PRELOAD_TO_READ: u64 = 1_000;
/// Buyers per unit of a flash sale by default.
const BUYERS_PER_UNIT: u64 = 4;

/// The work of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Orders of two products are created and paid by card; one operation is both calls
    Place,
    /// Orders go from receipt to proof of delivery; one operation is all of their calls
    Lifecycle,
    /// Orders are read: by id, as timelines, as the newest of filtered lists
    Read,
    /// The first page of each list, with each filter
    Lists,
    /// One product, few units, many buyers at once: 1 is answered if not exactly what is there is sold
    Flash,
    /// Shipments are followed by as many subscribers as there are clients, while their events are recorded
    Track,
    /// The driver's own limit: `place` against prepared answers, served by the driver's own process
    Ceiling,
}

/// The flags of `bench`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The work of the clients
    pub scenario: Scenario,
    /// Clients at work at once, each waiting for its answer before it asks anew
    #[arg(long, value_name = "N", default_value = "32")]
    pub clients: NonZeroU64,
    /// HTTP/2 connections that the clients share [default: one for 8 clients]
    #[arg(long, value_name = "N")]
    pub connections: Option<NonZeroU64>,
    /// How long it is measured
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub seconds: NonZeroU64,
    /// Number of operations, instead of a time [flash: buyers, by default four for each unit; lists: pages, by default
    /// 200 of each kind]
    #[arg(long, value_name = "N")]
    pub orders: Option<NonZeroU64>,
    /// How long the same is done before it is measured; nothing when --orders is given
    #[arg(long, value_name = "SECONDS", default_value = "2")]
    pub warmup_seconds: u64,
    /// Paid orders stored before, as fast as it goes; without e-mail addresses, so that no letters follow them
    /// [default: 0; read, lists: 1000]
    #[arg(long, value_name = "N")]
    pub preload: Option<u64>,
    /// With `lists`: the orders stored before are over and in the archive, and a tenth as many of the day are beside
    /// them; of ten in the archive nine were cancelled and paid back, and one was delivered, with letters and a rating
    #[arg(long)]
    pub archived: bool,
    /// Fails if one of a hundred of anything that was timed took longer
    #[arg(long, value_name = "MILLISECONDS")]
    pub within: Option<NonZeroU64>,
    /// Units there are in `flash`
    #[arg(long, value_name = "N", default_value = "500")]
    pub stock: NonZeroU64,
    /// Events recorded each second in `track`
    #[arg(long, value_name = "N", default_value = "50")]
    pub rate: NonZeroU64,
    /// Beside `read` or `lists`, so many orders are placed and paid each second
    #[arg(long, value_name = "RATE")]
    pub while_placing: Option<NonZeroU64>,

    /// A server that is already up, instead of one of the bench's own
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["database_url", "data_dir", "group_max", "compare_group_max", "compare_preload", "compare_binary", "compare_keys", "pgbench"])]
    pub target: Option<String>,
    /// A PostgreSQL in which the bench makes databases of its own, gone afterwards:
    /// postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Directory in which the bench makes folders of its own, gone afterwards [default: the system's for temporary
    /// files]
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
    /// Changes that share a transaction in the bench's own server (`limits.group_max`)
    #[arg(long, value_name = "N")]
    pub group_max: Option<NonZeroU64>,

    /// Measure in turns against a second server whose transactions take at most so many changes
    #[arg(long, value_name = "N", conflicts_with_all = ["compare_preload", "compare_binary", "compare_keys", "pgbench"])]
    pub compare_group_max: Option<NonZeroU64>,
    /// Measure in turns against two servers with so many orders stored before
    #[arg(long, value_name = "A,B", value_parser = two_numbers, conflicts_with_all = ["compare_binary", "compare_keys", "pgbench"])]
    pub compare_preload: Option<(u64, u64)>,
    /// Measure in turns against a server started from this consign binary, with the same settings
    #[arg(long, value_name = "PATH", conflicts_with_all = ["compare_keys", "pgbench"])]
    pub compare_binary: Option<PathBuf>,
    /// Measure a server whose callers show API keys, with the operators' port, in turns against one that believes its
    /// callers and has none
    #[arg(long, conflicts_with = "pgbench")]
    pub compare_keys: bool,
    /// Measure `place`, `lifecycle` or `flash` in turns against its floor: a hand-written pgbench script that writes the
    /// least there is to write, in the same PostgreSQL
    #[arg(long, requires = "database_url")]
    pub pgbench: bool,
    /// How often each side of a comparison has its turn
    #[arg(long, value_name = "N", default_value = "3")]
    pub rounds: NonZeroU64,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn two_numbers(text: &str) -> Result<(u64, u64), String> {
    let number = |it: &str| it.trim().parse().map_err(|_| format!("{it:?} is not a whole number"));
    let (one, other) = text.split_once(',').ok_or("two numbers are needed, as in 1000,200000")?;
    Ok((number(one)?, number(other)?))
}

/// When the clients stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Elapsed(Duration),
    Count(u64),
}

impl Options {
    pub(super) fn connections(&self) -> u64 {
        self.connections.map_or_else(
            || self.clients.get().div_ceil(CLIENTS_PER_CONNECTION),
            |it| it.get().min(self.clients.get()),
        )
    }

    pub(super) fn until(&self) -> Until {
        match (self.orders, self.scenario) {
            (Some(orders), _) => Until::Count(orders.get()),
            (None, Scenario::Flash) => Until::Count(self.stock.get().saturating_mul(BUYERS_PER_UNIT)),
            (None, _) => Until::Elapsed(Duration::from_secs(self.seconds.get())),
        }
    }

    /// None: nothing is done before.
    pub(super) fn warm_up(&self) -> Option<Duration> {
        match self.until() {
            Until::Elapsed(_) if self.warmup_seconds > 0 => Some(Duration::from_secs(self.warmup_seconds)),
            Until::Elapsed(_) | Until::Count(_) => None,
        }
    }

    pub(super) fn preload(&self) -> u64 {
        match self.scenario {
            Scenario::Read | Scenario::Lists => self.preload.unwrap_or(PRELOAD_TO_READ),
            Scenario::Place | Scenario::Lifecycle | Scenario::Flash | Scenario::Track | Scenario::Ceiling => {
                self.preload.unwrap_or(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn read(line: &str) -> Result<Options, clap::Error> {
        Line::try_parse_from(["bench"].into_iter().chain(line.split_whitespace())).map(|it| it.options)
    }

    #[test]
    fn clients_share_connections_and_a_count_needs_no_warm_up() {
        let plain = read("place").unwrap();
        assert_eq!((plain.connections(), plain.until()), (4, Until::Elapsed(Duration::from_secs(10))));
        assert_eq!(plain.warm_up(), Some(Duration::from_secs(2)));
        let counted = read("place --clients 3 --connections 9 --orders 7").unwrap();
        assert_eq!((counted.connections(), counted.until()), (3, Until::Count(7)));
        assert_eq!(counted.warm_up(), None);
        assert_eq!(read("flash --stock 10").unwrap().until(), Until::Count(40));
    }

    #[test]
    fn two_numbers_are_compared_and_nothing_is_compared_on_a_server_of_somebody_elses() {
        assert_eq!(
            read("place --compare-preload 1000,200000").unwrap().compare_preload,
            Some((1_000, 200_000))
        );
        assert!(read("place --compare-preload 1000").is_err());
        assert!(read("place --target 127.0.0.1:50051 --compare-group-max 1").is_err());
        assert!(read("place --target 127.0.0.1:50051 --compare-binary consign").is_err());
        assert!(read("place --compare-binary consign --compare-group-max 1").is_err());
        assert!(read("place --pgbench").is_err());
        let lists = read("lists --preload 100000 --archived --within 20").unwrap();
        assert_eq!((lists.preload(), lists.archived), (100_000, true));
        assert_eq!(lists.within.map(NonZeroU64::get), Some(20));
        assert!(read("lists --within 0").is_err());
    }
}
