//! The connection to a NATS server, in a program that was built with the feature `nats`.
//!
//! A connection that did not answer is not used again, and finds no other one by itself after more than one try: what it still
//! has to send would be sent when its server is back, which may be later than a stream remembers ids.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{CreateStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context, ContextBuilder, ErrorCode};
use async_nats::{ConnectOptions, HeaderMap};
use hyper::body::Bytes;
use rustls::ClientConfig;
use tokio::net::lookup_host;

use crate::outside::subscribers::addresses::is_public;
use crate::outside::subscribers::contract::NotTaken;
use crate::outside::subscribers::stream::{IfMissing, NatsLogin, NatsServer, NatsStream, NatsTls};
use crate::traces;

/// What the structured mode of CloudEvents' binding for NATS is known by.
const CLOUD_EVENT: &str = "application/cloudevents+json";

/// How long a stream that is made here remembers ids: longer than an event waits to be told again, which is an hour and a
/// part of it.
const IDS_KNOWN_FOR: Duration = Duration::from_secs(2 * 3_600);

/// How long the server may take to acknowledge; whoever calls waits less.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);

/// Publishes over one connection, which is made when it is needed.
pub(super) struct Publisher {
    tls: Arc<ClientConfig>,
    open: Mutex<Option<Arc<Context>>>,
    /// Held by the one who connects.
    opening: tokio::sync::Mutex<()>,
}

/// A connection in use. Unless it is said that it goes on, it is left with this, also if the call is given up.
struct InUse<'p> {
    publisher: &'p Publisher,
    context: Arc<Context>,
    goes_on: bool,
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        if !self.goes_on {
            self.publisher.leave(&self.context);
        }
    }
}

impl Publisher {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls, open: Mutex::new(None), opening: tokio::sync::Mutex::new(()) }
    }

    /// Publishes an event, and waits until the stream has it; one that it has already is taken too.
    pub(super) async fn publish(
        &self,
        server: &NatsServer,
        stream: &NatsStream,
        subject: &str,
        id: &str,
        event: &str,
    ) -> Result<(), NotTaken> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        // Of all streams that the subject may lead to, this one only.
        headers.insert("Nats-Expected-Stream", stream.name.as_str());
        headers.insert("content-type", CLOUD_EVENT);
        if let Some(context) = traces::traceparent() {
            headers.insert("traceparent", context);
        }

        let context = self.connected(server, stream).await?;
        let mut connection = InUse { publisher: self, context, goes_on: false };
        let event = Bytes::copy_from_slice(event.as_bytes());
        let sent = connection.context.publish_with_headers(subject.to_owned(), headers, event).await;
        let acknowledged = match sent {
            Ok(waiting) => waiting.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(_) => {
                connection.goes_on = true;
                Ok(())
            }
            Err(error) => {
                let why = told(&error, stream, subject);
                // A stream that is gone is looked for, or made, with the next connection.
                connection.goes_on = why.is_refusal() && error.kind() != PublishErrorKind::StreamNotFound;
                Err(why)
            }
        }
    }

    async fn connected(&self, server: &NatsServer, stream: &NatsStream) -> Result<Arc<Context>, NotTaken> {
        if let Some(context) = self.in_use() {
            return Ok(context);
        }
        let _only_one = self.opening.lock().await;
        if let Some(context) = self.in_use() {
            return Ok(context);
        }
        let context = Arc::new(self.connect(server, stream).await?);
        *self.open() = Some(Arc::clone(&context));
        Ok(context)
    }

    async fn connect(&self, server: &NatsServer, stream: &NatsStream) -> Result<Context, NotTaken> {
        let no_answer =
            |what: &str, why: &dyn std::fmt::Display| NotTaken::NoAnswer(format!("{what}: {why}"));
        if !server.allows_private {
            let found = lookup_host((server.host.as_str(), server.port)).await;
            let mut found = found.map_err(|it| no_answer("cannot be reached", &it))?;
            if !found.all(|it| is_public(it.ip())) {
                return Err(NotTaken::Address);
            }
        }
        let options = ConnectOptions::new()
            .name("consign")
            .require_tls(server.tls == NatsTls::Always)
            .tls_client_config((*self.tls).clone())
            // Addresses that the server names were looked at by nobody.
            .ignore_discovered_servers()
            .max_reconnects(1);
        let options = match &stream.login {
            NatsLogin::Nobody => options,
            NatsLogin::Token(token) => options.token(token.clone()),
            // Whoever reads it needs the line end, which a secret in a file does not have.
            NatsLogin::Credentials(text) => options
                .credentials(&format!("{text}\n"))
                .map_err(|it| no_answer("its credentials cannot be used", &it))?,
        };
        let client = options.connect(server.url.as_str()).await;
        let client = client.map_err(|it| no_answer("cannot be reached", &it))?;
        let context = ContextBuilder::new().timeout(ACKNOWLEDGED_WITHIN).build(client);
        match stream.if_missing {
            IfMissing::Make => make_stream(&context, stream).await?,
            IfMissing::Wait => {}
        }
        Ok(context)
    }

    /// The connection, if there is one that is not broken.
    fn in_use(&self) -> Option<Arc<Context>> {
        let context = self.open().clone()?;
        (context.client().connection_state() == State::Connected).then_some(context)
    }

    fn leave(&self, context: &Arc<Context>) {
        let mut open = self.open();
        if open.as_ref().is_some_and(|it| Arc::ptr_eq(it, context)) {
            *open = None;
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Arc<Context>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the stream, unless it is there; one that is there stays as it is.
async fn make_stream(context: &Context, stream: &NatsStream) -> Result<(), NotTaken> {
    let config = Config {
        name: stream.name.as_str().to_owned(),
        subjects: vec![stream.prefix.all()],
        duplicate_window: IDS_KNOWN_FOR,
        description: Some("Events of orders".to_owned()),
        ..Config::default()
    };
    let Err(error) = context.get_or_create_stream(config).await else { return Ok(()) };
    let name = stream.name.as_str();
    Err(match error.kind() {
        CreateStreamErrorKind::JetStream(why) => {
            NotTaken::Refused(format!("the stream {name} cannot be made: {why}"))
        }
        _ => NotTaken::NoAnswer(format!("the stream {name} cannot be made: {error}")),
    })
}

fn told(error: &PublishError, stream: &NatsStream, subject: &str) -> NotTaken {
    let stream = stream.name.as_str();
    let answer = error.source().and_then(|it| it.downcast_ref::<jetstream::Error>());
    match (error.kind(), answer) {
        (PublishErrorKind::StreamNotFound, _) => {
            NotTaken::Refused(format!("there is no stream {stream} for {subject}, or no JetStream at all"))
        }
        (_, Some(answer)) if answer.error_code() == ErrorCode::STREAM_NOT_MATCH => {
            NotTaken::Refused(format!("{subject} belongs to another stream than {stream}"))
        }
        (_, Some(answer)) => NotTaken::Refused(answer.to_string()),
        (PublishErrorKind::MaxPayloadExceeded, None) => NotTaken::Refused(error.to_string()),
        (_, None) => NotTaken::NoAnswer(error.to_string()),
    }
}
