//! What a company may choose: defaults < file < environment < flags. What it may not stands beside its use.

mod check;
mod flags;
mod load;
mod secret;
mod values;

pub use flags::{DatabaseFlags, ServeFlags};
pub use load::SettingsError;
pub use secret::Secret;
pub use values::{Limits, Log, LogFormat, PaymentProvider, Settings};
