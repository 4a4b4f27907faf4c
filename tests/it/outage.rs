//! PostgreSQL that stops answering, losing the reply to COMMIT, and going down hard, all under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::Code;

use crate::child::{Process, Site, scale};
use crate::load::{self, Load, Told, Which};
use crate::postgres::Cluster;
use crate::proxy::{Cut, Proxy};
use crate::server::{Clients, Engine};

/// The errors that a caller may get while the database is gone.
const HONEST: [Code; 3] = [Code::Unavailable, Code::Aborted, Code::DeadlineExceeded];
const SEED: u64 = 14;
/// How long health may take to notice either way: a look every second, two seconds for an answer, and some air.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
/// Callers pause between calls, so that what is measured is the outage and not the machine.
const REST: Duration = Duration::from_millis(20);

/// Answers after which a load is under way: the first of a process takes its time.
const WARM: usize = 40;

async fn until_health_says(process: &Process, serving: bool) -> Duration {
    let began = Instant::now();
    let target = process.address.to_string();
    while consign::server::is_serving(&target).await.unwrap_or(false) != serving {
        assert!(began.elapsed() < NOTICED_WITHIN, "health does not say that serving is {serving}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}

async fn until_accepted(told: &Told, answers: usize) -> Duration {
    let (began, before) = (Instant::now(), told.accepted());
    while told.accepted() < before + answers {
        let received = told.answers();
        assert!(began.elapsed() < Duration::from_secs(60), "hardly anything is accepted: {received:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// Waits until reading is as it was before: many in a row, none refused.
async fn until_normal(clients: &Clients, healed: Instant) {
    let mut in_a_row = 0;
    while in_a_row < 50 {
        match clients.orders_of("nobody").await {
            Ok(_) => in_a_row += 1,
            Err(status) => {
                assert!(HONEST.contains(&status.code()), "{status:?}");
                in_a_row = 0;
            }
        }
        assert!(healed.elapsed() < scale(Duration::from_secs(20), Duration::from_secs(10)), "not as before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_dark_keeps_nobody_waiting() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let (proxy, url) = Proxy::to(&site.database.as_ref().unwrap().url).await;
    site.detour(url);
    let deadline = Duration::from_secs(scale(3, 10));
    site.set("CONSIGN_LIMITS__DEADLINE_SECONDS", deadline.as_secs());
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;

    let told = Arc::new(Told::default());
    let load = Load::begin(load::callers(32, SEED), || process.channel(), &told, REST);
    until_accepted(&told, WARM).await;
    told.slowest();
    let before_kib = process.resident_kib();
    proxy.go_dark();
    let noticed = until_health_says(&process, false).await;
    tokio::time::sleep(Duration::from_secs(scale(6, 30)).saturating_sub(noticed)).await;
    let during_kib = process.resident_kib();
    assert!(!consign::server::is_serving(&process.address.to_string()).await.unwrap_or(false));

    proxy.heal();
    let healed = Instant::now();
    let serving = until_health_says(&process, true).await;
    let first = until_accepted(&told, 1).await;
    let callers = load.end().await;
    let slowest = told.slowest();
    until_normal(&clients, healed).await;
    told.heard_only(&HONEST);
    told.still_true(&clients, Which::All).await;
    load::one_order_each(&callers, &clients).await;
    // Also what workers had begun when it went dark.
    let settled = clients.until_quiet(Duration::from_secs(60)).await;
    assert_eq!(site.broken_laws(), "");

    let grown_kib = during_kib.saturating_sub(before_kib);
    println!(
        "dark: noticed after {noticed:?}; back after {serving:?}, first accepted {first:?} later, all settled after \
         {settled:?}; slowest call {slowest:?}, memory grew by {grown_kib} KiB; {:?}",
        told.answers()
    );
    // A build for debugging on a busy machine gets more air.
    assert!(slowest <= deadline + scale(Duration::from_secs(3), Duration::from_millis(500)), "{slowest:?}");
    assert!(grown_kib <= 50 * 1_024, "memory grew by {grown_kib} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_commit_leaves_one_effect() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let (proxy, url) = Proxy::to(&site.database.as_ref().unwrap().url).await;
    site.detour(url);
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;

    let told = Arc::new(Told::default());
    let load = Load::begin(load::callers(8, SEED), || process.channel(), &told, REST);
    until_accepted(&told, WARM).await;
    let cuts = scale(5, 100);
    for number in 0..cuts {
        // Most commits are made and their answer is lost; for some the connection ends before them.
        proxy.cut(if number % 4 == 3 { Cut::Before } else { Cut::After }).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let callers = load.end().await;
    told.heard_only(&[Code::Unavailable]);
    told.still_true(&clients, Which::All).await;
    load::one_order_each(&callers, &clients).await;
    clients.until_quiet(Duration::from_secs(60)).await;
    assert_eq!(site.broken_laws(), "");
    let charges = crate::kills::no_money_moved_twice(&site.data(), &clients).await;
    println!(
        "{cuts} commits cut: {} orders, each once; {charges} moves of money, each once; {:?}",
        told.orders(),
        told.answers()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_down_hard_loses_nothing() {
    let Some(mut cluster) = Cluster::start() else { return };
    let site = Site::over(&cluster.url);
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;

    let told = Arc::new(Told::default());
    let mut callers = load::callers(32, SEED);
    let (mut slowest, restarts) = (Duration::ZERO, scale(1, 10));
    for restart in 0..restarts {
        let load = Load::begin(callers, || process.channel(), &told, REST);
        until_accepted(&told, WARM).await;
        cluster.stop_hard();
        // Now and then it stays away for long enough to be noticed.
        if restart % 3 == 0 {
            until_health_says(&process, false).await;
        }
        cluster.start_again();
        slowest = slowest.max(until_accepted(&told, 1).await);
        until_health_says(&process, true).await;
        callers = load.end().await;
        told.still_true(&clients, Which::Fresh).await;
    }
    told.heard_only(&HONEST);
    told.still_true(&clients, Which::All).await;
    load::one_order_each(&callers, &clients).await;
    clients.until_quiet(Duration::from_secs(60)).await;
    assert_eq!(site.broken_laws(), "");
    crate::kills::no_money_moved_twice(&site.data(), &clients).await;
    println!(
        "{restarts} hard restarts: {} orders all there; first accepted at most {slowest:?} after the database was \
         back; {:?}",
        told.orders(),
        told.answers()
    );
    assert!(slowest <= scale(Duration::from_secs(15), Duration::from_secs(5)), "{slowest:?}");
}
