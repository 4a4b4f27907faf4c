//! Loads the API keys and subscriptions that a group is about. Nothing else reads them, so they are locked last.

use crate::store::rows::statements::Locked;
use crate::store::rows::{lookup, subscription};
use crate::store::writer::loading::{Loading, Reads, Topic};

impl Loading<'_> {
    pub(super) fn ask_api_keys(&self, reads: &mut Reads) {
        let ids = lookup::keys(self.wanted.api_keys.iter().copied());
        if !ids.is_empty() {
            let statement = match self.locked {
                Locked::Update => &lookup::LOCK_API_KEYS,
                Locked::No => &lookup::API_KEYS,
            };
            reads.push((Topic::ApiKeys, statement.about(ids)));
        }
        if self.wanted.live_api_keys {
            reads.push((Topic::ApiKeys, lookup::LIVE_API_KEYS.about(lookup::once())));
        }
        if self.wanted.subscriptions {
            let statement = match self.locked {
                Locked::Update => &subscription::LOCK_SUBSCRIPTIONS,
                Locked::No => &subscription::SUBSCRIPTIONS,
            };
            reads.push((Topic::Subscriptions, statement.about(lookup::once())));
        }
    }
}
