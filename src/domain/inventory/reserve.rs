//! Steps 3 and 4: an order looks for its units and reserves them. Where some are short it is refused, waits, or takes what
//! there is (`rest.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::inventory::allocate::{
    LOCATIONS_NOTED_MAX, Need, TAKES_MAX, Take, availability, passed_over, plan, supply_by,
};
use crate::domain::inventory::dates::date_lines;
use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::ledger::{give_back, set_aside};
use crate::domain::inventory::ranking::{Carriage, Ranking};
use crate::domain::inventory::supply::Supply;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::availability::{AvailabilityFound, LineAvailability};
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::HoldReason;
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::{Allocation, Rules};
use crate::domain::model::promise::{Promise, PromiseLeg, PromiseOccasion};
use crate::domain::model::refusal::{Reason, Refusal, Shortage};
use crate::domain::model::reservation::{PassedOver, Reservation, ReservationState, ReservedItem};
use crate::domain::model::scalars::{Actor, OnLate, OnShortage, RegionCode, ReservationId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::time::Timestamp;
use crate::domain::promise::leg::Goods;
use crate::domain::promise::offer::Addressed;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::journal::{opened, step_between};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

impl Order {
    /// The units that stock is to be set aside for, without those that are waited for meanwhile.
    pub(in crate::domain) fn needs(&self) -> Vec<Need> {
        let need =
            |it: &OrderLine| Need { line: it.number, sku: it.sku.clone(), quantity: it.ready_quantity() };
        self.wanted_goods().map(need).filter(|it| it.quantity > 0).collect()
    }

    /// How locations are chosen for it: as its caller, its region or the settings say.
    pub(in crate::domain) fn allocation(&self, unit: &UnitOfWork) -> Allocation {
        let of_region = |it| unit.rules.allocation_in(it);
        let usual = self.region.as_ref().map_or(unit.rules.allocation, of_region);
        self.allocation.unwrap_or(usual)
    }

    /// What decides before the locations' priority, where anything does.
    pub(in crate::domain) fn ranking(&self, unit: &UnitOfWork) -> Option<Ranking> {
        let to = Addressed::to(&self.shipping_address);
        match self.allocation(unit) {
            Allocation::Nearest => Some(Ranking::Near(to)),
            Allocation::LeastCost => {
                // The carriage of all of it: what waits goes to the same address later.
                let mut carriage = Carriage::new(to, self.service, Some(self.amounts.currency));
                for line in self.wanted_goods() {
                    carriage
                        .goods
                        .add(Goods::of(line.weight_grams, &line.handling), line.remaining_quantity());
                }
                Some(Ranking::Cost(carriage))
            }
            Allocation::Fefo => Some(Ranking::Expiry),
            Allocation::FewestShipments | Allocation::Priority => None,
        }
    }

    /// What nothing is set aside for yet.
    pub(in crate::domain) fn lacking(&self) -> Vec<Need> {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let mut needs = self.needs();
        for need in &mut needs {
            let own = items.iter().filter(|it| it.line == need.line);
            need.quantity -= own.map(ReservedItem::open).sum::<i64>();
        }
        needs.retain(|it| it.quantity > 0);
        needs
    }

    /// What the region has of each of its products, without what others come first for: the orders that wait before it if it
    /// waits itself, all that wait if it does not.
    pub(super) fn supplies(&self, unit: &UnitOfWork, region: &RegionCode) -> BTreeMap<Sku, Supply> {
        let ranking = self.ranking(unit);
        let waits = self.state == OrderState::AwaitingStock;
        let wanted = |sku: &Sku| {
            let of_it = self.wanted_goods().filter(|it| it.sku == *sku);
            of_it.map(OrderLine::ready_quantity).sum::<i64>()
        };
        self.wanted_goods()
            .map(|line| {
                // What a change added just now has no place in line yet: all others come first.
                let spoken_for = match waits && !self.is_added_now(unit, line) {
                    true => unit.awaited_before(self.id, &line.sku),
                    false => unit.awaited_ahead(region, &line.sku, wanted(&line.sku)),
                };
                (line.sku.clone(), supply_by(unit, region, &line.sku, spoken_for, ranking.as_ref()))
            })
            .collect()
    }

    /// Steps 3 and 4 together: looks for stock and sets it aside. Where something is short the order is refused, waits, or
    /// takes what there is, as its caller said; one that waits already goes on waiting, and is not refused for that.
    pub(in crate::domain) fn reserve(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let region = self.region.clone().expect("a verified order has a region");
        self.refit_reservation(unit)?;
        let needs = self.lacking();
        let mut supplies = self.supplies(unit, &region);
        let mut planned = self.plan_lacking(unit, &needs, &supplies);
        // What has expired is released when somebody needs it (decision 14).
        if planned.is_err() && release_expired_of(unit, needs.iter().map(|it| &it.sku), Some(self.id))? {
            supplies = self.supplies(unit, &region);
            planned = self.plan_lacking(unit, &needs, &supplies);
        }
        match self.current_reservation() {
            None => self.note_availability(unit, &supplies),
            Some(_) => self.note_availability(unit, &self.with_reserved(supplies.clone())),
        }
        let late = self.requested_date_feasible() == Some(false);
        let waits = self.state == OrderState::AwaitingStock;
        // Units of a cart have their shelves, and their dates are known when the others are set aside beside them.
        let is_dated = self.current_reservation().is_none() || planned.is_err();
        let refuses = late && is_dated && self.on_late == OnLate::Refuse && !waits;

        match planned {
            // What is refused for its stock in any case is told of that, not of the date.
            _ if refuses && self.would_go_on(&planned) => Err(self.infeasible()),
            Ok((takes, _)) if takes.len() + self.items_reserved() > TAKES_MAX => {
                let message = format!("an order takes its stock from at most {TAKES_MAX} shelves");
                // One that waits goes on, until fewer shelves have it.
                if waits { Ok(()) } else { Err(self.unmet(Reason::LimitReached, message)) }
            }
            Ok((takes, reason)) => {
                let passed_over = passed_over(&needs, &supplies, &takes);
                self.reserve_stock(unit, &takes, reason, passed_over)?;
                let late = self.requested_date_feasible() == Some(false);
                if late && self.on_late == OnLate::Refuse && !waits {
                    return Err(self.infeasible());
                }
                // An order that has waited is held for a person to ask, and not refused.
                if late && self.on_late != OnLate::Accept {
                    self.hold_for_date(unit);
                }
                Ok(())
            }
            Err(short) => match (self.state, self.on_shortage) {
                (OrderState::AwaitingStock, _) => Ok(()),
                (_, OnShortage::Refuse) => Err(Refusal::Short(short)),
                // Nobody waits with units in hand: what a cart has set aside would be lost to the others, or to those before it.
                (_, OnShortage::Wait) if self.current_reservation().is_some() => Err(Refusal::Short(short)),
                (_, OnShortage::Wait) => self.wait_for_all(unit, &short),
                (_, OnShortage::ShipAvailable) => self.reserve_available(unit, &needs, &supplies, &short),
            },
        }
    }

    /// None of it is set aside until there is all of it.
    pub(super) fn wait_for_all(&mut self, unit: &mut UnitOfWork, short: &[Shortage]) -> Result<(), Refusal> {
        self.transition_automatic(
            unit,
            OrderState::AwaitingStock,
            EventKind::StockAwaited,
            shortage_words(short),
        )?;
        self.count_awaited(unit, 1);
        self.tell_waiting(unit);
        Ok(())
    }

    /// Where what is lacking comes from. What is short is told of all that the order needs, with what it has already.
    fn plan_lacking(
        &self,
        unit: &UnitOfWork,
        needs: &[Need],
        supplies: &BTreeMap<Sku, Supply>,
    ) -> Result<(Vec<Take>, String), Vec<Shortage>> {
        let held = |sku: &Sku| {
            let items = self.current_reservation().map_or(&[][..], |it| &it.items);
            items.iter().filter(|it| it.sku == *sku).map(ReservedItem::open).sum::<i64>()
        };
        if needs.is_empty() && self.current_reservation().is_some() {
            return Ok((Vec::new(), String::new()));
        }
        let planned = plan(needs, supplies, self.allocation(unit));
        let told = |it: Shortage| {
            let held = held(&it.sku);
            Shortage { wanted: it.wanted + held, available: it.available + held, ..it }
        };
        planned.map_err(|short| short.into_iter().map(told).collect())
    }

    pub(super) fn items_reserved(&self) -> usize {
        self.current_reservation().map_or(0, |it| it.items.len())
    }

    /// What there is for the order: what it has already as well.
    fn with_reserved(&self, mut supplies: BTreeMap<Sku, Supply>) -> BTreeMap<Sku, Supply> {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        for item in items.iter().filter(|it| it.open() > 0) {
            if let Some(supply) = supplies.get_mut(&item.sku) {
                supply.add(&item.location, item.open());
            }
        }
        supplies
    }

    pub(super) fn reserve_stock(
        &mut self,
        unit: &mut UnitOfWork,
        takes: &[Take],
        reason: String,
        passed_over: Vec<PassedOver>,
    ) -> Result<(), Refusal> {
        if self.state == OrderState::AwaitingStock {
            self.stop_waiting(unit);
        }
        if self.current_reservation().is_some() {
            return self.reserve_beside_cart(unit, takes, &reason, passed_over);
        }

        let id: ReservationId = unit.ids.fresh();
        set_aside(unit, takes, id, Some(self.id));
        let lifetime = self.reservation_lifetime(unit.rules);
        self.reservations.push(Reservation {
            id,
            version: 1,
            order: Some(self.id),
            reference: String::new(),
            state: ReservationState::Held,
            expires_at: Some(unit.now.plus(lifetime)),
            items: reserved_items(takes),
            plan: reason.clone(),
            allocation: Some(self.allocation(unit)),
            passed_over,
            created_by: unit.actor.clone(),
            created_at: unit.now,
            taken_over_by: None,
            taken_over_from: None,
            confirmed_at: None,
            created_through: None,
            reallocations: Vec::new(),
        });

        // An event carries one step: the first is the reservation's, the second the order's.
        let step = opened(id.0, ReservationState::Held);
        self.record_automatic(unit, EventKind::InventoryReserved, Some(step), reason);
        self.transition_automatic(
            unit,
            OrderState::Reserved,
            EventKind::InventoryReserved,
            format!("reserved as {id}"),
        )
    }

    /// Sets aside what a cart did not have, in the reservation that took the cart over.
    fn reserve_beside_cart(
        &mut self,
        unit: &mut UnitOfWork,
        takes: &[Take],
        reason: &str,
        passed_over: Vec<PassedOver>,
    ) -> Result<(), Refusal> {
        let (order, expires_at) = (self.id, unit.now.plus(self.reservation_lifetime(unit.rules)));
        let reservation = self.open_reservation().expect("it was looked for by the caller");
        let id = reservation.id;
        set_aside(unit, takes, id, Some(order));
        takes.iter().for_each(|it| add_item(&mut reservation.items, it));
        if !takes.is_empty() {
            reservation.plan = format!("{}; the rest: {reason}", reservation.plan);
            reservation.passed_over = passed_over;
        }
        reservation.expires_at = Some(expires_at);
        reservation.version += 1;
        // The dates that were noted are of a plan for all of it, and the cart's units have their shelves.
        self.promise_anew(unit, PromiseOccasion::Availability);
        let is_feasible = self.requested_date_feasible();
        if let Some(found) = &mut self.availability {
            found.requested_date_feasible = is_feasible;
        }
        self.transition_automatic(
            unit,
            OrderState::Reserved,
            EventKind::InventoryReserved,
            format!("reserved as {id}"),
        )
    }

    pub(in crate::domain) fn reservation_lifetime(&self, rules: &Rules) -> Duration {
        self.reservation_lifetime_seconds.map_or(rules.reservation_lifetime(), Duration::from_secs)
    }

    /// Adds the units that the order waits for to what is waited for in its region (`sign` 1), or takes them off (−1).
    pub(super) fn count_awaited(&self, unit: &mut UnitOfWork, sign: i64) {
        let Some(region) = &self.region else { return };
        for (line, units) in self.awaited_units() {
            *unit.changes.awaited.entry((region.clone(), line.sku.clone())).or_default() += sign * units;
        }
    }

    /// An order that was reserved waits again, in its place by number, and its approval is asked anew when it has its stock:
    /// units that were set aside for it are not there.
    pub(in crate::domain) fn wait_again(&mut self, unit: &mut UnitOfWork, why: &str) -> Result<(), Refusal> {
        self.stop_waiting(unit);
        self.release_reservation(unit, ReservationState::Released)?;
        for index in 0..self.approvals.len() {
            if self.approvals[index].state == ApprovalState::Pending {
                let kind = EventKind::ApprovalWithdrawn;
                self.end_approval(unit, index, ApprovalState::Withdrawn, kind, why)?;
            }
        }
        self.transition_automatic(unit, OrderState::AwaitingStock, EventKind::StockAwaited, why)?;
        self.count_awaited(unit, 1);
        let region = self.region.clone().expect("a verified order has a region");
        let supplies = self.supplies(unit, &region);
        self.note_availability(unit, &supplies);
        self.tell_waiting(unit);
        Ok(())
    }

    /// Each time that it begins to wait the customer hears so, and of the units that wait while others go each new date.
    pub(in crate::domain) fn tell_waiting(&mut self, unit: &mut UnitOfWork) {
        self.rest_date_told = self.rest_expected_at().filter(|_| self.waits_for_rest());
        let told = self.messages.iter().filter(|it| it.kind == MessageKind::AwaitingStock).count();
        self.notify(unit, MessageKind::AwaitingStock, None, i64::try_from(told).unwrap_or(i64::MAX));
    }

    /// It waits for nothing any more; those behind it move up.
    pub(in crate::domain) fn stop_waiting(&mut self, unit: &mut UnitOfWork) {
        self.count_awaited(unit, -1);
        if let Some(region) = &self.region {
            for (line, units) in self.awaited_units() {
                let sku = line.sku.clone();
                unit.changes.stopped_waiting.push((self.number, region.clone(), sku, units));
            }
        }
        self.lines.iter_mut().for_each(|it| it.waiting_quantity = 0);
    }

    /// Takes units that are cancelled from what is waited for; those behind it move up.
    pub(in crate::domain) fn wait_for_fewer(&self, unit: &mut UnitOfWork, units: &[CancelledUnits]) {
        let Some(region) = &self.region else { return };
        for CancelledUnits { line, quantity } in units {
            let Some(line) = self.goods().find(|it| it.number == *line) else { continue };
            let sku = line.sku.clone();
            *unit.changes.awaited.entry((region.clone(), sku.clone())).or_default() -= quantity;
            unit.changes.stopped_waiting.push((self.number, region.clone(), sku, *quantity));
        }
    }

    /// Counts units of new lines as waited for, and notes when all would be there.
    pub(super) fn wait_for_more(&mut self, unit: &mut UnitOfWork, needs: &[Need]) {
        let Some(region) = self.region.clone() else { return };
        for Need { line: _, sku, quantity } in needs {
            *unit.changes.awaited.entry((region.clone(), sku.clone())).or_default() += quantity;
            // Those behind it have more before them, until it waits no more.
            unit.changes.stopped_waiting.push((self.number, region.clone(), sku.clone(), -quantity));
        }
        let supplies = self.supplies(unit, &region);
        self.note_availability(unit, &supplies);
    }

    /// Whether the decision at hand adds this line, and the order waited for none of its product before.
    fn is_added_now(&self, unit: &UnitOfWork, line: &OrderLine) -> bool {
        let waited_for = |it: &Self| it.awaits_units_of(&line.sku);
        line.added_by_change.is_some() && !unit.order_before(self.id).is_some_and(waited_for)
    }

    /// Notes what there is for the order, and when it would arrive: from stock that is there, or from what is on order.
    fn note_availability(&mut self, unit: &mut UnitOfWork, supplies: &BTreeMap<Sku, Supply>) {
        let found = self.dates_by(unit, supplies);
        self.note_dates(unit, found);
    }

    pub(super) fn dates_by(&self, unit: &UnitOfWork, supplies: &BTreeMap<Sku, Supply>) -> Dates {
        let needs = self.needs();
        let mut lines = availability(&needs, supplies);
        let wish = self.wish().expect("a verified order has a region");
        let allocation = self.allocation(unit);
        let goods = |it| self.goods_of_line(it);
        let legs = date_lines(unit, &wish, &needs, supplies, allocation, &mut lines, goods);
        for line in &mut lines {
            line.by_location.truncate(LOCATIONS_NOTED_MAX);
        }
        Dates { lines, legs }
    }

    pub(super) fn note_dates(&mut self, unit: &mut UnitOfWork, found: Dates) {
        let Dates { lines, legs } = found;
        let occasion = PromiseOccasion::Availability;
        match legs {
            Some(legs) => self.note_promise(unit, Promise::new(unit.now, occasion, legs)),
            None => self.promise = None,
        }
        self.promise_to_customer();
        self.availability = Some(AvailabilityFound {
            at: unit.now,
            lines,
            earliest_ship_at: self.promise.as_ref().and_then(Promise::ship_at),
            requested_date_feasible: self.requested_date_feasible(),
        });
    }

    /// Whether the order goes on with this plan: it has its stock, or some of it, or waits for it.
    fn would_go_on<T>(&self, planned: &Result<T, Vec<Shortage>>) -> bool {
        planned.is_ok() || self.on_shortage != OnShortage::Refuse
    }

    /// The date that the customer asked for cannot be kept.
    fn infeasible(&self) -> Refusal {
        let why = self.promise.as_ref().map(Promise::words);
        let why = why.unwrap_or_else(|| "something is short, and nobody knows when it comes".to_owned());
        Refusal::Infeasible { earliest: self.promise.as_ref().and_then(Promise::delivery_at), why }
    }

    /// The stock is kept while a person decides about the date, as long as about an approval.
    pub(super) fn hold_for_date(&mut self, unit: &mut UnitOfWork) {
        let note = self.infeasible().to_string();
        self.hold(unit, Actor::system(), HoldReason::UnknownDeliveryDate, note);
        self.keep_for_a_person(unit);
    }

    /// The stock stays set aside for as long as a person may take to decide, unless the caller has said how long.
    pub(in crate::domain) fn keep_for_a_person(&mut self, unit: &UnitOfWork) {
        if self.reservation_lifetime_seconds.is_none() {
            let lifetime = unit.rules.approval_lifetime().max(unit.rules.reservation_lifetime());
            self.pin_reservation(Some(unit.now.plus(lifetime)));
        }
    }

    /// Whether stock is set aside for every unit of goods that is wanted and not waited for, before any is shipped.
    pub(in crate::domain) fn has_all_set_aside(&self) -> bool {
        let items = self.current_reservation().map_or(&[][..], |it| &it.items);
        let open = |line: i32| items.iter().filter(|it| it.line == line).map(ReservedItem::open).sum::<i64>();
        self.wanted_goods().all(|it| open(it.number) == it.ready_quantity())
    }

    /// Stock is paid for: the reservation no longer expires.
    pub(in crate::domain) fn confirm_reservation(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some(reservation) = self.open_reservation() else { return Ok(()) };
        if reservation.state != ReservationState::Held {
            return Ok(());
        }
        let step = step_between(reservation.id.0, reservation.state, ReservationState::Confirmed)?;
        reservation.state = ReservationState::Confirmed;
        reservation.expires_at = None;
        reservation.version += 1;
        self.record_automatic(
            unit,
            EventKind::ReservationConfirmed,
            Some(step),
            "paid: the reservation no longer expires",
        );
        Ok(())
    }

    /// Keeps the reservation until then; `None`: it does not expire, as while money is under way.
    pub(in crate::domain) fn pin_reservation(&mut self, until: Option<Timestamp>) {
        if let Some(reservation) = self.open_reservation()
            && reservation.state == ReservationState::Held
            && reservation.expires_at != until
        {
            reservation.expires_at = until;
            reservation.version += 1;
        }
    }

    /// Ends the current reservation and gives its stock back.
    pub(in crate::domain) fn release_reservation(
        &mut self,
        unit: &mut UnitOfWork,
        to: ReservationState,
    ) -> Result<(), Refusal> {
        let Some(index) = self.reservations.iter().rposition(Reservation::is_open) else { return Ok(()) };
        let mut reservation = self.reservations.remove(index);
        let step = step_between(reservation.id.0, reservation.state, to)?;
        let (kind, movement) = match to {
            ReservationState::Expired => (EventKind::ReservationExpired, MovementKind::Expire),
            ReservationState::Held
            | ReservationState::Confirmed
            | ReservationState::PartiallyConsumed
            | ReservationState::Consumed
            | ReservationState::Released => (EventKind::ReservationReleased, MovementKind::Release),
        };
        give_back(unit, &mut reservation, movement);
        reservation.state = to;
        reservation.expires_at = None;
        reservation.version += 1;
        let text = format!("reservation {} is {to}; its stock is free again", reservation.id);
        self.reservations.insert(index, reservation);
        self.record(unit, kind, Some(step), text);
        Ok(())
    }
}

/// What there is of each line, and the way of all of them; None: of some, nobody knows it.
pub(super) struct Dates {
    pub lines: Vec<LineAvailability>,
    pub legs: Option<Vec<PromiseLeg>>,
}

pub(super) fn reserved_items(takes: &[Take]) -> Vec<ReservedItem> {
    takes.iter().zip(1..).map(|(take, number)| reserved_item(take, number)).collect()
}

pub(in crate::domain) fn reserved_item(take: &Take, number: i32) -> ReservedItem {
    ReservedItem {
        number,
        line: take.line,
        sku: take.sku.clone(),
        location: take.location.clone(),
        quantity: take.quantity,
        consumed: 0,
        released: 0,
    }
}

/// Units of a line from a location are one item, however often they are set aside.
pub(in crate::domain) fn add_item(items: &mut Vec<ReservedItem>, take: &Take) {
    let same =
        |it: &&mut ReservedItem| it.line == take.line && it.location == take.location && it.sku == take.sku;
    if let Some(item) = items.iter_mut().find(same) {
        item.quantity += take.quantity;
        return;
    }
    let number = i32::try_from(items.len()).unwrap_or(i32::MAX - 1) + 1;
    items.push(reserved_item(take, number));
}

fn shortage_words(short: &[Shortage]) -> String {
    let parts: Vec<String> =
        short.iter().map(|it| format!("{} of {} {} available", it.available, it.wanted, it.sku)).collect();
    format!("waits for stock: {}", parts.join("; "))
}

/// Gives a waiting order its stock if it is its turn. If not, that is a refusal: it leaves no trace and wakes no
/// follower, or each vain try would trigger the next.
#[derive(Debug, Clone)]
pub struct FillOrder {
    pub target: Target,
}

impl OrderCommand for FillOrder {
    const NAME: &'static str = "work/fill";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        match order.fill(unit)? {
            true => Ok(()),
            false => Err(Refusal::unmet(Reason::InsufficientStock, "its turn has not come")),
        }
    }
}

impl Order {
    /// A waiting order takes its stock if it is its turn; returns whether it did.
    pub fn fill(&mut self, unit: &mut UnitOfWork) -> Result<bool, Refusal> {
        let is_over = self.wait_ends().is_some_and(|it| it <= unit.now);
        if !self.waits_for_stock() || self.on_hold() || is_over {
            return Ok(false);
        }
        if self.waits_for_rest() {
            return self.fill_rest(unit);
        }
        self.reserve(unit)?;
        Ok(self.state != OrderState::AwaitingStock)
    }
}
