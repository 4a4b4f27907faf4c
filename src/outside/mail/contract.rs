//! What the workers rely on when they hand a letter over.

use async_trait::async_trait;

use crate::domain::{Letter, MessageId, Unsent};

/// Who carries letters to customers. Sent means: the receiver has stored it durably.
#[async_trait]
pub trait Mail: Send + Sync {
    /// An error says why, without the customer's data, and whether to try again later, with the same id.
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent>;
}
