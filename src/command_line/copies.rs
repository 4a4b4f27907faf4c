//! `backup` and `restore`.

use std::fmt::Display;
use std::path::PathBuf;

use crate::command_line::shown;
use crate::settings::{DatabaseFlags, Settings};
use crate::store::{self, Copied, CopyError, Existing, Restored};
use crate::terminal::{complain, say};

/// Copies the embedded database into `file`.
pub(super) async fn back_up(
    flags: &DatabaseFlags,
    file: PathBuf,
    force: bool,
) -> Result<(), Box<dyn Display>> {
    let database = embedded(flags, "pg_dump --format=custom --file=FILE --dbname")?;
    let target = file.clone();
    let copying = move || store::back_up(&database, &target, existing(force));
    let copied = by_itself(copying).await?;
    if copied.lacks_log {
        complain(
            "the database was copied from a running server without its write-ahead log, or another program took that away \
             after a crash: this backup lacks what it lacks",
        );
    }
    say(format_args!("backed up {} into {} ({} bytes)", told(&copied), file.display(), copied.bytes));
    Ok(())
}

/// Puts `file` in the place of the embedded database.
pub(super) async fn restore(
    flags: &DatabaseFlags,
    file: PathBuf,
    force: bool,
) -> Result<(), Box<dyn Display>> {
    let database = embedded(flags, "pg_restore --clean --if-exists --dbname")?;
    let target = database.clone();
    let copying = move || store::restore(&file, &target, existing(force));
    let Restored { copied, set_aside } = by_itself(copying).await?;
    if let Some(path) = set_aside {
        say(format_args!("the database that was there is now {}", path.display()));
    }
    say(format_args!("restored {} into {}", told(&copied), database.display()));
    say("compare the provider's list of payments with ListPayments before serving");
    Ok(())
}

/// The file of the database; PostgreSQL has tools of its own for this.
fn embedded(flags: &DatabaseFlags, instead: &str) -> Result<PathBuf, Box<dyn Display>> {
    let settings = Settings::load_for_database(flags).map_err(shown)?;
    match &settings.database_url {
        None => Ok(settings.sqlite_file()),
        Some(url) => Err(shown(format!(
            "this is for the embedded database; PostgreSQL has its own tools: {instead} '{url}' (chapter Backup of \
             docs/operations.md)"
        ))),
    }
}

/// On a thread that may wait for the disk.
async fn by_itself<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, Box<dyn Display>> {
    tokio::task::spawn_blocking(work).await.map_err(shown)?.map_err(shown)
}

fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Keep }
}

fn told(copied: &Copied) -> String {
    match copied.position {
        0 => format!("{} orders and no event", copied.orders),
        position => format!("{} orders, up to event {position},", copied.orders),
    }
}
