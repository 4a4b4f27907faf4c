//! Parses requests about approvals.

use crate::domain::{ApprovalId, DecideApproval, Decision, Part, Problems, Target};
use crate::pb;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{REASON_MAX, id, required_text, text};

list_requests! {
    list_approvals: ListApprovalsRequest,
}

pub(crate) fn get_approval(request: pb::GetApprovalRequest, bad: &mut Problems) -> Option<ApprovalId> {
    let pb::GetApprovalRequest { approval_id } = request;
    id("approval_id", &approval_id, bad)
}

pub(crate) fn approve_request(
    request: pb::ApproveRequestRequest,
    bad: &mut Problems,
) -> Option<DecideApproval> {
    let pb::ApproveRequestRequest { approval_id, comment, etag, request_id: _, validate_only: _ } = request;
    let approval: Option<ApprovalId> = id("approval_id", &approval_id, bad);
    let comment = text("comment", comment, REASON_MAX, bad);
    Some(decision(approval?, etag, Decision::Approve, comment))
}

pub(crate) fn reject_request(
    request: pb::RejectRequestRequest,
    bad: &mut Problems,
) -> Option<DecideApproval> {
    let pb::RejectRequestRequest { approval_id, comment, etag, request_id: _, validate_only: _ } = request;
    let approval: Option<ApprovalId> = id("approval_id", &approval_id, bad);
    let comment = required_text("comment", comment, REASON_MAX, bad);
    Some(decision(approval?, etag, Decision::Reject, comment))
}

fn decision(approval: ApprovalId, etag: String, decision: Decision, comment: String) -> DecideApproval {
    DecideApproval { target: Target { part: Part::Approval(approval), etag }, approval, decision, comment }
}
