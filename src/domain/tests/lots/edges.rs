//! Lots where decisions cross: lines that go, goods on the road, parcels that have left, days and clocks that change.

use std::sync::Arc;

use time::macros::date;

use crate::domain::catalogue::product::UpdateProduct;
use crate::domain::inventory::adjust::AdjustReason;
use crate::domain::inventory::receive::ReceiveStock;
use crate::domain::inventory::transfer::{CancelTransfer, ReceiveTransfer, TransferStock};
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::lot::LOTS_MAX;
use crate::domain::model::policy::PickupScan;
use crate::domain::model::product::ProductChange;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::returns::{ReturnDisposition, ReturnReason, ReturnState};
use crate::domain::model::scalars::{OrderId, TransferId};
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::tracking::TrackingStatus;
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::receive::{ArrivedUnits, InspectedUnits};
use crate::domain::shipping::manifest::ConfirmManifest;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, order, reason, sku};
use crate::domain::tests::lots::{
    A_DAY, adjust, all, begin, by_lots, change, count, fields, in_days, lot, lots, named, on_list, receive,
    settle, try_receive,
};
use crate::domain::unit::command::Command;

/// An order of lots and of something else, whose pick list is handed out and taken back, because a unit of the other line is
/// not there.
fn given_back(bench: &mut Bench, units: i64) -> OrderId {
    let id = bench.paid(&order("ada", &[("A-1", units), ("B-2", 1)]));
    begin(bench, id, 0);
    let shipment = bench.shipment(id, 0).id;
    let missing = [LineUnits { line: 2, units: 1 }];
    bench.on(id, |order, unit| order.record_short_pick(unit, shipment, &[], &missing)).expect("short");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Planned);
    assert_eq!(on_list(bench, id, 0), all(&[("L-1", units, 0)]), "its lots stay bound");
    id
}

#[test]
fn the_last_units_of_a_lot_stay_while_pick_lists_have_them() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 1, "L-1", 30);
    receive(&mut bench, "NYC", 3, "L-2", 40);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    begin(&mut bench, id, 0);
    let before = (lots(&bench, "NYC"), on_list(&bench, id, 0));
    let lost = adjust(&mut bench, AdjustReason::Lost, -1, Some(named("L-1", None)));
    assert_eq!(reason(lost), Reason::StockInUse);
    assert_eq!((lots(&bench, "NYC"), on_list(&bench, id, 0)), before);
}

#[test]
fn a_line_that_is_cancelled_gives_back_the_lots_of_its_pick_list() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 5, "L-1", 30);
    bench.stock("B-2", "NYC", 4);
    let id = given_back(&mut bench, 5);
    let less = [CancelledUnits { line: 1, quantity: 5 }];
    bench.on(id, |order, unit| order.cancel_lines(unit, &less, "called off").map(drop)).expect("called off");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 5, 0)]));
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 5);
}

#[test]
fn a_line_that_moves_elsewhere_gives_back_the_lots_of_its_pick_list() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 5, "L-1", 30);
    receive(&mut bench, "NYC", 3, "L-2", 40);
    bench.stock("B-2", "NYC", 4);
    bench.paid(&order("bob", &[("A-1", 5)]));
    bench.pass(60);
    let id = given_back(&mut bench, 3);
    receive(&mut bench, "LAX", 9, "L-3", 50);
    count(&mut bench, 0, Some(named("L-2", None))).expect("nothing of it is there");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 5, 0)]));
    assert!(bench.shipment(id, 0).items.iter().all(|it| it.sku == sku("B-2")), "the first line has moved");
    assert_eq!(bench.level("A-1", "LAX").reserved, 3);
}

#[test]
fn what_a_courier_has_is_not_put_back_because_it_expires() {
    let mut bench = by_lots();
    bench.rules.pickup_scan = PickupScan::Wait;
    receive(&mut bench, "NYC", 2, "L-1", 1);
    receive(&mut bench, "NYC", 2, "L-2", 90);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    bench.report(id, 0, TrackingStatus::PickedUp);
    bench.pass(2 * A_DAY);
    let _ = settle(&mut bench);
    assert_eq!(bench.order(id).shipments.len(), 1, "nothing is sent again");
    let shipment = bench.shipment(id, 0).id;
    bench
        .on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None))
        .expect("it left before it expired");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-2", 2, 0)]));
}

#[test]
fn a_manifest_is_handed_over_but_for_what_has_expired() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 1, "L-1", 1);
    receive(&mut bench, "NYC", 1, "L-2", 90);
    let courier = "SNAIL".parse().expect("a courier code");
    let wednesday = bench.now.plus(std::time::Duration::from_secs(2 * A_DAY + 8 * 3_600));
    let shipments = ["ada", "bob"].map(|who| {
        let id = bench.paid(&order(who, &[("A-1", 1)]));
        bench.prepare(id, 0);
        let shipment = bench.shipment(id, 0).id;
        bench
            .on(id, |order, unit| {
                order.assign_pickup(unit, shipment, Some(&courier), None, &Default::default(), wednesday)
            })
            .expect("assigned");
        shipment
    });
    bench.pass(2 * A_DAY + 3_600);
    let confirm = ConfirmManifest {
        courier,
        location: location_code("NYC"),
        day: Some(date!(2026 - 11 - 04)),
        shipments: shipments.to_vec(),
        driver: "driver 7".to_owned(),
        at: None,
    };
    let results = bench.decide(|unit| confirm.decide(unit)).expect("the one that can be");
    assert_eq!(reason(results[0].1.clone()), Reason::LotExpired);
    assert_eq!(results[1].1, Ok(()));
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 1, 1)]));
}

#[test]
fn a_return_has_the_day_of_its_own_product() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 1, "L-1", 30);
    let update = UpdateProduct {
        sku: sku("B-2"),
        changes: vec![ProductChange::TracksLots(true)],
        etag: String::new(),
    };
    bench.decide(|unit| update.decide(unit)).expect("nothing is on hand");
    let day = in_days(&bench, 40);
    let receipt = ReceiveStock {
        sku: sku("B-2"),
        location: location_code("NYC"),
        quantity: 1,
        replenishment: None,
        note: String::new(),
        lot: Some(named("L-1", Some(day))),
    };
    bench.decide(|unit| receipt.decide(unit)).expect("goods arrive");
    let id = bench.paid(&order("ada", &[("A-1", 1), ("B-2", 1)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let units = [ReturnedUnits { line: 2, quantity: 1, reason: ReturnReason::ALL[0], note: String::new() }];
    let back = bench.on(id, |order, unit| order.create_return(unit, &units, "")).expect("a return");
    if bench.order(id).returns[0].state == ReturnState::Requested {
        bench.on(id, |order, unit| order.decide_return(unit, back, &ReturnDecision::Authorize)).expect("yes");
    }
    let arrived = [ArrivedUnits { line: 2, quantity: 1 }];
    bench
        .on(id, |order, unit| order.receive_return(unit, back, &location_code("LAX"), &arrived))
        .expect("arrived");
    let (disposition, lot) = (ReturnDisposition::Restock, Some(named("L-1", None)));
    let good = [InspectedUnits { line: 2, disposition, quantity: 1, lot }];
    bench.on(id, |order, unit| order.inspect_return(unit, back, &good)).expect("looked at");
    assert_eq!(bench.level("B-2", "LAX").lots[0].expires_on, day);
}

#[test]
fn units_that_are_missing_have_no_lot_whether_others_arrived_or_not() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 2, "L-1", 30);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    let units = [ReturnedUnits { line: 1, quantity: 2, reason: ReturnReason::ALL[0], note: String::new() }];
    let back = bench.on(id, |order, unit| order.create_return(unit, &units, "")).expect("a return");
    if bench.order(id).returns[0].state == ReturnState::Requested {
        bench.on(id, |order, unit| order.decide_return(unit, back, &ReturnDecision::Authorize)).expect("yes");
    }
    let transit = ReturnDecision::Transit { courier: "SNAIL".to_owned(), tracking_number: "R1".to_owned() };
    bench.on(id, |order, unit| order.decide_return(unit, back, &transit)).expect("on its way");

    let missing =
        |lot| [InspectedUnits { line: 1, disposition: ReturnDisposition::Missing, quantity: 1, lot }];
    let of_a_lot = missing(Some(named("L-1", None)));
    let refused = bench.on(id, |order, unit| order.inspect_return(unit, back, &of_a_lot));
    assert_eq!(fields(refused), ["inspections[0].lot"], "nothing has arrived");
    let arrived = [ArrivedUnits { line: 1, quantity: 1 }];
    bench
        .on(id, |order, unit| order.receive_return(unit, back, &location_code("NYC"), &arrived))
        .expect("one of two");
    let refused = bench.on(id, |order, unit| order.inspect_return(unit, back, &of_a_lot));
    assert_eq!(fields(refused), ["inspections[0].lot"], "one has arrived");
    bench.on(id, |order, unit| order.inspect_return(unit, back, &missing(None))).expect("one is missing");
    assert_eq!(bench.order(id).returns[0].lines[0].missing, 1);
}

fn send(bench: &mut Bench, name: &str, units: i64) -> Result<TransferId, Refusal> {
    let transfer = TransferStock {
        from: location_code("NYC"),
        to: location_code("LAX"),
        items: vec![(sku("A-1"), units)],
        expected_at: None,
        note: String::new(),
        lots: vec![(sku("A-1"), lot(name))],
    };
    bench.decide(|unit| transfer.decide(unit)).map(|it| it.id)
}

fn arrive(bench: &mut Bench, transfer: TransferId) -> Result<(), Refusal> {
    let (note, etag) = (String::new(), String::new());
    let all = ReceiveTransfer { transfer, arrivals: Vec::new(), note, etag };
    bench.decide(|unit| all.decide(unit)).map(drop)
}

fn come_back(bench: &mut Bench, transfer: TransferId) -> Result<(), Refusal> {
    let (note, etag) = (String::new(), String::new());
    bench.decide(|unit| CancelTransfer { transfer, note, etag }.decide(unit)).map(drop)
}

#[test]
fn what_is_on_the_road_takes_the_day_that_the_shelves_know() {
    for finish in [arrive, come_back] {
        let mut bench = by_lots();
        receive(&mut bench, "NYC", 2, "L-1", 30);
        let sent = send(&mut bench, "L-1", 2).expect("sent");
        assert_eq!(lots(&bench, "NYC"), all(&[]));
        receive(&mut bench, "NYC", 1, "L-1", 31);
        finish(&mut bench, sent).expect("it cannot stay on the road");
        let day = in_days(&bench, 31);
        let shelves = [bench.level("A-1", "NYC"), bench.level("A-1", "LAX")];
        let found: Vec<_> = shelves.iter().flat_map(|it| &it.lots).collect();
        assert!(found.iter().all(|it| it.expires_on == day), "{found:?}");
        assert_eq!(found.iter().map(|it| it.on_hand).sum::<i64>(), 3);
    }
}

#[test]
fn what_is_on_the_road_finds_room_and_no_more_is_sent_than_there_is_room_for() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 1, "L-1", 30);
    let sent = send(&mut bench, "L-1", 1).expect("sent");
    for number in 0..LOTS_MAX {
        receive(&mut bench, "NYC", 1, &format!("N-{number}"), 60);
    }
    for number in 0..LOTS_MAX - 1 {
        receive(&mut bench, "LAX", 1, &format!("X-{number}"), 60);
    }
    let day = in_days(&bench, 60);
    let one_more = try_receive(&mut bench, "NYC", 1, Some(named("M-1", Some(day))));
    assert_eq!(reason(one_more), Reason::LimitReached);
    assert_eq!(reason(send(&mut bench, "N-0", 1)), Reason::LimitReached, "one is on its way there");
    come_back(&mut bench, sent).expect("it cannot stay on the road");
    assert_eq!(bench.level("A-1", "NYC").lots.len(), LOTS_MAX + 1);
    let sent = send(&mut bench, "N-0", 1).expect("the last that there is room for");
    arrive(&mut bench, sent).expect("arrived");
    assert_eq!(bench.level("A-1", "LAX").lots.len(), LOTS_MAX);
}

#[test]
fn a_lot_is_not_sold_beyond_its_day_though_the_clock_of_its_location_was_changed() {
    let mut bench = by_lots();
    change(&mut bench, vec![ProductChange::ShortestLifeDays(1)]).expect("a day at least");
    receive(&mut bench, "NYC", 2, "L-1", 3);
    let location = bench.snapshot.locations.get_mut(&location_code("NYC")).expect("a location");
    Arc::make_mut(location).calendar.time_zone = "Pacific/Honolulu".parse().expect("a zone");
    change(&mut bench, vec![ProductChange::ShortestLifeDays(0)]).expect("until it expires");
    let found = bench.level("A-1", "NYC").lots[0].clone();
    assert_eq!(found.sold_until, found.expires_at);
}

/// As if another decision had switched it in the moment in which this one booked.
fn switched(bench: &mut Bench, tracks_lots: bool) {
    let product = bench.snapshot.products.get_mut(&sku("A-1")).expect("a product");
    Arc::make_mut(product).tracks_lots = tracks_lots;
}

#[test]
fn units_without_lots_are_not_lost_when_lots_begin_meanwhile() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    switched(&mut bench, true);
    let day = in_days(&bench, 30);
    let lot = || Some(named("L-1", Some(day)));
    assert_eq!(reason(try_receive(&mut bench, "NYC", 1, lot())), Reason::StockInUse);
    assert_eq!(reason(count(&mut bench, 1, lot())), Reason::StockInUse);
    assert_eq!(reason(count(&mut bench, 0, lot())), Reason::StockInUse);
    change(&mut bench, vec![ProductChange::TracksLots(false)]).expect("as the units are");
    assert_eq!(bench.shelf("A-1", "NYC"), (5, 0, 0));
}

#[test]
fn lots_are_not_lost_when_they_end_meanwhile() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 5, "L-1", 30);
    switched(&mut bench, false);
    assert_eq!(reason(try_receive(&mut bench, "NYC", 1, None)), Reason::StockInUse);
    assert_eq!(reason(count(&mut bench, 1, None)), Reason::StockInUse);
    change(&mut bench, vec![ProductChange::TracksLots(true)]).expect("as the units are");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 5, 0)]));
}

#[test]
fn a_change_of_a_product_locks_its_shelves_only_if_its_lots_change() {
    let update = UpdateProduct {
        sku: sku("A-1"),
        changes: vec![ProductChange::TracksLots(true)],
        etag: String::new(),
    };
    assert!(update.reads().skus.is_empty());
}
