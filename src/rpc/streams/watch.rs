//! Streams: what is there already, then what comes, until the caller goes or the server stops.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot, watch as signal};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use crate::domain::Refusal;
use crate::pb;
use crate::rpc::api::{Api, Reply};
use crate::rpc::layers::Seat;
use crate::rpc::ordering::parse::Begin;
use crate::rpc::ordering::reply;
use crate::rpc::streams::feed::Rings;
use crate::rpc::{reply as to_proto, status};
use crate::store::{EventFilter, EventPage, Store, StoreError};
use crate::work::told_to_stop;

/// Messages that may wait for a reader.
const WAITING_MAX: usize = 16;

/// Events read at a time.
const PAGE: u64 = 200;

pub(crate) type Stream<M> = Pin<Box<dyn futures_util::Stream<Item = Result<M, Status>> + Send>>;

/// Where a stream's messages come from. A message's place rises, and is where a reader resumes after it.
pub(crate) trait Source: Send + 'static {
    type Message: Send + 'static;

    /// What has come after this place.
    fn look(&mut self, after: i64) -> impl Future<Output = Result<Found<Self::Message>, StoreError>> + Send;

    /// What may bring news.
    fn rings(&self) -> Rings;

    /// A sign of life from a stream that has said everything up to this place.
    fn heartbeat(&self, place: i64) -> Self::Message;
}

/// What a look found.
pub(crate) struct Found<M> {
    pub(crate) messages: Vec<(i64, M)>,
    /// Everything up to here was looked at.
    pub(crate) place: i64,
    pub(crate) then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// There is more already.
    LookAgain,
    Wait,
    /// Nothing will come any more.
    End,
}

/// Opens a stream of what the source has after this place.
pub(crate) fn follow<S: Source>(api: &Api, seat: Seat, after: i64, source: S) -> Reply<Stream<S::Message>> {
    let (messages, waiting) = mpsc::channel(WAITING_MAX);
    let (over, why) = oneshot::channel();
    let read_within = api.limits.slow_reader();
    let walk = Walk {
        messages,
        place: after,
        seat: seat.clone(),
        heartbeat: api.limits.heartbeat(),
        read_within,
        // Taken before the first look, so that nothing comes unheard in between.
        bell: api.feed.bell(source.rings()),
        shutdown: api.shutdown.clone(),
        source,
    };
    tokio::spawn(async move {
        match walk.run().await {
            // Nobody hears it if the reader has gone.
            Some(status) => drop(over.send(status)),
            None => drop(over),
        }
        // What still waits is read within the time that every reader has, or not for the sake of the others.
        let _ = timeout(read_within, seat.left()).await;
        seat.leave();
    });

    // What is waiting is read first, then why the stream is over, if there is a reason to tell.
    let why = stream::once(why).filter_map(|it| ready(it.ok().map(Err)));
    Ok(Response::new(Box::pin(ReceiverStream::new(waiting).map(|it| Ok(*it)).chain(why))))
}

/// One stream on its way.
struct Walk<S: Source> {
    source: S,
    /// Boxed, since a channel makes room for 32 messages at once.
    messages: mpsc::Sender<Box<S::Message>>,
    /// Up to here everything has been sent.
    place: i64,
    seat: Seat,
    heartbeat: Duration,
    /// A reader that takes nothing for this long is given up.
    read_within: Duration,
    bell: signal::Receiver<()>,
    shutdown: signal::Receiver<bool>,
}

/// The stream is over: with a status, or because there is nothing more to say or nobody to hear it.
struct Over(Option<Status>);

impl<S: Source> Walk<S> {
    /// Goes on until the end, and says why it is one.
    async fn run(mut self) -> Option<Status> {
        let mut silent_since = Instant::now();
        loop {
            match self.step(&mut silent_since).await {
                Ok(()) => {}
                Err(Over(why)) => return why,
            }
        }
    }

    /// One look, what it found, and the wait for the next.
    async fn step(&mut self, silent_since: &mut Instant) -> Result<(), Over> {
        if *self.shutdown.borrow() {
            return Err(Over(Some(status::shutting_down(self.place))));
        }
        self.bell.mark_unchanged();
        // Boxed, so that a stream that only waits does not keep the room that a look needs.
        let look = Box::pin(self.source.look(self.place)).await;
        let Found { messages, place, then } = look.map_err(|it| Over(Some(status::of_store(&it))))?;

        for (place, message) in messages {
            self.send(message).await?;
            self.place = place;
            *silent_since = Instant::now();
        }
        self.place = self.place.max(place);
        match then {
            Then::LookAgain => return Ok(()),
            Then::End => return Err(Over(None)),
            Then::Wait => {}
        }

        if silent_since.elapsed() >= self.heartbeat {
            let heartbeat = self.source.heartbeat(self.place);
            self.send(heartbeat).await?;
            *silent_since = Instant::now();
        }
        self.wait(*silent_since).await
    }

    async fn send(&mut self, message: S::Message) -> Result<(), Over> {
        match timeout(self.read_within, self.messages.send(Box::new(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Over(None)),
            Err(_) => {
                self.seat.leave();
                Err(Over(Some(status::too_slow(self.place))))
            }
        }
    }

    /// Until the bell rings or a sign of life is due; the server's end is seen at the next step.
    async fn wait(&mut self, silent_since: Instant) -> Result<(), Over> {
        let Self { messages, bell, shutdown, heartbeat, .. } = self;
        tokio::select! {
            () = messages.closed() => Err(Over(None)),
            () = told_to_stop(shutdown) => Ok(()),
            Ok(()) = bell.changed() => Ok(()),
            () = sleep_until(silent_since + *heartbeat) => Ok(()),
        }
    }
}

/// The events of orders.
pub(crate) struct Events {
    pub(crate) store: Store,
    pub(crate) filter: EventFilter,
}

impl Source for Events {
    type Message = pb::WatchOrdersResponse;

    async fn look(&mut self, after: i64) -> Result<Found<Self::Message>, StoreError> {
        let EventPage { events, position, is_end } =
            self.store.events_after(after, &self.filter, PAGE).await?;
        let messages = events.iter().map(|(place, event)| {
            let event = reply::event(*place, event);
            (*place, update(*place, pb::watch_orders_response::Update::Event(event)))
        });
        let then = if is_end { Then::Wait } else { Then::LookAgain };
        Ok(Found { messages: messages.collect(), place: position, then })
    }

    fn rings(&self) -> Rings {
        self.filter.order.map_or(Rings::ForAll, Rings::ForOrder)
    }

    fn heartbeat(&self, place: i64) -> Self::Message {
        let time = Some(to_proto::timestamp(self.store.now()));
        update(place, pb::watch_orders_response::Update::Heartbeat(pb::Heartbeat { high_water: place, time }))
    }
}

fn update(place: i64, update: pb::watch_orders_response::Update) -> pb::WatchOrdersResponse {
    pb::WatchOrdersResponse { update: Some(update), resume_position: place }
}

/// The place after which a stream of events begins, if there is one.
pub(crate) fn start(begin: Begin, last: i64) -> Result<i64, Status> {
    match begin {
        Begin::Now => Ok(last),
        Begin::After(place) if place <= last => Ok(place),
        Begin::After(_) => Err(beyond("after_position", "position", last)),
    }
}

/// Says that nothing is there yet to begin after: the latest event has this place.
pub(crate) fn beyond(field: &str, word: &str, last: i64) -> Status {
    let message = format!("is beyond the latest event, which has {word} {last}");
    status::of_refusal(&Refusal::invalid(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::time::sleep;

    const READ_WITHIN: Duration = Duration::from_secs(30);

    /// Numbers up to a bound, a few at a time.
    struct Numbers {
        to: i64,
        at_a_time: i64,
        then: Then,
    }

    impl Source for Numbers {
        type Message = i64;

        async fn look(&mut self, after: i64) -> Result<Found<i64>, StoreError> {
            let place = self.to.min(after + self.at_a_time);
            let messages = (after + 1..=place).map(|it| (it, it)).collect();
            Ok(Found { messages, place, then: if place < self.to { Then::LookAgain } else { self.then } })
        }

        fn rings(&self) -> Rings {
            Rings::ForAll
        }

        fn heartbeat(&self, place: i64) -> i64 {
            -place
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
        let seat = Seat::default();
        let walk =
            Walk { source, messages, place: 0, seat, heartbeat, read_within: READ_WITHIN, bell, shutdown };
        Reader { messages: waiting, ended: tokio::spawn(walk.run()), stop, bell: ringer }
    }

    fn reason(status: &Status) -> (String, String) {
        let info =
            tonic_types::StatusExt::get_details_error_info(status).expect("every error has an ErrorInfo");
        (info.reason, info.metadata["resume"].clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_sends_everything_once_and_ends_when_there_is_no_more() {
        let mut reader = opened(Numbers { to: 50, at_a_time: 7, then: Then::End }, Duration::from_secs(15));
        let mut read = Vec::new();
        while let Some(number) = reader.messages.recv().await {
            read.push(*number);
        }
        assert_eq!(read, (1..=50).collect::<Vec<_>>());
        assert!(reader.ended.await.expect("no panic").is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_gives_signs_of_life_and_ends_with_its_resume_point() {
        let mut reader = opened(Numbers { to: 2, at_a_time: 9, then: Then::Wait }, Duration::from_secs(15));
        for expected in [1, 2, -2, -2] {
            assert_eq!(reader.messages.recv().await.as_deref(), Some(&expected));
        }
        reader.stop.send(true).expect("the stream listens");
        assert_eq!(reader.messages.recv().await, None);
        let status = reader.ended.await.expect("no panic").expect("a reason");
        assert_eq!(reason(&status), ("SHUTTING_DOWN".to_owned(), "2".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_news_to_a_stream_does_not_put_off_its_sign_of_life() {
        let mut reader = opened(Numbers { to: 1, at_a_time: 9, then: Then::Wait }, Duration::from_secs(15));
        assert_eq!(reader.messages.recv().await.as_deref(), Some(&1));
        let begun = Instant::now();
        sleep(Duration::from_secs(10)).await;
        reader.bell.send(()).expect("the stream listens");
        assert_eq!(reader.messages.recv().await.as_deref(), Some(&-1));
        assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_nobody_reads_is_given_up_where_it_stands() {
        let reader = opened(Numbers { to: 100, at_a_time: 100, then: Then::Wait }, Duration::from_secs(15));
        let begun = Instant::now();
        let status = reader.ended.await.expect("no panic").expect("a reason");
        assert_eq!(reason(&status), ("SLOW_READER".to_owned(), WAITING_MAX.to_string()));
        assert!(begun.elapsed() >= READ_WITHIN);
        assert_eq!(reader.messages.len(), WAITING_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_reader_goes() {
        let reader = opened(Numbers { to: 2, at_a_time: 9, then: Then::Wait }, Duration::from_secs(15));
        drop(reader.messages);
        assert!(reader.ended.await.expect("no panic").is_none());
    }

    #[test]
    fn a_stream_cannot_begin_beyond_the_latest_event() {
        assert_eq!(start(Begin::Now, 7).ok(), Some(7));
        assert_eq!(start(Begin::After(7), 7).ok(), Some(7));
        assert!(start(Begin::After(8), 7).is_err());
    }
}
