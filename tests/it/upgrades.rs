//! A newer program has brought the schema further while this one serves: a step that it can do without holds it up nowhere,
//! one that it cannot ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::child::{Process, Site, scale};
use crate::server::{Clients, Engine};

const CALLERS: usize = 4;

/// How long a server may take to notice.
const PATIENCE: Duration = Duration::from_secs(60);

/// A step of a later release that only adds: programs of this release can do without it.
const ADDS: &str = "ALTER TABLE orders ADD COLUMN gift_note TEXT NOT NULL DEFAULT '';
    CREATE TABLE gift_notes (name TEXT NOT NULL PRIMARY KEY, orders BIGINT NOT NULL DEFAULT 0);
    CREATE INDEX orders_gift_note ON orders (gift_note);
    INSERT INTO schema_steps (version, compatible_from)
        SELECT 'm29990101_000001_later', MAX(version) FROM schema_steps;
    INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)";

/// One that programs have to know.
const CHANGES: &str = "INSERT INTO schema_steps (version, compatible_from)
        VALUES ('m29990101_000001_later', 'm29990101_000001_later');
    INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)";

const TAKES_BACK: &str = "DELETE FROM schema_steps WHERE version LIKE 'm2999%';
    DELETE FROM seaql_migrations WHERE version LIKE 'm2999%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_goes_on_under_load_while_a_newer_one_adds_to_the_schema_on_sqlite() {
    goes_on_while_the_schema_grows(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_goes_on_under_load_while_a_newer_one_adds_to_the_schema_on_postgres() {
    goes_on_while_the_schema_grows(Engine::Postgres).await;
}

async fn goes_on_while_the_schema_grows(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let placed = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(place(Clients::over(process.channel()), caller, Arc::clone(&placed))))
        .collect();
    until(&placed, scale(20, 300)).await;

    site.sql(ADDS).await;
    let before = placed.load(Ordering::Relaxed);
    until(&placed, before + scale(20, 300)).await;
    if engine == Engine::Postgres {
        // Another process of this release, started after the step.
        let beside = site.start().await;
        Clients::over(beside.channel()).create_order("beside", String::new()).await.expect("an order");
        stop(beside);
    }
    for caller in callers {
        caller.abort();
        let ended = caller.await.expect_err("it ends by being stopped only");
        assert!(ended.is_cancelled(), "a caller was held up: {ended}");
    }
    clients.until_quiet(PATIENCE).await;
    stop(process);
    assert_eq!(site.broken_laws(), "");

    let process = site.start().await;
    Clients::over(process.channel()).create_order("after", String::new()).await.expect("an order");
    stop(process);
    assert!(site.log().contains("the database is newer than this program"), "{}", site.log());
    for command in [["migrate", "--insecure-durability"], ["check", "--insecure-durability"]] {
        let output = site.run(&command);
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_its_service_when_a_newer_one_changes_the_schema_on_sqlite() {
    ends_when_the_schema_changes(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_its_service_when_a_newer_one_changes_the_schema_on_postgres() {
    ends_when_the_schema_changes(Engine::Postgres).await;
}

async fn ends_when_the_schema_changes(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let process = site.start().await;
    Clients::over(process.channel()).stock_up().await;
    site.sql(CHANGES).await;
    let began = Instant::now();
    let address = process.address.to_string();
    while consign::server::is_serving(&address).await.unwrap_or(true) {
        assert!(began.elapsed() < PATIENCE, "it serves on: {}", site.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop(process);
    assert!(site.log().contains("newer than this program"), "{}", site.log());

    for command in ["serve", "check", "migrate"] {
        let mut arguments = vec![command, "--insecure-durability"];
        if command == "serve" {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        let output = site.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        let advice =
            "does not know m29990101_000001_later; use the program that it was used with, or a later one";
        assert!(said.contains(advice), "{command}: {said}");
    }

    site.sql(TAKES_BACK).await;
    let process = site.start().await;
    Clients::over(process.channel()).create_order("after", String::new()).await.expect("an order");
    stop(process);
    assert_eq!(site.broken_laws(), "");
}

/// Places orders one after the other, and pays every second one.
async fn place(clients: Clients, caller: usize, placed: Arc<AtomicUsize>) {
    for number in 0.. {
        let buyer = format!("upgrade{caller}.{number}");
        let order = clients.create_order(&buyer, format!("place {buyer}")).await.expect("an order").id;
        if number % 2 == 0 {
            clients.pay(&order, "tok_success", format!("pay {buyer}")).await.expect("paid");
        }
        placed.fetch_add(1, Ordering::Relaxed);
    }
}

async fn until(placed: &AtomicUsize, orders: usize) {
    let began = Instant::now();
    while placed.load(Ordering::Relaxed) < orders {
        assert!(began.elapsed() < PATIENCE, "orders are not placed any more");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn stop(mut process: Process) {
    process.signal("TERM");
    assert!(process.ends_well());
}
