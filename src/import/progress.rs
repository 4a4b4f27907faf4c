//! How far an import is: one line on the terminal, gone when it is over; nothing where there is no terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(200);

/// Characters of the bar.
const WIDTH: u64 = 30;

/// Shown until it is dropped.
pub(super) struct Progress {
    rows: Arc<AtomicU64>,
    shown: Option<JoinHandle<()>>,
}

impl Progress {
    /// Of a file with so many bytes, up to this position in it.
    pub(super) fn show(bytes: u64, position: Arc<AtomicU64>) -> Self {
        let rows = Arc::new(AtomicU64::new(0));
        if !io::stderr().is_terminal() {
            return Self { rows, shown: None };
        }
        let (answered, began) = (Arc::clone(&rows), Instant::now());
        let shown = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let rows = answered.load(Ordering::Relaxed);
                let line = line(position.load(Ordering::Relaxed), bytes, rows, began.elapsed());
                let _ = write!(io::stderr(), "\r\x1b[K{line}");
            }
        });
        Self { rows, shown: Some(shown) }
    }

    /// One more row was answered.
    pub(super) fn step(&self) {
        self.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// Rows that were answered.
    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Makes room for a line of text; the next look draws the bar anew.
    pub(super) fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shown) = &self.shown {
            shown.abort();
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `[########----------------------]  27 %  2700 rows, 1350/s`
fn line(position: u64, bytes: u64, rows: u64, elapsed: Duration) -> String {
    let bytes = bytes.max(1);
    let position = position.min(bytes);
    let full = usize::try_from(position * WIDTH / bytes).unwrap_or_default();
    let empty = usize::try_from(WIDTH).unwrap_or_default().saturating_sub(full);
    let rate = rows as f64 / elapsed.as_secs_f64().max(0.001);
    let percent = position * 100 / bytes;
    format!("[{}{}] {percent:>3} %  {rows} rows, {rate:.0}/s", "#".repeat(full), "-".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_the_file_is_read() {
        let second = Duration::from_secs(1);
        assert_eq!(line(0, 200, 0, second), format!("[{}]   0 %  0 rows, 0/s", "-".repeat(30)));
        let half = format!("[{}{}]  50 %  70 rows, 70/s", "#".repeat(15), "-".repeat(15));
        assert_eq!(line(100, 200, 70, second), half);
        assert_eq!(line(300, 200, 9, second), format!("[{}] 100 %  9 rows, 9/s", "#".repeat(30)));
        assert!(line(0, 0, 0, second).contains("  0 %"));
    }
}
