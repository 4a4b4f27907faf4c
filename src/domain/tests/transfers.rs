//! Units on their way from one location to another.

use crate::domain::inventory::receive::receive_stock;
use crate::domain::inventory::transfer::{
    Arrival, CancelTransfer, ReceiveTransfer, TransferStock, cancel_transfer, receive_transfer,
    transfer_stock,
};
use crate::domain::model::action::Action;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::replenishment::ReplenishmentState;
use crate::domain::model::scalars::TransferId;
use crate::domain::model::stock::MovementKind;
use crate::domain::model::transfer::{Transfer, TransferState};
use crate::domain::tests::archived::legal;
use crate::domain::tests::bench::{Bench, refused_fields};
use crate::domain::tests::given::{location_code, order, reason, sku, waiting};
use crate::domain::tests::restock::decide_on;

fn try_send(bench: &mut Bench, from: &str, to: &str, items: &[(&str, i64)]) -> Result<Transfer, Refusal> {
    let transfer = TransferStock {
        from: location_code(from),
        to: location_code(to),
        items: items.iter().map(|(code, units)| (sku(code), *units)).collect(),
        expected_at: Some(bench.now.plus(std::time::Duration::from_secs(86_400))),
        note: "note 7".to_owned(),
        lots: Vec::new(),
    };
    bench.decide(|unit| transfer_stock(unit, &transfer))
}

fn send(bench: &mut Bench, items: &[(&str, i64)]) -> Transfer {
    try_send(bench, "NYC", "LAX", items).expect("on its way")
}

fn receive(bench: &mut Bench, id: TransferId, arrivals: &[(&str, i64, i64)]) -> Result<Transfer, Refusal> {
    let arrival = |(code, received, lost): &(&str, i64, i64)| Arrival {
        sku: sku(code),
        received: *received,
        lost: *lost,
    };
    let arrivals = arrivals.iter().map(arrival).collect();
    let arrived = ReceiveTransfer { transfer: id, arrivals, note: String::new(), etag: String::new() };
    bench.decide(|unit| receive_transfer(unit, &arrived))
}

fn cancel(bench: &mut Bench, id: TransferId) -> Result<Transfer, Refusal> {
    let cancel = CancelTransfer { transfer: id, note: String::new(), etag: String::new() };
    bench.decide(|unit| cancel_transfer(unit, &cancel))
}

#[test]
fn units_leave_one_location_and_arrive_at_another_with_what_is_missing_written_off() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10), ("B-2", "NYC", 3)]);
    let id = send(&mut bench, &[("A-1", 6), ("B-2", 3)]).id;
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((4, 0, 0), (0, 0, 0)));
    assert_eq!(bench.level("A-1", "LAX").incoming, 6);

    let partly = receive(&mut bench, id, &[("A-1", 4, 1)]).expect("some arrive");
    assert_eq!((partly.state, partly.in_transit()), (TransferState::PartiallyReceived, 4));
    assert_eq!((bench.shelf("A-1", "LAX"), bench.level("A-1", "LAX").incoming), ((4, 0, 0), 1));
    let lost = bench.movements.iter().rfind(|it| it.kind == MovementKind::Adjust).expect("written off");
    assert_eq!((lost.on_hand, lost.transfer), (-1, Some(id)));

    let refused = receive(&mut bench, id, &[("A-1", 2, 0), ("C-3", 1, 0)]);
    assert_eq!(refused_fields(refused), ["items[0].received", "items[1].sku"]);
    let all = receive(&mut bench, id, &[]).expect("the rest arrives");
    assert_eq!(
        (all.state, bench.shelf("A-1", "LAX"), bench.shelf("B-2", "LAX")),
        (TransferState::Received, (5, 0, 0), (3, 0, 0))
    );
    assert_eq!(reason(receive(&mut bench, id, &[])), Reason::IllegalTransition);
    assert_eq!(reason(cancel(&mut bench, id)), Reason::IllegalTransition);
}

#[test]
fn what_is_refused_of_a_transfer_says_what_to_call_instead() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 10)]);
    let id = send(&mut bench, &[("A-1", 6)]).id;
    let replenishments = &bench.snapshot.replenishments;
    let delivery = replenishments.values().find(|it| it.transfer == Some(id)).expect("on order").id;
    let called_off = decide_on(&mut bench, delivery, ReplenishmentState::Cancelled, None);
    assert_eq!(legal(called_off), [Action::ReceiveTransfer, Action::CancelTransfer]);

    receive(&mut bench, id, &[]).expect("all arrive");
    assert_eq!(legal(receive(&mut bench, id, &[])), [Action::TransferStock]);
    assert_eq!(legal(cancel(&mut bench, id)), [Action::TransferStock]);
    let called_off = decide_on(&mut bench, delivery, ReplenishmentState::Cancelled, None);
    assert_eq!(legal(called_off), [Action::TransferStock]);
}

#[test]
fn a_cancelled_transfer_comes_back_without_what_has_arrived() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5)]);
    let id = send(&mut bench, &[("A-1", 5)]).id;
    receive(&mut bench, id, &[("A-1", 2, 0)]).expect("two arrive");
    let back = cancel(&mut bench, id).expect("the rest comes back");
    assert_eq!((back.state, back.items[0].returned), (TransferState::Cancelled, 3));
    assert_eq!((bench.shelf("A-1", "NYC"), bench.shelf("A-1", "LAX")), ((3, 0, 0), (2, 0, 0)));
    assert_eq!(bench.level("A-1", "LAX").incoming, 0);
}

#[test]
fn only_units_that_nobody_holds_leave_and_every_item_that_cannot_is_named() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5), ("B-2", "NYC", 1)]);
    bench.placed(&order("ada", &[("A-1", 3)]));
    let refused = try_send(&mut bench, "NYC", "LAX", &[("A-1", 3), ("B-2", 2)]);
    let Err(Refusal::Unmet { reason: Reason::StockInUse, message, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        message,
        "items[0]: 2 of 3 units of A-1 at NYC are free; items[1]: 1 of 2 units of B-2 at NYC are free"
    );
    send(&mut bench, &[("A-1", 2)]);

    let refused = try_send(&mut bench, "NYC", "NYC", &[("A-1", 1), ("FIT", 1), ("NONE", 1)]);
    assert_eq!(refused_fields(refused), ["to_location", "items[1].sku", "items[2].sku"]);
}

#[test]
fn what_is_in_transit_is_expected_at_its_destination_and_counted_by_no_other_delivery() {
    let mut bench = Bench::with_stock(&[("A-1", "NYC", 5), ("B-2", "LAX", 1)]);
    let id = send(&mut bench, &[("A-1", 5)]).id;
    let waits = bench.placed(&waiting(order("ada", &[("A-1", 2)])));
    let found = bench.order(waits).availability.clone().expect("looked at");
    assert!(found.lines[0].ship_at.is_some(), "{found:?}");

    // A supplier's delivery leaves it as it is, and nobody decides on it.
    bench.stock("A-1", "LAX", 3);
    assert_eq!(bench.level("A-1", "LAX").incoming, 5);
    let replenishment =
        bench.snapshot.replenishments.values().find(|it| it.transfer == Some(id)).expect("on order").id;
    let named = bench.decide(|unit| {
        receive_stock(unit, &sku("A-1"), &location_code("LAX"), 1, "", Some(replenishment)).map(drop)
    });
    assert_eq!(reason(named), Reason::IllegalTransition);
    let called_off = decide_on(&mut bench, replenishment, ReplenishmentState::Cancelled, None);
    assert_eq!(reason(called_off), Reason::IllegalTransition);
    assert!(bench.fill(waits));
}
