//! Callers that hang up in mid-call: by their deadline, by giving up one call, by losing the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tonic::Request;
use tonic::transport::Endpoint;

use consign::pb;

use crate::child::scale;
use crate::proxy::Tether;
use crate::server::Clients;
use crate::server::{TestServer, on_both_engines};
use crate::shop::{draft, every_law_holds, order, stocked};

/// Calls under way at once.
const AT_ONCE: usize = 32;
/// Sessions that have sat in a transaction for over a second.
const LEFT_OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND state LIKE 'idle in transaction%' AND now() - state_change > interval '1 second'";

on_both_engines!(callers_that_hang_up_leave_nothing_half_done, hang_up);

#[derive(Debug, Clone, Copy)]
enum HangUp {
    Deadline,
    GivenUp,
    ConnectionLost,
}

async fn hang_up(server: TestServer) {
    let calls = scale(300, 10_000);
    stocked(&server, "HANG", 1_000_000).await;
    let unanswered = AtomicUsize::new(0);
    let watching = Arc::new(AtomicBool::new(true));
    let left_open = tokio::spawn(watch_sessions(server.clone(), Arc::clone(&watching)));

    let unanswered_so_far = &unanswered;
    let pairs = stream::iter(0..calls).map(|number| {
        let server = server.clone();
        async move {
            let how = [HangUp::Deadline, HangUp::GivenUp, HangUp::ConnectionLost][number % 3];
            let within = Duration::from_micros(fastrand::Rng::with_seed(number as u64).u64(..50_000));
            let cancelled = cancelled(&server, number, how, within);
            let clients = Clients::over(server.channel.clone());
            let patient = format!("patient{number}");
            let (answered, normal) = tokio::join!(cancelled, create_order(&clients, &patient));
            unanswered_so_far.fetch_add(usize::from(!answered), Ordering::Relaxed);
            normal.expect("nobody suffers from those who hang up").id
        }
    });
    let acknowledged: Vec<String> = pairs.buffer_unordered(AT_ONCE / 2).collect().await;
    watching.store(false, Ordering::Relaxed);
    let left_open = left_open.await.expect("sessions can be counted");

    for id in &acknowledged {
        assert_eq!(order(&server, id).await.id, *id);
    }
    every_law_holds(&server).await;
    let clients = Clients::over(server.channel.clone());
    let came_through = AtomicUsize::new(0);
    let (asking, counted) = (&clients, &came_through);
    let each = |number: usize| async move {
        let buyer = format!("hasty{number}");
        let before = asking.orders_of(&buyer).await.expect("a list");
        let first = create_order(asking, &buyer).await.expect("a final answer");
        let second = create_order(asking, &buyer).await.expect("the same answer");
        assert_eq!(first, second);
        assert_eq!((before.min(1), asking.orders_of(&buyer).await.expect("a list")), (before, 1), "{buyer}");
        counted.fetch_add(before, Ordering::Relaxed);
    };
    stream::iter(0..calls).map(each).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    every_law_holds(&server).await;

    let (unanswered, came_through) = (unanswered.into_inner(), came_through.into_inner());
    println!(
        "{calls} calls hung up on among {calls} others: {unanswered} without an answer, {came_through} came through \
         all the same, {left_open} sessions left in a transaction"
    );
    assert!(unanswered * 5 > calls, "hardly anybody hung up in time: the run says nothing");
    assert_eq!(left_open, 0);
    server.stop().await;
}

async fn create_order(clients: &Clients, buyer: &str) -> Result<pb::Order, tonic::Status> {
    let answer = clients.orders.clone().create_order(request(buyer)).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

fn request(buyer: &str) -> Request<pb::CreateOrderRequest> {
    let order = Some(draft(buyer, "HANG", 1));
    Request::new(pb::CreateOrderRequest {
        reservation_id: String::new(),
        order,
        request_id: format!("hang up {buyer}"),
        validate_only: false,
    })
}

/// Whether there was an answer all the same.
async fn cancelled(server: &TestServer, number: usize, how: HangUp, within: Duration) -> bool {
    let mut request = request(&format!("hasty{number}"));
    match how {
        HangUp::Deadline => {
            request.set_timeout(within);
            server.orders.clone().create_order(request).await.is_ok()
        }
        HangUp::GivenUp => {
            let answer = tokio::time::timeout(within, server.orders.clone().create_order(request)).await;
            answer.is_ok_and(|it| it.is_ok())
        }
        HangUp::ConnectionLost => {
            let tether = Tether::to(server.server.address).await;
            let endpoint = Endpoint::from_shared(format!("http://{}", tether.address)).expect("an address");
            let clients = Clients::over(endpoint.connect().await.expect("a connection"));
            let call = tokio::spawn(async move { clients.orders.clone().create_order(request).await });
            tokio::time::sleep(within).await;
            drop(tether);
            call.await.expect("the call ends").is_ok()
        }
    }
}

/// How many sessions were ever found in a transaction for too long.
async fn watch_sessions(server: TestServer, watching: Arc<AtomicBool>) -> i64 {
    let Some(database) = server.database() else { return 0 };
    let mut found = 0;
    while watching.load(Ordering::Relaxed) {
        found += database.number(LEFT_OPEN).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    found + database.number(LEFT_OPEN).await
}
