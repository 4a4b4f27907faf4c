//! Callers that give up: they get DEADLINE_EXCEEDED, their change is made whole or not at all, and a repeat gets its
//! answer.

use std::time::{Duration, Instant};

use consign::pb;
use h2::client::SendRequest;
use prost::Message;
use prost::bytes::Bytes;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::child::scale;
use crate::server::{TestServer, on_both_engines};
use crate::shop::{by, draft, every_law_holds, level, reason, stocked};

/// Calls under way at once: enough that the writer is never idle.
const ABREAST: usize = 16;

fn asked(number: usize) -> pb::CreateOrderRequest {
    let order = Some(draft(&format!("late{number}"), "D-1", 1));
    pb::CreateOrderRequest {
        reservation_id: String::new(),
        order,
        request_id: format!("deadline-{number}"),
        validate_only: false,
    }
}

async fn orders_of(server: &TestServer, number: usize) -> Vec<pb::Order> {
    let filter = format!("customer_email = \"late{number}@example.com\"");
    let request = pb::ListOrdersRequest { filter, ..Default::default() };
    server.orders.clone().list_orders(request).await.expect("the list").into_inner().orders
}

on_both_engines!(a_call_whose_deadline_passes_is_done_whole_or_not_at_all_and_a_repeat_tells, late);

async fn late(server: TestServer) {
    let calls = scale(200, 5_000);
    stocked(&server, "D-1", 1_000_000).await;

    // With no client of tonic's between, which would answer for the server.
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(connect(&server).await);
    }
    let mut waiting = JoinSet::new();
    let mut answers = Vec::new();
    for number in 0..calls {
        let wire = connections[number % connections.len()].clone();
        // From a tenth of a millisecond to five seconds, as often in each order of magnitude.
        let patience = fastrand::Rng::with_seed(number as u64).f64() * (5.0_f64 / 0.000_1).ln();
        let patience = Duration::from_secs_f64(0.000_1 * patience.exp());
        waiting.spawn(async move { (number, create_order(wire, &asked(number), patience).await) });
        if waiting.len() == ABREAST {
            answers.extend(waiting.join_next().await.map(|it| it.expect("no panic")));
        }
    }
    answers.extend(waiting.join_all().await);

    let (mut late, mut late_but_done) = (0, 0);
    for (number, answer) in answers {
        let there = orders_of(&server, number).await;
        match &answer {
            Ok(order) => assert_eq!(there.first().map(|it| &it.id), Some(&order.id)),
            Err(status) => {
                assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
                assert_eq!(reason(status), "DEADLINE_PASSED");
                late += 1;
                late_but_done += there.len();
            }
        }

        let repeated = server.orders.clone().create_order(by("storefront", asked(number))).await;
        let repeated = repeated.expect("there is stock for all").into_inner().order.expect("an order");
        if let Ok(order) = answer {
            assert_eq!(order, repeated);
        }
        let after = orders_of(&server, number).await;
        assert_eq!(after.len(), 1, "one order per request id");
        assert_eq!(after[0].id, repeated.id);
        assert!(there.iter().all(|it| it.id == repeated.id));
    }
    println!("of {calls} calls {late} were late, {late_but_done} of them done all the same");
    assert!(late > 0 && late < calls, "both have to happen");

    let level = level(&server, "D-1").await;
    assert_eq!((level.reserved, level.available), (calls as i64, 1_000_000 - calls as i64));
    every_law_holds(&server).await;
}

on_both_engines!(
    who_waits_for_a_database_that_is_held_up_is_told_in_time_and_a_repeat_tells_the_rest,
    held_up
);

async fn held_up(server: TestServer) {
    const PATIENCE: Duration = Duration::from_secs(2);
    const CALLS: usize = 3;

    stocked(&server, "D-1", 100).await;
    let holding = hold_up(&server).await;
    let wire = connect(&server).await;
    let began = Instant::now();
    let status = create_order(wire, &asked(0), PATIENCE).await.expect_err("nothing can be written");
    let took = began.elapsed();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert!(took >= PATIENCE - Duration::from_millis(110) && took < 4 * PATIENCE, "{took:?}");

    // A client of tonic's gives up by itself too, as CANCELLED and without a reason. The server means to be faster, but
    // on a busy machine its answer may be late once.
    let mut told = false;
    for number in 1..=CALLS {
        let mut request = by("storefront", asked(number));
        request.set_timeout(PATIENCE);
        let status = server.orders.clone().create_order(request).await.expect_err("nothing can be written");
        if status.get_details_error_info().is_some() {
            assert_eq!(
                (status.code(), reason(&status).as_str()),
                (Code::DeadlineExceeded, "DEADLINE_PASSED")
            );
            told = true;
        }
    }
    println!("{took:?} to say that it is late");
    assert!(told, "tonic's client gives up before it is told");

    holding.execute_unprepared("ROLLBACK").await.expect("it goes on");
    holding.close().await.expect("it goes");
    for number in 0..=CALLS {
        let repeated = server.orders.clone().create_order(by("storefront", asked(number))).await;
        let id = repeated.expect("there is stock for all").into_inner().order.expect("an order").id;
        let there = orders_of(&server, number).await;
        assert_eq!(there.iter().map(|it| &it.id).collect::<Vec<_>>(), [&id]);
    }
    every_law_holds(&server).await;
}

/// An endless transaction of another session that keeps Consign from writing orders.
async fn hold_up(server: &TestServer) -> DatabaseConnection {
    let (url, statements) = match server.database_url() {
        Some(url) => (url, ["BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"]),
        None => {
            let file = server.folder().join("data").join("consign.db");
            (format!("sqlite://{}", file.display()), ["BEGIN IMMEDIATE", "SELECT 1"])
        }
    };
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await.expect("a connection");
    for statement in statements {
        connection.execute_unprepared(statement).await.expect("the hold is taken");
    }
    connection
}

async fn connect(server: &TestServer) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(server.server.address).await.expect("a connection");
    stream.set_nodelay(true).expect("a setting");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

async fn create_order(
    wire: SendRequest<Bytes>,
    asked: &pb::CreateOrderRequest,
    patience: Duration,
) -> Result<pb::Order, Status> {
    let request = http::Request::post("http://localhost/consign.v1.OrderService/CreateOrder")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("consign-actor", "storefront")
        .header("grpc-timeout", format!("{}u", patience.as_micros()))
        .body(())
        .expect("a request");
    let mut body = vec![0];
    body.extend((asked.encoded_len() as u32).to_be_bytes());
    body.extend(asked.encode_to_vec());

    let mut wire = wire.ready().await.expect("there is room");
    let (answer, mut sending) = wire.send_request(request, false).expect("it can be sent");
    sending.send_data(body.into(), true).expect("it can be sent");
    let (head, mut body) = answer.await.expect("an answer").into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return Err(status);
    }
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.expect("the answer goes on");
        body.flow_control().release_capacity(data.len()).expect("it was taken");
        bytes.extend(data);
    }
    let trailers = body.trailers().await.expect("an end").expect("a status");
    let status = Status::from_header_map(&trailers).expect("a status");
    if status.code() != Code::Ok {
        return Err(status);
    }
    let answer = pb::CreateOrderResponse::decode(&bytes[5..]).expect("an answer");
    Ok(answer.order.expect("an order"))
}
