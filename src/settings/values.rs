//! The settings, each with its default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{
    BookedCourier, BookedParts, CourierCode, Language, LinkPattern, Links, Rules, Seller, ServiceLevel,
};
use crate::settings::access::{AccessSettings, TlsSettings};
use crate::settings::archive::ArchiveSettings;
use crate::settings::bounds::seconds;
use crate::settings::browsers::Browsers;
use crate::settings::events::EventSettings;
use crate::settings::operations::OperationsSettings;
use crate::settings::secret::{Password, Secret, SigningKey};
use crate::settings::seller::SellerSettings;

/// Everything that can be set. A key that is left out keeps its default; a map or list that is given replaces the
/// default one as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the gRPC server listens. Port 0: any that is free.
    pub listen: SocketAddr,
    /// Where the embedded database and the messages live.
    pub data_dir: PathBuf,
    /// A `postgres://` address. None: SQLite, in the file `consign.db` of the data directory.
    pub database_url: Option<Secret>,
    /// Listen beyond loopback although callers are not authenticated.
    pub insecure_listen: bool,
    /// Accept a PostgreSQL that acknowledges before it is on disk.
    pub insecure_durability: bool,
    pub access: AccessSettings,
    pub archive: ArchiveSettings,
    pub events: EventSettings,
    pub browsers: Browsers,
    pub payment_provider: PaymentProvider,
    /// Let the sandbox take payments of callers beyond loopback.
    pub sandbox_beyond_loopback: bool,
    pub letters: LetterSettings,
    pub limits: Limits,
    pub log: Log,
    pub mail: Mail,
    pub operations: OperationsSettings,
    /// Couriers that are booked through an interface, by their code. All others have their rate card only.
    pub couriers: BTreeMap<CourierCode, CourierInterface>,
    pub rules: Rules,
    pub seller: SellerSettings,
    pub tls: TlsSettings,
    pub webhooks: Webhooks,
}

/// What letters to customers look like, and where they lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LetterSettings {
    /// The language for customers whose own letters are not written in: `en`, `de` or `ru`.
    pub language: Language,
    /// A folder with templates that replace the built-in ones, file by file: `de/shipped.md`, `layout.html`.
    pub templates: Option<PathBuf>,
    /// The shop's page that shows where a parcel is: `https://shop.example/track/{order_number}`. Patterns may hold
    /// `{order_number}` and `{order_id}`, this one `{tracking_number}` too. None: the sentence is left out.
    pub tracking_url: Option<LinkPattern>,
    /// The page where a delivery is rated. Its pattern may hold `{feedback_token}` too: with it the customer needs no account.
    pub feedback_url: Option<LinkPattern>,
    /// The page where products are reviewed.
    pub review_url: Option<LinkPattern>,
    /// How long it is kept what letters of archived orders said, in days. 0: for ever.
    pub texts_kept_days: u32,
}

impl LetterSettings {
    pub fn links(&self) -> Links {
        Links {
            tracking: self.tracking_url.clone(),
            feedback: self.feedback_url.clone(),
            review: self.review_url.clone(),
        }
    }
}

impl Default for LetterSettings {
    fn default() -> Self {
        Self {
            language: Language::English,
            templates: None,
            tracking_url: None,
            feedback_url: None,
            review_url: None,
            texts_kept_days: 0,
        }
    }
}

/// How messages to customers are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    pub provider: MailProvider,
    /// Who messages come from: `orders@shop.example`, or `The shop <orders@shop.example>`.
    pub from: String,
    /// Where customers' answers go, a bare address. Empty: to the address in `from`.
    pub reply_to: String,
    /// For `folder`: where they are written. None: `messages` in the data directory.
    pub folder: Option<PathBuf>,
    /// For `program`: one that takes them as `sendmail -i -f SENDER -- RECIPIENT` does.
    pub program: Option<PathBuf>,
    pub smtp: Smtp,
}

/// Who takes messages to customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailProvider {
    /// A folder, as mailboxes.
    Folder,
    /// A program on this machine.
    Program,
    /// A mail relay.
    Smtp,
}

/// The mail relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// The relay's name, which its certificate has to have. Empty: none.
    pub host: String,
    /// 0: 587 with `starttls`, 465 with `implicit`, 25 with `none`.
    pub port: u16,
    pub tls: SmtpTls,
    /// A PEM file with the authorities that may vouch for the relay. None: those that browsers know.
    pub ca_file: Option<PathBuf>,
    /// Who we are to the relay. Empty: it does not ask.
    pub user: String,
    pub password: Password,
    /// The name that we greet the relay with. Empty: the domain of the sender's address.
    pub hello: String,
    /// Connections at once.
    pub connections: u32,
    /// How long it may take to be connected, TLS and login included.
    pub connect_seconds: u32,
    /// How long each answer may take. A letter has half of `limits.lease_seconds` in all.
    pub answer_seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// In the clear; for a relay on this machine or in a network of one's own.
    None,
    /// Begun in the clear; a relay that does not offer it gets nothing.
    StartTls,
    Implicit,
}

/// How couriers report over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Where their reports are taken. None: nowhere. Port 0: any that is free.
    pub listen: Option<SocketAddr>,
    /// Size of a request's body.
    pub body_bytes: u32,
    /// Connections at once; one more is closed at once. Each serves one request.
    pub connections: u32,
    /// How long a request may take to arrive.
    pub request_seconds: u32,
    /// How far the time of a signature may be from ours.
    pub window_seconds: u32,
    /// What each courier signs with, by its code. A courier that has none is not listened to.
    pub secrets: BTreeMap<CourierCode, SigningKey>,
}

/// Who moves the money of cards and PayPal accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentProvider {
    /// Ours, for trying things out: tokens say what happens, no money moves.
    Sandbox,
}

/// How a courier is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourierInterface {
    pub provider: CourierProvider,
    /// Address of the server: `https://karrio.example`.
    pub url: String,
    /// The key that the server gave to its caller.
    pub token: Secret,
    /// The server's own word for the courier: `dhl_parcel_de`.
    pub carrier: String,
    /// Which of the company's accounts with the courier, by the server's `carrier_id`. None: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The courier's own word for each service level that it is booked for: `STANDARD = "dhl_parcel_de_paket"`.
    pub services: BTreeMap<ServiceLevel, String>,
    /// What labels are printed from.
    #[serde(default)]
    pub label: CourierLabel,
    /// Book a pickup for each shipment, too. False: the courier comes by itself.
    #[serde(default)]
    pub book_pickups: bool,
    /// How often the courier is asked where each shipment is, 5 to 10,080 minutes. 0: never, as its reports come by
    /// themselves.
    #[serde(default)]
    pub track_every_minutes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CourierProvider {
    /// A server that speaks Karrio's REST API.
    Karrio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CourierLabel {
    #[default]
    Pdf,
    Zpl,
}

/// How much of everything, at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Size of a request.
    pub message_bytes: u32,
    /// Size of an answer, or of one message of a stream. A change with a larger answer is refused, a page is cut.
    pub response_bytes: u32,
    /// Size of a request's headers.
    pub header_bytes: u32,
    /// Connections at once; one more is closed at once.
    pub connections: u32,
    /// Calls under way on one connection, streams included.
    pub streams_per_connection: u32,
    /// Calls under way in the process, streams not included; one more is refused at once.
    pub calls: u32,
    /// Streams open in the process; one more is refused at once.
    pub streams: u32,
    /// Imports under way in the process; one more is refused at once.
    pub imports: u32,
    /// Changes that wait for the writer; one more is refused at once.
    pub queue: u32,
    /// Changes that share a transaction; 1 turns group commit off.
    pub group_max: u32,
    /// Writing connections to PostgreSQL; SQLite has one. More than one pays where the way to the database is long.
    pub writer_lanes: u32,
    /// Reading connections to the database.
    pub readers: u32,
    /// Orders that are kept in memory as they were last stored or read, so that they need not be read again.
    pub recent_orders: u32,
    /// Papers that are drawn at once; one more waits.
    pub drawings: u32,
    /// Rows of a page whose size the caller leaves open.
    pub page_size: u32,
    /// Rows of any page.
    pub page_size_max: u32,
    /// How long a call may take, also when its caller would wait longer. Streams may take as long as they like.
    pub deadline_seconds: u32,
    /// How long a request id and its answer are kept.
    pub requests_kept_hours: u32,
    /// How often a stream without news sends a heartbeat.
    pub heartbeat_seconds: u32,
    /// How long a stream waits for a reader that does not read before it gives it up.
    pub slow_reader_seconds: u32,
    /// How long a new connection may take to send the HTTP/2 preface, with the handshake of TLS before it.
    pub greeting_seconds: u32,
    /// How often a silent connection is pinged.
    pub keepalive_seconds: u32,
    /// How long it may take to answer the ping.
    pub keepalive_timeout_seconds: u32,
    /// After how long a connection is told to go; calls under way finish. 0: never.
    pub connection_age_seconds: u32,
    /// How long stopping may take; calls that are not finished by then are cut off.
    pub shutdown_seconds: u32,
    /// How long a worker keeps a job before another one takes it. A provider or a courier has a third of that, at most 10
    /// seconds, to answer, and the mail half of it.
    pub lease_seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// The log filter in the syntax of `RUST_LOG`, which overrides it.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("consign.db")
    }

    /// The rules, with the couriers that are booked through an interface, and the key that archived orders are sealed under.
    pub fn rules(&self) -> Rules {
        let booked = |it: &CourierInterface| BookedCourier {
            parts: match it.book_pickups {
                true => BookedParts::LabelAndPickup,
                false => BookedParts::Label,
            },
            track_every: (it.track_every_minutes > 0).then(|| seconds(it.track_every_minutes) * 60),
        };
        let booked_couriers = self.couriers.iter().map(|(code, it)| (code.clone(), booked(it))).collect();
        Rules { booked_couriers, archive_key: self.archive.key_in_use(), ..self.rules.clone() }
    }

    /// Who sells, with this file for a logo; None: nothing is known of them.
    pub fn seller(&self, logo: Vec<u8>) -> Option<Seller> {
        self.seller.seller(&self.rules.company_name, self.letters.language.to_string(), logo)
    }

    pub fn messages_folder(&self) -> PathBuf {
        self.mail.folder.clone().unwrap_or_else(|| self.data_dir.join("messages"))
    }
}

impl Limits {
    pub fn deadline(&self) -> Duration {
        seconds(self.deadline_seconds)
    }

    pub fn requests_kept_for(&self) -> Duration {
        seconds(self.requests_kept_hours) * 3_600
    }

    pub fn heartbeat(&self) -> Duration {
        seconds(self.heartbeat_seconds)
    }

    pub fn slow_reader(&self) -> Duration {
        seconds(self.slow_reader_seconds)
    }

    pub fn greeting(&self) -> Duration {
        seconds(self.greeting_seconds)
    }

    pub fn keepalive(&self) -> Duration {
        seconds(self.keepalive_seconds)
    }

    pub fn keepalive_timeout(&self) -> Duration {
        seconds(self.keepalive_timeout_seconds)
    }

    /// None: for ever.
    pub fn connection_age(&self) -> Option<Duration> {
        (self.connection_age_seconds > 0).then(|| seconds(self.connection_age_seconds))
    }

    pub fn shutdown(&self) -> Duration {
        seconds(self.shutdown_seconds)
    }

    pub fn lease(&self) -> Duration {
        seconds(self.lease_seconds)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            data_dir: PathBuf::from("./consign-data"),
            database_url: None,
            insecure_listen: false,
            insecure_durability: false,
            access: AccessSettings::default(),
            archive: ArchiveSettings::default(),
            events: EventSettings::default(),
            browsers: Browsers::default(),
            payment_provider: PaymentProvider::Sandbox,
            sandbox_beyond_loopback: false,
            letters: LetterSettings::default(),
            limits: Limits::default(),
            log: Log::default(),
            mail: Mail::default(),
            operations: OperationsSettings::default(),
            couriers: BTreeMap::new(),
            rules: Rules::default(),
            seller: SellerSettings::default(),
            tls: TlsSettings::default(),
            webhooks: Webhooks::default(),
        }
    }
}

impl Smtp {
    /// The port, where none is set the usual one.
    pub fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, SmtpTls::None) => 25,
            (0, SmtpTls::StartTls) => 587,
            (0, SmtpTls::Implicit) => 465,
            (port, _) => port,
        }
    }

    pub fn connect_within(&self) -> Duration {
        seconds(self.connect_seconds)
    }

    pub fn answer_within(&self) -> Duration {
        seconds(self.answer_seconds)
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            provider: MailProvider::Folder,
            from: "orders@localhost".to_owned(),
            reply_to: String::new(),
            folder: None,
            program: None,
            smtp: Smtp::default(),
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: SmtpTls::StartTls,
            ca_file: None,
            user: String::new(),
            password: Password::new(""),
            hello: String::new(),
            connections: 4,
            connect_seconds: 5,
            answer_seconds: 10,
        }
    }
}

impl Webhooks {
    pub fn request_within(&self) -> Duration {
        seconds(self.request_seconds)
    }

    pub fn window(&self) -> Duration {
        seconds(self.window_seconds)
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            listen: None,
            body_bytes: 256 * 1_024,
            connections: 256,
            request_seconds: 10,
            window_seconds: 300,
            secrets: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 * 1_024,
            response_bytes: 4 * 1_048_576,
            header_bytes: 8 * 1_024,
            connections: 4_096,
            streams_per_connection: 256,
            calls: 512,
            streams: 1_024,
            imports: 8,
            queue: 1_024,
            group_max: 64,
            writer_lanes: 1,
            readers: 8,
            recent_orders: 4_096,
            drawings: 2,
            page_size: 50,
            page_size_max: 200,
            deadline_seconds: 10,
            requests_kept_hours: 72,
            heartbeat_seconds: 15,
            slow_reader_seconds: 30,
            greeting_seconds: 5,
            keepalive_seconds: 30,
            keepalive_timeout_seconds: 10,
            connection_age_seconds: 0,
            shutdown_seconds: 10,
            lease_seconds: 30,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info,sqlx=warn,sea_orm_migration=warn".to_owned() }
    }
}
