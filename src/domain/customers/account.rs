//! A customer is created, corrected, blocked and let in again.

use crate::domain::model::account::{AccountChange, Block, CustomerAccount};
use crate::domain::model::consent::Consent;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::CustomerId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

#[derive(Debug, Clone)]
pub struct CreateCustomer {
    pub account: CustomerAccount,
}

impl Command for CreateCustomer {
    const NAME: &'static str = "CreateCustomer";
    type Output = CustomerAccount;

    fn reads(&self) -> ReadSet {
        ReadSet { account_references: references([&self.account.external_reference]), ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CustomerAccount, Refusal> {
        let id: CustomerId = unit.ids.fresh();
        let (created_at, updated_at) = (unit.now, unit.now);
        let account =
            CustomerAccount { id, version: 1, created_at, updated_at, blocked: None, ..self.account.clone() };
        must_be_legal(&account, unit.now)?;
        must_be_free(unit, &account)?;
        unit.changes.accounts.insert(id, account.clone().into());
        Ok(account)
    }
}

/// Corrects a customer. Orders that named them keep what they froze.
#[derive(Debug, Clone)]
pub struct UpdateCustomer {
    pub id: CustomerId,
    pub changes: Vec<AccountChange>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UpdateCustomer {
    const NAME: &'static str = "UpdateCustomer";
    type Output = CustomerAccount;

    fn reads(&self) -> ReadSet {
        let named = self.changes.iter().filter_map(|it| {
            if let AccountChange::ExternalReference(reference) = it { Some(reference) } else { None }
        });
        ReadSet { account_references: references(named), ..of_account(self.id) }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CustomerAccount, Refusal> {
        let account = seen(unit, self.id, &self.etag)?;
        let account = self.changes.iter().cloned().fold(account, CustomerAccount::with);
        must_be_legal(&account, unit.now)?;
        if self.changes.iter().any(|it| matches!(it, AccountChange::ExternalReference(_))) {
            must_be_free(unit, &account)?;
        }
        Ok(keep(unit, account))
    }
}

/// Orders of this customer fail the rule about blocked customers from now on.
#[derive(Debug, Clone)]
pub struct BlockCustomer {
    pub id: CustomerId,
    pub reason: String,
    /// Empty: any version.
    pub etag: String,
}

impl Command for BlockCustomer {
    const NAME: &'static str = "BlockCustomer";
    type Output = CustomerAccount;

    fn reads(&self) -> ReadSet {
        of_account(self.id)
    }

    /// A second block with the same reason changes nothing.
    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CustomerAccount, Refusal> {
        let account = seen(unit, self.id, &self.etag)?;
        if account.blocked.as_ref().is_some_and(|it| it.reason == self.reason) {
            return Ok(account);
        }
        let block = Block { reason: self.reason.clone(), by: unit.actor.clone(), at: unit.now };
        Ok(keep(unit, CustomerAccount { blocked: Some(block), ..account }))
    }
}

/// Lets a customer order again.
#[derive(Debug, Clone)]
pub struct UnblockCustomer {
    pub id: CustomerId,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UnblockCustomer {
    const NAME: &'static str = "UnblockCustomer";
    type Output = CustomerAccount;

    fn reads(&self) -> ReadSet {
        of_account(self.id)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CustomerAccount, Refusal> {
        let account = seen(unit, self.id, &self.etag)?;
        Ok(keep(unit, CustomerAccount { blocked: None, ..account }))
    }
}

fn of_account(id: CustomerId) -> ReadSet {
    ReadSet { accounts: vec![id], ..ReadSet::default() }
}

fn references<'a>(given: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    given.into_iter().filter(|it| !it.is_empty()).cloned().collect()
}

fn must_be_legal(account: &CustomerAccount, now: Timestamp) -> Result<(), Refusal> {
    let mut bad = Problems::default();
    account.check(&mut bad);
    Consent::check(&account.consents, now, &mut bad);
    bad.into_result()
}

/// Its external reference is no other customer's.
fn must_be_free(unit: &UnitOfWork, account: &CustomerAccount) -> Result<(), Refusal> {
    let reference = &account.external_reference;
    match reference.is_empty().then_some(account.id).or_else(|| unit.account_with_reference(reference)) {
        Some(other) if other != account.id => Err(Refusal::exists("customer", other)),
        Some(_) | None => Ok(()),
    }
}

/// The customer in the version that the caller has seen.
pub(in crate::domain) fn seen(
    unit: &UnitOfWork,
    id: CustomerId,
    etag: &str,
) -> Result<CustomerAccount, Refusal> {
    let account = unit.account(id).cloned().ok_or_else(|| Refusal::not_found("customer", id))?;
    if account.erased.is_some() {
        return Err(Refusal::unmet(Reason::DataErased, format!("the data of customer {id} was erased")));
    }
    check_etag(etag, account.version)?;
    Ok(account)
}

/// One version later, if anything of it is new.
pub(in crate::domain) fn keep(unit: &mut UnitOfWork, account: CustomerAccount) -> CustomerAccount {
    if unit.account(account.id) == Some(&account) {
        return account;
    }
    let (version, updated_at) = (account.version + 1, unit.now.max(account.updated_at));
    let account = CustomerAccount { version, updated_at, ..account };
    unit.changes.accounts.insert(account.id, account.clone().into());
    account
}
