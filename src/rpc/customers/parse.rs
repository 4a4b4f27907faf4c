//! Parses requests about customers that a shop knows.

use uuid::Uuid;

use crate::domain::{
    ADDRESSES_MAX, AccountAddress, AccountChange, Address, BlockCustomer, Consent, ConsentPurpose,
    CreateCustomer, Customer, CustomerAccount, CustomerId, Named, Problems, TERMS_DAYS_MAX, Timestamp,
    UnblockCustomer, UpdateCustomer,
};
use crate::pb;
use crate::rpc::enums;
use crate::rpc::labels::labels;
use crate::rpc::listing::list_requests;
use crate::rpc::parse::{
    REASON_MAX, REFERENCE_MAX, address, customer, entries, id, number, one_line, optional_id, paths,
    required, required_line, required_text, required_word, timestamp,
};
use crate::rpc::unwanted::unwanted;

/// How long a tax number may be, in characters.
const TAX_NUMBER_MAX: usize = 30;

list_requests! {
    list_customers: ListCustomersRequest,
}

/// The customer that a draft names, and what it leaves to them.
pub(crate) fn named(
    customer_id: &str,
    takes_contact: bool,
    takes_shipping_address: bool,
    bad: &mut Problems,
) -> Option<Named> {
    let id = optional_id("order.customer_id", customer_id, bad)?;
    Some(Named { id, takes_contact, takes_shipping_address })
}

pub(crate) fn required_customer(given: Option<pb::Customer>, bad: &mut Problems) -> Option<Customer> {
    required("order.customer", given, bad).map(|it| customer("order.customer", it, bad))
}

pub(crate) fn required_address(given: Option<pb::Address>, bad: &mut Problems) -> Option<Address> {
    let given = required("order.shipping_address", given, bad);
    given.map(|it| address("order.shipping_address", it, bad))
}

pub(super) fn create_customer(
    request: pb::CreateCustomerRequest,
    bad: &mut Problems,
) -> Option<CreateCustomer> {
    let pb::CreateCustomerRequest { customer, request_id: _, validate_only: _ } = request;
    let given = required("customer", customer, bad)?;
    let account = CustomerAccount::new(CustomerId(Uuid::nil()), Customer::nobody(), Timestamp::MIN);
    let changes = account_changes(given, &FIELDS, bad);
    Some(CreateCustomer { account: changes.into_iter().fold(account, CustomerAccount::with) })
}

pub(super) fn update_customer(
    request: pb::UpdateCustomerRequest,
    bad: &mut Problems,
) -> Option<UpdateCustomer> {
    let pb::UpdateCustomerRequest { customer, update_mask, etag, request_id: _, validate_only: _ } = request;
    let paths = paths(update_mask, &FIELDS, bad);
    let given = required("customer", customer, bad)?;
    let id = id("customer.id", &given.id, bad);
    let changes = account_changes(given, &paths?, bad);
    Some(UpdateCustomer { id: id?, changes, etag })
}

/// The fields of a customer that a person enters.
const FIELDS: [&str; 9] = [
    "external_reference",
    "contact",
    "addresses",
    "unwanted_kinds",
    "tax_number",
    "tax_exempt",
    "payment_terms_days",
    "labels",
    "consents",
];

/// The fields that are named, each as a whole.
fn account_changes(
    given: pb::CustomerAccount,
    named: &[impl AsRef<str>],
    bad: &mut Problems,
) -> Vec<AccountChange> {
    let pb::CustomerAccount {
        id: _,
        external_reference,
        contact,
        addresses,
        unwanted_kinds,
        tax_number,
        tax_exempt,
        payment_terms_days,
        labels: given_labels,
        block: _,
        create_time: _,
        update_time: _,
        etag: _,
        legal_hold: _,
        erasure: _,
        hidden: _,
        consents,
    } = given;
    let named = |path: &str| named.iter().any(|it| it.as_ref() == path);
    let mut changes = Vec::new();
    if named("external_reference") {
        let reference = one_line("customer.external_reference", external_reference, REFERENCE_MAX, bad);
        changes.push(AccountChange::ExternalReference(reference));
    }
    if named("contact") {
        let contact = required("customer.contact", contact, bad);
        let contact = contact.map(|it| customer("customer.contact", it, bad));
        changes.extend(contact.map(AccountChange::Contact));
    }
    if named("addresses") {
        changes.push(AccountChange::Addresses(account_addresses(addresses, bad)));
    }
    if named("unwanted_kinds") {
        let kinds = unwanted("customer.unwanted_kinds", unwanted_kinds, bad);
        changes.push(AccountChange::UnwantedMessages(kinds));
    }
    if named("tax_number") {
        let number = one_line("customer.tax_number", tax_number, TAX_NUMBER_MAX, bad);
        changes.push(AccountChange::TaxNumber(number.trim().to_owned()));
    }
    if named("tax_exempt") {
        changes.push(AccountChange::TaxExempt(tax_exempt));
    }
    if named("payment_terms_days") {
        let days = payment_terms_days
            .map(|it| number("customer.payment_terms_days", it.into(), 0..=TERMS_DAYS_MAX, bad));
        changes.push(AccountChange::PaymentTermsDays(days));
    }
    if named("labels") {
        changes.push(AccountChange::Labels(labels("customer.labels", given_labels, bad)));
    }
    if named("consents") {
        changes.push(AccountChange::Consents(account_consents(consents, bad)));
    }
    changes
}

/// How long the source of a consent may be, in characters.
const SOURCE_MAX: usize = 100;

fn account_consents(given: Vec<pb::CustomerConsent>, bad: &mut Problems) -> Vec<Consent> {
    let mut consents = Vec::new();
    for (index, it) in entries("customer.consents", given, 0..=ConsentPurpose::ALL.len(), bad) {
        let pb::CustomerConsent { purpose, given_time, withdrawn_time, source } = it;
        let at = |field: &str| format!("customer.consents[{index}].{field}");
        let purpose = required_word(&at("purpose"), purpose, enums::to_consent_purpose, bad);
        let given_at = timestamp(&at("given_time"), given_time, bad);
        let withdrawn_at = timestamp(&at("withdrawn_time"), withdrawn_time, bad);
        let source = required_line(&at("source"), source, SOURCE_MAX, bad);
        consents.extend(purpose.map(|purpose| Consent { purpose, given_at, withdrawn_at, source }));
    }
    consents
}

fn account_addresses(given: Vec<pb::CustomerAddress>, bad: &mut Problems) -> Vec<AccountAddress> {
    let mut addresses = Vec::new();
    for (index, it) in entries("customer.addresses", given, 0..=ADDRESSES_MAX, bad) {
        let pb::CustomerAddress { address: postal, default_shipping, default_billing } = it;
        let field = format!("customer.addresses[{index}].address");
        let postal = required(&field, postal, bad).map(|it| address(&field, it, bad));
        let address = postal.unwrap_or_else(Address::nowhere);
        addresses.push(AccountAddress { address, default_shipping, default_billing });
    }
    AccountAddress::check_defaults(&addresses, bad);
    addresses
}

pub(super) fn block_customer(request: pb::BlockCustomerRequest, bad: &mut Problems) -> Option<BlockCustomer> {
    let pb::BlockCustomerRequest { customer_id, reason, etag, request_id: _, validate_only: _ } = request;
    let reason = required_text("reason", reason, REASON_MAX, bad);
    Some(BlockCustomer { id: id("customer_id", &customer_id, bad)?, reason, etag })
}

pub(super) fn unblock_customer(
    request: pb::UnblockCustomerRequest,
    bad: &mut Problems,
) -> Option<UnblockCustomer> {
    let pb::UnblockCustomerRequest { customer_id, etag, request_id: _, validate_only: _ } = request;
    Some(UnblockCustomer { id: id("customer_id", &customer_id, bad)?, etag })
}
