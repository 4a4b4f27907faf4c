//! The state of a shipment as a function of the set of its reports.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::model::message::MessageKind;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{ReportOrigin, TrackingEvent, TrackingReport, TrackingStatus};

/// Identity of a report: SHA-256, hex, over what it is about, its status and instant, and the courier's own id of it; or,
/// where there is none, the courier's code and description. A place may be spelled in several ways, and an estimate may
/// change: neither makes another event.
pub(in crate::domain) fn key(report: &TrackingReport, origin: ReportOrigin) -> String {
    let TrackingReport { package, event_id, status, occurred_at, raw_code, description, .. } = report;
    let (code, words) = if event_id.is_empty() { (raw_code, description.as_str()) } else { (event_id, "") };
    let kind = if event_id.is_empty() { "code" } else { "id" };
    let (package, at) = (package.to_string(), occurred_at.unix_micros().to_string());
    let mut hash = Sha256::new();
    for text in [origin.as_str(), &package, status.as_str(), &at, kind, code, words] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    format!("{:x}", hash.finalize())
}

/// What two reports of the same event say together, whichever came first: the later estimate, and of two spellings the
/// first in the order of letters.
pub(super) fn merged(event: &TrackingEvent, report: &TrackingReport) -> TrackingEvent {
    let spelled = |one: &str, other: &str| match (one, other) {
        ("", it) | (it, "") => it.to_owned(),
        (one, other) => one.min(other).to_owned(),
    };
    TrackingEvent {
        incident: spelled(&event.incident, &report.incident),
        location: spelled(&event.location, &report.location),
        raw_code: spelled(&event.raw_code, &report.raw_code),
        description: spelled(&event.description, &report.description),
        received_by: spelled(&event.received_by, &report.received_by),
        estimated_at: event.estimated_at.max(report.estimated_at),
        ..event.clone()
    }
}

/// State of a shipment of so many packages that follows from its reports; None if they tell nothing.
///
/// The reports are taken as a set, so the order of arrival does not matter. A report about one package says nothing of
/// the others: while one is under way the shipment is, and it is delivered when all of them are. Of one package an end
/// stands, as [`Journey::end`] has it, and without one the latest report wins, in the order in which things happened.
pub(in crate::domain) fn state_of(events: &[TrackingEvent], packages: usize) -> Option<ShipmentState> {
    let numbers: Vec<i32> = match events.iter().all(|it| it.package == 0) {
        true => vec![0],
        false => (1..).take(packages.max(1)).collect(),
    };
    let ends: Vec<_> = numbers.iter().map(|it| (*it, Journey::of(events, *it).end())).collect();
    let on_the_road: Vec<i32> = ends.iter().filter(|it| it.1.is_none()).map(|it| it.0).collect();
    if on_the_road.is_empty() {
        // Goods that are missing leave money open, which a person has to settle.
        return [ShipmentState::Lost, ShipmentState::Returned, ShipmentState::Delivered]
            .into_iter()
            .find(|state| ends.iter().any(|it| it.1 == Some(*state)));
    }

    let mut latest_first = in_order(events).into_iter().rev();
    let latest = latest_first
        .find_map(|it| moves_to(it.status).filter(|_| it.package == 0 || on_the_road.contains(&it.package)));
    // A package that nothing was said of has left together with the others.
    latest.or_else(|| has_left(events).then_some(ShipmentState::PickedUp))
}

/// Whether some report says that the courier has the goods, or had them.
pub(in crate::domain) fn has_left(events: &[TrackingEvent]) -> bool {
    left_at(events).is_some()
}

/// When the goods left, by the first report that says so.
pub(super) fn left_at(events: &[TrackingEvent]) -> Option<Timestamp> {
    events.iter().filter(|it| moves_to(it.status).is_some()).map(|it| it.occurred_at).min()
}

/// The reports about one package, and those about all of the shipment.
struct Journey<'e> {
    events: Vec<&'e TrackingEvent>,
    /// When the goods turned back, in order.
    turned: Vec<Timestamp>,
    /// When people had them delivered again, in order.
    sent_again: Vec<Timestamp>,
}

impl<'e> Journey<'e> {
    fn of(events: &'e [TrackingEvent], package: i32) -> Self {
        let events: Vec<_> = events.iter().filter(|it| it.package == 0 || it.package == package).collect();
        let times = |is: fn(&TrackingEvent) -> bool| {
            let mut times: Vec<_> = events.iter().filter(|it| is(it)).map(|it| it.occurred_at).collect();
            times.sort();
            times
        };
        let turned = times(|it| it.status == TrackingStatus::Returning);
        let sent_again = times(|it| it.origin == ReportOrigin::Resolution);
        Self { events, turned, sent_again }
    }

    /// The end of the journey, whatever else is reported.
    ///
    /// DELIVERED to the customer comes first: the customer has the confirmation and the request for feedback. A delivery
    /// on the way back is the sender's. RETURNED and LOST leave goods and money open, which a person has to settle.
    fn end(&self) -> Option<ShipmentState> {
        let says = |status| self.events.iter().any(move |it| it.status == status);
        if self.events.iter().any(|it| self.has_reached_customer(it)) {
            Some(ShipmentState::Delivered)
        } else if says(TrackingStatus::Returned) || says(TrackingStatus::Delivered) {
            Some(ShipmentState::Returned)
        } else if says(TrackingStatus::Lost) {
            Some(ShipmentState::Lost)
        } else {
            None
        }
    }

    /// Whether this report of a delivery means the customer: one after the goods turned back means the sender, unless
    /// they were sent out once more in between, or a person says so.
    fn has_reached_customer(&self, report: &TrackingEvent) -> bool {
        let at = report.occurred_at;
        let before = self.turned.partition_point(|it| *it < at);
        let turned_at = self.turned[..before].last().copied();
        let is_on_its_way =
            turned_at.is_none_or(|turned_at| self.sent_again.iter().any(|it| (turned_at..=at).contains(it)));
        report.status == TrackingStatus::Delivered
            && (report.origin == ReportOrigin::Confirmation || is_on_its_way)
    }

    /// Whether nothing later is known. The handover is never later, as in [`in_order`].
    fn ends_with(&self, report: &TrackingEvent) -> bool {
        let tells = |it: &TrackingEvent| {
            let has_news = moves_to(it.status).is_some() || it.status == TrackingStatus::Delayed;
            has_news && it.origin != ReportOrigin::Pickup
        };
        self.events.iter().all(|it| it.occurred_at <= report.occurred_at || !tells(it))
    }
}

/// The report that proves the delivery to the customer: the first that says who took the goods, or else the first.
pub(super) fn proof_of(events: &[TrackingEvent]) -> Option<&TrackingEvent> {
    let mut journeys: BTreeMap<i32, Journey<'_>> = BTreeMap::new();
    let mut nameless = None;
    for report in in_order(events).into_iter().filter(|it| it.status == TrackingStatus::Delivered) {
        let journey = journeys.entry(report.package).or_insert_with(|| Journey::of(events, report.package));
        if !journey.has_reached_customer(report) {
            continue;
        }
        if !report.received_by.trim().is_empty() {
            return Some(report);
        }
        nameless = nameless.or(Some(report));
    }
    nameless
}

/// When the courier expects delivery: what its latest report with an estimate said; of several of one instant, the latest
/// estimate. What was planned at the handover counts until the courier says something, even of the same minute.
pub(super) fn estimate_of<'e>(events: impl IntoIterator<Item = &'e TrackingEvent>) -> Option<Timestamp> {
    let estimates = events.into_iter().filter_map(|it| {
        let is_said = it.origin != ReportOrigin::Pickup;
        Some((is_said, it.occurred_at, rank(it.status), it.estimated_at?))
    });
    estimates.max().map(|(_, _, _, estimate)| estimate)
}

/// The letter that a report causes if it is news: nothing later is known of the same package, or the report is its end,
/// which stands whatever else was reported.
pub(super) fn news_of(events: &[TrackingEvent], report: &TrackingEvent) -> Option<MessageKind> {
    let journey = Journey::of(events, report.package);
    match moves_to(report.status) {
        // What came back is told as that, and the customer's delivery once per order, when all has arrived.
        Some(ShipmentState::Delivered) => {
            (!journey.has_reached_customer(report)).then_some(MessageKind::DeliveryException)
        }
        Some(state @ (ShipmentState::Returned | ShipmentState::Lost)) if journey.end() == Some(state) => {
            told_to_customer(report)
        }
        Some(_) | None if journey.ends_with(report) => told_to_customer(report),
        Some(_) | None => None,
    }
}

/// The letter that a report causes. Pickup and delivery cause none here: their letters are queued once per shipment, at
/// the handover and at the delivery, and not once per report.
fn told_to_customer(event: &TrackingEvent) -> Option<MessageKind> {
    match event.status {
        TrackingStatus::OutForDelivery => Some(MessageKind::OutForDelivery),
        TrackingStatus::DeliveryAttempted => Some(MessageKind::DeliveryAttempted),
        TrackingStatus::AvailableForPickup => Some(MessageKind::ReadyForPickup),
        TrackingStatus::Delayed => Some(MessageKind::DeliveryDelayed),
        TrackingStatus::CustomsHold
        | TrackingStatus::Exception
        | TrackingStatus::Returning
        | TrackingStatus::Returned
        | TrackingStatus::Lost => Some(MessageKind::DeliveryException),
        TrackingStatus::InfoReceived
        | TrackingStatus::PickedUp
        | TrackingStatus::InTransit
        | TrackingStatus::Delivered
        | TrackingStatus::Unknown => None,
    }
}

/// The report whose location the customer may be told: the latest of all, if the shipment is in transit and it names a
/// location. A scan that arrives late names a location that was left already.
pub(super) fn moved_on(events: &[TrackingEvent]) -> Option<&TrackingEvent> {
    let latest = in_order(events).last().copied()?;
    let moves_on = latest.status == TrackingStatus::InTransit && !latest.location.trim().is_empty();
    moves_on.then_some(latest)
}

/// Whether two texts name the same place: upper and lower case and blanks make no difference.
pub(super) fn same_location(one: &str, other: &str) -> bool {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    folded(one) == folded(other)
}

/// The reports as things happened; of things that happened at once, what comes later on a journey is later.
/// A journey begins at the handover, whatever the clocks say: a courier that reports whole seconds or minutes, or whose
/// clock is slow, has its first scans before it. The key and the estimate only make the order the same for every
/// arrangement.
fn in_order(events: &[TrackingEvent]) -> Vec<&TrackingEvent> {
    let mut ordered: Vec<&TrackingEvent> = events.iter().collect();
    ordered.sort_by_key(|it| {
        let is_handover = it.origin == ReportOrigin::Pickup;
        (!is_handover, it.occurred_at, rank(it.status), it.key.as_str(), it.estimated_at)
    });
    ordered
}

fn rank(status: TrackingStatus) -> u8 {
    match status {
        TrackingStatus::Unknown => 0,
        TrackingStatus::InfoReceived => 1,
        TrackingStatus::PickedUp => 2,
        TrackingStatus::InTransit => 3,
        TrackingStatus::CustomsHold => 4,
        TrackingStatus::Delayed => 5,
        TrackingStatus::OutForDelivery => 6,
        TrackingStatus::DeliveryAttempted => 7,
        TrackingStatus::AvailableForPickup => 8,
        TrackingStatus::Exception => 9,
        TrackingStatus::Returning => 10,
        TrackingStatus::Lost => 11,
        TrackingStatus::Delivered => 12,
        TrackingStatus::Returned => 13,
    }
}

/// The state that a report puts a shipment in. A delay leaves it where it is; a hold by customs is an
/// exception.
pub(super) fn moves_to(status: TrackingStatus) -> Option<ShipmentState> {
    match status {
        TrackingStatus::InfoReceived | TrackingStatus::Unknown | TrackingStatus::Delayed => None,
        TrackingStatus::PickedUp => Some(ShipmentState::PickedUp),
        TrackingStatus::InTransit => Some(ShipmentState::InTransit),
        TrackingStatus::OutForDelivery => Some(ShipmentState::OutForDelivery),
        TrackingStatus::DeliveryAttempted => Some(ShipmentState::DeliveryAttempted),
        TrackingStatus::AvailableForPickup => Some(ShipmentState::AvailableForPickup),
        TrackingStatus::CustomsHold | TrackingStatus::Exception => Some(ShipmentState::Exception),
        TrackingStatus::Returning => Some(ShipmentState::Returning),
        TrackingStatus::Returned => Some(ShipmentState::Returned),
        TrackingStatus::Lost => Some(ShipmentState::Lost),
        TrackingStatus::Delivered => Some(ShipmentState::Delivered),
    }
}
