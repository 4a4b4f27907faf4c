//! Letters into files of a folder.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use time::macros::format_description;
use tokio::sync::oneshot;

use crate::domain::{MessageId, Sender, Unsent};
use crate::outside::mail::contract::{Email, Mail};
use crate::outside::mail::erasing::erase_letters;
use crate::outside::mail::message::{Encoding, date_of, written};

/// Letters in one file at most.
const LETTERS_IN_A_FILE: usize = 64;

/// Prefix of the name of an unfinished file.
const UNFINISHED: &str = ".";

/// An unfinished file that is older has no writer any more.
const LITTER_AFTER: Duration = Duration::from_secs(3_600);

/// Mailboxes (mbox, RFC 4155), `<id of the first letter>-<random>.mbox`, for the reader of the folder: a person, a
/// test, a mail system's pick-up. Letters that come together share one, as making a file safe costs more than the
/// letters in it. A letter sent twice is in two of them under the same Message-ID.
pub struct FileMail {
    pub(super) posted: mpsc::Sender<Posted>,
    pub(super) from: Sender,
    folder: PathBuf,
}

/// A letter on its way into the folder.
pub(super) struct Posted {
    pub(super) id: MessageId,
    pub(super) text: String,
    pub(super) stored: oneshot::Sender<Result<(), String>>,
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
        let mailboxes = folder.clone();
        std::thread::Builder::new()
            .name("mail folder".to_owned())
            .spawn(move || put_down(&mailboxes, &post))?;
        Ok(Self { posted, from, folder })
    }
}

#[async_trait]
impl Mail for FileMail {
    async fn send(&self, email: &Email) -> Result<(), Unsent> {
        let text = String::from_utf8(written(email, &self.from, Encoding::Readable)?.bytes);
        let text = text.unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        let id = email.id;
        let (stored, storing) = oneshot::channel();
        let given_up = || Err(Unsent::Later("the mail folder: writing was given up".to_owned()));
        if self.posted.send(Posted { id, text, stored }).is_err() {
            return given_up();
        }
        // Every failure of a folder, such as a full disk, can be repaired, so the letter is tried again.
        storing.await.map_or_else(|_| given_up(), |it| it.map_err(Unsent::Later))
    }

    async fn erase(&self, messages: &[MessageId]) -> Result<(), String> {
        let (folder, messages) = (self.folder.clone(), messages.to_vec());
        let erasing = tokio::task::spawn_blocking(move || erase_letters(&folder, &messages)).await;
        let erased = erasing.map_err(|_| "the mail folder: erasing panicked".to_owned())?;
        erased.map_err(|it| format!("the mail folder: {it}"))
    }
}

/// Removes unfinished files of killed processes. A young one may still be written by another process.
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

/// Writes letters until the last sender is gone; letters that came together share a file.
pub(super) fn put_down(folder: &Path, post: &mpsc::Receiver<Posted>) {
    while let Ok(first) = post.recv() {
        let mut letters: Vec<Posted> =
            iter::once(first).chain(post.try_iter()).take(LETTERS_IN_A_FILE).collect();
        letters.retain(|it| !it.stored.is_closed());
        let storing = || store(folder, &letters).map_err(|it| format!("the mail folder: {it}"));
        let stored = catch_unwind(AssertUnwindSafe(storing));
        let stored = stored.unwrap_or_else(|_| Err("the mail folder: writing panicked".to_owned()));
        for letter in letters {
            // A caller that has stopped waiting sends it again.
            let _ = letter.stored.send(stored.clone());
        }
    }
}

/// Under a temporary name first, so that no reader picks up half a letter.
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
    let mut entries = String::with_capacity(letters.iter().map(|it| it.text.len() + 64).sum());
    for Posted { id, text, stored: _ } in letters {
        add_entry(&mut entries, *id, text);
    }
    file.write_all(entries.as_bytes())?;
    file.sync_all()
}

/// Adds a letter as a mailbox has it: behind a line that begins with `From `, which no other line does.
fn add_entry(entries: &mut String, id: MessageId, letter: &str) {
    let asctime = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    let at = date_of(id).format(asctime).unwrap_or_default();
    let _ = writeln!(entries, "From MAILER-DAEMON {at}");
    for line in letter.lines() {
        if line.trim_start_matches('>').starts_with("From ") {
            entries.push('>');
        }
        entries.push_str(line);
        entries.push('\n');
    }
    entries.push('\n');
}
