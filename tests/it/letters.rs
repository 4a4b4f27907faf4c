//! Letters over the wire: in whose language, what stays known of them, and what one would say.

use std::fs;

use consign::domain::Language;
use consign::pb::{self, MessageKind};
use consign::settings::Settings;

use crate::server::{TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_order, draft, every_law_holds, in_seconds, order, pay_by_card,
    stocked,
};
use crate::warehouse::Warehouse;

pub(crate) async fn letter(server: &TestServer, order: &str, kind: &str) -> pb::CustomerMessage {
    let filter = format!("order_id = {order} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    let page = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    let [listed] = page.messages.as_slice() else { panic!("{} letters {kind}", page.messages.len()) };
    assert_eq!(listed.html, "", "pages are left out of lists");
    let whole = get(server, &listed.id).await;
    let shown = |it: &pb::CustomerMessage| (it.locale.clone(), it.subject.clone(), it.body.clone());
    assert_eq!(shown(&whole), shown(listed));
    whole
}

async fn get(server: &TestServer, id: &str) -> pb::CustomerMessage {
    let request = pb::GetMessageRequest { message_id: id.to_owned() };
    server
        .orders
        .clone()
        .get_message(request)
        .await
        .expect("a message")
        .into_inner()
        .message
        .expect("a message")
}

async fn preview(
    server: &TestServer,
    order: &str,
    kind: MessageKind,
    locale: &str,
) -> Result<pb::PreviewMessageResponse, tonic::Status> {
    let request = pb::PreviewMessageRequest {
        order_id: order.to_owned(),
        kind: kind as i32,
        locale: locale.to_owned(),
    };
    server.orders.clone().preview_message(request).await.map(tonic::Response::into_inner)
}

fn in_locale(buyer: &str, locale: &str) -> pb::OrderDraft {
    let mut draft = draft(buyer, "L-1", 1);
    if let Some(customer) = &mut draft.customer {
        customer.locale = locale.to_owned();
    }
    draft
}

fn german_with_links(settings: &mut Settings) {
    settings.letters.language = Language::German;
    let url = "https://shop.example/track/{order_number}";
    settings.letters.tracking_url = Some(url.parse().expect("a pattern"));
}

on_both_engines!(each_customer_is_written_to_in_a_language_that_exists, german_with_links, async |server| {
    stocked(&server, "L-1", 20).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    for (buyer, locale, language, begins) in [
        ("ann", "en-GB", "en", "Dear Buyer ann,\n"),
        ("ben", "de-AT", "de", "Guten Tag Buyer ben,\n"),
        ("mila", "ru-RU", "ru", "Здравствуйте, Buyer mila!\n"),
        ("luc", "fr-FR", "de", "Guten Tag Buyer luc,\n"),
        ("nobody", "", "de", "Guten Tag Buyer nobody,\n"),
    ] {
        let placed = create_order(&server, in_locale(buyer, locale)).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
        warehouse.ship_all(&placed.id).await;
        warehouse.until_quiet(&placed.id).await;
        for kind in ["ORDER_RECEIVED", "INVOICE_ISSUED", "PAYMENT_RECEIVED", "SHIPPED"] {
            let letter = letter(&server, &placed.id, kind).await;
            assert_eq!((letter.locale.as_str(), letter.state()), (language, pb::MessageState::Sent));
            assert!(letter.body.starts_with(begins), "{}", letter.body);
            assert!(letter.html.contains(&format!("<html lang=\"{language}\">")), "{}", letter.html);
        }
        let url = format!("https://shop.example/track/{}", placed.number);
        let shipped = letter(&server, &placed.id, "SHIPPED").await;
        assert!(shipped.body.contains(&url) && shipped.html.contains(&format!("href=\"{url}\"")));
    }
    every_law_holds(&server).await;
});

on_both_engines!(what_was_said_stays_known_byte_for_byte, async |server| {
    stocked(&server, "L-1", 20).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, in_locale("ann", "en")).await.expect("an order");
    warehouse.until_quiet(&placed.id).await;
    let before = letter(&server, &placed.id, "INVOICE_ISSUED").await;
    assert!(before.body.contains("We are holding the goods for you until "), "{}", before.body);
    assert!(before.body.contains("Tax in detail:"), "{}", before.body);

    // The same letter would say something else now.
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    warehouse.ship_all(&placed.id).await;
    warehouse.until_quiet(&placed.id).await;
    let now = preview(&server, &placed.id, MessageKind::InvoiceIssued, "").await.expect("a preview");
    assert_ne!(now.body, before.body);
    assert_eq!(letter(&server, &placed.id, "INVOICE_ISSUED").await, before);

    // Nor do new templates change it.
    let (orders, places) = (placed.id, server.stop().await);
    let folder = places.folder.path().join("templates");
    fs::create_dir_all(folder.join("en")).unwrap();
    fs::write(folder.join("en/invoice_issued.md"), "# Pay!\n\nOrder {{ number }}.\n").unwrap();
    let own = |settings: &mut Settings| settings.letters.templates = Some(folder.clone());
    let server = TestServer::open(places, own).await;
    assert_eq!(letter(&server, &orders, "INVOICE_ISSUED").await, before);
    let now = preview(&server, &orders, MessageKind::InvoiceIssued, "").await.expect("a preview");
    assert_eq!(now.subject, "Pay!");
    every_law_holds(&server).await;
});

on_both_engines!(a_preview_says_what_would_be_said_and_sends_and_stores_nothing, async |server| {
    stocked(&server, "L-1", 20).await;
    let placed = create_order(&server, in_locale("ann", "en")).await.expect("an order");
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let etag = order(&server, &placed.id).await.etag;
    let russian =
        preview(&server, &placed.id, MessageKind::OrderCancelled, "ru-RU").await.expect("a preview");
    assert_eq!(russian.locale, "ru");
    assert_eq!(russian.subject, format!("Ваш заказ {} отменён", placed.number));
    assert!(russian.html.contains(&russian.subject) && russian.body.contains(&placed.number));

    let refused = preview(&server, &placed.id, MessageKind::Shipped, "").await.expect_err("no shipment");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let refused = preview(&server, &placed.id, MessageKind::Unspecified, &"x".repeat(36)).await;
    assert_eq!(refused.expect_err("two bad fields").code(), tonic::Code::InvalidArgument);

    let request = pb::ListMessagesRequest {
        filter: format!("order_id = {} AND kind = ORDER_CANCELLED", placed.id),
        ..Default::default()
    };
    let listed = server.orders.clone().list_messages(request).await.expect("a page").into_inner();
    assert!(listed.messages.is_empty());
    assert_eq!(order(&server, &placed.id).await.etag, etag);
});

fn answered(settings: &mut Settings) {
    settings.mail.from = "Shop <orders@shop.example>".to_owned();
    settings.mail.reply_to = "help@shop.example".to_owned();
}

on_both_engines!(every_letter_names_where_answers_go, answered, async |server| {
    stocked(&server, "L-1", 20).await;
    let placed = create_order(&server, in_locale("ann", "en")).await.expect("an order");
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let mailboxes = fs::read_dir(server.folder().join("data/messages")).unwrap();
    let texts: String = mailboxes.map(|it| fs::read_to_string(it.unwrap().path()).unwrap()).collect();
    let lines = |header: &str| texts.lines().filter(|it| it.trim_end() == header).count();
    let from = lines("From: Shop <orders@shop.example>");
    assert_eq!((from, lines("Reply-To: help@shop.example")), (2, 2), "{texts}");
});

on_both_engines!(a_hold_is_told_and_so_is_that_the_order_goes_on, async |server| {
    stocked(&server, "L-1", 20).await;
    let warehouse = Warehouse { server: &server };
    let placed = create_order(&server, in_locale("ann", "de")).await.expect("an order");
    let request = pb::PlaceHoldRequest {
        order_id: placed.id.clone(),
        reason: pb::HoldReason::HighRiskOfFraud as i32,
        comment: "looks like fraud".to_owned(),
        ..Default::default()
    };
    let held = server.orders.clone().place_hold(by("clerk", request)).await.expect("a hold").into_inner();
    warehouse.until_quiet(&placed.id).await;
    let told = letter(&server, &placed.id, "ON_HOLD").await;
    assert!(
        told.body.contains("wir prüfen Ihre Bestellung") && !told.body.contains("fraud"),
        "{}",
        told.body
    );

    let request = pb::ReleaseHoldRequest {
        order_id: placed.id.clone(),
        hold_id: held.hold.expect("a hold").id,
        ..Default::default()
    };
    server.orders.clone().release_hold(by("clerk", request)).await.expect("released");
    warehouse.until_quiet(&placed.id).await;
    let told = letter(&server, &placed.id, "HOLD_RELEASED").await;
    assert_eq!(told.subject, format!("Mit Ihrer Bestellung {} geht es weiter", placed.number));
    every_law_holds(&server).await;
});

/// Has units ordered from a supplier, who says when they come.
async fn order_more(server: &TestServer, sku: &str, expected: prost_types::Timestamp) {
    let mut inventory = server.inventory.clone();
    let rule = pb::ReorderRule { reorder_point: 5, order_up_to: 20, lead_time_days: 14 };
    let request = pb::SetReorderRuleRequest {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        rule: Some(rule),
        ..Default::default()
    };
    inventory.set_reorder_rule(by("clerk", request)).await.expect("a rule");
    let listed = inventory.list_replenishments(pb::ListReplenishmentsRequest::default()).await;
    let replenishment_id = listed.expect("a list").into_inner().replenishments.remove(0).id;
    let request =
        pb::ApproveReplenishmentRequest { replenishment_id: replenishment_id.clone(), ..Default::default() };
    inventory.approve_replenishment(by("clerk", request)).await.expect("approved");
    let request = pb::PlaceReplenishmentRequest {
        replenishment_id,
        expected_time: Some(expected),
        ..Default::default()
    };
    inventory.place_replenishment(by("clerk", request)).await.expect("placed");
}

on_both_engines!(the_first_date_of_an_order_that_waits_is_told_once, async |server| {
    stocked(&server, "L-2", 0).await;
    create_courier(&server).await;
    let warehouse = Warehouse { server: &server };
    let wish = pb::OrderDraft { on_shortage: pb::OnShortage::Wait as i32, ..draft("ann", "L-2", 2) };
    let placed = create_order(&server, wish).await.expect("it waits");
    warehouse.until_quiet(&placed.id).await;
    let told = letter(&server, &placed.id, "AWAITING_STOCK").await;
    assert!(told.body.contains("We do not know yet when the goods will arrive."), "{}", told.body);

    // The order is looked at again with a supplier's date.
    order_more(&server, "L-2", in_seconds(3 * 86_400)).await;
    for words in ["ring twice", "ring three times"] {
        let request = pb::UpdateOrderRequest {
            order_id: placed.id.clone(),
            order: Some(pb::OrderDraft { special_instructions: words.to_owned(), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["special_instructions".to_owned()] }),
            ..Default::default()
        };
        server.orders.clone().update_order(by("clerk", request)).await.expect("words");
    }
    warehouse.until_quiet(&placed.id).await;
    let dated = order(&server, &placed.id).await;
    assert_eq!(dated.state(), pb::OrderState::AwaitingStock);
    assert!(dated.promised_delivery_time.is_some());
    let told = letter(&server, &placed.id, "PROMISE_CHANGED").await;
    assert_eq!(told.subject, format!("The delivery date for your order {}", placed.number));
    assert!(told.body.contains("- Delivery date: ") && !told.body.contains("Previous"), "{}", told.body);
    every_law_holds(&server).await;
});

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_template_that_cannot_be_used_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    fs::create_dir_all(templates.join("de")).unwrap();
    fs::write(templates.join("de/shipped.md"), "# Unterwegs\n\nPaket {{ tracking }}\n").unwrap();
    let mut settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("data"),
        ..Settings::default()
    };
    settings.letters.templates = Some(templates);
    let refused = consign::server::Server::start(settings).await.err().expect("a refusal").to_string();
    assert!(refused.starts_with("letters.templates: de/shipped.md, line 3: "), "{refused}");
}
