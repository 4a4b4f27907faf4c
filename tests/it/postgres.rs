//! A fresh PostgreSQL database for one test, in the server `TEST_DATABASE_URL` names or in a private cluster.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, DbErr, QueryResult, Statement};

/// An empty database that disappears with this value.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    name: String,
}

impl TestDatabase {
    /// `None` where there is no PostgreSQL: said aloud once, and a failure when `CI` is set.
    pub(crate) async fn create() -> Option<Self> {
        Self::create_with("").await
    }

    /// With options of the test's own, such as `ENCODING 'LATIN1'`.
    pub(crate) async fn create_with(options: &str) -> Option<Self> {
        let server = server()?;
        let name = format!("consign_test_{}", uuid::Uuid::now_v7().simple());

        execute(&server.url, &format!("CREATE DATABASE {name} TEMPLATE template0 {options}"))
            .await
            .unwrap_or_else(|error| panic!("cannot create a test database: {error}"));

        Some(Self { url: with_database(&server.url, &name), name })
    }

    /// Carries statements out in it.
    pub(crate) async fn run(&self, sql: &str) {
        execute(&self.url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// What a question to it about numbers is answered with.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.rows(sql).await.first().expect("a row").try_get_by_index(0).expect("a number")
    }

    pub(crate) async fn words(&self, sql: &str) -> Vec<String> {
        self.rows(sql).await.iter().map(|it| it.try_get_by_index(0).expect("a word")).collect()
    }

    async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1).acquire_timeout(Duration::from_secs(30)).sqlx_logging(false);
        let connection = Database::connect(options).await.expect("the database is there");
        let asked = Statement::from_string(DbBackend::Postgres, sql.to_owned());
        let rows = connection.query_all_raw(asked).await.expect("an answer");
        connection.close().await.expect("it is left");
        rows
    }
}

impl Drop for TestDatabase {
    /// Best effort, on a thread of its own: a test's runtime may be current-thread and is busy dropping us.
    fn drop(&mut self) {
        let Some(server) = server() else { return };
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);

        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(execute(&server.url, &sql)).map_err(io::Error::other)
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            say(&format!("left behind on PostgreSQL: database {}", self.name));
        }
    }
}

struct Server {
    /// Of the maintenance database, as a role that may create others.
    url: String,
    /// Its standard input is the cluster's lifeline: when this process ends, however it ends, the cluster does.
    _cluster: Option<Cluster>,
}

/// One server per process, looked for at first use.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();

    let found = SERVER.get_or_init(|| match find_or_start() {
        Ok(server) => Some(server),
        Err(why) => {
            say(&format!("SKIPPED on PostgreSQL: {why}"));
            None
        }
    });
    assert!(found.is_some() || env::var_os("CI").is_none(), "CI runs every test on PostgreSQL too");
    found.as_ref()
}

fn find_or_start() -> Result<Server, String> {
    if let Ok(url) = env::var("TEST_DATABASE_URL") {
        return Ok(Server { url, _cluster: None });
    }
    let programs = programs().ok_or("TEST_DATABASE_URL is not set and no PostgreSQL programs were found")?;

    start_cluster(&programs).map_err(|why| format!("a private cluster did not start: {why}"))
}

/// Where `initdb`, `pg_ctl` and `postgres` live together; Debian keeps them off the PATH.
fn programs() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let configured = output("pg_config", &["--bindir"]).map(PathBuf::from);
    let installed = ["/usr/lib/postgresql", "/usr/local/lib/postgresql"].map(newest_version);

    let places: Vec<PathBuf> = on_path;
    places
        .into_iter()
        .chain(configured)
        .chain(installed.into_iter().flatten())
        .find(|place| ["initdb", "pg_ctl", "postgres"].iter().all(|program| place.join(program).is_file()))
}

fn newest_version(root: &str) -> Option<PathBuf> {
    let versions = Path::new(root).read_dir().ok()?.flatten().map(|entry| entry.path());
    let newest = versions.max_by_key(|path| path.file_name()?.to_str()?.parse::<u32>().ok())?;
    Some(newest.join("bin"))
}

/// Starts a cluster, says `ready`, stops it hard or starts it again when told so, and takes it away at the end of its
/// standard input.
const CLUSTER: &str = r#"
trap '' PIPE
directory=$(mktemp -d "$2/consign-postgres.XXXXXX") || exit 1
trap 'cd / && rm -rf "$directory"' EXIT
cd "$directory" || exit 1

options="-c listen_addresses=127.0.0.1 -c port=$3 -c unix_socket_directories='' -c max_connections=200"
{
    "$1/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync &&
    "$1/pg_ctl" --pgdata=data --log=log --wait --options="$options" start
} >steps 2>&1 || { tail -n 5 steps log 2>/dev/null; exit 1; }

echo ready
while read -r asked; do
    case $asked in
    stop) "$1/pg_ctl" --pgdata=data --mode=immediate stop ;;
    start) "$1/pg_ctl" --pgdata=data --log=log --wait --options="$options" start ;;
    *) false ;;
    esac >steps 2>&1 </dev/null
    echo "$asked: $?"
done
"$1/pg_ctl" --pgdata=data --mode=immediate stop >/dev/null
"#;

fn start_cluster(programs: &Path) -> Result<Server, String> {
    let cluster = Cluster::start_with(programs)?;
    Ok(Server { url: cluster.url.clone(), _cluster: Some(cluster) })
}

/// A PostgreSQL that one test has for itself, to stop and start. It goes with this value.
pub(crate) struct Cluster {
    /// Of its only database.
    pub(crate) url: String,
    lifeline: Child,
    said: BufReader<ChildStdout>,
}

impl Cluster {
    /// `None` where PostgreSQL's programs are not found: said aloud, and a failure when `CI` is set.
    pub(crate) fn start() -> Option<Self> {
        let started = programs().ok_or("no PostgreSQL programs were found".to_owned());
        match started.and_then(|it| Self::start_with(&it)) {
            Ok(cluster) => Some(cluster),
            Err(why) => {
                say(&format!("SKIPPED on a PostgreSQL of its own: {why}"));
                assert!(env::var_os("CI").is_none(), "CI runs every test on PostgreSQL too");
                None
            }
        }
    }

    /// As by a power cut: nothing is said to anybody, nothing is flushed.
    pub(crate) fn stop_hard(&mut self) {
        self.ask("stop");
    }

    /// Starts it again, and waits until it lets people in.
    pub(crate) fn start_again(&mut self) {
        self.ask("start");
    }

    fn ask(&mut self, what: &str) {
        let lifeline = self.lifeline.stdin.as_mut().expect("it is piped");
        writeln!(lifeline, "{what}").expect("the cluster listens");
        let mut answer = String::new();
        self.said.read_line(&mut answer).expect("the cluster answers");
        assert_eq!(answer.trim(), format!("{what}: 0"));
    }

    fn start_with(programs: &Path) -> Result<Self, String> {
        let port = free_port().map_err(|error| error.to_string())?;
        let place = roomy_memory().unwrap_or_else(env::temp_dir);

        // A group of its own, so that an interrupt at the terminal reaches it only through its lifeline.
        let mut lifeline = unprivileged("sh")?
            .args(["-c", CLUSTER, "sh"])
            .args([programs, &place])
            .arg(port.to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;

        let mut said = BufReader::new(lifeline.stdout.take().expect("piped three lines up"));
        let mut first = String::new();
        said.read_line(&mut first).map_err(|error| error.to_string())?;
        if first.trim() != "ready" {
            let mut rest = String::new();
            let _ = said.read_to_string(&mut rest);
            let _ = lifeline.wait();
            return Err(format!("{first}{rest}"));
        }

        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Ok(Self { url, lifeline, said })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its standard input is what it waits for.
        drop(self.lifeline.stdin.take());
        let _ = self.lifeline.wait();
    }
}

/// PostgreSQL refuses to run as root: there it runs as the user its package made.
fn unprivileged(program: &str) -> Result<Command, String> {
    if output("id", &["-u"]).as_deref() != Some("0") {
        return Ok(Command::new(program));
    }
    output("id", &["-u", "postgres"])
        .ok_or("PostgreSQL does not run as root, and there is no user postgres")?;

    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
    Ok(command)
}

/// Consign insists on fsync, which costs nothing in memory.
fn roomy_memory() -> Option<PathBuf> {
    const NEEDED_KIB: u64 = 2 * 1024 * 1024;

    let table = output("df", &["-Pk", "/dev/shm"])?;
    let free_kib: u64 = table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    (free_kib >= NEEDED_KIB).then(|| PathBuf::from("/dev/shm"))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).acquire_timeout(Duration::from_secs(30)).sqlx_logging(false);

    let connection = Database::connect(options).await?;
    let done = connection.execute_unprepared(sql).await;
    connection.close().await?;
    done.map(|_| ())
}

/// The same server and parameters, another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(left, right)| (left, Some(right)));
    let (scheme, rest) = address.split_once("://").expect("TEST_DATABASE_URL is a postgres:// address");
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);

    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{scheme}://{host}/{name}{parameters}")
}

/// Past the test harness's capture, so that it is seen when tests pass.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

#[test]
fn another_database_keeps_the_server_and_its_parameters() {
    let named = with_database("postgres://clerk:secret@db.test:5433/postgres?sslmode=require", "fresh");
    assert_eq!(named, "postgres://clerk:secret@db.test:5433/fresh?sslmode=require");

    let bare = with_database("postgres://db.test", "fresh");
    assert_eq!(bare, "postgres://db.test/fresh");
}
