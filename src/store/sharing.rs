//! Long work that many may ask for at once, done for all of them together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared};

/// One run of the work is under way at a time. Whoever asks meanwhile shares the next.
pub(in crate::store) struct Sharing<T: Clone> {
    turn: Arc<tokio::sync::Mutex<()>>,
    next: Arc<Next<T>>,
}

/// The run that has not begun yet, as long as somebody waits for it.
struct Next<T: Clone>(Mutex<Option<WeakShared<BoxFuture<'static, T>>>>);

impl<T: Clone> Next<T> {
    fn lock(&self) -> MutexGuard<'_, Option<WeakShared<BoxFuture<'static, T>>>> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + Sync + 'static> Sharing<T> {
    pub(in crate::store) fn new() -> Self {
        Self { turn: Arc::default(), next: Arc::new(Next(Mutex::new(None))) }
    }

    /// What a run gives that began after this was called. It goes on until all who share it have gone.
    pub(in crate::store) async fn run(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let shared = {
            let mut next = self.next.lock();
            match next.as_ref().and_then(WeakShared::upgrade) {
                Some(shared) => shared,
                None => {
                    let (turn, waiting) = (Arc::clone(&self.turn), Arc::clone(&self.next));
                    let run = async move {
                        let _turn = turn.lock().await;
                        // Whoever comes from here on comes too late for this one.
                        waiting.lock().take();
                        work.await
                    };
                    let shared = run.boxed().shared();
                    *next = shared.downgrade();
                    shared
                }
            }
        };
        shared.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// Work that gives its number, counted from 1, when it is let go.
    #[derive(Clone)]
    struct Counted {
        sharing: Arc<Sharing<u64>>,
        begun: Arc<AtomicU64>,
        go: Arc<Notify>,
    }

    impl Counted {
        fn new() -> Self {
            Self { sharing: Arc::new(Sharing::new()), begun: Arc::default(), go: Arc::default() }
        }

        /// Somebody who asks, and waits.
        async fn asks(&self) -> JoinHandle<u64> {
            let Self { sharing, begun, go } = self.clone();
            let asking = tokio::spawn(async move {
                let work = async move {
                    let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    go.notified().await;
                    number
                };
                sharing.run(work).await
            });
            yield_now().await;
            asking
        }
    }

    #[tokio::test]
    async fn whoever_asks_while_one_is_under_way_shares_the_next() {
        let counted = Counted::new();
        let first = counted.asks().await;
        let others = [counted.asks().await, counted.asks().await, counted.asks().await];
        assert_eq!(counted.begun.load(Ordering::SeqCst), 1, "one at a time");

        counted.go.notify_one();
        assert_eq!(first.await.expect("no panic"), 1);
        counted.go.notify_one();
        for shared in join_all(others).await {
            assert_eq!(shared.expect("no panic"), 2, "the first began before they asked");
        }

        counted.go.notify_one();
        assert_eq!(counted.asks().await.await.expect("no panic"), 3, "nothing old is told");
    }

    #[tokio::test]
    async fn a_run_goes_on_until_all_who_share_it_have_gone() {
        let counted = Counted::new();
        let first = counted.asks().await;
        let (second, third) = (counted.asks().await, counted.asks().await);
        first.abort();
        assert!(first.await.is_err());
        yield_now().await;
        assert_eq!(counted.begun.load(Ordering::SeqCst), 2, "nobody waits for what nobody wants");

        second.abort();
        assert!(second.await.is_err());
        counted.go.notify_one();
        assert_eq!(third.await.expect("no panic"), 2, "it does not begin anew");
    }
}
