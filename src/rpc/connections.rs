//! Connections before they carry calls: so many at once, none that keeps its place without a word, and none that is
//! listened to without end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

use crate::settings::Limits;

/// How long a connection may be silent before the system asks whether the other machine still lives.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Until the next try when the system gives no connection, for example because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// Bytes that a connection says in one go before others have a turn. A frame may be as short as nine bytes, and each
/// costs about as much as the next: in the time that it takes to hear out 64 KiB of them nobody else would be heard.
const BURST: usize = 1_024;
/// What every HTTP/2 client says first.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Connections as they come in. One for which there is no room is closed at once.
pub fn connections(
    listener: TcpListener,
    limits: &Limits,
) -> impl Stream<Item = io::Result<Connection>> + use<> {
    let room = Arc::new(Semaphore::new(limits.connections as usize));
    let greet_within = limits.greeting();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(TCP_KEEPALIVE));

    incoming.filter_map(move |accepted| {
        let place = Arc::clone(&room).try_acquire_owned();
        async move {
            match (accepted, place) {
                (Ok(stream), Ok(place)) => {
                    let greeting = Greeting { missing: GREETING.len(), until: Box::pin(sleep(greet_within)) };
                    Some(Ok(Connection { stream, greeting: Some(greeting), heard: 0, _place: place }))
                }
                (Ok(_), Err(_)) => None,
                // Asked again at once, the system would say the same, over and over.
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_AGAIN).await;
                    None
                }
            }
        }
    })
}

/// A connection in its place.
pub struct Connection {
    stream: TcpStream,
    /// None once it has greeted.
    greeting: Option<Greeting>,
    /// Bytes since others last had a turn.
    heard: usize,
    _place: OwnedSemaphorePermit,
}

struct Greeting {
    missing: usize,
    until: Pin<Box<Sleep>>,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.heard >= BURST {
            self.heard = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }

        let room = buffer.remaining().min(BURST - self.heard);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let read = part.filled().len();
        buffer.advance(read);
        self.heard = if polled.is_pending() { 0 } else { self.heard + read };
        let Some(greeting) = &mut self.greeting else {
            return polled;
        };

        greeting.missing = greeting.missing.saturating_sub(read);
        if greeting.missing == 0 {
            self.greeting = None;
        } else if polled.is_pending() && greeting.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}
