//! Reservations that end: released by their caller or past their time.

use crate::domain::inventory::ledger::give_back;
use crate::domain::model::etag::check_etag;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{Actor, OrderId, ReservationId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::moved;
use crate::domain::unit::unit_of_work::{Desk, Lease, Part, Touch};

/// Ends the expired reservations of these products, but not those of the order that asks; says whether there was
/// one. So a reservation that nobody has swept yet never makes an order short.
pub(in crate::domain) fn expire_overdue<'s>(
    desk: &mut Desk,
    skus: impl Iterator<Item = &'s Sku>,
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let overdue = desk.overdue(skus);
    expire(desk, overdue, except)
}

/// Ends every overdue hold that was loaded; says whether there was one.
pub fn free_overdue(desk: &mut Desk) -> Result<bool, Refusal> {
    let overdue = desk.all_overdue();
    expire(desk, overdue, None)
}

fn expire(
    desk: &mut Desk,
    (orders, reservations): (&[OrderId], &[ReservationId]),
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let mut any = false;
    for id in orders {
        let overdue = |it: &Order| it.current_reservation().is_some_and(|it| it.is_overdue(desk.now));
        if Some(*id) == except || !desk.order(*id).is_ok_and(overdue) {
            continue;
        }
        let mut order = desk.take_order(*id)?;
        order.expire(desk)?;
        desk.keep_order(order);
        any = true;
    }
    for id in reservations {
        if desk.reservation(*id).is_ok_and(|it| it.is_overdue(desk.now)) {
            expire_reservation(desk, *id)?;
            any = true;
        }
    }
    Ok(any)
}

/// Gives another caller's stock back.
#[derive(Debug, Clone)]
pub struct ReleaseReservation {
    pub reservation: ReservationId,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ReleaseReservation {
    const NAME: &'static str = "ReleaseReservation";
    type Output = Reservation;

    fn reads(&self) -> Touch {
        let parts = vec![Part::Reservation(self.reservation)];
        Touch { reservations: vec![self.reservation], parts, ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Reservation, Refusal> {
        let id = self.reservation;
        if let Ok(order) = desk.order_of(&Part::Reservation(id)) {
            let of_order = desk.order(order)?.reservations.iter().find(|it| it.id == id);
            of_order.map_or(Ok(()), Reservation::must_stand_alone)?;
        }
        check_etag(&self.etag, desk.reservation(id)?.version)?;
        release_reservation(desk, id)?;
        desk.reservation(id).cloned()
    }
}

/// Ends another caller's reservation that is past its end; one that is gone has ended already.
#[derive(Debug, Clone)]
pub struct ExpireReservation {
    pub reservation: ReservationId,
    pub lease: Lease,
}

impl Command for ExpireReservation {
    const NAME: &'static str = "work/expire";
    type Output = ();

    fn reads(&self) -> Touch {
        Touch { reservations: vec![self.reservation], lease: Some(self.lease), ..Touch::default() }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        match expire_reservation(desk, self.reservation) {
            Err(Refusal::NotFound { .. }) => Ok(()),
            done => done,
        }
    }
}

/// Ends the expired reservations that hold stock which others are short of; says whether there was one.
#[derive(Debug, Clone)]
pub struct FreeExpired {
    /// What those read who are short.
    pub short: Touch,
}

impl Command for FreeExpired {
    const NAME: &'static str = "store/free";
    type Output = bool;

    fn reads(&self) -> Touch {
        self.short.clone()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<bool, Refusal> {
        free_overdue(desk)
    }
}

/// Gives another caller's reservation back. An order's own reservation goes with its order.
pub fn release_reservation(desk: &mut Desk, id: ReservationId) -> Result<(), Refusal> {
    desk.reservation(id)?.must_stand_alone()?;
    end_reservation(desk, id, ReservationState::Released, MovementKind::Release)
}

impl Reservation {
    /// The rung of whoever would give it back by itself: an order's reservation is the order's.
    pub fn must_stand_alone(&self) -> Result<(), Refusal> {
        let Some(order) = self.order else { return Ok(()) };
        Err(Refusal::Unmet {
            reason: Reason::IllegalTransition,
            message: format!("{} belongs to {order}: cancel the order instead", self.id),
            state: Some(self.state.as_str()),
            legal: self.available_actions(),
        })
    }
}

/// A hold of another caller past its end; before its end nothing happens.
pub fn expire_reservation(desk: &mut Desk, id: ReservationId) -> Result<(), Refusal> {
    if !desk.reservation(id)?.is_overdue(desk.now) {
        return Ok(());
    }
    // Whoever needed the stock did not expire the reservation.
    let caller = std::mem::replace(&mut desk.actor, Actor::system());
    let done = end_reservation(desk, id, ReservationState::Expired, MovementKind::Expire);
    desk.actor = caller;
    done
}

fn end_reservation(
    desk: &mut Desk,
    id: ReservationId,
    to: ReservationState,
    kind: MovementKind,
) -> Result<(), Refusal> {
    let mut reservation = desk.reservation(id)?.clone();
    moved(id.0, reservation.state, to).map_err(|it| it.instead(|| reservation.available_actions()))?;
    give_back(desk, &mut reservation, kind);
    reservation.state = to;
    reservation.expires_at = None;
    desk.keep_reservation(reservation);
    Ok(())
}
