//! Wakes streams when something has happened: one read of the shared history serves every stream of the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch as signal;
use tokio::time::{Instant, sleep, sleep_until};

use crate::domain::OrderId;
use crate::store::{EventFilter, Store, StoreError};
use crate::work::stop_requested;

/// Without a ring, how long until the next look: other processes' commits do not ring here.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// At least this between two looks, however often it rings, unless there is more to read already.
const LOOKS_APART: Duration = Duration::from_millis(20);

/// At least this between two rings for stock: each of them is a read for every stream that follows levels. A change in
/// between is found by the next look.
const STOCK_RINGS_EVERY: Duration = Duration::from_millis(250);

/// Events read at a time.
const PAGE: u64 = 200;

/// The bells of this process. A bell only says that there is something to read: each stream reads from its own
/// position.
#[derive(Default)]
pub(crate) struct Feed {
    of_all: signal::Sender<()>,
    of_stock: signal::Sender<()>,
    of_orders: Mutex<HashMap<OrderId, signal::Sender<()>>>,
}

/// The subject a stream waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rings {
    All,
    Order(OrderId),
    /// Any change of stock, of this process or another: it rings at least every [LOOK_EVERY], whether there was one or not.
    Stock,
}

impl Feed {
    /// Looks at the history of this store until the server stops.
    pub(crate) fn start(store: Store, shutdown: signal::Receiver<bool>) -> Arc<Self> {
        let feed = Arc::new(Self::default());
        tokio::spawn(Arc::clone(&feed).run(store, shutdown));
        feed
    }

    /// A reader that subscribes to the bell first and reads then misses nothing.
    pub(crate) fn bell(&self, rings: Rings) -> signal::Receiver<()> {
        match rings {
            Rings::All => self.of_all.subscribe(),
            Rings::Stock => self.of_stock.subscribe(),
            Rings::Order(order) => {
                let mut bells = self.bells();
                bells.entry(order).or_default().subscribe()
            }
        }
    }

    async fn run(self: Arc<Self>, store: Store, mut shutdown: signal::Receiver<bool>) {
        let mut commits = store.bell();
        let mut position = None;
        let mut stock_rung: Option<Instant> = None;
        loop {
            let looked = Instant::now();
            commits.mark_unchanged();
            if stock_rung.is_none_or(|it| looked - it >= STOCK_RINGS_EVERY) {
                self.of_stock.send_replace(());
                stock_rung = Some(looked);
            }
            match self.look(&store, &mut position).await {
                Ok(NextLook::LookAgain) => continue,
                Ok(NextLook::Wait) => {}
                // Each stream reads, fails the same way, and reports it to its reader.
                Err(_) => self.ring_everywhere(),
            }
            self.forget_those_without_a_stream();

            tokio::select! {
                () = stop_requested(&mut shutdown) => return,
                rung = commits.changed() => if rung.is_err() { sleep(LOOK_EVERY).await },
                () = sleep(LOOK_EVERY) => {}
            }
            sleep_until(looked + LOOKS_APART).await;
        }
    }

    /// Without listeners nothing is read; a listener that comes later is woken once in any case.
    async fn look(&self, store: &Store, position: &mut Option<i64>) -> Result<NextLook, StoreError> {
        if self.nobody_listens() {
            *position = None;
            return Ok(NextLook::Wait);
        }
        let Some(after) = *position else {
            *position = Some(store.last_position().await?);
            self.ring_everywhere();
            return Ok(NextLook::LookAgain);
        };
        let page = store.events_after(after, &EventFilter::default(), PAGE).await?;
        *position = Some(page.position);
        if !page.events.is_empty() {
            self.of_all.send_replace(());
            let bells = self.bells();
            for (_, event) in &page.events {
                if let Some(bell) = bells.get(&event.order) {
                    bell.send_replace(());
                }
            }
        }
        Ok(if page.is_end { NextLook::Wait } else { NextLook::LookAgain })
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<OrderId, signal::Sender<()>>> {
        // Nothing panics while it is held.
        self.of_orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nobody_listens(&self) -> bool {
        let bells = self.bells();
        self.of_all.receiver_count() == 0 && bells.is_empty()
    }

    fn ring_everywhere(&self) {
        self.of_all.send_replace(());
        let bells = self.bells();
        for bell in bells.values() {
            bell.send_replace(());
        }
    }

    fn forget_those_without_a_stream(&self) {
        let mut bells = self.bells();
        bells.retain(|_, it| it.receiver_count() > 0);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextLook {
    /// There is more already.
    LookAgain,
    Wait,
}
