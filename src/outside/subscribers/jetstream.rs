//! A stream of NATS JetStream that keeps events for many readers, as CloudEvents 1.0 in their JSON format.
//!
//! Each event is one message under a subject of its order and kind. It is taken once the stream has acknowledged it. Its id is
//! `Nats-Msg-Id`, by which the stream drops what it was told before. The connection is in `nats`, which is there with the
//! feature of that name.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::domain::Invalid;
use crate::outside::http::checking_certificates;
use crate::outside::subscribers::contract::{EventReceiver, NotTaken};
#[cfg(feature = "nats")]
use crate::outside::subscribers::nats::Publisher;
#[cfg(not(feature = "nats"))]
use crate::outside::subscribers::nats_off::Publisher;
use crate::outside::subscribers::notice::Notice;
use crate::outside::subscribers::stream::{NatsServer, NatsStream};

/// Whether the program can publish to NATS.
pub const PUBLISHES_TO_NATS: bool = cfg!(feature = "nats");

pub struct JetStream {
    server: NatsServer,
    stream: NatsStream,
    publisher: Publisher,
}

impl JetStream {
    /// Whether an address is one of NATS.
    pub fn is_at(url: &str) -> bool {
        url.starts_with("nats://") || url.starts_with("tls://")
    }

    /// `tls` says who may vouch for the server.
    pub fn new(server: NatsServer, stream: NatsStream, tls: Arc<ClientConfig>) -> Self {
        Self { server, stream, publisher: Publisher::new(tls) }
    }
}

#[async_trait]
impl EventReceiver for JetStream {
    fn address(&self) -> String {
        self.server.url.clone()
    }

    async fn tell(&self, notice: &Notice, _: i64) -> Result<(), NotTaken> {
        let subject = self.stream.prefix.subject(notice);
        let body = notice.cloud_event(self.stream.source.as_str());
        self.publisher.publish(&self.server, &self.stream, &subject, &notice.id, &body).await
    }
}

/// TLS that trusts the authorities in a PEM file; without one, whom browsers trust.
pub fn trusting(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Invalid> {
    let unusable = || Invalid::new("TLS cannot be prepared");
    let Some(file) = ca_file else { return checking_certificates().ok_or_else(unusable) };
    let at = |it: &dyn Display| Invalid::new(format!("{}: {it}", file.display()));
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(file).map_err(|it| at(&it))? {
        roots.add(authority.map_err(|it| at(&it))?).map_err(|it| at(&it))?;
    }
    if roots.is_empty() {
        return Err(at(&"there is no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(|_| unusable())?;
    Ok(Arc::new(tls.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read_from_a_file_that_has_some() {
        assert!(trusting(Some(Path::new("tests/it/tls/authority.pem"))).is_ok());
        let missing = trusting(Some(Path::new("/nowhere/ca.pem"))).expect_err("it is not there");
        assert!(missing.0.starts_with("/nowhere/ca.pem: "), "{missing}");
        assert!(trusting(Some(Path::new("Cargo.toml"))).is_err());
    }
}
