//! `consign demo`: the whole process, played over gRPC as a storefront, an approver, a warehouse and a courier would.

mod again;
mod changed;
mod client;
mod error;
mod imported;
mod invoice;
mod life;
mod report;
mod returned;
mod road;
mod sample;
mod shop;
mod shown;
mod split;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub use shown::Shown;

use client::Client;
use client::words::run_code;
use error::DemoError;
use sample::{Sample, Story};

use crate::pb;
use crate::server::Server;
use crate::settings::Settings;
use crate::show::tables;
use crate::terminal::say;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A server that is already up; none: one of the demo's own, on an embedded database.
    pub target: Option<String>,
    /// Print the final timelines as JSON and nothing else on standard output.
    pub json: bool,
}

/// How the demo came out.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Everything that is not as it should be.
    pub complaints: Vec<String>,
    pub shown: Shown,
}

impl Played {
    pub fn is_well(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// Plays the demo.
pub async fn run(options: Options) -> Result<Played, DemoError> {
    match options.target {
        Some(target) => play(&target, options.json).await,
        None => play_at_home(options.json).await,
    }
}

/// Against a server of its own, on an embedded database that is gone afterwards.
async fn play_at_home(json: bool) -> Result<Played, DemoError> {
    let folder = std::env::temp_dir().join(format!("consign-demo-{}-{}", std::process::id(), run_code()));
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: folder.clone(),
        seller: invoice::seller(),
        ..Settings::default()
    };
    let server = Server::start(settings).await?;
    if !json {
        say(format_args!("A server of the demo's own listens on {}", server.address));
    }
    let played = play(&server.address.to_string(), json).await;
    let letters = letters_in(&folder.join("messages"));
    if !json {
        say(format_args!("\n{letters} letters were written to the customers"));
    }
    server.stop().await?;
    // Files left in the system's temporary folder do no harm.
    let _ = std::fs::remove_dir_all(&folder);
    let mut played = played?;
    if letters == 0 {
        played.complaints.push("no letter was written".to_owned());
    }
    Ok(played)
}

/// How many letters there are in a folder's mailboxes.
fn letters_in(folder: &Path) -> usize {
    let mailboxes = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = mailboxes.filter_map(|it| std::fs::read_to_string(it.path()).ok());
    texts.map(|it| it.lines().filter(|line| line.starts_with("From ")).count()).sum()
}

/// Against a server that is up.
async fn play(target: &str, json: bool) -> Result<Played, DemoError> {
    let sample = Sample::load();
    let run = run_code();
    let mut demo = Demo {
        client: Client::connect(target, &run).await?,
        quiet: json,
        weights: sample.weights(&run),
        told: BTreeSet::new(),
        offered: String::new(),
        shown: Shown::default(),
        run,
    };

    demo.stock_the_shelves(&sample).await?;
    demo.heading("Rows out of another system: what is wrong with one stops no other");
    demo.import_products().await?;
    demo.heading("Wanted within six hours or not at all: refused, with the date that can be kept");
    let kept = demo.refuse_what_is_too_late(&sample.orders[0]).await?;
    let (mut played, mut trial) = (Vec::new(), Vec::new());
    for (wish, number) in sample.orders.iter().zip(1..) {
        if wish.story == Story::PassesOver {
            trial = demo.put_on_trial(&sample).await?;
        }
        demo.heading(&format!("{number}. {}", wish.title));
        let wanted = (number == 1).then_some(kept);
        played.push(demo.live_through(&sample::Order { wanted, ..wish.clone() }, number).await?);
        if number == 1 {
            demo.show_invoice(&played[0]).await?;
            demo.correct_a_price(&sample).await?;
            demo.take_back(&played[0]).await?;
        }
    }
    demo.part_with(&sample.trial.courier).await?;
    let wrong_prices = demo.look_at_prices(&sample.price_change, &played).await?;
    demo.serve_again(&sample).await?;

    // Once before the orders are archived, and once more afterwards.
    let at_hand = demo.client.check_integrity().await?;
    demo.heading("Everything is looked after, and goes to the archive");
    demo.say(&report::verdict(&at_hand));
    let mut timelines = Vec::new();
    for id in &played {
        demo.archive(id).await?;
        timelines.push(demo.client.timeline(id).await?);
    }
    demo.archive_trial(&trial).await?;
    let integrity = demo.client.check_integrity().await?;
    let mut complaints = demo.complaints(&sample, &timelines, [&at_hand, &integrity]);
    complaints.extend(wrong_prices);
    let played = Played { complaints, shown: demo.shown };
    if json {
        say(report::as_json(&demo.run, &timelines, &integrity, &played));
    } else {
        for (timeline, wish) in timelines.iter().zip(&sample.orders) {
            say(tables::timeline(timeline, &wish.title).trim_end_matches('\n'));
        }
        say(report::integrity(&integrity).trim_end_matches('\n'));
        for complaint in &played.complaints {
            say(format_args!("NOT AS IT SHOULD BE: {complaint}"));
        }
    }
    Ok(played)
}

struct Demo {
    client: Client,
    quiet: bool,
    /// Marks the products of this run, so that runs do not meet.
    run: String,
    /// Of one unit, in grams, by product of this run.
    weights: BTreeMap<String, i32>,
    /// What was said of the shelves, so that it is said once.
    told: BTreeSet<String>,
    /// The discount code of the first delivery letter; empty before.
    offered: String,
    shown: Shown,
}

impl Demo {
    fn heading(&self, text: &str) {
        if !self.quiet {
            say(format_args!("\n{text}"));
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            say(format_args!("  {text}"));
        }
    }

    /// A call or an event, and what was answered.
    fn tell(&self, what: &str, answer: &str) {
        for line in report::folded(what, answer) {
            self.say(&line);
        }
    }

    fn sku(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    /// Everything that is not as the sample's story has it.
    fn complaints(
        &self,
        sample: &Sample,
        timelines: &[pb::OrderTimeline],
        integrity: [&pb::IntegrityReport; 2],
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        for (timeline, wish) in timelines.iter().zip(&sample.orders) {
            let done = timeline.steps.iter().filter(|it| it.state() == pb::StepState::Done).count();
            let whole = wish.story == Story::Cancelled || done == 20;
            if timeline.state() != pb::OrderState::Archived || timeline.steps.len() != 20 || !whole {
                complaints.push(format!("order {} has {done} of 20 steps done", timeline.order_number));
            }
        }
        if integrity.iter().any(|it| !it.holds) {
            complaints.push("a law is broken".to_owned());
        }
        let missing = self.shown.missing().into_iter();
        complaints.extend(missing.map(|it| format!("the demo did not show {it}")));
        complaints
    }
}

/// How long the demo waits for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
