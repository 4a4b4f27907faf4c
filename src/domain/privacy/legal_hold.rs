//! A legal hold keeps personal data from being erased. It stops nothing else.

use crate::domain::customers::account::{keep, seen};
use crate::domain::model::account::CustomerAccount;
use crate::domain::model::erasure::LegalHold;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problem, Reason, Refusal};
use crate::domain::model::scalars::CustomerId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::{Command, OrderCommand, Target};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// What becomes of the hold of a customer or an order.
#[derive(Debug, Clone)]
pub enum LegalHoldChange {
    Set {
        reason: String,
        /// None: until it is released.
        until: Option<Timestamp>,
    },
    Release,
}

impl LegalHoldChange {
    /// The hold from now on. One like it that stands stays as it is.
    fn of(&self, present: Option<&LegalHold>, unit: &UnitOfWork) -> Result<Option<LegalHold>, Refusal> {
        match self {
            Self::Release => Ok(None),
            Self::Set { reason, until } => {
                if until.is_some_and(|it| it <= unit.now) {
                    let (field, message) = ("until_time".to_owned(), "must be in the future".to_owned());
                    return Err(Problem { field, message, reason: None }.into());
                }
                let alike = present.filter(|it| it.reason == *reason && it.until == *until);
                let new = || LegalHold {
                    reason: reason.clone(),
                    by: unit.actor.clone(),
                    at: unit.now,
                    until: *until,
                };
                Ok(Some(alike.cloned().unwrap_or_else(new)))
            }
        }
    }
}

/// Sets or releases the legal hold of an order, archived or not. Of one whose customer's data was erased it holds what the
/// law keeps.
#[derive(Debug, Clone)]
pub struct ChangeLegalHoldOfOrder {
    pub target: Target,
    pub change: LegalHoldChange,
}

impl OrderCommand for ChangeLegalHoldOfOrder {
    const NAME: &'static str = "ChangeLegalHold";
    const ON_ERASED: bool = true;
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        if order.erased.as_ref().is_some_and(|it| it.kept_until.is_none()) {
            let message = format!("the data of the customer of order {} was erased", order.number);
            return Err(order.unmet(Reason::DataErased, message));
        }
        let next = self.change.of(order.legal_hold.as_deref(), unit)?;
        if order.legal_hold.as_deref() == next.as_ref() {
            return Ok(());
        }
        order.legal_hold = next.map(Box::new);
        let (kind, text) = match &self.change {
            LegalHoldChange::Set { until: None, .. } => {
                (EventKind::LegalHoldSet, "legal hold set".to_owned())
            }
            LegalHoldChange::Set { until: Some(until), .. } => {
                (EventKind::LegalHoldSet, format!("legal hold set until {until}"))
            }
            LegalHoldChange::Release => (EventKind::LegalHoldReleased, "legal hold released".to_owned()),
        };
        order.record(unit, kind, None, text);
        Ok(())
    }
}

/// Sets or releases the legal hold of a customer: it holds their orders too.
#[derive(Debug, Clone)]
pub struct ChangeLegalHoldOfCustomer {
    pub id: CustomerId,
    pub change: LegalHoldChange,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ChangeLegalHoldOfCustomer {
    const NAME: &'static str = "ChangeLegalHold";
    type Output = CustomerAccount;

    fn reads(&self) -> ReadSet {
        ReadSet { accounts: vec![self.id], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<CustomerAccount, Refusal> {
        let account = seen(unit, self.id, &self.etag)?;
        let next = self.change.of(account.legal_hold.as_ref(), unit)?;
        Ok(keep(unit, CustomerAccount { legal_hold: next, ..account }))
    }
}
