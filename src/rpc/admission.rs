//! Whether a call is let in, and in whose name.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::access::{ACTOR, Access, Denied};

/// Lets the call in if its caller may make it, and says in its metadata who that is: the holder of the key, or the person
/// that a trusted service names. The key goes no further.
pub(super) fn introduce<B>(
    access: &Access,
    method: &str,
    request: &mut http::Request<B>,
) -> Result<(), Denied> {
    let Some(principal) = access.admit(method, request.headers())? else { return Ok(()) };
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
    request.extensions_mut().insert(principal);
    Ok(())
}
