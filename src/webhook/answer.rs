//! What becomes of the events, and how the courier hears of it.

use std::time::Instant;

use futures_util::future::join_all;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{Actor, CourierCode, Part, RecordTracking, ReportOutcome, Target, TrackingReport};
use crate::store::{Codec, Effect, RequestContext, RequestKey, RequestMode, StoreError};
use crate::webhook::door::Door;
use crate::webhook::request::Read;

/// The call under which deliveries are remembered.
const METHOD: &str = "CourierWebhook";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    /// It is new.
    Recorded,
    /// It was known, and says more now.
    Updated,
    /// It was known.
    Known,
    /// The shipment has no room for it.
    LeftOut,
    Refused,
}

/// What became of one event.
#[derive(Debug, Serialize)]
struct EventResult {
    index: usize,
    outcome: Outcome,
    /// Of a refused one, as gRPC callers get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
struct Results {
    results: Vec<EventResult>,
}

#[derive(Serialize)]
struct Problem {
    error: &'static str,
}

/// An answer before it is HTTP.
pub(super) struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    /// Nothing of the request was done.
    pub(super) fn refused(status: StatusCode, error: &'static str) -> Self {
        Self { status, body: json(&Problem { error }) }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let Self { status, body } = self;
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

fn json(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("texts and numbers can be written as JSON")
}

/// The reports of one parcel, each with its index.
type Parcel = (String, Vec<(usize, TrackingReport)>);

/// Decides parcel by parcel. What one event lacks does not keep the others from being recorded.
pub(super) async fn decide(
    door: &Door,
    courier: &CourierCode,
    delivery: Option<String>,
    body: &[u8],
    events: Vec<Read>,
) -> Answer {
    let mut results = Vec::with_capacity(events.len());
    let mut parcels: Vec<Parcel> = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match event {
            Ok((number, report)) => match parcels.iter_mut().find(|it| it.0 == number) {
                Some((_, reports)) => reports.push((index, report)),
                None => parcels.push((number, vec![(index, report)])),
            },
            Err(message) => results.push(refused(index, "INVALID_FIELD", message)),
        }
    }

    let fingerprint: [u8; 32] = Sha256::digest(body).into();
    let deciding = parcels.into_iter().map(|parcel| {
        let request = delivery.as_ref().map(|it| (it.as_str(), fingerprint));
        record(door, courier, request, parcel)
    });
    for decided in join_all(deciding).await {
        match decided {
            Ok(of_parcel) => results.extend(of_parcel),
            Err(error) => {
                tracing::warn!(%error, "a webhook could not be recorded");
                let text = "not recorded, or only a part of it: send it again";
                return Answer::refused(StatusCode::SERVICE_UNAVAILABLE, text);
            }
        }
    }
    results.sort_by_key(|it| it.index);
    Answer { status: StatusCode::OK, body: json(&Results { results }) }
}

/// An error is one that another try may not meet.
async fn record(
    door: &Door,
    courier: &CourierCode,
    request: Option<(&str, [u8; 32])>,
    (number, reports): Parcel,
) -> Result<Vec<EventResult>, StoreError> {
    let actor = Actor::stored(format!("courier/{courier}"));
    let (indexes, reports): (Vec<_>, Vec<_>) = reports.into_iter().unzip();
    let request = request.map(|(delivery, fingerprint)| RequestKey {
        actor: actor.clone(),
        method: METHOD,
        // With which events: one that was too far ahead of the clock may be right the next time.
        id: format!("{:x}", Sha256::digest(format!("{delivery}\n{number}\n{indexes:?}"))),
        fingerprint,
        mode: RequestMode::Claim,
    });
    let context = RequestContext {
        actor,
        principal: None,
        request,
        deadline: Some(Instant::now() + door.deadline),
        effect: Effect::Commit,
    };
    let part = Part::Tracked { courier: courier.clone(), number };
    let command = RecordTracking { target: Target::latest(part), reports };
    let codec = Codec {
        encode: |it: &Vec<Outcome>| json(it),
        decode: |bytes| serde_json::from_slice(bytes).ok(),
        size: |_| 0,
        size_max: usize::MAX,
    };
    let changed = door
        .store
        .change(context, command, |it, _| it.output.outcomes.iter().map(|it| outcome(*it)).collect(), codec)
        .await;
    let all = |reason, message: String| {
        Ok(indexes.iter().map(|it| refused(*it, reason, message.clone())).collect())
    };
    match changed {
        Ok(changed) => {
            let outcomes = changed.into_answer();
            let result = |(index, outcome): (&usize, Outcome)| EventResult {
                index: *index,
                outcome,
                reason: None,
                message: None,
            };
            Ok(indexes.iter().zip(outcomes).map(result).collect())
        }
        Err(StoreError::Refused(refusal)) => all(refusal.word(), refusal.to_string()),
        Err(StoreError::RequestIdReused) => {
            let text = "this delivery's id was used with another body";
            all("REQUEST_ID_REUSED", text.to_owned())
        }
        Err(error @ StoreError::AnswerErased) => all("DATA_ERASED", error.to_string()),
        Err(error) => Err(error),
    }
}

fn outcome(outcome: ReportOutcome) -> Outcome {
    match outcome {
        ReportOutcome::Recorded => Outcome::Recorded,
        ReportOutcome::Updated => Outcome::Updated,
        ReportOutcome::Known => Outcome::Known,
        ReportOutcome::LeftOut => Outcome::LeftOut,
    }
}

fn refused(index: usize, reason: &'static str, message: String) -> EventResult {
    EventResult { index, outcome: Outcome::Refused, reason: Some(reason), message: Some(message) }
}
