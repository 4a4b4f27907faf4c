//! API keys as a decision sees them.

use crate::domain::model::issued_key::IssuedKey;
use crate::domain::model::scalars::KeyId;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    pub(in crate::domain) fn issued_key(&self, id: KeyId) -> Option<&IssuedKey> {
        let found = self.changes.api_keys.get(&id).or_else(|| self.snapshot.api_keys.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.api_keys.contains(&id), |it| it.api_keys.push(id));
        }
        found.map(AsRef::as_ref)
    }

    /// How many keys are not revoked.
    pub(in crate::domain) fn live_keys(&self) -> usize {
        self.note_if_not_loaded(|it| it.live_api_keys, |it| it.live_api_keys = true);
        self.snapshot.api_keys.values().filter(|it| it.revoked.is_none()).count()
    }
}
