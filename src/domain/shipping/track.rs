//! Step 15: the reports of couriers are recorded.

use crate::domain::model::event::{EventKind, Machine, Transition};
use crate::domain::model::message::MessageKind;
use crate::domain::model::order::Order;
use crate::domain::model::policy::PickupScan;
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Proof, Shipment, ShipmentState};
use crate::domain::model::tracking::{ReportOrigin, TrackingEvent, TrackingReport, TrackingStatus};
use crate::domain::shipping::tracking_state::{
    estimate_of, has_left, key, left_at, merged, moved_on, moves_to, news_of, proof_of, same_location,
    state_of,
};
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

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
    /// Of each report, in their order.
    pub outcomes: Vec<ReportOutcome>,
}

/// What became of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    Recorded,
    /// The event was known; the report says more of it.
    Updated,
    Known,
    /// There is no room for it.
    LeftOut,
}

impl OrderCommand for RecordTracking {
    const NAME: &'static str = "RecordTrackingEvents";
    type Output = RecordedTracking;

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        ReadSet { stock_for_handover: true, ..ReadSet::default() }
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<RecordedTracking, Refusal> {
        let shipment = order.shipment_named(&self.target.part)?;
        let index = order.shipment_index(shipment)?;
        let package = match &self.target.part {
            Part::Tracked { courier: _, number } => order.shipments[index].package_numbered(number),
            Part::Order(_)
            | Part::Shipment(_)
            | Part::Payment(_)
            | Part::Refund(_)
            | Part::Invoice(_)
            | Part::CreditNote(_)
            | Part::Approval(_)
            | Part::Hold(_)
            | Part::Reservation(_)
            | Part::Message(_)
            | Part::FollowUp(_)
            | Part::Return(_) => 0,
        };
        let reports: Vec<_> =
            self.reports.iter().map(|it| TrackingReport { package, ..it.clone() }).collect();
        let outcomes = order.take_reports(unit, shipment, &reports)?;
        let new = outcomes.iter().filter(|it| **it == ReportOutcome::Recorded).count();
        let tracking = &order.shipments[index].tracking;
        let recorded = tracking[tracking.len() - new..].to_vec();
        Ok(RecordedTracking { shipment, recorded, outcomes })
    }
}

/// How many reports one shipment keeps. A journey has some tens; a thousand are a machine that repeats itself. The first
/// report of each status has room beyond that, for each package, so no flood hides a delivery, a return or a parcel to
/// be collected.
pub(crate) const TRACKING_EVENTS_MAX: usize = 1_000;

/// Of these, so many are not open to notices (UNKNOWN, INFO_RECEIVED, DELAYED), which do not move the shipment.
const KEPT_FOR_MOVES: usize = 500;

/// Of these, so many are kept for reports of another state than the shipment's.
const KEPT_FOR_CHANGES: usize = 100;

/// How often known reports of one shipment may say more: each time is an event of the order.
const REPORTS_UPDATED_MAX: u32 = 1_000;

/// How many letters of one kind a shipment gets. The first report of each status gets one beyond that.
const LETTERS_OF_A_KIND_MAX: usize = 10;

/// How many letters about its location a shipment gets: a courier that reports street by street must not flood the
/// customer.
const LOCATIONS_TOLD_MAX: usize = 20;

/// Whether the shipment takes one more report of this.
fn has_room(shipment: &Shipment, report: &TrackingReport, origin: ReportOrigin) -> bool {
    // People say little: there is one pickup, and so many decisions. Of their confirmations the first counts here.
    let is_needed = match origin {
        ReportOrigin::Courier => false,
        ReportOrigin::Pickup | ReportOrigin::Resolution => true,
        ReportOrigin::Confirmation => shipment.tracking.iter().all(|it| it.origin != origin),
    };
    let TrackingReport { status, package, .. } = report;
    let is_first = || shipment.tracking.iter().all(|it| it.status != *status || it.package != *package);
    let left = TRACKING_EVENTS_MAX.saturating_sub(shipment.tracking.len());
    let has_room = match moves_to(*status) {
        None => left > KEPT_FOR_MOVES,
        Some(_) if left > KEPT_FOR_CHANGES => true,
        Some(state) => left > 0 && state_of(&shipment.tracking, shipment.packages.len()) != Some(state),
    };
    has_room || is_needed || is_first()
}

impl Shipment {
    /// Whether a courier may have something to say of it: it was given to one.
    fn is_with_courier(&self) -> bool {
        self.state == ShipmentState::CourierAssigned || self.state.is_handed_over()
    }
}

impl Order {
    /// Adds what the courier reports. Repeated reports change nothing, and those that there is no room for are left out:
    /// the others of the call may say that the goods have arrived. Those about an archived order are recorded, and
    /// nobody is told.
    pub(in crate::domain) fn take_reports(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        reports: &[TrackingReport],
    ) -> Result<Vec<ReportOutcome>, Refusal> {
        let index = self.shipment_index(id)?;
        let shipment = &self.shipments[index];
        if !shipment.is_with_courier() {
            let message =
                format!("cannot record tracking: the shipment is {}, not given to a courier", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let known = shipment.tracking.len();
        let outcomes: Vec<_> =
            reports.iter().map(|it| self.add_report(unit, index, it, ReportOrigin::Courier)).collect();
        let changes = [ReportOutcome::Recorded, ReportOutcome::Updated];
        if outcomes.iter().any(|it| changes.contains(it)) {
            self.follow_reports(unit, index, known)?;
        }
        Ok(outcomes)
    }

    pub(in crate::domain) fn add_report(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        report: &TrackingReport,
        origin: ReportOrigin,
    ) -> ReportOutcome {
        let key = key(report, origin);
        let shipment = &mut self.shipments[index];
        let (id, status) = (shipment.id, report.status);
        let assigned_at = shipment.assignment.as_ref().map(|it| it.assigned_at);
        if let Some(known) = shipment.tracking.iter_mut().find(|it| it.key == key) {
            // What was reported while another courier had it is for its reporter to add to.
            let is_anothers = Some(known.recorded_at) < assigned_at && known.source != unit.actor;
            let after = merged(known, report);
            if is_anothers || after == *known {
                return ReportOutcome::Known;
            }
            if shipment.reports_updated >= REPORTS_UPDATED_MAX {
                return ReportOutcome::LeftOut;
            }
            *known = after;
            shipment.reports_updated += 1;
            self.record(unit, EventKind::TrackingRecorded, None, format!("{id} {status} reported with more"));
            return ReportOutcome::Updated;
        }
        if !has_room(shipment, report, origin) {
            return ReportOutcome::LeftOut;
        }

        let TrackingReport {
            package,
            event_id,
            status,
            incident,
            location,
            occurred_at,
            estimated_at,
            raw_code,
            description,
            received_by,
        } = report.clone();
        shipment.tracking.push(TrackingEvent {
            sequence: i64::try_from(shipment.tracking.len()).unwrap_or(i64::MAX - 1) + 1,
            status,
            incident,
            location,
            occurred_at,
            recorded_at: unit.now,
            estimated_at,
            source: unit.actor.clone(),
            raw_code,
            description,
            key,
            origin,
            package,
            event_id,
            received_by,
        });
        self.record(unit, EventKind::TrackingRecorded, None, format!("{id} {status} reported"));
        ReportOutcome::Recorded
    }

    /// The shipment's state is a function of the set of reports, whatever their order. Those after the `known` ones are
    /// told to the customer, if they are news.
    pub(in crate::domain) fn follow_reports(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        known: usize,
    ) -> Result<(), Refusal> {
        self.touch_shipment(unit, index);
        let shipment = &mut self.shipments[index];
        // What another courier expected, before this one was assigned, is nothing to go by.
        let assigned_at = shipment.assignment.as_ref().map(|it| it.assigned_at);
        let of_courier = shipment.tracking.iter().filter(|it| Some(it.recorded_at) >= assigned_at);
        if let Some(estimate) = estimate_of(of_courier) {
            shipment.estimated_at = Some(estimate);
            self.promise_shipment_anew(unit, index, PromiseOccasion::Tracking);
        }
        let shipment = &self.shipments[index];
        if shipment.handover.is_none() {
            match unit.rules.pickup_scan {
                PickupScan::Handover if has_left(&shipment.tracking) => {
                    self.hand_over_by_report(unit, index)?
                }
                PickupScan::Handover | PickupScan::Wait => return Ok(()),
            }
        }

        let shipment = &mut self.shipments[index];
        shipment.settle_handover();
        let before = shipment.state;
        let after = state_of(&shipment.tracking, shipment.packages.len()).unwrap_or(before);
        shipment.state = after;
        shipment.settle_proof();
        if after != before {
            let step = Transition {
                machine: Machine::Shipment,
                subject: shipment.id.0,
                from: before.to_string(),
                to: after.to_string(),
            };
            let kind = match after == ShipmentState::Delivered {
                true => EventKind::ShipmentDelivered,
                false => EventKind::TrackingRecorded,
            };
            let text = format!("{} is {after}", shipment.id);
            self.record(unit, kind, Some(step), text);
            self.follow_undelivered(unit, index, before)?;
        }
        // A customer who was thanked for nothing hears that the goods have gone back.
        let untold = if before == ShipmentState::Delivered { 0 } else { known };
        let is_open = after != before || !before.is_over();
        if after != ShipmentState::Delivered && is_open && !self.is_archived() {
            self.tell_news(unit, index, untold);
        }
        self.progress(unit)
    }

    /// Queues letters about the reports after the `known` ones that are news.
    fn tell_news(&mut self, unit: &mut UnitOfWork, index: usize, known: usize) {
        let (earlier, new) = self.shipments[index].tracking.split_at(known);
        let tracking = &self.shipments[index].tracking;
        let is_first = |it: &TrackingEvent| {
            let mut before = earlier.iter().chain(new.iter().filter(|other| other.sequence < it.sequence));
            before.all(|other| (other.status, other.package) != (it.status, it.package))
        };
        let is_first_of_kind = |it: &TrackingEvent| {
            let before = earlier.iter().chain(new.iter().filter(|other| other.sequence < it.sequence));
            before.into_iter().all(|other| other.status != it.status)
        };
        // The end of a journey is told once.
        let is_end = |it: &TrackingEvent| {
            matches!(it.status, TrackingStatus::Delivered | TrackingStatus::Returned | TrackingStatus::Lost)
        };
        let news: Vec<_> = new
            .iter()
            .filter(|it| is_first(it) || !is_end(it))
            .filter_map(|it| news_of(tracking, it).map(|kind| (kind, it.sequence, is_first_of_kind(it))))
            .collect();
        let id = self.shipments[index].id;
        for (kind, sequence, is_first) in news {
            if is_first || self.letters_about(id, kind) < LETTERS_OF_A_KIND_MAX {
                self.notify(unit, kind, Some(id), sequence);
            }
        }
        self.announce_location(unit, index, known);
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
        let Some(news) = news.filter(|_| !shipment.state.is_over()) else { return };

        let letters = self.messages.iter().filter(|it| it.shipment == Some(shipment.id));
        let locations_told = letters.clone().filter(|it| it.kind == MessageKind::LocationChanged).count();
        let about = |sequence: i64| shipment.tracking.iter().find(|it| it.sequence == sequence);
        // The location of the handover is in the letter about the shipment's departure.
        let handover = shipment.tracking.iter().find(|it| it.status == TrackingStatus::PickedUp);
        let mut told = letters.filter_map(|it| about(it.sequence)).chain(handover);
        if locations_told < LOCATIONS_TOLD_MAX && !told.any(|it| same_location(&it.location, &news.location))
        {
            let (id, sequence) = (shipment.id, news.sequence);
            self.notify(unit, MessageKind::LocationChanged, Some(id), sequence);
        }
    }
}

impl Shipment {
    /// Where nobody confirmed the pickup, the goods left when the first report says so, whichever arrived first.
    fn settle_handover(&mut self) {
        if self.tracking.iter().any(|it| it.origin == ReportOrigin::Pickup) {
            return;
        }
        if let (Some(handover), Some(at)) = (&mut self.handover, left_at(&self.tracking)) {
            handover.at = handover.at.min(at);
        }
    }

    /// The proof of the delivery follows from the reports too, but for a person's confirmation, which counts more: the
    /// latest of these stands. Goods that did not reach the customer have none.
    fn settle_proof(&mut self) {
        let confirmed = self.proof.take().filter(|it| it.origin == ReportOrigin::Confirmation);
        if self.state != ShipmentState::Delivered {
            return;
        }
        let reported = || {
            let report = proof_of(&self.tracking)?;
            Some(Proof {
                received_by: report.received_by.clone(),
                location: report.location.clone(),
                signature_sha256: String::new(),
                photo_sha256: String::new(),
                at: report.occurred_at,
                recorded_by: report.source.clone(),
                origin: report.origin,
            })
        };
        self.proof = confirmed.or_else(reported);
    }
}
