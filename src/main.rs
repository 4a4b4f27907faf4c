//! The command line.

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use consign::server::{self, Server};
use consign::settings::{DatabaseFlags, ServeFlags, Settings};
use consign::store::Store;
use consign::terminal::{complain, say};
use consign::{bench, clock, demo, faults, telemetry};

/// Every order is many small values that one thread makes and another drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The order-fulfilment core that a company's other services call over gRPC
#[derive(Parser)]
#[command(name = "consign", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until told to stop
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
    /// Check the invariants of the stored orders, and name every row that breaks one
    Check {
        #[command(flatten)]
        flags: DatabaseFlags,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask a server whether it serves
    Healthcheck {
        #[arg(long, env = "CONSIGN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
        target: String,
    },
    /// Print the version
    Version,
}

/// Tasks that a thread of the runtime runs before it looks for what has come from outside; tokio's own number is 61.
const LOOK_AFTER_TASKS: u32 = 16;

/// Exit code of a command that failed; a command that ran and whose answer is no exits with 1.
const COULD_NOT: u8 = 2;

/// Done as asked, or done and the answer is no.
type ExitResult = Result<bool, Box<dyn Display>>;

fn main() -> ExitCode {
    faults::arm();
    let CommandLine { command } = CommandLine::parse();
    // Who asks for health hears 0 or 1 and nothing else: that is all that container runtimes take.
    let could_not = if let Command::Healthcheck { .. } = command { 1 } else { COULD_NOT };
    // Connections that are never silent keep the threads busy: what else has come is looked for all the more often.
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
    let outcome = runtime.block_on(run(command));
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

async fn run(command: Command) -> ExitResult {
    match command {
        Command::Serve { flags, print_settings } => serve(&flags, print_settings).await.map(|()| true),
        Command::Migrate { flags, dry_run } => migrate(&flags, dry_run).await.map(|()| true),
        Command::Demo { json, target } => demo::run(demo::Options { target, json }).await.map_err(told),
        Command::Bench { options } => bench(*options).await,
        Command::Check { flags, json } => check(&flags, json).await,
        Command::Healthcheck { target } => healthcheck(&target).await,
        Command::Version => {
            say(format_args!("consign {}", env!("CARGO_PKG_VERSION")));
            Ok(true)
        }
    }
}

async fn serve(flags: &ServeFlags, print_settings: bool) -> Result<(), Box<dyn Display>> {
    let settings = Settings::load(flags).map_err(told)?;
    if print_settings {
        say(settings.print().trim_end());
        return Ok(());
    }
    let _last_lines = telemetry::start(&settings.log).map_err(told)?;
    server::outlive_hangups().map_err(told)?;
    Server::start(settings).await.map_err(told)?.run().await.map_err(told)
}

async fn migrate(flags: &DatabaseFlags, dry_run: bool) -> Result<(), Box<dyn Display>> {
    let settings = Settings::load_for_database(flags).map_err(told)?;
    if dry_run && server::missing_database(&settings).is_some() {
        Store::migrations().iter().for_each(|it| say(format_args!("pending {it}")));
        return Ok(());
    }

    let store = server::open_store(&settings, clock::wall()).await.map_err(told)?;
    let pending = store.pending_migrations().await.map_err(told)?;
    if !dry_run {
        store.migrate().await.map_err(told)?;
    }
    let done = if dry_run { "pending" } else { "applied" };
    pending.iter().for_each(|it| say(format_args!("{done} {it}")));
    store.close().await;
    Ok(())
}

async fn bench(options: bench::Options) -> ExitResult {
    let json = options.json;
    let report = bench::run(options).await.map_err(told)?;
    if json {
        say(serde_json::to_string(&report).map_err(told)?);
    } else {
        say(report.to_string().trim_end());
    }
    Ok(report.is_well())
}

async fn check(flags: &DatabaseFlags, json: bool) -> ExitResult {
    let settings = Settings::load_for_database(flags).map_err(told)?;
    if let Some(path) = server::missing_database(&settings) {
        return Err(told(format!("there is no database at {}", path.display())));
    }

    let store = server::open_store(&settings, clock::wall()).await.map_err(told)?;
    let pending = store.pending_migrations().await.map_err(told)?;
    if !pending.is_empty() {
        store.close().await;
        let steps = pending.join(", ");
        return Err(told(format!("the schema lacks {steps}; bring it up to date with `consign migrate`")));
    }
    let laws = store.check_integrity(None).await.map_err(told)?;
    store.close().await;

    if json {
        say(serde_json::to_string(&laws).map_err(told)?);
        return Ok(laws.iter().all(|it| it.broken == 0));
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
    Ok(laws.iter().all(|it| it.broken == 0))
}

async fn healthcheck(target: &str) -> ExitResult {
    let serving = server::is_serving(target).await.map_err(told)?;
    say(if serving { "SERVING" } else { "NOT_SERVING" });
    Ok(serving)
}

fn told(error: impl Display + 'static) -> Box<dyn Display> {
    Box::new(error)
}
