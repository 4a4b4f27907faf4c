//! The door: parse the request, change or find, reply. Nothing here knows SQL, and no rule of the business is here.

mod approvals;
mod billing;
mod call;
mod from_proto;
mod inventory;
mod layers;
mod listing;
mod orders;
mod shipping;
mod status;
mod to_proto;
mod watch;
mod words;

use std::sync::Arc;

use prost::Message;
use tokio::sync::watch as signal;
use tonic::{Response, Status};

pub use call::Call;
pub use layers::{Deadline, protect};

use crate::domain::{Desk, Problems, Refusal, Touch};
use crate::settings::Limits;
use crate::store::{Codec, Store, View};
use crate::work::Shop;

/// What every RPC answers.
pub(crate) type Reply<T> = Result<Response<T>, Status>;

/// Everything the services share. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) shop: Shop,
    pub(crate) limits: Arc<Limits>,
    /// Turns true when the server stops: streams end with their resume point.
    pub(crate) shutdown: signal::Receiver<bool>,
}

impl Api {
    pub fn new(shop: Shop, limits: Limits, shutdown: signal::Receiver<bool>) -> Self {
        Self { shop, limits: Arc::new(limits), shutdown }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.shop.store
    }

    /// The one way a request changes anything: decided in the writer's group, answered from what was decided.
    pub(crate) async fn change<T, M>(
        &self,
        call: Call,
        touch: Touch,
        decide: impl Fn(&mut Desk<'_>) -> Result<T, Refusal> + Send + 'static,
        reply: impl Fn(&T, &View<'_>) -> M + Send + 'static,
    ) -> Result<M, Status>
    where
        T: Send + 'static,
        M: Message + Default + 'static,
    {
        let codec = Codec { encode: |it: &M| it.encode_to_vec(), decode: |bytes| M::decode(bytes).ok() };
        let answer = self.store().change(call.into_store(), touch, decide, reply, codec).await;
        answer.map_err(|it| status::of_store(&it))
    }
}

/// Reads a request: every bad field is noted, and the value is there only if none was.
pub(crate) fn parse<T>(read: impl FnOnce(&mut Problems) -> Option<T>) -> Result<T, Status> {
    let mut bad = Problems::default();
    match read(&mut bad) {
        Some(value) if bad.0.is_empty() => Ok(value),
        _ => Err(status::of_refusal(&Refusal::Invalid(bad))),
    }
}
