//! Changes and chores waiting for a lane, in order of arrival, at most so many.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::connection::error::StoreError;
use crate::store::writer::change::{Change, Effect};
use crate::store::writer::chore::Chore;

pub(in crate::store) enum Task {
    Change(Box<dyn Change>),
    Chore(Chore),
}

/// Work that a lane takes at once.
pub(in crate::store) enum Batch {
    Group(Vec<Box<dyn Change>>),
    Chore(Chore),
}

pub(in crate::store) struct Queue {
    waiting: Mutex<Waiting>,
    arrival: Notify,
    group_max: usize,
    queue_max: usize,
}

#[derive(Default)]
pub(in crate::store) struct Waiting {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Queue {
    pub(in crate::store) fn new(group_max: usize, queue_max: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            arrival: Notify::new(),
            group_max: group_max.max(1),
            queue_max: queue_max.max(1),
        }
    }

    pub(in crate::store) fn push(&self, task: Task) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Unavailable("the store is closing".to_owned()));
        }
        if waiting.tasks.len() >= self.queue_max {
            return Err(StoreError::Overloaded);
        }

        waiting.tasks.push_back(task);
        drop(waiting);
        self.arrival.notify_one();
        Ok(())
    }

    /// The next batch, as soon as there is one; None once the queue is closed and empty.
    pub(in crate::store) async fn take(&self) -> Option<Batch> {
        loop {
            // Listening begins before looking, so that an arrival in between is not missed.
            let arrival = self.arrival.notified();
            {
                let mut waiting = self.lock();
                if let Some(batch) = waiting.take(self.group_max) {
                    if !waiting.tasks.is_empty() {
                        self.arrival.notify_one();
                    }
                    return Some(batch);
                }
                if waiting.closed {
                    // The next lane has to see it too.
                    self.arrival.notify_one();
                    return None;
                }
            }
            arrival.await;
        }
    }

    /// How many wait.
    pub(in crate::store) fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    /// Takes nothing more; what waits is still done.
    pub(in crate::store) fn close(&self) {
        self.lock().closed = true;
        self.arrival.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self, group_max: usize) -> Option<Batch> {
        let mut group = Vec::new();
        while group.len() < group_max {
            match self.tasks.pop_front() {
                // Its transaction is rolled back, so it has no company.
                Some(Task::Change(change)) if is_validated_only(&*change) && group.is_empty() => {
                    return Some(Batch::Group(vec![change]));
                }
                Some(Task::Change(change)) if !is_validated_only(&*change) => group.push(change),
                Some(Task::Chore(chore)) if group.is_empty() => return Some(Batch::Chore(chore)),
                Some(other) => {
                    self.tasks.push_front(other);
                    break;
                }
                None => break,
            }
        }
        (!group.is_empty()).then_some(Batch::Group(group))
    }
}

fn is_validated_only(change: &dyn Change) -> bool {
    change.context().effect == Effect::ValidateOnly
}
