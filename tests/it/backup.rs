//! Backups of the embedded database: made while orders are placed, put back, and true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use consign::outside::Sandbox;
use consign::pb;

use crate::child::{Process, Site, scale};
use crate::server::{Clients, Engine};

/// Callers that place orders, and orders that are there before a backup begins.
const CALLERS: usize = 6;

/// What was acknowledged: orders by the request id that they were placed under, with the payment's id of those paid.
type Acknowledged = Arc<Mutex<BTreeMap<String, (String, Option<String>)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_under_load_is_whole_and_has_all_that_was_acknowledged_before() {
    let site = embedded().await;
    let process = site.start().await;
    Clients::over(process.channel()).stock_up().await;
    let acknowledged = Acknowledged::default();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(place(process_clients(&process), caller, Arc::clone(&acknowledged))))
        .collect();
    until(&acknowledged, scale(20, 300)).await;

    let before = acknowledged.lock().unwrap().clone();
    let file = site.folder.path().join("copy.db");
    let made = site.run(&["backup", path(&file)]);
    assert!(made.status.success(), "{made:?}");
    // It holds up nobody.
    let during = acknowledged.lock().unwrap().len();
    until(&acknowledged, during + 5).await;
    callers.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(!file.with_extension("db-wal").exists(), "it is one file");
    assert_eq!(std::fs::read_dir(site.folder.path()).unwrap().count(), 3, "data, log and the copy");

    let elsewhere = embedded().await;
    let restored = elsewhere.run(&["restore", path(&file)]);
    assert!(restored.status.success(), "{restored:?}");
    assert_eq!(elsewhere.broken_laws(), "");
    // The provider goes on from where it is, whatever the database has forgotten.
    let ledger = |site: &Site| site.data().join("sandbox-payments");
    std::fs::copy(ledger(&site), ledger(&elsewhere)).expect("the provider's ledger");
    let process = elsewhere.start().await;
    let clients = Clients::over(process.channel());
    for (request, (order, payment)) in &before {
        let again = clients.create_order(buyer(request), request.clone()).await.expect("the answer is kept");
        assert_eq!(again.id, *order, "{request}");
        if let Some(payment) = payment {
            let again = clients.pay(order, "tok_success", format!("pay {request}")).await.expect("as before");
            assert_eq!(again.id, *payment, "{request}");
        }
    }
    clients.until_quiet(Duration::from_secs(60)).await;
    assert_eq!(elsewhere.broken_laws(), "");
    drop(process);
    let charges = Sandbox::open(&ledger(&elsewhere)).expect("the ledger").charges();
    assert!(charges.iter().all(|it| it.effects <= 1), "money moved twice: {charges:#?}");
    assert!(before.values().any(|it| it.1.is_some()) && !charges.is_empty(), "nothing was paid");
}

/// Each caller places orders, and pays every second one, until it is stopped.
async fn place(clients: Clients, caller: usize, acknowledged: Acknowledged) {
    for number in 0.. {
        let request = format!("backup{caller}.{number}");
        let order = clients.create_order(buyer(&request), request.clone()).await.expect("an order").id;
        acknowledged.lock().unwrap().insert(request.clone(), (order.clone(), None));
        if number % 2 == 0 {
            let paid = clients.pay(&order, "tok_success", format!("pay {request}")).await.expect("paid").id;
            acknowledged.lock().unwrap().insert(request, (order, Some(paid)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced_unasked_or_under_a_server() {
    let site = embedded().await;
    let mut process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let first = clients.create_order("first", "request first".to_owned()).await.expect("an order").id;
    let file = site.folder.path().join("copy.db");
    assert!(site.run(&["backup", path(&file)]).status.success());
    let second = clients.create_order("second", "request second".to_owned()).await.expect("an order").id;

    refused(&site, &["backup", path(&file)], "exists already");
    let itself = site.data().join("consign.db");
    refused(&site, &["backup", "--force", path(&itself)], "is the database itself");
    refused(&site, &["restore", "--force", path(&file)], "is in use");
    process.signal("TERM");
    assert!(process.ends_well());
    refused(&site, &["restore", path(&file)], "exists already");

    // A backup does not take the file of a server either.
    let other = embedded().await;
    let serving = other.start().await;
    let its_file = other.data().join("consign.db");
    refused(&site, &["backup", "--force", path(&its_file)], "is in use");
    drop(serving);
    let text = site.folder.path().join("text");
    std::fs::write(&text, "no database").unwrap();
    refused(&site, &["restore", "--force", path(&text)], "not a database of SQLite");
    refused(&site, &["restore", "--force", "nowhere.db"], "there is no database");

    // The one that was there is kept, and can be put back.
    let restored = site.run(&["restore", "--force", path(&file)]);
    assert!(restored.status.success(), "{restored:?}");
    let aside = PathBuf::from(format!("{}.before-restore-1", itself.display()));
    assert!(String::from_utf8_lossy(&restored.stdout).contains(path(&aside)), "{restored:?}");
    assert_eq!(orders_there(&site, [&first, &second]).await, [true, false]);
    assert!(site.run(&["restore", "--force", path(&aside)]).status.success());
    assert_eq!(orders_there(&site, [&first, &second]).await, [true, true]);
    assert!(site.run(&["backup", "--force", path(&file)]).status.success());
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_or_a_later_version_is_not_put_in_place() {
    let site = embedded().await;
    let foreign = site.folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE orders (id)").unwrap();
    refused(&site, &["restore", path(&foreign)], "not a database of Consign");

    assert!(site.run(&["migrate"]).status.success());
    let file = site.folder.path().join("copy.db");
    assert!(site.run(&["backup", path(&file)]).status.success());
    let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_later', 0)";
    rusqlite::Connection::open(&file).unwrap().execute_batch(later).unwrap();
    refused(&site, &["restore", "--force", path(&file)], "newer than this program");

    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(!site.run(&["restore", "--force", path(&file)]).status.success(), "half a file");
    assert_eq!(std::fs::read_dir(site.data()).unwrap().filter(is_partial).count(), 0);
    assert_eq!(site.broken_laws(), "", "what was there is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_its_log_is_noticed() {
    let site = embedded().await;
    let mut process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    clients.create_order("tail", "request tail".to_owned()).await.expect("an order");

    let elsewhere = embedded().await;
    std::fs::create_dir(elsewhere.data()).unwrap();
    let database = |site: &Site| site.data().join("consign.db");
    std::fs::copy(database(&site), database(&elsewhere)).expect("the file alone");
    refused(&embedded().await, &["restore", path(&database(&elsewhere))], "without its write-ahead log");
    assert!(elsewhere.broken_laws().contains("without its write-ahead log"), "{}", elsewhere.broken_laws());

    // What a crash leaves is whole.
    process.kill();
    assert_eq!(site.broken_laws(), "");
    assert_eq!(site.broken_laws(), "", "and a check changes nothing about that");
    // An older file in the same place.
    let copy = site.folder.path().join("copy.db");
    assert!(site.run(&["backup", path(&copy)]).status.success());
    let mut process = site.start().await;
    Clients::over(process.channel())
        .create_order("later", "request later".to_owned())
        .await
        .expect("an order");
    process.signal("TERM");
    assert!(process.ends_well());
    assert_eq!(site.broken_laws(), "");
    std::fs::copy(&copy, database(&site)).expect("an older one over it");
    assert!(site.broken_laws().contains("older than it was"), "{}", site.broken_laws());
    drop(site.start().await);
    assert!(site.log().contains("older than it was"), "{}", site.log());
}

async fn embedded() -> Site {
    Site::prepare(Engine::Sqlite).await.expect("it is embedded")
}

fn process_clients(process: &Process) -> Clients {
    Clients::over(process.channel())
}

async fn until(acknowledged: &Acknowledged, orders: usize) {
    let began = std::time::Instant::now();
    while acknowledged.lock().unwrap().len() < orders {
        assert!(began.elapsed() < Duration::from_secs(120), "orders are not placed any more");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn orders_there<const N: usize>(site: &Site, ids: [&String; N]) -> [bool; N] {
    let mut process = site.start().await;
    let clients = Clients::over(process.channel());
    let mut there = [false; N];
    for (there, id) in there.iter_mut().zip(ids) {
        let key = pb::get_order_request::Key::OrderId(id.clone());
        let request = pb::GetOrderRequest { key: Some(key), ..Default::default() };
        *there = clients.orders.clone().get_order(request).await.is_ok();
    }
    process.signal("TERM");
    assert!(process.ends_well());
    there
}

fn refused(site: &Site, arguments: &[&str], why: &str) {
    let Output { status, stdout, stderr } = site.run(arguments);
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(2), "{arguments:?}: {said}{}", String::from_utf8_lossy(&stdout));
    assert!(said.contains(why), "{arguments:?}: {said}");
}

fn is_partial(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|it| it.file_name().to_string_lossy().ends_with(".partial"))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

/// Orders of one request are one buyer's.
fn buyer(request: &str) -> &str {
    request
}
