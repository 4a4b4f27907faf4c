//! Other systems' references, as a decision sees them.

use crate::domain::model::scalars::Channel;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    /// Whether an order of this channel already has this external reference.
    pub fn knows_external_reference(&self, channel: Channel, reference: &str) -> bool {
        let key = (channel, reference.to_owned());
        let found = self.snapshot.external_references.contains(&key);
        if !found {
            let note = key.clone();
            self.note_if_not_loaded(
                |it| it.external_references.contains(&key),
                |it| it.external_references.push(note),
            );
        }
        found
    }

    /// Whether this transfer was recorded before.
    pub fn knows_bank_reference(&self, reference: &str) -> bool {
        let found = self.snapshot.bank_references.contains(reference);
        if !found {
            self.note_if_not_loaded(
                |it| it.bank_references.contains(reference),
                |it| it.bank_references.push(reference.to_owned()),
            );
        }
        found
    }
}
