//! How the programs that come with Consign call a server.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Request, Status};

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

/// Shows an API key with every call, if there is one.
#[derive(Clone)]
pub(crate) struct ShowKey(Option<MetadataValue<Ascii>>);

impl ShowKey {
    /// None: the key cannot be sent.
    pub(crate) fn of(key: Option<&str>) -> Option<Self> {
        let Some(key) = key else { return Some(Self(None)) };
        let mut value: MetadataValue<Ascii> = format!("Bearer {key}").parse().ok()?;
        value.set_sensitive(true);
        Some(Self(Some(value)))
    }
}

impl Interceptor for ShowKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("authorization", key.clone());
            // The key says who calls.
            request.metadata_mut().remove(ACTOR);
        }
        Ok(request)
    }
}

/// A connection whose calls show a key.
pub(crate) type KeyedChannel = InterceptedService<Channel, ShowKey>;

/// A request in an actor's name.
pub(crate) fn by<T>(actor: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(ACTOR, MetadataValue::from_static(actor));
    request
}
