//! The evidence of what was done: from receipt to payment, and the end.

use crate::domain::model::approval::{Approval, ApprovalState, Gate};
use crate::domain::model::check::{Rule, Verdict};
use crate::domain::model::credit_note::CreditNote;
use crate::domain::model::event::{Event, EventKind};
use crate::domain::model::invoice::Invoice;
use crate::domain::model::order::OrderState;
use crate::domain::model::payment::{Payment, PaymentState};
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::Actor;
use crate::domain::process::timeline::delivery::journey_is_over;
use crate::domain::process::timeline::lines::{
    availability_words, follow_up_words, promise_words, service_call, service_words,
};
use crate::domain::process::timeline::order_history::OrderHistory;
use crate::domain::process::timeline::steps::{Detail, Step, StepLine, StepState};

impl OrderHistory<'_> {
    pub(super) fn line(&self, step: Step) -> StepLine {
        let line = match step {
            _ if step.is_about_goods() && self.order.has_only_services() => without_goods(step),
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
    pub(super) fn shown(&self, evidence: impl FnOnce() -> Vec<String>) -> Vec<String> {
        match self.detail {
            Detail::WithEvidence => evidence(),
            Detail::StateOnly => Vec::new(),
        }
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
        line.evidence = self.shown(|| [availability_words(found), promise_words(order)].concat());
        line
    }

    fn reserve_inventory(&self) -> StepLine {
        let order = self.order;
        let waits = order.state == OrderState::AwaitingStock;
        // What an order took over from a cart before it was verified is not what this step reserves.
        let is_looked_up = order.availability.is_some();
        let Some(reservation) = order.reservations.last().filter(|_| !waits && is_looked_up) else {
            let mut line = StepLine::new(Step::ReserveInventory, StepState::Pending);
            if let Some(held) = order.current_reservation() {
                line.note = format!("{} keeps the units of its cart meanwhile", held.id);
            }
            if waits {
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
        // Stock that a count took from it was set aside once more.
        self.ended(&mut line, EventKind::InventoryReserved, None);
        line.done_at = line.done_at.or(Some(reservation.created_at));
        let waited = self.first(EventKind::StockAwaited).map(|it| it.at);
        line.started_at = waited.filter(|it| Some(*it) <= line.done_at).or(line.done_at);
        line.evidence = self.shown(|| vec![reservation_words(reservation)]);
        line
    }

    fn approve(&self, step: Step, gate: Gate) -> StepLine {
        // Withdrawn while the order goes on: it is asked anew when the stock is there again.
        let counts =
            |it: &&Approval| it.state != ApprovalState::Withdrawn || self.order.ended_early().is_some();
        let Some(approval) = self.order.approval(gate).filter(counts) else {
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
        let Some(invoice) = order.main_invoice() else {
            return StepLine::new(Step::GenerateInvoice, StepState::Pending);
        };
        let mut line = StepLine::new(Step::GenerateInvoice, StepState::Done);
        self.told(&mut line, &[EventKind::InvoiceIssued], Some(invoice.issued_at));
        line.evidence = self.shown(|| {
            let credited = order.credit_notes.iter().map(credit_note_words);
            std::iter::once(invoice_words(invoice)).chain(credited).collect()
        });
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
            let invoice = order.main_invoice().and_then(|it| it.settled_at);
            line.state = StepState::Done;
            line.done_at = self.first(EventKind::OrderPaid).map(|it| it.at).or(invoice);
            // What a change added is paid later; the step was done when the order was.
            line.started_at = line.started_at.into_iter().chain(line.done_at).min();
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

    fn close_order(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::CloseOrder, StepState::Pending);
        if order.closed_at.is_some() {
            line.state = StepState::Done;
            self.told(&mut line, &[EventKind::OrderClosed], order.closed_at);
            line.evidence = self.shown(|| {
                let services = if order.has_only_services() { Vec::new() } else { service_words(order) };
                services.into_iter().chain(["nothing open, balance zero".to_owned()]).collect()
            });
        } else if order.state.may_become(OrderState::Closed) && order.live_shipments().all(journey_is_over) {
            let open = order.why_open();
            line.state = if open.is_empty() { StepState::Ready } else { StepState::Blocked };
            line.note = open.join("; ");
            if order.open_services().next().is_some() {
                line.note = format!("{}; {}", service_call(order), line.note);
            }
        }
        line
    }

    fn archive_order(&self) -> StepLine {
        let order = self.order;
        let mut line = StepLine::new(Step::ArchiveOrder, StepState::Pending);
        if order.archived_at.is_some() {
            line.state = StepState::Done;
            // Of several times the last: it may have been brought back in between.
            self.ended(&mut line, EventKind::OrderArchived, order.archived_at);
            line.started_at = line.done_at;
            let in_archive = || format!("{}: in the archive", order.id);
            let open = || follow_up_words(order).filter(|_| order.has_open_follow_up());
            line.evidence = self.shown(|| [in_archive()].into_iter().chain(open()).collect());
        } else if order.is_over() {
            let open = order.why_not_archivable();
            line.state = if open.is_empty() { StepState::Ready } else { StepState::Blocked };
            line.note = open.join("; ");
            line.evidence = self.shown(|| {
                follow_up_words(order).filter(|_| order.has_open_follow_up()).into_iter().collect()
            });
        }
        line
    }

    /// Done with the last handover: the shelves are looked after whenever goods leave them.
    fn prepare_next_order(&self) -> StepLine {
        let order = self.order;
        let handovers: Vec<_> =
            order.live_shipments().map(|it| it.handover.as_ref().map(|it| it.at)).collect();
        let last = handovers.iter().flatten().max().copied();
        let state = match (last, handovers.contains(&None)) {
            (Some(_), false) => StepState::Done,
            (Some(_), true) => StepState::InProgress,
            (None, _) if order.archived_at.is_some() => StepState::Skipped,
            (None, _) => StepState::Pending,
        };
        let mut line = StepLine::new(Step::PrepareNextOrder, state);
        if state == StepState::Skipped {
            line.note = "nothing of it left a shelf".to_owned();
        }
        self.ended(&mut line, EventKind::RestockChecked, None);
        line.done_at = line.done_at.or(last);
        line.started_at = self.first(EventKind::RestockChecked).map(|it| it.at).or(last);
        let told =
            |it: &&Event| matches!(it.kind, EventKind::ReplenishmentProposed | EventKind::RestockChecked);
        line.evidence = self.shown(|| self.events.iter().filter(told).map(|it| it.text.clone()).collect());
        line
    }
}

/// A step that services do not need.
fn without_goods(step: Step) -> StepLine {
    let note = "services only".to_owned();
    StepLine { note, ..StepLine::new(step, StepState::Skipped) }
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

fn credit_note_words(note: &CreditNote) -> String {
    let total = note.amounts.currency.of(note.amounts.total_minor);
    match note.number {
        0 => format!("{}: credit over {total}", note.id),
        _ => format!("{}: {}, credit over {total}", note.id, note.full_number()),
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
