//! A mail relay that speaks SMTP, keeps what it takes, and says no, stalls, hangs up or goes away when a test tells it to.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Where in a conversation something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Greeting,
    Mail,
    Rcpt,
    Data,
    /// After the last line of the letter.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// With these words instead of a yes.
    Say(&'static str),
    Stall,
    HangUp,
    /// The letter is taken, and the connection ends before the answer.
    TakeAndHangUp,
}

/// A letter that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Taken {
    pub(crate) fn message_id(&self) -> &str {
        let line = self.text.lines().find_map(|it| it.strip_prefix("Message-ID: "));
        line.expect("every letter has one")
    }
}

#[derive(Default)]
struct Talk {
    act: Mutex<Option<(At, Act)>>,
    taken: Mutex<Vec<Taken>>,
    /// What callers have to log in with.
    login: Option<(String, String)>,
    secret: Option<TlsAcceptor>,
    calls: AtomicUsize,
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    talk: Arc<Talk>,
    door: Mutex<Option<JoinHandle<()>>>,
}

impl Relay {
    pub(crate) async fn open() -> Self {
        Self::open_with(Talk::default()).await
    }

    /// One that offers STARTTLS, and takes letters only from those who used it and logged in.
    pub(crate) async fn open_to(user: &str, password: &str) -> Self {
        let chain = CertificateDer::from_pem_file(certificate()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(certificate().with_file_name("key.pem")).expect("a key");
        let config =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .expect("the usual versions")
                .with_no_client_auth()
                .with_single_cert(vec![chain], key)
                .expect("they belong together");
        let secret = Some(TlsAcceptor::from(Arc::new(config)));
        let login = Some((user.to_owned(), password.to_owned()));
        Self::open_with(Talk { login, secret, ..Talk::default() }).await
    }

    async fn open_with(talk: Talk) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let relay = Self { address, talk: Arc::new(talk), door: Mutex::default() };
        relay.answer(listener);
        relay
    }

    fn answer(&self, listener: TcpListener) {
        let talk = Arc::clone(&self.talk);
        let door = tokio::spawn(async move {
            // They end with the door.
            let mut callers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talk.calls.fetch_add(1, Ordering::Relaxed);
                callers.spawn(converse(stream, Arc::clone(&talk)));
            }
        });
        *self.door.lock().unwrap() = Some(door);
    }

    /// Nobody listens there any more, and whoever was connected is cut off.
    pub(crate) async fn go_away(&self) {
        let door = self.door.lock().unwrap().take();
        if let Some(door) = door {
            door.abort();
            let _ = door.await;
        }
    }

    pub(crate) async fn come_back(&self) {
        let listener = TcpListener::bind(self.address).await.expect("its port is free");
        self.answer(listener);
    }

    /// From now on, every time.
    pub(crate) fn act(&self, at: At, act: Act) {
        *self.talk.act.lock().unwrap() = Some((at, act));
    }

    pub(crate) fn behave(&self) {
        *self.talk.act.lock().unwrap() = None;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.talk.taken.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.talk.calls.load(Ordering::Relaxed)
    }
}

/// For `localhost`, vouched for by nobody but itself.
pub(crate) fn certificate() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/relay/certificate.pem")
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One caller, until it hangs up or the relay does.
async fn converse(stream: TcpStream, talk: Arc<Talk>) {
    let stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(stream));
    let mut caller = Caller { stream, talk, known: false, secret: false };
    // Callers hang up as they like.
    let Ok(true) = caller.answer(At::Greeting, "220 relay.example ESMTP").await else { return };
    loop {
        match caller.serve().await {
            Ok(Next::Secret) => {}
            Ok(Next::Over) | Err(_) => return,
        }
        match caller.secured().await {
            Ok(secured) => caller = secured,
            Err(_) => return,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Over,
    /// What follows is encrypted.
    Secret,
}

struct Caller {
    stream: BufReader<Box<dyn Stream>>,
    talk: Arc<Talk>,
    known: bool,
    secret: bool,
}

impl Caller {
    async fn serve(&mut self) -> io::Result<Next> {
        let mut to = String::new();
        loop {
            let line = self.line().await?;
            let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let goes_on = match word.as_str() {
                "EHLO" => self.introduce().await?,
                "STARTTLS" => {
                    self.say("220 go ahead").await?;
                    return Ok(Next::Secret);
                }
                "AUTH" => self.recognise(&line).await?,
                "MAIL" if self.talk.login.is_some() && !self.known => {
                    self.say("530 5.7.0 log in first").await?
                }
                "MAIL" => self.answer(At::Mail, "250 2.1.0 ok").await?,
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    self.answer(At::Rcpt, "250 2.1.5 ok").await?
                }
                "DATA" => self.answer(At::Data, "354 go ahead").await? && self.take(&to).await?,
                "QUIT" => !self.say("221 bye").await?,
                "" => false,
                _ => self.say("250 ok").await?,
            };
            if !goes_on {
                return Ok(Next::Over);
            }
        }
    }

    async fn secured(self) -> io::Result<Self> {
        let acceptor = self.talk.secret.clone().ok_or(io::ErrorKind::Unsupported)?;
        let stream = acceptor.accept(self.stream.into_inner()).await?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), talk: self.talk, known: false, secret: true })
    }

    async fn introduce(&mut self) -> io::Result<bool> {
        let (offers_tls, knows_users) = (self.talk.secret.is_some(), self.talk.login.is_some());
        let mut lines = vec!["relay.example", "8BITMIME"];
        lines.extend((offers_tls && !self.secret).then_some("STARTTLS"));
        lines.extend((knows_users && self.secret).then_some("AUTH PLAIN"));
        for line in lines {
            self.say(&format!("250-{line}")).await?;
        }
        self.say("250 HELP").await
    }

    async fn recognise(&mut self, line: &str) -> io::Result<bool> {
        let said = line.strip_prefix("AUTH PLAIN ").unwrap_or_default();
        let said = base64::engine::general_purpose::STANDARD.decode(said).unwrap_or_default();
        let expected = self.talk.login.as_ref().map(|(user, password)| format!("\0{user}\0{password}"));
        self.known = expected.is_some_and(|it| it.as_bytes() == said);
        self.say(if self.known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong user or password" }).await
    }

    async fn take(&mut self, to: &str) -> io::Result<bool> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push('\n');
        }
        let act = *self.talk.act.lock().unwrap();
        let is_taken = match act {
            Some((At::End, Act::TakeAndHangUp)) => true,
            Some((At::End, _)) => false,
            _ => true,
        };
        if is_taken {
            self.talk.taken.lock().unwrap().push(Taken { to: to.to_owned(), text });
        }
        self.answer(At::End, "250 2.0.0 taken").await
    }

    /// Says yes here, unless a test wants something else. False: the conversation is over.
    async fn answer(&mut self, here: At, yes: &str) -> io::Result<bool> {
        let act = self.talk.act.lock().unwrap().filter(|it| it.0 == here);
        match act.map(|it| it.1) {
            None => self.say(yes).await,
            Some(Act::Say(words)) => {
                self.say(words).await?;
                Ok(here != At::Greeting && here != At::Data)
            }
            Some(Act::Stall) => std::future::pending().await,
            Some(Act::HangUp | Act::TakeAndHangUp) => Ok(false),
        }
    }

    async fn say(&mut self, words: &str) -> io::Result<bool> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(true)
    }

    /// Without its end; an error where there is no more.
    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}
