//! Rules for buying again, and people's words on what is proposed.

use std::time::Duration;

use crate::domain::inventory::known::{level_of, location_must_be_in_use, must_be_in_use};
use crate::domain::model::action::Action;
use crate::domain::model::etag::check_etag;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::replenishment::{Replenishment, ReplenishmentState};
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku};
use crate::domain::model::stock::StockLevel;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::Command;
use crate::domain::unit::journal::step_between;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How many replenishments of one product and location may be under way beside a proposal: every order loads them.
const UNDER_WAY_MAX: usize = 100;

/// When and how far to buy again; no rule switches that off.
#[derive(Debug, Clone)]
pub struct SetReorderRule {
    pub sku: Sku,
    pub location: LocationCode,
    pub rule: Option<ReorderRule>,
    /// The level's; empty: any version.
    pub etag: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReorderRule {
    pub point: i64,
    /// At least the point; None: the point.
    pub up_to: Option<i64>,
    /// From ordering to arrival; None: not known.
    pub lead_time_days: Option<i64>,
}

impl Command for SetReorderRule {
    const NAME: &'static str = "SetReorderRule";
    type Output = Option<StockLevel>;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: vec![self.sku.clone()], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Option<StockLevel>, Refusal> {
        let Self { sku, location, rule, etag } = self;
        set_reorder_rule(unit, sku, location, *rule, etag)?;
        Ok(unit.level(sku, location).cloned())
    }
}

/// Approves, rejects or cancels what is to be bought again.
#[derive(Debug, Clone)]
pub struct DecideReplenishment {
    pub replenishment: ReplenishmentId,
    pub to: ReplenishmentState,
    /// None: as proposed.
    pub quantity: Option<i64>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for DecideReplenishment {
    const NAME: &'static str = "DecideReplenishment";
    type Output = Replenishment;

    fn reads(&self) -> ReadSet {
        ReadSet { replenishments: vec![self.replenishment], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Replenishment, Refusal> {
        let Self { replenishment, to, quantity, etag } = self;
        decide_replenishment(unit, *replenishment, *to, *quantity, etag)?;
        unit.replenishment(*replenishment).cloned()
    }
}

/// Says that the goods are ordered from the supplier.
#[derive(Debug, Clone)]
pub struct PlaceReplenishment {
    pub replenishment: ReplenishmentId,
    pub supplier: String,
    /// None: after the lead time of the reorder rule, if it has one.
    pub expected_at: Option<Timestamp>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for PlaceReplenishment {
    const NAME: &'static str = "PlaceReplenishment";
    type Output = Replenishment;

    fn reads(&self) -> ReadSet {
        ReadSet { replenishments: vec![self.replenishment], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Replenishment, Refusal> {
        let Self { replenishment, supplier, expected_at, etag } = self;
        place_replenishment(unit, *replenishment, supplier, *expected_at, etag)?;
        unit.replenishment(*replenishment).cloned()
    }
}

/// Corrects what is known of goods that are to come. None leaves a field as it is.
#[derive(Debug, Clone)]
pub struct UpdateReplenishment {
    pub replenishment: ReplenishmentId,
    pub supplier: Option<String>,
    /// Some(None): no longer known.
    pub expected_at: Option<Option<Timestamp>>,
    /// Empty: any version.
    pub etag: String,
}

impl Command for UpdateReplenishment {
    const NAME: &'static str = "UpdateReplenishment";
    type Output = Replenishment;

    fn reads(&self) -> ReadSet {
        ReadSet { replenishments: vec![self.replenishment], ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Replenishment, Refusal> {
        let Self { replenishment, supplier, expected_at, etag } = self;
        let mut changed = unit.replenishment(*replenishment)?.clone();
        check_etag(etag, changed.version)?;
        must_be_from_supplier(&changed)?;
        if !changed.state.is_open() {
            return Err(Refusal::Unmet {
                reason: Reason::IllegalTransition,
                message: format!("cannot correct {}: it is {}", changed.id, changed.state),
                state: Some(changed.state.as_str()),
                legal: changed.available_actions(),
            });
        }
        if let Some(supplier) = supplier {
            changed.supplier.clone_from(supplier);
        }
        if let Some(expected_at) = expected_at {
            changed.expected_at = *expected_at;
        }
        unit.keep_replenishment(changed);
        unit.replenishment(*replenishment).cloned()
    }
}

/// When and how far to buy again; `None` switches proposals off. A new rule forgets that a proposal was declined.
pub fn set_reorder_rule(
    unit: &mut UnitOfWork,
    sku: &Sku,
    location: &LocationCode,
    rule: Option<ReorderRule>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut level = level_of(unit, sku, location)?;
    check_etag(etag, level.version)?;
    if let Some(ReorderRule { point, up_to: Some(up_to), .. }) = rule
        && up_to < point
    {
        return Err(Refusal::invalid(
            "rule.order_up_to",
            format!("must be at least the reorder point {point}"),
        ));
    }
    if rule.is_some() {
        must_be_in_use(unit, std::iter::once(sku))?;
        location_must_be_in_use(unit, location)?;
    }
    level.reorder_point = rule.map(|it| it.point);
    level.reorder_up_to = rule.and_then(|it| it.up_to);
    level.lead_time_days = rule.and_then(|it| it.lead_time_days);
    level.declined_at = None;
    unit.keep_level(level);
    Ok(())
}

/// A person's word on what is to be bought.
pub fn decide_replenishment(
    unit: &mut UnitOfWork,
    id: ReplenishmentId,
    to: ReplenishmentState,
    quantity: Option<i64>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut replenishment = step_of_replenishment(unit, id, to, etag)?;
    let proposed = replenishment.quantity;
    replenishment.quantity = quantity.unwrap_or(proposed);
    if to == ReplenishmentState::Approved {
        must_have_room(unit, &replenishment)?;
    }
    let declined = !to.is_open() || replenishment.quantity < proposed;
    let (sku, location) = (replenishment.sku.clone(), replenishment.location.clone());
    unit.keep_replenishment(replenishment);
    if let Some(level) = unit.level(&sku, &location).cloned().filter(|_| declined) {
        let declined_at = Some(unit.now);
        unit.keep_level(StockLevel { declined_at, ..level });
    }
    Ok(())
}

/// The goods are ordered; they are expected after the lead time of the rule unless another time is given.
pub fn place_replenishment(
    unit: &mut UnitOfWork,
    id: ReplenishmentId,
    supplier: &str,
    expected_at: Option<Timestamp>,
    etag: &str,
) -> Result<(), Refusal> {
    let mut replenishment = step_of_replenishment(unit, id, ReplenishmentState::Ordered, etag)?;
    if !supplier.is_empty() {
        supplier.clone_into(&mut replenishment.supplier);
    }
    let level = unit.level(&replenishment.sku, &replenishment.location);
    let days = level.and_then(|it| it.lead_time_days).and_then(|it| u64::try_from(it).ok());
    let after_lead_time = days.map(|it| unit.now.plus(Duration::from_secs(it.saturating_mul(86_400))));
    replenishment.expected_at = expected_at.or(replenishment.expected_at).or(after_lead_time);
    unit.keep_replenishment(replenishment);
    Ok(())
}

/// The replenishment in its next state, decided by the caller.
fn step_of_replenishment(
    unit: &UnitOfWork,
    id: ReplenishmentId,
    to: ReplenishmentState,
    etag: &str,
) -> Result<Replenishment, Refusal> {
    let mut replenishment: Replenishment = unit.replenishment(id)?.clone();
    check_etag(etag, replenishment.version)?;
    must_be_from_supplier(&replenishment)?;
    step_between(id.0, replenishment.state, to)
        .map_err(|it| it.instead(|| replenishment.available_actions()))?;
    replenishment.state = to;
    replenishment.decided_by = Some(unit.actor.clone());
    Ok(replenishment)
}

/// A transfer's goods are received and called off with the transfer.
pub(super) fn must_be_from_supplier(replenishment: &Replenishment) -> Result<(), Refusal> {
    let Some(transfer) = replenishment.transfer else { return Ok(()) };
    Err(Refusal::Unmet {
        reason: Reason::IllegalTransition,
        message: format!(
            "{} is {transfer}, not a supplier's delivery: ReceiveTransfer and CancelTransfer are about it",
            replenishment.id
        ),
        state: Some(replenishment.state.as_str()),
        legal: match replenishment.state.is_open() {
            true => vec![Action::ReceiveTransfer, Action::CancelTransfer],
            false => vec![Action::TransferStock],
        },
    })
}

pub(super) fn must_have_room(unit: &UnitOfWork, replenishment: &Replenishment) -> Result<(), Refusal> {
    let Replenishment { sku, location, .. } = replenishment;
    let open = unit.open_replenishments(sku, location).into_iter();
    let under_way = open.filter(|it| it.state != ReplenishmentState::Proposed).count();
    if under_way < UNDER_WAY_MAX {
        return Ok(());
    }
    let message = format!("{under_way} replenishments of {sku} at {location} are under way already");
    Err(Refusal::unmet(Reason::LimitReached, message))
}
