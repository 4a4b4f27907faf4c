//! What all services share: the way of a request into the store and back.

use std::sync::Arc;

use prost::Message;
use tokio::sync::watch as signal;
use tonic::{Request, Response, Status};

use crate::domain::{Command, Order, OrderCommand, OrderId, Part, Problems, Refusal};
use crate::rpc::access::known::KnownKeys;
use crate::rpc::identity::{Call, Mutation};
use crate::rpc::status;
use crate::rpc::streams::feed::Feed;
use crate::rpc::subject::Subject;
use crate::settings::Limits;
use crate::store::{Codec, Store, StoreError, View};
use crate::work::App;

/// The caller and the request; every bad field of both is reported at once.
pub(super) fn command<R: Mutation, T>(
    mut request: Request<R>,
    read: impl FnOnce(R, &mut Problems) -> Option<T>,
) -> Result<(Call, T), Status> {
    parsed(|bad| {
        let call = Call::of(&mut request, bad);
        let wish = read(request.into_inner(), bad);
        Some((call?, wish?))
    })
}

/// Result of every RPC.
pub(crate) type Reply<T> = Result<Response<T>, Status>;

/// Everything the services share. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) app: App,
    pub(crate) limits: Arc<Limits>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) keys: KnownKeys,
    /// Turns true when the server stops: streams end with their resume point.
    pub(crate) shutdown: signal::Receiver<bool>,
}

impl Api {
    /// Within a runtime: it looks after the streams from here on.
    pub fn new(app: App, limits: Limits, keys: KnownKeys, shutdown: signal::Receiver<bool>) -> Self {
        let feed = Feed::start(app.store.clone(), shutdown.clone());
        Self { app, limits: Arc::new(limits), feed, keys, shutdown }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.app.store
    }

    /// The one way a request changes anything: decided in the writer's group, answered from what was decided.
    pub(crate) async fn change<C, M>(
        &self,
        call: Call,
        command: C,
        reply: impl Fn(&C::Output, &View<'_>) -> M + Send + 'static,
    ) -> Reply<M>
    where
        C: Command,
        M: Message + Default + 'static,
    {
        let size_max = call.answer_bytes_max(&self.limits);
        let codec = Codec { size_max, ..codec() };
        let changed = answered(self.store().change(call.into_store(), command, reply, codec).await)?;
        Ok(Response::new(changed.into_answer()))
    }

    /// The same for an order: answered from the order as it then is.
    pub(crate) async fn change_order<C, M>(
        &self,
        call: Call,
        command: C,
        reply: impl Fn(&<C as OrderCommand>::Output, &Order) -> M + Send + 'static,
    ) -> Reply<M>
    where
        C: OrderCommand,
        M: Message + Default + 'static,
    {
        Subject::named(&command.target().part);
        self.change(call, command, move |it, view| reply(&it.output, kept(view, it.order))).await
    }

    /// The order, archived or not.
    pub(crate) async fn order(&self, id: OrderId) -> Result<Arc<Order>, Status> {
        Subject::named(&Part::Order(id));
        answered(self.store().order(id).await)?.ok_or_else(|| status::not_found("order", id))
    }

    /// The order that has this part: parts never move to another one.
    pub(crate) async fn order_of(&self, part: Part) -> Result<OrderId, Status> {
        Subject::named(&part);
        let owner = answered(self.store().order_of(&part).await)?;
        owner.ok_or_else(|| status::of_refusal(&part.not_found()))
    }

    /// The order that has this part, whole.
    pub(crate) async fn order_with(&self, part: Part) -> Result<Arc<Order>, Status> {
        self.order(self.order_of(part).await?).await
    }
}

/// How answers are stored for repeats: as they were sent. Their size has no limit: what a provider has done is recorded
/// even if the answer is too large to be sent.
pub(crate) fn codec<M: Message + Default>() -> Codec<M> {
    Codec {
        encode: |it| it.encode_to_vec(),
        decode: |bytes| M::decode(bytes).ok(),
        size: M::encoded_len,
        size_max: usize::MAX,
    }
}

/// The order that a change was about, as it then is.
pub(super) fn kept<'a>(view: &View<'a>, id: OrderId) -> &'a Arc<Order> {
    view.order(id).expect("a decision about an order has it loaded")
}

/// Reads a request: every bad field is noted, and the value is there only if none was.
pub(crate) fn parsed<T>(read: impl FnOnce(&mut Problems) -> Option<T>) -> Result<T, Status> {
    let mut bad = Problems::default();
    match read(&mut bad) {
        Some(value) if bad.0.is_empty() => Ok(value),
        _ => Err(status::of_refusal(&Refusal::Invalid(bad))),
    }
}

/// The named thing, or NOT_FOUND.
pub(super) fn existing<T>(
    kind: &'static str,
    id: impl ToString,
    read: Result<Option<T>, StoreError>,
) -> Result<T, Status> {
    answered(read)?.ok_or_else(|| status::not_found(kind, id))
}

/// Result of a read, or the status of its failure.
pub(crate) fn answered<T>(read: Result<T, StoreError>) -> Result<T, Status> {
    read.map_err(|it| status::of_store(&it))
}
