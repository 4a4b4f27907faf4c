//! `consign bench`: drives a server as its callers would, over real sockets, and says what it does and what it costs.

mod caller;
mod canned;
mod catalogue;
mod cost;
mod database;
mod error;
mod flash;
mod load;
mod options;
mod pgbench;
mod place;
mod progress;
mod read;
mod report;
mod site;
mod stage;
mod tally;
mod track;

pub use error::BenchError;
pub use options::{Options, Scenario};
pub use report::BenchReport;

use pgbench::PgBench;
use report::{Comparison, Round, Side};
use site::Sites;
use stage::Stage;

use crate::server;
use crate::settings::Limits;

/// Measures what the options ask for. What the bench made for itself is gone afterwards, also when it is interrupted.
pub async fn run(options: Options) -> Result<BenchReport, BenchError> {
    let mut told = server::signals().map_err(server::ServeError::Signal)?;
    let run = run_code();
    let mut sites = Sites::default();
    let measured = tokio::select! {
        measured = measure(&options, &run, &mut sites) => measured,
        Some(()) = told.recv() => Err(BenchError::Interrupted),
    };
    sites.close().await;
    measured
}

async fn measure(options: &Options, run: &str, sites: &mut Sites) -> Result<BenchReport, BenchError> {
    let usual = options.group_max.map(|it| it.get());
    let name = |side: &str| format!("consign-bench-{}-{side}", run.to_lowercase());

    if let Some(other) = options.compare_group_max {
        let label = usual.map_or_else(group_max_by_default, |it| it.to_string());
        let a = stage(options, run, sites, &name("a"), usual, options.preload()).await?;
        let b = stage(options, run, sites, &name("b"), Some(other.get()), options.preload()).await?;
        return compare(options, "group_max", (label, a), (other.to_string(), b)).await;
    }
    if let Some((few, many)) = options.compare_preload {
        let a = stage(options, run, sites, &name("a"), usual, few).await?;
        let b = stage(options, run, sites, &name("b"), usual, many).await?;
        return compare(options, "preload", (few.to_string(), a), (many.to_string(), b)).await;
    }
    if options.pgbench {
        if options.scenario != Scenario::Place {
            return Err(BenchError::Wrong(
                "the pgbench script does what the scenario place does, and no other".to_owned(),
            ));
        }
        let a = stage(options, run, sites, &name("a"), usual, options.preload()).await?;
        // The script runs in a database that a server has filled as the other one's, and then left.
        let b = stage(options, run, sites, &name("b"), usual, options.preload()).await?;
        let b = PgBench::prepare(b, sites).await?;
        let mut rounds = (Vec::new(), Vec::new());
        for _ in 0..options.rounds.get() {
            rounds.0.push(a.play(options).await?);
            rounds.1.push(b.play(options).await?);
        }
        let (a, b) = (Side::new("consign".to_owned(), rounds.0), Side::new("pgbench".to_owned(), rounds.1));
        return Ok(BenchReport::Compared(Comparison::new("by", a, b)));
    }

    let stage = stage(options, run, sites, &name("a"), usual, options.preload()).await?;
    Ok(BenchReport::One(Box::new(stage.play(options).await?)))
}

async fn stage(
    options: &Options,
    run: &str,
    sites: &mut Sites,
    name: &str,
    group_max: Option<u64>,
    preload: u64,
) -> Result<Stage, BenchError> {
    let site = sites.open(options, name, group_max).await?;
    Stage::prepare(options, run, site, preload).await
}

/// Both are up all the time, and each has its turn, A first.
async fn compare(
    options: &Options,
    compared: &'static str,
    (label_a, a): (String, Stage),
    (label_b, b): (String, Stage),
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
    let told = std::env::var("CONSIGN_LIMITS__GROUP_MAX");
    told.unwrap_or_else(|_| Limits::default().group_max.to_string())
}

/// Letters that tell this run from others.
fn run_code() -> String {
    std::iter::repeat_with(|| fastrand::char('A'..='Z')).take(6).collect()
}
