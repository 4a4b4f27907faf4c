//! What is held about a person, told over the wire.

use consign::access::Role;
use consign::pb;
use consign::settings::Settings;
use serde_json::Value;
use tonic::{Code, Request, Status};

use crate::access::{ADMIN, key, with_key};
use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{by, create_order, draft, pay_by_card, reason, stocked};

pub(crate) fn of_customer(id: &str) -> Option<pb::DataSubject> {
    Some(pb::DataSubject { subject: Some(pb::data_subject::Subject::CustomerId(id.to_owned())) })
}

pub(crate) fn of_email(email: &str) -> Option<pb::DataSubject> {
    Some(pb::DataSubject { subject: Some(pb::data_subject::Subject::Email(email.to_owned())) })
}

/// The document put together, and the largest of its pieces in bytes.
async fn exported(
    server: &Clients,
    request: Request<pb::ExportCustomerDataRequest>,
) -> Result<(Value, usize), Status> {
    let mut pieces = server.privacy.clone().export_customer_data(request).await?.into_inner();
    let (mut text, mut largest) = (String::new(), 0);
    while let Some(piece) = pieces.message().await? {
        largest = largest.max(piece.json.len());
        text.push_str(&piece.json);
    }
    Ok((serde_json::from_str(&text).expect("one JSON document"), largest))
}

async fn export(server: &Clients, subject: Option<pb::DataSubject>) -> Value {
    exported(server, by("officer", pb::ExportCustomerDataRequest { subject })).await.expect("a document").0
}

pub(crate) async fn create_customer(server: &Clients, name: &str) -> String {
    let contact =
        pb::Customer { name: name.to_owned(), email: format!("{name}@example.com"), ..Default::default() };
    let customer = Some(pb::CustomerAccount { contact: Some(contact), ..Default::default() });
    let request = pb::CreateCustomerRequest { customer, ..Default::default() };
    let answer = server.customers.clone().create_customer(by("clerk", request)).await.expect("a customer");
    answer.into_inner().customer.expect("a customer").id
}

fn orders_in(document: &Value) -> Vec<&str> {
    let orders = document["orders"].as_array().expect("a list");
    orders.iter().map(|it| it["order"]["id"].as_str().expect("an id")).collect()
}

on_both_engines!(a_person_gets_everything_that_is_held_and_nothing_of_others, async |server| {
    stocked(&server, "P-1", 50).await;
    let ada = create_customer(&server, "ada").await;
    let named = pb::OrderDraft { customer_id: ada.clone(), ..draft("elsewhere", "P-1", 1) };
    let named = create_order(&server, named).await.expect("an order that names her");
    let under = pb::OrderDraft {
        special_instructions: "ring twice, ask for Ada".to_owned(),
        ..draft("ada", "P-1", 2)
    };
    let under = create_order(&server, under).await.expect("an order under her address");
    pay_by_card(&server, &under.id, "tok_success").await.expect("a payment");
    let bob = create_customer(&server, "bob").await;
    let shared = pb::OrderDraft { customer_id: bob, ..draft("ada", "P-1", 1) };
    let shared = create_order(&server, shared).await.expect("bob's order under her address");
    create_order(&server, draft("carol", "P-1", 1)).await.expect("somebody else's");

    let document = export(&server, of_customer(&ada)).await;
    assert_eq!(orders_in(&document), [named.id.as_str(), under.id.as_str()]);
    assert_eq!(document["customers"][0]["contact"]["email"], "ada@example.com");
    let whole = &document["orders"][1];
    assert_eq!(whole["order"]["special_instructions"], "ring twice, ask for Ada");
    assert_eq!(whole["order"]["shipping_address"]["street"][0], "Invalidenstraße 117");
    assert_eq!(whole["invoices"][0]["order_id"], under.id.as_str());
    assert_eq!(whole["payments"][0]["state"], "PAYMENT_STATE_CAPTURED");
    assert!(whole["shipments"].as_array().is_some_and(|it| !it.is_empty()), "{whole:#}");
    let kinds = whole["events"].as_array().expect("its history");
    assert!(kinds.iter().any(|it| it["type"] == "ORDER_PAID"));
    assert!(whole["messages"].as_array().is_some_and(|it| !it.is_empty()), "its letters");
    assert!(!document.to_string().contains("bob"), "nothing of whoever shares the address");

    let document = export(&server, of_email("Ada@Example.com")).await;
    assert_eq!(orders_in(&document), [named.id.as_str(), under.id.as_str(), shared.id.as_str()]);

    let nothing = export(&server, of_email("nobody@example.com")).await;
    assert_eq!((&nothing["customers"], &nothing["orders"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    server.stop().await;
});

on_both_engines!(a_long_document_comes_in_pieces, async |server| {
    stocked(&server, "P-1", 50).await;
    for _ in 0..12 {
        create_order(&server, draft("ada", "P-1", 1)).await.expect("an order");
    }
    let request = pb::ExportCustomerDataRequest { subject: of_email("ada@example.com") };
    let (document, largest) = exported(&server, by("officer", request)).await.expect("a document");
    assert_eq!(orders_in(&document).len(), 12);
    assert!(document.to_string().len() > 64 * 1024 / 2, "it is long");
    assert!(largest <= 64 * 1024, "{largest} bytes in one piece");
    server.stop().await;
});

on_both_engines!(who_is_asked_about_has_to_be_said, async |server| {
    let ask = async |subject| {
        let request = by("officer", pb::ExportCustomerDataRequest { subject });
        exported(&server, request).await.expect_err("nobody is named")
    };
    for subject in [
        None,
        Some(pb::DataSubject { subject: None }),
        of_customer("ord_1"),
        of_email("  "),
        of_email("a@b, c@d"),
    ] {
        let refused = ask(subject.clone()).await;
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::InvalidArgument, "INVALID_FIELD"),
            "{subject:?}"
        );
    }
    let unknown = ask(of_customer("cus_01h455vb4pex5vsknk084sn02q")).await;
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));
    server.stop().await;
});

const OFFICER: &str = "consign_officer";
const CLERK: &str = "consign_clerk_2";
const AUDITOR: &str = "consign_auditor_2";

fn with_an_officer(settings: &mut Settings) {
    key(settings, "boss", ADMIN, Role::Admin);
    key(settings, "officer", OFFICER, Role::Privacy);
    key(settings, "clerk", CLERK, Role::Operator);
    key(settings, "auditor", AUDITOR, Role::Auditor);
    settings.access.audit_reads = true;
}

/// How many records there are of exports, once there are as many as expected.
async fn exports_noted(server: &TestServer, expected: usize) -> Vec<pb::DataAccess> {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let request = pb::ListDataAccessRequest::default();
        let page = server.access.clone().list_data_access(with_key(AUDITOR, request)).await.expect("a page");
        let records = page.into_inner().records;
        let of_exports: Vec<_> =
            records.into_iter().filter(|it| it.method == "PrivacyService/ExportCustomerData").collect();
        if of_exports.len() >= expected || std::time::Instant::now() > patience {
            return of_exports;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

on_both_engines!(an_export_needs_its_permission_and_is_written_down, with_an_officer, async |server| {
    crate::access::stock(&server).await;
    let request = pb::CreateOrderRequest { order: Some(draft("ada", "A-1", 1)), ..Default::default() };
    let placed = server.orders.clone().create_order(with_key(ADMIN, request)).await.expect("an order");
    let placed = placed.into_inner().order.expect("an order").id;

    let asking = || pb::ExportCustomerDataRequest { subject: of_email("ada@example.com") };
    let refused = exported(&server, with_key(CLERK, asking())).await.expect_err("the back office may not");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "PERMISSION_MISSING"));
    exported(&server, with_key(OFFICER, asking())).await.expect("the officer may");

    let records = exports_noted(&server, 1).await;
    let told: Vec<_> = records.iter().map(|it| (it.principal.as_str(), it.order_id.as_str())).collect();
    assert_eq!(told, [("officer", placed.as_str())]);
    server.stop().await;
});
