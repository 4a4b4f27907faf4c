//! What an order's customer wants to be told.

use std::collections::BTreeSet;

use crate::domain::model::event::EventKind;
use crate::domain::model::message::{MessageKind, Suppression, SuppressionReason};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Sets which kinds of messages the customer does not want about this order; those that wait are not sent any more.
#[derive(Debug, Clone)]
pub struct SetNotificationPreference {
    pub target: Target,
    /// All of them: a kind that is left out is wanted.
    pub unwanted: BTreeSet<MessageKind>,
}

impl OrderCommand for SetNotificationPreference {
    const NAME: &'static str = "SetNotificationPreference";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.set_unwanted_messages(unit, &self.unwanted)
    }
}

/// Well below what an order may have that is still verified: wishes without end would leave it no way on.
const ENTRIES_MAX: i64 = 400;

impl Order {
    pub fn set_unwanted_messages(
        &mut self,
        unit: &mut UnitOfWork,
        unwanted: &BTreeSet<MessageKind>,
    ) -> Result<(), Refusal> {
        let mut bad = Problems::default();
        for kind in unwanted.iter().filter(|it| !it.may_be_unwanted()) {
            bad.add(
                "unwanted_kinds",
                format!("{kind} cannot be switched off: the law or the contract needs it"),
            );
        }
        bad.into_result()?;
        if self.is_archived() {
            return Err(self.out_of_turn("set what the customer wants to be told"));
        }
        if self.unwanted_messages == *unwanted {
            return Ok(());
        }
        if self.state == OrderState::Received && self.last_event >= ENTRIES_MAX {
            let message = format!(
                "before it is verified, an order takes wishes until its history has {ENTRIES_MAX} entries"
            );
            return Err(self.unmet(Reason::LimitReached, message));
        }

        self.unwanted_messages.clone_from(unwanted);
        let words: Vec<&str> = unwanted.iter().map(|it| it.as_str()).collect();
        let text = match words.is_empty() {
            true => "the customer wants all messages".to_owned(),
            false => format!("the customer does not want {}", words.join(", ")),
        };
        self.record(unit, EventKind::NotificationPreferenceSet, None, text);
        let why = "the customer does not want messages of this kind";
        let suppression = Suppression::new(SuppressionReason::NotWanted, why);
        self.suppress_queued(unit, |it| unwanted.contains(&it.kind), &suppression)
    }
}
