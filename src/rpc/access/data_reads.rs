//! Who was shown customers' personal data: noted while an answer is made, handed to one worker, and written in batches, so
//! that no reader waits for a disk. What was noted and not written is lost with the process only if that is killed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tonic::service::AxumBody;
use tonic::{Code, Status};

use crate::domain::{Actor, CustomerId, DataRead, Order, OrderId, Timestamp};
use crate::store::Store;
use crate::work::stop_requested;

/// Answers that wait to be written. One more waits until there is room: nothing is left out.
const QUEUED_MAX: usize = 1_024;

/// How long answers are collected before they are written.
const COLLECTED_FOR: Duration = Duration::from_secs(1);

/// Rows written at once.
const ROWS_MAX: usize = 500;

/// How long a write that failed waits for its next try, and how often it is tried while the server stops.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const TRIED_AT_THE_END: usize = 3;

/// How often records are looked for that have been kept long enough.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Whose data an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    order: Option<OrderId>,
    customer: Option<CustomerId>,
}

tokio::task_local! {
    static SHOWN: RefCell<BTreeSet<Subject>>;
}

/// The answer that is being made shows the customer of this order. Only what a call reads is noted: what it changes is in
/// the history, with its actor.
pub(crate) fn shows_order(order: &Order) {
    shows(Subject { order: Some(order.id), customer: order.named.as_ref().map(|it| it.id) });
}

/// The answer that is being made shows the data of an order whose customer is this one. None: it is not known.
pub(crate) fn shows_data_of(order: OrderId, customer: Option<CustomerId>) {
    shows(Subject { order: Some(order), customer });
}

/// The answer that is being made shows this customer.
pub(crate) fn shows_customer(customer: CustomerId) {
    shows(Subject { order: None, customer: Some(customer) });
}

fn shows(subject: Subject) {
    // It fails where nobody asks, which is right.
    let _ = SHOWN.try_with(|it| it.borrow_mut().insert(subject));
}

/// The answer is made anew: what was to be shown is not.
pub(crate) fn shows_nothing_yet() {
    let _ = SHOWN.try_with(|it| it.borrow_mut().clear());
}

/// Who reads by which call.
pub(crate) struct Reader {
    pub(crate) principal: Actor,
    pub(crate) actor: Actor,
    pub(crate) method: Arc<str>,
}

/// Takes notes of what readers are shown. Cheap to clone.
#[derive(Clone)]
pub struct ReadNotes {
    store: Store,
    queue: mpsc::Sender<Vec<DataRead>>,
}

/// What waits to be written.
pub struct Unwritten(mpsc::Receiver<Vec<DataRead>>);

/// Answers, and notes whose data the answer shows; None: nobody asks for that.
pub(crate) async fn noted(
    reader: Option<(ReadNotes, Reader)>,
    answering: impl Future<Output = Result<Response<AxumBody>, Infallible>>,
) -> Result<Response<AxumBody>, Infallible> {
    let Some((notes, reader)) = reader else { return answering.await };
    let noting = async {
        let answer = answering.await;
        (answer, SHOWN.with(RefCell::take))
    };
    let (answer, shown) = SHOWN.scope(RefCell::default(), noting).await;
    let is_answered = answer
        .as_ref()
        .is_ok_and(|it| Status::from_header_map(it.headers()).is_none_or(|it| it.code() == Code::Ok));
    if is_answered && !shown.is_empty() {
        notes.note(reader, shown).await;
    }
    answer
}

impl ReadNotes {
    pub fn new(store: Store) -> (Self, Unwritten) {
        let (queue, unwritten) = mpsc::channel(QUEUED_MAX);
        (Self { store, queue }, Unwritten(unwritten))
    }

    async fn note(&self, reader: Reader, shown: BTreeSet<Subject>) {
        let Reader { principal, actor, method } = reader;
        let method = method.trim_start_matches("consign.v1.");
        let at = self.store.now();
        let read = |Subject { order, customer }: Subject| DataRead {
            at,
            principal: principal.clone(),
            actor: actor.clone(),
            method: method.to_owned(),
            order,
            customer,
        };
        let reads: Vec<DataRead> = shown.into_iter().map(read).collect();
        if self.queue.send(reads).await.is_err() {
            tracing::error!(%principal, method, "the server has stopped; who read is not written down");
        }
    }
}

impl Unwritten {
    /// Writes until the last call is answered; nothing is kept for longer than `kept_for`.
    pub async fn write(mut self, store: Store, kept_for: Duration, mut closed: watch::Receiver<bool>) {
        let mut forget_at = Instant::now();
        let mut is_closed = false;
        while !is_closed {
            if Instant::now() >= forget_at {
                forget_at = Instant::now() + FORGET_EVERY;
                forget(&store, kept_for).await;
            }
            tokio::select! {
                () = stop_requested(&mut closed) => is_closed = true,
                () = self.collected() => {}
            }
            if is_closed {
                self.0.close();
            }
            loop {
                let batch = self.batch();
                if batch.is_empty() {
                    break;
                }
                write(&store, batch, &closed).await;
            }
        }
    }

    /// Waits for so long as answers are collected, but not until there is no room for more.
    async fn collected(&self) {
        let end = Instant::now() + COLLECTED_FOR;
        while Instant::now() < end && self.0.len() < QUEUED_MAX / 2 {
            sleep(COLLECTED_FOR / 20).await;
        }
    }

    /// What waits, without repeats; no more than is written at once, but for the last answer's rows.
    fn batch(&mut self) -> Vec<DataRead> {
        let (mut batch, mut seen) = (Vec::new(), BTreeSet::new());
        while batch.len() < ROWS_MAX {
            // Nothing waits, or nothing will come any more.
            let Ok(reads) = self.0.try_recv() else { break };
            for read in reads {
                if seen.insert(DataRead { at: Timestamp::MIN, ..read.clone() }) {
                    batch.push(read);
                }
            }
        }
        batch
    }
}

/// Tries until it is written; while the server stops, some times only.
async fn write(store: &Store, batch: Vec<DataRead>, closed: &watch::Receiver<bool>) {
    let mut left = TRIED_AT_THE_END;
    while let Err(error) = store.note_reads(batch.clone()).await {
        tracing::warn!(%error, rows = batch.len(), "who read customers' data is not written down yet");
        if *closed.borrow() {
            left -= 1;
            if left == 0 {
                tracing::error!(rows = batch.len(), "who read customers' data is lost");
                return;
            }
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn forget(store: &Store, kept_for: Duration) {
    match store.forget_reads(store.now().minus(kept_for)).await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "forgot who read customers' data, which was kept long enough"),
        Err(error) => tracing::warn!(%error, "could not forget who read customers' data"),
    }
}
