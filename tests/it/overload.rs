//! More calls than there is room for: those under way are not slowed down, the others are refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use consign::pb;
use consign::pb::order_service_client::OrderServiceClient;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

use crate::child::{Process, Site, scale};
use crate::server::{Engine, TestServer, patient};
use crate::shop::{by, draft, reason, stocked};

/// Connections, so that not they are what is short.
const CONNECTIONS: usize = 8;
/// Callers at once that keep the server as busy as it can be.
const ENOUGH: usize = 48;

#[tokio::test(flavor = "multi_thread")]
async fn at_three_times_what_it_can_do_the_server_does_most_of_it_and_refuses_the_rest_at_once() {
    const TIMES: f64 = 3.0;
    const GOODPUT: f64 = 0.8;
    const REFUSED_WITHIN: Duration = Duration::from_millis(50);
    const HEALTH_WITHIN: Duration = Duration::from_millis(100);

    let span = scale(Duration::from_secs(2), Duration::from_secs(20));
    let server = TestServer::start_with(Engine::Sqlite, patient).await.expect("it is embedded");
    stocked(&server, "O-1", 1_000_000).await;
    let mut site = Site::of(server.stop().await);
    site.set("CONSIGN_LIMITS__CALLS", 64);
    let server = site.start().await;
    let channels: Arc<Vec<_>> = Arc::new((0..CONNECTIONS).map(|_| server.channel()).collect());

    let peak = as_fast_as_it_goes(&channels, span).await;
    let watching = Arc::new(AtomicBool::new(true));
    let health = tokio::spawn(watch_health(server.channel(), Arc::clone(&watching)));
    let Offered { done, mut refused, sent, took } = offer(&channels, TIMES * peak, span).await;
    watching.store(false, Ordering::Release);
    let mut waits = health.await.expect("health answers");

    let goodput = done as f64 / took.as_secs_f64();
    refused.sort();
    waits.sort();
    let p99 = |it: &[Duration]| it.get(it.len() * 99 / 100).copied().unwrap_or_default();
    println!(
        "peak {peak:.0}/s; offered {:.0}/s: {goodput:.0}/s done ({:.0} %), {} refused, p50 {:?}, p99 {:?}; health p99 {:?}, longest {:?}",
        sent as f64 / took.as_secs_f64(),
        100.0 * goodput / peak,
        refused.len(),
        refused.get(refused.len() / 2).copied().unwrap_or_default(),
        p99(&refused),
        p99(&waits),
        waits.last(),
    );
    assert!(done > 0 && !refused.is_empty(), "it was no overload");
    assert!(goodput >= scale(0.0, GOODPUT) * peak);
    assert!(p99(&refused) <= scale(200, 1) * REFUSED_WITHIN);
    assert!(p99(&waits) <= scale(200, 1) * HEALTH_WITHIN);
    still_serves(&server, &site).await;
}

/// The room is small, so that a hundred callers at once are too many on any machine.
#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_room_is_told_to_come_again_and_finds_it_then() {
    const CALLERS: usize = 100;

    let server = TestServer::start_with(Engine::Sqlite, patient).await.expect("it is embedded");
    stocked(&server, "O-1", 1_000).await;
    let mut site = Site::of(server.stop().await);
    site.set("CONSIGN_LIMITS__CALLS", 4);
    let server = site.start().await;

    let refusals = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (channel, refusals) = (server.channel(), Arc::clone(&refusals));
        callers.spawn(async move {
            loop {
                match create(&channel, format!("o{number}")).await {
                    Ok(()) => return,
                    Err(status) => {
                        let wait = must_be_a_refusal(&status);
                        refusals.fetch_add(1, Ordering::Relaxed);
                        // Not all at the same moment again.
                        sleep(wait.mul_f64(0.5 + number as f64 / CALLERS as f64)).await;
                    }
                }
            }
        });
    }
    timeout(Duration::from_secs(60), callers.join_all()).await.expect("everybody finds room");
    let refusals = refusals.load(Ordering::Relaxed);
    println!("{CALLERS} callers with room for 4: refused {refusals} times, then all done");
    assert!(refusals > 0, "it was no overload");
    still_serves(&server, &site).await;
}

async fn create(channel: &Channel, buyer: String) -> Result<(), Status> {
    let order = Some(draft(&buyer, "O-1", 1));
    let request = pb::CreateOrderRequest {
        reservation_id: String::new(),
        order,
        request_id: String::new(),
        validate_only: false,
    };
    OrderServiceClient::new(channel.clone()).create_order(by("storefront", request)).await.map(drop)
}

/// When to come again.
fn must_be_a_refusal(status: &Status) -> Duration {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::ResourceExhausted, "OVERLOADED"),
        "{status:?}"
    );
    let again = status.get_details_retry_info().and_then(|it| it.retry_delay);
    again.expect("it says when to come again")
}

/// Orders per second with as many callers as it takes, each calling again once it is answered.
async fn as_fast_as_it_goes(channels: &Arc<Vec<Channel>>, span: Duration) -> f64 {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..ENOUGH {
        let channel = channels[number % channels.len()].clone();
        callers.spawn(async move {
            let mut done = 0;
            while began.elapsed() < span {
                create(&channel, format!("c{number}x{done}")).await.expect("there is room");
                done += 1;
            }
            done
        });
    }
    callers.join_all().await.iter().sum::<usize>() as f64 / began.elapsed().as_secs_f64()
}

struct Offered {
    done: usize,
    /// How long each refusal took.
    refused: Vec<Duration>,
    sent: usize,
    took: Duration,
}

/// So many orders a second, whether or not the earlier ones are answered.
async fn offer(channels: &Arc<Vec<Channel>>, per_second: f64, span: Duration) -> Offered {
    const BEAT: Duration = Duration::from_millis(5);

    let began = Instant::now();
    let mut beat = interval(BEAT);
    let mut calls = JoinSet::new();
    let mut sent = 0;
    while began.elapsed() < span {
        beat.tick().await;
        let due = (began.elapsed().as_secs_f64() * per_second) as usize;
        while sent < due {
            let channel = channels[sent % channels.len()].clone();
            let buyer = format!("x{sent}");
            calls.spawn(async move {
                let began = Instant::now();
                match create(&channel, buyer).await {
                    Ok(()) => None,
                    Err(status) => {
                        must_be_a_refusal(&status);
                        Some(began.elapsed())
                    }
                }
            });
            sent += 1;
        }
    }
    let took = began.elapsed();
    let answers = timeout(Duration::from_secs(60), calls.join_all()).await.expect("everybody is answered");
    let refused: Vec<_> = answers.iter().flatten().copied().collect();
    Offered { done: answers.len() - refused.len(), refused, sent, took }
}

async fn watch_health(channel: Channel, going_on: Arc<AtomicBool>) -> Vec<Duration> {
    let mut waits = Vec::new();
    while going_on.load(Ordering::Acquire) {
        let began = Instant::now();
        let asked = HealthCheckRequest { service: String::new() };
        HealthClient::new(channel.clone()).check(asked).await.expect("health answers");
        waits.push(began.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    waits
}

async fn still_serves(server: &Process, site: &Site) {
    create(&server.channel(), "last".to_owned()).await.expect("there is room again");
    assert_eq!(site.broken_laws(), "");
}
