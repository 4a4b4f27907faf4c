//! What a company may choose: defaults < file < environment < flags. What it may not stands beside its use.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use serde::{Deserialize, Serialize, Serializer};

use crate::domain::{ApprovalRules, GateRules, Problem, Problems, Rules, Sender, ShippingFee, TaxRule};
use crate::telemetry;

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
    /// Listen beyond loopback although nobody has to prove who they are.
    pub insecure_listen: bool,
    /// Accept a PostgreSQL that acknowledges before it is on disk.
    pub insecure_durability: bool,
    pub payment_provider: PaymentProvider,
    /// Where messages to customers are written, one file each. None: `messages` in the data directory.
    pub mail_folder: Option<PathBuf>,
    /// A program that takes messages as `sendmail -i -f SENDER -- RECIPIENT` does. None: they go to the folder.
    pub mail_program: Option<PathBuf>,
    /// Who messages to customers come from: `orders@shop.example`, or `The shop <orders@shop.example>`.
    pub mail_from: String,
    pub limits: Limits,
    pub log: Log,
    pub rules: Rules,
}

/// Who moves the money of cards and PayPal accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentProvider {
    /// Ours, for trying things out: tokens say what happens, no money moves.
    Sandbox,
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
    /// Rows of a page whose size the caller leaves open.
    pub page_size: u32,
    /// Rows of any page.
    pub page_size_max: u32,
    /// How long a call may take, also when its caller would wait longer. Streams may take as long as they like.
    pub deadline_seconds: u32,
    /// How long a request id and its answer are kept.
    pub requests_kept_hours: u32,
    /// How often a stream that has nothing to say gives a sign of life.
    pub heartbeat_seconds: u32,
    /// How long a stream waits for a reader that does not read before it gives it up.
    pub slow_reader_seconds: u32,
    /// How long a new connection may take to say that it speaks HTTP/2.
    pub greeting_seconds: u32,
    /// How often a silent connection is asked whether it still lives.
    pub keepalive_seconds: u32,
    /// How long it may take to answer that.
    pub keepalive_timeout_seconds: u32,
    /// How long stopping may take; calls that are not finished by then are cut off.
    pub shutdown_seconds: u32,
    /// How long a worker has a job for itself; another one gets what is not done by then. Nobody outside is waited for
    /// longer than a third of it, or 10 seconds.
    pub lease_seconds: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// What is logged, as `RUST_LOG` has it, which goes before.
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// The flags that say where the settings and the database are.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct DatabaseFlags {
    /// Settings file (TOML)
    #[arg(long, env = "CONSIGN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Directory of the embedded database and of the messages [default: ./consign-data]
    #[arg(long, value_name = "DIRECTORY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database: postgres://user:password@host/database
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Accept a PostgreSQL that acknowledges before it is on disk
    #[arg(long)]
    #[serde(skip_serializing_if = "is_off")]
    pub insecure_durability: bool,
}

/// The flags of `serve`.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ServeFlags {
    #[command(flatten)]
    #[serde(flatten)]
    pub database: DatabaseFlags,
    /// Address to listen on [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Listen beyond loopback although nobody has to prove who they are
    #[arg(long)]
    #[serde(skip_serializing_if = "is_off")]
    pub insecure_listen: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_off(flag: &bool) -> bool {
    !flag
}

/// Everything that is wrong with the settings, each with its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError(pub Vec<Problem>);

impl Settings {
    pub fn load(flags: &ServeFlags) -> Result<Self, SettingsError> {
        Self::layered(flags.database.config.as_deref(), flags)
    }

    /// For the commands that speak to the database alone.
    pub fn load_for_database(flags: &DatabaseFlags) -> Result<Self, SettingsError> {
        Self::layered(flags.config.as_deref(), flags)
    }

    fn layered(config: Option<&Path>, flags: impl Serialize) -> Result<Self, SettingsError> {
        let mut layers = Figment::new();
        if let Some(file) = config {
            if !file.is_file() {
                let message = format!("there is no file {}", file.display());
                return Err(SettingsError(vec![Problem { field: "config".to_owned(), message }]));
            }
            layers = layers.merge(Toml::file_exact(file));
        }
        Self::settle(&layers.merge(environment()).merge(Serialized::defaults(flags)))
    }

    /// The settings out of their layers, or everything that is wrong with them.
    fn settle(layers: &Figment) -> Result<Self, SettingsError> {
        let unreadable = |it: figment::Error| {
            SettingsError(
                it.into_iter()
                    .map(|it| Problem { field: "config".to_owned(), message: it.to_string() })
                    .collect(),
            )
        };
        let mut tree = layers.find_value("").map_err(unreadable)?;
        let mut bad = Problems::default();

        // Reading stops at the first value that does not fit: note it, leave it out, and read again.
        let mut settings = loop {
            match tree.deserialize::<Self>() {
                Ok(settings) => break settings,
                Err(error) if is_number_for_text(&error) && take_as_written(&mut tree, &error.path) => {}
                Err(error) => {
                    bad.0.push(unfit(&error, layers, &tree));
                    if !leave_out(&mut tree, &error.path) {
                        return Err(SettingsError(bad.0));
                    }
                }
            }
        };

        if settings.rules.company_name.is_empty()
            && let Ok(sender) = settings.mail_from.parse::<Sender>()
        {
            settings.rules.company_name = sender.name;
        }
        settings.check(&mut bad);
        if bad.0.is_empty() { Ok(settings) } else { Err(SettingsError(bad.0)) }
    }

    /// TOML that says what holds, without secrets.
    pub fn print(&self) -> String {
        toml::to_string(self).unwrap_or_else(|it| format!("# cannot be written: {it}\n"))
    }

    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("consign.db")
    }

    pub fn messages_folder(&self) -> PathBuf {
        self.mail_folder.clone().unwrap_or_else(|| self.data_dir.join("messages"))
    }

    fn check(&self, bad: &mut Problems) {
        let Self {
            listen,
            data_dir,
            database_url,
            insecure_listen,
            insecure_durability: _,
            payment_provider: PaymentProvider::Sandbox,
            mail_folder,
            mail_program,
            mail_from,
            limits,
            log,
            rules,
        } = self;

        if !listen.ip().is_loopback() && !insecure_listen {
            bad.add("listen", format!("{listen} is open to others, and nobody has to prove who they are: set insecure_listen if that is meant"));
        }
        if data_dir.as_os_str().is_empty() {
            bad.add("data_dir", "must not be empty");
        }
        if let Some(Secret(url)) = database_url
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            bad.add("database_url", "must start with postgres://");
        }
        if mail_folder.is_some() && mail_program.is_some() {
            bad.add("mail_folder", "cannot be used together with mail_program");
        }
        if mail_from.parse::<Sender>().is_err() {
            bad.add("mail_from", "must be an e-mail address, or a name and an address in <>");
        }
        if let Err(why) = telemetry::filter(&log.filter) {
            bad.add("log.filter", why);
        }
        limits.check(bad);
        check_rules(rules, bad);
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

    pub fn shutdown(&self) -> Duration {
        seconds(self.shutdown_seconds)
    }

    pub fn lease(&self) -> Duration {
        seconds(self.lease_seconds)
    }

    fn check(&self, bad: &mut Problems) {
        let Self {
            message_bytes,
            response_bytes,
            header_bytes,
            connections,
            streams_per_connection,
            calls,
            streams,
            queue,
            group_max,
            writer_lanes,
            readers,
            recent_orders,
            page_size,
            page_size_max,
            deadline_seconds,
            requests_kept_hours,
            heartbeat_seconds,
            slow_reader_seconds,
            greeting_seconds,
            keepalive_seconds,
            keepalive_timeout_seconds,
            shutdown_seconds,
            lease_seconds,
        } = self;

        for (key, value, least, most) in [
            ("message_bytes", message_bytes, 1_024, 4 * 1_048_576),
            ("response_bytes", response_bytes, 65_536, 64 * 1_048_576),
            ("header_bytes", header_bytes, 1_024, 1_048_576),
            ("connections", connections, 1, 1_000_000),
            ("streams_per_connection", streams_per_connection, 1, 100_000),
            ("calls", calls, 1, 100_000),
            ("streams", streams, 1, 100_000),
            ("queue", queue, 1, 1_000_000),
            // With 100 lines each, and as many in each of the overdue orders that make way for them, not more products
            // than SQLite takes in one question.
            ("group_max", group_max, 1, 180),
            ("writer_lanes", writer_lanes, 1, 64),
            ("readers", readers, 1, 256),
            ("recent_orders", recent_orders, 0, 1_000_000),
            ("page_size", page_size, 1, *page_size_max),
            ("page_size_max", page_size_max, 1, 200),
            ("deadline_seconds", deadline_seconds, 1, 300),
            ("requests_kept_hours", requests_kept_hours, 1, 8_760),
            ("heartbeat_seconds", heartbeat_seconds, 1, 300),
            ("slow_reader_seconds", slow_reader_seconds, 1, 3_600),
            ("greeting_seconds", greeting_seconds, 1, 300),
            ("keepalive_seconds", keepalive_seconds, 1, 7_200),
            ("keepalive_timeout_seconds", keepalive_timeout_seconds, 1, 300),
            ("shutdown_seconds", shutdown_seconds, 1, 300),
            ("lease_seconds", lease_seconds, 1, 3_600),
        ] {
            within(bad, &format!("limits.{key}"), *value, least, most);
        }
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
            payment_provider: PaymentProvider::Sandbox,
            mail_folder: None,
            mail_program: None,
            mail_from: "orders@localhost".to_owned(),
            limits: Limits::default(),
            log: Log::default(),
            rules: Rules::default(),
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
            queue: 1_024,
            group_max: 64,
            writer_lanes: 1,
            readers: 8,
            recent_orders: 4_096,
            page_size: 50,
            page_size_max: 200,
            deadline_seconds: 10,
            requests_kept_hours: 72,
            heartbeat_seconds: 15,
            slow_reader_seconds: 30,
            greeting_seconds: 5,
            keepalive_seconds: 30,
            keepalive_timeout_seconds: 10,
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

/// The address of a database, whose password is shown to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text, for whoever connects with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    /// `postgres://user:***@host/database`. What could be a password and is not is hidden too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("***", ""));
        let (user, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (credentials.split_once(':').map_or(credentials, |it| it.0), place),
            None => ("", rest),
        };
        let has_password = rest.len() > user.len() + place.len() + 1;
        let (place, parameters) =
            place.split_once('?').map_or((place, None), |(place, it)| (place, Some(it)));

        write!(f, "{scheme}://{user}")?;
        if has_password {
            f.write_str(":***")?;
        }
        if !user.is_empty() || has_password {
            f.write_str("@")?;
        }
        f.write_str(place)?;
        for (index, parameter) in parameters.into_iter().flat_map(|it| it.split('&')).enumerate() {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let shown = if key.to_ascii_lowercase().contains("pass") { "***" } else { value };
            write!(f, "{}{key}={shown}", if index == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `CONSIGN_DATA_DIR` is `data_dir`, `CONSIGN_LIMITS__QUEUE` is `limits.queue`. Codes in a key stay as they are
/// written: `CONSIGN_RULES__APPROVAL__PAYMENT__AUTOMATIC_UP_TO_MINOR__EUR`, `CONSIGN_RULES__REGIONS__ASIA`.
fn environment() -> Env {
    // Kubernetes gives these to every pod beside a Service of the name `consign`.
    let from_kubernetes =
        |key: &str| key.starts_with("SERVICE_") || key == "PORT" || key.starts_with("PORT_");
    Env::prefixed("CONSIGN_")
        .ignore(&["config"])
        .filter(move |key| !from_kubernetes(&key.as_str().to_ascii_uppercase()))
        .map(|key| key_of(key.as_str()).into())
        // Every step above turns it on again.
        .lowercase(false)
}

/// The maps whose keys are codes in capital letters.
const BY_CODE: [&str; 4] = [
    "rules.regions.",
    "rules.transit_days.",
    "rules.approval.reservation.automatic_up_to_minor.",
    "rules.approval.payment.automatic_up_to_minor.",
];

/// `LIMITS__QUEUE` is `limits.queue`.
fn key_of(variable: &str) -> String {
    let key = variable.replace("__", ".");
    let lower = key.to_ascii_lowercase();
    match BY_CODE.iter().find(|it| lower.starts_with(**it)) {
        Some(map) => format!("{map}{}", &key[map.len()..]),
        None => lower,
    }
}

/// What a variable says is read before it is known what its key needs: `2026` as a number, also for a text.
fn is_number_for_text(error: &figment::Error) -> bool {
    let Kind::InvalidType(found, expected) = &error.kind else { return false };
    let scalar =
        matches!(found, Actual::Bool(_) | Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_));
    scalar && expected.contains("string")
}

/// Takes the value at `path` as the text that its variable has; says whether there is one.
fn take_as_written(tree: &mut Value, path: &[String]) -> bool {
    let key = path.join(".");
    let Some((_, text)) = environment().iter().find(|(it, _)| it.as_str() == key) else { return false };
    let mut place = tree;
    for step in path {
        let Value::Dict(_, dict) = place else { return false };
        let Some(inner) = dict.get_mut(step) else { return false };
        place = inner;
    }
    *place = Value::String(place.tag(), text.trim().to_owned());
    true
}

/// One value that cannot be what its key needs, and where it comes from.
fn unfit(error: &figment::Error, layers: &Figment, tree: &Value) -> Problem {
    let path = &error.path;
    let message = match &error.kind {
        Kind::UnknownField(_, known) => format!("is not a setting; known here are {}", known.join(", ")),
        Kind::MissingField(name) => format!("lacks {name}"),
        kind => kind.to_string(),
    };

    let key = path.join(".");
    let value = (1..=path.len()).rev().find_map(|depth| tree.find_ref(&path[..depth].join(".")));
    let source = value.and_then(|it| layers.get_metadata(it.tag())).map(|it| match &it.source {
        Some(source) => source.to_string(),
        None if it.name.contains("environment") => {
            format!("CONSIGN_{}", path.join("__").to_ascii_uppercase())
        }
        None => "a flag".to_owned(),
    });
    let message = source.map_or(message.clone(), |it| format!("{message} (from {it})"));
    Problem { field: key, message }
}

/// Takes the value at `path` out of the tree, or the list that it is in; says whether there was one.
fn leave_out(tree: &mut Value, path: &[String]) -> bool {
    let (Value::Dict(_, dict), Some((key, rest))) = (tree, path.split_first()) else { return false };
    let further_in = dict.get_mut(key).is_some_and(|inner| leave_out(inner, rest));
    further_in || dict.remove(key).is_some()
}

fn check_rules(rules: &Rules, bad: &mut Problems) {
    const DAY: u64 = 86_400;
    let Rules {
        company_name,
        regions,
        taxes,
        shipping_fees,
        approval,
        blocked_customers: _,
        duplicate_window_seconds,
        reservation_lifetime_seconds,
        approval_lifetime_seconds,
        handling_hours,
        transit_days,
        close_after_seconds,
        archive_after_seconds,
        next_purchase_discount_ppm,
        invoice_series,
        message_lifetime_seconds,
    } = rules;

    if company_name.chars().count() > 100 || company_name.chars().any(char::is_control) {
        bad.add("rules.company_name", "must have at most 100 characters, none of them a line break");
    }

    let is_country = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_uppercase());
    for (code, countries) in regions {
        for country in countries {
            let key = format!("rules.regions.{code}");
            if !is_country(country) {
                bad.add(&key, format!("{country:?} is not a country: two capital letters are needed"));
            }
            if let Some((other, _)) =
                regions.iter().find(|(other, them)| *other < code && them.contains(country))
            {
                bad.add(&key, format!("{country} is in {other} already"));
            }
        }
    }
    for (index, TaxRule { country, category, rate_ppm }) in taxes.iter().enumerate() {
        if country != "*" && !is_country(country) {
            bad.add(format!("rules.taxes.{index}.country"), "must be two capital letters, or * for all");
        }
        if category.is_empty() {
            bad.add(format!("rules.taxes.{index}.category"), "must not be empty; * is for all");
        }
        within(bad, &format!("rules.taxes.{index}.rate_ppm"), *rate_ppm, 0, 1_000_000);
    }
    for (index, ShippingFee { region, fee_minor, .. }) in shipping_fees.iter().enumerate() {
        if !regions.contains_key(region) {
            bad.add(format!("rules.shipping_fees.{index}.region"), format!("there is no region {region}"));
        }
        within(bad, &format!("rules.shipping_fees.{index}.fee_minor"), *fee_minor, 0, i64::MAX);
    }

    let ApprovalRules { version, reservation, payment } = approval;
    if version.is_empty() || version.len() > 50 {
        bad.add("rules.approval.version", "must have 1 to 50 characters");
    }
    for (name, GateRules { automatic_up_to_minor, .. }) in
        [("reservation", reservation), ("payment", payment)]
    {
        for (currency, minor) in automatic_up_to_minor {
            within(
                bad,
                &format!("rules.approval.{name}.automatic_up_to_minor.{currency}"),
                *minor,
                0,
                i64::MAX,
            );
        }
    }

    within(bad, "rules.duplicate_window_seconds", *duplicate_window_seconds, 0, 30 * DAY);
    within(bad, "rules.reservation_lifetime_seconds", *reservation_lifetime_seconds, 1, 30 * DAY);
    within(bad, "rules.approval_lifetime_seconds", *approval_lifetime_seconds, 1, 365 * DAY);
    within(bad, "rules.handling_hours", *handling_hours, 0, 8_760);
    for (service, days) in transit_days {
        within(bad, &format!("rules.transit_days.{service}"), *days, 0, 365);
    }
    within(bad, "rules.close_after_seconds", *close_after_seconds, 0, 3_650 * DAY);
    within(bad, "rules.archive_after_seconds", *archive_after_seconds, 0, 3_650 * DAY);
    within(bad, "rules.next_purchase_discount_ppm", *next_purchase_discount_ppm, 0, 1_000_000);
    let legal = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    if !(1..=20).contains(&invoice_series.len()) || !invoice_series.bytes().all(legal) {
        bad.add("rules.invoice_series", "must be 1 to 20 letters, digits or -");
    }
    within(bad, "rules.message_lifetime_seconds", *message_lifetime_seconds, 1, 30 * DAY);
}

fn within<T: Copy + PartialOrd + fmt::Display>(bad: &mut Problems, key: &str, value: T, least: T, most: T) {
    if value < least || value > most {
        bad.add(key, format!("{value} is not between {least} and {most}"));
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Settings, SettingsError> {
        Settings::settle(&Figment::from(Toml::string(toml)))
    }

    fn keys(toml: &str) -> Vec<String> {
        read(toml).expect_err("wrong on purpose").0.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(read(""), Ok(Settings::default()));
    }

    #[test]
    fn every_wrong_value_is_listed_at_once_with_its_key() {
        let wrong = r#"
            lisen = "127.0.0.1:1"
            listen = "somewhere"
            database_url = "mysql://u:topsecret@h/d"
            [limits]
            queue = "many"
            calls = 0
            page_size = 100
            page_size_max = 50
            [rules]
            reservation_lifetime_seconds = 0
            taxes = [{ country = "Germany", category = "*", rate_ppm = 1 }]
            [rules.regions]
            "NORTH AMERICA" = ["US"]
        "#;
        let mut keys = keys(wrong);
        keys.sort();
        let expected = [
            "database_url",
            "limits.calls",
            "limits.page_size",
            "limits.queue",
            "lisen",
            "listen",
            "rules.regions.NORTH AMERICA",
            "rules.reservation_lifetime_seconds",
            "rules.taxes.0.country",
        ];
        assert_eq!(keys, expected);
        assert!(!read(wrong).expect_err("wrong on purpose").to_string().contains("topsecret"));
    }

    #[test]
    fn an_unknown_key_is_refused_at_every_level() {
        assert_eq!(keys("[log]\ncolour = true"), ["log.colour"]);
        assert_eq!(keys("[rules.approval.payment]\nrisks = []"), ["rules.approval.payment.risks"]);
        assert_eq!(
            keys("[[rules.taxes]]\ncountry = \"DE\"\ncategory = \"*\"\nrate = 1"),
            ["rules.taxes.0.rate"]
        );
    }

    #[test]
    fn listening_beyond_loopback_has_to_be_meant() {
        assert_eq!(keys("listen = \"0.0.0.0:50051\""), ["listen"]);
        assert!(read("listen = \"0.0.0.0:50051\"\ninsecure_listen = true").is_ok());
        assert!(read("listen = \"[::1]:50051\"").is_ok());
    }

    #[test]
    fn a_region_list_that_is_given_replaces_the_default_one() {
        let settings = read("[rules.regions]\nASIA = [\"MY\"]").expect("legal");
        assert_eq!(settings.rules.regions.len(), 1);
    }

    #[test]
    fn the_company_is_named_as_the_sender_is_unless_it_says_otherwise() {
        let name = |toml: &str| read(toml).expect("legal").rules.company_name;
        assert_eq!(name("mail_from = \"Northwind <orders@shop.example>\""), "Northwind");
        assert_eq!(name("mail_from = \"N <orders@shop.example>\"\n[rules]\ncompany_name = \"S\""), "S");
        assert_eq!(name("mail_from = \"orders@shop.example\""), "");
        assert_eq!(
            keys("mail_from = \"orders\"\n[rules]\ncompany_name = \"a\\nb\""),
            ["mail_from", "rules.company_name"]
        );
    }

    #[test]
    fn flags_go_before_the_file() {
        let flags = ServeFlags { listen: Some(([127, 0, 0, 1], 7).into()), ..ServeFlags::default() };
        let layers = Figment::from(Toml::string("listen = \"127.0.0.1:8\"\ndata_dir = \"here\""))
            .merge(Serialized::defaults(flags));
        let settings = Settings::settle(&layers).expect("legal");
        assert_eq!((settings.listen.port(), settings.data_dir), (7, PathBuf::from("here")));
    }

    #[test]
    fn a_variable_is_the_key_that_it_says_and_its_codes_stay_as_they_are() {
        for (variable, key) in [
            ("LISTEN", "listen"),
            ("LIMITS__GROUP_MAX", "limits.group_max"),
            ("RULES__REGIONS", "rules.regions"),
            ("RULES__REGIONS__NORTH_AMERICA", "rules.regions.NORTH_AMERICA"),
            ("rules__regions__Asia", "rules.regions.Asia"),
            ("RULES__TRANSIT_DAYS__EXPRESS", "rules.transit_days.EXPRESS"),
            (
                "RULES__APPROVAL__PAYMENT__AUTOMATIC_UP_TO_MINOR__EUR",
                "rules.approval.payment.automatic_up_to_minor.EUR",
            ),
            ("RULES__APPROVAL__RESERVATION__RISK", "rules.approval.reservation.risk"),
        ] {
            assert_eq!(key_of(variable), key);
        }
    }

    #[test]
    fn a_filter_of_the_log_that_is_not_understood_is_refused() {
        for wrong in ["", "verbose", "consign=loud"] {
            assert_eq!(keys(&format!("log.filter = {wrong:?}")), ["log.filter"]);
        }
    }

    #[test]
    fn what_is_printed_reads_back_and_hides_the_password() {
        let mut settings = Settings::default();
        assert_eq!(read(&settings.print()), Ok(settings.clone()));

        settings.database_url = Some(Secret::new("postgres://clerk:topsecret@db/consign"));
        assert!(settings.print().contains("postgres://clerk:***@db/consign"));
        assert!(!format!("{settings:?}").contains("topsecret"));
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        let shown = |url: &str| Secret::new(url).to_string();
        assert_eq!(shown("postgres://db.test:5433/consign"), "postgres://db.test:5433/consign");
        assert_eq!(shown("postgres://clerk@db.test/consign"), "postgres://clerk@db.test/consign");
        assert_eq!(
            shown("postgres://clerk:p@ss/wor?d@db.test/consign"),
            "postgres://clerk:***@db.test/consign"
        );
        assert_eq!(
            shown("postgres://db.test/consign?user=clerk&password=p&sslmode=require"),
            "postgres://db.test/consign?user=clerk&password=***&sslmode=require"
        );
        assert_eq!(shown("topsecret"), "***://");
    }
}
