//! What stands beside stock is found when it is not as documents have it, and made anew.

use std::sync::Arc;

use crate::domain::{
    Actor, ChangeSet, Day, Ids, Location, Lot, Reservation, ReservationState, StockLevel, Timestamp,
    Transfer, TransferItem, TransferState,
};
use crate::store::rows::tests::full::full;
use crate::store::rows::tests::sample::{
    AT, code, disagreements, later, level, levels, location, nothing, rows_of, save, stocked,
};
use crate::store::tests::shop::{Scene, on_both_engines};

on_both_engines! {
    lots_transfers_and_what_callers_hold_are_made_anew
}

fn lot(name: &str, expires_at: Timestamp) -> Lot {
    Lot {
        name: code(name),
        expires_on: Day::from_number(20_001),
        sold_until: AT,
        expires_at,
        on_hand: 50,
        damaged: 0,
        quality_hold: 0,
        missing: 0,
        allotted: 0,
    }
}

fn transfer() -> Transfer {
    let item = TransferItem { sku: code("A-1"), quantity: 3, received: 0, lost: 0, returned: 0, lot: None };
    Transfer {
        id: Ids::seeded(AT, 31).fresh(),
        version: 1,
        from: location().code,
        to: code("LAX-1"),
        state: TransferState::InTransit,
        items: vec![item],
        expected_at: None,
        note: String::new(),
        created_by: Actor::system(),
        created_at: AT,
        updated_at: AT,
    }
}

fn cart() -> Reservation {
    Reservation {
        id: Ids::seeded(AT, 77).fresh(),
        order: None,
        reference: "market stall".to_owned(),
        state: ReservationState::Held,
        expires_at: Some(later(5)),
        ..full(1).reservations[0].clone()
    }
}

async fn lots_transfers_and_what_callers_hold_are_made_anew(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let before = level("A-1");
    let with = StockLevel {
        version: before.version + 1,
        on_hand: 100,
        damaged: 0,
        quality_hold: 0,
        lots: vec![lot("L-1", later(1)), lot("L-2", later(2))],
        ..before.clone()
    };
    save(&db, &levels([&before]), &levels([&with])).await.expect("two lots");
    let elsewhere = Location { code: code("LAX-1"), ..location() };
    let (transfer, cart) = (transfer(), cart());
    let all = ChangeSet {
        locations: [(elsewhere.code.clone(), Arc::new(elsewhere))].into(),
        transfers: [(transfer.id, Arc::new(transfer))].into(),
        reservations: [(cart.id, Arc::new(cart))].into(),
        ..nothing()
    };
    save(&db, &nothing(), &all).await.expect("a transfer, a reservation");
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
    let items = rows_of(&db, "reservation_items").await;
    assert!(items > 0);

    for damage in [
        "DELETE FROM stock_lots",
        "DELETE FROM stock_lots WHERE lot = 'L-1'",
        "UPDATE stock_lots SET expires_at = expires_at + 1 WHERE lot = 'L-2'",
        "UPDATE stock_lots SET expires_on = expires_on + 1 WHERE lot = 'L-2'",
        "UPDATE stock_lots SET lot = 'L-3' WHERE lot = 'L-2'",
        "UPDATE transfers SET version = version + 1",
        "UPDATE transfers SET state = 'RECEIVED'",
        "UPDATE transfers SET updated_at = updated_at + 1",
        "UPDATE reservations SET reference = 'another' WHERE caller IS NOT NULL",
        "UPDATE reservations SET expires_at = expires_at + 1 WHERE caller IS NOT NULL",
        "DELETE FROM reservation_items",
        "UPDATE reservation_items SET quantity = quantity + 1 WHERE number = 1",
    ] {
        scene.sql(damage).await;
        assert_eq!(disagreements(scene).await.len(), 1, "{damage}");
        scene.store.rebuild(|_| ()).await.expect("as before");
        assert_eq!(disagreements(scene).await, Vec::<String>::new(), "{damage}");
    }
    assert_eq!((rows_of(&db, "stock_lots").await, rows_of(&db, "reservation_items").await), (2, items));
    // When a worker comes is not in the document.
    scene.sql("UPDATE reservations SET run_at = 1, attempts = 2, lease_token = 3").await;
    assert_eq!(disagreements(scene).await, Vec::<String>::new());
}
