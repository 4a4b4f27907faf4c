//! Couriers' reports over HTTP: signed, repeated, wrong, in batches.

use consign::pb;
use consign::settings::{Settings, SigningKey};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::parcels::{numbered, record_labels, two_packages};
use crate::server::{TestServer, on_both_engines};
use crate::shop::{create_courier, every_law_holds, order, stocked};

const SECRET: &str = "a secret of sixteen bytes or more";

fn listening(settings: &mut Settings) {
    settings.webhooks.listen = Some(([127, 0, 0, 1], 0).into());
    settings.webhooks.body_bytes = 16 * 1_024;
    settings.webhooks.secrets = [("swift".parse().unwrap(), SigningKey::new(SECRET))].into();
}

fn now() -> i64 {
    consign::clock::now().unix_micros() / 1_000_000
}

fn time(seconds_ago: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(now() - seconds_ago).unwrap();
    at.format(&time::format_description::well_known::Rfc3339).unwrap()
}

fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.{body}").as_bytes());
    let digest = mac.finalize().into_bytes();
    format!("v1={}", digest.iter().map(|it| format!("{it:02x}")).collect::<String>())
}

/// Sends a request and returns the status and the body of the answer.
async fn send(server: &TestServer, head: &str, body: &str) -> (u16, String) {
    let address = server.server.webhooks.expect("webhooks are on");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nhost: consign\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // What is refused before it has arrived may be cut off.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), body.to_owned())
}

async fn post(server: &TestServer, body: &str, delivery: Option<&str>) -> (u16, Value) {
    let at = now();
    let delivery = delivery.map(|it| format!("\r\nconsign-delivery: {it}")).unwrap_or_default();
    let head = format!(
        "POST /couriers/swift/events HTTP/1.1\r\nconsign-timestamp: {at}\r\nconsign-signature: {}{delivery}",
        signature(SECRET, at, body)
    );
    let (status, body) = send(server, &head, body).await;
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("no JSON: {body}")))
}

fn event(number: &str, status: &str, seconds_ago: i64) -> Value {
    json!({"tracking_number": number, "status": status, "occurred_time": time(seconds_ago), "raw_code": status})
}

fn batch(events: &[Value]) -> String {
    json!({ "events": events }).to_string()
}

fn outcomes(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect()
}

on_both_engines!(
    a_signed_batch_for_two_shipments_is_recorded_but_for_its_bad_event,
    listening,
    async |server| {
        stocked(&server, "T-1", 10).await;
        create_courier(&server).await;
        let (first, one) = two_packages(&server, "ann").await;
        let (second, other) = two_packages(&server, "ben").await;
        record_labels(&server, &one, vec![numbered(1, "SW1"), numbered(2, "SW2")]).await.unwrap();
        let shipment = record_labels(&server, &other, vec![numbered(1, "SW3")]).await.unwrap();
        let ours = shipment.label.unwrap().tracking_number;

        let events = [
            event("SW 1", "PICKED_UP", 60),
            event(&ours, "DELIVERED", 30),
            json!({"tracking_number": "SW2", "status": "SOMEWHERE", "occurred_time": "today"}),
            event("SW9", "IN_TRANSIT", 30),
            json!({"surprise": 1}),
            event("SW2", "IN_TRANSIT", 20),
        ];
        let (status, answer) = post(&server, &batch(&events), None).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(outcomes(&answer), ["RECORDED", "RECORDED", "REFUSED", "REFUSED", "REFUSED", "RECORDED"]);
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results[2]["reason"], "INVALID_FIELD");
        for field in ["events[2].status", "events[2].occurred_time"] {
            assert!(results[2]["message"].as_str().unwrap().contains(field), "{answer}");
        }
        assert_eq!(results[3]["reason"], "NOT_FOUND");
        assert_eq!(order(&server, &first).await.state(), pb::OrderState::Shipped);
        assert_eq!(order(&server, &second).await.state(), pb::OrderState::Delivered);

        // Sent again, with what is new since.
        let (status, answer) =
            post(&server, &batch(&[event("SW1", "DELIVERED", 5), events[5].clone()]), None).await;
        assert_eq!((status, outcomes(&answer)), (200, vec!["RECORDED", "KNOWN"]));
        every_law_holds(&server).await;
    }
);

on_both_engines!(a_repeated_delivery_gets_its_first_answer, listening, async |server| {
    stocked(&server, "T-1", 10).await;
    create_courier(&server).await;
    let (_, id) = two_packages(&server, "ann").await;
    record_labels(&server, &id, vec![numbered(1, "SW1")]).await.unwrap();
    let body = batch(&[event("SW1", "INFO_RECEIVED", 60)]);
    for _ in 0..2 {
        let (status, answer) = post(&server, &body, Some("d-1")).await;
        assert_eq!((status, outcomes(&answer)), (200, vec!["RECORDED"]));
    }
    let (_, answer) = post(&server, &body, None).await;
    assert_eq!(outcomes(&answer), ["KNOWN"]);
    let (status, answer) = post(&server, &batch(&[event("SW1", "PICKED_UP", 1)]), Some("d-1")).await;
    assert_eq!((status, outcomes(&answer)), (200, vec!["REFUSED"]));
    assert_eq!(answer["results"][0]["reason"], "REQUEST_ID_REUSED");
});

on_both_engines!(what_is_not_signed_lately_and_rightly_is_not_read, listening, async |server| {
    create_courier(&server).await;
    let body = batch(&[event("SW1", "IN_TRANSIT", 1)]);
    let head = |path: &str, at: i64, signature: &str| {
        format!("POST {path} HTTP/1.1\r\nconsign-timestamp: {at}\r\nconsign-signature: {signature}")
    };
    let path = "/couriers/swift/events";
    let (at, old) = (now(), now() - 3_600);
    let wrong = [
        head(path, at, &signature("another secret, long enough", at, &body)),
        head(path, at, &signature(SECRET, at, "{}")),
        head(path, at, &signature(SECRET, at + 1, &body)),
        head(path, old, &signature(SECRET, old, &body)),
        head(path, at, "v1=zz"),
        head(path, at, "none"),
        head("/couriers/other/events", at, &signature(SECRET, at, &body)),
        format!("POST {path} HTTP/1.1"),
    ];
    for head in wrong {
        assert_eq!(send(&server, &head, &body).await.0, 401, "{head}");
    }

    let good = head(path, at, &signature(SECRET, at, &body));
    let long = format!("{good}\r\nconsign-delivery: {}", "d".repeat(129));
    let (status, why) = send(&server, &long, &body).await;
    assert_eq!((status, why.contains("consign-delivery")), (400, true), "{why}");
    assert_eq!(send(&server, &good, &body).await.0, 200);
    assert_eq!(send(&server, &good.replace("POST", "PUT"), &body).await.0, 405);
    assert_eq!(send(&server, &good.replace("/events", ""), &body).await.0, 404);
    for bad in ["", "[]", "{\"events\": []}", "{\"events\": 1}", "{\"events\": [], \"more\": 1}"] {
        assert_eq!(post(&server, bad, None).await.0, 400, "{bad:?}");
    }
    let many: Vec<_> = (0..101).map(|_| json!({})).collect();
    assert_eq!(post(&server, &batch(&many), None).await.0, 400);
    let large = format!("{{\"events\": [\"{}\"]}}", "x".repeat(17 * 1_024));
    assert_eq!(send(&server, &head(path, at, &signature(SECRET, at, &large)), &large).await.0, 413);

    // The door closes with the server, also while somebody stands in it.
    let _silent = TcpStream::connect(server.server.webhooks.unwrap()).await.unwrap();
    server.stop().await;
});
