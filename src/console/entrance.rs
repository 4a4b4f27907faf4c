//! Signing in with an API key, or with a name where callers are believed; signing out.

use std::sync::Arc;
use std::time::Instant;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use crate::access::Access;
use crate::console::desk::{COOKIE_NAME, Desk, sentence, to};
use crate::console::visitors::{Caller, SESSION, Visitor};

#[derive(Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    who: String,
}

#[derive(Deserialize)]
pub(super) struct Leaving {
    token: String,
}

pub(super) async fn ask(State(desk): State<Arc<Desk>>) -> Response {
    form(&desk, StatusCode::OK, None)
}

pub(super) async fn sign_in(
    State(desk): State<Arc<Desk>>,
    shown: Result<Form<Shown>, FormRejection>,
) -> Response {
    let Form(Shown { who }) = match shown {
        Ok(shown) => shown,
        Err(rejection) => return desk.trouble(None, rejection.status(), "The form could not be read."),
    };
    let (name, caller) = match known(&desk, who.trim()) {
        Ok(known) => known,
        Err(why) => return form(&desk, StatusCode::UNAUTHORIZED, Some(&why)),
    };
    let Some(visitor) = desk.visitors.sign_in(name, caller, Instant::now()) else {
        return desk.trouble(None, StatusCode::SERVICE_UNAVAILABLE, "The machine gives no random numbers.");
    };
    with_cookie(&desk, to("/console"), &visitor.session, SESSION.as_secs())
}

pub(super) async fn sign_out(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    leaving: Result<Form<Leaving>, FormRejection>,
) -> Response {
    if leaving.is_ok_and(|it| it.0.token == visitor.token) {
        desk.visitors.sign_out(&visitor.session);
        return with_cookie(&desk, to("/console/login"), "", 0);
    }
    desk.trouble(
        Some(&visitor),
        StatusCode::FORBIDDEN,
        "This form is not of your visit. Open the page again.",
    )
}

/// Who it is, by the key; or the name, where callers are believed.
fn known(desk: &Desk, who: &str) -> Result<(String, Caller), String> {
    if desk.access.believes_callers() {
        let named = Access::name_of_believed(who).map_err(|why| sentence(&format!("{why}.")));
        return named.map(|it| (it.to_string(), Caller::Believed));
    }
    match desk.access.holder(who) {
        Ok(Some(principal)) => Ok((principal.name.to_string(), Caller::Key(who.to_owned()))),
        Ok(None) => Err("Open the page again.".to_owned()),
        Err(denied) => Err(sentence(&format!("{denied}."))),
    }
}

fn form(desk: &Desk, code: StatusCode, why: Option<&str>) -> Response {
    let asks_name = desk.access.believes_callers();
    desk.shown(code, None, "login.html", json!({ "asks_name": asks_name, "why": why }))
}

fn with_cookie(desk: &Desk, mut response: Response, session: &str, seconds: u64) -> Response {
    let secure = if desk.facts.reached_by_tls { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={session}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
