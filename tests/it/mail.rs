//! Letters by SMTP: a relay that refuses, stalls, hangs up, goes away for an hour and comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use consign::domain::{Sender, Timestamp, Unsent};
use consign::outside::{self, Email, Login, Mail, Smtp, Tls};
use consign::pb;
use consign::server::Server;
use consign::settings::{MailProvider, Secret, Settings, SmtpTls};
use tonic::Code;

use crate::postgres::TestDatabase;
use crate::relay::{Act, At, Relay, certificate};
use crate::server::{Clients, Engine, TestServer, connect};
use crate::shop::{by, create_order, draft, every_law_holds, reason, stocked};

/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(60);

const HOUR: i64 = 3_600;

fn sender() -> Sender {
    "The shop <orders@shop.example>".parse().expect("a sender")
}

fn way_to(relay: &Relay) -> outside::Relay {
    outside::Relay {
        host: "localhost".to_owned(),
        port: relay.address.port(),
        tls: Tls::None,
        ca_file: None,
        login: None,
        hello: None,
        connections: 2,
        connect_within: Duration::from_secs(2),
        answer_within: Duration::from_millis(500),
    }
}

fn email(number: u128) -> Email {
    Email {
        id: uuid::Uuid::from_u128((1_790_000_000_000 << 80) | (7 << 76) | (2 << 62) | number).into(),
        resends: 0,
        to: "ann@example.com".parse().expect("an address"),
        subject: "Order 7".to_owned(),
        text: "Dear Ann,\n.\n.. and so on".to_owned(),
        html: None,
        attachments: Vec::new(),
    }
}

async fn is_taken_again(mail: &Smtp, relay: &Relay) {
    relay.behave();
    let began = Instant::now();
    while let Err(unsent) = mail.send(&email(9)).await {
        assert!(matches!(unsent, Unsent::NotTried(_)), "{unsent:?}");
        assert!(began.elapsed() < PATIENCE, "no probe is made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_letter_is_taken_as_it_was_written_and_connections_are_used_again() {
    let relay = Relay::open().await;
    let mail = Smtp::new(way_to(&relay), sender()).expect("no files are needed");
    for number in 0..3 {
        assert_eq!(mail.send(&email(number)).await, Ok(()));
    }
    let taken = relay.taken();
    assert_eq!((taken.len(), relay.calls()), (3, 1));
    assert_eq!(taken[0].to, "ann@example.com");
    assert!(taken[0].text.ends_with("\n\nDear Ann,\n.\n.. and so on\n"), "{}", taken[0].text);
    assert!(taken[0].text.contains("From: \"The shop\" <orders@shop.example>\n"), "{}", taken[0].text);

    // The relay has closed what was idle, as relays do; nobody notices.
    relay.go_away().await;
    relay.come_back().await;
    assert_eq!(mail.send(&email(4)).await, Ok(()));
}

#[tokio::test]
async fn a_relays_no_is_for_now_or_for_good_and_its_words_are_kept() {
    let relay = Relay::open().await;
    let mail = Smtp::new(way_to(&relay), sender()).expect("no files are needed");
    let unknown = "550-5.1.1 <ann@example.com>: Recipient address rejected:\r\n550 5.1.1 User unknown";
    for (at, words, why) in [
        (At::Rcpt, unknown, "550 5.1.1 <…>: Recipient address rejected: User unknown"),
        (At::Mail, "550 5.7.1 not from there", "550 5.7.1 not from there"),
        (At::Data, "554 5.5.1 no valid recipients", "554 5.5.1 no valid recipients"),
        (At::End, "552 5.2.3 too large", "552 5.2.3 too large"),
    ] {
        relay.act(at, Act::Say(words));
        let refused = Unsent::Refused(format!("the relay said {why}"));
        assert_eq!(mail.send(&email(1)).await, Err(refused), "{at:?}");
    }
    for (at, words) in
        [(At::Mail, "452 4.3.1 no room"), (At::Rcpt, "450 4.2.0 greylisted"), (At::End, "451 4.3.0 later")]
    {
        relay.act(at, Act::Say(words));
        let later = Unsent::Later(format!("the relay said {words}"));
        assert_eq!(mail.send(&email(1)).await, Err(later), "{at:?}");
    }
    // What says nothing about a letter fails none.
    for (at, words) in
        [(At::Greeting, "554 not today"), (At::Mail, "530 5.7.0 log in"), (At::Rcpt, "421 closing")]
    {
        relay.act(at, Act::Say(words));
        // A connection that was idle would hide the greeting.
        let mail = Smtp::new(way_to(&relay), sender()).expect("no files are needed");
        assert_eq!(
            mail.send(&email(1)).await,
            Err(Unsent::NotTried(format!("the relay said {words}"))),
            "{at:?}"
        );
        is_taken_again(&mail, &relay).await;
    }
}

#[tokio::test]
async fn a_relay_that_stalls_or_hangs_up_is_away_and_found_again() {
    let relay = Relay::open().await;
    for act in [Act::Stall, Act::HangUp] {
        for at in [At::Greeting, At::Mail, At::Rcpt, At::Data, At::End] {
            let mail = Smtp::new(way_to(&relay), sender()).expect("no files are needed");
            relay.act(at, act);
            let unsent = mail.send(&email(1)).await.expect_err("it was not taken");
            match at {
                // The relay has seen all of it, and may have taken it.
                At::End => assert!(matches!(unsent, Unsent::Later(_)), "{act:?} {at:?}: {unsent:?}"),
                _ => assert!(matches!(unsent, Unsent::NotTried(_)), "{act:?} {at:?}: {unsent:?}"),
            }
            let before = relay.calls();
            let (began, next) = (Instant::now(), mail.send(&email(2)).await);
            assert!(matches!(next, Err(Unsent::NotTried(_))), "{act:?} {at:?}: {next:?}");
            assert!(began.elapsed() < Duration::from_millis(400), "it was tried");
            assert_eq!(relay.calls(), before);
            is_taken_again(&mail, &relay).await;
        }
    }
}

#[tokio::test]
async fn a_letter_whose_answer_got_lost_goes_again_under_the_same_message_id() {
    let relay = Relay::open().await;
    let mail = Smtp::new(way_to(&relay), sender()).expect("no files are needed");
    relay.act(At::End, Act::TakeAndHangUp);
    assert!(matches!(mail.send(&email(9)).await, Err(Unsent::Later(_))));
    is_taken_again(&mail, &relay).await;
    let ids: Vec<_> = relay.taken().iter().map(|it| it.message_id().to_owned()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_relay_with_a_certificate_of_its_own_is_spoken_to_in_secret_and_logged_in_to() {
    let relay = Relay::open_to("shop", "s3cret://word").await;
    let login = |password: &str| Some(Login { user: "shop".to_owned(), password: password.to_owned() });
    let known = outside::Relay {
        tls: Tls::StartTls,
        ca_file: Some(certificate()),
        login: login("s3cret://word"),
        ..way_to(&relay)
    };
    let mail = Smtp::new(known.clone(), sender()).expect("the file is there");
    assert_eq!(mail.send(&email(1)).await, Ok(()));
    assert_eq!(relay.taken().len(), 1);

    // Settings that are wrong fail no letter: they wait until they are put right.
    let refusals = [
        (outside::Relay { login: login("wrong"), ..known.clone() }, "535 5.7.8 wrong user or password"),
        (outside::Relay { login: None, ..known.clone() }, "530 5.7.0 log in first"),
        (outside::Relay { ca_file: None, ..known.clone() }, "certificate"),
        (outside::Relay { host: "127.0.0.1".to_owned(), ..known.clone() }, "certificate"),
        (outside::Relay { tls: Tls::None, ..known.clone() }, "authentication mechanism"),
    ];
    for (wrong, words) in refusals {
        let mail = Smtp::new(wrong, sender()).expect("the file is there");
        let Err(Unsent::NotTried(why)) = mail.send(&email(2)).await else { panic!("{words}: sent") };
        assert!(why.contains(words) && !why.contains("s3cret"), "{why}");
    }
    let plain = Relay::open().await;
    let downgraded = outside::Relay { tls: Tls::StartTls, ..way_to(&plain) };
    let sent = Smtp::new(downgraded, sender()).expect("no files").send(&email(3)).await;
    assert!(matches!(&sent, Err(Unsent::NotTried(why)) if why.contains("STARTTLS")), "{sent:?}");
    assert!(plain.taken().is_empty());

    let missing = outside::Relay { ca_file: Some("nowhere.pem".into()), ..known.clone() };
    assert!(Smtp::new(missing, sender()).err().expect("refused").starts_with("nowhere.pem: "));
    let key = outside::Relay { ca_file: Some(certificate().with_file_name("key.pem")), ..known };
    assert!(Smtp::new(key, sender()).is_err());
}

/// Letters go to this relay.
fn by_smtp(relay: &Relay) -> impl Fn(&mut Settings) + use<> {
    let port = relay.address.port();
    move |it| {
        it.mail.provider = MailProvider::Smtp;
        it.mail.smtp.host = "127.0.0.1".to_owned();
        (it.mail.smtp.port, it.mail.smtp.tls) = (port, SmtpTls::None);
    }
}

async fn messages(server: &Clients, filter: String) -> Vec<pb::CustomerMessage> {
    let request = pb::ListMessagesRequest { filter, page_size: 200, ..Default::default() };
    server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages
}

/// The order's messages, as soon as all of them are as wanted.
async fn until_all(
    server: &Clients,
    order: &str,
    are: impl Fn(&pb::CustomerMessage) -> bool,
) -> Vec<pb::CustomerMessage> {
    let began = Instant::now();
    loop {
        let found = messages(server, format!("order_id = {order}")).await;
        if !found.is_empty() && found.iter().all(&are) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it never came about: {found:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One test per engine with a relay of its own.
macro_rules! with_relay_on_both_engines {
    ($name:ident) => {
        mod $name {
            use crate::mail::by_smtp;
            use crate::relay::Relay;
            use crate::server::{Engine, on};

            async fn run(engine: Engine) {
                let relay = Relay::open().await;
                let change = by_smtp(&relay);
                on(engine, change, async |server| super::$name(server, relay).await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                run(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                run(Engine::Postgres).await;
            }
        }
    };
}

async fn resend(
    server: &Clients,
    message: &str,
    request_id: &str,
) -> Result<pb::CustomerMessage, tonic::Status> {
    let (message_id, request_id) = (message.to_owned(), request_id.to_owned());
    let request = pb::ResendMessageRequest { message_id, request_id, validate_only: false };
    let answer = server.orders.clone().resend_message(by("support", request)).await?;
    Ok(answer.into_inner().message.expect("the message"))
}

async fn resend_failed(server: &Clients, since: prost_types::Timestamp) -> pb::ResendFailedMessagesResponse {
    let request = pb::ResendFailedMessagesRequest {
        failed_since_time: Some(since),
        request_id: String::new(),
        validate_only: false,
    };
    server.orders.clone().resend_failed_messages(by("support", request)).await.expect("queued").into_inner()
}

with_relay_on_both_engines!(a_refused_letter_fails_with_the_relays_words_and_is_sent_again_when_asked_for);

async fn a_refused_letter_fails_with_the_relays_words_and_is_sent_again_when_asked_for(
    server: TestServer,
    relay: Relay,
) {
    stocked(&server, "M-1", 5).await;
    relay.act(At::Rcpt, Act::Say("550 5.1.1 <ann@example.com>: no such user"));
    let placed = create_order(&server, draft("ann", "M-1", 1)).await.expect("an order");
    let failed = until_all(&server, &placed.id, |it| it.state() == pb::MessageState::Failed).await;
    assert!(failed.len() >= 2);
    for message in &failed {
        assert_eq!(
            (message.failure.as_str(), message.attempts),
            ("the relay said 550 5.1.1 <…>: no such user", 1)
        );
        assert!(message.fail_time.is_some() && message.send_time.is_none());
    }
    let until_now =
        failed.iter().filter_map(|it| it.fail_time).map(|it| it.seconds).max().expect("they failed");
    let later = prost_types::Timestamp { seconds: until_now + 5, nanos: 0 };
    assert_eq!(resend_failed(&server, later).await, pb::ResendFailedMessagesResponse::default());

    relay.behave();
    let again = resend(&server, &failed[0].id, "resend-1").await.expect("queued");
    assert_eq!((again.state(), again.resend_count), (pb::MessageState::Queued, 1));
    let repeated = resend(&server, &failed[0].id, "resend-1").await.expect("the stored answer");
    assert_eq!(repeated, again);
    let rest = resend_failed(&server, prost_types::Timestamp::default()).await;
    assert_eq!(
        (rest.resent_count, rest.message_ids.len(), rest.more),
        (failed.len() as i32 - 1, failed.len() - 1, false)
    );
    let sent = until_all(&server, &placed.id, |it| it.state() == pb::MessageState::Sent).await;
    let taken = relay.taken();
    assert_eq!(taken.len(), sent.len());
    for message in &sent {
        assert_eq!((message.resend_count, message.failure.as_str()), (1, ""));
        let id = format!("<{}.1@localhost>", message.id);
        assert!(taken.iter().any(|it| it.message_id() == id), "{id}");
    }

    // A sent one goes again by its id alone; what waits or is suppressed does not.
    resend(&server, &sent[0].id, "").await.expect("queued");
    until_all(&server, &placed.id, |it| it.state() == pb::MessageState::Sent).await;
    assert_eq!(resend_failed(&server, prost_types::Timestamp::default()).await.resent_count, 0);
    let unknown = resend(&server, "msg_01h455vb4pex5vsknk084sn02q", "").await.expect_err("no such message");
    assert_eq!(unknown.code(), Code::NotFound);
    let wrong = pb::ResendFailedMessagesRequest::default();
    let wrong =
        server.orders.clone().resend_failed_messages(by("support", wrong)).await.expect_err("since when?");
    assert_eq!(reason(&wrong), "INVALID_FIELD");

    let mut by_phone = draft("bob", "M-1", 1);
    let customer = by_phone.customer.as_mut().expect("a customer");
    (customer.email, customer.phone) = (String::new(), "+4930901820".to_owned());
    let placed = create_order(&server, by_phone).await.expect("an order");
    let told = messages(&server, format!("order_id = {}", placed.id)).await;
    assert!(!told.is_empty());
    for message in told {
        assert_eq!(message.state(), pb::MessageState::Suppressed);
        assert_eq!(message.suppression_reason(), pb::SuppressionReason::NoAddress);
        assert_eq!(message.failure, "the customer left only a phone number, and letters go by e-mail");
        let refused = resend(&server, &message.id, "").await.expect_err("it was not to be sent");
        assert_eq!(reason(&refused), "ILLEGAL_TRANSITION");
    }
    every_law_holds(&server).await;
    server.stop().await;
}

with_relay_on_both_engines!(failed_letters_that_are_only_asked_for_stay_failed);

async fn failed_letters_that_are_only_asked_for_stay_failed(server: TestServer, relay: Relay) {
    stocked(&server, "M-1", 5).await;
    relay.act(At::Rcpt, Act::Say("550 5.1.1 <ann@example.com>: no such user"));
    let placed = create_order(&server, draft("ann", "M-1", 1)).await.expect("an order");
    let failed = until_all(&server, &placed.id, |it| it.state() == pb::MessageState::Failed).await;
    relay.behave();
    let asked = pb::ResendFailedMessagesRequest {
        failed_since_time: Some(prost_types::Timestamp::default()),
        request_id: String::new(),
        validate_only: true,
    };
    let told = server.orders.clone().resend_failed_messages(by("support", asked)).await;
    let told = told.expect("as it would be").into_inner();
    assert_eq!(told.message_ids.len(), failed.len());
    assert_eq!(messages(&server, format!("order_id = {}", placed.id)).await, failed);
    assert!(relay.taken().is_empty(), "nothing was sent");

    assert_eq!(resend_failed(&server, prost_types::Timestamp::default()).await, told);
    until_all(&server, &placed.id, |it| it.state() == pb::MessageState::Sent).await;
    every_law_holds(&server).await;
    server.stop().await;
}

async fn set_unwanted(
    server: &Clients,
    order: &str,
    kinds: &[pb::MessageKind],
) -> Result<pb::Order, tonic::Status> {
    let request = pb::SetNotificationPreferenceRequest {
        order_id: order.to_owned(),
        unwanted_kinds: kinds.iter().map(|it| *it as i32).collect(),
        ..Default::default()
    };
    let answer = server.orders.clone().set_notification_preference(by("support", request)).await?;
    Ok(answer.into_inner().order.expect("the order"))
}

with_relay_on_both_engines!(after_a_customers_wish_no_letter_of_that_kind_goes_out);

async fn after_a_customers_wish_no_letter_of_that_kind_goes_out(server: TestServer, relay: Relay) {
    stocked(&server, "M-2", 5).await;
    relay.go_away().await;
    let placed = create_order(&server, draft("ann", "M-2", 1)).await.expect("an order");
    let kinds = [pb::MessageKind::OrderReceived, pb::MessageKind::PaymentReceived];
    let order = set_unwanted(&server, &placed.id, &kinds).await.expect("noted");
    assert_eq!(order.unwanted_message_kinds, kinds.map(|it| it as i32));
    crate::shop::pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    relay.come_back().await;
    let told = until_all(&server, &placed.id, |it| it.state() != pb::MessageState::Queued).await;
    for message in &told {
        let unwanted = kinds.contains(&message.kind());
        let (state, reason) = match unwanted {
            true => (pb::MessageState::Suppressed, pb::SuppressionReason::NotWanted),
            false => (pb::MessageState::Sent, pb::SuppressionReason::Unspecified),
        };
        assert_eq!((message.state(), message.suppression_reason()), (state, reason), "{message:?}");
    }
    assert!(kinds.iter().all(|kind| told.iter().any(|it| it.kind() == *kind)), "{told:?}");
    assert_eq!(relay.taken().len(), told.len() - 2);

    let needed = [pb::MessageKind::Shipped, pb::MessageKind::InvoiceIssued, pb::MessageKind::Shipped];
    let refused = set_unwanted(&server, &placed.id, &needed).await.expect_err("the law needs it");
    assert_eq!(reason(&refused), "INVALID_FIELD");
    let text = format!("{refused:?}");
    assert!(text.contains("unwanted_kinds[1]") && text.contains("unwanted_kinds[2]"), "{text}");
    let wanted = set_unwanted(&server, &placed.id, &[]).await.expect("noted");
    assert!(wanted.unwanted_message_kinds.is_empty());
    every_law_holds(&server).await;
    server.stop().await;
}

/// The clock that a server goes by, which the test moves: the machine's on SQLite, the database's on PostgreSQL.
pub(crate) struct MovedClock {
    ahead: Arc<AtomicI64>,
    database: Option<TestDatabase>,
}

impl MovedClock {
    /// None where there is no PostgreSQL.
    pub(crate) async fn set(engine: Engine) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TestDatabase::create().await?),
        };
        if let Some(database) = &database {
            let name = database.url.rsplit('/').next().and_then(|it| it.split('?').next()).expect("a name");
            let ours = "CREATE SCHEMA test;
                CREATE TABLE test.moved (seconds BIGINT NOT NULL);
                INSERT INTO test.moved VALUES (0);
                CREATE FUNCTION test.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
                'SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT seconds FROM test.moved))';";
            database.run(ours).await;
            database.run(&format!("ALTER DATABASE {name} SET search_path = public, test, pg_catalog")).await;
        }
        Some(Self { ahead: Arc::default(), database })
    }

    async fn serve(&self, folder: &std::path::Path, relay: &Relay) -> Server {
        self.serve_with(folder, by_smtp(relay)).await
    }

    pub(crate) async fn serve_with(
        &self,
        folder: &std::path::Path,
        change: impl FnOnce(&mut Settings),
    ) -> Server {
        let mut settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.join("data"),
            database_url: self.database.as_ref().map(|it| Secret::new(&it.url)),
            insecure_durability: true,
            ..Settings::default()
        };
        change(&mut settings);
        // The clock leaps: what a worker has in hand is not to be taken from it by that.
        settings.limits.lease_seconds = 3_600;
        let ahead = Arc::clone(&self.ahead);
        let clock = move || {
            let now = consign::clock::now().unix_micros();
            Timestamp::from_unix_micros(now + ahead.load(Ordering::Relaxed) * 1_000_000)
        };
        Server::start_by(settings, Arc::new(clock)).await.expect("it starts")
    }

    pub(crate) async fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        if let Some(database) = &self.database {
            database.run(&format!("UPDATE test.moved SET seconds = seconds + {seconds}")).await;
        }
    }
}

/// Orders while the relay is away.
const ORDERS: usize = 40;

async fn a_relay_that_was_off_for_an_hour_loses_no_letter_and_gets_none_twice(engine: Engine) {
    let Some(clock) = MovedClock::set(engine).await else { return };
    let (folder, relay) = (tempfile::tempdir().expect("a folder"), Relay::open().await);
    let server = clock.serve(folder.path(), &relay).await;
    let clients = Clients::over(connect(&server).await);
    stocked(&clients, "M-3", 1_000).await;
    let first = create_order(&clients, draft("first", "M-3", 1)).await.expect("an order");
    until_all(&clients, &first.id, |it| it.state() == pb::MessageState::Sent).await;

    relay.go_away().await;
    let calls = relay.calls();
    let mut orders = Vec::new();
    for step in 0..12 {
        // Callers go on, and time goes by.
        for number in 0..ORDERS / 12 + 1 {
            let buyer = format!("away{step}.{number}");
            orders.push(create_order(&clients, draft(&buyer, "M-3", 1)).await.expect("an order").id);
        }
        clock.pass(HOUR / 12).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let waiting = messages(&clients, "state = QUEUED".to_owned()).await;
    assert!(waiting.len() >= ORDERS, "{}", waiting.len());
    let told_why = waiting.iter().filter(|it| it.failure.contains("the relay")).count();
    assert!(told_why > ORDERS / 2, "{told_why} of {} say what they wait for", waiting.len());
    assert!(waiting.iter().all(|it| it.attempts == 0), "an outage uses no attempts up");
    assert!(messages(&clients, "state = FAILED".to_owned()).await.is_empty());
    assert_eq!(relay.calls(), calls);

    relay.come_back().await;
    let began = Instant::now();
    while !clients.left_open().await.expect("a list").is_empty() {
        assert!(began.elapsed() < PATIENCE * 2, "letters wait though the relay is there");
        clock.pass(20).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for taken in relay.taken() {
        *times.entry(taken.message_id().to_owned()).or_default() += 1;
    }
    for order in orders.iter().chain([&first.id]) {
        for message in messages(&clients, format!("order_id = {order}")).await {
            // What became untrue meanwhile is not sent, and says so.
            let expected = usize::from(message.state() == pb::MessageState::Sent);
            assert_eq!(
                times.get(&format!("<{}@localhost>", message.id)).copied().unwrap_or_default(),
                expected
            );
            assert!(
                expected == 1 || message.suppression_reason() == pb::SuppressionReason::Outdated,
                "{message:?}"
            );
        }
    }
    assert!(times.len() >= ORDERS && times.values().all(|it| *it == 1), "{times:?}");
    println!(
        "{engine:?}: off for an hour, {} letters, each once; all there {:?} after its return",
        times.len(),
        began.elapsed()
    );
    every_law_holds(&clients).await;
    server.stop().await.expect("it stops");
}

mod a_relay_that_was_off_for_an_hour_loses_no_letter_and_gets_none_twice {
    use crate::server::Engine;

    #[tokio::test(flavor = "multi_thread")]
    async fn on_sqlite() {
        super::a_relay_that_was_off_for_an_hour_loses_no_letter_and_gets_none_twice(Engine::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn on_postgres() {
        super::a_relay_that_was_off_for_an_hour_loses_no_letter_and_gets_none_twice(Engine::Postgres).await;
    }
}
