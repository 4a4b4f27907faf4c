//! Takes letters out of the mailboxes of a folder. Their bytes are overwritten where they stand: a mailbox that was written
//! anew might deliver the others' letters twice.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

use crate::domain::MessageId;

/// What every mailbox's name ends with, finished or not.
const MAILBOX: &str = ".mbox";

/// What the line between two letters begins with, behind the end of the line before.
const NEXT_LETTER: &[u8] = b"\nFrom ";

/// What a Message-ID of ours begins with, and how long the id in it is.
const OUR_ID: &[u8] = b"<msg_";
const ID_BYTES: usize = 30;

/// Erases the letters of these messages from every mailbox there, also from those that a killed process left unfinished.
/// A mailbox in which none is left goes. Done again it does no harm.
pub(super) fn erase_letters(folder: &Path, messages: &[MessageId]) -> io::Result<()> {
    let messages: HashSet<String> = messages.iter().map(ToString::to_string).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(MAILBOX) {
            match erase_from(&entry.path(), &messages) {
                // Somebody has picked it up.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                erased => erased?,
            }
        }
    }
    Ok(())
}

fn erase_from(mailbox: &Path, messages: &HashSet<String>) -> io::Result<()> {
    let bytes = fs::read(mailbox)?;
    let letters = letters(&bytes);
    let theirs: Vec<&Range<usize>> =
        letters.iter().filter(|it| is_of(&bytes[(*it).clone()], messages)).collect();
    if theirs.is_empty() {
        return Ok(());
    }

    let mut file = OpenOptions::new().write(true).open(mailbox)?;
    for letter in &theirs {
        file.seek(SeekFrom::Start(letter.start as u64))?;
        file.write_all(&vec![b'\n'; letter.len()])?;
    }
    file.sync_all()?;
    let mut others = letters.iter().filter(|it| !theirs.contains(it));
    let is_empty = others.all(|it| bytes[it.clone()].iter().all(u8::is_ascii_whitespace));
    if is_empty { fs::remove_file(mailbox) } else { Ok(()) }
}

/// Where each letter stands, with the line before it.
fn letters(mailbox: &[u8]) -> Vec<Range<usize>> {
    let after = mailbox.windows(NEXT_LETTER.len()).enumerate().filter(|it| it.1 == NEXT_LETTER);
    let mut begins: Vec<usize> = after.map(|it| it.0 + 1).collect();
    begins.insert(0, 0);
    let ends = begins.iter().skip(1).copied().chain([mailbox.len()]);
    begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect()
}

/// Whether the head of a letter has the Message-ID of one of these.
fn is_of(letter: &[u8], messages: &HashSet<String>) -> bool {
    let head = letter.windows(2).position(|it| it == b"\n\n").map_or(letter, |end| &letter[..end]);
    let ids = head.windows(OUR_ID.len()).enumerate().filter(|it| it.1 == OUR_ID);
    let mut named = ids.filter_map(|(at, _)| std::str::from_utf8(head.get(at + 1..at + 1 + ID_BYTES)?).ok());
    named.any(|it| messages.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> MessageId {
        MessageId(uuid::Uuid::from_u128((1_790_000_000_000 << 80) | (7 << 76) | (2 << 62) | number))
    }

    fn letter(number: u128, times: &str, to: &str) -> String {
        format!(
            "From MAILER-DAEMON Mon Jan  5 10:00:00 2026\nTo: {to}\nMessage-ID: <{}{times}@shop.example>\n\n\
             Dear {to},\n>From now on\nyours\n\n",
            id(number)
        )
    }

    #[test]
    fn letters_of_the_erased_are_overwritten_and_those_of_others_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        assert_eq!(id(1).to_string().len(), ID_BYTES);
        let (ann, again, bob) = (letter(1, "", "ann"), letter(1, ".2", "ann"), letter(2, "", "bob"));
        fs::write(path("msg_1.mbox"), format!("{ann}{bob}{again}")).expect("a mailbox");
        fs::write(path("msg_2.mbox"), format!("{ann}{again}")).expect("a mailbox");
        fs::write(path(".msg_3.mbox"), &ann).expect("what was left unfinished");
        fs::write(path("msg_4.mbox"), &bob).expect("a mailbox");
        fs::write(path("notes.txt"), &ann).expect("something else");

        for _ in 0..2 {
            erase_letters(folder.path(), &[id(1), id(7)]).expect("erased");
            let mixed = fs::read_to_string(path("msg_1.mbox")).expect("it has others");
            assert_eq!(mixed.len(), ann.len() + bob.len() + again.len(), "nothing moved");
            assert_eq!(mixed.trim(), bob.trim());
            assert!(!path("msg_2.mbox").exists() && !path(".msg_3.mbox").exists());
            assert_eq!(fs::read_to_string(path("msg_4.mbox")).expect("another's"), bob);
            assert_eq!(fs::read_to_string(path("notes.txt")).expect("no mailbox"), ann);
        }
        assert!(erase_letters(&path("nowhere"), &[id(1)]).is_err(), "it is said that the folder is missing");
    }

    #[test]
    fn a_letter_that_only_speaks_of_another_is_not_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("msg_5.mbox");
        let text = letter(2, "", "bob").replace("yours", &format!("<{}@shop.example>", id(1)));
        fs::write(&path, &text).expect("a mailbox");
        erase_letters(folder.path(), &[id(1)]).expect("nothing to erase");
        assert_eq!(fs::read_to_string(&path).expect("it stays"), text);
    }
}
