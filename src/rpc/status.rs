//! The only place where an error becomes a gRPC status.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

use crate::access::{self, Denied};
use crate::domain::{HistoryId, Problems, Reason, Refusal};
use crate::pb::{self, ErrorReason, Permission};
use crate::rpc::call_id::CallId;
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
            build(Code::AlreadyExists, text, ErrorReason::RequestIdReused, Metadata::new(), |_| {})
        }
        StoreError::AnswerErased => {
            build(Code::FailedPrecondition, &text, ErrorReason::DataErased, Metadata::new(), |_| {})
        }
        StoreError::LostRace | StoreError::ExistingKey(_) => {
            build(Code::Aborted, &text, ErrorReason::LostRace, Metadata::new(), |it| {
                it.set_retry_info(Some(RETRY_SOON));
            })
        }
        StoreError::Overloaded | StoreError::StorageFull => overloaded(&text),
        StoreError::DeadlineExceeded => too_late(&text),
        StoreError::Unavailable(_)
        | StoreError::ClockOff { .. }
        | StoreError::CannotConnect { .. }
        | StoreError::Newer(_)
        | StoreError::InUse(_) => {
            let text = "the database does not answer; repeat the call with the same request_id";
            build(Code::Unavailable, text, ErrorReason::Unavailable, Metadata::new(), |it| {
                it.set_retry_info(Some(RETRY_LATER));
            })
        }
        StoreError::Corrupt { .. } | StoreError::Internal(_) => {
            let id = CallId::current().map(tracing::field::display);
            tracing::error!(call.id = id, error = %text, "a call failed through a fault of our own");
            internal()
        }
    }
}

/// A fault of our own: constant text outside.
pub(crate) fn internal() -> Status {
    internal_in(CallId::current().as_ref())
}

/// The same, of a call that is known; None: it is not.
pub(super) fn internal_in(call: Option<&CallId>) -> Status {
    let text = match call {
        Some(id) => format!("internal error; the server's log has the cause, at call {id}"),
        None => "internal error; the server's log has the cause".to_owned(),
    };
    build(Code::Internal, &text, ErrorReason::Internal, Metadata::new(), |_| {})
}

/// The reason in its `ErrorInfo`; empty: there is none, or the API does not have it.
pub(super) fn reason_in(status: &Status) -> &'static str {
    let info = (status.code() != Code::Ok).then(|| status.get_details_error_info()).flatten();
    let reason = info.and_then(|it| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", it.reason)));
    reason.map_or("", word)
}

pub(crate) fn not_found(kind: &'static str, id: impl ToString) -> Status {
    of_refusal(&Refusal::not_found(kind, id))
}

pub(crate) fn overloaded(text: &str) -> Status {
    build(Code::ResourceExhausted, text, ErrorReason::Overloaded, Metadata::new(), |it| {
        it.set_retry_info(Some(RETRY_LATER));
    })
}

/// The message is no request of this method.
pub(crate) fn unreadable(text: &str) -> Status {
    build(Code::InvalidArgument, text, ErrorReason::InvalidField, Metadata::new(), |_| {})
}

pub(crate) fn too_late(text: &str) -> Status {
    build(Code::DeadlineExceeded, text, ErrorReason::DeadlinePassed, Metadata::new(), |_| {})
}

/// A person must decide this, and the call does not say who it is.
pub(crate) fn actor_required() -> Status {
    let text = "name yourself in the metadata consign-actor: a person has to decide this";
    build(Code::Unauthenticated, text, ErrorReason::ActorRequired, Metadata::new(), |_| {})
}

/// The caller is not known, or may not do this.
pub(crate) fn denied(why: &Denied) -> Status {
    let text = why.to_string();
    let (code, reason, metadata) = match why {
        Denied::NoKey => (Code::Unauthenticated, ErrorReason::KeyMissing, Metadata::new()),
        Denied::UnknownKey => (Code::Unauthenticated, ErrorReason::KeyUnknown, Metadata::new()),
        Denied::ExpiredKey(..) => (Code::Unauthenticated, ErrorReason::KeyExpired, Metadata::new()),
        Denied::UnknownCertificate(_) | Denied::SharedCertificate(_) => {
            (Code::Unauthenticated, ErrorReason::CertificateUnknown, Metadata::new())
        }
        Denied::ExpiredCertificate(_) => {
            (Code::Unauthenticated, ErrorReason::CertificateExpired, Metadata::new())
        }
        Denied::BadToken => (Code::Unauthenticated, ErrorReason::TokenInvalid, Metadata::new()),
        Denied::ExpiredToken => (Code::Unauthenticated, ErrorReason::TokenExpired, Metadata::new()),
        Denied::Lacks(_, permission) => {
            let metadata = facts([("permission", access::name_of(*permission).to_owned())]);
            (Code::PermissionDenied, ErrorReason::PermissionMissing, metadata)
        }
        Denied::OtherScope(_) => {
            let metadata = facts([("permission", access::name_of(Permission::Carry).to_owned())]);
            (Code::PermissionDenied, ErrorReason::PermissionMissing, metadata)
        }
        Denied::FirstKey => (Code::FailedPrecondition, ErrorReason::KeyMissing, Metadata::new()),
        Denied::NamesPerson(_) => (Code::PermissionDenied, ErrorReason::ActorNotAllowed, Metadata::new()),
    };
    build(code, &text, reason, metadata, |_| {})
}

/// The provider said no; the attempt is on record.
pub(crate) fn payment_declined(payment: &pb::Payment) -> Status {
    let text = format!("the payment was declined: {}", payment.failure);
    let facts = facts([("payment_id", payment.id.clone()), ("failure", payment.failure.clone())]);
    build(Code::FailedPrecondition, &text, ErrorReason::PaymentDeclined, facts, |_| {})
}

/// The trailers that end an answer with this status.
pub(crate) fn trailers_of(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // Cannot fail: our texts are legal in a header.
    let _ = status.add_header(&mut trailers);
    trailers
}

/// The end of a stream when the server stops.
pub(crate) fn shutting_down(resume: i64) -> Status {
    let text = "the server is stopping; go on from the resume point at another one";
    build(Code::Unavailable, text, ErrorReason::ShuttingDown, facts([("resume", resume.to_string())]), |it| {
        it.set_retry_info(Some(RETRY_LATER));
    })
}

/// The end of a stream whose reader takes nothing.
pub(crate) fn too_slow(resume: i64) -> Status {
    let text = "the stream was not read for too long; go on from the resume point";
    build(Code::Aborted, text, ErrorReason::SlowReader, facts([("resume", resume.to_string())]), |_| {})
}

/// What a reader of a stream knows was told in a history that a restore has ended; the two are the same up to `shared`.
pub(crate) fn history_restored(current: Option<HistoryId>, shared: Option<i64>) -> Status {
    let text =
        "an older copy of the database was restored, and the last events you have seen are lost: read again";
    let current = current.map(|it| ("history_id".to_owned(), it.to_string()));
    let shared = shared.map(|it| ("shared_position".to_owned(), it.to_string()));
    let metadata = current.into_iter().chain(shared).collect();
    build(Code::FailedPrecondition, text, ErrorReason::PositionLost, metadata, |_| {})
}

/// The courier would not carry the shipment; it was released again.
pub(crate) fn courier_refused(shipment: &pb::Shipment) -> Status {
    let text = format!("the courier will not carry the shipment: {}", shipment.courier_refusal);
    let facts = facts([("shipment_id", shipment.id.clone()), ("state", "LABELLED".to_owned())]);
    build(Code::FailedPrecondition, &text, ErrorReason::NoCourier, facts, |_| {})
}

pub(crate) fn of_refusal(refusal: &Refusal) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::Invalid(problems) => of_problems(problems),
        Refusal::NotFound { kind, id } => {
            build(Code::NotFound, &text, ErrorReason::NotFound, Metadata::new(), |it| {
                it.set_resource_info(*kind, id.clone(), "", text.clone());
            })
        }
        Refusal::Exists { kind, id } => build(
            Code::AlreadyExists,
            &text,
            ErrorReason::Duplicate,
            facts([("existing", id.clone())]),
            |it| {
                it.set_resource_info(*kind, id.clone(), "", text.clone());
            },
        ),
        Refusal::StaleEtag { current } => {
            let current = facts([("current_etag", current.clone())]);
            build(Code::Aborted, &text, ErrorReason::EtagMismatch, current, |_| {})
        }
        Refusal::Unmet { reason, message, state, legal } => {
            let mut metadata = Metadata::new();
            if let Some(state) = state {
                metadata.insert("state".to_owned(), (*state).to_owned());
            }
            if !legal.is_empty() {
                let calls: Vec<&str> = legal.iter().map(|it| it.as_str()).collect();
                metadata.insert("legal".to_owned(), calls.join(", "));
            }
            let (code, reason) = of_reason(*reason);
            build(code, message, reason, metadata, |_| {})
        }
        Refusal::Short(short) => {
            let metadata = short
                .iter()
                .take(VIOLATIONS_MAX)
                .map(|it| (it.sku.to_string(), format!("{} available, {} wanted", it.available, it.wanted)));
            let reason = ErrorReason::InsufficientStock;
            build(Code::FailedPrecondition, &text, reason, metadata.collect(), |_| {})
        }
        Refusal::InUse { what: _, uses } => {
            let violations = uses.told.iter().take(VIOLATIONS_MAX);
            let violations: Vec<_> = violations
                .map(|it| PreconditionViolation::new(it.kind(), it.subject(), it.to_string()))
                .collect();
            build(Code::FailedPrecondition, &text, ErrorReason::InUse, Metadata::new(), |it| {
                it.set_precondition_failure(violations);
            })
        }
        Refusal::Infeasible { earliest, why: _ } => {
            let earliest = earliest.map(|it| ("earliest_delivery_time".to_owned(), it.to_string()));
            let reason = ErrorReason::PromiseInfeasible;
            build(Code::FailedPrecondition, &text, reason, earliest.into_iter().collect(), |_| {})
        }
        Refusal::LeaseLost(_) => build(Code::Aborted, &text, ErrorReason::LostRace, Metadata::new(), |it| {
            it.set_retry_info(Some(RETRY_SOON));
        }),
    }
}

/// The reason that the status of this refusal names.
pub(crate) fn reason_of(refusal: &Refusal) -> ErrorReason {
    match refusal {
        Refusal::Invalid(problems) => of_invalid(problems).1,
        Refusal::NotFound { .. } => ErrorReason::NotFound,
        Refusal::Exists { .. } => ErrorReason::Duplicate,
        Refusal::StaleEtag { .. } => ErrorReason::EtagMismatch,
        Refusal::InUse { .. } => ErrorReason::InUse,
        Refusal::Unmet { reason, .. } => of_reason(*reason).1,
        Refusal::Short(_) => ErrorReason::InsufficientStock,
        Refusal::Infeasible { .. } => ErrorReason::PromiseInfeasible,
        Refusal::LeaseLost(_) => ErrorReason::LostRace,
    }
}

fn of_reason(reason: Reason) -> (Code, ErrorReason) {
    let unmet = Code::FailedPrecondition;
    match reason {
        Reason::InsufficientStock => (unmet, ErrorReason::InsufficientStock),
        Reason::IllegalTransition => (unmet, ErrorReason::IllegalTransition),
        Reason::HoldActive => (unmet, ErrorReason::HoldActive),
        Reason::SelfApproval => (Code::PermissionDenied, ErrorReason::SelfApproval),
        Reason::ApprovalDecided => (unmet, ErrorReason::ApprovalDecided),
        Reason::RefundExceedsCapture => (unmet, ErrorReason::RefundExceedsCapture),
        Reason::PaymentExceedsDue => (unmet, ErrorReason::PaymentExceedsDue),
        Reason::PaymentPending => (unmet, ErrorReason::PaymentPending),
        Reason::ReservationExpired => (unmet, ErrorReason::ReservationExpired),
        Reason::QuantityMismatch => (unmet, ErrorReason::QuantityMismatch),
        Reason::StockInUse => (unmet, ErrorReason::StockInUse),
        Reason::NoCourier => (unmet, ErrorReason::NoCourier),
        Reason::OrderNotClosable => (unmet, ErrorReason::OrderNotClosable),
        Reason::NotArchivable => (unmet, ErrorReason::NotArchivable),
        Reason::FeedbackNotOpen => (unmet, ErrorReason::FeedbackNotOpen),
        Reason::LimitReached => (unmet, ErrorReason::LimitReached),
        Reason::Inactive => (unmet, ErrorReason::Inactive),
        Reason::NotSendable => (unmet, ErrorReason::NotSendable),
        Reason::DiscountCodeUnknown => (unmet, ErrorReason::DiscountCodeUnknown),
        Reason::DiscountCodeInactive => (unmet, ErrorReason::DiscountCodeInactive),
        Reason::DiscountCodeNotBegun => (unmet, ErrorReason::DiscountCodeNotBegun),
        Reason::DiscountCodeOver => (unmet, ErrorReason::DiscountCodeOver),
        Reason::DiscountCodeUsedUp => (unmet, ErrorReason::DiscountCodeUsedUp),
        Reason::DiscountCodeUsedByCustomer => (unmet, ErrorReason::DiscountCodeUsedByCustomer),
        Reason::DiscountCodeBelowMinimum => (unmet, ErrorReason::DiscountCodeBelowMinimum),
        Reason::DiscountCodeOtherCurrency => (unmet, ErrorReason::DiscountCodeOtherCurrency),
        Reason::DiscountCodeOtherCustomer => (unmet, ErrorReason::DiscountCodeOtherCustomer),
        Reason::OrderChangeOpen => (unmet, ErrorReason::OrderChangeOpen),
        Reason::OrderChangeOutdated => (unmet, ErrorReason::OrderChangeOutdated),
        Reason::LotExpired => (unmet, ErrorReason::LotExpired),
        Reason::NotErasable => (unmet, ErrorReason::NotErasable),
        Reason::DataErased => (unmet, ErrorReason::DataErased),
        Reason::ArchiveKeyMissing => (unmet, ErrorReason::ArchiveKeyMissing),
    }
}

/// A value that is good, but not now, has a reason of its own. Beside values that cannot be right at any time it is told too.
fn of_invalid(problems: &Problems) -> (Code, ErrorReason) {
    let mut reasons = problems.0.iter().filter_map(|it| it.reason).map(of_reason);
    match reasons.next() {
        None => (Code::InvalidArgument, ErrorReason::InvalidField),
        Some((code, reason)) if problems.0.iter().all(|it| it.reason.is_some()) => (code, reason),
        Some((_, reason)) => (Code::InvalidArgument, reason),
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
    let (code, reason) = of_invalid(problems);
    build(code, &text, reason, Metadata::new(), |it| {
        let violations = problems.0.iter().take(VIOLATIONS_MAX);
        it.set_bad_request(
            violations.map(|it| FieldViolation::new(&it.field, &it.message)).collect::<Vec<_>>(),
        );
    })
}

fn build(
    code: Code,
    text: &str,
    reason: ErrorReason,
    metadata: Metadata,
    more: impl FnOnce(&mut ErrorDetails),
) -> Status {
    let mut details = ErrorDetails::with_error_info(word(reason), DOMAIN, metadata);
    more(&mut details);
    Status::with_error_details(code, text, details)
}

/// The reason as `ErrorInfo` names it.
fn word(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Metadata {
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use http::HeaderValue;

    use crate::domain::{Action, JobId, Problem, Uses};
    use crate::rpc::call_id::HEADER;

    #[test]
    fn the_reasons_of_decisions_have_their_names_on_the_wire() {
        for reason in Reason::ALL {
            assert_eq!(word(of_reason(*reason).1), reason.as_str());
        }
    }

    #[test]
    fn a_refusal_has_the_same_word_wherever_it_is_told() {
        let problem = |reason| Problem { field: "code".to_owned(), message: "is over".to_owned(), reason };
        let unlike = Problems(vec![problem(None), problem(Some(Reason::DiscountCodeOver))]);
        let uses = Uses { told: Vec::new(), more: false };
        for refusal in [
            Refusal::invalid("sku", "is required"),
            Refusal::Invalid(unlike),
            Refusal::not_found("order", "ord_1"),
            Refusal::exists("product", "A-1"),
            Refusal::StaleEtag { current: "2".to_owned() },
            Refusal::unmet(Reason::HoldActive, "it is held"),
            Refusal::Short(Vec::new()),
            Refusal::InUse { what: "A-1".to_owned(), uses },
            Refusal::Infeasible { earliest: None, why: "no courier goes there".to_owned() },
            Refusal::LeaseLost(JobId(uuid::Uuid::nil())),
        ] {
            assert_eq!(reason_in(&of_refusal(&refusal)), refusal.word(), "{refusal}");
            assert_eq!(word(reason_of(&refusal)), refusal.word(), "{refusal}");
        }
    }

    #[test]
    fn a_refusal_tells_its_reason_and_what_is_legal_instead() {
        let refusal = Refusal::Unmet {
            reason: Reason::IllegalTransition,
            message: "cannot pay: the order is RESERVED".to_owned(),
            state: Some("RESERVED"),
            legal: vec![Action::CancelOrder, Action::PlaceHold],
        };
        let status = of_refusal(&refusal);
        let info = status.get_details_error_info().expect("every error has an ErrorInfo");
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("ILLEGAL_TRANSITION", "consign"));
        assert_eq!(info.metadata["state"], "RESERVED");
        assert_eq!(info.metadata["legal"], "CancelOrder, PlaceHold");
    }

    #[test]
    fn every_bad_field_is_listed_and_a_flood_of_them_is_cut() {
        let mut problems = Problems::default();
        (0..30).for_each(|it| problems.add(format!("order.lines[{it}].sku"), "is required"));
        let status = of_refusal(&Refusal::Invalid(problems));
        let bad = status.get_details_bad_request().expect("a bad request lists its fields");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(bad.field_violations.len(), VIOLATIONS_MAX);
        assert_eq!(bad.field_violations[3].field, "order.lines[3].sku");
        assert!(status.message().ends_with("; and 27 more"));
    }

    #[test]
    fn a_reason_is_read_back_from_its_status() {
        let refused = of_refusal(&Refusal::not_found("order", "ord_1"));
        assert_eq!(reason_in(&refused), "NOT_FOUND");
        assert_eq!(reason_in(&Status::internal("no details")), "");
        let strange = Status::with_error_details(
            Code::Aborted,
            "",
            ErrorDetails::with_error_info("NO_SUCH_REASON", DOMAIN, Metadata::new()),
        );
        assert_eq!(reason_in(&strange), "");
    }

    #[test]
    fn a_fault_of_our_own_says_nothing_about_itself() {
        let status = of_store(&StoreError::Internal("SELECT secret".to_owned()));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
    }

    #[tokio::test]
    async fn a_fault_of_our_own_says_at_which_call_it_was() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("call-7"));
        let call = CallId::of(&headers);
        let fault = || of_store(&StoreError::Internal("SELECT secret".to_owned()));
        let status = call.within(async { fault() }).await;
        assert_eq!(status.code(), Code::Internal);
        assert!(status.message().ends_with("at call call-7"), "{}", status.message());
        assert!(!fault().message().contains("call-7"), "it is over");
    }
}
