//! Every table there and back, on SQLite and, where `TEST_DATABASE_URL` names a server, on PostgreSQL.

mod nonsense;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector,
    Statement,
};

use super::event::events;
use super::job::jobs;
use super::stock::stock_movements;
use super::*;
use crate::domain::*;
use crate::store::JobKind;
use crate::store::session::{Link, Session};

async fn on_both(test: impl AsyncFn(&Session)) {
    on_both_counting(async |db, _| test(db).await).await;
}

async fn on_both_counting(test: impl AsyncFn(&Session, &AtomicU64)) {
    migrated(None, async |db, statements, _| test(db, statements).await).await;
}

/// A database with the first `steps` of the schema, or all; the test gets what applies the rest.
async fn migrated(steps: Option<u32>, test: impl AsyncFn(&Session, &AtomicU64, &DatabaseConnection)) {
    // The second connection is for what is left of the schema.
    let directory = tempfile::tempdir().expect("a directory");
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("rows.db"))
        .create_if_missing(true)
        .synchronous(SqliteSynchronous::Off);
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.expect("a database");
    let rest = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone());
    Migrator::up(&rest, steps).await.expect("a fresh schema");
    let statements = Arc::new(AtomicU64::new(0));
    let link = Link::Sqlite(pool.acquire().await.expect("a connection"));
    test(&Session::new(link, Some(Arc::clone(&statements))), &statements, &rest).await;

    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return };
    let admin = Database::connect(&server).await.expect("the server of TEST_DATABASE_URL");
    let name = format!("consign_rows_{}", uuid::Uuid::now_v7().simple());
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database for one test");
    let (base, _) = server.rsplit_once('/').expect("a url with a database");
    let url = format!("{base}/{name}");
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await.expect("the new database");
    let rest = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
    Migrator::up(&rest, steps).await.expect("a fresh schema");
    let link = Link::Postgres(pool.acquire().await.expect("a connection"));
    test(&Session::new(link, Some(Arc::clone(&statements))), &statements, &rest).await;

    admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("no further use");
}

const AT: Timestamp = Timestamp::from_unix_micros(1_800_000_000_123_456);

fn later(seconds: u64) -> Timestamp {
    AT.plus(std::time::Duration::from_secs(seconds))
}

fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a legal code")
}

fn euro(minor: i64) -> Money {
    code::<Currency>("EUR").of(minor)
}

fn new<T>(after: &T) -> [Saved<'_, T>; 1] {
    [Saved { before: None, after }]
}

fn changed<'a, T>(before: &'a T, after: &'a T) -> [Saved<'a, T>; 1] {
    [Saved { before: Some(before), after }]
}

fn level(sku: &str) -> StockLevel {
    StockLevel {
        sku: code(sku),
        location: code("KUL-1"),
        version: 1,
        on_hand: 100,
        reserved: 7,
        damaged: 2,
        quality_hold: 1,
        safety_stock: 5,
        reorder_point: Some(20),
        reorder_up_to: Some(80),
        updated_at: AT,
    }
}

fn product(sku: &str) -> Product {
    Product {
        sku: code(sku),
        version: 1,
        name: format!("Product {sku} ½"),
        tax_category: "STANDARD".to_owned(),
        unit_price: Some(euro(1_000)),
        weight_grams: 250,
        created_at: AT,
    }
}

fn location() -> Location {
    Location {
        code: code("KUL-1"),
        version: 1,
        name: "Kuala Lumpur".to_owned(),
        region: code("MALAYSIA"),
        country: "MY".to_owned(),
        priority: 10,
        created_at: AT,
    }
}

fn courier() -> Courier {
    let rate = |service, base_minor| Rate {
        region: code("MALAYSIA"),
        service,
        currency: code("EUR"),
        base_minor,
        per_kg_minor: 50,
        transit_days: 2,
        weight_max_grams: 30_000,
    };
    Courier {
        code: code("PIGEON"),
        version: 1,
        name: "Pigeon Post".to_owned(),
        cutoff_minutes: 960,
        utc_offset_minutes: 480,
        pickup_weekdays: vec![1, 2, 3, 4, 5],
        rates: vec![rate(ServiceLevel::Standard, 500), rate(ServiceLevel::Express, 900)],
        created_at: AT,
    }
}

/// What orders refer to.
pub(in crate::store) async fn stocked(db: &Session) {
    let products = [product("A-1"), product("B-2")];
    let levels = [level("A-1"), level("B-2")];
    write(db, |it| save_products(it, &products.each_ref().map(|after| Saved { before: None, after })))
        .await
        .expect("products");
    write(db, |it| save_locations(it, &new(&location()))).await.expect("a location");
    write(db, |it| save_couriers(it, &new(&courier()))).await.expect("a courier");
    write(db, |it| save_levels(it, &levels.each_ref().map(|after| Saved { before: None, after })))
        .await
        .expect("levels");
}

/// An order with every part filled, as no order ever is.
pub(in crate::store) fn full(number: i64) -> Order {
    let mut ids = Ids::seeded(AT, u64::try_from(number).expect("a positive number"));
    let (id, invoice, payment, shipment) = (ids.fresh(), ids.fresh(), ids.fresh(), ids.fresh());
    let ann: Actor = code("ann@example.com");

    let amounts = LineAmounts {
        gross_minor: 3_000,
        discount_minor: 300,
        discount_share_minor: 100,
        tax_rate_ppm: 100_000,
        tax_minor: 260,
        total_minor: 2_860,
    };
    let line = |number, sku: &str, discount| OrderLine {
        number,
        sku: code(sku),
        description: format!("{sku} 'quoted' 日本"),
        tax_category: "STANDARD".to_owned(),
        quantity: 3,
        unit_price_minor: 1_000,
        discount,
        amounts,
        weight_grams: 250,
    };
    let totals = Amounts {
        currency: code("EUR"),
        prices_include_tax: false,
        subtotal_minor: 6_000,
        discount_minor: 800,
        shipping_minor: 500,
        shipping_tax_minor: 50,
        tax_minor: 570,
        total_minor: 6_270,
    };
    let address = |recipient: &str| Address {
        recipient: recipient.to_owned(),
        organization: "ACME".to_owned(),
        lines: vec!["1 Main Street".to_owned(), String::new(), "Flat 2".to_owned()],
        city: "Kuala Lumpur".to_owned(),
        area: "WP".to_owned(),
        postal_code: "50000".to_owned(),
        country: "MY".to_owned(),
    };
    let item = |number, sku: &str| ReservedItem {
        number,
        line: number,
        sku: code(sku),
        location: code("KUL-1"),
        quantity: 3,
        consumed: 1,
        released: 1,
    };
    let reservation = |own: ReservationId, state, expires_at| Reservation {
        id: own,
        version: 1,
        order: Some(id),
        reference: String::new(),
        state,
        expires_at,
        items: vec![item(1, "A-1"), item(2, "B-2")],
        plan: "nearest".to_owned(),
        created_by: Actor::system(),
        created_at: AT,
    };

    Order {
        id,
        number,
        version: 1,
        last_event: 12,
        state: OrderState::Fulfilling,
        archived_from: None,
        channel: Channel::Phone,
        external_reference: format!("PO-{number}"),
        customer: Customer {
            name: "Ann".to_owned(),
            email: "ann@example.com".to_owned(),
            phone: "+60312345678".to_owned(),
            locale: "en".to_owned(),
        },
        shipping_address: address("Ann"),
        billing_address: Some(address("Bob")),
        region: Some(code("MALAYSIA")),
        lines: vec![
            line(1, "A-1", Some(Discount::Amount(300))),
            line(2, "B-2", Some(Discount::Percent(100_000))),
        ],
        amounts: totals.clone(),
        discount: Some(Discount::Amount(200)),
        discount_code: "WELCOME".to_owned(),
        special_instructions: "ring\ntwice".to_owned(),
        service: ServiceLevel::Express,
        on_shortage: OnShortage::Wait,
        reservation_lifetime_seconds: Some(600),
        requested_by: Some(later(1)),
        promised_by: Some(later(2)),
        risk: Risk::Medium,
        risk_reasons: vec!["new customer".to_owned()],
        checks: vec![Check { rule: Rule::Contact, verdict: Verdict::Failed, detail: "no phone".to_owned() }],
        availability: Some(AvailabilityFound {
            at: AT,
            lines: vec![LineAvailability {
                line: 1,
                sku: code("A-1"),
                wanted: 3,
                available: 2,
                by_location: vec![(code("KUL-1"), 2)],
                shortage: "only 2".to_owned(),
            }],
            earliest_ship_at: Some(later(3)),
            requested_date_feasible: Some(false),
        }),
        fingerprint: format!("print-{number}"),
        holds: vec![
            Hold {
                id: ids.fresh(),
                reason: HoldReason::IncorrectAddress,
                note: "no street".to_owned(),
                state: HoldState::Released,
                placed_by: Actor::system(),
                placed_at: AT,
                released_by: Some(ann.clone()),
                released_at: Some(later(4)),
                release_note: "fixed".to_owned(),
            },
            Hold {
                id: ids.fresh(),
                reason: HoldReason::Other,
                note: "wait".to_owned(),
                state: HoldState::Active,
                placed_by: ann.clone(),
                placed_at: AT,
                released_by: None,
                released_at: None,
                release_note: String::new(),
            },
        ],
        // In the order of time, which is not the order of ids within one millisecond.
        reservations: vec![
            reservation(ids.fresh(), ReservationState::Expired, Some(later(5))),
            reservation(ids.fresh(), ReservationState::Released, None),
            reservation(ids.fresh(), ReservationState::PartiallyConsumed, None),
        ],
        approvals: vec![
            Approval {
                id: ids.fresh(),
                order: id,
                gate: Gate::Reservation,
                state: ApprovalState::Approved,
                amount: euro(6_270),
                policy_version: "1".to_owned(),
                rule: "too much".to_owned(),
                requested_by: Actor::system(),
                requested_at: AT,
                expires_at: Some(later(6)),
                decided_by: Some(ann.clone()),
                decided_at: Some(later(5)),
                comment: "fine".to_owned(),
            },
            Approval {
                id: ids.fresh(),
                order: id,
                gate: Gate::Payment,
                state: ApprovalState::Pending,
                amount: euro(6_270),
                policy_version: "1".to_owned(),
                rule: "too much".to_owned(),
                requested_by: ann.clone(),
                requested_at: AT,
                expires_at: None,
                decided_by: None,
                decided_at: None,
                comment: String::new(),
            },
        ],
        invoices: vec![
            Invoice {
                id: ids.fresh(),
                order: id,
                series: "INV".to_owned(),
                number: number * 2 - 1,
                state: InvoiceState::Void,
                amounts: totals.clone(),
                lines: Vec::new(),
                issued_at: AT,
                settled_at: Some(later(7)),
            },
            Invoice {
                id: invoice,
                order: id,
                series: "INV".to_owned(),
                number: number * 2,
                state: InvoiceState::Open,
                amounts: totals,
                lines: vec![
                    InvoiceLine {
                        line: 1,
                        sku: code("A-1"),
                        description: "A".to_owned(),
                        quantity: 3,
                        unit_price_minor: 1_000,
                        amounts,
                    },
                    InvoiceLine {
                        line: 2,
                        sku: code("B-2"),
                        description: "B".to_owned(),
                        quantity: 3,
                        unit_price_minor: 1_000,
                        amounts,
                    },
                ],
                issued_at: AT,
                settled_at: None,
            },
        ],
        payments: vec![
            Payment {
                id: ids.fresh(),
                order: id,
                invoice,
                method: Method::BankTransfer,
                state: PaymentState::Captured,
                means: Means::ByHand { reference: format!("STATEMENT-{number}"), tendered_minor: Some(300) },
                request: None,
                attempts: 0,
                amount: euro(270),
                captured_minor: 270,
                failure: None,
                created_by: ann.clone(),
                created_at: AT,
                updated_at: later(8),
                refunds: Vec::new(),
            },
            Payment {
                id: payment,
                order: id,
                invoice,
                method: Method::Card,
                state: PaymentState::Pending,
                means: Means::Provider(AtProvider {
                    provider: "simulator".to_owned(),
                    token: "tok_visa".to_owned(),
                    reference: Some(format!("ch_{number}")),
                }),
                request: Some(OpenRequest { ask: Ask::Charge, asked_at: later(9) }),
                attempts: 2,
                amount: euro(6_000),
                captured_minor: 6_000,
                failure: Some("slow".to_owned()),
                created_by: ann.clone(),
                created_at: AT,
                updated_at: later(9),
                refunds: vec![Refund {
                    id: ids.fresh(),
                    payment,
                    state: RefundState::Pending,
                    amount: euro(100),
                    reason: "late".to_owned(),
                    handed_back: Some(HandedBack { method: Method::Cash, reference: "receipt 7".to_owned() }),
                    provider_reference: Some("re_1".to_owned()),
                    failure: None,
                    asked_at: later(10),
                    attempts: 1,
                    created_by: ann.clone(),
                    created_at: later(10),
                    updated_at: later(10),
                }],
            },
        ],
        shipments: vec![full_shipment(id, shipment, number), bare_shipment(id, ids.fresh())],
        messages: vec![
            Message {
                id: ids.fresh(),
                kind: MessageKind::Shipped,
                state: MessageState::Sent,
                key: format!("SHIPPED/{shipment}"),
                shipment: Some(shipment),
                sequence: 1,
                attempts: 2,
                due_at: AT,
                created_at: AT,
                sent_at: Some(later(11)),
                failure: String::new(),
            },
            Message {
                id: ids.fresh(),
                kind: MessageKind::OrderReceived,
                state: MessageState::Queued,
                key: "ORDER_RECEIVED".to_owned(),
                shipment: None,
                sequence: 0,
                attempts: 0,
                due_at: later(1),
                created_at: AT,
                sent_at: None,
                failure: "mailbox full".to_owned(),
            },
        ],
        feedback: Some(Feedback {
            state: FeedbackState::Submitted,
            delivery_rating: 4,
            product_rating: 5,
            comment: "good".to_owned(),
            requested_at: AT,
            submitted_at: Some(later(12)),
            discount_code: "NEXT5".to_owned(),
            discount_ppm: 50_000,
        }),
        cancel_reason: "none".to_owned(),
        created_by: ann,
        created_at: AT,
        updated_at: later(13),
        delivered_at: Some(later(14)),
        closed_at: Some(later(15)),
        archived_at: None,
    }
}

fn full_shipment(order: OrderId, id: ShipmentId, number: i64) -> Shipment {
    let ann: Actor = code("ann@example.com");
    let item = |line, sku: &str| ShipmentItem {
        line,
        sku: code(sku),
        description: sku.to_owned(),
        quantity: 3,
        picked: 3,
        checked: 3,
        packed: 2,
        weight_grams: 250,
    };
    let package = |number, contents: &[i32]| Package {
        number,
        weight_grams: 600,
        length_mm: 300,
        width_mm: 200,
        height_mm: 100,
        contents: contents.iter().map(|line| PackedItem { line: *line, quantity: 1 }).collect(),
    };
    let event = |sequence, status| TrackingEvent {
        sequence,
        status,
        incident: "WEATHER_STORM".to_owned(),
        place: "Penang".to_owned(),
        occurred_at: AT,
        recorded_at: later(1),
        estimated_at: Some(later(2)),
        source: code("pigeon"),
        raw_code: "X1".to_owned(),
        description: "delayed by a storm".to_owned(),
        key: format!("key-{sequence}"),
    };
    Shipment {
        id,
        order,
        number: 1,
        version: 9,
        location: code("KUL-1"),
        state: ShipmentState::InTransit,
        items: vec![item(2, "B-2"), item(1, "A-1")],
        packages: vec![package(1, &[2, 1]), package(2, &[1])],
        label: Some(Label {
            tracking_number: format!("CSG{number:09}"),
            text: "to Ann".to_owned(),
            zpl: "^XA^XZ".to_owned(),
            created_at: AT,
            created_by: ann.clone(),
        }),
        assignment: Some(Assignment {
            courier: code("PIGEON"),
            service: ServiceLevel::Express,
            price: euro(900),
            pickup_at: later(3),
            delivery_at: later(4),
            reason: "the only one".to_owned(),
            assigned_by: ann.clone(),
            assigned_at: AT,
        }),
        handover: Some(Handover {
            at: later(3),
            driver: "Dan".to_owned(),
            packages: 2,
            confirmed_by: ann.clone(),
        }),
        tracking: vec![event(1, TrackingStatus::PickedUp), event(2, TrackingStatus::Delayed)],
        proof: Some(Proof {
            received_by: "Ann".to_owned(),
            place: "door".to_owned(),
            signature_sha256: "ab".to_owned(),
            photo_sha256: String::new(),
            at: later(5),
            recorded_by: ann,
        }),
        promised_by: Some(later(6)),
        estimated_at: Some(later(7)),
        created_at: AT,
        updated_at: later(8),
    }
}

fn bare_shipment(order: OrderId, id: ShipmentId) -> Shipment {
    Shipment {
        id,
        order,
        number: 2,
        version: 1,
        location: code("KUL-1"),
        state: ShipmentState::Planned,
        items: Vec::new(),
        packages: Vec::new(),
        label: None,
        assignment: None,
        handover: None,
        tracking: Vec::new(),
        proof: None,
        promised_by: None,
        estimated_at: None,
        created_at: AT,
        updated_at: AT,
    }
}

/// An order that has just been received: nothing is filled that need not be.
fn bare(number: i64) -> Order {
    Order {
        billing_address: None,
        region: None,
        lines: Vec::new(),
        state: OrderState::Received,
        discount: None,
        reservation_lifetime_seconds: None,
        requested_by: None,
        promised_by: None,
        risk_reasons: Vec::new(),
        checks: Vec::new(),
        availability: None,
        external_reference: String::new(),
        holds: Vec::new(),
        reservations: Vec::new(),
        approvals: Vec::new(),
        invoices: Vec::new(),
        payments: Vec::new(),
        shipments: Vec::new(),
        messages: Vec::new(),
        feedback: None,
        delivered_at: None,
        closed_at: None,
        ..full(number)
    }
}

fn waiting_for(number: i64, quantities: &[(&str, i64)]) -> Order {
    let lines = (1..).zip(quantities).map(|(line, (sku, quantity))| OrderLine {
        number: line,
        sku: code(sku),
        quantity: *quantity,
        ..full(number).lines.remove(0)
    });
    Order {
        state: OrderState::AwaitingStock,
        region: Some(code("MALAYSIA")),
        lines: lines.collect(),
        ..bare(number)
    }
}

/// The next version of an order, with something done to it.
fn then(order: &Order, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order.clone();
    order.version += 1;
    change(&mut order);
    order
}

async fn only_order(db: &Session, id: OrderId) -> Order {
    let mut orders = load_orders(db, &[id, id]).await.expect("readable rows");
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

fn id_of_nobody() -> OrderId {
    Ids::seeded(AT, 99).fresh()
}

async fn count(db: &Session, table: &str) -> i64 {
    let statement = Statement::from_string(db.backend(), format!("SELECT count(*) FROM {table}"));
    let row = db.query_one_raw(statement).await.expect("a count").expect("one row");
    row.try_get_by_index(0).expect("a number")
}

/// A CHECK or a foreign key says what it is; a unique key may as well be a race that was lost.
/// What collecting writes gives.
pub(in crate::store) trait Collected {
    fn result(self) -> Result<(), StoreError>;
}

impl Collected for () {
    fn result(self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Collected for Result<(), StoreError> {
    fn result(self) -> Result<(), StoreError> {
        self
    }
}

pub(in crate::store) async fn write<R: Collected>(
    db: &Session,
    collect: impl FnOnce(&mut Writes) -> R,
) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    collect(&mut writes).result()?;
    writes.send(db).await
}

fn is_broken(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Internal(_) | StoreError::LostRace))
}

#[tokio::test]
async fn an_order_with_every_part_reads_back_as_it_was_saved() {
    on_both(async |db| {
        stocked(db).await;
        let (order, plain) = (full(1), bare(2));

        let saved = [Saved { before: None, after: &order }, Saved { before: None, after: &plain }];
        write(db, |it| save_orders(it, &saved)).await.expect("two new orders");

        assert_eq!(only_order(db, order.id).await, order);
        assert_eq!(only_order(db, plain.id).await, plain);
        let mut ids = [order.id, plain.id];
        ids.sort();
        let both = load_orders(db, &ids).await.expect("both");
        assert_eq!(both.iter().map(|it| it.id).collect::<Vec<_>>(), ids);
        assert_eq!(count(db, "invoice_numbers").await, 2);
        assert_eq!(count(db, "payment_references").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_changed_order_reads_back_with_what_was_added_changed_and_removed() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a new order");

        let mut ids = Ids::seeded(later(1), 1);
        let next = then(&order, |it| {
            it.state = OrderState::PartiallyShipped;
            it.discount = Some(Discount::Percent(50_000));
            it.shipping_address.lines.clear();
            it.lines.remove(0);
            it.lines[0].quantity = 5;
            it.holds.remove(0);
            // The open one closes, and another one opens, in one statement.
            it.reservations[2].state = ReservationState::Released;
            it.reservations[2].items[0].released = 2;
            it.reservations.push(Reservation {
                id: ids.fresh(),
                state: ReservationState::Held,
                expires_at: Some(later(99)),
                ..it.reservations[2].clone()
            });
            it.reservations.rotate_right(1);
            it.approvals[1].state = ApprovalState::Withdrawn;
            let pending = Approval { id: ids.fresh(), ..order.approvals[1].clone() };
            it.approvals.insert(0, pending);
            it.invoices[1].state = InvoiceState::Void;
            it.invoices[1].settled_at = Some(later(20));
            let standing = Invoice { id: ids.fresh(), number: 3, ..order.invoices[1].clone() };
            it.invoices.insert(0, standing);
            it.payments[1].request = None;
            it.payments[0].request = Some(OpenRequest { ask: Ask::Void, asked_at: later(21) });
            it.payments[1].refunds[0].state = RefundState::Succeeded;
            let another = Refund { id: ids.fresh(), ..order.payments[1].refunds[0].clone() };
            it.payments[1].refunds.push(another);
            it.shipments[0].packages.remove(0);
            it.shipments[0].packages[0].contents[0].quantity = 2;
            it.shipments[0].items[0].picked = 3;
            it.shipments[0].items.remove(1);
            it.shipments[0].label = None;
            it.shipments[0].proof = None;
            let seen = TrackingEvent {
                sequence: 3,
                key: "key-3".to_owned(),
                ..order.shipments[0].tracking[1].clone()
            };
            it.shipments[0].tracking.push(seen);
            it.shipments[1].label =
                order.shipments[0].label.clone().map(|it| Label { text: "again".to_owned(), ..it });
            it.messages[1].state = MessageState::Suppressed;
            it.feedback = None;
        });
        write(db, |it| save_orders(it, &changed(&order, &next))).await.expect("a changed order");

        assert_eq!(only_order(db, order.id).await, next);
        assert_eq!(count(db, "invoice_numbers").await, 3);
        assert_eq!(count(db, "payment_references").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_there_may_point_to_what_is_new() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a new order");

        let dove = Courier { code: code("DOVE"), ..courier() };
        let next = then(&order, |it| {
            it.shipments[0].assignment.as_mut().expect("a courier").courier = dove.code.clone();
        });
        let both = |it: &mut Writes| {
            save_couriers(it, &new(&dove));
            save_orders(it, &changed(&order, &next))
        };
        write(db, both).await.expect("a courier, and a shipment that it carries");
        assert_eq!(only_order(db, order.id).await, next);
    })
    .await;
}

#[tokio::test]
async fn an_order_of_a_stale_version_is_a_lost_race_and_several_steps_at_once_are_not() {
    on_both(async |db| {
        stocked(db).await;
        let (order, other) = (bare(1), bare(2));
        let both = [Saved { before: None, after: &order }, Saved { before: None, after: &other }];
        write(db, |it| save_orders(it, &both)).await.expect("new orders");

        let third = then(&then(&order, |_| ()), |it| it.last_event = 20);
        let second = then(&other, |it| it.last_event = 19);
        let both =
            [Saved { before: Some(&order), after: &third }, Saved { before: Some(&other), after: &second }];
        write(db, |it| save_orders(it, &both)).await.expect("one step of one and two steps of the other");
        assert_eq!(only_order(db, order.id).await, third);

        let lost = write(db, |it| save_orders(it, &both)).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
        let lost = write(db, |it| save_orders(it, &new(&order))).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    })
    .await;
}

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
async fn reservations_of_other_callers_read_back_and_are_found_when_overdue() {
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
        let none = Overdue::default();
        assert_eq!(overdue(db, &[code("A-1")], &[], later(4)).await.expect("nobody"), none);
        assert_eq!(overdue(db, &[code("NONE")], &[], later(9)).await.expect("nobody"), none);
        let both = Overdue { orders: vec![order.id], others: vec![mine.id], more: false };
        let found = overdue(db, &[code("A-1"), code("B-2")], &[], later(10)).await.expect("both");
        assert_eq!(found, both);
        let found = overdue(db, &[], &[order.id], later(10)).await.expect("those of its lines");
        assert_eq!(found, both);
        assert_eq!(overdue(db, &[], &[id_of_nobody()], later(10)).await.expect("nobody"), none);

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
async fn an_archived_order_leaves_the_tables_of_the_day_as_one_document() {
    on_both(async |db| {
        stocked(db).await;
        let order = then(&full(1), |it| it.state = OrderState::Closed);
        write(db, |it| save_orders(it, &new(&order))).await.expect("a closed order");
        let job = JobId(order.id.0);
        write(db, |it| save_jobs(it, &Jobs::from([(job, (JobKind::Order, Some(AT)))])))
            .await
            .expect("its job");
        let archived = then(&order, |it| {
            it.state = OrderState::Archived;
            it.archived_from = Some(OrderState::Closed);
            it.archived_at = Some(later(30));
        });

        write(db, |it| save_orders(it, &changed(&order, &archived))).await.expect("archived");
        assert_eq!(
            load_archived(db, &[order.id]).await.expect("a document"),
            std::slice::from_ref(&archived)
        );
        assert_eq!(load_orders(db, &[order.id]).await.expect("nothing"), []);
        for table in [
            "orders",
            "order_lines",
            "holds",
            "reservations",
            "reservation_items",
            "approvals",
            "invoices",
            "invoice_lines",
            "payments",
            "refunds",
            "shipments",
            "shipment_items",
            "packages",
            "package_items",
            "tracking_events",
            "messages",
            "feedback",
            "order_waits",
            "jobs",
        ] {
            assert_eq!(count(db, table).await, 0, "{table}");
        }
        assert_eq!(count(db, "invoice_numbers").await, 2);

        let asked = [(Channel::Phone, "PO-1".to_owned()), (Channel::Online, "PO-1".to_owned())];
        let taken = external_references(db.backend(), &asked).alone(db).await.expect("references");
        assert_eq!(taken, [(Channel::Phone, "PO-1".to_owned())]);
        let asked = [" Statement-1", "STATEMENT-2"].map(bank_reference_key);
        let recorded = bank_references(db.backend(), &asked).alone(db).await.expect("references");
        assert_eq!(recorded, ["statement-1".to_owned()]);

        let lost = write(db, |it| save_orders(it, &changed(&order, &archived))).await;
        assert!(matches!(lost, Err(StoreError::LostRace)), "{lost:?}");
    })
    .await;
}

#[tokio::test]
async fn what_waiting_orders_want_is_counted_while_they_wait_and_first_come_is_before() {
    on_both(async |db| {
        stocked(db).await;
        let first = waiting_for(1, &[("A-1", 4), ("B-2", 1), ("A-1", 2)]);
        let second = waiting_for(2, &[("A-1", 10)]);
        let elsewhere = Order { region: Some(code("EUROPE")), ..waiting_for(3, &[("A-1", 100)]) };
        let all = [&first, &second, &elsewhere].map(|after| Saved { before: None, after });
        write(db, |it| save_orders(it, &all)).await.expect("waiting orders");

        let (a, b): (Sku, Sku) = (code("A-1"), code("B-2"));
        let (malaysia, europe): (RegionCode, RegionCode) = (code("MALAYSIA"), code("EUROPE"));
        let wanted = awaited(db.backend(), &[a.clone(), b.clone()])
            .alone(db)
            .await
            .expect("sums")
            .into_iter()
            .collect::<HashMap<_, _>>();
        let expected =
            [((malaysia.clone(), a.clone()), 16), ((malaysia.clone(), b), 1), ((europe, a.clone()), 100)];
        assert_eq!(wanted, HashMap::from(expected));
        let ids = [first.id, second.id, elsewhere.id];
        let before = awaited_before(db, &ids, std::slice::from_ref(&a)).await.expect("sums");
        assert_eq!(before, HashMap::from([((second.id, a.clone()), 6)]));

        let fewer = then(&first, |it| it.lines.truncate(1));
        write(db, |it| save_orders(it, &changed(&first, &fewer))).await.expect("fewer");
        let reserved = then(&second, |it| it.state = OrderState::Reserved);
        write(db, |it| save_orders(it, &changed(&second, &reserved))).await.expect("served");
        let wanted = awaited(db.backend(), &[a.clone(), code("B-2")])
            .alone(db)
            .await
            .expect("sums")
            .into_iter()
            .collect::<HashMap<_, _>>();
        assert_eq!(wanted.get(&(malaysia, a)), Some(&4));
        assert_eq!(wanted.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn fingerprints_give_the_youngest_order() {
    on_both(async |db| {
        let print = "same".to_owned();
        let old = Order { fingerprint: print.clone(), ..bare(1) };
        let young = Order { fingerprint: print.clone(), created_at: later(60), ..bare(2) };
        let both = [&old, &young].map(|after| Saved { before: None, after });
        write(db, |it| save_orders(it, &both)).await.expect("two orders");

        let youngest = async |prints: &[String], except: &[OrderId]| {
            fingerprints(db.backend(), prints, except).alone(db).await.expect("instants")
        };
        let mut seen = youngest(&[print.clone(), "other".to_owned()], &[]).await;
        seen.sort();
        assert_eq!(seen, [("other".to_owned(), None), (print.clone(), Some(later(60)))]);
        let but_for = youngest(std::slice::from_ref(&print), &[young.id]).await;
        assert_eq!(but_for, [(print, Some(old.created_at))]);
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

fn recorded(sequence: i64, transition: Option<Transition>) -> Event {
    Event {
        order: Ids::seeded(AT, 1).fresh(),
        sequence,
        at: AT,
        actor: Actor::system(),
        kind: EventKind::OrderReceived,
        transition,
        text: "received".to_owned(),
    }
}

pub(in crate::store) fn movement() -> Movement {
    let mut ids = Ids::seeded(AT, 1);
    Movement {
        id: ids.fresh(),
        sku: code("A-1"),
        location: code("KUL-1"),
        kind: MovementKind::Reserve,
        on_hand: 0,
        reserved: 3,
        damaged: 0,
        quality_hold: 0,
        reservation: Some(ids.fresh()),
        order: Some(ids.fresh()),
        shipment: None,
        reason: "order".to_owned(),
        actor: code("ann"),
        at: AT,
    }
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
async fn an_issued_invoice_changes_its_state_and_nothing_else() {
    on_both(async |db| {
        stocked(db).await;
        write(db, |it| save_orders(it, &new(&full(1)))).await.expect("an order");

        for statement in [
            "UPDATE invoices SET total_minor = total_minor + 1, shipping_minor = shipping_minor + 1",
            "UPDATE invoice_lines SET quantity = quantity + 1",
            "UPDATE invoice_numbers SET number = number + 1",
            "DELETE FROM invoice_numbers",
            "DELETE FROM payment_references",
        ] {
            let refused = db.execute_unprepared(statement).await.expect_err(statement).to_string();
            assert!(refused.contains("is never changed"), "{refused}");
        }
        db.execute_unprepared("UPDATE invoices SET state = 'PAID' WHERE state = 'OPEN'").await.expect("paid");
    })
    .await;
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_carried_over() {
    migrated(Some(1), async |db, _, rest| {
        stocked(db).await;
        let mut order = full(1);
        let mut refund = order.payments[1].refunds.remove(0);
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order of that day");
        // Refunds of that day had neither method nor reference.
        let backend = db.backend();
        let sql = "INSERT INTO refunds (id, payment_id, place, state, amount_minor, currency, reason, provider_reference, \
            failure, asked_at, attempts, created_by, created_at, updated_at) \
            VALUES ($1, $2, 0, 'PENDING', 100, 'EUR', 'late', 're_1', '', $3, 1, $4, $3, $3)";
        let values: Vec<Value> = vec![
            refund.id.0.into(),
            refund.payment.0.into(),
            refund.asked_at.unix_micros().into(),
            refund.created_by.as_str().into(),
        ];
        db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.expect("a refund");

        Migrator::up(rest, None).await.expect("the schema of today");

        refund.handed_back = None;
        order.payments[1].refunds.push(refund);
        assert_eq!(only_order(db, order.id).await, order);
        let told = then(&order, |it| {
            it.messages[1].kind = MessageKind::LocationChanged;
            it.payments[1].refunds[0].state = RefundState::Succeeded;
            it.payments[1].refunds[0].handed_back =
                Some(HandedBack { method: Method::BankTransfer, reference: "RF18".to_owned() });
        });
        write(db, |it| save_orders(it, &changed(&order, &told))).await.expect("what is new");
        assert_eq!(only_order(db, order.id).await, told);

        let twice = then(&told, |it| it.messages[1].key = it.messages[0].key.clone());
        db.execute_unprepared("BEGIN").await.expect("a transaction");
        let refused = write(db, |it| save_orders(it, &changed(&told, &twice))).await;
        db.execute_unprepared("ROLLBACK").await.expect("the end of it");
        assert!(is_broken(&refused), "one message per key as before: {refused:?}");
        let unknown = "UPDATE messages SET kind = 'GOSSIP'";
        assert!(db.execute_unprepared(unknown).await.is_err(), "other words are refused as before");

        db.execute_unprepared("DELETE FROM payments").await.expect("they hold on to invoices");
        db.execute_unprepared("DELETE FROM orders").await.expect("no order any more");
        assert_eq!(count(db, "messages").await, 0, "they leave with their order as before");
    })
    .await;
}

#[tokio::test]
async fn what_breaks_a_law_is_refused_by_the_schema() {
    on_both(async |db| {
        stocked(db).await;
        let order = full(1);
        write(db, |it| save_orders(it, &new(&order))).await.expect("an order");
        type Change = (&'static str, fn(&mut Order));
        let changes: [Change; 9] = [
            ("more released than reserved", |it| it.reservations[2].items[0].released = 3),
            ("two open reservations", |it| it.reservations[1].state = ReservationState::Confirmed),
            ("more captured than asked for", |it| it.payments[1].captured_minor = 6_001),
            ("two calls out", |it| {
                it.payments[0].request = Some(OpenRequest { ask: Ask::Void, asked_at: AT });
            }),
            ("a refund of nothing", |it| it.payments[1].refunds[0].amount = euro(0)),
            ("more packed than checked", |it| it.shipments[0].items[0].checked = 1),
            ("decided by the one who asked", |it| it.approvals[0].decided_by = Some(Actor::system())),
            ("the same message twice", |it| it.messages[1].key = it.messages[0].key.clone()),
            ("six stars", |it| it.feedback.iter_mut().for_each(|it| it.delivery_rating = 6)),
        ];
        // In one transaction each, as the writer does: a refused group leaves nothing behind.
        for (what, change) in changes {
            let next = then(&order, change);
            db.execute_unprepared("BEGIN").await.expect("a transaction");
            let refused = write(db, |it| save_orders(it, &changed(&order, &next))).await;
            db.execute_unprepared("ROLLBACK").await.expect("the end of it");
            assert!(is_broken(&refused), "{what}: {refused:?}");
        }

        let same_reference = Order { external_reference: "PO-1".to_owned(), ..bare(2) };
        assert!(is_broken(&write(db, |it| save_orders(it, &new(&same_reference))).await));
        let same_number = Order { id: Ids::seeded(AT, 9).fresh(), ..bare(1) };
        assert!(is_broken(&write(db, |it| save_orders(it, &new(&same_number))).await));
        let before = level("A-1");
        for (reserved, on_hand) in [(98, 100), (-1, 100), (0, -1)] {
            let after = StockLevel { reserved, on_hand, version: 2, ..before.clone() };
            assert!(is_broken(&write(db, |it| save_levels(it, &changed(&before, &after))).await));
        }
        assert!(is_broken(&write(db, |it| save_levels(it, &new(&level("UNKNOWN")))).await));
        assert_eq!(only_order(db, order.id).await, order);
    })
    .await;
}

#[tokio::test]
async fn a_word_that_is_none_is_an_error_that_names_its_type() {
    on_both(async |db| {
        write(db, |it| save_locations(it, &new(&location()))).await.expect("a location");
        db.execute_unprepared("UPDATE locations SET region = 'no region'").await.expect("a bad word");

        let error = locations(db.backend()).alone(db).await.expect_err("unreadable").to_string();
        assert!(error.contains("RegionCode"), "{error}");
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

#[tokio::test]
async fn the_number_of_statements_does_not_depend_on_the_number_of_orders() {
    on_both_counting(async |db, counter| {
        stocked(db).await;
        let sent = || counter.swap(0, Ordering::Relaxed);
        let mut statements = Vec::new();
        for numbers in [1..=1_i64, 2..=65] {
            let orders: Vec<Order> = numbers.map(full).collect();
            let next: Vec<Order> =
                orders.iter().map(|it| then(it, |it| it.messages[1].attempts += 1)).collect();
            sent();

            let saved: Vec<_> = orders.iter().map(|after| Saved { before: None, after }).collect();
            write(db, |it| save_orders(it, &saved)).await.expect("new orders");
            let saving = sent();
            let saved: Vec<_> = orders
                .iter()
                .zip(&next)
                .map(|(before, after)| Saved { before: Some(before), after })
                .collect();
            write(db, |it| save_orders(it, &saved)).await.expect("changed orders");
            let changing = sent();
            let ids: Vec<OrderId> = orders.iter().map(|it| it.id).collect();
            let loaded = load_orders(db, &ids).await.expect("orders");
            assert_eq!(loaded.len(), orders.len());
            statements.push((saving, changing, sent()));
        }

        // Changing a message writes the order and the message; loading reads every table once. PostgreSQL gets what is
        // written together as one, SQLite what is asked together.
        let each = match db.backend() {
            DbBackend::Postgres => (1, 1, 17),
            _ => (12, 2, 1),
        };
        assert_eq!(statements, [each; 2]);
    })
    .await;
}
