//! One of everything, with every field set.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector, Statement,
};

use crate::domain::{
    Actor, Address, Amounts, Approval, ApprovalState, Ask, Assignment, AtProvider, AvailabilityFound,
    Channel, Check, Courier, Currency, Customer, Discount, Event, EventKind, Feedback, FeedbackState, Gate,
    HandedBack, Handover, Hold, HoldReason, HoldState, Ids, Invoice, InvoiceLine, InvoiceState, Label,
    LineAmounts, LineAvailability, Location, Means, Message, MessageKind, MessageState, Method, Money,
    Movement, MovementKind, OnShortage, OpenRequest, Order, OrderId, OrderLine, OrderState, Package,
    PackedItem, Payment, PaymentState, Product, Proof, Rate, Refund, RefundState, Reservation, ReservationId,
    ReservationState, ReservedItem, Risk, Rule, ServiceLevel, Shipment, ShipmentId, ShipmentItem,
    ShipmentState, StockLevel, Timestamp, TrackingEvent, TrackingStatus, Transition, Verdict,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::link::Link;
use crate::store::connection::session::Session;
use crate::store::rows::catalogue::{save_couriers, save_locations, save_products};
use crate::store::rows::order::load_orders;
use crate::store::rows::saved::Saved;
use crate::store::rows::stock::save_levels;
use crate::store::rows::write::Writes;

pub(super) async fn on_both(test: impl AsyncFn(&Session)) {
    on_both_counting(async |db, _| test(db).await).await;
}

pub(super) async fn on_both_counting(test: impl AsyncFn(&Session, &AtomicU64)) {
    migrated(None, async |db, statements, _| test(db, statements).await).await;
}

/// A database with the first `steps` of the schema, or all; the test gets what applies the rest.
pub(super) async fn migrated(
    steps: Option<u32>,
    test: impl AsyncFn(&Session, &AtomicU64, &DatabaseConnection),
) {
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

pub(super) const AT: Timestamp = Timestamp::from_unix_micros(1_800_000_000_123_456);

pub(super) fn later(seconds: u64) -> Timestamp {
    AT.plus(std::time::Duration::from_secs(seconds))
}

pub(super) fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a legal code")
}

pub(super) fn euro(minor: i64) -> Money {
    code::<Currency>("EUR").of(minor)
}

pub(super) fn new<T>(after: &T) -> [Saved<'_, T>; 1] {
    [Saved { before: None, after }]
}

pub(super) fn changed<'a, T>(before: &'a T, after: &'a T) -> [Saved<'a, T>; 1] {
    [Saved { before: Some(before), after }]
}

pub(super) fn level(sku: &str) -> StockLevel {
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

pub(super) fn product(sku: &str) -> Product {
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

pub(super) fn location() -> Location {
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

pub(super) fn courier() -> Courier {
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
pub(super) fn bare(number: i64) -> Order {
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

pub(super) fn waiting_for(number: i64, quantities: &[(&str, i64)]) -> Order {
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
pub(super) fn then(order: &Order, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order.clone();
    order.version += 1;
    change(&mut order);
    order
}

pub(super) async fn only_order(db: &Session, id: OrderId) -> Order {
    let mut orders = load_orders(db, &[id, id]).await.expect("readable rows");
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

pub(super) fn id_of_nobody() -> OrderId {
    Ids::seeded(AT, 99).fresh()
}

pub(super) async fn count(db: &Session, table: &str) -> i64 {
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

pub(super) fn is_broken(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Internal(_) | StoreError::LostRace))
}

pub(super) fn recorded(sequence: i64, transition: Option<Transition>) -> Event {
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
