//! Who may call, as far as calls decide it.

pub(super) mod keys;
