//! Mail: how a letter leaves the house. A letter's id goes with it, so that one sent twice can be told.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::sync::oneshot;

use crate::domain::{Letter, MessageId};

/// Letters that share one safe-keeping of the folder at most, beside the first.
const LETTERS_AT_ONCE: usize = 63;
/// How long a mail program may take.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(8);
/// Bytes in a line of the body at most; RFC 5322 allows 998.
const LINE_MAX: usize = 990;
/// Bytes of text in one encoded word of a header; RFC 2047 allows 75 in all, and every byte may take three.
const WORD_MAX: usize = 20;

/// Who carries letters to customers. Sent means: whoever has it now will not lose it.
#[async_trait]
pub trait Mail: Send + Sync {
    /// An error says why, without the customer's data; it is tried again later, with the same id.
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), String>;
}

/// One file per letter, `<message id>.eml`, for whoever empties the folder: a person, a test, a mail system's pick-up.
/// Sent twice it is still one file.
pub struct FileMail {
    posted: mpsc::Sender<Posted>,
    from: String,
}

/// A letter on its way into the folder.
struct Posted {
    id: MessageId,
    text: String,
    stored: oneshot::Sender<Result<(), String>>,
}

impl FileMail {
    /// Makes the folder if it is missing, for its owner only: letters name people.
    pub fn new(folder: impl Into<PathBuf>, from: impl Into<String>) -> io::Result<Self> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;

        // One thread puts all letters down: they would only wait for each other at the folder's door.
        let (posted, post) = mpsc::channel();
        std::thread::Builder::new().name("mail folder".to_owned()).spawn(move || put_down(&folder, &post))?;
        Ok(Self { posted, from: from.into() })
    }
}

#[async_trait]
impl Mail for FileMail {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), String> {
        let text = written(id, letter, &self.from);
        let (stored, storing) = oneshot::channel();
        let given_up = || Err("the mail folder: writing was given up".to_owned());
        if self.posted.send(Posted { id, text, stored }).is_err() {
            return given_up();
        }
        storing.await.unwrap_or_else(|_| given_up())
    }
}

/// Puts down what has come together, as long as somebody may post.
fn put_down(folder: &Path, post: &mpsc::Receiver<Posted>) {
    while let Ok(first) = post.recv() {
        let mut letters: Vec<Posted> =
            iter::once(first).chain(post.try_iter().take(LETTERS_AT_ONCE)).collect();
        letters.retain(|it| !it.stored.is_closed());
        let stored = store(folder, &letters);
        for (letter, stored) in letters.into_iter().zip(stored) {
            // Whoever has stopped waiting sends it again.
            let _ = letter.stored.send(stored.map_err(|it| format!("the mail folder: {it}")));
        }
    }
}

/// Under temporary names first, so that nobody picks up half a letter; the folder is made safe once for all of them.
fn store(folder: &Path, letters: &[Posted]) -> Vec<io::Result<()>> {
    // In three rounds: a file system has little left to do for the second file that is made safe, unless something was
    // renamed in between.
    let written: Vec<_> = letters.iter().map(|it| Unfinished::write(folder, it)).collect();
    let safe: Vec<_> = written.into_iter().map(|it| it.and_then(Unfinished::make_safe)).collect();
    let mut stored: Vec<_> = safe.into_iter().map(|it| it.and_then(Unfinished::name)).collect();
    if stored.iter().any(Result::is_ok)
        && let Err(error) = File::open(folder).and_then(|it| it.sync_all())
    {
        stored.iter_mut().for_each(|it| *it = Err(io::Error::new(error.kind(), error.to_string())));
    }
    stored
}

/// A letter that is written, but not yet to be found.
struct Unfinished {
    file: File,
    path: PathBuf,
    final_path: PathBuf,
}

impl Unfinished {
    fn write(folder: &Path, letter: &Posted) -> io::Result<Self> {
        let Posted { id, text, stored: _ } = letter;
        let path = folder.join(format!(".{id}.{:08x}", fastrand::u32(..)));
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);

        let file = options.open(&path)?;
        let mut unfinished = Self { file, path, final_path: folder.join(format!("{id}.eml")) };
        match unfinished.file.write_all(text.as_bytes()) {
            Ok(()) => Ok(unfinished),
            Err(error) => Err(unfinished.litter(error)),
        }
    }

    fn make_safe(self) -> io::Result<Self> {
        match self.file.sync_all() {
            Ok(()) => Ok(self),
            Err(error) => Err(self.litter(error)),
        }
    }

    fn name(self) -> io::Result<()> {
        fs::rename(&self.path, &self.final_path).map_err(|it| self.litter(it))
    }

    /// What is left of it is only litter; the error that counts is the first one.
    fn litter(self, error: io::Error) -> io::Error {
        let _ = fs::remove_file(&self.path);
        error
    }
}

/// Hands letters to a program that takes them as `sendmail -i -t` does: postfix, exim, msmtp, or a script in front of
/// a mail company's API. Sent twice, the customer may get two with the same Message-ID, of which mail readers show one.
pub struct Sendmail {
    program: PathBuf,
    from: String,
}

impl Sendmail {
    pub fn new(program: impl Into<PathBuf>, from: impl Into<String>) -> Self {
        Self { program: program.into(), from: from.into() }
    }
}

#[async_trait]
impl Mail for Sendmail {
    async fn send(&self, id: MessageId, letter: &Letter) -> Result<(), String> {
        if !letter.to.contains('@') {
            return Err("the customer left no e-mail address".to_owned());
        }
        // The program reads it as a text file of this system.
        let text = written(id, letter, &self.from).replace("\r\n", "\n");
        let program = self.program.clone();
        let handing_over = tokio::task::spawn_blocking(move || hand_over(&program, text));
        handing_over.await.unwrap_or_else(|_| Err("the mail program: waiting was given up".to_owned()))
    }
}

fn hand_over(program: &Path, text: String) -> Result<(), String> {
    let failed = |it: io::Error| format!("the mail program: {it}");
    let mut command = Command::new(program);
    command.args(["-i", "-t"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;

    // From a thread of its own: a program that does not read shall not hold us up.
    let mut stdin = child.stdin.take().expect("it was asked for above");
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let outcome = await_exit(&mut child).map_err(failed);
    let read = writing.join().is_ok_and(|it| it.is_ok());
    match outcome? {
        None => Err("the mail program took too long".to_owned()),
        Some(status) if !status.success() => Err(format!("the mail program: {status}")),
        Some(_) if !read => Err("the mail program did not read the letter".to_owned()),
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
fn written(id: MessageId, letter: &Letter, from: &str) -> String {
    let Letter { to, subject, body } = letter;
    let host = from.rsplit_once('@').map_or("consign.invalid", |it| it.1.trim_end_matches('>'));
    let mut text = String::with_capacity(body.len() + 500);
    let mut header = |name: &str, value: &str| {
        let _ = write!(text, "{name}: {value}\r\n");
    };
    header("Date", &date_of(id));
    header("From", &one_line(from));
    header("To", &recipient(to));
    header("Subject", &unstructured(subject));
    header("Message-ID", &format!("<{id}@{}>", one_line(host)));
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
fn date_of(id: MessageId) -> String {
    let (seconds, _) = id.0.get_timestamp().map_or((0, 0), |it| it.to_unix());
    let at = i64::try_from(seconds).ok().and_then(|it| OffsetDateTime::from_unix_timestamp(it).ok());
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(&Rfc2822).unwrap_or_default()
}

/// A customer who left only a phone number is a group of nobody, named after the number.
fn recipient(to: &str) -> String {
    let to = one_line(to);
    if to.contains('@') { to } else { format!("{to}:;") }
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
mod tests {
    use super::*;

    fn id() -> MessageId {
        MessageId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a uuid"))
    }

    fn letter(to: &str, subject: &str, body: &str) -> Letter {
        Letter { to: to.to_owned(), subject: subject.to_owned(), body: body.to_owned() }
    }

    fn headers(text: &str) -> Vec<&str> {
        text.split_once("\r\n\r\n").expect("a blank line").0.split("\r\n").collect()
    }

    #[tokio::test]
    async fn sent_twice_there_is_one_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let mail = FileMail::new(folder.path().join("mail"), "orders@shop.example").expect("a mail folder");
        let letter = letter("ann@example.com", "Order 7", "Dear Ann,\nthank you.\n");
        for _ in 0..2 {
            mail.send(id(), &letter).await.expect("sent");
        }

        let files: Vec<_> = fs::read_dir(folder.path().join("mail"))
            .expect("the folder")
            .map(|it| it.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        assert_eq!(files, ["msg_01h455vb4pex5vsknk084sn02q.eml"]);
        let text = fs::read_to_string(folder.path().join("mail").join(&files[0])).expect("the letter");
        assert_eq!(
            text,
            "Date: Fri, 30 Jun 2023 03:34:18 +0000\r\n\
             From: orders@shop.example\r\n\
             To: ann@example.com\r\n\
             Subject: Order 7\r\n\
             Message-ID: <msg_01h455vb4pex5vsknk084sn02q@shop.example>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             \r\n\
             Dear Ann,\r\n\
             thank you.\r\n"
        );
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let mail = FileMail::new(folder.path().join("mail"), "orders@shop.example").expect("a mail folder");
        fs::remove_dir(folder.path().join("mail")).expect("removed");
        assert!(mail.send(id(), &letter("ann@example.com", "Order 7", "Dear Ann")).await.is_err());
    }

    #[test]
    fn nobody_can_slip_in_a_header() {
        let evil = letter(
            "ann@example.com\r\nBcc: all@example.com",
            "Order\n\r\nX-Evil: yes\u{85}\u{0}",
            "Dear Ann,\rfriend\u{7}",
        );
        let text = written(id(), &evil, "orders@shop.example\nCc: me@example.com");
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
        let text = written(
            id(),
            &letter("ann@example.com", "Grüße für 安, =?x?=", "Grüße 安"),
            "orders@shop.example",
        );
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
        let text = written(id(), &letter("+60312345678", "Order 7", "Dear Ann"), "orders@shop.example");
        assert!(headers(&text).contains(&"To: +60312345678:;"), "{text}");
    }

    #[test]
    fn no_line_is_longer_than_a_line_may_be() {
        let text =
            written(id(), &letter("ann@example.com", &"x".repeat(2_000), &"ü".repeat(2_000)), "a@b.example");
        assert!(text.split("\r\n").all(|it| it.len() <= 998));
        assert_eq!(text.matches('ü').count(), 2_000);
    }

    #[cfg(unix)]
    fn program(folder: &Path, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("sendmail");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("made runnable");
        path
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_mail_program_is_handed_the_letter() {
        let folder = tempfile::tempdir().expect("a folder");
        let got = folder.path().join("got");
        let program = program(folder.path(), &format!("echo \"$@\" > {0}; cat >> {0}", got.display()));
        let mail = Sendmail::new(program, "orders@shop.example");
        mail.send(id(), &letter("ann@example.com", "Order 7", "Dear Ann")).await.expect("sent");
        let text = fs::read_to_string(got).expect("what the program got");
        assert!(text.starts_with("-i -t\nDate: "), "{text}");
        assert!(text.ends_with("\n\nDear Ann\n"), "{text}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_mail_program_that_fails_or_is_missing_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let letter = letter("ann@example.com", "Order 7", "Dear Ann");
        let failing =
            Sendmail::new(program(folder.path(), "cat > /dev/null; exit 75"), "orders@shop.example");
        let error = failing.send(id(), &letter).await.expect_err("exit status 75");
        assert!(error.contains("75"), "{error}");
        let missing = Sendmail::new(folder.path().join("nothing"), "orders@shop.example");
        assert!(missing.send(id(), &letter).await.is_err());
    }
}
