//! When the steps ahead are planned, and why a step stays undone.

use std::time::Duration;

use crate::domain::model::approval::{Approval, Gate};
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::order::Order;
use crate::domain::model::payment::PaymentState;
use crate::domain::model::promise::Promise;
use crate::domain::model::refund::RefundState;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::time::Timestamp;
use crate::domain::process::timeline::steps::{Step, StepLine, StepState};

/// Fills in by when each step is planned to be done: what policy does follows at once, money is due before its
/// reservation ends, goods before the promised pickup and delivery.
pub(super) fn plan(order: &Order, lines: &mut [StepLine]) {
    let ready_at = order.promise.as_ref().and_then(Promise::ready_at);
    let ship_at = order.promise.as_ref().and_then(Promise::ship_at);
    let assignments = || order.live_shipments().filter_map(|it| it.assignment.as_ref());
    let pickup_at = assignments().map(|it| it.pickup_at).max().or(ship_at);
    let delivery_at = order.promised_by.or_else(|| assignments().map(|it| it.delivery_at).max());

    let only_services = order.has_only_services();
    let mut before: Option<Timestamp> = Some(order.created_at);
    for line in lines {
        line.planned_at = match line.step {
            _ if only_services && line.state == StepState::Skipped => None,
            Step::ReceiveOrder | Step::VerifyCustomer | Step::CheckAvailability => before,
            // The shelves are looked after in the moment of the handover.
            Step::ReserveInventory | Step::ArchiveOrder | Step::CloseOrder | Step::PrepareNextOrder => None,
            Step::ApproveReservation => approval_deadline(order.approval(Gate::Reservation), before),
            // Nobody knows when services are done.
            Step::ConfirmToCustomer if only_services => order.delivered_at.map(letter_leaves_by),
            Step::GenerateInvoice | Step::NotifyShipment | Step::ConfirmToCustomer => {
                before.map(letter_leaves_by)
            }
            Step::CapturePayment => order.current_reservation().and_then(|it| it.expires_at),
            Step::ApprovePayment => approval_deadline(order.approval(Gate::Payment), before),
            Step::PrepareOrder | Step::PackageProducts | Step::CreateLabel | Step::AssignCourier => ready_at,
            Step::ConfirmPickup => pickup_at,
            Step::TrackShipment | Step::ConfirmDelivery => delivery_at,
        };
        // What services do not need takes no time.
        if !(only_services && line.state == StepState::Skipped) {
            before = line.done_at;
        }
    }
}

/// A letter leaves within minutes; a worker may be busy.
fn letter_leaves_by(after: Timestamp) -> Timestamp {
    after.plus(Duration::from_secs(300))
}

fn approval_deadline(approval: Option<&Approval>, before: Option<Timestamp>) -> Option<Timestamp> {
    approval.map_or(before, |it| it.expires_at.or(Some(it.requested_at)))
}

/// The steps of an order that ended early: those that were done are undone, the open ones are not needed any more.
pub(super) fn end_early(order: &Order, lines: &mut [StepLine]) {
    let ended = order.ended_early().map_or(String::new(), |it| it.as_str().to_lowercase());
    let why = match order.cancel_reason.is_empty() {
        true => format!("the order was {ended}"),
        false => format!("the order was {ended}: {}", order.cancel_reason),
    };
    for line in lines {
        match (line.step, line.state) {
            (Step::ArchiveOrder | Step::PrepareNextOrder, _) => {}
            (Step::CloseOrder, _) => {
                line.state = StepState::Skipped;
                line.note = why.clone();
            }
            (_, StepState::Done | StepState::InProgress) => {
                if let Some(undone) = undone(order, line) {
                    line.state = StepState::Compensated;
                    line.note = undone;
                } else if line.state == StepState::InProgress {
                    line.state = StepState::Skipped;
                    line.note = why.clone();
                }
            }
            (_, StepState::Failed) => {}
            (_, StepState::Pending | StepState::Ready | StepState::Blocked) => {
                line.state = StepState::Skipped;
                line.note = why.clone();
            }
            (_, StepState::Skipped | StepState::Compensated) => {}
        }
    }
}

/// How what a step did was undone; None: it stands.
fn undone(order: &Order, line: &StepLine) -> Option<String> {
    match line.step {
        Step::ReserveInventory => order.reservations.last().and_then(|it| match it.state {
            ReservationState::Released => Some(format!("{} released, its stock is free again", it.id)),
            ReservationState::Expired => Some(format!("{} expired, its stock is free again", it.id)),
            ReservationState::Held
            | ReservationState::Confirmed
            | ReservationState::PartiallyConsumed
            | ReservationState::Consumed => None,
        }),
        Step::GenerateInvoice => {
            let void = order.main_invoice().filter(|it| it.state == InvoiceState::Void);
            void.map(|it| format!("{} is void", it.id))
        }
        Step::CapturePayment => payment_undone(order),
        Step::PrepareOrder => Some("shipments cancelled, goods back on the shelf".to_owned()),
        Step::PackageProducts => Some("unpacked".to_owned()),
        Step::CreateLabel => Some("label void".to_owned()),
        Step::AssignCourier => Some("courier released".to_owned()),
        Step::ReceiveOrder
        | Step::VerifyCustomer
        | Step::CheckAvailability
        | Step::ApproveReservation
        | Step::ApprovePayment
        | Step::ConfirmPickup
        | Step::NotifyShipment
        | Step::TrackShipment
        | Step::ConfirmDelivery
        | Step::ConfirmToCustomer
        | Step::CloseOrder
        | Step::ArchiveOrder
        | Step::PrepareNextOrder => None,
    }
}

fn payment_undone(order: &Order) -> Option<String> {
    let money = |minor| order.amounts.currency.of(minor);
    let captured = order.captured_minor();
    let back: i64 = order
        .payments
        .iter()
        .flat_map(|it| &it.refunds)
        .filter(|it| it.state == RefundState::Succeeded)
        .map(|it| it.amount.minor)
        .sum();
    if captured > 0 {
        return Some(match captured - back {
            0 => format!("{} paid back", money(back)),
            left => format!("{} paid back, {} to follow", money(back), money(left)),
        });
    }
    if order.payments.iter().any(|it| it.state == PaymentState::Voided) {
        return Some("the authorisation was voided, nothing was captured".to_owned());
    }
    if order.has_open_money() {
        return Some("what the provider still captures or holds will be given back".to_owned());
    }
    (order.is_paid() && order.total_minor() == 0).then(|| "nothing was to be paid".to_owned())
}
