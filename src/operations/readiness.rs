//! Whether the server takes calls, and why not.

use tokio::sync::watch;

use crate::store::StoreError;

/// What a load balancer is to know of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    Yes,
    /// The database does not answer, or with an error.
    NoDatabase,
    /// This machine's clock is too far off the database's.
    ClockOff,
    /// It does not become ready again.
    Stopping,
}

impl Ready {
    /// None: it is ready. Details of the database are for the log, as everybody may ask.
    pub fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Yes => None,
            Self::NoDatabase => Some("the database does not answer"),
            Self::ClockOff => Some("this machine's clock is too far off the database's"),
            Self::Stopping => Some("the server is stopping"),
        }
    }
}

/// The present answer. Clones share it.
#[derive(Clone)]
pub struct Readiness(watch::Sender<Ready>);

impl Default for Readiness {
    fn default() -> Self {
        Self(watch::Sender::new(Ready::Yes))
    }
}

impl Readiness {
    pub fn now(&self) -> Ready {
        *self.0.borrow()
    }

    /// What a ping of the database has found.
    pub fn found(&self, ping: &Result<(), StoreError>) {
        let found = match ping {
            Ok(()) => Ready::Yes,
            Err(StoreError::ClockOff { .. }) => Ready::ClockOff,
            Err(_) => Ready::NoDatabase,
        };
        self.0.send_if_modified(|now| {
            let goes_on = *now != Ready::Stopping;
            if goes_on {
                *now = found;
            }
            goes_on
        });
    }

    /// For good.
    pub fn stopping(&self) {
        self.0.send_replace(Ready::Stopping);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stops_does_not_become_ready_again() {
        let readiness = Readiness::default();
        assert_eq!(readiness.now().why_not(), None);
        let away = Err(StoreError::Unavailable("10.0.0.1 is away".to_owned()));
        readiness.found(&away);
        assert_eq!(readiness.now(), Ready::NoDatabase);
        readiness.found(&Err(StoreError::ClockOff { seconds: 90, way: "behind", seconds_max: 60 }));
        assert_eq!(readiness.now(), Ready::ClockOff);
        readiness.found(&Ok(()));
        assert_eq!(readiness.now(), Ready::Yes);
        readiness.stopping();
        readiness.found(&Ok(()));
        assert_eq!(readiness.now().why_not(), Some("the server is stopping"));
    }
}
