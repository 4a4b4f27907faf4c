//! Imports over the wire and from the command line: each row by itself, in order, and once.

use std::time::Duration;

use consign::pb::{self, ImportOutcome};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::child::Site;
use crate::server::{Clients, Engine, TestServer, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_order, create_product, draft, eur, every_law_holds, level, open_location, order,
    reason, stocked,
};

fn options(import_id: &str, dry_run: bool) -> Option<pb::ImportOptions> {
    Some(pb::ImportOptions { import_id: import_id.to_owned(), dry_run })
}

fn mug(sku: &str, price: i64) -> pb::Product {
    pb::Product {
        sku: sku.to_owned(),
        name: format!("Mug {sku}"),
        unit_price: Some(eur(price)),
        ..Default::default()
    }
}

fn product_row(key: &str, product: pb::Product) -> pb::ImportProductsRequest {
    pb::ImportProductsRequest { row_key: key.to_owned(), product: Some(product), ..Default::default() }
}

fn stock_row(key: &str, sku: &str, counted: i64) -> pb::ImportStockRequest {
    let stock = pb::StockCount {
        sku: sku.to_owned(),
        location: LEIPZIG.to_owned(),
        counted: Some(counted),
        note: "sheet 7".to_owned(),
        ..Default::default()
    };
    pb::ImportStockRequest { row_key: key.to_owned(), stock: Some(stock), ..Default::default() }
}

fn order_row(key: &str, order: pb::OrderDraft) -> pb::ImportOrdersRequest {
    pb::ImportOrdersRequest { row_key: key.to_owned(), order: Some(order), ..Default::default() }
}

/// The messages of a stream: results in the order of their rows, and the summary as the last.
macro_rules! imported {
    ($server:expr, $method:ident, $answer:ident, $rows:expr) => {{
        let answers = $server.imports.clone().$method(by("clerk", stream::iter($rows))).await;
        let mut answers = answers.expect("a stream").into_inner();
        let (mut results, mut summary) = (Vec::new(), None);
        while let Some(message) = answers.message().await.expect("an answer") {
            assert!(summary.is_none(), "nothing comes after the summary");
            match message.answer.expect("an answer") {
                pb::$answer::Answer::Result(it) => results.push(it),
                pb::$answer::Answer::Summary(it) => summary = Some(it),
            }
        }
        let numbers: Vec<i64> = results.iter().map(|it| it.row_number).collect();
        assert_eq!(numbers, (1..=results.len() as i64).collect::<Vec<_>>());
        let summary = summary.expect("a summary");
        assert_eq!(summary.rows, results.len() as i64);
        (results, summary)
    }};
}

async fn products(
    server: &TestServer,
    mut rows: Vec<pb::ImportProductsRequest>,
    import_id: &str,
    dry_run: bool,
) -> (Vec<pb::ImportResult>, pb::ImportSummary) {
    rows[0].options = options(import_id, dry_run);
    imported!(server, import_products, import_products_response, rows)
}

async fn stock(
    server: &TestServer,
    mut rows: Vec<pb::ImportStockRequest>,
    import_id: &str,
) -> (Vec<pb::ImportResult>, pb::ImportSummary) {
    rows[0].options = options(import_id, false);
    imported!(server, import_stock, import_stock_response, rows)
}

async fn orders(
    server: &TestServer,
    mut rows: Vec<pb::ImportOrdersRequest>,
    import_id: &str,
    dry_run: bool,
) -> (Vec<pb::ImportResult>, pb::ImportSummary) {
    rows[0].options = options(import_id, dry_run);
    imported!(server, import_orders, import_orders_response, rows)
}

fn outcomes(results: &[pb::ImportResult]) -> Vec<ImportOutcome> {
    results.iter().map(pb::ImportResult::outcome).collect()
}

fn bad_fields(result: &pb::ImportResult) -> Vec<&str> {
    let refusal = result.refusal.as_ref().expect("a refused row");
    assert_eq!(refusal.reason(), pb::ErrorReason::InvalidField);
    refusal.problems.iter().map(|it| it.field.as_str()).collect()
}

async fn product(server: &TestServer, sku: &str) -> Result<pb::Product, Status> {
    let request = pb::GetProductRequest { sku: sku.to_owned() };
    Ok(server.inventory.clone().get_product(request).await?.into_inner().product.expect("a product"))
}

async fn refusal<T>(answers: Result<tonic::Response<Streaming<T>>, Status>) -> Status {
    let mut answers = match answers {
        Ok(answers) => answers.into_inner(),
        Err(status) => return status,
    };
    loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended well"),
            Err(status) => return status,
        }
    }
}

on_both_engines!(a_bad_row_names_every_problem_and_stops_no_other, async |server| {
    create_product(&server, "OLD", 500).await;
    let mask = |row: pb::ImportProductsRequest, paths: &[&str]| {
        let paths = paths.iter().map(|it| (*it).to_owned()).collect();
        pb::ImportProductsRequest { update_mask: Some(prost_types::FieldMask { paths }), ..row }
    };
    let dear = pb::Product { unit_price: Some(eur(900)), ..mug("OLD", 0) };
    let broken = pb::Product { weight_grams: -1, gtin: "1".to_owned(), ..mug("B-1", 100) };
    let service = pb::Product { kind: pb::ProductKind::Service as i32, ..mug("OLD", 900) };
    let rows = vec![
        product_row("1", mug("N-1", 100)),
        product_row("2", broken),
        mask(product_row("3", dear.clone()), &["unit_price"]),
        mask(product_row("4", dear), &["unit_price"]),
        product_row("", pb::Product { name: String::new(), ..mug("N 2", 100) }),
        product_row("6", service),
        pb::ImportProductsRequest { row_key: "7".to_owned(), ..Default::default() },
        mask(product_row("8", mug("N-3", 100)), &["unit_price", "sku"]),
        product_row("9", mug("N-4", 100)),
        product_row("10", mug("N-4", 200)),
    ];
    let (results, summary) = products(&server, rows, "", false).await;
    use ImportOutcome::{Created, Refused, Unchanged, Updated};
    assert_eq!(
        outcomes(&results),
        [Created, Refused, Updated, Unchanged, Refused, Refused, Refused, Refused, Created, Updated]
    );
    assert_eq!(bad_fields(&results[1]), ["product.weight_grams", "product.gtin"]);
    assert_eq!(bad_fields(&results[4]), ["row_key", "product.sku", "product.name"]);
    assert_eq!(bad_fields(&results[5]), ["product.kind"]);
    assert_eq!(bad_fields(&results[6]), ["product"]);
    assert_eq!(bad_fields(&results[7]), ["update_mask"]);
    let counts = [summary.created, summary.updated, summary.unchanged, summary.refused, summary.repeated];
    assert_eq!(counts, [2, 2, 1, 5, 0]);

    let old = product(&server, "OLD").await.expect("it was there");
    assert_eq!((old.name.as_str(), old.unit_price, old.etag.as_str()), ("product OLD", Some(eur(900)), "v2"));
    assert_eq!(product(&server, "N-4").await.expect("it is new").unit_price, Some(eur(200)));
    for sku in ["B-1", "N-3"] {
        assert_eq!(product(&server, sku).await.expect_err("refused").code(), Code::NotFound);
    }
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(an_import_that_is_taken_up_again_does_nothing_twice, async |server| {
    stocked(&server, "S-1", 10).await;
    create_product(&server, "S-2", 500).await;
    let rows = || vec![stock_row("a", "S-1", 7), stock_row("b", "S-2", 5), stock_row("c", "NONE", 5)];
    let (results, _) = stock(&server, rows(), "import-0001").await;
    use ImportOutcome::{Created, Refused, Updated};
    assert_eq!(outcomes(&results), [Updated, Created, Refused]);
    let told = results[2].refusal.as_ref().expect("a refusal");
    assert_eq!((told.reason(), told.problems.len()), (pb::ErrorReason::NotFound, 0));
    assert_eq!(level(&server, "S-1").await.on_hand, 7);

    // Units leave in between: what was counted before is not booked over that.
    create_order(&server, draft("ada", "S-1", 1)).await.expect("an order");
    let adjusted = pb::AdjustStockRequest {
        sku: "S-1".to_owned(),
        location: LEIPZIG.to_owned(),
        reason: pb::AdjustmentReason::Lost as i32,
        delta: -2,
        ..Default::default()
    };
    server.inventory.clone().adjust_stock(by("clerk", adjusted)).await.expect("two are lost");
    create_product(&server, "NONE", 500).await;
    let (again, summary) = stock(&server, rows(), "import-0001").await;
    assert_eq!(outcomes(&again), [Updated, Created, Created], "a refused row is decided anew");
    assert_eq!(again.iter().map(|it| it.repeated).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((summary.repeated, summary.created), (2, 2));
    assert_eq!(level(&server, "S-1").await.on_hand, 5);

    let (other, _) = stock(&server, vec![stock_row("a", "S-1", 9)], "import-0001").await;
    let told = other[0].refusal.as_ref().expect("the key has other content");
    assert_eq!(told.reason(), pb::ErrorReason::RequestIdReused);
    let (fresh, _) =
        stock(&server, vec![stock_row("a", "S-1", 9), stock_row("a", "S-1", 9)], "import-0002").await;
    assert_eq!(outcomes(&fresh), [Updated, Updated]);
    assert!(fresh[1].repeated && !fresh[0].repeated, "a key that stands twice in a file counts once");
    assert_eq!(level(&server, "S-1").await.on_hand, 9);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(orders_are_taken_in_as_single_ones_are, async |server| {
    stocked(&server, "O-1", 5).await;
    let named = |buyer: &str, units: i64, reference: &str| pb::OrderDraft {
        external_reference: reference.to_owned(),
        ..draft(buyer, "O-1", units)
    };
    let nobody = pb::OrderDraft { customer: None, currency: "EURO".to_owned(), ..draft("eve", "O-1", 1) };
    let rows = || {
        vec![
            order_row("1", named("ada", 2, "web-1")),
            order_row("2", nobody.clone()),
            order_row("3", named("bob", 1, "web-1")),
            order_row("4", named("cyd", 9, "web-2")),
            order_row("5", named("dan", 3, "web-3")),
        ]
    };
    use ImportOutcome::{Created, Refused};
    let (asked, _) = orders(&server, rows(), "orders-0001", true).await;
    // Each row is asked for as if it were the only one.
    assert_eq!(outcomes(&asked), [Created, Refused, Created, Refused, Created]);
    assert_eq!(level(&server, "O-1").await.reserved, 0, "a dry run leaves nothing");

    let (results, summary) = orders(&server, rows(), "orders-0001", false).await;
    assert_eq!(outcomes(&results), [Created, Refused, Refused, Refused, Created]);
    assert_eq!(bad_fields(&results[1]), ["order.customer", "order.currency"]);
    let told = results[2].refusal.as_ref().expect("a refusal");
    assert_eq!((told.reason(), told.metadata["existing"].as_str()), (pb::ErrorReason::Duplicate, "web-1"));
    let told = results[3].refusal.as_ref().expect("a refusal");
    assert_eq!(told.reason(), pb::ErrorReason::InsufficientStock);
    assert_eq!((summary.created, summary.refused), (2, 3));
    let placed = order(&server, &results[0].order_id).await;
    assert_eq!(
        (placed.number.as_str(), placed.state()),
        (results[0].order_number.as_str(), pb::OrderState::Invoiced)
    );

    let (again, summary) = orders(&server, rows(), "orders-0001", false).await;
    assert_eq!(again[0].order_id, results[0].order_id);
    assert_eq!((summary.repeated, summary.created), (2, 2));
    assert_eq!(level(&server, "O-1").await.reserved, 5);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(
    an_import_without_options_or_beyond_the_limit_is_refused,
    |it| {
        it.limits.imports = 1;
        it.limits.slow_reader_seconds = 3;
    },
    async |server| {
        let ask_once = async |rows: Vec<pb::ImportProductsRequest>| {
            refusal(server.imports.clone().import_products(by("clerk", stream::iter(rows))).await).await
        };
        // The place of one is free as soon as the server has noticed that its caller read the end.
        let ask = async |rows: Vec<pb::ImportProductsRequest>| {
            for _ in 0..100 {
                let status = ask_once(rows.clone()).await;
                if status.code() != Code::ResourceExhausted {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("no place is given back");
        };
        let row = || product_row("1", mug("N-1", 100));
        let with = |id: &str| pb::ImportProductsRequest { options: options(id, false), ..row() };
        for rows in [vec![], vec![row()], vec![with(""), with("")], vec![with("short")]] {
            let status = ask(rows).await;
            assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
        }
        // What came before the second options was decided.
        assert!(product(&server, "N-1").await.is_ok());
        let large = pb::Product { name: "x".repeat(70_000), ..mug("N-2", 100) };
        let status = ask(vec![with(""), product_row("2", large)]).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELD"));

        // One that stands open keeps others out until it is given up, as no row comes.
        let (_rows, mut open) = open_import(&server, with("")).await;
        let second = ask_once(vec![with("")]).await;
        assert_eq!((second.code(), reason(&second).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
        let given_up = open.message().await.expect_err("no row comes");
        assert_eq!(
            (given_up.code(), reason(&given_up).as_str()),
            (Code::DeadlineExceeded, "DEADLINE_PASSED")
        );
        // Its place is free again.
        assert_eq!(reason(&ask(vec![row()]).await), "INVALID_FIELD");
        server.stop().await;
    }
);

/// An import of which one row was answered, as soon as there is a place for it.
async fn open_import(
    server: &TestServer,
    first: pb::ImportProductsRequest,
) -> (mpsc::Sender<pb::ImportProductsRequest>, Streaming<pb::ImportProductsResponse>) {
    for _ in 0..100 {
        let (rows, waiting) = mpsc::channel(1);
        rows.send(first.clone()).await.expect("a place");
        let request = by("clerk", ReceiverStream::new(waiting));
        match server.imports.clone().import_products(request).await {
            Ok(open) => {
                let mut open = open.into_inner();
                assert!(open.message().await.expect("an answer").is_some());
                return (rows, open);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("no place is given back");
}

on_both_engines!(
    a_thousand_rows_come_back_in_their_order_and_rows_of_one_product_keep_theirs,
    async |server| {
        let rows: Vec<_> = (0..1_000)
            .map(|number: i64| {
                let key = number.to_string();
                product_row(&key, mug(&format!("M-{}", number % 300), number))
            })
            .collect();
        let (results, summary) = products(&server, rows, "thousand-1", false).await;
        assert_eq!((summary.created, summary.updated), (300, 700));
        for (index, result) in results.iter().enumerate() {
            assert_eq!(
                (result.row_key.clone(), &result.sku),
                (index.to_string(), &format!("M-{}", index % 300))
            );
        }
        for number in 700..1_000 {
            let product = product(&server, &format!("M-{}", number % 300)).await.expect("it is there");
            assert_eq!(product.unit_price, Some(eur(number)), "the last row of {} counts", product.sku);
        }
        server.stop().await;
    }
);

on_both_engines!(an_import_that_a_stop_cut_off_goes_on_at_the_next_server, async |server| {
    open_location(&server, LEIPZIG, "EUROPE", "DE").await;
    create_product(&server, "C-1", 500).await;
    let (rows, waiting) = mpsc::channel(1);
    let first = pb::ImportStockRequest { options: options("cut-off-1", false), ..stock_row("1", "C-1", 4) };
    rows.send(first.clone()).await.expect("a place");
    let request = by("clerk", ReceiverStream::new(waiting));
    let mut answers = server.imports.clone().import_stock(request).await.expect("a stream").into_inner();
    assert!(answers.message().await.expect("an answer").is_some());

    let places = server.stop().await;
    let cut = answers.message().await.expect_err("the server has stopped");
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    let info = tonic_types::StatusExt::get_details_error_info(&cut).expect("an ErrorInfo");
    assert_eq!(info.metadata["resume"], "1");
    drop(rows);

    let server = TestServer::open(places, |_| {}).await;
    let (results, _) =
        stock(&server, vec![stock_row("1", "C-1", 4), stock_row("2", "C-1", 6)], "cut-off-1").await;
    assert_eq!(results.iter().map(|it| it.repeated).collect::<Vec<_>>(), [true, false]);
    assert_eq!(level(&server, "C-1").await.on_hand, 6);
    every_law_holds(&server).await;
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn files_are_imported_from_the_command_line_on_sqlite() {
    files(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_imported_from_the_command_line_on_postgres() {
    files(Engine::Postgres).await;
}

async fn files(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let server = site.start().await;
    let address = server.address.to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let run = |kind: &str, name: &str, text: &str, more: &[&str]| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        let file = file.to_str().expect("a path");
        let arguments = [&["import", kind, file, "--address", &address], more].concat();
        let output = site.run(&arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };

    let table = "sku,name,unit_price,weight_grams\nF-1,Mug,9.90 EUR,300\nF-2,,1 EUR,\nF-3,Cup,9.90,\nF-4,Cup,5 EUR,-3\n";
    let (code, told) = run("products", "p.csv", table, &[]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((code, lines.len()), (Some(1), 4), "{told}");
    assert_eq!(lines[0], "line 3: product.name: is required of a new product");
    assert!(lines[1].starts_with("line 4: unit_price: must be an amount"), "{told}");
    assert!(lines[2].starts_with("line 5: product.weight_grams: must be"), "{told}");
    assert!(lines[3].starts_with("4 rows: 1 created, 0 updated, 0 unchanged, 3 refused (import-"), "{told}");

    let lines = "{\"sku\": \"F-1\", \"unit_price\": {\"currency_code\": \"EUR\", \"units\": 8}}\n{\"sku\": \"F-2\", \"name\": \"Jug\"}\n";
    let (code, told) = run("products", "p.jsonl", lines, &["--dry-run"]);
    let asked =
        "2 rows: 1 created, 1 updated, 0 unchanged, 0 refused; it was a dry run: nothing was changed\n";
    assert_eq!((code, told.as_str()), (Some(0), asked));
    let (code, told) = run("products", "p.jsonl", lines, &["--import-id", "file-0001"]);
    assert_eq!(
        (code, told.as_str()),
        (Some(0), "2 rows: 1 created, 1 updated, 0 unchanged, 0 refused (file-0001)\n")
    );
    let (code, told) = run("products", "p.jsonl", lines, &["--import-id", "file-0001"]);
    let repeated = "2 rows: 1 created, 1 updated, 0 unchanged, 0 refused; 2 of them had been accepted before (file-0001)\n";
    assert_eq!((code, told.as_str()), (Some(0), repeated));

    let clients = Clients::over(server.channel());
    open_location(&clients, LEIPZIG, "EUROPE", "DE").await;
    let request = pb::GetProductRequest { sku: "F-1".to_owned() };
    let mug = clients.inventory.clone().get_product(request).await.expect("a product").into_inner().product;
    let mug = mug.expect("a product");
    assert_eq!((mug.name.as_str(), mug.weight_grams, mug.unit_price), ("Mug", 300, Some(eur(800))));
    let table = format!("sku,location,counted\nF-1,{LEIPZIG},9\nF-2,{LEIPZIG},4\n");
    assert_eq!(run("stock", "s.csv", &table, &[]).0, Some(0));
    assert_eq!(level(&clients, "F-1").await.on_hand, 9);

    let line = r#"{"channel": "CHANNEL_PHONE", "customer": {"name": "Ada", "email": "ada@example.com"}, "currency": "EUR", "shipping_address": {"street": ["Invalidenstraße 117"], "city": "Berlin", "postal_code": "10115", "country": "DE"}, "lines": [{"sku": "F-1", "quantity": 2}]}"#;
    let (code, told) = run("orders", "o.jsonl", &format!("{line}\nnonsense\n"), &[]);
    assert!(told.starts_with("line 2: no JSON"), "{told}");
    assert!(told.contains("2 rows: 1 created, 0 updated, 0 unchanged, 1 refused"), "{told}");
    assert_eq!(code, Some(1));
    assert_eq!(level(&clients, "F-1").await.reserved, 2);
    table_of_orders(&clients, &run).await;
    for (name, text) in [("bad.csv", "sku,colour\n"), ("orders.csv", "channel\n")] {
        let kind = if name == "bad.csv" { "products" } else { "orders" };
        assert_eq!(run(kind, name, text, &[]).0, Some(2), "{name}");
    }
    assert_eq!(site.broken_laws(), "");
}

/// Two rows of an order that is taken in, two of one that the server refuses, and one that cannot be read.
async fn table_of_orders(
    clients: &Clients,
    run: &impl Fn(&str, &str, &str, &[&str]) -> (Option<i32>, String),
) {
    let table = format!(
        "order,channel,customer.name,customer.email,shipping.street,shipping.city,shipping.postal_code,\
        shipping.country,currency,sku,quantity,unit_price\n\
        W-1,ONLINE,Bob,bob@example.com,{address},Berlin,10115,DE,EUR,F-1,1,\n\
        W-1,,,,,,,,,F-2,2,5 EUR\n\
        W-2,ONLINE,Eve,eve@example.com,{address},Berlin,10115,DE,EUR,F-1,1,\n\
        W-2,,,,,,,,,NONE,1,\n\
        W-3,ONLINE,Dan,dan@example.com,{address},Berlin,10115,DE,EUR,F-1,many,\n",
        address = "Invalidenstraße 117",
    );
    let (code, told) = run("orders", "o.csv", &table, &["--dry-run"]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((code, lines.len()), (Some(1), 3), "{told}");
    assert!(lines[0].starts_with("line 5: order.lines[1].sku: "), "{told}");
    assert!(lines[1].starts_with("line 6: quantity: must be a whole number, not \"many\""), "{told}");
    assert!(
        lines[2].starts_with("3 rows: 1 created, 0 updated, 0 unchanged, 2 refused; it was a dry"),
        "{told}"
    );
    assert_eq!(level(clients, "F-2").await.reserved, 0);
    for repeated in [0, 1] {
        let (_, told) = run("orders", "o.csv", &table, &["--import-id", "table-001"]);
        assert!(told.contains("3 rows: 1 created, 0 updated, 0 unchanged, 2 refused"), "{told}");
        assert_eq!(told.contains("1 of them had been accepted before"), repeated == 1, "{told}");
    }
    assert_eq!((level(clients, "F-1").await.reserved, level(clients, "F-2").await.reserved), (3, 2));
}
