//! API keys that calls make and revoke: told once, known to every process, and gone from all of them.

use std::time::{Duration, Instant};

use consign::access::Role;
use consign::pb;
use consign::server::Server;
use consign::settings::{Secret, Settings};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::access::{ADMIN, key, reason, until_it_ends, with_key};
use crate::child::Site;
use crate::server::{Clients, Engine, TestServer, connect, on_both_engines};

/// How soon every process knows of a change.
const KNOWN_WITHIN: Duration = Duration::from_secs(2);

const PATIENCE: Duration = Duration::from_secs(60);

fn an_admin(settings: &mut Settings) {
    key(settings, "boss", ADMIN, Role::Admin);
}

fn wanted(principal: &str, roles: &[&str]) -> pb::ApiKey {
    pb::ApiKey {
        principal: principal.to_owned(),
        roles: roles.iter().map(|it| (*it).to_owned()).collect(),
        ..Default::default()
    }
}

fn creating(key: pb::ApiKey, request_id: &str) -> pb::CreateApiKeyRequest {
    pb::CreateApiKeyRequest { api_key: Some(key), request_id: request_id.to_owned(), ..Default::default() }
}

async fn create(
    server: &Clients,
    by: &str,
    request: pb::CreateApiKeyRequest,
) -> Result<pb::CreateApiKeyResponse, Status> {
    Ok(server.access.clone().create_api_key(with_key(by, request)).await?.into_inner())
}

/// The id and the key.
async fn made(server: &Clients, key: pb::ApiKey) -> (String, String) {
    let answer = create(server, ADMIN, creating(key, "")).await.expect("a key");
    (answer.api_key.expect("a key").id, answer.secret)
}

async fn revoke(server: &Clients, id: &str, reason: &str) -> Result<pb::ApiKey, Status> {
    let request = pb::RevokeApiKeyRequest {
        api_key_id: id.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let answer = server.access.clone().revoke_api_key(with_key(ADMIN, request)).await?;
    Ok(answer.into_inner().api_key.expect("a key"))
}

async fn list(server: &Clients, filter: &str) -> Vec<pb::ApiKey> {
    let request = pb::ListApiKeysRequest { filter: filter.to_owned(), ..Default::default() };
    let answer = server.access.clone().list_api_keys(with_key(ADMIN, request)).await.expect("a page");
    answer.into_inner().api_keys
}

/// Why a key may not list orders; None: it may.
async fn refusal(server: &Clients, key: &str) -> Option<(Code, String)> {
    let request = with_key(key, pb::ListOrdersRequest::default());
    let refused = server.orders.clone().list_orders(request).await.err()?;
    Some((refused.code(), reason(&refused)))
}

fn unknown() -> Option<(Code, String)> {
    Some((Code::Unauthenticated, "KEY_UNKNOWN".to_owned()))
}

/// Until a key is refused or let in, as is expected; no longer than every process may take.
async fn comes_to(server: &Clients, key: &str, expected: Option<(Code, String)>) {
    let began = Instant::now();
    loop {
        let found = refusal(server, key).await;
        if found == expected {
            return;
        }
        assert!(began.elapsed() < KNOWN_WITHIN, "{found:?}, where {expected:?} is expected");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_both_engines!(a_key_is_told_once_and_lets_in_at_once, an_admin, async |server| {
    let shop =
        pb::ApiKey { note: "the shop in town".to_owned(), ..wanted("shop", &["reader", "storefront"]) };
    let request = creating(shop, "request-0001");
    let asked = pb::CreateApiKeyRequest { validate_only: true, ..request.clone() };
    let asked = create(&server, ADMIN, asked).await.expect("it would be made");
    assert!(asked.secret.is_empty() && !asked.secret_withheld.is_empty(), "{asked:?}");
    assert!(list(&server, "").await.is_empty(), "it was only asked");

    let first = create(&server, ADMIN, request.clone()).await.expect("a key");
    assert!(first.secret.starts_with("consign_") && first.secret_withheld.is_empty());
    assert_eq!(refusal(&server, &first.secret).await, None);
    let made = first.api_key.expect("a key");
    assert_eq!((made.created_by.as_str(), made.note.as_str()), ("boss", "the shop in town"));
    assert!(made.id.starts_with("key_") && made.revocation.is_none());

    // A repeat knows the key by its hash only, as everybody else.
    let again = create(&server, ADMIN, request).await.expect("the stored answer");
    assert_eq!((again.api_key.as_ref(), again.secret.as_str()), (Some(&made), ""));
    assert!(again.secret_withheld.contains("revoke it and make another"), "{}", again.secret_withheld);
    assert_eq!(list(&server, "principal = shop").await, std::slice::from_ref(&made));
    let get = pb::GetApiKeyRequest { api_key_id: made.id.clone() };
    let got = server.access.clone().get_api_key(with_key(ADMIN, get)).await.expect("a key").into_inner();
    assert_eq!(got.api_key, Some(made));
    let refused = create(&server, &first.secret, creating(wanted("mine", &["reader"]), "")).await;
    assert_eq!(reason(&refused.expect_err("a shop makes no keys")), "PERMISSION_MISSING");

    let places = server.stop().await;
    for file in files(places.folder.path()) {
        let bytes = std::fs::read(&file).expect("a file");
        let told = bytes.windows(first.secret.len()).any(|it| it == first.secret.as_bytes());
        assert!(!told, "{} has the key itself", file.display());
    }
});

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

on_both_engines!(every_fault_of_a_key_is_told_and_none_is_made, an_admin, async |server| {
    let bad = pb::ApiKey {
        names_persons: true,
        note: "n".repeat(501),
        ..wanted("two words", &["reader", "king", "reader"])
    };
    let refused = create(&server, ADMIN, creating(bad, "")).await.expect_err("nothing of it is right");
    let fields = refused.get_details_bad_request().expect("fields").field_violations;
    let fields: Vec<_> = fields.into_iter().map(|it| it.field).collect();
    assert_eq!(fields, ["api_key.principal", "api_key.roles[1]", "api_key.roles[2]", "api_key.note"]);
    let past = Some(prost_types::Timestamp { seconds: 978_307_200, nanos: 0 });
    for (key, field) in [
        (wanted("boss", &["reader"]), "api_key.principal"),
        (wanted("Boss", &["reader"]), "api_key.principal"),
        (wanted("anonymous", &["reader"]), "api_key.principal"),
        (wanted("Anonymous", &["reader"]), "api_key.principal"),
        (wanted("consign", &["reader"]), "api_key.principal"),
        (wanted("Consign/relay", &["reader"]), "api_key.principal"),
        (wanted("shop", &[]), "api_key.roles"),
        (pb::ApiKey { expire_time: past, ..wanted("shop", &["reader"]) }, "api_key.expire_time"),
    ] {
        let refused = create(&server, ADMIN, creating(key, "")).await.expect_err(field);
        let fields = refused.get_details_bad_request().expect("fields").field_violations;
        assert_eq!((reason(&refused).as_str(), fields[0].field.as_str()), ("INVALID_FIELD", field));
    }
    // The boss acts for nobody, and so makes nobody who may.
    let more = pb::ApiKey { names_persons: true, ..wanted("shop", &["reader"]) };
    let refused = create(&server, ADMIN, creating(more, "")).await.expect_err("more than the boss has");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ACTOR_NOT_ALLOWED"));
    assert!(list(&server, "").await.is_empty());

    let nobody = "key_00000000000000000000000001";
    assert_eq!(revoke(&server, nobody, "lost").await.expect_err("no such key").code(), Code::NotFound);
    let (id, secret) = made(&server, wanted("shop", &["reader"])).await;
    let refused = revoke(&server, &id, "").await.expect_err("a reason is missing");
    assert_eq!(reason(&refused), "INVALID_FIELD");
    assert_eq!(refusal(&server, &secret).await, None);
    server.stop().await;
});

on_both_engines!(a_revoked_key_lets_nobody_in_and_its_streams_end, an_admin, async |server| {
    let (id, secret) = made(&server, wanted("shop", &["reader"])).await;
    let (_, other) = made(&server, wanted("shop", &["reader"])).await;
    let request = with_key(&secret, pb::WatchEventsRequest::default());
    let open = server.events.clone().watch_events(request).await.expect("it may read").into_inner();

    let revoked = revoke(&server, &id, "lost on the train").await.expect("it is taken away");
    let told = revoked.revocation.expect("it is over");
    assert_eq!((told.actor.as_str(), told.reason.as_str()), ("boss", "lost on the train"));
    assert_eq!(refusal(&server, &secret).await, unknown());
    let ended = tokio::time::timeout(PATIENCE, until_it_ends(open)).await.expect("it ends in seconds");
    assert_eq!((ended.code(), reason(&ended)), unknown().expect("a refusal"));
    assert_eq!(refusal(&server, &other).await, None, "the caller's other key goes on");

    // Who took it first, and why, stays; and so does the record of it.
    let again = revoke(&server, &id, "another reason").await.expect("it is over already");
    assert_eq!(again.revocation.as_ref().map(|it| it.reason.as_str()), Some("lost on the train"));
    assert_eq!(list(&server, "revoked = true").await, [again]);
    assert_eq!(list(&server, "revoked = false AND principal = shop").await.len(), 1);
    server.stop().await;
});

on_both_engines!(a_key_that_is_only_asked_to_be_revoked_lets_in_still, an_admin, async |server| {
    let (id, secret) = made(&server, wanted("shop", &["reader"])).await;
    let before = list(&server, "").await;
    let asked = pb::RevokeApiKeyRequest {
        api_key_id: id.clone(),
        reason: "lost on the train".to_owned(),
        validate_only: true,
        ..Default::default()
    };
    let told = server.access.clone().revoke_api_key(with_key(ADMIN, asked)).await.expect("as it would be");
    assert!(told.into_inner().api_key.expect("a key").revocation.is_some());
    assert_eq!(list(&server, "").await, before);
    assert_eq!(refusal(&server, &secret).await, None);
    revoke(&server, &id, "lost on the train").await.expect("it is taken away");
    assert_eq!(refusal(&server, &secret).await, unknown());
    server.stop().await;
});

on_both_engines!(a_key_ends_by_itself_and_the_day_of_its_last_use_is_noted, an_admin, async |server| {
    let soon = consign::clock::now().plus(Duration::from_secs(4)).unix_micros();
    let end = prost_types::Timestamp { seconds: soon.div_euclid(1_000_000), nanos: 0 };
    let (id, short) =
        made(&server, pb::ApiKey { expire_time: Some(end), ..wanted("temp", &["reader"]) }).await;
    let (unused, _) = made(&server, wanted("idle", &["reader"])).await;
    assert_eq!(refusal(&server, &short).await, None);
    let began = Instant::now();
    while refusal(&server, &short).await.is_none() {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(refusal(&server, &short).await.map(|it| it.1).as_deref(), Some("KEY_EXPIRED"));

    // A server that stops writes down what it has not yet.
    let places = server.stop().await;
    let server = TestServer::open(places, an_admin).await;
    let known = list(&server, "").await;
    let day = |id: &str| known.iter().find(|it| it.id == id).expect("a key").last_used_date.clone();
    let used = day(&id);
    assert!(used.len() == 10 && used.starts_with("20"), "{used:?}");
    assert_eq!(day(&unused), "");
    assert_eq!(refusal(&server, &short).await.map(|it| it.1).as_deref(), Some("KEY_EXPIRED"));
    server.stop().await;
});

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_makes_and_takes_away_the_others_know_within_two_seconds() {
    let Some(first) = TestServer::start_with(Engine::Postgres, an_admin).await else { return };
    let mut settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: first.folder().join("other"),
        database_url: first.database_url().map(|it| Secret::new(&it)),
        insecure_durability: true,
        ..Settings::default()
    };
    an_admin(&mut settings);
    let other = Server::start(settings).await.expect("it starts");
    let second = Clients::over(connect(&other).await);

    let (id, secret) = made(&first, wanted("shop", &["reader"])).await;
    comes_to(&second, &secret, None).await;
    let request = with_key(&secret, pb::WatchEventsRequest::default());
    let open = second.events.clone().watch_events(request).await.expect("it may read").into_inner();
    revoke(&first, &id, "lost").await.expect("it is taken away");
    comes_to(&second, &secret, unknown()).await;
    let ended = tokio::time::timeout(PATIENCE, until_it_ends(open)).await.expect("it ends in seconds");
    assert_eq!(reason(&ended), "KEY_UNKNOWN");
    other.stop().await.expect("it stops");
    first.stop().await;
}

on_both_engines!(while_callers_are_believed_no_call_makes_the_first_key, async |server| {
    let refused = server.access.clone().create_api_key(creating(wanted("boss", &["admin"]), "")).await;
    let refused = refused.expect_err("anybody could");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "KEY_MISSING"));
    assert!(refused.message().contains("consign keys create --first"), "{}", refused.message());
    server.orders.clone().list_orders(pb::ListOrdersRequest::default()).await.expect("it is believed");
    server.stop().await;
});

on_both_engines!(
    keys_may_be_required_before_there_is_one,
    |it| it.access.require_keys = true,
    async |server| {
        let refused = server.orders.clone().list_orders(pb::ListOrdersRequest::default()).await;
        assert_eq!(reason(&refused.expect_err("nobody is believed")), "KEY_MISSING");
        server.stop().await;
    }
);

/// What a command printed, line by line.
fn printed(output: &std::process::Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn from_the_command_line(engine: Engine) {
    let Some(mut site) = Site::prepare(engine).await else { return };
    let mut process = site.start().await;
    let server = Clients::over(process.channel());
    server.orders.clone().list_orders(pb::ListOrdersRequest::default()).await.expect("it is believed");

    // The first key goes into the database, beside the server, which asks for keys from then on.
    let first = ["keys", "create", "boss", "--role", "admin", "--first", "--insecure-durability"];
    let lines = printed(&site.run(&first));
    let boss = lines.last().expect("a key").clone();
    assert!(lines[0].contains("key_") && boss.starts_with("consign_"), "{lines:?}");
    comes_to(&server, "consign_nobody", unknown()).await;
    assert_eq!(refusal(&server, &boss).await, None);
    let second = site.run(&first);
    assert!(!second.status.success(), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("has an admin's key already"), "{second:?}");

    site.set("CONSIGN_API_KEY", &boss);
    let at = ["--address", &process.address.to_string()].map(str::to_owned);
    let run = |arguments: &[&str]| {
        let at: Vec<&str> = at.iter().map(String::as_str).collect();
        site.run(&[&["keys"], arguments, &at].concat())
    };
    let lines = printed(&run(&["create", "shop", "--role", "reader", "--note", "in town"]));
    let shop = lines.last().expect("a key").clone();
    assert_eq!(refusal(&server, &shop).await, None);
    let listed = printed(&run(&["list"]));
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed[0].contains("  shop  reader  ") && listed[0].ends_with("(in town)"), "{listed:?}");
    let id = listed[0].split(' ').next().expect("an id");
    assert!(printed(&run(&["revoke", id, "--reason", "lost"]))[0].contains("of shop"));
    assert_eq!(refusal(&server, &shop).await, unknown());
    let revoked = printed(&run(&["list", "--revoked"]));
    assert!(revoked[0].contains("by boss: lost"), "{revoked:?}");
    let refused = run(&["revoke", "key_00000000000000000000000001", "--reason", "lost"]);
    assert!(!refused.status.success(), "{refused:?}");
    process.signal("TERM");
    assert!(process.ends_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_keys_on_sqlite() {
    from_the_command_line(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_and_revokes_keys_on_postgres() {
    from_the_command_line(Engine::Postgres).await;
}
