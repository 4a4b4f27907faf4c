//! The twenty steps of one order: where each stands, who did it, what shows it, and whether it is late.
//!
//! Nothing here is stored: every line follows from the order's facts, and from its events who did it and when.

use std::time::Duration;

use super::words::words;
use super::{
    Actor, Approval, ApprovalState, AvailabilityFound, Event, EventKind, Feedback, Gate, HoldState, Invoice,
    InvoiceState, LineAvailability, Machine, Message, MessageId, MessageKind, MessageState, Order,
    OrderState, Payment, PaymentState, RefundState, Reservation, ReservationState, Rule, Shipment,
    ShipmentState, Timestamp, Verdict,
};

words! {
    /// The steps of the process; their order is the process.
    pub enum Step {
        ReceiveOrder = "RECEIVE_ORDER",
        VerifyCustomer = "VERIFY_CUSTOMER",
        CheckAvailability = "CHECK_AVAILABILITY",
        ReserveInventory = "RESERVE_INVENTORY",
        ApproveReservation = "APPROVE_RESERVATION",
        GenerateInvoice = "GENERATE_INVOICE",
        CapturePayment = "CAPTURE_PAYMENT",
        ApprovePayment = "APPROVE_PAYMENT",
        PrepareOrder = "PREPARE_ORDER",
        PackageProducts = "PACKAGE_PRODUCTS",
        CreateLabel = "CREATE_LABEL",
        AssignCourier = "ASSIGN_COURIER",
        ConfirmPickup = "CONFIRM_PICKUP",
        NotifyShipment = "NOTIFY_SHIPMENT",
        TrackShipment = "TRACK_SHIPMENT",
        ConfirmDelivery = "CONFIRM_DELIVERY",
        ConfirmToCustomer = "CONFIRM_TO_CUSTOMER",
        CloseOrder = "CLOSE_ORDER",
        ArchiveOrder = "ARCHIVE_ORDER",
        PrepareNextOrder = "PREPARE_NEXT_ORDER",
    }
}

words! {
    pub enum StepState {
        /// Its turn has not come.
        Pending = "PENDING",
        /// It may be done now.
        Ready = "READY",
        /// Begun, not finished.
        InProgress = "IN_PROGRESS",
        /// Stopped by a hold, an approval or missing stock.
        Blocked = "BLOCKED",
        Done = "DONE",
        /// Not needed.
        Skipped = "SKIPPED",
        /// Tried in vain; it may be tried again unless the order is over.
        Failed = "FAILED",
        /// Was done, and undone when the order ended early.
        Compensated = "COMPENSATED",
    }
}

/// One step of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    pub step: Step,
    pub state: StepState,
    /// By when it is planned to be done; None: that cannot be said.
    pub planned_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    /// Who did it; [`Actor::system`] when it was automatic.
    pub actor: Option<Actor>,
    /// Steps 5 and 8: who approved; [`Actor::system`] when the policy did.
    pub approver: Option<Actor>,
    /// What shows that it is done, beginning with the resource's id where there is one.
    pub evidence: Vec<String>,
    /// What it sent to the customer.
    pub messages: Vec<MessageId>,
    /// Done, or still open, after its planned time.
    pub late: bool,
    /// Why it is blocked, skipped, failed or undone; of an open step, what it waits for.
    pub note: String,
}

/// All twenty steps of an order, in order. Without events times and actors are those that the facts tell.
pub fn timeline(order: &Order, events: &[Event], now: Timestamp) -> Vec<StepLine> {
    let history = History { order, events, detail: Detail::WithEvidence };
    let mut lines: Vec<StepLine> = Step::ALL.iter().map(|it| history.line(*it)).collect();
    plan(order, &mut lines);
    if order.ended_early().is_some() {
        end_early(order, &mut lines);
    } else if let Some(note) = order.hold_note() {
        let stopped = lines.iter_mut().find(|it| it.is_open() && it.step.waits_for_holds());
        if let Some(line) = stopped {
            line.state = StepState::Blocked;
            line.note = note;
        }
    }
    for line in &mut lines {
        line.messages =
            order.messages.iter().filter(|it| it.kind.step() == line.step).map(|it| it.id).collect();
        line.late = line.planned_at.is_some_and(|planned| match line.done_at {
            Some(done) => done > planned,
            None => line.is_open() && !order.is_over() && now > planned,
        });
    }
    lines
}

impl Order {
    /// The step that is under way or comes next, and what it waits for; None when the order is over. The first open
    /// line of the timeline: a list asks this of every order, so no evidence is written for it.
    pub fn next_step(&self) -> Option<(Step, String)> {
        if self.is_over() {
            return None;
        }
        let history = History { order: self, events: &[], detail: Detail::StateOnly };
        let line = Step::ALL.iter().map(|it| history.line(*it)).find(StepLine::is_open)?;
        let held = self.hold_note().filter(|_| line.step.waits_for_holds());
        Some((line.step, held.unwrap_or(line.note)))
    }

    /// What an active hold says, if there is one.
    fn hold_note(&self) -> Option<String> {
        let hold = self.holds.iter().find(|it| it.state == HoldState::Active)?;
        Some(format!("hold {} ({}): {}", hold.id, hold.reason, hold.note))
    }

    /// How the order ended before it was fulfilled, if it did.
    pub(super) fn ended_early(&self) -> Option<OrderState> {
        let state = self.archived_from.unwrap_or(self.state);
        match state {
            OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => Some(state),
            OrderState::Received
            | OrderState::Verified
            | OrderState::AwaitingStock
            | OrderState::Reserved
            | OrderState::ReservationApproved
            | OrderState::Invoiced
            | OrderState::PaymentCaptured
            | OrderState::PaymentApproved
            | OrderState::Fulfilling
            | OrderState::PartiallyShipped
            | OrderState::Shipped
            | OrderState::PartiallyDelivered
            | OrderState::Delivered
            | OrderState::Closed
            | OrderState::Archived => None,
        }
    }

    fn is_paid(&self) -> bool {
        self.invoices.last().is_some_and(|it| it.state == InvoiceState::Paid)
    }

    /// The shipments that tell how far the work went: the live ones, or all when the order was called off.
    fn told_shipments(&self) -> Vec<&Shipment> {
        match self.ended_early() {
            Some(_) => self.shipments.iter().collect(),
            None => self.live_shipments().collect(),
        }
    }
}

impl Step {
    /// 1 to 20.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// What happens on the road and at the door happens whatever a hold says.
    fn waits_for_holds(self) -> bool {
        !(Self::NotifyShipment..=Self::ConfirmToCustomer).contains(&self)
    }
}

impl StepLine {
    fn new(step: Step, state: StepState) -> Self {
        Self {
            step,
            state,
            planned_at: None,
            started_at: None,
            done_at: None,
            actor: None,
            approver: None,
            evidence: Vec::new(),
            messages: Vec::new(),
            late: false,
            note: String::new(),
        }
    }

    /// Whether something is still to be done for it.
    pub fn is_open(&self) -> bool {
        match self.state {
            StepState::Pending
            | StepState::Ready
            | StepState::InProgress
            | StepState::Blocked
            | StepState::Failed => true,
            StepState::Done | StepState::Skipped | StepState::Compensated => false,
        }
    }
}

impl MessageKind {
    /// The step that sends it.
    pub fn step(self) -> Step {
        match self {
            Self::OrderReceived => Step::ReceiveOrder,
            Self::OnHold => Step::VerifyCustomer,
            Self::AwaitingStock => Step::ReserveInventory,
            Self::InvoiceIssued => Step::GenerateInvoice,
            Self::PaymentReceived | Self::RefundIssued => Step::CapturePayment,
            Self::Shipped => Step::NotifyShipment,
            Self::OutForDelivery
            | Self::DeliveryDelayed
            | Self::DeliveryException
            | Self::DeliveryAttempted
            | Self::ReadyForPickup
            | Self::LocationChanged => Step::TrackShipment,
            Self::DeliveryConfirmed => Step::ConfirmToCustomer,
            Self::OrderCancelled | Self::OrderExpired | Self::OrderRejected => Step::CloseOrder,
        }
    }
}

impl Event {
    /// The step that it belongs to.
    pub fn step(&self, order: &Order) -> Step {
        match self.kind {
            EventKind::OrderReceived | EventKind::OrderUpdated => Step::ReceiveOrder,
            EventKind::OrderVerified | EventKind::VerificationFailed => Step::VerifyCustomer,
            EventKind::HoldPlaced | EventKind::HoldReleased => Step::VerifyCustomer,
            EventKind::StockAwaited
            | EventKind::InventoryReserved
            | EventKind::ReservationConfirmed
            | EventKind::ReservationReleased
            | EventKind::ReservationExpired => Step::ReserveInventory,
            EventKind::ApprovalRequested
            | EventKind::ApprovalGranted
            | EventKind::ApprovalRejected
            | EventKind::ApprovalExpired
            | EventKind::ApprovalWithdrawn => match self.gate(order) {
                Gate::Reservation => Step::ApproveReservation,
                Gate::Payment => Step::ApprovePayment,
            },
            EventKind::ReservationApproved => Step::ApproveReservation,
            EventKind::InvoiceIssued | EventKind::InvoiceVoided => Step::GenerateInvoice,
            EventKind::InvoicePaid
            | EventKind::PaymentRequested
            | EventKind::PaymentAuthorized
            | EventKind::PaymentCaptured
            | EventKind::PaymentFailed
            | EventKind::PaymentVoided
            | EventKind::OrderPaid
            | EventKind::RefundRequested
            | EventKind::RefundSucceeded
            | EventKind::RefundFailed => Step::CapturePayment,
            EventKind::PaymentApproved => Step::ApprovePayment,
            EventKind::FulfillmentStarted
            | EventKind::ShipmentPlanned
            | EventKind::PickingStarted
            | EventKind::ItemsPicked
            | EventKind::QualityPassed
            | EventKind::QualityFailed
            | EventKind::ShipmentCancelled => Step::PrepareOrder,
            EventKind::ShipmentPacked | EventKind::ShipmentUnpacked => Step::PackageProducts,
            EventKind::LabelCreated | EventKind::LabelVoided => Step::CreateLabel,
            EventKind::CourierAssigned | EventKind::CourierReleased => Step::AssignCourier,
            EventKind::ShipmentPickedUp | EventKind::ReservationConsumed | EventKind::OrderShipped => {
                Step::ConfirmPickup
            }
            EventKind::TrackingRecorded => Step::TrackShipment,
            EventKind::ShipmentDelivered | EventKind::OrderDelivered => Step::ConfirmDelivery,
            EventKind::MessageQueued
            | EventKind::MessageSent
            | EventKind::MessageFailed
            | EventKind::MessageSuppressed => {
                self.message(order).map_or(Step::ReceiveOrder, |it| it.kind.step())
            }
            EventKind::FeedbackRequested | EventKind::FeedbackSubmitted | EventKind::FeedbackExpired => {
                Step::ConfirmToCustomer
            }
            EventKind::OrderClosed
            | EventKind::OrderCancelled
            | EventKind::OrderExpired
            | EventKind::OrderRejected => Step::CloseOrder,
            EventKind::OrderArchived => Step::ArchiveOrder,
            EventKind::ReplenishmentProposed | EventKind::RestockChecked => Step::PrepareNextOrder,
        }
    }

    fn gate(&self, order: &Order) -> Gate {
        let subject = self.transition.as_ref().map(|it| it.subject);
        let found = order.approvals.iter().find(|it| Some(it.id.0) == subject);
        found.map_or(Gate::Reservation, |it| it.gate)
    }

    fn message<'a>(&self, order: &'a Order) -> Option<&'a Message> {
        let subject = self.transition.as_ref().map(|it| it.subject)?;
        order.messages.iter().find(|it| it.id.0 == subject)
    }
}

/// Fills in by when each step is planned to be done: what policy does follows at once, money is due before its hold
/// ends, goods before the promised pickup and delivery.
fn plan(order: &Order, lines: &mut [StepLine]) {
    let handling =
        order.availability.as_ref().and_then(|it| it.earliest_ship_at.map(|ship| ship.since(it.at)));
    let paid_at = lines.iter().find(|it| it.step == Step::ApprovePayment).and_then(|it| it.done_at);
    let ship_at = match (paid_at, handling) {
        (Some(paid), Some(handling)) => Some(paid.plus(handling)),
        (None, _) => order.availability.as_ref().and_then(|it| it.earliest_ship_at),
        (Some(_), None) => None,
    };
    let assignments = || order.live_shipments().filter_map(|it| it.assignment.as_ref());
    let pickup_at = assignments().map(|it| it.pickup_at).max().or(ship_at);
    let delivery_at = order.promised_by.or_else(|| assignments().map(|it| it.delivery_at).max());

    let mut before: Option<Timestamp> = Some(order.created_at);
    for line in lines {
        line.planned_at = match line.step {
            Step::ReceiveOrder | Step::VerifyCustomer | Step::CheckAvailability => before,
            Step::ReserveInventory | Step::ArchiveOrder | Step::CloseOrder => None,
            Step::ApproveReservation => approval_deadline(order.approval(Gate::Reservation), before),
            Step::GenerateInvoice
            | Step::NotifyShipment
            | Step::ConfirmToCustomer
            | Step::PrepareNextOrder => {
                // A letter leaves within minutes; a worker may be busy.
                before.map(|it| it.plus(Duration::from_secs(300)))
            }
            Step::CapturePayment => order.current_reservation().and_then(|it| it.expires_at),
            Step::ApprovePayment => approval_deadline(order.approval(Gate::Payment), before),
            Step::PrepareOrder | Step::PackageProducts | Step::CreateLabel | Step::AssignCourier => ship_at,
            Step::ConfirmPickup => pickup_at,
            Step::TrackShipment | Step::ConfirmDelivery => delivery_at,
        };
        before = line.done_at;
    }
}

fn approval_deadline(approval: Option<&Approval>, before: Option<Timestamp>) -> Option<Timestamp> {
    approval.map_or(before, |it| it.expires_at.or(Some(it.requested_at)))
}

/// What the early end of an order made of its steps: done ones were undone, open ones are not needed any more.
fn end_early(order: &Order, lines: &mut [StepLine]) {
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
            let void = order.invoices.last().filter(|it| it.state == InvoiceState::Void);
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

struct History<'a> {
    order: &'a Order,
    events: &'a [Event],
    detail: Detail,
}

/// How much of a line is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    WithEvidence,
    StateOnly,
}

/// How many shipments a step of theirs is behind, at, and through.
struct Count {
    all: usize,
    may_begin: usize,
    begun: usize,
    done: usize,
}

impl Count {
    fn state(&self) -> StepState {
        if self.all > 0 && self.done == self.all {
            StepState::Done
        } else if self.begun > 0 {
            StepState::InProgress
        } else if self.may_begin > 0 {
            StepState::Ready
        } else {
            StepState::Pending
        }
    }
}

impl History<'_> {
    fn line(&self, step: Step) -> StepLine {
        let line = match step {
            Step::ReceiveOrder => self.receive_order(),
            Step::VerifyCustomer => self.verify_customer(),
            Step::CheckAvailability => self.check_availability(),
            Step::ReserveInventory => self.reserve_inventory(),
            Step::ApproveReservation => self.approve(step, Gate::Reservation),
            Step::GenerateInvoice => self.generate_invoice(),
            Step::CapturePayment => self.capture_payment(),
            Step::ApprovePayment => self.approve(step, Gate::Payment),
            Step::PrepareOrder => self.prepare_order(),
            Step::PackageProducts => self.package_products(),
            Step::CreateLabel => self.create_label(),
            Step::AssignCourier => self.assign_courier(),
            Step::ConfirmPickup => self.confirm_pickup(),
            Step::NotifyShipment => self.notify_shipment(),
            Step::TrackShipment => self.track_shipment(),
            Step::ConfirmDelivery => self.confirm_delivery(),
            Step::ConfirmToCustomer => self.confirm_to_customer(),
            Step::CloseOrder => self.close_order(),
            Step::ArchiveOrder => self.archive_order(),
            Step::PrepareNextOrder => self.prepare_next_order(),
        };
        match line.state {
            StepState::Done => line,
            StepState::Pending
            | StepState::Ready
            | StepState::InProgress
            | StepState::Blocked
            | StepState::Skipped
            | StepState::Failed
            | StepState::Compensated => StepLine { done_at: None, ..line },
        }
    }

    /// The evidence, written only where it is wanted.
    fn shown(&self, evidence: impl FnOnce() -> Vec<String>) -> Vec<String> {
        match self.detail {
            Detail::WithEvidence => evidence(),
            Detail::StateOnly => Vec::new(),
        }
    }

    fn first(&self, kind: EventKind) -> Option<&Event> {
        self.events.iter().find(|it| it.kind == kind)
    }

    fn last(&self, kind: EventKind) -> Option<&Event> {
        self.events.iter().rfind(|it| it.kind == kind)
    }

    /// Who did what, and when, as the first event of the first kind that happened says.
    fn told(&self, line: &mut StepLine, kinds: &[EventKind], otherwise: Option<Timestamp>) {
        let event = kinds.iter().find_map(|it| self.first(*it));
        line.done_at = event.map(|it| it.at).or(otherwise);
        line.started_at = line.done_at;
        line.actor = event.map(|it| it.actor.clone());
    }

    fn receive_order(&self) -> StepLine {
        let order = self.order;
        StepLine {
            started_at: Some(order.created_at),
            done_at: Some(order.created_at),
            actor: Some(order.created_by.clone()),
            evidence: self.shown(|| {
                vec![format!(
                    "{}: number {}, {}, {} lines, {}",
                    order.id,
                    order.number,
                    order.channel,
                    order.lines.len(),
                    order.amounts.currency.of(order.total_minor())
                )]
            }),
            ..StepLine::new(Step::ReceiveOrder, StepState::Done)
        }
    }

    fn verify_customer(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::VerifyCustomer, StepState::Done);
        line.evidence = self.shown(|| {
            order.checks.iter().map(|it| format!("{} {}: {}", it.rule, it.verdict, it.detail)).collect()
        });
        let failed: Vec<&str> = order
            .checks
            .iter()
            .filter(|it| it.verdict == Verdict::Failed)
            .map(|it| it.rule.as_str())
            .collect();
        let passed = failed.is_empty() && order.checks.len() == Rule::ALL.len();
        if passed && order.state != OrderState::Received {
            self.told(&mut line, &[EventKind::OrderVerified], Some(order.created_at));
        } else {
            let over = order.ended_early().is_some();
            line.state = if over && !failed.is_empty() { StepState::Failed } else { StepState::Ready };
            line.note = match failed.is_empty() {
                true => "to be verified again".to_owned(),
                false => format!("failed: {}", failed.join(", ")),
            };
        }
        line.started_at = Some(order.created_at);
        line
    }

    fn check_availability(&self) -> StepLine {
        let order = self.order;
        let Some(found) = &order.availability else {
            let ready = order.state == OrderState::Verified;
            let state = if ready { StepState::Ready } else { StepState::Pending };
            return StepLine::new(Step::CheckAvailability, state);
        };
        let mut line = StepLine::new(Step::CheckAvailability, StepState::Done);
        self.told(&mut line, &[EventKind::StockAwaited, EventKind::InventoryReserved], Some(found.at));
        line.evidence = self.shown(|| availability_words(found));
        line
    }

    fn reserve_inventory(&self) -> StepLine {
        let order = self.order;
        let Some(reservation) = order.reservations.last() else {
            let mut line = StepLine::new(Step::ReserveInventory, StepState::Pending);
            if order.state == OrderState::AwaitingStock {
                line.state = StepState::Blocked;
                line.started_at = self.first(EventKind::StockAwaited).map(|it| it.at);
                let short =
                    order.availability.iter().flat_map(|it| &it.lines).filter(|it| !it.shortage.is_empty());
                let short: Vec<String> = short.map(|it| format!("{}: {}", it.sku, it.shortage)).collect();
                line.note = match short.is_empty() {
                    true => "waits for stock, behind older orders".to_owned(),
                    false => format!("waits for stock: {}", short.join("; ")),
                };
            }
            return line;
        };
        let mut line = StepLine::new(Step::ReserveInventory, StepState::Done);
        self.told(&mut line, &[EventKind::InventoryReserved], Some(reservation.created_at));
        if let Some(waited) = self.first(EventKind::StockAwaited) {
            line.started_at = Some(waited.at);
        }
        line.evidence = self.shown(|| vec![reservation_words(reservation)]);
        line
    }

    fn approve(&self, step: Step, gate: Gate) -> StepLine {
        let Some(approval) = self.order.approval(gate) else {
            return StepLine::new(step, StepState::Pending);
        };
        let (state, note) = match approval.state {
            ApprovalState::Pending => {
                (StepState::Blocked, format!("{} waits for a person: {}", approval.id, approval.rule))
            }
            ApprovalState::Approved | ApprovalState::AutoApproved => (StepState::Done, String::new()),
            ApprovalState::Rejected => (StepState::Failed, format!("rejected: {}", approval.comment)),
            ApprovalState::Expired => (StepState::Failed, "nobody decided in time".to_owned()),
            ApprovalState::Withdrawn => {
                (StepState::Skipped, "withdrawn: the order was over first".to_owned())
            }
        };
        let decided = approval.decided_by.clone();
        StepLine {
            started_at: Some(approval.requested_at),
            done_at: approval.decided_at,
            actor: decided.clone(),
            approver: if state == StepState::Done { decided } else { None },
            evidence: self.shown(|| {
                vec![format!(
                    "{}: {} over {} under policy {}: {}",
                    approval.id, approval.state, approval.amount, approval.policy_version, approval.rule
                )]
            }),
            note,
            ..StepLine::new(step, state)
        }
    }

    fn generate_invoice(&self) -> StepLine {
        let order = self.order;
        let Some(invoice) = order.invoices.last() else {
            return StepLine::new(Step::GenerateInvoice, StepState::Pending);
        };
        let mut line = StepLine::new(Step::GenerateInvoice, StepState::Done);
        self.told(&mut line, &[EventKind::InvoiceIssued], Some(invoice.issued_at));
        line.evidence = self.shown(|| vec![invoice_words(invoice)]);
        line
    }

    fn capture_payment(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::CapturePayment, StepState::Pending);
        line.evidence = self.shown(|| order.payments.iter().flat_map(payment_words).collect());
        line.started_at = order.payments.first().map(|it| it.created_at);
        line.actor = order.payments.last().map(|it| it.created_by.clone());
        let due = order.amounts.currency.of(order.due_minor());
        if order.is_paid() {
            let invoice = order.invoices.last().and_then(|it| it.settled_at);
            line.state = StepState::Done;
            line.done_at = self.first(EventKind::OrderPaid).map(|it| it.at).or(invoice);
            line.started_at = line.started_at.or(line.done_at);
            if order.total_minor() == 0 {
                line.actor = Some(Actor::system());
                line.evidence.extend(self.shown(|| vec!["nothing to pay".to_owned()]));
            }
        } else if let Some(asked) = order.payments.iter().find(|it| it.request.is_some()) {
            line.state = StepState::InProgress;
            line.note = format!("{} waits for the provider's answer", asked.id);
        } else if order.payments.iter().any(|it| it.state == PaymentState::Authorized) {
            line.state = StepState::InProgress;
            line.note = format!("authorised; capture of {due}");
        } else if order.captured_minor() > 0 {
            line.state = StepState::InProgress;
            line.note = format!("capture of the {due} still due");
        } else if let Some(failed) = order.payments.iter().rfind(|it| it.state == PaymentState::Failed) {
            line.state = StepState::Failed;
            let why = failed.failure.as_deref().unwrap_or_default();
            line.note = format!("{} failed: {why}; capture of {due}", failed.id);
        } else if order.payments.iter().any(|it| it.state == PaymentState::Voided)
            && order.ended_early().is_some()
        {
            line.state = StepState::InProgress;
        } else if !order.invoices.is_empty() {
            line.state = StepState::Ready;
            line.note = format!("capture of {due}");
        }
        line
    }

    /// A line about something that every shipment goes through.
    fn of_shipments(
        &self,
        step: Step,
        may_begin: impl Fn(&Shipment) -> bool,
        begun: impl Fn(&Shipment) -> bool,
        done: impl Fn(&Shipment) -> bool,
        evidence: impl Fn(&Shipment) -> Option<String>,
    ) -> StepLine {
        let shipments = self.order.told_shipments();
        let count = Count {
            all: shipments.len(),
            may_begin: shipments.iter().filter(|it| may_begin(it)).count(),
            begun: shipments.iter().filter(|it| begun(it)).count(),
            done: shipments.iter().filter(|it| done(it)).count(),
        };
        let open: Vec<&Shipment> = shipments.iter().copied().filter(|it| !done(it)).collect();
        let mut line = StepLine::new(step, count.state());
        line.evidence = self.shown(|| shipments.into_iter().filter_map(evidence).collect());
        if line.is_open() && line.state != StepState::Pending {
            let mut notes = Vec::new();
            if count.all > 1 {
                notes.push(format!("{} of {} shipments done", count.done, count.all));
            }
            if step != Step::NotifyShipment {
                notes.extend(next_calls(&open));
            }
            line.note = notes.join("; ");
        }
        line
    }

    fn prepare_order(&self) -> StepLine {
        let begun = |it: &Shipment| match it.state {
            ShipmentState::Planned => it.items.iter().any(|item| item.picked > 0),
            ShipmentState::Cancelled => self.was_in(it, ShipmentState::Picking),
            _ => true,
        };
        let done = |it: &Shipment| it.items.iter().all(|item| item.checked == item.quantity);
        let mut line = self.of_shipments(
            Step::PrepareOrder,
            |_| true,
            begun,
            done,
            |it| {
                let units = |of: fn(&super::ShipmentItem) -> i64| it.items.iter().map(of).sum::<i64>();
                let (wanted, picked, checked) =
                    (units(|it| it.quantity), units(|it| it.picked), units(|it| it.checked));
                Some(format!(
                    "{}: {picked} of {wanted} units picked, {checked} checked, at {}",
                    it.id, it.location
                ))
            },
        );
        if self.order.live_shipments().any(|it| it.state == ShipmentState::QcFailed) {
            line.state = StepState::Failed;
            let failed = "units failed the quality check and are to be picked again";
            line.note = format!("{failed}; {}", line.note);
        }
        line.started_at = self.first(EventKind::PickingStarted).map(|it| it.at);
        self.ended(&mut line, EventKind::QualityPassed, None);
        line
    }

    /// Whether the log says that a shipment was in a state once.
    fn was_in(&self, shipment: &Shipment, to: ShipmentState) -> bool {
        self.events
            .iter()
            .filter_map(|it| it.transition.as_ref())
            .any(|it| it.machine == Machine::Shipment && it.subject == shipment.id.0 && it.to == to.as_str())
    }

    /// Who did the last of it, and when.
    fn ended(&self, line: &mut StepLine, kind: EventKind, otherwise: Option<Timestamp>) {
        let event = self.last(kind);
        line.actor = event.map(|it| it.actor.clone());
        line.done_at = otherwise.or(event.map(|it| it.at));
    }

    fn package_products(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::QcPassed;
        let done = |it: &Shipment| {
            !it.packages.is_empty() && it.items.iter().all(|item| item.packed == item.quantity)
        };
        let mut line = self.of_shipments(Step::PackageProducts, may, done, done, |it| {
            let grams: i64 = it.packages.iter().map(|it| it.weight_grams).sum();
            (!it.packages.is_empty()).then(|| format!("{}: {} packages, {grams} g", it.id, it.packages.len()))
        });
        line.started_at = self.first(EventKind::ShipmentPacked).map(|it| it.at);
        self.ended(&mut line, EventKind::ShipmentPacked, None);
        line
    }

    fn create_label(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::Packed;
        let done = |it: &Shipment| it.label.is_some();
        let mut line = self.of_shipments(Step::CreateLabel, may, done, done, |it| {
            it.label.as_ref().map(|label| format!("{}: tracking number {}", it.id, label.tracking_number))
        });
        let labels = || self.order.shipments.iter().filter_map(|it| it.label.as_ref());
        line.started_at = labels().map(|it| it.created_at).min();
        self.ended(&mut line, EventKind::LabelCreated, labels().map(|it| it.created_at).max());
        line.actor = labels().next_back().map(|it| it.created_by.clone());
        line
    }

    fn assign_courier(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::Labelled;
        let done = |it: &Shipment| it.assignment.is_some();
        let mut line = self.of_shipments(Step::AssignCourier, may, done, done, |it| {
            let given = it.assignment.as_ref()?;
            let (courier, service, price) = (&given.courier, given.service, given.price);
            Some(format!(
                "{}: {courier} {service} for {price}, pickup {}: {}",
                it.id, given.pickup_at, given.reason
            ))
        });
        let given = || self.order.shipments.iter().filter_map(|it| it.assignment.as_ref());
        line.started_at = given().map(|it| it.assigned_at).min();
        line.done_at = given().map(|it| it.assigned_at).max();
        line.actor = given().next_back().map(|it| it.assigned_by.clone());
        line
    }

    fn confirm_pickup(&self) -> StepLine {
        let may = |it: &Shipment| it.state == ShipmentState::CourierAssigned;
        let done = |it: &Shipment| it.handover.is_some();
        let mut line = self.of_shipments(Step::ConfirmPickup, may, done, done, |it| {
            it.handover
                .as_ref()
                .map(|by| format!("{}: {} packages handed over at {}", it.id, by.packages, by.at))
        });
        let handovers = || self.order.shipments.iter().filter_map(|it| it.handover.as_ref());
        line.started_at = handovers().map(|it| it.at).min();
        line.done_at = handovers().map(|it| it.at).max();
        line.actor = handovers().next_back().map(|it| it.confirmed_by.clone());
        line
    }

    fn notify_shipment(&self) -> StepLine {
        let about = |it: &Shipment| {
            let told =
                |message: &&Message| message.kind == MessageKind::Shipped && message.shipment == Some(it.id);
            self.order.messages.iter().find(told)
        };
        let begun = |it: &Shipment| about(it).is_some();
        let done = |it: &Shipment| about(it).is_some_and(|it| it.state != MessageState::Queued);
        let mut line = self.of_shipments(
            Step::NotifyShipment,
            |_| false,
            begun,
            done,
            |it| {
                let (message, label) = (about(it)?, it.label.as_ref()?);
                let state = message.state.as_str().to_lowercase();
                Some(format!("{}: {state}, tracking number {}", message.id, label.tracking_number))
            },
        );
        self.follow_letters(&mut line, MessageKind::Shipped);
        line
    }

    /// Times and outcome of a step that is a letter to the customer.
    fn follow_letters(&self, line: &mut StepLine, kind: MessageKind) {
        let letters: Vec<&Message> = self.order.messages.iter().filter(|it| it.kind == kind).collect();
        line.started_at = letters.iter().map(|it| it.created_at).min();
        if line.state != StepState::Done {
            let queued = letters.iter().find(|it| it.state == MessageState::Queued);
            if let (true, Some(queued)) = (line.note.is_empty(), queued) {
                line.note = format!("sending of {}", queued.id);
            }
            return;
        }
        line.actor = Some(Actor::system());
        line.done_at = letters.iter().filter_map(|it| it.sent_at).max().or(line.started_at);
        if let Some(failed) = letters.iter().find(|it| it.state == MessageState::Failed) {
            line.state = StepState::Failed;
            line.note = format!("{} could not be sent: {}", failed.id, failed.failure);
        } else if letters.iter().all(|it| it.state == MessageState::Suppressed) {
            line.state = StepState::Skipped;
            line.note = letters.first().map(|it| it.failure.clone()).unwrap_or_default();
        }
    }

    fn track_shipment(&self) -> StepLine {
        let begun = |it: &Shipment| it.handover.is_some();
        let mut line = self.of_shipments(
            Step::TrackShipment,
            |_| false,
            begun,
            journey_is_over,
            |it| {
                let last = it.tracking.iter().max_by_key(|it| it.sequence)?;
                Some(format!("{}: {} events, {}", it.id, it.tracking.len(), last.status))
            },
        );
        let troubled = self.order.live_shipments().find(|it| it.state == ShipmentState::Exception);
        if let (StepState::InProgress, Some(shipment)) = (line.state, troubled) {
            line.note = format!("shipment {}: an exception on the way; {}", shipment.number, line.note);
        }
        let reports = || self.order.live_shipments().flat_map(|it| &it.tracking);
        line.started_at =
            self.order.live_shipments().filter_map(|it| it.handover.as_ref()).map(|it| it.at).min();
        line.done_at = reports().map(|it| it.occurred_at).max().max(line.started_at);
        line.actor = reports().max_by_key(|it| (it.recorded_at, it.sequence)).map(|it| it.source.clone());
        line
    }

    fn confirm_delivery(&self) -> StepLine {
        let may = |it: &Shipment| it.state.carrier_may_report();
        let done = |it: &Shipment| it.state == ShipmentState::Delivered;
        let mut line = self.of_shipments(Step::ConfirmDelivery, may, done, done, |it| {
            let proof = it.proof.as_ref().filter(|_| it.state == ShipmentState::Delivered)?;
            Some(format!("{}: delivered at {}, proof recorded by {}", it.id, proof.at, proof.recorded_by))
        });
        let proofs = || self.order.live_shipments().filter_map(|it| it.proof.as_ref());
        line.started_at = proofs().map(|it| it.at).min();
        line.done_at = proofs().map(|it| it.at).max();
        line.actor = proofs().last().map(|it| it.recorded_by.clone());
        let astray: Vec<String> =
            self.astray().map(|it| format!("shipment {} is {}", it.number, it.state)).collect();
        if !astray.is_empty() && self.order.live_shipments().all(journey_is_over) {
            line.state = StepState::Failed;
            line.note = astray.join("; ");
        }
        line
    }

    /// What set out and will not be delivered, as far as is known.
    fn astray(&self) -> impl Iterator<Item = &Shipment> {
        self.order
            .live_shipments()
            .filter(|it| matches!(it.state, ShipmentState::Returned | ShipmentState::Lost))
    }

    fn confirm_to_customer(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::ConfirmToCustomer, StepState::Pending);
        let Some(letter) = order.messages.iter().find(|it| it.kind == MessageKind::DeliveryConfirmed) else {
            if order.closed_at.is_some() {
                line.state = StepState::Skipped;
                line.note = "not everything was delivered".to_owned();
            }
            return line;
        };
        line.state =
            if letter.state == MessageState::Queued { StepState::InProgress } else { StepState::Done };
        line.evidence = self.shown(|| confirmation_words(letter, order.feedback.as_ref()));
        self.follow_letters(&mut line, MessageKind::DeliveryConfirmed);
        line
    }

    fn close_order(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::CloseOrder, StepState::Pending);
        if order.closed_at.is_some() {
            line.state = StepState::Done;
            self.told(&mut line, &[EventKind::OrderClosed], order.closed_at);
            line.evidence = self.shown(|| vec!["nothing open, balance zero".to_owned()]);
        } else if order.state.may_become(OrderState::Closed) && order.live_shipments().all(journey_is_over) {
            let open = order.why_open();
            line.state = if open.is_empty() { StepState::Ready } else { StepState::Blocked };
            line.note = open.join("; ");
        }
        line
    }

    fn archive_order(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::ArchiveOrder, StepState::Pending);
        if order.archived_at.is_some() {
            line.state = StepState::Done;
            self.told(&mut line, &[EventKind::OrderArchived], order.archived_at);
            line.evidence = self.shown(|| vec![format!("{}: in the archive", order.id)]);
        } else if order.is_over() {
            let open = order.why_not_archivable();
            line.state = if open.is_empty() { StepState::Ready } else { StepState::Blocked };
            line.note = open.join("; ");
        }
        line
    }

    fn prepare_next_order(&self) -> StepLine {
        let mut line = StepLine::new(Step::PrepareNextOrder, StepState::Pending);
        if self.order.archived_at.is_none() {
            return line;
        }
        line.state = StepState::Done;
        self.told(&mut line, &[EventKind::RestockChecked], self.order.archived_at);
        let told =
            |it: &&Event| matches!(it.kind, EventKind::ReplenishmentProposed | EventKind::RestockChecked);
        line.evidence = self.shown(|| self.events.iter().filter(told).map(|it| it.text.clone()).collect());
        line
    }
}

/// How many shipments are named in one note; the rest is counted.
const SHIPMENTS_NAMED: usize = 3;

/// What each of these shipments waits for, by the name of the call that does it.
fn next_calls(shipments: &[&Shipment]) -> Option<String> {
    let mut calls = shipments.iter().filter_map(|it| Some((it.next_call()?, it.id)));
    let named = calls.by_ref().take(SHIPMENTS_NAMED);
    let mut words: Vec<String> = named.map(|(call, id)| format!("{call} for shipment {id}")).collect();
    match calls.count() {
        0 => {}
        more => words.push(format!("and {more} more")),
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn journey_is_over(shipment: &Shipment) -> bool {
    matches!(shipment.state, ShipmentState::Delivered | ShipmentState::Returned | ShipmentState::Lost)
}

fn availability_words(found: &AvailabilityFound) -> Vec<String> {
    let of_line = |it: &LineAvailability| match it.shortage.is_empty() {
        true => format!("{}: {} wanted, {} available", it.sku, it.wanted, it.available),
        false => format!("{}: {}", it.sku, it.shortage),
    };
    let mut words: Vec<String> = found.lines.iter().map(of_line).collect();
    if let Some(feasible) = found.requested_date_feasible {
        let can = if feasible { "can" } else { "cannot" };
        words.push(format!("the requested date {can} be met"));
    }
    words
}

fn confirmation_words(letter: &Message, feedback: Option<&Feedback>) -> Vec<String> {
    let mut words = vec![format!("{}: {}", letter.id, letter.state.as_str().to_lowercase())];
    if let Some(feedback) = feedback {
        words.push(format!("feedback {}", feedback.state.as_str().to_lowercase()));
        if feedback.discount_ppm > 0 {
            let percent = f64::from(feedback.discount_ppm) / 10_000.0;
            words.push(format!("{percent} % off the next purchase offered"));
        }
    }
    words
}

fn reservation_words(reservation: &Reservation) -> String {
    let items: Vec<String> = reservation
        .items
        .iter()
        .map(|it| format!("{} × {} at {}", it.quantity, it.sku, it.location))
        .collect();
    format!("{}: {} {}", reservation.id, reservation.state, items.join(", "))
}

fn invoice_words(invoice: &Invoice) -> String {
    let total = invoice.amounts.currency.of(invoice.amounts.total_minor);
    match invoice.number {
        0 => format!("{}: over {total}", invoice.id),
        _ => format!("{}: {} over {total}", invoice.id, invoice.full_number()),
    }
}

fn payment_words(payment: &Payment) -> Vec<String> {
    let state = payment.state.as_str().to_lowercase();
    let mut words = vec![format!("{}: {} by {} {state}", payment.id, payment.amount, payment.method)];
    for refund in &payment.refunds {
        let by = refund.handed_by().map(|it| format!(" by {it}")).unwrap_or_default();
        let state = refund.state.as_str().to_lowercase();
        words.push(format!("{}: {} paid back{by}, {state}", refund.id, refund.amount));
    }
    words
}
