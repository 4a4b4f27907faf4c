//! What subscribers are told of one event, in the forms in which they get it.

use serde::Serialize;

use crate::domain::Event;

/// What the type of a CloudEvent begins with: the package of the API that says what the event means.
const CLOUD_EVENT_TYPE: &str = "consign.v1";

/// What is told: the same id, time and content whenever it is told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// By which a subscriber knows what it has heard already.
    pub(super) id: String,
    pub(super) event: OrderEvent,
}

/// The OrderEvent of the API, in the JSON of protobuf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderEvent {
    position: String,
    pub(super) order_id: String,
    sequence: String,
    pub(super) r#type: &'static str,
    summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from_state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to_state: String,
    actor: String,
    time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    principal: String,
}

/// As `docs/events.md` describes it.
#[derive(Serialize)]
struct Webhook<'n> {
    r#type: &'n str,
    timestamp: &'n str,
    data: &'n OrderEvent,
}

/// The attributes of CloudEvents 1.0, in its JSON format.
#[derive(Serialize)]
struct CloudEvent<'n> {
    specversion: &'static str,
    id: &'n str,
    source: &'n str,
    r#type: String,
    subject: &'n str,
    time: &'n str,
    datacontenttype: &'static str,
    data: &'n OrderEvent,
}

impl Notice {
    /// The id is the same however often an event is told. It has the event's time too: a database that was restored gives a
    /// position to another event.
    pub fn new(position: i64, event: &Event) -> Self {
        let step = event.transition.as_ref();
        let told = OrderEvent {
            position: position.to_string(),
            order_id: event.order.to_string(),
            sequence: event.sequence.to_string(),
            r#type: event.kind.as_str(),
            summary: event.text.clone(),
            subject_id: step.map(|it| it.subject_id()).unwrap_or_default(),
            from_state: step.map(|it| it.from.clone()).unwrap_or_default(),
            to_state: step.map(|it| it.to.clone()).unwrap_or_default(),
            actor: event.actor.as_str().to_owned(),
            time: event.at.to_string(),
            principal: event.principal.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        };
        Self { id: format!("evt_{position}_{}", event.at.unix_micros()), event: told }
    }

    /// The body of a webhook.
    pub(super) fn webhook(&self) -> String {
        let Self { id: _, event } = self;
        written(&Webhook { r#type: event.r#type, timestamp: &event.time, data: event })
    }

    /// One CloudEvent; `source` says whose events these are.
    pub(super) fn cloud_event(&self, source: &str) -> String {
        let Self { id, event } = self;
        written(&CloudEvent {
            specversion: "1.0",
            id,
            source,
            r#type: format!("{CLOUD_EVENT_TYPE}.{}", event.r#type),
            subject: &event.order_id,
            time: &event.time,
            datacontenttype: "application/json",
            data: event,
        })
    }
}

/// Cannot fail: all of it is text.
fn written(text: &impl Serialize) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The third event of an order: a shipment was picked up.
#[cfg(test)]
pub(super) fn example() -> Notice {
    use uuid::Uuid;

    use crate::domain::{Actor, EventKind, Machine, OrderId, Seal, Timestamp, Transition};

    let step = Transition {
        machine: Machine::Shipment,
        subject: Uuid::from_u128(2),
        from: "ASSIGNED".to_owned(),
        to: "PICKED_UP".to_owned(),
    };
    let event = Event {
        order: OrderId(Uuid::from_u128(1)),
        sequence: 3,
        at: Timestamp::from_unix_micros(1_700_000_000_000_000),
        actor: Actor::system(),
        kind: EventKind::ShipmentPickedUp,
        transition: Some(step),
        text: "the courier has \"everything\"".to_owned(),
        principal: None,
        seal: Seal::default(),
    };
    Notice::new(812, &event)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn data() -> Value {
        json!({
            "position": "812",
            "orderId": "ord_00000000000000000000000001",
            "sequence": "3",
            "type": "SHIPMENT_PICKED_UP",
            "summary": "the courier has \"everything\"",
            "subjectId": "shp_00000000000000000000000002",
            "fromState": "ASSIGNED",
            "toState": "PICKED_UP",
            "actor": "consign",
            "time": "2023-11-14T22:13:20Z",
        })
    }

    #[test]
    fn a_webhook_has_type_time_and_the_event() {
        let body: Value = serde_json::from_str(&example().webhook()).expect("JSON");
        let expected =
            json!({"type": "SHIPMENT_PICKED_UP", "timestamp": "2023-11-14T22:13:20Z", "data": data()});
        assert_eq!(body, expected);
        assert!(example().webhook().starts_with("{\"type\":"), "as it always was");
    }

    #[test]
    fn a_cloud_event_has_what_version_1_0_asks_for() {
        let body: Value = serde_json::from_str(&example().cloud_event("urn:shop:north")).expect("JSON");
        let expected = json!({
            "specversion": "1.0",
            "id": "evt_812_1700000000000000",
            "source": "urn:shop:north",
            "type": "consign.v1.SHIPMENT_PICKED_UP",
            "subject": "ord_00000000000000000000000001",
            "time": "2023-11-14T22:13:20Z",
            "datacontenttype": "application/json",
            "data": data(),
        });
        assert_eq!(body, expected);
    }
}
