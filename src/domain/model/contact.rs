//! Telephone numbers in one form.

use crate::domain::model::written::plain_code;

#[cfg(test)]
thread_local! {
    /// How often this thread had a phone number parsed, which takes longer than most decisions.
    pub(in crate::domain) static PHONES_READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many digits an extension may have.
pub(crate) const EXTENSION_MAX: usize = 7;

/// A phone number as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Phone {
    /// E.164.
    pub number: String,
    /// Digits that are dialled once the call is taken; empty: none.
    pub extension: String,
}

impl Phone {
    /// The number, if its country could have given it out. An international one begins with `+` or `00`; any other is one
    /// of `country`. Digits of any script are read, and an extension behind it (`ext. 123`, `x123`, `#123`).
    pub(in crate::domain) fn read(text: &str, country: &str) -> Option<Self> {
        let text = plain_code(text);
        let (phone, extension) = split_extension(&text).unwrap_or((&text, ""));
        let number = e164(phone, country)?;
        Some(Self { number, extension: extension.to_owned() })
    }
}

/// The number as E.164, without its extension.
pub(in crate::domain) fn phone_number(text: &str, country: &str) -> Option<String> {
    Phone::read(text, country).map(|it| it.number)
}

/// What stands before an extension.
const EXTENSION_WORDS: [&str; 8] = ["extension", "durchwahl", "poste", ";ext=", "ext", "доб", "x", "#"];

/// The number and the digits of its extension.
fn split_extension(phone: &str) -> Option<(&str, &str)> {
    let number = phone.trim_end_matches(|it: char| it.is_ascii_digit());
    let extension = &phone[number.len()..];
    if extension.is_empty() || extension.len() > EXTENSION_MAX {
        return None;
    }
    let number = number.trim_end_matches([' ', '.', ':']);
    let without_word = |word: &&str| {
        let (number, end) = number.split_at_checked(number.len().checked_sub(word.len())?)?;
        (end.to_lowercase() == **word).then_some(number)
    };
    let number = EXTENSION_WORDS.iter().find_map(without_word)?;
    Some((number.trim_end_matches([' ', ',', ';', '-', '/', '(']), extension))
}

/// Whether people write this in phone numbers.
pub(in crate::domain) fn is_phone_character(it: char) -> bool {
    it.is_ascii_digit() || matches!(it, '+' | ' ' | '-' | '.' | '(' | ')' | '/')
}

fn e164(phone: &str, country: &str) -> Option<String> {
    if phone.len() > 40 || !phone.chars().all(is_phone_character) {
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

pub(in crate::domain) fn read_phone(
    country: Option<phonenumber::country::Id>,
    phone: &str,
) -> Option<String> {
    #[cfg(test)]
    PHONES_READ.with(|it| it.set(it.get() + 1));
    let number = phonenumber::parse(country, phone).ok()?;
    let abroad = country.is_some() && number.code().source() == phonenumber::country::Source::Idd;
    let usable = number.is_valid() && !abroad && number.extension().is_none();
    usable.then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, country: &str) -> Option<(String, String)> {
        Phone::read(text, country).map(|it| (it.number, it.extension))
    }

    #[test]
    fn an_extension_is_kept_beside_the_number() {
        let expected = Some(("+12127365000".to_owned(), "123".to_owned()));
        for text in [
            "+1 212 736 5000 ext. 123",
            "+1 212 736 5000 ext 123",
            "+1 212 736 5000 Extension 123",
            "+1-212-736-5000x123",
            "(212) 736-5000, x 123",
            "+1 212 736 5000 #123",
            "+12127365000;ext=123",
            "+1 212 736 5000 доб. 123",
            "+1 212 736 5000 poste 123",
        ] {
            assert_eq!(read(text, "US"), expected, "{text}");
        }
        assert_eq!(read("(212) 736-5000", "US"), Some(("+12127365000".to_owned(), String::new())));
        for bad in ["x123", "ext. 123", "+1 212 736 5000 ext. 12345678", "+1 212 736 5000 ext.", "call x1"] {
            assert_eq!(read(bad, "US"), None, "{bad}");
        }
    }

    #[test]
    fn a_number_in_the_digits_of_another_script_is_read() {
        assert_eq!(phone_number("٠٥٠ ١٢٣ ٤٥٦٧", "AE").as_deref(), Some("+971501234567"));
        assert_eq!(phone_number("۰۲۱ ۸۸۸۸ ۱۲۳۴", "IR").as_deref(), Some("+982188881234"));
        assert_eq!(phone_number("＋８１ ３－１２３４－５６７８", "JP").as_deref(), Some("+81312345678"));
        assert_eq!(phone_number("\u{202A}+49 30 901820\u{202C}", "US").as_deref(), Some("+4930901820"));
    }
}
