//! Tests of handing letters over, and of the outcome when they are not accepted.

use std::fs::{self, File};

use crate::domain::{Letter, MessageId, Sender, Unsent};
use crate::outside::mail::contract::Mail;
use crate::outside::mail::folder::FileMail;
use crate::outside::mail::message::originator;

fn id() -> MessageId {
    MessageId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"))
}

fn letter(to: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: "Order 7".to_owned(),
        body: "Dear Ann".to_owned(),
        html: String::new(),
    }
}

fn sender() -> Sender {
    "orders@shop.example".parse().expect("a sender")
}

#[test]
fn a_sender_with_a_name_is_written_so_that_every_reader_sees_the_name() {
    let from = |name: &str| originator(&Sender { name: name.to_owned(), ..sender() });
    assert_eq!(from(""), "orders@shop.example");
    assert_eq!(from("North Wind"), "North Wind <orders@shop.example>");
    assert_eq!(from("Wind, \"N\" \\ Inc."), "\"Wind, \\\"N\\\" \\\\ Inc.\" <orders@shop.example>");
    assert_eq!(from("Größe"), "=?utf-8?Q?Gr=C3=B6=C3=9Fe?= <orders@shop.example>");
}

#[tokio::test]
async fn a_folder_that_is_gone_or_no_folder_takes_letters_again_once_it_is_back() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("mail");
    let mail = FileMail::new(&folder, sender()).expect("a mail folder");
    let waits = async || matches!(mail.send(id(), &letter("ann@example.com")).await, Err(Unsent::Later(_)));

    fs::remove_dir(&folder).expect("removed");
    assert!(waits().await, "gone");
    File::create(&folder).expect("something else of its name");
    assert!(waits().await, "no folder");
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("back");
    assert_eq!(mail.send(id(), &letter("ann@example.com")).await, Ok(()));
}

#[cfg(unix)]
mod program {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{id, letter, sender};
    use crate::domain::Unsent;
    use crate::outside::mail::contract::Mail;
    use crate::outside::mail::folder::FileMail;
    use crate::outside::mail::program::Sendmail;

    fn program(folder: &Path, script: &str) -> Sendmail {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("sendmail");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("made runnable");
        Sendmail::new(path, sender())
    }

    /// Writes down its arguments, one a line, and then the letter.
    fn recorder(folder: &Path) -> (Sendmail, PathBuf) {
        let got = folder.join("got");
        let script = format!("printf '%s\\n' \"$@\" > {0}; cat >> {0}", got.display());
        (program(folder, &script), got)
    }

    #[tokio::test]
    async fn it_is_handed_the_letter_and_told_the_one_recipient() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mail, got) = recorder(folder.path());
        for to in ["ann@example.com", "-t@example.com", "ann+o'shop@example.com", "jörg@müller.de"] {
            mail.send(id(), &letter(to)).await.expect("sent");
            let text = fs::read_to_string(&got).expect("what the program got");
            assert!(text.starts_with(&format!("-i\n-f\norders@shop.example\n--\n{to}\nDate: ")), "{text}");
            assert!(text.ends_with("\n\nDear Ann\n"), "{text}");
        }
    }

    #[tokio::test]
    async fn it_is_never_asked_to_send_to_what_is_not_one_bare_address() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mail, got) = recorder(folder.path());
        let into_folder = FileMail::new(folder.path().join("mail"), sender()).expect("a mail folder");
        for to in [
            "a@example.com (x, victim@example.org)",
            "g: victim@example.org;",
            "a@example.com, victim@example.org",
            "<victim@example.org> x@example.com",
            "Anna <victim@example.org>",
            "a@example.com\nBcc: victim@example.org",
            "-t",
            "",
        ] {
            for mail in [&mail as &dyn Mail, &into_folder] {
                let sent = mail.send(id(), &letter(to)).await;
                assert!(matches!(sent, Err(Unsent::Suppressed(_))), "{to}: {sent:?}");
            }
        }
        let sent = mail.send(id(), &letter("+60312345678")).await;
        assert_eq!(sent, Err(Unsent::Suppressed("the customer left no e-mail address".to_owned())));
        assert!(!got.exists(), "the program was run");
        assert_eq!(fs::read_dir(folder.path().join("mail")).expect("the folder").count(), 0);
    }

    #[tokio::test]
    async fn only_what_it_refuses_for_good_is_not_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        for code in [1, 64, 68, 69, 71, 73, 74, 75, 77, 78] {
            let mail = program(folder.path(), &format!("cat > /dev/null; exit {code}"));
            let sent = mail.send(id(), &letter("ann@example.com")).await;
            assert_eq!(sent, Err(Unsent::Later(format!("the mail program: exit status: {code}"))));
        }
        for code in [65, 67] {
            let mail = program(folder.path(), &format!("cat > /dev/null; exit {code}"));
            let sent = mail.send(id(), &letter("ann@example.com")).await;
            assert_eq!(sent, Err(Unsent::Refused(format!("the mail program: exit status: {code}"))));
        }
        let killed = program(folder.path(), "kill -9 $$");
        assert!(matches!(killed.send(id(), &letter("ann@example.com")).await, Err(Unsent::Later(_))));
        let missing = Sendmail::new(folder.path().join("nothing"), sender());
        assert!(matches!(missing.send(id(), &letter("ann@example.com")).await, Err(Unsent::Later(_))));
    }
}
