//! The process as its operator sees it: log, signals, settings in the environment, commands without a database.

use std::io::Read;
use std::process::{Output, Stdio};
use std::time::Duration;

use consign::access::KeyHash;
use consign::pb;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tonic::Code;

use crate::child::{Process, Site};
use crate::postgres::TestDatabase;
use crate::server::{Clients, Engine};

/// No order has it.
const NOBODY: &str = "ord_01h455vb4pex5vsknk084sn02q";

/// Calls that are refused, each with a line in the log, a few at once.
async fn call(process: &Process, times: usize) {
    let orders = Clients::over(process.channel()).orders;
    let call = |_| async {
        let key = pb::get_order_request::Key::OrderId(NOBODY.to_owned());
        let request = pb::GetOrderRequest { key: Some(key), ..Default::default() };
        let status = orders.clone().get_order(request).await.expect_err("no order");
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
    };
    stream::iter(0..times).map(call).buffer_unordered(16).collect::<()>().await;
}

async fn embedded() -> Site {
    Site::prepare(Engine::Sqlite).await.expect("it is embedded")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_nobody_reads_any_more_serves_on_and_stops_well() {
    let site = embedded().await;
    let mut process = site.spawn_logging_to(Stdio::piped());
    process.serves().await;
    call(&process, 1).await;
    drop(process.take_log());
    call(&process, 20).await;
    process.signal("TERM");
    assert!(process.ends_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_right_after_the_first_answer_stops_the_server_well() {
    for _ in 0..5 {
        let site = embedded().await;
        let mut process = site.start().await;
        process.signal("TERM");
        assert!(process.ends_well());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_log_has_no_room_serves() {
    let site = embedded().await;
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let mut process = site.spawn_logging_to(full.into());
    process.serves().await;
    call(&process, 20).await;
    process.signal("TERM");
    assert!(process.ends_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_wait_for_who_reads_its_log_and_the_last_line_is_written() {
    let site = embedded().await;
    let mut process = site.spawn_logging_to(Stdio::piped());
    process.serves().await;
    // More lines than a pipe takes.
    call(&process, 2_000).await;

    let mut log = process.take_log();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });
    process.signal("TERM");
    assert!(process.ends_well());
    let text = reading.join().expect("no panic").expect("a log");
    assert!(text.lines().last().is_some_and(|it| it.contains("stopped")), "{text}");
    let refused: Vec<_> = text.lines().filter(|it| it.contains("rpc.reason=\"NOT_FOUND\"")).collect();
    assert!(refused.len() > 1_000, "{text}");
    for field in ["rpc.method=consign.v1.OrderService/GetOrder", "call.id=", "resource=\"ord_", " us="] {
        assert!(refused[0].contains(field), "{field} is not in {}", refused[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_says_what_starts_and_what_is_insecure() {
    let first_line = async |site: &Site| {
        let mut process = site.start().await;
        process.signal("TERM");
        assert!(process.ends_well());
        site.log().lines().next().expect("a line").to_owned()
    };
    let mut site = embedded().await;
    let line = first_line(&site).await;
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let schema = format!("schema=\"{}\"", consign::store::Store::migrations().pop().expect("a step"));
    for said in [
        "starting",
        version.as_str(),
        schema.as_str(),
        "listen=127.0.0.1:",
        "consign.db",
        "payments=Sandbox",
        "mail=Folder",
        "callers are believed to be who they say",
        "nothing is encrypted",
        "payments move no money",
    ] {
        assert!(line.contains(said), "{said} is not in {line}");
    }
    assert!(site.log().contains("the database has no API key"), "{}", site.log());

    std::fs::remove_file(site.folder.path().join("log")).expect("a log");
    site.set("CONSIGN_ACCESS__REQUIRE_KEYS", true);
    let line = first_line(&site).await;
    assert!(line.contains("starting") && !line.contains("believed"), "{line}");
    assert!(line.contains("payments move no money") && !site.log().contains("believed"), "{}", site.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_names_the_database_without_its_password() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let url = site.database.as_ref().expect("it has one").url.clone();
    let (_, place) = url.split_once('@').expect("a user");
    // Where everybody is trusted a password is not asked for; here nobody has this name.
    site.detour(format!("postgres://nobody_there:hidden@{place}"));
    let output = site.run(&["serve", "--listen", "127.0.0.1:0", "--insecure-durability"]);
    let log = text_of(&output);
    let line = log.lines().next().expect("a line");
    assert!(line.contains("starting") && line.contains("postgres://nobody_there:***@"), "{line}");
    assert!(line.contains("PostgreSQL may lose what it acknowledged") && !log.contains("hidden"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_for_the_log_that_is_not_understood_is_told_and_the_settings_hold() {
    for wrong in ["loud", "", "consign=loud"] {
        let mut site = embedded().await;
        site.set("RUST_LOG", wrong);
        site.set("CONSIGN_LOG__FILTER", "warn,consign=info");
        let process = site.start().await;
        // It answers a moment before it says so, and killed it would take that line with it.
        let says_so = async {
            while !site.log().contains("serving") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), says_so).await.expect("it says that it serves");
        drop(process);
        let log = site.log();
        let told: Vec<_> = log.lines().filter(|it| it.contains("RUST_LOG is not understood")).collect();
        assert_eq!(told.len(), 1, "{log}");
        assert!(told[0].contains("WARN") && told[0].contains("warn,consign=info"), "{log}");
        assert!(log.contains("no money moves") && log.contains("serving"), "{log}");
    }

    let mut site = embedded().await;
    site.set("CONSIGN_LOG__FILTER", "loud");
    let refused = site.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text_of(&refused).contains("log.filter: \"loud\" is no level"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_json_has_one_object_a_line_with_one_message_each() {
    let mut site = embedded().await;
    site.set("CONSIGN_LOG__FORMAT", "json");
    site.set("RUST_LOG", "debug,h2=trace,sqlx=trace");
    let mut process = site.start().await;
    call(&process, 1).await;
    process.signal("TERM");
    assert!(process.ends_well());

    let log = site.log();
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(read["message"].is_string() && read["timestamp"].is_string(), "{line}");
        let again = serde_json::to_string(&read).expect("JSON");
        assert_eq!(again.matches("\"message\":").count(), line.matches("\"message\":").count(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_is_noted_and_the_server_serves_on() {
    let site = embedded().await;
    let mut process = site.start().await;
    process.signal("HUP");
    process.signal("HUP");
    call(&process, 3).await;
    while !site.log().contains("SIGHUP") {
        assert!(!process.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.signal("TERM");
    assert!(process.ends_well());
}

/// Asks with a key; the code says whether it was let in.
async fn answer_to(process: &Process, key: &str) -> Code {
    let key_of_order = pb::get_order_request::Key::Number("100001".to_owned());
    let mut request =
        tonic::Request::new(pb::GetOrderRequest { key: Some(key_of_order), ..Default::default() });
    let shown = format!("Bearer {key}").parse().expect("a header");
    request.metadata_mut().insert("authorization", shown);
    let answer = Clients::over(process.channel()).orders.get_order(request).await;
    answer.expect_err("no order").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_hangup_those_may_call_whom_the_settings_name_by_then() {
    let mut site = embedded().await;
    let file = site.folder.path().join("consign.toml");
    site.set("CONSIGN_CONFIG", file.display());
    let named = |key: &str| {
        let hash = KeyHash::of(key).to_string();
        format!("[access.keys.shop]\nsha256 = [\"{hash}\"]\nroles = [\"reader\"]\n")
    };
    let write = |text: &str| std::fs::write(&file, text).expect("the settings are written");
    write(&named("consign_first"));
    let mut process = site.start().await;
    assert_eq!(answer_to(&process, "consign_first").await, Code::NotFound);
    assert_eq!(answer_to(&process, "consign_second").await, Code::Unauthenticated);

    write(&named("consign_second"));
    process.signal("HUP");
    while answer_to(&process, "consign_first").await == Code::NotFound {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(answer_to(&process, "consign_second").await, Code::NotFound);

    for (unusable, why) in [("access = 7", "cannot be used"), ("", "everybody would be believed")] {
        write(unusable);
        process.signal("HUP");
        while !site.log().contains(why) {
            assert!(!process.has_ended());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(answer_to(&process, "consign_second").await, Code::NotFound);
        assert_eq!(answer_to(&process, "consign_first").await, Code::Unauthenticated);
    }
    process.signal("TERM");
    assert!(process.ends_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_hangup_that_is_logged_which_the_settings_say_by_then() {
    let mut site = embedded().await;
    let file = site.folder.path().join("consign.toml");
    site.set("CONSIGN_CONFIG", file.display());
    let write = |filter: &str, key: &str| {
        let hash = KeyHash::of(key).to_string();
        let caller = format!("[access.keys.shop]\nsha256 = [\"{hash}\"]\nroles = [\"reader\"]\n");
        let queue = if filter == "warn" { 77 } else { 78 };
        let text = format!("{caller}[log]\nfilter = \"{filter}\"\n[limits]\nqueue = {queue}\n");
        std::fs::write(&file, text).expect("the settings are written");
    };
    write("warn", "consign_first");
    let mut process = site.start().await;
    assert_eq!(answer_to(&process, "consign_first").await, Code::NotFound);

    write("info", "consign_first");
    process.signal("HUP");
    while !site.log().contains("log.filter is in use as it has changed: info") {
        assert!(!process.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!site.log().contains("starting") && !site.log().contains("rpc.method"), "{}", site.log());
    while !site.log().contains("used when the server starts again: limits") {
        assert!(!process.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(answer_to(&process, "consign_first").await, Code::NotFound);
    while !site.log().contains("rpc.method") {
        assert!(!process.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    // A signal to stop is looked at after this one, and this one lets the second key in.
    write("error", "consign_second");
    process.signal("HUP");
    while answer_to(&process, "consign_second").await != Code::NotFound {
        assert!(!process.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.signal("TERM");
    assert!(process.ends_well());
    let log = site.log();
    assert!(!log.contains("stopping"), "{log}");
    let call = log.lines().find(|it| it.contains("rpc.method=consign.v1.OrderService/GetOrder"));
    assert!(call.is_some_and(|it| it.contains("principal=\"shop\"")), "{log}");
}

#[tokio::test]
async fn every_kind_of_setting_can_come_from_the_environment() {
    let mut site = embedded().await;
    let amounts = "CONSIGN_RULES__APPROVAL__PAYMENT__AUTOMATIC_UP_TO_MINOR__";
    site.set(&format!("{amounts}EUR"), 7);
    site.set(&format!("{amounts}JPY"), 8);
    site.set("CONSIGN_RULES__APPROVAL__RESERVATION__AUTOMATIC_UP_TO_MINOR", "{EUR=9}");
    site.set("CONSIGN_RULES__APPROVAL__RESERVATION__CHANNELS", "[PHONE]");
    site.set("CONSIGN_RULES__APPROVAL__VERSION", "2026");
    site.set("CONSIGN_RULES__INVOICE_SERIES", "0042");
    site.set("CONSIGN_RULES__REGIONS__ASIA", "[MY, SG]");
    site.set("CONSIGN_RULES__VERIFICATION__ADDRESS", "WARN");
    site.set("CONSIGN_RULES__ASSESSED_RISK__MEDIUM", "HOLD");
    site.set("CONSIGN_RULES__ALLOCATION_BY_REGION__ASIA", "NEAREST");
    site.set("CONSIGN_RULES__TRANSIT_DAYS__EXPRESS", 3);
    site.set("CONSIGN_ACCESS__KEYS__Till__SHA256", format!("[{}]", KeyHash::of("consign_till")));
    site.set("CONSIGN_ACCESS__KEYS__Till__ROLES", "[finance]");
    site.set("CONSIGN_EVENTS__SUBSCRIBERS__shop__URL", "https://shop.example.com/events");
    site.set("CONSIGN_EVENTS__SUBSCRIBERS__shop__SECRETS", "[whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]");
    site.set("CONSIGN_RULES__BLOCKED_CUSTOMERS", "[\"+4930901820\"]");
    site.set("CONSIGN_RULES__TAXES", "[{country=DE, category=\"*\", rate_ppm=190000}]");
    site.set("CONSIGN_RULES__SHIPPING_FEES", "[{region=ASIA, service=EXPRESS, currency=EUR, fee_minor=5}]");
    site.set("CONSIGN_LIMITS__CALLS", 11);
    let printed = site.run(&["serve", "--print-settings"]);
    assert!(printed.status.success(), "{printed:?}");
    let read: toml::Table = String::from_utf8_lossy(&printed.stdout).parse().expect("TOML");

    let rules = &read["rules"];
    let approval = &rules["approval"];
    let expected: toml::Table = "EUR = 7\nJPY = 8".parse().expect("TOML");
    assert_eq!(approval["payment"]["automatic_up_to_minor"].as_table(), Some(&expected));
    assert_eq!(approval["reservation"]["automatic_up_to_minor"]["EUR"].as_integer(), Some(9));
    assert_eq!(approval["reservation"]["channels"][0].as_str(), Some("PHONE"));
    assert_eq!(approval["version"].as_str(), Some("2026"));
    assert_eq!(rules["invoice_series"].as_str(), Some("0042"));
    assert_eq!(rules["regions"].as_table().map(toml::Table::len), Some(1));
    assert_eq!(rules["regions"]["ASIA"][1].as_str(), Some("SG"));
    assert_eq!(rules["verification"]["ADDRESS"].as_str(), Some("WARN"));
    assert_eq!(rules["assessed_risk"]["MEDIUM"].as_str(), Some("HOLD"));
    assert_eq!(rules["allocation_by_region"]["ASIA"].as_str(), Some("NEAREST"));
    assert_eq!(rules["transit_days"]["EXPRESS"].as_integer(), Some(3));
    assert_eq!(rules["blocked_customers"][0].as_str(), Some("+4930901820"));
    assert_eq!(rules["taxes"][0]["country"].as_str(), Some("DE"));
    assert_eq!(rules["shipping_fees"][0]["fee_minor"].as_integer(), Some(5));
    assert_eq!(read["limits"]["calls"].as_integer(), Some(11));
    assert_eq!(read["access"]["keys"]["Till"]["roles"][0].as_str(), Some("finance"));
    let subscriber = &read["events"]["subscribers"]["shop"];
    assert_eq!(subscriber["url"].as_str(), Some("https://shop.example.com/events"));
    assert_eq!(subscriber["secrets"][0].as_str(), Some("***"));

    // Errors are reported under the key that set the value.
    site.set(&format!("{amounts}XYZ"), 1);
    site.set("CONSIGN_LIMITS__CALLS", "many");
    let refused = site.run(&["serve", "--print-settings"]);
    assert_eq!(refused.status.code(), Some(2));
    let why = text_of(&refused);
    assert!(why.contains("(from CONSIGN_LIMITS__CALLS)") && why.contains("XYZ"), "{why}");
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[tokio::test]
async fn looking_at_a_database_that_is_not_there_makes_none() {
    let site = embedded().await;
    let checked = site.run(&["check"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    let place = site.data().join("consign.db");
    assert!(
        text_of(&checked).contains(&format!("there is no database at {}", place.display())),
        "{checked:?}"
    );
    let planned = site.run(&["migrate", "--dry-run"]);
    assert!(planned.status.success(), "{planned:?}");
    let left: Vec<_> = std::fs::read_dir(site.folder.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");

    let applied = site.run(&["migrate"]);
    assert_eq!(text_of(&applied), text_of(&planned).replace("pending", "applied"));
    assert!(!text_of(&applied).is_empty());
    assert_eq!(text_of(&site.run(&["migrate", "--dry-run"])), "");
    let checked = site.run(&["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(told.contains("the database is empty: no change was ever recorded in it"), "{told}");
}

#[tokio::test]
async fn completions_and_manual_pages_know_the_commands_and_their_flags() {
    let site = embedded().await;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = site.run(&["completions", shell]);
        assert!(printed.status.success(), "{printed:?}");
        let text = String::from_utf8_lossy(&printed.stdout);
        for known in ["healthcheck", "restore", "insecure-durability"] {
            assert!(text.contains(known), "{known} is not in what {shell} is told");
        }
    }

    // The manual's language writes a hyphen with a backslash before it.
    let plain = |page: &[u8]| String::from_utf8_lossy(page).replace("\\-", "-");
    let printed = site.run(&["man"]);
    assert!(printed.status.success(), "{printed:?}");
    assert!(plain(&printed.stdout).contains("consign-serve(1)"), "{printed:?}");
    let folder = site.folder.path().join("man");
    let place = folder.to_str().expect("a path in UTF-8");
    let refused = site.run(&["man", place]);
    assert_eq!(refused.status.code(), Some(2), "the folder is not there: {refused:?}");
    std::fs::create_dir(&folder).expect("a folder");
    let written = site.run(&["man", place]);
    assert!(written.status.success(), "{written:?}");
    for (page, says) in [("consign.1", "consign-serve(1)"), ("consign-serve.1", "--insecure-durability")] {
        let bytes = std::fs::read(folder.join(page)).expect(page);
        assert!(plain(&bytes).contains(says), "{says} is not in {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_an_empty_postgres_leaves_it_empty() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    let checked = site.run(&["check", "--insecure-durability"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    assert!(text_of(&checked).contains("the schema lacks"), "{checked:?}");
    assert!(site.run(&["migrate", "--dry-run", "--insecure-durability"]).status.success());
    let things = "SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(site.database.as_ref().expect("PostgreSQL").number(things).await, 0);
    assert!(!site.data().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_cannot_hold_every_name_is_refused_at_start() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let options = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        let Some(database) = TestDatabase::create_with(&options).await else { return };
        let site = Site::over(&database.url);
        for command in ["serve", "migrate", "check"] {
            let refused = site.run(&[command, "--insecure-durability"]);
            assert_eq!(refused.status.code(), Some(2), "{refused:?}");
            let why = format!("server_encoding {encoding} where UTF8 is needed");
            assert!(text_of(&refused).contains(&why), "{refused:?}");
        }
    }
}
