//! What every call passes before and after its service: who calls and whether they may, a slot among the calls under way,
//! a deadline, the net under a panic, and one line in the log.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use prost::Message;
use prost_types::FileDescriptorSet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as signal};
use tokio::time::{Sleep, sleep, sleep_until, timeout_at};
use tonic::codegen::{BoxFuture, Bytes};
use tonic::service::{AxumBody, Routes};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::{ACTOR, Access, Pass};
use crate::domain::Actor;
use crate::pb;
use crate::rpc::access::data_reads::{self, ReadNotes, Reader};
use crate::rpc::admission::{self, StandingPermission};
use crate::rpc::call_id::CallId;
use crate::rpc::calls::{Calls, Lasting, Record, UnderWay};
use crate::rpc::framing::{FRAME_BYTES, split_header};
use crate::rpc::mask::{Mask, ask_plainly, guarded};
use crate::rpc::status;
use crate::settings::Limits;
use crate::traces;

/// The deadline: after it the caller no longer waits for the answer. Among the extensions of every request that has
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

/// How much earlier than its caller a call gives up, so that the caller receives our answer and not tonic's CANCELLED:
/// a twentieth of the time, within these bounds, and never more than a fifth of it.
const ANSWER_EARLIER: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_millis(200);

/// How much longer than the service a call waits, so that the service's own answer goes first.
const SERVICE_ANSWERS_FIRST: Duration = Duration::from_millis(2);

/// The least time a caller must leave: with less, tonic's timer would fire first.
const TIME_MIN: Duration = Duration::from_millis(2);

/// How often the server checks whether calls are under way.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Puts the gate, and the net under a panic, around everything in `routes`. Services added to the result, such as health,
/// pass neither (src/server.rs).
pub fn protect(routes: Routes, gate: &CallGate) -> Routes {
    let caught: fn(Box<dyn Any + Send>) -> Response<AxumBody> = |_| status::internal().into_http();
    Routes::from(routes.into_axum_router().layer(CatchPanicLayer::custom(caught)).layer(gate.clone()))
}

/// Lets calls in while there is room for them, and knows how many are under way.
#[derive(Clone)]
pub struct CallGate {
    methods: Arc<HashMap<String, Method>>,
    unary_room: Arc<Semaphore>,
    stream_room: Arc<Semaphore>,
    import_room: Arc<Semaphore>,
    deadline: Duration,
    request_bytes: usize,
    /// All calls that have begun, those included whose request is not received whole yet.
    under_way: Arc<AtomicUsize>,
    /// Slots of unary calls, streams and imports.
    slots: [u32; 3],
    counters: Calls,
    access: Arc<Access>,
    /// None: who reads is not written down.
    notes: Option<ReadNotes>,
}

#[derive(Debug, Clone)]
struct Method {
    /// `consign.v1.OrderService/GetOrder`
    name: Arc<str>,
    shape: Shape,
    /// Where its answers stand among the messages that not everybody sees all of.
    answer: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Unary,
    Stream,
    /// Its caller sends a stream too: its messages are taken in one by one.
    Import,
}

impl CallGate {
    pub fn new(limits: &Limits, access: Arc<Access>) -> Self {
        let room = |slots: u32| Arc::new(Semaphore::new(slots as usize));
        Self {
            methods: Arc::new(methods()),
            unary_room: room(limits.calls),
            stream_room: room(limits.streams),
            import_room: room(limits.imports),
            deadline: limits.deadline(),
            request_bytes: usize::try_from(limits.message_bytes).unwrap_or(usize::MAX),
            under_way: Arc::default(),
            slots: [limits.calls, limits.streams, limits.imports],
            counters: Calls::default(),
            access,
            notes: None,
        }
    }

    /// The same, with notes taken of whose personal data callers are shown.
    #[must_use]
    pub fn noting(self, notes: Option<ReadNotes>) -> Self {
        Self { notes, ..self }
    }

    /// Waits until no call has been under way for `span`.
    pub async fn idle_for(&self, span: Duration) {
        let mut since = Instant::now();
        while since.elapsed() < span {
            if self.under_way.load(Ordering::Acquire) > 0 {
                since = Instant::now();
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Slots taken now, by the shape of the calls that have them.
    pub fn places_taken(&self) -> [(&'static str, usize); 3] {
        let [unary, stream, import] = self.slots;
        let taken = |slots: u32, room: &Semaphore| (slots as usize).saturating_sub(room.available_permits());
        [
            ("unary", taken(unary, &self.unary_room)),
            ("stream", taken(stream, &self.stream_room)),
            ("import", taken(import, &self.import_room)),
        ]
    }

    /// What is counted of calls since the process began.
    pub fn counted(&self) -> &Calls {
        &self.counters
    }

    /// The method at `path`. A path that the API does not have is never named in the log.
    fn method(&self, path: &str) -> Method {
        let known = self.methods.get(path.trim_start_matches('/')).cloned();
        known.unwrap_or_else(|| Method { name: "(unknown)".into(), shape: Shape::Unary, answer: None })
    }

    /// The record of a call that begins.
    fn record(&self, method: &Arc<str>, shape: Shape, headers: &HeaderMap) -> Record {
        let lasting = match shape {
            Shape::Unary => Lasting::Unary,
            Shape::Stream | Shape::Import => Lasting::Streaming,
        };
        Record::open(Arc::clone(method), lasting, CallId::of(headers), &self.counters, &self.under_way)
    }

    /// Who reads by this call, if that is written down and a key, token or certificate let them in. Imports read nothing,
    /// and who is shown no persons reads of none. Of a stream, only what its handler notes before it returns the stream is
    /// written down.
    fn reader(
        &self,
        shape: Shape,
        method: &Arc<str>,
        pass: Option<&Pass>,
        mask: Option<&Mask>,
        headers: &HeaderMap,
    ) -> Option<(ReadNotes, Reader)> {
        let is_shown = shape != Shape::Import && mask.is_none_or(Mask::shows_persons);
        let (notes, pass) = (self.notes.as_ref()?, pass.filter(|_| is_shown)?);
        let principal = pass.principal.name.clone();
        // What is no name counts as not given: a read is not refused for it, a change is.
        let named = headers.get(ACTOR).and_then(|it| it.to_str().ok()?.parse::<Actor>().ok());
        let actor = named.unwrap_or_else(|| principal.clone());
        Some((notes.clone(), Reader { principal, actor, method: Arc::clone(method) }))
    }

    fn room(&self, shape: Shape) -> Option<OwnedSemaphorePermit> {
        let room = match shape {
            Shape::Unary => &self.unary_room,
            Shape::Stream => &self.stream_room,
            Shape::Import => &self.import_room,
        };
        Arc::clone(room).try_acquire_owned().ok()
    }

    /// When to give up. A stream may take as long as its caller likes.
    fn time_allowed<B>(&self, shape: Shape, request: &Request<B>) -> TimeAllowed {
        let arrived = request.extensions().get::<Arrived>().map_or_else(Instant::now, |it| it.0);
        let asked = grpc_timeout(request.headers());
        let earlier =
            |it: Duration| (it / 20).clamp(*ANSWER_EARLIER.start(), *ANSWER_EARLIER.end()).min(it / 5);
        let kept = asked.map(|it| it - earlier(it));
        let allowed = match shape {
            Shape::Unary => Some(kept.map_or(self.deadline, |it| it.min(self.deadline))),
            Shape::Stream | Shape::Import => kept,
        };
        // Still before tonic's timer: at most half of what was taken off for it.
        let later = asked.map_or(SERVICE_ANSWERS_FIRST, |it| SERVICE_ANSWERS_FIRST.min(earlier(it) / 2));
        let deadline = allowed.and_then(|it| arrived.checked_add(it));
        TimeAllowed {
            deadline,
            until: deadline.and_then(|it| it.checked_add(later)).map(Into::into),
            too_short: asked.is_some_and(|it| it < TIME_MIN),
        }
    }
}

/// When a request arrived. It is noted before tonic's own timer starts, so that our deadline is never later than tonic's,
/// even on a busy machine.
#[derive(Debug, Clone, Copy)]
struct Arrived(Instant);

/// Notes when a request has arrived.
pub fn arrived<B>(mut request: Request<B>) -> Request<B> {
    request.extensions_mut().insert(Arrived(Instant::now()));
    request
}

/// The slot that a stream takes. It is among the request's extensions, so that the code that gives up on a slow reader can
/// return it. The body of the answer cannot return it: while the reader takes nothing, the body is not
/// polled. A slot is room, not a permission: that is the Pass.
#[derive(Clone, Default)]
pub(super) struct StreamSlot(signal::Sender<Option<Taken>>);

/// What a stream takes up while it has its slot.
pub(super) struct Taken {
    _room: OwnedSemaphorePermit,
    _under_way: Option<UnderWay>,
}

impl StreamSlot {
    /// The slot of the stream that this request opens.
    pub(super) fn of<M>(request: &tonic::Request<M>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// Returns the slot; a second call does nothing.
    pub(super) fn give_back(&self) {
        self.0.send_replace(None);
    }

    /// Waits until the slot is given back.
    pub(super) async fn given_back(&self) {
        // It cannot fail: `self` keeps the sender alive.
        let _ = self.0.subscribe().wait_for(Option::is_none).await;
    }
}

/// Gives a stream's slot back when the answer is over, however it ends.
struct SlotGuard(StreamSlot);

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// The time that a call may take.
struct TimeAllowed {
    /// The instant handed on to the service.
    deadline: Option<Instant>,
    /// When the call is answered without the service, a moment after the deadline.
    until: Option<tokio::time::Instant>,
    /// The caller leaves less time than an answer takes.
    too_short: bool,
}

impl<S> Layer<S> for CallGate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: CallGate,
}

impl<S> Service<Request<AxumBody>> for Gated<S>
where
    S: Service<Request<AxumBody>, Response = Response<AxumBody>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<AxumBody>;
    type Error = Infallible;
    type Future = BoxFuture<Response<AxumBody>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<AxumBody>) -> Self::Future {
        let Method { name, shape, answer } = self.gate.method(request.uri().path());
        let mut record = self.gate.record(&name, shape, request.headers());
        let gate = self.gate.clone();
        let admitted = admission::admit(&gate.access, &name, &mut request);

        let TimeAllowed { deadline, until, too_short } = self.gate.time_allowed(shape, &request);
        if let Some(moment) = deadline {
            request.extensions_mut().insert(Deadline(moment));
        }

        // The service that reported ready is used; its clone is for the next call.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let pass = match admitted {
                Ok(pass) => record.let_in(pass),
                Err(denied) => return Ok(record.answered(status::denied(&denied))),
            };
            if too_short {
                return Ok(record.answered(status::too_late(TOO_LATE)));
            }
            // A request takes up room only once it was received whole, so that slow senders do not keep others out.
            // A stream without a deadline still has to send its request within the server's.
            let by = until.unwrap_or_else(|| tokio::time::Instant::now() + gate.deadline);
            let received = async {
                match shape {
                    Shape::Unary | Shape::Stream => whole(request, gate.request_bytes).await,
                    Shape::Import => Ok(request),
                }
            };
            let mut request = match before(by, received).await {
                Some(Ok(request)) => request,
                Some(Err(why)) => return Ok(record.answered(unreadable(&why))),
                None => return Ok(record.answered(status::too_late(TOO_LATE))),
            };
            let Some(room) = gate.room(shape) else {
                return Ok(record.answered(overloaded(shape)));
            };
            // A unary call gives its room back once its answer is ready to be sent; a stream keeps it to its end.
            let (_room, slot_guard) = match shape {
                Shape::Unary => (Some(room), None),
                Shape::Stream | Shape::Import => {
                    let taken = Taken { _room: room, _under_way: record.under_way.take() };
                    let slot = StreamSlot(signal::Sender::new(Some(taken)));
                    request.extensions_mut().insert(slot.clone());
                    (None, Some(SlotGuard(slot)))
                }
            };
            let traced = traces::call(&name, request.headers());
            let lasts = shape != Shape::Unary;
            let mask = Mask::of(answer, pass.as_ref());
            ask_plainly(mask.as_ref(), request.headers_mut());
            let reader = gate.reader(shape, &name, pass.as_ref(), mask.as_ref(), request.headers());
            let mut standing = lasts.then(|| StandingPermission::new(Arc::clone(&gate.access), name, pass));
            let answering = record.subject.within(traced.around(inner.call(request)));
            let answering = data_reads::noted(reader, record.id.clone().within(answering));
            let response = match in_time(answering, until, &mut standing).await {
                Ok(response) => response,
                Err(status) => return Ok(record.answered(status)),
            };

            let response = Mask::apply(mask, record.begun(as_callers_fault(response?)));
            Ok(response.map(|body| {
                let until = until.filter(|_| lasts).map(|it| Box::pin(sleep_until(it)));
                AxumBody::new(GatedBody { body, record, until, standing, over: false, _slot: slot_guard })
            }))
        })
    }
}

/// The output of `future`, unless `until` comes first.
///
/// The clock decides, not the timer alone: tonic's own timer, which is set a little later, wakes the same task, and on a busy
/// machine it may be known to have fired before ours. The caller would then get CANCELLED without a reason.
async fn before<T>(until: tokio::time::Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut timed = pin!(timeout_at(until, future));
    poll_fn(|cx| match timed.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(output.ok()),
        Poll::Pending if tokio::time::Instant::now() >= until => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// What the service answers, unless its time is over before, or its caller may no longer have it.
async fn in_time<T>(
    answering: impl Future<Output = T>,
    until: Option<tokio::time::Instant>,
    standing: &mut Option<StandingPermission>,
) -> Result<T, Status> {
    let answered = async {
        match until {
            Some(until) => before(until, answering).await.ok_or_else(|| status::too_late(TOO_LATE)),
            None => Ok(answering.await),
        }
    };
    tokio::select! {
        biased;
        answered = answered => answered,
        denied = admission::denied(standing) => Err(status::denied(&denied)),
    }
}

/// The request, once it has been received whole; or why it cannot be.
async fn whole(request: Request<AxumBody>, bytes_max: usize) -> Result<Request<AxumBody>, String> {
    let (parts, mut body) = request.into_parts();
    let mut received = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|it| it.to_string())?;
        if let Some(data) = frame.data_ref() {
            received.extend_from_slice(data);
        }
        if received.len() > bytes_max + FRAME_BYTES {
            return Err(format!("it is larger than {bytes_max} bytes"));
        }
    }
    // These methods take one message. Less than one is refused by tonic itself.
    if split_header(&received).is_some_and(|(header, sent)| sent.len() > header.length) {
        return Err("more than one message was sent, or something behind it".to_owned());
    }
    Ok(Request::from_parts(parts, received.into()))
}

/// Unreadable bytes are the caller's fault. tonic answers them as a fault of the server, without details; this replaces
/// its status by one with a reason.
fn as_callers_fault(response: Response<AxumBody>) -> Response<AxumBody> {
    // Our own statuses have details, so one without comes from tonic: Internal for bytes that are no message, OutOfRange and
    // ResourceExhausted for one that is too large, as it was sent or once it is decompressed.
    match Status::from_header_map(response.headers()) {
        Some(status)
            if status.details().is_empty()
                && matches!(status.code(), Code::Internal | Code::OutOfRange | Code::ResourceExhausted) =>
        {
            unreadable(status.message()).into_http()
        }
        _ => response,
    }
}

/// An answer on its way. It ends a stream at its deadline or when its caller may no longer read it, and keeps a panic from
/// the calls beside it.
struct GatedBody {
    body: AxumBody,
    record: Record,
    until: Option<Pin<Box<Sleep>>>,
    standing: Option<StandingPermission>,
    over: bool,
    _slot: Option<SlotGuard>,
}

impl GatedBody {
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.over = true;
        self.body = AxumBody::empty();
        self.record.ends_with(status);
        Frame::trailers(status::trailers_of(status))
    }
}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = <AxumBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.until.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Some(Ok(self.end(&status::too_late(TOO_LATE)))));
        }
        if let Some(Poll::Ready(denied)) = self.standing.as_mut().map(|it| it.poll_denied(cx)) {
            return Poll::Ready(Some(Ok(self.end(&status::denied(&denied)))));
        }

        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(cx)));
        let Ok(polled) = polled else {
            let status = status::internal_in(Some(&self.record.id));
            return Poll::Ready(Some(Ok(self.end(&status))));
        };
        let frame = ready!(polled);
        if let Some(Ok(frame)) = &frame
            && let Some(status) = frame.trailers_ref().and_then(Status::from_header_map)
        {
            self.record.ends_with(&status);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn overloaded(shape: Shape) -> Status {
    let text = match shape {
        Shape::Unary => "too many calls are under way; repeat the call later",
        Shape::Stream => "too many streams are open; open this one later",
        Shape::Import => "too many imports are under way; begin this one later",
    };
    status::overloaded(text)
}

fn unreadable(why: &str) -> Status {
    let text = format!("the request cannot be read: {why}");
    status::unreadable(&text)
}

/// Also for calls that were not begun: the call may have had an effect or not; a repeat with the same request id gets the
/// answer.
const TOO_LATE: &str = "the deadline passed before the answer; repeat with the same request_id to learn it";

/// As the gRPC protocol writes it: up to eight digits and a unit. Anything else counts as not given.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3_600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Every method of the API by its path.
fn methods() -> HashMap<String, Method> {
    let described = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).expect("written by our own build");
    let mut methods = HashMap::new();
    for file in &described.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("{}.{}/{}", file.package(), service.name(), method.name());
                let shape = match (method.client_streaming(), method.server_streaming()) {
                    (false, false) => Shape::Unary,
                    (false, true) => Shape::Stream,
                    (true, _) => Shape::Import,
                };
                let answer = guarded(method.output_type());
                methods.insert(path.clone(), Method { name: path.into(), shape, answer });
            }
        }
    }
    methods
}
