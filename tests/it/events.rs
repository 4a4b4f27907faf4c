//! EventService: events page by page and as a stream, and what subscribers did not take, seen and sent once more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use consign::pb;
use futures_util::future::join_all;
use tonic::{Code, Status};

use crate::server::{Clients, Engine, TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, reason};
use crate::subscribers::{Answer, Receiver, buy, feed, is_whole_and_in_order, place, quiet, server_telling};

/// All pages of a list.
async fn listed(server: &Clients, filter: &str, order_by: &str) -> Vec<pb::OrderEvent> {
    let (mut events, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListEventsRequest {
            page_size: 7,
            page_token,
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
        };
        let page = server.events.clone().list_events(request).await.expect("a page").into_inner();
        assert!(page.events.len() <= 7);
        events.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return events;
        }
    }
}

async fn refused(server: &Clients, request: pb::ListEventsRequest) -> Status {
    server.events.clone().list_events(request).await.expect_err("it is wrong")
}

on_both_engines!(events_are_listed_page_by_page_and_as_the_feed_has_them, quiet, async |server| {
    buy(&server, 4).await;
    let feed = feed(&server).await;
    assert!(feed.len() > 20, "{}", feed.len());
    assert!(feed.iter().zip(1..).all(|(it, position)| it.position == position), "without gap");
    let fitting = |fits: fn(&pb::OrderEvent) -> bool| feed.iter().filter(|it| fits(it)).cloned().collect();
    let expected: [(&str, Vec<pb::OrderEvent>); 7] = [
        ("", feed.clone()),
        ("type = order_cancelled", fitting(|it| it.r#type == "ORDER_CANCELLED")),
        (
            "type IN (ORDER_CANCELLED, ORDER_RECEIVED) AND position > 5",
            fitting(|it| {
                ["ORDER_CANCELLED", "ORDER_RECEIVED"].contains(&it.r#type.as_str()) && it.position > 5
            }),
        ),
        ("position >= 3 AND position < 6", fitting(|it| (3..6).contains(&it.position))),
        ("time >= 2999-01-01", Vec::new()),
        ("time > 2001-01-01 AND time < 2999-01-01", feed.clone()),
        ("customer_email = NOBODY@example.com", Vec::new()),
    ];
    for (filter, expected) in &expected {
        assert_eq!(listed(&server, filter, "").await, *expected, "{filter}");
        let mut newest_first = listed(&server, filter, "position desc").await;
        newest_first.reverse();
        assert_eq!(newest_first, *expected, "{filter}");
    }

    let order = &feed[0].order_id;
    let of_order: Vec<_> = feed.iter().filter(|it| it.order_id == *order).cloned().collect();
    assert_eq!(listed(&server, &format!("order_id = {order}"), "").await, of_order);
    let key = pb::get_order_timeline_request::Key::OrderId(order.clone());
    let request = pb::GetOrderTimelineRequest { key: Some(key) };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline");
    assert_eq!(timeline.into_inner().timeline.expect("a timeline").events, of_order, "the same message");
    let email = crate::shop::order(&server, order).await.customer.expect("a customer").email;
    let filter = format!("customer_email = {}", email.to_uppercase());
    assert_eq!(listed(&server, &filter, "").await, of_order);
    server.stop().await;
});

on_both_engines!(a_wrong_list_of_events_is_refused_with_every_reason, async |server| {
    buy(&server, 2).await;
    let wrong = pb::ListEventsRequest {
        filter: "kind = X AND position != 3".to_owned(),
        order_by: "time".to_owned(),
        ..Default::default()
    };
    let status = refused(&server, wrong).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
    for word in ["`kind`", "can be filtered by type, order_id", "position", "can be sorted by position"] {
        assert!(status.message().contains(word), "{word}: {}", status.message());
    }
    let first = pb::ListEventsRequest { page_size: 1, ..Default::default() };
    let page = server.events.clone().list_events(first.clone()).await.expect("a page").into_inner();
    let other = pb::ListEventsRequest {
        page_token: page.next_page_token,
        filter: "type = ORDER_RECEIVED".to_owned(),
        ..first
    };
    assert!(refused(&server, other).await.message().contains("page_token"));
    let watch = pb::WatchEventsRequest { filter: "type = X".to_owned(), ..Default::default() };
    let status = server.events.clone().watch_events(watch).await.expect_err("no such kind");
    assert_eq!(reason(&status), "INVALID_FIELD");
    server.stop().await;
});

/// What a stream sends up to its first heartbeat, and where to go on.
async fn watched(server: &Clients, after_position: i64, filter: &str) -> (Vec<i64>, i64) {
    let request = pb::WatchEventsRequest { after_position, filter: filter.to_owned(), ..Default::default() };
    let mut stream = server.events.clone().watch_events(request).await.expect("a stream").into_inner();
    let mut positions = Vec::new();
    loop {
        let message = stream.message().await.expect("no error").expect("no end");
        match message.update.expect("it says something") {
            pb::watch_events_response::Update::Event(event) => positions.push(event.position),
            pb::watch_events_response::Update::Heartbeat(it) => {
                assert_eq!(it.high_water, message.resume_position);
                return (positions, message.resume_position);
            }
        }
    }
}

on_both_engines!(a_watch_sends_what_its_filter_wants_and_goes_on_where_it_was, quiet, async |server| {
    buy(&server, 4).await;
    let first = feed(&server).await;
    let of_kind = |feed: &[pb::OrderEvent], after: i64| -> Vec<i64> {
        let wanted = feed.iter().filter(|it| it.r#type == "ORDER_RECEIVED" && it.position > after);
        wanted.map(|it| it.position).collect()
    };
    let (seen, resume) = watched(&server, 0, "type = ORDER_RECEIVED").await;
    assert_eq!(seen, of_kind(&first, 0));
    assert!(resume >= first.last().expect("events").position, "what does not fit was looked at");

    place(&server, "late", 2).await;
    let more = feed(&server).await;
    let (seen, _) = watched(&server, resume, "type = ORDER_RECEIVED").await;
    assert_eq!(seen, of_kind(&more, resume));
    assert_eq!(seen.len(), 2);
    server.stop().await;
});

/// Somebody whom orders can name.
async fn customer(server: &Clients, name: &str) -> String {
    let contact =
        pb::Customer { name: name.to_owned(), email: format!("{name}@example.com"), ..Default::default() };
    let customer = Some(pb::CustomerAccount { contact: Some(contact), ..Default::default() });
    let request = pb::CreateCustomerRequest { customer, ..Default::default() };
    let answer = server.customers.clone().create_customer(by("clerk", request)).await.expect("a customer");
    answer.into_inner().customer.expect("a customer").id
}

on_both_engines!(events_are_listed_and_watched_by_customer_order_and_address, quiet, async |server| {
    buy(&server, 2).await;
    let (ada, bob) = (customer(&server, "ada").await, customer(&server, "bob").await);
    let named = pb::OrderDraft { customer_id: ada.clone(), ..draft("elsewhere", "EVT", 1) };
    let placed = create_order(&server, named).await.expect("there is stock");
    place(&server, "late", 1).await;
    let mut of_order = feed(&server).await;
    of_order.retain(|it| it.order_id == placed.id);
    assert!(!of_order.is_empty());
    let positions: Vec<i64> = of_order.iter().map(|it| it.position).collect();
    let email = placed.customer.expect("a customer").email.to_uppercase();
    let filters = [
        format!("customer_id = {ada}"),
        format!("customer_id IN ({bob}, {ada})"),
        format!("order_id = {}", placed.id),
        format!("customer_email = {email}"),
    ];
    let seen = join_all(filters.iter().map(|filter| watched(&server, 0, filter))).await;
    for (filter, (seen, _)) in filters.iter().zip(seen) {
        assert_eq!(seen, positions, "{filter}");
        assert_eq!(listed(&server, filter, "").await, of_order, "{filter}");
    }
    assert!(listed(&server, &format!("customer_id = {bob}"), "").await.is_empty());
    server.stop().await;
});

async fn deliveries(server: &Clients, state: pb::EventDeliveryState) -> Vec<pb::EventDelivery> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListEventDeliveriesRequest {
            subscriber: "shop".to_owned(),
            state: state as i32,
            page_size: 2,
            page_token,
        };
        let page = server.events.clone().list_event_deliveries(request).await.expect("a page").into_inner();
        found.extend(page.deliveries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn subscriber(server: &Clients) -> pb::EventSubscriber {
    let request = pb::ListEventSubscribersRequest {};
    let mut found = server.events.clone().list_event_subscribers(request).await.expect("a list");
    found.get_mut().subscribers.pop().expect("one subscriber")
}

async fn redeliver(
    server: &Clients,
    request: pb::RedeliverEventsRequest,
) -> Result<pb::RedeliverEventsResponse, Status> {
    let redelivered = server.events.clone().redeliver_events(by("dana", request)).await;
    redelivered.map(tonic::Response::into_inner)
}

fn once_more(events: pb::redeliver_events_request::Events) -> pb::RedeliverEventsRequest {
    pb::RedeliverEventsRequest { subscriber: "shop".to_owned(), events: Some(events), ..Default::default() }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Changes rows as nobody but a test does.
pub(crate) async fn sql(server: &TestServer, text: &str) {
    match server.database() {
        Some(database) => database.run(text).await,
        None => {
            let file = server.folder().join("data").join("consign.db");
            rusqlite::Connection::open(file).expect("the database").execute_batch(text).expect(text);
        }
    }
}

/// The first event is refused until the door is opened.
async fn what_was_not_taken_is_seen_and_sent_once_more(engine: Engine) {
    use pb::redeliver_events_request::Events;

    let opened = Arc::new(AtomicBool::new(false));
    let door = Arc::clone(&opened);
    let temper = move |position, _| match position {
        1 if !door.load(Ordering::Relaxed) => Answer::Refuse,
        _ => Answer::Take,
    };
    let receiver = Receiver::start(temper).await;
    let Some(server) = server_telling(engine, &receiver, &[]).await else { return };
    buy(&server, 3).await;
    let feed = feed(&server).await;
    let others = feed.iter().filter(|it| it.order_id != feed[0].order_id).count();
    receiver.until_taken(others).await;
    let last = feed.last().expect("events").position;
    until("the feed is told", async || subscriber(&server).await.position >= last).await;

    let shown = subscriber(&server).await;
    assert_eq!((shown.name.as_str(), shown.address.clone()), ("shop", receiver.address()));
    assert_eq!((shown.behind, shown.given_up_count), (0, 0));
    assert_eq!(shown.waiting_count as usize, feed.len() - others);
    let waiting = deliveries(&server, pb::EventDeliveryState::Unspecified).await;
    let positions: Vec<i64> = waiting.iter().map(|it| it.position).collect();
    let expected: Vec<i64> =
        feed.iter().filter(|it| it.order_id == feed[0].order_id).map(|it| it.position).collect();
    assert_eq!(positions, expected);
    let head = &waiting[0];
    assert!(head.attempts >= 1 && head.next_attempt_time.is_some() && head.first_attempt_time.is_some());
    assert_eq!((head.state(), head.last_status), (pb::EventDeliveryState::Waiting, 503));
    assert!(waiting[1..].iter().all(|it| it.attempts == 0 && it.next_attempt_time.is_none()), "{waiting:?}");

    // A day later it would be given up, and what is behind it follow.
    until("it stays given up", async || {
        sql(&server, "UPDATE untold_events SET run_at = NULL WHERE position = 1").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let second = expected[1];
        sql(&server, &format!("UPDATE untold_events SET run_at = 0 WHERE position = {second}")).await;
        subscriber(&server).await.given_up_count == 1
    })
    .await;
    receiver.until_taken(feed.len() - 1).await;
    until("nothing waits", async || subscriber(&server).await.waiting_count == 0).await;
    let given_up = deliveries(&server, pb::EventDeliveryState::GivenUp).await;
    assert_eq!(given_up.iter().map(|it| it.position).collect::<Vec<_>>(), [1]);
    assert_eq!(deliveries(&server, pb::EventDeliveryState::Waiting).await, []);

    let since = once_more(Events::GivenUpSinceTime(feed[0].time.expect("a time")));
    let asked = pb::RedeliverEventsRequest { validate_only: true, ..since.clone() };
    let told = redeliver(&server, asked).await.expect("only asked");
    assert_eq!((told.redelivered_count, told.last_position, told.more), (1, 1, false));
    assert_eq!(subscriber(&server).await.given_up_count, 1, "nothing was changed");

    let heard = receiver.times(1);
    opened.store(true, Ordering::Relaxed);
    let request = pb::RedeliverEventsRequest { request_id: "again-0001".to_owned(), ..since };
    assert_eq!(redeliver(&server, request.clone()).await.expect("sent once more"), told);
    let taken = receiver.until_taken(feed.len()).await;
    assert_eq!(taken.last().expect("events")["data"]["position"], "1", "late, and not lost");
    until("it is gone", async || subscriber(&server).await.given_up_count == 0).await;
    assert_eq!(redeliver(&server, request).await.expect("the same answer"), told);
    assert_eq!(receiver.times(1), heard + 1);

    // Those that were taken too.
    let range = pb::PositionRange { first_position: 1, last_position: 3 };
    let told = redeliver(&server, once_more(Events::Positions(range))).await.expect("sent once more");
    assert_eq!((told.redelivered_count, told.last_position), (3, 3));
    until("they are heard again", async || {
        receiver.times(1) == heard + 2 && receiver.times(2) == 2 && receiver.times(3) == 2
    })
    .await;
    until("nothing waits", async || subscriber(&server).await.waiting_count == 0).await;
    assert!((1..=3).all(|it| receiver.ids(it).len() == 1), "an id is an event's own");
    assert_eq!(receiver.taken().len(), feed.len(), "a receiver knows it again");

    let asked: BTreeSet<_> =
        subscriber(&server).await.redeliveries.into_iter().map(|it| (it.actor, it.event_count)).collect();
    assert_eq!(asked, BTreeSet::from([("dana".to_owned(), 1), ("dana".to_owned(), 3)]));
    every_law_holds(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_seen_and_sent_once_more_on_sqlite() {
    what_was_not_taken_is_seen_and_sent_once_more(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_seen_and_sent_once_more_on_postgres() {
    what_was_not_taken_is_seen_and_sent_once_more(Engine::Postgres).await;
}

/// What cannot be sent once more is refused by name, and the kinds that a subscriber wants are kept to.
async fn what_cannot_be_sent_once_more_is_refused(engine: Engine) {
    use pb::redeliver_events_request::Events;

    let receiver = Receiver::start(|_, _| Answer::Take).await;
    let Some(server) = server_telling(engine, &receiver, &["ORDER_RECEIVED"]).await else { return };
    buy(&server, 3).await;
    let feed = feed(&server).await;
    let last = feed.last().expect("events").position;
    until("the feed is told", async || subscriber(&server).await.position >= last).await;
    let shown = subscriber(&server).await;
    assert_eq!(shown.types, ["ORDER_RECEIVED"]);

    let position = |at| once_more(Events::Position(at));
    let nobody = pb::RedeliverEventsRequest { subscriber: "nobody".to_owned(), ..position(1) };
    let nothing = pb::RedeliverEventsRequest { events: None, ..position(1) };
    for (request, why) in [
        (position(last + 1_000), "INVALID_FIELD"),
        (position(0), "INVALID_FIELD"),
        (nothing, "INVALID_FIELD"),
        (nobody, "NOT_FOUND"),
    ] {
        assert_eq!(reason(&redeliver(&server, request).await.expect_err(why)), why);
    }
    let unnamed = server.events.clone().redeliver_events(position(1)).await.expect_err("nobody asks");
    assert_eq!(reason(&unnamed), "ACTOR_REQUIRED");
    let unknown = pb::ListEventDeliveriesRequest { subscriber: "nobody".to_owned(), ..Default::default() };
    let unknown = server.events.clone().list_event_deliveries(unknown).await.expect_err("nobody");
    assert_eq!(reason(&unknown), "NOT_FOUND");

    let range = pb::PositionRange { first_position: 1, last_position: last };
    let told = redeliver(&server, once_more(Events::Positions(range))).await.expect("sent once more");
    assert_eq!(told.redelivered_count, 3, "of the kind that it wants");
    until("they are heard again", async || {
        let wanted = feed.iter().filter(|it| it.r#type == "ORDER_RECEIVED");
        wanted.map(|it| receiver.times(it.position)).all(|it| it == 2)
    })
    .await;
    let wanted: Vec<_> = feed.iter().filter(|it| it.r#type == "ORDER_RECEIVED").cloned().collect();
    is_whole_and_in_order(&receiver.taken(), &wanted);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_once_more_is_refused_on_sqlite() {
    what_cannot_be_sent_once_more_is_refused(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_once_more_is_refused_on_postgres() {
    what_cannot_be_sent_once_more_is_refused(Engine::Postgres).await;
}
