//! What a courier sends: a signature over the time and the body, and events in JSON.

use hmac::{Hmac, Mac};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::{CourierCode, Problems, Timestamp, TrackingReport, TrackingStatus};
use crate::pb;
use crate::rpc::enums::tracking_status;
use crate::rpc::shipping::parse;
use crate::webhook::door::Door;

/// Seconds since 1970, in digits.
const TIMESTAMP: &str = "consign-timestamp";

/// `v1=` and 64 hexadecimal digits: HMAC-SHA256 under the courier's secret over the timestamp, a dot and the body.
const SIGNATURE: &str = "consign-signature";

/// The courier's own id of this delivery.
const DELIVERY: &str = "consign-delivery";

/// Events of one body at most.
const EVENTS_MAX: usize = 100;

/// The headers that a request is recognised by.
pub(super) struct Signature {
    timestamp: String,
    digest: Vec<u8>,
    /// None: the courier numbers no deliveries, and a repeat is recognised by its events alone.
    pub(super) delivery: Option<String>,
}

impl Signature {
    /// None: the signature is missing or has no such form.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).map(|it| it.to_str().ok());
        let timestamp = text(TIMESTAMP)??.to_owned();
        let digest = bytes(text(SIGNATURE)??.strip_prefix("v1=")?)?;
        let delivery = text(DELIVERY).flatten().map(str::to_owned);
        Some(Self { timestamp, digest, delivery })
    }

    /// Whether the id of the delivery, if it has one, can be remembered.
    pub(super) fn has_sound_delivery(headers: &HeaderMap) -> bool {
        let text = headers.get(DELIVERY).map(|it| it.to_str().unwrap_or_default());
        text.is_none_or(|it| (1..=128).contains(&it.len()))
    }

    /// Whether the courier has signed this body, lately. The comparison takes as long for every wrong digest.
    pub(super) fn check(&self, courier: &CourierCode, body: &[u8], door: &Door) -> Result<(), &'static str> {
        let key = door.settings.secrets.get(courier).ok_or("the courier has no secret")?;
        let is_number = self.timestamp.bytes().all(|it| it.is_ascii_digit());
        let at: i64 = self.timestamp.parse().ok().filter(|_| is_number).ok_or("the timestamp is none")?;
        let now = door.store.now().unix_micros() / 1_000_000;
        if at.abs_diff(now) > door.settings.window().as_secs() {
            return Err("the timestamp is too far from now");
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.bytes()).map_err(|_| "the secret cannot be a key")?;
        for part in [self.timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac.verify_slice(&self.digest).map_err(|_| "the digest is another one")
    }
}

/// Hexadecimal digits in pairs.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let is_even = digits.len().is_multiple_of(2) && digits.is_ascii();
    let pairs = is_even.then(|| (0..digits.len()).step_by(2))?;
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    events: Vec<Value>,
}

/// An event as JSON has it; `docs/webhooks.md` explains the fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    tracking_number: String,
    status: String,
    occurred_time: String,
    #[serde(default)]
    event_id: String,
    #[serde(default)]
    incident: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    raw_code: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    estimated_delivery_time: Option<String>,
    #[serde(default)]
    received_by: String,
}

/// A report and the number of its parcel, or every problem of the event.
pub(super) type Read = Result<(String, TrackingReport), String>;

/// The events of a body, each read by itself.
pub(super) fn deliveries(body: &[u8], now: Timestamp) -> Result<Vec<Read>, &'static str> {
    let Body { events } =
        serde_json::from_slice(body).map_err(|_| "the body is not {\"events\": [...]} in JSON")?;
    if events.is_empty() || events.len() > EVENTS_MAX {
        return Err("events must have 1 to 100 entries");
    }
    Ok(events.into_iter().enumerate().map(|(index, it)| read(index, it, now)).collect())
}

fn read(index: usize, event: Value, now: Timestamp) -> Read {
    let at = format!("events[{index}]");
    let event: Event = serde_json::from_value(event).map_err(|it| format!("{at}: {it}"))?;
    let mut bad = Problems::default();
    let Event { tracking_number, status, occurred_time, estimated_delivery_time, .. } = &event;
    let number = parse::tracking_number(&format!("{at}.tracking_number"), tracking_number, &mut bad);
    let status = bad.take(&format!("{at}.status"), status.parse::<TrackingStatus>());
    let occurred_time = instant(&format!("{at}.occurred_time"), occurred_time, &mut bad);
    let field = format!("{at}.estimated_delivery_time");
    let estimated_delivery_time =
        estimated_delivery_time.as_ref().and_then(|it| instant(&field, it, &mut bad));
    // What is missing is noted already.
    let (status, occurred_time) = match (status, occurred_time) {
        (Some(status), Some(at)) => (status, at),
        (status, at) => (
            status.unwrap_or(TrackingStatus::Unknown),
            at.unwrap_or(prost_types::Timestamp { seconds: now.unix_micros() / 1_000_000, nanos: 0 }),
        ),
    };

    let Event { event_id, incident, location, raw_code, description, received_by, .. } = event;
    let report = pb::TrackingReport {
        status: tracking_status(status),
        incident,
        location,
        occurred_time: Some(occurred_time),
        raw_code,
        description,
        estimated_delivery_time,
        received_by,
        event_id,
    };
    let report = parse::report(&at, report, now, &mut bad);
    match (number, report) {
        (Some(number), Some(report)) if bad.0.is_empty() => Ok((number, report)),
        _ => {
            Err(bad.0.iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<Vec<_>>().join("; "))
        }
    }
}

/// A time like 2026-01-31T12:00:00Z.
fn instant(field: &str, text: &str, bad: &mut Problems) -> Option<prost_types::Timestamp> {
    let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) else {
        bad.add(field, "must be a time like 2026-01-31T12:00:00Z");
        return None;
    };
    Some(prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
    })
}
