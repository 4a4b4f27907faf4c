//! An order that names a customer: what it leaves out is the customer's, and is frozen with it.

use crate::domain::model::account::{Block, CustomerAccount, NamedCustomer};
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// The order with what the customer that it names has, and what it keeps of them; as it was where it names none.
pub(super) fn filled(
    unit: &UnitOfWork,
    new: &NewOrder,
) -> Result<(NewOrder, Option<NamedCustomer>, Option<CustomerAccount>), Refusal> {
    let Some(named) = &new.named else { return Ok((new.clone(), None, None)) };
    let Some(account) = unit.account(named.id).cloned() else {
        return Err(Refusal::invalid("customer_id", format!("customer {} does not exist", named.id)));
    };
    if account.erased.is_some() {
        let message = format!("the data of customer {} was erased", named.id);
        return Err(Refusal::invalid("customer_id", message));
    }
    let mut bad = Problems::default();
    let mut new = new.clone();
    if named.takes_shipping_address {
        match account.default_shipping() {
            Some(address) => new.shipping_address = address.clone(),
            None => bad.add("shipping_address", "is required: the customer has no default shipping address"),
        }
    }
    let mut contact = if named.takes_contact { account.contact.clone() } else { new.customer };
    if contact.locale.is_empty() {
        contact.locale.clone_from(&account.contact.locale);
    }
    new.customer = contact.normalised(&new.shipping_address.country);
    new.billing_address = new.billing_address.or_else(|| account.default_billing().cloned());
    if account.tax_exempt && new.prices_include_tax {
        bad.add(
            "prices_include_tax",
            "must be left out: the customer is exempt from tax, so prices have none",
        );
    }
    bad.into_result()?;

    let kept = NamedCustomer {
        id: account.id,
        tax_number: account.tax_number.clone(),
        tax_exempt: account.tax_exempt,
        payment_terms_days: account.payment_terms_days,
    };
    Ok((new, Some(kept), Some(account)))
}

impl Order {
    /// Whether it is priced without tax, as its customer was exempt when it was received.
    pub(super) fn tax_exempt(&self) -> bool {
        self.named.as_ref().is_some_and(|it| it.tax_exempt)
    }

    /// Why the customer that it names is blocked, as of now.
    pub(super) fn block_of_customer<'u>(&self, unit: &'u UnitOfWork) -> Option<&'u Block> {
        unit.account(self.named.as_ref()?.id)?.blocked.as_ref()
    }
}
