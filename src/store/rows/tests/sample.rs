//! One of everything, with every field set, and how it is written.

use std::sync::Arc;

use crate::domain::{
    Actor, Block, ChangeSet, Consent, ConsentPurpose, Courier, Currency, Customer, CustomerAccount,
    CustomerId, Day, DeliveryArea, DeliveryZone, Discount, DiscountCode, Event, EventKind, EventSubscription,
    Gives, Handling, Ids, IssuedKey, Location, Message, MessageId, MessageKind, MessageState, Money,
    Movement, MovementKind, Order, OrderId, PostalCodes, Price, Product, ProductKind, Rate,
    RedeemingCustomer, Redemption, Revocation, Seal, ServiceLevel, SigningSecret, Snapshot, StockLevel,
    SubscriptionState, Timestamp, Transition, WorkingCalendar,
};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::connection::statement::Ask;
use crate::store::query::order_cache::OrderCache;
use crate::store::query::whole::load_orders;
use crate::store::rows::statements::Writes;
use crate::store::tests::shop::Scene;
use crate::store::writer::before::{Before, Jobs};

pub(in crate::store) const AT: Timestamp = Timestamp::from_unix_micros(1_800_000_000_123_456);

pub(in crate::store) fn later(seconds: u64) -> Timestamp {
    AT.plus(std::time::Duration::from_secs(seconds))
}

pub(in crate::store) fn code<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a legal code")
}

pub(super) fn euro(minor: i64) -> Money {
    code::<Currency>("EUR").of(minor)
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
        incoming: 6,
        lead_time_days: Some(14),
        declined_at: Some(AT),
        missing: 0,
        lots: Vec::new(),
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
        updated_at: later(1),
        active: true,
        prices: vec![Price { price: euro(1_100), valid_from: Some(later(9)) }],
        gtin: Some(code("4006381333931")),
        handling: Handling { dimensions: None, fragile: true, dangerous: true },
        kind: ProductKind::Goods,
        labels: [("color".to_owned(), "red".to_owned())].into(),
        tracks_lots: true,
        shortest_life_days: 30,
    }
}

pub(super) fn location() -> Location {
    Location {
        code: code("KUL-1"),
        version: 1,
        name: "Kuala Lumpur".to_owned(),
        region: code("MALAYSIA"),
        country: "MY".to_owned(),
        address: None,
        calendar: WorkingCalendar::always(code("Asia/Kuala_Lumpur")),
        priority: 10,
        created_at: AT,
        updated_at: later(2),
        active: true,
        shipments_per_day: Some(40),
    }
}

pub(super) fn courier() -> Courier {
    let euros = code::<Currency>("EUR");
    let rate = |service, base_minor| Rate {
        per_kg_minor: 50,
        weight_max_grams: 30_000,
        ..Rate::flat(code("MALAYSIA"), service, euros.of(base_minor), 2)
    };
    Courier {
        code: code("PIGEON"),
        version: 1,
        name: "Pigeon Post".to_owned(),
        cutoff_minutes: 960,
        time_zone: code("Asia/Kuala_Lumpur"),
        pickup_weekdays: vec![1, 2, 3, 4, 5],
        delivery_weekdays: vec![1, 2, 3, 4, 5, 6],
        holidays: vec![Day::from_number(20_000)],
        zones: vec![DeliveryZone {
            name: "EAST".to_owned(),
            areas: vec![DeliveryArea {
                country: "MY".to_owned(),
                postal_codes: PostalCodes::BeginWith("88".to_owned()),
            }],
        }],
        rates: vec![rate(ServiceLevel::Standard, 500), rate(ServiceLevel::Express, 900)],
        created_at: AT,
        updated_at: later(3),
        active: true,
        takes_dangerous_goods: true,
        shipments_per_day: Some(30),
    }
}

pub(super) fn discount_code() -> DiscountCode {
    DiscountCode {
        code: code("WELCOME"),
        version: 1,
        gives: Gives::Amount(euro(200)),
        starts_at: Some(AT),
        ends_at: Some(later(1_000)),
        minimums: vec![euro(1_000)],
        uses_max: Some(1_000_000),
        uses_per_customer_max: Some(1_000),
        description: "for new customers".to_owned(),
        offered_by: Some(id_of_nobody()),
        created_at: AT,
        updated_at: later(4),
        active: true,
    }
}

pub(in crate::store) fn customer_id() -> CustomerId {
    uuid::Uuid::from_u128(7).into()
}

/// The customer that the full order names.
pub(super) fn account() -> CustomerAccount {
    let contact = Customer {
        name: "Ann Lee".to_owned(),
        email: "Ann@Example.com".to_owned(),
        phone: "+60123456789".to_owned(),
        locale: "en".to_owned(),
        phone_extension: String::new(),
    };
    let block = Block { reason: "does not pay".to_owned(), by: code::<Actor>("ann"), at: later(3) };
    CustomerAccount {
        version: 1,
        external_reference: "C-7".to_owned(),
        blocked: Some(block),
        tax_number: "C 21-909".to_owned(),
        payment_terms_days: Some(14),
        labels: [("color".to_owned(), "red".to_owned())].into(),
        consents: vec![Consent {
            purpose: ConsentPurpose::Offers,
            given_at: Some(AT),
            withdrawn_at: Some(later(2)),
            source: "a call".to_owned(),
        }],
        ..CustomerAccount::new(customer_id(), contact, AT)
    }
}

/// An API key with every field set.
pub(super) fn api_key(number: u128, is_revoked: bool) -> IssuedKey {
    let revoked = Revocation { by: code::<Actor>("ann"), at: later(9), reason: "lost".to_owned() };
    IssuedKey {
        id: uuid::Uuid::from_u128(number).into(),
        version: if is_revoked { 2 } else { 1 },
        principal: code("shop"),
        hash: [u8::try_from(number).expect("a small number"); 32],
        roles: vec!["reader".to_owned(), "storefront".to_owned()],
        names_persons: true,
        note: "the shop in town".to_owned(),
        expires_at: Some(later(3_600)),
        created_by: code("ann"),
        created_at: AT,
        revoked: is_revoked.then_some(revoked),
    }
}

/// A subscription with every field set, as one that is deleted cannot have them.
pub(super) fn event_subscription(number: u128, state: SubscriptionState) -> EventSubscription {
    let is_deleted = state == SubscriptionState::Deleted;
    let secret = |it: &str| (!is_deleted).then(|| SigningSecret::new(it.to_owned()));
    EventSubscription {
        id: uuid::Uuid::from_u128(number).into(),
        version: if is_deleted { 2 } else { 1 },
        url: "https://shop.example.com/events?key=1".to_owned(),
        kinds: vec![EventKind::OrderReceived, EventKind::OrderCancelled],
        description: "the shop in town".to_owned(),
        state,
        reason: if is_deleted { "gone".to_owned() } else { String::new() },
        secret: secret("whsec_new"),
        previous: secret("whsec_old").map(|it| (it, later(3_600))),
        created_by: code("ann"),
        created_at: AT,
        changed_by: code("bob"),
        changed_at: later(9),
    }
}

/// What an order keeps of that code.
pub(super) fn redemption() -> Redemption {
    let DiscountCode { code, uses_max, .. } = discount_code();
    let customer = Some(RedeemingCustomer { key: "5a1d".repeat(16), uses_max: 1_000 });
    let gives = Discount::Amount(200);
    Redemption { code, gives, minimum_minor: 1_000, uses_max, customer, given_back_at: None }
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
        transfer: None,
        reason: "order".to_owned(),
        actor: code("ann"),
        at: AT,
        lot: Some(code("L-7")),
    }
}

pub(in crate::store) fn recorded(order: OrderId, sequence: i64, transition: Option<Transition>) -> Event {
    Event {
        order,
        sequence,
        at: AT,
        actor: Actor::system(),
        kind: EventKind::OrderReceived,
        transition,
        text: "received".to_owned(),
        principal: None,
        seal: Seal::default(),
    }
}

pub(super) fn id_of_nobody() -> OrderId {
    Ids::seeded(AT, 99).fresh()
}

/// The next version of an order, with something done to it.
pub(super) fn then(order: &Order, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order.clone();
    order.version += 1;
    change(&mut order);
    order
}

/// Nothing was there before.
pub(in crate::store) fn nothing() -> ChangeSet {
    ChangeSet::default()
}

pub(in crate::store) fn orders<'a>(all: impl IntoIterator<Item = &'a Order>) -> ChangeSet {
    let orders = all.into_iter().map(|it| (it.id, Arc::new(it.clone()))).collect();
    ChangeSet { orders, ..ChangeSet::default() }
}

pub(super) fn levels<'a>(all: impl IntoIterator<Item = &'a StockLevel>) -> ChangeSet {
    let stock = all.into_iter().map(|it| ((it.sku.clone(), it.location.clone()), it.clone())).collect();
    ChangeSet { stock, ..ChangeSet::default() }
}

/// Writes things that were `before` as they are `after`, as a group of changes does.
pub(in crate::store) async fn save(
    db: &Session,
    before: &ChangeSet,
    after: &ChangeSet,
) -> Result<(), StoreError> {
    save_with_jobs(db, before, after, &Jobs::default()).await
}

pub(in crate::store) async fn save_with_jobs(
    db: &Session,
    before: &ChangeSet,
    after: &ChangeSet,
    jobs: &Jobs,
) -> Result<(), StoreError> {
    save_with_keys(db, before, after, jobs, &ArchiveKeys::default()).await
}

pub(in crate::store) async fn save_with_keys(
    db: &Session,
    before: &ChangeSet,
    after: &ChangeSet,
    jobs: &Jobs,
    keys: &ArchiveKeys,
) -> Result<(), StoreError> {
    let (mut stored, mut snapshot) = (Snapshot::default(), Snapshot::default());
    stored.apply(before);
    snapshot.apply(after);
    let mut replaced = Before::default();
    replaced.remember(&stored, after);
    let mut writes = Writes::default();
    replaced.save(&mut writes, &snapshot, jobs, keys)?;
    write(db, writes.into_asks()).await
}

/// In a transaction of its own: what is refused leaves nothing behind.
pub(in crate::store) async fn write(db: &Session, asks: Vec<Ask>) -> Result<(), StoreError> {
    db.begin(Vec::new()).await.expect("a transaction");
    let written = db.commit(asks, &[]).await;
    if written.is_err() {
        db.rollback().await.expect("the end of it");
    }
    written
}

/// A CHECK or a foreign key says what it is; a unique key may as well be a race that was lost.
pub(super) fn is_broken(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Internal(_) | StoreError::LostRace))
}

/// What orders refer to.
pub(in crate::store) async fn stocked(db: &Session) {
    let products = ["A-1", "B-2"].map(|it| (code(it), Arc::new(product(it)))).into();
    let locations = [(location().code, Arc::new(location()))].into();
    let couriers = [(courier().code, Arc::new(courier()))].into();
    let stock = levels(&[level("A-1"), level("B-2")]).stock;
    let discount_codes = [(discount_code().code, Arc::new(discount_code()))].into();
    let accounts = [(account().id, Arc::new(account()))].into();
    let all =
        ChangeSet { products, locations, couriers, stock, discount_codes, accounts, ..ChangeSet::default() };
    save(db, &nothing(), &all).await.expect("products, a location, a courier, stock, a code, a customer");
}

pub(super) async fn only_order(db: &Session, id: OrderId) -> Order {
    let mut orders = load_orders(db, &OrderCache::new(0), &[id, id]).await.expect("readable documents");
    assert_eq!(orders.len(), 1);
    Arc::unwrap_or_clone(orders.remove(0))
}

pub(super) async fn rows_of(db: &Session, table: &str) -> i64 {
    let row = db.query_one(&format!("SELECT COUNT(*) FROM {table}"), Vec::new()).await.expect("a count");
    row.expect("one row").get(0).expect("a number")
}

/// What differs between documents and tables, as the laws of their agreement have it.
pub(super) async fn disagreements(scene: &Scene) -> Vec<String> {
    let laws = scene.store.check_integrity(None).await.expect("the laws");
    let laws = laws.into_iter().filter(|it| ["D1", "D2"].contains(&it.id));
    laws.flat_map(|it| it.violations).map(|it| it.actual).collect()
}

/// A message that has failed once and waits.
pub(in crate::store) fn queued_message(id: MessageId) -> Message {
    Message {
        id,
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
        text_kept: false,
        suppressed: None,
        failed_at: None,
        resends: 0,
        resent_at: None,
    }
}
