//! A line of the log as one JSON object in which no key comes twice.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `timestamp`, `level`, `target` and `message` first, then the fields of the event by name.
pub(super) struct Json;

/// A field of the event that has such a name is written as `field.…`.
const OURS: [&str; 4] = ["timestamp", "level", "target", "spans"];

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, target, others } = fields;

        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let target = target.unwrap_or_else(|| event.metadata().target().to_owned());
        let level = event.metadata().level().as_str();
        write!(line, r#"{{"timestamp":{},"level":{}"#, Value::from(timestamp), Value::from(level))?;
        write!(line, r#","target":{},"message":{}"#, Value::from(target), Value::from(message))?;
        for (name, value) in others {
            write!(line, ",{}:{value}", Value::from(name))?;
        }
        let spans: Vec<&str> =
            context.event_scope().into_iter().flat_map(|it| it.from_root()).map(|it| it.name()).collect();
        if !spans.is_empty() {
            write!(line, r#","spans":{}"#, Value::from(spans))?;
        }
        line.write_str("}\n")
    }
}

/// Fields of one log event. Of a name that comes twice the last value counts.
#[derive(Default)]
struct Fields {
    message: String,
    /// Of a record that came by way of the `log` crate.
    target: Option<String>,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name().trim_start_matches("r#");
        let text = |it: Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
        match name {
            "message" => self.message = text(value),
            "log.target" => self.target = Some(text(value)),
            _ if name.starts_with("log.") => {}
            _ if OURS.contains(&name) => drop(self.others.insert(format!("field.{name}"), value)),
            _ => drop(self.others.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}
