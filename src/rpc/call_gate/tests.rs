//! Tests of `call_gate`.

use super::*;

use std::future::ready;

use http_body::Body;
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::access::{ApiKey, KeyHolder, Principal, Role};

const UNARY: &str = "/consign.v1.OrderService/GetOrder";

const STREAM: &str = "/consign.v1.EventService/WatchEvents";

fn request(path: &str, timeout: Option<&str>) -> Request<AxumBody> {
    let mut request = Request::builder().uri(path);
    if let Some(timeout) = timeout {
        request = request.header("grpc-timeout", timeout);
    }
    request.body(AxumBody::empty()).unwrap()
}

fn code(response: &Response<AxumBody>) -> Option<Code> {
    Status::from_header_map(response.headers()).map(|it| it.code())
}

/// Answers after `pause` with the time that its deadline left it, in milliseconds.
fn slow(
    pause: Duration,
) -> impl Service<Request<AxumBody>, Response = Response<AxumBody>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |request: Request<AxumBody>| async move {
        let left = request.extensions().get::<Deadline>().map(|it| it.0 - Instant::now());
        sleep(pause).await;
        let left = left.map_or("none".to_owned(), |it| it.as_millis().to_string());
        Ok(Response::builder().header("left", left).body(AxumBody::empty()).unwrap())
    })
}

fn believing() -> Arc<Access> {
    Arc::new(Access::new(Vec::new(), crate::clock::wall()))
}

async fn ask(limits: &Limits, pause: u64, request: Request<AxumBody>) -> Response<AxumBody> {
    let service = CallGate::new(limits, believing()).layer(slow(Duration::from_millis(pause)));
    service.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_with_deadline_exceeded_before_its_caller_gives_up() {
    let began = Instant::now();
    let response = ask(&Limits::default(), 5_000, request(UNARY, Some("200m"))).await;
    assert_eq!(code(&response), Some(Code::DeadlineExceeded));
    assert!(began.elapsed() >= Duration::from_millis(180));
}

#[tokio::test]
async fn a_caller_that_leaves_no_time_is_answered_at_once() {
    for timeout in ["0m", "1n", "100u", "1999u"] {
        let began = Instant::now();
        let response = ask(&Limits::default(), 30_000, request(UNARY, Some(timeout))).await;
        assert_eq!(code(&response), Some(Code::DeadlineExceeded));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_caller_that_waits_longer_than_allowed_or_for_ever_is_answered_at_the_limit() {
    let limits = Limits { deadline_seconds: 1, ..Limits::default() };
    for timeout in [None, Some("1H"), Some("sometime")] {
        let response = ask(&limits, 1_500, request(UNARY, timeout)).await;
        assert_eq!(code(&response), Some(Code::DeadlineExceeded));
    }
}

#[tokio::test]
async fn the_service_is_told_its_deadline() {
    let left = |response: &Response<AxumBody>| -> Option<u64> {
        response.headers().get("left")?.to_str().ok()?.parse().ok()
    };
    let own = ask(&Limits::default(), 0, request(UNARY, Some("2S"))).await;
    assert!(matches!(left(&own), Some(1_500..=1_980)));
    let most = ask(&Limits::default(), 0, request(UNARY, None)).await;
    assert!(matches!(left(&most), Some(9_500..=10_000)));
    let none = ask(&Limits::default(), 0, request(STREAM, None)).await;
    assert_eq!(left(&none), None);
}

#[tokio::test]
async fn one_call_more_than_there_is_room_for_is_refused_at_once_and_streams_have_room_of_their_own() {
    let limits = Limits { calls: 1, ..Limits::default() };
    let gate = CallGate::new(&limits, believing());
    let service = gate.layer(slow(Duration::from_millis(300)));

    let first = tokio::spawn(service.clone().oneshot(request(UNARY, None)));
    tokio::task::yield_now().await;
    sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    let second = service.clone().oneshot(request(UNARY, None)).await.unwrap();
    assert_eq!(code(&second), Some(Code::ResourceExhausted));
    assert!(began.elapsed() < Duration::from_millis(200));
    let stream = service.clone().oneshot(request(STREAM, None)).await.unwrap();
    assert_eq!(code(&stream), None);

    assert_eq!(code(&first.await.unwrap().unwrap()), None);
    drop(stream);
    tokio::time::timeout(Duration::from_secs(5), gate.idle_for(LOOK_EVERY)).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_not_all_there_takes_no_place_and_waits_only_so_long() {
    let limits = Limits { calls: 1, ..Limits::default() };
    let service = CallGate::new(&limits, believing()).layer(slow(Duration::ZERO));
    let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
    let unfinished = request(UNARY, Some("300m")).map(|_| AxumBody::from_stream(never));

    let unfinished = tokio::spawn(service.clone().oneshot(unfinished));
    sleep(Duration::from_millis(50)).await;
    let whole = service.oneshot(request(UNARY, None)).await.unwrap();
    assert_eq!(code(&whole), None);
    let unfinished = unfinished.await.unwrap().unwrap();
    assert_eq!(code(&unfinished), Some(Code::DeadlineExceeded));
}

#[tokio::test]
async fn what_cannot_be_read_is_the_callers_fault_and_our_own_faults_stay_ours() {
    let limits = Limits { message_bytes: 1_024, ..Limits::default() };
    let answer = async |status: fn() -> Status, bytes: usize| {
        let service = service_fn(move |_: Request<AxumBody>| async move {
            Ok::<_, Infallible>(status().into_http::<AxumBody>())
        });
        let length = u32::try_from(bytes - 5).unwrap().to_be_bytes();
        let framed = [&[0], length.as_slice(), &vec![0; bytes - 5]].concat();
        let request = request(UNARY, None).map(|_| AxumBody::from(framed));
        let response = CallGate::new(&limits, believing()).layer(service).oneshot(request).await.unwrap();
        code(&response)
    };
    let unread = || Status::internal("failed to decode Protobuf message: buffer underflow");
    assert_eq!(answer(unread, 1_029).await, Some(Code::InvalidArgument));
    assert_eq!(answer(status::internal, 1_029).await, Some(Code::Internal));
    assert_eq!(answer(status::internal, 1_030).await, Some(Code::InvalidArgument));
}

#[tokio::test]
async fn an_open_stream_ends_at_its_deadline_and_holds_its_place_until_then() {
    let limits = Limits { streams: 1, ..Limits::default() };
    let gate = CallGate::new(&limits, believing());
    let endless = service_fn(|_: Request<AxumBody>| async {
        let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
        Ok::<_, Infallible>(Response::new(AxumBody::from_stream(never)))
    });
    let service = gate.layer(endless);

    let mut open = service.clone().oneshot(request(STREAM, Some("300m"))).await.unwrap();
    let refused = service.clone().oneshot(request(STREAM, None)).await.unwrap();
    assert_eq!(code(&refused), Some(Code::ResourceExhausted));

    let frame = std::future::poll_fn(|cx| Pin::new(open.body_mut()).poll_frame(cx)).await;
    let trailers = frame.unwrap().unwrap().into_trailers().unwrap();
    let status = Status::from_header_map(&trailers).unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    drop((open, refused));
    let again = service.oneshot(request(STREAM, None)).await.unwrap();
    assert_eq!(code(&again), None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_key_is_taken_away() {
    let key = ApiKey::generate().expect("a key");
    let holder = |key: &ApiKey| {
        let name = "shop".parse().expect("a name");
        let permissions = Role::Reader.permissions().into_iter().collect();
        let principal =
            Arc::new(Principal { name, permissions, names_persons: false, carriers: Default::default() });
        KeyHolder { principal, keys: vec![key.hash()], expires: None }
    };
    let access = Arc::new(Access::new(vec![holder(&key)], crate::clock::wall()));
    let endless = service_fn(|_: Request<AxumBody>| async {
        let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
        Ok::<_, Infallible>(Response::new(AxumBody::from_stream(never)))
    });
    let service = CallGate::new(&Limits::default(), Arc::clone(&access)).layer(endless);
    let mut asked = request(STREAM, None);
    let shown = format!("Bearer {}", key.reveal()).parse().expect("a header");
    asked.headers_mut().insert("authorization", shown);
    let mut open = service.oneshot(asked).await.unwrap();

    let mut next = async || std::future::poll_fn(|cx| Pin::new(open.body_mut()).poll_frame(cx)).await;
    assert!(timeout(Duration::from_secs(60), next()).await.is_err(), "it may go on");
    let other = ApiKey::generate().expect("another");
    access.replace(vec![holder(&other)]).expect("somebody");
    let frame = timeout(Duration::from_secs(3), next()).await.expect("it ends");
    let trailers = frame.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(Status::from_header_map(&trailers).unwrap().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_reader_that_is_given_up_takes_no_place_though_its_answer_is_still_there() {
    let limits = Limits { streams: 1, ..Limits::default() };
    let gate = CallGate::new(&limits, believing());
    let (tell, mut slots) = tokio::sync::mpsc::unbounded_channel();
    let endless = service_fn(move |request: Request<AxumBody>| {
        tell.send(request.extensions().get::<StreamSlot>().cloned()).unwrap();
        let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
        ready(Ok::<_, Infallible>(Response::new(AxumBody::from_stream(never))))
    });
    let service = gate.layer(endless);

    let unread = service.clone().oneshot(request(STREAM, None)).await.unwrap();
    let slot = slots.recv().await.flatten().expect("every stream has a slot");
    assert!(timeout(LOOK_EVERY, slot.given_back()).await.is_err());
    slot.give_back();
    gate.idle_for(LOOK_EVERY).await;
    let next = service.clone().oneshot(request(STREAM, None)).await.unwrap();
    assert_eq!(code(&next), None);

    // What is given up leaves nothing a second time.
    drop(unread);
    let refused = service.oneshot(request(STREAM, None)).await.unwrap();
    assert_eq!(code(&refused), Some(Code::ResourceExhausted));
}

#[tokio::test]
async fn the_clock_ends_a_call_though_its_timer_is_not_seen_to_have_fired() {
    let until = tokio::time::Instant::now() + Duration::from_millis(5);
    let mut call = std::pin::pin!(before(until, std::future::pending::<()>()));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert_eq!(call.as_mut().poll(&mut cx), Poll::Pending);
    // The only thread stands still, so that no timer can fire before the call is looked at again.
    std::thread::sleep(Duration::from_millis(10));
    assert_eq!(call.as_mut().poll(&mut cx), Poll::Ready(None));
}

#[test]
fn a_timeout_is_read_as_the_protocol_writes_it() {
    let read = |text: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_static(text));
        grpc_timeout(&headers)
    };
    assert_eq!(read("250m"), Some(Duration::from_millis(250)));
    assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
    for wrong in ["", "5", "m", "+5S", "123456789S", "5x", "-1S"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn every_stream_of_the_api_is_known_as_one() {
    let methods = methods();
    let shape = |path: &str| methods[path.trim_start_matches('/')].shape;
    assert_eq!((shape(UNARY), shape(STREAM)), (Shape::Unary, Shape::Stream));
    assert_eq!(shape("consign.v1.ShippingService/TrackShipment"), Shape::Stream);
    assert_eq!(shape("consign.v1.ImportService/ImportStock"), Shape::Import);
}
