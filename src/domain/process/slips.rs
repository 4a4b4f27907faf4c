//! Slips: what goes wrong without anybody saying so, when it is noticed, and when it is over.
//!
//! What may slip, and from when on, follows from the order alone. It is noticed by the first decision or job after
//! that: with one event, with one letter where the customer cares, and with a mark in the document until it is over.

use std::time::Duration;

use crate::domain::model::approval::ApprovalState;
use crate::domain::model::event::EventKind;
use crate::domain::model::hold::{Hold, HoldState};
use crate::domain::model::message::{Message, MessageKind, MessageState};
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::policy::Rules;
use crate::domain::model::promise::{Promise, PromiseLeg};
use crate::domain::model::scalars::ShipmentId;
use crate::domain::model::shipment::{Shipment, ShipmentState};
use crate::domain::model::slip::{Slip, SlipKind, SlipSubject};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many letters with a new date a customer gets for one shipment: an estimate that jumps to and fro must not flood
/// anybody. What moves after that still stands as a slip.
const LETTERS_MAX: usize = 10;

const DAY: Duration = Duration::from_secs(86_400);

impl Order {
    /// The slips that stand now. A promise that is missed is not at risk any more.
    pub fn slips(&self, now: Timestamp, rules: &Rules) -> Vec<Slip> {
        let mut standing = self.possible_slips(rules);
        standing.retain(|it| it.since <= now);
        let missed: Vec<_> =
            standing.iter().filter(|it| it.kind == SlipKind::PromiseMissed).map(|it| it.subject).collect();
        standing.retain(|it| it.kind != SlipKind::PromiseAtRisk || !missed.contains(&it.subject));
        standing
    }

    /// When the next slip stands that nobody has noticed.
    pub(super) fn next_slip_at(&self, rules: &Rules) -> Option<Timestamp> {
        if !self.tells_slips() {
            return None;
        }
        let noticed = |it: &Slip| {
            let covers = |noticed: &Slip| noticed.is(it) || makes_idle(noticed, it);
            self.noticed_slips().any(covers)
        };
        self.possible_slips(rules).iter().filter(|it| !noticed(it)).map(|it| it.since).min()
    }

    /// After every decision: which slips begin or end with it, and what the order waits for.
    pub(in crate::domain) fn notice(&mut self, unit: &mut UnitOfWork) {
        self.notice_slips(unit);
        self.note_gate(unit.now);
    }

    /// Notices what stands and marks what does not stand any more as over. Late or twice, it tells nothing more.
    pub(super) fn notice_slips(&mut self, unit: &mut UnitOfWork) {
        self.note_promise_told();
        self.note_rest_date_told();
        let tells = self.tells_slips();
        if tells {
            self.tell_promise(unit);
            self.tell_rest(unit);
        }
        let indexes = (0..self.shipments.len()).filter(|_| tells);
        let told: Vec<ShipmentId> = indexes.filter_map(|index| self.tell_estimate(unit, index)).collect();

        let standing = self.slips(unit.now, unit.rules);
        let before: Vec<Slip> = self.noticed_slips().copied().collect();
        let noticed = |it: &&Slip| before.iter().any(|noticed| noticed.is(it));
        let new: Vec<Slip> = standing.iter().filter(|it| tells && !noticed(it)).copied().collect();
        // What cannot be told now does not end what was told before.
        let goes_on = |it: &Slip| match tells {
            true => standing.iter().any(|now| now.is(it)),
            false => standing.iter().any(|now| now.is_like(it) || makes_idle(now, it) || it.becomes(now)),
        };
        self.slips.retain(goes_on);
        for index in 0..self.shipments.len() {
            if !self.shipments[index].slips.iter().all(goes_on) {
                self.shipments[index].slips.retain(goes_on);
                self.touch_shipment(unit, index);
            }
        }
        for slip in new {
            self.begin_slip(unit, slip);
            // What was said of the order is not said again of its shipments.
            if before.iter().any(|it| it.becomes(&slip)) {
                continue;
            }
            // An estimate that was just told has its event.
            let is_told = |id: &ShipmentId| slip.subject == SlipSubject::Shipment(*id);
            if slip.kind != SlipKind::EstimateMoved || !told.iter().any(is_told) {
                self.record_automatic(unit, event_of(slip.kind), None, words(&slip));
            }
            if slip.kind == SlipKind::PromiseMissed {
                self.tell_missed(unit, slip.subject);
            }
        }
    }

    /// The customer goes by the promise that the first letter names: the one when it is sent. Who was told no date then has the
    /// first one told by a letter of its own, or by the one about the invoice.
    fn note_promise_told(&mut self) {
        let is_first = |it: &Message| it.kind == MessageKind::OrderReceived;
        let is_waiting = |it: &Message| is_first(it) && it.state == MessageState::Queued;
        self.promise_told = match self.promise_told {
            Some(told) if self.messages.iter().any(is_waiting) => self.promised_by.or(Some(told)),
            Some(told) => Some(told),
            None if self.was_told_no_date() || !self.promises_told.is_empty() => None,
            None => self.promised_by,
        };
    }

    /// Whether it waits for stock, and its customer has read that nobody knows until when, or is to: from its first try on, what
    /// a letter says stays.
    fn was_told_no_date(&self) -> bool {
        let is_written = |it: &Message| it.state == MessageState::Sent || it.text_kept;
        let is_read = |it: &Message| it.kind == MessageKind::AwaitingStock && is_written(it);
        self.last_promise_told().is_none()
            && self.state == OrderState::AwaitingStock
            && self.messages.iter().any(is_read)
    }

    /// Tells the customer a promise that is not the one told last, or the first, as long as there are no shipments to tell of.
    fn tell_promise(&mut self, unit: &mut UnitOfWork) {
        let knows_none = self.was_told_no_date() || self.take_back_unread_promise();
        let has_room = self.promises_told.len() < LETTERS_MAX;
        let first = self.promised_by.filter(|_| knows_none);
        let news = first.or_else(|| self.moved_promise(unit.rules));
        let Some(promised) = news.filter(|_| has_room) else { return };
        self.promises_told.push(promised);
        let nth = i64::try_from(self.promises_told.len()).unwrap_or(i64::MAX);
        self.notify(unit, MessageKind::PromiseChanged, None, nth);
    }

    /// Where the letter with the last promise did not go, the customer goes by the one before it again. Returns whether there is
    /// none, and the order waits: its next date is news, also if it is the same.
    fn take_back_unread_promise(&mut self) -> bool {
        let unread = Some(self.promises_told.len()).filter(|it| self.is_promise_unread(*it));
        let Some(nth) = unread.filter(|_| self.live_shipments().next().is_none()) else { return false };
        let read = self.promise_read(nth);
        if let (Some(read), Some(last)) = (read, self.promises_told.last_mut()) {
            *last = read;
        }
        read.is_none() && self.state == OrderState::AwaitingStock
    }

    /// The promise, if the customer was told another one: an earlier one, or a later one that no longer holds.
    fn moved_promise(&self, rules: &Rules) -> Option<Timestamp> {
        let after = unless_zero(rules.slips.estimate_moved_seconds)?;
        let told = self.last_promise_told().filter(|_| self.live_shipments().next().is_none())?;
        let promised = self.promised_by?;
        let later = promised > told.plus(after);
        let sooner = !self.promises_told.is_empty() && promised.plus(after) < told;
        (later || sooner).then_some(promised)
    }

    /// Why a letter about a promise is not worth sending any more.
    pub(super) fn outdates_promise(&self, message: &Message, rules: &Rules) -> Option<&'static str> {
        if usize::try_from(message.sequence).is_ok_and(|nth| nth < self.promises_told.len()) {
            return Some("another date has been told since");
        }
        if self.promised_by.is_none() {
            return Some("nobody knows the date any more");
        }
        self.moved_promise(rules).map(|_| "the order is promised for another date again")
    }

    /// Whether a slip may be told. Nothing is told of an order that is over, or that waits for the customer.
    fn tells_slips(&self) -> bool {
        let explains = |it: &Hold| it.state == HoldState::Active && it.reason.is_known_to_customer();
        !self.is_over() && !self.holds.iter().any(explains)
    }

    /// Tells the customer an expected delivery that is not the one told last, unless another letter names it already.
    /// Returns the shipment if there was news.
    fn tell_estimate(&mut self, unit: &mut UnitOfWork, index: usize) -> Option<ShipmentId> {
        let shipment = &self.shipments[index];
        let (id, nth) = (shipment.id, shipment.told.len());
        let (told, estimate) = (self.delivery_told(shipment, nth)?, expected(shipment)?);
        let is_named = self.is_named_elsewhere(shipment, unit.rules);
        let about = |it: &&Message| it.kind == MessageKind::EstimateMoved && it.shipment == Some(id);
        let has_room = self.messages.iter().filter(about).count() < LETTERS_MAX;
        let is_due = has_room && self.moved_estimate(shipment, unit.rules).is_some();
        if !is_named && !is_due {
            return None;
        }

        let text = format!("{id}: delivery is expected {estimate}, the customer was told {told}");
        self.record_automatic(unit, EventKind::EstimateMoved, None, text);
        self.shipments[index].told.push(estimate);
        self.touch_shipment(unit, index);
        if !is_named {
            let nth = i64::try_from(nth + 1).unwrap_or(i64::MAX);
            self.notify(unit, MessageKind::EstimateMoved, Some(id), nth);
        }
        Some(id)
    }

    /// Whether the last letter with a new date is one about a delay, and names what is expected.
    fn is_named_elsewhere(&self, shipment: &Shipment, rules: &Rules) -> bool {
        let told = self.delivery_told(shipment, shipment.told.len());
        let is_news = |it: &Timestamp| told != Some(*it) && awaits_delivery(shipment);
        let Some(estimate) = shipment.estimated_at.filter(is_news) else { return false };
        let date_of = |letter: &Message| {
            // One that was sent names what was expected then, whatever became of the report since.
            let is_report =
                letter.kind == MessageKind::DeliveryDelayed && letter.state == MessageState::Queued;
            let reports = shipment.tracking.iter().filter(|_| is_report);
            reports.filter(|it| it.sequence == letter.sequence).find_map(|it| it.estimated_at)
        };
        let names_a_date = |it: &&Message| it.kind == MessageKind::EstimateMoved || date_of(it).is_some();
        let last = self.messages.iter().filter(|it| it.shipment == Some(shipment.id)).rfind(names_a_date);
        let is_on = unless_zero(rules.slips.estimate_moved_seconds).is_some();
        is_on && last.and_then(date_of) == Some(estimate)
    }

    fn begin_slip(&mut self, unit: &mut UnitOfWork, slip: Slip) {
        let of_shipment = self.shipments.iter().position(|it| slip.subject == SlipSubject::Shipment(it.id));
        match of_shipment {
            Some(index) => {
                self.shipments[index].slips.push(slip);
                self.touch_shipment(unit, index);
            }
            None => self.slips.push(slip),
        }
    }

    /// Tells the customer that the date told last is over: of the shipment, or of the order that has none.
    fn tell_missed(&mut self, unit: &mut UnitOfWork, subject: SlipSubject) {
        let shipment = self.shipments.iter().find(|it| subject == SlipSubject::Shipment(it.id));
        let (id, nth) = match shipment {
            Some(it) => (Some(it.id), it.told.len()),
            None => (None, self.promises_told.len()),
        };
        self.notify(unit, MessageKind::PromiseMissed, id, i64::try_from(nth).unwrap_or(i64::MAX));
    }

    /// Why a letter about a date is not worth sending any more.
    pub(super) fn outdates_slip(&self, message: &Message, rules: &Rules) -> Option<&'static str> {
        let Some(id) = message.shipment else { return self.outdates_missed(message) };
        let shipment = self.shipments.iter().find(|it| it.id == id)?;
        match way_of(shipment.state) {
            Way::InHouse | Way::OnTheRoad => {}
            Way::AtPickupPoint => return Some("the parcel waits to be collected"),
            Way::Back => return Some("the parcel is on its way back"),
            Way::Over if shipment.state == ShipmentState::Delivered => {
                return Some("the parcel has been delivered");
            }
            Way::Over => return Some("the parcel is not expected any more"),
        }
        if usize::try_from(message.sequence).is_ok_and(|nth| nth < shipment.told.len()) {
            return Some("another date has been told since");
        }
        let moved =
            message.kind == MessageKind::EstimateMoved && self.moved_estimate(shipment, rules).is_some();
        moved.then_some("delivery is expected on another date again")
    }

    /// The same of a letter that tells of no shipment, as there was none.
    fn outdates_missed(&self, message: &Message) -> Option<&'static str> {
        let is_past = usize::try_from(message.sequence).is_ok_and(|nth| nth < self.promises_told.len());
        if is_past || self.live_shipments().any(|it| !it.told.is_empty()) {
            return Some("another date has been told since");
        }
        let mut sent = self.live_shipments().peekable();
        let nothing_comes = sent.peek().is_some() && !sent.any(awaits_delivery);
        nothing_comes.then_some("no delivery is waited for any more")
    }

    /// The delivery that the customer was told last, and the one that is expected, if that is another one: later by more
    /// than the rules let pass, or sooner by that after a later one was told.
    fn moved_estimate(&self, shipment: &Shipment, rules: &Rules) -> Option<(Timestamp, Timestamp)> {
        let after = unless_zero(rules.slips.estimate_moved_seconds)?;
        let told = self.delivery_told(shipment, shipment.told.len()).filter(|_| awaits_delivery(shipment))?;
        let estimate = expected(shipment)?;
        let later = estimate > told.plus(after);
        let sooner = !shipment.told.is_empty() && estimate.plus(after) < told;
        (later || sooner).then_some((told, estimate))
    }

    /// What slips by itself unless something happens, each with the time from which on it stands.
    fn possible_slips(&self, rules: &Rules) -> Vec<Slip> {
        let mut found = Vec::new();
        if self.is_over() {
            return found;
        }
        for shipment in self.live_shipments() {
            found.extend(self.estimate_slip(shipment, rules));
            found.extend(self.promise_slips(shipment, rules));
            found.extend(pickup_slip(shipment, rules));
            found.extend(silence_slip(shipment, rules));
        }
        found.extend(self.unprepared_slips(rules));
        found.extend(self.approval_slips(rules));
        found.extend(self.payment_slips(rules));
        found
    }

    fn estimate_slip(&self, shipment: &Shipment, rules: &Rules) -> Option<Slip> {
        let after = unless_zero(rules.slips.estimate_moved_seconds)?;
        let about = match self.moved_estimate(shipment, rules) {
            Some((_, estimate)) => estimate,
            // It was told, and is still later than what was promised.
            None => {
                let promised = self.delivery_told(shipment, 0).filter(|_| awaits_delivery(shipment))?;
                shipment.told.last().copied().filter(|it| *it > promised.plus(after))?
            }
        };
        let reports = shipment.tracking.iter().filter(|it| it.estimated_at == Some(about));
        let given = shipment.assignment.as_ref().filter(|it| it.delivery_at == about);
        let since = reports.map(|it| it.recorded_at).max().or(given.map(|it| it.assigned_at));
        let since = since.unwrap_or(shipment.created_at);
        Some(Slip {
            kind: SlipKind::EstimateMoved,
            subject: SlipSubject::Shipment(shipment.id),
            about,
            since,
        })
    }

    fn promise_slips(&self, shipment: &Shipment, rules: &Rules) -> Vec<Slip> {
        let told = self.delivery_told(shipment, shipment.told.len()).filter(|_| awaits_delivery(shipment));
        let Some(about) = told else { return Vec::new() };
        let leaves_by = match shipment.handover {
            Some(_) => None,
            None => Some(about.minus(self.transit_of(shipment, rules))),
        };
        let told = Told { subject: SlipSubject::Shipment(shipment.id), about, leaves_by };
        told.slips(shipment.created_at, rules)
    }

    /// The slips of a promise for which nothing is being prepared: the order waits for stock, for money or for somebody's
    /// word.
    fn unprepared_slips(&self, rules: &Rules) -> Vec<Slip> {
        let waits = self.live_shipments().next().is_none() && self.wanted_goods().next().is_some();
        let Some(about) = self.last_promise_told().filter(|_| waits) else { return Vec::new() };
        let transit = self.promise.as_ref().and_then(Promise::transit);
        let transit = transit.unwrap_or(DAY * rules.transit_days(self.service));
        let leaves_by = Some(about.minus(transit));
        Told { subject: SlipSubject::Order(self.id), about, leaves_by }.slips(self.created_at, rules)
    }

    /// The time on the road: as the courier plans it, or as the promise counts with.
    fn transit_of(&self, shipment: &Shipment, rules: &Rules) -> Duration {
        if let Some(given) = &shipment.assignment {
            return given.delivery_at.since(given.pickup_at);
        }
        let mut legs = self.promise.iter().flat_map(|it| &it.legs);
        let own = legs.find(|it| it.location == shipment.location).and_then(PromiseLeg::transit);
        own.unwrap_or(DAY * rules.transit_days(self.service))
    }

    fn approval_slips(&self, rules: &Rules) -> Vec<Slip> {
        let Some(before) = unless_zero(rules.slips.approval_expiring_seconds) else { return Vec::new() };
        let pending = self.approvals.iter().filter(|it| it.state == ApprovalState::Pending);
        let slip = |(id, asked, ends): (_, Timestamp, Timestamp)| Slip {
            kind: SlipKind::ApprovalExpiring,
            subject: SlipSubject::Approval(id),
            about: ends,
            // Of a short life, in its second half.
            since: ends.minus(before.min(ends.since(asked) / 2)),
        };
        pending.filter_map(|it| Some(slip((it.id, it.requested_at, it.expires_at?)))).collect()
    }

    fn payment_slips(&self, rules: &Rules) -> Vec<Slip> {
        let Some(after) = unless_zero(rules.slips.payment_unknown_seconds) else { return Vec::new() };
        let slip = |(id, asked): (_, Timestamp)| Slip {
            kind: SlipKind::PaymentUnknown,
            subject: SlipSubject::Payment(id),
            about: asked,
            since: asked.plus(after),
        };
        self.payments.iter().filter_map(|it| Some(slip((it.id, it.unanswered_since()?)))).collect()
    }
}

/// A delivery that the customer was told.
struct Told {
    subject: SlipSubject,
    about: Timestamp,
    /// When the goods have to leave for it; None: they have left.
    leaves_by: Option<Timestamp>,
}

impl Told {
    /// It is at risk when little time is left, or less than the way takes; missed when it is over. Neither before the
    /// subject was there.
    fn slips(self, created_at: Timestamp, rules: &Rules) -> Vec<Slip> {
        let Self { subject, about, leaves_by } = self;
        let missed = unless_zero(rules.slips.promise_missed_seconds).map(|after| Slip {
            kind: SlipKind::PromiseMissed,
            subject,
            about,
            since: about.plus(after),
        });
        let at_risk = unless_zero(rules.slips.promise_at_risk_seconds).map(|before| {
            let soon = about.minus(before);
            let since = leaves_by.map_or(soon, |it| it.min(soon)).max(created_at);
            Slip { kind: SlipKind::PromiseAtRisk, subject, about, since }
        });
        missed.into_iter().chain(at_risk).collect()
    }
}

fn expected(shipment: &Shipment) -> Option<Timestamp> {
    shipment.estimated_at.or(shipment.promised_by)
}

fn pickup_slip(shipment: &Shipment, rules: &Rules) -> Option<Slip> {
    let after = unless_zero(rules.slips.pickup_missed_seconds)?;
    let waits = shipment.state == ShipmentState::CourierAssigned && shipment.handover.is_none();
    let about = shipment.assignment.as_ref().filter(|_| waits)?.pickup_at;
    let subject = SlipSubject::Shipment(shipment.id);
    Some(Slip { kind: SlipKind::PickupMissed, subject, about, since: about.plus(after) })
}

fn silence_slip(shipment: &Shipment, rules: &Rules) -> Option<Slip> {
    let after = unless_zero(rules.slips.no_scan_seconds)?;
    match way_of(shipment.state) {
        Way::OnTheRoad | Way::Back => {}
        Way::InHouse | Way::AtPickupPoint | Way::Over => return None,
    }
    let handed_over = shipment.handover.as_ref()?.at;
    let about = shipment.tracking.iter().map(|it| it.recorded_at).fold(handed_over, Timestamp::max);
    let subject = SlipSubject::Shipment(shipment.id);
    Some(Slip { kind: SlipKind::NoScan, subject, about, since: about.plus(after) })
}

/// Where a shipment is, as far as its dates are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    InHouse,
    OnTheRoad,
    /// The customer is to collect it.
    AtPickupPoint,
    Back,
    Over,
}

fn way_of(state: ShipmentState) -> Way {
    match state {
        ShipmentState::Planned
        | ShipmentState::Picking
        | ShipmentState::Picked
        | ShipmentState::QcPassed
        | ShipmentState::QcFailed
        | ShipmentState::Packed
        | ShipmentState::Labelled
        | ShipmentState::CourierAssigned => Way::InHouse,
        ShipmentState::PickedUp
        | ShipmentState::InTransit
        | ShipmentState::OutForDelivery
        | ShipmentState::DeliveryAttempted
        | ShipmentState::Exception => Way::OnTheRoad,
        ShipmentState::AvailableForPickup => Way::AtPickupPoint,
        ShipmentState::Returning => Way::Back,
        ShipmentState::Returned
        | ShipmentState::Lost
        | ShipmentState::Delivered
        | ShipmentState::Cancelled => Way::Over,
    }
}

/// Whether the customer goes by a date for it.
fn awaits_delivery(shipment: &Shipment) -> bool {
    match way_of(shipment.state) {
        Way::InHouse | Way::OnTheRoad => true,
        Way::AtPickupPoint | Way::Back | Way::Over => false,
    }
}

/// Once a promise is missed, that it was at risk says nothing more.
fn makes_idle(slip: &Slip, other: &Slip) -> bool {
    slip.subject == other.subject
        && slip.kind == SlipKind::PromiseMissed
        && other.kind == SlipKind::PromiseAtRisk
}

fn event_of(kind: SlipKind) -> EventKind {
    match kind {
        SlipKind::EstimateMoved => EventKind::EstimateMoved,
        SlipKind::PromiseAtRisk => EventKind::PromiseAtRisk,
        SlipKind::PromiseMissed => EventKind::PromiseMissed,
        SlipKind::PickupMissed => EventKind::PickupMissed,
        SlipKind::NoScan => EventKind::NoScan,
        SlipKind::ApprovalExpiring => EventKind::ApprovalExpiring,
        SlipKind::PaymentUnknown => EventKind::PaymentUnknown,
    }
}

fn words(slip: &Slip) -> String {
    let Slip { kind, subject, about, since: _ } = slip;
    match kind {
        SlipKind::EstimateMoved => format!("{subject}: delivery is expected {about}"),
        SlipKind::PromiseAtRisk => format!("{subject}: the delivery that was told for {about} is at risk"),
        SlipKind::PromiseMissed => format!("{subject}: not delivered, {about} was told"),
        SlipKind::PickupMissed => format!("{subject}: not picked up, {about} was planned"),
        SlipKind::NoScan => format!("{subject}: nothing reported since {about}"),
        SlipKind::ApprovalExpiring => format!("{subject}: not decided, it expires {about}"),
        SlipKind::PaymentUnknown => format!("{subject}: no answer of the provider since {about}"),
    }
}

/// The time that a rule sets; None: it is switched off.
pub(super) fn unless_zero(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}
