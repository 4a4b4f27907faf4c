//! Stock, catalogue, reservations, events and jobs read back as they were saved.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};

use crate::domain::{
    Courier, Feedback, Ids, JobId, Lease, Machine, Order, Product, Replenishment, ReplenishmentState,
    Reservation, ReservationState, StockLevel, Transition,
};
use crate::store::connection::error::StoreError;
use crate::store::rows::catalogue::{
    courier_ratings, load_couriers, locations, products, save_couriers, save_products,
};
use crate::store::rows::event::{self, append_events, events};
use crate::store::rows::job::{Jobs, complete_jobs, jobs, leases, save_jobs};
use crate::store::rows::order::save_orders;
use crate::store::rows::read::Lock;
use crate::store::rows::reservation::{
    ExpiredReservations, expired_reservations, load_reservations, save_reservations,
};
use crate::store::rows::saved::Saved;
use crate::store::rows::stock::{
    self, append_movements, levels, load_replenishments, open_replenishments, save_levels,
    save_replenishments, stock_movements,
};
use crate::store::rows::tests::full::{bare, full};
use crate::store::rows::tests::sample::{
    AT, changed, code, count, courier, id_of_nobody, is_broken, later, level, location, movement, new,
    on_both, product, recorded, stocked, then, write,
};
use crate::store::writer::job::JobKind;

#[tokio::test]
async fn stock_reads_back_and_a_stale_level_is_a_lost_race() {
    on_both(async |db| {
        stocked(db).await;
        let before = level("A-1");
        // A hot product: many orders of one group took of it.
        let after = StockLevel { reserved: 60, version: 41, reorder_point: None, ..before.clone() };
        write(db, |it| save_levels(it, &changed(&before, &after))).await.expect("forty steps");

        let skus = [code("B-2"), code("A-1"), code("A-1"), code("NONE")];
        let levels = levels(db.backend(), &skus, Lock::Update).alone(db).await.expect("levels");
        assert_eq!(levels, [after, level("B-2")]);
        let stale = StockLevel { version: 2, ..before.clone() };
        assert!(matches!(
            write(db, |it| save_levels(it, &changed(&before, &stale))).await,
            Err(StoreError::LostRace)
        ));
        let twin = StockLevel { version: 42, ..before };
        assert!(matches!(write(db, |it| save_levels(it, &new(&twin))).await, Err(StoreError::LostRace)));
    })
    .await;
}

#[tokio::test]
async fn the_catalogue_reads_back_and_a_rate_card_may_shrink() {
    on_both(async |db| {
        stocked(db).await;
        let unpriced = Product { unit_price: None, version: 2, ..product("A-1") };
        write(db, |it| save_products(it, &changed(&product("A-1"), &unpriced))).await.expect("a product");
        let mut shorter = Courier { version: 2, ..courier() };
        shorter.rates.remove(0);
        write(db, |it| save_couriers(it, &changed(&courier(), &shorter))).await.expect("a courier");

        let products = products(db.backend(), &[code("B-2"), code("A-1")]).alone(db).await.expect("products");
        assert_eq!(products, [unpriced, product("B-2")]);
        assert_eq!(locations(db.backend()).alone(db).await.expect("locations"), [location()]);
        assert_eq!(load_couriers(db).await.expect("couriers"), [shorter]);
    })
    .await;
}

#[tokio::test]
async fn reservations_of_other_callers_read_back_and_are_found_when_expired() {
    on_both(async |db| {
        stocked(db).await;
        let Order { reservations, lines, .. } = full(1);
        let order = Order { reservations, lines, ..bare(1) };
        let order = then(&order, |it| {
            it.reservations[2].state = ReservationState::Held;
            it.reservations[2].expires_at = Some(later(10));
        });
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order that holds");
        let mine = Reservation {
            id: Ids::seeded(AT, 77).fresh(),
            order: None,
            reference: "market stall".to_owned(),
            state: ReservationState::Held,
            expires_at: Some(later(5)),
            ..order.reservations[0].clone()
        };
        write(db, |it| save_reservations(it, &new(&mine))).await.expect("a reservation");

        let ids = [mine.id, order.reservations[2].id];
        let loaded = load_reservations(db, &ids, Lock::Update).await.expect("reservations");
        assert_eq!(loaded, std::slice::from_ref(&mine));
        assert_eq!(load_reservations(db, &ids, Lock::No).await.expect("reservations").len(), 2);
        let none = ExpiredReservations::default();
        assert_eq!(expired_reservations(db, &[code("A-1")], &[], later(4)).await.expect("nobody"), none);
        assert_eq!(expired_reservations(db, &[code("NONE")], &[], later(9)).await.expect("nobody"), none);
        let both = ExpiredReservations { orders: vec![order.id], others: vec![mine.id], more: false };
        let found =
            expired_reservations(db, &[code("A-1"), code("B-2")], &[], later(10)).await.expect("both");
        assert_eq!(found, both);
        let found = expired_reservations(db, &[], &[order.id], later(10)).await.expect("those of its lines");
        assert_eq!(found, both);
        assert_eq!(expired_reservations(db, &[], &[id_of_nobody()], later(10)).await.expect("nobody"), none);

        let mut released = Reservation { version: 2, state: ReservationState::Released, ..mine.clone() };
        released.items[0].released = 2;
        write(db, |it| save_reservations(it, &changed(&mine, &released))).await.expect("a change");
        assert!(matches!(
            write(db, |it| save_reservations(it, &changed(&mine, &released))).await,
            Err(StoreError::LostRace)
        ));
        assert_eq!(load_reservations(db, &[mine.id], Lock::No).await.expect("it"), [released]);
    })
    .await;
}

#[tokio::test]
async fn couriers_are_rated_by_what_they_delivered() {
    on_both(async |db| {
        stocked(db).await;
        let mut poor = full(2);
        poor.shipments[1].assignment = poor.shipments[0].assignment.clone();
        let poor = then(&poor, |it| {
            it.feedback = it.feedback.clone().map(|feedback| Feedback { delivery_rating: 1, ..feedback });
        });
        let unasked = then(&full(3), |it| it.feedback = None);
        let (good, all) = (full(1), [&poor, &unasked].map(|after| Saved { before: None, after }));
        write(db, |it| save_orders(it, &new(&good))).await.expect("an order");
        write(db, |it| save_orders(it, &all)).await.expect("orders");

        let ratings = courier_ratings(db).await.expect("ratings");
        assert_eq!(ratings, HashMap::from([(code("PIGEON"), 250)]));
    })
    .await;
}

#[tokio::test]
async fn replenishments_read_back_and_one_is_open_per_product_and_place() {
    on_both(async |db| {
        stocked(db).await;
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
        };
        write(db, |it| save_replenishments(it, &new(&proposed))).await.expect("a proposal");
        let twin = Replenishment { id: ids.fresh(), ..proposed.clone() };
        assert!(is_broken(&write(db, |it| save_replenishments(it, &new(&twin))).await));

        let skus = [code("A-1"), code("B-2")];
        let open = open_replenishments(db.backend(), &skus)
            .alone(db)
            .await
            .expect("one")
            .into_iter()
            .collect::<HashMap<_, _>>();
        assert_eq!(open, HashMap::from([((code("A-1"), code("KUL-1")), proposed.id)]));
        let over = Replenishment {
            version: 2,
            state: ReplenishmentState::Rejected,
            decided_by: Some(code("ann")),
            ..proposed.clone()
        };
        let saved = [Saved { before: None, after: &twin }, Saved { before: Some(&proposed), after: &over }];
        write(db, |it| save_replenishments(it, &saved)).await.expect("one closes, one opens");
        let mut loaded = load_replenishments(db, &[proposed.id, twin.id], Lock::Update).await.expect("both");
        loaded.sort_by_key(|it| it.version);
        assert_eq!(loaded, [twin, over]);
    })
    .await;
}

#[tokio::test]
async fn events_and_movements_read_back_and_are_never_changed() {
    on_both(async |db| {
        let moved = Transition {
            machine: Machine::Order,
            subject: uuid::Uuid::from_u128(7),
            from: String::new(),
            to: "RECEIVED".to_owned(),
        };
        let history = [recorded(1, Some(moved)), recorded(2, None)];
        write(db, |it| append_events(it, 41, &history)).await.expect("events");
        write(db, |it| append_movements(it, &[movement()])).await.expect("a movement");

        let rows =
            events::Entity::find().order_by_asc(events::Column::Position).all(db).await.expect("events");
        let written: Vec<_> =
            (41..).zip(&history).map(|(position, it)| event::to_row(position, it)).collect();
        assert_eq!(rows, written);
        let rows = stock_movements::Entity::find().all(db).await.expect("movements");
        assert_eq!(rows, [stock::movement_to_row(&movement())]);

        assert!(is_broken(&write(db, |it| append_events(it, 43, &history[1..])).await));
        for statement in [
            "UPDATE events SET text = ''",
            "DELETE FROM events",
            "UPDATE stock_movements SET on_hand = 1",
            "DELETE FROM stock_movements",
        ] {
            let refused = db.execute_unprepared(statement).await.expect_err(statement).to_string();
            assert!(refused.contains("is never changed"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_keeps_its_lease_while_it_is_put_off_and_is_completed_once() {
    on_both(async |db| {
        let (job, idle) = (JobId(uuid::Uuid::from_u128(1)), JobId(uuid::Uuid::from_u128(2)));
        write(db, |it| {
            save_jobs(
                it,
                &Jobs::from([(job, (JobKind::Order, Some(AT))), (idle, (JobKind::Reservation, None))]),
            )
        })
        .await
        .expect("jobs");
        assert_eq!(count(db, "jobs").await, 1);
        db.execute_unprepared(&format!(
            "UPDATE jobs SET lease_token = 3, attempts = 2, lease_until = {}",
            later(9).unix_micros()
        ))
        .await
        .expect("a lease");

        write(db, |it| save_jobs(it, &Jobs::from([(job, (JobKind::Order, Some(later(60))))])))
            .await
            .expect("put off");
        let held = leases(db, &[job, idle], later(1), Lock::Update).await.expect("leases");
        assert_eq!(held, HashMap::from([(job, 3)]));
        assert_eq!(leases(db, &[job], later(9), Lock::No).await.expect("over"), HashMap::new());

        let stale = write(db, |it| complete_jobs(it, &[(Lease { job, token: 2 }, Some(AT))], later(1))).await;
        assert!(matches!(stale, Err(StoreError::LostRace)), "{stale:?}");
        let gone = (Lease { job: idle, token: 1 }, None);
        let stale = write(db, |it| complete_jobs(it, &[gone], later(1))).await;
        assert!(matches!(stale, Err(StoreError::LostRace)), "{stale:?}");
        let done = [(Lease { job, token: 3 }, Some(later(70)))];
        write(db, |it| complete_jobs(it, &done, later(1))).await.expect("done");
        let row = jobs::Entity::find().one(db).await.expect("a row").expect("the job");
        assert_eq!(
            (row.attempts, row.lease_token, row.lease_until, row.run_at),
            (0, 3, None, Some(later(70)))
        );

        write(db, |it| save_jobs(it, &Jobs::from([(job, (JobKind::Order, None))])))
            .await
            .expect("nothing to do");
        let row = jobs::Entity::find().one(db).await.expect("a row").expect("the job");
        assert_eq!(row.run_at, None);
    })
    .await;
}
