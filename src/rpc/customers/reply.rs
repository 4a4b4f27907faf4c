//! Customers as the API shows them.

use crate::domain::{self, AccountAddress, Block, Consent, CustomerAccount};
use crate::pb;
use crate::rpc::access::data_reads::shows_customer;
use crate::rpc::enums;
use crate::rpc::reply::{actor, address, customer, erasure, legal_hold, measure, timestamp};

pub(crate) fn account(account: &CustomerAccount) -> pb::CustomerAccount {
    shows_customer(account.id);
    let CustomerAccount {
        id,
        version,
        external_reference,
        contact,
        addresses,
        unwanted_messages,
        blocked,
        tax_number,
        tax_exempt,
        payment_terms_days,
        labels,
        created_at,
        updated_at,
        legal_hold: held,
        erased,
        consents,
    } = account;
    pb::CustomerAccount {
        id: id.to_string(),
        external_reference: external_reference.clone(),
        contact: Some(customer(contact)),
        addresses: addresses.iter().map(account_address).collect(),
        unwanted_kinds: unwanted_messages.iter().map(|it| enums::message_kind(*it)).collect(),
        tax_number: tax_number.clone(),
        tax_exempt: *tax_exempt,
        payment_terms_days: payment_terms_days.map(measure),
        labels: labels.clone(),
        block: blocked.as_ref().map(block),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
        etag: domain::etag(*version),
        legal_hold: held.as_ref().map(legal_hold),
        erasure: erased.as_ref().map(erasure),
        hidden: Vec::new(),
        consents: consents.iter().map(consent).collect(),
    }
}

fn consent(it: &Consent) -> pb::CustomerConsent {
    let Consent { purpose, given_at, withdrawn_at, source } = it;
    pb::CustomerConsent {
        purpose: enums::consent_purpose(*purpose),
        given_time: given_at.map(timestamp),
        withdrawn_time: withdrawn_at.map(timestamp),
        source: source.clone(),
    }
}

fn account_address(it: &AccountAddress) -> pb::CustomerAddress {
    let AccountAddress { address: postal, default_shipping, default_billing } = it;
    pb::CustomerAddress {
        address: Some(address(postal)),
        default_shipping: *default_shipping,
        default_billing: *default_billing,
    }
}

fn block(it: &Block) -> pb::CustomerBlock {
    let Block { reason, by, at } = it;
    pb::CustomerBlock { reason: reason.clone(), actor: actor(by), time: Some(timestamp(*at)) }
}
