//! The load driver, played in small: against a server that is up, and with one of its own.

use std::process::{Command, Output};

use serde_json::Value;

use crate::child::Site;
use crate::server::{Engine, TestServer, on_both_engines};
use crate::shop::every_law_holds;

/// Runs `consign bench` with these arguments; what it answered, and whether all was well.
async fn bench(arguments: String, environment: Vec<(&'static str, String)>) -> (Value, bool) {
    let running = move || -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.arg("bench").args(arguments.split_whitespace()).arg("--json").envs(environment);
        command.output().expect("the bench runs")
    };
    let output = tokio::task::spawn_blocking(running).await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let answer = serde_json::from_str(&said).unwrap_or_else(|it| panic!("{it}: {said}\n{wrong}"));
    (answer, output.status.success())
}

async fn against(server: &TestServer, arguments: &str) -> Value {
    let line = format!("{arguments} --clients 4 --target {}", server.server.address);
    let (answer, well) = bench(line, Vec::new()).await;
    assert!(well, "{arguments}: {answer:#}");
    answer
}

on_both_engines!(every_scenario_is_played_against_a_server_that_is_up, async |server| {
    let placed = against(&server, "place --orders 6").await;
    assert_eq!(
        (&placed["operations"], &placed["latency_ms"]["CapturePayment"]["count"]),
        (&6.into(), &6.into())
    );
    assert!(placed["latency_ms"]["place"]["p99"].as_f64().unwrap() > 0.0);
    assert!(placed.get("server").is_none(), "the cost of a server elsewhere is not known");

    let sold = against(&server, "flash --stock 3 --orders 10").await;
    assert_eq!((&sold["stock"], &sold["accepted"], &sold["refused"]), (&3.into(), &3.into(), &7.into()));

    let lived = against(&server, "lifecycle --orders 2").await;
    assert_eq!(lived["latency_ms"]["ConfirmDelivery"]["count"], 2);

    let read = against(&server, "read --orders 12 --preload 5 --while-placing 20").await;
    for kind in ["GetOrder", "GetOrderTimeline", "ListOrders by state", "ListInvoices by state"] {
        assert_eq!(read["latency_ms"][kind]["count"], 2, "{kind}");
    }

    // Each way of asking at least once: what must be there is found, in the archive too.
    let listed = against(&server, "lists --archived --preload 12 --orders 200 --while-placing 20").await;
    assert_eq!(listed["operations"], 200);
    for kind in ["ListOrders", "ListOrders: archived", "ListRefunds: archived", "ListFollowUps: archived"] {
        assert!(listed["latency_ms"][kind]["count"].as_u64().unwrap() > 0, "{kind}: {listed:#}");
    }

    let followed = against(&server, "track --orders 8 --rate 100").await;
    assert_eq!((&followed["arrived"], &followed["expected"]), (&8.into(), &8.into()));
    assert_eq!(followed["latency_ms"]["arrival"]["count"], 8);

    every_law_holds(&server).await;
});

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_measured_with_lists_only() {
    let arguments = ["bench", "place", "--archived", "--orders", "1"];
    let running =
        move || Command::new(env!("CARGO_BIN_EXE_consign")).args(arguments).output().expect("the bench runs");
    let output = tokio::task::spawn_blocking(running).await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("only lists are measured with an archive"), "{said}");
}

/// With servers and databases of its own, which are gone afterwards.
async fn on(site: &Site, arguments: &str) -> Value {
    let folder = site.folder.path().join("bench");
    std::fs::create_dir_all(&folder).unwrap();
    let mut line = format!("{arguments} --data-dir {}", folder.display());
    if let Some(database) = &site.database {
        line = format!("{line} --database-url {}", database.url);
    }
    let environment = vec![
        ("CONSIGN_INSECURE_DURABILITY", "true".to_owned()),
        // A server of the bench's own must not find its way to a real one's settings.
        ("CONSIGN_CONFIG", "/nowhere/consign.toml".to_owned()),
    ];
    let (answer, well) = bench(line, environment).await;
    assert!(well, "{arguments}: {answer:#}");
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "something was left behind");
    answer
}

async fn on_a_site(engine: Engine) {
    let Some(site) = Site::prepare(engine).await else { return };
    let answer = on(&site, "place --orders 4 --clients 2 --preload 3").await;
    assert_eq!((&answer["operations"], &answer["preload"]), (&4.into(), &3.into()));
    assert_eq!(answer["letters_sent"], true);
    if cfg!(target_os = "linux") {
        assert!(answer["server"]["cpu_seconds_until_letters_sent"].as_f64().unwrap() > 0.0);
        assert!(answer["peak_memory_mib"].as_f64().unwrap() > 1.0);
        assert!(answer["voluntary_context_switches_per_operation"].as_f64().unwrap() > 0.0);
    }
    for (figure, least) in [("rows_written_per_operation", 4.0), ("wal_bytes_per_operation", 1_000.0)] {
        match engine {
            Engine::Postgres => assert!(answer[figure].as_f64().unwrap() > least, "{figure}: {answer:#}"),
            Engine::Sqlite => assert!(answer.get(figure).is_none(), "{figure}: {answer:#}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_its_own_is_measured_with_its_letters_and_gone_afterwards_on_sqlite() {
    on_a_site(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_its_own_is_measured_with_its_letters_and_gone_afterwards_on_postgres() {
    on_a_site(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_binaries_have_their_turns() {
    let Some(site) = Site::prepare(Engine::Sqlite).await else { return };
    let other = env!("CARGO_BIN_EXE_consign");
    let turns = format!("place --orders 3 --clients 2 --rounds 2 --compare-binary {other}");
    let answer = on(&site, &turns).await;
    assert_eq!((&answer["a"]["label"], &answer["b"]["label"]), (&"this".into(), &other.into()));
    for side in ["a", "b"] {
        let operations = |turn: usize| &answer[side]["rounds"][turn]["operations"];
        assert_eq!((operations(0), operations(1)), (&3.into(), &3.into()));
    }
    assert!(answer["ratio"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_floor_writes_the_rows_that_it_says_and_no_more() {
    let Some(site) = Site::prepare(Engine::Postgres).await else { return };
    if Command::new("pgbench").arg("--version").output().is_err() {
        return;
    }
    let counted = "--orders 4 --clients 2 --rounds 1 --pgbench";
    let placed = on(&site, &format!("place {counted} --preload 4")).await;
    assert_eq!(placed["b"]["rounds"][0]["operations"], 4);
    assert_eq!(placed["b"]["rows_written_per_operation"], 9.0);
    let lived = on(&site, &format!("lifecycle {counted}")).await;
    assert_eq!(lived["b"]["rows_written_per_operation"], 23.0);

    let sold = on(&site, &format!("flash {counted} --stock 3")).await;
    let sale = &sold["b"]["rounds"][0];
    assert_eq!((&sale["accepted"], &sale["refused"]), (&3.into(), &1.into()));
    assert_eq!(sale["rows_written_per_operation"], 1.5);
}
