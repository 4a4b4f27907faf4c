//! Servers as processes of their own, to be killed, frozen and started again on what they left.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tonic::transport::{Channel, Endpoint};

use crate::postgres::TestDatabase;
use crate::server::{Engine, PATIENT_SECONDS, Places};

/// How long a server may take to serve before the test gives it up; how long it should take is for the test to say.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server process leaves behind and the next one goes on from: its folder and its database.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) database: Option<TestDatabase>,
    /// Where the database is reached instead, if not at its own address.
    detour: Option<String>,
    environment: Vec<(String, String)>,
}

impl Site {
    /// None where there is no PostgreSQL; a note on standard error says so.
    pub(crate) async fn prepare(engine: Engine) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TestDatabase::create().await?),
        };
        Some(Self {
            folder: tempfile::tempdir().expect("a folder"),
            database,
            detour: None,
            environment: Vec::new(),
        })
    }

    /// Over a PostgreSQL that is not one of the shared server's.
    pub(crate) fn over(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, database: None, detour: Some(url.to_owned()), environment: Vec::new() }
    }

    /// Sends every server started from here on another way to the same database.
    pub(crate) fn detour(&mut self, url: String) {
        self.detour = Some(url);
    }

    fn database_url(&self) -> Option<&str> {
        self.detour.as_deref().or_else(|| self.database.as_ref().map(|it| it.url.as_str()))
    }

    /// On what a server of the test's own has left: what a test needs is prepared there, in the words of the shop.
    /// Calls are given as long as [there](crate::server::patient).
    pub(crate) fn of(places: Places) -> Self {
        let Places { folder, database } = places;
        let mut site = Self { folder, database, detour: None, environment: Vec::new() };
        site.set("CONSIGN_LIMITS__DEADLINE_SECONDS", PATIENT_SECONDS);
        site
    }

    /// A setting for every server started from here on, by its variable, such as `CONSIGN_LIMITS__GROUP_MAX`.
    pub(crate) fn set(&mut self, variable: &str, value: impl ToString) {
        self.environment.push((variable.to_owned(), value.to_string()));
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts a server and waits until it serves.
    pub(crate) async fn start(&self) -> Process {
        let process = self.spawn();
        process.serves().await;
        process
    }

    /// Starts a server without waiting for it.
    pub(crate) fn spawn(&self) -> Process {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log");
        self.spawn_logging_to(log.into())
    }

    /// The same, with its log somewhere else.
    pub(crate) fn spawn_logging_to(&self, log: Stdio) -> Process {
        let address = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command
            .args(["serve", "--insecure-durability"])
            .env("CONSIGN_LISTEN", address.to_string())
            .env("CONSIGN_DATA_DIR", self.data())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(url) = self.database_url() {
            command.env("CONSIGN_DATABASE_URL", url);
        }
        Process { child: command.spawn().expect("a server process"), address, began: Instant::now() }
    }

    /// Runs a command over the same database and settings until its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command
            .args(arguments)
            .env("CONSIGN_DATA_DIR", self.data())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if let Some(url) = self.database_url() {
            command.env("CONSIGN_DATABASE_URL", url);
        }
        command.output().expect("the command runs")
    }

    /// What `consign check` says over the database, whether or not a server is up: nothing, or what is broken.
    pub(crate) fn broken_laws(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.args(["check", "--insecure-durability"]).env("CONSIGN_DATA_DIR", self.data());
        if let Some(url) = self.database_url() {
            command.env("CONSIGN_DATABASE_URL", url);
        }
        let output = command.output().expect("the check runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let broken: Vec<_> = text.lines().filter(|it| !it.starts_with("holds")).collect();
        match output.status.success() {
            true => broken.join("\n"),
            false => format!("{}\n{}", broken.join("\n"), String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Changes rows as nobody but a test does.
    pub(crate) async fn sql(&self, text: &str) {
        match &self.database {
            Some(database) => database.run(text).await,
            None => {
                let file = self.data().join("consign.db");
                rusqlite::Connection::open(file).expect("the database").execute_batch(text).expect(text);
            }
        }
    }

    /// What the servers have logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// One server process. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) began: Instant,
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it serves; returns the time since it was started.
    pub(crate) async fn serves(&self) -> Duration {
        let target = self.address.to_string();
        while !consign::server::is_serving(&target).await.unwrap_or(false) {
            assert!(self.began.elapsed() < PATIENCE, "the server does not come up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.began.elapsed()
    }

    /// A connection of its own; it does not matter whether the server is up yet, or up again.
    pub(crate) fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("an address");
        endpoint.connect_timeout(Duration::from_secs(2)).connect_lazy()
    }

    /// The reader's end of its log, if that is a pipe.
    pub(crate) fn take_log(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("its log is a pipe")
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state can be asked for").is_some()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal by its name, such as `TERM`, `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|it| it.success()), "cannot send {name}");
    }

    /// Waits for its end after a signal; whether it ended well.
    pub(crate) fn ends_well(&mut self) -> bool {
        self.child.wait().expect("it ends").success()
    }

    /// Memory in use, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// The most memory that was in use since the start, or since it was [forgotten](Self::forget_peak), in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    pub(crate) fn forget_peak(&self) {
        let file = Path::new("/proc").join(self.id().to_string()).join("clear_refs");
        std::fs::write(file, "5").expect("our own process");
    }

    /// Time that its threads have spent on a processor.
    pub(crate) fn processor_time(&self) -> Duration {
        /// What Linux counts in, whatever the machine: `USER_HZ`.
        const TICK: Duration = Duration::from_millis(10);

        let file = Path::new("/proc").join(self.id().to_string()).join("stat");
        let stat = std::fs::read_to_string(file).expect("the process is there");
        let (_, behind_name) = stat.rsplit_once(')').expect("the name stands in brackets");
        let ticks =
            behind_name.split_whitespace().skip(11).take(2).map(|it| it.parse::<u32>().expect("a number"));
        TICK * ticks.sum::<u32>()
    }

    fn memory_kib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.id().to_string()).join("status"));
        let status = status.expect("the process is there");
        let line = status.lines().find(|it| it.starts_with(what)).expect("it has memory");
        line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number of KiB")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// How much of a long test is run: the short form, or with `TEST_FULL` set the full one.
pub(crate) fn scale<T>(short: T, full: T) -> T {
    match std::env::var_os("TEST_FULL") {
        Some(_) => full,
        None => short,
    }
}
