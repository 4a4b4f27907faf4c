//! Signals of the system: to stop, and to read settings again.

use std::io;

use tokio::signal;
use tokio::sync::mpsc;

/// One message for the hangups (SIGHUP) since the last was taken; from here on they do not end the process. The log is
/// written to standard error, which a log rotator keeps open: there is no file to open again.
pub(super) fn hangups() -> io::Result<mpsc::Receiver<()>> {
    let (sender, hangups) = mpsc::channel(1);
    #[cfg(unix)]
    {
        let mut signals = signal::unix::signal(signal::unix::SignalKind::hangup())?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                // Full: one that was not taken yet stands for this one too.
                let _ = sender.try_send(());
            }
        });
    }
    #[cfg(not(unix))]
    std::mem::forget(sender);
    Ok(hangups)
}

/// One message for each stop signal.
pub(crate) fn signals() -> io::Result<mpsc::Receiver<()>> {
    let (sender, stop_signals) = mpsc::channel(2);
    #[cfg(unix)]
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut terminated = async move || terminate.recv().await;
    #[cfg(not(unix))]
    let mut terminated = async || std::future::pending::<Option<()>>().await;

    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = signal::ctrl_c() => {}
                _ = terminated() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(stop_signals)
}
