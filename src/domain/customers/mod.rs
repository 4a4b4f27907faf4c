//! Letters to customers, and their feedback.

pub(super) mod feedback;
pub(super) mod messages;
pub(super) mod resend;
