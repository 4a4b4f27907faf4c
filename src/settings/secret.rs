//! A text that is never printed.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// The address of a database, whose password is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(super) String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole address, password included, to connect with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    /// `postgres://user:***@host/database`. What could be a password and is not is hidden too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("***", ""));
        let (user, server) = match rest.rsplit_once('@') {
            Some((credentials, server)) => {
                (credentials.split_once(':').map_or(credentials, |it| it.0), server)
            }
            None => ("", rest),
        };
        let has_password = rest.len() > user.len() + server.len() + 1;
        let (server, parameters) =
            server.split_once('?').map_or((server, None), |(server, it)| (server, Some(it)));

        write!(f, "{scheme}://{user}")?;
        if has_password {
            f.write_str(":***")?;
        }
        if !user.is_empty() || has_password {
            f.write_str("@")?;
        }
        f.write_str(server)?;
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

/// What another system signs with. Nothing of it is ever shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SigningKey(String);

impl SigningKey {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for SigningKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// A password. Nothing of it is ever shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// To log in with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { "***" })
    }
}
