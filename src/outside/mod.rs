//! Systems outside this process: payment providers, couriers, the mail, and who is told of events. Traits stand only where a real outside does.
//!
//! Nothing here is called while a transaction is open, and every call carries a key, so that one made twice has one
//! effect.

mod calls;
mod collector;
mod couriers;
mod http;
mod mail;
mod payments;
mod subscribers;
mod token_keys;

pub use calls::{CallOutcome, Called, OutsideCalls};
pub use collector::Collector;
pub use couriers::contract::CourierInterface;
pub use couriers::karrio::{Karrio, LabelType};
pub use mail::contract::{Attachment, Email, Mail};
pub use mail::folder::FileMail;
pub use mail::program::Sendmail;
pub use mail::smtp::{Login, Relay, Smtp, Tls};
pub use payments::contract::PaymentProvider;
pub use payments::sandbox::{Charge, Sandbox};
pub use subscribers::contract::{EventReceiver, NotTaken};
pub use subscribers::endpoint::Endpoint;
pub use subscribers::jetstream::{JetStream, PUBLISHES_TO_NATS, trusting};
pub use subscribers::notice::Notice;
pub use subscribers::signature::{EventKey, SECRET_BYTES};
pub use subscribers::stream::{
    EventSource, IfMissing, NatsLogin, NatsServer, NatsStream, NatsTls, StreamName, SubjectPrefix,
};
pub use token_keys::fetch_key_set;
