//! TLS below the calls: certificates come from files, and are read again when these change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::access::{Certificate, Peer};
use crate::domain::Timestamp;
use crate::settings::TlsSettings;
use crate::work::stop_requested;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The only protocol that callers of the API speak over TLS.
const HTTP_2: &[u8] = b"h2";

/// The one of the operators' port.
const HTTP_1: &[u8] = b"http/1.1";

/// What the files say, as it was when they were last read.
pub struct Certificates {
    files: Files,
    current: RwLock<Current>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_authorities: Option<PathBuf>,
}

struct Current {
    config: Arc<ServerConfig>,
    ends: Ends,
    written: Written,
    /// What could not be used when it was last looked at, so that the log says so once.
    unusable: Option<Written>,
}

/// When the first certificate of each file is over, by whose they are.
type Ends = Vec<(&'static str, Timestamp)>;

/// Each file's time of change, and its size in bytes.
type Written = Vec<Option<(SystemTime, u64)>>;

impl Certificates {
    /// None: the settings ask for no TLS. The error says which file is at fault.
    pub fn read(settings: &TlsSettings) -> Result<Option<Self>, String> {
        let TlsSettings { certificate, key, client_authorities } = settings;
        let (Some(certificate), Some(key)) = (certificate.clone(), key.clone()) else { return Ok(None) };
        let files = Files { certificate, key, client_authorities: client_authorities.clone() };
        let written = files.written();
        let (config, ends) = files.config()?;
        let current = Current { config, ends, written, unusable: None };
        Ok(Some(Self { files, current: RwLock::new(current) }))
    }

    /// For one connection: it keeps what it began with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current.config))
    }

    /// The same for one of the operators' port.
    pub fn http_acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let mut config = ServerConfig::clone(&current.config);
        config.alpn_protocols = vec![HTTP_1.to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// When those in use are over: the server's (with those between it and its authority), and the authorities of callers'.
    pub fn ends(&self) -> Vec<(&'static str, Timestamp)> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).ends.clone()
    }

    /// Reads the files again whenever they change, until the server stops. If they cannot be used, the old ones stay.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = stop_requested(&mut stop) => return,
                () = sleep(LOOK_EVERY) => self.look(),
            }
        }
    }

    fn look(&self) {
        let written = self.files.written();
        if self.current.read().unwrap_or_else(PoisonError::into_inner).written == written {
            return;
        }
        let read = self.files.config();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok((config, ends)) => {
                *current = Current { config, ends, written, unusable: None };
                tracing::info!("new certificates are in use for new connections");
            }
            // It is tried again: who may read a file is not seen in what is written in it.
            Err(error) if current.unusable.as_ref() != Some(&written) => {
                tracing::error!(%error, "the certificates changed and cannot be used; the old ones stay");
                current.unusable = Some(written);
            }
            Err(_) => {}
        }
    }
}

impl Files {
    fn written(&self) -> Written {
        let files = [&self.certificate, &self.key].into_iter().chain(&self.client_authorities);
        let written = |it: &PathBuf| {
            let found = fs::metadata(it).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        files.map(written).collect()
    }

    fn config(&self) -> Result<(Arc<ServerConfig>, Ends), String> {
        let chain = certificates(&self.certificate)?;
        let mut ends: Ends = first_end(&chain).map(|it| ("server", it)).into_iter().collect();
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|it| at(&self.key, it))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|it| it.to_string())?;
        let config = match &self.client_authorities {
            Some(file) => {
                let mut roots = RootCertStore::empty();
                let authorities = certificates(file)?;
                ends.extend(first_end(&authorities).map(|it| ("client_authorities", it)));
                for authority in authorities {
                    roots.add(authority).map_err(|it| at(file, it))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().map_err(|it| at(file, it))?)
            }
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(chain, key).map_err(|it| at(&self.certificate, it))?;
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        Ok((Arc::new(config), ends))
    }
}

/// None: none of them can be read so far.
fn first_end(certificates: &[CertificateDer<'_>]) -> Option<Timestamp> {
    certificates.iter().filter_map(|it| Certificate::read(it)).map(|it| it.expires).min()
}

/// Who is at the other end of a connection, as its certificate says.
pub fn peer_of(connection: &ServerConnection) -> Peer {
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    Peer { certificate: shown.and_then(|it| Certificate::read(it)).map(Arc::new) }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(file).map_err(|it| at(file, it))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|it| at(file, it))?;
    if found.is_empty() { Err(at(file, "no certificate is in it")) } else { Ok(found) }
}

fn at(file: &Path, why: impl ToString) -> String {
    format!("{}: {}", file.display(), why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_leave_what_was_and_good_ones_take_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let of_tests = |it: &str| format!("tests/it/tls/{it}");
        let (shown, key) = (folder.path().join("shown.pem"), folder.path().join("key.pem"));
        fs::copy(of_tests("server.pem"), &shown).unwrap();
        fs::copy(of_tests("server.key.pem"), &key).unwrap();
        let settings = TlsSettings {
            certificate: Some(shown.clone()),
            key: Some(key.clone()),
            client_authorities: Some(of_tests("authority.pem").into()),
        };
        let certificates = Certificates::read(&settings).unwrap().expect("the settings ask for TLS");
        let config = || Arc::clone(&certificates.current.read().unwrap().config);
        let first = config();
        certificates.look();
        assert!(Arc::ptr_eq(&first, &config()), "nothing has changed");

        for broken in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            fs::write(&shown, broken).unwrap();
            certificates.look();
            assert!(Arc::ptr_eq(&first, &config()), "{broken:?}");
            assert!(Certificates::read(&settings).is_err_and(|it| it.contains("shown.pem")), "{broken:?}");
        }
        // A certificate without its own key is of no use either.
        fs::copy(of_tests("renewed.pem"), &shown).unwrap();
        certificates.look();
        assert!(Arc::ptr_eq(&first, &config()));
        fs::copy(of_tests("renewed.key.pem"), &key).unwrap();
        certificates.look();
        assert!(!Arc::ptr_eq(&first, &config()));

        let ends = |it: &Certificates| -> Vec<String> {
            it.ends().into_iter().map(|(of, at)| format!("{of} {at}")).collect()
        };
        let authority = "client_authorities 2120-01-01T00:00:01Z";
        assert_eq!(ends(&certificates), ["server 2120-01-01T00:00:01Z", authority]);
        fs::copy(of_tests("sooner.pem"), &shown).unwrap();
        certificates.look();
        assert_eq!(ends(&certificates), ["server 2100-01-01T00:00:01Z", authority]);
        // The first of a chain counts, wherever it stands in the file.
        let both = ["renewed.pem", "sooner.pem"].map(|it| fs::read_to_string(of_tests(it)).unwrap());
        fs::write(&shown, both.concat()).unwrap();
        certificates.look();
        assert_eq!(ends(&certificates), ["server 2100-01-01T00:00:01Z", authority]);
        assert!(Certificates::read(&TlsSettings::default()).unwrap().is_none());
    }
}
