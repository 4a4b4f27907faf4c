//! Servers on one PostgreSQL, on machines whose clocks differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use consign::domain::Timestamp;
use consign::server::{ServeError, Server, is_serving};
use consign::settings::{Secret, Settings};

use crate::server::{Clients, Engine, TestServer, connect};
use crate::shop::{create_order, draft, every_law_holds, pay_by_card, stocked};

const HALF_A_SECOND: i64 = 500_000;
const AN_HOUR: i64 = 3_600_000_000;
/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Another server on the same database, on a machine whose clock is so many microseconds ahead.
async fn another(first: &TestServer, ahead: &Arc<AtomicI64>) -> Result<Server, ServeError> {
    let settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: first.folder().join("other"),
        database_url: first.database_url().map(Secret::new),
        insecure_durability: true,
        ..Settings::default()
    };
    let ahead = Arc::clone(ahead);
    let clock = move || {
        let now = consign::clock::now().unix_micros();
        Timestamp::from_unix_micros(now + ahead.load(Ordering::Relaxed))
    };
    Server::start_by(settings, Arc::new(clock)).await
}

async fn comes_to_serve(server: &Server, serving: bool) {
    let began = Instant::now();
    let target = server.address.to_string();
    while is_serving(&target).await.expect("an answer") != serving {
        assert!(began.elapsed() < PATIENCE, "health does not become {serving}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_from_server_to_server_though_their_clocks_differ() {
    let Some(first) = TestServer::start(Engine::Postgres).await else { return };
    let ahead = Arc::new(AtomicI64::new(HALF_A_SECOND));
    let other = another(&first, &ahead).await.expect("it is near enough");
    let second = Clients::over(connect(&other).await);
    stocked(&first, "A-1", 10).await;

    for (buyer, placing, paying) in [("ann", &second, &*first), ("bob", &*first, &second)] {
        let order = create_order(placing, draft(buyer, "A-1", 1)).await.expect("an order");
        pay_by_card(paying, &order.id, "tok_success").await.expect("a payment");
    }
    every_law_holds(&first).await;
    other.stop().await.expect("it stops");
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_an_hour_off_does_not_serve() {
    let Some(first) = TestServer::start(Engine::Postgres).await else { return };
    let ahead = Arc::new(AtomicI64::new(AN_HOUR));
    let refused = another(&first, &ahead).await.map(|_| ()).expect_err("it does not start");
    let text = refused.to_string();
    assert!(text.contains("ahead of the database's, where at most 60 s are tolerated"), "{text}");

    // One that is up is taken out while its clock is off.
    ahead.store(0, Ordering::Relaxed);
    let other = another(&first, &ahead).await.expect("it is right");
    for (micros, serving) in [(0, true), (AN_HOUR, false), (-AN_HOUR, false), (0, true)] {
        ahead.store(micros, Ordering::Relaxed);
        comes_to_serve(&other, serving).await;
    }
    other.stop().await.expect("it stops");
    first.stop().await;
}
