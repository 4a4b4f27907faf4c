//! Tests of `message`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::domain::{MessageId, Sender};
use crate::outside::mail::contract::{Attachment, Email, Mail};
use crate::outside::mail::folder::{FileMail, Posted, put_down};
use crate::outside::mail::message::{Encoding, written};
use crate::outside::mail::tests::{email, id, sender};

fn letter(subject: &str, text: &str) -> Email {
    Email { subject: subject.to_owned(), text: text.to_owned(), ..email("ann@example.com") }
}

fn text_by(email: &Email, from: &Sender, encoding: Encoding) -> String {
    let written = written(email, from, encoding).expect("it can be written");
    String::from_utf8(written.bytes).expect("UTF-8")
}

fn text_of(email: &Email, encoding: Encoding) -> String {
    text_by(email, &sender(), encoding)
}

fn headers(text: &str) -> Vec<&str> {
    let head = text.split_once("\r\n\r\n").expect("a blank line").0;
    head.split("\r\n").filter(|it| !it.starts_with(' ')).collect()
}

fn posted(id: MessageId, text: &str) -> (Posted, oneshot::Receiver<Result<(), String>>) {
    let (stored, storing) = oneshot::channel();
    (Posted { id, text: text.to_owned(), stored }, storing)
}

fn mailboxes(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).expect("the folder").map(|it| it.expect("an entry"));
    let read = |it: fs::DirEntry| {
        let text = fs::read_to_string(it.path()).expect("a mailbox");
        (it.file_name().into_string().expect("a name"), text)
    };
    entries.map(read).collect()
}

#[tokio::test]
async fn a_letter_is_a_mailbox_of_its_own_where_no_other_comes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = FileMail::new(folder.path().join("mail"), sender()).expect("a mail folder");
    mail.send(&letter("Order 7", "Dear Ann,\nthank you.\n")).await.expect("sent");

    let [(name, text)] = &mailboxes(&folder.path().join("mail"))[..] else { panic!("not one file") };
    assert!(name.starts_with("msg_01h455vb4pex5vsknk084sn02q-") && name.ends_with(".mbox"), "{name}");
    assert_eq!(
        text,
        "From MAILER-DAEMON Fri Jun 30 03:34:18 2023\n\
             Date: Fri, 30 Jun 2023 03:34:18 +0000\n\
             From: orders@shop.example\n\
             To: ann@example.com\n\
             Subject: Order 7\n\
             Message-ID: <msg_01h455vb4pex5vsknk084sn02q@shop.example>\n\
             Auto-Submitted: auto-generated\n\
             MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\
             \n\
             Dear Ann,\n\
             thank you.\n\n"
    );
}

#[tokio::test]
async fn sent_again_a_letter_takes_none_out_of_the_mailbox_that_it_was_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = FileMail::new(folder.path(), sender()).expect("a mail folder");
    for _ in 0..2 {
        mail.send(&letter("Order 7", "Dear Ann")).await.expect("sent");
    }
    let mailboxes = mailboxes(folder.path());
    assert_eq!(mailboxes.len(), 2);
    assert_eq!(mailboxes[0].1, mailboxes[1].1, "the same letter under the same Message-ID");
}

#[test]
fn letters_that_come_together_share_a_mailbox_and_are_told_apart_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sender, post) = mpsc::channel();
    let mut senders = Vec::new();
    for text in ["A: b\r\n\r\nFrom here on\r\n>From there on\r\n", "A: c\r\n\r\nFrom\r\n"] {
        let (letter, storing) = posted(id(), text);
        sender.send(letter).expect("posted");
        senders.push(storing);
    }
    let (given_up, _) = posted(id(), "nobody waits for this one");
    sender.send(given_up).expect("posted");
    drop(sender);
    put_down(folder.path(), &post);

    for mut storing in senders {
        assert_eq!(storing.try_recv(), Ok(Ok(())));
    }
    let [(_, text)] = &mailboxes(folder.path())[..] else { panic!("not one file") };
    let from = "From MAILER-DAEMON Fri Jun 30 03:34:18 2023\n";
    assert_eq!(*text, format!("{from}A: b\n\n>From here on\n>>From there on\n\n{from}A: c\n\nFrom\n\n"));
}

#[test]
fn what_a_killed_process_left_unfinished_is_cleared_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    for name in [".msg_old-1.mbox", ".msg_young-1.mbox", "msg_old-1.mbox", ".other"] {
        let file = File::create(folder.path().join(name)).expect("a file");
        if name != ".msg_young-1.mbox" {
            file.set_modified(long_ago).expect("made old");
        }
    }
    FileMail::new(folder.path(), sender()).expect("a mail folder");
    let mut left: Vec<_> = mailboxes(folder.path()).into_iter().map(|it| it.0).collect();
    left.sort();
    assert_eq!(left, [".msg_young-1.mbox", ".other", "msg_old-1.mbox"]);
}

#[test]
fn nobody_can_slip_in_a_header() {
    let evil = letter("Order\n\r\nX-Evil: yes\u{85}\u{0}", "Dear Ann,\rfriend\u{7}");
    let name = "Shop\r\nCc: me@example.com".to_owned();
    let text = text_by(&evil, &Sender { name, ..sender() }, Encoding::Readable);
    let names: Vec<_> = headers(&text).iter().map(|it| it.split(':').next().expect("a name")).collect();
    assert_eq!(
        names,
        [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding"
        ]
    );
    assert!(text.ends_with("\r\n\r\nDear Ann,friend\r\n"), "{text}");
}

#[test]
fn other_scripts_are_encoded_in_headers_and_plain_in_the_body_for_people() {
    let letter = letter("Grüße für 安, =?x?=", "Grüße 安");
    let from = Sender { name: "Größe, \"N\" Inc.".to_owned(), ..sender() };
    for encoding in [Encoding::Readable, Encoding::Ascii] {
        let text = text_by(&letter, &from, encoding);
        let (head, body) = text.split_once("\r\n\r\n").expect("a blank line");
        assert!(head.is_ascii() && head.contains("=?utf-8?b?"), "{head}");
        assert!(head.lines().all(|it| it.len() <= 90), "{head}");
        let readable = "Grüße 安\r\n";
        match encoding {
            Encoding::Readable => assert_eq!(body, readable),
            Encoding::Ascii => assert!(body.is_ascii() && body != readable, "{body}"),
        }
    }
}

#[test]
fn a_sender_with_a_name_is_written_so_that_every_reader_sees_the_name() {
    for (name, written) in [
        ("", "From: orders@shop.example"),
        ("North Wind", "From: \"North Wind\" <orders@shop.example>"),
        ("Wind, \"N\" \\ Inc.", "From: =?utf-8?b?V2luZCwgIk4iIFwgSW5jLg==?= <orders@shop.example>"),
    ] {
        let text = text_by(&letter("a", "b"), &Sender { name: name.to_owned(), ..sender() }, Encoding::Ascii);
        assert!(headers(&text).contains(&written), "{written} is not in {text}");
    }
}

#[test]
fn answers_go_where_the_settings_say_and_else_to_the_sender() {
    let written = |reply_to: Option<&str>| {
        let reply_to = reply_to.map(|it| it.parse().expect("a bare address"));
        text_by(&letter("a", "b"), &Sender { reply_to, ..sender() }, Encoding::Ascii)
    };
    for (address, header) in [
        ("help@shop.example", "Reply-To: help@shop.example"),
        ("hilfe@müller.de", "Reply-To: hilfe@xn--mller-kva.de"),
    ] {
        let text = written(Some(address));
        assert!(headers(&text).contains(&header), "{text}");
        assert!(headers(&text).contains(&"From: orders@shop.example"), "{text}");
    }
    assert!(!written(None).contains("Reply-To"));
}

#[test]
fn every_bare_address_can_be_written_and_its_domain_is_in_ascii() {
    for (to, written) in [
        ("o'hara@example.ie", "To: o'hara@example.ie"),
        ("!#$%&'*+-/=?^_`{|}~@example.com", "To: !#$%&'*+-/=?^_`{|}~@example.com"),
        ("-f@example.com", "To: -f@example.com"),
        ("anna@müller.de", "To: anna@xn--mller-kva.de"),
        ("jörg@müller.de", "To: jörg@xn--mller-kva.de"),
    ] {
        let text = text_of(&email(to), Encoding::Ascii);
        assert!(headers(&text).contains(&written), "{written} is not in {text}");
    }
}

#[test]
fn no_line_is_longer_than_a_line_may_be() {
    let letter = letter(&"x".repeat(2_000), &"ü".repeat(2_000));
    for encoding in [Encoding::Readable, Encoding::Ascii] {
        let text = text_of(&letter, encoding);
        assert!(text.split("\r\n").all(|it| it.len() <= 998), "{encoding:?}");
    }
}

#[test]
fn what_fits_into_lines_is_written_as_it_is_for_people() {
    let line = "Grüße ".repeat(100);
    let page = format!("<p>{line}</p>");
    let letter = Email { html: Some(page.clone()), ..letter("a", &line) };
    let text = text_of(&letter, Encoding::Readable);
    assert!(text.contains(&line) && text.contains(&page), "{text}");
    assert_eq!(text.matches("Content-Transfer-Encoding: 8bit").count(), 2, "{text}");
}

#[test]
fn a_letter_with_html_and_a_file_has_them_as_parts_and_is_the_same_each_time() {
    let letter = Email {
        html: Some("<p>Dear Ann</p>".to_owned()),
        attachments: vec![Attachment {
            name: "Rechnung Größe\r\n7.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: b"%PDF-1.7".to_vec(),
        }],
        ..email("ann@example.com")
    };
    let text = text_of(&letter, Encoding::Ascii);
    assert_eq!(text, text_of(&letter, Encoding::Ascii));
    let positions: Vec<_> = [
        "multipart/mixed;",
        "multipart/alternative;",
        "text/plain; charset=utf-8",
        "Dear Ann\r\n",
        "text/html; charset=utf-8",
        "<p>Dear Ann</p>\r\n",
        "Content-Disposition: attachment;",
        "application/pdf",
        "JVBERi0xLjc=",
    ]
    .map(|it| text.find(it).unwrap_or_else(|| panic!("{it} is not in {text}")))
    .into();
    assert!(positions.is_sorted(), "{text}");
    assert!(text.is_ascii() && text.lines().all(|it| it.len() <= 998));

    let unknown = Attachment { media_type: "no type".to_owned(), ..letter.attachments[0].clone() };
    let text = text_of(&Email { html: None, attachments: vec![unknown], ..letter }, Encoding::Ascii);
    assert!(text.contains("application/octet-stream") && !text.contains("multipart/alternative"), "{text}");
}

#[test]
fn what_people_send_again_is_another_e_mail() {
    let again = Email { resends: 2, ..email("ann@example.com") };
    let text = text_of(&again, Encoding::Ascii);
    let id = "Message-ID: <msg_01h455vb4pex5vsknk084sn02q.2@shop.example>";
    assert!(headers(&text).contains(&id), "{text}");
}
