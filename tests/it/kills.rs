//! kill -9 at any moment: what was acknowledged is there afterwards, and nothing is done twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use consign::outside::Sandbox;

use crate::child::{Site, scale};
use crate::load::{self, Load, Told, Which};
use crate::server::{Clients, Engine};

const CALLERS: usize = 32;
const SEED: u64 = 20;
/// How long the jobs of a killed process rest before another one takes them up.
const LEASE: Duration = Duration::from_secs(6);
/// How much later after a kill everything outside must be settled.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kills_on_sqlite() {
    kills(Engine::Sqlite, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kills_on_postgres() {
    kills(Engine::Postgres, Duration::from_secs(5)).await;
}

/// 4, or as many as `TEST_FULL` says, 50 if it only says so.
fn kills_wanted() -> usize {
    let full = std::env::var("TEST_FULL").ok().and_then(|it| it.parse().ok()).filter(|it| *it > 1);
    scale(4, full.unwrap_or(50))
}

async fn kills(engine: Engine, ready_within: Duration) {
    let Some(mut site) = Site::prepare(engine).await else { return };
    site.set("CONSIGN_LIMITS__LEASE_SECONDS", LEASE.as_secs());
    let wanted = kills_wanted();
    let mut random = fastrand::Rng::with_seed(SEED);
    let told = Arc::new(Told::default());
    let mut process = site.start().await;
    Clients::over(process.channel()).stock_up().await;

    let (mut in_mid_capture, mut slowest_start) = (0, Duration::ZERO);
    let mut callers = load::callers(CALLERS, SEED);
    for kill in 1..=wanted {
        let load = Load::begin(callers, || process.channel(), &told, Duration::ZERO);
        until_busy(&told, random.usize(1..150)).await;
        tokio::time::sleep(Duration::from_millis(random.u64(..50))).await;
        in_mid_capture += usize::from(told.capturing.load(Ordering::SeqCst) > 0);
        process.kill();
        callers = load.end().await;

        process = site.spawn();
        slowest_start = slowest_start.max(process.serves().await);
        told.still_true(&Clients::over(process.channel()), Which::Fresh).await;
        assert_eq!(site.broken_laws(), "", "after kill {kill} (seed {SEED})");
    }

    let clients = Clients::over(process.channel());
    told.still_true(&clients, Which::All).await;
    load::one_order_each(&callers, &clients).await;
    let settled = clients.until_quiet(SETTLED_WITHIN).await;
    assert_eq!(site.broken_laws(), "");
    let charges = no_money_moved_twice(&site.data(), &clients).await;

    println!(
        "{wanted} kills on {engine:?} (seed {SEED}), {in_mid_capture} in mid-capture: {} acknowledged answers, {} orders \
         and {} events all there; {charges} moves of money, each once; slowest start {slowest_start:?}, all settled \
         after {settled:?}; {:?}",
        told.accepted(),
        told.orders(),
        told.events(),
        told.answers(),
    );
    assert!(told.orders() > wanted && told.events() > wanted, "the load did nothing");
    assert!(in_mid_capture * 5 >= wanted, "too few kills hit a capture: the run says nothing");
    // A build for debugging on a busy machine takes its time.
    assert!(scale(true, slowest_start <= ready_within), "ready again after {slowest_start:?}");
}

/// Waits for so many more answers.
async fn until_busy(told: &Told, answers: usize) {
    let (began, before) = (Instant::now(), told.accepted());
    while told.accepted() < before + answers {
        assert!(began.elapsed() < SETTLED_WITHIN, "hardly anything is answered");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// By the provider's own books, which know of no payment that ours do not.
pub(crate) async fn no_money_moved_twice(data: &Path, clients: &Clients) -> usize {
    let ours = clients.payments().await.expect("payments can be listed");
    let charges = Sandbox::open(&data.join("sandbox-payments")).expect("the provider's books").charges();
    assert!(charges.iter().all(|it| it.effects <= 1), "money was moved twice: {charges:?}");
    let strange = charges.iter().find(|it| !ours.contains(&it.payment.to_string()));
    assert!(strange.is_none(), "{strange:?} is in none of our books");
    charges.iter().filter(|it| it.effects == 1).count()
}
