//! Requests into values of the domain. Every bad field is noted under the path that the caller wrote; what a function
//! gives for a bad field does not matter, since a request with a note is never used.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::domain::{
    Address, BareAddress, Currency, Customer, EXTENSION_MAX, IfInUse, Invalid, Money, Problems,
    STREET_LINES_MAX, Timestamp, folded, folded_lines, looks_like_card_number,
};
use crate::pb;

pub(super) const WEIGHT_MAX_GRAMS: i64 = 1_000_000;

/// A side of a package, or of a unit of a product.
pub(super) const SIDE_MM: RangeInclusive<i64> = 1..=10_000;

/// How long texts may be, in characters.
pub(crate) const NAME_MAX: usize = 200;

pub(crate) const LOCALE_MAX: usize = 35;

pub(crate) const REFERENCE_MAX: usize = 100;

pub(crate) const REASON_MAX: usize = 500;

pub(crate) const NOTE_MAX: usize = 1_000;

/// How many lines an order, a reservation, a shipment or a package may have.
pub(crate) const LINES_MAX: usize = 100;

pub(crate) const LINE_NUMBERS: RangeInclusive<i64> = 1..=100;

/// A reservation is held for 1 second to 30 days.
pub(crate) const LIFETIME_SECONDS: RangeInclusive<u64> = 1..=30 * 86_400;

/// How many units one line may have.
pub(crate) const UNITS: RangeInclusive<i64> = 1..=1_000_000;

/// Notes a message, word or amount that has to be there.
pub(crate) fn required<T>(field: &str, value: Option<T>, bad: &mut Problems) -> Option<T> {
    if value.is_none() {
        bad.add(field, "is required");
    }
    value
}

/// The fields that an update is to change; each has to be one of `updatable`.
pub(crate) fn paths(
    update_mask: Option<prost_types::FieldMask>,
    updatable: &[&str],
    bad: &mut Problems,
) -> Option<Vec<String>> {
    let mask = required("update_mask", update_mask.filter(|it| !it.paths.is_empty()), bad)?;
    // Unknown paths may be long and many, so the messages do not repeat them.
    let unknown = mask.paths.iter().zip(1..).filter(|(it, _)| !updatable.contains(&it.as_str()));
    for (_, number) in unknown.take(updatable.len()) {
        let legal = updatable.join(", ");
        bad.add("update_mask", format!("path {number} cannot be updated; these can: {legal}"));
    }
    Some(mask.paths)
}

pub(crate) fn if_in_use(go_on: bool) -> IfInUse {
    if go_on { IfInUse::GoOn } else { IfInUse::Refuse }
}

/// An id, a code or a number in writing: `id::<OrderId>("order_id", &order_id, bad)`.
pub(crate) fn id<T: FromStr<Err = Invalid>>(field: &str, text: &str, bad: &mut Problems) -> Option<T> {
    let text = required(field, Some(text).filter(|it| !it.is_empty()), bad)?;
    bad.take(field, text.parse())
}

/// The same, where an empty text means none.
pub(crate) fn optional_id<T: FromStr<Err = Invalid>>(
    field: &str,
    text: &str,
    bad: &mut Problems,
) -> Option<T> {
    if text.is_empty() { None } else { id(field, text, bad) }
}

/// A free text of one line that may be empty: at most `max` characters, nothing that looks like a card number.
pub(crate) fn text(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    let value = one_line(field, value, max, bad);
    without_card_number(field, value, max, bad)
}

/// A name, a description, a reference or another company's code: one line that may be empty. It is not searched for card
/// numbers: the number of an article, an order or a parcel may look like one by chance.
pub(crate) fn one_line(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    if value.chars().any(char::is_control) {
        bad.add(field, "must not contain line breaks or other control characters");
    }
    if value.chars().count() > max {
        bad.add(field, format!("must be at most {max} characters"));
    }
    value
}

/// The same, where it has to be there.
pub(crate) fn required_line(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    if value.trim().is_empty() {
        bad.add(field, "is required");
    }
    one_line(field, value, max, bad)
}

/// A free text of one line that says something.
pub(crate) fn required_text(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    if value.trim().is_empty() {
        bad.add(field, "is required");
    }
    text(field, value, max, bad)
}

/// A free text that may be empty and may have several lines.
pub(crate) fn note(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    if value.chars().any(|it| it.is_control() && it != '\n') {
        bad.add(field, "must not contain control characters other than line feeds");
    }
    if value.chars().count() > max {
        bad.add(field, format!("must be at most {max} characters"));
    }
    without_card_number(field, value, max, bad)
}

/// The value, in which a card number is noted without repeating it. A text that is too long is refused as it is.
fn without_card_number(field: &str, value: String, max: usize, bad: &mut Problems) -> String {
    if value.chars().count() <= max && looks_like_card_number(&value) {
        bad.add(field, "looks like a card number; give a token of the payment provider instead");
    }
    value
}

/// A value of an enum, by one of the functions in [`super::enums`]; UNSPECIFIED gives none.
pub(crate) fn word<T>(field: &str, number: i32, read: fn(i32) -> Option<T>, bad: &mut Problems) -> Option<T> {
    let word = read(number);
    if word.is_none() && number != 0 {
        bad.add(field, format!("{number} is none of the words of this field"));
    }
    word
}

/// The same, where UNSPECIFIED will not do.
pub(crate) fn required_word<T>(
    field: &str,
    number: i32,
    read: fn(i32) -> Option<T>,
    bad: &mut Problems,
) -> Option<T> {
    if number == 0 {
        bad.add(field, "is required");
    }
    word(field, number, read, bad)
}

/// A number in writing: digits and nothing else, as every reader of numbers takes them.
pub(crate) fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|it| it.is_ascii_digit()))
}

/// A whole number with bounds.
pub(crate) fn number(field: &str, value: i64, bounds: RangeInclusive<i64>, bad: &mut Problems) -> i64 {
    if !bounds.contains(&value) {
        bad.add(field, format!("must be {} to {}", bounds.start(), bounds.end()));
    }
    value
}

/// Units of one line.
pub(crate) fn quantity(field: &str, units: i64, bad: &mut Problems) -> i64 {
    number(field, units, UNITS, bad)
}

/// The entries of a list, each with its place. Entries beyond the maximum are not looked at: a request
/// of 64 KiB has room for thousands of bad ones.
pub(crate) fn entries<T>(
    field: &str,
    entries: Vec<T>,
    bounds: RangeInclusive<usize>,
    bad: &mut Problems,
) -> impl Iterator<Item = (usize, T)> + use<T> {
    if !bounds.contains(&entries.len()) {
        bad.add(field, format!("must have {} to {} entries", bounds.start(), bounds.end()));
    }
    entries.into_iter().take(*bounds.end()).enumerate()
}

const NANOS_PER_UNIT: i64 = 1_000_000_000;

/// An amount, exact to the currency's last minor unit; a negative one is possible here. Left out: none.
pub(crate) fn money(field: &str, money: Option<pb::Money>, bad: &mut Problems) -> Option<Money> {
    let pb::Money { currency_code, units, nanos } = money?;
    let currency: Currency = id(&format!("{field}.currency_code"), &currency_code, bad)?;
    let nanos = i64::from(nanos);
    if nanos.abs() >= NANOS_PER_UNIT {
        bad.add(format!("{field}.nanos"), "must be -999999999 to 999999999");
        return None;
    }
    if units.signum() * nanos.signum() < 0 {
        bad.add(format!("{field}.nanos"), "must have the sign of units");
        return None;
    }

    let minor_per_unit = 10_i64.pow(currency.exponent());
    let nanos_per_minor = NANOS_PER_UNIT / minor_per_unit;
    if nanos % nanos_per_minor != 0 {
        let message = format!("{currency} has {} decimals, not more", currency.exponent());
        bad.add(format!("{field}.nanos"), message);
        return None;
    }
    let minor = units.checked_mul(minor_per_unit).and_then(|it| it.checked_add(nanos / nanos_per_minor));
    if minor.is_none() {
        bad.add(format!("{field}.units"), "is too large");
    }
    minor.map(|it| currency.of(it))
}

/// An amount that is not negative.
pub(crate) fn price(field: &str, price: Option<pb::Money>, bad: &mut Problems) -> Option<Money> {
    let price = money(field, price, bad)?;
    if price.minor < 0 {
        bad.add(field, "must not be negative");
    }
    Some(price)
}

/// An amount above zero.
pub(crate) fn amount(field: &str, amount: Option<pb::Money>, bad: &mut Problems) -> Option<Money> {
    let amount = money(field, amount, bad)?;
    if amount.minor <= 0 {
        bad.add(field, "must be more than zero");
    }
    Some(amount)
}

/// An instant; what is finer than a microsecond is dropped. Left out: none.
pub(crate) fn timestamp(
    field: &str,
    at: Option<prost_types::Timestamp>,
    bad: &mut Problems,
) -> Option<Timestamp> {
    let prost_types::Timestamp { seconds, nanos } = at?;
    if !(0..1_000_000_000).contains(&nanos) {
        bad.add(format!("{field}.nanos"), "must be 0 to 999999999");
        return None;
    }
    let micros = seconds.checked_mul(1_000_000).and_then(|it| it.checked_add(i64::from(nanos) / 1_000));
    let at =
        micros.map(Timestamp::from_unix_micros).filter(|it| (Timestamp::MIN..=Timestamp::MAX).contains(it));
    if at.is_none() {
        bad.add(field, "must lie between the years 1 and 9999");
    }
    at
}

/// A span of whole seconds within bounds. Left out: none.
pub(crate) fn seconds(
    field: &str,
    span: Option<prost_types::Duration>,
    bounds: RangeInclusive<u64>,
    bad: &mut Problems,
) -> Option<u64> {
    let prost_types::Duration { seconds, nanos } = span?;
    let span = u64::try_from(seconds).ok().filter(|it| nanos == 0 && bounds.contains(it));
    if span.is_none() {
        bad.add(field, format!("must be {} to {} whole seconds", bounds.start(), bounds.end()));
    }
    span
}

/// The country's two letters; whether it exists is for step 2 to say.
pub(crate) fn country(field: &str, code: String, bad: &mut Problems) -> String {
    if code.len() != 2 || !code.chars().all(|it| it.is_ascii_uppercase()) {
        bad.add(field, "must be two capital letters of ISO 3166-1, such as DE");
    }
    code
}

/// An e-mail address that may be empty. Letters go to it, so it must be one bare address; step 2 checks whether its
/// domain is a full one.
pub(crate) fn bare_address(field: &str, value: String, bad: &mut Problems) -> String {
    let noted = bad.0.len();
    let value = text(field, value, 254, bad);
    if bad.0.len() == noted && !value.trim().is_empty() {
        bad.take(field, value.trim().parse::<BareAddress>());
    }
    value
}

/// The customer. Only nonsense is refused here: the rest is for step 2 to find.
pub(crate) fn customer(at: &str, customer: pb::Customer, bad: &mut Problems) -> Customer {
    let pb::Customer { name, email, phone, locale, phone_extension } = customer;
    Customer {
        name: required_line(&format!("{at}.name"), folded(&name), NAME_MAX, bad),
        email: bare_address(&format!("{at}.email"), email, bad),
        phone: text(&format!("{at}.phone"), folded(&phone), 40, bad),
        locale: text(&format!("{at}.locale"), locale, LOCALE_MAX, bad),
        phone_extension: extension(&format!("{at}.phone_extension"), phone_extension, bad),
    }
}

fn extension(field: &str, value: String, bad: &mut Problems) -> String {
    if value.len() > EXTENSION_MAX || !value.bytes().all(|it| it.is_ascii_digit()) {
        bad.add(field, format!("must be at most {EXTENSION_MAX} digits"));
    }
    value
}

/// An address. Only nonsense is refused here: the rest is for step 2 to find.
pub(crate) fn address(at: &str, address: pb::Address, bad: &mut Problems) -> Address {
    let pb::Address { recipient, company, street, city, state, postal_code, country: code } = address;
    let address = Address {
        recipient: one_line(&format!("{at}.recipient"), folded(&recipient), NAME_MAX, bad),
        organization: one_line(&format!("{at}.company"), folded(&company), NAME_MAX, bad),
        lines: street_lines(&format!("{at}.street"), street, bad),
        city: one_line(&format!("{at}.city"), folded(&city), NAME_MAX, bad),
        area: one_line(&format!("{at}.state"), folded(&state), 100, bad),
        postal_code: one_line(&format!("{at}.postal_code"), folded(&postal_code), 20, bad),
        country: country(&format!("{at}.country"), code, bad),
    };
    address.normalised()
}

/// A line feed within a line makes it two; a line that says nothing is none.
fn street_lines(at: &str, street: Vec<String>, bad: &mut Problems) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, given) in entries(at, street, 0..=STREET_LINES_MAX, bad) {
        let parts = folded_lines(&given).into_iter();
        lines.extend(parts.map(|it| text(&format!("{at}[{index}]"), it, NAME_MAX, bad)));
    }
    if lines.len() > STREET_LINES_MAX {
        bad.add(
            at,
            format!("must have at most {STREET_LINES_MAX} lines, counting those that line feeds make"),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::rpc::reply;

    fn wire(currency: &str, units: i64, nanos: i32) -> Option<pb::Money> {
        Some(pb::Money { currency_code: currency.to_owned(), units, nanos })
    }

    fn refused(money_given: Option<pb::Money>) -> Vec<String> {
        let mut bad = Problems::default();
        assert_eq!(money("amount", money_given, &mut bad), None);
        bad.0.into_iter().map(|it| it.field).collect()
    }

    #[test]
    fn an_amount_that_the_currency_cannot_express_is_refused_by_its_path() {
        assert_eq!(refused(wire("EUR", 1, 1)), ["amount.nanos"]);
        assert_eq!(refused(wire("JPY", 1, 500_000_000)), ["amount.nanos"]);
        assert_eq!(refused(wire("EUR", 1, -10_000_000)), ["amount.nanos"]);
        assert_eq!(refused(wire("EUR", 1, 1_000_000_000)), ["amount.nanos"]);
        assert_eq!(refused(wire("EUR", i64::MAX, 0)), ["amount.units"]);
        assert_eq!(refused(wire("XXX", 1, 0)), ["amount.currency_code"]);
        assert_eq!(refused(wire("", 1, 0)), ["amount.currency_code"]);
        assert!(refused(None).is_empty());
    }

    #[test]
    fn a_card_number_is_refused_in_free_texts_and_not_repeated() {
        let mut bad = Problems::default();
        note("comment", "pay with 4111 1111 1111 1111\nplease".to_owned(), NOTE_MAX, &mut bad);
        text("reason", "5555555555554444".to_owned(), REASON_MAX, &mut bad);
        text("fine", "order 100042".to_owned(), REASON_MAX, &mut bad);
        one_line("reference", "5555555555554444".to_owned(), REFERENCE_MAX, &mut bad);
        assert_eq!(bad.0.iter().map(|it| it.field.as_str()).collect::<Vec<_>>(), ["comment", "reason"]);
        assert!(bad.0.iter().all(|it| !it.message.contains(|it: char| it.is_ascii_digit())), "{:?}", bad.0);
    }

    #[test]
    fn an_e_mail_address_is_one_bare_address_or_none() {
        let refused = |email: &str| {
            let mut bad = Problems::default();
            let buyer =
                pb::Customer { name: "Anna".to_owned(), email: email.to_owned(), ..pb::Customer::default() };
            customer("order.customer", buyer, &mut bad);
            bad.0.into_iter().map(|it| (it.field, it.message)).collect::<Vec<_>>()
        };
        for fine in
            ["", " ", "anna@example.com", " anna+shop@example.com ", "jörg@müller.de", "anna@localhost"]
        {
            assert_eq!(refused(fine), [], "{fine}");
        }
        for (email, why) in [
            ("Anna <anna@example.com>", "give the bare address"),
            ("a@example.com (x, victim@example.org)", "give the bare address"),
            ("g: victim@example.org;", "give the bare address"),
            ("a@example.com, victim@example.org", "give the bare address"),
            ("<victim@example.org> x@example.com", "give the bare address"),
            ("anna", "is not an e-mail address"),
            ("a@example.com\nBcc: b@example.com", "must not contain line breaks"),
        ] {
            let [(field, message)] = &refused(email)[..] else { panic!("{email}: not one problem") };
            assert!(field == "order.customer.email" && message.starts_with(why), "{email}: {message}");
        }
    }

    #[test]
    fn white_space_is_folded_and_a_line_feed_within_a_street_makes_two_lines() {
        let mut bad = Problems::default();
        let written = |street: &[&str]| pb::Address {
            recipient: "Ada\tByron\t".to_owned(),
            street: street.iter().map(|it| (*it).to_owned()).collect(),
            city: " Berlin\r\n".to_owned(),
            country: "DE".to_owned(),
            ..pb::Address::default()
        };
        let read = address("a", written(&["Hauptstr. 1\nHinterhaus", "\t", "3. Stock"]), &mut bad);
        assert_eq!(read.lines, ["Hauptstr. 1", "Hinterhaus", "3. Stock"]);
        assert_eq!((read.recipient.as_str(), read.city.as_str()), ("Ada Byron", "Berlin"));
        let buyer = pb::Customer { name: "Ada\t".to_owned(), ..pb::Customer::default() };
        assert_eq!(customer("c", buyer, &mut bad).name, "Ada");
        assert_eq!(bad.0, []);

        address("a", written(&["1\n2\n3\n4\n5"]), &mut bad);
        address("b", written(&["x\u{7}"]), &mut bad);
        let fields: Vec<_> = bad.0.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["a.street", "b.street[0]"]);
    }

    #[test]
    fn an_extension_is_digits() {
        let extension = |it: &str| {
            let mut bad = Problems::default();
            let buyer = pb::Customer {
                name: "Ada".to_owned(),
                phone_extension: it.to_owned(),
                ..pb::Customer::default()
            };
            customer("c", buyer, &mut bad);
            bad.0.into_iter().map(|it| it.field).collect::<Vec<_>>()
        };
        assert!(extension("").is_empty() && extension("0012345").is_empty());
        for bad in ["12345678", "x1", "1 2", "١٢"] {
            assert_eq!(extension(bad), ["c.phone_extension"], "{bad}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let mut bad = Problems::default();
        text("name", "ä".repeat(200), NAME_MAX, &mut bad);
        assert!(bad.0.is_empty());
        text("name", "ä".repeat(201), NAME_MAX, &mut bad);
        assert_eq!(bad.0.len(), 1);
    }

    #[test]
    fn instants_outside_the_years_1_to_9999_are_refused() {
        let mut bad = Problems::default();
        let read = |seconds, nanos, bad: &mut Problems| {
            timestamp("time", Some(prost_types::Timestamp { seconds, nanos }), bad)
        };
        assert_eq!(read(1, 500_000_999, &mut bad), Some(Timestamp::from_unix_micros(1_500_000)));
        assert!(bad.0.is_empty());
        assert_eq!(read(i64::MAX, 0, &mut bad), None);
        assert_eq!(read(253_402_300_800, 0, &mut bad), None);
        assert_eq!(read(0, -1, &mut bad), None);
        assert_eq!(bad.0.len(), 3);
    }

    proptest! {
        #[test]
        fn money_comes_back_as_it_went_out(
            currency in prop::sample::select(vec!["EUR", "USD", "JPY", "KWD", "CLF"]),
            minor in any::<i64>(),
        ) {
            let sent = currency.parse::<Currency>().expect("a currency").of(minor);
            let mut bad = Problems::default();
            prop_assert_eq!(money("amount", Some(reply::money(sent)), &mut bad), Some(sent));
            prop_assert!(bad.0.is_empty());
        }

        #[test]
        fn instants_come_back_as_they_went_out(micros in Timestamp::MIN.unix_micros()..=Timestamp::MAX.unix_micros()) {
            let sent = Timestamp::from_unix_micros(micros);
            let mut bad = Problems::default();
            prop_assert_eq!(timestamp("time", Some(reply::timestamp(sent)), &mut bad), Some(sent));
        }
    }
}
