//! `consign bench`: drives a server as its callers would, over real sockets, and says what it does and what it costs.
//!
//! | file | what is in it |
//! |---|---|
//! | `options` | the flags |
//! | `scenarios/` | what the clients do: `place` (and `lifecycle`), `read`, `flash`, `track` |
//! | `measured_server` | the server, started here or elsewhere; `database`: its PostgreSQL database |
//! | `measure` | prepares a server, runs one scenario against it |
//! | `driver` | many clients at once, or so many operations a second; `caller`: the calls of one client |
//! | `catalogue` | products and orders of a run |
//! | `tally`, `cost` | counters and latencies; processor time and memory |
//! | `report`, `progress` | the result as text and JSON; the line on the terminal meanwhile |
//! | `canned` | a server of prepared answers, for the driver's own limit (`ceiling`) |
//! | `pgbench` | the same rows written by a pgbench script, for comparison |

mod caller;
mod canned;
mod catalogue;
mod cost;
mod database;
mod driver;
mod error;
mod measure;
mod measured_server;
mod options;
mod pgbench;
mod progress;
mod report;
mod scenarios;
mod tally;

pub use error::BenchError;
pub use options::{Options, Scenario};
pub use report::BenchReport;

use measure::Setup;
use measured_server::MeasuredServers;
use pgbench::PgBench;
use report::{Comparison, Round, Side};

use crate::server;
use crate::settings::Limits;

/// Measures what the options ask for. What the bench made for itself is gone afterwards, also when it is interrupted.
pub async fn run(options: Options) -> Result<BenchReport, BenchError> {
    let mut stop_signals = server::signals().map_err(server::ServeError::Signal)?;
    let run = run_code();
    let mut servers = MeasuredServers::default();
    let measured = tokio::select! {
        measured = measure(&options, &run, &mut servers) => measured,
        Some(()) = stop_signals.recv() => Err(BenchError::Interrupted),
    };
    servers.close().await;
    measured
}

async fn measure(
    options: &Options,
    run: &str,
    servers: &mut MeasuredServers,
) -> Result<BenchReport, BenchError> {
    let usual = options.group_max.map(|it| it.get());
    let name = |side: &str| format!("consign-bench-{}-{side}", run.to_lowercase());

    if let Some(other) = options.compare_group_max {
        let label = usual.map_or_else(group_max_by_default, |it| it.to_string());
        let a = setup(options, run, servers, &name("a"), usual, options.preload()).await?;
        let b = setup(options, run, servers, &name("b"), Some(other.get()), options.preload()).await?;
        return compare(options, "group_max", (label, a), (other.to_string(), b)).await;
    }
    if let Some((few, many)) = options.compare_preload {
        let a = setup(options, run, servers, &name("a"), usual, few).await?;
        let b = setup(options, run, servers, &name("b"), usual, many).await?;
        return compare(options, "preload", (few.to_string(), a), (many.to_string(), b)).await;
    }
    if options.pgbench {
        if options.scenario != Scenario::Place {
            return Err(BenchError::Wrong(
                "the pgbench script does what the scenario place does, and no other".to_owned(),
            ));
        }
        let a = setup(options, run, servers, &name("a"), usual, options.preload()).await?;
        // The script runs in a database that a server has filled as the other one's, and then left.
        let b = setup(options, run, servers, &name("b"), usual, options.preload()).await?;
        let b = PgBench::prepare(b, servers).await?;
        let mut rounds = (Vec::new(), Vec::new());
        for _ in 0..options.rounds.get() {
            rounds.0.push(a.play(options).await?);
            rounds.1.push(b.play(options).await?);
        }
        let (a, b) = (Side::new("consign".to_owned(), rounds.0), Side::new("pgbench".to_owned(), rounds.1));
        return Ok(BenchReport::Compared(Comparison::new("by", a, b)));
    }

    let setup = setup(options, run, servers, &name("a"), usual, options.preload()).await?;
    Ok(BenchReport::One(Box::new(setup.play(options).await?)))
}

async fn setup(
    options: &Options,
    run: &str,
    servers: &mut MeasuredServers,
    name: &str,
    group_max: Option<u64>,
    preload: u64,
) -> Result<Setup, BenchError> {
    let server = servers.open(options, name, group_max).await?;
    Setup::prepare(options, run, server, preload).await
}

/// Both servers are up all the time and are measured in turns, A first.
async fn compare(
    options: &Options,
    compared: &'static str,
    (label_a, a): (String, Setup),
    (label_b, b): (String, Setup),
) -> Result<BenchReport, BenchError> {
    let mut rounds: (Vec<Round>, Vec<Round>) = Default::default();
    for _ in 0..options.rounds.get() {
        rounds.0.push(a.play(options).await?);
        rounds.1.push(b.play(options).await?);
    }
    let (a, b) = (Side::new(label_a, rounds.0), Side::new(label_b, rounds.1));
    Ok(BenchReport::Compared(Comparison::new(compared, a, b)))
}

/// Defaults of a server.
fn group_max_by_default() -> String {
    let set = std::env::var("CONSIGN_LIMITS__GROUP_MAX");
    set.unwrap_or_else(|_| Limits::default().group_max.to_string())
}

/// A code that distinguishes this run from others.
fn run_code() -> String {
    std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(6).collect()
}
