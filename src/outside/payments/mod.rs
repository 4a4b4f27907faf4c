//! Payment providers: what is asked of them, and the sandbox.

pub(super) mod contract;
pub(super) mod sandbox;
