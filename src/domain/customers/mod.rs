//! What customers are told and what they say.

pub(super) mod feedback;
pub(super) mod messages;
