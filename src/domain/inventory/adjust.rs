//! Corrections of what is on a shelf.

use crate::domain::inventory::known::{bounded_sum, level_of};
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::lots::{Delta, LotFields, book, must_stay_covered};
use crate::domain::model::action::Action;
use crate::domain::model::etag::check_etag;
use crate::domain::model::lot::LotNamed;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, Sku, string_enum};
use crate::domain::model::stock::{MovementKind, StockLevel};
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Corrects a level, with the reason for it.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    pub sku: Sku,
    pub location: LocationCode,
    pub reason: AdjustReason,
    pub delta: i64,
    pub note: String,
    /// The level's; empty: any version.
    pub etag: String,
    /// Of a product with lots: the one that is corrected, unless it is about the safety stock.
    pub lot: Option<LotNamed>,
}

impl Command for AdjustStock {
    const NAME: &'static str = "AdjustStock";
    type Output = Posted;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Posted, Refusal> {
        self.book(unit)?;
        Ok(Posted::of(unit, &self.sku, &self.location))
    }
}

string_enum! {
    /// Why a stock level is corrected, and which of its figures that changes.
    pub enum AdjustReason {
        /// A count found another number: `on_hand`.
        Count = "COUNT",
        /// Units turned up: `on_hand` rises.
        Found = "FOUND",
        /// Units are gone: `on_hand` falls.
        Lost = "LOST",
        /// Units became unsaleable (delta > 0) or were repaired (< 0): `damaged`.
        Damage = "DAMAGE",
        /// Damaged units were thrown away: `on_hand` and `damaged` fall.
        Scrap = "SCRAP",
        /// Units are kept back for inspection (> 0) or freed (< 0): `quality_hold`.
        QualityHold = "QUALITY_HOLD",
        /// Returned goods are sold again: `on_hand` rises.
        Restock = "RESTOCK",
        /// How many units new reservations have to leave: `safety_stock`.
        SafetyStock = "SAFETY_STOCK",
    }
}

/// By how much a correction changes each figure that the ledger keeps, and the kind of its entry.
struct Change {
    kind: MovementKind,
    delta: Delta,
}

impl AdjustReason {
    fn allows_sign_of(self, delta: i64) -> bool {
        match self {
            Self::Found | Self::Restock => delta > 0,
            Self::Lost | Self::Scrap => delta < 0,
            Self::Count | Self::Damage | Self::QualityHold | Self::SafetyStock => true,
        }
    }

    /// None for the safety stock: it is a rule, so no movement of goods is posted for it.
    fn change(self, delta: i64) -> Option<Change> {
        let none = Delta::default();
        let (kind, delta) = match self {
            Self::Count | Self::Found | Self::Lost => {
                (MovementKind::Adjust, Delta { on_hand: delta, ..none })
            }
            Self::Restock => (MovementKind::Restock, Delta { on_hand: delta, ..none }),
            Self::Damage => (MovementKind::Damage, Delta { damaged: delta, ..none }),
            Self::Scrap => (MovementKind::Adjust, Delta { on_hand: delta, damaged: delta, ..none }),
            Self::QualityHold => (MovementKind::QualityHold, Delta { quality_hold: delta, ..none }),
            Self::SafetyStock => return None,
        };
        Some(Change { kind, delta })
    }
}

impl AdjustStock {
    /// Corrects a level. What is reserved stays covered: a correction that would need reserved units is refused.
    pub(super) fn book(&self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Self { sku, location, reason, delta, note, etag, lot } = self;
        let mut level = level_of(unit, sku, location)?;
        check_etag(etag, level.version)?;
        if !reason.allows_sign_of(*delta) {
            return Err(Refusal::invalid("delta", format!("has the wrong sign for {reason}")));
        }
        let Some(Change { kind, delta: moved }) = reason.change(*delta) else {
            if lot.is_some() {
                return Err(Refusal::invalid(
                    "lot",
                    "must be left out: lots have no safety stock of their own",
                ));
            }
            return adjust_safety_stock(unit, level, *delta);
        };

        let before = level.clone();
        book(unit, &mut level, lot.as_ref(), moved, LotFields::beside("delta"))?;
        must_be_possible(&before, &level, *delta, unit.now)?;
        unit.keep_level(level);
        let Delta { on_hand, damaged, quality_hold } = moved;
        let (entry, lot) = (Posting::of(sku, location, kind), lot.as_ref().map(|it| it.name.clone()));
        let reason = format!("{reason}: {note}");
        post(unit, Posting { on_hand, damaged, quality_hold, reason, lot, ..entry });
        Ok(())
    }
}

/// Corrects a level of a product without lots.
#[cfg(test)]
pub fn adjust_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    delta: i64,
    reason: AdjustReason,
    note: &str,
    etag: &str,
) -> Result<(), Refusal> {
    let (sku, location, note, etag) = (sku.clone(), location.clone(), note.to_owned(), etag.to_owned());
    AdjustStock { sku, location, reason, delta, note, etag, lot: None }.book(unit)
}

fn must_be_possible(
    before: &StockLevel,
    level: &StockLevel,
    delta: i64,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (sku, location) = (&level.sku, &level.location);
    if level.on_hand < 0 || level.damaged < 0 || level.quality_hold < 0 {
        return Err(Refusal::invalid(
            "delta",
            format!("would make a figure of {sku} at {location} negative"),
        ));
    }
    if level.unpromised() < 0 {
        let message = format!(
            "{} units of {sku} at {location} are reserved: {} cannot be taken away; CountStock books what is there, and \
            moves reservations that do not fit",
            level.reserved,
            delta.unsigned_abs()
        );
        let refusal = Refusal::unmet(Reason::StockInUse, message);
        return Err(refusal.instead(|| vec![Action::CancelOrder, Action::ReleaseReservation]));
    }
    must_stay_covered(before, level, now)
}

fn adjust_safety_stock(unit: &mut UnitOfWork, mut level: StockLevel, delta: i64) -> Result<(), Refusal> {
    level.safety_stock = bounded_sum(level.safety_stock, delta, "delta")?;
    if level.safety_stock < 0 {
        return Err(Refusal::invalid("delta", "would make the safety stock negative"));
    }
    unit.keep_level(level);
    Ok(())
}
