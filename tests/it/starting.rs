//! What a server needs in order to start, and what it says when that is not there.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::child::Site;
use crate::postgres::TestDatabase;
use crate::server::{Clients, Engine};

/// For a server that takes 10 seconds at most, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_file_is_refused() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let mut first = site.start().await;
    let second = serve(&site);
    assert!(second.contains("is served by another process"), "{second}");
    Clients::over(first.channel()).stock_up().await;
    first.kill();
    Clients::over(site.start().await.channel()).orders_of("nobody").await.expect("the next one serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_servers_share_a_database_of_postgres() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    let both = (site.start().await, site.start().await);
    Clients::over(both.0.channel()).stock_up().await;
    Clients::over(both.1.channel()).create_order("shared", String::new()).await.expect("an order");
}

const LATER: &str = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_than_the_program_is_left_alone_on_sqlite() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    assert!(site.run(&["migrate"]).status.success());
    let database = rusqlite::Connection::open(site.data().join("consign.db")).unwrap();
    database.execute_batch(LATER).unwrap();
    is_newer(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_than_the_program_is_left_alone_on_postgres() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    assert!(site.run(&["migrate", "--insecure-durability"]).status.success());
    site.database.as_ref().expect("it has one").run(LATER).await;
    is_newer(&site);
}

fn is_newer(site: &Site) {
    let durability = "--insecure-durability";
    for command in
        [&["check", durability][..], &["migrate", durability], &["migrate", "--dry-run", durability]]
    {
        let output = site.run(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        assert!(
            said.contains("newer than this program, which does not know m29990101_000001_later"),
            "{said}"
        );
    }
    let said = serve(site);
    assert!(said.contains("newer than this program"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_read_and_change_rows_serves_a_schema_that_is_up_to_date() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let role = format!("worker_{}", uuid::Uuid::now_v7().simple());
    let (owner, worker) = {
        let database = site.database.as_ref().expect("it has one");
        let (_, place) = database.url.rsplit_once('@').expect("a user");
        database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'")).await;
        // Since PostgreSQL 15 nobody but the owner may create tables.
        database.run(&format!("GRANT USAGE ON SCHEMA public TO {role}")).await;
        (database.url.clone(), format!("postgres://{role}:secret@{place}"))
    };
    site.detour(worker.clone());
    let said = serve(&site);
    assert!(said.contains("permission denied"), "without a schema it says why: {said}");

    site.detour(owner);
    assert!(site.run(&["migrate", "--insecure-durability"]).status.success());
    let database = site.database.as_ref().expect("it has one");
    for what in ["SELECT, INSERT, UPDATE, DELETE ON ALL TABLES", "USAGE ON ALL SEQUENCES"] {
        database.run(&format!("GRANT {what} IN SCHEMA public TO {role}")).await;
    }
    site.detour(worker);
    let mut process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let order = clients.create_order("role", String::new()).await.expect("an order").id;
    clients.pay(&order, "tok_success", String::new()).await.expect("paid");
    assert_eq!(site.broken_laws(), "");
    process.signal("TERM");
    assert!(process.ends_well());
    let database = site.database.as_ref().expect("it has one");
    database.run(&format!("DROP OWNED BY {role}")).await;
    database.run(&format!("DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_postgres_cannot_be_reached_is_said_in_its_own_words_without_the_password() {
    let Some(database) = TestDatabase::create().await else { return };
    let (before, place) = database.url.rsplit_once('@').expect("a user");
    let (host, name) = place.split_once('/').expect("a database");
    let nobody = format!("postgres://nobody_there:hidden@{place}");
    let nowhere = format!("{before}@{host}/{name}_gone");
    let closed = format!("postgres://nobody_there:hidden@127.0.0.1:9/{name}");
    let cases = [
        (nobody, host, name, "role \"nobody_there\" does not exist"),
        (nowhere, host, name, "does not exist (SQLSTATE 3D000)"),
        (closed, "127.0.0.1:9", name, "refused"),
    ];
    for (url, host, name, why) in cases {
        let said = serve(&Site::over(&url));
        assert!(said.contains(&format!("cannot connect to PostgreSQL at {host}, database {name}")), "{said}");
        assert!(said.contains(why) && !said.contains("hidden"), "{said}");
    }
}

/// A host that accepts connections and says nothing, as one does whose processes are frozen. It goes with the value.
async fn silent_host() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_postgres_that_says_nothing_keeps_no_server_from_the_next_one() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let (listener, silent) = silent_host().await;
    let url = site.database.as_ref().expect("it has one").url.clone();
    let (before, place) = url.rsplit_once('@').expect("a user");
    site.detour(format!("{before}@{silent},{place}"));
    let process = site.start().await;
    let (_asked, _) =
        timeout(PATIENCE, listener.accept()).await.expect("it was asked").expect("a connection");
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    clients.create_order("silent", String::new()).await.expect("an order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_accepts_connections_and_says_nothing_is_told() {
    let (_listener, silent) = silent_host().await;
    let site = Site::over(&format!("postgres://clerk:hidden@{silent}/shop"));
    let serving = tokio::task::spawn_blocking(move || serve(&site));
    let said = timeout(PATIENCE, serving).await.expect("it gives up").expect("no panic");
    let told = format!("cannot connect to PostgreSQL at {silent}, database shop: no answer within 10 s");
    assert!(said.contains(&told) && !said.contains("hidden"), "{said}");
}

/// Runs a server that does not start; what it says then.
fn serve(site: &Site) -> String {
    let output = site.run(&["serve", "--listen", "127.0.0.1:0", "--insecure-durability"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
