//! Log lines on their way out: a bounded queue and one thread that writes.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written; one more is dropped.
const QUEUE_MAX: usize = 4_096;
/// How often a flush tries a full queue again.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// Hands lines over to the writing thread. Clones share one writer.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Answered once all lines before it are written or dropped.
    Flush(SyncSender<()>),
}

impl Lines {
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, entries) = mpsc::sync_channel(QUEUE_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        thread::Builder::new().name("log".to_owned()).spawn(move || write_all(out, &entries, &counted))?;
        Ok(Self { queue, dropped })
    }

    /// Waits until all lines before this call are written or dropped, at most so long.
    pub(super) fn flush(&self, within: Duration) {
        let end = Instant::now() + within;
        let (done, flushed) = mpsc::sync_channel(1);
        let mut entry = Entry::Flush(done);
        while let Err(TrySendError::Full(again)) = self.queue.try_send(entry) {
            if Instant::now() >= end {
                return;
            }
            entry = again;
            thread::sleep(TRY_EVERY);
        }
        // A reader that is slower than this does not get the last lines.
        let _ = flushed.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// One call is one line; it never fails and never waits.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

fn write_all(mut out: impl Write, entries: &Receiver<Entry>, dropped: &AtomicU64) {
    // The end of a line that a full disk has cut off is written before the next one.
    let mut torn = false;
    while let Ok(entry) = entries.recv() {
        let line = match entry {
            Entry::Line(line) => line,
            Entry::Flush(done) => {
                // A caller that stopped waiting needs no answer.
                let _ = done.try_send(());
                continue;
            }
        };
        if torn && out.write_all(b"\n").is_ok() {
            torn = false;
        }
        match put(&mut out, &line) {
            Ok(()) => {
                let lost = dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    tracing::warn!(lost, "dropped {lost} log lines that could not be written");
                }
            }
            Err(written) => {
                torn |= written > 0;
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Writes a line, or says how much of it was written.
fn put(out: &mut impl Write, line: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < line.len() {
        match out.write(&line[written..]) {
            Ok(0) => return Err(written),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(written),
        }
    }
    Ok(())
}
