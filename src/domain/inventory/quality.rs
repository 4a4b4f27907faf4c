//! Units that failed a check wait in quality hold until a person releases or scraps them.

use crate::domain::inventory::known::level_of;
use crate::domain::inventory::ledger::{Posted, Posting, post};
use crate::domain::inventory::lots::{Delta, LotFields, book};
use crate::domain::model::etag::check_etag;
use crate::domain::model::lot::{LotName, LotNamed};
use crate::domain::model::refusal::Refusal;
use crate::domain::model::scalars::{LocationCode, Sku};
use crate::domain::model::stock::MovementKind;
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Units of a shelf that are held back for inspection.
#[derive(Debug, Clone)]
pub struct HeldUnits {
    pub sku: Sku,
    pub location: LocationCode,
    pub quantity: i64,
    pub note: String,
    /// The level's; empty: any version.
    pub etag: String,
    /// Of a product with lots: the one that they are of.
    pub lot: Option<LotName>,
}

/// They are good: they can be reserved again.
#[derive(Debug, Clone)]
pub struct ReleaseQualityHold(pub HeldUnits);

impl Command for ReleaseQualityHold {
    const NAME: &'static str = "ReleaseQualityHold";
    type Output = Posted;

    fn reads(&self) -> ReadSet {
        self.0.reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Posted, Refusal> {
        inspect(unit, &self.0, Verdict::Good)
    }
}

/// They are thrown away: they leave the books.
#[derive(Debug, Clone)]
pub struct ScrapStock(pub HeldUnits);

impl Command for ScrapStock {
    const NAME: &'static str = "ScrapStock";
    type Output = Posted;

    fn reads(&self) -> ReadSet {
        self.0.reads()
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Posted, Refusal> {
        inspect(unit, &self.0, Verdict::Bad)
    }
}

impl HeldUnits {
    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Verdict {
    Good,
    Bad,
}

/// Ends the inspection of some units. What is reserved stays covered: they were nobody's.
pub(in crate::domain) fn inspect(
    unit: &mut UnitOfWork,
    held: &HeldUnits,
    verdict: Verdict,
) -> Result<Posted, Refusal> {
    let HeldUnits { sku, location, quantity, note, etag, lot } = held;
    let mut level = level_of(unit, sku, location)?;
    check_etag(etag, level.version)?;
    if level.quality_hold < *quantity {
        let message = format!(
            "{} units of {sku} at {location} are in quality hold, not {quantity}",
            level.quality_hold
        );
        return Err(Refusal::invalid("quantity", message));
    }

    let (kind, gone, word) = match verdict {
        Verdict::Good => (MovementKind::QualityHold, 0, "RELEASED"),
        Verdict::Bad => (MovementKind::Adjust, *quantity, "SCRAP"),
    };
    let named = lot.as_ref().map(|it| LotNamed { name: it.clone(), expires_on: None });
    let inspected = Delta { on_hand: -gone, damaged: 0, quality_hold: -quantity };
    book(unit, &mut level, named.as_ref(), inspected, LotFields::beside("quantity"))?;
    unit.keep_level(level);
    let entry = Posting::of(sku, location, kind);
    let reason = if note.is_empty() { word.to_owned() } else { format!("{word}: {note}") };
    post(unit, Posting { on_hand: -gone, quality_hold: -quantity, reason, lot: lot.clone(), ..entry });
    Ok(Posted::of(unit, sku, location))
}
