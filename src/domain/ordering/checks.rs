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

use crate::domain::model::address::Address;
use crate::domain::model::check::{Check, Risk, Rule, Verdict};
use crate::domain::model::contact::{e164, read_phone};
use crate::domain::model::customer::Customer;
use crate::domain::model::policy::Rules;
use crate::domain::model::recipient::is_email;
use crate::domain::model::scalars::{Channel, Sku};
use crate::domain::model::time::Timestamp;

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
    pub rules: &'a Rules,
}

/// The result of every rule, in the order of [`Rule::ALL`]; a failed one lists all that is wrong. The texts
/// repeat nothing of what the customer wrote, so that they can be shown and logged.
pub(super) fn verify(subject: &Subject<'_>) -> Vec<Check> {
    let check = |rule: &Rule| {
        let found = match rule {
            Rule::Contact => contact(subject),
            Rule::Address => addresses(subject),
            Rule::RegionServed => region_served(subject),
            Rule::DuplicateOrder => duplicate(subject),
            Rule::BlockedCustomer => blocked(subject),
        };
        let (verdict, detail) = match found {
            Ok(detail) => (Verdict::Passed, detail),
            Err(problems) => (Verdict::Failed, problems.join("; ")),
        };
        Check { rule: *rule, verdict, detail }
    };
    Rule::ALL.iter().map(check).collect()
}

impl Customer {
    /// The customer as it is kept: trimmed, the e-mail's domain in lower case, the phone number as E.164 if it
    /// can be read (a number without country prefix is one of `country`). What cannot be read stays as it was written.
    #[must_use]
    pub fn normalised(self, country: &str) -> Self {
        let Self { name, email, phone, locale } = self;
        let email = match email.trim().rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
            None => email.trim().to_owned(),
        };
        Self {
            name: name.trim().to_owned(),
            email,
            phone: e164(&phone, country).unwrap_or_else(|| phone.trim().to_owned()),
            locale: locale.trim().to_owned(),
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

type Found = Result<String, Vec<String>>;

fn found(problems: Vec<String>, detail: impl FnOnce() -> String) -> Found {
    if problems.is_empty() { Ok(detail()) } else { Err(problems) }
}

fn contact(subject: &Subject<'_>) -> Found {
    let Customer { name, email, phone, locale: _ } = subject.customer;
    let mut problems = text_problems("customer name", name);
    if name.trim().is_empty() {
        problems.push("the customer's name is missing".to_owned());
    }
    if email.trim().is_empty() && phone.trim().is_empty() {
        problems.push("an e-mail address or a phone number is needed".to_owned());
    }
    if !email.trim().is_empty() && !is_email(email.trim()) {
        problems.push("the e-mail address is not well-formed".to_owned());
    }
    if !phone.trim().is_empty() && !is_e164(phone) {
        problems.push(format!(
            "the phone number is neither an international one (+ and country prefix) nor one of {}",
            shown(&subject.shipping.country)
        ));
    }
    found(problems, || match (email.trim().is_empty(), phone.trim().is_empty()) {
        (false, false) => "e-mail address and phone number are well-formed".to_owned(),
        (false, true) => "e-mail address is well-formed".to_owned(),
        (true, _) => "phone number is well-formed".to_owned(),
    })
}

fn addresses(subject: &Subject<'_>) -> Found {
    let mut problems = Vec::new();
    if subject.shipping.recipient.trim().is_empty() && subject.customer.name.trim().is_empty() {
        problems.push("shipping address: a recipient is missing, and so is the customer's name".to_owned());
    }
    problems.extend(address_problems("shipping address", subject.shipping));
    if let Some(billing) = subject.billing {
        problems.extend(address_problems("billing address", billing));
    }
    found(problems, || match subject.billing {
        Some(_) => "both addresses have the form of their country; not checked with a post office".to_owned(),
        None => format!("has the form of {}; not checked with a post office", subject.shipping.country),
    })
}

/// How many street lines an address may have.
const LINES_MAX: usize = 4;

/// What is wrong with an address, by the form of its country.
pub(super) fn address_problems(whose: &str, address: &Address) -> Vec<String> {
    let Address { recipient, organization, lines, city, area, postal_code, country } = address;
    let mut problems = Vec::new();
    let named = [
        ("recipient", recipient),
        ("organization", organization),
        ("city", city),
        ("area", area),
        ("postal code", postal_code),
    ];
    for (name, text) in named.into_iter().chain(lines.iter().map(|it| ("street line", it))) {
        problems.extend(text_problems(name, text));
    }
    if lines.iter().all(|it| it.trim().is_empty()) {
        problems.push("a street line is missing".to_owned());
    }
    if lines.len() > LINES_MAX {
        problems.push(format!("there are {} street lines, at most {LINES_MAX} are possible", lines.len()));
    }

    let form = FORMS.iter().find(|it| it.0 == country).copied();
    let (_, needs, codes) = form.unwrap_or(("", "C", ""));
    if rust_iso3166::from_alpha2(country).is_none() {
        problems.push("the country is not a code of ISO 3166-1 alpha-2, such as DE".to_owned());
    }
    for (need, name, text) in [('C', "city", city), ('S', "state or province", area)] {
        if needs.contains(need) && text.trim().is_empty() {
            problems.push(format!("the {name} is missing"));
        }
    }
    let code = compact(postal_code);
    if code.is_empty() && needs.contains('Z') {
        problems.push(format!("the postal code is missing ({})", codes_in_words(codes)));
    }
    if !code.is_empty() && !codes.is_empty() && !has_form(&code, country, codes) {
        problems.push(format!("the postal code is none of {country} ({})", codes_in_words(codes)));
    }
    problems.into_iter().map(|it| format!("{whose}: {it}")).collect()
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

/// What addresses need, country by country, as its post asks for: C city, S state or province, Z postal code;
/// and the forms of postal codes, with 9 for a digit, A for a letter, # for either. Any other country needs a
/// street line and a city.
const FORMS: &[(&str, &str, &str)] = &[
    ("AE", "S", ""),
    ("AT", "CZ", "9999"),
    ("AU", "CSZ", "9999"),
    ("BE", "CZ", "9999"),
    ("BG", "CZ", "9999"),
    ("BR", "CSZ", "99999-999"),
    ("CA", "CSZ", "A9A 9A9"),
    ("CH", "CZ", "9999"),
    ("CN", "CSZ", "999999"),
    ("CY", "CZ", "9999"),
    ("CZ", "CZ", "999 99"),
    ("DE", "CZ", "99999"),
    ("DK", "CZ", "9999"),
    ("EE", "CZ", "99999"),
    ("ES", "CZ", "99999"),
    ("FI", "CZ", "99999"),
    ("FR", "CZ", "99999"),
    ("GB", "CZ", "A9 9AA|A99 9AA|AA9 9AA|AA99 9AA|A9A 9AA|AA9A 9AA"),
    ("GR", "CZ", "999 99"),
    ("HK", "S", ""),
    ("HR", "CZ", "99999"),
    ("HU", "CZ", "9999"),
    ("IE", "C", "A99 ####|A9A ####"),
    ("IN", "CSZ", "999999"),
    ("IT", "CZ", "99999"),
    ("JP", "SZ", "999-9999"),
    ("KR", "CZ", "99999"),
    ("KW", "C", "99999"),
    ("LT", "CZ", "99999"),
    ("LU", "CZ", "9999|A-9999"),
    ("LV", "CZ", "9999"),
    ("MT", "CZ", "AAA 9999"),
    ("MX", "CSZ", "99999"),
    ("MY", "CZ", "99999"),
    ("NL", "CZ", "9999 AA"),
    ("NO", "CZ", "9999"),
    ("NZ", "CZ", "9999"),
    ("PL", "CZ", "99-999"),
    ("PT", "CZ", "9999-999"),
    ("RO", "CZ", "999999"),
    ("SE", "CZ", "999 99"),
    ("SG", "Z", "999999"),
    ("SI", "CZ", "9999"),
    ("SK", "CZ", "999 99"),
    ("TW", "CZ", "999|99999|999999"),
    ("US", "CSZ", "99999|99999-9999"),
];

fn codes_in_words(codes: &str) -> String {
    format!("{}; 9 a digit, A a letter, # either", codes.replace('|', " or "))
}

/// Without blanks and dashes, in upper case: how postal codes are compared.
fn compact(code: &str) -> String {
    code.chars().filter(|it| !it.is_whitespace() && *it != '-').flat_map(char::to_uppercase).collect()
}

/// Whether a compact postal code has one of the forms, with or without the country's code before it
/// (LV-1010).
fn has_form(code: &str, country: &str, codes: &str) -> bool {
    let fits = |code: &str, form: &str| {
        let form = compact(form);
        code.chars().count() == form.len()
            && code.chars().zip(form.chars()).all(|(it, kind)| match kind {
                '9' => it.is_ascii_digit(),
                'A' => it.is_ascii_alphabetic(),
                _ => it.is_ascii_alphanumeric(),
            })
    };
    codes
        .split('|')
        .any(|form| fits(code, form) || code.strip_prefix(country).is_some_and(|it| fits(it, form)))
}

fn region_served(subject: &Subject<'_>) -> Found {
    let country = &subject.shipping.country;
    match subject.rules.region_of(country) {
        Some(region) => Ok(format!("{country} is served by {region}")),
        None => Err(vec![format!("{} is in no region that is served", shown(country))]),
    }
}

fn duplicate(subject: &Subject<'_>) -> Found {
    let window = subject.rules.duplicate_window_seconds;
    match subject.duplicate_of_at {
        Some(at) => Err(vec![format!("the same customer ordered the same goods at {at}, within {window} s")]),
        None => Ok(format!("no order of the same customer for the same goods within {window} s")),
    }
}

fn blocked(subject: &Subject<'_>) -> Found {
    let country = &subject.shipping.country;
    let customer = subject.customer;
    let blocked = &subject.rules.blocked_customers;
    let mut problems = Vec::new();
    let email = customer.email.to_lowercase();
    if !email.is_empty() && blocked.iter().any(|it| it.trim().to_lowercase() == email) {
        problems.push("the e-mail address is blocked".to_owned());
    }
    let same =
        |it: &String| e164(it, country).is_some_and(|it| it == customer.phone) || it.trim() == customer.phone;
    if !customer.phone.is_empty() && blocked.iter().any(same) {
        problems.push("the phone number is blocked".to_owned());
    }
    found(problems, || "neither e-mail address nor phone number is blocked".to_owned())
}

/// A country as written, unless it is too odd to repeat.
fn shown(country: &str) -> &str {
    let is_code = country.len() == 2 && country.bytes().all(|it| it.is_ascii_alphabetic());
    if is_code { country } else { "the address's country" }
}
