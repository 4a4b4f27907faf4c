//! Carts that are kept longer: in checkout, or until a time that their caller names.

use std::time::Duration;

use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::Refusal;
use crate::domain::model::reservation::Reservation;
use crate::domain::model::scalars::ReservationId;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// Says that another caller's cart is in checkout: from the first such word on it is kept for as long as settings say, if that is
/// longer than it would be.
#[derive(Debug, Clone)]
pub struct ConfirmReservation {
    pub reservation: ReservationId,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ConfirmReservation {
    const NAME: &'static str = "ConfirmReservation";
    type Output = Reservation;

    fn reads(&self) -> ReadSet {
        reads(self.reservation)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Reservation, Refusal> {
        confirm_cart(unit, self.reservation, &self.etag)?;
        unit.reservation(self.reservation).cloned()
    }
}

/// Keeps another caller's cart until a time.
#[derive(Debug, Clone)]
pub struct ExtendReservation {
    pub reservation: ReservationId,
    pub until: Timestamp,
    /// Empty: any version.
    pub etag: String,
}

impl Command for ExtendReservation {
    const NAME: &'static str = "ExtendReservation";
    type Output = Reservation;

    fn reads(&self) -> ReadSet {
        reads(self.reservation)
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Reservation, Refusal> {
        extend_cart(unit, self.reservation, self.until, &self.etag)?;
        unit.reservation(self.reservation).cloned()
    }
}

fn reads(id: ReservationId) -> ReadSet {
    ReadSet { reservations: vec![id], parts: vec![Part::Reservation(id)], ..ReadSet::default() }
}

/// The end of a cart that is confirmed: never sooner than before, and never later than a cart may be kept in all.
fn confirmed_until(
    now: Timestamp,
    made: Timestamp,
    expires: Timestamp,
    kept: Duration,
    most: Duration,
) -> Timestamp {
    expires.max(now.plus(kept).min(made.plus(most)))
}

pub(in crate::domain) fn confirm_cart(
    unit: &mut UnitOfWork,
    id: ReservationId,
    etag: &str,
) -> Result<(), Refusal> {
    let mut cart = open_cart(unit, id, "be confirmed", etag)?;
    if cart.confirmed_at.is_some() {
        return Ok(());
    }
    let (kept, most) = (unit.rules.confirmed_reservation_lifetime(), unit.rules.reservation_lifetime_max());
    let (now, made) = (unit.now, cart.created_at);
    cart.confirmed_at = Some(now);
    cart.expires_at = cart.expires_at.map(|it| confirmed_until(now, made, it, kept, most));
    unit.keep_reservation(cart);
    Ok(())
}

pub(in crate::domain) fn extend_cart(
    unit: &mut UnitOfWork,
    id: ReservationId,
    until: Timestamp,
    etag: &str,
) -> Result<(), Refusal> {
    let mut cart = open_cart(unit, id, "be extended", etag)?;
    let latest = cart.created_at.plus(unit.rules.reservation_lifetime_max());
    if until > latest {
        let message = format!("must not be after {latest}: it was made at {}", cart.created_at);
        return Err(Refusal::invalid("expire_time", message));
    }
    match cart.expires_at {
        Some(before) if until < before => {
            let message = format!("must not be before {before}, until when it is kept already");
            Err(Refusal::invalid("expire_time", message))
        }
        Some(before) if until == before => Ok(()),
        Some(_) | None => {
            cart.expires_at = Some(until);
            unit.keep_reservation(cart);
            Ok(())
        }
    }
}

/// Another caller's reservation that still has its units. An order's is not to be kept by itself.
fn open_cart(unit: &UnitOfWork, id: ReservationId, what: &str, etag: &str) -> Result<Reservation, Refusal> {
    if let Ok(order) = unit.order_of(&Part::Reservation(id)) {
        let of_order = unit.order(order)?.reservations.iter().find(|it| it.id == id);
        of_order.map_or(Ok(()), Reservation::must_stand_alone)?;
    }
    let cart = unit.reservation(id)?;
    check_etag(etag, cart.version)?;
    cart.must_be_kept(what, unit.now)?;
    Ok(cart.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    proptest! {
        /// A confirmed cart never ends sooner than before, nor later than a cart may be kept, unless it was to already.
        #[test]
        fn a_confirmed_cart_ends_between_its_old_end_and_the_last_one(
            age in 0_u64..5_000_000, first in 1_u64..2_592_000, kept in 1_u64..2_592_000, most in 1_u64..2_592_000,
        ) {
            let made = Timestamp::from_unix_micros(1_793_606_400_000_000);
            let after = |it: u64| made.plus(Duration::from_secs(it));
            let (now, expires, latest) = (after(age), after(first), after(most));
            let end = confirmed_until(now, made, expires, Duration::from_secs(kept), Duration::from_secs(most));
            prop_assert!(end >= expires);
            prop_assert!(end <= expires.max(latest));
            prop_assert!(end == expires || end == latest || end == now.plus(Duration::from_secs(kept)));
        }
    }
}
