//! Lots: what comes in names one, what expires first leaves first, and what has expired does not leave.

mod edges;
mod sequence;
pub(super) mod steps;

use crate::domain::catalogue::product::UpdateProduct;
use crate::domain::inventory::adjust::{AdjustReason, AdjustStock};
use crate::domain::inventory::count::{CountStock, Counted, settle_count};
use crate::domain::inventory::quality::{HeldUnits, ScrapStock};
use crate::domain::inventory::receive::ReceiveStock;
use crate::domain::inventory::transfer::{CancelTransfer, ReceiveTransfer, TransferStock};
use crate::domain::model::day::Day;
use crate::domain::model::hold::{HoldReason, HoldState};
use crate::domain::model::lot::{LotName, LotNamed};
use crate::domain::model::order::OrderState;
use crate::domain::model::product::ProductChange;
use crate::domain::model::refusal::{Problem, Problems, Reason, Refusal};
use crate::domain::model::returns::{ReturnDisposition, ReturnReason};
use crate::domain::model::scalars::OrderId;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::stock::MovementKind;
use crate::domain::model::time_zone::TimeZone;
use crate::domain::returns::create::ReturnedUnits;
use crate::domain::returns::decide::ReturnDecision;
use crate::domain::returns::receive::{ArrivedUnits, InspectedUnits};
use crate::domain::shipping::check::LineCheck;
use crate::domain::shipping::lots::PickedLot;
use crate::domain::shipping::pick::LineUnits;
use crate::domain::tests::bench::Bench;
use crate::domain::tests::given::{location_code, order, reason, sku};
use crate::domain::unit::command::Command;

const A_DAY: u64 = 86_400;

fn lot(name: &str) -> LotName {
    name.parse().expect("the name of a lot")
}

fn named(name: &str, expires_on: Option<Day>) -> LotNamed {
    LotNamed { name: lot(name), expires_on }
}

/// So many days after today in New York.
fn in_days(bench: &Bench, days: i32) -> Day {
    let zone: TimeZone = "America/New_York".parse().expect("a zone");
    zone.clock().day_of(bench.now).plus(days)
}

fn change(bench: &mut Bench, changes: Vec<ProductChange>) -> Result<(), Refusal> {
    let update = UpdateProduct { sku: sku("A-1"), changes, etag: String::new() };
    bench.decide(|unit| update.decide(unit)).map(drop)
}

/// A-1 is stocked by lots.
fn by_lots() -> Bench {
    let mut bench = Bench::with_stock(&[]);
    change(&mut bench, vec![ProductChange::TracksLots(true)]).expect("nothing is on hand");
    bench
}

fn try_receive(bench: &mut Bench, at: &str, quantity: i64, lot: Option<LotNamed>) -> Result<(), Refusal> {
    let receipt = ReceiveStock {
        sku: sku("A-1"),
        location: location_code(at),
        quantity,
        replenishment: None,
        note: "note 7".to_owned(),
        lot,
    };
    bench.decide(|unit| receipt.decide(unit)).map(drop)
}

/// Units of a lot that expires in so many days.
fn receive(bench: &mut Bench, at: &str, units: i64, name: &str, days: i32) {
    let day = in_days(bench, days);
    try_receive(bench, at, units, Some(named(name, Some(day)))).expect("goods arrive");
}

fn adjust(bench: &mut Bench, why: AdjustReason, delta: i64, lot: Option<LotNamed>) -> Result<(), Refusal> {
    let adjustment = AdjustStock {
        sku: sku("A-1"),
        location: location_code("NYC"),
        reason: why,
        delta,
        note: String::new(),
        etag: String::new(),
        lot,
    };
    bench.decide(|unit| adjustment.decide(unit)).map(drop)
}

fn count(bench: &mut Bench, counted: i64, lot: Option<LotNamed>) -> Result<Counted, Refusal> {
    let count = CountStock {
        sku: sku("A-1"),
        location: location_code("NYC"),
        counted,
        note: "sheet 7".to_owned(),
        etag: String::new(),
        lot,
    };
    bench.decide(|unit| count.decide(unit))
}

fn settle(bench: &mut Bench) -> Result<(), Refusal> {
    bench.decide(|unit| settle_count(unit, &sku("A-1"), &location_code("NYC")))
}

fn fields<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::Invalid(Problems(found))) => {
            found.into_iter().map(|Problem { field, .. }| field).collect()
        }
        other => panic!("expected bad fields, not {other:?}"),
    }
}

/// Lots of a shelf with the units on hand and on pick lists.
fn lots(bench: &Bench, at: &str) -> Vec<(String, i64, i64)> {
    let level = bench.level("A-1", at);
    level.lots.iter().map(|it| (it.name.to_string(), it.on_hand, it.allotted)).collect()
}

/// Lots of the first item of a shipment with its units and the picked ones.
fn on_list(bench: &Bench, id: OrderId, number: usize) -> Vec<(String, i64, i64)> {
    let item = &bench.shipment(id, number).items[0];
    item.lots.iter().map(|it| (it.name.to_string(), it.quantity, it.picked)).collect()
}

fn all(list: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    list.iter().map(|(name, one, other)| ((*name).to_owned(), *one, *other)).collect()
}

fn begin(bench: &mut Bench, id: OrderId, number: usize) {
    let shipment = bench.shipment(id, number).id;
    bench.on(id, |order, unit| order.start_picking(unit, shipment)).expect("a pick list");
}

fn is_held(bench: &Bench, id: OrderId) -> bool {
    let stands = |it: &&crate::domain::model::hold::Hold| it.state == HoldState::Active;
    bench.order(id).holds.iter().filter(stands).any(|it| it.reason == HoldReason::InventoryOutOfStock)
}

#[test]
fn units_of_a_product_with_lots_name_one_and_others_none() {
    let mut bench = by_lots();
    assert_eq!(fields(try_receive(&mut bench, "NYC", 5, None)), ["lot"]);
    assert_eq!(fields(try_receive(&mut bench, "NYC", 5, Some(named("L-1", None)))), ["expire_date"]);
    receive(&mut bench, "NYC", 5, "L-1", 30);
    let other = in_days(&bench, 31);
    assert_eq!(fields(try_receive(&mut bench, "LAX", 5, Some(named("L-1", Some(other))))), ["expire_date"]);
    try_receive(&mut bench, "LAX", 2, Some(named("L-1", None))).expect("its date is known");
    assert_eq!((lots(&bench, "NYC"), lots(&bench, "LAX")), (all(&[("L-1", 5, 0)]), all(&[("L-1", 2, 0)])));

    assert_eq!(fields(adjust(&mut bench, AdjustReason::Lost, -1, None)), ["lot"]);
    assert_eq!(fields(adjust(&mut bench, AdjustReason::Lost, -1, Some(named("L-9", None)))), ["lot"]);
    assert_eq!(fields(adjust(&mut bench, AdjustReason::Lost, -6, Some(named("L-1", None)))), ["delta"]);
    assert_eq!(fields(adjust(&mut bench, AdjustReason::SafetyStock, 1, Some(named("L-1", None)))), ["lot"]);
    adjust(&mut bench, AdjustReason::Damage, 2, Some(named("L-1", None))).expect("two are broken");
    adjust(&mut bench, AdjustReason::Scrap, -1, Some(named("L-1", None))).expect("one is thrown away");
    let level = bench.level("A-1", "NYC");
    assert_eq!((level.on_hand, level.damaged, level.available(bench.now)), (4, 1, 3));

    bench.stock("B-2", "NYC", 1);
    let plain = ReceiveStock {
        sku: sku("B-2"),
        location: location_code("NYC"),
        quantity: 1,
        replenishment: None,
        note: String::new(),
        lot: Some(named("L-1", None)),
    };
    assert_eq!(fields(bench.decide(|unit| plain.decide(unit))), ["lot"]);
}

#[test]
fn lots_begin_and_end_only_while_nothing_is_on_hand() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 1)]);
    let refused = change(&mut bench, vec![ProductChange::TracksLots(true)]);
    assert_eq!(reason(refused), Reason::StockInUse);
    let refused = change(&mut bench, vec![ProductChange::ShortestLifeDays(1)]);
    assert_eq!(fields(refused), ["product.shortest_life_days"]);

    let mut bench = by_lots();
    receive(&mut bench, "NYC", 1, "L-1", 10);
    assert_eq!(reason(change(&mut bench, vec![ProductChange::TracksLots(false)])), Reason::StockInUse);
    count(&mut bench, 0, Some(named("L-1", None))).expect("nothing is there");
    assert!(lots(&bench, "NYC").is_empty());
    change(&mut bench, vec![ProductChange::TracksLots(false)]).expect("nothing is on hand");
    bench.stock("A-1", "NYC", 1);
}

#[test]
fn what_expires_first_is_on_the_pick_list_first_and_leaves_first() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 5, "L-2", 40);
    receive(&mut bench, "NYC", 3, "L-1", 30);
    let first = bench.paid(&order("ada", &[("A-1", 4)]));
    let second = bench.paid(&order("bob", &[("A-1", 2)]));
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 0), ("L-2", 5, 0)]), "set aside, and of no lot yet");

    begin(&mut bench, first, 0);
    begin(&mut bench, second, 0);
    assert_eq!(on_list(&bench, first, 0), all(&[("L-1", 3, 0), ("L-2", 1, 0)]));
    assert_eq!(on_list(&bench, second, 0), all(&[("L-2", 2, 0)]));
    let shipment = bench.shipment(first, 0).id;
    let picks = [LineUnits { line: 1, units: 4 }];
    bench.on(first, |order, unit| order.record_pick(unit, shipment, &picks)).expect("picked");
    assert_eq!(on_list(&bench, first, 0), all(&[("L-1", 3, 3), ("L-2", 1, 1)]));

    bench.check_quality(first, 0, 0);
}

#[test]
fn failed_units_are_of_a_lot_that_is_named_or_the_only_one() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 2, "L-1", 30);
    receive(&mut bench, "NYC", 9, "L-2", 40);
    let id = bench.paid(&order("ada", &[("A-1", 4)]));
    bench.pick(id, 0);
    let shipment = bench.shipment(id, 0).id;
    let check = |failed_lots: &[(&str, i64)]| {
        let failed_lots = failed_lots.iter().map(|(name, units)| (lot(name), *units)).collect();
        [LineCheck { line: 1, passed: 2, failed: 2, defect: "wet".to_owned(), failed_lots }]
    };
    for bad in [&[][..], &[("L-1", 1)], &[("L-9", 2)], &[("L-1", 3)], &[("L-1", 1), ("L-1", 1)]] {
        let checks = check(bad);
        let found = fields(bench.on(id, |order, unit| order.record_quality_check(unit, shipment, &checks)));
        assert!(found.iter().all(|it| it.starts_with("checks[0].failed_lots")), "{found:?}");
    }
    let checks = check(&[("L-1", 1), ("L-2", 1)]);
    bench.on(id, |order, unit| order.record_quality_check(unit, shipment, &checks)).expect("two failed");
    let held: Vec<_> = bench.level("A-1", "NYC").lots.iter().map(|it| it.quality_hold).collect();
    assert_eq!((held, lots(&bench, "NYC")), (vec![1, 1], all(&[("L-1", 2, 1), ("L-2", 9, 1)])));

    let scrap = |name: Option<&str>| {
        ScrapStock(HeldUnits {
            sku: sku("A-1"),
            location: location_code("NYC"),
            quantity: 1,
            note: String::new(),
            etag: String::new(),
            lot: name.map(lot),
        })
    };
    assert_eq!(fields(bench.decide(|unit| scrap(None).decide(unit))), ["lot"]);
    bench.decide(|unit| scrap(Some("L-1")).decide(unit)).expect("thrown away");
    bench.ship(id, 0);
    assert_eq!(on_list(&bench, id, 0), all(&[("L-1", 1, 1), ("L-2", 3, 3)]));
    assert_eq!(lots(&bench, "NYC"), all(&[("L-2", 6, 0)]));
    let shipped: Vec<_> = bench.movements.iter().filter(|it| it.kind == MovementKind::Ship).collect();
    let shipped: Vec<_> = shipped.iter().map(|it| (it.lot.clone().map(String::from), it.on_hand)).collect();
    let of = |name: &str, units| (Some(name.to_owned()), units);
    assert_eq!(shipped, [of("L-1", -1), of("L-2", -1), of("L-2", -2)]);
}

#[test]
fn a_pick_may_be_of_another_lot_than_the_list_says() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 3, "L-1", 30);
    receive(&mut bench, "NYC", 3, "L-2", 40);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    begin(&mut bench, id, 0);
    let shipment = bench.shipment(id, 0).id;
    let picks = [LineUnits { line: 1, units: 3 }];
    let of = |list: &[(&str, i64)]| -> Vec<PickedLot> {
        list.iter().map(|(name, units)| PickedLot { line: 1, lot: lot(name), units: *units }).collect()
    };
    for (bad, field) in [
        (of(&[("L-2", 2)]), "lots"),
        (of(&[("L-9", 3)]), "lots[0].quantity"),
        (of(&[("L-2", 4)]), "lots"),
        (vec![PickedLot { line: 7, lot: lot("L-2"), units: 3 }], "lots"),
    ] {
        let found = fields(bench.on(id, |order, unit| order.take_lots(unit, shipment, &picks, &bad)));
        assert_eq!(found[0], field);
    }
    let taken = of(&[("L-1", 1), ("L-2", 2)]);
    bench
        .on(id, |order, unit| {
            order.take_lots(unit, shipment, &picks, &taken)?;
            order.record_pick(unit, shipment, &picks)
        })
        .expect("picked");
    assert_eq!(on_list(&bench, id, 0), all(&[("L-1", 1, 1), ("L-2", 2, 2)]));
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 1), ("L-2", 3, 2)]));
}

#[test]
fn what_a_pick_does_not_find_leaves_the_books_of_its_lot() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 3, "L-1", 30);
    receive(&mut bench, "NYC", 3, "L-2", 40);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    begin(&mut bench, id, 0);
    let shipment = bench.shipment(id, 0).id;
    let (picks, missing) = ([LineUnits { line: 1, units: 1 }], [LineUnits { line: 1, units: 2 }]);
    bench.on(id, |order, unit| order.record_short_pick(unit, shipment, &picks, &missing)).expect("short");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 1, 1), ("L-2", 3, 0)]));
    begin(&mut bench, id, 0);
    assert_eq!(on_list(&bench, id, 0), all(&[("L-1", 1, 1), ("L-2", 2, 0)]));
}

#[test]
fn a_cancelled_shipment_gives_its_lots_back() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 3, "L-1", 30);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    bench.label(id, 0);
    bench.on(id, |order, unit| order.cancel(unit, "changed their mind")).expect("called off");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 0)]));
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 3);
}

#[test]
fn a_lot_is_sold_until_its_shortest_life_by_the_clock_of_the_location() {
    let mut bench = by_lots();
    change(&mut bench, vec![ProductChange::ShortestLifeDays(2)]).expect("at least two days");
    receive(&mut bench, "NYC", 3, "L-1", 3);
    let last_minute = bench.level("A-1", "NYC").lots[0].sold_until;
    let zone: TimeZone = "America/New_York".parse().expect("a zone");
    assert_eq!(last_minute, zone.clock().at(in_days(&bench, 2), 0), "sold today and tomorrow");
    assert_eq!(bench.level("A-1", "NYC").lots_due_at(), Some(last_minute));

    bench.now = last_minute;
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 0);
    let waits = bench.create_order(&order("ada", &[("A-1", 1)]));
    assert!(matches!(waits, Err(Refusal::Short(_))), "{waits:?}");
    settle(&mut bench).expect("the day has passed");
    assert_eq!(bench.level("A-1", "NYC").lots_due_at(), Some(zone.clock().at(in_days(&bench, 2), 0)));
    assert_eq!(reason(settle(&mut bench)), Reason::StockInUse, "it is booked");

    change(&mut bench, vec![ProductChange::ShortestLifeDays(0)]).expect("until it expires");
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 3);
}

#[test]
fn units_that_are_set_aside_and_sold_no_more_are_set_aside_elsewhere_or_hold_their_order() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 3, "L-1", 1);
    receive(&mut bench, "LAX", 1, "L-2", 90);
    let first = bench.paid(&order("ada", &[("A-1", 1)]));
    let second = bench.paid(&order("bob", &[("A-1", 2)]));
    bench.pass(2 * A_DAY);
    settle(&mut bench).expect("the day has passed");
    let (one, other) = (is_held(&bench, first), is_held(&bench, second));
    assert_eq!((one, other), (false, true), "the one that fits has the unit of Los Angeles");
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((3, 0, 0), (1, 1, 0)));
    assert_eq!(bench.level("A-1", "NYC").available(bench.now), 0);
}

#[test]
fn expired_units_do_not_leave_and_their_shipment_is_planned_anew() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 2, "L-1", 1);
    receive(&mut bench, "NYC", 2, "L-2", 90);
    let id = bench.paid(&order("ada", &[("A-1", 2)]));
    bench.prepare(id, 0);
    assert_eq!(on_list(&bench, id, 0), all(&[("L-1", 2, 2)]));
    bench.pass(2 * A_DAY);

    let shipment = bench.shipment(id, 0).id;
    let refused = bench.on(id, |order, unit| order.confirm_pickup(unit, shipment, "driver 7", 1, None));
    assert_eq!(reason(refused), Reason::LotExpired);
    settle(&mut bench).expect("the day has passed");
    assert_eq!(bench.shipment(id, 0).state, ShipmentState::Cancelled);
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 2, 0), ("L-2", 2, 0)]));
    bench.ship(id, 1);
    assert_eq!(on_list(&bench, id, 1), all(&[("L-2", 2, 2)]));
    assert_eq!(bench.state(id), OrderState::Shipped);
    adjust(&mut bench, AdjustReason::Lost, -2, Some(named("L-1", None))).expect("thrown away");
    assert!(lots(&bench, "NYC").is_empty());
}

#[test]
fn a_count_is_of_one_lot_and_takes_from_reservations_what_all_lots_together_lack() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 4, "L-1", 30);
    receive(&mut bench, "NYC", 4, "L-2", 40);
    let id = bench.placed(&order("ada", &[("A-1", 6)]));
    assert_eq!(fields(count(&mut bench, 1, None)), ["lot"]);
    let counted = count(&mut bench, 3, Some(named("L-1", None))).expect("one is gone");
    assert_eq!((counted.orders.len(), bench.shelf("A-1", "NYC")), (0, (7, 6, 0)));
    let counted = count(&mut bench, 1, Some(named("L-2", None))).expect("three are gone");
    assert_eq!((counted.orders, bench.shelf("A-1", "NYC")), (vec![id], (4, 4, 0)));
    assert!(is_held(&bench, id));
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 0), ("L-2", 1, 0)]));

    let found = named("L-3", Some(in_days(&bench, 50)));
    count(&mut bench, 2, Some(found)).expect("a lot that was not on the books");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 0), ("L-2", 1, 0), ("L-3", 2, 0)]));
}

#[test]
fn a_count_leaves_pick_lists_alone() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 4, "L-1", 30);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    begin(&mut bench, id, 0);
    let below = count(&mut bench, 2, Some(named("L-1", None)));
    assert_eq!(reason(below), Reason::StockInUse);
    let lost = adjust(&mut bench, AdjustReason::Lost, -2, Some(named("L-1", None)));
    assert_eq!(reason(lost), Reason::StockInUse);
    count(&mut bench, 3, Some(named("L-1", None))).expect("what is on the list is there");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 3, 3)]));
}

#[test]
fn a_transfer_takes_units_of_one_lot_along() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 4, "L-1", 30);
    let send = |units: i64, lots: &[(&str, &str)]| TransferStock {
        from: location_code("NYC"),
        to: location_code("LAX"),
        items: vec![(sku("A-1"), units)],
        expected_at: None,
        note: String::new(),
        lots: lots.iter().map(|(code, name)| (sku(code), lot(name))).collect(),
    };
    assert_eq!(fields(bench.decide(|unit| send(1, &[]).decide(unit))), ["lots"]);
    assert_eq!(fields(bench.decide(|unit| send(1, &[("A-1", "L-9")]).decide(unit))), ["lots"]);
    let with_other = send(1, &[("A-1", "L-1"), ("B-2", "L-1")]);
    assert_eq!(fields(bench.decide(|unit| with_other.decide(unit))), ["lots[1].sku"]);

    let transfer = bench.decide(|unit| send(3, &[("A-1", "L-1")]).decide(unit)).expect("sent");
    assert_eq!(reason(change(&mut bench, vec![ProductChange::TracksLots(false)])), Reason::StockInUse);
    let (transfer, note, etag) = (transfer.id, String::new(), String::new());
    let one = crate::domain::inventory::transfer::Arrival { sku: sku("A-1"), received: 1, lost: 1 };
    let arrived = ReceiveTransfer { transfer, arrivals: vec![one], note: note.clone(), etag: etag.clone() };
    bench.decide(|unit| arrived.decide(unit)).expect("one of two");
    assert_eq!((lots(&bench, "NYC"), lots(&bench, "LAX")), (all(&[("L-1", 1, 0)]), all(&[("L-1", 1, 0)])));
    bench.decide(|unit| CancelTransfer { transfer, note, etag }.decide(unit)).expect("the rest comes back");
    assert_eq!(lots(&bench, "NYC"), all(&[("L-1", 2, 0)]));
}

#[test]
fn what_comes_back_goes_on_the_shelf_of_its_lot() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 3, "L-1", 30);
    let id = bench.paid(&order("ada", &[("A-1", 3)]));
    bench.ship(id, 0);
    bench.deliver(id, 0);
    assert!(lots(&bench, "NYC").is_empty());
    let units = [ReturnedUnits { line: 1, quantity: 3, reason: ReturnReason::ALL[0], note: String::new() }];
    let back = bench.on(id, |order, unit| order.create_return(unit, &units, "")).expect("a return");
    if bench.order(id).returns[0].state == crate::domain::model::returns::ReturnState::Requested {
        bench.on(id, |order, unit| order.decide_return(unit, back, &ReturnDecision::Authorize)).expect("yes");
    }
    let arrived = [ArrivedUnits { line: 1, quantity: 3 }];
    bench
        .on(id, |order, unit| order.receive_return(unit, back, &location_code("LAX"), &arrived))
        .expect("arrived");
    let inspected = |disposition, quantity, lot| InspectedUnits { line: 1, disposition, quantity, lot };
    let without = [inspected(ReturnDisposition::Restock, 3, None)];
    let found = fields(bench.on(id, |order, unit| order.inspect_return(unit, back, &without)));
    assert_eq!(found, ["inspections[0].lot"]);
    let scrapped = [inspected(ReturnDisposition::Scrap, 3, Some(named("L-1", None)))];
    let found = fields(bench.on(id, |order, unit| order.inspect_return(unit, back, &scrapped)));
    assert_eq!(found, ["inspections[0].lot"]);
    let good = [
        inspected(ReturnDisposition::Restock, 1, Some(named("L-1", None))),
        inspected(ReturnDisposition::Quarantine, 1, Some(named("L-1", None))),
        inspected(ReturnDisposition::Scrap, 1, None),
    ];
    bench.on(id, |order, unit| order.inspect_return(unit, back, &good)).expect("looked at");
    assert_eq!(lots(&bench, "LAX"), all(&[("L-1", 2, 0)]));
    assert_eq!(bench.level("A-1", "LAX").lots[0].quality_hold, 1);
}

#[test]
fn what_others_were_promised_does_not_expire_first_for_whoever_comes_now() {
    let mut bench = by_lots();
    receive(&mut bench, "NYC", 5, "L-1", 30);
    receive(&mut bench, "NYC", 9, "L-2", 300);
    let first = |bench: &Bench| {
        let level = bench.level("A-1", "NYC");
        level.first_to_expire(bench.now).map(|it| it.name.as_str().to_owned())
    };
    assert_eq!(first(&bench).as_deref(), Some("L-1"));
    bench.paid(&order("ada", &[("A-1", 4)]));
    assert_eq!(first(&bench).as_deref(), Some("L-1"), "one is left");
    let id = bench.paid(&order("bob", &[("A-1", 1)]));
    assert_eq!(first(&bench).as_deref(), Some("L-2"), "all five are promised");
    begin(&mut bench, id, 0);
    assert_eq!(
        first(&bench).as_deref(),
        Some("L-2"),
        "one of them is on a list, and four are promised still"
    );
}
