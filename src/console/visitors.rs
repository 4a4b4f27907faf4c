//! Who signed in, until when, and what they are told on the next page. Kept in memory: a restart signs everybody out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls::crypto::ring;
use tokio::sync::Semaphore;

/// How long a visitor stays signed in.
pub(super) const SESSION: Duration = Duration::from_secs(12 * 3_600);

/// Sessions at most; one more ends the oldest.
const SESSIONS_MAX: usize = 1_000;

/// Pages of one visit that are told of changes at once. A browser keeps six connections to one address.
const LIVE_PAGES: usize = 8;

/// Random bytes of a session's id and of its token for forms.
const RANDOM_BYTES: usize = 32;

/// In whose name the API is called.
#[derive(Clone)]
pub(super) enum Caller {
    /// The holder of this key.
    Key(String),
    /// Who they say they are, where callers are believed.
    Believed,
}

/// What a visitor is told once, on the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    Done(String),
    Refused(String),
}

/// One who is signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) session: String,
    pub(super) name: String,
    pub(super) caller: Caller,
    /// In each form of the visit; a page of another site cannot know it.
    pub(super) token: String,
    pub(super) wish: Wish,
    /// Slots for the pages of the visit that are told of changes.
    pub(super) live_pages: Arc<Semaphore>,
}

/// Why a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A person opens it.
    Open,
    /// One that is open is made anew: nobody reads what is to be told once.
    Follow,
}

struct Session {
    visitor: Visitor,
    notice: Option<Notice>,
    since: Instant,
}

#[derive(Default)]
pub(super) struct Visitors(Mutex<HashMap<String, Session>>);

impl Visitors {
    /// None: the operating system gives no random numbers.
    pub(super) fn sign_in(&self, name: String, caller: Caller, now: Instant) -> Option<Visitor> {
        let live_pages = Arc::new(Semaphore::new(LIVE_PAGES));
        let (session, token) = (random()?, random()?);
        let visitor = Visitor { session, name, caller, token, wish: Wish::Open, live_pages };
        let session = Session { visitor: visitor.clone(), notice: None, since: now };

        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, it| now.duration_since(it.since) < SESSION);
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, it)| it.since).map(|(id, _)| id.clone());
            oldest.and_then(|it| sessions.remove(&it));
        }
        sessions.insert(visitor.session.clone(), session);
        Some(visitor)
    }

    pub(super) fn sign_out(&self, session: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    pub(super) fn find(&self, session: &str, now: Instant) -> Option<Visitor> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = sessions.get(session).filter(|it| now.duration_since(it.since) < SESSION);
        found.map(|it| it.visitor.clone())
    }

    pub(super) fn tell(&self, session: &str, notice: Notice) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(session) {
            session.notice = Some(notice);
        }
    }

    /// What they are to be told; the next page says nothing any more.
    pub(super) fn take_notice(&self, session: &str) -> Option<Notice> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get_mut(session)?.notice.take()
    }
}

fn random() -> Option<String> {
    let mut random = [0; RANDOM_BYTES];
    ring::default_provider().secure_random.fill(&mut random).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(random))
}
