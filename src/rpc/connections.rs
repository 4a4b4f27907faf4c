//! Connections below the calls: a maximum number at once, TLS, a time limit for the handshake with the HTTP/2 preface, and a
//! rate limit on the bytes and frames of each. Over HTTP/1 come browsers, if they may, and each request has its time.

use std::future::ready;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout_at};
use tonic::transport::server::{Connected, TcpIncoming};

use crate::access::Peer;
use crate::rpc::greeting::{Greeting, explain};
use crate::rpc::tls::{Certificates, peer_of};
use crate::settings::Limits;

/// How long a connection may be silent before the system asks whether the other machine still lives.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Until the next try when the system gives no connection, for example because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Bytes read from a connection in one go before others have a turn. A frame may be as short as nine bytes, and each
/// costs about as much as the next: reading 64 KiB of them at once would keep every other connection waiting.
const BURST: usize = 1_024;

/// Bytes that a connection may send in a second.
const PACE: i64 = 20 * 1_048_576;

/// Cost of a frame beyond its bytes, for frames that come with calls. A call has two or three: some 11,000 calls a
/// second are more than a server of this kind answers, even from a proxy in front of many clients. Some clients
/// ping with each answer, to measure the way there.
const PER_FRAME: i64 = 512;

/// Cost of any other frame. A caller needs no thousands of resets, settings, header fragments or empty data frames in a
/// second.
const PER_OTHER_FRAME: i64 = 4_096;

/// How much a new connection may send at once, so that nothing is won by coming anew, and after it was silent for a
/// while.
const PURSE_AT_FIRST: i64 = PACE / 200;

const PURSE_MAX: i64 = PACE / 20;

/// Before its bytes every HTTP/2 frame has their number, in three of nine bytes, its kind and its flags (RFC 9113,
/// section 4.1).
const FRAME_HEADER: usize = 9;

const DATA: u8 = 0;

const HEADERS: u8 = 1;

const PING: u8 = 6;

const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;

const PADDED: u8 = 8;

/// Who may call over HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http1 {
    /// Nobody: a caller is told what is spoken here.
    Refused,
    /// Browsers.
    Accepted(Http1Limits),
}

/// What a connection over HTTP/1 may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http1Limits {
    /// From the first byte of a request to the first of its answer.
    request_within: Duration,
    request_bytes: usize,
    /// How long neither side may say anything.
    silent_for: Duration,
}

impl Http1 {
    /// Within the same limits as over HTTP/2, as near as they can be told without looking into a request. A message in
    /// base64 is a third longer.
    pub fn accepted_within(limits: &Limits) -> Self {
        Self::Accepted(Http1Limits {
            request_within: 2 * limits.deadline(),
            request_bytes: limits.header_bytes as usize + 2 * limits.message_bytes as usize,
            silent_for: limits.keepalive() + limits.keepalive_timeout(),
        })
    }
}

/// Connections as they come in, with TLS if there are certificates. One for which there is no room is closed at once, and so
/// is one whose handshake fails or takes too long. `open` counts the others.
pub fn connections(
    listener: TcpListener,
    limits: &Limits,
    certificates: Option<Arc<Certificates>>,
    open: Gauge,
    http1: Http1,
) -> impl Stream<Item = io::Result<Connection>> + use<> {
    let room = Arc::new(Semaphore::new(limits.connections as usize));
    let greet_within = limits.greeting();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(TCP_KEEPALIVE));

    let accepted = incoming.filter_map(move |accepted| {
        let slot = Arc::clone(&room).try_acquire_owned();
        async move {
            match (accepted, slot) {
                (Ok(stream), Ok(slot)) => Some((stream, slot)),
                (Ok(_), Err(_)) => None,
                // The system would fail again at once, over and over.
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_AGAIN).await;
                    None
                }
            }
        }
    });
    let begun = accepted.map(move |(stream, slot)| {
        begin(stream, Slot::take(slot, &open), greet_within, certificates.clone(), http1)
    });
    // As many as there is room for: who is slow keeps nobody else waiting.
    begun.buffer_unordered(limits.connections as usize).filter_map(|it| ready(it.map(Ok)))
}

/// None: there was no handshake in time.
async fn begin(
    stream: TcpStream,
    slot: Slot,
    greet_within: Duration,
    certificates: Option<Arc<Certificates>>,
    http1: Http1,
) -> Option<Connection> {
    let until = Instant::now() + greet_within;
    let (mut stream, peer): (Box<dyn Transport>, Peer) = match certificates {
        None => (Box::new(stream), Peer::default()),
        Some(certificates) => {
            // In a task of its own, so that handshakes do not take turns.
            let handshake = timeout_at(until, certificates.acceptor().accept(stream));
            match tokio::spawn(handshake).await {
                Ok(Ok(Ok(stream))) => {
                    let peer = peer_of(stream.get_ref().1);
                    (Box::new(stream), peer)
                }
                Ok(Ok(Err(error))) => {
                    tracing::debug!(%error, "a handshake failed");
                    return None;
                }
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    };
    let greeting = timeout_at(until, Greeting::read(&mut stream)).await.ok()?.ok()?;
    let turns = match (&greeting, http1) {
        (Greeting::Http2, _) => None,
        (Greeting::Http1(first), Http1::Accepted(limits)) => Some(Turns::new(limits, first.len())),
        (Greeting::Http1(_), Http1::Refused) => {
            explain(stream).await;
            return None;
        }
        (Greeting::Other, _) => return None,
    };
    let first = greeting.into_bytes();
    Some(Connection { stream, peer, first, turns, read: 0, pace: Pace::new(), _slot: slot })
}

/// What carries the bytes of a connection: TCP, or TLS over it.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// An accepted connection, with its slot among all.
pub struct Connection {
    stream: Box<dyn Transport>,
    peer: Peer,
    /// What was read to know who comes, for the reader.
    first: Vec<u8>,
    /// None: over HTTP/2, which has pings and deadlines of its own.
    turns: Option<Turns>,
    /// Bytes since others last had a turn.
    read: usize,
    pace: Pace,
    _slot: Slot,
}

/// A place among the connections, counted until it is dropped.
struct Slot {
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    fn take(permit: OwnedSemaphorePermit, open: &Gauge) -> Self {
        open.inc();
        Self { open: open.clone(), _permit: permit }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Connection {
    /// What was written counts as an answer. Who reads nothing of one for too long is given up.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Some(turns) = &mut self.turns {
            match written {
                Poll::Ready(Ok(1..)) => turns.answered(),
                Poll::Pending if turns.are_over(cx) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Ready(_) | Poll::Pending => {}
            }
        }
        written
    }
}

/// Holds a connection to its pace, so that a flood takes a small part of the server's time and none from others.
struct Pace {
    /// Remaining budget; below zero the connection pauses.
    purse: i64,
    filled_at: Instant,
    pause: Option<Pin<Box<Sleep>>>,
    /// Bytes that the frame still has.
    payload: usize,
    header: [u8; FRAME_HEADER],
    header_length: usize,
}

impl Pace {
    fn new() -> Self {
        Self {
            purse: PURSE_AT_FIRST,
            filled_at: Instant::now(),
            pause: None,
            payload: 0,
            header: [0; FRAME_HEADER],
            header_length: 0,
        }
    }

    /// Whether the connection may go on.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.purse > 0 {
            return Poll::Ready(());
        }
        if self.pause.is_none() {
            self.fill();
        }
        while self.purse <= 0 {
            let missing =
                Duration::from_micros((1 - self.purse).unsigned_abs() * 1_000_000 / PACE.unsigned_abs() + 1);
            task::ready!(self.pause.get_or_insert_with(|| Box::pin(sleep(missing))).as_mut().poll(cx));
            self.pause = None;
            self.fill();
        }
        Poll::Ready(())
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let earned = now.duration_since(self.filled_at).as_micros() * PACE.unsigned_abs() as u128 / 1_000_000;
        self.purse = self.purse.saturating_add(i64::try_from(earned).unwrap_or(PURSE_MAX)).min(PURSE_MAX);
        self.filled_at = now;
    }

    /// Charges what came at once over HTTP/1, which has no frames.
    fn count_read(&mut self, bytes: usize) {
        if bytes > 0 {
            self.purse -= bytes as i64 + PER_FRAME;
        }
    }

    /// Charges what was received after the preface.
    fn count(&mut self, mut received: &[u8]) {
        self.purse -= received.len() as i64;
        while !received.is_empty() {
            let of_payload = self.payload.min(received.len());
            self.payload -= of_payload;
            received = &received[of_payload..];

            let of_header = (FRAME_HEADER - self.header_length).min(received.len());
            self.header[self.header_length..][..of_header].copy_from_slice(&received[..of_header]);
            self.header_length += of_header;
            received = &received[of_header..];
            if self.header_length == FRAME_HEADER {
                let [high, middle, low, kind, flags, ..] = self.header;
                self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
                self.header_length = 0;
                self.purse -= cost(kind, flags, self.payload);
            }
        }
    }
}

/// Cost of a frame beyond its bytes.
fn cost(kind: u8, flags: u8, payload: usize) -> i64 {
    match kind {
        HEADERS | PING | WINDOW_UPDATE => PER_FRAME,
        // The last data frame of a call may be empty. Padding is not data, and callers need none.
        DATA if flags & PADDED == 0 && (payload > 0 || flags & END_STREAM != 0) => PER_FRAME,
        _ => PER_OTHER_FRAME,
    }
}

/// Whose turn it is over HTTP/1, and until when.
struct Turns {
    limits: Http1Limits,
    /// Bytes of the request that is being received, or whose answer has not begun. 0: there is none.
    asked: usize,
    until: Pin<Box<Sleep>>,
}

impl Turns {
    /// With the first bytes of a request.
    fn new(limits: Http1Limits, asked: usize) -> Self {
        Self { limits, asked, until: Box::pin(sleep(limits.request_within)) }
    }

    /// Bytes came: an error if they are too many. A request that drips in wins no time by that.
    fn received(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > 0 && self.asked == 0 {
            self.until.as_mut().reset(Instant::now() + self.limits.request_within);
        }
        self.asked += bytes;
        if self.asked <= self.limits.request_bytes { Ok(()) } else { Err(io::ErrorKind::FileTooLarge.into()) }
    }

    fn answered(&mut self) {
        self.asked = 0;
        self.until.as_mut().reset(Instant::now() + self.limits.silent_for);
    }

    fn are_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.until.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        task::ready!(self.pace.poll(cx));
        if self.read >= BURST {
            self.read = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }

        if !self.first.is_empty() {
            let length = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..length]);
            self.first.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let room = buffer.remaining().min(BURST - self.read);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let read = part.filled().len();
        match &mut self.turns {
            None => self.pace.count(part.filled()),
            Some(turns) => {
                turns.received(read)?;
                if polled.is_pending() && turns.are_over(cx) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                self.pace.count_read(read);
            }
        }
        buffer.advance(read);
        self.read = if polled.is_pending() { 0 } else { self.read + read };
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::future::poll_fn;

    fn frames(kind: u8, payloads: &[usize]) -> Vec<u8> {
        let frame = |length: &usize| {
            let mut bytes = (*length as u32).to_be_bytes()[1..].to_vec();
            bytes.extend([kind, 0, 0, 0, 0, 0]);
            bytes.resize(FRAME_HEADER + length, 0xff);
            bytes
        };
        payloads.iter().flat_map(frame).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_counted_however_they_are_cut() {
        let said = frames(DATA, &[0, 1, 8, 9, 10, 300, 0, 70_000, 0]);
        for size in (1..=20).chain([255, 1_024, said.len()]) {
            let mut pace = Pace::new();
            said.chunks(size).for_each(|it| pace.count(it));
            let cost = said.len() as i64 + 6 * PER_FRAME + 3 * PER_OTHER_FRAME;
            assert_eq!(pace.purse, PURSE_AT_FIRST - cost, "in parts of {size} bytes");
        }
    }

    #[test]
    fn what_no_call_needs_counts_for_more() {
        const RST_STREAM: u8 = 3;
        const CONTINUATION: u8 = 9;

        let of_calls =
            [(HEADERS, 0, 60), (DATA, 0, 1), (DATA, END_STREAM, 0), (PING, 0, 8), (WINDOW_UPDATE, 0, 4)];
        assert!(of_calls.iter().all(|(kind, flags, length)| cost(*kind, *flags, *length) == PER_FRAME));
        let others =
            [(DATA, 0, 0), (DATA, PADDED, 9), (RST_STREAM, 0, 4), (CONTINUATION, 0, 100), (0xff, 0, 0)];
        assert!(others.iter().all(|(kind, flags, length)| cost(*kind, *flags, *length) == PER_OTHER_FRAME));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_never_falls_silent_is_held_to_the_pace() {
        let (pings, long) = (frames(PING, &[8; 60]), frames(DATA, &[16_384; 4]));
        for said in [pings, long] {
            let began = Instant::now();
            let mut pace = Pace::new();
            let mut cost = 0;
            while cost < 3 * PACE {
                poll_fn(|cx| pace.poll(cx)).await;
                let before = pace.purse;
                pace.count(&said);
                cost += before - pace.purse;
            }
            let taken = began.elapsed();
            assert!((2_900..3_100).contains(&taken.as_millis()), "{taken:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_was_silent_may_say_more_at_once_but_not_ever_more() {
        let mut pace = Pace::new();
        pace.count(&frames(DATA, &[8; 1_000]));
        assert!(pace.purse < 0);
        tokio::time::sleep(Duration::from_secs(600)).await;
        poll_fn(|cx| pace.poll(cx)).await;
        assert_eq!(pace.purse, PURSE_MAX);
    }
}
