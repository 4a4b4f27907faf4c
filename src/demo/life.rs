//! One order, from its receipt until it is closed or cancelled.

use super::client::words::{counted, event_word, money, rounded_up, short, state_word, time};
use super::error::DemoError;
use super::sample::{self, Order as Wish, Story};
use super::{Demo, road};
use crate::pb;

/// A unit heavier than this gets a package of its own, in grams.
const ALONE_FROM_GRAMS: i32 = 10_000;

/// What a box and its padding weigh.
const BOX_GRAMS: i32 = 200;

impl Demo {
    fn tell_promise(&self, order: &pb::Order) {
        if let Some(wanted) = &order.requested_delivery_time {
            let on_late = short(order.on_late().as_str_name(), "ON_LATE_");
            self.tell("wanted", &format!("by {}; if that cannot be: {on_late}", time(wanted)));
        }
        for leg in order.promise.iter().flat_map(|it| &it.legs) {
            self.tell("promised", &leg.reason);
        }
    }

    /// One order from receipt until it is closed or cancelled; returns its id.
    pub(super) async fn live_through(&mut self, wish: &Wish, number: usize) -> Result<String, DemoError> {
        let mut wish = wish.clone();
        wish.lines = wish.lines.iter().map(|(name, units)| (self.sku(name), *units)).collect();
        wish.discount_code = wish.code.map(|it| self.code(it)).unwrap_or_default();
        let reference = format!("DEMO-{}-{number}", self.run);
        let asked = match wish.story {
            Story::Corrected => Wish { address: misspelt(&wish.address), ..wish.clone() },
            Story::Plain
            | Story::Waits
            | Story::InParts
            | Story::Cancelled
            | Story::Exception
            | Story::PassesOver
            | Story::Changed
            | Story::Split => wish.clone(),
        };
        let mut order = self.place(&asked, &reference).await?;
        match wish.story {
            Story::Corrected => order = self.correct(&wish, order).await?,
            Story::Waits => order = self.wait_for_goods(&wish, order).await?,
            Story::Plain
            | Story::InParts
            | Story::Cancelled
            | Story::Exception
            | Story::PassesOver
            | Story::Changed
            | Story::Split => {}
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

        if wish.story == Story::Changed {
            order = self.change_what_was_sold(&order).await?;
        }
        let mut arrivals = Vec::new();
        for id in order.shipment_ids.clone() {
            arrivals.push(self.ship(&id, wish.story).await?);
        }
        if wish.story == Story::InParts {
            order = self.send_the_rest(&wish, &order).await?;
            for id in order.shipment_ids.split_off(arrivals.len()) {
                arrivals.push(self.ship(&id, wish.story).await?);
            }
        }
        self.tell_kept(&order, &arrivals);
        if !wish.customer.locale.is_empty() {
            self.show_letter(&order.id).await?;
        }
        let said = self.client.feedback(&order.id, 5, "Arrived well packed.").await?;
        self.tell("SubmitFeedback", &format!("{} of 5 for the delivery", said.delivery_rating));
        order = self.client.order(&order.id).await?;
        self.tell_offered(&order);
        order = self.client.close(&order.id).await?;
        self.tell_order("CloseOrder", &order);
        Ok(order.id)
    }

    async fn place(&mut self, wish: &Wish, reference: &str) -> Result<pb::Order, DemoError> {
        let plan = match wish.story == Story::Split {
            true => Some(self.plan_a_split(wish).await?),
            false => None,
        };
        let order = self.client.create_order(wish, reference).await?;
        self.tell_order("CreateOrder", &order);
        if let Some(plan) = plan {
            self.tell_split(&plan, &order);
        }
        self.tell_redeemed(&order).await?;
        self.tell_promise(&order);
        Ok(order)
    }

    /// The discount code that the order redeems, who gave it, and what it takes off.
    async fn tell_redeemed(&mut self, order: &pb::Order) -> Result<(), DemoError> {
        if order.discount_code.is_empty() {
            return Ok(());
        }
        let code = self.client.discount_code(&order.discount_code).await?;
        let taken = order.totals.as_ref().and_then(|it| it.discount.as_ref()).map(money).unwrap_or_default();
        let giver = match code.offered_by_order_id.as_str() {
            "" => "the shop's own".to_owned(),
            _ => "given in a delivery letter".to_owned(),
        };
        let text = format!("{}, {giver}, takes {taken} off; redeemed {}×", code.code, code.redeemed_count);
        self.tell("discount code", &text);
        if code.code == self.offered {
            self.shown.discount_redeemed = text;
        }
        Ok(())
    }

    /// The code that the delivery letter offers.
    fn tell_offered(&mut self, order: &pb::Order) {
        let Some(offer) = &order.discount_offer else { return };
        let last_day = offer.last_day_time.as_ref().map(time).unwrap_or_default();
        self.tell("offered", &format!("{} for the next order, until {last_day}", offer.code));
        if self.offered.is_empty() {
            self.offered.clone_from(&offer.code);
        }
    }

    fn tell_order(&self, what: &str, order: &pb::Order) {
        let total = order.totals.as_ref().and_then(|it| it.total.as_ref()).map(money).unwrap_or_default();
        self.tell(what, &format!("order {} is {}, {total}", order.number, state_word(order)));
    }

    /// Whether the last part of it came by the time that was promised.
    fn tell_kept(&mut self, order: &pb::Order, arrivals: &[prost_types::Timestamp]) {
        let last = arrivals.iter().max_by_key(|it| (it.seconds, it.nanos));
        let (Some(promised), Some(last)) = (&order.promised_delivery_time, last) else { return };
        let kept = (last.seconds, last.nanos) <= (promised.seconds, promised.nanos);
        let text = format!("promised by {}, delivered {}", time(promised), time(last));
        self.tell(if kept { "promise kept" } else { "promise broken" }, &text);
        if kept && order.requested_delivery_time.is_some() {
            self.shown.promise_kept = text;
        }
    }

    async fn correct(&mut self, wish: &Wish, order: pb::Order) -> Result<pb::Order, DemoError> {
        for hold in &order.holds {
            self.tell("held", &hold.comment);
        }
        self.client.correct_address(&order.id, wish).await?;
        let order = self.client.verify(&order.id).await?;
        self.tell_order("VerifyOrder", &order);
        Ok(order)
    }

    /// The goods arrive, and the waiting order takes them.
    async fn wait_for_goods(&mut self, wish: &Wish, order: pb::Order) -> Result<pb::Order, DemoError> {
        for (sku, units) in &wish.lines {
            let level = self.client.receive_stock(sku, "DE-LEIPZIG", units + 8).await?;
            self.tell("ReceiveStock", &format!("{} × {} at {}", level.on_hand, level.sku, level.location));
        }
        let order = self
            .client
            .until(&order.id, "stock to be reserved", |it| it.state() != pb::OrderState::AwaitingStock)
            .await?;
        self.tell_order("filled", &order);
        Ok(order)
    }

    /// The goods that were missing arrive, and go in a shipment of their own.
    async fn send_the_rest(&mut self, wish: &Wish, order: &pb::Order) -> Result<pb::Order, DemoError> {
        let sent = order.shipment_ids.len();
        let before = self.client.order(&order.id).await?;
        self.tell_order("the rest waits", &before);
        for (sku, units) in &wish.lines {
            let level = self.client.receive_stock(sku, "MY-SHAHALAM", *units).await?;
            self.tell("ReceiveStock", &format!("{} × {} at {}", level.on_hand, level.sku, level.location));
        }
        let after = self
            .client
            .until(&order.id, "the rest to be reserved", |it| it.shipment_ids.len() > sent)
            .await?;
        let text = format!("order {} has {}", after.number, counted(after.shipment_ids.len(), "shipment"));
        self.tell("the rest follows", &text);
        self.shown.sent_in_parts = text;
        Ok(after)
    }

    async fn approve_what_waits(&mut self, order: pb::Order) -> Result<pb::Order, DemoError> {
        let pending: Vec<&pb::Approval> =
            order.approvals.iter().filter(|it| it.state() == pb::ApprovalState::Pending).collect();
        if pending.is_empty() {
            return Ok(order);
        }
        for approval in pending {
            let approved = self.client.approve(&approval.id).await?;
            let gate = short(approved.gate().as_str_name(), "GATE_").to_lowercase();
            self.tell("ApproveRequest", &format!("{gate} by {}: {}", approved.decided_by, approved.rule));
        }
        self.client.order(&order.id).await
    }

    async fn pay(&mut self, wish: &Wish, order: &pb::Order) -> Result<(), DemoError> {
        let due = order.totals.as_ref().and_then(|it| it.amount_due.clone()).unwrap_or_default();
        let payment = match wish.method.as_str() {
            "BANK_TRANSFER" => {
                self.client.record_transfer(&order.id, &format!("RF-{}", order.number)).await?
            }
            "CASH" => self.client.record_cash(&order.id, rounded_up(&due)).await?,
            method => self.client.capture(&order.id, method).await?,
        };
        let amount = payment.captured.as_ref().map(money).unwrap_or_default();
        let method = short(payment.method().as_str_name(), "PAYMENT_METHOD_");
        self.tell("captured", &format!("{amount} by {method} as {}", payment.id));
        Ok(())
    }

    async fn await_refund(&mut self, order: &str) -> Result<(), DemoError> {
        let order = self
            .client
            .until(order, "the refund to arrive", |it| it.payment_status() == pb::PaymentStatus::Refunded)
            .await?;
        let refunded =
            order.totals.as_ref().and_then(|it| it.refunded.as_ref()).map(money).unwrap_or_default();
        let stock = order.reservation.as_ref().map(|it| it.state().as_str_name()).unwrap_or_default();
        let stock = short(stock, "RESERVATION_STATE_");
        self.tell("paid back", &format!("{refunded}; the reserved stock is {stock}"));
        Ok(())
    }

    /// The archive takes an order once its last message is sent.
    pub(super) async fn archive(&mut self, id: &str) -> Result<(), DemoError> {
        let order = self.client.archive(id).await?;
        self.tell_order("ArchiveOrder", &order);
        Ok(())
    }

    /// Steps 9 to 11 of one shipment.
    pub(super) async fn make_ready(&mut self, id: &str) -> Result<pb::Shipment, DemoError> {
        let shipment = self.client.start_picking(id).await?;
        let shipment = self.client.pick_all(&shipment).await?;
        let shipment = self.client.check_all(&shipment).await?;
        let packages = self.packages(&shipment);
        let shipment = self.client.pack(&shipment, packages).await?;
        self.client.label(&shipment.id).await
    }

    /// Each heavy unit in a package of its own, the rest in one.
    fn packages(&self, shipment: &pb::Shipment) -> Vec<pb::Package> {
        let (mut packages, mut rest) = (Vec::new(), pb::Package { weight_grams: BOX_GRAMS, ..parcel() });
        for item in &shipment.items {
            let grams = self.weights.get(&item.sku).copied().unwrap_or_default();
            let line_number = item.line_number;
            if grams < ALONE_FROM_GRAMS {
                rest.weight_grams += grams * i32::try_from(item.quantity).unwrap_or_default();
                rest.contents.push(pb::LineUnits { line_number, quantity: item.quantity });
                continue;
            }
            for _ in 0..item.quantity {
                let contents = vec![pb::LineUnits { line_number, quantity: 1 }];
                packages.push(pb::Package {
                    weight_grams: BOX_GRAMS + grams,
                    contents,
                    ..crate_of_furniture()
                });
            }
        }
        if !rest.contents.is_empty() {
            packages.push(rest);
        }
        packages
    }

    /// Steps 9 to 17 of one shipment; returns when it arrived.
    async fn ship(&mut self, id: &str, story: Story) -> Result<prost_types::Timestamp, DemoError> {
        let mut shipment = self.make_ready(id).await?;
        let number = shipment.label.as_ref().map(|it| it.tracking_number.clone()).unwrap_or_default();
        let packages = counted(shipment.packages.len(), "package");
        let text = format!("{} from {}, {packages}, label {number}", shipment.id, shipment.location);
        self.tell("picked, checked, packed", &text);
        for warning in shipment.packages.iter().map(|it| &it.weight_warning).filter(|it| !it.is_empty()) {
            self.tell("weight", warning);
        }

        shipment = self.client.assign_courier(&shipment.id, None).await?;
        let assignment = shipment.assignment.clone().unwrap_or_default();
        self.tell("AssignCourier", &format!("{}: {}", assignment.courier, assignment.reason));
        if assignment.reason.contains("passed over for its record") {
            self.shown.courier_passed_over.clone_from(&assignment.reason);
        }
        let followed = self.client.follow(&shipment.id).await?;
        shipment = self.client.pick_up(&shipment).await?;
        let handover = shipment.handover.clone().unwrap_or_default();
        let packages = counted(usize::try_from(handover.package_count).unwrap_or_default(), "package");
        self.tell("ConfirmPickup", &format!("{packages} to {}, {}", assignment.courier, handover.driver));
        self.tell_restocked(&shipment).await?;

        let reports = match story {
            Story::Exception => road::stormy_road(),
            Story::Plain
            | Story::Waits
            | Story::InParts
            | Story::Cancelled
            | Story::Corrected
            | Story::PassesOver
            | Story::Changed
            | Story::Split => road::quiet_road(),
        };
        for batch in reports {
            let answer = self.client.record(&assignment.courier, &number, batch).await?;
            let words: Vec<String> = answer.recorded.iter().map(event_word).collect();
            let doubles = match answer.duplicates {
                0 => String::new(),
                many => format!(" ({many} reported before)"),
            };
            self.tell("RecordTrackingEvents", &format!("{}{doubles}", words.join(", ")));
            let moves = |it: &pb::TrackingEvent| it.estimated_delivery_time.is_some();
            if answer.recorded.iter().any(moves) {
                self.tell_slipped(&shipment.order_id).await?;
            }
        }
        let delivered = self.client.deliver(&shipment.id).await?;
        let seen = followed.finish().await?;
        self.tell("TrackShipment saw", &seen.join(" → "));
        if seen.last().map(String::as_str) != Some("DELIVERED") {
            return Err(DemoError::Wrong(format!("the stream of {id} did not end with DELIVERED")));
        }
        let arrived = delivered.proof_of_delivery.and_then(|it| it.time);
        arrived.ok_or_else(|| DemoError::Wrong(format!("{id} was delivered without a proof")))
    }

    /// An estimate that slipped stands in the lists, and the customer knows.
    async fn tell_slipped(&mut self, id: &str) -> Result<(), DemoError> {
        let order = self.client.order(id).await?;
        if !order.slips.iter().any(|it| it.kind() == pb::SlipKind::EstimateMoved) {
            return Err(DemoError::Wrong(format!("order {} slipped in silence", order.number)));
        }
        let letter = self.client.letter(id, "ESTIMATE_MOVED").await?;
        let points = letter.body.lines().filter_map(|it| it.strip_prefix("- "));
        let dates = points.filter(|it| it.starts_with("New expected delivery")).collect::<String>();
        let text = format!("“{}”, with: {dates}", letter.subject);
        self.tell("slipped, and told", &text);
        self.shown.slip_told = text;
        Ok(())
    }

    /// The letter that says what is under way, as the customer reads it.
    async fn show_letter(&mut self, id: &str) -> Result<(), DemoError> {
        let letter = self.client.letter(id, "SHIPPED").await?;
        self.tell("letter", &format!("in {}: {}", letter.locale, letter.subject));
        for line in letter.body.trim_end().lines() {
            self.say(format!("{:<23} {line}", "").trim_end());
        }
        self.shown.letter_in_another_language = letter.subject;
        Ok(())
    }

    /// What is to be bought of what was handed over, proposed when an order set it aside; and how the shelves stand that it
    /// came from.
    async fn tell_restocked(&mut self, shipment: &pb::Shipment) -> Result<(), DemoError> {
        for item in &shipment.items {
            for proposal in self.client.proposals(&item.sku, &shipment.location).await? {
                let pb::Replenishment { sku, location, quantity, reason, .. } = &proposal;
                let state = short(proposal.state().as_str_name(), "REPLENISHMENT_STATE_");
                let text = format!("{quantity} × {sku} for {location}, {state}: {reason}");
                self.tell("proposed to be bought", &text);
                self.shown.reorder_proposed = text;
            }
        }
        let last = self.client.timeline(&shipment.order_id).await?.steps.pop().unwrap_or_default();
        // A proposal is told above, in its own words.
        for words in last.evidence.into_iter().filter(|it| !it.starts_with("rpl_")) {
            if self.told.insert(words.clone()) {
                self.tell("shelves", &words);
            }
        }
        Ok(())
    }
}

fn parcel() -> pb::Package {
    pb::Package { length_mm: 400, width_mm: 300, height_mm: 250, ..Default::default() }
}

fn crate_of_furniture() -> pb::Package {
    pb::Package { length_mm: 1_450, width_mm: 750, height_mm: 180, ..Default::default() }
}

/// A postal code that its country does not have.
fn misspelt(address: &sample::Address) -> sample::Address {
    sample::Address { postal_code: "ABC".to_owned(), ..address.clone() }
}
