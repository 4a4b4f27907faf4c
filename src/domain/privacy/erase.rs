//! The data of a customer is erased: all that names them, but not what the books need.

use std::time::Duration;

use time::{Date, Month};

use crate::domain::customers::account::keep;
use crate::domain::model::account::CustomerAccount;
use crate::domain::model::customer::Customer;
use crate::domain::model::erasure::{Erased, PersonNames, nobody};
use crate::domain::model::event::EventKind;
use crate::domain::model::labels::Labels;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::Rules;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, CustomerId};
use crate::domain::model::time::Timestamp;
use crate::domain::privacy::redact::Books;
use crate::domain::unit::command::{Command, OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Erases the customer's data in one order, which goes to the archive if it is not there. A second time it changes nothing.
#[derive(Debug, Clone)]
pub struct EraseOrder {
    pub target: Target,
}

impl OrderCommand for EraseOrder {
    const NAME: &'static str = "EraseCustomerData";
    const ON_ERASED: bool = true;
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        // Whom the order names is known once it is read.
        ReadSet { further_reads: 1, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.erase(unit)
    }
}

/// Erases what the shop keeps of a customer beside their orders. Their id stays, and is never used again.
#[derive(Debug, Clone)]
pub struct EraseCustomer {
    pub id: CustomerId,
}

impl Command for EraseCustomer {
    const NAME: &'static str = "EraseCustomerData";
    type Output = ();

    fn reads(&self) -> ReadSet {
        ReadSet { accounts: vec![self.id], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let account = unit.account(self.id).cloned();
        let account = account.ok_or_else(|| Refusal::not_found("customer", self.id))?;
        if account.erased.is_some() {
            return Ok(());
        }
        if let Some(why) = account.why_not_erasable(unit.now) {
            return Err(Refusal::unmet(Reason::NotErasable, why));
        }
        let CustomerAccount { id, version, created_at, updated_at, .. } = account;
        let by = officer(&account.contact, unit);
        let locale = account.contact.locale;
        let blank = CustomerAccount {
            version,
            updated_at,
            contact: Customer { locale, ..Customer::nobody() },
            labels: Labels::new(),
            erased: Some(Erased { at: unit.now, by, kept_until: None }),
            ..CustomerAccount::new(id, Customer::nobody(), created_at)
        };
        keep(unit, blank);
        Ok(())
    }
}

impl CustomerAccount {
    /// Why the customer cannot be erased now, in words.
    pub fn why_not_erasable(&self, now: Timestamp) -> Option<String> {
        let hold = self.legal_hold.as_ref().filter(|it| it.stands(now))?;
        Some(format!("customer {} is under a legal hold: {}", self.id, hold.reason))
    }
}

impl Order {
    /// What keeps the customer's data in it from being erased, in words; all of it but a legal hold of the customer that it
    /// names.
    pub fn why_not_erasable(&self, now: Timestamp) -> Vec<String> {
        if self.erased.is_some() {
            return Vec::new();
        }
        let mut open = Vec::new();
        match self.is_over() {
            false => open.push(format!("it is {}", self.state)),
            true => open.extend(self.why_not_archivable()),
        }
        let due = self.due_minor();
        if self.is_over() && self.ended_early().is_none() && due > 0 {
            open.push(format!("{} are not paid", self.amounts.currency.of(due)));
        }
        if self.has_open_follow_up() {
            open.push("a bad rating is to be followed up".to_owned());
        }
        if let Some(hold) = self.legal_hold.as_ref().filter(|it| it.stands(now)) {
            open.push(format!("it is under a legal hold: {}", hold.reason));
        }
        open
    }

    /// Until when the law keeps what its invoices say of the customer: so many years from the end of the year in which the
    /// last of them was issued. None: it has none, or that is over.
    pub fn invoices_kept_until(&self, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
        if rules.keep_invoices_years == 0 {
            return None;
        }
        let notes = self.credit_notes.iter().map(|it| it.issued_at);
        let last = self.invoices.iter().map(|it| it.issued_at).chain(notes).max()?;
        let years = i32::try_from(rules.keep_invoices_years).unwrap_or(i32::MAX);
        let year = last.date_time().year().saturating_add(years).saturating_add(1);
        let end = Date::from_calendar_date(year, Month::January, 1).ok();
        let end = end.map_or(Timestamp::MAX, |it| Timestamp::from_date_time(it.midnight().assume_utc()));
        Some(end).filter(|it| *it > now)
    }

    /// When a worker erases what the law kept.
    pub(in crate::domain) fn kept_data_ends(&self) -> Option<Timestamp> {
        self.erased.as_ref()?.kept_until
    }

    pub fn erase(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        if self.erased.is_some() {
            return Ok(());
        }
        let mut open = self.why_not_erasable(unit.now);
        if let Some(named) = &self.named
            && let Some(account) = unit.account(named.id)
        {
            open.extend(account.why_not_erasable(unit.now));
        }
        if !open.is_empty() {
            let message = format!("the data of order {} cannot be erased: {}", self.number, open.join("; "));
            return Err(self.unmet(Reason::NotErasable, message));
        }
        if self.state != OrderState::Archived {
            self.archive(unit)?;
        }

        let by = officer(&self.customer, unit);
        // One that is over may say why in words about the customer.
        self.legal_hold = None;
        let kept_until = self.invoices_kept_until(unit.rules, unit.now);
        // What the law keeps names the customer still. Where nothing is left that does, the data key goes with the document that
        // it stands in.
        self.sealed = kept_until.and(unit.rules.archive_key.or(self.sealed));
        let text = match kept_until {
            Some(until) => {
                self.erase_data(Books::Kept);
                format!(
                    "the customer's data was erased; invoices keep whom they were issued to until {until}"
                )
            }
            None => {
                self.erase_data(Books::Erased);
                "the customer's data was erased".to_owned()
            }
        };
        self.erased = Some(Erased { at: unit.now, by, kept_until }.into());
        self.record(unit, EventKind::CustomerDataErased, None, text);
        Ok(())
    }

    /// Erases what the law kept, once that time is over. A legal hold puts it off by a day at a time.
    pub(in crate::domain) fn erase_kept_data(&mut self, unit: &mut UnitOfWork) {
        let is_held = self.legal_hold.as_ref().is_some_and(|it| it.stands(unit.now));
        let Some(erased) = self.erased.as_mut() else { return };
        if is_held {
            erased.kept_until = Some(unit.now.plus(Duration::from_secs(86_400)));
            return;
        }
        erased.kept_until = None;
        self.legal_hold = None;
        self.sealed = None;
        self.erase_data(Books::Erased);
        let text = "what the law had kept of the customer was erased";
        self.record_automatic(unit, EventKind::CustomerDataErased, None, text);
    }
}

/// Who has the data erased: not by name, if it is the person.
fn officer(customer: &Customer, unit: &UnitOfWork) -> Actor {
    match PersonNames::of(customer).is(&unit.actor) {
        true => nobody(),
        false => unit.actor.clone(),
    }
}
