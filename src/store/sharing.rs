//! Long work that many may ask for at once, done for all of them together.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// One run of the work is under way at a time. Whoever asks meanwhile shares the next.
pub(in crate::store) struct Sharing<T> {
    /// How many have asked.
    asked: AtomicU64,
    last: Mutex<Option<Run<T>>>,
}

/// A run that came to its end.
struct Run<T> {
    /// How many had asked when it began: it is for all of these.
    asked: u64,
    gave: T,
}

impl<T: Clone> Sharing<T> {
    pub(in crate::store) fn new() -> Self {
        Self { asked: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// What a run gives that began after this was called. One that fails is its caller's alone.
    pub(in crate::store) async fn run<E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let place = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let Some(run) = last.as_ref().filter(|it| it.asked >= place) {
            return Ok(run.gave.clone());
        }

        let asked = self.asked.load(Ordering::SeqCst);
        let gave = work.await?;
        *last = Some(Run { asked, gave: gave.clone() });
        Ok(gave)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::task::yield_now;

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

        async fn ask(self, outcome: Result<(), &'static str>) -> Result<u64, &'static str> {
            let work = async {
                let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
                self.go.notified().await;
                outcome.map(|()| number)
            };
            self.sharing.run(work).await
        }
    }

    #[tokio::test]
    async fn whoever_asks_while_one_is_under_way_shares_the_next() {
        let counted = Counted::new();
        let first = tokio::spawn(counted.clone().ask(Ok(())));
        yield_now().await;
        let others: Vec<_> = (0..3).map(|_| tokio::spawn(counted.clone().ask(Ok(())))).collect();
        yield_now().await;
        assert_eq!(counted.begun.load(Ordering::SeqCst), 1, "one at a time");

        counted.go.notify_one();
        assert_eq!(first.await.expect("no panic"), Ok(1));
        counted.go.notify_one();
        for shared in join_all(others).await {
            assert_eq!(shared.expect("no panic"), Ok(2), "the first began before they asked");
        }

        counted.go.notify_one();
        assert_eq!(counted.clone().ask(Ok(())).await, Ok(3), "nothing old is told");
    }

    #[tokio::test]
    async fn a_run_that_fails_or_is_given_up_is_nobody_elses() {
        let counted = Counted::new();
        let given_up = tokio::spawn(counted.clone().ask(Ok(())));
        yield_now().await;
        let fails = tokio::spawn(counted.clone().ask(Err("no")));
        let works = tokio::spawn(counted.clone().ask(Ok(())));
        yield_now().await;

        given_up.abort();
        assert!(given_up.await.is_err());
        counted.go.notify_one();
        assert_eq!(fails.await.expect("no panic"), Err("no"));
        counted.go.notify_one();
        assert_eq!(works.await.expect("no panic"), Ok(3));
    }
}
