//! Answers to the rows of an import, and their sum.

use prost::Message;
use tonic::Status;
use tonic_types::StatusExt;

use crate::domain::{Imported, Refusal};
use crate::pb::{self, ErrorReason};
use crate::rpc::identity::response_bytes;
use crate::rpc::status;
use crate::settings::Limits;
use crate::store::Codec;

/// Bad fields of one row that are named.
const PROBLEMS_MAX: usize = 100;

/// Answer to a row that was accepted.
pub(super) struct Answered {
    pub(super) result: pb::ImportResult,
    /// Size of the answer that the single call would have.
    pub(super) bytes: usize,
}

/// The result is kept for repeats. What could not be answered to the single call is not done by an import either.
pub(super) fn codec(limits: &Limits) -> Codec<Answered> {
    let most = response_bytes(limits);
    Codec {
        encode: |it| it.result.encode_to_vec(),
        decode: |bytes| pb::ImportResult::decode(bytes).ok().map(|result| Answered { result, bytes: 0 }),
        size: |it| it.bytes,
        size_max: most - most / 8,
    }
}

pub(super) fn outcome(imported: Imported) -> i32 {
    let outcome = match imported {
        Imported::Created => pb::ImportOutcome::Created,
        Imported::Updated => pb::ImportOutcome::Updated,
        Imported::Unchanged => pb::ImportOutcome::Unchanged,
    };
    outcome.into()
}

/// Answer to a row that was refused, with every bad field.
pub(super) fn refused(refusal: &Refusal) -> pb::ImportResult {
    let mut result = refused_as(&status::of_refusal(refusal));
    if let (Refusal::Invalid(problems), Some(told)) = (refusal, &mut result.refusal) {
        let named = problems.0.iter().take(PROBLEMS_MAX);
        let problem = |it: &crate::domain::Problem| pb::ImportProblem {
            field: it.field.clone(),
            message: it.message.clone(),
        };
        told.problems = named.map(problem).collect();
        let left_out = problems.0.len().saturating_sub(PROBLEMS_MAX);
        told.problems_left_out = i32::try_from(left_out).unwrap_or(i32::MAX);
    }
    result
}

/// Answer to a row that the single call would refuse with this status.
pub(super) fn refused_as(status: &Status) -> pb::ImportResult {
    let info = status.get_details_error_info();
    let (reason, metadata) = info.map(|it| (it.reason, it.metadata)).unwrap_or_default();
    let reason = ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}"));
    let refusal = pb::ImportRefusal {
        reason: reason.unwrap_or_default().into(),
        message: status.message().to_owned(),
        problems: Vec::new(),
        problems_left_out: 0,
        metadata: metadata.into_iter().collect(),
    };
    pb::ImportResult {
        outcome: pb::ImportOutcome::Refused.into(),
        refusal: Some(refusal),
        ..Default::default()
    }
}

/// Counts a row in.
pub(super) fn add(summary: &mut pb::ImportSummary, result: &pb::ImportResult) {
    summary.rows += 1;
    summary.repeated += i64::from(result.repeated);
    match result.outcome() {
        pb::ImportOutcome::Created => summary.created += 1,
        pb::ImportOutcome::Updated => summary.updated += 1,
        pb::ImportOutcome::Unchanged => summary.unchanged += 1,
        pb::ImportOutcome::Refused | pb::ImportOutcome::Unspecified => summary.refused += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::Problems;

    #[test]
    fn a_flood_of_bad_fields_is_cut_and_counted() {
        let mut problems = Problems::default();
        (0..130).for_each(|it| problems.add(format!("order.lines[{it}].sku"), "is required"));
        let result = refused(&Refusal::Invalid(problems));
        let refusal = result.refusal.expect("a refusal");
        assert_eq!((refusal.problems.len(), refusal.problems_left_out), (100, 30));
        assert_eq!(refusal.problems[99].field, "order.lines[99].sku");
        assert_eq!(refusal.reason(), ErrorReason::InvalidField);
    }

    #[test]
    fn a_refused_row_names_what_stands_in_its_way() {
        let refusal = refused(&Refusal::exists("order", "ord_1")).refusal.expect("a refusal");
        assert_eq!(
            (refusal.reason(), refusal.metadata["existing"].as_str()),
            (ErrorReason::Duplicate, "ord_1")
        );
    }

    #[test]
    fn each_row_counts_once() {
        let mut summary = pb::ImportSummary::default();
        for outcome in [1, 1, 2, 3, 4] {
            add(&mut summary, &pb::ImportResult { outcome, repeated: outcome == 2, ..Default::default() });
        }
        let pb::ImportSummary { rows, created, updated, unchanged, refused, repeated } = summary;
        assert_eq!((rows, created, updated, unchanged, refused, repeated), (5, 2, 1, 1, 1, 1));
    }
}
