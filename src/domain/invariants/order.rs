//! Invariants of one order.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::domain::invariants::findings::{Findings, LAWS, Violation};
use crate::domain::model::amounts::Discount;
use crate::domain::model::approval::{Approval, ApprovalState, Gate};
use crate::domain::model::check::Verdict;
use crate::domain::model::hand::{Person, kind_beyond_limit};
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::money::part;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{Means, Payment, PaymentState};
use crate::domain::model::refund::RefundState;
use crate::domain::model::reservation::ReservationState;
use crate::domain::model::scalars::Actor;
use crate::domain::model::shipment::{Shipment, ShipmentItem, ShipmentState};

/// Statement of the law.
pub fn law(id: &str) -> &'static str {
    LAWS.iter().find(|it| it.0 == id).map_or("", |it| it.1)
}

impl Order {
    /// Every law of one order that its own facts can break.
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Findings::default();
        self.check_amounts(&mut found);
        self.check_redemption(&mut found);
        self.check_credits(&mut found);
        self.check_changes(&mut found);
        self.check_returns(&mut found);
        self.check_exchanges(&mut found);
        self.check_payments(&mut found);
        self.check_reservations(&mut found);
        self.check_shipments(&mut found);
        self.check_rest(&mut found);
        self.check_approvals(&mut found);
        self.check_gates(&mut found);
        match self.has_only_services() {
            true => self.check_state_of_services(&mut found),
            false => self.check_state(&mut found),
        }
        self.check_archive(&mut found);
        self.check_end(&mut found);
        self.check_messages(&mut found);
        self.check_feedback(&mut found);
        found.0
    }

    fn check_amounts(&self, found: &mut Findings) {
        found.ensure("M7", self.id, self.number > 0, "a number above zero", self.number);
        let (carried, sold): (Vec<_>, Vec<_>) = self.lines.iter().partition(|it| it.carried_over);
        let lines: Vec<_> = sold.iter().map(|it| it.amounts).collect();
        for line in carried {
            let times = self.exchange_of.as_ref().map_or(0, |it| it.depth);
            let fits = self.amounts.may_be_carried_over(&line.amounts, times);
            let key = format!("{} line {}", self.id, line.number);
            found.ensure("M1", key, fits, "what was sold, carried over", format!("{:?}", line.amounts));
        }
        let remaining: Vec<_> = self.lines.iter().map(|it| it.remaining_amounts()).collect();
        let sums = self.amounts.check_lines(&lines).and_then(|()| self.amounts.check_sums(&remaining));
        if let Err(why) = sums {
            found.ensure("M1", self.id, false, "amounts that follow from the lines", why);
        }
        for line in &self.lines {
            let gross = line.unit_price_minor.checked_mul(line.quantity);
            let key = format!("{} line {}", self.id, line.number);
            found.ensure(
                "M1",
                key,
                gross == Some(line.amounts.gross_minor),
                "price × quantity",
                line.amounts.gross_minor,
            );
        }
        // The discount is on what was ordered at first.
        let ordered = self.lines.iter().filter(|it| it.added_by_change.is_none());
        let lines: Vec<_> = ordered.map(|it| it.amounts).collect();
        let given: i64 = self.lines.iter().map(|it| it.amounts.discount_share_minor).sum();
        let shares: i64 = lines.iter().map(|it| it.discount_share_minor).sum();
        found.ensure("M2", self.id, given == shares, "nothing of the discount on lines of changes", given);
        match self.discount {
            Some(Discount::Amount(minor)) => {
                found.ensure("M2", self.id, shares == minor, &minor.to_string(), shares);
            }
            Some(Discount::Percent(ppm)) => {
                let net: i64 = lines.iter().map(|it| it.gross_minor - it.discount_minor).sum();
                let should = part(net, ppm);
                found.ensure("M2", self.id, shares == should, &should.to_string(), shares);
            }
            None => found.ensure("M2", self.id, shares == 0, "0", shares),
        }

        let main = self.main_invoice().map(|it| it.id);
        for invoice in &self.invoices {
            let lines: Vec<_> = invoice.lines.iter().map(|it| it.amounts).collect();
            if let Err(why) = invoice.amounts.check_sums(&lines) {
                found.ensure("M1", invoice.id, false, "amounts that follow from the lines", why);
            }
            found.ensure("M7", invoice.id, invoice.number > 0, "a number above zero", invoice.number);
            let counts = invoice.supplements.or(Some(invoice.id)) == main;
            found.ensure(
                "M6",
                invoice.id,
                counts || invoice.state == InvoiceState::Void,
                "VOID",
                invoice.state,
            );
            let settled = invoice.settled_at.is_some();
            found.ensure(
                "M6",
                invoice.id,
                settled == (invoice.state != InvoiceState::Open),
                "settled or open",
                invoice.state,
            );
        }
    }

    fn check_redemption(&self, found: &mut Findings) {
        if let Some(draw) = &self.store_credit {
            let most = if self.invoices.is_empty() && !self.is_over() { self.total_minor() } else { 0 };
            let is = draw.set_aside_minor;
            found.ensure("D5", self.id, (0..=most).contains(&is), &format!("at most {most} set aside"), is);
        }
        let others = self.payments.iter().filter(|it| match &it.means {
            Means::StoreCredit(code) => self.store_credit.as_ref().is_none_or(|it| it.code != *code),
            Means::Provider(_) | Means::ByHand { .. } => false,
        });
        found.ensure(
            "D5",
            self.id,
            others.count() == 0,
            "paid with the store credit that it named",
            "others",
        );
        let Some(redemption) = &self.redemption else { return };
        let ordered = self.lines.iter().filter(|it| it.added_by_change.is_none());
        let goods: i64 = ordered.map(|it| it.amounts.gross_minor - it.amounts.discount_minor).sum();
        let should = redemption.discount_on(goods);
        let is = self.discount.map_or_else(|| "none".to_owned(), |it| format!("{it:?}"));
        found.ensure("M2", self.id, self.discount == Some(should), &format!("{should:?}"), is);
        let minimum = redemption.minimum_minor;
        found.ensure("M2", self.id, goods >= minimum, &format!("goods worth at least {minimum}"), goods);
        let ended_early = self.ended_early().is_some();
        let expected = if ended_early { "its discount code given back" } else { "its discount code held" };
        let given_back = redemption.given_back_at.is_some();
        found.ensure("D5", self.id, given_back == ended_early, expected, "the other way");
    }

    fn check_payments(&self, found: &mut Findings) {
        for payment in &self.payments {
            let Payment { id, captured_minor: captured, amount, .. } = payment;
            let should = if payment.state == PaymentState::Captured { amount.minor } else { 0 };
            found.ensure("M3", id, *captured == should, &should.to_string(), captured);
            let back = payment.refunded_minor();
            found.ensure(
                "M3",
                id,
                (0..=*captured).contains(&back),
                &format!("0 to {captured} paid back"),
                back,
            );
            let positive =
                payment.refunds.iter().all(|it| it.amount.minor > 0 && it.amount.currency == amount.currency);
            found.ensure("M3", id, positive, "refunds above zero in the payment's currency", "others");
            let handed = payment.refunds.iter().filter(|it| it.handed_back.is_some());
            let done = handed.clone().all(|it| it.state == RefundState::Succeeded);
            found.ensure("M3", id, done, "what a person gave back given back", handed.count());
            found.ensure(
                "M1",
                id,
                amount.currency == self.amounts.currency,
                "the order's currency",
                amount.currency,
            );
            let tendered = match payment.means {
                Means::ByHand { tendered_minor: Some(tendered), .. } => tendered,
                Means::ByHand { tendered_minor: None, .. } | Means::Provider(_) | Means::StoreCredit(_) => {
                    amount.minor
                }
            };
            found.ensure("M3", id, tendered >= amount.minor, "at least the amount tendered", tendered);

            found.ensure(
                "M4",
                id,
                !payment.state.is_final() || payment.request.is_none(),
                "no request of a payment that is over",
                payment.state,
            );
            let asked = payment.request.is_some() || payment.state != PaymentState::Pending;
            found.ensure("M4", id, asked, "a request behind a pending payment", "none");
            let invoiced =
                self.invoices.iter().any(|it| it.id == payment.invoice && it.issued_at <= payment.created_at);
            found.ensure("T3", id, invoiced, "an invoice issued before the payment", payment.invoice);
        }
        let requests = self.payments.iter().filter(|it| it.request.is_some()).count();
        found.ensure("M4", self.id, requests <= 1, "at most 1 open request", requests);
        let (captured, invoiced) = (self.captured_minor(), self.invoiced_minor());
        found.ensure("M3", self.id, captured <= invoiced, &format!("at most {invoiced} captured"), captured);
    }

    fn check_reservations(&self, found: &mut Findings) {
        let open = self.reservations.iter().filter(|it| it.is_open()).count();
        found.ensure("S6", self.id, open <= 1, "at most 1 open reservation", open);
        found.ensure(
            "S6",
            self.id,
            open == 0 || self.current_reservation().is_some(),
            "the last one open",
            "another",
        );
        for reservation in &self.reservations {
            reservation.check(found);
            found.ensure(
                "S6",
                reservation.id,
                reservation.order == Some(self.id),
                "of this order",
                "of another",
            );
        }
    }

    fn check_shipments(&self, found: &mut Findings) {
        for shipment in &self.shipments {
            shipment.check(found);
        }
        let numbered = self.shipments.iter().zip(1..).all(|(it, number)| it.number == number);
        found.ensure("S7", self.id, numbered, "shipments numbered 1…n", "others");

        let approved_at = self.granted(Gate::Payment).and_then(|it| it.decided_at);
        for line in &self.lines {
            let key = format!("{} line {}", self.id, line.number);
            let done_in_turn = line.done.as_ref().is_none_or(|it| {
                line.is_service() && approved_at.is_some_and(|approved_at| approved_at <= it.at)
            });
            found.ensure("T3", &key, done_in_turn, "only services done, after the approved payment", "else");
            let to_ship = if line.is_service() { 0 } else { line.ready_quantity() };
            let units = |of: &dyn Fn(&Shipment) -> bool, what: fn(&ShipmentItem) -> i64| -> i64 {
                let items = self.live_shipments().filter(|it| of(it)).flat_map(|it| &it.items);
                items.filter(|it| it.line == line.number).map(what).sum()
            };
            let planned = units(&|_| true, ShipmentItem::remaining);
            let any = self.live_shipments().next().is_some();
            // What a change added is planned once it is paid and approved, and nothing holds the order.
            let waits = planned == 0
                && (self.awaits_its_change(line) || (line.added_by_change.is_some() && self.on_hold()));
            found.ensure(
                "S7",
                &key,
                !any || waits || planned == to_ship,
                "every wanted unit in a shipment, once",
                planned,
            );
            let shipped = units(&|it| it.handover.is_some(), |it| it.packed);
            let items = self.reservations.iter().flat_map(|it| &it.items).filter(|it| it.line == line.number);
            let consumed: i64 = items.map(|it| it.consumed).sum();
            found.ensure(
                "S7",
                &key,
                shipped == consumed,
                &format!("{consumed} units shipped, as left stock"),
                shipped,
            );
            let given_up = units(&|_| true, |it| it.cancelled);
            let most = to_ship + given_up;
            found.ensure("S7", &key, shipped <= most, &format!("at most {most} shipped"), shipped);
        }
    }

    fn check_approvals(&self, found: &mut Findings) {
        let of_events = self.hands.iter().all(|it| it.since <= self.last_event);
        let noted = of_events && kind_beyond_limit(&self.hands).is_none();
        found.ensure("T4", self.id, noted, "hands as many as are kept, in its history", self.hands.len());
        for approval in &self.approvals {
            let Approval { id, state, decided_by, decided_at, expires_at, requested_by, .. } = approval;
            let Approval { decided_principal, decided_event, .. } = approval;
            let decided = *state != ApprovalState::Pending;
            let both = decided_by.is_some() == decided && decided_at.is_some() == decided;
            found.ensure("T4", id, both, "who and when together with the decision", state);
            if matches!(state, ApprovalState::Approved | ApprovalState::Rejected) {
                let other = decided_by.as_ref().is_none_or(|it| !it.is_same_person(requested_by));
                found.ensure("T4", id, other, "another actor than the requester", requested_by);
                let person = Person {
                    name: decided_by.clone().unwrap_or_else(Actor::system),
                    principal: decided_principal.clone(),
                };
                // One that was decided before hands were kept says no event.
                let asker = self.askers(approval).find(|it| decided_event.is_some() && it.may_be_of(&person));
                let whose = asker.map_or("nobody", |it| it.person.as_str());
                found.ensure("T4", id, asker.is_none(), "decided without a hand in the order", whose);
                let in_time = expires_at.is_none_or(|end| decided_at.is_some_and(|at| at < end));
                found.ensure("T4", id, in_time, "decided before it expired", "later");
            }
            if *state == ApprovalState::AutoApproved {
                let policy = decided_by.as_ref().is_some_and(Actor::is_system);
                found.ensure("T4", id, policy, "approved by the policy", "by a person");
            }
            // What was decided stands when a part of the order is cancelled later.
            let (total, asked) = (self.total_minor(), approval.amount.minor);
            let cancelled: i64 = self.line_cancellations.iter().map(|it| it.value_minor).sum();
            let cancelled = cancelled + self.refunded_value_minor();
            // So it does when a change adds to it: what asks for more is asked again.
            let added = self.lines.iter().filter(|it| it.added_by_change.is_some());
            let added: i64 = added.map(|it| it.amounts.total_minor).sum();
            let outcomes = || self.changes.iter().filter_map(|it| it.outcome.as_ref());
            let added = added + outcomes().map(|it| it.raised_minor).sum::<i64>();
            let cancelled = cancelled + outcomes().map(|it| it.lowered_minor).sum::<i64>();
            let fits = asked == total || (decided && (total - added..=total + cancelled).contains(&asked));
            found.ensure("T4", id, fits, &format!("asked over {total}"), approval.amount);
        }
    }

    /// The gates that an order has passed follow from its state; of an archived one from its state before.
    fn check_gates(&self, found: &mut Findings) {
        let Some(rank) = rank(self.archived_from.unwrap_or(self.state)) else { return };
        let gate = |found: &mut Findings, least: u8, holds: bool, what: &str| {
            found.ensure("T3", self.id, rank < least || holds, what, self.state);
        };
        let verified = !self.checks.is_empty() && self.checks.iter().all(|it| it.verdict != Verdict::Failed);
        gate(found, VERIFIED, verified, "no rule that stops an order failed");
        // Services need no stock, and so no approval of it.
        let services = self.has_only_services();
        let reserved = services || !self.reservations.is_empty();
        gate(found, RESERVED, reserved, "a reservation, unless of services only");
        let approved = services || self.granted(Gate::Reservation).is_some();
        gate(found, APPROVED, approved, "an approved reservation");
        gate(found, INVOICED, !self.invoices.is_empty(), "an invoice");
        let paid = self.main_invoice().is_some_and(|it| it.state == InvoiceState::Paid);
        let settled = self.due_minor() == 0 || self.has_open_supplements();
        gate(found, PAID, paid && settled, "all that is due, captured, but for what changes added");
        gate(found, PAYMENT_APPROVED, self.granted(Gate::Payment).is_some(), "an approved payment");
        gate(found, FULFILLING, services == self.shipments.is_empty(), "shipments, unless of services only");

        let at = [
            ("received", Some(self.created_at)),
            ("reserved", self.reservations.last().map(|it| it.created_at)),
            ("reservation approved", self.granted(Gate::Reservation).and_then(|it| it.decided_at)),
            ("invoiced", self.main_invoice().map(|it| it.issued_at)),
            ("paid", self.main_invoice().filter(|_| paid).and_then(|it| it.settled_at)),
            ("payment approved", self.granted(Gate::Payment).and_then(|it| it.decided_at)),
            ("shipments planned", self.shipments.first().map(|it| it.created_at)),
        ];
        let times: Vec<_> = at.into_iter().filter_map(|(what, at)| at.map(|at| (what, at))).collect();
        for pair in times.windows(2) {
            if let [(first, earlier), (second, later)] = pair {
                found.ensure("T3", self.id, earlier <= later, &format!("{first} before {second}"), later);
            }
        }
    }

    fn granted(&self, gate: Gate) -> Option<&Approval> {
        let granted =
            |it: &&Approval| matches!(it.state, ApprovalState::Approved | ApprovalState::AutoApproved);
        self.approval(gate).filter(granted)
    }

    fn check_state(&self, found: &mut Findings) {
        let mut ensure =
            |holds: bool, expected: &str| found.ensure("T7", self.id, holds, expected, self.state);
        let reservation = self.current_reservation().map(|it| it.state);
        let handed = self.live_shipments().filter(|it| it.handover.is_some()).count();
        let delivered = self.live_shipments().filter(|it| it.state == ShipmentState::Delivered).count();
        let all = self.live_shipments().count();
        let wanted = self.wanted_shipments().count();
        let unplanned = !self.is_planned_whole();
        let invoice = self.main_invoice().map(|it| it.state);
        match self.state {
            OrderState::Received => {
                let of_cart = reservation == Some(ReservationState::Held) && self.holds_a_cart();
                ensure(reservation.is_none() || of_cart, "no stock but a cart's that was taken over");
                ensure(invoice.is_none() && all == 0, "nothing invoiced or planned");
            }
            OrderState::Verified | OrderState::AwaitingStock => {
                let none = reservation.is_none() && invoice.is_none() && all == 0;
                ensure(none, "nothing reserved, invoiced or planned");
            }
            OrderState::Reserved | OrderState::ReservationApproved => {
                ensure(reservation == Some(ReservationState::Held), "a reservation of stock");
                ensure(self.has_all_set_aside(), "all of it set aside");
                ensure(invoice.is_none() && all == 0, "nothing invoiced or planned");
            }
            OrderState::Invoiced => {
                ensure(reservation == Some(ReservationState::Held), "a reservation of stock");
                ensure(self.on_hold() || self.has_all_set_aside(), "all of it set aside, or a hold");
                ensure(invoice == Some(InvoiceState::Open) && all == 0, "an open invoice, nothing planned");
            }
            OrderState::PaymentCaptured | OrderState::PaymentApproved => {
                ensure(reservation == Some(ReservationState::Confirmed), "confirmed stock");
                ensure(self.on_hold() || self.has_all_set_aside(), "all of it set aside, or a hold");
                ensure(all == 0, "nothing planned");
            }
            OrderState::Fulfilling => {
                ensure(reservation == Some(ReservationState::Confirmed), "confirmed stock");
                ensure((all > 0 || unplanned) && handed == 0, "shipments, none handed over");
            }
            OrderState::PartiallyShipped => {
                ensure(reservation == Some(ReservationState::PartiallyConsumed), "stock for the rest");
                ensure(handed > 0 && (handed < all || unplanned), "some of the shipments handed over");
            }
            OrderState::Shipped => ensure(all > 0 && handed == all, "every shipment handed over"),
            OrderState::PartiallyDelivered => {
                ensure(delivered > 0 && (delivered < wanted || unplanned), "some of the shipments delivered");
            }
            OrderState::Delivered => {
                ensure(wanted > 0 && delivered == wanted && !unplanned, "every wanted shipment delivered");
                ensure(
                    self.delivered_at.is_some() && self.feedback.is_some(),
                    "when, and asked for feedback",
                );
            }
            OrderState::Closed => {
                ensure(self.closed_at.is_some(), "when it was closed");
                ensure(self.open_services().next().is_none(), "every service done");
                ensure(
                    self.live_shipments().all(|it| it.state.is_handed_over()),
                    "every shipment on its way or over",
                );
            }
            OrderState::Archived => {}
            OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => {
                ensure(all == 0, "every shipment cancelled");
                ensure(invoice != Some(InvoiceState::Open), "no open invoice");
            }
        }
    }

    fn check_archive(&self, found: &mut Findings) {
        let (from, at) = (self.archived_from.is_some(), self.archived_at.is_some());
        let (holds, expected) = match self.is_archived() {
            true => (from && at, "when, and from which state"),
            false => (!from && !at, "no earlier state but of an archived order"),
        };
        found.ensure("T7", self.id, holds, expected, self.state);
    }

    fn check_end(&self, found: &mut Findings) {
        if !self.is_over() {
            return;
        }
        let mut ensure =
            |holds: bool, expected: &str| found.ensure("T5", self.id, holds, expected, self.state);
        ensure(self.current_reservation().is_none(), "no open reservation");
        ensure(!self.on_hold(), "no active hold");
        ensure(!self.is_late(), "no slip that stands");
        ensure(self.approvals.iter().all(|it| it.state != ApprovalState::Pending), "no pending approval");
        ensure(self.open_change().is_none(), "no open change");

        // Money and goods may still go back, with their letters.
        let settled = self.is_archived();
        let coming = |it: &Payment| it.request.is_some() || it.state == PaymentState::Authorized;
        ensure(!settled || !self.payments.iter().any(coming), "no payment under way");
        let queued = |it: &Message| it.state == MessageState::Queued && !is_of_what_goes_back(it.kind);
        ensure(
            !settled || !self.messages.iter().any(queued),
            "no message to be sent but of refunds and returns",
        );
        let again = self.feedback.as_ref().is_some_and(|it| it.asked_again > 0);
        ensure(!self.awaits_feedback() || (again && !settled), "no question but one asked again");
        let end = self.archived_from.unwrap_or(self.state);
        let undone = matches!(end, OrderState::Rejected | OrderState::Cancelled | OrderState::Expired);
        ensure(
            !undone || !settled || self.captured_minor() - self.refunded_minor() <= self.retained_minor(),
            "all captured money paid back, but what is kept",
        );
        ensure(!undone || self.live_shipments().next().is_none(), "every shipment cancelled");
    }

    fn check_messages(&self, found: &mut Findings) {
        let mut keys = BTreeSet::new();
        for message in &self.messages {
            found.ensure(
                "L4",
                message.id,
                keys.insert(message.key.as_str()),
                "a key of its own",
                &message.key,
            );
            let mut ensure = |holds: bool, expected: &str| {
                found.ensure("L4", message.id, holds, expected, message.state);
            };
            let was_sent = message.state == MessageState::Sent;
            // One that is sent again keeps the time of before.
            let timed = message.sent_at.is_some() == was_sent || (message.resends > 0 && !was_sent);
            ensure(timed, "a time of sending if and only if it was sent");
            let failed = message.state == MessageState::Failed;
            ensure(message.failed_at.is_some() == failed, "a time of failure if and only if it failed");
            let suppressed = message.state == MessageState::Suppressed;
            let says_why = message.suppressed.is_some() && !message.failure.is_empty();
            ensure(message.suppressed.is_some() == suppressed, "a reason if and only if it was suppressed");
            ensure(!suppressed || says_why, "a reason in words");
        }
        let told = |kind: MessageKind| self.messages.iter().any(|it| it.kind == kind);
        found.ensure("L4", self.id, told(MessageKind::OrderReceived), "told that it was received", "not");
        found.ensure(
            "L4",
            self.id,
            self.invoices.is_empty() || told(MessageKind::InvoiceIssued),
            "sent the invoice",
            "not",
        );
        let cancellations = self.messages.iter().filter(|it| it.kind == MessageKind::OrderLinesCancelled);
        let as_many = cancellations.count() == self.line_cancellations.len();
        found.ensure("L4", self.id, as_many, "told once of each part that was cancelled", "else");
        let told_of = |nth: i64| {
            self.messages.iter().any(|it| it.kind == MessageKind::ChangeProposed && it.sequence == nth)
        };
        for change in &self.changes {
            // One of before the letters were numbered says no number.
            let untold = change.proposal.as_ref().filter(|it| it.told > 0 && !told_of(it.told));
            found.ensure("L4", change.id, untold.is_none(), "told what was proposed", "not");
        }
        let delivered = self.delivered_at.is_none() || told(MessageKind::DeliveryConfirmed);
        found.ensure("L4", self.id, delivered, "told that it was delivered", "not");
        for shipment in self.live_shipments().filter(|it| it.handover.is_some()) {
            let told = self
                .messages
                .iter()
                .any(|it| it.kind == MessageKind::Shipped && it.shipment == Some(shipment.id));
            found.ensure("L4", shipment.id, told, "told that it was shipped", "not");
        }
    }
}

fn is_of_what_goes_back(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::RefundIssued
            | MessageKind::ReturnAuthorized
            | MessageKind::ReturnDeclined
            | MessageKind::ReturnReceived
            | MessageKind::ReturnResolved
    )
}

const VERIFIED: u8 = 1;

const RESERVED: u8 = 2;

const APPROVED: u8 = 3;

const INVOICED: u8 = 4;

const PAID: u8 = 5;

const PAYMENT_APPROVED: u8 = 6;

const FULFILLING: u8 = 7;

/// How many gates an order in this state has passed; None: the state does not tell.
fn rank(state: OrderState) -> Option<u8> {
    match state {
        OrderState::Received => Some(0),
        OrderState::Verified | OrderState::AwaitingStock => Some(VERIFIED),
        OrderState::Reserved => Some(RESERVED),
        OrderState::ReservationApproved => Some(APPROVED),
        OrderState::Invoiced => Some(INVOICED),
        OrderState::PaymentCaptured => Some(PAID),
        OrderState::PaymentApproved => Some(PAYMENT_APPROVED),
        OrderState::Fulfilling
        | OrderState::PartiallyShipped
        | OrderState::Shipped
        | OrderState::PartiallyDelivered
        | OrderState::Delivered
        | OrderState::Closed => Some(FULFILLING),
        OrderState::Archived | OrderState::Rejected | OrderState::Cancelled | OrderState::Expired => None,
    }
}
