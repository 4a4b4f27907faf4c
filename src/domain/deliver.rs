//! Steps 14 to 17: reports from the road, the proof of delivery, and asking how it was.

use super::case::{born, moved};
use super::merge::{estimate_of, key, moved_on, moves_to, same_place, state_of, told_to_customer};
use super::{
    Desk, EventKind, Feedback, FeedbackState, MessageKind, Order, OrderState, Proof, Reason, Refusal,
    Shipment, ShipmentId, ShipmentState, Timestamp, TrackingEvent, TrackingStatus,
};

/// How many reports one shipment keeps. A journey has some tens; a thousand are a machine that repeats itself. The first
/// report of each status has room beyond that, so no flood hides a delivery, a return or a parcel to be collected.
pub(crate) const TRACKING_EVENTS_MAX: usize = 1_000;
/// Of these, kept free of notices (UNKNOWN, INFO_RECEIVED, DELAYED): they say nothing of where the shipment is.
const KEPT_FOR_MOVES: usize = 500;
/// Of these, kept for reports that tell another state than the shipment is in.
const KEPT_FOR_CHANGES: usize = 100;
/// How many letters of one kind tell of one shipment. The first report of each status is told beyond that.
const LETTERS_OF_A_KIND_MAX: usize = 10;
/// How many places of one shipment the customer is told: a courier that reports street by street shall not flood them.
const PLACES_TOLD_MAX: usize = 20;

/// One report as a courier gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub status: TrackingStatus,
    pub incident: String,
    pub place: String,
    pub occurred_at: Timestamp,
    pub estimated_at: Option<Timestamp>,
    pub raw_code: String,
    pub description: String,
    /// For DELIVERED: who took it.
    pub received_by: String,
}

/// What became of a courier's reports; the others were known already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    pub new: usize,
    /// There was no room for them.
    pub left_out: usize,
}

enum Added {
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
    /// the others of the call may say that the goods have arrived.
    pub fn record_tracking(
        &mut self,
        desk: &mut Desk,
        id: ShipmentId,
        reports: &[Report],
    ) -> Result<Recorded, Refusal> {
        let place = self.shipment_place(id)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("record tracking"));
        }
        let shipment = &self.shipments[place];
        if shipment.handover.is_none() {
            let message =
                format!("cannot record tracking: the shipment is {}, not handed over", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let (known, mut recorded) = (shipment.tracking.len(), Recorded::default());
        for report in reports {
            match self.add_report(desk, place, report) {
                Added::New => recorded.new += 1,
                Added::Known => {}
                Added::NoRoom => recorded.left_out += 1,
            }
        }
        if recorded.new > 0 {
            self.tell_place(desk, place, known);
            self.follow_reports(desk, place)?;
        }
        Ok(recorded)
    }

    fn add_report(&mut self, desk: &mut Desk, place: usize, report: &Report) -> Added {
        let Report {
            status,
            incident,
            place: spot,
            occurred_at,
            estimated_at,
            raw_code,
            description,
            received_by,
        } = report;
        let key = key(*status, *occurred_at, spot, raw_code, incident);
        let shipment = &mut self.shipments[place];
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
            place: spot.clone(),
            occurred_at: *occurred_at,
            recorded_at: desk.now,
            estimated_at: *estimated_at,
            source: desk.actor.clone(),
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
                place: spot.clone(),
                signature_sha256: String::new(),
                photo_sha256: String::new(),
                at: *occurred_at,
                recorded_by: desk.actor.clone(),
            });
        }
        let over = shipment.state.is_over();
        self.tell(desk, EventKind::TrackingRecorded, None, format!("{id} {status} reported"));
        if let Some(kind) = told
            && !over
            && (is_first || self.letters_about(id, kind) < LETTERS_OF_A_KIND_MAX)
        {
            self.notify(desk, kind, Some(id), sequence);
        }
        Added::New
    }

    fn letters_about(&self, shipment: ShipmentId, kind: MessageKind) -> usize {
        self.messages.iter().filter(|it| it.shipment == Some(shipment) && it.kind == kind).count()
    }

    /// Tells the customer where the shipment has got to by the reports behind the `known` ones: once per call, however
    /// many places they pass, and once per place.
    fn tell_place(&mut self, desk: &mut Desk, place: usize, known: usize) {
        let shipment = &self.shipments[place];
        let news =
            moved_on(&shipment.tracking).filter(|it| it.sequence > i64::try_from(known).unwrap_or(i64::MAX));
        let Some(news) = news.filter(|_| !shipment.state.is_over()) else { return };

        let letters = self.messages.iter().filter(|it| it.shipment == Some(shipment.id));
        let places_told = letters.clone().filter(|it| it.kind == MessageKind::LocationChanged).count();
        let about = |sequence: i64| shipment.tracking.iter().find(|it| it.sequence == sequence);
        // The place of the handover is where the goods are shipped from: the customer heard that they left there.
        let mut told = letters.filter_map(|it| about(it.sequence)).chain(shipment.tracking.first());
        if places_told < PLACES_TOLD_MAX && !told.any(|it| same_place(&it.place, &news.place)) {
            let (id, sequence) = (shipment.id, news.sequence);
            self.notify(desk, MessageKind::LocationChanged, Some(id), sequence);
        }
    }

    /// The shipment's state is a function of the set of reports, whatever their order.
    fn follow_reports(&mut self, desk: &mut Desk, place: usize) -> Result<(), Refusal> {
        self.touch_shipment(desk, place);
        let shipment = &mut self.shipments[place];
        if let Some(estimate) = estimate_of(&shipment.tracking) {
            shipment.estimated_at = Some(estimate);
        }
        let Some(to) = state_of(&shipment.tracking) else { return Ok(()) };
        if to == shipment.state {
            return Ok(());
        }

        let step = super::Transition {
            machine: super::Machine::Shipment,
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
        self.tell(desk, kind, Some(step), text);
        self.progress(desk)
    }

    /// Somebody confirms the delivery with proof; counts as a report of its own, and stands against a return.
    pub fn confirm_delivery(&mut self, desk: &mut Desk, id: ShipmentId, proof: Proof) -> Result<(), Refusal> {
        let place = self.shipment_place(id)?;
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("confirm the delivery"));
        }
        let shipment = &self.shipments[place];
        if !shipment.state.is_handed_over() {
            let message = format!("cannot confirm the delivery: the shipment is {}", shipment.state);
            return Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message));
        }

        let report = Report {
            status: TrackingStatus::Delivered,
            incident: String::new(),
            place: proof.place.clone(),
            occurred_at: proof.at,
            estimated_at: None,
            raw_code: "CONFIRMED".to_owned(),
            description: "delivery confirmed".to_owned(),
            received_by: proof.received_by.clone(),
        };
        self.shipments[place].proof = Some(proof);
        // Without room there is a delivery already: the proof is what is new.
        self.add_report(desk, place, &report);
        self.follow_reports(desk, place)
    }

    /// Step 17: thanks, a question, and a discount that does not depend on the answer.
    pub(super) fn confirm_to_customer(&mut self, desk: &mut Desk) {
        self.delivered_at = Some(desk.now);
        let ppm = desk.rules.next_purchase_discount_ppm;
        let code = match ppm {
            0 => String::new(),
            _ => discount_code(self),
        };
        self.feedback = Some(Feedback {
            state: FeedbackState::Requested,
            delivery_rating: 0,
            product_rating: 0,
            comment: String::new(),
            requested_at: desk.now,
            submitted_at: None,
            discount_code: code,
            discount_ppm: ppm,
        });
        let step = born(self.id.0, FeedbackState::Requested);
        self.tell_automatic(desk, EventKind::FeedbackRequested, Some(step), "asked for feedback");
        self.notify(desk, MessageKind::DeliveryConfirmed, None, 0);
    }

    /// The customer's answer, once.
    pub fn submit_feedback(
        &mut self,
        desk: &mut Desk,
        delivery_rating: i32,
        product_rating: i32,
        comment: String,
    ) -> Result<(), Refusal> {
        if self.state == OrderState::Archived {
            return Err(self.out_of_turn("give feedback"));
        }
        let Some(feedback) = self.feedback.as_mut().filter(|it| it.state == FeedbackState::Requested) else {
            let message = "feedback is asked for at delivery and given once";
            return Err(self.unmet(Reason::FeedbackNotOpen, message));
        };
        let step = moved(self.id.0, feedback.state, FeedbackState::Submitted)?;
        feedback.state = FeedbackState::Submitted;
        feedback.delivery_rating = delivery_rating;
        feedback.product_rating = product_rating;
        feedback.comment = comment;
        feedback.submitted_at = Some(desk.now);
        let text = format!("delivery {delivery_rating} of 5, products {product_rating} of 5");
        self.tell(desk, EventKind::FeedbackSubmitted, Some(step), text);
        Ok(())
    }
}

/// The order's own code for the next purchase: from the end of its id, which is random.
fn discount_code(order: &Order) -> String {
    let id = order.id.to_string().to_uppercase();
    let tail: String = id.chars().skip(id.len() - 8).collect();
    format!("NEXT-{tail}")
}
