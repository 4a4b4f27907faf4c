//! The outcome of sending a message.

use std::time::Duration;

use crate::domain::billing::pay::FAILURE_MAX;
use crate::domain::model::backoff::backoff;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::{MessageKind, MessageState, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::MessageId;
use crate::domain::unit::journal::{cut, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The longest pause between two tries of the same outbound task.
pub(in crate::domain) const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The longest pause between two tries of a letter: a mail relay may be away for hours.
const LETTER_PAUSE_MAX: Duration = Duration::from_secs(300);

/// No letter is given up after fewer tries than this, however old it is: we may have been away ourselves.
const LETTER_ATTEMPTS_MIN: u32 = 8;

impl Order {
    pub(in crate::domain) fn suppress_messages(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        for index in 0..self.messages.len() {
            let message = &mut self.messages[index];
            if message.state == MessageState::Queued && message.kind != MessageKind::RefundIssued {
                let step = step_between(message.id.0, message.state, MessageState::Suppressed)?;
                message.state = MessageState::Suppressed;
                let text = format!("message {} not sent: the order is over", message.kind);
                self.record(unit, EventKind::MessageSuppressed, Some(step), text);
            }
        }
        Ok(())
    }

    /// Keeps what a message said from its first try on: a later one says the same.
    pub(in crate::domain) fn keep_text(
        &mut self,
        unit: &mut UnitOfWork,
        id: MessageId,
        text: Option<&MessageText>,
    ) {
        let message = self.messages.iter_mut().find(|it| it.id == id);
        let Some(message) = message.filter(|it| it.attempts > 0 && !it.text_kept) else { return };
        if let Some(text) = text {
            message.text_kept = true;
            unit.changes.message_texts.push((id, text.clone()));
        }
    }

    /// A message was sent, or could not be. One that may go later waits with growing pauses until it is too old.
    pub fn answer_message(
        &mut self,
        unit: &mut UnitOfWork,
        id: MessageId,
        sent: Result<(), Unsent>,
    ) -> Result<(), Refusal> {
        let index = self
            .messages
            .iter()
            .position(|it| it.id == id)
            .ok_or_else(|| Refusal::not_found("message", id))?;
        let lifetime = unit.rules.message_lifetime();
        let message = &mut self.messages[index];
        if message.state != MessageState::Queued {
            return Ok(());
        }
        message.attempts += 1;
        message.failure =
            sent.as_ref().err().map(|it| cut(it.why().to_owned(), FAILURE_MAX)).unwrap_or_default();
        let (to, kind) = match sent {
            Ok(()) => {
                message.sent_at = Some(unit.now);
                (MessageState::Sent, EventKind::MessageSent)
            }
            Err(Unsent::Later(_)) => {
                let gives_up_at = message.created_at.plus(lifetime);
                let next = unit.now.plus(backoff(message.attempts, LETTER_PAUSE_MAX));
                if unit.now < gives_up_at {
                    message.due_at = next.min(gives_up_at);
                    return Ok(());
                }
                if message.attempts < LETTER_ATTEMPTS_MIN {
                    message.due_at = next;
                    return Ok(());
                }
                (MessageState::Failed, EventKind::MessageFailed)
            }
            Err(Unsent::Refused(_)) => (MessageState::Failed, EventKind::MessageFailed),
            Err(Unsent::Suppressed(_)) => (MessageState::Suppressed, EventKind::MessageSuppressed),
        };
        let step = step_between(id.0, message.state, to)?;
        message.state = to;
        let text = match message.failure.as_str() {
            "" => format!("message {} {to}", message.kind),
            why => format!("message {} {to}: {why}", message.kind),
        };
        self.record_automatic(unit, kind, Some(step), text);
        Ok(())
    }
}
