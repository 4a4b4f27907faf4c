//! A call from its beginning to the last byte of its answer: how many are under way, what is counted, its line in the log.
//! `call_gate.rs` opens the record of a call and puts it into the body of the answer, so that it lives as long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tonic::service::AxumBody;
use tonic::{Code, Status};

use crate::access::{Pass, Principal};
use crate::rpc::call_id::{CallId, HEADER};
use crate::rpc::status;
use crate::rpc::subject::Subject;

/// Upper bounds of how long calls take, in seconds.
const SECONDS: [f64; 13] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What is counted of calls since the process began. Labels have values of the API only: a caller cannot make new ones.
#[derive(Debug, Clone)]
pub struct Calls {
    ended: Family<Ended, Counter>,
    seconds: Family<Answered, Histogram, fn() -> Histogram>,
    /// Connections that are open.
    pub connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    method: Arc<str>,
    code: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: Arc<str>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            connections: Gauge::default(),
        }
    }
}

impl Calls {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "calls",
            "Calls that have ended, by method, gRPC code and the reason in ErrorInfo",
            self.ended.clone(),
        );
        registry.register(
            "call_duration_seconds",
            "How long unary calls took from their first byte to the last byte of their answer",
            self.seconds.clone(),
        );
        registry.register("connections", "Connections of callers that are open", self.connections.clone());
    }
}

/// Whether a call has an end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    Unary,
    /// As long as its reader or sender likes: how long it took says nothing.
    Streaming,
}

/// One of the calls under way, until it is dropped.
pub(super) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One call. When it is dropped, it has ended: one line in the log.
pub(super) struct Record {
    pub(super) id: CallId,
    pub(super) subject: Subject,
    method: Arc<str>,
    lasting: Lasting,
    began: Instant,
    /// Whose key it showed. None: not known, or callers are believed.
    principal: Option<Arc<Principal>>,
    /// None until it is known: a call that is dropped before has lost its caller.
    end: Option<(Code, &'static str)>,
    /// None once it belongs to a stream's slot (`StreamSlot` in `call_gate.rs`).
    pub(super) under_way: Option<UnderWay>,
    calls: Calls,
}

impl Record {
    pub(super) fn open(
        method: Arc<str>,
        lasting: Lasting,
        id: CallId,
        calls: &Calls,
        under_way: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            id,
            subject: Subject::default(),
            method,
            lasting,
            began: Instant::now(),
            principal: None,
            end: None,
            under_way: Some(UnderWay::begin(under_way)),
            calls: calls.clone(),
        }
    }

    /// Keeps in mind who was let in.
    pub(super) fn let_in(&mut self, pass: Option<Pass>) -> Option<Pass> {
        self.principal = pass.as_ref().map(|it| Arc::clone(&it.principal));
        pass
    }

    /// The answer without more ado.
    pub(super) fn answered(mut self, status: Status) -> Response<AxumBody> {
        self.begun(status.into_http())
    }

    /// The answer that begins, or that is only a status, with the call's id.
    pub(super) fn begun<B>(&mut self, mut response: Response<B>) -> Response<B> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            self.ends_with(&status);
        }
        if let Some(id) = self.id.header() {
            response.headers_mut().insert(HEADER, id);
        }
        response
    }

    pub(super) fn ends_with(&mut self, status: &Status) {
        self.end = Some((status.code(), status::reason_in(status)));
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (code, reason) = self.end.unwrap_or((Code::Cancelled, ""));
        let code = name_of(code);
        let took = self.began.elapsed();
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let ended = Ended { method: Arc::clone(&self.method), code, reason };
        self.calls.ended.get_or_create(&ended).inc();
        match self.lasting {
            Lasting::Unary => {
                let answered = Answered { method: Arc::clone(&self.method) };
                self.calls.seconds.get_or_create(&answered).observe(took.as_secs_f64());
            }
            Lasting::Streaming => {}
        }
        let principal = self.principal.as_ref().map(|it| it.name.as_str());
        let reason = (!reason.is_empty()).then_some(reason);
        tracing::info!(
            rpc.method = %self.method,
            rpc.code = code,
            rpc.reason = reason,
            call.id = %self.id,
            resource = self.subject.id(),
            principal,
            us,
            "call"
        );
    }
}

fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
