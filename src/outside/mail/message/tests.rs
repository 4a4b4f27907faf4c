//! Tests of `message`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::domain::{Letter, MessageId, Recipient, Sender};
use crate::outside::mail::contract::Mail;
use crate::outside::mail::folder::{FileMail, Posted, put_down};
use crate::outside::mail::message::written;

fn id() -> MessageId {
    MessageId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"))
}

fn letter(to: &str, subject: &str, body: &str) -> Letter {
    Letter { to: to.to_owned(), subject: subject.to_owned(), body: body.to_owned(), html: String::new() }
}

fn sender() -> Sender {
    "orders@shop.example".parse().expect("a sender")
}

fn read(letter: &Letter) -> Recipient {
    letter.to.parse().expect("a recipient")
}

fn headers(text: &str) -> Vec<&str> {
    text.split_once("\r\n\r\n").expect("a blank line").0.split("\r\n").collect()
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
    mail.send(id(), &letter("ann@example.com", "Order 7", "Dear Ann,\nthank you.\n")).await.expect("sent");

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
        mail.send(id(), &letter("ann@example.com", "Order 7", "Dear Ann")).await.expect("sent");
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
    let evil = letter("ann@example.com", "Order\n\r\nX-Evil: yes\u{85}\u{0}", "Dear Ann,\rfriend\u{7}");
    let name = "Shop\r\nCc: me@example.com".to_owned();
    let text = written(id(), &evil, &read(&evil), &Sender { name, ..sender() });
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
fn other_scripts_are_encoded_in_the_subject_and_plain_in_the_body() {
    let letter = letter("ann@example.com", "Grüße für 安, =?x?=", "Grüße 安");
    let text = written(id(), &letter, &read(&letter), &sender());
    let folded = headers(&text).join("\n");
    assert!(folded.is_ascii(), "{folded}");
    assert!(
        folded.contains(
            "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_f=C3=BCr_=E5=AE=89=2C_=3D=3F?=\n =?utf-8?Q?x=3F=3D?="
        ),
        "{folded}"
    );
    assert!(folded.lines().all(|it| it.len() <= 85), "{folded}");
    assert!(text.ends_with("\r\n\r\nGrüße 安\r\n"));
}

#[test]
fn a_phone_number_is_named_but_is_no_address() {
    let letter = letter("+60312345678", "Order 7", "Dear Ann");
    let text = written(id(), &letter, &read(&letter), &sender());
    assert!(headers(&text).contains(&"To: +60312345678:;"), "{text}");
}

#[test]
fn no_line_is_longer_than_a_line_may_be() {
    let letter = letter("ann@example.com", &"x".repeat(2_000), &"ü".repeat(2_000));
    let text = written(id(), &letter, &read(&letter), &sender());
    assert!(text.split("\r\n").all(|it| it.len() <= 998));
    assert_eq!(text.matches('ü').count(), 2_000);
}
