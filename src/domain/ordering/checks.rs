//! Step 2: whether customer and address can be used, how risky the order is, and what makes two orders the
//! same.
//!
//! "Valid" means well-formed here: an e-mail address with correct syntax, a phone number that its country
//! could have given out, an address with the fields and the kind of postal code that its country asks for.
//! Whether the mailbox, the telephone or the house exists is not checked.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::model::account::Block;
use crate::domain::model::address::{Address, STREET_LINES_MAX};
use crate::domain::model::check::{Check, Fault, Risk, Rule};
use crate::domain::model::contact::{Phone, is_phone_character, phone_number, read_phone};
use crate::domain::model::customer::Customer;
use crate::domain::model::policy::Rules;
use crate::domain::model::postal_form::{PostalForm, compact, country_name};
use crate::domain::model::recipient::is_email;
use crate::domain::model::scalars::{Channel, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::model::written::{folded, plain_code};

/// Everything the rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub customer: &'a Customer,
    pub shipping: &'a Address,
    /// None: as the shipping address.
    pub billing: Option<&'a Address>,
    /// When the last order of the same customer for the same goods was received, if within the duplicate
    /// window.
    pub duplicate_of_at: Option<Timestamp>,
    /// Why the customer that the order names is blocked.
    pub blocked: Option<&'a Block>,
    pub rules: &'a Rules,
}

/// The result of every rule, in the order of [`Rule::ALL`]; one that finds something wrong lists all of it. The texts
/// repeat nothing of what the customer wrote, so that they can be shown and logged.
pub(super) fn verify(subject: &Subject<'_>) -> Vec<Check> {
    let ways = Ways::of(subject.customer);
    let check = |rule: &Rule| {
        let found = match rule {
            Rule::Contact => contact(subject, &ways),
            Rule::ContactDetails => contact_details(subject, &ways),
            Rule::Address => addresses(subject),
            Rule::AddressDetails => address_details(subject),
            Rule::RegionServed => region_served(subject),
            Rule::DuplicateOrder => duplicate(subject),
            Rule::BlockedCustomer => blocked(subject),
        };
        match found {
            Ok(detail) => Check::passed(*rule, detail),
            Err(faults) => Check::faulty(*rule, subject.rules.severity(*rule), faults),
        }
    };
    Rule::ALL.iter().map(check).collect()
}

impl Customer {
    /// The customer as it is kept: white space folded, the e-mail's domain in lower case, the phone number as E.164 if it
    /// can be read (a number without country prefix is one of `country`) and its extension beside it. What cannot be read
    /// stays as it was written.
    #[must_use]
    pub fn normalised(self, country: &str) -> Self {
        let Self { name, email, phone, locale, phone_extension } = self;
        let email = match email.trim().rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
            None => email.trim().to_owned(),
        };
        let as_written = || Phone { number: folded(&phone), extension: String::new() };
        let phone = Phone::read(&phone, country).unwrap_or_else(as_written);
        let given = plain_code(&phone_extension);
        Self {
            name: folded(&name),
            email,
            phone: phone.number,
            locale: locale.trim().to_owned(),
            phone_extension: if given.is_empty() { phone.extension } else { given },
        }
    }
}

/// A line of this many units is unusual.
const MANY_UNITS: i64 = 100;

/// Risk of fraud, and why:
///
/// - the bill goes to another country than the goods: MEDIUM, and HIGH for an order taken by phone;
/// - a line of 100 units or more: MEDIUM;
/// - both: HIGH.
pub(in crate::domain) fn risk(
    shipping: &Address,
    billing: Option<&Address>,
    channel: Channel,
    quantities: &[i64],
) -> (Risk, Vec<String>) {
    let abroad = billing.filter(|it| it.country != shipping.country);
    let many = quantities.iter().copied().max().filter(|it| *it >= MANY_UNITS);
    let by_phone = match channel {
        Channel::Phone => abroad.is_some(),
        Channel::Online | Channel::InPerson => false,
    };

    let mut reasons = Vec::new();
    if let Some(billing) = abroad {
        reasons.push(format!("billed to {}, shipped to {}", billing.country, shipping.country));
    }
    if by_phone {
        reasons.push("taken by phone and billed to another country".to_owned());
    }
    if let Some(units) = many {
        reasons.push(format!("a line of {units} units, {MANY_UNITS} or more"));
    }
    let risk = match (abroad, many) {
        (Some(_), Some(_)) => Risk::High,
        (Some(_), None) if by_phone => Risk::High,
        (Some(_), None) | (None, Some(_)) => Risk::Medium,
        (None, None) => Risk::Low,
    };
    (risk, reasons)
}

/// Equal for orders of the same customer, to the same address, for the same goods: SHA-256, hex. Upper and
/// lower case, blanks and the order of lines make no difference, nor does a product split over several lines. The
/// customer is a normalised one.
pub(in crate::domain) fn fingerprint(customer: &Customer, address: &Address, lines: &[(Sku, i64)]) -> String {
    let recipient = if address.recipient.trim().is_empty() { &customer.name } else { &address.recipient };
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        hash.update((folded.len() as u64).to_be_bytes());
        hash.update(folded);
    };

    add(&customer.email);
    add(&customer.phone);
    add(&customer.phone_extension);
    add(recipient);
    add(&address.organization);
    add(&address.lines.join(" "));
    add(&address.city);
    add(&address.area);
    add(&compact(&address.postal_code));
    add(&address.country);

    let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
    for (sku, quantity) in lines {
        let sum = units.entry(sku).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    for (sku, quantity) in units {
        add(&format!("{quantity} {sku}"));
    }
    format!("{:x}", hash.finalize())
}

/// Whether it is the one form in which a number that can be read is kept.
fn is_e164(phone: &str) -> bool {
    phone.starts_with('+') && read_phone(None, phone).is_some_and(|it| it == phone)
}

type Found = Result<String, Vec<Fault>>;

fn found(faults: Vec<Fault>, detail: impl FnOnce() -> String) -> Found {
    if faults.is_empty() { Ok(detail()) } else { Err(faults) }
}

fn fault(field: impl Into<String>, text: impl Into<String>) -> Fault {
    Fault { field: field.into(), text: text.into() }
}

/// The ways to reach the customer that can be used.
struct Ways {
    email: bool,
    phone: bool,
    /// The phone number may be one although its country's numbering plan does not have it: plans are older than numbers.
    maybe_phone: bool,
}

impl Ways {
    fn of(customer: &Customer) -> Self {
        let Customer { email, phone, .. } = customer;
        Self {
            email: is_email(email.trim()),
            phone: is_e164(phone),
            maybe_phone: may_be_phone(&plain_code(phone)),
        }
    }

    fn is_any(&self) -> bool {
        self.email || self.phone || self.maybe_phone
    }

    /// What is wrong with the e-mail address and the phone number.
    fn faults(&self, subject: &Subject<'_>) -> Vec<Fault> {
        let Customer { email, phone, .. } = subject.customer;
        let mut faults = Vec::new();
        if !self.email && !email.trim().is_empty() {
            faults.push(fault("customer.email", "the e-mail address is not well-formed"));
        }
        if !self.phone && !phone.trim().is_empty() {
            let text = format!(
                "the phone number is neither an international one (+ and country prefix) nor one of {}",
                shown(&subject.shipping.country)
            );
            faults.push(fault("customer.phone", text));
        }
        faults
    }
}

fn may_be_phone(phone: &str) -> bool {
    phone.chars().all(is_phone_character)
        && (7..=15).contains(&phone.chars().filter(char::is_ascii_digit).count())
}

/// One good way to reach the customer is enough; a fault in another one is a matter of [`contact_details`].
fn contact(subject: &Subject<'_>, ways: &Ways) -> Found {
    let Customer { name, email, phone, .. } = subject.customer;
    let named = text_problems("customer name", name).into_iter();
    let mut faults: Vec<Fault> = named.map(|it| fault("customer.name", it)).collect();
    if name.trim().is_empty() {
        faults.push(fault("customer.name", "the customer's name is missing"));
    }
    if email.trim().is_empty() && phone.trim().is_empty() {
        faults.push(fault("customer", "an e-mail address or a phone number is needed"));
    } else if !ways.is_any() {
        faults.extend(ways.faults(subject));
    }
    found(faults, || match (ways.email, ways.phone) {
        (true, true) => "e-mail address and phone number are well-formed".to_owned(),
        (true, false) => "e-mail address is well-formed".to_owned(),
        (false, true) => "phone number is well-formed".to_owned(),
        (false, false) => "phone number may be one".to_owned(),
    })
}

fn contact_details(subject: &Subject<'_>, ways: &Ways) -> Found {
    let faults = if ways.is_any() { ways.faults(subject) } else { Vec::new() };
    found(faults, || "nothing else is wrong with the ways to reach the customer".to_owned())
}

/// The addresses that the rules look at: the field, and whose it is.
fn subjects<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (&'static str, &'static str, &'a Address)> {
    let billing = subject.billing.map(|it| ("billing_address", "billing address", it));
    [("shipping_address", "shipping address", subject.shipping)].into_iter().chain(billing)
}

fn addresses(subject: &Subject<'_>) -> Found {
    let mut faults = Vec::new();
    if subject.shipping.recipient.trim().is_empty() && subject.customer.name.trim().is_empty() {
        let text = "shipping address: a recipient is missing, and so is the customer's name";
        faults.push(fault("shipping_address.recipient", text));
    }
    faults.extend(subjects(subject).flat_map(|(field, whose, it)| address_faults(field, whose, it)));
    found(faults, || match subject.billing {
        Some(_) => "both addresses have the form of their country; not checked with a post office".to_owned(),
        None => format!("has the form of {}; not checked with a post office", subject.shipping.country),
    })
}

/// A province that the post asks for, but does without.
fn address_details(subject: &Subject<'_>) -> Found {
    let is_missing = |address: &Address| {
        let form = PostalForm::of(&address.country);
        form.needs_province() && address.area.trim().is_empty() && is_found_without_province(address)
    };
    let missing = subjects(subject).filter(|it| is_missing(it.2));
    let faults = missing.map(|(field, whose, _)| {
        fault(format!("{field}.state"), format!("{whose}: the state or province is missing"))
    });
    found(faults.collect(), || "nothing else is missing in the addresses".to_owned())
}

/// What is wrong with an address, by the form of its country. `field` is where it stands, `whose` what it is called.
pub(super) fn address_faults(field: &str, whose: &str, address: &Address) -> Vec<Fault> {
    let Address { recipient, organization, lines, city, area, postal_code, country } = address;
    let mut problems: Vec<(&str, String)> = Vec::new();
    let named = [
        ("recipient", "recipient", recipient),
        ("company", "organization", organization),
        ("city", "city", city),
        ("state", "area", area),
        ("postal_code", "postal code", postal_code),
    ];
    for (part, name, text) in named.into_iter().chain(lines.iter().map(|it| ("street", "street line", it))) {
        problems.extend(text_problems(name, text).into_iter().map(|it| (part, it)));
    }
    let has = |text: &String| !text.trim().is_empty();
    if !lines.iter().any(has) {
        problems.push(("street", "a street line is missing".to_owned()));
    }
    if lines.len() > STREET_LINES_MAX {
        let text = format!("there are {} street lines, at most {STREET_LINES_MAX} are possible", lines.len());
        problems.push(("street", text));
    }

    let form = PostalForm::of(country);
    let name = country_name(country);
    if name.is_none() {
        problems.push(("country", "the country is not a code of ISO 3166-1 alpha-2, such as DE".to_owned()));
    }
    if form.needs_city() && !has(city) {
        problems.push(("city", "the city is missing".to_owned()));
    }
    if form.needs_province() && !has(area) && !is_found_without_province(address) {
        problems.push(("state", "the state or province is missing".to_owned()));
    }
    let (name, example) = (name.unwrap_or(country), form.example);
    if form.needs_postal_code() && !has(postal_code) {
        let text = format!("the postal code is missing (in {name} they look like {example})");
        problems.push(("postal_code", text));
    }
    if has(postal_code) && !form.has(postal_code) {
        let text = format!("the postal code is none of {name}, where they look like {example}");
        problems.push(("postal_code", text));
    }
    let faults = problems.into_iter();
    faults.map(|(part, text)| fault(format!("{field}.{part}"), format!("{whose}: {text}"))).collect()
}

/// Whether a good postal code says where it is, or the city where the country has none.
fn is_found_without_province(address: &Address) -> bool {
    let form = PostalForm::of(&address.country);
    match form.example {
        "" => !address.city.trim().is_empty(),
        _ => !address.postal_code.trim().is_empty() && form.has(&address.postal_code),
    }
}

/// No text is longer than this.
const TEXT_MAX: usize = 200;

fn text_problems(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.chars().count() > TEXT_MAX {
        problems.push(format!("the {name} is longer than {TEXT_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        problems.push(format!("the {name} contains line breaks or other control characters"));
    }
    problems
}

fn region_served(subject: &Subject<'_>) -> Found {
    let country = &subject.shipping.country;
    match subject.rules.region_of(country) {
        Some(region) => Ok(format!("{country} is served by {region}")),
        None => {
            let text = format!("{} is in no region that is served", shown(country));
            Err(vec![fault("shipping_address.country", text)])
        }
    }
}

fn duplicate(subject: &Subject<'_>) -> Found {
    let window = subject.rules.duplicate_window_seconds;
    match subject.duplicate_of_at {
        Some(at) => {
            let text = format!("the same customer ordered the same goods at {at}, within {window} s");
            Err(vec![fault("", text)])
        }
        None => Ok(format!("no order of the same customer for the same goods within {window} s")),
    }
}

fn blocked(subject: &Subject<'_>) -> Found {
    let country = &subject.shipping.country;
    let customer = subject.customer;
    let blocked = &subject.rules.blocked_customers;
    let mut faults = Vec::new();
    if subject.blocked.is_some() {
        faults.push(fault("customer_id", "the customer is blocked"));
    }
    let email = customer.email.to_lowercase();
    if !email.is_empty() && blocked.iter().any(|it| it.trim().to_lowercase() == email) {
        faults.push(fault("customer.email", "the e-mail address is blocked"));
    }
    let same = |it: &String| {
        phone_number(it, country).is_some_and(|it| it == customer.phone) || it.trim() == customer.phone
    };
    if !customer.phone.is_empty() && blocked.iter().any(same) {
        faults.push(fault("customer.phone", "the phone number is blocked"));
    }
    found(faults, || "neither e-mail address nor phone number is blocked".to_owned())
}

/// A country as written, unless it is too odd to repeat.
fn shown(country: &str) -> &str {
    let is_code = country.len() == 2 && country.bytes().all(|it| it.is_ascii_alphabetic());
    if is_code { country } else { "the address's country" }
}
