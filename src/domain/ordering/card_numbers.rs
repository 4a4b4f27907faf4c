//! Card numbers are found in free texts, so that none is ever stored.

use crate::domain::model::gtin::Gtin;

/// Whether a payment card's number stands in the text: 14–19 digits with the prefix and length of a major network and a
/// right check digit (Luhn), in one piece or in the groups that cards have printed on them, with a single blank or dash
/// between. Digits in any other groups are not joined: IBANs and marketplaces' numbers are written so. A number with `+`
/// before it and at most 15 digits is a phone number; a GTIN or an IBAN with a right check digit is what it is. A number
/// of 13 digits is an article's: no network gives such out any more.
pub fn looks_like_card_number(text: &str) -> bool {
    let runs = digit_runs(text);
    let in_one_piece = runs.iter().any(|it| is_card_number(std::slice::from_ref(it)));
    in_one_piece || runs.chunk_by(|_, next| next.after_single_gap).any(begins_as_printed)
}

/// How the digits of a card are printed: by fours, those of American Express 4-6-5, those of Diners 4-6-4.
const PRINTED: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// Whether groups of digits begin as a card's; what follows may be its end and its code.
fn begins_as_printed(groups: &[Run<'_>]) -> bool {
    let printed = |lengths: &&[usize]| {
        let groups = groups.get(..lengths.len()).unwrap_or_default();
        groups.iter().map(|it| it.digits.len()).eq(lengths.iter().copied()) && is_card_number(groups)
    };
    PRINTED.iter().any(printed)
}

fn is_card_number(groups: &[Run<'_>]) -> bool {
    let number: String = groups.iter().map(|it| it.digits).collect();
    let is_phone = groups.iter().any(|it| it.after_plus) && number.len() <= 15;
    let is_another = is_phone || number.parse::<Gtin>().is_ok() || groups.iter().any(|it| is_iban(it.word));
    !is_another && is_of_network(&number) && luhn(&number)
}

/// Digits without anything between, and what stands around them.
struct Run<'a> {
    digits: &'a str,
    /// The letters and digits that they are part of.
    word: &'a str,
    after_single_gap: bool,
    after_plus: bool,
}

fn digit_runs(text: &str) -> Vec<Run<'_>> {
    let is_gap = |it: char| it.is_whitespace() || matches!(it, '-' | '\u{2010}'..='\u{2014}');
    let is_digit = |it: char| it.is_ascii_digit();
    let is_word = |it: char| it.is_ascii_alphanumeric();
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut last_end = None;
    let mut rest = 0;
    while let Some(offset) = text[rest..].find(is_digit) {
        let start = rest + offset;
        let end = start + text[start..].find(|it| !is_digit(it)).unwrap_or(text.len() - start);
        let mut between = text[last_end.unwrap_or(start)..start].chars();
        let word_start = text[..start].rfind(|it| !is_word(it)).map_or(0, |it| it + width(text, it));
        let word_end = end + text[end..].find(|it| !is_word(it)).unwrap_or(text.len() - end);
        runs.push(Run {
            digits: &text[start..end],
            word: &text[word_start..word_end],
            after_single_gap: between.next().is_some_and(is_gap) && between.next().is_none(),
            after_plus: text[..start].ends_with('+'),
        });
        rest = end;
        last_end = Some(rest);
    }
    runs
}

fn width(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Whether it is an IBAN with right check digits (ISO 13616): with its first four characters last and its letters as the
/// numbers from 10, it leaves 1 when divided by 97.
fn is_iban(word: &str) -> bool {
    let bytes = word.as_bytes();
    let begins = matches!(bytes, [a, b, c, d, ..] if a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && c.is_ascii_digit()
        && d.is_ascii_digit());
    if !begins || !(15..=34).contains(&bytes.len()) {
        return false;
    }
    let (first, rest) = bytes.split_at(4);
    let remainder = rest.iter().chain(first).try_fold(0_u32, |sum, byte| {
        let value = char::from(*byte).to_digit(36)?;
        Some((sum * if value < 10 { 10 } else { 100 } + value) % 97)
    });
    remainder == Some(1)
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
        14 => diners,
        15 => american_express,
        16 => visa || mastercard || diners || discover || jcb || union_pay,
        17..=19 => visa || diners || discover || jcb || union_pay,
        _ => false,
    }
}

fn luhn(number: &str) -> bool {
    let digit = |(index, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0');
        match index % 2 {
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

    /// As published by the networks and payment providers for tests.
    const TEST_NUMBERS: &[&str] = &[
        "4111111111111111",
        "4242424242424242",
        "4000056655665556",
        "4012888888881881",
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
        }
    }

    #[test]
    fn a_number_in_the_groups_that_are_printed_on_cards_is_found() {
        for gap in [" ", "-", "\u{a0}"] {
            for number in TEST_NUMBERS {
                let cuts: &[usize] = match number.len() {
                    16 => &[4, 8, 12],
                    14 | 15 => &[4, 10],
                    _ => continue,
                };
                let mut grouped = (*number).to_owned();
                cuts.iter().rev().for_each(|at| grouped.insert_str(*at, gap));
                for text in [format!("card {grouped}, until 12/29"), format!("{grouped} 12/29 123")] {
                    assert!(looks_like_card_number(&text), "{text}");
                }
            }
        }
    }

    #[test]
    fn digits_in_other_groups_are_not_joined() {
        for text in [
            // Each has a card number's digits.
            "411-1111111-111111",
            "112-3640021-5936259",
            "41 11 11 11 11 11 11 11",
            "12 4111 1111 1111 1111",
            "4111  1111  1111  1111",
            "4111 - 1111 - 1111 - 1111",
            // IBANs.
            "DE89 3704 0044 0532 0130 00",
            "GB29 NWBK 6016 1331 9268 19",
            "BE41 1111 1111 1111 11",
        ] {
            assert!(!looks_like_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_no_card_numbers() {
        for text in [
            "",
            "4111111111111112",
            "41111111111111110",
            "94111111111111111",
            "call +49 1511 2345 678",
            "+378282246310005",
            // Articles: EAN-13 that begin with 4, among them those that Luhn's rule takes.
            "Mug, EAN 4001234500027",
            "4222222222222",
            "4006381333931",
            "9780306406157",
            // A GTIN-14 that is also right by Luhn's rule.
            "36000000000081",
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

    #[test]
    fn an_iban_is_none_although_its_digits_may_be_a_cards() {
        assert!(is_iban("GB29NWBK60161331926819") && is_iban("DE89370400440532013000"));
        assert!(!is_iban("GB28NWBK60161331926819") && !is_iban("GB29") && !is_iban("ГБ29NWBK60161331926819"));
        assert!(is_iban("DK4870870649529984") && looks_like_card_number("4870870649529984"));
        assert!(!looks_like_card_number("DK4870870649529984, please pay back to it"));
    }

    proptest! {
        #[test]
        fn looking_for_card_numbers_ends_for_any_text(text in "[0-9 \\-+a😀]{0,80}") {
            looks_like_card_number(&text);
        }
    }
}
