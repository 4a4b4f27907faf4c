//! Approvals as the API shows them.

use crate::domain::{Approval, ApprovalState, Order};
use crate::pb;
use crate::rpc::access::data_reads::shows_order;
use crate::rpc::enums;
use crate::rpc::reply::{actor, money, text_of, timestamp};

pub(crate) fn approval(order: &Order, it: &Approval) -> pb::Approval {
    shows_order(order);
    let Approval {
        id,
        order: order_id,
        gate,
        state,
        amount,
        policy_version,
        rule,
        requested_by,
        requested_at,
        expires_at,
        decided_by,
        decided_at,
        comment,
        change,
        decided_principal: _,
        decided_event: _,
    } = it;
    pb::Approval {
        id: id.to_string(),
        order_id: order_id.to_string(),
        order_number: order.number.to_string(),
        channel: enums::channel(order.channel),
        gate: enums::gate(*gate),
        state: enums::approval_state(*state),
        policy_version: policy_version.clone(),
        rule: rule.clone(),
        amount: Some(money(*amount)),
        requested_by: actor(requested_by),
        decided_by: text_of(decided_by.as_ref()),
        comment: comment.clone(),
        create_time: Some(timestamp(*requested_at)),
        decide_time: decided_at.map(timestamp),
        expire_time: expires_at.map(timestamp),
        etag: order.etag(),
        order_change_id: text_of(change.as_ref()),
        askers: askers(order, it),
        hidden: Vec::new(),
    }
}

/// Who cannot decide it, each name once; who could not, of one that a person decided.
fn askers(order: &Order, approval: &Approval) -> Vec<String> {
    match approval.state {
        ApprovalState::Pending => {}
        ApprovalState::Approved | ApprovalState::Rejected if approval.decided_event.is_some() => {}
        ApprovalState::Approved
        | ApprovalState::Rejected
        | ApprovalState::Expired
        | ApprovalState::Withdrawn
        | ApprovalState::AutoApproved => return Vec::new(),
    }
    let mut names: Vec<String> = Vec::new();
    let requested_by = [&approval.requested_by].into_iter().filter(|it| !it.is_automatic());
    for name in order.askers(approval).map(|it| &it.person).chain(requested_by) {
        let name = actor(name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
