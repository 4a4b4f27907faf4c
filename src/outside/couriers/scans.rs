//! A tracker of a server that speaks Karrio's REST API, as reports of a courier.
//!
//! Servers from 2025 on give each event a `status` and a `timestamp`. Older ones give events without a status and one for
//! the whole tracker: of these only the latest event is reported, with that status, so that an event never comes back with
//! another one. Their `date` and `time` are the courier's local ones without a zone; they are taken as UTC.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use crate::domain::{Timestamp, TrackingReport, TrackingStatus};

/// How many events of a tracker are taken, the latest.
const EVENTS_MAX: usize = 100;

/// How long texts may be, in characters: as in RecordTrackingEvents.
const LOCATION_MAX: usize = 200;
const CODE_MAX: usize = 100;
const DESCRIPTION_MAX: usize = 500;

/// 2000-01-01T00:00:00Z: nothing that is reported happened before.
const HAPPENED_FIRST: Timestamp = Timestamp::from_unix_micros(946_684_800_000_000);

pub(super) fn reports(tracker: &Value) -> Vec<TrackingReport> {
    let events = tracker["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut read: Vec<TrackingReport> =
        events.iter().filter_map(|it| report(it, status(&it["status"])?)).collect();
    if read.is_empty() {
        let overall = status(&tracker["status"]).unwrap_or(TrackingStatus::Unknown);
        let latest = events.iter().filter_map(|it| report(it, overall)).max_by_key(|it| it.occurred_at);
        read.extend(latest);
    }
    read.sort_by_key(|it| it.occurred_at);
    if let Some(latest) = read.last_mut() {
        latest.estimated_at = estimate(&tracker["estimated_delivery"]);
        if latest.status == TrackingStatus::Delivered {
            latest.received_by = text(&tracker["info"]["signed_by"], LOCATION_MAX);
        }
    }
    read.split_off(read.len().saturating_sub(EVENTS_MAX))
}

fn report(event: &Value, status: TrackingStatus) -> Option<TrackingReport> {
    let occurred_at = occurred_at(event).filter(|it| *it >= HAPPENED_FIRST)?;
    Some(TrackingReport {
        status,
        incident: incident(&event["reason"]),
        location: text(&event["location"], LOCATION_MAX),
        occurred_at,
        estimated_at: None,
        raw_code: text(&event["code"], CODE_MAX),
        description: text(&event["description"], DESCRIPTION_MAX),
        received_by: String::new(),
    })
}

fn status(word: &Value) -> Option<TrackingStatus> {
    Some(match word.as_str()? {
        "pending" => TrackingStatus::InfoReceived,
        "picked_up" => TrackingStatus::PickedUp,
        "in_transit" => TrackingStatus::InTransit,
        "delivery_delayed" => TrackingStatus::Delayed,
        "out_for_delivery" => TrackingStatus::OutForDelivery,
        "delivery_failed" => TrackingStatus::DeliveryAttempted,
        "ready_for_pickup" => TrackingStatus::AvailableForPickup,
        "delivered" => TrackingStatus::Delivered,
        "on_hold" => TrackingStatus::Exception,
        "return_to_sender" => TrackingStatus::Returning,
        _ => TrackingStatus::Unknown,
    })
}

/// The families of incidents that are ours too; any other is none of them.
fn incident(reason: &Value) -> String {
    let word = reason.as_str().unwrap_or_default().to_ascii_uppercase();
    let ours = ["CARRIER_", "CONSIGNEE_", "CUSTOMS_", "WEATHER_"].iter().any(|it| word.starts_with(it));
    let sound = word.len() <= 60 && word.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    match (word.is_empty(), ours && sound) {
        (true, _) => String::new(),
        (false, true) => word,
        (false, false) => "OTHER".to_owned(),
    }
}

fn occurred_at(event: &Value) -> Option<Timestamp> {
    let exact = event["timestamp"].as_str().and_then(|it| OffsetDateTime::parse(it, &Rfc3339).ok());
    if let Some(at) = exact {
        return Some(Timestamp::from_date_time(at));
    }
    let time = event["time"].as_str().unwrap_or_default();
    let time = Time::parse(time, format_description!("[hour repr:12]:[minute] [period]"))
        .or_else(|_| Time::parse(time, format_description!("[hour]:[minute]")))
        .unwrap_or(Time::MIDNIGHT);
    Some(at(day(&event["date"])?, time))
}

/// A day is kept until its end.
fn estimate(day_or_time: &Value) -> Option<Timestamp> {
    let text = day_or_time.as_str()?;
    let exact = OffsetDateTime::parse(text, &Rfc3339).ok().map(Timestamp::from_date_time);
    exact.or_else(|| Some(at(day(day_or_time)?, Time::from_hms(23, 59, 59).ok()?)))
}

fn day(text: &Value) -> Option<Date> {
    let day = text.as_str()?.get(..10)?;
    Date::parse(day, format_description!("[year]-[month]-[day]")).ok()
}

fn at(day: Date, time: Time) -> Timestamp {
    Timestamp::from_date_time(PrimitiveDateTime::new(day, time).assume_utc())
}

/// One line, cut to so many characters.
fn text(value: &Value, most: usize) -> String {
    let plain = |it: char| if it.is_control() { ' ' } else { it };
    value.as_str().unwrap_or_default().chars().map(plain).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    fn told(tracker: &Value) -> Vec<(TrackingStatus, String)> {
        reports(tracker).into_iter().map(|it| (it.status, it.occurred_at.to_string())).collect()
    }

    #[test]
    fn every_event_with_a_status_of_its_own_is_reported() {
        let tracker = json!({
            "status": "out_for_delivery",
            "estimated_delivery": "2026-11-30",
            "events": [
                { "status": "out_for_delivery", "timestamp": "2026-11-30T07:15:00.000+01:00", "location": "Berlin" },
                { "status": "on_hold", "reason": "weather_delay", "date": "2026-11-29", "time": "11:40 PM" },
                { "status": "picked_up", "date": "2026-11-28", "time": "18:05", "code": "PU\u{7}" },
                { "status": "in_transit", "date": "yesterday" },
            ],
        });
        assert_eq!(
            told(&tracker),
            [
                (TrackingStatus::PickedUp, "2026-11-28T18:05:00Z".to_owned()),
                (TrackingStatus::Exception, "2026-11-29T23:40:00Z".to_owned()),
                (TrackingStatus::OutForDelivery, "2026-11-30T06:15:00Z".to_owned()),
            ]
        );
        let read = reports(&tracker);
        assert_eq!((read[0].raw_code.as_str(), read[1].incident.as_str()), ("PU ", "WEATHER_DELAY"));
        assert_eq!(read[2].estimated_at.map(|it| it.to_string()).as_deref(), Some("2026-11-30T23:59:59Z"));
    }

    #[test]
    fn of_events_without_a_status_the_latest_has_that_of_the_tracker() {
        let tracker = json!({
            "status": "delivered",
            "info": { "signed_by": "J. Doe" },
            "events": [
                { "date": "2026-11-29", "time": "10:00 AM", "description": "Delivered" },
                { "date": "2026-11-28", "time": "09:00 AM", "description": "In transit" },
            ],
        });
        assert_eq!(told(&tracker), [(TrackingStatus::Delivered, "2026-11-29T10:00:00Z".to_owned())]);
        assert_eq!(reports(&tracker)[0].received_by, "J. Doe");
    }

    #[test]
    fn nonsense_reports_nothing() {
        for tracker in
            [json!({}), json!([]), json!({ "events": "many" }), json!({ "events": [1, { "date": "x" }] })]
        {
            assert!(reports(&tracker).is_empty(), "{tracker}");
        }
    }
}
