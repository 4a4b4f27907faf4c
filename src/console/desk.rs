//! What all pages work with: the API, who is signed in, the templates; answers and their headers.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use minijinja::Environment;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::access::Access;
use crate::console::api::Api;
use crate::console::templates::environment;
use crate::console::visitors::{Caller, Notice, Visitor, Visitors, Wish};

/// The cookie that has the session's id.
pub(super) const COOKIE_NAME: &str = "consign-console";

/// The head that a page has which is made anew while it is open.
const FOLLOWS: &str = "consign-follows";

/// What a browser may do with a page: show it and send its forms back here, and nothing else.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// What the console says of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub database: String,
    /// The last step of the schema.
    pub schema: String,
    /// What is not as it has to be where customers are served, a sentence each.
    pub insecure: Vec<String>,
    pub has_tls: bool,
    /// Whether browsers come over TLS: to this server, or to a proxy before it.
    pub reached_by_tls: bool,
    /// Pages that are told of changes at once, each over a connection of its own.
    pub live_pages: usize,
}

/// What all pages work with.
pub struct Desk {
    /// The API with everything that a call passes on its way in: who may do what is decided there.
    routes: Routes,
    pub(super) access: Arc<Access>,
    pub(super) facts: Facts,
    pub(super) visitors: Visitors,
    /// Slots for pages that are told of changes.
    pub(super) live_pages: Arc<Semaphore>,
    templates: Environment<'static>,
}

impl Desk {
    /// None: a template cannot be read, which a test rules out.
    pub fn new(routes: Routes, access: Arc<Access>, facts: Facts) -> Option<Self> {
        let templates =
            environment().inspect_err(|error| tracing::error!(%error, "a template is wrong")).ok()?;
        let live_pages = Arc::new(Semaphore::new(facts.live_pages));
        let visitors = Visitors::default();
        Some(Self { routes: routes.prepare(), access, facts, visitors, live_pages, templates })
    }

    pub(super) fn api(&self, visitor: &Visitor) -> Result<Api, Status> {
        Api::of(&self.routes, visitor).ok_or_else(|| Status::unauthenticated("who calls cannot be said"))
    }

    /// A page of what was found, or what there is to say instead.
    pub(super) fn page(&self, visitor: &Visitor, template: &str, found: Result<Value, Status>) -> Response {
        match found {
            Ok(found) => self.shown(StatusCode::OK, Some(visitor), template, found),
            Err(status) => self.refused(visitor, &status),
        }
    }

    /// A refusal of the API as a page. Who is not known any more signs in again.
    pub(super) fn refused(&self, visitor: &Visitor, status: &Status) -> Response {
        let code = match status.code() {
            Code::Unauthenticated => {
                self.visitors.sign_out(&visitor.session);
                return to("/console/login");
            }
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
            Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Code::Ok | Code::Unknown | Code::Internal | Code::Unimplemented | Code::DataLoss => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        self.trouble(Some(visitor), code, &said(status))
    }

    pub(super) fn trouble(&self, visitor: Option<&Visitor>, code: StatusCode, sentence: &str) -> Response {
        let title = match code {
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::PAYLOAD_TOO_LARGE => "Too much",
            _ => "That did not work",
        };
        self.shown(code, visitor, "trouble.html", json!({ "title": title, "sentence": sentence }))
    }

    pub(super) fn shown(
        &self,
        code: StatusCode,
        visitor: Option<&Visitor>,
        template: &str,
        mut found: Value,
    ) -> Response {
        if let (Some(found), Some(visitor)) = (found.as_object_mut(), visitor) {
            let notice = match visitor.wish {
                Wish::Open => self.visitors.take_notice(&visitor.session),
                Wish::Follow => None,
            };
            let (done, refused) = match notice {
                Some(Notice::Done(sentence)) => (Some(sentence), None),
                Some(Notice::Refused(sentence)) => (None, Some(sentence)),
                None => (None, None),
            };
            let me =
                json!({ "name": visitor.name, "token": visitor.token, "done": done, "refused": refused });
            found.insert("me".to_owned(), me);
        }
        let text =
            self.templates.get_template(template).and_then(|it| it.render(minijinja::value::Serde(found)));
        match text {
            Ok(text) => (code, Html(text)).into_response(),
            Err(error) => {
                tracing::error!(template, error = %error, "a page could not be made");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made\n").into_response()
            }
        }
    }

    fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut cookies = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        let session = cookies.find(|(name, _)| *name == COOKIE_NAME)?.1;
        let mut visitor = self.visitors.find(session, Instant::now()).filter(|it| self.still_knows(it))?;
        if headers.contains_key(FOLLOWS) {
            visitor.wish = Wish::Follow;
        }
        Some(visitor)
    }

    /// Whether the visit goes on.
    pub(super) fn is_here(&self, visitor: &Visitor) -> bool {
        self.visitors.find(&visitor.session, Instant::now()).is_some() && self.still_knows(visitor)
    }

    /// Whether a visitor could sign in anew: a key may have been taken away.
    fn still_knows(&self, visitor: &Visitor) -> bool {
        match &visitor.caller {
            Caller::Key(key) => self.access.holder(key).is_ok_and(|it| it.is_some()),
            Caller::Believed => self.access.believes_callers(),
        }
    }
}

/// The sentence of a refusal, with every field that was wrong.
pub(super) fn said(status: &Status) -> String {
    let wrong = status.get_details_bad_request().map(|it| it.field_violations).unwrap_or_default();
    let wrong: Vec<_> = wrong.iter().map(|it| format!("{}: {}", it.field, it.description)).collect();
    let message = status.message();
    match wrong.is_empty() {
        true => sentence(message),
        false if wrong.iter().all(|it| message.contains(it.as_str())) => sentence(message),
        false => format!("{} ({})", sentence(message), wrong.join("; ")),
    }
}

/// With a capital at its beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|it| it.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// To another page, which is then asked for with GET.
pub(super) fn to(page: &str) -> Response {
    let page = HeaderValue::from_str(page).unwrap_or(HeaderValue::from_static("/console"));
    (StatusCode::SEE_OTHER, [(LOCATION, page)]).into_response()
}

impl FromRequestParts<Arc<Desk>> for Visitor {
    type Rejection = Response;

    /// Who is not signed in is asked to sign in first.
    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        desk.visitor(&parts.headers).ok_or_else(|| to("/console/login"))
    }
}

/// Keeps out what another site's page makes a visitor's browser send, and says how a browser has to treat ours.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut response = match is_strange(&desk, &request) {
        Some(sentence) => desk.trouble(None, StatusCode::FORBIDDEN, sentence),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let ours: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in ours {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Why a request is not taken. Against DNS rebinding: where callers are believed, a name of another site that leads to this
/// machine would let each of its pages act as its visitor.
fn is_strange(desk: &Desk, request: &Request) -> Option<&'static str> {
    let word = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
    if desk.access.believes_callers() && !word(HOST.as_str()).is_some_and(is_address) {
        return Some(
            "Open the console by the machine's own address, such as http://127.0.0.1 or http://localhost.",
        );
    }
    let from_here = word("sec-fetch-site").is_none_or(|it| it == "same-origin" || it == "none");
    (request.method() == Method::POST && !from_here).then_some("This form came from another site.")
}

/// `localhost` or an IP address, with or without a port: no name that somebody else can point anywhere.
pub(super) fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}
