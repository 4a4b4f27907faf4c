//! Invariants of what comes back.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::order::Order;
use crate::domain::model::returns::{ReturnLine, ReturnState};

impl Order {
    /// No more comes back than was sold, no unit twice, and a return that is over has an answer for every unit.
    pub(super) fn check_returns(&self, found: &mut Findings) {
        for line in &self.lines {
            let (returned, most) = (self.returned_units(line.number), line.remaining_quantity());
            let key = format!("{} line {}", self.id, line.number);
            let fits = returned == 0 || (!line.is_service() && returned <= most);
            found.ensure("R1", key, fits, &format!("at most {most} in returns"), returned);
        }
        let numbered = self.returns.iter().zip(1..).all(|(it, number)| it.number == number);
        found.ensure("R1", self.id, numbered, "returns numbered 1…n", "others");
        for it in &self.returns {
            let fits = it.lines.iter().all(is_whole);
            found.ensure("R2", it.id, fits, "units inspected as they arrived, none twice", "others");
            let over =
                it.lines.iter().all(|it| it.expected() == 0 && it.uninspected() == 0 && it.unresolved() == 0);
            let closed = it.state == ReturnState::Closed;
            found.ensure("R2", it.id, !closed || over, "every unit accounted for", it.state);
            let when = it.closed_at.is_some() == closed;
            found.ensure("R2", it.id, when, "a time of closing if and only if it is closed", it.state);
        }
    }
}

fn is_whole(line: &ReturnLine) -> bool {
    let parts = [
        line.received,
        line.restocked,
        line.quarantined,
        line.scrapped,
        line.missing,
        line.sent_back,
        line.refunded,
        line.credited,
        line.repaired,
        line.rejected,
    ];
    let left = [line.expected(), line.uninspected(), line.unresolved()];
    line.quantity > 0 && parts.iter().chain(&left).all(|it| *it >= 0)
}
