//! The contract of a mail system.

use async_trait::async_trait;

use crate::domain::{Letter, MessageId, Unsent};

/// Carries letters to customers. A letter counts as sent once the mail system has stored it durably.
#[async_trait]
pub trait Mail: Send + Sync {
    /// An error says why, without the customer's data, and whether to try again later, with the same id.
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent>;
}
