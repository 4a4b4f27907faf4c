//! Due times of an order, and its outbound tasks.

use std::time::Duration;

use crate::domain::customers::messages::PAUSE_MAX;
use crate::domain::model::approval::{Approval, ApprovalState};
use crate::domain::model::backoff::backoff;
use crate::domain::model::booking::{
    Booking, BookingAnswer, BookingRequest, CourierAnswer, OpenBookingRequest,
};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldState;
use crate::domain::model::message::{Message, MessageKind, MessageState, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{Payment, ProviderAnswer, ProviderRequest};
use crate::domain::model::policy::Rules;
use crate::domain::model::refund::{Refund, RefundState};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::returns::ReturnState;
use crate::domain::model::scalars::{BookingId, CourierCode, MessageId, PaymentId, RefundId, ShipmentId};
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::unit::command::{OrderCommand, Target, with_stock};
use crate::domain::unit::unit_of_work::{Lease, Part, ReadSet, UnitOfWork};

/// Does what has come due of an order by itself.
#[derive(Debug, Clone)]
pub struct RunDue {
    pub target: Target,
    /// The job that this completes; None: more is to be done first.
    pub lease: Option<Lease>,
}

impl OrderCommand for RunDue {
    const NAME: &'static str = "work/run_due";
    const ON_ERASED: bool = true;
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { lease: self.lease, ..with_stock() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.run_due(unit)
    }
}

/// The answer to an outbound task.
#[derive(Debug, Clone)]
pub enum OutboundAnswer {
    Payment(PaymentId, ProviderRequest, ProviderAnswer),
    Refund(RefundId, ProviderAnswer),
    /// With what the message said, if it could be written.
    Message(MessageId, Result<(), Unsent>, Option<MessageText>),
    /// The number of a label that was bought must not be another parcel's, so its courier is named.
    Booking(ShipmentId, BookingId, CourierCode, BookingAnswer),
    /// What the courier reports; None: it did not answer.
    Tracking(ShipmentId, BookingId, Option<Vec<TrackingReport>>),
}

impl OutboundAnswer {
    /// The courier's own number that it brings.
    fn number(&self) -> Option<Part> {
        match self {
            Self::Booking(_, _, courier, BookingAnswer::Label(CourierAnswer::Done(label))) => {
                Some(Part::Tracked { courier: courier.clone(), number: label.number.clone() })
            }
            Self::Payment(..)
            | Self::Refund(..)
            | Self::Message(..)
            | Self::Booking(..)
            | Self::Tracking(..) => None,
        }
    }
}

/// Records the answers to outbound tasks. One that comes late or twice changes nothing.
#[derive(Debug, Clone)]
pub struct RecordAnswers {
    pub target: Target,
    pub answers: Vec<OutboundAnswer>,
    /// The job that this completes.
    pub lease: Option<Lease>,
}

impl OrderCommand for RecordAnswers {
    const NAME: &'static str = "work/answer";
    const ON_ERASED: bool = true;
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        let parts = self.answers.iter().filter_map(OutboundAnswer::number).collect();
        // Every order has letters, and that one was sent moves no goods.
        let of_letters = self.answers.iter().all(|it| matches!(it, OutboundAnswer::Message(..)));
        let stock = if of_letters { ReadSet::default() } else { with_stock() };
        ReadSet { lease: self.lease, parts, ..stock }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        for answer in &self.answers {
            match answer {
                OutboundAnswer::Payment(payment, request, answer) => {
                    order.answer_payment(unit, *payment, *request, answer)?;
                }
                OutboundAnswer::Refund(refund, answer) => {
                    order.answer_refund(unit, *refund, answer)?;
                }
                OutboundAnswer::Message(message, sent, text) => {
                    order.answer_message(unit, *message, sent.clone())?;
                    order.keep_text(unit, *message, text.as_ref());
                }
                OutboundAnswer::Booking(shipment, booking, _, answer) => {
                    order.answer_booking(unit, *shipment, *booking, answer)?;
                }
                // It names places and persons, and comes after they were erased.
                OutboundAnswer::Tracking(..) if order.erased.is_some() => {}
                OutboundAnswer::Tracking(shipment, booking, reports) => {
                    order.answer_tracking(unit, *shipment, *booking, reports.as_deref())?;
                }
            }
        }
        Ok(())
    }
}

/// The caller that asked a provider gets this long before a worker takes over.
const CALLER_GRACE: Duration = Duration::from_secs(10);

impl Order {
    /// When a worker has something to do for this order.
    pub fn due_at(&self, rules: &Rules) -> Option<Timestamp> {
        let requests = self.payments.iter().filter_map(ask_due_at);
        let refunds = self.refunds_under_way().map(refund_due_at);
        let messages = self.messages.iter().filter(|it| it.state == MessageState::Queued).map(|it| it.due_at);
        let bookings = self.open_bookings().filter_map(|(_, it)| booking_due_at(it));
        let tracking = self.followed_shipments().filter_map(Shipment::tracking_due_at);
        let outside = requests.chain(refunds).chain(messages).chain(bookings).chain(tracking);
        outside.chain(self.next_deadline(rules)).min()
    }

    /// When the next thing happens by itself: a reservation or approval ends, what a change added is not paid in time, goods
    /// of a return have not arrived in time, the order closes or is archived, a slip is to be noticed, the law keeps what was
    /// left of the customer's data no longer.
    fn next_deadline(&self, rules: &Rules) -> Option<Timestamp> {
        let ends = self.approvals_end().chain(self.reservation_ends()).chain(self.order_ends(rules));
        let unpaid = self.next_unpaid_change(rules).map(|(at, _)| at);
        let ends = ends.chain(self.arrivals_end());
        let kept = self.kept_data_ends();
        ends.chain(unpaid).chain(self.wait_ends()).chain(self.next_slip_at(rules)).chain(kept).min()
    }

    fn approvals_end(&self) -> impl Iterator<Item = Timestamp> {
        let pending = self.approvals.iter().filter(|it| it.state == ApprovalState::Pending);
        pending.filter_map(|it| it.expires_at)
    }

    fn reservation_ends(&self) -> Option<Timestamp> {
        self.current_reservation().filter(|it| it.state == ReservationState::Held)?.expires_at
    }

    /// After every decision: until when it waits as settings say, if it began to wait just now.
    pub(in crate::domain) fn note_end_of_wait(&mut self, unit: &UnitOfWork) {
        let has_waited = unit.order_before(self.id).is_some_and(Self::waits_for_stock);
        match (has_waited, self.waits_for_stock()) {
            (_, false) => self.waits_until = None,
            (false, true) if self.wait_until.is_none() => {
                self.waits_until = unit.rules.waiting.ends(unit.now)
            }
            (_, true) => {}
        }
    }

    /// When the order closes, or is archived.
    fn order_ends(&self, rules: &Rules) -> Option<Timestamp> {
        if self.state.may_become(OrderState::Closed) && self.why_open().is_empty() {
            let settled_since = match self.delivered_at {
                Some(at) => self.last_service_at().map_or(at, |it| it.max(at)),
                None => self.updated_at,
            };
            let closes_at = settled_since.plus(Duration::from_secs(rules.close_after_seconds));
            return Some(closes_at).max(self.answer_ends(rules));
        }
        if self.state.may_become(OrderState::Archived) && self.why_not_archivable().is_empty() {
            let over_since = self.closed_at.unwrap_or(self.updated_at);
            let since = self.restored_at.map_or(over_since, |it| it.max(over_since));
            let archived_at = since.plus(Duration::from_secs(rules.archive_after_seconds));
            return Some(archived_at).max(self.answer_ends(rules));
        }
        None
    }

    /// Until when the customer can answer the question for feedback: who is asked again has as long as the first time.
    fn answer_ends(&self, rules: &Rules) -> Option<Timestamp> {
        let feedback = self.feedback.as_ref().filter(|_| self.awaits_feedback())?;
        Some(feedback.asked_again_at?.plus(Duration::from_secs(rules.close_after_seconds)))
    }

    /// Whether something is to happen by itself now: what [`Order::run_due`] does.
    pub fn has_come_due(&self, rules: &Rules, now: Timestamp) -> bool {
        self.next_deadline(rules).is_some_and(|it| it <= now)
    }

    /// Does what has come due by itself. Late or twice, it changes nothing more.
    pub fn run_due(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.kept_data_ends().is_some_and(|it| it <= unit.now) {
            self.erase_kept_data(unit);
            return Ok(());
        }
        if self.current_reservation().is_some_and(|it| it.is_expired(unit.now)) {
            return self.expire(unit);
        }
        if self.wait_ends().is_some_and(|it| it <= unit.now) {
            return self.end_wait(unit);
        }
        let late = |it: &Approval| {
            it.state == ApprovalState::Pending && it.expires_at.is_some_and(|at| at <= unit.now)
        };
        if let Some(index) = self.approvals.iter().position(late) {
            let kind = EventKind::ApprovalExpired;
            self.end_approval(unit, index, ApprovalState::Expired, kind, "nobody decided in time")?;
            if let change @ Some(_) = self.approvals[index].change {
                return self.take_back(unit, change, "not approved in time");
            }
            return self.reject(unit, "an approval expired");
        }
        if let Some((_, change)) = self.next_unpaid_change(unit.rules).filter(|(at, _)| *at <= unit.now) {
            return self.take_back(unit, Some(change), "not paid while stock was held");
        }
        if self.arrivals_end().is_some_and(|it| it <= unit.now) {
            return self.end_arrivals(unit);
        }
        if self.order_ends(unit.rules).is_some_and(|it| it <= unit.now) {
            return match self.is_over() {
                true => self.archive(unit),
                false => self.close(unit),
            };
        }
        self.notice_slips(unit);
        Ok(())
    }

    /// Outbound tasks that are due now. Each carries its key, so that doing it twice has one effect.
    pub fn outbound_tasks(&self, now: Timestamp) -> Vec<OutboundTask> {
        let requests = self.payments.iter().filter_map(|it| {
            let request = it.open_request()?;
            (ask_due_at(it)? <= now).then_some(OutboundTask::Payment(it.id, request))
        });
        let refunds = self
            .refunds_under_way()
            .filter(|it| it.attempts == 0 || refund_due_at(it) <= now)
            .map(|it| OutboundTask::Refund(it.id));
        // When one letter goes, those go with it that wait for their first try only to have company.
        let queued = || self.messages.iter().filter(|it| it.state == MessageState::Queued);
        let one_goes = queued().any(|it| it.due_at <= now);
        let goes_along = |it: &Message| it.attempts == 0 && it.kind.waits() > Duration::ZERO;
        let messages = queued().filter(|it| it.due_at <= now || (one_goes && goes_along(it)));
        let bookings = self.open_bookings().filter(|(_, it)| booking_due_at(it).is_some_and(|at| at <= now));
        let bookings = bookings
            .filter_map(|(shipment, it)| Some(OutboundTask::Booking(shipment.id, it.id, it.open_request()?)));
        let due = |it: &&Shipment| it.tracking_due_at().is_some_and(|at| at <= now);
        let tracking = self.followed_shipments().filter(due);
        let tracking = tracking.filter_map(|it| Some(OutboundTask::Tracking(it.id, it.booking.as_ref()?.id)));
        let messages = messages.map(|it| OutboundTask::Message(it.id));
        requests.chain(refunds).chain(bookings).chain(tracking).chain(messages).collect()
    }

    /// Shipments that couriers may be asked about: an archived order changes no more.
    fn followed_shipments(&self) -> impl Iterator<Item = &Shipment> {
        self.shipments.iter().filter(|_| self.state != OrderState::Archived)
    }

    /// Refunds that the provider has not answered for good.
    fn refunds_under_way(&self) -> impl Iterator<Item = &Refund> {
        let refunds = self.payments.iter().filter(|it| it.is_by_provider()).flat_map(|it| &it.refunds);
        refunds.filter(|it| it.state == RefundState::Pending)
    }

    /// Why a message that has waited is not worth sending any more: what it tells is not so now.
    pub fn outdates(&self, message: &Message, rules: &Rules) -> Option<&'static str> {
        let arrived = || {
            let shipment = self.shipments.iter().find(|it| Some(it.id) == message.shipment);
            shipment.is_some_and(|it| it.state == ShipmentState::Delivered)
        };
        let tells_the_end = matches!(
            message.kind,
            MessageKind::OrderCancelled
                | MessageKind::OrderExpired
                | MessageKind::OrderRejected
                | MessageKind::RefundIssued
        );
        if self.ended_early().is_some() && !tells_the_end {
            return Some("the order is over");
        }
        match message.kind {
            MessageKind::OnHold => {
                let nth = usize::try_from(message.sequence).ok().and_then(|it| it.checked_sub(1));
                let hold = nth.and_then(|it| self.holds.get(it));
                let active = hold.map_or(self.on_hold(), |it| it.state == HoldState::Active);
                (!active).then_some("the hold is over")
            }
            MessageKind::HoldReleased => self.on_hold().then_some("the order is on hold again"),
            MessageKind::OrderUpdated => {
                let is_later =
                    |it: &Message| it.kind == MessageKind::OrderUpdated && it.sequence > message.sequence;
                self.messages.iter().any(is_later).then_some("the order was corrected again")
            }
            MessageKind::PromiseChanged => self.outdates_promise(message, rules),
            MessageKind::ChangeProposed => self.outdates_proposal(message),
            MessageKind::AwaitingStock => self.outdates_waiting(message),
            MessageKind::OutForDelivery
            | MessageKind::DeliveryDelayed
            | MessageKind::DeliveryException
            | MessageKind::DeliveryAttempted
            | MessageKind::ReadyForPickup
            | MessageKind::LocationChanged
            | MessageKind::DeliveryRearranged => arrived().then_some("the parcel has been delivered"),
            MessageKind::EstimateMoved | MessageKind::PromiseMissed => self.outdates_slip(message, rules),
            MessageKind::DeliveryConfirmed => {
                self.delivered_at.is_none().then_some("the goods have gone back")
            }
            MessageKind::ReturnAuthorized => {
                let is_so = self.return_told(message).is_some_and(|it| it.state == ReturnState::Authorized);
                (!is_so).then_some("the return has gone on")
            }
            MessageKind::FeedbackRequested => {
                (!self.awaits_feedback()).then_some("no answer is waited for any more")
            }
            MessageKind::OrderReceived
            | MessageKind::InvoiceIssued
            | MessageKind::PaymentReceived
            | MessageKind::Shipped
            | MessageKind::OrderLinesCancelled
            | MessageKind::OrderCancelled
            | MessageKind::OrderExpired
            | MessageKind::OrderRejected
            | MessageKind::RefundIssued
            | MessageKind::ReturnDeclined
            | MessageKind::ReturnReceived
            | MessageKind::ReturnResolved => None,
        }
    }
}

/// Something to be done outside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundTask {
    Payment(PaymentId, ProviderRequest),
    Refund(RefundId),
    Message(MessageId),
    Booking(ShipmentId, BookingId, BookingRequest),
    Tracking(ShipmentId, BookingId),
}

/// When a worker asks the provider, if something is open: the caller itself is first to ask.
fn ask_due_at(payment: &Payment) -> Option<Timestamp> {
    let pause = match payment.attempts {
        0 => CALLER_GRACE,
        attempts => backoff(attempts, PAUSE_MAX),
    };
    payment.request.map(|it| it.requested_at.plus(pause))
}

/// When a worker asks the courier: for a label the caller itself is first to ask. After a call that may still be under way
/// at the courier's end the pause is longer than for a payment, as not every courier recognises a repeat by itself.
fn booking_due_at(booking: &Booking) -> Option<Timestamp> {
    let OpenBookingRequest { kind, requested_at } = booking.request?;
    let pause = match (booking.attempts, kind) {
        (0, BookingRequest::Label) => CALLER_GRACE,
        (0, BookingRequest::Pickup | BookingRequest::Cancel) => Duration::ZERO,
        (attempts, _) => backoff(attempts.saturating_add(2), PAUSE_MAX),
    };
    Some(requested_at.plus(pause))
}

fn refund_due_at(refund: &Refund) -> Timestamp {
    match refund.attempts {
        0 => refund.requested_at,
        attempts => refund.requested_at.plus(backoff(attempts, PAUSE_MAX)),
    }
}
