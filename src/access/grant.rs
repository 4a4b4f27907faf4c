//! What a caller is given: roles, and couriers that it carries for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::access::role::Role;
use crate::domain::{Carriers, CourierCode, Invalid};
use crate::pb::Permission;

/// What stands before the courier's code.
const COURIER: &str = "courier:";

/// How many grants a caller may have.
pub const GRANTS_MAX: usize = 20;

/// One of the things that a caller is given, as settings, database, API and tokens write it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grant {
    Role(Role),
    /// `courier:SWIFT`: sees the shipments of this courier, and reports on them.
    Courier(CourierCode),
}

impl Grant {
    /// What a caller with these may do.
    pub fn permissions_of(grants: &[Self]) -> BTreeSet<Permission> {
        let permissions = |it: &Self| match it {
            Self::Role(role) => role.permissions(),
            Self::Courier(_) => vec![Permission::Carry],
        };
        grants.iter().flat_map(permissions).collect()
    }

    /// Whose shipments a caller with these sees in any case.
    pub fn carriers_of(grants: &[Self]) -> Carriers {
        let courier = |it: &Self| match it {
            Self::Role(_) => None,
            Self::Courier(code) => Some(code.clone()),
        };
        grants.iter().filter_map(courier).collect()
    }
}

impl From<Role> for Grant {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => f.write_str(role.word()),
            Self::Courier(code) => write!(f, "{COURIER}{code}"),
        }
    }
}

impl FromStr for Grant {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match (text.strip_prefix(COURIER), Role::named(text)) {
            (Some(code), _) => code.parse().map(Self::Courier),
            (None, Some(role)) => Ok(Self::Role(role)),
            (None, None) => {
                let roles = Role::ALL.map(Role::word).join(", ");
                Err(Invalid::new(format!("must be one of {roles}, or {COURIER} with a courier's code")))
            }
        }
    }
}

impl TryFrom<String> for Grant {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}
