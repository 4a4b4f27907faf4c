//! What a message said.

use serde::{Deserialize, Serialize};

/// What a message said, kept byte for byte from its first try on. It is kept beside the orders: documents stay small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageText {
    /// The language that it is written in, BCP 47.
    pub locale: String,
    /// One line.
    pub subject: String,
    pub body: String,
    /// The same as a page.
    pub html: String,
}

impl MessageText {
    /// What is left of one that was kept long enough.
    pub fn forgotten() -> Self {
        let nothing = String::new;
        Self { locale: nothing(), subject: nothing(), body: nothing(), html: nothing() }
    }

    pub fn is_forgotten(&self) -> bool {
        *self == Self::forgotten()
    }
}
