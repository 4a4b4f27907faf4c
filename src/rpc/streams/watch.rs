//! Streams: what is there already, then what comes, until the caller goes or the server stops.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot, watch as signal};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use crate::domain::{CannotResume, Histories, Refusal};
use crate::pb;
use crate::rpc::api::{Api, Reply};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::events::parse::Begin;
use crate::rpc::ordering::reply;
use crate::rpc::reply::timestamp;
use crate::rpc::status;
use crate::rpc::streams::feed::Rings;
use crate::store::{EventFilter, EventPage, Store, StoreError};
use crate::work::stop_requested;

/// Messages that may wait for a reader.
const WAITING_MAX: usize = 16;

/// Events read at a time.
const PAGE: u64 = 200;

pub(crate) type Stream<M> = Pin<Box<dyn futures_util::Stream<Item = Result<M, Status>> + Send>>;

/// The source of a stream's messages. Their positions rise; a reader resumes after the position of the last one.
pub(crate) trait Source: Send + 'static {
    type Message: Send + 'static;

    /// The messages after this position.
    fn look(&mut self, after: i64) -> impl Future<Output = Result<Found<Self::Message>, StoreError>> + Send;

    /// The bell to wait for.
    fn rings(&self) -> Rings;

    /// A heartbeat of a stream that has sent everything up to this position.
    fn heartbeat(&self, position: i64) -> Self::Message;
}

/// Result of one look.
pub(crate) struct Found<M> {
    pub(crate) messages: Vec<(i64, M)>,
    /// Everything up to here was looked at.
    pub(crate) position: i64,
    pub(crate) then: NextStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// There is more already.
    LookAgain,
    Wait,
    /// Nothing will come any more.
    End,
}

/// Opens a stream of what the source has after this position.
pub(crate) fn follow<S: Source>(
    api: &Api,
    slot: StreamSlot,
    after: i64,
    source: S,
) -> Reply<Stream<S::Message>> {
    let read_within = api.limits.slow_reader();
    let (heartbeat, shutdown) = (api.limits.heartbeat(), api.shutdown.clone());
    // Subscribed before the first read, so that no event is missed in between.
    let bell = api.feed.bell(source.rings());
    sent_by(slot.clone(), read_within, move |messages| {
        let subscription =
            Subscription { messages, position: after, slot, heartbeat, read_within, bell, shutdown, source };
        subscription.run()
    })
}

/// The stream of what a task sends, and at last of the status that it ends with, if there is one.
pub(crate) fn sent_by<M: Send + 'static, F: Future<Output = Option<Status>> + Send + 'static>(
    slot: StreamSlot,
    read_within: Duration,
    run: impl FnOnce(mpsc::Sender<Box<M>>) -> F,
) -> Reply<Stream<M>> {
    let (messages, waiting) = mpsc::channel(WAITING_MAX);
    let (over, why) = oneshot::channel();
    let running = run(messages);
    tokio::spawn(async move {
        match running.await {
            // If the reader has gone, the send fails and that is fine.
            Some(status) => drop(over.send(status)),
            None => drop(over),
        }
        // What still waits is read within the time that every reader has, or not for the sake of the others.
        let _ = timeout(read_within, slot.given_back()).await;
        slot.give_back();
    });

    // What is waiting is read first, then why the stream is over, if there is a reason to tell.
    let why = stream::once(why).filter_map(|it| ready(it.ok().map(Err)));
    Ok(Response::new(Box::pin(ReceiverStream::new(waiting).map(|it| Ok(*it)).chain(why))))
}

/// One stream on its way.
struct Subscription<S: Source> {
    source: S,
    /// Boxed, since a channel makes room for 32 messages at once.
    messages: mpsc::Sender<Box<S::Message>>,
    /// Up to here everything has been sent.
    position: i64,
    slot: StreamSlot,
    heartbeat: Duration,
    /// A reader that takes nothing for this long is given up.
    read_within: Duration,
    bell: signal::Receiver<()>,
    shutdown: signal::Receiver<bool>,
}

/// The end of a stream: with a status, or without one when there is nothing more to send or no reader left.
struct End(Option<Status>);

impl<S: Source> Subscription<S> {
    /// Runs to the end of the stream; returns the status it ends with.
    async fn run(mut self) -> Option<Status> {
        let mut silent_since = Instant::now();
        loop {
            match self.step(&mut silent_since).await {
                Ok(()) => {}
                Err(End(why)) => return why,
            }
        }
    }

    /// One look, what it found, and the wait for the next.
    async fn step(&mut self, silent_since: &mut Instant) -> Result<(), End> {
        if *self.shutdown.borrow() {
            return Err(End(Some(status::shutting_down(self.position))));
        }
        // Nobody reads any more: noticed here too, since a look that finds nothing sends nothing.
        if self.messages.is_closed() {
            return Err(End(None));
        }
        self.bell.mark_unchanged();
        // Boxed, so that a stream that only waits does not keep the room that a look needs.
        let look = Box::pin(self.source.look(self.position)).await;
        let Found { messages, position, then } = look.map_err(|it| End(Some(status::of_store(&it))))?;

        for (position, message) in messages {
            self.send(message).await?;
            self.position = position;
            *silent_since = Instant::now();
        }
        self.position = self.position.max(position);
        if matches!(then, NextStep::End) {
            return Err(End(None));
        }
        if silent_since.elapsed() >= self.heartbeat {
            let heartbeat = self.source.heartbeat(self.position);
            self.send(heartbeat).await?;
            *silent_since = Instant::now();
        }
        match then {
            NextStep::LookAgain | NextStep::End => Ok(()),
            NextStep::Wait => self.wait(*silent_since).await,
        }
    }

    async fn send(&mut self, message: S::Message) -> Result<(), End> {
        match timeout(self.read_within, self.messages.send(Box::new(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End(None)),
            Err(_) => {
                self.slot.give_back();
                Err(End(Some(status::too_slow(self.position))))
            }
        }
    }

    /// Waits until the bell rings or a heartbeat is due; the next step notices the server's end.
    async fn wait(&mut self, silent_since: Instant) -> Result<(), End> {
        let Self { messages, bell, shutdown, heartbeat, .. } = self;
        tokio::select! {
            () = messages.closed() => Err(End(None)),
            () = stop_requested(shutdown) => Ok(()),
            Ok(()) = bell.changed() => Ok(()),
            () = sleep_until(silent_since + *heartbeat) => Ok(()),
        }
    }
}

/// The events of orders.
pub(crate) struct Events {
    pub(crate) store: Store,
    pub(crate) filter: EventFilter,
    /// The history that is read, as text.
    pub(crate) history: String,
}

impl Source for Events {
    type Message = pb::WatchEventsResponse;

    async fn look(&mut self, after: i64) -> Result<Found<Self::Message>, StoreError> {
        let EventPage { events, position, is_end } =
            self.store.events_after(after, &self.filter, PAGE).await?;
        let messages = events.iter().map(|(position, event)| {
            let event = reply::event(*position, event);
            (*position, self.update(*position, pb::watch_events_response::Update::Event(Box::new(event))))
        });
        let then = if is_end { NextStep::Wait } else { NextStep::LookAgain };
        Ok(Found { messages: messages.collect(), position, then })
    }

    fn rings(&self) -> Rings {
        self.filter.order.map_or(Rings::All, Rings::Order)
    }

    fn heartbeat(&self, position: i64) -> Self::Message {
        let time = Some(timestamp(self.store.now()));
        self.update(
            position,
            pb::watch_events_response::Update::Heartbeat(pb::Heartbeat { high_water: position, time }),
        )
    }
}

impl Events {
    fn update(&self, position: i64, update: pb::watch_events_response::Update) -> pb::WatchEventsResponse {
        let history_id = self.history.clone();
        pb::WatchEventsResponse { update: Some(update), resume_position: position, history_id }
    }
}

/// The position after which a stream of events begins, if there is one.
pub(crate) fn start(begin: Begin, last: i64, histories: &Histories) -> Result<i64, Status> {
    let read = match begin {
        Begin::Now => return Ok(last),
        Begin::After(read) => read,
    };
    match histories.go_on(read, last) {
        Ok(()) => Ok(read.position),
        Err(CannotResume::Beyond) => Err(beyond("after_position", "position", last)),
        Err(CannotResume::Restored(shared)) => {
            Err(status::history_restored(histories.current().map(|it| it.id), shared))
        }
    }
}

/// The present history, as streams name it.
pub(crate) fn present(histories: &Histories) -> String {
    histories.current().map(|it| it.id.to_string()).unwrap_or_default()
}

/// Says that nothing is there yet to begin after: the latest event has this position.
pub(crate) fn beyond(field: &str, word: &str, last: i64) -> Status {
    let message = format!("is beyond the latest event, which has {word} {last}");
    status::of_refusal(&Refusal::invalid(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::time::sleep;

    use crate::domain::ReadTo;

    const READ_WITHIN: Duration = Duration::from_secs(30);

    /// Numbers up to a bound, a few at a time.
    struct Numbers {
        to: i64,
        at_a_time: i64,
        then: NextStep,
    }

    impl Source for Numbers {
        type Message = i64;

        async fn look(&mut self, after: i64) -> Result<Found<i64>, StoreError> {
            let position = self.to.min(after + self.at_a_time);
            let messages = (after + 1..=position).map(|it| (it, it)).collect();
            Ok(Found {
                messages,
                position,
                then: if position < self.to { NextStep::LookAgain } else { self.then },
            })
        }

        fn rings(&self) -> Rings {
            Rings::All
        }

        fn heartbeat(&self, position: i64) -> i64 {
            -position
        }
    }

    struct Reader {
        messages: mpsc::Receiver<Box<i64>>,
        ended: tokio::task::JoinHandle<Option<Status>>,
        stop: signal::Sender<bool>,
        bell: signal::Sender<()>,
    }

    fn opened(source: Numbers, heartbeat: Duration) -> Reader {
        let (messages, waiting) = mpsc::channel(WAITING_MAX);
        let (stop, shutdown) = signal::channel(false);
        let (ringer, bell) = signal::channel(());
        let slot = StreamSlot::default();
        let subscription = Subscription {
            source,
            messages,
            position: 0,
            slot,
            heartbeat,
            read_within: READ_WITHIN,
            bell,
            shutdown,
        };
        Reader { messages: waiting, ended: tokio::spawn(subscription.run()), stop, bell: ringer }
    }

    fn reason(status: &Status) -> (String, String) {
        let info =
            tonic_types::StatusExt::get_details_error_info(status).expect("every error has an ErrorInfo");
        (info.reason, info.metadata["resume"].clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_sends_everything_once_and_ends_when_there_is_no_more() {
        let mut reader =
            opened(Numbers { to: 50, at_a_time: 7, then: NextStep::End }, Duration::from_secs(15));
        let mut read = Vec::new();
        while let Some(number) = reader.messages.recv().await {
            read.push(*number);
        }
        assert_eq!(read, (1..=50).collect::<Vec<_>>());
        assert!(reader.ended.await.expect("no panic").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_gives_signs_of_life_and_ends_with_its_resume_point() {
        let mut reader =
            opened(Numbers { to: 2, at_a_time: 9, then: NextStep::Wait }, Duration::from_secs(15));
        for expected in [1, 2, -2, -2] {
            assert_eq!(reader.messages.recv().await.as_deref(), Some(&expected));
        }
        reader.stop.send(true).expect("the stream listens");
        assert_eq!(reader.messages.recv().await, None);
        let status = reader.ended.await.expect("no panic").expect("a reason");
        assert_eq!(reason(&status), ("SHUTTING_DOWN".to_owned(), "2".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_news_to_a_stream_does_not_put_off_its_heartbeat() {
        let mut reader =
            opened(Numbers { to: 1, at_a_time: 9, then: NextStep::Wait }, Duration::from_secs(15));
        assert_eq!(reader.messages.recv().await.as_deref(), Some(&1));
        let begun = Instant::now();
        sleep(Duration::from_secs(10)).await;
        reader.bell.send(()).expect("the stream listens");
        assert_eq!(reader.messages.recv().await.as_deref(), Some(&-1));
        assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_nobody_reads_is_given_up_where_it_stands() {
        let reader =
            opened(Numbers { to: 100, at_a_time: 100, then: NextStep::Wait }, Duration::from_secs(15));
        let begun = Instant::now();
        let status = reader.ended.await.expect("no panic").expect("a reason");
        assert_eq!(reason(&status), ("SLOW_READER".to_owned(), WAITING_MAX.to_string()));
        assert!(begun.elapsed() >= READ_WITHIN);
        assert_eq!(reader.messages.len(), WAITING_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_reader_goes() {
        let reader = opened(Numbers { to: 2, at_a_time: 9, then: NextStep::Wait }, Duration::from_secs(15));
        drop(reader.messages);
        assert!(reader.ended.await.expect("no panic").is_none());
    }

    #[test]
    fn a_stream_cannot_begin_beyond_the_latest_event() {
        let histories = Histories { all: Vec::new(), gaps: Vec::new() };
        let after = |position| Begin::After(ReadTo { position, history: None });
        assert_eq!(start(Begin::Now, 7, &histories).ok(), Some(7));
        assert_eq!(start(after(7), 7, &histories).ok(), Some(7));
        assert!(start(after(8), 7, &histories).is_err());
    }
}
