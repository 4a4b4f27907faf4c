//! A letter as the mail of the internet has it.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::domain::{Letter, MessageId, Recipient, Sender};

/// Bytes in a line of the body at most; RFC 5322 allows 998.
const LINE_MAX: usize = 990;

/// Bytes of text in one encoded word of a header; RFC 2047 allows 75 in all, and every byte may take three.
const WORD_MAX: usize = 20;

/// The letter as RFC 5322 has it. The same id and letter give the same bytes: the date is the id's.
pub(super) fn written(id: MessageId, letter: &Letter, to: &Recipient, from: &Sender) -> String {
    let Letter { to: _, subject, body, html: _ } = letter;
    let mut text = String::with_capacity(body.len() + 500);
    let mut header = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    header("Date", &instant_of(id).format(&Rfc2822).unwrap_or_default());
    header("From", &originator(from));
    header("To", &destination(to));
    header("Subject", &unstructured(subject));
    header("Message-ID", &format!("<{id}@{}>", from.address.domain()));
    header("Auto-Submitted", "auto-generated");
    header("MIME-Version", "1.0");
    header("Content-Type", "text/plain; charset=utf-8");
    header("Content-Transfer-Encoding", "8bit");
    text.push_str("\r\n");
    for line in body.lines() {
        push_line(&mut text, line);
    }
    text
}

/// When the message was decided upon; it is in the id.
pub(super) fn instant_of(id: MessageId) -> OffsetDateTime {
    let (seconds, _) = id.0.get_timestamp().map_or((0, 0), |it| it.to_unix());
    let at = i64::try_from(seconds).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The address, behind the name if there is one: as it is, between quotes, or in encoded words.
pub(super) fn originator(from: &Sender) -> String {
    let Sender { name, address } = from;
    let name = one_line(name);
    if name.is_empty() {
        return address.to_string();
    }
    if name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b' ') {
        return format!("{name} <{address}>");
    }
    if name.is_ascii() {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\" <{address}>");
    }
    format!("{} <{address}>", unstructured(&name))
}

/// A customer who left only a phone number is an empty address group, named after the number.
fn destination(to: &Recipient) -> String {
    match to {
        Recipient::Email(address) => address.to_string(),
        Recipient::Phone(number) => format!("{number}:;"),
    }
}

/// Without anything that could end the header and begin another.
fn one_line(value: &str) -> String {
    value.chars().map(|it| if it.is_control() { ' ' } else { it }).collect::<String>().trim().to_owned()
}

/// Plain where it can be, else encoded words (RFC 2047), folded.
fn unstructured(value: &str) -> String {
    let value = one_line(value);
    if value.is_ascii() && value.len() <= 200 && !value.contains("=?") {
        return value;
    }

    let mut words = Vec::new();
    let mut rest = value.as_str();
    while !rest.is_empty() {
        let (word, left) = rest.split_at(rest.floor_char_boundary(WORD_MAX));
        let mut encoded = String::new();
        for byte in word.bytes() {
            let _ = match byte {
                b' ' => write!(encoded, "_"),
                it if it.is_ascii_alphanumeric() => write!(encoded, "{}", char::from(it)),
                it => write!(encoded, "={it:02X}"),
            };
        }
        words.push(format!("=?utf-8?Q?{encoded}?="));
        rest = left;
    }
    words.join("\r\n ")
}

/// One line of the body, broken where it is longer than a line may be.
fn push_line(text: &mut String, line: &str) {
    let mut left: String = line.chars().filter(|it| !it.is_control() || *it == '\t').collect();
    while left.len() > LINE_MAX {
        let rest = left.split_off(left.floor_char_boundary(LINE_MAX));
        text.push_str(&left);
        text.push_str("\r\n");
        left = rest;
    }
    text.push_str(&left);
    text.push_str("\r\n");
}
