//! `consign demo`: the whole process, played over gRPC as a storefront, an approver, a warehouse and a courier would.

mod client;
mod error;
mod report;
mod road;
mod sample;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use client::{Client, amount, money};
use error::DemoError;
use sample::{Order as Wish, PriceChange, Sample, Story};

use crate::pb;
use crate::server::Server;
use crate::settings::Settings;
use crate::terminal::say;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A server that is already up; none: one of the demo's own, on an embedded database.
    pub target: Option<String>,
    /// Print the final timelines as JSON and nothing else on standard output.
    pub json: bool,
}

/// Plays the demo; returns whether all is as it should be.
pub async fn run(options: Options) -> Result<bool, DemoError> {
    match options.target {
        Some(target) => play(&target, options.json).await,
        None => play_at_home(options.json).await,
    }
}

/// Against a server of its own, on an embedded database that is gone afterwards.
async fn play_at_home(json: bool) -> Result<bool, DemoError> {
    let folder =
        std::env::temp_dir().join(format!("consign-demo-{}-{}", std::process::id(), client::run_code()));
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: folder.clone(),
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
    Ok(played? && letters > 0)
}

/// How many letters there are in a folder's mailboxes.
fn letters_in(folder: &Path) -> usize {
    let mailboxes = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = mailboxes.filter_map(|it| std::fs::read_to_string(it.path()).ok());
    texts.map(|it| it.lines().filter(|line| line.starts_with("From ")).count()).sum()
}

/// Against a server that is up.
async fn play(target: &str, json: bool) -> Result<bool, DemoError> {
    let sample = Sample::load();
    let run = client::run_code();
    let mut demo = Demo { client: Client::connect(target, &run).await?, quiet: json, run };

    demo.stock_the_shelves(&sample).await?;
    demo.heading("Wanted within six hours or not at all: refused, with the date that can be kept");
    demo.refuse_what_is_too_late(&sample.orders[0]).await?;
    let mut played = Vec::new();
    for (wish, number) in sample.orders.iter().zip(1..) {
        demo.heading(&format!("{number}. {}", wish.title));
        played.push(demo.live_through(wish, number).await?);
        if number == 1 {
            demo.correct_a_price(&sample).await?;
        }
    }
    let wrong_prices = demo.look_at_prices(&sample.price_change, &played).await?;

    // Once before the orders are archived, and once more afterwards.
    let at_hand = demo.client.check_integrity().await?;
    demo.heading("Everything is looked after, and goes to the archive");
    demo.say(&report::verdict(&at_hand));
    let mut timelines = Vec::new();
    for id in &played {
        demo.archive(id).await?;
        timelines.push(demo.client.timeline(id).await?);
    }
    let integrity = demo.client.check_integrity().await?;
    let mut complaints = demo.complaints(&sample, &timelines, [&at_hand, &integrity]);
    complaints.extend(wrong_prices);
    if json {
        say(report::as_json(&demo.run, &timelines, &integrity, &complaints));
    } else {
        for (timeline, wish) in timelines.iter().zip(&sample.orders) {
            say(report::timeline(timeline, &wish.title).trim_end_matches('\n'));
        }
        say(report::integrity(&integrity).trim_end_matches('\n'));
        for complaint in &complaints {
            say(format_args!("NOT AS IT SHOULD BE: {complaint}"));
        }
    }
    Ok(complaints.is_empty())
}

struct Demo {
    client: Client,
    quiet: bool,
    /// Marks the products of this run, so that runs do not meet.
    run: String,
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

    fn sku(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    async fn stock_the_shelves(&mut self, sample: &Sample) -> Result<(), DemoError> {
        self.heading("Three regions are stocked");
        for product in &sample.products {
            let sku = self.sku(&product.sku);
            self.client.create_product(product, &sku).await?;
        }
        for location in &sample.locations {
            self.client.create_location(location).await?;
            let mut received = Vec::new();
            for (name, units) in location.stock.iter().filter(|it| *it.1 > 0) {
                let sku = self.sku(name);
                self.client.receive_stock(&sku, &location.code, *units).await?;
                received.push(format!("{units} × {name}"));
            }
            for (name, [point, up_to]) in &location.reorder {
                let sku = self.sku(name);
                self.client.set_reorder_rule(&sku, &location.code, *point, *up_to).await?;
            }
            self.say(&format!("{:<14} {:<12} {}", location.region, location.code, received.join(", ")));
        }
        for courier in &sample.couriers {
            self.client.create_courier(courier, &sample.locations).await?;
        }
        let names: Vec<&str> = sample.couriers.iter().map(|it| it.name.as_str()).collect();
        self.say(&format!("couriers       {}", names.join(", ")));
        Ok(())
    }

    /// A promise that nobody can keep is not given.
    async fn refuse_what_is_too_late(&mut self, wish: &Wish) -> Result<(), DemoError> {
        let mut wish = Wish { within_hours: Some(6), ..wish.clone() };
        wish.lines = wish.lines.iter().map(|(name, units)| (self.sku(name), *units)).collect();
        match self.client.create_order(&wish, &format!("DEMO-{}-0", self.run)).await {
            Err(DemoError::Refused(refused)) if refused.status.message().contains("cannot be met") => {
                self.say(&format!("{:<22} {}", "CreateOrder", refused.status.message()));
                Ok(())
            }
            Err(other) => Err(other),
            Ok(order) => {
                Err(DemoError::Wrong(format!("order {} was promised within six hours", order.number)))
            }
        }
    }

    async fn correct_a_price(&mut self, sample: &Sample) -> Result<(), DemoError> {
        let PriceChange { sku: name, currency, from, to } = &sample.price_change;
        self.heading("A price is corrected");
        let sku = self.sku(name);
        for product in sample.products.iter().filter(|it| it.sku == *name) {
            let mut product = product.clone();
            product.prices.insert(currency.clone(), *to);
            self.client.correct_prices(&product, &sku).await?;
        }
        let (was, is) = (money(&amount(currency, *from)), money(&amount(currency, *to)));
        self.say(&format!("{:<22} {sku} costs {is}, no longer {was}", "UpdateProduct"));
        Ok(())
    }

    /// The first order keeps the price that it was placed at, later ones have the corrected one. Returns what is not so.
    async fn look_at_prices(
        &mut self,
        change: &PriceChange,
        played: &[String],
    ) -> Result<Vec<String>, DemoError> {
        let PriceChange { sku, currency, from, to } = change;
        self.heading("Every order has the price that was valid when it was placed");
        let sku = self.sku(sku);
        let mut wrong = Vec::new();
        let mut valid = amount(currency, *from);
        for id in played {
            let order = self.client.order(id).await?;
            let line = order.lines.iter().find(|it| it.sku == sku);
            let price = line.and_then(|it| it.unit_price.as_ref());
            if let Some(price) = price.filter(|it| it.currency_code == *currency) {
                let text = format!("order {} has {sku} at {}", order.number, money(price));
                self.say(&text);
                if *price != valid {
                    wrong.push(text);
                }
            }
            valid = amount(currency, *to);
        }
        Ok(wrong)
    }

    fn tell_promise(&self, order: &pb::Order) {
        for leg in order.promise.iter().flat_map(|it| &it.legs) {
            self.say(&format!("{:<22} {}", "promised", leg.reason));
        }
    }

    /// One order from receipt until it is closed or cancelled; returns its id.
    async fn live_through(&mut self, wish: &Wish, number: usize) -> Result<String, DemoError> {
        let mut wish = wish.clone();
        wish.lines = wish.lines.iter().map(|(name, units)| (self.sku(name), *units)).collect();
        let reference = format!("DEMO-{}-{number}", self.run);
        let asked = match wish.story {
            Story::Corrected => Wish { address: misspelt(&wish.address), ..wish.clone() },
            Story::Plain | Story::Waits | Story::Cancelled | Story::Exception => wish.clone(),
        };
        let mut order = self.client.create_order(&asked, &reference).await?;
        self.tell_order("CreateOrder", &order);
        self.tell_promise(&order);

        match wish.story {
            Story::Corrected => order = self.correct(&wish, order).await?,
            Story::Waits => order = self.wait_for_goods(&wish, order).await?,
            Story::Plain | Story::Cancelled | Story::Exception => {}
        }
        order = self.approve_what_waits(order).await?;
        self.pay(&wish, &order).await?;
        order = self.client.order(&order.id).await?;
        order = self.approve_what_waits(order).await?;
        self.tell_order("paid", &order);
        if wish.story == Story::Cancelled {
            order = self.client.cancel(&order.id).await?;
            self.tell_order("CancelOrder", &order);
            self.await_refund(&order.id).await?;
            return Ok(order.id);
        }

        for id in order.shipment_ids.clone() {
            self.ship(&id, wish.story).await?;
        }
        order = self.client.feedback(&order.id).await?;
        self.say("SubmitFeedback         5 of 5 for the delivery");
        order = self.client.close(&order.id).await?;
        self.tell_order("CloseOrder", &order);
        Ok(order.id)
    }

    fn tell_order(&self, what: &str, order: &pb::Order) {
        let total = order.totals.as_ref().and_then(|it| it.total.as_ref()).map(money).unwrap_or_default();
        self.say(&format!("{what:<22} order {} is {}, {total}", order.number, client::state_word(order)));
    }

    async fn correct(&mut self, wish: &Wish, order: pb::Order) -> Result<pb::Order, DemoError> {
        for hold in &order.holds {
            self.say(&format!("{:<22} {}", "held", hold.comment));
        }
        self.client.correct_address(&order.id, wish).await?;
        let order = self.client.verify(&order.id).await?;
        self.tell_order("VerifyOrder", &order);
        Ok(order)
    }

    /// The goods arrive, and the waiting order takes them.
    async fn wait_for_goods(&mut self, wish: &Wish, order: pb::Order) -> Result<pb::Order, DemoError> {
        for (sku, units) in &wish.lines {
            self.client.receive_stock(sku, "DE-LEIPZIG", units + 8).await?;
            self.say(&format!("{:<22} {} × {sku} at DE-LEIPZIG", "ReceiveStock", units + 8));
        }
        let order = self
            .client
            .until(&order.id, "stock to be reserved", |it| it.state() != pb::OrderState::AwaitingStock)
            .await?;
        self.tell_order("filled", &order);
        Ok(order)
    }

    async fn approve_what_waits(&mut self, order: pb::Order) -> Result<pb::Order, DemoError> {
        let pending: Vec<&pb::Approval> =
            order.approvals.iter().filter(|it| it.state() == pb::ApprovalState::Pending).collect();
        if pending.is_empty() {
            return Ok(order);
        }
        for approval in pending {
            let approved = self.client.approve(&approval.id).await?;
            let text = format!("{} by {}: {}", approved.id, approved.decided_by, approved.rule);
            self.say(&format!("{:<22} {text}", "ApproveRequest"));
        }
        self.client.order(&order.id).await
    }

    async fn pay(&mut self, wish: &Wish, order: &pb::Order) -> Result<(), DemoError> {
        let due = order.totals.as_ref().and_then(|it| it.amount_due.clone()).unwrap_or_default();
        let payment = match wish.method.as_str() {
            "BANK_TRANSFER" => {
                self.client.record_transfer(&order.id, &format!("RF-{}", order.number)).await?
            }
            "CASH" => self.client.record_cash(&order.id, client::rounded_up(&due)).await?,
            method => self.client.capture(&order.id, method).await?,
        };
        let amount = payment.captured.as_ref().map(money).unwrap_or_default();
        self.say(&format!("{:<22} {amount} by {} as {}", "captured", wish.method, payment.id));
        Ok(())
    }

    async fn await_refund(&mut self, order: &str) -> Result<(), DemoError> {
        let order = self
            .client
            .until(order, "the refund to arrive", |it| it.payment_status() == pb::PaymentStatus::Refunded)
            .await?;
        let refunded =
            order.totals.as_ref().and_then(|it| it.refunded.as_ref()).map(money).unwrap_or_default();
        self.say(&format!("{:<22} {refunded}, stock is free again", "paid back"));
        Ok(())
    }

    /// The archive takes an order once its last message is sent.
    async fn archive(&mut self, id: &str) -> Result<(), DemoError> {
        let order = self.client.archive(id).await?;
        self.tell_order("ArchiveOrder", &order);
        Ok(())
    }

    /// Steps 9 to 17 of one shipment.
    async fn ship(&mut self, id: &str, story: Story) -> Result<(), DemoError> {
        let mut shipment = self.client.start_picking(id).await?;
        shipment = self.client.pick_all(&shipment).await?;
        shipment = self.client.check_all(&shipment).await?;
        shipment = self.client.pack(&shipment).await?;
        shipment = self.client.label(&shipment.id).await?;
        let number = shipment.label.as_ref().map(|it| it.tracking_number.clone()).unwrap_or_default();
        self.say(&format!(
            "{:<22} {} from {}, label {number}",
            "picked, checked, packed", shipment.id, shipment.location
        ));

        shipment = self.client.assign_courier(&shipment.id).await?;
        let assignment = shipment.assignment.clone().unwrap_or_default();
        self.say(&format!("{:<22} {}: {}", "AssignCourier", assignment.courier, assignment.reason));
        let followed = self.client.follow(&shipment.id).await?;
        shipment = self.client.pick_up(&shipment).await?;
        self.say(&format!(
            "{:<22} {} packages to {}",
            "ConfirmPickup",
            shipment.packages.len(),
            assignment.courier
        ));
        self.say_restocked(&shipment.order_id).await?;

        let reports = match story {
            Story::Exception => road::stormy_road(),
            Story::Plain | Story::Waits | Story::Cancelled | Story::Corrected => road::quiet_road(),
        };
        for batch in reports {
            let answer = self.client.record(&assignment.courier, &number, batch).await?;
            let words: Vec<String> = answer.recorded.iter().map(client::event_word).collect();
            let doubles = match answer.duplicates {
                0 => String::new(),
                many => format!(" ({many} reported before)"),
            };
            self.say(&format!("{:<22} {}{doubles}", "RecordTrackingEvents", words.join(", ")));
            let moves = |it: &pb::TrackingEvent| it.estimated_delivery_time.is_some();
            if answer.recorded.iter().any(moves) {
                self.say_slipped(&shipment.order_id).await?;
            }
        }
        self.client.deliver(&shipment.id).await?;
        let seen = followed.finish().await?;
        self.say(&format!("{:<22} {}", "TrackShipment saw", seen.join(" → ")));
        if seen.last().map(String::as_str) != Some("DELIVERED") {
            return Err(DemoError::Wrong(format!("the stream of {id} did not end with DELIVERED")));
        }
        Ok(())
    }

    /// An estimate that slipped stands in the lists, and the customer knows.
    async fn say_slipped(&mut self, id: &str) -> Result<(), DemoError> {
        let order = self.client.order(id).await?;
        if !order.slips.iter().any(|it| it.kind() == pb::SlipKind::EstimateMoved) {
            return Err(DemoError::Wrong(format!("order {} slipped in silence", order.number)));
        }
        let letter = self.client.letter(id, "ESTIMATE_MOVED").await?;
        let dates =
            letter.body.lines().find(|it| it.starts_with("New expected delivery")).unwrap_or_default();
        self.say(&format!("{:<22} \"{}\". {dates}", "slipped, and told", letter.subject));
        Ok(())
    }

    /// How the shelves stand that the goods came from.
    async fn say_restocked(&mut self, id: &str) -> Result<(), DemoError> {
        let last = self.client.timeline(id).await?.steps.pop().unwrap_or_default();
        for words in &last.evidence {
            self.say(&format!("{:<22} {words}", "shelves"));
        }
        Ok(())
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
            let mut counts: BTreeMap<pb::StepState, usize> = BTreeMap::new();
            for step in &timeline.steps {
                *counts.entry(step.state()).or_default() += 1;
            }
            let done = counts.get(&pb::StepState::Done).copied().unwrap_or(0);
            let whole = wish.story == Story::Cancelled || done == 20;
            if timeline.state() != pb::OrderState::Archived || timeline.steps.len() != 20 || !whole {
                complaints.push(format!("order {} has {done} of 20 steps done", timeline.order_number));
            }
        }
        if integrity.iter().any(|it| !it.holds) {
            complaints.push("a law is broken".to_owned());
        }
        complaints
    }
}

/// A postal code that its country does not have.
fn misspelt(address: &sample::Address) -> sample::Address {
    sample::Address { postal_code: "ABC".to_owned(), ..address.clone() }
}

/// How long the demo waits for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
