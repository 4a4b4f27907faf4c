//! Whether a call is let in, in whose name, and for how long.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::time::{Instant, Interval, interval_at};

use crate::access::{ACTOR, Access, Denied, Pass, Shown};

/// Lets the call in if its caller may make it, and says in its metadata who that is: the holder of the key or certificate, or the person
/// that a trusted service names. The key goes no further. None: callers are believed.
pub(super) fn admit<B>(
    access: &Access,
    method: &str,
    request: &mut http::Request<B>,
) -> Result<Option<Pass>, Denied> {
    let shown = Shown::of(request.headers(), request.extensions());
    let Some(pass) = access.admit(method, shown)? else { return Ok(None) };
    let principal = &pass.principal;
    let headers = request.headers_mut();
    headers.remove(AUTHORIZATION);
    match headers.get(ACTOR) {
        Some(named) if named.as_bytes() == principal.name.as_str().as_bytes() => {}
        Some(_) if principal.names_persons => {}
        Some(_) => return Err(Denied::NamesPerson(principal.name.clone())),
        None => {
            // A name is printable ASCII without blanks, so it is always a legal header value.
            let name = HeaderValue::from_str(principal.name.as_str());
            name.into_iter().for_each(|it| drop(headers.insert(ACTOR, it)));
        }
    }
    request.extensions_mut().insert(Arc::clone(principal));
    request.extensions_mut().insert(pass.scope.clone());
    Ok(Some(pass))
}

/// How long a stream goes on before its key is looked at again: it may have expired, or its roles may be others.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The permission of a call that lasts, which is looked at again while the call goes on.
pub(super) struct StandingPermission {
    access: Arc<Access>,
    method: Arc<str>,
    pass: Option<Pass>,
    again: Interval,
}

impl StandingPermission {
    pub(super) fn new(access: Arc<Access>, method: Arc<str>, pass: Option<Pass>) -> Self {
        Self { access, method, pass, again: interval_at(Instant::now() + AGAIN_AFTER, AGAIN_AFTER) }
    }

    /// Ready once the call would not be let in any more.
    pub(super) fn poll_denied(&mut self, cx: &mut Context<'_>) -> Poll<Denied> {
        loop {
            ready!(self.again.poll_tick(cx));
            if let Err(denied) = self.access.still_admits(&self.method, self.pass.as_ref()) {
                return Poll::Ready(denied);
            }
        }
    }
}

/// Waits until the call would not be let in any more; one without a permission of this kind may go on for ever.
pub(super) async fn denied(standing: &mut Option<StandingPermission>) -> Denied {
    match standing {
        Some(standing) => poll_fn(|cx| standing.poll_denied(cx)).await,
        None => pending().await,
    }
}
