//! Subscriptions to events as a decision sees them: all that are not deleted.

use crate::domain::model::event_subscription::{EventSubscription, SubscriptionState};
use crate::domain::model::scalars::SubscriptionId;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    pub(in crate::domain) fn subscription(&self, id: SubscriptionId) -> Option<&EventSubscription> {
        self.note_if_not_loaded(|it| it.subscriptions, |it| it.subscriptions = true);
        let found = self.changes.subscriptions.get(&id).or_else(|| self.snapshot.subscriptions.get(&id));
        found.map(AsRef::as_ref).filter(|it| it.state != SubscriptionState::Deleted)
    }

    /// How many are not deleted.
    pub(in crate::domain) fn subscriptions(&self) -> usize {
        self.note_if_not_loaded(|it| it.subscriptions, |it| it.subscriptions = true);
        self.snapshot.subscriptions.values().filter(|it| it.state != SubscriptionState::Deleted).count()
    }
}
