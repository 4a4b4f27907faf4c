//! Invoices as papers over the wire: what was issued stays as it was, and goes with its letter once.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign::domain::Method;
use consign::pb::get_invoice_document_request::Key;
use consign::pb::{self, InvoiceDocumentFormat};
use consign::settings::{BankSettings, SellerSettings, Settings};
use tonic::{Code, Status};

use crate::server::{Clients, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, create_product, draft, eur, every_law_holds, order,
    pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

fn seller() -> SellerSettings {
    SellerSettings {
        name: "North Wind GmbH".to_owned(),
        street: vec!["Hauptstraße 1".to_owned()],
        postal_code: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
        vat_id: "DE123456789".to_owned(),
        pay_by: vec![Method::BankTransfer, Method::Card],
        bank: BankSettings { iban: "DE89370400440532013000".to_owned(), ..BankSettings::default() },
        ..SellerSettings::default()
    }
}

fn selling(settings: &mut Settings) {
    settings.seller = seller();
}

async fn document(server: &Clients, key: Key) -> Result<pb::GetInvoiceDocumentResponse, Status> {
    let request = pb::GetInvoiceDocumentRequest { key: Some(key), format: InvoiceDocumentFormat::Pdf.into() };
    server.billing.clone().get_invoice_document(request).await.map(tonic::Response::into_inner)
}

async fn of_order(server: &Clients, order: &str) -> pb::GetInvoiceDocumentResponse {
    document(server, Key::OrderId(order.to_owned())).await.expect("an invoice")
}

async fn invoice(server: &Clients, number: &str) -> pb::Invoice {
    let key = Some(pb::get_invoice_request::Key::Number(number.to_owned()));
    let answer = server.billing.clone().get_invoice(pb::GetInvoiceRequest { key }).await;
    answer.expect("an invoice").into_inner().invoice.expect("an invoice")
}

/// The files that went with letters: their names and what is in them.
fn attached(server: &TestServer) -> Vec<(String, Vec<u8>)> {
    let mailboxes = fs::read_dir(server.folder().join("data/messages")).unwrap();
    let texts = mailboxes.map(|it| fs::read_to_string(it.unwrap().path()).unwrap().replace("\r\n", "\n"));
    let mut found = Vec::new();
    for text in texts {
        for part in text.split("\n--").filter(|it| it.contains("Content-Disposition: attachment")) {
            let (head, body) = part.split_once("\n\n").expect("a blank line");
            assert!(head.contains("Content-Type: application/pdf"), "{head}");
            let name = head.split("filename=\"").nth(1).and_then(|it| it.split('"').next()).expect("a name");
            let body: String = body.split_whitespace().collect();
            found.push((name.to_owned(), BASE64_STANDARD.decode(body).expect("base64")));
        }
    }
    found
}

/// What the letter about the invoice says, in one line.
async fn letter(server: &Clients, order: &str) -> String {
    let filter = format!("order_id = {order} AND kind = INVOICE_ISSUED");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let page = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    page.messages[0].body.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All letters of a kind, by subject and text in one line.
async fn letters(server: &Clients, order: &str, kind: &str) -> Vec<(String, String)> {
    let filter = format!("order_id = {order} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let page = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    let said =
        |it: pb::CustomerMessage| (it.subject, it.body.split_whitespace().collect::<Vec<_>>().join(" "));
    page.messages.into_iter().map(said).collect()
}

/// Adds units of a product to an order that was sold.
async fn add(server: &Clients, order: &str, sku: &str, quantity: i64) {
    let line = pb::AddOrderLine { sku: sku.to_owned(), quantity, ..Default::default() };
    let item = pb::OrderChangeItem { item: Some(pb::order_change_item::Item::AddLine(line)) };
    let draft = pb::CreateOrderChangeRequest {
        order_id: order.to_owned(),
        items: vec![item],
        reason: "as agreed by phone".to_owned(),
        ..Default::default()
    };
    let drafted = server.changes.clone().create_order_change(by("clerk", draft)).await.expect("drafted");
    let change_id = drafted.into_inner().change.expect("a change").id;
    let order_id = order.to_owned();
    let look = pb::ProposeOrderChangeRequest {
        order_id: order_id.clone(),
        change_id: change_id.clone(),
        ..Default::default()
    };
    server.changes.clone().propose_order_change(by("clerk", look)).await.expect("proposed");
    let word = pb::ConfirmOrderChangeRequest { order_id, change_id, ..Default::default() };
    server.changes.clone().confirm_order_change(by("clerk", word)).await.expect("confirmed");
}

async fn rename(server: &Clients, order: &str, name: &str) {
    let mut wish = draft("grace", "I-1", 1);
    let mut customer = wish.customer.take().expect("a customer");
    customer.name = name.to_owned();
    let mask = prost_types::FieldMask { paths: vec!["customer".to_owned()] };
    let request = pb::UpdateOrderRequest {
        order_id: order.to_owned(),
        order: Some(pb::OrderDraft { customer: Some(customer), ..Default::default() }),
        update_mask: Some(mask),
        ..Default::default()
    };
    server.orders.clone().update_order(by("clerk", request)).await.expect("a new name");
}

on_both_engines!(an_invoice_stays_as_it_was_issued_and_goes_with_its_letter_once, selling, async |server| {
    stocked(&server, "I-1", 20).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let mut wish = draft("ann", "I-1", 2);
    wish.customer.as_mut().expect("a customer").locale = "de-AT".to_owned();
    let placed = create_order(&server, wish).await.expect("an order");
    warehouse.until_quiet(&placed.id).await;

    let paper = of_order(&server, &placed.id).await;
    assert_eq!((paper.media_type.as_str(), paper.filename.as_str()), ("application/pdf", "INV-000001.pdf"));
    assert!(paper.content.starts_with(b"%PDF-1.7") && paper.warnings.is_empty(), "{:?}", paper.warnings);
    let issued = invoice(&server, "INV-000001").await;
    for key in [Key::InvoiceId(issued.id.clone()), Key::Number(issued.number.clone())] {
        assert_eq!(document(&server, key).await.expect("the same"), paper);
    }
    assert_eq!(attached(&server), [("INV-000001.pdf".to_owned(), paper.content.clone())]);
    let letter = letter(&server, &placed.id).await;
    assert!(letter.contains("auch als PDF im Anhang"), "{letter}");

    // Neither another name of the customer's changes it, nor payment, nor the archive.
    rename(&server, &placed.id, "Grace Hopper").await;
    let renamed = order(&server, &placed.id).await.customer.expect("a customer").name;
    assert_eq!(renamed, "Grace Hopper");
    assert_eq!(invoice(&server, "INV-000001").await.customer.expect("a customer").name, "Buyer ann");
    assert_eq!(of_order(&server, &placed.id).await, paper);
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    warehouse.deliver_all(&placed.id).await;
    warehouse.close(&placed.id).await;
    warehouse.archive(&placed.id).await;
    warehouse.until_quiet(&placed.id).await;
    assert_eq!(of_order(&server, &placed.id).await, paper);
    assert_eq!(attached(&server).len(), 1);
    every_law_holds(&server).await;

    // Nor does another seller, whom later invoices name.
    let moved = |settings: &mut Settings| {
        settings.seller = SellerSettings { city: "Hamburg".to_owned(), ..seller() };
    };
    let server = TestServer::open(server.stop().await, moved).await;
    assert_eq!(of_order(&server, &placed.id).await, paper);
    let next = create_order(&server, draft("ben", "I-1", 2)).await.expect("an order");
    assert_ne!(of_order(&server, &next.id).await.content, paper.content);
    server.stop().await;
});

on_both_engines!(
    the_letter_about_a_supplementary_invoice_tells_that_one_and_has_it_with_it,
    selling,
    async |server| {
        stocked(&server, "I-5", 20).await;
        create_product(&server, "POT", 2_500).await;
        receive(&server, "POT", LEIPZIG, 5).await;
        let warehouse = Warehouse { server: &server };
        let placed = create_order(&server, draft("ann", "I-5", 1)).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        add(&server, &placed.id, "POT", 1).await;
        warehouse.until_quiet(&placed.id).await;

        let told = letters(&server, &placed.id, "INVOICE_ISSUED").await;
        let of = |number: &str| {
            let mut found = told.iter().filter(|it| it.0.contains(number));
            let (Some((_, text)), None) = (found.next(), found.next()) else {
                panic!("{number} in {told:?}")
            };
            text.as_str()
        };
        let supplement = invoice(&server, "SUP-000001").await;
        let due = supplement.amount_due.clone().expect("an amount");
        let asked = format!("Please pay €{}.{:02}", due.units, due.nanos / 10_000_000);
        let (first, second) = (of("INV-000001"), of("SUP-000001"));
        assert!(first.contains("I-5") && !first.contains("POT"), "{first}");
        assert!(second.contains("POT") && !second.contains("I-5") && second.contains(&asked), "{second}");
        let names: Vec<_> = attached(&server).into_iter().map(|it| it.0).collect();
        assert!(names.contains(&"SUP-000001.pdf".to_owned()) && names.len() == 2, "{names:?}");

        pay_by_card(&server, &placed.id, "tok_success").await.expect("the rest");
        warehouse.until_quiet(&placed.id).await;
        let paid = letters(&server, &placed.id, "PAYMENT_RECEIVED").await;
        assert_eq!(paid.len(), 2);
        for number in ["(invoice INV-000001)", "(invoice SUP-000001)"] {
            assert_eq!(paid.iter().filter(|it| it.1.contains(number)).count(), 1, "{number} in {paid:?}");
        }
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(a_letter_asks_for_the_money_by_the_day_that_its_invoice_is_due, selling, async |server| {
    stocked(&server, "I-6", 20).await;
    let fitting = pb::Product {
        sku: "FIT".to_owned(),
        name: "Fitting at home".to_owned(),
        unit_price: Some(eur(4_900)),
        kind: pb::ProductKind::Service as i32,
        ..Default::default()
    };
    let request =
        pb::CreateProductRequest { product: Some(fitting), request_id: String::new(), validate_only: false };
    server.inventory.clone().create_product(by("clerk", request)).await.expect("a service");
    let warehouse = Warehouse { server: &server };

    let goods = create_order(&server, draft("ann", "I-6", 1)).await.expect("an order");
    warehouse.until_quiet(&goods.id).await;
    let issued = invoice(&server, "INV-000001").await;
    let (due, issue) = (issued.due_time.expect("a date"), issued.issue_time.expect("a date"));
    assert_eq!(due.seconds - issue.seconds, 1_800, "as long as the goods are set aside");
    let text = letter(&server, &goods.id).await;
    let (_, asked) = text.split_once("Please pay €").expect("money is asked for");
    let (_, day) = asked.split_once(" by ").expect("a day");
    let (day, reference) = day.split_once(". For a bank transfer the reference is ").expect("a reference");
    assert!(reference.starts_with("RF69INV000001. The attached invoice says how you can pay."), "{text}");
    assert!(text.contains(&format!("We are holding the goods for you until {day}, ")), "{text}");

    let services = create_order(&server, draft("ben", "FIT", 1)).await.expect("an order");
    warehouse.until_quiet(&services.id).await;
    let issued = invoice(&server, "INV-000002").await;
    assert_eq!(issued.due_time, issued.issue_time, "at once");
    let text = letter(&server, &services.id).await;
    assert!(text.contains(" at once. For a bank transfer the reference is "), "{text}");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_invoice_says_what_it_lacks_and_is_not_sent_without_a_seller, async |server| {
    stocked(&server, "I-2", 20).await;
    let placed = create_order(&server, draft("ann", "I-2", 2)).await.expect("an order");
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let paper = of_order(&server, &placed.id).await;
    let lacks =
        "without the seller's name and address: the settings' seller had none when the invoice was issued";
    assert_eq!(paper.warnings, [lacks]);
    assert!(attached(&server).is_empty());
    assert!(!letter(&server, &placed.id).await.contains("PDF"));

    // The name that letters are signed with is better than none.
    let named = |settings: &mut Settings| settings.rules.company_name = "North Wind".to_owned();
    let server = TestServer::open(server.stop().await, named).await;
    let next = create_order(&server, draft("ben", "I-2", 2)).await.expect("an order");
    Warehouse { server: &server }.until_quiet(&next.id).await;
    let lacks = "without the seller's address: the settings' seller had none when the invoice was issued";
    assert_eq!(of_order(&server, &next.id).await.warnings, [lacks]);
    assert_eq!(of_order(&server, &placed.id).await, paper);
    assert!(attached(&server).is_empty());

    let request = pb::CancelOrderRequest {
        order_id: next.id.clone(),
        reason: "too late".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("storefront", request)).await.expect("cancelled");
    let void = "the invoice is VOID: it is not to be paid any more";
    assert_eq!(of_order(&server, &next.id).await.warnings, [lacks, void]);
    server.stop().await;
});

on_both_engines!(
    taxes_are_shown_by_rate_and_category_and_add_up,
    |it| {
        it.rules.payment_terms_days = 14;
        it.rules.reservation_lifetime_seconds = 20 * 86_400;
    },
    async |server| {
        stocked(&server, "I-3", 20).await;
        let book = pb::Product {
            sku: "BOOK-1".to_owned(),
            name: "A book".to_owned(),
            tax_category: "BOOKS".to_owned(),
            unit_price: Some(crate::shop::eur(1_000)),
            ..Default::default()
        };
        let request =
            pb::CreateProductRequest { product: Some(book), request_id: String::new(), validate_only: false };
        server.inventory.clone().create_product(by("clerk", request)).await.expect("a book");
        crate::shop::receive(&server, "BOOK-1", crate::shop::LEIPZIG, 5).await;
        let mut wish = draft("ann", "I-3", 2);
        wish.lines.push(pb::OrderLineDraft { sku: "BOOK-1".to_owned(), quantity: 1, ..Default::default() });
        wish.shipping_fee = Some(crate::shop::eur(490));
        create_order(&server, wish).await.expect("an order");

        let invoice = invoice(&server, "INV-000001").await;
        let rows: Vec<_> =
            invoice.tax_rows.iter().map(|it| (it.tax_category.as_str(), it.tax_rate_ppm)).collect();
        assert_eq!(rows, [("SHIPPING", 190_000), ("STANDARD", 190_000), ("BOOKS", 70_000)]);
        let cents = |it: &Option<pb::Money>| {
            let money = it.clone().expect("an amount");
            money.units * 100 + i64::from(money.nanos / 10_000_000)
        };
        let taxes: i64 = invoice.tax_rows.iter().map(|it| cents(&it.tax)).sum();
        let bases: i64 = invoice.tax_rows.iter().map(|it| cents(&it.base)).sum();
        assert_eq!((taxes, bases + taxes), (cents(&invoice.tax), cents(&invoice.total)));
        assert_eq!(invoice.creditor_reference, "RF69INV000001");
        let (due, issued) = (invoice.due_time.expect("a date"), invoice.issue_time.expect("a date"));
        assert_eq!(due.seconds - issued.seconds, 14 * 86_400);
        server.stop().await;
    }
);

on_both_engines!(an_invoice_that_there_is_not_is_refused_by_name, async |server| {
    stocked(&server, "I-4", 0).await;
    let mut wish = draft("ann", "I-4", 2);
    wish.on_shortage = pb::OnShortage::Wait as i32;
    let waiting = create_order(&server, wish).await.expect("an order");
    let refused = async |key: Key| {
        let status = document(&server, key).await.expect_err("no such paper");
        (status.code(), reason(&status))
    };
    let early = (Code::FailedPrecondition, "ILLEGAL_TRANSITION".to_owned());
    assert_eq!(refused(Key::OrderId(waiting.id.clone())).await, early);
    let missing = (Code::NotFound, "NOT_FOUND".to_owned());
    assert_eq!(refused(Key::InvoiceId("inv_01h455vb4pex5vsknk084sn02q".to_owned())).await, missing);
    assert_eq!(refused(Key::Number("INV-000077".to_owned())).await, missing);
    let invalid = (Code::InvalidArgument, "INVALID_FIELD".to_owned());
    assert_eq!(refused(Key::Number("INV".to_owned())).await, invalid);
    assert_eq!(refused(Key::OrderId("ord_nobody".to_owned())).await, invalid);
    for request in [
        pb::GetInvoiceDocumentRequest::default(),
        pb::GetInvoiceDocumentRequest { key: Some(Key::OrderId(waiting.id)), format: 9 },
    ] {
        let status = server.billing.clone().get_invoice_document(request).await.expect_err("a bad request");
        assert_eq!(reason(&status), "INVALID_FIELD");
    }
    server.stop().await;
});
