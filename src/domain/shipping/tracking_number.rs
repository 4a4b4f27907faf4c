//! Tracking numbers with a check character.

use crate::domain::model::scalars::ShipmentId;

/// The tracking number of a shipment: `CN`, twelve characters and a check character, such as
/// `CNK3F07XQ2M91TX`.
///
/// The twelve are made of 59 of the id's random bits in Crockford's base 32, which has no I, L, O or U to
/// misread: the first is one of 16 letters (4 bits), the others carry 5 bits each. The check character is
/// that of ISO 7064 MOD 37,36 over all before it; it finds every wrong character and nearly all exchanged
/// neighbours. The same id gives the same number; different ids give the same one with a chance of 1 in 2^59,
/// which a unique column turns into an error. Since the third character is a letter, no more than twelve
/// digits can follow each other: a tracking number is never taken for a card number, which has thirteen or
/// more.
pub(in crate::domain) fn tracking_number(id: ShipmentId) -> String {
    let bits = id.0.as_u128();
    let mut number = String::from("CN");
    number.push(symbol(10 + ((bits >> 55) & 15)));
    for index in (0..11).rev() {
        number.push(symbol((bits >> (index * 5)) & 31));
    }
    number.push(check_character(&number).expect("letters and digits have a check character"));
    number
}

/// Whether this can be a tracking number of ours: form and check character are right, in upper case.
#[cfg(test)]
pub(in crate::domain) fn tracking_number_is_valid(text: &str) -> bool {
    let Some((body, check)) = text.char_indices().last().map(|(last, check)| (&text[..last], check)) else {
        return false;
    };
    let Some(twelve) = body.strip_prefix("CN") else { return false };
    let begins_with_letter = twelve.starts_with(|it: char| it.is_ascii_uppercase());
    let has_symbols_only = twelve.bytes().all(|it| CROCKFORD.contains(&it));
    twelve.len() == 12 && begins_with_letter && has_symbols_only && check_character(body) == Some(check)
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn symbol(value: u128) -> char {
    char::from(CROCKFORD[(value & 31) as usize])
}

pub(in crate::domain) const ALPHANUMERIC: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// ISO 7064 MOD 37,36, the hybrid system for letters and digits. None if anything else is in the text.
pub(in crate::domain) fn check_character(text: &str) -> Option<char> {
    let mut product = 36;
    for byte in text.bytes() {
        let value = ALPHANUMERIC.iter().position(|it| *it == byte)?;
        let sum = (product + value) % 36;
        product = if sum == 0 { 36 } else { sum } * 2 % 37;
    }
    ALPHANUMERIC.get((37 - product) % 36).map(|it| char::from(*it))
}
