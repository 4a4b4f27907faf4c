//! Whole copies of an embedded database: made while a server serves it, and put in its place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::domain::{Counters, Given, NextHistory, NumberGap, Timestamp, with_series};
use crate::store::connection::database_file::{Claim, Found, SERVED, beside, is_database, open};
use crate::store::connection::error::StoreError;
use crate::store::connection::histories::{self, DatabasePoint};
use crate::store::connection::open::{SchemaDifference, create_folder, lock_schema};
use crate::store::writer::chance::fresh_ids;

/// What to do with a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub orders: i64,
    /// The position of the last event; 0: there is none.
    pub position: i64,
    pub bytes: u64,
    /// Its source may lack its last changes.
    pub lacks_log: bool,
}

/// What was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub copied: Copied,
    /// Where the database is now that was there before.
    pub set_aside: Option<PathBuf>,
    /// Numbers that may have been given since the copy was made: nobody gets them again.
    pub left_out: Vec<NumberGap>,
    /// Whether somebody knows that exactly these were given.
    pub is_exact: bool,
}

/// What a person says of the numbers that were given after a copy was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumbersGiven {
    /// There are none.
    pub is_complete: bool,
    /// The last ones of these counters.
    pub last: Counters,
    /// Counters of the series that are in use, which may have begun after the copy was made.
    pub series: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    #[error("{} exists already; --force replaces it", .0.display())]
    Exists(PathBuf),
    #[error("{} is the database itself", .0.display())]
    Itself(PathBuf),
    #[error("{} is in use: stop the server, and whatever else has it open, first", .0.display())]
    InUse(PathBuf),
    #[error("{} is not a database of SQLite", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} is not a database of Consign", .0.display())]
    Foreign(PathBuf),
    #[error(
        "{} was copied from a running server without its write-ahead log: its last changes are missing; make a backup \
         with `consign backup`",
        .0.display()
    )]
    Torn(PathBuf),
    #[error("{} is damaged: {why}", .file.display())]
    Damaged { file: PathBuf, why: String },
    #[error("{0}")]
    Numbers(String),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies the database into one file, as it is at one moment. A server may go on writing meanwhile.
pub fn back_up(database: &Path, target: &Path, existing: Existing) -> Result<Copied, CopyError> {
    if !database.exists() {
        return Err(CopyError::Missing(database.to_owned()));
    }
    if is_same(database, target) {
        return Err(CopyError::Itself(target.to_owned()));
    }
    let free = || match existing {
        Existing::Keep if target.exists() => Err(CopyError::Exists(target.to_owned())),
        Existing::Keep | Existing::Replace => Ok(()),
    };
    free()?;
    let found = Found::at(database).map_err(at(database))?;
    let (partial, mut copied) = copy_beside(database, target)?;
    copied.lacks_log = found.lacks_log;
    if found.lacks_log {
        // The copy is to say so, too.
        open(&partial.0)?.pragma_update(None, "user_version", SERVED)?;
    }
    free()?;
    // What is beside a database of that name is none of the copy's: SQLite would take it for its log.
    let _claim = unless_served(target)?;
    for ending in ["-wal", "-shm", "-journal"] {
        match fs::remove_file(beside(target, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(target)(error)),
            _ => {}
        }
    }
    partial.put_at(target)?;
    Ok(copied)
}

/// A claim on a database that a server used before; an error if one does now.
fn unless_served(database: &Path) -> Result<Option<Claim>, CopyError> {
    if !beside(database, ".server").exists() {
        return Ok(None);
    }
    let claim = Claim::on(database).map_err(at(database))?;
    claim.map(Some).ok_or_else(|| CopyError::InUse(database.to_owned()))
}

/// Puts a copy in the place of the database, which nobody may use meanwhile. It begins a history of its own.
pub fn restore(
    file: &Path,
    database: &Path,
    existing: Existing,
    said: &NumbersGiven,
    now: Timestamp,
) -> Result<Restored, CopyError> {
    if !file.exists() {
        return Err(CopyError::Missing(file.to_owned()));
    }
    if is_same(file, database) {
        return Err(CopyError::Itself(file.to_owned()));
    }
    if !is_database(file).map_err(at(file))? {
        return Err(CopyError::NoDatabase(file.to_owned()));
    }
    if Found::at(file).map_err(at(file))?.lacks_log {
        return Err(CopyError::Torn(file.to_owned()));
    }
    create_folder(database).map_err(at(database))?;
    let claim = Claim::on(database).map_err(at(database))?;
    let Some(mut claim) = claim else { return Err(CopyError::InUse(database.to_owned())) };
    let _schema = lock_schema(database).map_err(at(database))?;
    if existing == Existing::Keep && database.exists() {
        return Err(CopyError::Exists(database.to_owned()));
    }

    let (partial, copied) = copy_beside(file, database)?;
    let known = Found::at(database).map_err(at(database))?.known_position;
    let (before, is_whole) = finish(database)?;
    let copy = open(&partial.0)?;
    let point = DatabasePoint::of(&copy)?;
    let known = point.given_since(before.as_ref(), is_whole, known);
    let certain = known.beyond(&point.counters);
    if said.is_complete && !certain.is_empty() {
        return Err(CopyError::Numbers(format!(
            "the database that is there gave numbers after the copy was made ({}): without --complete exactly these are \
             left out",
            certain.join(", ")
        )));
    }
    let given = if said.is_complete { Given::Nothing } else { known };
    let shared = before.and_then(|it| point.shared_with(&it));
    let left_out = begin_history(&copy, &point, (&given, shared), said, now)?;
    drop(copy);
    let set_aside = set_aside(database)?;
    partial.put_at(database)?;
    claim.begin_at(copied.position).map_err(at(database))?;
    Ok(Restored { copied, set_aside, left_out, is_exact: !matches!(given, Given::AtLeast(_)) })
}

/// Lets the copy go on as a history of its own; the numbers that it leaves out. `shared`: up to where it is the same as what
/// was there before, if that is less than all of it.
fn begin_history(
    copy: &Connection,
    point: &DatabasePoint,
    (given, shared): (&Given, Option<i64>),
    said: &NumbersGiven,
    now: Timestamp,
) -> Result<Vec<NumberGap>, CopyError> {
    let id = fresh_ids(now).fresh();
    let counters = with_series(point.counters.clone(), &said.series);
    let next = NextHistory::after(point.number(), &counters, given, &said.last, id, now);
    let next = next.map_err(CopyError::Numbers)?.sharing_at_most(shared.unwrap_or(i64::MAX));
    histories::begin(copy, &next)?;
    Ok(next.gaps)
}

/// How often a database is tried that somebody has locked for itself, 50 ms apart.
const LOCKED_TRIES: u32 = 100;

/// A file that is not yet what its name promises. It goes with this value, unless it was put in its place.
struct Partial(PathBuf);

impl Partial {
    /// Readable by its owner only.
    fn beside(target: &Path) -> Result<Self, CopyError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        // Two at a time, or one after another that was killed, do not meet: in a container every process may have one number.
        name.push(format!(".{:016x}.partial", fastrand::u64(..)));
        let partial = Self(target.with_file_name(name));
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(&partial.0).map_err(at(&partial.0))?;
        Ok(partial)
    }

    /// On disk first, then under its name.
    fn put_at(self, target: &Path) -> Result<(), CopyError> {
        File::open(&self.0).and_then(|it| it.sync_all()).map_err(at(&self.0))?;
        fs::rename(&self.0, target).map_err(at(target))?;
        sync_folder_of(target).map_err(at(target))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing is there any more once it was put in its place.
        let _ = fs::remove_file(&self.0);
    }
}

/// A copy beside the target, checked to be whole, and a Consign that this program knows.
fn copy_beside(source: &Path, target: &Path) -> Result<(Partial, Copied), CopyError> {
    let partial = Partial::beside(target)?;
    {
        let from = open(source)?;
        if !is_consign(&from)? {
            return Err(CopyError::Foreign(source.to_owned()));
        }
        let mut to = open(&partial.0)?;
        let backup = Backup::new(&from, &mut to)?;
        // In one step, since each change between two steps would make it begin anew.
        let mut tries = 1;
        while backup.step(-1)? != StepResult::Done {
            if tries == LOCKED_TRIES {
                return Err(CopyError::InUse(source.to_owned()));
            }
            tries += 1;
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    let copy = open(&partial.0)?;
    // One file, with no log beside it.
    copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
    copy.pragma_update(None, "user_version", 0)?;
    let said: String = copy.query_row("PRAGMA integrity_check(1)", (), |it| it.get(0))?;
    if said != "ok" {
        return Err(CopyError::Damaged { file: source.to_owned(), why: said });
    }
    SchemaDifference::of(&applied(&copy)?, &compatible_from(&copy)?)?;
    let orders = copy.query_row("SELECT count(*) FROM orders", (), |it| it.get(0))?;
    let position = histories::position(&copy)?;
    drop(copy);
    let bytes = fs::metadata(&partial.0).map_err(at(&partial.0))?.len();
    Ok((partial, Copied { orders, position, bytes, lacks_log: false }))
}

fn is_consign(database: &Connection) -> Result<bool, rusqlite::Error> {
    let tables = "SELECT count(*) FROM sqlite_master \
        WHERE name IN ('seaql_migrations', 'schema_steps', 'orders', 'counters', 'decisions', 'histories', 'number_gaps')";
    database.query_row(tables, (), |it| it.get::<_, i64>(0)).map(|it| it == 7)
}

/// The schema's steps that were taken.
fn applied(database: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut steps = database.prepare("SELECT version FROM seaql_migrations ORDER BY version")?;
    steps.query_map((), |it| it.get(0))?.collect()
}

/// For each of them the oldest one that a program has to know.
fn compatible_from(database: &Connection) -> Result<BTreeMap<String, String>, rusqlite::Error> {
    let mut steps = database.prepare("SELECT version, compatible_from FROM schema_steps")?;
    steps.query_map((), |it| Ok((it.get(0)?, it.get(1)?)))?.collect()
}

/// Has SQLite put all that a database has into its file, unless somebody else has it open. How far it has come, if it is one of
/// Consign's and not damaged; and whether its log was there.
fn finish(database: &Path) -> Result<(Option<DatabasePoint>, bool), CopyError> {
    if !database.exists() {
        return Ok((None, false));
    }
    let lacks_log = Found::at(database).map_err(at(database))?.lacks_log;
    let sole = open(database).and_then(|it| {
        it.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
        if !lacks_log {
            it.pragma_update(None, "user_version", 0)?;
        }
        Ok(DatabasePoint::of(&it).ok())
    });
    match sole {
        Ok(point) => Ok((point, !lacks_log)),
        Err(rusqlite::Error::SqliteFailure(cause, _))
            if matches!(
                cause.code,
                rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked
            ) =>
        {
            Err(CopyError::InUse(database.to_owned()))
        }
        // A damaged one may be put aside all the same.
        Err(_) => Ok((None, false)),
    }
}

/// Gives the database that is there another name, with its log if SQLite cannot put that into the file any more.
fn set_aside(database: &Path) -> Result<Option<PathBuf>, CopyError> {
    let left = ["", "-wal", "-journal"].map(|ending| (ending, beside(database, ending)));
    let left: Vec<_> = left.into_iter().filter(|(_, file)| file.exists()).collect();
    let _ = fs::remove_file(beside(database, "-shm"));
    if left.is_empty() {
        return Ok(None);
    }
    let aside = free_name(database);
    for (ending, file) in left {
        let name = beside(&aside, ending);
        // The database keeps its name too, until the copy takes it: a crash in between leaves one of them.
        if !ending.is_empty() || fs::hard_link(&file, &name).is_err() {
            fs::rename(&file, &name).map_err(at(&file))?;
        }
    }
    Ok(Some(aside))
}

/// A name beside the database's that no file has.
fn free_name(database: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let name = beside(database, &format!(".before-restore-{number}"));
        if !name.exists() {
            return name;
        }
        number += 1;
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// A new name is on disk when its folder is.
fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::File { path, source }
}
