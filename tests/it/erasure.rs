//! A person is erased, over the wire: from documents, histories, letters, kept answers, indexes, and the bytes of the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use consign::pb;
use consign::settings::Settings;
use tonic::{Code, Status};

use crate::child::Site;
use crate::postgres::TestDatabase;
use crate::privacy::{create_customer, of_customer, of_email};
use crate::server::{Clients, Engine, TestServer, on_both_engines};
use crate::shop::{
    by, create_courier, create_order, draft, every_law_holds, level, order, pay_by_card, reason, stocked,
};
use crate::warehouse::Warehouse;

/// What names the person, as it is stored somewhere.
const NEEDLES: [&str; 9] = [
    "zelda.quill@example.com",
    "Zelda Quillfeather",
    "Mockturtle Lane",
    "Weimarquill",
    "ring for Zeldaquill",
    "zelda-note-7731",
    "hold-about-zelda",
    "zelda is cross",
    "+4930901820",
];

/// How long what happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn nothing_kept(settings: &mut Settings) {
    settings.rules.keep_invoices_years = 0;
    // She orders the same again and again.
    settings.rules.duplicate_window_seconds = 0;
}

fn zelda() -> pb::OrderDraft {
    pb::OrderDraft {
        customer: Some(pb::Customer {
            name: "Zelda Quillfeather".to_owned(),
            email: "zelda.quill@example.com".to_owned(),
            phone: "+4930901820".to_owned(),
            ..Default::default()
        }),
        shipping_address: Some(pb::Address {
            recipient: "Zelda Quillfeather".to_owned(),
            street: vec!["Mockturtle Lane 4".to_owned()],
            city: "Weimarquill".to_owned(),
            postal_code: "99423".to_owned(),
            country: "DE".to_owned(),
            ..Default::default()
        }),
        special_instructions: "ring for Zeldaquill".to_owned(),
        labels: [("who".to_owned(), "zelda-label".to_owned())].into(),
        ..draft("zelda", "E-1", 1)
    }
}

fn placing(request_id: &str) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest { order: Some(zelda()), request_id: request_id.to_owned(), ..Default::default() }
}

async fn place(server: &Clients, request_id: &str) -> Result<pb::Order, Status> {
    place_as(server, "shop", request_id).await
}

async fn place_as(server: &Clients, actor: &'static str, request_id: &str) -> Result<pb::Order, Status> {
    let answer = server.orders.clone().create_order(by(actor, placing(request_id))).await?;
    Ok(answer.into_inner().order.expect("an order"))
}

/// Paid, delivered, commented upon, annotated and closed; its letters are sent.
async fn life(server: &Clients, request_id: &str) -> String {
    let placed = place(server, request_id).await.expect("there is stock");
    let id = placed.id;
    let hold = pb::PlaceHoldRequest {
        order_id: id.clone(),
        reason: pb::HoldReason::Other as i32,
        comment: "hold-about-zelda".to_owned(),
        ..Default::default()
    };
    let held = server.orders.clone().place_hold(by("clerk", hold)).await.expect("held").into_inner();
    let hold_id = held.order.expect("an order").holds[0].id.clone();
    let release = pb::ReleaseHoldRequest {
        order_id: id.clone(),
        hold_id,
        comment: "hold-about-zelda is over".to_owned(),
        ..Default::default()
    };
    server.orders.clone().release_hold(by("clerk", release)).await.expect("released");
    pay_by_card(server, &id, "tok_success").await.expect("paid");
    let note = pb::AddOrderNoteRequest {
        order_id: id.clone(),
        text: "zelda-note-7731".to_owned(),
        request_id: format!("{request_id}-note"),
        ..Default::default()
    };
    // She wrote it herself: the shop acts for her.
    server.orders.clone().add_order_note(by("zelda.quill@example.com", note)).await.expect("a note");
    let warehouse = Warehouse { server };
    warehouse.deliver_all(&id).await;
    let said = pb::SubmitFeedbackRequest {
        order_id: id.clone(),
        delivery_rating: 4,
        product_rating: 4,
        comment: "zelda is cross".to_owned(),
        ..Default::default()
    };
    server.feedback.clone().submit_feedback(by("shop", said)).await.expect("an answer");
    warehouse.until_quiet(&id).await;
    warehouse.close(&id).await;
    id
}

/// Some shops name the person as the actor. It is cancelled again.
async fn placed_by_herself(server: &Clients) {
    let own = place_as(server, "zelda.quill@example.com", "").await.expect("there is stock");
    let cancel = pb::CancelOrderRequest {
        order_id: own.id.clone(),
        reason: "zelda is cross".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", cancel)).await.expect("nothing has left");
    Warehouse { server }.until_quiet(&own.id).await;
}

async fn erase(
    server: &Clients,
    subject: Option<pb::DataSubject>,
    validate_only: bool,
) -> Result<pb::EraseCustomerDataResponse, Status> {
    let request = pb::EraseCustomerDataRequest { subject, validate_only };
    server.privacy.clone().erase_customer_data(by("officer", request)).await.map(|it| it.into_inner())
}

/// Those of the needles that are in these bytes, in whatever case.
fn among(needles: impl IntoIterator<Item = &'static str>, bytes: &[u8]) -> Vec<&'static str> {
    let holds = |it: &&str| bytes.windows(it.len()).any(|part| part.eq_ignore_ascii_case(it.as_bytes()));
    needles.into_iter().filter(holds).collect()
}

/// The needles that are in the files of an embedded database, its log among them.
fn in_files(data: &Path) -> Vec<&'static str> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default().to_owned();
        if !name.contains(".db") {
            continue;
        }
        found.extend(among(NEEDLES, &std::fs::read(&path).expect("a file")));
    }
    found
}

/// The needles that are in the mailboxes of a server that has no other mail.
fn in_letters(data: &Path) -> Vec<&'static str> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data.join("messages")).expect("a folder") {
        let path = entry.expect("an entry").path();
        // One that has just gone has none.
        found.extend(among(NEEDLES, &std::fs::read(&path).unwrap_or_default()));
    }
    found
}

/// The needles that are in rows, as text or within what is stored as bytes.
async fn in_rows(database: &TestDatabase) -> Vec<String> {
    let mut found = Vec::new();
    let tables =
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'";
    let tables = database.words(tables).await;
    assert!(tables.len() > 50, "{tables:?}");
    for table in tables {
        for needle in NEEDLES {
            let hex: String = needle.bytes().map(|it| format!("{it:02x}")).collect();
            let sql = format!(
                "SELECT COUNT(*) FROM {table} AS t WHERE POSITION(lower('{needle}') IN lower(CAST(t AS TEXT))) > 0 \
                 OR POSITION('{hex}' IN CAST(t AS TEXT)) > 0"
            );
            if database.number(&sql).await > 0 {
                found.push(format!("{needle} in {table}"));
            }
        }
    }
    found
}

async fn needles(server: &TestServer) -> Vec<String> {
    match server.database() {
        Some(database) => in_rows(database).await,
        None => in_files(&server.folder().join("data")).into_iter().map(str::to_owned).collect(),
    }
}

on_both_engines!(of_an_erased_person_no_byte_is_left, nothing_kept, async |server| {
    stocked(&server, "E-1", 50).await;
    create_courier(&server).await;
    let ids = [life(&server, "cart-0000-0001").await, life(&server, "cart-0000-0002").await];
    Warehouse { server: &server }.archive(&ids[1]).await;
    placed_by_herself(&server).await;
    let bystander = create_order(&server, draft("bob", "E-1", 1)).await.expect("somebody else's order");
    let there = needles(&server).await;
    for needle in NEEDLES {
        assert!(there.iter().any(|it| it.contains(needle)), "{needle} is looked for where it is: {there:?}");
    }
    let data = server.folder().join("data");
    Warehouse { server: &server }.until_quiet(&bystander.id).await;
    let written = in_letters(&data);
    for needle in [NEEDLES[0], NEEDLES[1]] {
        assert!(written.contains(&needle), "{needle} is in no letter: {written:?}");
    }
    let before = order(&server, &ids[0]).await;
    let stock = level(&server, "E-1").await;

    let asked = erase(&server, of_email("zelda.quill@example.com"), true).await.expect("it would be done");
    assert_eq!((asked.erased_orders, asked.kept_orders, asked.kept.as_str()), (3, 0, ""));
    assert_eq!(order(&server, &ids[0]).await, before, "it was only asked");
    let told = erase(&server, of_email("Zelda.Quill@example.com"), false).await.expect("they are over");
    assert_eq!(told, asked);

    assert_eq!(needles(&server).await, [""; 0]);
    assert_eq!(in_letters(&data), [""; 0]);
    for id in &ids {
        let erased = order(&server, id).await;
        assert_eq!(erased.state(), pb::OrderState::Archived);
        assert_eq!(erased.customer.as_ref().map(|it| it.email.as_str()), Some(""));
        assert!(
            erased.notes.iter().all(|it| it.text == "erased" && it.author == "erased"),
            "{:?}",
            erased.notes
        );
        assert_eq!(erased.erasure.as_ref().map(|it| it.actor.as_str()), Some("officer"));
        assert!(erased.available_actions.is_empty());
    }
    // What the books are made of is as it was.
    let after = order(&server, &ids[0]).await;
    assert_eq!((&after.totals, &after.lines), (&before.totals, &before.lines));
    assert_eq!(level(&server, "E-1").await, stock);
    let beside = order(&server, &bystander.id).await;
    assert_eq!((beside.customer, beside.shipping_address), (bystander.customer, bystander.shipping_address));
    assert_eq!((beside.lines, beside.totals), (bystander.lines, bystander.totals));
    every_law_holds(&server).await;

    let found = |filter: &str| {
        let request =
            pb::ListOrdersRequest { filter: filter.to_owned(), show_archived: true, ..Default::default() };
        let mut orders = server.orders.clone();
        async move { orders.list_orders(request).await.expect("a list").into_inner().orders.len() }
    };
    assert_eq!(found("customer_email = zelda.quill@example.com").await, 0);
    assert_eq!(found("labels.who:*").await, 0);

    // A repeat of what was answered before is told why there is no answer any more; nothing is done twice.
    let repeated = place(&server, "cart-0000-0001").await.expect_err("the answer is gone");
    assert_eq!((repeated.code(), reason(&repeated).as_str()), (Code::FailedPrecondition, "DATA_ERASED"));
    let restore = pb::RestoreOrderRequest {
        order_id: ids[0].clone(),
        reason: "by mistake".to_owned(),
        ..Default::default()
    };
    let refused =
        server.orders.clone().restore_order(by("clerk", restore)).await.expect_err("nobody is left");
    assert_eq!(reason(&refused), "DATA_ERASED");

    let again = erase(&server, of_email("zelda.quill@example.com"), false).await.expect("nothing is left");
    assert_eq!(again, pb::EraseCustomerDataResponse::default());
    assert_eq!(needles(&server).await, [""; 0]);
    server.stop().await;
});

on_both_engines!(
    a_customer_goes_with_their_orders_and_invoices_stay_as_long_as_the_law_says,
    async |server| {
        stocked(&server, "E-1", 50).await;
        create_courier(&server).await;
        let customer = create_customer(&server, "wanda").await;
        let placed = pb::OrderDraft { customer_id: customer.clone(), ..zelda() };
        let placed = create_order(&server, placed).await.expect("an order");
        pay_by_card(&server, &placed.id, "tok_success").await.expect("paid");
        let warehouse = Warehouse { server: &server };
        warehouse.deliver_all(&placed.id).await;
        warehouse.until_quiet(&placed.id).await;
        warehouse.close(&placed.id).await;

        let told = erase(&server, of_customer(&customer), false).await.expect("it is over");
        assert_eq!((told.erased_customers, told.erased_orders, told.kept_orders), (1, 1, 1));
        assert!(told.kept.contains("the law keeps what invoices of 1 orders say"), "{}", told.kept);
        assert!(told.kept_until_time.is_some());

        let key = pb::get_invoice_request::Key::InvoiceId(placed.invoice_id.clone());
        let get = pb::GetInvoiceRequest { key: Some(key) };
        let invoice = server.billing.clone().get_invoice(get).await.expect("an invoice").into_inner();
        let said = format!("{invoice:?}");
        assert!(said.contains("Zelda Quillfeather") && said.contains("Mockturtle Lane"), "{said}");
        assert!(!said.contains("zelda.quill@example.com") && !said.contains("+4930901820"), "{said}");

        let get = pb::GetCustomerRequest { customer_id: customer.clone() };
        let gone = server.customers.clone().get_customer(get).await.expect("the id is there").into_inner();
        let gone = gone.customer.expect("a customer");
        assert!(
            gone.erasure.is_some() && gone.contact.is_none_or(|it| it.email.is_empty() && it.name.is_empty())
        );
        let again = pb::OrderDraft { customer_id: customer.clone(), ..zelda() };
        let refused = create_order(&server, again).await.expect_err("they are gone");
        assert_eq!(reason(&refused), "INVALID_FIELD");
        every_law_holds(&server).await;
        server.stop().await;
    }
);

on_both_engines!(everything_that_prevents_it_is_said_at_once, nothing_kept, async |server| {
    stocked(&server, "E-1", 50).await;
    create_courier(&server).await;
    let open = place(&server, "").await.expect("an order that is open");
    let held = life(&server, "cart-0000-0003").await;
    let set = |target: pb::legal_hold_target::Target, reason: &str| pb::SetLegalHoldRequest {
        target: Some(pb::LegalHoldTarget { target: Some(target) }),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let of_order = pb::legal_hold_target::Target::OrderId(held.clone());
    let answer = server.privacy.clone().set_legal_hold(by("counsel", set(of_order.clone(), "case 7"))).await;
    let hold = answer.expect("held").into_inner().legal_hold.expect("a hold");
    assert_eq!((hold.reason.as_str(), hold.actor.as_str()), ("case 7", "counsel"));
    assert_eq!(order(&server, &held).await.legal_hold, Some(hold));

    for validate_only in [true, false] {
        let refused = erase(&server, of_email("zelda.quill@example.com"), validate_only).await;
        let refused = refused.expect_err("two reasons");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "NOT_ERASABLE"));
        let message = refused.message();
        assert!(message.contains(&format!("order {}: it is INVOICED", open.number)), "{message}");
        assert!(message.contains("it is under a legal hold: case 7"), "{message}");
    }
    assert_eq!(order(&server, &held).await.customer.expect("a customer").name, "Zelda Quillfeather");

    let cancel = pb::CancelOrderRequest {
        order_id: open.id.clone(),
        reason: "zelda is cross".to_owned(),
        ..Default::default()
    };
    server.orders.clone().cancel_order(by("clerk", cancel)).await.expect("nothing has left");
    Warehouse { server: &server }.until_quiet(&open.id).await;
    let release = pb::ReleaseLegalHoldRequest {
        target: Some(pb::LegalHoldTarget { target: Some(of_order) }),
        ..Default::default()
    };
    server.privacy.clone().release_legal_hold(by("counsel", release)).await.expect("released");
    let told = erase(&server, of_email("zelda.quill@example.com"), false).await.expect("nothing prevents it");
    assert_eq!(told.erased_orders, 2);
    assert_eq!(needles(&server).await, [""; 0]);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_legal_hold_of_a_customer_and_bad_requests, async |server| {
    let customer = create_customer(&server, "wanda").await;
    let set = |target: Option<pb::legal_hold_target::Target>, reason: &str, until: Option<i64>| {
        pb::SetLegalHoldRequest {
            target: Some(pb::LegalHoldTarget { target }),
            reason: reason.to_owned(),
            until_time: until.map(crate::shop::in_seconds),
            ..Default::default()
        }
    };
    let of = |id: &str| Some(pb::legal_hold_target::Target::CustomerId(id.to_owned()));
    let ask = async |request| server.privacy.clone().set_legal_hold(by("counsel", request)).await;
    for bad in [
        set(None, "case", None),
        set(of("cus_1"), "case", None),
        set(of(&customer), "", None),
        set(of(&customer), "case", Some(-60)),
    ] {
        let refused = ask(bad.clone()).await.expect_err("it is not right");
        assert_eq!(reason(&refused), "INVALID_FIELD", "{bad:?}");
    }
    let both = ask(set(of("cus_1"), "", None)).await.expect_err("two fields");
    assert!(both.message().contains("target.customer_id") && both.message().contains("reason"), "{both:?}");
    let unknown = ask(set(of("cus_01h455vb4pex5vsknk084sn02q"), "case", None)).await.expect_err("nobody");
    assert_eq!(reason(&unknown), "NOT_FOUND");
    let anonymous = server.privacy.clone().set_legal_hold(set(of(&customer), "case", None)).await;
    assert_eq!(reason(&anonymous.expect_err("nobody says it")), "ACTOR_REQUIRED");

    ask(set(of(&customer), "case 9", Some(3_600))).await.expect("held");
    let refused = erase(&server, of_customer(&customer), false).await.expect_err("they are held");
    assert!(refused.message().contains("is under a legal hold: case 9"), "{refused:?}");
    let anonymous = pb::EraseCustomerDataRequest { subject: of_customer(&customer), validate_only: false };
    let anonymous = server.privacy.clone().erase_customer_data(anonymous).await.expect_err("nobody says it");
    assert_eq!(reason(&anonymous), "ACTOR_REQUIRED");
    server.stop().await;
});

/// Killed at any moment of it, a server goes on when it starts again.
async fn killed_while_erasing(engine: Engine) {
    let Some(server) = TestServer::start_with(engine, nothing_kept).await else { return };
    stocked(&server, "E-1", 60).await;
    create_courier(&server).await;
    for number in 0..12 {
        let placed = place(&server, &format!("cart-0000-1{number:03}")).await.expect("an order");
        let cancel = pb::CancelOrderRequest {
            order_id: placed.id.clone(),
            reason: "zelda is cross".to_owned(),
            ..Default::default()
        };
        server.orders.clone().cancel_order(by("clerk", cancel)).await.expect("nothing has left");
        Warehouse { server: &server }.until_quiet(&placed.id).await;
    }
    let mut site = Site::of(server.stop().await);
    site.set("CONSIGN_RULES__KEEP_INVOICES_YEARS", 0);

    for pause in [20, 150, 600] {
        let mut process = site.start().await;
        let clients = Clients::over(process.channel());
        let erasing = tokio::spawn(async move {
            erase(&clients, of_email("zelda.quill@example.com"), false).await.map(drop)
        });
        tokio::time::sleep(Duration::from_millis(pause)).await;
        process.kill();
        let _ = erasing.await;
    }

    // Nobody asks again.
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    let began = Instant::now();
    loop {
        let mut left = match &site.database {
            Some(database) => in_rows(database).await,
            None => in_files(&site.data()).into_iter().map(str::to_owned).collect(),
        };
        left.extend(in_letters(&site.data()).into_iter().map(|it| format!("{it} in a letter")));
        if left.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{left:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    every_law_holds(&clients).await;
    let log = site.log();
    assert!(!log.is_empty());
    assert_eq!(among(NEEDLES, log.as_bytes()), [""; 0], "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_goes_on_where_a_killed_server_left_it_on_sqlite() {
    killed_while_erasing(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_goes_on_where_a_killed_server_left_it_on_postgres() {
    killed_while_erasing(Engine::Postgres).await;
}
