//! Every commit, and every call of a provider or the mail, fails once, panics once and aborts the process once: the laws
//! hold and nothing stays stuck.

use std::time::{Duration, Instant};

use consign::pb;

use crate::child::{Process, Site, scale};
use crate::load::{Told, journeys};
use crate::server::{Clients, Engine};

/// The transactions on the way of an order, and the calls of other systems.
const COMMITS: [&str; 16] = [
    "CreateOrder",
    "BeginPayment",
    "CancelOrder",
    "StartPicking",
    "RecordPick",
    "RecordQualityCheck",
    "PackShipment",
    "CreateShippingLabel",
    "AssignCourier",
    "ConfirmPickup",
    "ConfirmDelivery",
    "SubmitFeedback",
    "CloseOrder",
    "work/answer",
    "work/run_due",
    "ClaimJobs",
];
const CALLS: [&str; 3] = ["payment", "refund", "mail"];
const LEASE: Duration = Duration::from_secs(3);
/// Longer than this nothing may be stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Error,
    Panic,
    Abort,
}

impl How {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Abort => "abort",
        }
    }
}

macro_rules! every_point {
    ($($name:ident = $engine:ident, $how:ident;)+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            every_point(Engine::$engine, How::$how).await;
        }
    )+ };
}

every_point! {
    an_error_at_any_point_breaks_nothing_on_sqlite = Sqlite, Error;
    an_error_at_any_point_breaks_nothing_on_postgres = Postgres, Error;
    a_panic_at_any_point_breaks_nothing_on_sqlite = Sqlite, Panic;
    a_panic_at_any_point_breaks_nothing_on_postgres = Postgres, Panic;
    a_crash_at_any_point_breaks_nothing_on_sqlite = Sqlite, Abort;
    a_crash_at_any_point_breaks_nothing_on_postgres = Postgres, Abort;
}

fn points(engine: Engine, how: How) -> Vec<String> {
    let commits = COMMITS.iter().flat_map(|it| [format!("{it}.commit.before"), format!("{it}.commit.after")]);
    let calls = CALLS.iter().flat_map(|it| [format!("{it}.before"), format!("{it}.after")]);
    let all = commits.chain(calls);
    // Each crash costs a start; the short form has a third of them on PostgreSQL, where starts are the same.
    match (engine, how) {
        (Engine::Postgres, How::Abort) => all.step_by(scale(3, 1)).collect(),
        (Engine::Sqlite | Engine::Postgres, _) => all.collect(),
    }
}

async fn every_point(engine: Engine, how: How) {
    let Some(mut site) = Site::prepare(engine).await else { return };
    site.set("CONSIGN_LIMITS__LEASE_SECONDS", LEASE.as_secs());
    let process = site.start().await;
    Clients::over(process.channel()).stock_up().await;
    drop(process);

    let points = points(engine, how);
    let mut process = up(&mut site, &points, how).await;
    let (told, mut restarts) = (Told::default(), 0);
    let began = Instant::now();
    for mut journey in journeys() {
        let mut clients = Clients::over(process.channel());
        let mut since = Instant::now();
        while !journey.is_over() {
            let Err(status) = journey.go_on(&clients, &told).await else {
                since = Instant::now();
                continue;
            };
            assert!(since.elapsed() < STUCK_AFTER, "{journey:?} is stuck: {status:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            if process.has_ended() {
                restarts += 1;
                process = up(&mut site, &points, how).await;
                clients = Clients::over(process.channel());
            }
        }
    }
    // What workers have left to do may kill them too.
    let mut settling = Instant::now();
    loop {
        let clients = Clients::over(process.channel());
        match clients.left_open().await {
            Ok(open) if open.is_empty() => break,
            Ok(open) => assert!(settling.elapsed() < STUCK_AFTER, "stuck: {open:?}"),
            Err(_) if process.has_ended() => {
                restarts += 1;
                process = up(&mut site, &points, how).await;
                settling = Instant::now();
            }
            Err(status) => assert!(settling.elapsed() < STUCK_AFTER, "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let settled = settling.elapsed();

    let missed = missed(&site, &points);
    println!(
        "{} points on {engine:?}, {how:?} at each once: {restarts} restarts, {:?} in all, the rest settled after \
         {settled:?}",
        points.len(),
        began.elapsed()
    );
    assert!(missed.is_empty(), "not come by: {missed:?}");
    let clients = Clients::over(process.channel());
    told.still_true(&clients, crate::load::Which::All).await;
    crate::kills::no_money_moved_twice(&site.data(), &clients).await;
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_written_down_is_no_error_for_who_pays_on_sqlite() {
    unwritten_answer(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_written_down_is_no_error_for_who_pays_on_postgres() {
    unwritten_answer(Engine::Postgres).await;
}

/// The provider has been asked by then: an error would say that nothing has happened.
async fn unwritten_answer(engine: Engine) {
    let Some(mut site) = Site::prepare(engine).await else { return };
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let order = clients.create_order("dora", String::new()).await.expect("there is stock").id;
    // Letters that are sent later would fail beside the payment.
    clients.until_quiet(STUCK_AFTER).await;
    drop(process);

    site.set("FAILPOINTS", "work/answer.commit.before=return(error)");
    let process = site.start().await;
    let pay = async |process: &Process| {
        Clients::over(process.channel()).pay(&order, "tok_success", "pays dora".to_owned()).await
    };
    let open = pay(&process).await.expect("the payment is on record");
    assert_eq!((open.state(), open.in_flight()), (pb::PaymentState::Pending, pb::PaymentAction::Charge));
    assert!(site.log().contains("place=\"work/answer.commit.before\""), "nothing was to be written down");
    drop(process);

    site.set("FAILPOINTS", "");
    let process = site.start().await;
    let paid = pay(&process).await.expect("it can be written down now");
    assert_eq!((&paid.id, paid.state()), (&open.id, pb::PaymentState::Captured));
    let clients = Clients::over(process.channel());
    assert_eq!(crate::kills::no_money_moved_twice(&site.data(), &clients).await, 1);
    clients.until_quiet(STUCK_AFTER).await;
    assert_eq!(site.broken_laws(), "");
}

/// The points that no server has reached so far.
fn missed(site: &Site, points: &[String]) -> Vec<String> {
    let log = site.log();
    points.iter().filter(|it| !log.contains(&format!("place=\"{it}\""))).cloned().collect()
}

/// A server with every point set that none has reached yet.
async fn up(site: &mut Site, points: &[String], how: How) -> Process {
    let began = Instant::now();
    loop {
        let told: Vec<_> =
            missed(site, points).iter().map(|it| format!("{it}=1*return({})", how.word())).collect();
        site.set("FAILPOINTS", told.join(";"));
        let mut process = site.spawn();
        let target = process.address.to_string();
        while !process.has_ended() {
            if consign::server::is_serving(&target).await.unwrap_or(false) {
                return process;
            }
            assert!(began.elapsed() < STUCK_AFTER, "no server comes up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
