//! Step 2: whether customer and address can be used, how risky the order is, and what makes two orders the
//! same.
//!
//! "Valid" means well-formed here: an e-mail address with correct syntax, a phone number that its country
//! could have given out, an address with the fields and the kind of postal code that its country asks for.
//! Whether somebody answers there, or the house exists, is not looked up anywhere.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Address, BareAddress, Channel, Check, Customer, Risk, Rule, Rules, Sku, Timestamp, Verdict};

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
    /// can be read (a number without country prefix is one of `country`), the locale `en` if none was given. What
    /// cannot be read stays as it was written.
    #[must_use]
    pub fn normalised(self, country: &str) -> Self {
        let Self { name, email, phone, locale } = self;
        let email = match email.trim().rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
            None => email.trim().to_owned(),
        };
        let locale = if locale.trim().is_empty() { "en" } else { locale.trim() };
        Self {
            name: name.trim().to_owned(),
            email,
            phone: e164(&phone, country).unwrap_or_else(|| phone.trim().to_owned()),
            locale: locale.to_owned(),
        }
    }
}

/// A line of this many units is unusual.
const MANY_UNITS: i64 = 100;

/// How likely it is that somebody is cheating, and why:
///
/// - the bill goes to another country than the goods: MEDIUM, and HIGH for an order taken by phone;
/// - a line of 100 units or more: MEDIUM;
/// - both: HIGH.
pub(super) fn risk(
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
pub(super) fn fingerprint(customer: &Customer, address: &Address, lines: &[(Sku, i64)]) -> String {
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

/// Whether a payment card's number stands anywhere in the text: 13–19 digits, in one piece or in groups with
/// a single blank or dash between, with the prefix and length of a major network and a right check digit
/// (Luhn). A number with `+` before it and at most 15 digits is a phone number.
pub fn looks_like_card_number(text: &str) -> bool {
    let runs = digit_runs(text);
    (0..runs.len()).any(|first| {
        let mut number = String::new();
        for run in &runs[first..] {
            let follows = number.is_empty() || run.after_single_gap;
            if !follows || number.len() + run.digits.len() > 19 {
                return false;
            }
            number.push_str(run.digits);
            let phone = runs[first].after_plus && number.len() <= 15;
            if !phone && is_of_network(&number) && luhn(&number) {
                return true;
            }
        }
        false
    })
}

/// The phone number as E.164, if its country could have given it out. An international number begins with `+`
/// or `00`; any other is one of `country`.
pub(super) fn e164(phone: &str, country: &str) -> Option<String> {
    let phone = phone.trim();
    let legal = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')' | '/');
    if phone.len() > 40 || !phone.chars().all(legal) {
        return None;
    }

    // With a default country the library takes that country's trunk prefix away even from another country's
    // number, so it is given one only for national numbers; and what it wrote must read back as the same.
    let read = match phone.strip_prefix("00") {
        Some(international) => read_phone(None, &format!("+{international}")),
        None if phone.starts_with('+') => read_phone(None, phone),
        None => read_phone(Some(country.parse().ok()?), phone),
    }?;
    (read_phone(None, &read)? == read).then_some(read)
}

/// Whether it is the one form in which a number that can be read is kept.
fn is_e164(phone: &str) -> bool {
    phone.starts_with('+') && read_phone(None, phone).is_some_and(|it| it == phone)
}

fn read_phone(country: Option<phonenumber::country::Id>, phone: &str) -> Option<String> {
    #[cfg(test)]
    PHONES_READ.with(|it| it.set(it.get() + 1));
    let number = phonenumber::parse(country, phone).ok()?;
    let abroad = country.is_some() && number.code().source() == phonenumber::country::Source::Idd;
    let usable = number.is_valid() && !abroad && number.extension().is_none();
    usable.then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
thread_local! {
    /// How often this thread had a phone number parsed, which takes longer than most decisions.
    pub(super) static PHONES_READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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

/// A bare address with a full domain: nobody has a mailbox at `localhost` or at a top-level domain.
pub(super) fn is_email(email: &str) -> bool {
    email.parse::<BareAddress>().is_ok_and(|it| it.domain().contains('.'))
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

fn address_problems(whose: &str, address: &Address) -> Vec<String> {
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

/// Digits without anything between, and what stands before them.
struct Run<'a> {
    digits: &'a str,
    after_single_gap: bool,
    after_plus: bool,
}

fn digit_runs(text: &str) -> Vec<Run<'_>> {
    let is_gap = |it: char| it.is_whitespace() || matches!(it, '-' | '\u{2010}'..='\u{2014}');
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut last_end = None;
    let mut rest = 0;
    while let Some(offset) = text[rest..].find(|it: char| it.is_ascii_digit()) {
        let start = rest + offset;
        let length = text[start..].find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len() - start);
        let mut between = text[last_end.unwrap_or(start)..start].chars();
        runs.push(Run {
            digits: &text[start..start + length],
            after_single_gap: between.next().is_some_and(is_gap) && between.next().is_none(),
            after_plus: text[..start].ends_with('+'),
        });
        rest = start + length;
        last_end = Some(rest);
    }
    runs
}

/// Whether the digits begin as card numbers of a major network do, and are as many.
fn is_of_network(number: &str) -> bool {
    let prefix = |digits: usize| number.get(..digits).and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    let visa = one == 4;
    let mastercard = (51..=55).contains(&two) || (2221..=2720).contains(&four);
    let american_express = matches!(two, 34 | 37);
    let diners = (300..=305).contains(&three) || three == 309 || matches!(two, 36 | 38 | 39);
    let discover = four == 6011 || two == 65 || (644..=649).contains(&three);
    let jcb = (3528..=3589).contains(&four);
    let union_pay = two == 62;
    match number.len() {
        13 => visa,
        14 => diners,
        15 => american_express,
        16 => visa || mastercard || diners || discover || jcb || union_pay,
        17..=19 => visa || diners || discover || jcb || union_pay,
        _ => false,
    }
}

fn luhn(number: &str) -> bool {
    let digit = |(place, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0');
        match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    };
    number.bytes().rev().enumerate().map(digit).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn customer() -> Customer {
        Customer {
            name: "Ada Byron".to_owned(),
            email: "Ada@Example.COM".to_owned(),
            phone: "030 901820".to_owned(),
            locale: String::new(),
        }
    }

    fn address(country: &str, area: &str, postal_code: &str) -> Address {
        Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["1 Main Street".to_owned()],
            city: "Town".to_owned(),
            area: area.to_owned(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
        }
    }

    fn checked(
        customer: &Customer,
        shipping: &Address,
        billing: Option<&Address>,
        rules: &Rules,
    ) -> Vec<Check> {
        let customer = &customer.clone().normalised(&shipping.country);
        verify(&Subject { customer, shipping, billing, duplicate_of_at: None, rules })
    }

    /// The detail of a rule's failure.
    fn failure(checks: &[Check], rule: Rule) -> Option<&str> {
        let check = checks.iter().find(|it| it.rule == rule).expect("a check of every rule");
        (check.verdict == Verdict::Failed).then_some(check.detail.as_str())
    }

    fn postal_code_fits(country: &str, code: &str) -> bool {
        let address = address(country, "Some area", code);
        address_problems("", &address).is_empty()
    }

    #[test]
    fn a_good_order_passes_every_rule_in_order() {
        let checks = checked(&customer(), &address("DE", "", "10115"), None, &Rules::default());
        assert_eq!(checks.iter().map(|it| it.rule).collect::<Vec<_>>(), Rule::ALL);
        assert!(checks.iter().all(|it| it.verdict == Verdict::Passed && !it.detail.is_empty()), "{checks:?}");
    }

    #[test]
    fn a_failed_rule_lists_everything_that_is_wrong() {
        let customer =
            Customer { name: " ".to_owned(), email: "ada@".to_owned(), phone: "12".to_owned(), ..customer() };
        let shipping =
            Address { lines: vec![" ".to_owned()], city: String::new(), ..address("US", "", "1011") };
        let billing = address("Deutschland", "", "");
        let checks = checked(&customer, &shipping, Some(&billing), &Rules::default());
        assert_eq!(
            failure(&checks, Rule::Contact),
            Some(
                "the customer's name is missing; the e-mail address is not well-formed; \
                 the phone number is neither an international one (+ and country prefix) nor one of US"
            )
        );
        assert_eq!(
            failure(&checks, Rule::Address),
            Some(
                "shipping address: a recipient is missing, and so is the customer's name; \
                 shipping address: a street line is missing; shipping address: the city is missing; \
                 shipping address: the state or province is missing; \
                 shipping address: the postal code is none of US (99999 or 99999-9999; 9 a digit, \
                 A a letter, # either); \
                 billing address: the country is not a code of ISO 3166-1 alpha-2, such as DE"
            )
        );
        assert_eq!(failure(&checks, Rule::RegionServed), None);
    }

    #[test]
    fn one_of_e_mail_and_phone_is_enough_and_none_is_not() {
        let without = Customer { email: String::new(), phone: String::new(), ..customer() };
        let by_email = Customer { phone: String::new(), ..customer() };
        let by_phone = Customer { email: String::new(), ..customer() };
        let contact = |it: &Customer| {
            failure(&checked(it, &address("DE", "", "10115"), None, &Rules::default()), Rule::Contact)
                .map(str::to_owned)
        };
        assert_eq!(contact(&without).as_deref(), Some("an e-mail address or a phone number is needed"));
        assert_eq!((contact(&by_email), contact(&by_phone)), (None, None));
    }

    #[test]
    fn an_e_mail_address_needs_a_full_domain_and_nothing_around_it() {
        for good in ["a@example.com", "a.b+c@mail.example.co.uk", "o'hara@example.ie", "jörg@müller.de"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "a",
            "a@",
            "@example.com",
            "a@localhost",
            "Ada <a@example.com>",
            "a@[127.0.0.1]",
            "a b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a@b@example.com",
            "a@example..com",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_phone_number_without_prefix_is_one_of_the_shipping_country() {
        assert_eq!(e164("030 901820", "DE").as_deref(), Some("+4930901820"));
        assert_eq!(e164("(212) 736-5000", "US").as_deref(), Some("+12127365000"));
        assert_eq!(e164("03-2161 5555", "MY").as_deref(), Some("+60321615555"));
        assert_eq!(e164("+44 20 7946 0958", "DE").as_deref(), Some("+442079460958"));
        assert_eq!(e164("0044 20 7946 0958", "DE").as_deref(), Some("+442079460958"));
        for bad in ["", "12", "call me", "+999 123456", "212 736 5000 ext. 7", "٠٣٠٩٠١٨٢٠"] {
            assert_eq!(e164(bad, "US"), None, "{bad}");
        }
        assert_eq!(e164("030 901820", "nowhere"), None);
    }

    #[test]
    fn a_customer_is_kept_in_one_form() {
        let given =
            Customer { name: "  Ada Byron ".to_owned(), email: " Ada@Example.COM ".to_owned(), ..customer() };
        let kept = given.normalised("DE");
        let Customer { name, email, phone, locale } = kept.clone();
        assert_eq!([name, email, phone, locale], ["Ada Byron", "Ada@example.com", "+4930901820", "en"]);
        assert_eq!(kept.clone().normalised("US"), kept);

        let odd = Customer { phone: " call me ".to_owned(), email: " none ".to_owned(), ..customer() };
        let kept = odd.normalised("DE");
        assert_eq!((kept.phone.as_str(), kept.email.as_str()), ("call me", "none"));
    }

    #[test]
    fn postal_codes_are_read_as_people_write_them() {
        for (country, code) in [
            ("GB", "SW1A 1AA"),
            ("GB", "m11ae"),
            ("CA", "k1a-0b1"),
            ("US", "10001-1234"),
            ("PL", "00950"),
            ("NL", "1012ab"),
            ("LV", "LV-1010"),
            ("LU", "L-1234"),
            ("IE", "D02 X285"),
            ("IE", "D6W XY00"),
            ("IE", ""),
            ("JP", "100-0001"),
            ("KW", ""),
            ("MT", "VLT 1117"),
            ("KE", "whatever"),
            ("HK", ""),
            ("PT", "1000-001"),
        ] {
            assert!(postal_code_fits(country, code), "{country} {code}");
        }
        for (country, code) in [
            ("GB", "12345"),
            ("US", "1000"),
            ("US", ""),
            ("DE", "1O115"),
            ("DE", "١٠١١٥"),
            ("IE", "X"),
            ("KW", "1"),
            ("CA", "99999"),
            ("LV", "LT-1010"),
        ] {
            assert!(!postal_code_fits(country, code), "{country} {code}");
        }
    }

    #[test]
    fn every_country_served_by_default_has_a_form_of_its_own() {
        for country in Rules::default().regions.values().flatten() {
            assert!(FORMS.iter().any(|it| it.0 == country), "{country}");
        }
        for (country, _, _) in FORMS {
            assert!(rust_iso3166::from_alpha2(country).is_some(), "{country}");
        }
    }

    #[test]
    fn any_other_country_needs_a_street_line_and_a_city() {
        let kenya = address("KE", "", "");
        assert_eq!(address_problems("a", &kenya), Vec::<String>::new());
        let nowhere = Address { city: String::new(), lines: Vec::new(), ..kenya };
        assert_eq!(
            address_problems("a", &nowhere),
            ["a: a street line is missing", "a: the city is missing"]
        );
    }

    #[test]
    fn a_line_break_in_an_address_is_a_problem() {
        let address = Address { city: "Town\n^XZ".to_owned(), ..address("DE", "", "10115") };
        assert_eq!(
            address_problems("a", &address),
            ["a: the city contains line breaks or other control characters"]
        );
    }

    #[test]
    fn a_country_in_no_region_is_not_served() {
        let checks = checked(&customer(), &address("JP", "Tokyo", "100-0001"), None, &Rules::default());
        assert_eq!(failure(&checks, Rule::RegionServed), Some("JP is in no region that is served"));
    }

    #[test]
    fn an_order_like_one_before_is_a_duplicate() {
        let (customer, shipping, rules) = (customer(), address("DE", "", "10115"), Rules::default());
        let checks = verify(&Subject {
            customer: &customer,
            shipping: &shipping,
            billing: None,
            duplicate_of_at: Some(Timestamp::from_unix_micros(0)),
            rules: &rules,
        });
        assert_eq!(
            failure(&checks, Rule::DuplicateOrder),
            Some("the same customer ordered the same goods at 1970-01-01T00:00:00Z, within 600 s")
        );
    }

    #[test]
    fn a_blocked_customer_is_found_however_they_write_themselves() {
        let blocked = |entry: &str| {
            let rules = Rules { blocked_customers: vec![entry.to_owned()], ..Rules::default() };
            failure(&checked(&customer(), &address("DE", "", "10115"), None, &rules), Rule::BlockedCustomer)
                .map(str::to_owned)
        };
        assert_eq!(blocked("aDa@example.com").as_deref(), Some("the e-mail address is blocked"));
        assert_eq!(blocked("+49 30 901820").as_deref(), Some("the phone number is blocked"));
        assert_eq!(blocked("bob@example.com"), None);
        assert_eq!(blocked(""), None);
    }

    #[test]
    fn risk_follows_its_documented_rules() {
        let (home, abroad) = (address("DE", "", "10115"), address("FR", "", "75001"));
        let level = |billing, channel, units| risk(&home, billing, channel, &[1, units]).0;
        assert_eq!(level(None, Channel::Phone, 99), Risk::Low);
        assert_eq!(level(Some(&home), Channel::Phone, 99), Risk::Low);
        assert_eq!(level(None, Channel::Online, 100), Risk::Medium);
        assert_eq!(level(Some(&abroad), Channel::Online, 99), Risk::Medium);
        assert_eq!(level(Some(&abroad), Channel::InPerson, 100), Risk::High);
        assert_eq!(level(Some(&abroad), Channel::Phone, 1), Risk::High);
        assert_eq!(
            risk(&home, Some(&abroad), Channel::Online, &[250]).1,
            ["billed to FR, shipped to DE", "a line of 250 units, 100 or more"]
        );
        assert!(risk(&home, None, Channel::Online, &[]).1.is_empty());
    }

    #[test]
    fn orders_for_the_same_goods_have_the_same_fingerprint() {
        let sku = |it: &str| it.parse::<Sku>().expect("a sku");
        let lines = [(sku("A"), 2), (sku("B"), 1)];
        let customer = || customer().normalised("DE");
        let one = fingerprint(&customer(), &address("DE", "", "10115"), &lines);
        assert_eq!(one.len(), 64);

        let same_customer = Customer {
            email: "ADA@example.com".to_owned(),
            phone: "+49 30 90 18 20".to_owned(),
            ..customer()
        }
        .normalised("DE");
        let same_address = Address { city: "TOWN ".to_owned(), ..address("DE", "", "101 15") };
        let same_lines = [(sku("B"), 1), (sku("A"), 1), (sku("A"), 1)];
        assert_eq!(fingerprint(&same_customer, &same_address, &same_lines), one);

        assert_ne!(fingerprint(&customer(), &address("DE", "", "10116"), &lines), one);
        assert_ne!(fingerprint(&customer(), &address("DE", "", "10115"), &lines[..1]), one);
        let other = Customer { name: "Bob Byron".to_owned(), ..customer() };
        assert_ne!(fingerprint(&other, &address("DE", "", "10115"), &lines), one);
    }

    /// As published by the networks and payment providers for tests.
    const TEST_NUMBERS: &[&str] = &[
        "4111111111111111",
        "4242424242424242",
        "4000056655665556",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "2720992593319364",
        "378282246310005",
        "371449635398431",
        "341111111111111",
        "6011111111111117",
        "6011000990139424",
        "6500000000000002",
        "6445644564456445",
        "3530111333300000",
        "3566002020360505",
        "30569309025904",
        "38520000023237",
        "36227206271667",
        "3056930009020004",
        "6200000000000005",
        "6205500000000000004",
    ];

    #[test]
    fn the_test_numbers_of_the_networks_are_found_anywhere() {
        for number in TEST_NUMBERS {
            assert!(looks_like_card_number(number), "{number}");
            assert!(looks_like_card_number(&format!("ring 12 twice, card {number}; thanks")), "{number}");
            assert!(looks_like_card_number(&format!("tok_{number}x")), "{number}");
            for gap in [" ", "-", "\u{a0}"] {
                let grouped = [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(gap);
                assert!(looks_like_card_number(&format!("on 3 {grouped} 12/29")), "{grouped}");
            }
        }
    }

    #[test]
    fn other_numbers_are_no_card_numbers() {
        for text in [
            "",
            "4111111111111112",
            "41111111111111110",
            "94111111111111111",
            "4111  1111  1111  1111",
            "4111 - 1111 - 1111 - 1111",
            "call +49 1511 2345 678",
            "9780306406157",
            "1234567890123",
            "0000000000000000",
            "tok_visa",
            "99999999999999999999999999",
            "41111111111111111111",
            "ord_01h455vb4pex5vsknk084sn02q",
            "2026-11-21T22:43:00Z",
        ] {
            assert!(!looks_like_card_number(text), "{text}");
        }
        assert!(looks_like_card_number("+4111 1111 1111 1111"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn any_phone_number_in_any_country_gets_an_answer(
            phone in "\\+?[0-9 ()./+-]{0,24}",
            country in 0..usize::MAX,
        ) {
            let country = &rust_iso3166::ALL[country % rust_iso3166::ALL.len()];
            if let Some(read) = e164(&phone, country.alpha2) {
                prop_assert!(read.starts_with('+') && read.len() <= 17, "{}", read);
            }
        }

        #[test]
        fn a_number_once_read_reads_the_same_again(digits in "[1-9][0-9]{7,10}", country in 0..FORMS.len()) {
            if let Some(read) = e164(&digits, FORMS[country].0) {
                prop_assert_eq!(e164(&read, "US"), Some(read));
            }
        }
    }

    proptest! {
        #[test]
        fn any_texts_get_a_check_for_every_rule(
            name in ".{0,20}",
            email in ".{0,20}",
            city in ".{0,20}",
            code in ".{0,12}",
            country in "[A-Z]{2}|.{0,3}",
        ) {
            let customer = Customer { name, email, ..customer() };
            let shipping = Address { city, ..address(&country, "", &code) };
            let checks = checked(&customer, &shipping, Some(&shipping), &Rules::default());
            prop_assert_eq!(checks.len(), Rule::ALL.len());
            let kept = customer.normalised(&country);
            prop_assert_eq!(kept.clone().normalised(&country), kept);
        }

        #[test]
        fn looking_for_card_numbers_ends_for_any_text(text in "[0-9 \\-+a😀]{0,80}") {
            looks_like_card_number(&text);
        }
    }
}
