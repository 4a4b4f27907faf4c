//! Calls whose outcome somebody outside decides: a payment provider, a courier.
//!
//! Such a call has three parts: the decision, the request, outside any transaction, and the answer. A repeated call goes on
//! with the part that is not done yet.

use std::time::{Duration, Instant};

use prost::Message;
use tonic::Status;
use uuid::Uuid;

use crate::domain::{Command, OnOrder, Order, OrderCommand, Part, ReadSet, Refusal, UnitOfWork};
use crate::rpc::api::{Api, answered, kept};
use crate::rpc::identity::Call;
use crate::store::{Changed, Codec, StoreError, View};
use crate::work::{Caller, Pending, Subject, settle};

/// Kept back of the caller's time for sending an answer when the other side's has not come.
const REPLY_MARGIN: Duration = Duration::from_millis(200);

/// How to answer a call whose outcome a provider or a courier decides. All calls about a payment return the one field
/// `payment`, so a stored answer decodes as the response of any of them.
pub(super) struct Settlement<Id, M> {
    pub(super) part: fn(Id) -> Part,
    pub(super) pending: fn(Id) -> Pending,
    pub(super) answer: fn(Id, &Order) -> M,
    pub(super) key: fn(Id) -> Uuid,
    pub(super) is_final: fn(&M) -> bool,
    pub(super) is_final_stored: fn(&[u8]) -> bool,
}

/// An answer, and the payment, refund or shipment that it is about, as the decision named it. They are stored together, so
/// that a repeated call goes on with the same one.
#[derive(Clone)]
struct About<M> {
    id: Uuid,
    answer: M,
}

impl<M: Message + Default> About<M> {
    fn read(stored: &[u8]) -> Option<Self> {
        let (id, answer) = stored.split_first_chunk::<16>()?;
        Some(Self { id: Uuid::from_bytes(*id), answer: M::decode(answer).ok()? })
    }

    fn codec(size_max: usize) -> Codec<Self> {
        Codec {
            encode: |it| [it.id.as_bytes().as_slice(), &it.answer.encode_to_vec()].concat(),
            decode: Self::read,
            size: |it| it.answer.encoded_len(),
            size_max,
        }
    }
}

/// The answer in what was stored; None: it cannot be read.
pub(super) fn stored_answer<M: Message + Default>(stored: &[u8]) -> Option<M> {
    About::read(stored).map(|it| it.answer)
}

/// Replaces the answer that was stored for a call by its outcome. It decides nothing.
struct StoreOutcome;

impl Command for StoreOutcome {
    const NAME: &'static str = "StoreOutcome";
    type Output = ();

    fn reads(&self) -> ReadSet {
        ReadSet::default()
    }

    fn decide(&self, _: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Api {
    /// Decides the request to the provider or courier, sends it, and answers with its outcome if that arrives in time.
    pub(super) async fn settled<C, Id, M>(
        &self,
        call: Call,
        command: C,
        settlement: &Settlement<Id, M>,
    ) -> Result<M, Status>
    where
        C: OrderCommand<Output = Id>,
        Id: Copy + Send + From<Uuid> + 'static,
        M: Message + Default + Clone + 'static,
    {
        let (answer, key) = (settlement.answer, settlement.key);
        let about = move |id: Id, order: &Order| About { id: key(id), answer: answer(id, order) };
        let reply = move |it: &OnOrder<Id>, view: &View<'_>| about(it.output, kept(view, it.order));
        let sent = About::codec(call.answer_bytes_max(&self.limits));
        let begun = self.store().change(call.clone().into_store(), command, reply, sent).await;
        let (begun, decided) = match answered(begun)? {
            Changed::Decided { answer, output, orders } => (answer, Some((output, orders))),
            Changed::Validated(about) => return Ok(about.answer),
            Changed::Replayed(about) => (about, None),
        };
        let About { id: named, answer: begun } = begun;
        if (settlement.is_final)(&begun) {
            return Ok(begun);
        }

        let (id, subject) = match decided {
            Some((OnOrder { order, output }, orders)) => {
                let stored = orders.into_iter().find(|it| it.id == order);
                (output, Subject { id: order, stored })
            }
            None => {
                let id = Id::from(named);
                let order = self.order_of((settlement.part)(id)).await?;
                (id, Subject { id: order, stored: None })
            }
        };
        let order = subject.id;
        let is_final = settlement.is_final_stored;
        let caller = Caller {
            request: call.amending(is_final).into_store().request,
            reply: Box::new(move |it| about(id, it)),
            codec: About::codec(usize::MAX),
        };
        let settling = settle(&self.app, subject, (settlement.pending)(id), caller);
        match self.within_the_callers_time(&call, settling).await? {
            Some(settled) => Ok(settled.answer),
            None => {
                let outcome = about(id, &*self.order(order).await?);
                self.store_outcome(&call, outcome, settlement).await
            }
        }
    }

    /// Waits for the provider as long as the caller does. A worker takes over what is not settled by then, or cannot be
    /// stored now. None: there is no outcome yet.
    async fn within_the_callers_time<M>(
        &self,
        call: &Call,
        settling: impl Future<Output = Result<Option<M>, StoreError>> + Send,
    ) -> Result<Option<M>, Status> {
        let settled = match call.deadline() {
            Some(deadline) => {
                let time = deadline.saturating_duration_since(Instant::now()).saturating_sub(REPLY_MARGIN);
                tokio::time::timeout(time, settling).await.unwrap_or(Ok(None))
            }
            None => settling.await,
        };
        match settled {
            // The request is committed: an error would say that nothing has happened.
            Err(
                StoreError::Overloaded
                | StoreError::LostRace
                | StoreError::StorageFull
                | StoreError::Unavailable(_)
                | StoreError::DeadlineExceeded,
            ) => Ok(None),
            settled => answered(settled),
        }
    }

    /// Stores a final outcome, settled by another caller or a worker, in place of the answer that was stored while it was
    /// open. Every later repeat of the call gets the same answer.
    async fn store_outcome<Id, M: Message + Default + Clone + 'static>(
        &self,
        call: &Call,
        outcome: About<M>,
        settlement: &Settlement<Id, M>,
    ) -> Result<M, Status> {
        let answer = outcome.answer.clone();
        if !call.is_repeatable() || !(settlement.is_final)(&answer) {
            return Ok(answer);
        }
        let call = call.amending(settlement.is_final_stored);
        let sent = About::codec(call.answer_bytes_max(&self.limits));
        let reply = move |(): &(), _: &View<'_>| outcome.clone();
        let kept = self.store().change(call.into_store(), StoreOutcome, reply, sent).await;
        // The outcome holds even if it cannot be stored now: a repeat tries to store it again.
        Ok(kept.map_or(answer, |it| it.into_answer().answer))
    }
}
