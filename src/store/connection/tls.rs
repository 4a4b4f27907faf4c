//! TLS to PostgreSQL, as the address says by `sslmode`: `disable`, `prefer` (the default) and `require` as libpq has
//! them, which take any certificate; `verify-ca` and `verify-full` check it against the known authorities, or against
//! those in the file `sslrootcert`.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::connection::error::StoreError;

/// How a connection is made secret.
#[derive(Clone)]
pub(super) enum Tls {
    None,
    By(MakeRustlsConnect),
}

impl Tls {
    /// The address without what is said about TLS, and how to do it.
    pub(super) fn of(url: &str) -> Result<(Config, Self), StoreError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = ("prefer", None, Vec::new());
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode" | "ssl-mode", it)) => mode = it,
                Some(("sslrootcert" | "ssl-root-cert" | "ssl-ca", it)) => {
                    roots = Some(it.replace("%2F", "/"))
                }
                _ => rest.push(pair),
            }
        }
        let plain =
            if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        let wrong = |_| StoreError::Unavailable("the database address is not a postgres:// URL".to_owned());
        let mut config: Config = plain.parse().map_err(wrong)?;
        if config.get_password().is_none()
            && let Ok(password) = std::env::var("PGPASSWORD")
        {
            config.password(password);
        }

        let (ssl, check) = match mode {
            "disable" => (SslMode::Disable, None),
            "allow" | "prefer" => (SslMode::Prefer, Some(Check::Nothing)),
            "require" => (SslMode::Require, Some(Check::Nothing)),
            "verify-ca" => (SslMode::Require, Some(Check::Authority)),
            "verify-full" => (SslMode::Require, Some(Check::AuthorityAndName)),
            other => {
                return Err(StoreError::Unavailable(format!(
                    "sslmode {other} of the database address is unknown"
                )));
            }
        };
        config.ssl_mode(ssl);
        let tls = match check {
            None => Self::None,
            Some(check) => Self::By(MakeRustlsConnect::new(settings(check, roots.as_deref())?)),
        };
        Ok((config, tls))
    }

    /// A connection to the hosts of this configuration.
    pub(super) async fn begin(&self, config: &Config) -> Result<Connected, tokio_postgres::Error> {
        Ok(match self {
            Self::None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, connection.boxed())
            }
            Self::By(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                (client, connection.boxed())
            }
        })
    }
}

/// A connection, and what reads and writes its socket.
pub(super) type Connected = (Client, BoxFuture<'static, Result<(), tokio_postgres::Error>>);

/// What of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

fn settings(check: Check, roots: Option<&str>) -> Result<ClientConfig, StoreError> {
    let failed = |what: String| StoreError::Unavailable(format!("TLS to the database: {what}"));
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        Check::Nothing => Arc::new(Lenient { provider: Arc::clone(&provider), authority: None }),
        Check::Authority | Check::AuthorityAndName => {
            let mut known = RootCertStore::empty();
            match roots {
                None => known.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
                Some(file) => {
                    let found = CertificateDer::pem_file_iter(file).map_err(|it| failed(it.to_string()))?;
                    for certificate in found {
                        let certificate = certificate.map_err(|it| failed(it.to_string()))?;
                        known.add(certificate).map_err(|it| failed(it.to_string()))?;
                    }
                }
            }
            let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(known), Arc::clone(&provider))
                .build()
                .map_err(|it| failed(it.to_string()))?;
            match check {
                Check::AuthorityAndName => strict,
                _ => Arc::new(Lenient { provider: Arc::clone(&provider), authority: Some(strict) }),
            }
        }
    };
    let settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|it| failed(it.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(settings)
}

/// Does not look at the name in a certificate, and at who signed it only if there is an authority to ask.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
