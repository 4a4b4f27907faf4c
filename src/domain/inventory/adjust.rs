//! Corrections of what is on a shelf.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::receive::bounded_sum;
use crate::domain::model::action::Action;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{LocationCode, Sku, string_enum};
use crate::domain::model::stock::MovementKind;
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
    let sign_fits = match reason {
        AdjustReason::Found | AdjustReason::Restock => delta > 0,
        AdjustReason::Lost | AdjustReason::Scrap => delta < 0,
        AdjustReason::Count
        | AdjustReason::Damage
        | AdjustReason::QualityHold
        | AdjustReason::SafetyStock => true,
    };
    if !sign_fits {
        return Err(Refusal::invalid("delta", format!("has the wrong sign for {reason}")));
    }

    let (mut on_hand, mut damaged, mut quality_hold) = (0, 0, 0);
    let kind = match reason {
        AdjustReason::Count | AdjustReason::Found | AdjustReason::Lost => {
            on_hand = delta;
            MovementKind::Adjust
        }
        AdjustReason::Restock => {
            on_hand = delta;
            MovementKind::Restock
        }
        AdjustReason::Damage => {
            damaged = delta;
            MovementKind::Damage
        }
        AdjustReason::Scrap => {
            (on_hand, damaged) = (delta, delta);
            MovementKind::Adjust
        }
        AdjustReason::QualityHold => {
            quality_hold = delta;
            MovementKind::QualityHold
        }
        AdjustReason::SafetyStock => {
            level.safety_stock = bounded_sum(level.safety_stock, delta, "delta")?;
            if level.safety_stock < 0 {
                return Err(Refusal::invalid("delta", "would make the safety stock negative"));
            }
            unit.keep_level(level);
            return Ok(());
        }
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
    if level.free() < 0 {
        let message = format!(
            "{} units of {sku} at {location} are reserved: release reservations before taking {} away",
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
