//! Metrics in the form of OTLP: `opentelemetry/proto/collector/metrics/v1/metrics_service.proto`, of which only what is sent
//! is declared.

use prost::Message;

use crate::domain::Timestamp;
use crate::traces::exposition::{Distribution, Family, Point, Series, read};
use crate::traces::wire::{InstrumentationScope, KeyValue, Resource, nanos, sender, text};

/// Sums since the process began, not since the last time that they were sent.
const CUMULATIVE: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct ExportMetricsServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeMetrics {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    description: String,
    #[prost(oneof = "Data", tags = "5, 7, 9")]
    data: Option<Data>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Data {
    #[prost(message, tag = "5")]
    Gauge(Gauge),
    #[prost(message, tag = "7")]
    Sum(Sum),
    #[prost(message, tag = "9")]
    Histogram(Histogram),
}

#[derive(Clone, PartialEq, Message)]
struct Gauge {
    #[prost(message, repeated, tag = "1")]
    data_points: Vec<NumberDataPoint>,
}

#[derive(Clone, PartialEq, Message)]
struct Sum {
    #[prost(message, repeated, tag = "1")]
    data_points: Vec<NumberDataPoint>,
    #[prost(int32, tag = "2")]
    aggregation_temporality: i32,
    #[prost(bool, tag = "3")]
    is_monotonic: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(message, repeated, tag = "1")]
    data_points: Vec<HistogramDataPoint>,
    #[prost(int32, tag = "2")]
    aggregation_temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
struct NumberDataPoint {
    #[prost(fixed64, tag = "2")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    time_unix_nano: u64,
    /// Of two kinds of values the one that is used here; optional, so that 0 is sent.
    #[prost(double, optional, tag = "4")]
    as_double: Option<f64>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct HistogramDataPoint {
    #[prost(fixed64, tag = "2")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, optional, tag = "5")]
    sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    bucket_counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    explicit_bounds: Vec<f64>,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
}

/// When the process began to count, and when this is.
#[derive(Clone, Copy)]
struct Span {
    began: u64,
    at: u64,
}

/// What is sent of the metrics that Prometheus would be given in this text.
pub(crate) fn encoded_metrics(told: &str, began: Timestamp, at: Timestamp) -> Vec<u8> {
    let span = Span { began: nanos(began), at: nanos(at) };
    let metrics = read(told).into_iter().map(|it| metric(it, span)).collect();
    let (resource, scope) = sender();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics }];
    let resource_metrics = vec![ResourceMetrics { resource: Some(resource), scope_metrics }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn metric(family: Family, span: Span) -> Metric {
    let Family { name, help, series } = family;
    let points = |it: Vec<Point>| it.into_iter().map(|it| number(it, span)).collect::<Vec<_>>();
    let data = match series {
        Series::Gauges(all) => Data::Gauge(Gauge { data_points: points(all) }),
        Series::Counters(all) => Data::Sum(Sum {
            data_points: points(all),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        Series::Histograms(all) => Data::Histogram(Histogram {
            data_points: all.into_iter().map(|it| distribution(it, span)).collect(),
            aggregation_temporality: CUMULATIVE,
        }),
    };
    Metric { name, description: help, data: Some(data) }
}

fn number(point: Point, span: Span) -> NumberDataPoint {
    let Point { labels, value } = point;
    NumberDataPoint {
        start_time_unix_nano: span.began,
        time_unix_nano: span.at,
        as_double: Some(value),
        attributes: attributes(&labels),
    }
}

fn distribution(told: Distribution, span: Span) -> HistogramDataPoint {
    let bucket_counts = told.counts();
    let Distribution { labels, count, sum, up_to } = told;
    HistogramDataPoint {
        start_time_unix_nano: span.began,
        time_unix_nano: span.at,
        count,
        sum: Some(sum),
        bucket_counts,
        explicit_bounds: up_to.into_iter().map(|it| it.0).collect(),
        attributes: attributes(&labels),
    }
}

fn attributes(labels: &[(String, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| text(name, value)).collect()
}
