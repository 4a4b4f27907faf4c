//! What must hold of every order and every day, whatever happens.

use std::collections::{BTreeMap, HashMap};

use crate::domain::invariants::exchanges::{count_exchanges, exchange_violations};
use crate::domain::model::capacity::{DailyShipments, count_daily_shipments};
use crate::domain::model::discount::Gives;
use crate::domain::model::discount_uses::{DiscountUsesByKey, count_discount_uses};
use crate::domain::model::event::Machine;
use crate::domain::model::hold::{Hold, HoldState};
use crate::domain::model::lot::{Lot, LotName};
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::scalars::{Actor, LocationCode, OrderId, RegionCode, Sku};
use crate::domain::model::stock::{Movement, MovementKind, StockLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::model::waiting::StuckGate;
use crate::domain::process::timeline::steps::Step;
use crate::domain::unit::callers::count_open;
use crate::domain::unit::unit_of_work::{ChangeSet, Snapshot};

/// What stands is noticed once, unless nobody is to be told.
pub(super) fn check_slips(order: &Order, now: Timestamp, rules: &Rules) {
    let noticed: Vec<_> = order.noticed_slips().collect();
    for (index, slip) in noticed.iter().enumerate() {
        assert!(!noticed[..index].iter().any(|it| it.is_like(slip)), "noticed twice: {noticed:?}");
    }
    let is_known = |it: &Hold| it.state == HoldState::Active && it.reason.is_known_to_customer();
    if !order.is_over() && !order.holds.iter().any(is_known) {
        let standing = order.slips(now, rules);
        assert!(standing.iter().all(|it| noticed.iter().any(|slip| slip.is(it))), "silent: {standing:?}");
        assert_eq!(standing.len(), noticed.len(), "over: {noticed:?} but for {standing:?}");
    }
}

/// What it waits for is noted, and is what its next step says.
pub(super) fn check_wait(order: &Order) {
    let wait = order.waits_for();
    assert_eq!(wait.as_ref().map(|it| it.gate), order.waiting.map(|it| it.gate), "the gate is noted");
    if let Some(wait) = wait {
        assert!(!wait.opened_by.is_empty() && !wait.openers.is_empty(), "nothing opens it: {wait:?}");
        assert_eq!(wait.hold.is_some(), wait.gate == StuckGate::Hold, "{wait:?}");
    } else {
        let goes_on =
            order.next_step().is_none_or(|it| it.0 == Step::CloseOrder && order.why_open().is_empty());
        assert!(goes_on, "{:?} waits for nobody", order.next_step());
    }
}

/// D4 and D5: days have the shipments of the orders, discount codes their redemptions, and no more than they may.
pub(super) fn check_sums(snapshot: &Snapshot) {
    let mut expected = DailyShipments::new();
    snapshot.orders.values().for_each(|it| count_daily_shipments(&mut expected, it, 1));
    let mut kept = snapshot.daily_shipments.clone();
    kept.retain(|_, it| *it != 0);
    assert_eq!(kept, expected, "D4");

    let mut expected = DiscountUsesByKey::new();
    snapshot.orders.values().for_each(|it| count_discount_uses(&mut expected, it, 1));
    let mut kept = snapshot.discount_uses.clone();
    kept.retain(|_, it| !it.is_nothing());
    expected.retain(|_, it| !it.is_nothing());
    assert_eq!(kept, expected, "D5");
    for ((code, customer), uses) in &expected {
        let code = snapshot.discount_codes.get(code).expect("D5: what is redeemed was issued");
        let most = if customer.is_empty() { code.uses_max } else { code.uses_per_customer_max };
        let redeemed = 0..=most.unwrap_or(i64::MAX);
        assert!(uses.given_back >= 0 && redeemed.contains(&uses.held()), "D5: {uses:?} of {code:?}");
        let worth = match code.gives {
            Gives::Credit(credit) => credit.worth.minor,
            Gives::Rate(_) | Gives::Amount(_) => 0,
        };
        assert!((0..=worth).contains(&uses.drawn_minor), "D5: {uses:?} of {code:?}");
    }
}

/// R4: an order made in exchange has what its return gave.
pub(super) fn check_exchanges(snapshot: &Snapshot) {
    let mut values = BTreeMap::new();
    snapshot.orders.values().for_each(|it| count_exchanges(&mut values, it));
    let broken = exchange_violations(&values);
    assert!(broken.is_empty(), "broken laws: {broken:#?}");
}

/// S10: every cart that was taken over has one reservation of its order in its place, and no other has one.
pub(super) fn check_carts(snapshot: &Snapshot) {
    let of_orders = snapshot.orders.values().flat_map(|it| &it.reservations);
    let mut from: Vec<_> = of_orders.filter_map(|it| Some((it.taken_over_from?, it.order?))).collect();
    let carts = snapshot.reservations.values();
    let mut over: Vec<_> = carts.filter_map(|it| Some((it.id, it.taken_over_by?))).collect();
    from.sort();
    over.sort();
    assert_eq!(from, over, "S10");

    let mut open = BTreeMap::new();
    snapshot.reservations.values().for_each(|it| count_open(&mut open, it, 1));
    let mut counted: BTreeMap<_, _> = snapshot.open_reservations.clone().into_iter().collect();
    counted.retain(|_, it| *it != 0);
    assert_eq!(counted, open, "D6");
}

/// Units of a transfer are at one place or in transit.
pub(super) fn check_transfers(snapshot: &Snapshot, movements: &[Movement]) {
    for transfer in snapshot.transfers.values() {
        let moved = |kind: MovementKind, sku: &Sku, at: &LocationCode| -> i64 {
            let of_it = movements.iter().filter(|it| it.transfer == Some(transfer.id));
            of_it
                .filter(|it| it.kind == kind && it.sku == *sku && it.location == *at)
                .map(|it| it.on_hand)
                .sum()
        };
        let on_order = |sku: &Sku| -> i64 {
            let of_it = snapshot.replenishments.values();
            of_it
                .filter(|it| it.transfer == Some(transfer.id) && it.sku == *sku)
                .map(|it| it.on_order())
                .sum()
        };
        let broken = transfer.violations(moved, on_order);
        assert!(broken.is_empty(), "broken laws: {broken:#?}");
    }
}

/// What waiting orders want of products of their regions, the oldest first.
fn waiting_units(snapshot: &Snapshot) -> Vec<(&Order, RegionCode, Sku, i64)> {
    let mut orders: Vec<&Order> =
        snapshot.orders.values().map(|it| &**it).filter(|it| it.waits_for_stock()).collect();
    orders.sort_by_key(|it| it.number);
    let mut waiting = Vec::new();
    for order in orders {
        let region = order.region.clone().expect("a waiting order has a region");
        let mut units: BTreeMap<&Sku, i64> = BTreeMap::new();
        for (line, awaited) in order.awaited_units() {
            *units.entry(&line.sku).or_default() += awaited;
        }
        waiting.extend(units.into_iter().map(|(sku, it)| (order, region.clone(), sku.clone(), it)));
    }
    waiting
}

/// As the store would load it: units of those before each waiting order that want no more than it does.
pub(super) fn no_larger_before(snapshot: &Snapshot) -> HashMap<(OrderId, Sku), i64> {
    let waiting = waiting_units(snapshot);
    let mut before = HashMap::new();
    for (at, (order, region, sku, wanted)) in waiting.iter().enumerate() {
        let earlier = waiting[..at].iter().filter(|it| it.1 == *region && it.2 == *sku && it.3 <= *wanted);
        before.insert((order.id, sku.clone()), earlier.map(|it| it.3).sum());
    }
    before
}

/// What is kept of the queue is what the orders say.
pub(super) fn check_queue(snapshot: &Snapshot) {
    let mut by_size: BTreeMap<(RegionCode, Sku, i64), i64> = BTreeMap::new();
    for (_, region, sku, units) in waiting_units(snapshot) {
        *by_size.entry((region, sku, units)).or_default() += units;
    }
    let mut kept = BTreeMap::new();
    for ((region, sku), sizes) in &snapshot.queue.by_size {
        for (size, units) in sizes.iter().filter(|it| *it.1 != 0) {
            kept.insert((region.clone(), sku.clone(), *size), *units);
        }
    }
    assert_eq!(kept, by_size, "units by what each order wants");

    let mut orders_of: BTreeMap<Actor, i64> = BTreeMap::new();
    for order in snapshot.orders.values().filter(|it| it.waits_for_stock()) {
        *orders_of.entry(order.created_by.clone()).or_default() += 1;
    }
    let mut kept: BTreeMap<_, _> = snapshot.queue.orders_of.clone().into_iter().collect();
    kept.retain(|_, it| *it != 0);
    assert_eq!(kept, orders_of, "how many of each caller wait");

    for (key, units) in no_larger_before(snapshot) {
        let kept = snapshot.queue.no_larger_before.get(&key);
        // An order that wants fewer than it did, or begins to wait late, may count more before it until it is loaded again.
        assert!(kept.is_some_and(|it| *it >= units), "{key:?} waits behind {units} units, not {kept:?}");
    }
}

/// The steps of what belongs to no order.
pub(super) fn transitions(before: &Snapshot, changes: &ChangeSet) -> Vec<(Machine, String, String)> {
    let mut steps = Vec::new();
    let mut note = |machine: Machine, from: Option<&str>, to: &str| {
        if from != Some(to) {
            steps.push((machine, from.unwrap_or_default().to_owned(), to.to_owned()));
        }
    };
    for (id, after) in &changes.reservations {
        let from = before.reservations.get(id).map(|it| it.state.as_str());
        note(Machine::Reservation, from, after.state.as_str());
    }
    for (id, after) in &changes.transfers {
        let from = before.transfers.get(id).map(|it| it.state.as_str());
        note(Machine::Transfer, from, after.state.as_str());
    }
    for (id, after) in &changes.replenishments {
        let from = before.replenishments.get(id).map(|it| it.state.as_str());
        note(Machine::Replenishment, from, after.state.as_str());
    }
    steps
}

/// Whether a lot of a shelf is sold no more since its figures were last looked at: the worker books that.
pub(super) fn has_a_day_to_book(level: &StockLevel, now: Timestamp) -> bool {
    level.lots.iter().any(|it| level.updated_at < it.sold_until && it.sold_until <= now)
}

/// S11 and S12: every figure of a lot is the sum of its movements, a level's those of its lots, and what pick lists have of
/// lots is what shipments in the house have.
pub(super) fn check_lots(snapshot: &Snapshot, movements: &[Movement]) {
    type OfLot = (Sku, LocationCode, LotName);
    let mut moved: BTreeMap<OfLot, [i64; 3]> = BTreeMap::new();
    for it in movements {
        let Some(lot) = &it.lot else { continue };
        let sums = moved.entry((it.sku.clone(), it.location.clone(), lot.clone())).or_default();
        for (sum, units) in sums.iter_mut().zip([it.on_hand, it.damaged, it.quality_hold]) {
            *sum += units;
        }
    }
    let mut listed: BTreeMap<OfLot, i64> = BTreeMap::new();
    let in_house = snapshot.orders.values().flat_map(|it| &it.shipments).filter(|it| it.handover.is_none());
    for (shipment, item) in in_house.flat_map(|it| it.items.iter().map(move |item| (it, item))) {
        for lot in &item.lots {
            let key = (item.sku.clone(), shipment.location.clone(), lot.name.clone());
            *listed.entry(key).or_default() += lot.quantity;
        }
    }
    for level in snapshot.stock.values() {
        let tracks_lots = snapshot.products.get(&level.sku).is_some_and(|it| it.tracks_lots);
        assert_eq!(tracks_lots && level.on_hand > 0, !level.lots.is_empty(), "S11 {level:?}");
        for lot in &level.lots {
            let key = (level.sku.clone(), level.location.clone(), lot.name.clone());
            let sums = moved.remove(&key).unwrap_or_default();
            assert_eq!([lot.on_hand, lot.damaged, lot.quality_hold], sums, "S11 {key:?}: its movements");
            assert_eq!(lot.allotted, listed.remove(&key).unwrap_or_default(), "S12 {key:?}: {level:?}");
            let least = [lot.damaged, lot.quality_hold, lot.missing, lot.allotted, lot.unallotted()];
            assert!(lot.on_hand > 0 && least.iter().all(|it| *it >= 0), "S11 {lot:?}");
            assert!(lot.sold_until <= lot.expires_at, "{lot:?}");
        }
        let sum = |figure: fn(&Lot) -> i64| level.lots.iter().map(figure).sum::<i64>();
        let sums =
            [sum(|it| it.on_hand), sum(|it| it.damaged), sum(|it| it.quality_hold), sum(|it| it.missing)];
        let own = [level.on_hand, level.damaged, level.quality_hold, level.missing];
        assert!(level.lots.is_empty() || own == sums, "S11 {level:?}: the sums of its lots");
        assert!(level.lots.is_sorted_by_key(|it| (it.expires_on, it.name.clone())), "{level:?}");
    }
    assert!(moved.values().all(|it| *it == [0; 3]), "S11: lots that are not there: {moved:?}");
    assert!(listed.is_empty(), "S12: pick lists with lots that are not there: {listed:?}");
}
