//! One queued change with its types erased, and the one answer that its caller gets.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::domain::{
    self, Actor, ChangeSet, Command, Order, OrderId, ReadSet, Reason, Refusal, Snapshot, UnitOfWork,
};
use crate::store::connection::error::StoreError;
use crate::traces;

/// Who asks for a change, under which request id, and until when.
#[derive(Debug, Clone)]
pub struct RequestContext {
    pub actor: Actor,
    /// The key or certificate that named the actor, where that is another.
    pub principal: Option<Actor>,
    /// None: the call is not retry-safe.
    pub request: Option<RequestKey>,
    /// A change still queued at this moment is not decided any more.
    pub deadline: Option<Instant>,
    pub effect: Effect,
}

/// What comes of a change that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Commit,
    /// The caller gets the answer, and everything stays as it was: the transaction is rolled back.
    ValidateOnly,
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
    /// For changes without a request id: their answers are never asked for again.
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

/// The state for a reply: this change's results, and behind them the state after its group.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub changes: &'a ChangeSet,
    pub snapshot: &'a Snapshot,
}

impl<'a> View<'a> {
    pub fn order(&self, id: OrderId) -> Option<&'a Arc<Order>> {
        self.changes.orders.get(&id).or_else(|| self.snapshot.orders.get(&id))
    }
}

/// Outcome of a change.
pub(in crate::store) enum Outcome {
    /// Committed: the caller gets the reply made from it.
    Done,
    /// It would have been committed: the caller gets the reply made from it.
    Validated,
    /// Done before: the caller gets the answer kept then.
    Stored(Arc<[u8]>),
    No(StoreError),
}

/// A change in the queue, its types forgotten.
pub(in crate::store) trait Change: Send {
    /// The command's name.
    fn name(&self) -> &'static str;
    fn context(&self) -> &RequestContext;
    /// Where it was asked for.
    fn origin(&self) -> traces::Origin;
    fn reads(&self) -> &ReadSet;
    /// Adds keys to what is loaded for it.
    fn also_reads(&mut self, keys: ReadSet);
    fn decide(&mut self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal>;
    /// Makes the reply out of what was decided.
    fn reply(&mut self, view: &View<'_>);
    /// The reply, as it is kept.
    fn encoded(&self) -> Vec<u8>;
    /// Refuses a reply that is too large to be sent.
    fn must_fit(&self) -> Result<(), Refusal>;
    fn answer(self: Box<Self>, outcome: Outcome);
}

/// Result of a change for its caller.
#[derive(Debug)]
pub enum Changed<T, M> {
    Decided {
        answer: M,
        output: T,
        /// The orders that it changed, as it left them.
        orders: Vec<Arc<Order>>,
    },
    /// It would be accepted, and nothing was changed.
    Validated(M),
    /// It was decided before: the answer that was stored then.
    Replayed(M),
}

impl<T, M> Changed<T, M> {
    pub fn into_answer(self) -> M {
        match self {
            Self::Decided { answer, .. } | Self::Validated(answer) | Self::Replayed(answer) => answer,
        }
    }
}

/// The channel to the caller of a change.
pub(in crate::store) type Caller<T, M> = oneshot::Sender<Result<Changed<T, M>, StoreError>>;

pub(in crate::store) struct Queued<C: Command, M, R> {
    pub(in crate::store) context: RequestContext,
    origin: traces::Origin,
    pub(in crate::store) command: C,
    pub(in crate::store) reads: ReadSet,
    pub(in crate::store) reply: R,
    pub(in crate::store) codec: Codec<M>,
    pub(in crate::store) output: Option<C::Output>,
    replied: Option<M>,
    orders: Vec<Arc<Order>>,
    pub(in crate::store) caller: Caller<C::Output, M>,
}

impl<C, M, R> Queued<C, M, R>
where
    C: Command,
    R: Fn(&C::Output, &View<'_>) -> M,
{
    pub(in crate::store) fn new(
        context: RequestContext,
        command: C,
        reply: R,
        codec: Codec<M>,
        caller: Caller<C::Output, M>,
    ) -> Self {
        let reads = command.reads();
        Self {
            context,
            origin: traces::Origin::current(),
            command,
            reads,
            reply,
            codec,
            output: None,
            replied: None,
            orders: Vec::new(),
            caller,
        }
    }
}

impl<C, M, R> Change for Queued<C, M, R>
where
    C: Command,
    M: Send,
    R: Fn(&C::Output, &View<'_>) -> M + Send,
{
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn context(&self) -> &RequestContext {
        &self.context
    }

    fn origin(&self) -> traces::Origin {
        self.origin
    }

    fn reads(&self) -> &ReadSet {
        &self.reads
    }

    fn also_reads(&mut self, keys: ReadSet) {
        self.reads.extend(keys);
        self.reads.further_reads = self.reads.further_reads.saturating_sub(1);
    }

    fn decide(&mut self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        self.output = None;
        self.replied = None;
        self.output = Some(domain::decide(&self.command, unit)?);
        Ok(())
    }

    fn reply(&mut self, view: &View<'_>) {
        self.replied = self.output.as_ref().map(|it| (self.reply)(it, view));
        self.orders = view.changes.orders.values().cloned().collect();
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

    fn answer(self: Box<Self>, outcome: Outcome) {
        let Self { codec, output, replied, orders, caller, .. } = *self;
        let without_reply = || StoreError::Internal("a change was done without a reply".to_owned());
        let answer = match outcome {
            Outcome::Done => match (replied, output) {
                (Some(answer), Some(output)) => Ok(Changed::Decided { answer, output, orders }),
                _ => Err(without_reply()),
            },
            Outcome::Validated => replied.map(Changed::Validated).ok_or_else(without_reply),
            Outcome::Stored(bytes) => (codec.decode)(&bytes)
                .map(Changed::Replayed)
                .ok_or_else(|| StoreError::corrupt("decisions", "the stored answer cannot be read")),
            Outcome::No(error) => Err(error),
        };
        // A caller that has gone away misses its answer; the change stands.
        let _ = caller.send(answer);
    }
}

/// A command that a test writes down as a closure.
#[cfg(test)]
pub(in crate::store) struct Closure<F> {
    pub(in crate::store) reads: ReadSet,
    pub(in crate::store) decide: F,
}

#[cfg(test)]
impl<T, F> Command for Closure<F>
where
    T: Send + 'static,
    F: Fn(&mut UnitOfWork<'_>) -> Result<T, Refusal> + Send + 'static,
{
    const NAME: &'static str = "test";
    type Output = T;

    fn reads(&self) -> ReadSet {
        self.reads.clone()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<T, Refusal> {
        (self.decide)(unit)
    }
}
