//! The stock of a product at a location, and every movement of it.

use serde::{Deserialize, Serialize};

use crate::domain::model::lot::{Lot, LotName};
use crate::domain::model::scalars::{
    Actor, LocationCode, MovementId, OrderId, ReservationId, ShipmentId, Sku, TransferId, string_enum,
};
use crate::domain::model::time::Timestamp;

impl StockLevel {
    pub fn empty(sku: Sku, location: LocationCode, at: Timestamp) -> Self {
        Self {
            sku,
            location,
            version: 0,
            on_hand: 0,
            reserved: 0,
            damaged: 0,
            quality_hold: 0,
            safety_stock: 0,
            reorder_point: None,
            reorder_up_to: None,
            updated_at: at,
            incoming: 0,
            lead_time_days: None,
            declined_at: None,
            missing: 0,
            lots: Vec::new(),
        }
    }

    /// What a new reservation may take at a time, never below zero.
    pub fn available(&self, now: Timestamp) -> i64 {
        (self.free(now) - self.safety_stock).max(0)
    }

    /// Unreserved stock, safety stock included; negative while a count's missing units are promised, or units of lots that
    /// are not sold any more.
    pub fn free(&self, now: Timestamp) -> i64 {
        self.unpromised() - self.missing - self.unsold(now)
    }

    /// Good units of lots that are not sold any more; those on pick lists are their orders' and do not count.
    pub fn unsold(&self, now: Timestamp) -> i64 {
        self.lots.iter().filter(|it| !it.is_sold_at(now)).map(Lot::unallotted).sum()
    }

    /// The lot that the next order would take its first unit from. Lots are taken in the order in which they expire, as far
    /// as they are still sold, and units that are reserved and on no pick list yet come first.
    pub(in crate::domain) fn first_to_expire(&self, now: Timestamp) -> Option<&Lot> {
        let allotted: i64 = self.lots.iter().map(|it| it.allotted).sum();
        let mut promised = (self.reserved - allotted).max(0);
        self.lots.iter().filter(|it| it.is_sold_at(now)).find(|lot| {
            let is_left = lot.unallotted() > promised;
            promised -= lot.unallotted().max(0);
            is_left
        })
    }

    /// When somebody has to look at its lots: at once while more is promised than may be sold, or expired units are on
    /// pick lists; else when the next lot is sold no more, or expires. None: it has no lot to wait for.
    pub fn lots_due_at(&self) -> Option<Timestamp> {
        let at = self.updated_at;
        let waits = self.lots.iter().any(|it| it.is_expired_at(at) && it.allotted > 0);
        if waits || (!self.lots.is_empty() && self.free(at) < 0) {
            return Some(at);
        }
        let ends = self.lots.iter().flat_map(|it| [it.sold_until, it.expires_at]);
        ends.filter(|it| *it > at).min()
    }

    pub fn lot(&self, name: &LotName) -> Option<&Lot> {
        self.lots.iter().find(|it| it.name == *name)
    }

    /// Changes one lot, if it is there; the level's own figures follow.
    pub(in crate::domain) fn change_lot(&mut self, name: &LotName, change: impl FnOnce(&mut Lot)) {
        if let Some(lot) = self.lots.iter_mut().find(|it| it.name == *name) {
            change(lot);
            self.sum_lots();
        }
    }

    /// The figures of a level with lots are those of its lots; a lot without units is forgotten, unless pick lists have some
    /// of it: then somebody takes away what must stay covered.
    pub(in crate::domain) fn sum_lots(&mut self) {
        let sum = |figure: fn(&Lot) -> i64| self.lots.iter().map(figure).sum();
        (self.on_hand, self.damaged) = (sum(|it| it.on_hand), sum(|it| it.damaged));
        (self.quality_hold, self.missing) = (sum(|it| it.quality_hold), sum(|it| it.missing));
        self.lots.retain(|it| it.on_hand > 0 || it.allotted > 0);
    }

    /// What the books have beyond what is promised or unsaleable, missing units included.
    pub fn unpromised(&self) -> i64 {
        self.on_hand - self.promised()
    }

    /// What `on_hand` cannot fall below: units that are promised or unsaleable.
    pub fn promised(&self) -> i64 {
        self.reserved + self.damaged + self.quality_hold
    }
}

/// The stock of one product at one location.
/// Law: `0 ≤ reserved`, `0 ≤ damaged`, `0 ≤ quality_hold`, `reserved + damaged + quality_hold ≤ on_hand`,
/// `0 ≤ missing ≤ on_hand`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    pub sku: Sku,
    pub location: LocationCode,
    pub version: i64,
    /// Physically there, whatever its condition.
    pub on_hand: i64,
    /// Promised to open reservations.
    pub reserved: i64,
    pub damaged: i64,
    pub quality_hold: i64,
    /// Kept back from new reservations; limits them only.
    pub safety_stock: i64,
    /// A replenishment is proposed when fewer units than this are available and to come. None: never.
    pub reorder_point: Option<i64>,
    /// A proposal fills up to this many available units.
    pub reorder_up_to: Option<i64>,
    pub updated_at: Timestamp,
    /// Units that suppliers were asked for and that have not arrived.
    pub incoming: i64,
    /// Days from ordering to arrival; None: not known.
    pub lead_time_days: Option<i64>,
    /// When a person last declined a proposal, in whole or in part, while the stock is below its reorder point since.
    pub declined_at: Option<Timestamp>,
    /// Units of `on_hand` that a count did not find and that are promised still: they leave the books as their
    /// reservations move elsewhere or end.
    pub missing: i64,
    /// What is on hand, by lots, the soonest expiring first; empty of a product without lots, and of an empty shelf.
    /// Law: of a product with lots each figure above is the sum of theirs.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

string_enum! {
    pub enum MovementKind {
        Receipt = "RECEIPT",
        Reserve = "RESERVE",
        Release = "RELEASE",
        Expire = "EXPIRE",
        Ship = "SHIP",
        Adjust = "ADJUST",
        Damage = "DAMAGE",
        QualityHold = "QUALITY_HOLD",
        Restock = "RESTOCK",
        Count = "COUNT",
        TransferOut = "TRANSFER_OUT",
        TransferIn = "TRANSFER_IN",
    }
}

/// One entry of the stock ledger: append only; the level is the sum of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub id: MovementId,
    pub sku: Sku,
    pub location: LocationCode,
    pub kind: MovementKind,
    pub on_hand: i64,
    pub reserved: i64,
    pub damaged: i64,
    pub quality_hold: i64,
    pub reservation: Option<ReservationId>,
    pub order: Option<OrderId>,
    pub shipment: Option<ShipmentId>,
    pub transfer: Option<TransferId>,
    /// Why, or the number of the delivery note.
    pub reason: String,
    pub actor: Actor,
    pub at: Timestamp,
    /// The lot whose units these are; None: a product without lots, or units that are only set aside.
    #[serde(default)]
    pub lot: Option<LotName>,
}
