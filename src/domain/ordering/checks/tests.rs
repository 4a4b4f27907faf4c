//! Tests of `checks`.

use proptest::prelude::*;

use crate::domain::model::address::Address;
use crate::domain::model::check::{Check, Risk, Rule, Severity, Verdict};
use crate::domain::model::contact::phone_number;
use crate::domain::model::customer::Customer;
use crate::domain::model::policy::Rules;
use crate::domain::model::recipient::is_email;
use crate::domain::model::scalars::{Channel, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::checks::{Subject, address_faults, fingerprint, risk, verify};

fn customer() -> Customer {
    Customer {
        name: "Ada Byron".to_owned(),
        email: "Ada@Example.COM".to_owned(),
        phone: "030 901820".to_owned(),
        locale: String::new(),
        phone_extension: String::new(),
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

fn checked(customer: &Customer, shipping: &Address, billing: Option<&Address>, rules: &Rules) -> Vec<Check> {
    let customer = &customer.clone().normalised(&shipping.country);
    verify(&Subject { customer, shipping, billing, duplicate_of_at: None, blocked: None, rules })
}

fn address_problems(whose: &str, address: &Address) -> Vec<String> {
    address_faults("shipping_address", whose, address).into_iter().map(|it| it.text).collect()
}

/// The rules that warn, each with the fields and what is wrong.
fn warnings(checks: &[Check]) -> Vec<(Rule, &str, &str)> {
    let warned = checks.iter().filter(|it| it.verdict == Verdict::Warned);
    warned.flat_map(|it| it.faults.iter().map(|at| (it.rule, at.field.as_str(), at.text.as_str()))).collect()
}

/// The detail of a rule's failure.
fn failure(checks: &[Check], rule: Rule) -> Option<&str> {
    let check = checks.iter().find(|it| it.rule == rule).expect("a check of every rule");
    (check.verdict == Verdict::Failed).then_some(check.detail.as_str())
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
    let shipping = Address { lines: vec![" ".to_owned()], city: String::new(), ..address("US", "", "1011") };
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
                 shipping address: the postal code is none of United States of America, where they look \
                 like 95014; \
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
fn a_fault_in_a_second_contact_is_a_warning() {
    let berlin = address("DE", "", "10115");
    let found = |email: &str, phone: &str| {
        let customer = Customer { email: email.to_owned(), phone: phone.to_owned(), ..customer() };
        let checks = checked(&customer, &berlin, None, &Rules::default());
        let failed = failure(&checks, Rule::Contact).map(str::to_owned);
        (failed, warnings(&checks).into_iter().map(|it| (it.0, it.1.to_owned())).collect::<Vec<_>>())
    };
    let warned = |field: &str| (None, vec![(Rule::ContactDetails, field.to_owned())]);
    assert_eq!(found("ada@example.com", "call me"), warned("customer.phone"));
    assert_eq!(found("ada@", "030 901820"), warned("customer.email"));
    assert_eq!(found("", "0000 000"), warned("customer.phone"), "a number that may be one");
    assert_eq!(found("ada@example.com", "030 901820"), (None, Vec::new()));
    let (failed, warned) = found("ada@", "call me");
    assert!(failed.is_some_and(|it| it.contains("e-mail") && it.contains("phone")) && warned.is_empty());
    assert_eq!(found("", "call me").1, Vec::new());
}

#[test]
fn what_a_rule_does_is_policy() {
    let customer = Customer { phone: "call me".to_owned(), ..customer() };
    let rome = address("IT", "", "00184");
    let verdicts = |rules: &Rules| {
        let found = checked(&customer, &rome, None, rules).into_iter();
        found.filter(|it| it.verdict != Verdict::Passed).map(|it| (it.rule, it.verdict)).collect::<Vec<_>>()
    };
    let by_default = [(Rule::ContactDetails, Verdict::Warned), (Rule::AddressDetails, Verdict::Warned)];
    assert_eq!(verdicts(&Rules::default()), by_default);
    let mut rules = Rules::default();
    rules.verification.insert(Rule::ContactDetails, Severity::Hold);
    rules.blocked_customers.push("ada@example.com".to_owned());
    rules.verification.insert(Rule::BlockedCustomer, Severity::Warn);
    let chosen = [
        (Rule::ContactDetails, Verdict::Failed),
        (Rule::AddressDetails, Verdict::Warned),
        (Rule::BlockedCustomer, Verdict::Warned),
    ];
    assert_eq!(verdicts(&rules), chosen);
}

#[test]
fn a_missing_province_is_a_warning_where_the_postal_code_says_it() {
    let warned = |country: &str, code: &str| {
        let by_email = Customer { phone: String::new(), ..customer() };
        let checks = checked(&by_email, &address(country, "", code), None, &Rules::default());
        assert_eq!(failure(&checks, Rule::Address), None, "{country}");
        warnings(&checks).into_iter().map(|it| format!("{}: {}", it.1, it.2)).collect::<Vec<_>>()
    };
    let missing = "shipping_address.state: shipping address: the state or province is missing";
    assert_eq!(warned("US", "10001"), [missing]);
    assert_eq!(warned("MX", "05021"), [missing]);
    assert_eq!(warned("DE", "10115"), Vec::<String>::new());
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
    assert_eq!(phone_number("030 901820", "DE").as_deref(), Some("+4930901820"));
    assert_eq!(phone_number("(212) 736-5000", "US").as_deref(), Some("+12127365000"));
    assert_eq!(phone_number("03-2161 5555", "MY").as_deref(), Some("+60321615555"));
    assert_eq!(phone_number("+44 20 7946 0958", "DE").as_deref(), Some("+442079460958"));
    assert_eq!(phone_number("0044 20 7946 0958", "DE").as_deref(), Some("+442079460958"));
    for bad in ["", "12", "call me", "+999 123456", "212 736 5000 call 7"] {
        assert_eq!(phone_number(bad, "US"), None, "{bad}");
    }
    assert_eq!(phone_number("030 901820", "nowhere"), None);
}

#[test]
fn a_customer_is_kept_in_one_form() {
    let given =
        Customer { name: "  Ada Byron ".to_owned(), email: " Ada@Example.COM ".to_owned(), ..customer() };
    let kept = given.normalised("DE");
    let Customer { name, email, phone, locale, phone_extension: _ } = kept.clone();
    assert_eq!([name, email, phone, locale], ["Ada Byron", "Ada@example.com", "+4930901820", ""]);
    assert_eq!(kept.clone().normalised("US"), kept);

    let extended = Customer { phone: "+1 212 736 5000 ext. 123".to_owned(), ..customer() }.normalised("DE");
    assert_eq!([extended.phone.as_str(), extended.phone_extension.as_str()], ["+12127365000", "123"]);
    assert_eq!(extended.clone().normalised("US"), extended);
    let both = Customer { phone_extension: "45".to_owned(), ..extended }.normalised("DE");
    assert_eq!(both.phone_extension, "45");

    let odd = Customer { phone: " call me ".to_owned(), email: " none ".to_owned(), ..customer() };
    let kept = odd.normalised("DE");
    assert_eq!((kept.phone.as_str(), kept.email.as_str()), ("call me", "none"));
}

#[test]
fn what_a_country_does_not_ask_for_need_not_be_there() {
    let found = |country: &str, city: &str, area: &str, code: &str| {
        let address = Address { city: city.to_owned(), ..address(country, area, code) };
        address_problems("a", &address)
    };
    for (country, city, area, code) in [
        ("MO", "", "", ""),
        ("HK", "", "", ""),
        ("SG", "", "", "018956"),
        ("MC", "", "", "98000"),
        ("GI", "", "", ""),
        ("XK", "Prishtinë", "", "10000"),
        ("AE", "Dubai", "", ""),
        ("AE", "", "Dubai", ""),
        ("IE", "Cork", "", ""),
        ("IT", "Roma", "", "00184"),
        ("MX", "México D.F.", "", "05021"),
        ("JP", "", "Tokyo", "105-0011"),
    ] {
        assert_eq!(found(country, city, area, code), Vec::<String>::new(), "{country}");
    }
    assert_eq!(found("AE", "", "", ""), ["a: the state or province is missing"]);
    assert_eq!(
        found("SG", "", "", ""),
        ["a: the postal code is missing (in Singapore they look like 546080)"]
    );
    assert_eq!(
        found("DE", "Berlin", "", "1011"),
        ["a: the postal code is none of Germany, where they look like 26133"]
    );
}

#[test]
fn any_other_country_needs_a_street_line_and_a_city() {
    let angola = address("AO", "", "");
    assert_eq!(address_problems("a", &angola), Vec::<String>::new());
    let nowhere = Address { city: String::new(), lines: Vec::new(), ..angola };
    assert_eq!(address_problems("a", &nowhere), ["a: a street line is missing", "a: the city is missing"]);
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
        blocked: None,
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

    let same_customer =
        Customer { email: "ADA@example.com".to_owned(), phone: "+49 30 90 18 20".to_owned(), ..customer() }
            .normalised("DE");
    let same_address = Address { city: "TOWN ".to_owned(), ..address("DE", "", "101 15") };
    let same_lines = [(sku("B"), 1), (sku("A"), 1), (sku("A"), 1)];
    assert_eq!(fingerprint(&same_customer, &same_address, &same_lines), one);

    assert_ne!(fingerprint(&customer(), &address("DE", "", "10116"), &lines), one);
    assert_ne!(fingerprint(&customer(), &address("DE", "", "10115"), &lines[..1]), one);
    let other = Customer { name: "Bob Byron".to_owned(), ..customer() };
    assert_ne!(fingerprint(&other, &address("DE", "", "10115"), &lines), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_phone_number_in_any_country_gets_an_answer(
        phone in "\\+?[0-9 ()./+-]{0,24}",
        country in 0..usize::MAX,
    ) {
        let country = &rust_iso3166::ALL[country % rust_iso3166::ALL.len()];
        if let Some(read) = phone_number(&phone, country.alpha2) {
            prop_assert!(read.starts_with('+') && read.len() <= 17, "{}", read);
        }
    }

    #[test]
    fn a_number_once_read_reads_the_same_again(digits in "[1-9][0-9]{7,10}", country in 0..usize::MAX) {
        let country = &rust_iso3166::ALL[country % rust_iso3166::ALL.len()];
        if let Some(read) = phone_number(&digits, country.alpha2) {
            prop_assert_eq!(phone_number(&read, "US"), Some(read));
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
}
