//! Long work that many may ask for at once, done for all of them together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

/// One run of the work is under way at a time. Whoever asks meanwhile shares the next.
pub(in crate::store) struct Sharing<T> {
    turn: Arc<tokio::sync::Mutex<()>>,
    next: Arc<Next<T>>,
    /// The run that is under way, and those that wait for their turn.
    runs: Mutex<JoinSet<()>>,
}

/// Who tells those that wait for the run that has not begun yet.
type Next<T> = Mutex<Option<watch::Sender<Option<T>>>>;

/// Whether anybody still waits for a run.
pub(in crate::store) struct Interest<T>(watch::Sender<Option<T>>);

impl<T> Interest<T> {
    pub(in crate::store) fn remains(&self) -> bool {
        !self.0.is_closed()
    }
}

impl<T: Clone + Send + Sync + 'static> Sharing<T> {
    pub(in crate::store) fn new() -> Self {
        Self { turn: Arc::default(), next: Arc::new(Mutex::new(None)), runs: Mutex::default() }
    }

    /// What a run gives that began after this was called; None if it panicked or was stopped.
    ///
    /// It does not begin if nobody waits for it by then. One that has begun keeps its turn to its end: work that may
    /// take long asks now and then whether it is still wanted.
    pub(in crate::store) async fn run<W>(
        &self,
        work: impl FnOnce(Interest<T>) -> W + Send + 'static,
    ) -> Option<T>
    where
        W: Future<Output = T> + Send,
    {
        let mut told = self.join(work);
        told.wait_for(Option::is_some).await.ok()?.clone()
    }

    fn join<W>(&self, work: impl FnOnce(Interest<T>) -> W + Send + 'static) -> watch::Receiver<Option<T>>
    where
        W: Future<Output = T> + Send,
    {
        let mut next = locked(&self.next);
        if let Some(telling) = &*next {
            return telling.subscribe();
        }

        let (telling, told) = watch::channel(None);
        *next = Some(telling);
        let (turn, next) = (Arc::clone(&self.turn), Arc::clone(&self.next));
        let mut runs = locked(&self.runs);
        while runs.try_join_next().is_some() {}
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
        told
    }

    /// Ends what is under way; whoever waits for it is told.
    pub(in crate::store) async fn stop(&self) {
        let mut runs = std::mem::take(&mut *locked(&self.runs));
        runs.shutdown().await;
        locked(&self.next).take();
    }
}

/// Nothing panics while one of these is held.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;
    use tokio::time::{Duration, sleep};

    use super::*;

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
        async fn asks(&self) -> JoinHandle<Option<u64>> {
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

    async fn leaves(asking: JoinHandle<Option<u64>>) {
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
        assert_eq!(first.await.expect("no panic"), Some(1));
        counted.goes().await;
        for shared in join_all(others).await {
            assert_eq!(shared.expect("no panic"), Some(2), "the first began before they asked");
        }

        let last = counted.asks().await;
        counted.goes().await;
        assert_eq!(last.await.expect("no panic"), Some(3), "nothing old is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_goes_on_for_those_who_stay() {
        let counted = Counted::new();
        let (first, second) = (counted.asks().await, counted.asks().await);
        let third = counted.asks().await;
        counted.goes().await;
        assert_eq!(first.await.expect("no panic"), Some(1));
        leaves(second).await;
        counted.goes().await;
        assert_eq!(third.await.expect("no panic"), Some(2), "it does not begin anew");
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
        assert_eq!(stays.await.expect("no panic"), Some(2), "those who went began nothing");

        let busy = counted.asks().await;
        leaves(counted.asks().await).await;
        counted.goes().await;
        assert_eq!(busy.await.expect("no panic"), Some(3));
        assert_eq!(counted.begun.load(Ordering::SeqCst), 3, "nobody waits for what nobody wants");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_run_that_panics_is_told_and_the_next_one_runs() {
        let sharing = Sharing::<u64>::new();
        let panics = async |_: Interest<u64>| panic!("it was to be");
        assert_eq!(sharing.run(panics).await, None);
        assert_eq!(sharing.run(async |_: Interest<u64>| 7).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_when_it_is_stopped_is_told() {
        let counted = Counted::new();
        let waiting = [counted.asks().await, counted.asks().await];
        counted.sharing.stop().await;
        for told in join_all(waiting).await {
            assert_eq!(told.expect("no panic"), None);
        }
    }
}
