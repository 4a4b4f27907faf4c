//! `consign import`: rows of a file go to a server, and every row that is refused is named with its line.

mod file;
mod orders;
mod progress;
mod row;
mod send;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueEnum};

use crate::client::{ServerOptions, Unreachable};
use crate::pb;
use crate::terminal::say;

/// What a file has rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The catalogue: what is there is corrected, what is not is created
    Products,
    /// Counted stock: what is there at a location
    Stock,
    /// Orders; of a table one row for each line
    Orders,
}

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// What the file has rows of
    #[arg(value_enum)]
    pub kind: Kind,
    /// CSV with a header if its name ends with .csv, or else JSON Lines: one object a line
    pub file: PathBuf,
    /// Only ask what would come of each row
    #[arg(long)]
    pub dry_run: bool,
    /// Name of an import that is to be taken up again, as it was told; rows that were accepted do nothing twice
    #[arg(long, value_name = "ID")]
    pub import_id: Option<String>,
    #[command(flatten)]
    pub server: ServerOptions,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{0}")]
    Unreachable(#[from] Unreachable),
    #[error("cannot read {path}: {why}")]
    File { path: PathBuf, why: String },
    #[error("the import ended after {rows} rows: {why}; go on with --import-id {import_id}")]
    Ended { rows: u64, why: String, import_id: String },
}

/// What a command line has to say at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub summary: pb::ImportSummary,
    /// Rows that could not be read, and were not sent.
    pub unreadable: i64,
}

impl Report {
    pub fn is_well(&self) -> bool {
        self.unreadable == 0 && self.summary.refused == 0
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pb::ImportSummary { rows, created, updated, unchanged, refused, repeated } = self.summary;
        let (rows, refused) = (rows + self.unreadable, refused + self.unreadable);
        write!(
            f,
            "{rows} rows: {created} created, {updated} updated, {unchanged} unchanged, {refused} refused"
        )?;
        if repeated > 0 {
            write!(f, "; {repeated} of them had been accepted before")?;
        }
        Ok(())
    }
}

/// Sends the rows of the file and prints a summary. Returns whether every row was accepted.
pub async fn run(options: Options) -> Result<bool, ImportError> {
    let Options { kind, file, dry_run, import_id, server } = options;
    let import_id = import_id.unwrap_or_else(|| format!("import-{:016x}", fastrand::u64(..)));
    let position = Arc::new(AtomicU64::new(0));
    let source = file::open(&file, kind, Arc::clone(&position))
        .map_err(|why| ImportError::File { path: file.clone(), why })?;
    let channel = server.connect().await?;

    let wish = pb::ImportOptions { import_id: import_id.clone(), dry_run };
    let bar = progress::Progress::show(source.bytes(), position);
    let report = match kind {
        Kind::Products => send::send::<pb::ImportProductsRequest>(channel, wish, source, &bar).await,
        Kind::Stock => send::send::<pb::ImportStockRequest>(channel, wish, source, &bar).await,
        Kind::Orders => send::send::<pb::ImportOrdersRequest>(channel, wish, source, &bar).await,
    };
    drop(bar);
    let report = report?;
    match dry_run {
        true => say(format_args!("{report}; it was a dry run: nothing was changed")),
        false => say(format_args!("{report} ({import_id})")),
    }
    Ok(report.is_well())
}
