//! Who was shown customers' data is written down, for those who may see it.

use std::time::{Duration, Instant};

use consign::access::Role;
use consign::pb;
use consign::settings::Settings;

use crate::access::{ADMIN, key, named, reason, stock, with_key};
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::draft;

const CLERK: &str = "consign_clerk";
const AUDITOR: &str = "consign_auditor";

const PATIENCE: Duration = Duration::from_secs(30);

fn audited(settings: &mut Settings) {
    key(settings, "boss", ADMIN, Role::Admin);
    key(settings, "clerk", CLERK, Role::Operator);
    key(settings, "auditor", AUDITOR, Role::Auditor);
    settings.access.keys.get_mut("clerk").expect("a clerk").names_persons = true;
    settings.access.audit_reads = true;
}

/// What was written down, once it is as much as is expected.
pub(crate) async fn records(server: &Clients, filter: &str, expected: usize) -> Vec<pb::DataAccess> {
    let began = Instant::now();
    loop {
        let request = pb::ListDataAccessRequest { filter: filter.to_owned(), ..Default::default() };
        let page = server.access.clone().list_data_access(with_key(AUDITOR, request)).await.expect("a page");
        let records = page.into_inner().records;
        if records.len() >= expected {
            return records;
        }
        assert!(began.elapsed() < PATIENCE, "{filter}: {records:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn customer(server: &Clients, name: &str) -> String {
    let contact =
        pb::Customer { name: name.to_owned(), email: format!("{name}@example.com"), ..Default::default() };
    let customer = Some(pb::CustomerAccount { contact: Some(contact), ..Default::default() });
    let request = pb::CreateCustomerRequest { customer, ..Default::default() };
    let answer =
        server.customers.clone().create_customer(with_key(ADMIN, request)).await.expect("a customer");
    answer.into_inner().customer.expect("a customer").id
}

async fn order(server: &Clients, customer: &str) -> String {
    let draft = pb::OrderDraft { customer_id: customer.to_owned(), ..draft("ada", "A-1", 1) };
    let request = pb::CreateOrderRequest { order: Some(draft), ..Default::default() };
    let answer = server.orders.clone().create_order(with_key(ADMIN, request)).await.expect("an order");
    answer.into_inner().order.expect("an order").id
}

fn told(records: &[pb::DataAccess]) -> Vec<(&str, &str)> {
    let mut told: Vec<_> = records.iter().map(|it| (it.actor.as_str(), it.method.as_str())).collect();
    told.sort_unstable();
    told
}

on_both_engines!(who_was_shown_whose_data_is_written_down, audited, async |server| {
    stock(&server).await;
    let ada = customer(&server, "ada").await;
    let bob = customer(&server, "bob").await;
    let ordered = order(&server, &ada).await;

    let get = pb::GetCustomerRequest { customer_id: ada.clone() };
    server.customers.clone().get_customer(with_key(CLERK, get)).await.expect("a customer");
    let get = pb::GetOrderRequest {
        key: Some(pb::get_order_request::Key::OrderId(ordered.clone())),
        ..Default::default()
    };
    server.orders.clone().get_order(named(CLERK, "dana", get.clone())).await.expect("an order");
    // Nothing of its customer is in this answer.
    let bare = pb::GetOrderRequest { view: pb::OrderView::Basic as i32, ..get };
    server.orders.clone().get_order(with_key(CLERK, bare)).await.expect("an order");
    let list = pb::ListOrdersRequest::default();
    server.orders.clone().list_orders(with_key(CLERK, list)).await.expect("orders");
    let list = pb::ListMessagesRequest::default();
    server.orders.clone().list_messages(with_key(CLERK, list)).await.expect("letters");
    let missing = pb::GetCustomerRequest { customer_id: "cus_00000000000000000000000001".to_owned() };
    server.customers.clone().get_customer(with_key(CLERK, missing)).await.expect_err("nobody");

    let of_ada = format!("customer_id = {ada}");
    let records_of_ada = records(&server, &of_ada, 4).await;
    let expected = [
        ("clerk", "CustomerService/GetCustomer"),
        ("clerk", "OrderService/ListMessages"),
        ("clerk", "OrderService/ListOrders"),
        ("dana", "OrderService/GetOrder"),
    ];
    assert_eq!(told(&records_of_ada), expected);
    assert!(records_of_ada.iter().all(|it| it.principal == "clerk" && it.time.is_some()));
    let of_order = records(&server, &format!("order_id = {ordered}"), 3).await;
    assert_eq!(told(&of_order), expected[1..]);
    // Who made the customer or the order was shown what they said themselves; nobody looked at Bob.
    assert!(records(&server, "principal = boss", 0).await.is_empty());
    assert!(records(&server, &format!("customer_id = {bob}"), 0).await.is_empty());

    for (who, code) in [(CLERK, "PERMISSION_MISSING"), ("consign_nobody", "KEY_UNKNOWN")] {
        let request = with_key(who, pb::ListDataAccessRequest::default());
        let refused = server.access.clone().list_data_access(request).await.expect_err("it is for auditors");
        assert_eq!(reason(&refused), code);
    }
    let get = pb::GetCustomerRequest { customer_id: ada };
    let refused = server.customers.clone().get_customer(with_key(AUDITOR, get)).await;
    assert_eq!(reason(&refused.expect_err("an auditor reads no customers")), "PERMISSION_MISSING");

    // What was kept long enough goes, and nothing younger.
    let store = &server.server.store;
    let an_hour_ago = store.now().minus(Duration::from_secs(3_600));
    assert_eq!(store.forget_reads(an_hour_ago).await.expect("it is done"), 0);
    assert!(store.forget_reads(store.now()).await.expect("it is done") >= 4);
    assert!(records(&server, "", 0).await.is_empty());
    server.stop().await;
});

on_both_engines!(what_was_read_last_is_written_down_before_a_server_has_stopped, audited, async |server| {
    let ada = customer(&server, "ada").await;
    let get = pb::GetCustomerRequest { customer_id: ada.clone() };
    server.customers.clone().get_customer(with_key(CLERK, get)).await.expect("a customer");
    let server = TestServer::open(server.stop().await, audited).await;
    assert_eq!(records(&server, &format!("customer_id = {ada}"), 1).await.len(), 1);
    server.stop().await;
});

on_both_engines!(
    nothing_is_written_down_unless_the_settings_say_so,
    |it| {
        audited(it);
        it.access.audit_reads = false;
    },
    async |server| {
        let ada = customer(&server, "ada").await;
        let get = pb::GetCustomerRequest { customer_id: ada };
        server.customers.clone().get_customer(with_key(CLERK, get)).await.expect("a customer");
        let server = TestServer::open(server.stop().await, audited).await;
        assert!(records(&server, "", 0).await.is_empty());
        server.stop().await;
    }
);
