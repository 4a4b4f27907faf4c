//! An older copy of the database is put back: no number is given twice, and who followed further than the copy is told.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use consign::pb;
use consign::pb::watch_stock_levels_response::Update;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::child::{Process, Site};
use crate::load::SKU;
use crate::server::{Clients, Engine};
use crate::shop::{order, reason};
use crate::warehouse::Warehouse;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_given_after_a_copy_are_not_given_again_and_their_readers_are_told() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let first = ordered(&clients, "first").await;
    let copy = site.folder.path().join("copy.db");
    succeeded(&site, &["backup", path(&copy)]);
    ordered(&clients, "second").await;
    let third = ordered(&clients, "third").await;
    assert_eq!(third, first + 2);
    let invoices_before = invoice_numbers(&clients).await;
    let (lost, old_history) = last_event(&clients).await;
    stop(process);

    // Nobody is believed against a database that knows better.
    let refused = site.run(&["restore", "--force", "--complete", path(&copy)]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    let given = format!("orders {} to {third}", first + 1);
    assert!(!refused.status.success() && why.contains(&given), "{why}");

    let said = succeeded(&site, &["restore", "--force", path(&copy)]);
    assert!(said.contains(&format!("orders: {} to {third} are left out", first + 1)), "{said}");
    assert!(!said.contains("nobody knows"), "{said}");
    assert_eq!(site.broken_laws(), "");

    let process = site.start().await;
    let clients = Clients::over(process.channel());
    assert_eq!(ordered(&clients, "fourth").await, third + 1);
    let invoices = invoice_numbers(&clients).await;
    let of_copy = invoices.iter().filter(|it| invoices_before.contains(it)).count();
    assert_eq!((of_copy, invoices.len()), (1, 2), "{invoices:?} after {invoices_before:?}");

    let refused = watch(&clients, lost, "").await.expect_err("it read what is lost");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POSITION_LOST"));
    let facts = refused.get_details_error_info().expect("facts").metadata;
    let shared: i64 = facts["shared_position"].parse().expect("a position");
    assert!(shared < lost, "{facts:?}");
    let begun_anew = watch(&clients, shared, "").await.expect("it goes on");
    assert!(begun_anew.resume_position > lost, "{begun_anew:?}");
    assert_ne!(begun_anew.history_id, old_history);
    assert_eq!(facts["history_id"], begun_anew.history_id);

    // Who says which history it was is told by that too, and goes on in what both have.
    watch(&clients, shared, &old_history).await.expect("both histories have that");
    let (last, history) = last_event(&clients).await;
    assert_eq!(history, begun_anew.history_id);
    let refused = watch(&clients, last - 1, &old_history).await.expect_err("the old one never told that");
    assert_eq!(reason(&refused), "POSITION_LOST");
    watch(&clients, last - 1, &history).await.expect("the new one did");
    let beyond = watch(&clients, last + 10_000, &history).await.expect_err("nothing is there yet");
    assert_eq!(reason(&beyond), "INVALID_FIELD");
    let unreadable = watch(&clients, 0, "hst_0").await.expect_err("no id");
    assert_eq!(reason(&unreadable), "INVALID_FIELD");
    assert_eq!(site.broken_laws(), "");
    stop(process);

    let listed = succeeded(&site, &["restores"]);
    assert!(listed.contains(&format!("restored, up to event {shared}")), "{listed}");
    assert!(listed.contains(&format!("orders: {} to {third} are left out", first + 1)), "{listed}");
    let listed = succeeded(&site, &["restores", "--json"]);
    assert!(listed.lines().count() == 2 && listed.contains(&history), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_knows_what_was_given_many_numbers_are_left_out() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let first = ordered(&clients, "first").await;
    stop(process);
    let copy = site.folder.path().join("copy.db");
    succeeded(&site, &["backup", path(&copy)]);

    assert_eq!(next_number(&copy, &[]).await, first + 10_001);
    assert_eq!(next_number(&copy, &["--complete"]).await, first + 1);
    assert_eq!(next_number(&copy, &["--after", "orders=77"]).await, 78);

    let elsewhere = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    for (after, why) in [
        ("orders=0", "orders stands at"),
        ("api_keys=7", "is no counter"),
        ("orders", "must be COUNTER=NUMBER"),
        ("orders=-1", "must have a whole number"),
    ] {
        let output = elsewhere.run(&["restore", path(&copy), "--after", after]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(why), "{after}: {said}");
    }
    assert!(!elsewhere.data().join("consign.db").exists(), "nothing is put in place by a refusal");
}

/// Puts the copy where no database was; the number of the next order.
async fn next_number(copy: &Path, arguments: &[&str]) -> i64 {
    let elsewhere = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let said = succeeded(&elsewhere, &[&["restore", path(copy)][..], arguments].concat());
    assert_eq!(said.contains("nobody knows"), !arguments.contains(&"--complete"), "{said}");
    let process = elsewhere.start().await;
    let number = ordered(&Clients::over(process.channel()), "next").await;
    stop(process);
    assert_eq!(elsewhere.broken_laws(), "");
    number
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_other_tools_put_in_place_goes_on_as_another_history_on_sqlite() {
    put_in_place_by_other_tools(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_other_tools_put_in_place_goes_on_as_another_history_on_postgres() {
    put_in_place_by_other_tools(Engine::Postgres).await;
}

async fn put_in_place_by_other_tools(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let first = ordered(&clients, "first").await;
    let (position, old_history) = last_event(&clients).await;
    let after = format!("orders={}", first + 4);
    let in_place = ["restore", "--in-place", "--insecure-durability", "--after", after.as_str()];
    if matches!(engine, Engine::Sqlite) {
        let output = site.run(&in_place);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("is served by another process"), "{said}");
    }
    stop(process);

    succeeded(&site, &in_place);
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    assert_eq!(ordered(&clients, "second").await, first + 5);
    let (last, history) = last_event(&clients).await;
    assert!(last > position + 1_000_000 && history != old_history, "{last} after {position}");
    let refused = watch(&clients, position + 1_000, "").await.expect_err("it read what is lost");
    assert_eq!(reason(&refused), "POSITION_LOST");
    watch(&clients, 0, &old_history).await.expect("it goes on from the copy");
    stop(process);
    assert_eq!(site.broken_laws(), "");
    let listed = succeeded(&site, &["restores", "--insecure-durability"]);
    assert!(listed.contains(&old_history) && listed.contains(&history), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_a_shipment_is_told_of_scans_that_a_restore_has_lost() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let placed = clients.create_order("tracked", "request tracked".to_owned()).await.expect("an order").id;
    clients.pay(&placed, "tok_success", "pay tracked".to_owned()).await.expect("paid");
    let shipment = order(&clients, &placed).await.shipment_ids.remove(0);
    Warehouse { server: &clients }.ship(&shipment).await;
    let copy = site.folder.path().join("copy.db");
    succeeded(&site, &["backup", path(&copy)]);
    Warehouse { server: &clients }.deliver(&shipment).await;
    let first = track(&clients, &shipment, 1, "").await.expect("a delivery");
    let (lost, old_history) = (first.resume_sequence, first.history_id);
    assert_eq!(lost, 2);
    stop(process);

    succeeded(&site, &["restore", "--force", path(&copy)]);
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    let refused = track(&clients, &shipment, lost, &old_history).await.expect_err("it is lost");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POSITION_LOST"));
    let refused = track(&clients, &shipment, lost, "").await.expect_err("nothing is there yet");
    assert_eq!(reason(&refused), "INVALID_FIELD");
    let history = track(&clients, &shipment, 1, &old_history).await.expect("both have that").history_id;
    assert_ne!(history, old_history);

    // Another second scan is none of those that the old history told.
    Warehouse { server: &clients }.deliver(&shipment).await;
    let refused = track(&clients, &shipment, lost, &old_history).await.expect_err("it is another");
    assert_eq!(reason(&refused), "POSITION_LOST");
    assert_eq!(track(&clients, &shipment, lost, &history).await.expect("its own").resume_sequence, lost);
    stop(process);
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_stock_is_sent_every_level_anew_after_a_restore() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let copy = site.folder.path().join("copy.db");
    succeeded(&site, &["backup", path(&copy)]);
    ordered(&clients, "lost").await;
    let first = levels(&clients, 0, "").await.expect("a level");
    let (lost, old_history) = (first.resume_position, first.history_id);
    stop(process);

    succeeded(&site, &["restore", "--force", path(&copy)]);
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    let refused = levels(&clients, lost, "").await.expect_err("nothing is there yet");
    assert_eq!(reason(&refused), "INVALID_FIELD");
    let anew = levels(&clients, lost, &old_history).await.expect("all of them");
    assert!(matches!(anew.update, Some(Update::StockLevel(_))), "{anew:?}");
    assert_ne!(anew.history_id, old_history);

    // As often as in the lost history: by the place alone nobody could tell.
    ordered(&clients, "other").await;
    let again = levels(&clients, lost, &old_history).await.expect("all of them");
    assert!(matches!(again.update, Some(Update::StockLevel(_))), "{again:?}");
    assert_eq!((again.resume_position, again.history_id), (lost, anew.history_id));
    let unreadable = levels(&clients, lost, "hst_0").await.expect_err("no id");
    assert_eq!(reason(&unreadable), "INVALID_FIELD");
    stop(process);
    assert_eq!(site.broken_laws(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_only_the_provider_knows_after_a_restore_are_listed() {
    let site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;
    let known = paid(&clients, "known").await;
    let copy = site.folder.path().join("copy.db");
    succeeded(&site, &["backup", path(&copy)]);
    let lost = paid(&clients, "lost").await;
    clients.until_quiet(Duration::from_secs(60)).await;
    let said = succeeded(&site, &["reconcile"]);
    assert!(said.ends_with("0 of 2 payments differ\n"), "{said}");
    stop(process);

    succeeded(&site, &["restore", "--force", path(&copy)]);
    let output = site.run(&["reconcile"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.contains(&format!("UNKNOWN_HERE   {lost}  sandbox-{lost}")), "{said}");
    assert!(said.ends_with("1 of 2 payments differ\n") && !said.contains(&known), "{said}");
    let output = site.run(&["reconcile", "--json", "--since", "2026-01-01T00:00:00Z"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.lines().count() == 1 && said.contains(&lost), "{said}");
    let refused = site.run(&["reconcile", "--since", "yesterday"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

/// Places an order and pays it; the payment's id.
async fn paid(clients: &Clients, buyer: &str) -> String {
    let order = clients.create_order(buyer, format!("request {buyer}")).await.expect("an order").id;
    clients.pay(&order, "tok_success", format!("pay {buyer}")).await.expect("paid").id
}

/// Places an order; its number.
async fn ordered(clients: &Clients, buyer: &str) -> i64 {
    let order = clients.create_order(buyer, format!("request {buyer}")).await.expect("an order");
    order.number.parse().expect("a number")
}

async fn invoice_numbers(clients: &Clients) -> Vec<String> {
    let listed = clients.billing.clone().list_invoices(pb::ListInvoicesRequest::default()).await;
    listed.expect("a page").into_inner().invoices.into_iter().map(|it| it.number).collect()
}

/// The position of the latest event, and the history that told it.
async fn last_event(clients: &Clients) -> (i64, String) {
    let request =
        pb::ListEventsRequest { page_size: 1, order_by: "position desc".to_owned(), ..Default::default() };
    let page = clients.events.clone().list_events(request).await.expect("a page").into_inner();
    (page.events.first().expect("an event").position, page.history_id)
}

/// The first message of a stream of events after a position; there is one already.
async fn watch(clients: &Clients, after: i64, history: &str) -> Result<pb::WatchEventsResponse, Status> {
    let request = pb::WatchEventsRequest {
        after_position: after,
        history_id: history.to_owned(),
        ..Default::default()
    };
    let mut stream = clients.events.clone().watch_events(request).await?.into_inner();
    Ok(stream.message().await?.expect("it goes on"))
}

/// The first message of a stream of a shipment's events: the next event, or where it stands.
async fn track(
    clients: &Clients,
    shipment: &str,
    after: i64,
    history: &str,
) -> Result<pb::TrackShipmentResponse, Status> {
    let request = pb::TrackShipmentRequest {
        shipment_id: shipment.to_owned(),
        after_sequence: after,
        history_id: history.to_owned(),
        ..Default::default()
    };
    let mut stream = clients.shipping.clone().track_shipment(request).await?.into_inner();
    Ok(stream.message().await?.expect("it says where it stands"))
}

/// The first message of a stream of the stock.
async fn levels(
    clients: &Clients,
    after: i64,
    history: &str,
) -> Result<pb::WatchStockLevelsResponse, Status> {
    let request = pb::WatchStockLevelsRequest {
        skus: vec![SKU.to_owned()],
        locations: Vec::new(),
        after_position: after,
        history_id: history.to_owned(),
    };
    let mut stream = clients.inventory.clone().watch_stock_levels(request).await?.into_inner();
    Ok(stream.message().await?.expect("it goes on"))
}

fn succeeded(site: &Site, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = site.run(arguments);
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).into_owned()
}

fn stop(mut process: Process) {
    process.signal("TERM");
    assert!(process.ends_well());
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}
