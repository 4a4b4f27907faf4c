//! The timeline: one line per step.

use crate::domain::model::availability::{AvailabilityFound, LineAvailability};
use crate::domain::model::event::Event;
use crate::domain::model::hold::HoldState;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::message::Message;
use crate::domain::model::order::Order;
use crate::domain::model::shipment::Shipment;
use crate::domain::model::time::Timestamp;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::process::timeline::order_history::OrderHistory;
use crate::domain::process::timeline::plan::{end_early, plan};
use crate::domain::process::timeline::steps::{Detail, Step, StepLine, StepState};

/// All twenty steps of an order, in order. Without events times and actors are those that the facts tell.
pub fn timeline(order: &Order, events: &[Event], now: Timestamp) -> Vec<StepLine> {
    let history = OrderHistory { order, events, detail: Detail::WithEvidence };
    let mut lines: Vec<StepLine> = Step::ALL.iter().map(|it| history.line(*it)).collect();
    plan(order, &mut lines);
    if order.ended_early().is_some() {
        end_early(order, &mut lines);
    } else if let Some(note) = order.hold_note() {
        let stopped = lines.iter_mut().find(|it| it.is_open() && order.heeds_holds_at(it.step));
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
        let history = OrderHistory { order: self, events: &[], detail: Detail::StateOnly };
        let line = Step::ALL.iter().map(|it| history.line(*it)).find(StepLine::is_open)?;
        let held = self.hold_note().filter(|_| self.heeds_holds_at(line.step));
        Some((line.step, held.unwrap_or(line.note)))
    }

    /// Whether an active hold stops this step: services wait for it too.
    pub(in crate::domain::process) fn heeds_holds_at(&self, step: Step) -> bool {
        step.waits_for_holds() || (step == Step::ConfirmToCustomer && self.awaits_only_services())
    }

    /// Whether there is nothing to ship, and a service to be done.
    pub(in crate::domain::process) fn awaits_only_services(&self) -> bool {
        self.has_only_services() && self.open_services().next().is_some()
    }

    /// What an active hold says, if there is one.
    fn hold_note(&self) -> Option<String> {
        let hold = self.holds.iter().find(|it| it.state == HoldState::Active)?;
        Some(format!("hold {} ({}): {}", hold.id, hold.reason, hold.note))
    }

    pub(super) fn is_paid(&self) -> bool {
        self.main_invoice().is_some_and(|it| it.state == InvoiceState::Paid)
    }

    /// The shipments that tell how far the work went: the wanted ones, and the live ones when no other is wanted; all
    /// when the order was cancelled.
    pub(super) fn told_shipments(&self) -> Vec<&Shipment> {
        let wanted: Vec<&Shipment> = self.wanted_shipments().collect();
        match self.ended_early() {
            Some(_) => self.shipments.iter().collect(),
            None if wanted.is_empty() => self.live_shipments().collect(),
            None => wanted,
        }
    }
}

/// How many shipments are named in one note; the rest is counted.
const SHIPMENTS_NAMED: usize = 3;

/// The next call for each of these shipments, by name.
pub(super) fn next_calls(shipments: &[&Shipment]) -> Option<String> {
    let mut calls = shipments.iter().filter_map(|it| Some((it.next_call()?, it.id)));
    let named = calls.by_ref().take(SHIPMENTS_NAMED);
    let mut words: Vec<String> = named.map(|(call, id)| format!("{call} for shipment {id}")).collect();
    match calls.count() {
        0 => {}
        more => words.push(format!("and {more} more")),
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// The call that the services wait for that are not done.
pub(super) fn service_call(order: &Order) -> String {
    format!("CompleteServiceLine for {}", order.open_services_named())
}

pub(super) fn service_words(order: &Order) -> Vec<String> {
    let done = order.services().filter_map(|it| Some((it.number, it.done.as_ref()?)));
    let words = done.map(|(line, done)| {
        let evidence = match done.proof_reference.as_str() {
            "" => String::new(),
            evidence => format!(": {evidence}"),
        };
        format!("line {line}: done at {} by {}{evidence}", done.at, done.by)
    });
    words.collect()
}

pub(super) fn availability_words(found: &AvailabilityFound) -> Vec<String> {
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

/// What was promised, and when the goods arrive as it was last looked at, with the reason.
pub(super) fn promise_words(order: &Order) -> Vec<String> {
    let zone = TimeZone::of_address(&order.shipping_address).unwrap_or_else(TimeZone::utc);
    let said = |at: Timestamp| format!("{} ({zone})", zone.clock().words(at));
    let promised = order.promised_by.map(|it| format!("promised by {}", said(it)));
    let legs = order.promise.iter().flat_map(|it| it.legs.iter().map(|leg| leg.why.clone()));
    promised.into_iter().chain(legs).collect()
}

pub(super) fn confirmation_words(letter: &Message, order: &Order) -> Vec<String> {
    let mut words = vec![format!("{}: {}", letter.id, letter.state.as_str().to_lowercase())];
    if let Some(feedback) = &order.feedback {
        words.push(format!("feedback {}", feedback.state.as_str().to_lowercase().replace('_', " ")));
        if feedback.discount_ppm > 0 {
            let percent = f64::from(feedback.discount_ppm) / 10_000.0;
            words.push(format!("{percent} % off the next purchase offered"));
        }
    }
    words.extend(follow_up_words(order));
    words
}

/// What is done about a bad rating.
pub(super) fn follow_up_words(order: &Order) -> Option<String> {
    let follow_up = order.follow_up.as_ref()?;
    Some(match &follow_up.closed {
        None => format!("{}: a bad rating is to be followed up", follow_up.id),
        Some(end) => format!("{}: a bad rating was followed up by {}", follow_up.id, end.by),
    })
}
