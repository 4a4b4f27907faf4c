//! Card numbers are found in texts, so that none is ever stored.

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
    let digit = |(index, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0');
        match index % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    };
    number.bytes().rev().enumerate().map(digit).sum::<u32>() % 10 == 0
}
