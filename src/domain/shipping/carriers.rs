//! What somebody sees who works for couriers: the shipments that these carry, and of no other that it exists.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::model::action::Action;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::CourierCode;
use crate::domain::model::shipment::ShipmentState;
use crate::domain::unit::command::{OrderCommand, Target};
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// The calls about a shipment that who carries it may make.
pub const CARRYING: [Action; 3] =
    [Action::RecordTrackingEvents, Action::ConfirmDelivery, Action::RecordCarrierLabel];

/// The couriers whose shipments a caller sees; none: it sees no shipment. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carriers(Arc<BTreeSet<CourierCode>>);

impl FromIterator<CourierCode> for Carriers {
    fn from_iter<T: IntoIterator<Item = CourierCode>>(codes: T) -> Self {
        Self(Arc::new(codes.into_iter().collect()))
    }
}

impl Carriers {
    pub fn codes(&self) -> impl ExactSizeIterator<Item = &CourierCode> {
        self.0.iter()
    }

    pub fn include(&self, courier: &CourierCode) -> bool {
        self.0.contains(courier)
    }

    /// Whether these see all that the others do.
    pub fn cover(&self, others: &Self) -> bool {
        others.0.is_subset(&self.0)
    }

    /// Refuses a shipment that none of them carries, in the words for one that there is not.
    pub fn must_carry(&self, order: &Order, part: &Part) -> Result<(), Refusal> {
        let id = order.shipment_named(part).map_err(|_| part.not_found())?;
        let shipment = &order.shipments[order.shipment_index(id)?];
        match &shipment.assignment {
            Some(it) if self.include(&it.courier) => Ok(()),
            Some(_) | None => Err(part.not_found()),
        }
    }
}

/// A command about a shipment, by somebody who may see only some. It is looked at before anything else is, and when the
/// command is decided: the shipment may have been given to another courier a moment ago.
#[derive(Debug, Clone)]
pub struct Seen<C> {
    pub command: C,
    /// None: they see every shipment.
    pub carriers: Option<Carriers>,
}

impl<C: OrderCommand> OrderCommand for Seen<C> {
    const NAME: &'static str = C::NAME;
    type Output = C::Output;

    fn target(&self) -> &Target {
        self.command.target()
    }

    fn may_be_seen(&self, order: &Order) -> Result<(), Refusal> {
        match &self.carriers {
            Some(carriers) => carriers.must_carry(order, &self.target().part),
            None => Ok(()),
        }
    }

    fn also_reads(&self) -> ReadSet {
        self.command.also_reads()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<Self::Output, Refusal> {
        if self.carriers.is_none() {
            return self.command.decide_on(order, unit);
        }
        let id = order.shipment_named(&self.target().part)?;
        let shipment = &order.shipments[order.shipment_index(id)?];
        let state = shipment.state;
        let is_closed =
            |it: &Action| *it == Action::ConfirmDelivery && !shipment.is_confirmable_by(Some(&unit.actor));
        let open: Vec<Action> = CARRYING.into_iter().filter(|it| !is_closed(it)).collect();

        let allowed = self.command.may_be_a_carriers(order, &unit.actor);
        let decided = allowed.and_then(|()| self.command.decide_on(order, unit));
        decided.map_err(|it| of_shipment(it, C::NAME, state, &open))
    }
}

/// The refusal of a call as who carries may hear it: where the shipment stands, and what they may do about it. What is
/// between us and our customer (the order's state, its holds, other calls) is left out.
fn of_shipment(refusal: Refusal, call: &str, state: ShipmentState, open: &[Action]) -> Refusal {
    match refusal {
        Refusal::Unmet { reason, message, state: told, mut legal } => {
            legal.retain(|it| open.contains(it));
            let is_of_shipment = told == Some(state.as_str()) && reason != Reason::HoldActive;
            let (reason, message) = match is_of_shipment {
                true => (reason, message),
                false => {
                    let message = format!("{call} is not possible now: the shipment is {state}");
                    (Reason::IllegalTransition, message)
                }
            };
            Refusal::Unmet { reason, message, state: Some(state.as_str()), legal }
        }
        other => other,
    }
}
