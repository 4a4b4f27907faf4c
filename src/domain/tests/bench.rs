//! The store and the writer of these tests: a snapshot in memory that applies accepted changes and checks every law.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::approvals::decide::Decision;
use crate::domain::catalogue::location::create_location;
use crate::domain::catalogue::product::create_product;
use crate::domain::couriers::courier::create_courier;
use crate::domain::invariants::findings::Violation;
use crate::domain::invariants::history::history_violations;
use crate::domain::inventory::receive::receive_stock;
use crate::domain::inventory::reserve_for_others::NewReservation;
use crate::domain::inventory::restock::{look_after_shelves, missing};
use crate::domain::model::approval::Gate;
use crate::domain::model::event::{Event, Machine};
use crate::domain::model::location::Location;
use crate::domain::model::message::MessageState;
use crate::domain::model::new_order::NewOrder;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::payment::{ProviderAnswer, ProviderRequest};
use crate::domain::model::policy::Rules;
use crate::domain::model::product::Product;
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::reservation::ReservedItem;
use crate::domain::model::scalars::{
    Actor, Ids, LocationCode, OrderId, PaymentId, RegionCode, ReservationId, Sku,
};
use crate::domain::model::service::ProductKind;
use crate::domain::model::shipment::Shipment;
use crate::domain::model::stock::{Movement, MovementKind, StockLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::ordering::receive::take_in;
use crate::domain::process::timeline::lines::timeline;
use crate::domain::process::timeline::steps::{Step, StepLine, StepState};
use crate::domain::returns::hand_back::settle_exchanges;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::given::{
    MONDAY, actor, by_card, cash, checks_of, courier, done, location_code, number_papers, one_package,
    open_request, proof, report, sku, usd,
};
use crate::domain::tests::noticed::{
    check_carts, check_exchanges, check_lots, check_queue, check_slips, check_sums, check_transfers,
    check_wait, has_a_day_to_book, no_larger_before, transitions,
};
use crate::domain::unit::command::conclude;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot, UnitOfWork};

/// What waiting orders want, as in [`Snapshot`].
type Awaited = HashMap<(RegionCode, Sku), i64>;

type AwaitedBefore = HashMap<(OrderId, Sku), i64>;

pub(super) struct Bench {
    pub(super) snapshot: Snapshot,
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
    credit_notes: i64,
}

impl Bench {
    /// Three products and two services, two locations in North America and one in Europe, two couriers, empty shelves.
    fn empty() -> Self {
        let mut bench = Self {
            snapshot: Snapshot::default(),
            rules: Rules::default(),
            now: MONDAY,
            actor: actor("clerk"),
            events: BTreeMap::new(),
            movements: Vec::new(),
            taken: BTreeSet::new(),
            decisions: 0,
            invoices: 0,
            credit_notes: 0,
        };
        for (code, region, country, priority) in
            [("NYC", "NORTH_AMERICA", "US", 1), ("LAX", "NORTH_AMERICA", "US", 2), ("BER", "EUROPE", "DE", 1)]
        {
            let region = region.parse().expect("a region code");
            let location =
                Location { priority, ..Location::new(location_code(code), region, country, MONDAY) };
            bench.decide(|unit| create_location(unit, &location)).expect("a new location");
        }
        for (code, minor, weight_grams) in [("A-1", 1_000, 300), ("B-2", 2_550, 1_200), ("C-3", 333, 50)] {
            let product = Product {
                unit_price: Some(usd(minor)),
                weight_grams,
                ..Product::new(sku(code), format!("Thing {code}"), MONDAY)
            };
            bench.decide(|unit| create_product(unit, &product)).expect("a new product");
        }
        for (code, minor) in [("FIT", 4_500), ("TUNE", 990)] {
            let product = Product {
                unit_price: Some(usd(minor)),
                kind: ProductKind::Service,
                ..Product::new(sku(code), format!("Service {code}"), MONDAY)
            };
            bench.decide(|unit| create_product(unit, &product)).expect("a new service");
        }
        for (code, base_minor, days) in [("SNAIL", 400, 4), ("ROCKET", 1_900, 1)] {
            bench
                .decide(|unit| create_courier(unit, &courier(code, base_minor, days)))
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
        self.decide(|unit| {
            receive_stock(unit, &sku(code), &location_code(location), units, "delivery", None)
        })
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
        act: impl FnOnce(&mut UnitOfWork<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.load();
        self.decisions += 1;
        let ids = Ids::seeded(self.now, self.decisions);
        let mut unit = UnitOfWork::new(&self.snapshot, &self.rules, self.now, self.actor.clone(), ids);
        let done = act(&mut unit)?;
        settle_exchanges(&mut unit)?;
        look_after_shelves(&mut unit);
        let changes = unit.changes;
        self.take_in(changes);
        Ok(done)
    }

    /// One decision about one order.
    pub(super) fn on<T>(
        &mut self,
        id: OrderId,
        act: impl FnOnce(&mut Order, &mut UnitOfWork<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let done = self.decide(|unit| {
            let mut order = unit.take_order(id)?;
            let done = act(&mut order, unit)?;
            conclude(order, unit)?;
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

    /// What the store would load: expired reservations, and who waits before whom.
    fn load(&mut self) {
        let now = self.now;
        let expired = |it: &Arc<Order>| it.current_reservation().is_some_and(|it| it.is_expired(now));
        let mut orders: Vec<OrderId> =
            self.snapshot.orders.values().filter(|it| expired(it)).map(|it| it.id).collect();
        orders.sort();
        self.snapshot.expired_orders = orders;
        let mut reservations: Vec<ReservationId> =
            self.snapshot.reservations.values().filter(|it| it.is_expired(now)).map(|it| it.id).collect();
        reservations.sort();
        self.snapshot.expired_reservations = reservations;
        (self.snapshot.awaited, self.snapshot.awaited_before) = self.waiting();
        self.snapshot.queue.no_larger_before = no_larger_before(&self.snapshot);
    }

    fn waiting(&self) -> (Awaited, AwaitedBefore) {
        let mut orders: Vec<&Arc<Order>> =
            self.snapshot.orders.values().filter(|it| it.waits_for_stock()).collect();
        orders.sort_by_key(|it| it.number);
        let mut awaited: HashMap<(RegionCode, Sku), i64> = HashMap::new();
        let mut before = HashMap::new();
        for order in orders {
            let region = order.region.clone().expect("a waiting order has a region");
            for (line, _) in order.awaited_units() {
                let found = awaited.get(&(region.clone(), line.sku.clone())).copied().unwrap_or(0);
                before.insert((order.id, line.sku.clone()), found);
            }
            for (line, units) in order.awaited_units() {
                *awaited.entry((region.clone(), line.sku.clone())).or_default() += units;
            }
        }
        (awaited, before)
    }

    fn take_in(&mut self, mut changes: ChangeSet) {
        for order in changes.orders.values_mut() {
            let order = Arc::make_mut(order);
            if order.number == 0 {
                order.number = 1 + self.snapshot.orders.values().map(|it| it.number).max().unwrap_or(0);
            }
            number_papers(order, &mut self.invoices, &mut self.credit_notes);
        }
        self.note_transitions(&changes);
        self.check_versions(&changes);
        self.snapshot.apply(&changes);
        for event in &changes.events {
            self.events.entry(event.order).or_default().push(event.clone());
        }
        self.movements.extend(changes.movements.iter().cloned());
        self.check(&changes);
    }

    /// What belongs to no order says its transitions in no history.
    fn note_transitions(&mut self, changes: &ChangeSet) {
        for step in changes.events.iter().filter_map(|it| it.transition.as_ref()) {
            self.taken.insert((step.machine, step.from.clone(), step.to.clone()));
        }
        self.taken.extend(transitions(&self.snapshot, changes));
    }

    /// A reader whose etag is current has seen everything: what differs is of a later version.
    fn check_versions(&self, changes: &ChangeSet) {
        for after in changes.orders.values() {
            let Some(before) = self.snapshot.orders.get(&after.id) else { continue };
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
    fn check(&self, changes: &ChangeSet) {
        let mut broken: Vec<Violation> = Vec::new();
        for order in changes.orders.values() {
            let events = self.history(order.id);
            broken.extend(order.violations());
            broken.extend(history_violations(order, events));
            check_timeline(order, &timeline(order, events, self.now));
            check_slips(order, self.now, &self.rules);
            check_wait(order);
            for event in events {
                event.step(order);
            }
        }
        broken.extend(changes.reservations.values().flat_map(|it| it.violations()));
        assert!(broken.is_empty(), "broken laws: {broken:#?}");
        self.check_stock();
        self.check_incoming();
        check_transfers(&self.snapshot, &self.movements);
        check_sums(&self.snapshot);
        check_carts(&self.snapshot);
        check_lots(&self.snapshot, &self.movements);
        check_exchanges(&self.snapshot);
        check_queue(&self.snapshot);

        let (awaited, before) = self.waiting();
        let kept: HashMap<_, _> = self
            .snapshot
            .awaited
            .iter()
            .filter(|it| *it.1 != 0)
            .map(|(key, units)| (key.clone(), *units))
            .collect();
        assert_eq!(kept, awaited, "what is awaited is kept up to date");
        for (key, units) in &self.snapshot.awaited_before {
            // An order that begins to wait late may count as newer than it is until it is loaded again.
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
                let reservation =
                    it.reservation.expect("S5: units are set aside under the name of a reservation");
                *named.entry((reservation, it.order)).or_default() += it.reserved;
            }
            let sums = figures.entry((it.sku.clone(), it.location.clone())).or_default();
            for (sum, moved) in sums.iter_mut().zip([it.on_hand, it.reserved, it.damaged, it.quality_hold]) {
                *sum += moved;
            }
        }
        let mut set_aside: BTreeMap<(Sku, LocationCode), i64> = BTreeMap::new();
        let of_orders = self.snapshot.orders.values().flat_map(|it| &it.reservations);
        for reservation in of_orders.chain(self.snapshot.reservations.values().map(AsRef::as_ref)) {
            let open: i64 = reservation.items.iter().map(ReservedItem::open).sum();
            let sum = named.remove(&(reservation.id, reservation.order)).unwrap_or_default();
            assert_eq!(open, sum, "S5 {reservation:?}: the sum of the movements that name it");
            for item in reservation.items.iter().filter(|_| reservation.is_open()) {
                *set_aside.entry((item.sku.clone(), item.location.clone())).or_default() += item.open();
            }
        }
        assert!(named.is_empty(), "S5: no reservation is called so: {named:?}");
        for (key, level) in &self.snapshot.stock {
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
            assert!((0..=*on_hand).contains(&level.missing), "S3 {level:?}");
        }
        assert!(
            set_aside.keys().all(|it| self.snapshot.stock.contains_key(it)),
            "S2: reserved where there is a level"
        );
    }

    /// No shelf stays below its reorder point unless a person wants it so or a lot's day has just passed; and what is on
    /// order is what levels say.
    fn check_incoming(&self) {
        let unit = UnitOfWork::new(
            &self.snapshot,
            &self.rules,
            self.now,
            self.actor.clone(),
            Ids::seeded(self.now, 0),
        );
        for ((sku, location), level) in &self.snapshot.stock {
            let lots = unit.incoming(sku, location);
            let on_order: i64 = lots.iter().map(|it| it.1).sum();
            assert_eq!(level.incoming, on_order, "S8 {level:?}: {lots:?}");
            let here = |at: (&Sku, &LocationCode)| at == (sku, location);
            let received = self.snapshot.replenishments.values().filter(|it| here((&it.sku, &it.location)));
            let received: i64 = received.map(|it| it.received).sum();
            let comes = |it: MovementKind| matches!(it, MovementKind::Receipt | MovementKind::TransferIn);
            let arrived = self.movements.iter().filter(|it| comes(it.kind) && here((&it.sku, &it.location)));
            let arrived: i64 = arrived.map(|it| it.on_hand).sum();
            assert!(received <= arrived, "S8 {level:?}: {received} received, {arrived} arrived");
            let missing = missing(&unit, level).filter(|_| !has_a_day_to_book(level, self.now));
            assert!(missing.is_none() || level.declined_at.is_some(), "{missing:?} are missing of {level:?}");
            let open = unit.open_replenishments(sku, location);
            let proposed = open.iter().filter(|it| it.state == ReplenishmentState::Proposed).count();
            assert!(proposed <= 1, "{proposed} proposals for {level:?}");
        }
    }

    pub(super) fn order(&self, id: OrderId) -> &Order {
        &self.snapshot.orders[&id]
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
        let key = (sku(code), location_code(location));
        self.snapshot.stock.get(&key).cloned().unwrap_or_else(|| StockLevel::empty(key.0, key.1, MONDAY))
    }

    /// On hand, reserved, and damaged or in quality hold.
    pub(super) fn shelf(&self, code: &str, location: &str) -> (i64, i64, i64) {
        let level = self.level(code, location);
        (level.on_hand, level.reserved, level.damaged + level.quality_hold)
    }

    pub(super) fn shipment(&self, id: OrderId, number: usize) -> &Shipment {
        &self.order(id).shipments[number]
    }

    // What people and workers do.

    pub(super) fn create_order(&mut self, new: &NewOrder) -> Result<OrderId, Refusal> {
        self.decide(|unit| take_in(unit, new))
    }

    pub(super) fn placed(&mut self, new: &NewOrder) -> OrderId {
        self.create_order(new).expect("an order that is taken in")
    }

    /// A paid order, ready for the warehouse.
    pub(super) fn paid(&mut self, new: &NewOrder) -> OrderId {
        let id = self.placed(new);
        self.pay_cash(id);
        id
    }

    pub(super) fn pay_cash(&mut self, id: OrderId) {
        self.on(id, |order, unit| order.record_payment(unit, &cash(None))).expect("cash on the counter");
    }

    pub(super) fn charge(&mut self, id: OrderId) -> PaymentId {
        self.on(id, |order, unit| order.begin_payment(unit, &by_card(ProviderRequest::Charge, None)))
            .expect("a card to charge")
    }

    pub(super) fn answer(
        &mut self,
        id: OrderId,
        payment: PaymentId,
        request: ProviderRequest,
        answer: &ProviderAnswer,
    ) -> bool {
        self.on(id, |order, unit| order.answer_payment(unit, payment, request, answer)).expect("an answer")
    }

    pub(super) fn decide_gate(&mut self, id: OrderId, gate: Gate, decision: Decision) -> Result<(), Refusal> {
        let approval = self.order(id).approval(gate).map(|it| it.id).expect("an approval");
        self.on(id, |order, unit| order.decide_approval(unit, approval, decision, "looked at"))
    }

    pub(super) fn run_due(&mut self, id: OrderId) {
        let before = std::mem::replace(&mut self.actor, Actor::system());
        self.on(id, Order::run_due).expect("tending never fails");
        self.actor = before;
    }

    pub(super) fn fill(&mut self, id: OrderId) -> bool {
        self.on(id, Order::fill).expect("filling never fails")
    }

    pub(super) fn pick(&mut self, id: OrderId, number: usize) {
        let shipment = self.shipment(id, number).clone();
        let picks: Vec<LineUnits> = shipment
            .items
            .iter()
            .filter(|it| it.quantity > it.picked)
            .map(|it| LineUnits { line: it.line, units: it.quantity - it.picked })
            .collect();
        self.on(id, |order, unit| order.start_picking(unit, shipment.id)).expect("picking starts");
        self.on(id, |order, unit| order.record_pick(unit, shipment.id, &picks))
            .expect("everything is picked");
    }

    /// The check of every unit; `failed` of the first line fail.
    pub(super) fn check_quality(&mut self, id: OrderId, number: usize, failed: i64) {
        let shipment = self.shipment(id, number).clone();
        let checks = checks_of(&shipment, failed);
        self.on(id, |order, unit| order.record_quality_check(unit, shipment.id, &checks))
            .expect("a full check");
    }

    /// From the pick list to the courier's van.
    pub(super) fn ship(&mut self, id: OrderId, number: usize) {
        self.prepare(id, number);
        let shipment = self.shipment(id, number).id;
        self.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
            .expect("a handover");
    }

    /// From the pick list until the courier may come.
    pub(super) fn prepare(&mut self, id: OrderId, number: usize) {
        self.label(id, number);
        let shipment = self.shipment(id, number).id;
        self.on(id, |order, unit| order.assign_courier(unit, shipment, None, None, &Default::default()))
            .expect("a courier");
    }

    /// From the pick list to the label.
    pub(super) fn label(&mut self, id: OrderId, number: usize) {
        self.pick(id, number);
        self.check_quality(id, number, 0);
        let shipment = self.shipment(id, number).clone();
        let packages = one_package(&shipment);
        self.on(id, |order, unit| order.pack(unit, shipment.id, packages))
            .expect("everything in one package");
        self.on(id, |order, unit| order.create_label(unit, shipment.id)).expect("a label");
    }

    pub(super) fn report(&mut self, id: OrderId, number: usize, status: TrackingStatus) -> usize {
        let shipment = self.shipment(id, number).id;
        let report = report(status, self.now);
        self.on(id, |order, unit| order.record_tracking(unit, shipment, &[report])).expect("a report").new
    }

    pub(super) fn deliver(&mut self, id: OrderId, number: usize) {
        let shipment = self.shipment(id, number).id;
        let proof = proof(self.now, &self.actor);
        self.on(id, |order, unit| order.confirm_delivery(unit, shipment, proof)).expect("delivered");
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
            self.on(id, |order, unit| order.answer_message(unit, message, Ok(()))).expect("sent");
        }
    }

    /// Into the archive, or out of it again.
    pub(super) fn archive_or_restore(&mut self, id: OrderId) -> Result<(), Refusal> {
        match self.state(id) == OrderState::Archived {
            true => self.on(id, |order, unit| order.restore(unit, "asked for")),
            false => self.on(id, Order::archive),
        }
    }

    /// Everything the provider still owes an answer to, answered well.
    pub(super) fn settle(&mut self, id: OrderId) {
        while let Some((payment, request)) = open_request(self.order(id)) {
            self.answer(id, payment, request, &done("settled"));
        }
        let refunds: Vec<_> =
            self.order(id).payments.iter().flat_map(|it| &it.refunds).map(|it| it.id).collect();
        for refund in refunds {
            self.on(id, |order, unit| order.answer_refund(unit, refund, &done("paid back")))
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

pub(super) fn refused_fields<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Invalid(Problems(problems))) => problems.into_iter().map(|it| it.field).collect(),
        other => panic!("expected bad fields, not {other:?}"),
    }
}

pub(super) fn state_of(bench: &Bench, id: OrderId, step: Step) -> StepState {
    bench.timeline(id)[usize::from(step.number()) - 1].state
}

pub(super) fn others(lines: &[(&str, i64)], seconds: u64) -> NewReservation {
    NewReservation {
        region: "NORTH_AMERICA".parse().expect("a region code"),
        location: None,
        lines: lines.iter().map(|(code, units)| (sku(code), *units)).collect(),
        lifetime: Some(Duration::from_secs(seconds)),
        reference: "basket 7".to_owned(),
        allocation: None,
    }
}
