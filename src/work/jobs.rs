//! The loop over jobs that have come due. A job is an order, or a reservation that a caller made for no order, and is leased
//! while a worker has it. What a job of an order is: decide what is due, perform the outbound tasks, record their answers.
//!
//! The last change of a job names its lease. With its commit the lease ends, and the row says when the next job is due. If
//! another worker has claimed the job meanwhile, because the lease had run out, that change is refused (`LeaseLost`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::domain::{
    ExpireReservation, Lease, OnOrder, Order, OrderId, OutboundTask, Part, Refusal, ReservationId, RunDue,
    Target, backoff,
};
use crate::store::{Codec, Job, JobKind, StoreError, View};
use crate::work::outbound::{Caller, perform, record_answers};
use crate::work::{App, context, stop_requested};

/// Jobs that one process works on at once.
const AT_ONCE: usize = 128;

/// How long until the next look if the bell does not ring: it rings for this process's commits, not for those of other
/// processes, nor when something comes due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// At least this between two looks, however often the bell rings: each look that finds something is a transaction.
const LOOKS_APART: Duration = Duration::from_millis(50);

/// The longest pause after a job that failed.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Claims and starts jobs until `shutdown` is true, and then waits for those that are under way.
pub(super) async fn run_jobs(app: App, mut shutdown: watch::Receiver<bool>) {
    let mut bell = app.store.bell();
    let mut in_hand = JoinSet::new();
    let mut failing = false;
    while !*shutdown.borrow() {
        bell.mark_unchanged();
        let room = (AT_ONCE - in_hand.len()) as u64;
        // Taken before the claim: a process that was frozen meanwhile must not believe that its lease lasts longer.
        let claimed_at = Instant::now();
        match app.store.claim_jobs(room, app.lease).await {
            Ok(jobs) => {
                failing = false;
                let mut orders = orders_of(&app, &jobs).await;
                for job in jobs {
                    let order = orders.remove(&OrderId(job.subject));
                    in_hand.spawn(run_job(app.clone(), job, order, claimed_at + app.lease));
                }
            }
            // An outage is logged once.
            Err(_) if failing => {}
            Err(error) => {
                failing = true;
                tracing::warn!(%error, "could not claim jobs; trying on");
            }
        }

        tokio::time::sleep(LOOKS_APART).await;
        let full = in_hand.len() == AT_ONCE;
        // The next look is after a ring or a while; with no room for another job, when one has ended.
        tokio::select! {
            () = stop_requested(&mut shutdown) => break,
            Some(done) = in_hand.join_next() => log_panic(done),
            rung = bell.changed(), if !full => if rung.is_err() { break },
            () = tokio::time::sleep(LOOK_EVERY), if !full => {}
        }
        while let Some(done) = in_hand.try_join_next() {
            log_panic(done);
        }
    }
    while let Some(done) = in_hand.join_next().await {
        log_panic(done);
    }
}

fn log_panic(done: Result<(), tokio::task::JoinError>) {
    if let Err(error) = done {
        tracing::error!(%error, "a job panicked; it is tried again when its lease has run out");
    }
}

/// The orders of these jobs, read in one batch. A job whose order is missing here, because the read failed, reads it by
/// itself.
async fn orders_of(app: &App, jobs: &[Job]) -> HashMap<OrderId, Arc<Order>> {
    let ids: Vec<_> =
        jobs.iter().filter(|it| it.kind == JobKind::Order).map(|it| OrderId(it.subject)).collect();
    if ids.is_empty() {
        return HashMap::new();
    }
    app.store.orders(&ids).await.unwrap_or_default()
}

/// One job, whose lease ends at `ends`.
async fn run_job(app: App, job: Job, order: Option<Arc<Order>>, ends: Instant) {
    let done = match job.kind {
        JobKind::Order => run_order_job(&app, OrderId(job.subject), order, job.lease, ends).await,
        JobKind::Reservation => expire_reservation(&app, ReservationId(job.subject), job.lease).await,
    };
    let Err(error) = done else { return };
    if let StoreError::Refused(Refusal::LeaseLost(_)) = error {
        tracing::info!(job = %job.lease.job, "another worker has this job now");
        return;
    }

    let attempts = u32::try_from(job.attempts).unwrap_or(u32::MAX);
    let pause = spread(backoff(attempts, RETRY_MAX));
    let kind = job.kind.as_str();
    tracing::warn!(job = %job.lease.job, kind, attempts = job.attempts, ?pause, %error, "a job failed");
    if let Err(error) = app.store.job_failed(job.lease, app.store.now().plus(pause)).await {
        tracing::warn!(job = %job.lease.job, %error, "could not give a job back; its lease has to run out");
    }
}

/// The pause and up to a quarter more, so that what failed together is not tried together.
pub(super) fn spread(pause: Duration) -> Duration {
    pause + pause.mul_f64(fastrand::f64() / 4.0)
}

/// Decides what is due first, so that no letter goes out about an order that has just expired; then performs the
/// outbound tasks. The order is given if it was read with others, and is read here if it was not. The last change completes
/// the lease. What it leaves open is the next job.
async fn run_order_job(
    app: &App,
    id: OrderId,
    order: Option<Arc<Order>>,
    lease: Lease,
    ends: Instant,
) -> Result<(), StoreError> {
    let now = app.store.now();
    let order = match order {
        Some(order) => Some(order),
        None => app.store.order(id).await?,
    };
    // With nothing to do outside, what is due is decided, and that completes the lease.
    let order = match order {
        Some(order) if !order.outbound_tasks(now).is_empty() => order,
        _ => return decide_due(app, id, Some(lease)).await.map(|_| ()),
    };
    // Without the lease: the outbound tasks are still to come.
    let order = match order.has_come_due(&app.rules, now) {
        false => order,
        true => match decide_due(app, id, None).await? {
            Some(order) => order,
            None => return Ok(()),
        },
    };

    // Requests to providers and couriers go one by one, each answer recorded before the next; letters go together.
    let (letters, requests) = letters_and_requests(order.outbound_tasks(now));
    let requested = !requests.is_empty();
    let mut failed = None;
    for (left, task) in (0..requests.len()).rev().zip(requests) {
        may_begin(lease, app.call_within(), ends)?;
        let answer = perform(app, &order, task).await?;
        // An answer that cannot be recorded does not stop the other tasks, but the job stays open: it fails at the end, and
        // is tried again. No caller waits for the answer of a job.
        let completes = (left == 0 && letters.is_empty() && failed.is_none()).then_some(lease);
        if let Err(error) = record_answers(app, id, vec![answer], completes, Caller::nobody()).await {
            failed.get_or_insert(error);
        } else if completes.is_some() {
            return Ok(());
        }
    }

    // The recorded answers may have outdated some letters.
    let (order, letters) = match requested {
        false => (order, letters),
        true => match app.store.order(id).await? {
            Some(order) => {
                let (letters, _) = letters_and_requests(order.outbound_tasks(app.store.now()));
                (order, letters)
            }
            None => return failed.map_or(Ok(()), Err),
        },
    };
    if !letters.is_empty() {
        may_begin(lease, app.mail_within(), ends)?;
        let answers = try_join_all(letters.into_iter().map(|it| perform(app, &order, it))).await?;
        let completes = failed.is_none().then_some(lease);
        record_answers(app, id, answers, completes, Caller::nobody()).await?;
    } else if failed.is_none() {
        decide_due(app, id, Some(lease)).await?;
    }
    failed.map_or(Ok(()), Err)
}

/// Letters, and requests to providers and couriers.
fn letters_and_requests(outbound_tasks: Vec<OutboundTask>) -> (Vec<OutboundTask>, Vec<OutboundTask>) {
    outbound_tasks.into_iter().partition(|it| matches!(it, OutboundTask::Message(_)))
}

/// No outbound task begins that could end after the lease: by then the job may be another worker's.
fn may_begin(lease: Lease, takes: Duration, ends: Instant) -> Result<(), StoreError> {
    match Instant::now() + takes <= ends {
        true => Ok(()),
        false => Err(Refusal::LeaseLost(lease.job).into()),
    }
}

/// Runs what is due of the order by itself, and completes the job if its lease is given. Returns the order as it then is,
/// None if it does not exist.
async fn decide_due(app: &App, id: OrderId, lease: Option<Lease>) -> Result<Option<Arc<Order>>, StoreError> {
    let run = RunDue { target: Target::latest(Part::Order(id)), lease };
    let reply = move |_: &OnOrder<()>, view: &View<'_>| view.order(id).cloned();
    match app.store.change(context(), run, reply, Codec::unkept()).await {
        Ok(changed) => Ok(changed.into_answer()),
        Err(StoreError::Refused(Refusal::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Frees what a caller had set aside for no order, whose time is over. This is all that a job of a reservation does.
async fn expire_reservation(app: &App, reservation: ReservationId, lease: Lease) -> Result<(), StoreError> {
    let expire = ExpireReservation { reservation, lease };
    app.store.change(context(), expire, |(), _| (), Codec::unkept()).await.map(|_| ())
}
