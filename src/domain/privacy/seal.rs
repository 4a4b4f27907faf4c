//! What of an archived order stands in the open once it is sealed, and sealing those that are not yet, or under an earlier key.

use crate::domain::model::order::Order;
use crate::domain::model::refusal::Refusal;
use crate::domain::privacy::redact::Books;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Seals an archived order under the master key in use, if it is not yet. It says nothing new, so it is no event.
#[derive(Debug, Clone)]
pub struct SealOrder {
    pub target: Target,
}

impl OrderCommand for SealOrder {
    const NAME: &'static str = "SealOrder";
    const ON_ERASED: bool = true;
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        order.seal(unit);
        Ok(())
    }
}

impl Order {
    /// What was erased names nobody, so there is nothing to seal, unless the law keeps whom its invoices were issued to. A server
    /// without a key opens nothing.
    fn seal(&mut self, unit: &UnitOfWork<'_>) {
        let Some(version) = unit.rules.archive_key else { return };
        let names_somebody = self.erased.is_none() || self.kept_data_ends().is_some();
        if self.is_archived() && names_somebody {
            self.sealed = Some(version);
        }
    }

    /// The order as columns, tables and the open part of its document have it while it is sealed: without whatever names the
    /// customer. In the place of the e-mail address stands what the order is found by.
    ///
    /// A discount code goes on saying by whom it was redeemed: it is counted by customer in a table of its own.
    pub fn in_the_open(&self, email: String) -> Self {
        let mut open = self.clone();
        open.erase_data(Books::Erased);
        open.customer.email = email;
        open.redemption.clone_from(&self.redemption);
        // It stands while it is sealed, and may say why in words about the customer.
        if let Some(hold) = &mut open.legal_hold {
            hold.reason.clear();
        }
        // Nothing has happened to these, so their versions stay.
        for (it, own) in open.reservations.iter_mut().zip(&self.reservations) {
            it.version = own.version;
        }
        for (it, own) in open.shipments.iter_mut().zip(&self.shipments) {
            it.version = own.version;
        }
        open
    }
}
