//! Runs pgbench, and reads what it says.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::error::BenchError;
use super::options::Until;

pub(super) const PROGRAM: &str = "pgbench";
/// Threads that pgbench spreads its clients over.
const THREADS: u64 = 2;

/// What pgbench said of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    /// How often the script came to its end.
    pub(super) operations: u64,
    /// How often it did not.
    pub(super) failed: u64,
    /// Operations per second.
    pub(super) rate: f64,
}

/// Lets so many clients run the script over and over, each on a connection of its own.
pub(super) async fn run(
    url: &str,
    script: &Path,
    clients: u64,
    until: Until,
    defined: &[(&str, String)],
) -> Result<Said, BenchError> {
    let mut command = Command::new(PROGRAM);
    command.args(["--no-vacuum", "--protocol=prepared", "--file"]).arg(script);
    for (name, value) in defined {
        command.args(["--define", &format!("{name}={value}")]);
    }
    command.args(["--client", &clients.to_string(), "--jobs", &THREADS.min(clients).to_string()]);
    match until {
        Until::Elapsed(time) => command.args(["--time", &time.as_secs().to_string()]),
        Until::Count(count) => command.args(["--transactions", &count.div_ceil(clients).to_string()]),
    };
    // Not as an argument: every user of the machine can read those.
    command.env("PGDATABASE", url);
    let said = finish(command).await?;
    Said::read(&said).ok_or_else(|| BenchError::Wrong(format!("pgbench said nothing of its rate:\n{said}")))
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

impl Said {
    fn read(said: &str) -> Option<Self> {
        let after = |label: &str| said.lines().find_map(|it| it.strip_prefix(label));
        let number = |text: &str| text.split(['/', ' ']).next()?.parse().ok();
        // A counted run prints `processed: 60/60`.
        let operations = number(after("number of transactions actually processed: ")?)?;
        // Older versions end with the first failure and have no such line.
        let failed = after("number of failed transactions: ").map_or(Some(0), number)?;
        let rate = after("tps = ")?.split_whitespace().next()?.parse().ok()?;
        Some(Self { operations, failed, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_what_pgbench_says() {
        let text = "duration: 3 s\nnumber of transactions actually processed: 144\n\
            number of failed transactions: 2 (0.000%)\ntps = 48.038238 (without initial connection time)\n";
        let said = |operations, failed| Some(Said { operations, failed, rate: 48.038238 });
        assert_eq!(Said::read(text), said(144, 2));
        assert_eq!(Said::read(&text.replace("144", "140/144")), said(140, 2));
        let older = text.replace("number of failed transactions: 2 (0.000%)\n", "");
        assert_eq!(Said::read(&older), said(144, 0));
        assert_eq!(Said::read("pgbench: error"), None);
    }
}
