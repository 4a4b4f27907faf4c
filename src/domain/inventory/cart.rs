//! A cart's reservation becomes an order's: units go from one to the other, and nobody finds them free in between.

#[cfg(test)]
mod tests;

use crate::domain::inventory::allocate::{Need, TAKES_MAX, Take};
use crate::domain::inventory::ledger::{give_back_units, hand_on};
use crate::domain::inventory::reserve::add_item;
use crate::domain::model::event::EventKind;
use crate::domain::model::hand::{HandKind, Person};
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Problem, Reason, Refusal};
use crate::domain::model::reservation::{Reservation, ReservationState, ReservedItem};
use crate::domain::model::scalars::{RegionCode, ReservationId, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::journal::opened;
use crate::domain::unit::unit_of_work::{Part, UnitOfWork};

/// What becomes of units that are set aside when they are wanted for other lines, or not any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::domain) struct Refit {
    /// Units that go on to another line.
    pub moves: Vec<Move>,
    /// Units that nobody wants any more: the index of their item, and how many.
    pub frees: Vec<(usize, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain) struct Move {
    /// Index of the item that has them.
    pub from: usize,
    pub line: i32,
    pub quantity: i64,
}

/// Units stay with their line as far as it wants them; then lines of the same product get what is left, in their order.
pub(in crate::domain) fn refit(items: &[ReservedItem], needs: &[Need]) -> Refit {
    let mut spare: Vec<i64> = items.iter().map(ReservedItem::open).collect();
    let mut wanted: Vec<i64> = needs.iter().map(|it| it.quantity).collect();
    for (item, spare) in items.iter().zip(&mut spare) {
        let own = needs.iter().zip(&mut wanted).find(|(it, _)| it.line == item.line && it.sku == item.sku);
        if let Some((_, wanted)) = own {
            let kept = (*wanted).min(*spare);
            *wanted -= kept;
            *spare -= kept;
        }
    }

    let mut moves = Vec::new();
    for (need, wanted) in needs.iter().zip(&mut wanted) {
        let alike = items.iter().zip(&mut spare).enumerate().filter(|(_, (it, _))| it.sku == need.sku);
        for (from, (_, spare)) in alike {
            let quantity = (*wanted).min(*spare);
            if quantity > 0 {
                *wanted -= quantity;
                *spare -= quantity;
                moves.push(Move { from, line: need.line, quantity });
            }
        }
    }
    let frees = spare.into_iter().enumerate().filter(|it| it.1 > 0).collect();
    Refit { moves, frees }
}

/// The cart that an order for this region takes over. Refused unless it is one, open, and its units are in that region.
pub(in crate::domain) fn cart(unit: &UnitOfWork, id: ReservationId) -> Result<Reservation, Refusal> {
    if let Ok(order) = unit.order_of(&Part::Reservation(id)) {
        let of_order = unit.order(order)?.reservations.iter().find(|it| it.id == id);
        if let Some(reservation) = of_order {
            let message =
                format!("{id} is {order}'s own reservation: an order takes over those of ReserveStock");
            return Err(reservation.unmet(Reason::IllegalTransition, message));
        }
    }
    let cart = unit.reservation(id)?;
    cart.must_be_kept("be taken over", unit.now)?;
    Ok(cart.clone())
}

/// Why an order for this region cannot use these units, if it cannot.
pub(in crate::domain) fn cart_problem<'s>(
    unit: &UnitOfWork,
    cart: &Reservation,
    region: Option<&RegionCode>,
    mut skus: impl Iterator<Item = &'s Sku>,
) -> Option<Problem> {
    let problem =
        |message: String| Some(Problem { field: "reservation_id".to_owned(), message, reason: None });
    let open = || cart.items.iter().filter(|it| it.open() > 0);
    let Some(region) = region else {
        return problem(format!("{} cannot be used: no region serves the shipping address", cart.id));
    };
    let elsewhere = open().find(|it| unit.location(&it.location).is_none_or(|it| it.region != *region));
    if let Some(item) = elsewhere {
        let there = unit.location(&item.location).map(|it| format!(", of region {}", it.region));
        let there = there.unwrap_or_default();
        return problem(format!(
            "{} holds units at {}{there}; the shipping address is served by {region}",
            cart.id, item.location
        ));
    }
    if !skus.any(|sku| open().any(|it| it.sku == *sku)) {
        return problem(format!("{} holds none of the order's products", cart.id));
    }
    None
}

impl Reservation {
    /// A refusal that says where the reservation stands and what may be done with it instead.
    pub(super) fn unmet(&self, reason: Reason, message: String) -> Refusal {
        Refusal::Unmet { reason, message, state: Some(self.state.as_str()), legal: self.available_actions() }
    }

    /// Refuses one that has nothing any more, or whose time is over.
    pub(super) fn must_be_kept(&self, what: &str, now: Timestamp) -> Result<(), Refusal> {
        let message = match self.taken_over_by {
            Some(order) => format!("{} cannot {what}: {order} has taken it over", self.id),
            None if !self.is_open() => format!("{} cannot {what}: it is {}", self.id, self.state),
            None if self.is_expired(now) => format!("{} cannot {what}: its time is over", self.id),
            None => return Ok(()),
        };
        Err(self.unmet(Reason::IllegalTransition, message))
    }
}

impl Order {
    /// Takes a cart's units over that its lines want; the cart's others are free again. The cart is over with that, and
    /// the order's own time counts.
    pub(in crate::domain) fn take_over(
        &mut self,
        unit: &mut UnitOfWork,
        cart: &Reservation,
    ) -> Result<(), Refusal> {
        let (id, order): (ReservationId, _) = (unit.ids.fresh(), self.id);
        let mut cart = cart.clone();
        let Refit { moves, frees } = refit(&cart.items, &self.needs());
        let mut items: Vec<ReservedItem> = Vec::new();
        let mut units = 0;
        for Move { from, line, quantity } in moves {
            let item = &mut cart.items[from];
            hand_on(unit, item, quantity, (cart.id, None), (id, Some(order)));
            let (sku, location) = (item.sku.clone(), item.location.clone());
            add_item(&mut items, &Take { line, sku, location, quantity });
            units += quantity;
        }
        if items.len() > TAKES_MAX {
            let message = format!("an order takes its stock from at most {TAKES_MAX} shelves");
            return Err(self.unmet(Reason::LimitReached, message));
        }
        for (from, quantity) in frees {
            give_back_units(unit, &mut cart.items[from], quantity, MovementKind::Release, cart.id, None);
        }
        cart.state = ReservationState::Released;
        cart.expires_at = None;
        cart.taken_over_by = Some(order);

        self.reservations.push(Reservation {
            id,
            version: 1,
            order: Some(order),
            reference: cart.reference.clone(),
            state: ReservationState::Held,
            expires_at: Some(unit.now.plus(self.reservation_lifetime(unit.rules))),
            items,
            plan: format!("taken over from {}", cart.id),
            allocation: cart.allocation,
            passed_over: cart.passed_over.clone(),
            created_by: unit.actor.clone(),
            created_at: unit.now,
            taken_over_by: None,
            taken_over_from: Some(cart.id),
            confirmed_at: None,
            created_through: None,
            reallocations: Vec::new(),
        });
        let text = format!("takes over {units} units of {}", cart.id);
        let whose = Person { name: cart.created_by.clone(), principal: cart.created_through.clone() };
        unit.keep_reservation(cart);
        self.record_automatic(
            unit,
            EventKind::InventoryReserved,
            Some(opened(id.0, ReservationState::Held)),
            text,
        );
        self.note_hand(whose, HandKind::SetAside);
        Ok(())
    }

    /// Keeps, of what was set aside before the order was verified, what its lines want, where its region has it; the rest is free
    /// again.
    pub(in crate::domain) fn refit_reservation(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some(reservation) = self.current_reservation() else { return Ok(()) };
        let Refit { moves, frees } = refit(&reservation.items, &self.needs());
        let open = || reservation.items.iter().filter(|it| it.open() > 0);
        let is_elsewhere = open()
            .any(|it| unit.location(&it.location).is_none_or(|it| Some(&it.region) != self.region.as_ref()));
        let wanted = open().map(ReservedItem::open).sum::<i64>() - frees.iter().map(|it| it.1).sum::<i64>();
        if is_elsewhere || wanted == 0 || reservation.items.len() + moves.len() > TAKES_MAX {
            return self.release_reservation(unit, ReservationState::Released);
        }
        if moves.is_empty() && frees.is_empty() {
            return Ok(());
        }

        let order = Some(self.id);
        let reservation = self.open_reservation().expect("it was there two lines up");
        let id = reservation.id;
        for (from, quantity) in frees {
            let item = &mut reservation.items[from];
            give_back_units(unit, item, quantity, MovementKind::Release, id, order);
        }
        for Move { from, line, quantity } in moves {
            let item = &mut reservation.items[from];
            hand_on(unit, item, quantity, (id, order), (id, order));
            let (sku, location) = (item.sku.clone(), item.location.clone());
            add_item(&mut reservation.items, &Take { line, sku, location, quantity });
        }
        reservation.version += 1;
        Ok(())
    }
}
