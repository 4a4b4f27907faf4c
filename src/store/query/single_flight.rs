//! Long work that many may ask for at once, done for all of them together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

/// One run of the work is under way at a time. Whoever asks meanwhile shares the next.
pub(in crate::store) struct Sharing<T> {
    turn: Arc<tokio::sync::Mutex<()>>,
    next: Arc<Next<T>>,
    /// The run that is under way and the one that waits for its turn. None: stopped.
    runs: Mutex<Option<JoinSet<()>>>,
}

/// Who tells those that wait for the run that has not begun yet.
pub(in crate::store) type Next<T> = Mutex<Option<watch::Sender<Option<T>>>>;

/// Why a run gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Ended {
    Panicked,
    Stopped,
}

/// Whether anybody still waits for a run.
pub(in crate::store) struct Interest<T>(watch::Sender<Option<T>>);

impl<T> Interest<T> {
    pub(in crate::store) fn remains(&self) -> bool {
        !self.0.is_closed()
    }
}

impl<T: Clone + Send + Sync + 'static> Sharing<T> {
    pub(in crate::store) fn new() -> Self {
        Self {
            turn: Arc::default(),
            next: Arc::new(Mutex::new(None)),
            runs: Mutex::new(Some(JoinSet::new())),
        }
    }

    /// What a run gives that began after this was called.
    ///
    /// It does not begin if nobody waits for it by then. One that has begun keeps its turn to its end: work that may
    /// take long asks now and then whether interest in it remains.
    pub(in crate::store) async fn run<W>(
        &self,
        work: impl FnOnce(Interest<T>) -> W + Send + 'static,
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
        work: impl FnOnce(Interest<T>) -> W + Send + 'static,
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
            // Whoever comes from here on comes too late for this one.
            let Some(telling) = locked(&next).take() else { return };
            let interest = Interest(telling.clone());
            if interest.remains() {
                let result = work(interest).await;
                telling.send_replace(Some(result));
            }
        });
        Some(told)
    }

    /// Ends what is under way, and begins nothing more; whoever waits is told.
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
        sharing: Arc<Sharing<u64>>,
        begun: Arc<AtomicU64>,
        unwanted: Arc<AtomicU64>,
        go: Arc<Notify>,
    }

    impl Counted {
        fn new() -> Self {
            Self {
                sharing: Arc::new(Sharing::new()),
                begun: Arc::default(),
                unwanted: Arc::default(),
                go: Arc::default(),
            }
        }

        /// Somebody who asks, and waits.
        async fn asks(&self) -> JoinHandle<Result<u64, Ended>> {
            let Self { sharing, begun, unwanted, go } = self.clone();
            let asking = tokio::spawn(async move {
                let work = async move |interest: Interest<u64>| {
                    let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    go.notified().await;
                    unwanted.fetch_add(u64::from(!interest.remains()), Ordering::SeqCst);
                    number
                };
                sharing.run(work).await
            });
            settled().await;
            asking
        }

        async fn goes(&self) {
            self.go.notify_one();
            settled().await;
        }
    }

    /// Until nobody has anything to do: the clock is paused.
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
    async fn whoever_asks_while_one_is_under_way_shares_the_next() {
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
        let sharing = Sharing::<u64>::new();
        let panics = async |_: Interest<u64>| panic!("it was to be");
        assert_eq!(soon(sharing.run(panics)).await, Err(Ended::Panicked));
        assert_eq!(soon(sharing.run(async |_: Interest<u64>| 7)).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_when_it_is_stopped_is_told() {
        let counted = Counted::new();
        let waiting = [counted.asks().await, counted.asks().await];
        soon(counted.sharing.stop()).await;
        let late = counted.asks().await;
        for told in soon(join_all(waiting.into_iter().chain([late]))).await {
            assert_eq!(told.expect("no panic"), Err(Ended::Stopped));
        }
    }
}
