//! The only place where an error becomes a gRPC status.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::domain::{Problems, Reason, Refusal};
use crate::store::StoreError;

/// The `domain` of every `ErrorInfo`.
const DOMAIN: &str = "consign";
/// More violations than this are cut off: details travel in a trailer, and many clients allow 8 KiB of headers.
const VIOLATIONS_MAX: usize = 25;
const RETRY_SOON: Duration = Duration::from_millis(100);
const RETRY_LATER: Duration = Duration::from_secs(1);

type Metadata = HashMap<String, String>;

pub(crate) fn of_store(error: &StoreError) -> Status {
    let text = error.to_string();
    match error {
        StoreError::Refused(refusal) => of_refusal(refusal),
        StoreError::RequestIdReused => {
            let text = "this request_id was used with other content; use a new one";
            build(Code::AlreadyExists, text, "REQUEST_ID_REUSED", Metadata::new(), |_| {})
        }
        StoreError::LostRace => build(Code::Aborted, &text, "LOST_RACE", Metadata::new(), |it| {
            it.set_retry_info(Some(RETRY_SOON));
        }),
        StoreError::Overloaded | StoreError::StorageFull => {
            build(Code::ResourceExhausted, &text, "OVERLOADED", Metadata::new(), |it| {
                it.set_retry_info(Some(RETRY_LATER));
            })
        }
        StoreError::DeadlineExceeded => {
            build(Code::DeadlineExceeded, &text, "DEADLINE_PASSED", Metadata::new(), |_| {})
        }
        StoreError::Unavailable(_) => {
            let text = "the database cannot be reached; repeat the call with the same request_id";
            build(Code::Unavailable, text, "UNAVAILABLE", Metadata::new(), |it| {
                it.set_retry_info(Some(RETRY_LATER));
            })
        }
        StoreError::Corrupt { .. } | StoreError::Internal(_) => {
            tracing::error!(error = %text, "a call failed through a fault of our own");
            internal()
        }
    }
}

/// A fault of our own: constant text outside.
pub(crate) fn internal() -> Status {
    build(Code::Internal, "internal error; the server's log has the cause", "INTERNAL", Metadata::new(), |_| {})
}

pub(crate) fn not_found(kind: &'static str, id: impl ToString) -> Status {
    of_refusal(&Refusal::not_found(kind, id))
}

pub(crate) fn of_refusal(refusal: &Refusal) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::Invalid(problems) => of_problems(problems),
        Refusal::NotFound { kind, id } => build(Code::NotFound, &text, "NOT_FOUND", Metadata::new(), |it| {
            it.set_resource_info(*kind, id.clone(), "", text.clone());
        }),
        Refusal::Exists { kind, id } => {
            build(Code::AlreadyExists, &text, "DUPLICATE", facts([("existing", id.clone())]), |it| {
                it.set_resource_info(*kind, id.clone(), "", text.clone());
            })
        }
        Refusal::StaleEtag => build(Code::Aborted, &text, "ETAG_MISMATCH", Metadata::new(), |_| {}),
        Refusal::Unmet { reason, message, state, legal } => {
            let mut metadata = Metadata::new();
            if let Some(state) = state {
                metadata.insert("state".to_owned(), (*state).to_owned());
            }
            if !legal.is_empty() {
                metadata.insert("legal".to_owned(), legal.join(", "));
            }
            build(code_of(*reason), message, reason.as_str(), metadata, |_| {})
        }
        Refusal::Short(short) => {
            let metadata = short.iter().map(|it| {
                (it.sku.to_string(), format!("{} available, {} wanted", it.available, it.wanted))
            });
            build(Code::FailedPrecondition, &text, "INSUFFICIENT_STOCK", metadata.collect(), |_| {})
        }
        Refusal::LeaseLost(_) => build(Code::Aborted, &text, "LOST_RACE", Metadata::new(), |it| {
            it.set_retry_info(Some(RETRY_SOON));
        }),
    }
}

fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::SelfApproval => Code::PermissionDenied,
        Reason::ActorRequired => Code::Unauthenticated,
        Reason::InsufficientStock
        | Reason::IllegalTransition
        | Reason::HoldActive
        | Reason::ApprovalRequired
        | Reason::ApprovalDecided
        | Reason::RefundExceedsCapture
        | Reason::PaymentExceedsDue
        | Reason::PaymentDeclined
        | Reason::PaymentPending
        | Reason::ReservationExpired
        | Reason::QuantityMismatch
        | Reason::StockInUse
        | Reason::NoCourier
        | Reason::OrderNotClosable
        | Reason::OrderNotEditable
        | Reason::NotArchivable
        | Reason::FeedbackNotOpen
        | Reason::LimitReached
        | Reason::UnknownReference => Code::FailedPrecondition,
    }
}

fn of_problems(problems: &Problems) -> Status {
    let shown: Vec<String> =
        problems.0.iter().take(3).map(|it| format!("{}: {}", it.field, it.message)).collect();
    let more = problems.0.len().saturating_sub(shown.len());
    let text = match more {
        0 => shown.join("; "),
        _ => format!("{}; and {more} more", shown.join("; ")),
    };
    build(Code::InvalidArgument, &text, "INVALID_FIELD", Metadata::new(), |it| {
        let violations = problems.0.iter().take(VIOLATIONS_MAX);
        it.set_bad_request(violations.map(|it| FieldViolation::new(&it.field, &it.message)).collect::<Vec<_>>());
    })
}

pub(crate) fn build(
    code: Code,
    text: &str,
    reason: &str,
    metadata: Metadata,
    more: impl FnOnce(&mut ErrorDetails),
) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    more(&mut details);
    Status::with_error_details(code, text, details)
}

pub(crate) fn facts<const N: usize>(facts: [(&str, String); N]) -> Metadata {
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
