//! Reservations that end: released by their caller or past their time.

use crate::domain::inventory::ledger::give_back;
use crate::domain::model::etag::check_etag;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState};
use crate::domain::model::scalars::{Actor, OrderId, ReservationId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::{Command, conclude};
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{Lease, Part, ReadSet, UnitOfWork};

/// Ends the expired reservations of these products, but not those of the order that asks; returns whether there was one.
/// So an expired reservation that no worker has ended yet never makes an order short.
pub(in crate::domain) fn release_expired_of<'s>(
    unit: &mut UnitOfWork,
    skus: impl Iterator<Item = &'s Sku>,
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let expired = unit.expired_among(skus);
    expire(unit, expired, except)
}

/// Ends every expired reservation that was loaded; returns whether there was one.
pub fn release_expired(unit: &mut UnitOfWork) -> Result<bool, Refusal> {
    let expired = unit.all_expired();
    expire(unit, expired, None)
}

fn expire(
    unit: &mut UnitOfWork,
    (orders, reservations): (&[OrderId], &[ReservationId]),
    except: Option<OrderId>,
) -> Result<bool, Refusal> {
    let mut any = false;
    for id in orders {
        let expired = |it: &Order| it.current_reservation().is_some_and(|it| it.is_expired(unit.now));
        if Some(*id) == except || !unit.order(*id).is_ok_and(expired) {
            continue;
        }
        let mut order = unit.take_order(*id)?;
        order.expire(unit)?;
        conclude(order, unit)?;
        any = true;
    }
    for id in reservations {
        if unit.reservation(*id).is_ok_and(|it| it.is_expired(unit.now)) {
            expire_reservation(unit, *id)?;
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

    fn reads(&self) -> ReadSet {
        let parts = vec![Part::Reservation(self.reservation)];
        ReadSet { reservations: vec![self.reservation], parts, ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Reservation, Refusal> {
        let id = self.reservation;
        if let Ok(order) = unit.order_of(&Part::Reservation(id)) {
            let of_order = unit.order(order)?.reservations.iter().find(|it| it.id == id);
            of_order.map_or(Ok(()), Reservation::must_stand_alone)?;
        }
        check_etag(&self.etag, unit.reservation(id)?.version)?;
        release_reservation(unit, id)?;
        unit.reservation(id).cloned()
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

    fn reads(&self) -> ReadSet {
        ReadSet { reservations: vec![self.reservation], lease: Some(self.lease), ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        match expire_reservation(unit, self.reservation) {
            Err(Refusal::NotFound { .. }) => Ok(()),
            done => done,
        }
    }
}

/// Ends the expired reservations that have stock which others are short of; returns whether there was one.
#[derive(Debug, Clone)]
pub struct ReleaseExpired {
    /// The read sets of the changes that are short.
    pub short: ReadSet,
}

impl Command for ReleaseExpired {
    const NAME: &'static str = "store/release_expired";
    type Output = bool;

    fn reads(&self) -> ReadSet {
        self.short.clone()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<bool, Refusal> {
        release_expired(unit)
    }
}

/// Gives another caller's reservation back because its units are not there; who asks for it reads why.
pub(super) fn release_unfit(unit: &mut UnitOfWork, id: ReservationId, why: &str) -> Result<(), Refusal> {
    end_reservation(unit, id, ReservationState::Released, MovementKind::Release)?;
    let mut reservation = unit.reservation(id)?.clone();
    reservation.plan = format!("{}; released: {why}", reservation.plan);
    unit.keep_reservation(reservation);
    Ok(())
}

/// Gives another caller's reservation back. An order's own reservation goes with its order.
pub fn release_reservation(unit: &mut UnitOfWork, id: ReservationId) -> Result<(), Refusal> {
    unit.reservation(id)?.must_stand_alone()?;
    end_reservation(unit, id, ReservationState::Released, MovementKind::Release)
}

impl Reservation {
    /// Refuses an order's reservation: only its order gives it back.
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

/// Ends another caller's reservation past its end; before that nothing happens.
pub fn expire_reservation(unit: &mut UnitOfWork, id: ReservationId) -> Result<(), Refusal> {
    if !unit.reservation(id)?.is_expired(unit.now) {
        return Ok(());
    }
    // The system expires the reservation, not the caller that needed the stock.
    let caller = std::mem::replace(&mut unit.actor, Actor::system());
    let done = end_reservation(unit, id, ReservationState::Expired, MovementKind::Expire);
    unit.actor = caller;
    done
}

fn end_reservation(
    unit: &mut UnitOfWork,
    id: ReservationId,
    to: ReservationState,
    kind: MovementKind,
) -> Result<(), Refusal> {
    let mut reservation = unit.reservation(id)?.clone();
    step_between(id.0, reservation.state, to).map_err(|it| it.instead(|| reservation.available_actions()))?;
    give_back(unit, &mut reservation, kind);
    reservation.state = to;
    reservation.expires_at = None;
    unit.keep_reservation(reservation);
    Ok(())
}
