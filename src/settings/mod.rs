//! Settings of a company: defaults < file < environment < flags. Fixed limits stand beside their use.

mod access;
mod archive;
mod bounds;
mod browsers;
mod changes;
mod check;
mod events;
mod flags;
mod load;
mod operations;
mod secret;
mod secret_files;
mod seller;
mod templates;
mod tokens;
mod values;

pub use access::{AccessSettings, CertificateSettings, KeySettings, Moment, TlsSettings};
pub use archive::ArchiveSettings;
pub use browsers::Browsers;
pub use events::{EventSettings, SubscriberSettings};
pub use flags::{DatabaseFlags, ServeFlags};
pub use load::SettingsError;
pub use operations::OperationsSettings;
pub use secret::{Password, Secret, SigningKey};
pub use seller::{BankSettings, SellerSettings};
pub use templates::templates_in;
pub use tokens::{KeySource, TokenSettings};
pub use values::{
    CourierInterface, CourierLabel, CourierProvider, LetterSettings, Limits, Log, LogFormat, Mail,
    MailProvider, PaymentProvider, Settings, Smtp, SmtpTls, Webhooks,
};
