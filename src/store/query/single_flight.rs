//! Single flight: long work that many callers ask for at once is done once for all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

/// One run of the work is under way at a time. Callers that come meanwhile share the next.
pub(in crate::store) struct SingleFlight<T> {
    turn: Arc<tokio::sync::Mutex<()>>,
    next: Arc<Next<T>>,
    /// The run that is under way and the one that waits for its turn. None: stopped.
    runs: Mutex<Option<JoinSet<()>>>,
}

/// The channel to the callers of the run that has not begun yet.
pub(in crate::store) type Next<T> = Mutex<Option<watch::Sender<Option<T>>>>;

/// Why a run gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Ended {
    Panicked,
    Stopped,
}

/// The callers of a run, seen from the work: whether one still waits.
pub(in crate::store) struct Waiter<T>(watch::Sender<Option<T>>);

impl<T> Waiter<T> {
    pub(in crate::store) fn remains(&self) -> bool {
        !self.0.is_closed()
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    pub(in crate::store) fn new() -> Self {
        Self {
            turn: Arc::default(),
            next: Arc::new(Mutex::new(None)),
            runs: Mutex::new(Some(JoinSet::new())),
        }
    }

    /// Result of a run that began after this call.
    ///
    /// It does not begin if no caller waits for it by then. One that has begun keeps its turn to its end: long work
    /// checks now and then whether a caller still waits.
    pub(in crate::store) async fn run<W>(
        &self,
        work: impl FnOnce(Waiter<T>) -> W + Send + 'static,
    ) -> Result<T, Ended>
    where
        W: Future<Output = T> + Send,
    {
        let mut told = self.join(work).ok_or(Ended::Stopped)?;
        let result = told.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
        result.ok_or_else(|| if locked(&self.runs).is_some() { Ended::Panicked } else { Ended::Stopped })
    }

    fn join<W>(
        &self,
        work: impl FnOnce(Waiter<T>) -> W + Send + 'static,
    ) -> Option<watch::Receiver<Option<T>>>
    where
        W: Future<Output = T> + Send,
    {
        let mut next = locked(&self.next);
        if let Some(telling) = &*next {
            return Some(telling.subscribe());
        }

        let mut runs = locked(&self.runs);
        let runs = runs.as_mut()?;
        while runs.try_join_next().is_some() {}
        let (telling, told) = watch::channel(None);
        *next = Some(telling);
        let (turn, next) = (Arc::clone(&self.turn), Arc::clone(&self.next));
        runs.spawn(async move {
            let _turn = turn.lock_owned().await;
            // Callers that come from here on share the next run.
            let Some(telling) = locked(&next).take() else { return };
            let waiter = Waiter(telling.clone());
            if waiter.remains() {
                let result = work(waiter).await;
                telling.send_replace(Some(result));
            }
        });
        Some(told)
    }

    /// Ends the run under way and begins no other; callers that wait get `Ended::Stopped`.
    pub(in crate::store) async fn stop(&self) {
        let runs = locked(&self.runs).take();
        if let Some(mut runs) = runs {
            runs.shutdown().await;
        }
        locked(&self.next).take();
    }
}

/// Nothing panics while one of these is held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;
    use tokio::time::{Duration, sleep, timeout};

    /// Work that gives its number, counted from 1, when it is let go, and says whether it was wanted then.
    #[derive(Clone)]
    struct Counted {
        single_flight: Arc<SingleFlight<u64>>,
        begun: Arc<AtomicU64>,
        unwanted: Arc<AtomicU64>,
        go: Arc<Notify>,
    }

    impl Counted {
        fn new() -> Self {
            Self {
                single_flight: Arc::new(SingleFlight::new()),
                begun: Arc::default(),
                unwanted: Arc::default(),
                go: Arc::default(),
            }
        }

        /// Somebody who asks, and waits.
        async fn asks(&self) -> JoinHandle<Result<u64, Ended>> {
            let Self { single_flight, begun, unwanted, go } = self.clone();
            let asking = tokio::spawn(async move {
                let work = async move |waiter: Waiter<u64>| {
                    let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    go.notified().await;
                    unwanted.fetch_add(u64::from(!waiter.remains()), Ordering::SeqCst);
                    number
                };
                single_flight.run(work).await
            });
            settled().await;
            asking
        }

        async fn goes(&self) {
            self.go.notify_one();
            settled().await;
        }
    }

    /// Until every task is idle: the clock is paused.
    async fn settled() {
        sleep(Duration::from_millis(1)).await;
    }

    async fn soon<T>(waiting: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(1), waiting).await.expect("it ends")
    }

    async fn leaves(asking: JoinHandle<Result<u64, Ended>>) {
        asking.abort();
        assert!(asking.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_while_one_is_under_way_share_the_next() {
        let counted = Counted::new();
        let first = counted.asks().await;
        let others = [counted.asks().await, counted.asks().await, counted.asks().await];
        assert_eq!(counted.begun.load(Ordering::SeqCst), 1, "one at a time");

        counted.goes().await;
        assert_eq!(first.await.expect("no panic"), Ok(1));
        counted.goes().await;
        for shared in join_all(others).await {
            assert_eq!(shared.expect("no panic"), Ok(2), "the first began before they asked");
        }

        let last = counted.asks().await;
        counted.goes().await;
        assert_eq!(last.await.expect("no panic"), Ok(3), "nothing old is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_goes_on_for_those_who_stay() {
        let counted = Counted::new();
        let (first, second) = (counted.asks().await, counted.asks().await);
        let third = counted.asks().await;
        counted.goes().await;
        assert_eq!(first.await.expect("no panic"), Ok(1));
        leaves(second).await;
        counted.goes().await;
        assert_eq!(third.await.expect("no panic"), Ok(2), "it does not begin anew");
        assert_eq!(counted.unwanted.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_nobody_wants_any_more_keeps_its_turn_until_it_has_ended() {
        let counted = Counted::new();
        for _ in 0..10 {
            leaves(counted.asks().await).await;
        }
        assert_eq!(counted.begun.load(Ordering::SeqCst), 1, "one at a time, whoever has gone");

        let stays = counted.asks().await;
        counted.goes().await;
        assert_eq!(counted.unwanted.load(Ordering::SeqCst), 1, "it can know");
        counted.goes().await;
        assert_eq!(stays.await.expect("no panic"), Ok(2), "those who went began nothing");

        let busy = counted.asks().await;
        leaves(counted.asks().await).await;
        counted.goes().await;
        assert_eq!(busy.await.expect("no panic"), Ok(3));
        assert_eq!(counted.begun.load(Ordering::SeqCst), 3, "nobody waits for what nobody wants");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_run_that_panics_is_told_and_the_next_one_runs() {
        let single_flight = SingleFlight::<u64>::new();
        let panics = async |_: Waiter<u64>| panic!("it was to be");
        assert_eq!(soon(single_flight.run(panics)).await, Err(Ended::Panicked));
        assert_eq!(soon(single_flight.run(async |_: Waiter<u64>| 7)).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_when_it_is_stopped_is_told() {
        let counted = Counted::new();
        let waiting = [counted.asks().await, counted.asks().await];
        soon(counted.single_flight.stop()).await;
        let late = counted.asks().await;
        for told in soon(join_all(waiting.into_iter().chain([late]))).await {
            assert_eq!(told.expect("no panic"), Err(Ended::Stopped));
        }
    }
}
