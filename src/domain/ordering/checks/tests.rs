//! Tests of `checks`.

use proptest::prelude::*;

use crate::domain::model::address::Address;
use crate::domain::model::check::{Check, Risk, Rule, Verdict};
use crate::domain::model::contact::e164;
use crate::domain::model::customer::Customer;
use crate::domain::model::policy::Rules;
use crate::domain::model::recipient::is_email;
use crate::domain::model::scalars::{Channel, Sku};
use crate::domain::model::time::Timestamp;
use crate::domain::ordering::card_numbers::looks_like_card_number;
use crate::domain::ordering::checks::{FORMS, Subject, address_problems, fingerprint, risk, verify};

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

fn checked(customer: &Customer, shipping: &Address, billing: Option<&Address>, rules: &Rules) -> Vec<Check> {
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
    assert_eq!([name, email, phone, locale], ["Ada Byron", "Ada@example.com", "+4930901820", ""]);
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
