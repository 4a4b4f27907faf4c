//! The file of an embedded database: who serves it, whether its tail is there, and when it was last seen.
//!
//! A server marks the file while it serves. The mark is in the file itself: one that has it, with no write-ahead log beside
//! it, was copied without its last changes. Beside the file a second one, `.server`, is locked by the server and knows
//! the position of the last event.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::store::connection::error::StoreError;

/// The value of SQLite's `user_version` while a server serves the database.
pub(super) const SERVED: u32 = 1;

/// Where SQLite keeps it: four bytes of the file's header, the highest first (SQLite's file format, section 1.3).
const VERSION_AT: u64 = 60;

/// How every file of SQLite begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A position needs at most 19 digits, so that each overwrites the one before it.
const POSITION_DIGITS: usize = 20;

/// What the file was like before this process opened it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Found {
    /// It was in use, and its write-ahead log is not there.
    pub(super) lacks_log: bool,
    /// The last position that a server wrote down beside it.
    pub(super) known_position: Option<i64>,
}

impl Found {
    /// Looks at the files, and opens no database.
    pub(super) fn at(database: &Path) -> io::Result<Self> {
        let served = header(database)?.is_some_and(|it| it == SERVED);
        let lacks_log = served && !beside(database, "-wal").exists();
        Ok(Self { lacks_log, known_position: known_position(database) })
    }

    /// The last position that a server wrote down beside it.
    pub(in crate::store) fn known_position(self) -> Option<i64> {
        self.known_position
    }

    /// What the database has evidently lost, if its last event is at this position.
    pub(in crate::store) fn losses(self, position: i64) -> Vec<String> {
        let mut losses = Vec::new();
        if self.lacks_log {
            losses.push(
                "the database was copied from a running server without its write-ahead log, or another program \
                 took that away after a crash: its last changes may be missing"
                    .to_owned(),
            );
        }
        if let Some(known) = self.known_position.filter(|it| *it > position) {
            losses.push(format!(
                "the database is older than it was: its last event is {position}, and a server here has seen {known}; if \
                 that is meant, `consign restore --in-place` keeps numbers from being given twice"
            ));
        }
        losses
    }
}

/// What `.server` says.
fn known_position(database: &Path) -> Option<i64> {
    let written = std::fs::read_to_string(beside(database, ".server")).ok()?;
    written.trim().parse().ok()
}

/// The number in the header; None: the file is missing, empty or no database.
fn header(database: &Path) -> io::Result<Option<u32>> {
    let mut file = match File::open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut magic = [0; MAGIC.len()];
    let mut version = [0; 4];
    let mut read = || -> io::Result<()> {
        file.read_exact(&mut magic)?;
        file.seek(SeekFrom::Start(VERSION_AT))?;
        file.read_exact(&mut version)
    };
    match read() {
        Ok(()) => Ok((magic == MAGIC).then(|| u32::from_be_bytes(version))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it begins as every database of SQLite does.
pub(super) fn is_database(file: &Path) -> io::Result<bool> {
    Ok(header(file)?.is_some())
}

/// The name of a file that belongs to the database.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// That this process alone serves a database. It ends with the value, and with the process.
pub(in crate::store) struct Claim {
    database: PathBuf,
    server: File,
    written: i64,
}

impl Claim {
    /// None: another process serves it.
    pub(super) fn on(database: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let server = options.open(beside(database, ".server"))?;
        match server.try_lock() {
            Ok(()) => {
                let written = known_position(database).unwrap_or(-1);
                Ok(Some(Self { database: database.to_owned(), server, written }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says in the file that it is being served, so that a copy of it alone can be told from the whole.
    pub(in crate::store) fn mark_served(&self) -> Result<(), StoreError> {
        let connection = mark(&self.database, SERVED)?;
        // A copy of the file alone has the mark only if it is in the file.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        Ok(())
    }

    /// Takes the mark away. With the last connection closed SQLite has put everything into the file.
    pub(in crate::store) fn end(self) -> Result<(), StoreError> {
        mark(&self.database, 0).map(|_| ())
    }

    /// Writes down where the feed of events ends, for a server that finds less here one day. Nothing depends on its being
    /// on disk. A lower position than was seen before is not written: it is what tells that the database is older now.
    pub(in crate::store) fn note(&mut self, position: i64) -> io::Result<()> {
        if position <= self.written {
            return Ok(());
        }
        self.begin_at(position)
    }

    /// Writes down where another history begins, which may be before what was seen.
    pub(in crate::store) fn begin_at(&mut self, position: i64) -> io::Result<()> {
        self.server.seek(SeekFrom::Start(0))?;
        writeln!(self.server, "{position:>POSITION_DIGITS$}")?;
        self.written = position;
        Ok(())
    }
}

/// Takes the mark of a server that crashed away from a database that nobody serves and that has its log.
pub(super) fn settle(database: &Path, found: Found) -> Result<(), StoreError> {
    let unknown = |it: io::Error| StoreError::Unavailable(format!("{}: {it}", database.display()));
    if found.lacks_log || header(database).map_err(unknown)? != Some(SERVED) {
        return Ok(());
    }
    if let Some(_claim) = Claim::on(database).map_err(unknown)? {
        mark(database, 0)?;
    }
    Ok(())
}

fn mark(database: &Path, version: u32) -> Result<Connection, StoreError> {
    let connection = open(database)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "user_version", version)?;
    Ok(connection)
}

/// A connection for work on the file as a whole.
pub(super) fn open(database: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(super::sqlite::BUSY_TIMEOUT)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &Path) -> PathBuf {
        let path = folder.join("a.db");
        std::fs::write(&path, "").expect("a file");
        let connection = open(&path).expect("it opens");
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").expect("a table");
        path
    }

    #[test]
    fn a_file_is_served_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path());
        let mut claim = Claim::on(&path).expect("it is tried").expect("nobody serves it");
        assert!(Claim::on(&path).expect("it is tried").is_none());
        let known = || Found::at(&path).expect("it is there").known_position;
        for position in [7, 1_000] {
            claim.note(position).expect("it is written");
            assert_eq!(known(), Some(position));
        }
        drop(claim);
        assert!(Claim::on(&path).expect("it is tried").is_some());
    }

    #[test]
    fn what_was_seen_is_forgotten_by_a_restore_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path());
        let claim = || Claim::on(&path).expect("it is tried").expect("nobody serves it");
        let known = || Found::at(&path).expect("it is there").known_position;
        claim().note(1_000).expect("it is written");

        // An older file was put in its place, and a server starts with it.
        let mut second = claim();
        for position in [12, 13, 1_000] {
            second.note(position).expect("it is looked at");
            assert_eq!(known(), Some(1_000));
        }
        second.begin_at(12).expect("it is written");
        assert_eq!(known(), Some(12));
        second.note(13).expect("it is written");
        assert_eq!(known(), Some(13));
    }

    #[test]
    fn a_copy_without_its_log_is_noticed_and_what_a_crash_left_is_not_taken_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = database(folder.path());
        let reader = open(&path).expect("it opens");
        reader.query_row("SELECT count(*) FROM t", (), |_| Ok(())).expect("it keeps the log");
        let claim = Claim::on(&path).expect("it is tried").expect("nobody serves it");
        claim.mark_served().expect("it is marked");

        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).expect("a copy");
        let found = Found::at(&copy).expect("it is there");
        assert!(found.lacks_log && found.losses(0).len() == 1);
        settle(&copy, found).expect("it is left alone");
        assert!(Found::at(&copy).expect("it is there").lacks_log, "what is lost stays lost");

        // A crash: the lock is gone, the log stays.
        assert!(!Found::at(&path).expect("it is there").lacks_log);
        drop(claim);
        settle(&path, Found::at(&path).expect("it is there")).expect("it is settled");
        drop(reader);
        assert_eq!(Found::at(&path).expect("it is there"), Found::default());
    }

    #[test]
    fn a_file_that_ends_before_what_was_seen_is_older() {
        let found = Found { lacks_log: false, known_position: Some(8) };
        assert!(found.losses(8).is_empty() && found.losses(9).is_empty());
        let losses = found.losses(7);
        assert_eq!(losses.len(), 1);
        let expected =
            "the database is older than it was: its last event is 7, and a server here has seen 8; if";
        assert!(losses[0].starts_with(expected), "{losses:?}");
    }
}
