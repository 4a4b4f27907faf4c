//! Step 15: the reports of couriers are recorded.

use crate::domain::model::event::{EventKind, Machine, Transition};
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Proof, Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::{TrackingEvent, TrackingStatus};
use crate::domain::shipping::tracking_state::{
    estimate_of, key, moved_on, moves_to, same_location, state_of, told_to_customer,
};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Records reports of a parcel, named by its shipment or by courier and tracking number.
#[derive(Debug, Clone)]
pub struct RecordTracking {
    pub target: Target,
    pub reports: Vec<TrackingReport>,
}

/// Outcome of reports; those that were known already leave the order as it is.
#[derive(Debug, Clone)]
pub struct RecordedTracking {
    pub shipment: ShipmentId,
    pub recorded: Vec<TrackingEvent>,
    pub duplicates: usize,
    /// For want of room.
    pub left_out: usize,
}

impl OrderCommand for RecordTracking {
    const NAME: &'static str = "RecordTrackingEvents";
    type Output = RecordedTracking;

    fn target(&self) -> &Target {
        &self.target
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<RecordedTracking, Refusal> {
        let shipment = order.shipment_named(&self.target.part)?;
        let Recorded { new, left_out } = order.record_tracking(unit, shipment, &self.reports)?;
        let tracking = &order.shipments[order.shipment_index(shipment)?].tracking;
        let recorded = tracking[tracking.len() - new..].to_vec();
        let duplicates = self.reports.len() - new - left_out;
        Ok(RecordedTracking { shipment, recorded, duplicates, left_out })
    }
}

/// How many reports one shipment keeps. A journey has some tens; a thousand are a machine that repeats itself. The first
/// report of each status has room beyond that, so no flood hides a delivery, a return or a parcel to be collected.
pub(crate) const TRACKING_EVENTS_MAX: usize = 1_000;

/// Of these, so many are not open to notices (UNKNOWN, INFO_RECEIVED, DELAYED), which do not move the shipment.
const KEPT_FOR_MOVES: usize = 500;

/// Of these, so many are kept for reports of another state than the shipment's.
const KEPT_FOR_CHANGES: usize = 100;

/// How many letters of one kind a shipment gets. The first report of each status gets one beyond that.
const LETTERS_OF_A_KIND_MAX: usize = 10;

/// How many letters about its location a shipment gets: a courier that reports street by street must not flood the
/// customer.
const LOCATIONS_TOLD_MAX: usize = 20;

/// One report as a courier gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingReport {
    pub status: TrackingStatus,
    pub incident: String,
    pub location: String,
    pub occurred_at: Timestamp,
    pub estimated_at: Option<Timestamp>,
    pub raw_code: String,
    pub description: String,
    /// For DELIVERED: who took it.
    pub received_by: String,
}

/// Outcome of a courier's reports; the others were known already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    pub new: usize,
    /// There was no room for them.
    pub left_out: usize,
}

pub(super) enum Added {
    New,
    Known,
    NoRoom,
}

fn is_first(shipment: &Shipment, status: TrackingStatus) -> bool {
    shipment.tracking.iter().all(|it| it.status != status)
}

/// Whether the shipment takes one more report of this status.
fn has_room(shipment: &Shipment, status: TrackingStatus) -> bool {
    let left = TRACKING_EVENTS_MAX.saturating_sub(shipment.tracking.len());
    let changes = |state| left > 0 && state_of(&shipment.tracking) != Some(state);
    let has_room = match moves_to(status) {
        None => left > KEPT_FOR_MOVES,
        Some(state) => left > KEPT_FOR_CHANGES || changes(state),
    };
    has_room || is_first(shipment, status)
}

impl Order {
    /// Adds what the courier reports. Repeated reports change nothing, and those that there is no room for are left out:
    /// the others of the call may say that the goods have arrived. Those about an archived order are recorded, and
    /// nobody is told.
    pub fn record_tracking(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        reports: &[TrackingReport],
    ) -> Result<Recorded, Refusal> {
        let index = self.shipment_index(id)?;
        let shipment = &self.shipments[index];
        if shipment.handover.is_none() {
            let message =
                format!("cannot record tracking: the shipment is {}, not handed over", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let (known, mut recorded) = (shipment.tracking.len(), Recorded::default());
        for report in reports {
            match self.add_report(unit, index, report) {
                Added::New => recorded.new += 1,
                Added::Known => {}
                Added::NoRoom => recorded.left_out += 1,
            }
        }
        if recorded.new > 0 {
            self.announce_location(unit, index, known);
            self.follow_reports(unit, index)?;
        }
        Ok(recorded)
    }

    pub(super) fn add_report(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        report: &TrackingReport,
    ) -> Added {
        let TrackingReport {
            status,
            incident,
            location: spot,
            occurred_at,
            estimated_at,
            raw_code,
            description,
            received_by,
        } = report;
        let key = key(*status, *occurred_at, spot, raw_code, incident);
        let shipment = &mut self.shipments[index];
        if shipment.tracking.iter().any(|it| it.key == key) {
            return Added::Known;
        }
        if !has_room(shipment, *status) {
            return Added::NoRoom;
        }

        let is_first = is_first(shipment, *status);
        let sequence = i64::try_from(shipment.tracking.len()).unwrap_or(i64::MAX - 1) + 1;
        let event = TrackingEvent {
            sequence,
            status: *status,
            incident: incident.clone(),
            location: spot.clone(),
            occurred_at: *occurred_at,
            recorded_at: unit.now,
            estimated_at: *estimated_at,
            source: unit.actor.clone(),
            raw_code: raw_code.clone(),
            description: description.clone(),
            key,
        };
        let told = told_to_customer(&event);
        shipment.tracking.push(event);
        let id = shipment.id;
        if *status == TrackingStatus::Delivered && shipment.proof.is_none() {
            shipment.proof = Some(Proof {
                received_by: received_by.clone(),
                location: spot.clone(),
                signature_sha256: String::new(),
                photo_sha256: String::new(),
                at: *occurred_at,
                recorded_by: unit.actor.clone(),
            });
        }
        let over = shipment.state.is_over();
        self.record(unit, EventKind::TrackingRecorded, None, format!("{id} {status} reported"));
        if let Some(kind) = told
            && !over
            && !self.is_archived()
            && (is_first || self.letters_about(id, kind) < LETTERS_OF_A_KIND_MAX)
        {
            self.notify(unit, kind, Some(id), sequence);
        }
        Added::New
    }

    fn letters_about(&self, shipment: ShipmentId, kind: MessageKind) -> usize {
        self.messages.iter().filter(|it| it.shipment == Some(shipment) && it.kind == kind).count()
    }

    /// Queues a letter with the shipment's latest location according to the reports after the `known` ones: at most one
    /// per call and one per location.
    fn announce_location(&mut self, unit: &mut UnitOfWork, index: usize, known: usize) {
        let shipment = &self.shipments[index];
        let news =
            moved_on(&shipment.tracking).filter(|it| it.sequence > i64::try_from(known).unwrap_or(i64::MAX));
        let is_quiet = shipment.state.is_over() || self.is_archived();
        let Some(news) = news.filter(|_| !is_quiet) else { return };

        let letters = self.messages.iter().filter(|it| it.shipment == Some(shipment.id));
        let locations_told = letters.clone().filter(|it| it.kind == MessageKind::LocationChanged).count();
        let about = |sequence: i64| shipment.tracking.iter().find(|it| it.sequence == sequence);
        // The location of the handover is in the letter about the shipment's departure.
        let mut told = letters.filter_map(|it| about(it.sequence)).chain(shipment.tracking.first());
        if locations_told < LOCATIONS_TOLD_MAX && !told.any(|it| same_location(&it.location, &news.location))
        {
            let (id, sequence) = (shipment.id, news.sequence);
            self.notify(unit, MessageKind::LocationChanged, Some(id), sequence);
        }
    }

    /// The shipment's state is a function of the set of reports, whatever their order.
    pub(super) fn follow_reports(&mut self, unit: &mut UnitOfWork, index: usize) -> Result<(), Refusal> {
        self.touch_shipment(unit, index);
        let shipment = &mut self.shipments[index];
        if let Some(estimate) = estimate_of(&shipment.tracking) {
            shipment.estimated_at = Some(estimate);
            self.promise_shipment_anew(unit, index, PromiseOccasion::Tracking);
        }
        let shipment = &mut self.shipments[index];
        let Some(to) = state_of(&shipment.tracking) else { return Ok(()) };
        if to == shipment.state {
            return Ok(());
        }

        let step = Transition {
            machine: Machine::Shipment,
            subject: shipment.id.0,
            from: shipment.state.to_string(),
            to: to.to_string(),
        };
        shipment.state = to;
        let kind = match to == ShipmentState::Delivered {
            true => EventKind::ShipmentDelivered,
            false => EventKind::TrackingRecorded,
        };
        let text = format!("{} is {to}", shipment.id);
        self.record(unit, kind, Some(step), text);
        self.progress(unit)
    }
}
