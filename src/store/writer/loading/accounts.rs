//! Loads the customers that a group's orders name, or that it changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{CustomerAccount, CustomerId};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row;
use crate::store::rows::{catalogue, lookup};
use crate::store::writer::loading::{Loading, Reads, Topic};

impl Loading<'_> {
    pub(super) fn ask_accounts(&self, reads: &mut Reads) {
        let ids = lookup::keys(self.wanted.accounts.iter().copied());
        if !ids.is_empty() {
            reads.push((Topic::Accounts, lookup::CUSTOMERS.about(ids)));
        }
        let references = lookup::keys(self.wanted.account_references.iter().cloned());
        if !references.is_empty() {
            reads.push((Topic::Accounts, lookup::CUSTOMERS_BY_REFERENCE.about(references)));
        }
    }

    /// Customers that loaded orders name.
    pub(super) fn ask_named(&self, named: BTreeSet<CustomerId>, reads: &mut Reads) {
        let unknown = named.into_iter().filter(|it| !self.group.snapshot.accounts.contains_key(it));
        let unknown = lookup::keys(unknown);
        if !unknown.is_empty() {
            reads.push((Topic::Accounts, lookup::CUSTOMERS.about(unknown)));
        }
    }

    pub(super) fn read_accounts(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let snapshot = &mut self.group.snapshot;
        for row in rows {
            let account: CustomerAccount = catalogue::read(row)?;
            if !account.external_reference.is_empty() {
                snapshot.account_references.insert(account.external_reference.clone(), account.id);
            }
            snapshot.accounts.insert(account.id, Arc::new(account));
        }
        Ok(())
    }
}
