//! Customers as a decision sees them.

use crate::domain::model::account::CustomerAccount;
use crate::domain::model::scalars::CustomerId;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

impl UnitOfWork<'_> {
    pub(in crate::domain) fn account(&self, id: CustomerId) -> Option<&CustomerAccount> {
        let found = self.changes.accounts.get(&id).or_else(|| self.snapshot.accounts.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.accounts.contains(&id), |it| it.accounts.push(id));
        }
        found.map(AsRef::as_ref)
    }

    /// The customer that has this external reference.
    pub(in crate::domain) fn account_with_reference(&self, reference: &str) -> Option<CustomerId> {
        self.note_if_not_loaded(
            |it| it.account_references.contains(reference),
            |it| it.account_references.push(reference.to_owned()),
        );
        let of_change = self.changes.accounts.values().find(|it| it.external_reference == reference);
        let known = || {
            let found = self.snapshot.account_references.get(reference).copied();
            found.filter(|it| !self.changes.accounts.contains_key(it))
        };
        of_change.map(|it| it.id).or_else(known)
    }
}

impl Snapshot {
    pub(super) fn apply_accounts(&mut self, changes: &ChangeSet) {
        for (id, account) in &changes.accounts {
            if let Some(before) = self.accounts.get(id) {
                self.account_references.remove(&before.external_reference);
            }
            if !account.external_reference.is_empty() {
                self.account_references.insert(account.external_reference.clone(), *id);
            }
            self.accounts.insert(*id, account.clone());
        }
    }
}
