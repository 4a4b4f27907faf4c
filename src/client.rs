//! How the programs that come with Consign call a server.

use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint, Error};

use crate::rpc::ACTOR;

/// No server was found there.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach {target}: {source}")]
pub struct Unreachable {
    target: String,
    source: Error,
}

/// A server refused a call.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {code:?}: {message}", code = .status.code(), message = .status.message())]
pub struct Refused {
    pub call: &'static str,
    pub status: Box<tonic::Status>,
}

/// The server at `target`: `host:port`, or a URL.
pub(crate) fn endpoint(target: &str) -> Result<Endpoint, Unreachable> {
    let address = if target.contains("://") { target.to_owned() } else { format!("http://{target}") };
    Endpoint::from_shared(address).map_err(|source| Unreachable { target: target.to_owned(), source })
}

pub(crate) async fn connect(target: &str) -> Result<Channel, Unreachable> {
    let connected = endpoint(target)?.connect().await;
    connected.map_err(|source| Unreachable { target: target.to_owned(), source })
}

/// A request in an actor's name.
pub(crate) fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(ACTOR, MetadataValue::from_static(actor));
    request
}
