//! Traces: spans of calls, of commands, of the writer's groups, of statements and of calls to systems outside, sent to a
//! collector over OTLP, and the form in which it is sent metrics. They are there if the program was built with the feature
//! `otlp` and the settings name a collector; without the feature nothing of it is in the program.
//!
//! | file | what it has |
//! |---|---|
//! | `spans` | where spans begin and end; the context that comes from callers and goes to systems outside |
//! | `export` | the loop that sends them; one that cannot be sent is left out, and nobody waits |
//! | `wire` | their form on the wire |
//! | `metrics` | that of metrics |
//! | `exposition` | reads the metrics out of the text that Prometheus is given |
//! | `off` | the same without the feature |

#[cfg(feature = "otlp")]
mod export;
#[cfg(any(feature = "otlp", test))]
mod exposition;
#[cfg(feature = "otlp")]
mod metrics;
#[cfg(not(feature = "otlp"))]
mod off;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(feature = "otlp")]
mod wire;

#[cfg(feature = "otlp")]
pub(crate) use export::start;
#[cfg(feature = "otlp")]
pub(crate) use metrics::encoded_metrics;
#[cfg(not(feature = "otlp"))]
pub(crate) use off::{Origin, call, carried, command, group, outside, start, statements, traceparent};
#[cfg(feature = "otlp")]
pub(crate) use spans::{Origin, call, carried, command, group, outside, statements, traceparent};

/// Whether the program can send traces.
pub const ARE_THERE: bool = cfg!(feature = "otlp");
