//! Approvals.

use crate::domain::{
    Actor, Approval, ApprovalId, ApprovalState, Currency, Gate, Money, Order, OrderId, Timestamp,
};
use crate::store::connection::batched_read::{ResultSets, TableRead};
use crate::store::connection::error::StoreError;
use crate::store::rows::read::{Of, gather};
use crate::store::rows::saved::Saved;
use crate::store::rows::table::table;
use crate::store::rows::write::{Difference, Writes};

table! {
    "approvals" as approvals (id: ApprovalId) {
        order_id: OrderId,
        place: i32,
        gate: Gate,
        state: ApprovalState,
        amount_minor: i64,
        currency: Currency,
        policy_version: String,
        rule: String,
        requested_by: Actor,
        requested_at: Timestamp,
        expires_at: Option<Timestamp>,
        decided_by: Option<Actor>,
        decided_at: Option<Timestamp>,
        comment: String,
    }
}

pub(super) fn table_reads() -> Vec<TableRead> {
    vec![TableRead::rows::<approvals::Entity>("order_id {ids}", "place")]
}

pub(super) fn read(answers: &mut ResultSets) -> Result<Of<Approval>, StoreError> {
    let rows = answers.rows::<approvals::Entity>()?;
    gather(rows.into_iter().map(|it| Ok((it.order_id, from_row(it)))))
}

pub(super) fn save(writes: &mut Writes, orders: &[Saved<'_, Order>]) {
    let mut approvals = Difference::<approvals::Entity>::new();
    for order in orders {
        approvals.compare(order.parts(|it| &it.approvals), |it| it.id, to_row);
    }

    // One is pending per gate: those that no longer are make room first.
    approvals.write_in_turn(writes, |it| it.state == ApprovalState::Pending);
}

fn to_row(place: i32, approval: &Approval) -> approvals::Model {
    let Approval {
        id,
        order,
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
    } = approval;
    let Money { currency, minor } = *amount;

    approvals::Model {
        id: *id,
        order_id: *order,
        place,
        gate: *gate,
        state: *state,
        amount_minor: minor,
        currency,
        policy_version: policy_version.clone(),
        rule: rule.clone(),
        requested_by: requested_by.clone(),
        requested_at: *requested_at,
        expires_at: *expires_at,
        decided_by: decided_by.clone(),
        decided_at: *decided_at,
        comment: comment.clone(),
    }
}

fn from_row(row: approvals::Model) -> Approval {
    let approvals::Model {
        id,
        order_id,
        place: _,
        gate,
        state,
        amount_minor,
        currency,
        policy_version,
        rule,
        requested_by,
        requested_at,
        expires_at,
        decided_by,
        decided_at,
        comment,
    } = row;

    Approval {
        id,
        order: order_id,
        gate,
        state,
        amount: currency.of(amount_minor),
        policy_version,
        rule,
        requested_by,
        requested_at,
        expires_at,
        decided_by,
        decided_at,
        comment,
    }
}
