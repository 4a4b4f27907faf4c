//! The contract of a mail system, and what is handed to it.

use async_trait::async_trait;

use crate::domain::{BareAddress, MessageId, Unsent};

/// Carries e-mails to customers. One counts as sent once the mail system has stored it durably.
#[async_trait]
pub trait Mail: Send + Sync {
    /// An error says why, without the customer's data, and whether to try again later, with the same e-mail.
    async fn send(&self, email: &Email) -> Result<(), Unsent>;

    /// Erases the letters of these messages, as far as they are still in the shop's own hands: what a mail system has
    /// taken is not. An error says in words why it has to be tried again; done again it does no harm.
    async fn erase(&self, _messages: &[MessageId]) -> Result<(), String> {
        Ok(())
    }
}

/// A message to a customer, ready to be written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The message's. The same id and `resends` give the same Message-ID and the same bytes, so that a repeat is
    /// recognised.
    pub id: MessageId,
    /// How often a person has had the message sent again: each time it is another e-mail, which nobody takes for a repeat.
    pub resends: u32,
    pub to: BareAddress,
    /// One line.
    pub subject: String,
    pub text: String,
    /// The same for readers that show HTML.
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

/// A file that goes with an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// As the customer sees it: `Invoice INV-7.pdf`.
    pub name: String,
    /// `application/pdf`; what is no media type is taken for `application/octet-stream`.
    pub media_type: String,
    pub bytes: Vec<u8>,
}
