//! `consign bench`: drives a server as its callers would, over real sockets, and says what it does and what it costs.
//!
//! | file | what is in it |
//! |---|---|
//! | `options` | the flags |
//! | `scenarios/` | what the clients do: `place` (and `lifecycle`), `read`, `lists`, `flash`, `track`; `past`: what fills the archive |
//! | `measured_server` | the server, started here or elsewhere; `database`: its PostgreSQL database |
//! | `measure` | prepares a server, runs one scenario against it |
//! | `driver` | many clients at once, or so many operations a second; `caller`: the calls of one client; `caller/lists`: its lists |
//! | `catalogue` | products and orders of a run |
//! | `tally`, `cost` | counters and latencies; processor time and memory |
//! | `work` | what else an operation costs: `counters` of PostgreSQL, context `switches` of the server |
//! | `report`, `progress` | the result as text and JSON; the line on the terminal meanwhile |
//! | `canned` | a server of prepared answers, for the driver's own limit (`ceiling`) |
//! | `floor`, `floors/` | the least that PostgreSQL has to write for a scenario, by hand; `pgbench` runs it |

mod caller;
mod canned;
mod catalogue;
mod cost;
mod counters;
mod database;
mod driver;
mod error;
mod floor;
mod measure;
mod measured_server;
mod options;
mod pgbench;
mod progress;
mod report;
mod round_trips;
mod scenarios;
mod switches;
mod tally;
mod work;

pub use error::BenchError;
pub use options::{Options, Scenario};
pub use report::BenchReport;

use floor::{Floor, Prepared};
use measure::Setup;
use measured_server::{Access, Launch, MeasuredServers};
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
    let group_max = options.group_max.map(|it| it.get());
    let usual = Launch { program: None, group_max, access: Access::Believed };
    let name = |side: &str| format!("consign-bench-{}-{side}", run.to_lowercase());
    let preload = options.preload();
    if options.archived && options.scenario != Scenario::Lists {
        return Err(BenchError::Wrong("only lists are measured with an archive".to_owned()));
    }

    if let Some(other) = options.compare_group_max {
        let label = usual.group_max.map_or_else(group_max_by_default, |it| it.to_string());
        let launch = Launch { group_max: Some(other.get()), ..usual.clone() };
        let a = setup(options, run, servers, &name("a"), usual, preload).await?;
        let b = setup(options, run, servers, &name("b"), launch, preload).await?;
        return compare(options, servers, "group_max", (label, a), (other.to_string(), b)).await;
    }
    if let Some((few, many)) = options.compare_preload {
        let a = setup(options, run, servers, &name("a"), usual.clone(), few).await?;
        let b = setup(options, run, servers, &name("b"), usual, many).await?;
        return compare(options, servers, "preload", (few.to_string(), a), (many.to_string(), b)).await;
    }
    if let Some(program) = &options.compare_binary {
        let launch = Launch { program: Some(program.clone()), ..usual.clone() };
        let a = setup(options, run, servers, &name("a"), usual, preload).await?;
        let b = setup(options, run, servers, &name("b"), launch, preload).await?;
        let other = program.display().to_string();
        return compare(options, servers, "binary", ("this".to_owned(), a), (other, b)).await;
    }
    if options.compare_keys {
        let [with, without] =
            [Access::Keyed, Access::WithoutPort].map(|access| Launch { access, ..usual.clone() });
        let a = setup(options, run, servers, &name("a"), with, preload).await?;
        let b = setup(options, run, servers, &name("b"), without, preload).await?;
        return compare(options, servers, "keys", ("with".to_owned(), a), ("without".to_owned(), b)).await;
    }
    if options.pgbench {
        let floor = Floor::of(options.scenario)?;
        let a = setup(options, run, servers, &name("a"), usual, preload).await?;
        let b = floor.prepare(options, servers.scratch(options, &name("b")).await?).await?;
        return compare_with_floor(options, servers, a, b).await;
    }

    let setup = setup(options, run, servers, &name("a"), usual, preload).await?;
    let mut round = [setup.play(options).await?];
    setup.add_rows_written(&mut round, servers).await?;
    let [round] = round;
    Ok(BenchReport::One(Box::new(round)))
}

async fn setup(
    options: &Options,
    run: &str,
    servers: &mut MeasuredServers,
    name: &str,
    launch: Launch,
    preload: u64,
) -> Result<Setup, BenchError> {
    let server = servers.open(options, name, launch).await?;
    let mut setup = Setup::prepare(options, run, server, preload).await?;
    setup.count_rows(options, servers).await?;
    Ok(setup)
}

/// Both servers are up all the time and are measured in turns, A first.
async fn compare(
    options: &Options,
    servers: &mut MeasuredServers,
    compared: &'static str,
    (label_a, a): (String, Setup),
    (label_b, b): (String, Setup),
) -> Result<BenchReport, BenchError> {
    let mut rounds: (Vec<Round>, Vec<Round>) = Default::default();
    for _ in 0..options.rounds.get() {
        rounds.0.push(a.play(options).await?);
        rounds.1.push(b.play(options).await?);
    }
    a.add_rows_written(&mut rounds.0, servers).await?;
    b.add_rows_written(&mut rounds.1, servers).await?;
    let (a, b) = (Side::new(label_a, rounds.0), Side::new(label_b, rounds.1));
    Ok(BenchReport::Compared(Box::new(Comparison::new(compared, a, b))))
}

async fn compare_with_floor(
    options: &Options,
    servers: &mut MeasuredServers,
    a: Setup,
    b: Prepared,
) -> Result<BenchReport, BenchError> {
    let mut rounds: (Vec<Round>, Vec<Round>) = Default::default();
    for _ in 0..options.rounds.get() {
        rounds.0.push(a.play(options).await?);
        rounds.1.push(b.play(options).await?);
    }
    a.add_rows_written(&mut rounds.0, servers).await?;
    let (a, b) = (Side::new("consign".to_owned(), rounds.0), Side::new("pgbench".to_owned(), rounds.1));
    Ok(BenchReport::Compared(Box::new(Comparison::new("by", a, b))))
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
