//! The first bytes of a connection: the preface of HTTP/2, or what a caller over HTTP/1 begins with.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// The preface of every HTTP/2 client (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a caller over HTTP/1 gets. It names no setting to who is not meant to know them.
const WORDS: &str = "This server speaks gRPC over HTTP/2: call it with a gRPC client, such as grpcurl. \
    It takes neither JSON nor HTTP/1.\n";

/// How long a caller over HTTP/1 may take to hear that, and how much of what it goes on sending is read meanwhile. A
/// connection that is closed with bytes unread takes the answer back.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);

const FAREWELL_BYTES: u64 = 65_536;

/// How a connection has begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    Http2,
    /// With these bytes.
    Http1(Vec<u8>),
    /// By something else, or not at all.
    Other,
}

impl Greeting {
    /// Reads no more than it has to, and never beyond the preface.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut first = Vec::with_capacity(PREFACE.len());
        while first.len() < PREFACE.len() {
            let missing = (PREFACE.len() - first.len()) as u64;
            let read = stream.take(missing).read_buf(&mut first).await?;
            if read == 0 {
                return Ok(Self::Other);
            }
            if !PREFACE.starts_with(&first) {
                let is_method = first.first().is_some_and(u8::is_ascii_uppercase);
                return Ok(if is_method { Self::Http1(first) } else { Self::Other });
            }
        }
        Ok(Self::Http2)
    }

    /// The bytes that were read, for who reads on.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Http2 => PREFACE.to_vec(),
            Self::Http1(first) => first,
            Self::Other => Vec::new(),
        }
    }
}

/// Tells a caller over HTTP/1 what is spoken here, and hangs up.
pub(super) async fn explain(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = format!(
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{WORDS}",
        WORDS.len()
    );
    let telling = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    // Who has gone, or goes on sending, is not waited for.
    let _ = timeout(FAREWELL_WITHIN, telling).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn greeting_in_parts(said: &[u8], size: usize) -> Greeting {
        let parts: Vec<_> = said.chunks(size).map(<[u8]>::to_vec).collect();
        let (mut here, mut there) = tokio::io::duplex(4_096);
        let saying = tokio::spawn(async move {
            for part in parts {
                there.write_all(&part).await.expect("it is read");
                tokio::task::yield_now().await;
            }
        });
        let greeting = Greeting::read(&mut here).await.expect("it is read");
        saying.await.expect("it is said");
        greeting
    }

    #[tokio::test]
    async fn a_greeting_is_known_however_it_is_cut() {
        let post = b"POST /consign.v1.OrderService/GetOrder HTTP/1.1\r\n\r\n";
        for size in 1..=30 {
            let whole = [PREFACE, b"and more"].concat();
            assert_eq!(greeting_in_parts(&whole, size).await, Greeting::Http2, "in parts of {size} bytes");
            let Greeting::Http1(first) = greeting_in_parts(post, size).await else {
                panic!("by {size} bytes")
            };
            assert!(post.starts_with(&first) && first.len() <= PREFACE.len());
            assert_eq!(greeting_in_parts(b"\x16\x03\x01\x02", size).await, Greeting::Other);
            assert_eq!(greeting_in_parts(&PREFACE[..20], size).await, Greeting::Other, "it hung up");
        }
    }
}
