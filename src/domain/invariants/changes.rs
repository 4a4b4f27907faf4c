//! Invariants of changes: at most one is open, and what is confirmed says what it did.

use crate::domain::invariants::findings::Findings;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::OrderChangeState;

impl Order {
    /// What a change added names it, and what names a change was added by a confirmed one.
    pub(super) fn check_changes(&self, found: &mut Findings) {
        let open = self.changes.iter().filter(|it| it.state.is_open()).count();
        found.ensure("C1", self.id, open <= 1, "at most 1 open change", open);
        for change in &self.changes {
            let confirmed = change.state == OrderChangeState::Confirmed;
            found.ensure(
                "C1",
                change.id,
                change.ended.is_some() != change.state.is_open() && change.outcome.is_some() == confirmed,
                "its end and its outcome by its state",
                change.state,
            );
            let proposed = change.proposal.is_some() || !confirmed;
            found.ensure("C1", change.id, proposed, "proposed before it was confirmed", change.state);
            let added: Vec<i32> = self
                .lines
                .iter()
                .filter(|it| it.added_by_change == Some(change.id))
                .map(|it| it.number)
                .collect();
            let said = change.outcome.as_ref().map_or(&[][..], |it| &it.lines_added);
            found.ensure(
                "C1",
                change.id,
                added == said,
                &format!("lines {said:?} added"),
                format!("{added:?}"),
            );
        }
        for line in &self.lines {
            let known = line.added_by_change.is_none_or(|id| self.changes.iter().any(|it| it.id == id));
            let key = format!("{} line {}", self.id, line.number);
            found.ensure("C1", key, known, "a line of the order or of a change of it", "of another");
        }
    }
}
