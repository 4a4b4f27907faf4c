//! Why a caller is not let in, in words that it may read.

use crate::domain::{Actor, Timestamp};
use crate::pb::Permission;

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("an API key is required: send the metadata `authorization: Bearer KEY`")]
    NoKey,
    #[error("the API key is not known here")]
    UnknownKey,
    #[error("the API key of {0} expired at {1}")]
    ExpiredKey(Actor, Timestamp),
    /// With the names of the certificate.
    #[error(
        "the certificate ({0}) is nobody's here: access.certificates has none of its names, and no key is sent"
    )]
    UnknownCertificate(String),
    #[error("the certificate ({0}) is of more than one caller: its names are subjects of several")]
    SharedCertificate(String),
    #[error("the certificate ({0}) is over: connect with a new one")]
    ExpiredCertificate(String),
    #[error("the token is over: get a new one")]
    ExpiredToken,
    /// Why, only the log says: whoever made it up is told nothing.
    #[error("the token is not good here")]
    BadToken,
    #[error("{0} has no role with the permission {permission}", permission = name_of(*.1))]
    Lacks(Actor, Permission),
    #[error("{0} carries for other couriers now: call again")]
    OtherScope(Actor),
    #[error("{0} may not act for others: leave consign-actor out, or set names_persons for it")]
    NamesPerson(Actor),
    #[error(
        "callers are believed here, so keys are not asked for; make the first one with `consign keys create --first`, or \
         in the settings"
    )]
    FirstKey,
}

/// Why the callers cannot be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the settings name no caller: everybody would be believed, which takes a restart")]
pub struct NobodyLeft;

/// `READ_ORDERS` for [`Permission::ReadOrders`].
pub fn name_of(permission: Permission) -> &'static str {
    let name = permission.as_str_name();
    name.strip_prefix("PERMISSION_").unwrap_or(name)
}
