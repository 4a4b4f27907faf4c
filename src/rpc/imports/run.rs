//! One import on its way: rows are taken in, decided several at a time, and answered in their order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch as signal};
use tokio::time::{sleep, timeout};
use tonic::{Request, Status, Streaming};

use crate::domain::{Actor, Problems, Refusal};
use crate::pb;
use crate::rpc::api::{Api, Reply, parsed};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::identity::{actor, owner, principal};
use crate::rpc::imports::answer::{Answered, add, codec, refused, refused_as};
use crate::rpc::imports::row::{Answer, Row};
use crate::rpc::status;
use crate::rpc::streams::watch::{Stream, sent_by};
use crate::settings::Limits;
use crate::store::{Changed, Codec, Effect, RequestContext, RequestKey, RequestMode, Store, StoreError};
use crate::work::stop_requested;

/// Rows of one import that are under way at once: so many may share a transaction.
const ABREAST: usize = 32;

/// How often a row is tried that finds no room, or loses a race.
const TRIES: u32 = 8;

/// How much longer each try waits than the one before.
const PAUSE: Duration = Duration::from_millis(50);

/// How many bytes of a row's key an answer repeats.
const KEY_MAX: usize = 128;

/// Takes rows in until the caller has no more.
pub(super) fn import<R: Row>(api: &Api, request: Request<Streaming<R>>) -> Reply<Stream<R::Response>> {
    let slot = StreamSlot::of(&request);
    let actor = parsed(|bad| actor(request.metadata(), bad))?;
    let owner = owner(request.extensions(), &actor);
    let principal = principal(request.extensions(), &actor);
    let read_within = api.limits.slow_reader();
    let (limits, store, shutdown) = (Arc::clone(&api.limits), api.store().clone(), api.shutdown.clone());
    let inbound = request.into_inner();
    sent_by(slot.clone(), read_within, move |messages| {
        let import = Import {
            inbound,
            messages,
            slot,
            shutdown,
            rows: Rows {
                store,
                actor,
                principal,
                owner,
                within: limits.deadline(),
                codec: codec(&limits),
                options: None,
            },
            limits,
            summary: pb::ImportSummary::default(),
            number: 0,
        };
        import.run()
    })
}

struct Import<R: Row> {
    inbound: Streaming<R>,
    messages: mpsc::Sender<Box<R::Response>>,
    slot: StreamSlot,
    shutdown: signal::Receiver<bool>,
    limits: Arc<Limits>,
    rows: Rows,
    /// Of the rows that were answered.
    summary: pb::ImportSummary,
    /// Of the last row that was read.
    number: i64,
}

/// What every row of an import is decided with.
struct Rows {
    store: Store,
    actor: Actor,
    principal: Option<Actor>,
    /// Whose the ids of its rows are.
    owner: Actor,
    /// How long a row may wait for the writer.
    within: Duration,
    codec: Codec<Answered>,
    /// None until the first message has come.
    options: Option<pb::ImportOptions>,
}

/// The end of the rows.
enum End {
    /// All were sent, or nobody waits for answers any more.
    Over,
    /// The server stops.
    Stopping,
    With(Status),
}

/// A row as it was read.
struct Read<C> {
    number: i64,
    key: String,
    command: Result<C, Refusal>,
    request: Option<RequestKey>,
    subject: String,
}

/// A row that was decided, or the status of an import that cannot go on.
type Landed = (String, Result<pb::ImportResult, Status>);

impl<R: Row> Import<R> {
    /// Runs to the end; returns the status that the stream ends with.
    async fn run(mut self) -> Option<Status> {
        match self.take_rows().await {
            Ok(()) => {
                let summary = self.summary;
                self.send(Answer::Summary(summary)).await.err().and_then(|it| self.status(it))
            }
            Err(end) => self.status(end),
        }
    }

    /// The status to end with. What was under way when the server began to stop is answered by then.
    fn status(&self, end: End) -> Option<Status> {
        match end {
            End::Over => None,
            End::Stopping => Some(status::shutting_down(self.summary.rows)),
            End::With(status) => Some(status),
        }
    }

    async fn take_rows(&mut self) -> Result<(), End> {
        let mut flights: FuturesOrdered<BoxFuture<'static, Landed>> = FuturesOrdered::new();
        let mut subjects = HashSet::new();
        let mut waiting: Option<Read<R::Command>> = None;
        let mut end: Option<End> = None;
        loop {
            if let Some(row) = waiting.take_if(|it| it.subject.is_empty() || !subjects.contains(&it.subject))
            {
                subjects.extend(Some(row.subject.clone()).filter(|it| !it.is_empty()));
                flights.push_back(self.rows.decide::<R>(row));
            }
            let may_read = end.is_none() && waiting.is_none() && flights.len() < ABREAST;
            tokio::select! {
                biased;
                Some((subject, landed)) = flights.next() => {
                    subjects.remove(&subject);
                    self.answer(landed.map_err(End::With)?).await?;
                }
                read = self.next(), if may_read => match read {
                    Ok(row) => waiting = row,
                    Err(over) => end = Some(over),
                },
                else => break,
            }
        }
        match end {
            Some(End::Over) | None => Ok(()),
            Some(end) => Err(end),
        }
    }

    /// The next row; None: the message has options only.
    async fn next(&mut self) -> Result<Option<Read<R::Command>>, End> {
        let Self { inbound, messages, shutdown, limits, .. } = self;
        let message = tokio::select! {
            () = messages.closed() => return Err(End::Over),
            () = stop_requested(shutdown) => return Err(End::Stopping),
            read = timeout(limits.slow_reader(), inbound.message()) => read,
        };
        let mut message = match message {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) if self.rows.options.is_some() => return Err(End::Over),
            Ok(Ok(None)) => return Err(invalid("options", "is required in the first message")),
            Ok(Err(status)) => {
                let text = format!("the request cannot be read: {}", status.message());
                return Err(End::With(status::unreadable(&text)));
            }
            Err(_) => {
                let text = format!("no row came for {} seconds", limits.slow_reader_seconds);
                return Err(End::With(status::too_late(&text)));
            }
        };
        match (message.options(), &self.rows.options) {
            (Some(_), Some(_)) => return Err(invalid("options", "belongs to the first message only")),
            (None, None) => return Err(invalid("options", "is required in the first message")),
            (None, Some(_)) => {}
            (Some(options), None) => {
                check_id(&options.import_id)?;
                self.rows.options = Some(options);
                if message.is_empty() {
                    return Ok(None);
                }
            }
        }
        self.number += 1;
        Ok(Some(self.rows.read(self.number, message)))
    }

    async fn answer(&mut self, result: pb::ImportResult) -> Result<(), End> {
        add(&mut self.summary, &result);
        self.send(Answer::Result(result)).await
    }

    async fn send(&mut self, answer: Answer) -> Result<(), End> {
        let message = Box::new(R::response(answer));
        match timeout(self.limits.slow_reader(), self.messages.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Over),
            Err(_) => {
                self.slot.give_back();
                Err(End::With(status::too_slow(self.summary.rows - 1)))
            }
        }
    }
}

impl Rows {
    /// Notes every bad field, that of the key too.
    fn read<R: Row>(&self, number: i64, message: R) -> Read<R::Command> {
        let mut bad = Problems::default();
        let key = message.row_key().to_owned();
        check_key(&key, &mut bad);
        let fingerprint = Sha256::digest(message.encode_to_vec()).into();
        let command = message.read(&mut bad);
        let command = match command {
            Some(command) if bad.0.is_empty() => Ok(command),
            Some(_) | None => Err(Refusal::Invalid(bad)),
        };
        let subject = command.as_ref().map(R::subject).unwrap_or_default();
        Read { number, request: self.request(R::METHOD, &key, fingerprint), key, command, subject }
    }

    /// The request id of a row: that of its import and its own, as one.
    fn request(&self, method: &'static str, key: &str, fingerprint: [u8; 32]) -> Option<RequestKey> {
        let options = self.options.as_ref().filter(|it| !it.import_id.is_empty() && !it.dry_run)?;
        let import = &options.import_id;
        let id = Sha256::digest(format!("{} {import} {key}", import.len()));
        Some(RequestKey {
            actor: self.owner.clone(),
            method,
            id: id.iter().map(|it| format!("{it:02x}")).collect(),
            fingerprint,
            mode: RequestMode::Claim,
        })
    }

    fn decide<R: Row>(&self, row: Read<R::Command>) -> BoxFuture<'static, Landed> {
        let Read { number, mut key, command, request, subject } = row;
        let (store, within, codec) = (self.store.clone(), self.within, self.codec);
        let (actor, principal) = (self.actor.clone(), self.principal.clone());
        let effect = match self.options.as_ref().is_some_and(|it| it.dry_run) {
            true => Effect::ValidateOnly,
            false => Effect::Commit,
        };
        key.truncate(key.floor_char_boundary(KEY_MAX));
        async move {
            let result = match command {
                Err(refusal) => Ok(refused(&refusal)),
                Ok(command) => {
                    let context = || RequestContext {
                        actor: actor.clone(),
                        principal: principal.clone(),
                        request: request.clone(),
                        deadline: Instant::now().checked_add(within),
                        effect,
                    };
                    change::<R>(&store, context, command, codec).await
                }
            };
            (subject, result.map(|it| pb::ImportResult { row_number: number, row_key: key, ..it }))
        }
        .boxed()
    }
}

/// Decides a row; what is no fault of the row ends the import, once it was tried often enough.
async fn change<R: Row>(
    store: &Store,
    context: impl Fn() -> RequestContext,
    command: R::Command,
    codec: Codec<Answered>,
) -> Result<pb::ImportResult, Status> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match store.change(context(), command.clone(), R::answered, codec).await {
            Ok(Changed::Replayed(it)) => return Ok(pb::ImportResult { repeated: true, ..it.result }),
            Ok(changed) => return Ok(changed.into_answer().result),
            Err(error) => error,
        };
        match error {
            StoreError::Refused(refusal) => return Ok(refused(&R::under(refusal))),
            StoreError::RequestIdReused
            | StoreError::AnswerErased
            | StoreError::Corrupt { .. }
            | StoreError::Internal(_) => {
                return Ok(refused_as(&status::of_store(&error)));
            }
            StoreError::LostRace | StoreError::ExistingKey(_) | StoreError::Overloaded if tries < TRIES => {
                sleep(PAUSE * tries).await;
            }
            StoreError::LostRace
            | StoreError::ExistingKey(_)
            | StoreError::Overloaded
            | StoreError::StorageFull
            | StoreError::DeadlineExceeded
            | StoreError::Unavailable(_)
            | StoreError::ClockOff { .. }
            | StoreError::CannotConnect { .. }
            | StoreError::Newer(_)
            | StoreError::InUse(_) => return Err(status::of_store(&error)),
        }
    }
}

fn invalid(field: &str, message: &str) -> End {
    End::With(status::of_refusal(&Refusal::invalid(field, message)))
}

fn is_printable(text: &str) -> bool {
    text.chars().all(|it| it.is_ascii_graphic() || it == ' ')
}

fn check_id(import_id: &str) -> Result<(), End> {
    if !import_id.is_empty() && (!(8..=128).contains(&import_id.len()) || !is_printable(import_id)) {
        return Err(invalid("options.import_id", "must be 8 to 128 printable ASCII characters"));
    }
    Ok(())
}

fn check_key(key: &str, bad: &mut Problems) {
    if key.is_empty() {
        bad.add("row_key", "is required");
    } else if key.len() > KEY_MAX || !is_printable(key) {
        bad.add("row_key", format!("must be 1 to {KEY_MAX} printable ASCII characters"));
    }
}
