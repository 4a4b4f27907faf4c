//! How the programs that come with Consign call a server.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tower::service_fn;

use crate::access::ACTOR;

/// How long a connection may take to be there.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Who vouches for a server at `https://`, and what is shown to it.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsOptions {
    /// PEM file with the authorities that may vouch for a server at https:// [default: those that browsers know]
    #[arg(long, env = "CONSIGN_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// PEM file with the certificate to show to a server at https:// that asks for one
    #[arg(long, env = "CONSIGN_CLIENT_CERTIFICATE", value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate
    #[arg(long, env = "CONSIGN_CLIENT_KEY", value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
}

/// The server that a command calls, and as whom.
#[derive(Debug, Clone, Args)]
pub struct ServerOptions {
    /// The server
    #[arg(long, env = "CONSIGN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    pub address: String,
    #[command(flatten)]
    pub tls: TlsOptions,
    /// The API key to show, if the server asks for one; better in the environment, where nobody reads it
    #[arg(long, env = "CONSIGN_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub api_key: Option<String>,
}

impl ServerOptions {
    /// Connects to the server; calls show the key.
    pub(crate) async fn connect(&self) -> Result<KeyedChannel, Unreachable> {
        let Self { address, tls, api_key } = self;
        let key = ShowKey::of(api_key.as_deref());
        let key = key.ok_or_else(|| Unreachable {
            target: address.clone(),
            why: "the API key has characters that no key has".to_owned(),
        })?;
        Ok(KeyedChannel::new(connect(address, tls, CONNECT_WITHIN).await?, key.over(tls)))
    }
}

/// No server was found there.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach {target}: {why}")]
pub struct Unreachable {
    target: String,
    why: String,
}

/// A server refused a call.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {code:?}: {message}", code = .status.code(), message = .status.message())]
pub struct Refused {
    pub call: &'static str,
    pub status: Box<tonic::Status>,
}

/// Connects to the server at `target`: `host:port`, or a URL; with TLS if that begins with `https://`. Then the server's
/// certificate has to be vouched for as `tls` says.
pub(crate) async fn connect(
    target: &str,
    tls: &TlsOptions,
    within: Duration,
) -> Result<Channel, Unreachable> {
    let failed = |why: String| Unreachable { target: target.to_owned(), why };
    let address = if target.contains("://") { target.to_owned() } else { format!("http://{target}") };
    let endpoint = Endpoint::from_shared(address).map_err(|it| failed(told(&it)))?;
    let endpoint = endpoint.connect_timeout(within);
    let connected = match endpoint.uri().scheme_str() {
        Some("https") => {
            let tls = Tls::of(tls).map_err(failed)?;
            endpoint.connect_with_connector(service_fn(move |uri| tls.clone().connect(uri))).await
        }
        _ => endpoint.connect().await,
    };
    connected.map_err(|it| failed(told(&it)))
}

/// The error with what is behind it.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}

/// TLS as a client.
#[derive(Clone)]
struct Tls(TlsConnector);

impl Tls {
    fn of(options: &TlsOptions) -> Result<Self, String> {
        let TlsOptions { ca_file, client_certificate, client_key } = options;
        let mut roots = RootCertStore::empty();
        match ca_file {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => {
                for found in certificates(file)? {
                    roots.add(found).map_err(|it| unusable(file, &it))?;
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|it| it.to_string())?;
        let config = config.with_root_certificates(roots);
        let mut config = match (client_certificate, client_key) {
            (Some(file), Some(key_file)) => {
                let key = PrivateKeyDer::from_pem_file(key_file).map_err(|it| unusable(key_file, &it))?;
                let shown = config.with_client_auth_cert(certificates(file)?, key);
                shown.map_err(|it| unusable(file, &it))?
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let plain = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?;
        Ok(TokioIo::new(self.0.connect(name, plain).await?))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(file).map_err(|it| unusable(file, &it))?;
    found.collect::<Result<_, _>>().map_err(|it| unusable(file, &it))
}

fn unusable(file: &Path, why: &dyn Display) -> String {
    format!("{}: {why}", file.display())
}

/// Shows an API key with every call, if there is one.
#[derive(Clone)]
pub(crate) struct ShowKey {
    key: Option<MetadataValue<Ascii>>,
    /// Whether a certificate says who calls.
    has_certificate: bool,
}

impl ShowKey {
    /// None: the key cannot be sent.
    pub(crate) fn of(key: Option<&str>) -> Option<Self> {
        let Some(key) = key else { return Some(Self { key: None, has_certificate: false }) };
        let mut value: MetadataValue<Ascii> = format!("Bearer {key}").parse().ok()?;
        value.set_sensitive(true);
        Some(Self { key: Some(value), has_certificate: false })
    }

    fn over(self, tls: &TlsOptions) -> Self {
        Self { has_certificate: tls.client_certificate.is_some(), ..self }
    }
}

impl Interceptor for ShowKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.key {
            request.metadata_mut().insert("authorization", key.clone());
        }
        // The key or the certificate says who calls.
        if self.key.is_some() || self.has_certificate {
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
