//! An e-mail as the mail of the internet has it.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{self, Body, MessageBuilder, MultiPart, SinglePart};
use time::OffsetDateTime;

use crate::domain::{BareAddress, MessageId, Sender, Unsent};
use crate::outside::mail::contract::{Attachment, Email};

/// Bytes in a line at most; RFC 5322 allows 998.
const LINE_MAX: usize = 990;

/// Characters of a subject at most, so that it fits into a line.
const SUBJECT_MAX: usize = 200;

/// How letters beyond ASCII are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are, where lines are short enough: for people who look into the file.
    Readable,
    /// In ASCII, which every relay hands on as it is.
    Ascii,
}

/// An e-mail written out, and who it goes between.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// The e-mail as RFC 5322 has it. The same e-mail gives the same bytes: the date is its id's, and so are the boundaries.
pub(super) fn written(email: &Email, from: &Sender, encoding: Encoding) -> Result<Written, Unsent> {
    let unusable = |it: lettre::error::Error| Unsent::Refused(format!("the e-mail cannot be written: {it}"));
    let (sender, recipient) = (address(&from.address)?, address(&email.to)?);
    let envelope = Envelope::new(Some(sender.clone()), vec![recipient.clone()]).map_err(unusable)?;
    let name = Some(one_line(&from.name)).filter(|it| !it.is_empty());
    let reply_to = from.reply_to.as_ref().map(address).transpose()?;
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");

    let mut head = lettre::Message::builder()
        .date(instant_of(email.id))
        .from(message::Mailbox::new(name, sender))
        .to(message::Mailbox::new(None, recipient))
        .subject(one_line(&email.subject).chars().take(SUBJECT_MAX).collect::<String>())
        .message_id(Some(message_id(email, from)))
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .envelope(envelope.clone());
    if let Some(address) = reply_to {
        head = head.reply_to(message::Mailbox::new(None, address));
    }
    let message = with_body(head, email, encoding).map_err(unusable)?;
    Ok(Written { envelope, bytes: message.formatted() })
}

fn with_body(
    head: MessageBuilder,
    email: &Email,
    encoding: Encoding,
) -> Result<lettre::Message, lettre::error::Error> {
    let text = part(ContentType::TEXT_PLAIN, &email.text, encoding);
    let mixed = || MultiPart::mixed().boundary(format!("{}-mixed", email.id));
    let with_files = |it: MultiPart| email.attachments.iter().map(attached).fold(it, MultiPart::singlepart);
    match (email.html.as_deref(), email.attachments.is_empty()) {
        (None, true) => head.singlepart(text),
        (None, false) => head.multipart(with_files(mixed().singlepart(text))),
        (Some(html), is_alone) => {
            let alternatives = MultiPart::alternative().boundary(format!("{}-alternative", email.id));
            let page = part(ContentType::TEXT_HTML, html, encoding);
            let alternatives = alternatives.singlepart(text).singlepart(page);
            match is_alone {
                true => head.multipart(alternatives),
                false => head.multipart(with_files(mixed().multipart(alternatives))),
            }
        }
    }
}

fn part(kind: ContentType, text: &str, encoding: Encoding) -> SinglePart {
    let text = lines_of(text);
    let body = match encoding {
        // Nothing of it is to be encoded: its lines are short enough, and end as they have to.
        Encoding::Readable if text.lines().all(|it| it.len() <= LINE_MAX) => {
            Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::EightBit)
        }
        Encoding::Readable | Encoding::Ascii => Body::new(text),
    };
    SinglePart::builder().header(kind).body(body)
}

fn attached(attachment: &Attachment) -> SinglePart {
    let Attachment { name, media_type, bytes } = attachment;
    let unknown = || ContentType::parse("application/octet-stream").expect("it is a media type");
    let media_type = ContentType::parse(media_type).unwrap_or_else(|_| unknown());
    // Also where all of it is ASCII: its bytes are not to be touched as text is.
    let body = Body::new_with_encoding(bytes.clone(), ContentTransferEncoding::Base64);
    message::Attachment::new(one_line(name)).body(body.unwrap_or_else(Body::new), media_type)
}

/// A repeat after a crash has the id of the first time. What people send again has one of its own: a mail system that
/// knows the first would not show it.
fn message_id(email: &Email, from: &Sender) -> String {
    let domain = ascii_domain(&from.address);
    match email.resends {
        0 => format!("<{}@{domain}>", email.id),
        times => format!("<{}.{times}@{domain}>", email.id),
    }
}

/// With the domain in ASCII, as every relay takes it.
fn address(bare: &BareAddress) -> Result<lettre::Address, Unsent> {
    let user = bare.as_str().rsplit_once('@').map_or("", |it| it.0);
    let unusable = |it| Unsent::Refused(format!("the address cannot be written: {it}"));
    lettre::Address::new(user, ascii_domain(bare)).map_err(unusable)
}

/// `xn--mller-kva.de` for `müller.de`.
pub(super) fn ascii_domain(address: &BareAddress) -> String {
    idna::domain_to_ascii(address.domain()).unwrap_or_else(|_| address.domain().to_owned())
}

/// The last second of the year 9999, the last that the date of an e-mail can name.
const LATEST: u64 = 253_402_300_799;

/// When the message was decided upon; it is in the id.
pub(super) fn instant_of(id: MessageId) -> SystemTime {
    let (seconds, _) = id.0.get_timestamp().map_or((0, 0), |it| it.to_unix());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST))
}

/// The same for a mailbox's own line.
pub(super) fn date_of(id: MessageId) -> OffsetDateTime {
    OffsetDateTime::from(instant_of(id))
}

/// Without anything that could end the header and begin another.
fn one_line(value: &str) -> String {
    value.chars().map(|it| if it.is_control() { ' ' } else { it }).collect::<String>().trim().to_owned()
}

/// Lines without control characters; the last one is ended by who writes it.
fn lines_of(text: &str) -> String {
    let is_legal = |it: char| !it.is_control() || it == '\t';
    let mut lines = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        match line.chars().all(is_legal) {
            true => lines.push_str(line),
            false => lines.extend(line.chars().filter(|it| is_legal(*it))),
        }
        lines.push_str("\r\n");
    }
    lines.truncate(lines.trim_end_matches(['\r', '\n']).len());
    lines
}
