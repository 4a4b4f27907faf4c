//! What happens by itself: an order goes on from gate to gate until somebody has to act.

use super::case::{born, moved};
use super::{
    Action, Actor, Approval, ApprovalId, ApprovalState, Channel, Desk, EventKind, Gate, GateRules, Invoice,
    InvoiceId, InvoiceLine, InvoiceState, LocationCode, MessageKind, Order, OrderState, PaymentState, Reason,
    Refusal, Reservation, Shipment, ShipmentId, ShipmentItem, ShipmentState,
};

/// The calls that decide an approval.
const DECIDING: [Action; 2] = [Action::ApproveRequest, Action::RejectRequest];

impl Order {
    /// Runs automatic steps to the next gate. A hold stops it anywhere.
    pub(super) fn advance(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        loop {
            let before = self.state;
            if self.on_hold() {
                return Ok(());
            }
            match self.state {
                OrderState::Verified => self.reserve(desk)?,
                OrderState::Reserved => self.pass_gate(desk, Gate::Reservation)?,
                OrderState::ReservationApproved => self.issue_invoice(desk)?,
                OrderState::Invoiced => self.settle_invoice(desk)?,
                OrderState::PaymentCaptured => self.pass_gate(desk, Gate::Payment)?,
                OrderState::PaymentApproved => self.plan_shipments(desk)?,
                OrderState::Received
                | OrderState::AwaitingStock
                | OrderState::Fulfilling
                | OrderState::PartiallyShipped
                | OrderState::Shipped
                | OrderState::PartiallyDelivered
                | OrderState::Delivered
                | OrderState::Closed
                | OrderState::Archived
                | OrderState::Rejected
                | OrderState::Cancelled
                | OrderState::Expired => {}
            }
            if self.state == before {
                return Ok(());
            }
        }
    }

    /// The approval that counts for a gate: the latest one.
    pub fn approval(&self, gate: Gate) -> Option<&Approval> {
        self.approvals.iter().rfind(|it| it.gate == gate)
    }

    /// Asks for the approval of a gate once, and goes through when it is there.
    fn pass_gate(&mut self, desk: &mut Desk, gate: Gate) -> Result<(), Refusal> {
        let state = match self.approval(gate) {
            Some(approval) => approval.state,
            None => self.ask_approval(desk, gate),
        };
        match state {
            ApprovalState::Approved | ApprovalState::AutoApproved => {
                let (to, kind) = match gate {
                    Gate::Reservation => (OrderState::ReservationApproved, EventKind::ReservationApproved),
                    Gate::Payment => (OrderState::PaymentApproved, EventKind::PaymentApproved),
                };
                self.go_automatic(desk, to, kind, format!("{} approved", gate.as_str().to_lowercase()))
            }
            ApprovalState::Pending
            | ApprovalState::Rejected
            | ApprovalState::Expired
            | ApprovalState::Withdrawn => Ok(()),
        }
    }

    fn ask_approval(&mut self, desk: &mut Desk, gate: Gate) -> ApprovalState {
        let policy = match gate {
            Gate::Reservation => &desk.rules.approval.reservation,
            Gate::Payment => &desk.rules.approval.payment,
        };
        let (state, rule) = match self.why_a_person(policy) {
            Some(rule) => (ApprovalState::Pending, rule),
            None => (ApprovalState::AutoApproved, "total, channel and risk are within the policy".to_owned()),
        };
        let requested_by = match gate {
            Gate::Reservation => self.created_by.clone(),
            Gate::Payment => {
                let paid = self.payments.iter().rfind(|it| it.state == PaymentState::Captured);
                paid.map_or_else(Actor::system, |it| it.created_by.clone())
            }
        };
        let automatic = state == ApprovalState::AutoApproved;
        let id: ApprovalId = desk.ids.fresh();
        self.approvals.push(Approval {
            id,
            order: self.id,
            gate,
            state,
            amount: self.amounts.currency.of(self.total_minor()),
            policy_version: desk.rules.approval.version.clone(),
            rule: rule.clone(),
            requested_by,
            requested_at: desk.now,
            expires_at: (!automatic).then(|| desk.now.plus(desk.rules.approval_lifetime())),
            decided_by: automatic.then(Actor::system),
            decided_at: automatic.then_some(desk.now),
            comment: String::new(),
        });
        if gate == Gate::Reservation && !automatic {
            self.outlast_approval(desk);
        }

        let kind = if automatic { EventKind::ApprovalGranted } else { EventKind::ApprovalRequested };
        let gate = gate.as_str().to_lowercase();
        self.tell_automatic(desk, kind, Some(born(id.0, state)), format!("{gate} approval {id}: {rule}"));
        state
    }

    /// A hold with settings' lifetime lasts as long as its approval may take; a lifetime of the caller's own stands.
    fn outlast_approval(&mut self, desk: &Desk) {
        if self.reservation_lifetime_seconds.is_none() {
            let lifetime = desk.rules.approval_lifetime().max(desk.rules.reservation_lifetime());
            self.pin_reservation(Some(desk.now.plus(lifetime)));
        }
    }

    /// The rule of the policy that asks for a person, if one does.
    fn why_a_person(&self, policy: &GateRules) -> Option<String> {
        let total = self.amounts.currency.of(self.total_minor());
        let limit = policy.automatic_up_to_minor.get(&total.currency).copied();
        let channel: Channel = self.channel;
        if policy.channels.contains(&channel) {
            Some(format!("orders through {channel} ask a person"))
        } else if self.risk >= policy.risk {
            Some(format!("the risk is {}: {}", self.risk, self.risk_reasons.join("; ")))
        } else {
            match limit {
                Some(limit) if total.minor <= limit => None,
                Some(limit) => Some(format!("{total} is above {}", total.currency.of(limit))),
                None => Some(format!("no automatic limit is set for {}", total.currency)),
            }
        }
    }

    /// A person's yes or no to a gate. Who asked may not approve.
    pub fn decide_approval(
        &mut self,
        desk: &mut Desk,
        id: ApprovalId,
        decision: Decision,
        comment: &str,
    ) -> Result<(), Refusal> {
        let place = self
            .approvals
            .iter()
            .position(|it| it.id == id)
            .ok_or_else(|| Refusal::not_found("approval", id))?;
        let approval = &self.approvals[place];
        if approval.state != ApprovalState::Pending {
            let message = format!("the approval is {} already", approval.state);
            return Err(self.unmet_part(Reason::ApprovalDecided, approval.state.as_str(), message));
        }
        if desk.actor == approval.requested_by {
            let message = format!("{} asked for this approval and may not decide it", desk.actor);
            return Err(self.unmet(Reason::SelfApproval, message).without(&DECIDING));
        }
        if approval.expires_at.is_some_and(|it| it <= desk.now) {
            let refusal = self.unmet(Reason::ApprovalDecided, "the approval has expired");
            return Err(refusal.without(&DECIDING));
        }
        let gate = approval.gate;
        if decision == Decision::Approve {
            self.must_be_free()?;
        }
        if decision == Decision::Approve
            && gate == Gate::Reservation
            && self.current_reservation().is_none_or(|it| it.is_overdue(desk.now))
        {
            let refusal = self.unmet(Reason::ReservationExpired, "the reservation has expired");
            return Err(refusal.without(&[Action::ApproveRequest]));
        }

        let (to, kind) = match decision {
            Decision::Approve => (ApprovalState::Approved, EventKind::ApprovalGranted),
            Decision::Reject => (ApprovalState::Rejected, EventKind::ApprovalRejected),
        };
        self.end_approval(desk, place, to, kind, comment)?;
        match decision {
            Decision::Approve => {
                if gate == Gate::Reservation {
                    self.renew_hold(desk);
                }
                Ok(())
            }
            Decision::Reject => {
                let text = format!("{} rejected", gate.as_str().to_lowercase());
                self.undo(desk, OrderState::Rejected, &text)
            }
        }
    }

    /// Payment gets its full time after an approval, however long that took, and no more.
    fn renew_hold(&mut self, desk: &Desk) {
        let ends = self.current_reservation().is_some_and(|it| it.expires_at.is_some());
        if self.reservation_lifetime_seconds.is_none() && ends {
            self.pin_reservation(Some(desk.now.plus(desk.rules.reservation_lifetime())));
        }
    }

    pub(super) fn end_approval(
        &mut self,
        desk: &mut Desk,
        place: usize,
        to: ApprovalState,
        kind: EventKind,
        comment: &str,
    ) -> Result<(), Refusal> {
        let approval = &mut self.approvals[place];
        let step = moved(approval.id.0, approval.state, to)?;
        approval.state = to;
        approval.decided_by = Some(desk.actor.clone());
        approval.decided_at = Some(desk.now);
        approval.comment = comment.to_owned();
        let text = format!("{} approval {} {to}", approval.gate.as_str().to_lowercase(), approval.id);
        self.tell(desk, kind, Some(step), text);
        Ok(())
    }

    /// Step 6: the lines as priced at receipt, under the next number of the series.
    fn issue_invoice(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let id: InvoiceId = desk.ids.fresh();
        self.invoices.push(Invoice {
            id,
            order: self.id,
            series: desk.rules.invoice_series.clone(),
            number: 0,
            state: InvoiceState::Open,
            amounts: self.amounts.clone(),
            lines: self
                .lines
                .iter()
                .map(|it| InvoiceLine {
                    line: it.number,
                    sku: it.sku.clone(),
                    description: it.description.clone(),
                    quantity: it.quantity,
                    unit_price_minor: it.unit_price_minor,
                    amounts: it.amounts,
                })
                .collect(),
            issued_at: desk.now,
            settled_at: None,
        });
        let total = self.amounts.currency.of(self.total_minor());
        let step = born(id.0, InvoiceState::Open);
        self.tell_automatic(desk, EventKind::InvoiceIssued, Some(step), format!("invoice {id} over {total}"));
        self.notify(desk, MessageKind::InvoiceIssued, None, 0);
        self.go_automatic(desk, OrderState::Invoiced, EventKind::InvoiceIssued, format!("{total} to be paid"))
    }

    /// Step 7's end: captured is what is due.
    fn settle_invoice(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        if self.due_minor() > 0 {
            return Ok(());
        }
        let invoice = self.invoices.last_mut().expect("an INVOICED order has an invoice");
        let step = moved(invoice.id.0, invoice.state, InvoiceState::Paid)?;
        invoice.state = InvoiceState::Paid;
        invoice.settled_at = Some(desk.now);
        self.tell_automatic(desk, EventKind::InvoicePaid, Some(step), "paid in full");
        self.confirm_reservation(desk)?;
        let total = self.amounts.currency.of(self.captured_minor());
        if total.minor > 0 {
            self.notify(desk, MessageKind::PaymentReceived, None, 0);
        }
        self.go_automatic(
            desk,
            OrderState::PaymentCaptured,
            EventKind::OrderPaid,
            format!("{total} captured"),
        )
    }

    /// Step 9's start: one shipment per location that holds stock for the order.
    fn plan_shipments(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let reservation: &Reservation = self.current_reservation().expect("a paid order has its reservation");
        let mut locations: Vec<LocationCode> =
            reservation.items.iter().map(|it| it.location.clone()).collect();
        locations.sort();
        locations.dedup();

        let items = reservation.items.clone();
        for (location, number) in locations.into_iter().zip(1..) {
            let id: ShipmentId = desk.ids.fresh();
            let here = items.iter().filter(|it| it.location == location);
            let items = here.filter_map(|it| {
                let line = self.lines.iter().find(|line| line.number == it.line)?;
                Some(ShipmentItem {
                    line: it.line,
                    sku: it.sku.clone(),
                    description: line.description.clone(),
                    quantity: it.quantity,
                    picked: 0,
                    checked: 0,
                    packed: 0,
                    weight_grams: line.weight_grams,
                })
            });
            self.shipments.push(Shipment {
                id,
                order: self.id,
                number,
                version: 1,
                location: location.clone(),
                state: ShipmentState::Planned,
                items: items.collect(),
                packages: Vec::new(),
                label: None,
                assignment: None,
                handover: None,
                tracking: Vec::new(),
                proof: None,
                promised_by: self.promised_by,
                estimated_at: None,
                created_at: desk.now,
                updated_at: desk.now,
            });
            let step = born(id.0, ShipmentState::Planned);
            self.tell_automatic(
                desk,
                EventKind::ShipmentPlanned,
                Some(step),
                format!("{id} from {location}"),
            );
        }
        let text = format!("{} shipments", self.shipments.len());
        self.go_automatic(desk, OrderState::Fulfilling, EventKind::FulfillmentStarted, text)
    }
}

/// A person's word on an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Approve,
    Reject,
}
