//! Messages that people have sent again: one by its id, or those that failed.

use crate::domain::model::event::EventKind;
use crate::domain::model::message::MessageState;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::MessageId;
use crate::domain::unit::command::{Command, OrderCommand, Target, conclude};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// How many failed messages one call queues again.
pub(crate) const RESENT_AT_ONCE_MAX: usize = 100;

/// How often people may have a message sent again before its id is refused. What ResendFailedMessages queues counts too,
/// but is not refused: it is bounded by what has failed.
pub(in crate::domain) const RESENDS_MAX: u32 = 10;

/// Queues a message that was sent or failed once more.
#[derive(Debug, Clone)]
pub struct ResendMessage {
    pub target: Target,
    pub message: MessageId,
}

impl OrderCommand for ResendMessage {
    const NAME: &'static str = "ResendMessage";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.resend(unit, self.message)
    }
}

/// Queues these messages once more, as far as they stand FAILED and their orders are not archived. The output has those
/// that were queued.
#[derive(Debug, Clone)]
pub struct ResendFailedMessages {
    /// At most [`RESENT_AT_ONCE_MAX`].
    pub messages: Vec<MessageId>,
}

impl Command for ResendFailedMessages {
    const NAME: &'static str = "ResendFailedMessages";
    type Output = Vec<MessageId>;

    fn reads(&self) -> ReadSet {
        let parts = self.messages.iter().map(|it| Part::Message(*it)).collect();
        ReadSet { parts, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Vec<MessageId>, Refusal> {
        let mut resent = Vec::new();
        for id in &self.messages {
            let order = unit.order_of(&Part::Message(*id))?;
            let mut order = unit.take_order(order)?;
            let failed = |order: &Order| {
                order.messages.iter().position(|it| it.id == *id && it.state == MessageState::Failed)
            };
            let Some(index) = failed(&order).filter(|_| !order.is_archived()) else { continue };
            order.queue_again(unit, index)?;
            // Found out here: nobody is asked about one message of many.
            if let Some(suppression) = order.suppression_of(order.messages[index].kind) {
                order.suppress_queued(unit, |it| it.id == *id, &suppression)?;
            } else {
                resent.push(*id);
            }
            conclude(order, unit)?;
        }
        Ok(resent)
    }
}

impl Order {
    /// Queues one message once more: the same text, as another e-mail.
    pub fn resend(&mut self, unit: &mut UnitOfWork, id: MessageId) -> Result<(), Refusal> {
        let index = self.messages.iter().position(|it| it.id == id);
        let index = index.ok_or_else(|| Refusal::not_found("message", id))?;
        if self.is_archived() {
            return Err(self.out_of_turn("send a message again"));
        }
        let message = &self.messages[index];
        if !message.state.may_become(MessageState::Queued) {
            let text = format!("the message is {}: only what is SENT or FAILED is sent again", message.state);
            return Err(self.unmet_part(Reason::IllegalTransition, message.state.as_str(), text));
        }
        if message.resends >= RESENDS_MAX {
            let text = format!("a message is sent again at most {RESENDS_MAX} times");
            return Err(self.unmet(Reason::LimitReached, text));
        }
        let outdated = self.outdates(message, unit.rules).map(str::to_owned);
        if let Some(why) = self.suppression_of(message.kind).map(|it| it.why).or(outdated) {
            return Err(self.unmet(Reason::NotSendable, format!("the message is not sent again: {why}")));
        }
        self.queue_again(unit, index)
    }

    fn queue_again(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        let message = &mut self.messages[index];
        let step = step_between(message.id.0, message.state, MessageState::Queued)?;
        message.state = MessageState::Queued;
        message.resends = message.resends.saturating_add(1);
        message.resent_at = Some(unit.now);
        message.due_at = unit.now;
        (message.attempts, message.failed_at) = (0, None);
        message.failure.clear();
        let text = format!("message {} is to be sent again", message.kind);
        self.record(unit, EventKind::MessageQueued, Some(step), text);
        Ok(())
    }
}
