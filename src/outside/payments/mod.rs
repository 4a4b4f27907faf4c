//! Payment providers: what is asked of them, and the sandbox. `src/work/outbound.rs` asks them, each payment's own only, and
//! gives an answer up in time; `src/domain/process/schedule.rs` says when it asks again.

pub(super) mod contract;
pub(super) mod sandbox;
