//! Spans in the form of OTLP: `opentelemetry/proto/collector/trace/v1/trace_service.proto`, of which only what is sent is
//! declared.

use prost::Message;

use crate::domain::Timestamp;
use crate::traces::spans::{Detail, Ended, Kind};

#[derive(Clone, PartialEq, Message)]
struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct InstrumentationScope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "13")]
    links: Vec<Link>,
}

/// A span of another trace.
#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

/// An attribute that is a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::Text(value.to_owned()))
}

/// Who sends.
pub(super) fn sender() -> (Resource, InstrumentationScope) {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![text("service.name", "consign"), text("service.version", version)];
    let scope = InstrumentationScope { name: "consign".to_owned(), version: version.to_owned() };
    (Resource { attributes }, scope)
}

/// A moment, in nanoseconds since 1970.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.unix_micros()).unwrap_or_default().saturating_mul(1_000)
}

/// What is sent of these.
pub(super) fn encoded(spans: Vec<Ended>) -> Vec<u8> {
    let (resource, scope) = sender();
    let scope_spans = ScopeSpans { scope: Some(scope), spans: spans.into_iter().map(span).collect() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans] }],
    }
    .encode_to_vec()
}

fn span(ended: Ended) -> Span {
    let Ended { trace, span, parent, name, kind, began, took, detail } = ended;
    let start = nanos(began);
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let kind = match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    };
    let (attributes, linked) = match detail {
        Detail::Nothing => (Vec::new(), None),
        Detail::Group { changes } => {
            let changes = Value::Number(i64::try_from(changes).unwrap_or(i64::MAX));
            (vec![attribute("consign.changes", changes)], None)
        }
        Detail::Command { group, outcome, reason } => {
            let reason = reason.map(|it| text("consign.reason", it));
            let outcome = text("consign.outcome", outcome);
            (std::iter::once(outcome).chain(reason).collect(), group)
        }
    };
    let links = linked.map(|it| Link {
        trace_id: it.trace.to_be_bytes().to_vec(),
        span_id: it.span.to_be_bytes().to_vec(),
    });
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: span.to_be_bytes().to_vec(),
        parent_span_id: parent.map(|it| it.to_be_bytes().to_vec()).unwrap_or_default(),
        name,
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(took),
        attributes,
        links: links.into_iter().collect(),
    }
}
