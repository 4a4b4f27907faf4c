//! The command line.

mod copies;
mod keys;
mod packaging;
mod reconcile;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::access::{ApiKey, Grant};
use crate::client::TlsOptions;
use crate::domain::Actor;
use crate::server::{self, Server};
use crate::settings::{DatabaseFlags, KeySettings, Moment, ServeFlags, Settings};
use crate::store::Store;
use crate::terminal::{complain, say};
use crate::{bench, clock, demo, faults, import, log, show};

/// The order-fulfilment core that a company's other services call over gRPC
#[derive(Parser)]
#[command(name = "consign", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until a stop signal
    Serve {
        #[command(flatten)]
        flags: ServeFlags,
        /// Print the settings that hold, without secrets, and leave
        #[arg(long)]
        print_settings: bool,
    },
    /// Bring the database's schema up to date
    Migrate {
        #[command(flatten)]
        flags: DatabaseFlags,
        /// List what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Make the tables around the orders anew, out of the orders' documents; may run beside a server, and again
        #[arg(long, conflicts_with = "dry_run")]
        rebuild: bool,
    },
    /// Play the whole process with sample orders
    Demo {
        /// Print the final timelines as JSON
        #[arg(long)]
        json: bool,
        /// A server that is already up, instead of one of the demo's own
        #[arg(long, value_name = "ADDRESS")]
        target: Option<String>,
    },
    /// Drive a server as many callers would, and say how fast it answers and what that costs
    Bench {
        #[command(flatten)]
        options: Box<bench::Options>,
    },
    /// Send a file of products, counted stock or orders to a server, and name every row that it refuses
    Import {
        #[command(flatten)]
        options: import::Options,
    },
    /// List orders of a server, the newest first
    Orders {
        #[command(flatten)]
        options: show::OrdersOptions,
    },
    /// Show the twenty steps of one order
    Timeline {
        #[command(flatten)]
        options: show::TimelineOptions,
    },
    /// List orders that have waited for too long, the longest first, and who could help
    Stuck {
        #[command(flatten)]
        options: show::StuckOptions,
    },
    /// Show how much there is of everything that somebody looks after
    Overview {
        #[command(flatten)]
        options: show::OverviewOptions,
    },
    /// Print what has happened to all orders, event by event
    Events {
        #[command(flatten)]
        options: show::EventsOptions,
    },
    /// Make an API key for a caller whom the server's settings are to name, with what they need to know of it
    Key {
        /// The caller's name, by which its calls are recorded
        name: Actor,
        /// What it may do: a role, such as reader or admin, or courier:CODE
        #[arg(long = "role", required = true, value_name = "ROLE")]
        roles: Vec<Grant>,
        /// When the key ends: 2027-01-31T12:00:00Z [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Let it name persons on whose behalf it acts
        #[arg(long)]
        names_persons: bool,
    },
    /// Make, list and revoke API keys that the database has
    Keys {
        #[command(subcommand)]
        command: keys::Keys,
    },
    /// Check the invariants of the stored orders, and name every row that breaks one
    Check {
        #[command(flatten)]
        flags: DatabaseFlags,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy the embedded database into one file, also while a server serves it
    Backup {
        /// Where the copy goes
        file: PathBuf,
        #[command(flatten)]
        flags: DatabaseFlags,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Put a backup in the place of the embedded database, which nothing may use meanwhile
    Restore {
        #[command(flatten)]
        options: copies::RestoreOptions,
    },
    /// List the restores of a database, and the numbers that each has left out
    Restores {
        #[command(flatten)]
        flags: DatabaseFlags,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// List payments of which the provider knows more than the database, as after a restore of an older copy
    Reconcile {
        #[command(flatten)]
        options: reconcile::ReconcileOptions,
    },
    /// Ask a server whether it serves
    Healthcheck {
        #[arg(long, env = "CONSIGN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
        target: String,
        #[command(flatten)]
        tls: TlsOptions,
    },
    /// Print what a shell needs in order to complete the commands and flags of this program
    Completions {
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page, or write those of all commands into a folder
    Man {
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print the version
    Version,
}

/// Tasks that a thread of the runtime runs before it looks for what has come from outside; tokio's own number is 61.
const LOOK_AFTER_TASKS: u32 = 16;

/// Exit code of a command that failed; a command that ran and whose answer is no exits with 1.
const COULD_NOT: u8 = 2;

/// Whether the answer is yes (exit code 0) or no (1); an error could not carry out the command.
type ExitResult = Result<bool, Box<dyn Display>>;

/// Does what the arguments of this process say.
pub fn run() -> ExitCode {
    faults::arm();
    let CommandLine { command } = CommandLine::parse();
    // A health check exits with 0 or 1 only: container runtimes reserve other codes.
    let could_not = if let Command::Healthcheck { .. } = command { 1 } else { COULD_NOT };
    // Connections that are never silent keep the threads busy, so new input is looked for more often.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(LOOK_AFTER_TASKS)
        .global_queue_interval(LOOK_AFTER_TASKS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(error);
            return ExitCode::from(could_not);
        }
    };
    let outcome = runtime.block_on(carry_out(command));
    // Tasks that still run have had their time.
    runtime.shutdown_background();
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(error);
            ExitCode::from(could_not)
        }
    }
}

async fn carry_out(command: Command) -> ExitResult {
    match command {
        Command::Serve { flags, print_settings } => serve(&flags, print_settings).await.map(|()| true),
        Command::Migrate { flags, dry_run, rebuild } => {
            migrate(&flags, dry_run, rebuild).await.map(|()| true)
        }
        Command::Demo { json, target } => {
            demo::run(demo::Options { target, json }).await.map(|it| it.is_well()).map_err(shown)
        }
        Command::Bench { options } => bench(*options).await,
        Command::Import { options } => import::run(options).await.map_err(shown),
        Command::Orders { options } => show::orders(options).await.map(|()| true).map_err(shown),
        Command::Timeline { options } => show::timeline(options).await.map(|()| true).map_err(shown),
        Command::Stuck { options } => show::stuck(options).await.map(|()| true).map_err(shown),
        Command::Overview { options } => show::overview(options).await.map(|()| true).map_err(shown),
        Command::Events { options } => show::events(options).await.map(|()| true).map_err(shown),
        Command::Key { name, roles, expires, names_persons } => {
            new_key(&name, &roles, expires, names_persons).map(|()| true)
        }
        Command::Keys { command } => keys::run(command).await.map(|()| true),
        Command::Check { flags, json } => check(&flags, json).await,
        Command::Backup { file, flags, force } => copies::back_up(&flags, file, force).await.map(|()| true),
        Command::Restore { options } => copies::restore(options).await.map(|()| true),
        Command::Restores { flags, json } => copies::restores(&flags, json).await.map(|()| true),
        Command::Reconcile { options } => reconcile::run(options).await,
        Command::Healthcheck { target, tls } => healthcheck(&target, &tls).await,
        Command::Completions { shell } => packaging::completions(shell).map(|()| true),
        Command::Man { folder } => packaging::man(folder.as_deref()).map(|()| true),
        Command::Version => {
            say(format_args!("consign {}", env!("CARGO_PKG_VERSION")));
            Ok(true)
        }
    }
}

async fn serve(flags: &ServeFlags, print_settings: bool) -> Result<(), Box<dyn Display>> {
    let settings = Settings::load(flags).map_err(shown)?;
    if print_settings {
        say(settings.print().trim_end());
        return Ok(());
    }
    let _last_lines = log::start(&settings.log).map_err(shown)?;
    Server::serve(settings, || Settings::load(flags)).await.map_err(shown)
}

async fn migrate(flags: &DatabaseFlags, dry_run: bool, rebuild: bool) -> Result<(), Box<dyn Display>> {
    let settings = Settings::load_for_database(flags).map_err(shown)?;
    if dry_run && server::missing_database(&settings).is_some() {
        Store::migrations().iter().for_each(|it| say(format_args!("pending {it}")));
        return Ok(());
    }

    let store = server::open_store(&settings, clock::wall()).await.map_err(shown)?;
    let pending = store.pending_migrations().await.map_err(shown)?;
    if !dry_run {
        store.migrate().await.map_err(shown)?;
    }
    let done = if dry_run { "pending" } else { "applied" };
    pending.iter().for_each(|it| say(format_args!("{done} {it}")));
    if rebuild {
        let told_every = 10_000;
        let progress = |orders: u64| {
            if orders % told_every < 64 && orders >= told_every {
                say(format_args!("{orders} orders"));
            }
        };
        let orders = store.rebuild(progress).await.map_err(shown)?;
        say(format_args!("rebuilt {orders} orders"));
    }
    store.close().await;
    Ok(())
}

/// Prints the key for its caller, and its hash for the settings.
fn new_key(
    name: &Actor,
    roles: &[Grant],
    expires: Option<String>,
    names_persons: bool,
) -> Result<(), Box<dyn Display>> {
    let expires = expires.map(Moment::try_from).transpose().map_err(shown)?;
    let key = ApiKey::generate().ok_or_else(|| shown("the operating system gives no random numbers"))?;
    let settings = KeySettings { sha256: vec![key.hash()], roles: roles.to_vec(), expires, names_persons };
    say(format_args!("# The key, for {name}. It is not shown again:"));
    say(key.reveal());
    say("# For the settings of the server:");
    say(settings.print_as(name).trim_end());
    Ok(())
}

async fn bench(options: bench::Options) -> ExitResult {
    let json = options.json;
    let report = bench::run(options).await.map_err(shown)?;
    if json {
        say(serde_json::to_string(&report).map_err(shown)?);
    } else {
        say(report.to_string().trim_end());
    }
    Ok(report.is_well())
}

async fn check(flags: &DatabaseFlags, json: bool) -> ExitResult {
    let (_, store) = open_database(flags).await?;
    let pending = store.pending_migrations().await.map_err(shown)?;
    if !pending.is_empty() {
        store.close().await;
        let steps = pending.join(", ");
        return Err(shown(format!("the schema lacks {steps}; bring it up to date with `consign migrate`")));
    }
    let laws = store.check_integrity(None).await.map_err(shown)?;
    let losses = store.losses().await.map_err(shown)?;
    if store.is_empty().await.map_err(shown)? {
        complain("the database is empty: no change was ever recorded in it");
    }
    store.close().await;

    losses.iter().for_each(complain);
    let is_well = losses.is_empty() && laws.iter().all(|it| it.broken == 0);
    if json {
        say(serde_json::to_string(&laws).map_err(shown)?);
        return Ok(is_well);
    }
    for law in &laws {
        let verdict = if law.broken == 0 { "holds " } else { "BROKEN" };
        say(format_args!(
            "{verdict} {:<4} {} ({} of {} broken)",
            law.id, law.statement, law.broken, law.checked
        ));
        for it in &law.violations {
            say(format_args!("            {}: {} expected, {} found", it.key, it.expected, it.actual));
        }
    }
    Ok(is_well)
}

async fn healthcheck(target: &str, tls: &TlsOptions) -> ExitResult {
    let serving = server::is_serving_over(target, tls).await.map_err(shown)?;
    say(if serving { "SERVING" } else { "NOT_SERVING" });
    Ok(serving)
}

/// The database that the flags name, which has to be there, and its settings.
async fn open_database(flags: &DatabaseFlags) -> Result<(Settings, Store), Box<dyn Display>> {
    let settings = Settings::load_for_database(flags).map_err(shown)?;
    if let Some(path) = server::missing_database(&settings) {
        return Err(shown(format!("there is no database at {}", path.display())));
    }
    let store = server::open_store(&settings, clock::wall()).await.map_err(shown)?;
    Ok((settings, store))
}

fn shown(error: impl Display + 'static) -> Box<dyn Display> {
    Box::new(error)
}
