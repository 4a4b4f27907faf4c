//! Sealed orders in the rows of both engines: what stands in the open names nobody, whoever has the key reads on as before, and
//! what somebody does to these rows is found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{
    DataSubject, EraseOrder, OnShortage, Order, OrderId, OrderState, Part, Reason, Refusal, Rules, SealOrder,
    Target, Unsent,
};
use crate::store::archive_keys::ArchiveKeys;
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::query::integrity::LawResult;
use crate::store::query::listing::{Compare, Listing, Term};
use crate::store::rows::document;
use crate::store::tests::shop::{Scene, context, create_order, on_both_engines, on_order, order_for};
use crate::store::writer::change::Codec;
use crate::store::writer::chore::{ChoreResult, Wish};
use crate::store::writer::erasing::ErasingWish;

on_both_engines! {
    a_sealed_order_names_nobody_in_its_rows_and_is_read_found_and_restored_as_before
    two_hundred_edits_deletions_and_swaps_of_sealed_rows_are_all_found
    what_is_edited_or_gone_beside_a_sealed_document_is_all_found
    processes_with_other_keys_read_what_theirs_open_and_say_what_they_do_not
    an_erased_order_has_nothing_sealed_any_more
    what_the_law_keeps_of_an_erased_order_stays_sealed
    another_key_of_the_same_version_opens_nothing_and_lists_go_on
}

const STREET: &str = "Unter den Linden";

/// A process with these versions of the master key; the last is in use.
async fn with_keys(scene: &Scene, versions: &[u32]) -> Store {
    let keys = versions.iter().map(|it| (*it, [it.to_le_bytes()[0]; 32]));
    let rules = Rules { archive_key: versions.last().copied(), ..Rules::default() };
    with_keys_and_rules(scene, ArchiveKeys::new(keys), rules).await
}

async fn with_keys_and_rules(scene: &Scene, keys: ArchiveKeys, rules: Rules) -> Store {
    let mut options = scene.options();
    options.archive_keys = keys;
    options.rules = Arc::new(rules);
    Store::open(options).await.expect("another store")
}

async fn archived(store: &Store) -> Arc<Order> {
    let new = order_for(&[("A-1", 1)], OnShortage::Refuse);
    let (_, id, _) = create_order(store, None, new).await.expect("an order");
    on_order(store, id, |order, unit| order.cancel(unit, "changed my mind")).await;
    let order = read(store, id).await;
    for message in order.messages.iter().map(|it| it.id) {
        on_order(store, id, move |order, unit| {
            order.answer_message(unit, message, Err(Unsent::Refused("no such mailbox".to_owned())))
        })
        .await;
    }
    on_order(store, id, |order, unit| order.archive(unit)).await;
    read(store, id).await
}

async fn read(store: &Store, id: OrderId) -> Arc<Order> {
    store.order(id).await.expect("a look").expect("the order")
}

async fn stored(db: &Session, id: OrderId) -> Vec<u8> {
    let sql = "SELECT document FROM orders WHERE id = $1";
    let row = db.query_one(sql, vec![id.into()]).await.expect("a look").expect("the order");
    row.bytes(0).expect("bytes").to_vec()
}

async fn put(db: &Session, id: OrderId, document: Vec<u8>) {
    let sql = "UPDATE orders SET document = $2 WHERE id = $1";
    assert_eq!(db.execute(sql, vec![id.into(), document.into()]).await.expect("written"), 1);
}

/// The laws that are broken, each with the first row that breaks it.
async fn broken(store: &Store) -> BTreeMap<&'static str, String> {
    let laws = store.check_integrity(None).await.expect("the laws");
    let broken = laws.into_iter().filter(|it| it.broken > 0);
    let first =
        |it: LawResult| (it.id, it.violations.into_iter().next().map(|it| it.actual).unwrap_or_default());
    broken.map(first).collect()
}

async fn found(store: &Store, email: &str) -> Vec<OrderId> {
    let filter = vec![Term::equal("customer_email", email)];
    let listing = Listing { filter, size: 10, ..Listing::default() };
    let (orders, _) = store.list_orders(&listing, true).await.expect("a page");
    orders.iter().map(|it| it.id).collect()
}

async fn a_sealed_order_names_nobody_in_its_rows_and_is_read_found_and_restored_as_before(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let store = with_keys(scene, &[1]).await;
    let plain = archived(&scene.store).await;
    let order = archived(&store).await;
    assert_eq!((plain.sealed, order.sealed), (None, Some(1)));
    assert!(order.shipping_address.lines[0].starts_with(STREET), "whoever decides sees all of it");

    let db = scene.writer().await;
    let sql = "SELECT customer_name, customer_email, customer_phone, fingerprint FROM orders WHERE id = $1";
    let row = db.query_one(sql, vec![order.id.into()]).await.expect("a look").expect("the order");
    let columns: Vec<String> = (0..4).map(|it| row.get(it).expect("a text")).collect();
    assert_eq!((columns[0].as_str(), columns[2].as_str(), columns[3].as_str()), ("", "", ""));
    assert!(columns[1].starts_with("sealed:"), "{columns:?}");
    let bytes = stored(&db, order.id).await;
    let open = format!("{:?}", document::order(&bytes).expect("the open part"));
    for needle in [STREET, "Lovelace", order.customer.email.as_str()] {
        assert!(!open.contains(needle), "{needle} in {open}");
        assert!(!bytes.windows(needle.len()).any(|it| it == needle.as_bytes()), "{needle}");
    }

    // Another process, which has nothing in memory, and the key.
    let other = with_keys(scene, &[1]).await;
    assert_eq!(read(&other, order.id).await, order);
    assert_eq!(other.order_by_number(order.number).await.expect("a look"), Some(Arc::clone(&order)));
    assert_eq!(found(&other, &order.customer.email.to_uppercase()).await, [order.id]);
    assert_eq!(found(&other, &plain.customer.email).await, [plain.id]);
    let others = Term::new("customer_email", Compare::NotEqual, order.customer.email.as_str());
    let listing = Listing { filter: vec![others], size: 10, ..Listing::default() };
    let (others, _) = other.list_orders(&listing, true).await.expect("a page");
    assert_eq!(others.iter().map(|it| it.id).collect::<Vec<_>>(), [plain.id]);
    let filter = vec![Term::equal("customer_email", order.customer.email.as_str())];
    let listing = Listing { filter, size: 100, ..Listing::default() };
    let (events, _) = other.list_events(&listing).await.expect("a page");
    assert!(!events.is_empty() && events.iter().all(|it| it.1.order == order.id), "{events:?}");
    let subject = DataSubject::Email(order.customer.email.clone());
    let person = other.person(&subject).await.expect("a look").expect("a person");
    assert_eq!(person.orders, [order.id]);
    assert_eq!(broken(&other).await, BTreeMap::new());

    // The tables are made anew without any key, and orders come back whole.
    scene.store.rebuild(|_| ()).await.expect("made anew");
    assert_eq!(stored(&db, order.id).await, bytes);
    assert_eq!(broken(&other).await, BTreeMap::new());
    on_order(&other, order.id, |order, unit| order.restore(unit, "asked for again")).await;
    let restored = read(&scene.store, order.id).await;
    assert_eq!((restored.state, restored.sealed), (OrderState::Cancelled, None));
    assert_eq!((&restored.customer, &restored.shipping_address), (&order.customer, &order.shipping_address));
    assert_eq!(found(&scene.store, &order.customer.email).await, [order.id]);
    assert_eq!(broken(&scene.store).await, BTreeMap::new());
    other.close().await;
    store.close().await;
}

async fn two_hundred_edits_deletions_and_swaps_of_sealed_rows_are_all_found(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let store = with_keys(scene, &[1]).await;
    let ids = [archived(&store).await.id, archived(&store).await.id];
    let db = scene.writer().await;
    let documents = [stored(&db, ids[0]).await, stored(&db, ids[1]).await];
    assert_eq!(broken(&store).await, BTreeMap::new());

    let mut chance = fastrand::Rng::with_seed(66);
    for number in 0..200 {
        let at = chance.usize(..2);
        let mut changed = documents[at].clone();
        match number % 4 {
            0 | 1 => {
                let byte = chance.usize(..changed.len());
                changed[byte] ^= 1 << chance.u8(..8);
                put(&db, ids[at], changed).await;
            }
            2 => {
                changed.truncate(chance.usize(..changed.len()));
                put(&db, ids[at], changed).await;
            }
            _ => {
                put(&db, ids[at], documents[1 - at].clone()).await;
                put(&db, ids[1 - at], changed).await;
            }
        }
        match store.check_integrity(None).await {
            Ok(laws) => {
                let law = laws.iter().find(|it| it.id == "P2").expect("the law");
                assert!(law.broken > 0, "number {number}, row {at}");
            }
            // What is no document at all ends the check.
            Err(StoreError::Corrupt { table, .. }) => assert_eq!(table, "orders", "number {number}"),
            Err(other) => panic!("number {number}: {other}"),
        }
        for (id, document) in ids.iter().zip(&documents) {
            put(&db, *id, document.clone()).await;
        }
    }
    assert_eq!(broken(&store).await, BTreeMap::new());

    // Nor may what stands in the open stand for all of it.
    let open = document::order(&documents[0]).expect("the open part");
    put(&db, ids[0], document::encode("orders", &open).expect("bytes")).await;
    assert!(broken(&store).await.contains_key("P2"));
    store.close().await;
}

/// Columns of a sealed order, each as somebody changes it, and changes it back.
const EDITS: [[&str; 2]; 5] = [
    ["customer_email = 'x' || customer_email", "customer_email = substr(customer_email, 2)"],
    ["customer_name = 'Eve'", "customer_name = ''"],
    ["customer_phone = '+4930901820'", "customer_phone = ''"],
    ["total_minor = total_minor + 1", "total_minor = total_minor - 1"],
    ["created_at = created_at - 1", "created_at = created_at + 1"],
];

async fn what_is_edited_or_gone_beside_a_sealed_document_is_all_found(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let store = with_keys(scene, &[1]).await;
    let ids = [archived(&store).await.id, archived(&store).await.id];
    let db = scene.writer().await;
    let tables = ["order_lines", "order_terms"];
    for table in tables {
        let sql = format!("CREATE TABLE {table}_before AS SELECT * FROM {table}");
        db.script(&sql).await.expect("kept aside");
    }
    let change = async |sql: &str, id: OrderId| {
        let changed = db.execute(sql, vec![id.into()]).await.expect("changed");
        assert!(changed > 0, "{sql}");
    };
    assert_eq!(broken(&store).await, BTreeMap::new());

    let mut chance = fastrand::Rng::with_seed(67);
    for number in 0..40 {
        let id = ids[chance.usize(..2)];
        let (there, back) = if number % 2 == 0 {
            let [edit, undo] = EDITS[chance.usize(..EDITS.len())];
            (
                format!("UPDATE orders SET {edit} WHERE id = $1"),
                format!("UPDATE orders SET {undo} WHERE id = $1"),
            )
        } else {
            let table = tables[chance.usize(..2)];
            (
                format!("DELETE FROM {table} WHERE order_id = $1"),
                format!("INSERT INTO {table} SELECT * FROM {table}_before WHERE order_id = $1"),
            )
        };
        change(&there, id).await;
        assert!(broken(&store).await.contains_key("D1"), "number {number}: {there}");
        change(&back, id).await;
    }
    assert_eq!(broken(&store).await, BTreeMap::new());

    // An order that is gone as a whole has left its events.
    change("DELETE FROM orders WHERE id = $1", ids[0]).await;
    assert!(broken(&store).await.contains_key("L1"));
    store.close().await;
}

async fn processes_with_other_keys_read_what_theirs_open_and_say_what_they_do_not(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let (first, both) = (with_keys(scene, &[1]).await, with_keys(scene, &[1, 2]).await);
    let old = archived(&first).await;
    // Ids rise with the time.
    scene.later(Duration::from_secs(1));
    let new = archived(&both).await;
    assert_eq!((old.sealed, new.sealed), (Some(1), Some(2)));
    assert_eq!((read(&both, old.id).await, read(&both, new.id).await), (Arc::clone(&old), Arc::clone(&new)));
    for order in [&old, &new] {
        assert_eq!(found(&both, &order.customer.email).await, [order.id]);
    }

    let is_missing = |it: &Result<Option<Arc<Order>>, StoreError>| {
        matches!(it, Err(StoreError::Refused(Refusal::Unmet { reason: Reason::ArchiveKeyMissing, .. })))
    };
    let closed = first.order(new.id).await;
    assert!(is_missing(&closed), "{closed:?}");
    assert!(first.orders(&[old.id, new.id]).await.is_err(), "nor the other with it");
    let read_each = first.orders_or_closed(&[old.id, new.id]).await.expect("a look");
    assert_eq!(read_each[&old.id].as_ref().ok(), Some(&old));
    let open = &read_each[&new.id].as_ref().expect_err("its key is not here").open;
    assert_eq!((open.number, open.customer.name.as_str()), (new.number, ""));
    // Nor does it say that it has found all of a person.
    let subject = DataSubject::Email(new.customer.email.clone());
    let missed = first.person(&subject).await.expect_err("an order of theirs may be among those");
    assert!(missed.to_string().contains("version 2 of the master key"), "{missed}");
    let person = both.person(&subject).await.expect("a look").expect("a person");
    assert_eq!(person.orders, [new.id]);
    let refused = seal(&first, new.id).await;
    assert!(
        matches!(
            &refused,
            Err(StoreError::Refused(Refusal::Unmet { reason: Reason::ArchiveKeyMissing, .. }))
        ),
        "{refused:?}"
    );
    let listing = Listing { size: 10, ..Listing::default() };
    let (orders, _) = first.list_orders(&listing, true).await.expect("a list goes on");
    let shown = orders.iter().find(|it| it.id == new.id).expect("what stands in the open");
    assert_eq!((shown.number, shown.customer.name.as_str()), (new.number, ""));
    assert_eq!(shown.customer.email, "", "nor what it is found by");
    let laws = broken(&first).await;
    assert_eq!(laws.keys().copied().collect::<Vec<_>>(), ["P2"]);
    assert!(laws["P2"].starts_with("not looked into"), "{laws:?}");
    assert_eq!(broken(&both).await, BTreeMap::new());

    // The first key is replaced, and needed no more.
    let of_both = both.archived_and_sealed(2, None).await.expect("a look");
    assert_eq!(of_both, [(old.id, false), (new.id, true)]);
    assert_eq!(both.archived_and_sealed(2, Some(old.id)).await.expect("a look"), [(new.id, true)]);
    seal(&both, old.id).await.expect("sealed anew");
    assert_eq!(both.archived_and_sealed(2, None).await.expect("a look")[0], (old.id, true));
    assert_eq!(read(&both, old.id).await.sealed, Some(2));
    let second = with_keys(scene, &[2]).await;
    assert_eq!(read(&second, old.id).await.customer, old.customer);
    assert_eq!(found(&second, &old.customer.email).await, [old.id]);
    assert_eq!(broken(&second).await, BTreeMap::new());
    for store in [first, both, second] {
        store.close().await;
    }
}

async fn another_key_of_the_same_version_opens_nothing_and_lists_go_on(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let first = with_keys(scene, &[1]).await;
    let order = archived(&first).await;
    let rules = Rules { archive_key: Some(1), ..Rules::default() };
    let other = with_keys_and_rules(scene, ArchiveKeys::new([(1, [7; 32])]), rules).await;

    let refused = other.order(order.id).await.expect_err("it is another key");
    let StoreError::Refused(Refusal::Unmet { reason, message, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(*reason, Reason::ArchiveKeyMissing);
    assert!(message.contains("the key of version 1 does not open"), "{message}");
    assert!(seal(&other, order.id).await.is_err(), "nor does it seal it anew");
    let listing = Listing { size: 10, ..Listing::default() };
    let (orders, _) = other.list_orders(&listing, true).await.expect("a list goes on");
    assert_eq!(orders.iter().map(|it| it.number).collect::<Vec<_>>(), [order.number]);
    assert_eq!(orders[0].customer.email, "");
    assert!(broken(&other).await["P2"].contains("the seal"), "the check says so");
    assert_eq!(read(&first, order.id).await, order);
    for store in [first, other] {
        store.close().await;
    }
}

async fn seal(store: &Store, id: OrderId) -> Result<(), StoreError> {
    let command = SealOrder { target: Target::latest(Part::Order(id)) };
    store.change(context(None), command, |_, _| (), Codec::unkept()).await.map(|_| ())
}

async fn an_erased_order_has_nothing_sealed_any_more(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    // The law keeps no invoice.
    let rules = Rules { archive_key: Some(1), keep_invoices_years: 0, ..Rules::default() };
    let store = with_keys_and_rules(scene, ArchiveKeys::new([(1, [1; 32])]), rules).await;
    let order = archived(&store).await;
    // What was written before it was sealed is overwritten, and the log is emptied.
    let emptied = store.run_chore(Wish::Erasing(ErasingWish::EmptyLog)).await.expect("a try");
    assert!(matches!(emptied, ChoreResult::Rows(1)), "nobody reads");
    assert_eq!(in_files(scene, &[STREET, &order.customer.email]), [""; 0]);

    let erase = EraseOrder { target: Target::latest(Part::Order(order.id)) };
    store.change(context(None), erase, |_, _| (), Codec::unkept()).await.expect("it is over");
    store.erase_traces(None, |_| Box::pin(async { Ok(()) })).await.expect("erased");
    let db = scene.writer().await;
    assert!(!document::is_sealed(&stored(&db, order.id).await));
    let erased = read(&scene.store, order.id).await;
    assert!(erased.erased.is_some() && erased.sealed.is_none(), "nobody needs a key for it");
    let left = store.archived_and_sealed(1, None).await.expect("a look");
    assert_eq!(left, [(order.id, true)], "nothing is left to seal");
    assert_eq!(found(&store, &order.customer.email).await, []);
    assert_eq!(broken(&store).await, BTreeMap::new());
    store.close().await;
}

async fn what_the_law_keeps_of_an_erased_order_stays_sealed(scene: &Scene) {
    scene.stocked(&["A-1"], 10).await;
    let store = with_keys(scene, &[1]).await;
    let order = archived(&store).await;
    let erase = EraseOrder { target: Target::latest(Part::Order(order.id)) };
    store.change(context(None), erase, |_, _| (), Codec::unkept()).await.expect("it is over");
    store.erase_traces(None, |_| Box::pin(async { Ok(()) })).await.expect("erased");

    // Another process, which has nothing in memory.
    let other = with_keys(scene, &[1]).await;
    let kept = read(&other, order.id).await;
    assert!(kept.erased.as_ref().is_some_and(|it| it.kept_until.is_some()), "its invoice is kept");
    assert_eq!((kept.sealed, kept.customer.name.as_str()), (Some(1), ""));
    assert!(format!("{:?}", kept.invoices).contains(STREET), "it says whom it was issued to");
    let bytes = stored(&scene.writer().await, order.id).await;
    assert!(document::is_sealed(&bytes));
    let open = format!("{:?}", document::order(&bytes).expect("the open part"));
    assert!(!open.contains(STREET), "{open}");
    assert_eq!(other.archived_and_sealed(1, None).await.expect("a look"), [(order.id, true)]);
    assert_eq!(found(&other, &order.customer.email).await, []);
    assert_eq!(broken(&other).await, BTreeMap::new());
    other.close().await;
    store.close().await;
}

/// Those of the texts that are in the files of an embedded database, its log among them.
fn in_files<'t>(scene: &Scene, texts: &[&'t str]) -> Vec<&'t str> {
    let Some(directory) = &scene.directory else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory.path().join("data")).expect("the files") {
        let bytes = std::fs::read(entry.expect("a file").path()).unwrap_or_default();
        let holds = |text: &&str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        found.extend(texts.iter().copied().filter(holds));
    }
    found
}
