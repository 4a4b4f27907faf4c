//! Commands: changes as plain values. Each names its read set and its decision; the rules themselves stand with their
//! capability.

use crate::domain::model::etag::check_etag;
use crate::domain::model::order::Order;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{Actor, OrderId};
use crate::domain::unit::unit_of_work::{Part, ReadSet, UnitOfWork};

/// A change as a plain value.
pub trait Command: Send + 'static {
    /// Name in the log.
    const NAME: &'static str;
    /// Result for the caller, beside the new state.
    type Output: Send + 'static;

    /// The keys that the decision needs; the store loads and locks them.
    fn reads(&self) -> ReadSet;

    /// Decides on what is there. It may be called again after a lost race, and must not remember anything.
    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Self::Output, Refusal>;
}

/// A command about one order, named by the order's own id or by one of its parts.
pub trait OrderCommand: Send + 'static {
    const NAME: &'static str;
    /// Whether it is for orders too whose customer's data was erased. All others are refused: what they would write down,
    /// or send to the customer, is what was erased.
    const ON_ERASED: bool = false;
    type Output: Send + 'static;

    fn target(&self) -> &Target;

    /// Refuses an order that the caller must not know of; asked before anything else of it is looked at.
    fn may_be_seen(&self, _order: &Order) -> Result<(), Refusal> {
        Ok(())
    }

    /// Refuses what who carries for a courier must leave to our people; asked of such callers only.
    fn may_be_a_carriers(&self, _order: &Order, _carrier: &Actor) -> Result<(), Refusal> {
        Ok(())
    }

    /// Its read set beside its order.
    fn also_reads(&self) -> ReadSet {
        ReadSet::default()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<Self::Output, Refusal>;
}

/// An order or a part of one, in the version that the caller has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub part: Part,
    /// Empty: any version.
    pub etag: String,
}

impl Target {
    /// In any version.
    pub fn latest(part: Part) -> Self {
        Self { part, etag: String::new() }
    }

    /// A shipment has an etag of its own, every other part has its order's.
    fn check(&self, order: &Order) -> Result<(), Refusal> {
        let version = match &self.part {
            Part::Shipment(id) => order.shipments[order.shipment_index(*id)?].version,
            Part::Tracked { .. }
            | Part::Order(_)
            | Part::Payment(_)
            | Part::Refund(_)
            | Part::Invoice(_)
            | Part::CreditNote(_)
            | Part::Approval(_)
            | Part::Hold(_)
            | Part::Reservation(_)
            | Part::Message(_)
            | Part::FollowUp(_)
            | Part::Return(_) => order.version,
        };
        check_etag(&self.etag, version)
    }
}

/// Output of a command about an order: the order's id beside its own output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnOrder<T> {
    pub order: OrderId,
    pub output: T,
}

impl<C: OrderCommand> Command for C {
    const NAME: &'static str = <C as OrderCommand>::NAME;
    type Output = OnOrder<<C as OrderCommand>::Output>;

    fn reads(&self) -> ReadSet {
        let mut reads = self.also_reads();
        match &self.target().part {
            Part::Order(id) => reads.orders.push(*id),
            part => reads.parts.push(part.clone()),
        }
        reads
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Self::Output, Refusal> {
        let id = unit.order_of(&self.target().part)?;
        let mut order = unit.take_order(id)?;
        self.may_be_seen(&order)?;
        if order.erased.is_some() && !C::ON_ERASED {
            let message = format!("the data of the customer of order {} was erased", order.number);
            return Err(order.unmet(Reason::DataErased, message));
        }
        self.target().check(&order)?;
        let output = self.decide_on(&mut order, unit)?;
        conclude(order, unit)?;
        Ok(OnOrder { order: id, output })
    }
}

impl UnitOfWork<'_> {
    /// Looks at what a decision would do: what it changes is dropped, and the keys that it misses count.
    pub(in crate::domain) fn only_asked<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let (changes, ids) = (self.changes.clone(), self.ids.clone());
        let seen = look(self);
        (self.changes, self.ids) = (changes, ids);
        seen
    }
}

/// The end of every decision about an order: what happens by itself up to the next gate, what is
/// to be noticed of it then, and saving the order if it has changed.
pub(crate) fn conclude(mut order: Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
    order.must_keep_all_hands()?;
    order.advance(unit)?;
    order.note_end_of_wait(unit);
    order.settle_lots(unit);
    order.notice(unit);
    if unit.differs(&order) {
        unit.keep_order(order);
    }
    Ok(())
}

/// How often a decision is run again with keys that follow from what it read, such as a customer: once as a rule, and again
/// when that has changed meanwhile.
pub(in crate::domain) const FURTHER_READS_MAX: u8 = 8;

/// Read set of a decision that may give the order's stock back or read its levels, and that looks at its dates anew.
pub(in crate::domain) fn with_stock() -> ReadSet {
    ReadSet { order_stock: true, couriers: true, ..ReadSet::default() }
}

/// Read set of a decision that may reserve stock for the order.
pub(in crate::domain) fn to_reserve() -> ReadSet {
    ReadSet { reserves: true, ..with_stock() }
}
