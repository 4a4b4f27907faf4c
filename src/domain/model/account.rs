//! A customer as a shop knows them: what orders that name them take from it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::model::address::Address;
use crate::domain::model::consent::{Consent, ConsentPurpose};
use crate::domain::model::customer::Customer;
use crate::domain::model::erasure::{Erased, LegalHold};
use crate::domain::model::labels::Labels;
use crate::domain::model::message::MessageKind;
use crate::domain::model::refusal::Problems;
use crate::domain::model::scalars::{Actor, CustomerId};
use crate::domain::model::time::Timestamp;

/// Addresses of one customer at most.
pub const ADDRESSES_MAX: usize = 20;

/// The longest terms of payment, in days.
pub const TERMS_DAYS_MAX: i64 = 365;

/// A customer as a shop knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerAccount {
    pub id: CustomerId,
    pub version: i64,
    /// The caller's own number for them; unique. Empty: none.
    pub external_reference: String,
    /// Name, ways to reach them, and the language of their letters.
    pub contact: Customer,
    pub addresses: Vec<AccountAddress>,
    /// Messages that they do not want.
    pub unwanted_messages: BTreeSet<MessageKind>,
    /// Set: their orders are held, or warned of, as the rule about blocked customers says.
    pub blocked: Option<Block>,
    /// As invoices show it; empty: none.
    pub tax_number: String,
    /// Their orders are priced without tax.
    pub tax_exempt: bool,
    /// None: as the settings say.
    pub payment_terms_days: Option<i64>,
    /// Words of the caller's own, by which they are found.
    #[serde(default)]
    pub labels: Labels,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Why their data is not to be erased. None: it may be.
    #[serde(default)]
    pub legal_hold: Option<LegalHold>,
    /// Set: nothing is known of them any more.
    #[serde(default)]
    pub erased: Option<Erased>,
    /// What they said about letters that no order needs, by purpose.
    #[serde(default)]
    pub consents: Vec<Consent>,
}

/// An address of a customer; at most one is the default of each kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountAddress {
    pub address: Address,
    pub default_shipping: bool,
    pub default_billing: bool,
}

/// Why a customer is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub reason: String,
    pub by: Actor,
    pub at: Timestamp,
}

/// What an order keeps of the customer that it names, as it was when the order was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCustomer {
    pub id: CustomerId,
    pub tax_number: String,
    pub tax_exempt: bool,
    pub payment_terms_days: Option<i64>,
}

/// One field of a customer, as a person entered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    ExternalReference(String),
    Contact(Customer),
    Addresses(Vec<AccountAddress>),
    UnwantedMessages(BTreeSet<MessageKind>),
    TaxNumber(String),
    TaxExempt(bool),
    PaymentTermsDays(Option<i64>),
    Labels(Labels),
    Consents(Vec<Consent>),
}

impl CustomerAccount {
    /// Nothing is known of them but the name.
    pub fn new(id: CustomerId, contact: Customer, at: Timestamp) -> Self {
        Self {
            id,
            version: 0,
            external_reference: String::new(),
            contact,
            addresses: Vec::new(),
            unwanted_messages: BTreeSet::new(),
            blocked: None,
            tax_number: String::new(),
            tax_exempt: false,
            payment_terms_days: None,
            labels: Labels::new(),
            created_at: at,
            updated_at: at,
            legal_hold: None,
            erased: None,
            consents: Vec::new(),
        }
    }

    /// Purposes that they said no to.
    pub fn withdrawn(&self) -> BTreeSet<ConsentPurpose> {
        self.consents.iter().filter(|it| it.is_withdrawn()).map(|it| it.purpose).collect()
    }

    #[must_use]
    pub fn with(mut self, change: AccountChange) -> Self {
        match change {
            AccountChange::ExternalReference(reference) => self.external_reference = reference,
            AccountChange::Contact(contact) => self.contact = contact,
            AccountChange::Addresses(addresses) => self.addresses = addresses,
            AccountChange::UnwantedMessages(kinds) => self.unwanted_messages = kinds,
            AccountChange::TaxNumber(number) => self.tax_number = number,
            AccountChange::TaxExempt(exempt) => self.tax_exempt = exempt,
            AccountChange::PaymentTermsDays(days) => self.payment_terms_days = days,
            AccountChange::Labels(labels) => self.labels = labels,
            AccountChange::Consents(consents) => self.consents = consents,
        }
        self
    }

    pub fn default_shipping(&self) -> Option<&Address> {
        self.addresses.iter().find(|it| it.default_shipping).map(|it| &it.address)
    }

    pub fn default_billing(&self) -> Option<&Address> {
        self.addresses.iter().find(|it| it.default_billing).map(|it| &it.address)
    }

    /// Notes a second default of a kind, and messages that nobody can do without.
    pub fn check(&self, bad: &mut Problems) {
        AccountAddress::check_defaults(&self.addresses, bad);
        for kind in self.unwanted_messages.iter().filter(|it| !it.may_be_unwanted()) {
            let message = format!("{kind} cannot be switched off: the law or the contract needs it");
            bad.add("customer.unwanted_kinds", message);
        }
    }
}

impl AccountAddress {
    /// Notes a second default of a kind.
    pub fn check_defaults(addresses: &[Self], bad: &mut Problems) {
        let of_kind =
            |name, is_default: fn(&Self) -> bool| (name, addresses.iter().map(is_default).collect());
        let kinds: [(&str, Vec<bool>); 2] = [
            of_kind("default_shipping", |it| it.default_shipping),
            of_kind("default_billing", |it| it.default_billing),
        ];
        for (name, are_defaults) in kinds {
            let mut defaults = are_defaults.iter().enumerate().filter(|it| *it.1).map(|it| it.0);
            let first = defaults.next();
            for index in defaults {
                let first = first.unwrap_or_default();
                bad.add(
                    format!("customer.addresses[{index}].{name}"),
                    format!("addresses[{first}] is that already"),
                );
            }
        }
    }
}
