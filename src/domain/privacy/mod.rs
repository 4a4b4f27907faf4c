//! What is held about a person: kept while the law or a lawsuit asks for it, and erased when the person does.

pub(super) mod erase;
pub(super) mod legal_hold;
pub(super) mod redact;
pub(super) mod seal;
