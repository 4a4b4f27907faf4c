//! The store and the writer of these tests: a world in memory that takes accepted changes in and checks every law.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::commands::{conclude, take_in};
use crate::domain::{
    Actor, Address, Approval, ApprovalState, Ask, Breach, Changes, Channel, Courier, Customer, Decision,
    Desk, Event, Gate, Ids, LineCheck, LineUnits, Location, LocationCode, Machine, MessageState, Method,
    Money, Movement, NewLine, NewOrder, NewPayment, OnShortage, Order, OrderId, OrderState, Package,
    PackedItem, PaymentId, Product, Proof, ProviderAnswer, Rate, Reason, ReceivedMoney, Refusal, RegionCode,
    Report, ReservationId, ReservedItem, Rules, ServiceLevel, Shipment, ShipmentId, ShipmentState, Sku,
    StepLine, StepState, StockLevel, Timestamp, TrackingStatus, World, create_courier, create_location,
    create_product, history_breaches, receive_stock, timeline,
};

/// What waiting orders want, as in [`World`].
type Awaited = HashMap<(RegionCode, Sku), i64>;
type AwaitedBefore = HashMap<(OrderId, Sku), i64>;

/// Monday, 2 November 2026, 08:00 UTC.
pub(super) const MONDAY: Timestamp = Timestamp::from_unix_micros(1_793_606_400_000_000);

pub(super) struct Bench {
    pub(super) world: World,
    pub(super) rules: Rules,
    pub(super) now: Timestamp,
    /// Who acts next.
    pub(super) actor: Actor,
    pub(super) events: BTreeMap<OrderId, Vec<Event>>,
    pub(super) movements: Vec<Movement>,
    /// Every transition that anything made: machine, from, to.
    pub(super) taken: BTreeSet<(Machine, String, String)>,
    decisions: u64,
    invoices: i64,
}

impl Bench {
    /// Three products, two locations in North America and one in Europe, two couriers, empty shelves.
    pub(super) fn empty() -> Self {
        let mut bench = Self {
            world: World::default(),
            rules: Rules::default(),
            now: MONDAY,
            actor: actor("clerk"),
            events: BTreeMap::new(),
            movements: Vec::new(),
            taken: BTreeSet::new(),
            decisions: 0,
            invoices: 0,
        };
        for (code, region, country, priority) in
            [("NYC", "NORTH_AMERICA", "US", 1), ("LAX", "NORTH_AMERICA", "US", 2), ("BER", "EUROPE", "DE", 1)]
        {
            let location = Location {
                code: place(code),
                version: 0,
                name: code.to_owned(),
                region: region.parse().expect("a region code"),
                country: country.to_owned(),
                priority,
                created_at: MONDAY,
            };
            bench.decide(|desk| create_location(desk, &location)).expect("a new location");
        }
        for (code, minor, weight_grams) in [("A-1", 1_000, 300), ("B-2", 2_550, 1_200), ("C-3", 333, 50)] {
            let product = Product {
                sku: sku(code),
                version: 0,
                name: format!("Thing {code}"),
                tax_category: "STANDARD".to_owned(),
                unit_price: Some(usd(minor)),
                weight_grams,
                created_at: MONDAY,
            };
            bench.decide(|desk| create_product(desk, &product)).expect("a new product");
        }
        for (code, base_minor, days) in [("SNAIL", 400, 4), ("ROCKET", 1_900, 1)] {
            bench
                .decide(|desk| create_courier(desk, &courier(code, base_minor, days)))
                .expect("a new courier");
        }
        bench
    }

    pub(super) fn with_stock(stock: &[(&str, &str, i64)]) -> Self {
        let mut bench = Self::empty();
        for (code, location, units) in stock {
            bench.stock(code, location, *units);
        }
        bench
    }

    pub(super) fn stock(&mut self, code: &str, location: &str, units: i64) {
        self.decide(|desk| receive_stock(desk, &sku(code), &place(location), units, "delivery", None))
            .expect("goods arrive");
    }

    pub(super) fn by(&mut self, name: &str) -> &mut Self {
        self.actor = actor(name);
        self
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// One decision: accepted, its changes are taken in; refused, nothing has happened.
    pub(super) fn decide<T>(
        &mut self,
        act: impl FnOnce(&mut Desk<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.load();
        self.decisions += 1;
        let ids = Ids::seeded(self.now, self.decisions);
        let mut desk = Desk::new(&self.world, &self.rules, self.now, self.actor.clone(), ids);
        let done = act(&mut desk)?;
        let changes = desk.changes;
        self.take_in(changes);
        Ok(done)
    }

    /// One decision about one order.
    pub(super) fn on<T>(
        &mut self,
        id: OrderId,
        act: impl FnOnce(&mut Order, &mut Desk<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let done = self.decide(|desk| {
            let mut order = desk.take_order(id)?;
            let done = act(&mut order, desk)?;
            conclude(order, desk)?;
            Ok(done)
        });
        // A shipment that has all its tracking events takes no call any more.
        if let Err(Refusal::Unmet { reason, legal, state, .. }) = &done
            && *reason != Reason::LimitReached
        {
            let open = self.order(id).available_actions();
            assert!(state.is_some(), "{reason} says no state");
            assert!(!legal.is_empty() || open.is_empty(), "{reason} names none of {open:?}");
        }
        done
    }

    /// What the store would find: whose hold is overdue, and who waits before whom.
    fn load(&mut self) {
        let now = self.now;
        let overdue = |it: &Arc<Order>| it.current_reservation().is_some_and(|it| it.is_overdue(now));
        let mut orders: Vec<OrderId> =
            self.world.orders.values().filter(|it| overdue(it)).map(|it| it.id).collect();
        orders.sort();
        self.world.overdue_orders = orders;
        let mut reservations: Vec<ReservationId> =
            self.world.reservations.values().filter(|it| it.is_overdue(now)).map(|it| it.id).collect();
        reservations.sort();
        self.world.overdue_reservations = reservations;
        (self.world.awaited, self.world.awaited_before) = self.waiting();
    }

    fn waiting(&self) -> (Awaited, AwaitedBefore) {
        let mut orders: Vec<&Arc<Order>> =
            self.world.orders.values().filter(|it| it.state == OrderState::AwaitingStock).collect();
        orders.sort_by_key(|it| it.number);
        let mut awaited: HashMap<(RegionCode, Sku), i64> = HashMap::new();
        let mut before = HashMap::new();
        for order in orders {
            let region = order.region.clone().expect("a waiting order has a region");
            for line in &order.lines {
                let found = awaited.get(&(region.clone(), line.sku.clone())).copied().unwrap_or(0);
                before.insert((order.id, line.sku.clone()), found);
            }
            for line in &order.lines {
                *awaited.entry((region.clone(), line.sku.clone())).or_default() += line.quantity;
            }
        }
        (awaited, before)
    }

    fn take_in(&mut self, mut changes: Changes) {
        for order in changes.orders.values_mut() {
            let order = Arc::make_mut(order);
            if order.number == 0 {
                order.number = 1 + self.world.orders.values().map(|it| it.number).max().unwrap_or(0);
            }
            for invoice in order.invoices.iter_mut().filter(|it| it.number == 0) {
                self.invoices += 1;
                invoice.number = self.invoices;
            }
        }
        self.note_transitions(&changes);
        self.check_versions(&changes);
        self.world.absorb(&changes);
        for event in &changes.events {
            self.events.entry(event.order).or_default().push(event.clone());
        }
        self.movements.extend(changes.movements.iter().cloned());
        self.check(&changes);
    }

    /// What belongs to no order says its transitions in no history.
    fn note_transitions(&mut self, changes: &Changes) {
        for step in changes.events.iter().filter_map(|it| it.transition.as_ref()) {
            self.taken.insert((step.machine, step.from.clone(), step.to.clone()));
        }
        for (id, after) in &changes.reservations {
            let before = self.world.reservations.get(id).map(|it| it.state);
            if before != Some(after.state) {
                let from = before.map_or("", |it| it.as_str());
                self.taken.insert((Machine::Reservation, from.to_owned(), after.state.to_string()));
            }
        }
        for (id, after) in &changes.replenishments {
            let before = self.world.replenishments.get(id).map(|it| it.state);
            if before != Some(after.state) {
                let from = before.map_or("", |it| it.as_str());
                self.taken.insert((Machine::Replenishment, from.to_owned(), after.state.to_string()));
            }
        }
    }

    /// Whoever holds an etag that still stands has seen everything: what differs is of a later version.
    fn check_versions(&self, changes: &Changes) {
        for after in changes.orders.values() {
            let Some(before) = self.world.orders.get(&after.id) else { continue };
            assert!(before.version < after.version, "an order that was worked on is of a later version");
            for it in &after.reservations {
                let old = before.reservations.iter().find(|old| old.id == it.id);
                assert!(old.is_none_or(|old| old == it || old.version < it.version), "{old:?} became {it:?}");
            }
            for it in &after.shipments {
                let old = before.shipments.iter().find(|old| old.id == it.id);
                assert!(old.is_none_or(|old| old == it || old.version < it.version), "{old:?} became {it:?}");
            }
        }
    }

    /// Every law that this change could have broken.
    fn check(&self, changes: &Changes) {
        let mut broken: Vec<Breach> = Vec::new();
        for order in changes.orders.values() {
            let events = self.history(order.id);
            broken.extend(order.breaches());
            broken.extend(history_breaches(order, events));
            check_timeline(order, &timeline(order, events, self.now));
            for event in events {
                event.step(order);
            }
        }
        broken.extend(changes.reservations.values().flat_map(|it| it.breaches()));
        assert!(broken.is_empty(), "broken laws: {broken:#?}");
        self.check_stock();

        let (awaited, before) = self.waiting();
        let kept: HashMap<_, _> = self
            .world
            .awaited
            .iter()
            .filter(|it| *it.1 != 0)
            .map(|(key, units)| (key.clone(), *units))
            .collect();
        assert_eq!(kept, awaited, "what is awaited is kept up to date");
        for (key, units) in &self.world.awaited_before {
            // Whoever begins to wait late may be taken for newer than it is until it is loaded again.
            let found = before.get(key);
            assert!(found.is_none_or(|it| it <= units), "{key:?} waits behind {found:?} units, not {units}");
        }
    }

    fn check_stock(&self) {
        let mut figures: BTreeMap<(Sku, LocationCode), [i64; 4]> = BTreeMap::new();
        let mut named: BTreeMap<(ReservationId, Option<OrderId>), i64> = BTreeMap::new();
        for it in &self.movements {
            let moves = [it.on_hand, it.reserved, it.damaged, it.quality_hold].iter().any(|it| *it != 0);
            assert!(moves, "an entry that moves nothing: {it:?}");
            if it.reserved != 0 {
                let whose = it.reservation.expect("S5: units are set aside under the name of a reservation");
                *named.entry((whose, it.order)).or_default() += it.reserved;
            }
            let sums = figures.entry((it.sku.clone(), it.location.clone())).or_default();
            for (sum, moved) in sums.iter_mut().zip([it.on_hand, it.reserved, it.damaged, it.quality_hold]) {
                *sum += moved;
            }
        }
        let mut set_aside: BTreeMap<(Sku, LocationCode), i64> = BTreeMap::new();
        let of_orders = self.world.orders.values().flat_map(|it| &it.reservations);
        for reservation in of_orders.chain(self.world.reservations.values().map(AsRef::as_ref)) {
            let open: i64 = reservation.items.iter().map(ReservedItem::open).sum();
            let sum = named.remove(&(reservation.id, reservation.order)).unwrap_or_default();
            assert_eq!(open, sum, "S5 {reservation:?}: the sum of the movements that name it");
            for item in reservation.items.iter().filter(|_| reservation.is_open()) {
                *set_aside.entry((item.sku.clone(), item.location.clone())).or_default() += item.open();
            }
        }
        assert!(named.is_empty(), "S5: no reservation is called so: {named:?}");
        for (key, level) in &self.world.stock {
            let StockLevel { on_hand, reserved, damaged, quality_hold, .. } = level;
            let sums = figures.get(key).copied().unwrap_or_default();
            assert_eq!(
                [*on_hand, *reserved, *damaged, *quality_hold],
                sums,
                "S1 {key:?}: the sum of its movements"
            );
            assert_eq!(
                *reserved,
                set_aside.get(key).copied().unwrap_or(0),
                "S2 {key:?}: what reservations hold"
            );
            assert!(*reserved >= 0 && *damaged >= 0 && *quality_hold >= 0, "S3 {level:?}");
            assert!(reserved + damaged + quality_hold <= *on_hand, "S3 {level:?}");
        }
        assert!(
            set_aside.keys().all(|it| self.world.stock.contains_key(it)),
            "S2: reserved where there is a level"
        );
    }

    pub(super) fn order(&self, id: OrderId) -> &Order {
        &self.world.orders[&id]
    }

    pub(super) fn state(&self, id: OrderId) -> OrderState {
        self.order(id).state
    }

    pub(super) fn history(&self, id: OrderId) -> &[Event] {
        self.events.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn timeline(&self, id: OrderId) -> Vec<StepLine> {
        timeline(self.order(id), self.history(id), self.now)
    }

    pub(super) fn level(&self, code: &str, location: &str) -> StockLevel {
        let key = (sku(code), place(location));
        self.world.stock.get(&key).cloned().unwrap_or_else(|| StockLevel::empty(key.0, key.1, MONDAY))
    }

    /// On hand, reserved and damaged.
    pub(super) fn shelf(&self, code: &str, location: &str) -> (i64, i64, i64) {
        let level = self.level(code, location);
        (level.on_hand, level.reserved, level.damaged)
    }

    pub(super) fn shipment(&self, id: OrderId, number: usize) -> &Shipment {
        &self.order(id).shipments[number]
    }

    // What people and workers do.

    pub(super) fn place(&mut self, new: &NewOrder) -> Result<OrderId, Refusal> {
        self.decide(|desk| take_in(desk, new))
    }

    pub(super) fn placed(&mut self, new: &NewOrder) -> OrderId {
        self.place(new).expect("an order that is taken in")
    }

    /// A paid order, ready for the warehouse.
    pub(super) fn paid(&mut self, new: &NewOrder) -> OrderId {
        let id = self.placed(new);
        self.pay_cash(id);
        id
    }

    pub(super) fn pay_cash(&mut self, id: OrderId) {
        self.on(id, |order, desk| order.record_payment(desk, &cash(None))).expect("cash on the counter");
    }

    pub(super) fn charge(&mut self, id: OrderId) -> PaymentId {
        self.on(id, |order, desk| order.begin_payment(desk, &by_card(Ask::Charge, None)))
            .expect("a card to charge")
    }

    pub(super) fn answer(
        &mut self,
        id: OrderId,
        payment: PaymentId,
        ask: Ask,
        answer: &ProviderAnswer,
    ) -> bool {
        self.on(id, |order, desk| order.answer_payment(desk, payment, ask, answer)).expect("an answer")
    }

    pub(super) fn decide_gate(&mut self, id: OrderId, gate: Gate, decision: Decision) -> Result<(), Refusal> {
        let approval = self.order(id).approval(gate).map(|it| it.id).expect("an approval");
        self.on(id, |order, desk| order.decide_approval(desk, approval, decision, "looked at"))
    }

    pub(super) fn tend(&mut self, id: OrderId) {
        let before = std::mem::replace(&mut self.actor, Actor::system());
        self.on(id, super::super::order::Order::tend).expect("tending never fails");
        self.actor = before;
    }

    pub(super) fn fill(&mut self, id: OrderId) -> bool {
        self.on(id, super::super::order::Order::fill).expect("filling never fails")
    }

    pub(super) fn pick(&mut self, id: OrderId, number: usize) {
        let shipment = self.shipment(id, number).clone();
        let picks: Vec<LineUnits> = shipment
            .items
            .iter()
            .filter(|it| it.quantity > it.picked)
            .map(|it| LineUnits { line: it.line, units: it.quantity - it.picked })
            .collect();
        self.on(id, |order, desk| order.start_picking(desk, shipment.id)).expect("picking starts");
        self.on(id, |order, desk| order.record_pick(desk, shipment.id, &picks))
            .expect("everything is picked");
    }

    /// The check of every unit; `failed` of the first line fail.
    pub(super) fn check_quality(&mut self, id: OrderId, number: usize, failed: i64) {
        let shipment = self.shipment(id, number).clone();
        let checks = checks_of(&shipment, failed);
        self.on(id, |order, desk| order.record_quality_check(desk, shipment.id, &checks))
            .expect("a full check");
    }

    /// From the pick list to the courier's van.
    pub(super) fn ship(&mut self, id: OrderId, number: usize) {
        self.prepare(id, number);
        let shipment = self.shipment(id, number).id;
        self.on(id, |order, desk| order.confirm_pickup(desk, shipment, "driver 7", 1, None))
            .expect("a handover");
    }

    /// From the pick list until the courier may come.
    pub(super) fn prepare(&mut self, id: OrderId, number: usize) {
        self.pick(id, number);
        self.check_quality(id, number, 0);
        let shipment = self.shipment(id, number).clone();
        let packages = one_package(&shipment);
        self.on(id, |order, desk| order.pack(desk, shipment.id, packages))
            .expect("everything in one package");
        self.on(id, |order, desk| order.create_label(desk, shipment.id)).expect("a label");
        self.on(id, |order, desk| order.assign_courier(desk, shipment.id, None, None)).expect("a courier");
    }

    pub(super) fn report(&mut self, id: OrderId, number: usize, status: TrackingStatus) -> usize {
        let shipment = self.shipment(id, number).id;
        let report = report(status, self.now);
        self.on(id, |order, desk| order.record_tracking(desk, shipment, &[report])).expect("a report").new
    }

    pub(super) fn deliver(&mut self, id: OrderId, number: usize) {
        let shipment = self.shipment(id, number).id;
        let proof = proof(self.now, &self.actor);
        self.on(id, |order, desk| order.confirm_delivery(desk, shipment, proof)).expect("delivered");
    }

    pub(super) fn send_messages(&mut self, id: OrderId) {
        let queued: Vec<_> = self
            .order(id)
            .messages
            .iter()
            .filter(|it| it.state == MessageState::Queued)
            .map(|it| it.id)
            .collect();
        for message in queued {
            self.on(id, |order, desk| order.answer_message(desk, message, Ok(()))).expect("sent");
        }
    }

    /// Everything the provider still owes an answer to, answered well.
    pub(super) fn settle(&mut self, id: OrderId) {
        while let Some((payment, ask)) = open_ask(self.order(id)) {
            self.answer(id, payment, ask, &done("settled"));
        }
        let refunds: Vec<_> =
            self.order(id).payments.iter().flat_map(|it| &it.refunds).map(|it| it.id).collect();
        for refund in refunds {
            self.on(id, |order, desk| order.answer_refund(desk, refund, &done("paid back")))
                .expect("an answer");
        }
    }
}

fn check_timeline(order: &Order, lines: &[StepLine]) {
    assert_eq!(lines.len(), 20, "twenty steps, whatever happened");
    for line in lines {
        let done = line.state == StepState::Done;
        let may_have_been = done || line.state == StepState::Compensated;
        assert!(!done || line.done_at.is_some(), "{} was done at no time: {line:?}", line.step);
        assert!(may_have_been || line.done_at.is_none(), "{} is not done: {line:?}", line.step);
        assert!(!done || line.started_at <= line.done_at, "{} ended before it began: {line:?}", line.step);
        let open = line.is_open() && line.state != StepState::Failed;
        assert!(!open || !order.state.is_final(), "{} is open in the archive: {line:?}", line.step);
    }
    let open = lines.iter().find(|it| it.is_open() && !order.is_over());
    assert_eq!(
        order.next_step(),
        open.map(|it| (it.step, it.note.clone())),
        "the first open step comes next until it is over"
    );
    assert_eq!(order.is_over(), open.is_none(), "something comes next until it is over");
}

pub(super) fn open_ask(order: &Order) -> Option<(PaymentId, Ask)> {
    order.payments.iter().find_map(|it| it.ask().map(|ask| (it.id, ask)))
}

pub(super) fn pending(order: &Order) -> Option<&Approval> {
    order.approvals.iter().find(|it| it.state == ApprovalState::Pending)
}

pub(super) fn reason<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Reason {
    match refused {
        Err(Refusal::Unmet { reason, .. }) => reason,
        other => panic!("expected a refusal with a reason, not {other:?}"),
    }
}

pub(super) fn actor(name: &str) -> Actor {
    name.parse().expect("an actor's name")
}

pub(super) fn sku(code: &str) -> Sku {
    code.parse().expect("a sku")
}

pub(super) fn place(code: &str) -> LocationCode {
    code.parse().expect("a location code")
}

pub(super) fn usd(minor: i64) -> Money {
    "USD".parse::<crate::domain::Currency>().expect("a currency").of(minor)
}

fn courier(code: &str, base_minor: i64, days: u32) -> Courier {
    let mut rates = Vec::new();
    for region in ["NORTH_AMERICA", "EUROPE"] {
        for (service, faster) in [(ServiceLevel::Standard, 0), (ServiceLevel::Express, 1)] {
            rates.push(Rate {
                region: region.parse().expect("a region code"),
                service,
                currency: usd(0).currency,
                base_minor: base_minor * (1 + i64::from(faster)),
                per_kg_minor: 50,
                transit_days: days.saturating_sub(faster).max(1),
                weight_max_grams: 0,
            });
        }
    }
    Courier {
        code: code.parse().expect("a courier code"),
        version: 0,
        name: code.to_owned(),
        cutoff_minutes: 960,
        utc_offset_minutes: 0,
        pickup_weekdays: vec![1, 2, 3, 4, 5],
        rates,
        created_at: MONDAY,
    }
}

/// An order from New York, as it comes from the web shop; refused on a shortage.
pub(super) fn order(name: &str, lines: &[(&str, i64)]) -> NewOrder {
    NewOrder {
        channel: Channel::Online,
        external_reference: String::new(),
        customer: Customer {
            name: name.to_owned(),
            email: format!("{name}@example.com"),
            phone: String::new(),
            locale: "en".to_owned(),
        },
        shipping_address: Address {
            recipient: String::new(),
            organization: String::new(),
            lines: vec!["350 Fifth Avenue".to_owned()],
            city: "New York".to_owned(),
            area: "NY".to_owned(),
            postal_code: "10118".to_owned(),
            country: "US".to_owned(),
        },
        billing_address: None,
        currency: usd(0).currency,
        lines: lines
            .iter()
            .map(|(code, quantity)| NewLine {
                sku: sku(code),
                quantity: *quantity,
                unit_price: None,
                discount: None,
                description: String::new(),
            })
            .collect(),
        discount: None,
        discount_code: String::new(),
        prices_include_tax: false,
        shipping_fee: None,
        special_instructions: String::new(),
        service: ServiceLevel::Standard,
        on_shortage: OnShortage::Refuse,
        reservation_lifetime_seconds: None,
        requested_by: None,
    }
}

pub(super) fn waiting(new: NewOrder) -> NewOrder {
    NewOrder { on_shortage: OnShortage::Wait, ..new }
}

pub(super) fn to_berlin(mut new: NewOrder) -> NewOrder {
    new.shipping_address = Address {
        lines: vec!["Torstraße 1".to_owned()],
        city: "Berlin".to_owned(),
        area: String::new(),
        postal_code: "10119".to_owned(),
        country: "DE".to_owned(),
        ..new.shipping_address
    };
    new
}

/// So dear that both gates ask a person.
pub(super) fn dear(mut new: NewOrder) -> NewOrder {
    for line in &mut new.lines {
        line.unit_price = Some(usd(200_000));
    }
    new
}

pub(super) fn cash(amount: Option<i64>) -> ReceivedMoney {
    ReceivedMoney { method: Method::Cash, amount: amount.map(usd), reference: String::new(), tendered: None }
}

pub(super) fn by_card(ask: Ask, amount: Option<i64>) -> NewPayment {
    NewPayment {
        method: Method::Card,
        token: "tok_visa".to_owned(),
        amount: amount.map(usd),
        ask,
        provider: "sandbox".to_owned(),
    }
}

pub(super) fn done(reference: &str) -> ProviderAnswer {
    ProviderAnswer::Done(reference.to_owned())
}

pub(super) fn declined() -> ProviderAnswer {
    ProviderAnswer::Declined("insufficient funds".to_owned())
}

pub(super) fn unknown() -> ProviderAnswer {
    ProviderAnswer::Unknown("no answer within 5 s".to_owned())
}

pub(super) fn checks_of(shipment: &Shipment, failed: i64) -> Vec<LineCheck> {
    let mut failed = failed;
    let check = |it: &crate::domain::ShipmentItem| {
        let bad = failed.min(it.quantity);
        failed -= bad;
        let defect = if bad > 0 { "scratched" } else { "" };
        LineCheck { line: it.line, passed: it.quantity - bad, failed: bad, defect: defect.to_owned() }
    };
    shipment.items.iter().map(check).collect()
}

pub(super) fn one_package(shipment: &Shipment) -> Vec<Package> {
    vec![Package {
        number: 1,
        weight_grams: 2_500,
        length_mm: 300,
        width_mm: 200,
        height_mm: 150,
        contents: shipment
            .items
            .iter()
            .map(|it| PackedItem { line: it.line, quantity: it.quantity })
            .collect(),
    }]
}

pub(super) fn report(status: TrackingStatus, at: Timestamp) -> Report {
    Report {
        status,
        incident: String::new(),
        place: "Newark".to_owned(),
        occurred_at: at,
        estimated_at: None,
        raw_code: String::new(),
        description: String::new(),
        received_by: String::new(),
    }
}

pub(super) fn proof(at: Timestamp, by: &Actor) -> Proof {
    Proof {
        received_by: "the neighbour".to_owned(),
        place: "front door".to_owned(),
        signature_sha256: String::new(),
        photo_sha256: String::new(),
        at,
        recorded_by: by.clone(),
    }
}

/// The shipments that a warehouse still works on.
pub(super) fn in_house(order: &Order) -> Vec<(usize, ShipmentId, ShipmentState)> {
    let all = order.shipments.iter().enumerate().map(|(number, it)| (number, it.id, it.state));
    all.filter(|it| !it.2.is_handed_over() && it.2 != ShipmentState::Cancelled).collect()
}
