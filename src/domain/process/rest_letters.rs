//! What the customer hears of units that wait while others go: when they are expected, each date once.

use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::time::Timestamp;
use crate::domain::process::slips::unless_zero;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many letters an order gets about what it waits for: a delivery that is put off again and again must not flood
/// anybody.
const LETTERS_MAX: usize = 10;

impl Order {
    /// A letter that is not written yet will name the present date, so that date counts as told and needs no other letter.
    pub(super) fn note_rest_date_told(&mut self) {
        if !self.waits_for_rest() {
            self.rest_date_told = None;
        } else if self.letters_about_waiting().any(is_unwritten) {
            self.rest_date_told = self.rest_expected_at();
        }
    }

    /// Tells the customer the expected date, if none was told yet or it has moved by more than the rules let pass.
    pub(super) fn tell_rest(&mut self, unit: &mut UnitOfWork) {
        let has_room = self.letters_about_waiting().count() < LETTERS_MAX;
        if has_room && self.moved_rest(unit.rules).is_some() {
            self.tell_waiting(unit);
        }
    }

    /// The expected date, if no date was told yet, or if the one told is earlier or later by more than the rules let pass.
    fn moved_rest(&self, rules: &Rules) -> Option<Timestamp> {
        let after = unless_zero(rules.slips.estimate_moved_seconds)?;
        let expected = self.rest_expected_at().filter(|_| self.waits_for_rest())?;
        let has_moved = |told: Timestamp| expected > told.plus(after) || expected.plus(after) < told;
        self.rest_date_told.is_none_or(has_moved).then_some(expected)
    }

    /// Why a letter about waiting is not worth sending any more.
    pub(super) fn outdates_waiting(&self, message: &Message) -> Option<&'static str> {
        if !self.waits_for_stock() {
            return Some("the order does not wait for stock now");
        }
        let is_later = |it: &Message| it.sequence > message.sequence;
        let is_told_since = self.waits_for_rest() && self.letters_about_waiting().any(is_later);
        is_told_since.then_some("another date has been told since")
    }

    fn letters_about_waiting(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|it| it.kind == MessageKind::AwaitingStock)
    }
}

/// From its first try on, what a letter says stays.
fn is_unwritten(letter: &Message) -> bool {
    letter.state == MessageState::Queued && !letter.text_kept
}
