//! Corrections of what is on a shelf.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::receive::bounded_sum;
use crate::domain::model::action::Action;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, Sku, string_enum};
use crate::domain::model::stock::{MovementKind, StockLevel};
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
}

impl Command for AdjustStock {
    const NAME: &'static str = "AdjustStock";
    type Output = Posted;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Posted, Refusal> {
        let Self { sku, location, reason, delta, note, etag } = self;
        adjust_stock(unit, sku, location, *delta, *reason, note, etag)?;
        Ok(Posted::of(unit, sku, location))
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
    on_hand: i64,
    damaged: i64,
    quality_hold: i64,
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
        let of = |kind| Change { kind, on_hand: 0, damaged: 0, quality_hold: 0 };
        match self {
            Self::Count | Self::Found | Self::Lost => {
                Some(Change { on_hand: delta, ..of(MovementKind::Adjust) })
            }
            Self::Restock => Some(Change { on_hand: delta, ..of(MovementKind::Restock) }),
            Self::Damage => Some(Change { damaged: delta, ..of(MovementKind::Damage) }),
            Self::Scrap => Some(Change { on_hand: delta, damaged: delta, ..of(MovementKind::Adjust) }),
            Self::QualityHold => Some(Change { quality_hold: delta, ..of(MovementKind::QualityHold) }),
            Self::SafetyStock => None,
        }
    }
}

/// Corrects a level. What is reserved stays covered: a correction that would need reserved units is refused.
pub fn adjust_stock(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    delta: i64,
    reason: AdjustReason,
    note: &str,
    etag: &str,
) -> Result<(), Refusal> {
    let mut level = level_of(unit, sku, location)?;
    check_etag(etag, level.version)?;
    if !reason.allows_sign_of(delta) {
        return Err(Refusal::invalid("delta", format!("has the wrong sign for {reason}")));
    }
    let Some(Change { kind, on_hand, damaged, quality_hold }) = reason.change(delta) else {
        return adjust_safety_stock(unit, level, delta);
    };

    level.on_hand = bounded_sum(level.on_hand, on_hand, "delta")?;
    level.damaged = bounded_sum(level.damaged, damaged, "delta")?;
    level.quality_hold = bounded_sum(level.quality_hold, quality_hold, "delta")?;
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
    unit.keep_level(level);
    let entry = Posting::of(sku, location, kind);
    post(unit, Posting { on_hand, damaged, quality_hold, reason: format!("{reason}: {note}"), ..entry });
    Ok(())
}

fn adjust_safety_stock(unit: &mut UnitOfWork, mut level: StockLevel, delta: i64) -> Result<(), Refusal> {
    level.safety_stock = bounded_sum(level.safety_stock, delta, "delta")?;
    if level.safety_stock < 0 {
        return Err(Refusal::invalid("delta", "would make the safety stock negative"));
    }
    unit.keep_level(level);
    Ok(())
}
