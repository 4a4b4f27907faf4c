//! Who may ask for what is not for everybody, and what others are told.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::access::{Access, Denied, Principal, Shown};
use crate::pb::Permission;

/// Who asks, by the key in `authorization: Bearer KEY` or the connection's certificate, if it has the permission. None: callers are believed.
pub fn permitted(
    access: &Access,
    asked: &Parts,
    permission: Permission,
) -> Result<Option<Arc<Principal>>, Refused> {
    match access.identify(Shown::of(&asked.headers, &asked.extensions))? {
        Some(principal) if !principal.permissions.contains(&permission) => {
            Err(Denied::Lacks(principal.name.clone(), permission).into())
        }
        found => Ok(found),
    }
}

/// A "no", as JSON: `{"reason": "KEY_MISSING", "message": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    /// As `ErrorInfo` of the API has it, where the API knows it too.
    pub reason: &'static str,
    pub message: String,
}

impl Refused {
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        let (status, reason) = match denied {
            Denied::NoKey | Denied::FirstKey => (StatusCode::UNAUTHORIZED, "KEY_MISSING"),
            Denied::UnknownKey => (StatusCode::UNAUTHORIZED, "KEY_UNKNOWN"),
            Denied::ExpiredKey(..) => (StatusCode::UNAUTHORIZED, "KEY_EXPIRED"),
            Denied::UnknownCertificate(_) | Denied::SharedCertificate(_) => {
                (StatusCode::UNAUTHORIZED, "CERTIFICATE_UNKNOWN")
            }
            Denied::ExpiredCertificate(_) => (StatusCode::UNAUTHORIZED, "CERTIFICATE_EXPIRED"),
            Denied::BadToken => (StatusCode::UNAUTHORIZED, "TOKEN_INVALID"),
            Denied::ExpiredToken => (StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED"),
            Denied::Lacks(..) | Denied::OtherScope(_) => (StatusCode::FORBIDDEN, "PERMISSION_MISSING"),
            Denied::NamesPerson(_) => (StatusCode::FORBIDDEN, "ACTOR_NOT_ALLOWED"),
        };
        let message = match denied {
            Denied::NoKey => "an API key is required: send the header `authorization: Bearer KEY`".to_owned(),
            denied => denied.to_string(),
        };
        Self { status, reason, message }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "reason": self.reason, "message": self.message }).to_string();
        let mut response = (self.status, [(CONTENT_TYPE, "application/json")], body + "\n").into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
