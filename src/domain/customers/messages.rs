//! The outcome of sending a message, and when it is tried again.

use std::time::Duration;

use crate::domain::billing::pay::FAILURE_MAX;
use crate::domain::model::backoff::backoff;
use crate::domain::model::event::EventKind;
use crate::domain::model::message::{Message, MessageKind, MessageState, Suppression, Unsent};
use crate::domain::model::message_text::MessageText;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::MessageId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::journal::{cut, step_between};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The longest pause between two tries of the same outbound task.
pub(in crate::domain) const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The longest pause between two tries of a letter: a mail relay may be away for hours.
const LETTER_PAUSE_MAX: Duration = Duration::from_secs(300);

/// No letter is given up after fewer tries than this, however old it is: we may have been away ourselves.
const LETTER_ATTEMPTS_MIN: u32 = 8;

/// Said of a message that was suppressed while it was being handed over.
const GONE_OUT: &str = "; it was on its way by then and has gone out";

/// The shortest pause of a letter that could not be tried.
const TURN_PAUSE_MIN: Duration = Duration::from_secs(2);

impl Order {
    pub(in crate::domain) fn suppress_messages(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let over = Suppression::outdated("the order is over");
        self.suppress_queued(unit, |it| it.kind != MessageKind::RefundIssued, &over)
    }

    /// Takes messages that wait out of the queue. One that is being handed over at this moment may still go out.
    pub(super) fn suppress_queued(
        &mut self,
        unit: &mut UnitOfWork,
        which: impl Fn(&Message) -> bool,
        suppression: &Suppression,
    ) -> Result<(), Refusal> {
        for index in 0..self.messages.len() {
            let message = &mut self.messages[index];
            if message.state == MessageState::Queued && which(message) {
                let step = step_between(message.id.0, message.state, MessageState::Suppressed)?;
                message.state = MessageState::Suppressed;
                message.suppressed = Some(suppression.reason);
                message.failure.clone_from(&suppression.why);
                let text = format!("message {} not sent: {}", message.kind, suppression.why);
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
        let message = &mut self.messages[index];
        match message.state {
            MessageState::Queued => {}
            MessageState::Suppressed if sent.is_ok() && !message.failure.ends_with(GONE_OUT) => {
                message.attempts += 1;
                message.failure.push_str(GONE_OUT);
                return Ok(());
            }
            MessageState::Suppressed | MessageState::Sent | MessageState::Failed => return Ok(()),
        }
        message.failure =
            sent.as_ref().err().map(|it| cut(it.why().to_owned(), FAILURE_MAX)).unwrap_or_default();
        let (to, kind) = match sent {
            Ok(()) => {
                message.attempts += 1;
                message.sent_at = Some(unit.now);
                (MessageState::Sent, EventKind::MessageSent)
            }
            Err(Unsent::NotTried(_)) if message.await_turn(unit.now, unit.rules.message_lifetime()) => {
                return Ok(());
            }
            Err(Unsent::Later(_)) if message.await_next(unit.now, unit.rules.message_lifetime()) => {
                return Ok(());
            }
            Err(Unsent::NotTried(_) | Unsent::Later(_)) => (MessageState::Failed, EventKind::MessageFailed),
            Err(Unsent::Refused(_)) => {
                message.attempts += 1;
                (MessageState::Failed, EventKind::MessageFailed)
            }
            Err(Unsent::Suppressed(Suppression { reason, why: _ })) => {
                message.suppressed = Some(reason);
                (MessageState::Suppressed, EventKind::MessageSuppressed)
            }
        };
        let step = step_between(id.0, message.state, to)?;
        message.state = to;
        message.failed_at = (to == MessageState::Failed).then_some(unit.now);
        let text = match message.failure.as_str() {
            "" => format!("message {} {to}", message.kind),
            why => format!("message {} {to}: {why}", message.kind),
        };
        self.record_automatic(unit, kind, Some(step), text);
        Ok(())
    }
}

impl Message {
    /// Whether it waits for its next turn. While its mail system is away no turn counts, until it is too old: then each
    /// counts as a try, so that a message is given up in the end and not at once.
    fn await_turn(&mut self, now: Timestamp, lifetime: Duration) -> bool {
        if now >= self.queued_at().plus(lifetime) {
            return self.await_next(now, lifetime);
        }
        // A quarter of the time that it has waited: soon again at first, and not all the time in a long outage.
        let pause = (now.since(self.queued_at()) / 4).clamp(TURN_PAUSE_MIN, LETTER_PAUSE_MAX);
        self.due_at = now.plus(pause);
        true
    }

    /// Whether it is tried again after a try that failed.
    fn await_next(&mut self, now: Timestamp, lifetime: Duration) -> bool {
        self.attempts += 1;
        let gives_up_at = self.queued_at().plus(lifetime);
        let next = now.plus(backoff(self.attempts, LETTER_PAUSE_MAX));
        if now < gives_up_at {
            self.due_at = next.min(gives_up_at);
            return true;
        }
        let again = self.attempts < LETTER_ATTEMPTS_MIN;
        if again {
            self.due_at = next;
        }
        again
    }
}
