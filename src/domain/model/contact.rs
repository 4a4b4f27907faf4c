//! Telephone numbers in one form.

#[cfg(test)]
thread_local! {
    /// How often this thread had a phone number parsed, which takes longer than most decisions.
    pub(in crate::domain) static PHONES_READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The phone number as E.164, if its country could have given it out. An international number begins with `+`
/// or `00`; any other is one of `country`.
pub(in crate::domain) fn e164(phone: &str, country: &str) -> Option<String> {
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
