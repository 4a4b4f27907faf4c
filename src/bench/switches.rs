//! Context switches of a process: those of all its threads, also of threads that have ended meanwhile.
//!
//! Linux counts them for each thread and forgets a thread that ends. So they are read four times a second during a
//! measurement; switches between the last reading and a thread's end are missed.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Add, Sub};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

const READ_EVERY: Duration = Duration::from_millis(250);

/// How often threads left their core.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Switches {
    /// To wait for something.
    pub(super) voluntary: u64,
    /// For another thread's turn.
    pub(super) involuntary: u64,
}

impl Add for Switches {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
        }
    }
}

impl Sub for Switches {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary.saturating_sub(other.voluntary),
            involuntary: self.involuntary.saturating_sub(other.involuntary),
        }
    }
}

impl Switches {
    /// Of a file `/proc/PID/task/TID/status`.
    fn read(status: &str) -> Option<Self> {
        let number = |label: &str| {
            status.lines().find_map(|it| it.strip_prefix(label)?.strip_prefix(':')?.trim().parse().ok())
        };
        Some(Self {
            voluntary: number("voluntary_ctxt_switches")?,
            involuntary: number("nonvoluntary_ctxt_switches")?,
        })
    }
}

/// The threads of one process, as they were read last.
#[derive(Debug, Default)]
struct Threads {
    alive: BTreeMap<u32, Switches>,
    ended: Switches,
}

impl Threads {
    fn update(&mut self, now: BTreeMap<u32, Switches>) {
        for (id, last) in &self.alive {
            // A thread's counts only rise: lower ones are those of another thread that has its number now.
            let goes_on = now.get(id).is_some_and(|it| it.voluntary >= last.voluntary);
            if !goes_on {
                self.ended = self.ended + *last;
            }
        }
        self.alive = now;
    }

    fn total(&self) -> Switches {
        self.alive.values().fold(self.ended, |sum, it| sum + *it)
    }
}

/// Counts the switches of one process, from the first reading on.
#[derive(Debug, Clone)]
pub(super) struct SwitchCounter {
    process: u32,
    threads: Arc<Mutex<Threads>>,
}

impl SwitchCounter {
    pub(super) fn of(process: u32) -> Self {
        Self { process, threads: Arc::default() }
    }

    pub(super) fn read(&self) -> Option<Switches> {
        let now = threads_of(self.process)?;
        // A panic inside leaves at worst a thread that is counted twice.
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.update(now);
        Some(threads.total())
    }

    /// Reads four times a second until the watch is dropped.
    pub(super) fn watch(&self) -> Watch {
        let counter = self.clone();
        Watch(tokio::spawn(async move {
            while counter.read().is_some() {
                tokio::time::sleep(READ_EVERY).await;
            }
        }))
    }
}

pub(super) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// By thread id; None where there is no such process, and on systems without `/proc`.
fn threads_of(process: u32) -> Option<BTreeMap<u32, Switches>> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    let found = threads.filter_map(|it| {
        let id = it.file_name().to_str()?.parse().ok()?;
        // A thread may end between the two.
        Some((id, Switches::read(&fs::read_to_string(it.path().join("status")).ok()?)?))
    });
    Some(found.collect::<BTreeMap<_, _>>()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(voluntary: u64, involuntary: u64) -> Switches {
        Switches { voluntary, involuntary }
    }

    #[test]
    fn both_kinds_are_read_and_neither_is_taken_for_the_other() {
        let status = "Name:\tconsign\nnonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t150\n";
        assert_eq!(Switches::read(status), Some(switches(150, 7)));
        assert_eq!(Switches::read("Name:\tconsign\nvoluntary_ctxt_switches:\t150\n"), None);
    }

    #[test]
    fn a_thread_that_ended_counts_as_it_was_last_seen() {
        let mut threads = Threads::default();
        threads.update(BTreeMap::from([(1, switches(10, 1)), (2, switches(20, 2))]));
        assert_eq!(threads.total(), switches(30, 3));
        threads.update(BTreeMap::from([(1, switches(15, 1))]));
        assert_eq!(threads.total(), switches(35, 3));
        // Another thread has the number of the one that ended.
        threads.update(BTreeMap::from([(1, switches(4, 0)), (2, switches(1, 0))]));
        assert_eq!(threads.total(), switches(40, 3));
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_thread_that_waits_is_counted_also_when_it_is_gone() {
        let counter = SwitchCounter::of(std::process::id());
        let before = counter.read().unwrap();
        let (may_end, wait) = std::sync::mpsc::channel::<()>();
        let (slept, until_slept) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            // A sleep is a voluntary switch.
            std::thread::sleep(Duration::from_millis(1));
            slept.send(()).unwrap();
            let _ = wait.recv();
        });
        until_slept.recv().unwrap();
        let between = counter.read().unwrap();
        drop(may_end);
        thread.join().unwrap();
        let after = counter.read().unwrap();
        assert!((between - before).voluntary > 0);
        assert!(after.voluntary >= between.voluntary, "{between:?} {after:?}");
    }
}
