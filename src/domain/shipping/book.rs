//! Step 12, with a courier that has an interface: its label is bought, its pickup booked, and both are called off again.
//!
//! A booking is decided and committed before the courier is asked, and every call carries its id. A call whose answer is
//! not known is made again with the same key until it is: only then is a label that is not wanted any more given back, so
//! that none is lost and none paid for twice.

use std::time::Duration;

use crate::domain::model::booking::{
    BookedCourier, BookedParts, Booking, BookingAnswer, BookingRequest, BoughtLabel, CourierAnswer,
    OpenBookingRequest, SoldFile, SoldLabel,
};
use crate::domain::model::event::EventKind;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{BookingId, ShipmentId};
use crate::domain::model::shipment::{Assignment, Shipment, ShipmentState};
use crate::domain::model::time::Timestamp;
use crate::domain::model::tracking::TrackingReport;
use crate::domain::shipping::carrier_label::{ALL_PACKAGES, NewCarrierLabel, tracked};
use crate::domain::shipping::tracking_state::has_left;
use crate::domain::unit::journal::cut;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many bookings of one shipment may wait to be called off: a courier that does not answer is not left for another
/// one for ever.
pub(crate) const CALLED_OFF_MAX: usize = 10;

/// Couriers' clocks may be ahead of ours, and off by a time zone, but not more.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);

/// How long a courier's words about a failure may be, in characters.
pub(crate) const WORDS_MAX: usize = 500;

/// How many couriers that refuse one label are remembered.
const REFUSALS_KEPT: usize = 20;

impl Order {
    /// Refuses to leave a courier while too many bookings are still to be called off.
    pub(super) fn must_have_room_to_book(&self, index: usize) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        if shipment.called_off.len() < CALLED_OFF_MAX {
            return Ok(());
        }
        let message = format!("{CALLED_OFF_MAX} bookings of this shipment wait to be called off");
        Err(self.unmet_shipment(Reason::LimitReached, shipment, message))
    }

    /// Refuses a handover while the courier's label is still to come: the parcel cannot carry it yet.
    pub(super) fn must_have_its_label(&self, index: usize) -> Result<(), Refusal> {
        let shipment = &self.shipments[index];
        let Some(booking) = shipment.booking.as_ref().filter(|it| it.awaits_label()) else { return Ok(()) };
        let message = format!("cannot confirm the pickup: the label of {} is still to come", booking.courier);
        Err(self.unmet_shipment(Reason::IllegalTransition, shipment, message))
    }

    /// Decides to buy the label of the courier that was just assigned, if it sells labels through an interface.
    pub(super) fn book(&mut self, unit: &mut UnitOfWork, index: usize) {
        let Some(Assignment { courier, service, pickup_at, .. }) = &self.shipments[index].assignment else {
            return;
        };
        let Some(BookedCourier { parts, track_every }) = unit.rules.booked_couriers.get(courier).copied()
        else {
            return;
        };
        let booking = Booking {
            id: unit.ids.fresh(),
            courier: courier.clone(),
            service: *service,
            parts,
            pickup_at: *pickup_at,
            request: Some(OpenBookingRequest { kind: BookingRequest::Label, requested_at: unit.now }),
            attempts: 0,
            failure: None,
            label: None,
            pickup: None,
            track_every,
            tracked_at: None,
        };
        let text = format!("label of {courier} asked for as {}", booking.id);
        self.shipments[index].booking = Some(booking);
        self.record(unit, EventKind::BookingRequested, None, text);
    }

    /// Decides to call off what is booked for the shipment. What was asked for without an answer is waited for first.
    pub(in crate::domain) fn call_off(&mut self, unit: &mut UnitOfWork, index: usize) {
        let Some(mut booking) = self.shipments[index].booking.take() else { return };
        if booking.label.is_some() && booking.open_request().is_none() {
            booking.ask(unit, BookingRequest::Cancel);
        }
        let text = format!("booking {} with {} is to be called off", booking.id, booking.courier);
        self.shipments[index].called_off.push(booking);
        self.record(unit, EventKind::BookingRequested, None, text);
    }

    /// A courier's answer to one request. One that comes late or twice changes nothing.
    pub fn answer_booking(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        booking: BookingId,
        answer: &BookingAnswer,
    ) -> Result<(), Refusal> {
        let index = self.shipment_index(id)?;
        let request = answer.request();
        let shipment = &mut self.shipments[index];
        let wanted = shipment.booking.as_ref().is_some_and(|it| it.id == booking);
        let Some(found) = shipment.booking_mut(booking).filter(|it| it.open_request() == Some(request))
        else {
            return Ok(());
        };
        found.request = None;
        match answer {
            BookingAnswer::Label(CourierAnswer::Unknown(why))
            | BookingAnswer::Pickup(CourierAnswer::Unknown(why))
            | BookingAnswer::Cancel(CourierAnswer::Unknown(why)) => {
                found.request = Some(OpenBookingRequest { kind: request, requested_at: unit.now });
                found.attempts = found.attempts.saturating_add(1);
                found.failure = Some(cut(why.clone(), WORDS_MAX));
            }
            BookingAnswer::Label(CourierAnswer::Done(label)) => {
                let text = found.keep_label(unit, label);
                self.record(unit, EventKind::BookingConfirmed, None, text);
                if wanted {
                    self.note_sold_label(unit, index, &label.number, label.file.as_ref());
                }
                self.cancel_unwanted(unit, index, booking);
            }
            BookingAnswer::Label(CourierAnswer::Refused(why)) if wanted => {
                self.courier_refuses(unit, index, why)?;
            }
            BookingAnswer::Pickup(CourierAnswer::Done(reference)) => {
                found.pickup = Some(reference.clone());
                found.failure = None;
                let text = format!("pickup {reference} of {booking}");
                self.record(unit, EventKind::BookingConfirmed, None, text);
                self.cancel_unwanted(unit, index, booking);
            }
            BookingAnswer::Pickup(CourierAnswer::Refused(why)) => {
                found.failure = Some(format!("the pickup was refused: {}", cut(why.clone(), WORDS_MAX)));
                let text = format!("the pickup of {booking} was refused");
                self.record(unit, EventKind::BookingFailed, None, text);
                self.cancel_unwanted(unit, index, booking);
            }
            BookingAnswer::Label(CourierAnswer::Refused(_)) => {
                self.drop_called_off(unit, index, booking, EventKind::BookingFailed, "no label was bought");
            }
            // A person has to see to it.
            BookingAnswer::Cancel(CourierAnswer::Refused(_)) => {
                let what = "the courier does not take it back";
                self.drop_called_off(unit, index, booking, EventKind::BookingFailed, what);
            }
            BookingAnswer::Cancel(CourierAnswer::Done(())) => {
                let kind = EventKind::BookingCancelled;
                self.drop_called_off(unit, index, booking, kind, "called off");
            }
        }
        self.touch_shipment(unit, index);
        Ok(())
    }

    /// The number and the file that were bought become the courier's label of the package, or of all packages. A number
    /// that this courier has given to another parcel finds that one; the booking shows it all the same.
    fn note_sold_label(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        number: &str,
        file: Option<&SoldFile>,
    ) {
        let shipment = &self.shipments[index];
        let Some(courier) = shipment.assignment.as_ref().map(|it| it.courier.clone()) else { return };
        let label = NewCarrierLabel {
            package: if shipment.packages.len() == 1 { 1 } else { ALL_PACKAGES },
            number: number.to_owned(),
            media_type: file.map(|it| it.media_type.clone()).unwrap_or_default(),
            file: file.map(|it| it.file.clone()),
        };
        if self.must_be_free_number(unit, shipment.id, &tracked(&courier, number), label.package).is_ok() {
            self.note_carrier_labels(unit, index, &courier, &[label]);
        }
    }

    /// What was called off while its answer was still to come is given back now.
    fn cancel_unwanted(&mut self, unit: &UnitOfWork, index: usize, id: BookingId) {
        if let Some(booking) = self.shipments[index].called_off.iter_mut().find(|it| it.id == id) {
            booking.ask(unit, BookingRequest::Cancel);
        }
    }

    fn drop_called_off(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        id: BookingId,
        kind: EventKind,
        what: &str,
    ) {
        self.shipments[index].called_off.retain(|it| it.id != id);
        self.record(unit, kind, None, format!("booking {id}: {what}"));
    }

    /// The courier will not carry it: the shipment waits for another courier. One that the courier has, by its reports or
    /// by a person's word, stays with it.
    fn courier_refuses(&mut self, unit: &mut UnitOfWork, index: usize, why: &str) -> Result<(), Refusal> {
        let why = cut(why.to_owned(), WORDS_MAX);
        let shipment = &mut self.shipments[index];
        let courier = shipment.booking.take().map(|it| it.courier);
        let name = courier.as_ref().map(ToString::to_string).unwrap_or_default();
        shipment.courier_refusal = Some(format!("{name} refused: {why}"));
        // Its words may name the customer or the address; they stand with the shipment.
        let text = format!("{name} refused");
        self.record(unit, EventKind::BookingFailed, None, text.clone());
        let shipment = &self.shipments[index];
        if shipment.state == ShipmentState::CourierAssigned && !has_left(&shipment.tracking) {
            self.release_courier(unit, index, EventKind::CourierReleased, text)?;
            let refused_by = &mut self.shipments[index].refused_by;
            refused_by.extend(courier.filter(|_| refused_by.len() < REFUSALS_KEPT));
            self.expect_another_courier(unit, index);
        }
        Ok(())
    }

    /// What the courier says of its shipment when it is asked. None: it did not answer, and is asked the next time.
    pub fn answer_tracking(
        &mut self,
        unit: &mut UnitOfWork,
        id: ShipmentId,
        booking: BookingId,
        reports: Option<&[TrackingReport]>,
    ) -> Result<(), Refusal> {
        let index = self.shipment_index(id)?;
        let now = unit.now;
        let shipment = &mut self.shipments[index];
        let is_followed = shipment.tracking_due_at().is_some();
        let Some(found) = shipment.booking.as_mut().filter(|it| is_followed && it.id == booking) else {
            return Ok(());
        };
        found.tracked_at = Some(now);
        self.touch_shipment(unit, index);
        match reports {
            Some(reports) => {
                let soon = now.plus(AHEAD_MAX);
                let reports: Vec<_> = reports.iter().filter(|it| it.occurred_at <= soon).cloned().collect();
                self.take_reports(unit, id, &reports).map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// Bookings with an open request, each with its shipment.
    pub(in crate::domain) fn open_bookings(&self) -> impl Iterator<Item = (&Shipment, &Booking)> {
        self.shipments.iter().flat_map(|shipment| {
            shipment.all_bookings().filter(|it| it.request.is_some()).map(move |it| (shipment, it))
        })
    }
}

impl Booking {
    /// Keeps the label that was bought, and asks for the pickup where that is booked by itself. Returns what the journal
    /// says of it.
    fn keep_label(&mut self, unit: &UnitOfWork, sold: &SoldLabel) -> String {
        let SoldLabel { reference, number, file: _ } = sold;
        self.label = Some(BoughtLabel { reference: reference.clone(), number: number.clone() });
        self.attempts = 0;
        self.failure = None;
        if self.parts == BookedParts::LabelAndPickup {
            self.ask(unit, BookingRequest::Pickup);
        }
        format!("{} carries it as {number}", self.courier)
    }

    fn ask(&mut self, unit: &UnitOfWork, kind: BookingRequest) {
        self.request = Some(OpenBookingRequest { kind, requested_at: unit.now });
        self.attempts = 0;
        self.failure = None;
    }
}

impl Shipment {
    /// The booking that counts, and those that are to be called off.
    pub(in crate::domain) fn all_bookings(&self) -> impl Iterator<Item = &Booking> {
        self.booking.iter().chain(&self.called_off)
    }

    /// When the courier is to be asked where it is.
    pub(in crate::domain) fn tracking_due_at(&self) -> Option<Timestamp> {
        let booking = self.booking.as_ref().filter(|it| it.label.is_some())?;
        let every = booking.track_every.filter(|_| self.state.courier_may_report())?;
        let since = booking.tracked_at.or(self.handover.as_ref().map(|it| it.at))?;
        Some(since.plus(every))
    }

    pub fn booking(&self, id: BookingId) -> Result<&Booking, Refusal> {
        self.all_bookings().find(|it| it.id == id).ok_or_else(|| Refusal::not_found("booking", id))
    }

    fn booking_mut(&mut self, id: BookingId) -> Option<&mut Booking> {
        self.booking.iter_mut().chain(&mut self.called_off).find(|it| it.id == id)
    }
}
