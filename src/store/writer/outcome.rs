//! What came of a group and of each of its changes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::domain::{Changes, Refusal, Touch, World};
use crate::store::connection::error::StoreError;
use crate::store::writer::change::{Change, View, Word};

/// Where a change of a group stands.
pub(super) enum Verdict {
    Open,
    Accepted {
        changes: Box<Changes>,
        answer: Option<Arc<[u8]>>,
        /// A final answer was given before: the caller hears that one.
        given: Option<Arc<[u8]>>,
    },
    /// Asked for the same as the change at this place in the group, which was accepted.
    Twin(usize),
    Stored(Arc<[u8]>),
    Refused(StoreError),
    /// Short, while more holds are overdue than were loaded: it is decided again when they are gone.
    Starved(StoreError),
    /// The decision read keys that were not loaded, so what it said counts for nothing: it is decided again.
    Incomplete(Box<Touch>),
}

/// Whether holds past their end may still be freed for those that are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freeing {
    Possible,
    Done,
}

/// Why a group did not go through.
pub(super) enum Trouble {
    Race,
    Duplicate(String),
    /// The connection is gone; nothing was committed. `stale`: it may have died long before this group came.
    Severed {
        error: StoreError,
        stale: bool,
    },
    /// The connection went silent in COMMIT.
    Unknown,
    /// The reply of the change at this place panicked.
    Panicked(usize),
    /// The reply of the change at this place is too large to be sent.
    TooLarge(usize, Refusal),
    Fault(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LostRace => Self::Race,
            StoreError::Unavailable(_) => Self::Severed { error, stale: false },
            other => Self::Fault(other),
        }
    }
}

pub(super) fn reply(
    group: &mut [Box<dyn Change>],
    verdicts: &mut [Verdict],
    world: &World,
) -> Result<(), Trouble> {
    for (place, (change, verdict)) in group.iter_mut().zip(verdicts).enumerate() {
        let Verdict::Accepted { changes, answer, .. } = verdict else { continue };
        let view = View { changes, world };
        let replying = || {
            change.reply(&view);
            change.must_fit()?;
            Ok(change.call().request.is_some().then(|| change.encoded().into()))
        };
        let replied = catch_unwind(AssertUnwindSafe(replying)).map_err(|_| Trouble::Panicked(place))?;
        *answer = replied.map_err(|it| Trouble::TooLarge(place, it))?;
    }
    Ok(())
}

/// A change that is short for want of room, and the refusal that says so.
pub(super) type Starved = (Box<dyn Change>, StoreError);

pub(super) fn refuse_late(group: Vec<Box<dyn Change>>) -> Vec<Box<dyn Change>> {
    let now = std::time::Instant::now();
    let is_late = |change: &dyn Change| change.call().deadline.is_some_and(|it| it <= now);
    let (late, in_time): (Vec<_>, Vec<_>) = group.into_iter().partition(|it| is_late(it.as_ref()));
    refuse(late, &StoreError::DeadlineExceeded);
    in_time
}

pub(super) fn refuse(group: Vec<Box<dyn Change>>, error: &StoreError) {
    for change in group {
        change.tell(Word::No(error.clone()));
    }
}

/// Our own fault: said once in the log.
pub(super) fn fail(group: Vec<Box<dyn Change>>, error: &StoreError) {
    let methods: Vec<_> = group.iter().map(|it| it.name()).collect();
    tracing::error!(?methods, %error, "a change could not be stored");
    refuse(group, error);
}
