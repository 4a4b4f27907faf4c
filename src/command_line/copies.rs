//! `backup` and `restore`.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde_json::json;

use crate::clock;
use crate::command_line::{open_database, shown};
use crate::domain::{Histories, History, NumberGap, series_counters};
use crate::settings::{DatabaseFlags, Settings};
use crate::store::{self, Copied, CopyError, Existing, NumbersGiven, Restored};
use crate::terminal::{complain, say};

/// What is put back, and what is known of the numbers that were given since.
#[derive(Args)]
pub(super) struct RestoreOptions {
    /// A file that `backup` made
    #[arg(required_unless_present = "in_place", conflicts_with = "in_place")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: DatabaseFlags,
    /// Set aside a database that is there
    #[arg(long, conflicts_with = "in_place")]
    force: bool,
    /// An older copy was put in place by other means, such as pg_restore: see to the numbers only
    #[arg(long)]
    in_place: bool,
    /// Nothing happened after the copy was made: leave no number out
    #[arg(long)]
    complete: bool,
    /// The last number that a counter gave after the copy was made: orders=1042, invoices/INV=311
    #[arg(long = "after", value_name = "COUNTER=NUMBER")]
    last: Vec<LastNumber>,
}

#[derive(Debug, Clone)]
struct LastNumber {
    counter: String,
    number: i64,
}

impl FromStr for LastNumber {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (counter, number) = text.rsplit_once('=').ok_or("must be COUNTER=NUMBER, such as orders=1042")?;
        let number = number.parse::<i64>().ok().filter(|it| *it >= 0);
        let number = number.ok_or("must have a whole number that is not negative")?;
        Ok(Self { counter: counter.to_owned(), number })
    }
}

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

/// Puts a copy in the place of the embedded database, or sees to the numbers of one that was put there by other means.
pub(super) async fn restore(options: RestoreOptions) -> Result<(), Box<dyn Display>> {
    let RestoreOptions { file, flags, force, in_place: _, complete, last } = options;
    let last = last.into_iter().map(|it| (it.counter, it.number)).collect();
    let rules = Settings::load_for_database(&flags).map_err(shown)?.rules;
    let series =
        series_counters(&rules.invoice_series, &rules.supplement_series, &rules.credit_note_series).to_vec();
    let said = NumbersGiven { is_complete: complete, last, series };
    let Some(file) = file else { return begin_history(&flags, &said).await };
    let database = embedded(&flags, "pg_restore --clean --if-exists --dbname")?;
    let target = database.clone();
    let copying = move || store::restore(&file, &target, existing(force), &said, clock::now());
    let Restored { copied, set_aside, left_out, is_exact } = by_itself(copying).await?;
    if let Some(path) = set_aside {
        say(format_args!("the database that was there is now {}", path.display()));
    }
    say(format_args!("restored {} into {}", told(&copied), database.display()));
    tell_left_out(&left_out, is_exact);
    Ok(())
}

async fn begin_history(flags: &DatabaseFlags, said: &NumbersGiven) -> Result<(), Box<dyn Display>> {
    let (_, store) = open_database(flags).await?;
    store.migrate().await.map_err(shown)?;
    let left_out = store.begin_history(said).await;
    store.close().await;
    tell_left_out(&left_out.map_err(shown)?, said.is_complete);
    Ok(())
}

fn tell_left_out(left_out: &[NumberGap], is_exact: bool) {
    if !is_exact {
        say(
            "nobody knows which numbers were given after the copy was made: as many again as there were are left out; a series \
             of invoices or credit notes that has begun since, and that the settings do not name any more, is to be named: \
             --after invoices/SERIES=NUMBER",
        );
    }
    for NumberGap { counter, first, last, history: _ } in left_out {
        say(format_args!("{counter}: {first} to {last} are left out"));
    }
    say("`consign reconcile` lists payments that only the provider knows");
}

/// Lists the histories of the database, and what each has left out.
pub(super) async fn restores(flags: &DatabaseFlags, json: bool) -> Result<(), Box<dyn Display>> {
    let (_, store) = open_database(flags).await?;
    let found = store.histories().await;
    store.close().await;

    let Histories { all, gaps } = found.map_err(shown)?;
    for History { number, id, begun_at, shared_position } in all {
        let left_out = gaps.iter().filter(|it| it.history == number);
        if json {
            let left_out: Vec<_> = left_out
                .map(|it| json!({"counter": it.counter, "first": it.first, "last": it.last}))
                .collect();
            say(json!({
                "number": number,
                "historyId": id.to_string(),
                "beginTime": begun_at.to_string(),
                "sharedPosition": shared_position,
                "leftOut": left_out,
            }));
            continue;
        }
        match number {
            1 => say(format_args!("{begun_at}  {id}  the first")),
            _ => say(format_args!("{begun_at}  {id}  restored, up to event {shared_position}")),
        }
        for NumberGap { counter, first, last, history: _ } in left_out {
            say(format_args!("            {counter}: {first} to {last} are left out"));
        }
    }
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
