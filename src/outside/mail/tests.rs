//! Tests of handing e-mails over to a folder or a program, and of the outcome when they are not accepted.

use std::fs::{self, File};

use crate::domain::{MessageId, Sender, Unsent};
use crate::outside::mail::contract::{Email, Mail};
use crate::outside::mail::folder::FileMail;

pub(super) fn id() -> MessageId {
    MessageId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"))
}

pub(super) fn email(to: &str) -> Email {
    Email {
        id: id(),
        resends: 0,
        to: to.parse().expect("a bare address"),
        subject: "Order 7".to_owned(),
        text: "Dear Ann".to_owned(),
        html: None,
        attachments: Vec::new(),
    }
}

pub(super) fn sender() -> Sender {
    "orders@shop.example".parse().expect("a sender")
}

#[tokio::test]
async fn a_folder_that_is_gone_or_no_folder_takes_letters_again_once_it_is_back() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("mail");
    let mail = FileMail::new(&folder, sender()).expect("a mail folder");
    let waits = async || matches!(mail.send(&email("ann@example.com")).await, Err(Unsent::Later(_)));

    fs::remove_dir(&folder).expect("removed");
    assert!(waits().await, "gone");
    File::create(&folder).expect("something else of its name");
    assert!(waits().await, "no folder");
    fs::remove_file(&folder).expect("removed");
    fs::create_dir(&folder).expect("back");
    assert_eq!(mail.send(&email("ann@example.com")).await, Ok(()));
}

#[cfg(unix)]
mod program {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{email, sender};
    use crate::domain::Unsent;
    use crate::outside::mail::contract::Mail;
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

    async fn sent(mail: &Sendmail) -> Result<(), Unsent> {
        mail.send(&email("ann@example.com")).await
    }

    #[tokio::test]
    async fn it_is_handed_the_letter_and_told_the_one_recipient() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mail, got) = recorder(folder.path());
        for to in ["ann@example.com", "-t@example.com", "ann+o'shop@example.com", "jörg@müller.de"] {
            mail.send(&email(to)).await.expect("sent");
            let text = fs::read_to_string(&got).expect("what the program got");
            assert!(text.starts_with(&format!("-i\n-f\norders@shop.example\n--\n{to}\nDate: ")), "{text}");
            assert!(text.ends_with("\n\nDear Ann\n"), "{text}");
        }
    }

    #[tokio::test]
    async fn only_what_it_refuses_for_good_is_not_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        for code in [1, 64, 68, 69, 71, 73, 74, 75, 77, 78] {
            let mail = program(folder.path(), &format!("cat > /dev/null; exit {code}"));
            let unsent = Unsent::Later(format!("the mail program: exit status: {code}"));
            assert_eq!(sent(&mail).await, Err(unsent));
        }
        for code in [65, 67] {
            let mail = program(folder.path(), &format!("cat > /dev/null; exit {code}"));
            let unsent = Unsent::Refused(format!("the mail program: exit status: {code}"));
            assert_eq!(sent(&mail).await, Err(unsent));
        }
        let killed = program(folder.path(), "kill -9 $$");
        assert!(matches!(sent(&killed).await, Err(Unsent::Later(_))));
        let missing = Sendmail::new(folder.path().join("nothing"), sender());
        assert!(matches!(sent(&missing).await, Err(Unsent::Later(_))));
    }

    #[tokio::test]
    async fn its_own_words_are_kept_without_addresses() {
        let folder = tempfile::tempdir().expect("a folder");
        let says = "cat > /dev/null; echo 'looking up'; echo '<ann@example.com>: no such user' >&2; exit 67";
        let unsent = "the mail program: exit status: 67: looking up <…>: no such user".to_owned();
        assert_eq!(sent(&program(folder.path(), says)).await, Err(Unsent::Refused(unsent)));

        let talks = "cat > /dev/null; yes 'all is well' | head -c 1000000; exit 75";
        let Err(Unsent::Later(why)) = sent(&program(folder.path(), talks)).await else { panic!("sent") };
        assert!(why.contains("75: all is well all") && why.len() < 500, "{why}");
    }

    #[tokio::test]
    async fn what_it_leaves_running_behind_it_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let began = std::time::Instant::now();
        let mail = program(folder.path(), "cat > /dev/null; sleep 7 & exit 0");
        assert_eq!(sent(&mail).await, Ok(()));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
