//! Orders in the archive are sealed under a master key of the settings: callers see no difference, and without the key nothing
//! of their customers is told.

use consign::pb;
use consign::settings::{Settings, SigningKey};
use tonic::Code;

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, every_law_holds, order, reason, stocked};
use crate::warehouse::Warehouse;

fn sealing(settings: &mut Settings) {
    settings.archive.keys = [("1".to_owned(), SigningKey::new("1f".repeat(32)))].into();
}

/// Another key, with the first one beside it.
fn sealing_anew(settings: &mut Settings) {
    sealing(settings);
    settings.archive.keys.insert("2".to_owned(), SigningKey::new("2e".repeat(32)));
}

/// Cancelled before anything left, and archived.
async fn archived(server: &Clients, buyer: &str) -> pb::Order {
    let placed = create_order(server, draft(buyer, "OLD", 1)).await.expect("there is stock");
    let cancel = pb::CancelOrderRequest {
        order_id: placed.id.clone(),
        reason: "changed their mind".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", cancel)).await.expect("nothing has left");
    let warehouse = Warehouse { server };
    warehouse.until_quiet(&placed.id).await;
    warehouse.archive(&placed.id).await;
    order(server, &placed.id).await
}

async fn listed(server: &Clients, filter: &str) -> Vec<pb::Order> {
    let request =
        pb::ListOrdersRequest { filter: filter.to_owned(), show_archived: true, ..Default::default() };
    server.orders.clone().list_orders(request).await.expect("a page").into_inner().orders
}

async fn found(server: &Clients, buyer: &str) -> Vec<String> {
    let orders = listed(server, &format!("customer_email = \"{buyer}@example.com\"")).await;
    orders.into_iter().map(|it| it.id).collect()
}

/// How many orders the law of sealed orders has looked at, and how many break it.
async fn law(server: &Clients) -> (i64, i64) {
    let answer = server.orders.clone().check_integrity(pb::CheckIntegrityRequest {}).await;
    let report = answer.expect("the check runs").into_inner().report.expect("a report");
    let law = report.laws.iter().find(|it| it.id == "P2").expect("the law");
    assert!(report.laws.iter().all(|it| it.id == "P2" || it.broken == 0), "{report:?}");
    (law.checked, law.broken)
}

on_both_engines!(an_archive_is_sealed_once_there_is_a_key_and_tells_nothing_without_it, async |server| {
    stocked(&server, "OLD", 10).await;
    let before = archived(&server, "ada").await;
    assert_eq!(law(&server).await, (0, 0), "there is no key");

    // What was archived before is sealed by a worker: a change that is no event.
    let server = TestServer::open(server.stop().await, sealing).await;
    let sealed = Warehouse { server: &server }.until(&before.id, |it| it.etag != before.etag).await;
    // The seal is a version of the order, which etags are made of.
    assert_eq!(sealed.approvals.len(), before.approvals.len());
    let approvals = sealed.approvals.iter().zip(&before.approvals);
    let approvals =
        approvals.map(|(it, was)| pb::Approval { etag: was.etag.clone(), ..it.clone() }).collect();
    let (etag, update_time) = (before.etag.clone(), before.update_time);
    let changed = pb::Order { etag, update_time, approvals, ..sealed };
    assert_eq!(changed, before);
    let since = archived(&server, "bob").await;
    assert_eq!(law(&server).await, (2, 0));
    for (buyer, order) in [("ada", &before), ("bob", &since)] {
        assert_eq!(found(&server, buyer).await, std::slice::from_ref(&order.id));
    }
    let by_date = listed(&server, "create_time >= 2001-01-01 AND create_time < 2999-01-01").await;
    let by_date: Vec<_> = by_date.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(by_date, [since.id.as_str(), before.id.as_str()], "the newest first");
    assert!(listed(&server, "create_time >= 2999-01-01").await.is_empty());

    let server = TestServer::open(server.stop().await, |_| {}).await;
    let request = pb::GetOrderRequest {
        key: Some(pb::get_order_request::Key::OrderId(since.id.clone())),
        ..Default::default()
    };
    let refused = server.orders.clone().get_order(request).await.expect_err("its key is not there");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "ARCHIVE_KEY_MISSING")
    );
    // Nor is a person erased in part, and told to be gone.
    let subject =
        pb::DataSubject { subject: Some(pb::data_subject::Subject::Email("bob@example.com".to_owned())) };
    let erase = pb::EraseCustomerDataRequest { subject: Some(subject), validate_only: false };
    let refused = server.privacy.clone().erase_customer_data(by("officer", erase)).await;
    assert_eq!(reason(&refused.expect_err("an order of theirs is closed")), "ARCHIVE_KEY_MISSING");
    assert_eq!(law(&server).await, (2, 2), "not looked into");
    let orders = listed(&server, "").await;
    assert_eq!(orders.len(), 2, "a list goes on");
    for order in &orders {
        let said = format!("{order:?}");
        assert!(!said.contains("Buyer") && !said.contains("Invalidenstraße"), "{said}");
    }
    assert_eq!(found(&server, "bob").await, [""; 0]);

    let server = TestServer::open(server.stop().await, sealing_anew).await;
    let anew = Warehouse { server: &server }.until(&since.id, |it| it.etag != since.etag).await;
    assert_eq!(anew.customer, since.customer);
    assert_eq!(found(&server, "bob").await, std::slice::from_ref(&since.id));
    let restore = pb::RestoreOrderRequest {
        order_id: since.id.clone(),
        reason: "asked for".to_owned(),
        ..Default::default()
    };
    let back = server.orders.clone().restore_order(by("dana", restore)).await.expect("restored");
    let back = back.into_inner().order.expect("an order");
    assert_eq!((&back.customer, back.state()), (&since.customer, pb::OrderState::Cancelled));
    every_law_holds(&server).await;
    server.stop().await;
});
