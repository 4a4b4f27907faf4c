//! Stock, catalogue and replenishments read back as they were saved.

use std::sync::Arc;

use crate::domain::{
    Actor, ChangeSet, Courier, Day, Ids, Lot, Product, Replenishment, ReplenishmentState, Sku, StockLevel,
    Timestamp,
};
use crate::store::connection::error::StoreError;
use crate::store::query::listing::Listing;
use crate::store::rows::lookup::{self, keys};
use crate::store::rows::projection::values;
use crate::store::rows::statements::Writes;
use crate::store::rows::stock::{self, movement_to_row};
use crate::store::rows::tests::sample::{
    AT, code, courier, is_broken, level, levels, location, movement, nothing, product, save, stocked, write,
};
use crate::store::rows::writes::ADD_MOVEMENTS;
use crate::store::tests::shop::{Scene, count, on_both_engines};

on_both_engines! {
    stock_reads_back_and_a_stale_level_is_a_lost_race
    lots_read_back_with_their_level_and_are_listed
    the_catalogue_reads_back_and_a_rate_card_may_shrink
    replenishments_read_back_and_one_is_proposed_per_product_and_location
    movements_read_back
}

async fn stock_reads_back_and_a_stale_level_is_a_lost_race(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let before = level("A-1");
    // A hot product: many orders of one group took of it.
    let after = StockLevel { reserved: 60, version: 41, reorder_point: None, ..before.clone() };
    save(&db, &levels([&before]), &levels([&after])).await.expect("forty steps");

    for statement in [&lookup::LOCK_LEVELS, &lookup::LEVELS] {
        let asked = statement.about(keys(["A-1", "B-2", "NONE"].map(code::<Sku>)));
        let found = db.exchange(vec![asked]).await.expect("levels").concat();
        let found = found.iter().map(stock::level).collect::<Result<Vec<_>, _>>().expect("levels");
        assert_eq!(found, [after.clone(), level("B-2")]);
    }
    let stale = StockLevel { version: 2, ..before.clone() };
    let lost = save(&db, &levels([&before]), &levels([&stale])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    let twin = StockLevel { version: 42, ..before };
    let lost = save(&db, &nothing(), &levels([&twin])).await;
    assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
}

async fn lots_read_back_with_their_level_and_are_listed(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let lot = |name: &str, days: i32, on_hand, allotted| Lot {
        name: code(name),
        expires_on: Day::from_number(i64::from(20_000 + days)),
        sold_until: AT,
        expires_at: Timestamp::from_unix_micros(AT.unix_micros() + i64::from(days)),
        on_hand,
        damaged: 0,
        quality_hold: 0,
        missing: 0,
        allotted,
    };
    let before = level("A-1");
    let (one, other) = (lot("L-1", 1, 60, 4), lot("L 2 β", 2, 40, 0));
    let with = |version, on_hand, lots: Vec<Lot>| {
        let (damaged, quality_hold) = (0, 0);
        StockLevel { version, on_hand, lots, damaged, quality_hold, ..before.clone() }
    };
    let first = with(2, 100, vec![one.clone(), other.clone()]);
    save(&db, &levels([&before]), &levels([&first])).await.expect("two lots");
    let all = Listing { size: 5, ..Listing::default() };
    let listed = scene.store.list_lots(&all).await.expect("a page").0;
    assert_eq!(listed.iter().map(|it| it.2.clone()).collect::<Vec<_>>(), [other, one.clone()]);
    assert_eq!(count(&scene.store, "SELECT unsold FROM stock_levels WHERE sku = 'A-1'").await, 96);

    let less = with(3, 59, vec![Lot { on_hand: 59, allotted: 3, ..one }]);
    save(&db, &levels([&first]), &levels([&less])).await.expect("one is gone");
    let found = db.exchange(vec![lookup::LEVELS.about(keys(["A-1"].map(code::<Sku>)))]).await;
    let found = found.expect("a level").concat();
    assert_eq!(stock::level(&found[0]).expect("a level"), less);
    let listed = scene.store.list_lots(&all).await.expect("a page").0;
    assert_eq!(listed, [(less.sku.clone(), less.location.clone(), less.lots[0].clone())]);

    // Its day was wrong: it ended, and began again with another one, in one go.
    let corrected = with(4, 59, vec![lot("L-1", 9, 59, 0)]);
    save(&db, &levels([&less]), &levels([&corrected])).await.expect("another day");
    let listed = scene.store.list_lots(&all).await.expect("a page").0;
    assert_eq!(listed, [(less.sku.clone(), less.location.clone(), corrected.lots[0].clone())]);
}

async fn the_catalogue_reads_back_and_a_rate_card_may_shrink(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let products = |it: Product| ChangeSet { products: [(it.sku.clone(), it.into())].into(), ..nothing() };
    let unpriced = Product { unit_price: None, active: false, version: 2, ..product("A-1") };
    save(&db, &products(product("A-1")), &products(unpriced.clone())).await.expect("a product");
    let couriers = |it: Courier| ChangeSet { couriers: [(it.code.clone(), it.into())].into(), ..nothing() };
    let mut shorter = Courier { version: 2, ..courier() };
    shorter.rates.remove(0);
    save(&db, &couriers(courier()), &couriers(shorter.clone())).await.expect("a courier");

    let store = &scene.store;
    assert_eq!(store.product(&code("A-1")).await.expect("a look"), Some(unpriced));
    assert_eq!(store.product(&code("B-2")).await.expect("a look"), Some(product("B-2")));
    assert_eq!(store.product(&code("NONE")).await.expect("a look"), None);
    assert_eq!(store.location(&code("KUL-1")).await.expect("a look"), Some(location()));
    assert_eq!(store.couriers().await.expect("couriers").0, [shorter]);
}

async fn replenishments_read_back_and_one_is_proposed_per_product_and_location(scene: &Scene) {
    let db = scene.writer().await;
    stocked(&db).await;
    let mut ids = Ids::seeded(AT, 5);
    let proposed = Replenishment {
        id: ids.fresh(),
        version: 1,
        sku: code("A-1"),
        location: code("KUL-1"),
        quantity: 50,
        received: 0,
        state: ReplenishmentState::Proposed,
        order: Some(ids.fresh()),
        reason: "below 20".to_owned(),
        created_at: AT,
        updated_at: AT,
        decided_by: None,
        supplier: String::new(),
        expected_at: None,
        transfer: None,
    };
    let some = |all: &[&Replenishment]| {
        let replenishments = all.iter().map(|it| (it.id, Arc::new((*it).clone()))).collect();
        ChangeSet { replenishments, ..nothing() }
    };
    save(&db, &nothing(), &some(&[&proposed])).await.expect("a proposal");
    let twin = Replenishment { id: ids.fresh(), ..proposed.clone() };
    assert!(is_broken(&save(&db, &nothing(), &some(&[&twin])).await));

    let asked = lookup::OPEN_REPLENISHMENTS.about(keys(["A-1", "B-2"].map(code::<Sku>)));
    let open = db.exchange(vec![asked]).await.expect("one").concat();
    let open = open.iter().map(stock::replenishment).collect::<Result<Vec<_>, _>>().expect("one");
    assert_eq!(open, std::slice::from_ref(&proposed));
    let over = Replenishment {
        version: 2,
        state: ReplenishmentState::Rejected,
        decided_by: Some(Actor::stored("ann".to_owned())),
        ..proposed.clone()
    };
    save(&db, &some(&[&proposed]), &some(&[&twin, &over])).await.expect("one closes, one opens");
    let ordered = Replenishment {
        version: 2,
        state: ReplenishmentState::Ordered,
        supplier: "ACME".to_owned(),
        expected_at: Some(AT),
        ..twin.clone()
    };
    let third = Replenishment { id: ids.fresh(), ..proposed };
    save(&db, &some(&[&twin]), &some(&[&ordered, &third])).await.expect("two at once");
    for it in [ordered, over, third] {
        assert_eq!(scene.store.replenishment(it.id).await.expect("a look"), Some(it));
    }
}

async fn movements_read_back(scene: &Scene) {
    let db = scene.writer().await;
    let mut writes = Writes::default();
    writes.put(&ADD_MOVEMENTS, values(vec![movement_to_row(&movement())]));
    write(&db, writes.into_asks()).await.expect("a movement");
    let all = Listing { size: 5, ..Listing::default() };
    assert_eq!(scene.store.list_movements(&all).await.expect("a page").0, [movement()]);
}
