//! Customers and their accounts, letters to them, what they want to be told and consent to, and their feedback.

pub(super) mod account;
pub(super) mod ask_again;
mod consents;
pub(super) mod feedback;
pub(super) mod follow_up;
pub(super) mod messages;
pub(super) mod preference;
pub(super) mod resend;
