//! Etags: which version a caller has seen.

use crate::domain::model::refusal::Refusal;

/// The opaque form of a version.
pub fn etag(version: i64) -> String {
    format!("v{version}")
}

/// A stale etag is refused; an empty one asks for nothing.
pub fn check_etag(given: &str, version: i64) -> Result<(), Refusal> {
    let current = etag(version);
    if given.is_empty() || given == current { Ok(()) } else { Err(Refusal::StaleEtag { current }) }
}
