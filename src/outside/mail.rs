//! Mail: how a letter leaves the house. A letter's id goes with it, so that one sent twice can be told.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use tokio::sync::oneshot;

use crate::domain::{Letter, MessageId, Recipient, Sender, Unsent};

/// Letters in one file at most.
const LETTERS_IN_A_FILE: usize = 64;
/// What goes before the name of an unfinished file.
const UNFINISHED: &str = ".";
/// An unfinished file that is older is nobody's any more.
const LITTER_AFTER: Duration = Duration::from_secs(3_600);
/// How long a mail program may take.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(8);
/// Bytes in a line of the body at most; RFC 5322 allows 998.
const LINE_MAX: usize = 990;
/// Bytes of text in one encoded word of a header; RFC 2047 allows 75 in all, and every byte may take three.
const WORD_MAX: usize = 20;

/// Who carries letters to customers. Sent means: whoever has it now will not lose it.
#[async_trait]
pub trait Mail: Send + Sync {
    /// An error says why, without the customer's data, and whether to try again later, with the same id.
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent>;
}

/// Mailboxes (mbox, RFC 4155), `<id of the first letter>-<random>.mbox`, for whoever empties the folder: a person, a
/// test, a mail system's pick-up. Letters that come together share one, as making a file safe costs more than the
/// letters in it. A letter sent twice is in two of them under the same Message-ID.
pub struct FileMail {
    posted: mpsc::Sender<Posted>,
    from: Sender,
}

/// A letter on its way into the folder.
struct Posted {
    id: MessageId,
    text: String,
    stored: oneshot::Sender<Result<(), String>>,
}

impl FileMail {
    /// Makes the folder if it is missing, for its owner only: letters name people.
    pub fn new(folder: impl Into<PathBuf>, from: Sender) -> io::Result<Self> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        clear_litter(&folder);

        // One thread puts all letters down: they would only wait for each other at the folder's door.
        let (posted, post) = mpsc::channel();
        std::thread::Builder::new().name("mail folder".to_owned()).spawn(move || put_down(&folder, &post))?;
        Ok(Self { posted, from })
    }
}

#[async_trait]
impl Mail for FileMail {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent> {
        let text = written(id, letter, &addressee(letter)?, &self.from);
        let (stored, storing) = oneshot::channel();
        let given_up = || Err(Unsent::Later("the mail folder: writing was given up".to_owned()));
        if self.posted.send(Posted { id, text, stored }).is_err() {
            return given_up();
        }
        // Whatever is wrong with a folder, such as a full disk, somebody can put right.
        storing.await.map_or_else(|_| given_up(), |it| it.map_err(Unsent::Later))
    }
}

/// Who a letter goes to, read once more: nothing that names a second recipient leaves the house, wherever it comes from.
fn addressee(letter: &Letter) -> Result<Recipient, Unsent> {
    let unusable = |_| Unsent::Suppressed("the customer's address is not a bare e-mail address".to_owned());
    letter.to.parse().map_err(unusable)
}

/// Removes what a process that was killed left unfinished. What is young may be another's that is just being written.
fn clear_litter(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name
            .to_str()
            .and_then(|it| it.strip_prefix(UNFINISHED))
            .is_some_and(|it| it.starts_with("msg_") && it.ends_with(".mbox"));
        let modified = entry.metadata().and_then(|it| it.modified()).ok();
        let is_old = modified.and_then(|it| it.elapsed().ok()).is_some_and(|it| it > LITTER_AFTER);
        if is_ours && is_old {
            // It does no harm where it stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Puts down what has come together, as long as somebody may post.
fn put_down(folder: &Path, post: &mpsc::Receiver<Posted>) {
    while let Ok(first) = post.recv() {
        let mut letters: Vec<Posted> =
            iter::once(first).chain(post.try_iter()).take(LETTERS_IN_A_FILE).collect();
        letters.retain(|it| !it.stored.is_closed());
        let storing = || store(folder, &letters).map_err(|it| format!("the mail folder: {it}"));
        let stored = catch_unwind(AssertUnwindSafe(storing));
        let stored = stored.unwrap_or_else(|_| Err("the mail folder: writing panicked".to_owned()));
        for letter in letters {
            // Whoever has stopped waiting sends it again.
            let _ = letter.stored.send(stored.clone());
        }
    }
}

/// Under a temporary name first, so that nobody picks up half a letter.
fn store(folder: &Path, letters: &[Posted]) -> io::Result<()> {
    let Some(first) = letters.first() else { return Ok(()) };
    // Never a name that was there before: what is in that file may have been sent by now, and its sender told so.
    let name = format!("{}-{:08x}.mbox", first.id, fastrand::u32(..));
    let unfinished = folder.join(format!("{UNFINISHED}{name}"));
    let written = write_mailbox(&unfinished, letters)
        .and_then(|()| fs::rename(&unfinished, folder.join(name)))
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        // What is left is only litter; the error that counts is the first one.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_mailbox(path: &Path, letters: &[Posted]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);

    let mut file = options.open(path)?;
    let entries: String = letters.iter().map(|it| entry(it.id, &it.text)).collect();
    file.write_all(entries.as_bytes())?;
    file.sync_all()
}

/// A letter as a mailbox has it: behind a line that begins with `From `, which no other line does.
fn entry(id: MessageId, letter: &str) -> String {
    let asctime = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    let at = instant_of(id).format(asctime).unwrap_or_default();
    let mut entry = format!("From MAILER-DAEMON {at}\n");
    for line in letter.lines() {
        if line.trim_start_matches('>').starts_with("From ") {
            entry.push('>');
        }
        entry.push_str(line);
        entry.push('\n');
    }
    entry.push('\n');
    entry
}

/// Hands letters to a program that takes them as `sendmail -i -f SENDER -- RECIPIENT` does: postfix, exim, msmtp, or a
/// script in front of a mail company's API. The recipient is that argument alone, never what a program might read in the
/// header. Sent twice, the customer may get two with the same Message-ID, of which mail readers show one.
pub struct Sendmail {
    program: PathBuf,
    from: Sender,
}

impl Sendmail {
    pub fn new(program: impl Into<PathBuf>, from: Sender) -> Self {
        Self { program: program.into(), from }
    }
}

#[async_trait]
impl Mail for Sendmail {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), Unsent> {
        let recipient = addressee(letter)?;
        let to = match &recipient {
            Recipient::Email(address) => address.to_string(),
            Recipient::Phone(_) => {
                return Err(Unsent::Suppressed("the customer left no e-mail address".to_owned()));
            }
        };
        // The program reads it as a text file of this system.
        let text = written(id, letter, &recipient, &self.from).replace("\r\n", "\n");
        let (program, from) = (self.program.clone(), self.from.address.to_string());
        let handing_over = tokio::task::spawn_blocking(move || hand_over(&program, &from, &to, text));
        let given_up = |_| Err(Unsent::Later("the mail program: waiting was given up".to_owned()));
        handing_over.await.unwrap_or_else(given_up)
    }
}

/// The exit codes of `sysexits.h` by which a mail program says that it will never take this letter: EX_DATAERR and
/// EX_NOUSER. EX_NOHOST (68) is none of them, as some say it when they cannot find their relay; nor is any other, as
/// somebody may put right what is wrong.
const REFUSED: [i32; 2] = [65, 67];

fn hand_over(program: &Path, from: &str, to: &str, text: String) -> Result<(), Unsent> {
    let failed = |it: io::Error| Unsent::Later(format!("the mail program: {it}"));
    let mut command = Command::new(program);
    // An address behind `--` is never an option, whatever it begins with.
    command
        .args(["-i", "-f", from, "--", to])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;

    // From a thread of its own: a program that does not read shall not hold us up.
    let mut stdin = child.stdin.take().expect("it was asked for above");
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let outcome = await_exit(&mut child).map_err(failed);
    let read = writing.join().is_ok_and(|it| it.is_ok());
    match outcome? {
        None => Err(Unsent::Later("the mail program took too long".to_owned())),
        Some(status) if status.code().is_some_and(|it| REFUSED.contains(&it)) => {
            Err(Unsent::Refused(format!("the mail program: {status}")))
        }
        Some(status) if !status.success() => Err(Unsent::Later(format!("the mail program: {status}"))),
        Some(_) if !read => Err(Unsent::Later("the mail program did not read the letter".to_owned())),
        Some(_) => Ok(()),
    }
}

/// None: it took too long and was stopped.
fn await_exit(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let ends = Instant::now() + HANDED_OVER_WITHIN;
    while Instant::now() < ends {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The letter as RFC 5322 has it. The same id and letter give the same bytes: the date is the id's.
fn written(id: MessageId, letter: &Letter, to: &Recipient, from: &Sender) -> String {
    let Letter { to: _, subject, body } = letter;
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
fn instant_of(id: MessageId) -> OffsetDateTime {
    let (seconds, _) = id.0.get_timestamp().map_or((0, 0), |it| it.to_unix());
    let at = i64::try_from(seconds).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The address, behind the name if there is one: as it is, between quotes, or in encoded words.
fn originator(from: &Sender) -> String {
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

/// A customer who left only a phone number is a group of nobody, named after the number.
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

#[cfg(test)]
mod outages;

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> MessageId {
        MessageId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"))
    }

    fn letter(to: &str, subject: &str, body: &str) -> Letter {
        Letter { to: to.to_owned(), subject: subject.to_owned(), body: body.to_owned() }
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
        mail.send(id(), &letter("ann@example.com", "Order 7", "Dear Ann,\nthank you.\n"))
            .await
            .expect("sent");

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
}
