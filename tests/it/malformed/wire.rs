//! Bytes sent as they are, and what comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use prost::bytes::{Buf, BufMut};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::child::Process;
use crate::malformed::ABREAST;
use crate::malformed::writer::{Known, Method, Writer};

/// A message and what was said to it.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) took: Duration,
    pub(super) result: Result<(), Status>,
}

/// Half of the messages are wrong by the schema, a quarter are damaged, and a quarter are right but for one or two
/// values at the ends of what there is.
pub(super) async fn send_all(
    method: &Method,
    known: &Known,
    each: usize,
    channels: &[Channel],
    seed: u64,
) -> Vec<Answer> {
    let salt = method.path.bytes().fold(0, |sum: u64, it| sum.wrapping_mul(31).wrapping_add(u64::from(it)));
    let mut writer = Writer { rng: Rng::with_seed(seed ^ salt), known, wrong: 0 };
    let room = Arc::new(Semaphore::new(ABREAST));
    let mut calls = JoinSet::new();
    for number in 0..each {
        writer.wrong = [25, 0, 10, 4][number % 4];
        let mut bytes = writer.message(&method.request, 0);
        if number % 4 == 1 {
            bytes = writer.damaged(bytes);
        }
        let permit = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
        let (channel, path) = (channels[number % channels.len()].clone(), method.path.clone());
        let is_stream = method.is_stream;
        calls.spawn(async move {
            let began = Instant::now();
            let result = match is_stream {
                true => open(channel, &path, bytes.clone()).await,
                false => send(channel, &path, bytes.clone(), ["amira", "ben", "clerk"][number % 3]).await,
            };
            drop(permit);
            Answer { bytes, took: began.elapsed(), result: result.map(drop) }
        });
    }
    calls.join_all().await
}

pub(super) async fn send(
    channel: Channel,
    path: &str,
    bytes: Vec<u8>,
    actor: &'static str,
) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|it| Status::unavailable(it.to_string()))?;
    let mut request = Request::new(bytes);
    request.metadata_mut().insert("consign-actor", MetadataValue::from_static(actor));
    let path = path.parse().expect("a path");
    Ok(client.unary(request, path, Raw).await?.into_inner())
}

/// Opens a stream and leaves it.
pub(super) async fn open(channel: Channel, path: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|it| Status::unavailable(it.to_string()))?;
    let path = path.parse().expect("a path");
    client.server_streaming(Request::new(bytes), path, Raw).await?;
    Ok(Vec::new())
}

/// A body of any bytes, also such as are no message.
pub(super) async fn send_body(server: &Process, path: &str, body: Vec<u8>, encoding: Option<&str>) -> Status {
    let mut request = http::Request::post(format!("http://{}{path}", server.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let body = tonic::body::Body::new(tonic::service::AxumBody::from(body));
    let request = request.body(body).expect("a request");
    let answer = tower::ServiceExt::oneshot(server.channel(), request).await.expect("an answer");
    Status::from_header_map(answer.headers()).expect("a status at once, since nothing else is said")
}

/// Bytes as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
