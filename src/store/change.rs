//! One queued change: what the caller gave, whatever its types, and the one answer it gets.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::StoreError;
use crate::domain::{
    Actor, Changes, Courier, CourierCode, Desk, Location, LocationCode, Order, OrderId, Product, Reason,
    Refusal, Replenishment, ReplenishmentId, Reservation, ReservationId, Sku, StockLevel, Touch, World,
};

/// Who asks for a change, and how it is told apart from a repetition.
#[derive(Debug, Clone)]
pub struct Call {
    pub actor: Actor,
    /// The full name of the RPC, or of the job.
    pub method: &'static str,
    /// None: the call is not retry-safe.
    pub request: Option<RequestKey>,
    /// A change still queued at this moment is not decided any more.
    pub deadline: Option<Instant>,
}

/// A request id: each actor's own, and each method's.
#[derive(Debug, Clone)]
pub struct RequestKey {
    pub actor: Actor,
    pub method: &'static str,
    pub id: String,
    /// Of the request's content.
    pub fingerprint: [u8; 32],
    pub mode: RequestMode,
}

#[derive(Debug, Clone, Copy)]
pub enum RequestMode {
    /// The first of its id is decided and its answer kept; later ones get that answer.
    Claim,
    /// A later phase of a claimed call: this change's answer takes the place of the one kept, unless that is final, as
    /// this tells. Then the change stands, but its caller hears what the others heard.
    Amend { is_final: fn(&[u8]) -> bool },
}

/// How an answer is kept for those who ask again, and how large it may be.
pub struct Codec<M> {
    pub encode: fn(&M) -> Vec<u8>,
    pub decode: fn(&[u8]) -> Option<M>,
    /// In bytes, as encoded.
    pub size: fn(&M) -> usize,
    /// A change whose answer is larger is refused: its caller could not be answered.
    pub size_max: usize,
}

impl<M> Codec<M> {
    /// For changes without a request id: nobody asks for their answers again.
    pub fn unkept() -> Self {
        Self { encode: |_| Vec::new(), decode: |_| None, size: |_| 0, size_max: usize::MAX }
    }
}

impl<M> Clone for Codec<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Codec<M> {}

/// What a reply is made of: this change's results, and behind them the state after its group.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub changes: &'a Changes,
    pub world: &'a World,
}

impl<'a> View<'a> {
    pub fn order(&self, id: OrderId) -> Option<&'a Arc<Order>> {
        self.changes.orders.get(&id).or_else(|| self.world.orders.get(&id))
    }

    pub fn level(&self, sku: &Sku, location: &LocationCode) -> Option<&'a StockLevel> {
        let key = (sku.clone(), location.clone());
        self.changes.stock.get(&key).or_else(|| self.world.stock.get(&key))
    }

    pub fn reservation(&self, id: ReservationId) -> Option<&'a Reservation> {
        self.changes.reservations.get(&id).or_else(|| self.world.reservations.get(&id)).map(AsRef::as_ref)
    }

    pub fn replenishment(&self, id: ReplenishmentId) -> Option<&'a Replenishment> {
        self.changes.replenishments.get(&id).or_else(|| self.world.replenishments.get(&id)).map(AsRef::as_ref)
    }

    pub fn product(&self, sku: &Sku) -> Option<&'a Product> {
        self.changes.products.get(sku).or_else(|| self.world.products.get(sku)).map(AsRef::as_ref)
    }

    pub fn location(&self, code: &LocationCode) -> Option<&'a Location> {
        self.changes.locations.get(code).or_else(|| self.world.locations.get(code)).map(AsRef::as_ref)
    }

    pub fn courier(&self, code: &CourierCode) -> Option<&'a Courier> {
        self.changes.couriers.get(code).or_else(|| self.world.couriers.get(code)).map(AsRef::as_ref)
    }
}

/// What became of a change.
pub(in crate::store) enum Word {
    /// Committed: the caller gets the reply made from it.
    Done,
    /// Done before: the caller gets the answer kept then.
    Stored(Arc<[u8]>),
    No(StoreError),
}

/// A change in the queue, its types forgotten.
pub(in crate::store) trait Change: Send {
    fn call(&self) -> &Call;
    fn touch(&self) -> &Touch;
    /// Adds keys to what is loaded for it.
    fn also_reads(&mut self, keys: Touch);
    fn decide(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal>;
    /// Makes the reply out of what was decided.
    fn reply(&mut self, view: &View<'_>);
    /// The reply, as it is kept.
    fn encoded(&self) -> Vec<u8>;
    /// Refuses a reply that is too large to be sent.
    fn must_fit(&self) -> Result<(), Refusal>;
    fn tell(self: Box<Self>, word: Word);
}

pub(in crate::store) struct Queued<T, M, D, R> {
    pub(in crate::store) call: Call,
    pub(in crate::store) touch: Touch,
    pub(in crate::store) decide: D,
    pub(in crate::store) reply: R,
    pub(in crate::store) codec: Codec<M>,
    pub(in crate::store) decided: Option<T>,
    pub(in crate::store) replied: Option<M>,
    pub(in crate::store) caller: oneshot::Sender<Result<M, StoreError>>,
}

impl<T, M, D, R> Change for Queued<T, M, D, R>
where
    T: Send,
    M: Send,
    D: Fn(&mut Desk<'_>) -> Result<T, Refusal> + Send,
    R: Fn(&T, &View<'_>) -> M + Send,
{
    fn call(&self) -> &Call {
        &self.call
    }

    fn touch(&self) -> &Touch {
        &self.touch
    }

    fn also_reads(&mut self, keys: Touch) {
        self.touch.extend(keys);
    }

    fn decide(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        self.decided = None;
        self.replied = None;
        self.decided = Some((self.decide)(desk)?);
        Ok(())
    }

    fn reply(&mut self, view: &View<'_>) {
        self.replied = self.decided.as_ref().map(|it| (self.reply)(it, view));
    }

    fn encoded(&self) -> Vec<u8> {
        self.replied.as_ref().map(self.codec.encode).unwrap_or_default()
    }

    fn must_fit(&self) -> Result<(), Refusal> {
        let Codec { size, size_max, .. } = self.codec;
        match self.replied.as_ref().map(size) {
            Some(bytes) if bytes > size_max => {
                let message = format!("the answer would have {bytes} bytes, and may have at most {size_max}");
                Err(Refusal::unmet(Reason::LimitReached, message))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn tell(self: Box<Self>, word: Word) {
        let answer = match word {
            Word::Done => self
                .replied
                .ok_or_else(|| StoreError::Internal("a change was done without a reply".to_owned())),
            Word::Stored(bytes) => (self.codec.decode)(&bytes)
                .ok_or_else(|| StoreError::corrupt("requests", "the stored answer cannot be read")),
            Word::No(error) => Err(error),
        };
        // A caller that has gone away misses its answer; the change stands.
        let _ = self.caller.send(answer);
    }
}
