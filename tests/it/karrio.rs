//! A stand-in for a server that speaks Karrio's REST API, in its documented shapes. The recipient's name says how it
//! behaves.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consign::domain::Timestamp;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// What its callers have to show.
pub(crate) const TOKEN: &str = "key_secret";

/// What it asks for a shipment.
const RATE: f64 = 7.35;

/// Longer than a caller waits.
const STALL: Duration = Duration::from_secs(4);

#[derive(Clone)]
pub(crate) struct Karrio {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    shipments: Vec<Value>,
    pickups: Vec<Value>,
    /// By the number that they follow.
    trackers: BTreeMap<String, Value>,
    /// How often each call was made for each recipient: `purchase/Buyer fail`.
    calls: BTreeMap<String, u32>,
}

/// How an answer is spoiled; whatever it was to do is done, or not.
enum Fault {
    None,
    /// 500, and nothing done.
    Fails,
    /// 500, but done.
    Lost,
    /// Nonsense, but done.
    Garbage,
    /// Done and answered, but late.
    Late,
    /// Done, and nothing answered.
    Silent,
    /// 424: the courier behind it will not have it.
    Refused,
}

impl Karrio {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let karrio = Self { address: listener.local_addr().unwrap(), books: Arc::default() };
        let serving = karrio.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let karrio = serving.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |it| {
                        let karrio = karrio.clone();
                        // It finishes what it has begun, whether or not its caller still listens.
                        async move { tokio::spawn(async move { karrio.serve(it).await }).await.unwrap() }
                    });
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        karrio
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every shipment with this reference whose label was bought, given back or not.
    pub(crate) fn bought(&self, reference: &str) -> Vec<Value> {
        self.books(|it| {
            let bought = |it: &&Value| it["reference"] == reference && it["tracking_number"].is_string();
            it.shipments.iter().filter(bought).cloned().collect()
        })
    }

    /// How many labels were bought and not given back, and how many pickups are to be made.
    pub(crate) fn standing(&self) -> (usize, usize) {
        self.books(|it| {
            let bought = |it: &&Value| it["status"] == "purchased";
            let stands = |it: &&Value| it["status"] != "cancelled";
            (it.shipments.iter().filter(bought).count(), it.pickups.iter().filter(stands).count())
        })
    }

    /// How often such a call was made, as in `purchase/Buyer fail`.
    pub(crate) fn calls(&self, call: &str) -> u32 {
        self.books(|it| it.calls.get(call).copied().unwrap_or_default())
    }

    fn books<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let expected = format!("Token {TOKEN}");
        if head.headers.get("authorization").and_then(|it| it.to_str().ok()) != Some(expected.as_str()) {
            return Ok(answer(401, json!({ "errors": [{ "message": "Authentication failed" }] })));
        }

        let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let (call, who) = match (head.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "proxy", "rates"]) => ("rates", body["recipient"]["person_name"].clone()),
            ("POST", ["v1", "shipments"]) => ("create", body["recipient"]["person_name"].clone()),
            ("POST", ["v1", "shipments", id, "purchase"]) => ("purchase", self.recipient(id)),
            ("POST", ["v1", "shipments", id, "cancel"]) => ("cancel", self.recipient(id)),
            ("POST", ["v1", "pickups", _, "schedule"]) => {
                ("schedule", self.recipient_of(&body["tracking_numbers"][0]))
            }
            ("POST", ["v1", "pickups", id, "cancel"]) => {
                let number =
                    self.books(|it| find(&mut it.pickups, id).map(|it| it["tracking_numbers"][0].clone()));
                ("unschedule", self.recipient_of(&number.unwrap_or_default()))
            }
            ("GET", ["v1", "trackers", number]) => ("track", self.recipient_of(&json!(number))),
            ("POST", ["v1", "trackers"]) => ("follow", self.recipient_of(&body["tracking_number"])),
            _ => ("other", Value::Null),
        };
        let who = who.as_str().unwrap_or_default().to_owned();
        let nth = self.books(|it| {
            let calls = it.calls.entry(format!("{call}/{who}")).or_default();
            *calls += 1;
            *calls
        });
        let fault = fault(&who, call, nth);
        if let Fault::Fails = fault {
            return Ok(answer(500, json!({ "errors": [{ "message": "internal" }] })));
        }
        if let Fault::Refused = fault {
            return Ok(answer(424, json!({ "messages": [{ "message": "no service to that address" }] })));
        }
        if let Fault::Late = fault {
            tokio::time::sleep(STALL).await;
        }
        let done = self.books(|it| it.act(head.method.as_str(), &path, &query, &body));
        match fault {
            Fault::Lost => return Ok(answer(500, json!({}))),
            Fault::Garbage => return Ok(Response::new(Full::new(Bytes::from("<html>\0tracking_number")))),
            Fault::Silent => std::future::pending().await,
            Fault::None | Fault::Fails | Fault::Late | Fault::Refused => {}
        }
        Ok(done)
    }

    fn recipient(&self, id: &str) -> Value {
        self.books(|it| {
            let found = it.shipments.iter().find(|it| it["id"] == id);
            found.map_or(Value::Null, |it| it["recipient"]["person_name"].clone())
        })
    }

    /// By the number of the label.
    fn recipient_of(&self, number: &Value) -> Value {
        self.books(|it| {
            let found = it.shipments.iter().find(|it| it["tracking_number"] == *number);
            found.map_or(Value::Null, |it| it["recipient"]["person_name"].clone())
        })
    }
}

/// The first calls for some recipients go wrong.
fn fault(who: &str, call: &str, nth: u32) -> Fault {
    match (who, call, nth) {
        ("Buyer fail", "create" | "purchase", 1) | ("Buyer unfetched", "schedule", 1) => Fault::Fails,
        ("Buyer kept", "unschedule" | "cancel", 1) | ("Buyer untracked", "track", _) => Fault::Fails,
        ("Buyer lost", "purchase", 1) => Fault::Lost,
        ("Buyer fetched", "schedule", 1) | ("Buyer gone", "unschedule", 1) => Fault::Lost,
        ("Buyer garbage", "create" | "purchase", 1) => Fault::Garbage,
        ("Buyer late", "purchase", 1) => Fault::Late,
        ("Buyer silent", "create", 1) | ("Buyer hushed", "schedule", 1) => Fault::Silent,
        ("Buyer gone", "cancel", 1) | ("Buyer unheard", "track", _) => Fault::Silent,
        ("Buyer refused", "purchase", _) | ("Buyer nowhere", "rates", _) => Fault::Refused,
        ("Buyer unpriced", "rates", _) => Fault::Fails,
        ("Buyer garbled", "rates", _) => Fault::Garbage,
        ("Buyer unanswered", "rates", _) => Fault::Silent,
        _ => Fault::None,
    }
}

impl Books {
    fn act(&mut self, method: &str, path: &[&str], query: &str, body: &Value) -> Response<Full<Bytes>> {
        match (method, path) {
            ("GET", ["v1", "shipments"]) => {
                let reference = query.strip_prefix("reference=").unwrap_or_default();
                list(self.shipments.iter().filter(|it| it["reference"] == reference))
            }
            ("POST", ["v1", "proxy", "rates"]) => rates(body),
            ("POST", ["v1", "shipments"]) => self.create(body),
            ("GET", ["v1", "shipments", id]) => match find(&mut self.shipments, id) {
                Some(found) => answer(200, found.clone()),
                None => missing(),
            },
            ("POST", ["v1", "shipments", id, "purchase"]) => self.purchase(id, body),
            ("POST", ["v1", "shipments", id, "cancel"]) => cancel(&mut self.shipments, id),
            ("GET", ["v1", "shipments", _, "label.pdf"]) => {
                Response::new(Full::new(Bytes::from("%PDF-1.7 a label")))
            }
            ("GET", ["v1", "pickups"]) => list(self.pickups.iter()),
            ("GET", ["v1", "pickups", id]) => match find(&mut self.pickups, id) {
                Some(found) => answer(200, found.clone()),
                None => missing(),
            },
            ("POST", ["v1", "pickups", "dhl_parcel_de", "schedule"]) => {
                let mut pickup = body.clone();
                let number = self.pickups.len() + 1;
                pickup["id"] = json!(format!("pck_{number}"));
                pickup["confirmation_number"] = json!(format!("C{number}"));
                pickup["status"] = json!("scheduled");
                assert!(
                    ["pickup_date", "ready_time", "closing_time"].iter().all(|it| pickup[it].is_string())
                );
                self.pickups.push(pickup.clone());
                answer(201, pickup)
            }
            ("POST", ["v1", "pickups", id, "cancel"]) => cancel(&mut self.pickups, id),
            ("GET", ["v1", "trackers", number]) => match self.trackers.get(*number) {
                Some(found) => answer(200, found.clone()),
                None => missing(),
            },
            ("POST", ["v1", "trackers"]) => {
                assert_eq!(body["carrier_name"], "dhl_parcel_de");
                let number = body["tracking_number"].as_str().unwrap_or_default();
                answer(201, self.trackers.entry(number.to_owned()).or_insert_with(|| tracker(number)).clone())
            }
            _ => missing(),
        }
    }

    fn create(&mut self, body: &Value) -> Response<Full<Bytes>> {
        for field in ["shipper", "recipient", "parcels"] {
            if body[field].is_null() {
                let why = format!("{field}: This field is required.");
                return answer(400, json!({ "errors": [{ "code": "validation", "message": why }] }));
            }
        }
        let number = self.shipments.len() + 1;
        let mut shipment = body.clone();
        shipment["id"] = json!(format!("shp_{number}"));
        shipment["status"] = json!("draft");
        shipment["created_at"] = json!(format!("2026-11-29 00:00:{number:02}.000000+0000"));
        shipment["tracking_number"] = Value::Null;
        let rate = json!({
            "id": format!("rat_{number}"),
            "carrier_name": "dhl_parcel_de",
            "carrier_id": "dhl",
            "service": body["services"][0],
            "total_charge": 4.90,
            "currency": "EUR",
            "test_mode": true,
        });
        shipment["rates"] = json!([rate]);
        self.shipments.push(shipment.clone());
        answer(201, shipment)
    }

    fn purchase(&mut self, id: &str, body: &Value) -> Response<Full<Bytes>> {
        let Some(shipment) = find(&mut self.shipments, id) else { return missing() };
        if shipment["status"] != "draft" {
            let why = format!("The shipment is '{}' and cannot be purchased again", shipment["status"]);
            return answer(409, json!({ "errors": [{ "code": "state_error", "message": why }] }));
        }
        if shipment["rates"][0]["id"] != body["selected_rate_id"] {
            return answer(400, json!({ "errors": [{ "message": "unknown rate" }] }));
        }
        shipment["status"] = json!("purchased");
        let number = format!("JJD{}", &id[4..]);
        shipment["tracking_number"] = json!(number);
        // Some servers follow what they have sold from the beginning.
        if shipment["recipient"]["person_name"] == "Buyer known" {
            self.trackers.insert(number.clone(), tracker(&number));
        }
        shipment["label_url"] = json!(format!("/v1/shipments/{id}/label.pdf"));
        answer(200, shipment.clone())
    }
}

/// One rate that is asked for, and two that are not: another carrier's, and one in another currency.
fn rates(body: &Value) -> Response<Full<Bytes>> {
    let rate = |carrier: &str, currency: &Value, charge: f64| {
        json!({
            "id": "rat_0",
            "carrier_name": carrier,
            "carrier_id": "dhl",
            "service": body["services"][0],
            "total_charge": charge,
            "currency": currency,
            "transit_days": 2,
            "meta": { "service_name": "DHL Paket" },
            "test_mode": true,
        })
    };
    let wanted = &body["options"]["currency"];
    let rates = [
        rate("ups", wanted, 1.0),
        rate("dhl_parcel_de", &json!("XAF"), 2.0),
        rate("dhl_parcel_de", wanted, RATE),
    ];
    answer(201, json!({ "messages": [], "rates": rates }))
}

/// On its way since an hour, and with the driver since ten minutes; the latest first.
fn tracker(number: &str) -> Value {
    let ago = |minutes: i64| {
        let micros = consign::clock::now().unix_micros() - minutes * 60_000_000;
        Timestamp::from_unix_micros(micros).to_string()
    };
    let event = |status: &str, minutes: i64, location: &str| {
        json!({
            "status": status,
            "timestamp": ago(minutes),
            "location": location,
            "code": status,
            "description": status,
        })
    };
    json!({
        "id": format!("trk_{number}"),
        "carrier_name": "dhl_parcel_de",
        "carrier_id": "dhl",
        "tracking_number": number,
        "status": "out_for_delivery",
        "delivered": false,
        "events": [event("out_for_delivery", 10, "Berlin"), event("in_transit", 60, "Leipzig")],
        "test_mode": true,
    })
}

fn find<'a>(all: &'a mut [Value], id: &str) -> Option<&'a mut Value> {
    all.iter_mut().find(|it| it["id"] == id)
}

fn cancel(all: &mut [Value], id: &str) -> Response<Full<Bytes>> {
    let Some(found) = find(all, id) else { return missing() };
    let status = if found["status"] == "cancelled" { 202 } else { 200 };
    found["status"] = json!("cancelled");
    answer(status, found.clone())
}

fn list<'a>(found: impl Iterator<Item = &'a Value>) -> Response<Full<Bytes>> {
    let found: Vec<_> = found.cloned().collect();
    answer(200, json!({ "count": found.len(), "next": null, "previous": null, "results": found }))
}

fn missing() -> Response<Full<Bytes>> {
    answer(404, json!({ "errors": [{ "code": "not_found", "message": "Not found." }] }))
}

fn answer(status: u16, body: Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    answer
}
