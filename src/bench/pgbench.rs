//! The same rows written by a pgbench script into the same PostgreSQL: the measure of what group commit is worth.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::catalogue::PRODUCTS;
use super::cost::Meter;
use super::error::BenchError;
use super::measure::Setup;
use super::measured_server::MeasuredServers;
use super::options::{Options, Scenario, Until};
use super::report::{Readings, Round};

/// What one order costs when each is served alone.
const SCRIPT: &str = include_str!("place.pgbench.sql");
const PROGRAM: &str = "pgbench";
/// Threads that pgbench spreads its clients over.
const THREADS: u64 = 2;

/// A database that a server has filled and left.
pub(super) struct PgBench {
    url: String,
    script: PathBuf,
    run: String,
    meter: Meter,
    preload: u64,
}

impl PgBench {
    /// Takes over from the setup's server, which is stopped.
    pub(super) async fn prepare(setup: Setup, servers: &mut MeasuredServers) -> Result<Self, BenchError> {
        // The script takes numbers from counters, which begin with the first order.
        setup.place_one().await?;
        servers.stop(&setup.server).await;

        let Some(url) = setup.server.database_url.clone() else {
            return Err(BenchError::Wrong("pgbench needs PostgreSQL".to_owned()));
        };
        let script = setup.server.folder.join("place.pgbench.sql");
        fs::write(&script, SCRIPT).map_err(|source| BenchError::Folder { path: script.clone(), source })?;
        let meter = Meter { server: None, postmaster: setup.server.meter.postmaster };
        Ok(Self { url, script, run: setup.run, meter, preload: setup.preload })
    }

    /// One measurement with as many clients as Consign has, for the same time.
    pub(super) async fn play(&self, options: &Options) -> Result<Round, BenchError> {
        if let Some(time) = options.warm_up() {
            self.pgbench(options, Until::Elapsed(time)).await?;
        }
        let before = self.meter.read();
        let said = self.pgbench(options, options.until()).await?;
        let after = self.meter.read();

        let Some((operations, rate)) = said_rate(&said) else {
            return Err(BenchError::Wrong(format!("pgbench said nothing of its rate:\n{said}")));
        };
        let [_, database, _] = Readings { before, after, drained: after }.costs(operations);
        Ok(Round {
            scenario: Scenario::Place,
            engine: PROGRAM,
            clients: options.clients.get(),
            connections: options.clients.get(),
            preload: self.preload,
            seconds: if rate > 0.0 { operations as f64 / rate } else { 0.0 },
            operations,
            operations_per_second: rate,
            latency_ms: BTreeMap::new(),
            refusals: BTreeMap::new(),
            server: None,
            database,
            driver: None,
            peak_memory_mib: None,
            letters_sent: None,
            seconds_until_letters_sent: None,
            sale: None,
            followed: None,
            beside: None,
        })
    }

    async fn pgbench(&self, options: &Options, until: Until) -> Result<String, BenchError> {
        let clients = options.clients.get();
        let mut command = Command::new(PROGRAM);
        command.args(["--no-vacuum", "--protocol=prepared", "--file"]).arg(&self.script);
        command.args(["--define", &format!("run={}", self.run), "--define", &format!("products={PRODUCTS}")]);
        command.args(["--client", &clients.to_string(), "--jobs", &THREADS.min(clients).to_string()]);
        match until {
            Until::Elapsed(time) => command.args(["--time", &time.as_secs().to_string()]),
            Until::Count(count) => command.args(["--transactions", &count.div_ceil(clients).to_string()]),
        };
        // Not as an argument: every user of the machine can read those.
        command.env("PGDATABASE", &self.url);
        finish(command).await
    }
}

/// Runs a program to its end; returns its output.
async fn finish(mut command: Command) -> Result<String, BenchError> {
    let failed = |source| BenchError::Program { program: PROGRAM.to_owned(), source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().map_err(failed)?);
    let status = loop {
        // It says less than a pipe holds, so that it can be read afterwards.
        if let Some(status) = running.0.try_wait().map_err(failed)? {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };

    let mut said = String::new();
    if let Some(mut stdout) = running.0.stdout.take() {
        stdout.read_to_string(&mut said).map_err(failed)?;
    }
    if !status.success() {
        if let Some(mut stderr) = running.0.stderr.take() {
            stderr.read_to_string(&mut said).map_err(failed)?;
        }
        return Err(BenchError::Wrong(format!("pgbench failed:\n{}", said.trim())));
    }
    Ok(said)
}

/// Dropped, it is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many orders were written, and how many per second.
fn said_rate(said: &str) -> Option<(u64, f64)> {
    let after = |label: &str| said.lines().find_map(|it| it.strip_prefix(label));
    // A counted run prints `processed: 60/60`.
    let count =
        after("number of transactions actually processed: ")?.split('/').next()?.trim().parse().ok()?;
    let rate = after("tps = ")?.split_whitespace().next()?.parse().ok()?;
    Some((count, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_what_pgbench_says() {
        let said = "duration: 3 s\nnumber of transactions actually processed: 144\n\
            number of failed transactions: 0 (0.000%)\ntps = 48.038238 (without initial connection time)\n";
        assert_eq!(said_rate(said), Some((144, 48.038238)));
        assert_eq!(said_rate(&said.replace("144", "140/144")), Some((140, 48.038238)));
        assert_eq!(said_rate("pgbench: error"), None);
    }
}
