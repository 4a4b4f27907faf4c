//! Those who follow shipments and orders: over kills and breaks without gap or repeat, cheaply, and soon.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use consign::pb;
use consign::pb::event_service_client::EventServiceClient;
use consign::pb::order_service_client::OrderServiceClient;
use consign::pb::shipping_service_client::ShippingServiceClient;
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::child::{Process, Site, scale};
use crate::server::{Engine, TestServer, patient};
use crate::shop::{by, create_courier, create_order, draft, order, pay_by_card, reason, stocked};
use crate::warehouse::Warehouse;

/// How long anything may take before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(60);
/// What every reader's connection may hold unread: the least that HTTP/2 has.
const WINDOW: u32 = 65_535;

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_on_without_gap_or_repeat_however_often_either_side_is_killed_on_sqlite() {
    over_kills(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_on_without_gap_or_repeat_however_often_either_side_is_killed_on_postgres() {
    over_kills(Engine::Postgres).await;
}

async fn over_kills(engine: Engine) {
    let (kills, breaks) = scale((2, 1), (20, 5));
    let Some((mut site, shipments)) = shipped(engine, scale(4, 20)).await else { return };
    site.set("CONSIGN_LIMITS__HEARTBEAT_SECONDS", 1);
    let mut server = site.start().await;
    let (doors, door) = watch::channel(server.address);
    let (ends, end) = watch::channel(None);

    let mut of_shipments = JoinSet::new();
    for number in 0..scale(20, 200) {
        let shipment = shipments[number % shipments.len()].clone();
        let rng = Rng::with_seed(number as u64);
        of_shipments.spawn(follow_shipment(door.clone(), shipment, breaks, rng));
    }
    let mut of_orders = JoinSet::new();
    for number in 0..scale(5, 50) {
        let rng = Rng::with_seed(1_000 + number);
        of_orders.spawn(follow_orders(door.clone(), end.clone(), breaks, rng));
    }

    // Events keep coming while servers are killed; the last one ends each shipment's stream.
    let killing = Arc::new(AtomicBool::new(true));
    let rounds = Arc::new(AtomicUsize::new(0));
    let recording = Recording { going_on: Arc::clone(&killing), rounds: Arc::clone(&rounds), shipments };
    let recording = tokio::spawn(recording.run(door.clone()));
    let mut rng = Rng::with_seed(7);
    let mut seen = 0;
    for _ in 0..kills {
        while rounds.load(Ordering::Acquire) < seen + 3 {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(rng.u64(0..300))).await;
        server.kill();
        seen = rounds.load(Ordering::Acquire);
        server = site.start().await;
        doors.send(server.address).expect("readers listen");
    }
    killing.store(false, Ordering::Release);
    let recorded = timeout(PATIENCE, recording).await.expect("in time").expect("no panic");

    let mut received = 0;
    let mut interrupted = 0;
    while let Some(reader) = timeout(PATIENCE, of_shipments.join_next()).await.expect("in time") {
        let Received { of, places, breaks } = reader.expect("no panic");
        assert_eq!(places, (1..=recorded[&of]).collect::<Vec<_>>(), "of {of}");
        received += places.len();
        interrupted += breaks;
    }
    let positions = everything(&server).await;
    ends.send(positions.last().copied()).expect("readers listen");
    assert_eq!(positions, (1..=positions.len() as i64).collect::<Vec<_>>());
    while let Some(reader) = timeout(PATIENCE, of_orders.join_next()).await.expect("in time") {
        let Received { places, breaks, .. } = reader.expect("no panic");
        assert_eq!(places[..positions.len()], positions);
        received += places.len();
        interrupted += breaks;
    }
    println!(
        "{engine:?}: {kills} kills, {interrupted} interruptions, {received} events received once each of {} recorded",
        recorded.values().sum::<i64>()
    );
    assert!(interrupted >= kills * scale(20, 200), "the kills must hit open streams");
    assert_eq!(site.broken_laws(), "");
}

/// An event that one process records reaches the streams of another, where no bell rings.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_records_arrives_within_about_a_second() {
    let Some((site, shipments)) = shipped(Engine::Postgres, 1).await else { return };
    let (here, there) = (site.start().await, site.start().await);
    let shipment = &shipments[0];
    let mut journey = track(&here.channel(), shipment, 1).await.expect("a stream");
    let mut orders = watch_events(&here.channel(), -1).await.expect("a stream");

    let mut longest = Duration::ZERO;
    for number in 0..scale(5, 50) {
        record(&there.channel(), shipment, number, pb::TrackingStatus::InTransit).await.expect("recorded");
        let began = Instant::now();
        assert_eq!(next_event(&mut journey).await, number + 2);
        next_position(&mut orders).await;
        longest = longest.max(began.elapsed());
    }
    println!("another process's event took {longest:?} at most");
    assert!(longest < scale(PATIENCE, Duration::from_millis(1_500)), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_never_reads_costs_little_and_is_given_up_with_its_resume_point() {
    const EACH_KIB: u64 = 256;

    let readers = scale(200, 1_000);
    let mut site = ordered(scale(150, 1_000)).await;
    site.set("CONSIGN_LIMITS__SLOW_READER_SECONDS", 2);
    site.set("CONSIGN_LIMITS__STREAMS", 2 * readers);
    let server = site.start().await;
    // Caches and pools are full before memory is looked at: every reading connection has been at work.
    for _ in 0..10 {
        join_all((0..8).map(|_| everything(&server))).await;
    }
    let positions = everything(&server).await;

    let before = server.resident_kib();
    let mut unread = Vec::new();
    for _ in 0..readers {
        unread.push(watch_events(&narrow(&server).await, 0).await.expect("a stream"));
    }
    // Another reader goes on as if nobody were slow, long enough for those to be given up.
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(5) {
        let began = Instant::now();
        assert!(everything(&server).await.starts_with(&positions));
        longest = longest.max(began.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    let each = server.resident_kib().saturating_sub(before) / readers;
    println!(
        "{readers} readers that do not read: {each} KiB each; reading everything took {longest:?} at most"
    );
    assert!(each <= EACH_KIB, "{each} KiB");

    for mut stream in unread {
        let mut received = Vec::new();
        let status = loop {
            match timeout(PATIENCE, stream.message()).await.expect("in time") {
                Ok(message) => received.push(message.expect("no end without a reason").resume_position),
                Err(status) => break status,
            }
        };
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "SLOW_READER"));
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!(info.metadata["resume"], received.last().expect("something").to_string());
        assert!(positions.starts_with(&received), "{received:?}");
        assert!(received.len() < positions.len(), "it has read everything, so it was not slow");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_never_read_keep_nobody_out_and_do_not_hold_up_the_end() {
    const READERS: usize = 4;
    const SLOW: Duration = Duration::from_secs(2);

    let mut site = ordered(150).await;
    site.set("CONSIGN_LIMITS__SLOW_READER_SECONDS", SLOW.as_secs());
    site.set("CONSIGN_LIMITS__STREAMS", READERS);
    let mut server = site.start().await;

    let began = Instant::now();
    let mut unread = Vec::new();
    for _ in 0..READERS {
        unread.push(watch_events(&narrow(&server).await, 0).await.expect("a stream"));
    }
    let more = watch_events(&server.channel(), -1).await;
    if began.elapsed() < SLOW {
        assert_eq!(reason(&more.expect_err("every place is taken")), "OVERLOADED");
    }

    let mut open = Vec::new();
    while open.len() < READERS {
        match watch_events(&server.channel(), -1).await {
            Ok(stream) => open.push(stream),
            Err(status) => assert_eq!(reason(&status), "OVERLOADED"),
        }
        assert!(began.elapsed() < PATIENCE, "{} of those that do not read were given up", open.len());
        sleep(Duration::from_millis(50)).await;
    }
    println!("those that do not read had made place after {:?}", began.elapsed());

    server.signal("TERM");
    assert!(server.ends_well());
    assert!(!site.log().contains("cut off"), "{}", site.log());
    drop(unread);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_events_costs_little_and_all_of_them_get_the_next_one() {
    const EACH_KIB: f64 = 16.0;
    const PER_CONNECTION: usize = 250;

    let streams = scale(2_000, 10_000);
    let (mut site, shipments) = shipped(Engine::Sqlite, 2).await.expect("it is embedded");
    site.set("CONSIGN_LIMITS__STREAMS", streams + 10);
    site.set("CONSIGN_LIMITS__HEARTBEAT_SECONDS", 300);
    let server = site.start().await;
    for _ in 0..10 {
        everything(&server).await;
        drop(track(&server.channel(), &shipments[0], 0).await.expect("a stream"));
    }

    let before = server.resident_kib();
    let mut open = Vec::new();
    let mut channel = server.channel();
    for number in 0..streams {
        if number % PER_CONNECTION == 0 {
            channel = server.channel();
        }
        let mut stream = track(&channel, &shipments[0], 1).await.expect("a stream");
        // Where the shipment stands; from here on there is nothing to say.
        timeout(PATIENCE, stream.message()).await.expect("in time").expect("no error").expect("a message");
        open.push(stream);
    }
    let each = server.resident_kib().saturating_sub(before) as f64 / streams as f64;

    let busy = server.processor_time();
    sleep(Duration::from_secs(scale(2, 10))).await;
    let idle = (server.processor_time() - busy).as_secs_f64() / scale(2.0, 10.0);
    record(&server.channel(), &shipments[1], 0, pb::TrackingStatus::InTransit).await.expect("recorded");
    record(&server.channel(), &shipments[0], 0, pb::TrackingStatus::InTransit).await.expect("recorded");
    let began = Instant::now();
    for stream in &mut open {
        assert_eq!(next_event(stream).await, 2);
    }
    let took = began.elapsed();
    println!(
        "{streams} idle streams: {each:.1} KiB each, {:.1} % of a processor; all received in {took:?}",
        idle * 100.0
    );
    assert!(each <= EACH_KIB, "{each} KiB");
    assert!(took < scale(PATIENCE, Duration::from_secs(1)), "{took:?}");
    assert!(idle < scale(1.0, 0.25), "{idle} processors");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_shipment_arrive_soon_while_orders_come_in() {
    const SOON: Duration = Duration::from_millis(250);

    let (site, shipments) = shipped(Engine::Sqlite, 4).await.expect("it is embedded");
    let server = site.start().await;
    let recorded: Arc<Mutex<HashMap<(usize, i64), Instant>>> = Arc::default();
    let each = scale(25, 250);

    let mut readers = JoinSet::new();
    for number in 0..scale(8, 40) {
        let shipment = number % shipments.len();
        let mut stream = track(&server.channel(), &shipments[shipment], 1).await.expect("a stream");
        let recorded = Arc::clone(&recorded);
        readers.spawn(async move {
            let mut waits = Vec::new();
            for expected in 2..each + 2 {
                assert_eq!(next_event(&mut stream).await, expected);
                let arrived = Instant::now();
                // The event may be here before the recorder has noted when its answer came.
                let noted = recorded.lock().await.get(&(shipment, expected)).copied();
                waits.push(noted.map_or(Duration::ZERO, |it| arrived.saturating_duration_since(it)));
            }
            waits
        });
    }

    let loaded = Arc::new(AtomicBool::new(true));
    let mut buyers = JoinSet::new();
    for number in 0..8 {
        let (mut orders, loaded) = (OrderServiceClient::new(server.channel()), Arc::clone(&loaded));
        buyers.spawn(async move {
            let mut placed = 0;
            while loaded.load(Ordering::Acquire) {
                let order = Some(draft(&format!("p{number}x{placed}"), "F-1", 1));
                let request = pb::CreateOrderRequest {
                    reservation_id: String::new(),
                    order,
                    request_id: String::new(),
                    validate_only: false,
                };
                orders.create_order(by("storefront", request)).await.expect("an order");
                placed += 1;
            }
            placed
        });
    }
    let began = Instant::now();
    for number in 0..each {
        for (shipment, id) in shipments.iter().enumerate() {
            let status = pb::TrackingStatus::InTransit;
            record(&server.channel(), id, number, status).await.expect("recorded");
            recorded.lock().await.insert((shipment, number + 2), Instant::now());
        }
    }
    loaded.store(false, Ordering::Release);
    let rate = buyers.join_all().await.iter().sum::<i64>() as f64 / began.elapsed().as_secs_f64();
    let mut waits: Vec<_> = readers.join_all().await.into_iter().flatten().collect();
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    println!(
        "beside {rate:.0} orders a second, {} arrivals: p99 {p99:?}, longest {:?}",
        waits.len(),
        waits[waits.len() - 1]
    );
    assert!(p99 <= scale(PATIENCE, SOON), "{p99:?}");
}

/// What is left of a server that has taken in this many orders.
async fn ordered(orders: usize) -> Site {
    let server = TestServer::start_with(Engine::Sqlite, patient).await.expect("it is embedded");
    stocked(&server, "F-1", 100_000).await;
    let mut buyers = JoinSet::new();
    for number in 0..orders {
        let server = server.clone();
        buyers.spawn(async move {
            let placed =
                create_order(&server, draft(&format!("f{number}"), "F-1", 1)).await.expect("an order");
            drop(server);
            placed
        });
        if number % 32 == 31 {
            while buyers.join_next().await.is_some() {}
        }
    }
    while buyers.join_next().await.is_some() {}
    Site::of(server.stop().await)
}

/// A connection that holds as little unread as it may.
async fn narrow(server: &Process) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    endpoint.connect().await.expect("a connection")
}

/// What is left of a server that has handed over this many shipments, each with its first event.
async fn shipped(engine: Engine, shipments: usize) -> Option<(Site, Vec<String>)> {
    let server = TestServer::start_with(engine, patient).await?;
    stocked(&server, "F-1", 1_000_000).await;
    create_courier(&server).await;
    let mut ids = Vec::new();
    for number in 0..shipments {
        let placed = create_order(&server, draft(&format!("ann{number}"), "F-1", 1)).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        let id = order(&server, &placed.id).await.shipment_ids.remove(0);
        Warehouse { server: &server }.ship(&id).await;
        ids.push(id);
    }
    Some((Site::of(server.stop().await), ids))
}

async fn track(
    channel: &Channel,
    shipment: &str,
    after: i64,
) -> Result<Streaming<pb::TrackShipmentResponse>, Status> {
    let request = pb::TrackShipmentRequest {
        shipment_id: shipment.to_owned(),
        after_sequence: after,
        ..Default::default()
    };
    let stream = ShippingServiceClient::new(channel.clone()).track_shipment(request).await?;
    Ok(stream.into_inner())
}

async fn watch_events(channel: &Channel, after: i64) -> Result<Streaming<pb::WatchEventsResponse>, Status> {
    let request = pb::WatchEventsRequest { after_position: after, ..Default::default() };
    Ok(EventServiceClient::new(channel.clone()).watch_events(request).await?.into_inner())
}

/// The sequence of the next event; heartbeats are passed over.
async fn next_event(stream: &mut Streaming<pb::TrackShipmentResponse>) -> i64 {
    loop {
        let message = timeout(PATIENCE, stream.message()).await.expect("news in time").expect("no error");
        if let Some(pb::track_shipment_response::Update::Event(it)) = message.expect("more to come").update {
            return it.sequence;
        }
    }
}

async fn next_position(stream: &mut Streaming<pb::WatchEventsResponse>) -> i64 {
    loop {
        let message = timeout(PATIENCE, stream.message()).await.expect("news in time").expect("no error");
        let message = message.expect("more to come");
        if let Some(pb::watch_events_response::Update::Event(_)) = message.update {
            return message.resume_position;
        }
    }
}

/// Reports the event of that number, later than any of a lower one. Reported again, it is the same one.
async fn record(
    channel: &Channel,
    shipment: &str,
    number: i64,
    status: pb::TrackingStatus,
) -> Result<(), Status> {
    static BEGINNING: OnceLock<i64> = OnceLock::new();
    // Behind every handover, whose time is that of the call.
    let beginning = BEGINNING.get_or_init(|| consign::clock::now().unix_micros() / 1_000_000 + 3_600);
    let seconds = beginning + number;
    let report = pb::TrackingReport {
        status: status as i32,
        occurred_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        raw_code: format!("scan {number}"),
        ..Default::default()
    };
    let request = pb::RecordTrackingEventsRequest {
        shipment_id: shipment.to_owned(),
        events: vec![report],
        ..Default::default()
    };
    ShippingServiceClient::new(channel.clone()).record_tracking_events(by("courier", request)).await?;
    Ok(())
}

/// The positions of all events there are, read from the first to the last.
async fn everything(server: &Process) -> Vec<i64> {
    // The answer to what cannot be names the last position.
    let status = watch_events(&server.channel(), i64::MAX).await.expect_err("there is no such event yet");
    let last: Option<i64> = status.message().rsplit(' ').next().and_then(|it| it.parse().ok());
    let last = last.expect("a position");
    let mut stream = watch_events(&server.channel(), 0).await.expect("a stream");
    let mut positions = Vec::new();
    while positions.last().is_none_or(|it| *it < last) {
        positions.push(next_position(&mut stream).await);
    }
    positions
}

/// The events that one reader has received.
struct Received {
    of: String,
    places: Vec<i64>,
    /// How often the stream broke off, on either side.
    breaks: usize,
}

/// Follows a shipment to its end; leaves by itself `breaks` times, and comes back after whatever break.
async fn follow_shipment(
    door: watch::Receiver<SocketAddr>,
    shipment: String,
    breaks: usize,
    mut rng: Rng,
) -> Received {
    let mut received = Received { of: shipment, places: Vec::new(), breaks: 0 };
    let mut own_breaks = breaks;
    loop {
        let after = received.places.last().copied().unwrap_or(0);
        let Some(mut stream) = reach(&door, async |it| track(it, &received.of, after).await).await else {
            continue;
        };
        loop {
            match stream.message().await {
                Ok(Some(message)) => {
                    use pb::track_shipment_response::Update;
                    match message.update.expect("every message says something") {
                        Update::Event(event) => received.places.push(event.sequence),
                        Update::Heartbeat(_) => {
                            assert_eq!(message.resume_sequence, received.places.last().copied().unwrap_or(0));
                        }
                    }
                }
                Ok(None) => return received,
                Err(_) => break,
            }
            if own_breaks > 0 && rng.u32(0..10) == 0 {
                own_breaks -= 1;
                break;
            }
        }
        received.breaks += 1;
    }
}

/// Follows all orders until the end is known and reached.
async fn follow_orders(
    door: watch::Receiver<SocketAddr>,
    mut end: watch::Receiver<Option<i64>>,
    breaks: usize,
    mut rng: Rng,
) -> Received {
    let mut received = Received { of: "all".to_owned(), places: Vec::new(), breaks: 0 };
    let mut own_breaks = breaks;
    loop {
        let after = received.places.last().copied().unwrap_or(0);
        let Some(mut stream) = reach(&door, async |it| watch_events(it, after).await).await else {
            continue;
        };
        loop {
            if end.borrow_and_update().is_some_and(|it| received.places.last().is_some_and(|at| *at >= it)) {
                return received;
            }
            let message = tokio::select! {
                message = stream.message() => message,
                _ = end.changed() => continue,
            };
            match message {
                Ok(Some(message)) => {
                    use pb::watch_events_response::Update;
                    match message.update.expect("every message says something") {
                        Update::Event(_) => received.places.push(message.resume_position),
                        Update::Heartbeat(_) => {
                            assert_eq!(message.resume_position, received.places.last().copied().unwrap_or(0));
                        }
                    }
                }
                Ok(None) => panic!("the feed has no end"),
                Err(_) => break,
            }
            if own_breaks > 0 && rng.u32(0..20) == 0 {
                own_breaks -= 1;
                break;
            }
        }
        received.breaks += 1;
    }
}

/// Tries at wherever the server is now, over a connection of its own; None after a pause if nobody answers.
async fn reach<T>(
    door: &watch::Receiver<SocketAddr>,
    open: impl AsyncFnOnce(&Channel) -> Result<T, Status>,
) -> Option<T> {
    let address = *door.borrow();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let opened = match endpoint.connect_timeout(Duration::from_secs(2)).connect().await {
        Ok(channel) => open(&channel).await.ok(),
        Err(_) => None,
    };
    if opened.is_none() {
        sleep(Duration::from_millis(20)).await;
    }
    opened
}

/// Reports events of every shipment in turn for as long as it is said, each until it is accepted, and at last the
/// delivery.
struct Recording {
    going_on: Arc<AtomicBool>,
    /// How often every shipment had its event.
    rounds: Arc<AtomicUsize>,
    shipments: Vec<String>,
}

impl Recording {
    /// Gives the sequence of each shipment's last event.
    async fn run(self, door: watch::Receiver<SocketAddr>) -> HashMap<String, i64> {
        let mut number = 0;
        let mut last = false;
        loop {
            let status = if last { pb::TrackingStatus::Delivered } else { pb::TrackingStatus::InTransit };
            for shipment in &self.shipments {
                while reach(&door, async |it| record(it, shipment, number, status).await).await.is_none() {}
            }
            number += 1;
            self.rounds.fetch_add(1, Ordering::AcqRel);
            if last {
                break;
            }
            last = !self.going_on.load(Ordering::Acquire) || number >= 900;
            sleep(Duration::from_millis(10)).await;
        }
        // The first one was the handover.
        self.shipments.into_iter().map(|it| (it, number + 1)).collect()
    }
}
