//! Outcome of a group and of each of its changes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::domain::{ChangeSet, ReadSet, Refusal, Snapshot};
use crate::store::connection::error::StoreError;
use crate::store::writer::change::{Change, Outcome, View};

/// State of one change of a group.
pub(super) enum ChangeState {
    Open,
    Accepted {
        changes: Box<ChangeSet>,
        answer: Option<Arc<[u8]>>,
        /// The caller gets this one: it was stored before, and is final.
        earlier_final_answer: Option<Arc<[u8]>>,
    },
    /// Accepted, replied to and rolled back: its caller only wanted to know.
    Validated,
    /// The same request as the change at this index of the group, which was accepted.
    Duplicate(usize),
    Stored(Arc<[u8]>),
    Refused(StoreError),
    /// Short of stock, while more reservations have expired than were loaded: decided again when they are released.
    ShortOfStock(StoreError),
    /// The decision read keys that were not loaded, so what it said counts for nothing: it is decided again.
    Incomplete(Box<ReadSet>),
}

impl ChangeState {
    /// What traces tell of the decision that led to it: its outcome and, of a refusal, the reason. Never a value.
    pub(super) fn told(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Accepted { .. } | Self::Validated | Self::Duplicate(_) | Self::Stored(_) => {
                ("accepted", None)
            }
            Self::Refused(StoreError::Refused(refusal)) => ("refused", Some(refusal.word())),
            Self::Refused(_) => ("failed", None),
            Self::Open | Self::ShortOfStock(_) | Self::Incomplete(_) => ("decided again", None),
        }
    }
}

/// Whether expired reservations may still be released for changes that are short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freeing {
    Possible,
    Done,
}

/// Why a group was not committed.
pub(super) enum GroupFailure {
    Race,
    Duplicate(String),
    /// The connection is gone; nothing was committed. `stale`: it may have died long before this group came.
    Severed {
        error: StoreError,
        stale: bool,
    },
    /// The connection went silent in COMMIT.
    Unknown,
    /// The reply of the change at this index panicked.
    Panicked(usize),
    /// The replies of the changes at these indexes, which rise, are too large to be sent.
    TooLarge(Vec<(usize, Refusal)>),
    Fault(StoreError),
}

impl From<StoreError> for GroupFailure {
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
    states: &mut [ChangeState],
    snapshot: &Snapshot,
) -> Result<(), GroupFailure> {
    let mut too_large = Vec::new();
    for (index, (change, state)) in group.iter_mut().zip(states).enumerate() {
        let ChangeState::Accepted { changes, answer, .. } = state else { continue };
        let view = View { changes, snapshot };
        let replying = || {
            change.reply(&view);
            change.must_fit()?;
            Ok(change.context().request.is_some().then(|| change.encoded().into()))
        };
        let replied = catch_unwind(AssertUnwindSafe(replying)).map_err(|_| GroupFailure::Panicked(index))?;
        match replied {
            Ok(replied) => *answer = replied,
            Err(refusal) => too_large.push((index, refusal)),
        }
    }
    if too_large.is_empty() { Ok(()) } else { Err(GroupFailure::TooLarge(too_large)) }
}

/// A change that is short of stock, and its refusal for want of stock.
pub(super) type ShortOfStock = (Box<dyn Change>, StoreError);

pub(super) fn refuse_late(group: Vec<Box<dyn Change>>) -> Vec<Box<dyn Change>> {
    let now = std::time::Instant::now();
    let is_late = |change: &dyn Change| change.context().deadline.is_some_and(|it| it <= now);
    let (late, in_time): (Vec<_>, Vec<_>) = group.into_iter().partition(|it| is_late(it.as_ref()));
    refuse(late, &StoreError::DeadlineExceeded);
    in_time
}

pub(super) fn refuse(group: Vec<Box<dyn Change>>, error: &StoreError) {
    for change in group {
        change.answer(Outcome::No(error.clone()));
    }
}

/// Our own fault: said once in the log.
pub(super) fn fail(group: Vec<Box<dyn Change>>, error: &StoreError) {
    let methods: Vec<_> = group.iter().map(|it| it.name()).collect();
    tracing::error!(?methods, %error, "a change could not be stored");
    refuse(group, error);
}
