//! Invariants of the events of an order.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::invariants::findings::{Findings, Violation};
use crate::domain::model::chain::{ChainBreak, first_break};
use crate::domain::model::event::{Event, Machine};
use crate::domain::model::hold::HoldState;
use crate::domain::model::invoice::Invoice;
use crate::domain::model::order::Order;
use crate::domain::model::scalars::OrderId;
use crate::domain::model::states::{State, legal};

/// Every law of an order's history: numbering, times, the chain of its events, and that each machine's steps are legal, join up
/// and lead to the state its subject has.
pub fn history_violations(order: &Order, events: &[Event]) -> Vec<Violation> {
    let mut found = Findings::default();
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    found.ensure("L1", order.id, count == order.last_event, &format!("{} events", order.last_event), count);
    for (event, number) in events.iter().zip(1..) {
        let key = format!("{} event {}", order.id, event.sequence);
        found.ensure(
            "L1",
            &key,
            event.sequence == number && event.order == order.id,
            &format!("event {number}"),
            event.sequence,
        );
    }
    for pair in events.windows(2) {
        if let [before, after] = pair {
            let key = format!("{} event {}", order.id, after.sequence);
            found.ensure("L2", key, before.at <= after.at, &format!("not before {}", before.at), after.at);
        }
    }
    let broken = first_break(order.id, order.last_link, events);
    found.0.extend(broken.map(|it| chain_violation(order.id, it)));

    let mut last: HashMap<(Machine, Uuid), &str> = HashMap::new();
    for event in events {
        let Some(step) = &event.transition else { continue };
        let key = format!("{} {} event {}", step.machine, step.subject, event.sequence);
        let known = legal(step.machine, &step.from, &step.to);
        found.ensure("T1", &key, known, "a transition of the table", format!("{} to {}", step.from, step.to));
        let before = last.insert((step.machine, step.subject), &step.to).unwrap_or_default();
        found.ensure("T2", &key, before == step.from, before, &step.from);
    }
    for (machine, subject, state) in order.subjects() {
        let told = last.remove(&(machine, subject)).unwrap_or_default();
        found.ensure("T2", format!("{machine} {subject}"), told == state, state, told);
    }
    for ((machine, subject), state) in last {
        // A proposal to buy outlives the order that made it.
        let elsewhere = machine == Machine::Replenishment;
        found.ensure("T2", format!("{machine} {subject}"), elsewhere, "a part of the order", state);
    }
    found.0
}

/// What breaks the law of the chain of an order's events.
pub fn chain_violation(order: OrderId, broken: ChainBreak) -> Violation {
    let ChainBreak { sequence, what } = broken;
    Violation {
        law: "L6",
        key: format!("{order} event {sequence}"),
        expected: "the event as it was linked".to_owned(),
        actual: what.to_owned(),
    }
}

impl Order {
    /// Everything of the order that has a state, with it.
    fn subjects(&self) -> Vec<(Machine, Uuid, &'static str)> {
        fn stands<S: State>(id: impl Into<Uuid>, state: S) -> (Machine, Uuid, &'static str) {
            (S::MACHINE, id.into(), state.as_str())
        }
        let mut all = vec![stands(self.id.0, self.state)];
        all.extend(self.holds.iter().map(|it| stands::<HoldState>(it.id.0, it.state)));
        all.extend(self.approvals.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.reservations.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.invoices.iter().map(|it: &Invoice| stands(it.id.0, it.state)));
        all.extend(self.changes.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.payments.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.returns.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.payments.iter().flat_map(|it| &it.refunds).map(|it| stands(it.id.0, it.state)));
        all.extend(self.shipments.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.messages.iter().map(|it| stands(it.id.0, it.state)));
        all.extend(self.feedback.iter().map(|it| stands(self.id.0, it.state)));
        all.extend(self.follow_up.iter().map(|it| stands(it.id.0, it.state())));
        all
    }
}
