//! Floors: what PostgreSQL itself does of a scenario in the same time, when a pgbench script that was written by hand
//! writes the least there is to write. Their tables are their own, so that they stay when Consign's change.
//!
//! A script serves each order alone: one statement after the other, each an answer that is waited for. Nothing is
//! checked but stock and versions; no request is remembered, no letter is sent.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sqlx::{Connection, PgConnection};

use super::catalogue::PRODUCTS;
use super::counters::{count, rows_written};
use super::error::BenchError;
use super::measured_server::Scratch;
use super::options::{Options, Scenario, Until};
use super::pgbench::{self, Said};
use super::report::{Readings, Round, Sale};
use super::tally::ratio;
use super::work::Work;

const SCHEMA: &str = include_str!("floors/schema.sql");
const PLACE: &str = include_str!("floors/place.sql");
const LIFECYCLE: &str = include_str!("floors/lifecycle.sql");
const FLASH: &str = include_str!("floors/flash.sql");

/// Units of each product: more than a run can sell.
const AMPLE: &str = "INSERT INTO floor_stock SELECT sku, 1000000000 FROM generate_series(1, $1) AS sku";

/// The one product of a flash sale, as it is before a turn.
const OFFER: &str = "INSERT INTO floor_stock VALUES (0, $1) \
    ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand, reserved = 0";

const SOLD: &str = "SELECT reserved FROM floor_stock WHERE sku = 0";

/// Characters of the document that holds what an order's columns do not.
const DOCUMENT_LENGTH: usize = 1_500;

/// A scenario that has a floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    Place,
    Lifecycle,
    Flash,
}

impl Floor {
    pub(super) fn of(scenario: Scenario) -> Result<Self, BenchError> {
        match scenario {
            Scenario::Place => Ok(Self::Place),
            Scenario::Lifecycle => Ok(Self::Lifecycle),
            Scenario::Flash => Ok(Self::Flash),
            Scenario::Read | Scenario::Lists | Scenario::Track | Scenario::Ceiling => Err(BenchError::Wrong(
                "a floor was written for place, lifecycle and flash, and for no other scenario".to_owned(),
            )),
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::Place => PLACE,
            Self::Lifecycle => LIFECYCLE,
            Self::Flash => FLASH,
        }
    }

    /// Makes the tables, and stores as many orders before as Consign has.
    pub(super) async fn prepare(self, options: &Options, scratch: Scratch) -> Result<Prepared, BenchError> {
        let mut connection = PgConnection::connect(&scratch.database_url).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        sqlx::query(AMPLE).bind(PRODUCTS as i64).execute(&mut connection).await?;
        connection.close().await?;

        let script = scratch.folder.join("floor.sql");
        let prepared = Prepared { floor: self, scratch, script };
        if options.preload() > 0 {
            prepared.write(PLACE)?;
            prepared.run(options, Until::Count(options.preload())).await?;
        }
        prepared.write(self.script())?;
        Ok(prepared)
    }
}

/// A floor that can be measured.
pub(super) struct Prepared {
    floor: Floor,
    scratch: Scratch,
    script: PathBuf,
}

impl Prepared {
    /// One measurement with as many clients as Consign has, for the same time.
    pub(super) async fn play(&self, options: &Options) -> Result<Round, BenchError> {
        let Scratch { database_url: url, meter, .. } = &self.scratch;
        if let Some(time) = options.warm_up() {
            self.run(options, Until::Elapsed(time)).await?;
        }
        if self.floor == Floor::Flash {
            self.offer(options).await?;
        }

        let (rows, counted) = (rows_written(url).await?, count(url).await?);
        let before = meter.read();
        let Said { operations, failed, rate } = self.run(options, options.until()).await?;
        let after = meter.read();
        let spent = count(url).await?.since(&counted);
        let rows = rows_written(url).await? - rows;

        let readings = Readings { before, after, drained: after };
        let [_, database, _] = readings.costs(operations);
        let failures = (failed > 0).then(|| ("failed transactions of pgbench".to_owned(), failed));
        Ok(Round {
            scenario: options.scenario,
            engine: pgbench::PROGRAM,
            clients: options.clients.get(),
            connections: options.clients.get(),
            preload: options.preload(),
            seconds: ratio(operations as f64, rate).unwrap_or(0.0),
            operations,
            operations_per_second: rate,
            latency_ms: BTreeMap::new(),
            within_ms: None,
            refusals: failures.into_iter().collect(),
            server: None,
            database,
            driver: None,
            work: Work::of(Some(spent), None, operations).with_rows(rows, operations),
            peak_memory_mib: None,
            letters_sent: None,
            seconds_until_letters_sent: None,
            sale: self.sale(options, operations).await?,
            followed: None,
            beside: None,
        })
    }

    async fn offer(&self, options: &Options) -> Result<(), BenchError> {
        let units = i64::try_from(options.stock.get()).unwrap_or(i64::MAX);
        let mut connection = PgConnection::connect(&self.scratch.database_url).await?;
        sqlx::query(OFFER).bind(units).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    async fn sale(&self, options: &Options, buyers: u64) -> Result<Option<Sale>, BenchError> {
        match self.floor {
            Floor::Place | Floor::Lifecycle => Ok(None),
            Floor::Flash => {
                let mut connection = PgConnection::connect(&self.scratch.database_url).await?;
                let sold: i64 = sqlx::query_scalar(SOLD).fetch_one(&mut connection).await?;
                connection.close().await?;
                let accepted = u64::try_from(sold).unwrap_or(0);
                let refused = buyers.saturating_sub(accepted);
                Ok(Some(Sale { stock: options.stock.get(), orders: buyers, accepted, refused }))
            }
        }
    }

    fn write(&self, script: &str) -> Result<(), BenchError> {
        fs::write(&self.script, script)
            .map_err(|source| BenchError::Folder { path: self.script.clone(), source })
    }

    async fn run(&self, options: &Options, until: Until) -> Result<Said, BenchError> {
        let defined = [("products", PRODUCTS.to_string()), ("document", document())];
        pgbench::run(&self.scratch.database_url, &self.script, options.clients.get(), until, &defined).await
    }
}

/// The same in every run.
fn document() -> String {
    let mut letters = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(|| letters.alphanumeric()).take(DOCUMENT_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_uses_no_table_but_its_own() {
        for script in [PLACE, LIFECYCLE, FLASH] {
            let words: Vec<&str> = script
                .lines()
                .filter(|it| !it.starts_with("--"))
                .flat_map(|it| it.split_whitespace())
                .collect();
            let tables =
                words.windows(2).filter(|it| ["INTO", "UPDATE", "FROM"].contains(&it[0])).map(|it| it[1]);
            for table in tables {
                assert!(table.starts_with("floor_"), "{table}");
                assert!(SCHEMA.contains(&format!("CREATE TABLE {table} (")), "{table}");
            }
        }
    }

    #[test]
    fn the_document_is_as_long_as_said_and_always_the_same() {
        assert_eq!((document().len(), document()), (DOCUMENT_LENGTH, document()));
    }
}
