//! Defaults, then the file, then the environment, then the command line.

#[cfg(test)]
mod tests;

use std::path::Path;

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;
use serde::Serialize;

use crate::domain::{Problem, Problems, Sender};
use crate::settings::flags::{DatabaseFlags, ServeFlags};
use crate::settings::secret_files::read_secret_files;
use crate::settings::values::Settings;

/// Everything that is wrong with the settings, each with its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError(pub Vec<Problem>);

impl Settings {
    pub fn load(flags: &ServeFlags) -> Result<Self, SettingsError> {
        Self::layered(flags.database.config.as_deref(), flags)
    }

    /// For the commands that use the database only.
    pub fn load_for_database(flags: &DatabaseFlags) -> Result<Self, SettingsError> {
        Self::layered(flags.config.as_deref(), flags)
    }

    fn layered(config: Option<&Path>, flags: impl Serialize) -> Result<Self, SettingsError> {
        let mut layers = Figment::new();
        if let Some(file) = config {
            if !file.is_file() {
                let message = format!("there is no file {}", file.display());
                return Err(SettingsError(vec![Problem {
                    field: "config".to_owned(),
                    message,
                    reason: None,
                }]));
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
                    .map(|it| Problem { field: "config".to_owned(), message: it.to_string(), reason: None })
                    .collect(),
            )
        };
        let mut tree = layers.find_value("").map_err(unreadable)?;
        let mut bad = Problems::default();
        read_secret_files(&mut tree, &mut bad);

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
            && let Ok(sender) = settings.mail.from.parse::<Sender>()
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
}

/// `CONSIGN_DATA_DIR` is `data_dir`, `CONSIGN_LIMITS__QUEUE` is `limits.queue`. Codes in a key stay as they are
/// written: `CONSIGN_RULES__APPROVAL__PAYMENT__AUTOMATIC_UP_TO_MINOR__EUR`, `CONSIGN_RULES__REGIONS__ASIA`.
fn environment() -> Env {
    // Kubernetes gives these to every pod beside a Service of the name `consign`.
    let from_kubernetes =
        |key: &str| key.starts_with("SERVICE_") || key == "PORT" || key.starts_with("PORT_");
    Env::prefixed("CONSIGN_")
        .ignore(&["config", "api_key", "ca_file", "client_certificate", "client_key"])
        .filter(move |key| !from_kubernetes(&key.as_str().to_ascii_uppercase()))
        .map(|key| key_of(key.as_str()).into())
        // Every step above turns it on again.
        .lowercase(false)
}

/// The maps whose keys are codes.
const BY_CODE: [&str; 10] = [
    "rules.regions.",
    "rules.verification.",
    "rules.assessed_risk.",
    "rules.allocation_by_region.",
    "rules.transit_days.",
    "rules.stuck_after_seconds.",
    "rules.approval.reservation.automatic_up_to_minor.",
    "rules.approval.payment.automatic_up_to_minor.",
    "webhooks.secrets.",
    "webhooks.secret_files.",
];

/// The maps whose keys are names, written as they are, and whose values have fields.
const BY_NAME: [&str; 3] = ["access.keys.", "couriers.", "events.subscribers."];

/// `LIMITS__QUEUE` is `limits.queue`.
fn key_of(variable: &str) -> String {
    let key = variable.replace("__", ".");
    let lower = key.to_ascii_lowercase();
    // `COURIERS__swift__SERVICES__EXPRESS` is `couriers.swift.services.EXPRESS`.
    if let Some(map) = BY_NAME.iter().find(|it| lower.starts_with(**it))
        && let Some((name, field)) = key[map.len()..].split_once('.')
    {
        let (field, level) = field.split_once('.').unwrap_or((field, ""));
        let field = field.to_ascii_lowercase();
        return format!("{map}{name}.{field}{}{level}", if level.is_empty() { "" } else { "." });
    }
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

/// Takes the value at `path` as the text that its variable has; returns whether there is one.
fn take_as_written(tree: &mut Value, path: &[String]) -> bool {
    let key = path.join(".");
    let Some((_, text)) = environment().iter().find(|(it, _)| it.as_str() == key) else { return false };
    let mut node = tree;
    for step in path {
        let Value::Dict(_, dict) = node else { return false };
        let Some(inner) = dict.get_mut(step) else { return false };
        node = inner;
    }
    *node = Value::String(node.tag(), text.trim().to_owned());
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
    Problem { field: key, message, reason: None }
}

/// Takes the value at `path` out of the tree, or the list that it is in; returns whether there was one.
fn leave_out(tree: &mut Value, path: &[String]) -> bool {
    let (Value::Dict(_, dict), Some((key, rest))) = (tree, path.split_first()) else { return false };
    let further_in = dict.get_mut(key).is_some_and(|inner| leave_out(inner, rest));
    further_in || dict.remove(key).is_some()
}
