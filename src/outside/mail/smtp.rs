//! Letters to a mail relay, by SMTP.

use std::error::Error as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::domain::{Sender, Unsent};
use crate::outside::mail::contract::{Email, Mail};
use crate::outside::mail::message::{Encoding, Written, ascii_domain, written};
use crate::outside::mail::outages::Outages;
use crate::outside::mail::words::cleaned;

/// How long a letter waits for a connection while others have them all.
const SEAT_WITHIN: Duration = Duration::from_secs(2);

/// How long a connection without letters is used again; relays close theirs after a while.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// Answers that say nothing about a letter: the relay goes down, or does not know us.
const NOT_THE_LETTER: [u16; 5] = [421, 530, 534, 535, 538];

/// A relay, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Relay {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// The authorities that may vouch for the relay, a PEM file. None: those that browsers know.
    pub ca_file: Option<PathBuf>,
    pub login: Option<Login>,
    /// How we name ourselves. None: by the domain of the sender's address.
    pub hello: Option<String>,
    /// Connections at once.
    pub connections: usize,
    /// How long it may take to be connected, TLS and login included.
    pub connect_within: Duration,
    /// How long each answer may take.
    pub answer_within: Duration,
}

/// How a connection is made secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    None,
    /// Begun in the clear; a relay that does not offer it gets no letter.
    StartTls,
    Implicit,
}

#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Hands letters to a relay. A letter counts as sent when the relay has said so: should this process end between that
/// answer and its own commit, or the answer get lost, the letter is sent once more under the same Message-ID.
pub struct Smtp {
    relay: Relay,
    from: Sender,
    secret: Option<TlsParameters>,
    hello: ClientId,
    seats: Semaphore,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
    outages: Outages,
}

/// Why a letter was not handed over.
#[derive(Debug)]
enum Fault {
    /// The relay does not answer, or does not take our connection; it has not seen the letter.
    Away(String),
    /// It takes the letter later.
    NotNow(String),
    /// It does not take the letter.
    Never(String),
    /// It has seen the letter; whether it took it nobody knows.
    Unknown(String),
}

impl Smtp {
    /// An error says what is wrong with the file of authorities.
    pub fn new(relay: Relay, from: Sender) -> Result<Self, String> {
        let secret = match relay.tls {
            Tls::None => None,
            Tls::StartTls | Tls::Implicit => Some(tls_parameters(&relay)?),
        };
        let own = ascii_domain(&from.address);
        let hello = ClientId::Domain(relay.hello.clone().unwrap_or(own));
        let seats = Semaphore::new(relay.connections);
        Ok(Self { relay, from, secret, hello, seats, idle: Mutex::default(), outages: Outages::default() })
    }
}

fn tls_parameters(relay: &Relay) -> Result<TlsParameters, String> {
    let mut builder: TlsParametersBuilder = TlsParameters::builder(relay.host.clone());
    if let Some(file) = &relay.ca_file {
        let at = |it: &dyn std::fmt::Display| format!("{}: {it}", file.display());
        let pem = std::fs::read(file).map_err(|it| at(&it))?;
        let begins = b"BEGIN CERTIFICATE";
        if !pem.windows(begins.len()).any(|it| it == begins) {
            return Err(at(&"there is no certificate in it"));
        }
        let authority = Certificate::from_pem(&pem).map_err(|it| at(&it))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|it| it.to_string())
}

#[async_trait]
impl Mail for Smtp {
    async fn send(&self, email: &Email) -> Result<(), Unsent> {
        let written = written(email, &self.from, Encoding::Ascii)?;
        self.outages.look()?;
        let Ok(Ok(_seat)) = timeout(SEAT_WITHIN, self.seats.acquire()).await else {
            return Err(Unsent::NotTried("all connections to the relay are busy".to_owned()));
        };
        self.outages.admit()?;
        let handed_over = self.hand_over(&written).await;
        match &handed_over {
            Ok(()) | Err(Fault::NotNow(_) | Fault::Never(_)) => self.outages.is_there(),
            Err(Fault::Away(why) | Fault::Unknown(why)) => self.outages.is_away(why),
        }
        handed_over.map_err(|it| match it {
            Fault::Away(why) => Unsent::NotTried(why),
            Fault::NotNow(why) | Fault::Unknown(why) => Unsent::Later(why),
            Fault::Never(why) => Unsent::Refused(why),
        })
    }
}

impl Smtp {
    async fn hand_over(&self, letter: &Written) -> Result<(), Fault> {
        let Written { envelope, bytes } = letter;
        let mut connection = self.announced(envelope).await?;
        for to in envelope.to() {
            self.answered(connection.command(Rcpt::new(to.clone(), Vec::new()))).await?;
        }
        self.answered(connection.command(Data)).await?;
        // The end of the last line is sent with the end of the letter.
        let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        match timeout(self.relay.answer_within, connection.message(bytes)).await {
            Ok(Ok(_yes)) => {}
            Ok(Err(error)) if error.status().is_some() => return Err(fault(&error)),
            Ok(Err(error)) => {
                return Err(Fault::Unknown(format!(
                    "{}, before it said whether it took the letter",
                    words(&error)
                )));
            }
            Err(_) => {
                return Err(Fault::Unknown("the relay did not say whether it took the letter".to_owned()));
            }
        }
        self.keep(connection);
        Ok(())
    }

    /// A connection whose relay awaits the recipient of a letter from us.
    async fn announced(&self, envelope: &Envelope) -> Result<AsyncSmtpConnection, Fault> {
        // What was idle may have been closed by the relay meanwhile, which says nothing about a new one.
        if let Some(mut connection) = self.take_idle() {
            match self.announce(&mut connection, envelope).await {
                Ok(()) => return Ok(connection),
                Err(fault @ Fault::Never(_)) => return Err(fault),
                Err(Fault::Away(_) | Fault::NotNow(_) | Fault::Unknown(_)) => {}
            }
        }
        let mut connection = self.connect().await?;
        self.announce(&mut connection, envelope).await?;
        Ok(connection)
    }

    async fn announce(&self, connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Fault> {
        let beyond_ascii = envelope
            .to()
            .iter()
            .chain(envelope.from())
            .any(|it| !(it.user().is_ascii() && it.domain().is_ascii()));
        let parameters = match beyond_ascii {
            false => Vec::new(),
            true if connection.server_info().supports_feature(Extension::SmtpUtfEight) => {
                vec![MailParameter::SmtpUtfEight]
            }
            true => return Err(Fault::Never("the relay takes addresses in ASCII only".to_owned())),
        };
        self.answered(connection.command(MailFrom::new(envelope.from().cloned(), parameters))).await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Fault> {
        let Relay { host, port, tls, login, connect_within, .. } = &self.relay;
        let connecting = async {
            let implicit = self.secret.clone().filter(|_| *tls == Tls::Implicit);
            let address = (host.as_str(), *port);
            // With time for another address, where the first of several does not answer.
            let each = Some(*connect_within / 2);
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(address, each, &self.hello, implicit, None).await?;
            if let Some(secret) = self.secret.clone().filter(|_| *tls == Tls::StartTls) {
                connection.starttls(secret, &self.hello).await?;
            }
            if let Some(Login { user, password }) = login {
                let credentials = Credentials::new(user.clone(), password.clone());
                connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
            }
            Ok::<_, smtp::Error>(connection)
        };
        match timeout(*connect_within, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            // Also a refusal: it is meant for us, and may be put right.
            Ok(Err(error)) => Err(Fault::Away(words(&error))),
            Err(_) => Err(Fault::Away(format!("the relay was silent for {} s", connect_within.as_secs()))),
        }
    }

    /// The answer to a command, if it is yes.
    async fn answered<T>(&self, asking: impl Future<Output = Result<T, smtp::Error>>) -> Result<(), Fault> {
        let seconds = self.relay.answer_within;
        match timeout(seconds, asking).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(Fault::Away(format!("the relay was silent for {} s", seconds.as_secs()))),
        }
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|it| it.0.elapsed() < IDLE_MAX);
        idle.pop().map(|it| it.1)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), connection));
    }
}

fn fault(error: &smtp::Error) -> Fault {
    let why = words(error);
    match error.status().map(u16::from) {
        Some(code) if NOT_THE_LETTER.contains(&code) => Fault::Away(why),
        Some(400..=499) => Fault::NotNow(why),
        Some(_) => Fault::Never(why),
        None => Fault::Away(why),
    }
}

/// `the relay said 550 5.1.1 <…>: User unknown`, or what went wrong with the connection.
fn words(error: &smtp::Error) -> String {
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let said = cleaned(&said);
    match error.status() {
        Some(code) => format!("the relay said {code} {said}").trim_end().to_owned(),
        None => format!("the relay: {}", cleaned(&error.to_string())),
    }
}
