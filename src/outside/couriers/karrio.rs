//! Couriers behind a server that speaks Karrio's REST API, as documented on <https://docs.karrio.io/reference/api> and in
//! the server's own description (`/openapi`, versions 2024.12 to 2026.1):
//! [shipments](https://docs.karrio.io/reference/api/shipments), [pickups](https://docs.karrio.io/reference/api/pickups),
//! [trackers](https://docs.karrio.io/reference/api/trackers),
//! [rates](https://docs.karrio.io/reference/api/proxy).
//!
//! That API has no idempotency keys, so a label is bought in two steps. `POST /v1/shipments` without a `service` only makes
//! a draft with rates, which costs nothing, under our key as its `reference`; `POST /v1/shipments/{id}/purchase` then buys
//! the label of that draft, and answers 409 when it is bought already. Before a draft is made those with the key are looked
//! up (`GET /v1/shipments?reference=`), and of several the oldest is taken by every caller: so however often a call is
//! repeated, one label is bought. A pickup is looked up by its metadata in the same way.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{
    Address, Booking, BookingId, Consignment, CourierAnswer, Currency, LabelFile, LiveRate, Load, Origin,
    Package, Party, ServiceLevel, SoldFile, SoldLabel, TrackingReport,
};
use crate::outside::couriers::contract::CourierInterface;
use crate::outside::couriers::scans;
use crate::outside::http::{Answer, Client, NoAnswer};

/// How long a number or an id of the server's may be, in bytes.
const WORD_MAX: usize = 100;

/// Where the key of a pickup is kept: pickups have no reference.
const KEY_OF_PICKUP: &str = "consign_booking";

/// How the courier's own name of a service is cut, in characters.
const SERVICE_NAME_MAX: usize = 64;

/// A rate that takes longer says nothing of how long it takes.
const TRANSIT_DAYS_MAX: u32 = 60;

/// A rate that is dearer, in minor units, is none. Every smaller whole number is exact in a float.
const PRICE_MAX: f64 = 1e12;

/// How the server's answers to a courier's failures are cut, in characters.
const REASON_MAX: usize = 400;

/// A courier that is reached through a server that speaks Karrio's REST API.
pub struct Karrio {
    client: Client,
    /// The server's word for the courier: `dhl_parcel_de`.
    carrier: String,
    /// Which of the company's accounts with it; None: any.
    account: Option<String>,
    /// The courier's own words for our service levels.
    services: BTreeMap<ServiceLevel, String>,
    label_type: LabelType,
}

/// What a label is printed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelType {
    Pdf,
    Zpl,
}

impl LabelType {
    fn word(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Zpl => "ZPL",
        }
    }
}

/// Why a call did not do what it was to do.
enum Stop {
    Refused(String),
    Unknown(String),
}

impl From<NoAnswer> for Stop {
    fn from(error: NoAnswer) -> Self {
        Self::Unknown(format!("the courier's server {error}"))
    }
}

fn answer<T>(done: Result<T, Stop>) -> CourierAnswer<T> {
    match done {
        Ok(it) => CourierAnswer::Done(it),
        Err(Stop::Refused(why)) => CourierAnswer::Refused(why),
        Err(Stop::Unknown(why)) => CourierAnswer::Unknown(why),
    }
}

#[async_trait]
impl CourierInterface for Karrio {
    async fn rates(&self, load: &Load) -> CourierAnswer<Vec<LiveRate>> {
        answer(self.quoted(load).await)
    }

    async fn buy_label(&self, consignment: &Consignment) -> CourierAnswer<SoldLabel> {
        answer(self.buy(consignment).await)
    }

    async fn book_pickup(&self, consignment: &Consignment, number: &str) -> CourierAnswer<String> {
        answer(self.schedule(consignment, number).await)
    }

    async fn track(&self, number: &str) -> Option<Vec<TrackingReport>> {
        self.reports(number).await.ok()
    }

    async fn cancel(&self, booking: &Booking) -> CourierAnswer<()> {
        answer(self.call_off(booking).await)
    }
}

impl Karrio {
    /// None: the address or the token cannot be used.
    pub fn new(
        url: &str,
        token: &str,
        carrier: String,
        account: Option<String>,
        services: BTreeMap<ServiceLevel, String>,
        label_type: LabelType,
    ) -> Option<Self> {
        let client = Client::new(url, &format!("Token {token}"))?;
        Some(Self { client, carrier, account, services, label_type })
    }

    async fn quoted(&self, load: &Load) -> Result<Vec<LiveRate>, Stop> {
        let services: Vec<&str> = self.services.values().map(String::as_str).collect();
        let mut wanted = self.about(load);
        wanted["services"] = json!(services);
        let found = self.client.post("/v1/proxy/rates", &wanted).await?;
        if !found.status.is_success() {
            return Err(stop(&found));
        }
        let read = read(&found)?;
        let rates =
            read["rates"].as_array().ok_or_else(|| Stop::Unknown("an answer has no rates".to_owned()))?;
        let of_carrier = rates.iter().filter(|it| it["carrier_name"] == json!(self.carrier));
        let rates: Vec<LiveRate> = of_carrier.filter_map(|it| self.live_rate(it, load.currency)).collect();
        if rates.is_empty() {
            return Err(Stop::Refused(match words(&read) {
                words if words.is_empty() => format!("{} names no rate in {}", self.carrier, load.currency),
                words => words,
            }));
        }
        Ok(rates)
    }

    /// None: a rate of another service, in another currency, or without a price.
    fn live_rate(&self, rate: &Value, currency: Currency) -> Option<LiveRate> {
        let word = rate["service"].as_str()?;
        let (service, _) = self.services.iter().find(|it| it.1 == word)?;
        if rate["currency"].as_str()? != currency.as_str() {
            return None;
        }
        let price = currency.of(minor_of(rate["total_charge"].as_f64()?, currency)?);
        let named = rate["meta"]["service_name"].as_str().unwrap_or(word);
        let service_name = plain(named).chars().take(SERVICE_NAME_MAX).collect();
        let transit_days = rate["transit_days"].as_u64().and_then(|it| u32::try_from(it).ok());
        let transit_days = transit_days.filter(|it| *it <= TRANSIT_DAYS_MAX);
        Some(LiveRate { service: *service, service_name, price, transit_days })
    }

    async fn buy(&self, consignment: &Consignment) -> Result<SoldLabel, Stop> {
        let level = consignment.service;
        let service = self.services.get(&level);
        let service =
            service.ok_or_else(|| Stop::Refused(format!("no service of its own is set for {level}")))?;

        let key = consignment.key;
        let found = match self.oldest(key).await? {
            Some(found) => found,
            None => {
                let made = self.client.post("/v1/shipments", &self.draft(consignment, service)).await?;
                if !made.status.is_success() {
                    return Err(stop(&made));
                }
                // Another call with this key may have made one too; all callers take the same.
                let missing = || Stop::Unknown("the shipment that was made is not listed".to_owned());
                self.oldest(key).await?.ok_or_else(missing)?
            }
        };
        if is_bought(&found) {
            return self.sold(&found).await;
        }

        let id = id_of(&found)?;
        let rate = rate_of(&found, &self.carrier, service)?;
        let wanted = json!({ "selected_rate_id": rate, "label_type": self.label_type.word() });
        let bought = self.client.post(&format!("/v1/shipments/{id}/purchase"), &wanted).await?;
        if bought.status.is_success() {
            let shipment = read(&bought)?;
            return match is_bought(&shipment) {
                true => self.sold(&shipment).await,
                false => Err(Stop::Unknown("the label is not bought after its purchase".to_owned())),
            };
        }

        // An earlier call may have bought it.
        let why = stop(&bought);
        let now = self.client.get(&format!("/v1/shipments/{id}")).await?;
        let shipment = if now.status.is_success() { read(&now)? } else { return Err(stop_unknown(&now)) };
        if is_bought(&shipment) { self.sold(&shipment).await } else { Err(why) }
    }

    /// Of the shipments with this key, the one that every caller takes.
    async fn oldest(&self, key: BookingId) -> Result<Option<Value>, Stop> {
        let found = self.client.get(&format!("/v1/shipments?reference={key}")).await?;
        let mut mine = results(&found, |it| it["reference"] == json!(key.to_string()))?;
        mine.sort_by_key(|it| {
            let of = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
            (!is_bought(it), of("created_at"), of("id"))
        });
        Ok(mine.into_iter().next())
    }

    fn draft(&self, consignment: &Consignment, service: &str) -> Value {
        let mut draft = self.about(&consignment.load);
        draft["services"] = json!([service]);
        draft["reference"] = json!(consignment.key.to_string());
        draft["label_type"] = json!(self.label_type.word());
        draft
    }

    /// What is to be carried.
    fn about(&self, load: &Load) -> Value {
        let Load { sender, recipient, packages, dangerous, currency } = load;
        let accounts: Vec<&str> = self.account.iter().map(String::as_str).collect();
        let mut options = json!({ "currency": currency.to_string() });
        if *dangerous {
            options["dangerous_good"] = json!(true);
        }
        json!({
            "shipper": of_sender(sender),
            "recipient": of_recipient(recipient),
            "parcels": packages.iter().map(parcel).collect::<Vec<_>>(),
            "carrier_ids": accounts,
            "options": options,
        })
    }

    async fn sold(&self, shipment: &Value) -> Result<SoldLabel, Stop> {
        let number = shipment["tracking_number"].as_str().unwrap_or_default();
        let is_sound = (1..=WORD_MAX).contains(&number.len())
            && number.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        if !is_sound {
            return Err(Stop::Unknown("the label that was bought has no usable number".to_owned()));
        }
        let file = self.file(shipment).await?;
        Ok(SoldLabel { reference: id_of(shipment)?, number: number.to_owned(), file })
    }

    /// The file within the answer, or else at its address on the same server.
    async fn file(&self, shipment: &Value) -> Result<Option<SoldFile>, Stop> {
        let documents = shipment["shipping_documents"].as_array();
        let of_label = |it: &&Value| it["category"] == "label";
        let document = documents.and_then(|them| them.iter().find(of_label)).map(|it| &it["base64"]);
        let encoded = [Some(&shipment["docs"]["label"]), document].into_iter().flatten();
        let encoded = encoded.filter_map(Value::as_str).find(|it| !it.is_empty());
        let label_type = shipment["label_type"].as_str().unwrap_or(self.label_type.word());
        if let Some(text) = encoded {
            let content = BASE64.decode(text);
            let content = content.map_err(|_| Stop::Unknown("the label's file is not base64".to_owned()))?;
            return Ok(Some(sold_file(label_type, content)));
        }

        let Some(path) = shipment["label_url"].as_str().filter(|it| it.starts_with('/')) else {
            return Ok(None);
        };
        let found = self.client.get(path).await?;
        match found.status {
            StatusCode::OK if !found.body.is_empty() => Ok(Some(sold_file(label_type, found.body.to_vec()))),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(stop_unknown(&found)),
        }
    }

    async fn schedule(&self, consignment: &Consignment, number: &str) -> Result<String, Stop> {
        let key = consignment.key.to_string();
        let query = format!("/v1/pickups?metadata_key={KEY_OF_PICKUP}&metadata_value={key}");
        let known = self.client.get(&query).await?;
        let is_mine = |it: &Value| it["metadata"][KEY_OF_PICKUP] == json!(key);
        if let Some(pickup) = results(&known, is_mine)?.first() {
            return id_of(pickup);
        }

        let wanted = json!({
            "pickup_date": consignment.pickup_day.to_string(),
            "ready_time": clock(consignment.ready_minutes),
            "closing_time": clock(consignment.closing_minutes),
            "address": of_sender(&consignment.load.sender),
            "tracking_numbers": [number],
            "metadata": { KEY_OF_PICKUP: key },
        });
        let booked = self.client.post(&format!("/v1/pickups/{}/schedule", self.carrier), &wanted).await?;
        if booked.status.is_success() { id_of(&read(&booked)?) } else { Err(stop(&booked)) }
    }

    /// The server follows a number from when it was first asked about it.
    async fn reports(&self, number: &str) -> Result<Vec<TrackingReport>, Stop> {
        let mut found = self.client.get(&format!("/v1/trackers/{number}")).await?;
        if found.status == StatusCode::NOT_FOUND {
            let wanted = json!({ "carrier_name": self.carrier, "tracking_number": number });
            found = self.client.post("/v1/trackers", &wanted).await?;
        }
        if found.status.is_success() { Ok(scans::reports(&read(&found)?)) } else { Err(stop_unknown(&found)) }
    }

    async fn call_off(&self, booking: &Booking) -> Result<(), Stop> {
        // A shipment that waits for its pickup is not taken back.
        if let Some(pickup) = &booking.pickup {
            self.cancel_at(&format!("/v1/pickups/{pickup}")).await?;
        }
        match &booking.label {
            Some(label) => self.cancel_at(&format!("/v1/shipments/{}", label.reference)).await,
            None => Ok(()),
        }
    }

    async fn cancel_at(&self, path: &str) -> Result<(), Stop> {
        let done = self.client.post(&format!("{path}/cancel"), &json!({})).await?;
        if done.status.is_success() || done.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        // An earlier call may have cancelled it.
        let why = stop(&done);
        let now = self.client.get(path).await?;
        match now.status.is_success() && read(&now)?["status"] == "cancelled" {
            true => Ok(()),
            false => Err(why),
        }
    }
}

/// Bought, and not given back.
fn is_bought(shipment: &Value) -> bool {
    let status = shipment["status"].as_str().unwrap_or_default();
    status != "draft" && status != "cancelled" && shipment["tracking_number"].is_string()
}

/// The entries of a list that are meant and not cancelled.
fn results(answer: &Answer, is_meant: impl Fn(&Value) -> bool) -> Result<Vec<Value>, Stop> {
    if !answer.status.is_success() {
        return Err(stop_unknown(answer));
    }
    let read = read(answer)?;
    let found =
        read["results"].as_array().ok_or_else(|| Stop::Unknown("a list has no results".to_owned()))?;
    Ok(found.iter().filter(|it| is_meant(it) && it["status"] != "cancelled").cloned().collect())
}

fn rate_of(shipment: &Value, carrier: &str, service: &str) -> Result<String, Stop> {
    let rates = shipment["rates"].as_array().cloned().unwrap_or_default();
    let fits = |it: &&Value| it["carrier_name"] == json!(carrier) && it["service"] == json!(service);
    match rates.iter().find(fits) {
        Some(rate) => id_of(rate),
        None => Err(Stop::Refused(match words(shipment) {
            words if words.is_empty() => format!("{carrier} has no rate for {service}"),
            words => format!("{carrier} has no rate for {service}: {words}"),
        })),
    }
}

/// An id of the server's, which becomes part of an address.
fn id_of(of: &Value) -> Result<String, Stop> {
    let id = of["id"].as_str().unwrap_or_default();
    let legal = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    match (1..=WORD_MAX).contains(&id.len()) && id.bytes().all(legal) {
        true => Ok(id.to_owned()),
        false => Err(Stop::Unknown("an answer of the courier's server has no id".to_owned())),
    }
}

fn read(answer: &Answer) -> Result<Value, Stop> {
    let read = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
    read.ok_or_else(|| Stop::Unknown("an answer of the courier's server cannot be read".to_owned()))
}

/// 400 and 424 are the server's and the courier's refusals; everything else may be a passing fault.
fn stop(answer: &Answer) -> Stop {
    match answer.status {
        StatusCode::BAD_REQUEST | StatusCode::FAILED_DEPENDENCY => match read(answer) {
            Ok(read) => Stop::Refused(words(&read)),
            Err(unknown) => unknown,
        },
        _ => stop_unknown(answer),
    }
}

fn stop_unknown(answer: &Answer) -> Stop {
    Stop::Unknown(format!("the courier's server answered {}", answer.status.as_u16()))
}

/// What the server says is wrong: `errors` of its own, `messages` of the courier's.
fn words(answer: &Value) -> String {
    let lists = ["errors", "messages"].into_iter().filter_map(|it| answer[it].as_array());
    let texts: Vec<&str> = lists.flatten().filter_map(|it| it["message"].as_str()).collect();
    plain(&texts.join("; ")).chars().take(REASON_MAX).collect()
}

/// The text on one line.
fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// A price in minor units, to the nearest. None: it is no price.
fn minor_of(price: f64, currency: Currency) -> Option<i64> {
    let minor = (price * 10_f64.powi(i32::try_from(currency.exponent()).ok()?)).round();
    (0.0..=PRICE_MAX).contains(&minor).then_some(minor as i64)
}

fn of_sender(sender: &Origin) -> Value {
    let Origin { company, name, country, address } = sender;
    let mut value = json!({ "company_name": company, "person_name": name, "country_code": country });
    if let (Some(address), Some(fields)) = (address, value.as_object_mut()) {
        fields.extend(street_of(address));
    }
    value
}

fn of_recipient(party: &Party) -> Value {
    let Party { name, email, phone, address } = party;
    let mut value = json!({
        "person_name": name,
        "company_name": address.organization,
        "email": email,
        "phone_number": phone,
        "country_code": address.country,
    });
    if let Some(fields) = value.as_object_mut() {
        fields.extend(street_of(address));
    }
    value
}

fn street_of(address: &Address) -> serde_json::Map<String, Value> {
    let (first, rest) = address.lines.split_first().map_or(("", &[][..]), |(it, rest)| (it.as_str(), rest));
    let fields = [
        ("address_line1", first.to_owned()),
        ("address_line2", rest.join(", ")),
        ("city", address.city.clone()),
        ("state_code", address.area.clone()),
        ("postal_code", address.postal_code.clone()),
    ];
    fields.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect()
}

/// Kilograms and centimetres, as every courier takes them.
fn parcel(package: &Package) -> Value {
    let Package { number, weight_grams, length_mm, width_mm, height_mm, contents: _, deviation_grams: _ } =
        package;
    let scaled = |value: i64, by: f64| (value as f64) / by;
    json!({
        "weight": scaled(*weight_grams, 1_000.0),
        "weight_unit": "KG",
        "length": scaled(*length_mm, 10.0),
        "width": scaled(*width_mm, 10.0),
        "height": scaled(*height_mm, 10.0),
        "dimension_unit": "CM",
        "reference_number": number.to_string(),
    })
}

fn sold_file(label_type: &str, content: Vec<u8>) -> SoldFile {
    let file = LabelFile { sha256: format!("{:x}", Sha256::digest(&content)), content };
    SoldFile { media_type: media_type(label_type).to_owned(), file }
}

fn media_type(label_type: &str) -> &'static str {
    match label_type {
        "ZPL" => "application/zpl",
        "PNG" => "image/png",
        _ => "application/pdf",
    }
}

fn clock(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
