//! The server that is measured: one that is already up, or one started by the bench in a process of its own, so that its
//! cost is measured apart from the driver's.

use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::cost::Meter;
use super::counters::count_statements;
use super::database::Database;
use super::error::BenchError;
use super::options::Options;
use crate::access::KeyHash;
use crate::server;
use crate::terminal::complain;

/// How long a server of the bench's own may take to serve.
const UP_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to stop, which it does within ten seconds by default.
const DOWN_WITHIN: Duration = Duration::from_secs(20);
/// How much of its log is shown when it does not come up.
const LAST_WORDS: usize = 2_000;
/// How variables of settings begin.
const SETTINGS: &str = "CONSIGN_";
/// What a server of the bench's own inherits of them. No other: it must not reach real data, real mail, couriers,
/// providers or subscribers.
const INHERITED: &str = "CONSIGN_LIMITS__";

/// All servers of a run, and databases without one.
#[derive(Default)]
pub(super) struct MeasuredServers {
    own: Vec<Own>,
}

/// What tells a server of the bench's own from others.
#[derive(Debug, Clone, Default)]
pub(super) struct Launch {
    /// None: the binary that runs the bench. Another one may be older: only flags that every one knows are given.
    pub(super) program: Option<PathBuf>,
    /// None: as everywhere else.
    pub(super) group_max: Option<u64>,
    pub(super) access: Access,
}

/// Who may call, and whether operators have a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Access {
    /// Callers are believed, and the port tells what is counted.
    #[default]
    Believed,
    /// Callers show an API key; so does who asks at the port.
    Keyed,
    /// Callers are believed, and there is no such port.
    WithoutPort,
}

impl Access {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Keyed => Some(KEY),
            Self::Believed | Self::WithoutPort => None,
        }
    }
}

/// The API key of a server of the bench's own, which listens on loopback for as long as it is measured.
const KEY: &str = "consign_bench";

/// A server that is up.
#[derive(Debug, Clone)]
pub(super) struct MeasuredServer {
    pub(super) address: String,
    pub(super) meter: Meter,
    pub(super) engine: &'static str,
    /// Whether it belongs to this run alone.
    pub(super) is_own: bool,
    /// The address of its own PostgreSQL database.
    pub(super) database_url: Option<String>,
    /// Where it says what it counts; None: it is not known to, or not to everybody.
    pub(super) operations: Option<String>,
    /// What callers show it.
    pub(super) key: Option<&'static str>,
}

/// An empty PostgreSQL database without a server.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) database_url: String,
    pub(super) meter: Meter,
    /// For files that belong to it.
    pub(super) folder: PathBuf,
}

struct Own {
    folder: PathBuf,
    database: Option<Database>,
    launch: Launch,
    address: String,
    /// Of its operators' port.
    operations: Option<String>,
    /// None: stopped.
    process: Option<Child>,
}

impl MeasuredServers {
    /// The server that the options name, or a new one of the bench's own.
    pub(super) async fn open(
        &mut self,
        options: &Options,
        name: &str,
        launch: Launch,
    ) -> Result<MeasuredServer, BenchError> {
        if let Some(target) = &options.target {
            return Ok(MeasuredServer::elsewhere(target, "unknown"));
        }
        let own = self.room(options, name).await?;
        own.launch = launch;
        own.address =
            free_address().map_err(|source| BenchError::Folder { path: own.folder.clone(), source })?;
        let key = own.launch.access.key();
        // Another binary may be one that has no such port.
        if own.launch.program.is_none() && own.launch.access != Access::WithoutPort {
            let free = free_address();
            own.operations =
                Some(free.map_err(|source| BenchError::Folder { path: own.folder.clone(), source })?);
        }
        own.start().await?;
        let database_url = own.database.as_ref().map(|it| it.url.clone());
        let engine = if database_url.is_some() { "postgres" } else { "sqlite" };
        Ok(MeasuredServer {
            address: own.address.clone(),
            meter: own.meter(),
            engine,
            is_own: true,
            database_url,
            operations: own.operations.clone().filter(|_| key.is_none()),
            key,
        })
    }

    /// A database in which the bench itself is at work.
    pub(super) async fn scratch(&mut self, options: &Options, name: &str) -> Result<Scratch, BenchError> {
        let own = self.room(options, name).await?;
        let Some(database) = &own.database else {
            return Err(BenchError::Wrong("the bench's own tables need PostgreSQL".to_owned()));
        };
        let database_url = database.url.clone();
        Ok(Scratch { database_url, meter: own.meter(), folder: own.folder.clone() })
    }

    /// A folder, and where the options name a PostgreSQL a database.
    async fn room(&mut self, options: &Options, name: &str) -> Result<&mut Own, BenchError> {
        let folder = options.data_dir.clone().unwrap_or_else(std::env::temp_dir).join(name);
        fs::create_dir_all(&folder).map_err(|source| BenchError::Folder { path: folder.clone(), source })?;
        let (launch, address) = (Launch::default(), String::new());
        // Kept from here on, so that nothing is left behind when the next step fails.
        self.own.push(Own { folder, database: None, launch, address, operations: None, process: None });
        let own = self.own.last_mut().expect("one was pushed in the line before");
        if let Some(url) = &options.database_url {
            let database = own.database.insert(Database::create(url, &name.replace('-', "_")).await?);
            count_statements(&database.url).await?;
        }
        Ok(own)
    }

    /// Stops the server; what it has stored stays until [`MeasuredServers::close`].
    pub(super) async fn stop(&mut self, server: &MeasuredServer) {
        for own in self.own.iter_mut().filter(|it| it.address == server.address) {
            own.stop().await;
        }
    }

    /// Starts it anew on what it has stored.
    pub(super) async fn start(&mut self, server: &mut MeasuredServer) -> Result<(), BenchError> {
        for own in self.own.iter_mut().filter(|it| it.address == server.address) {
            own.start().await?;
            server.meter = own.meter();
        }
        Ok(())
    }

    /// Stops all servers of the bench's own and removes what they have stored.
    pub(super) async fn close(self) {
        for mut own in self.own {
            own.stop().await;
            if let Some(database) = own.database.take()
                && let Err(error) = database.remove().await
            {
                complain(format_args!("a database of the bench's own could not be removed: {error}"));
            }
            // Files left in a temporary folder do no harm.
            let _ = fs::remove_dir_all(&own.folder);
        }
    }
}

impl MeasuredServer {
    /// A server of which only the address is known.
    pub(super) fn elsewhere(address: &str, engine: &'static str) -> Self {
        let (address, meter) = (address.to_owned(), Meter::default());
        Self { address, meter, engine, is_own: false, database_url: None, operations: None, key: None }
    }
}

impl Own {
    async fn start(&mut self) -> Result<(), BenchError> {
        let process = serve(self)?;
        let process = self.process.insert(process);
        until_up(process, &self.address, &self.folder).await
    }

    fn meter(&self) -> Meter {
        let server = self.process.as_ref().map(Child::id);
        Meter::of(server, self.database.as_ref().and_then(|it| it.postmaster))
    }

    async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        ask_to_stop(&process);
        let ends = Instant::now() + DOWN_WITHIN;
        while Instant::now() < ends && matches!(process.try_wait(), Ok(None)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // A process that has ended already makes this an error, which is fine.
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn serve(own: &Own) -> Result<Child, BenchError> {
    let Own { folder, database, launch, address, operations, process: _ } = own;
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let log = log.map_err(|source| BenchError::Folder { path: folder.clone(), source })?;

    let Launch { program, group_max, access } = launch;
    let name = program.as_ref().map_or_else(|| "a server".to_owned(), |it| it.display().to_string());
    let failed = |source| BenchError::Program { program: name.clone(), source };
    let program = match program {
        // A file of that name, not a command that is looked for elsewhere.
        Some(program) => fs::canonicalize(program).map_err(failed)?,
        None => std::env::current_exe().map_err(failed)?,
    };
    let mut command = Command::new(program);
    command.args(["serve", "--listen", address, "--data-dir"]).arg(folder.join("data"));
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with(SETTINGS) && !name.starts_with(INHERITED) {
            command.env_remove(&variable);
        }
    }
    if let Some(database) = database {
        // Not as a flag: every user of the machine can read those.
        command.env("CONSIGN_DATABASE_URL", &database.url);
    }
    if let Some(group_max) = group_max {
        command.env("CONSIGN_LIMITS__GROUP_MAX", group_max.to_string());
    }
    if let Some(key) = access.key() {
        command.env("CONSIGN_ACCESS__KEYS__bench__SHA256", format!("[{}]", KeyHash::of(key)));
        command.env("CONSIGN_ACCESS__KEYS__bench__ROLES", "[admin]");
    }
    if let Some(address) = operations {
        command.env("CONSIGN_OPERATIONS__LISTEN", address);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().map_err(failed)
}

async fn until_up(process: &mut Child, address: &str, folder: &Path) -> Result<(), BenchError> {
    let began = Instant::now();
    while !server::is_serving(address).await.unwrap_or(false) {
        let gone = !matches!(process.try_wait(), Ok(None));
        if gone || began.elapsed() > UP_WITHIN {
            let log = fs::read(folder.join("log")).unwrap_or_default();
            let last = log.get(log.len().saturating_sub(LAST_WORDS)..).unwrap_or_default();
            return Err(BenchError::NotUp(String::from_utf8_lossy(last).trim().to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

/// SIGTERM, as an operator sends it; on systems without signals the process is killed, which loses nothing.
fn ask_to_stop(process: &Child) {
    #[cfg(unix)]
    {
        let mut command = Command::new("kill");
        let _ = command.arg("-TERM").arg(process.id().to_string()).stderr(Stdio::null()).status();
    }
    #[cfg(not(unix))]
    {
        let _ = process;
    }
}
