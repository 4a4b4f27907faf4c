//! Tells the service manager that started the process, such as systemd, how far it is: one datagram to the socket that it
//! names (sd_notify(3)).

use std::env;
use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
#[cfg(unix)]
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long a manager may take that has no room for a message.
#[cfg(unix)]
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// Who is told. Without a manager that listens nobody is.
pub(super) struct ServiceManager {
    socket: Option<OsString>,
    /// Says that the process lives, as often as the manager wants to hear it.
    beat: Option<Interval>,
}

impl ServiceManager {
    pub(super) fn of_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").filter(|it| !it.is_empty());
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        // The limit may be that of another process, which handed its environment down.
        let is_ours = number("WATCHDOG_PID").is_none_or(|it| it == u64::from(process::id()));
        let limit = number("WATCHDOG_USEC").filter(|it| is_ours && *it > 1 && socket.is_some());
        let beat = limit.map(|it| {
            let mut beat = interval(Duration::from_micros(it / 2));
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat
        });
        Self { socket, beat }
    }

    /// That it serves: what waits for it may begin.
    pub(super) fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    /// Tells that it lives, when it is time; never ends.
    pub(super) async fn lives(&mut self) {
        loop {
            match &mut self.beat {
                Some(beat) => beat.tick().await,
                None => pending().await,
            };
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = send(socket, state) {
            tracing::warn!(%error, state, "the service manager cannot be told");
        }
    }
}

#[cfg(unix)]
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => without_file(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let from = UnixDatagram::unbound()?;
    from.set_write_timeout(Some(TAKEN_WITHIN))?;
    from.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(not(unix))]
fn send(_: &OsStr, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn without_file(name: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn without_file(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}
