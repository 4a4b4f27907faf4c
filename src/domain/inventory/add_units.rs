//! Units that a change adds to an order: set aside under its reservation, all or none, or waited for with what it waits for.

use std::collections::BTreeMap;

use crate::domain::inventory::allocate::{Need, TAKES_MAX, Take, availability, plan, supply_by};
use crate::domain::inventory::expire::release_expired_of;
use crate::domain::inventory::ledger::set_aside;
use crate::domain::inventory::reserve::reserved_item;
use crate::domain::inventory::supply::Supply;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::PromiseOccasion;
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::{RegionCode, Sku};
use crate::domain::unit::unit_of_work::UnitOfWork;

impl Order {
    /// How many of these units there are for it now, need by need: what older orders wait for is theirs.
    pub(in crate::domain) fn available_for(&self, unit: &UnitOfWork, needs: &[Need]) -> Vec<i64> {
        let Some(region) = &self.region else { return vec![0; needs.len()] };
        let found = availability(needs, &self.supplies_for(unit, region, needs));
        found.iter().zip(needs).map(|(it, need)| it.available.min(need.quantity)).collect()
    }

    /// Sets the units of its new lines aside, or says of each product what is short. An order that waits for its stock waits for
    /// these too.
    pub(in crate::domain) fn set_aside_more(
        &mut self,
        unit: &mut UnitOfWork,
        needs: &[Need],
    ) -> Result<(), Refusal> {
        if self.state == OrderState::AwaitingStock {
            self.wait_for_more(unit, needs);
            return Ok(());
        }
        let region = self.region.clone().expect("an order with stock has a region");
        let mut planned = plan(needs, &self.supplies_for(unit, &region, needs), self.allocation(unit));
        if planned.is_err() && release_expired_of(unit, needs.iter().map(|it| &it.sku), Some(self.id))? {
            planned = plan(needs, &self.supplies_for(unit, &region, needs), self.allocation(unit));
        }
        let (takes, why) = planned.map_err(Refusal::Short)?;
        let has = self.current_reservation().map_or(0, |it| it.items.len());
        if has + takes.len() > TAKES_MAX {
            let message = format!("an order takes its stock from at most {TAKES_MAX} shelves");
            return Err(self.unmet(Reason::LimitReached, message));
        }

        self.add_takes(unit, &takes);
        let units: i64 = takes.iter().map(|it| it.quantity).sum();
        let text = format!("{units} more units set aside: {why}");
        self.record_automatic(unit, EventKind::InventoryReserved, None, text);
        if self.live_shipments().next().is_none() {
            self.promise_anew(unit, PromiseOccasion::OrderChanged);
        }
        Ok(())
    }

    fn add_takes(&mut self, unit: &mut UnitOfWork, takes: &[Take]) {
        let order = self.id;
        let reservation = self.open_reservation().expect("an order with stock has its reservation");
        set_aside(unit, takes, reservation.id, Some(order));
        let last = reservation.items.iter().map(|it| it.number).max().unwrap_or(0);
        reservation
            .items
            .extend(takes.iter().zip(last + 1..).map(|(take, number)| reserved_item(take, number)));
        reservation.version += 1;
    }

    fn supplies_for(&self, unit: &UnitOfWork, region: &RegionCode, needs: &[Need]) -> BTreeMap<Sku, Supply> {
        let ranking = self.ranking(unit);
        let of = |sku: &Sku| {
            let wanted: i64 = needs.iter().filter(|it| it.sku == *sku).map(|it| it.quantity).sum();
            supply_by(unit, region, sku, unit.awaited_ahead(region, sku, wanted), ranking.as_ref())
        };
        needs.iter().map(|it| (it.sku.clone(), of(&it.sku))).collect()
    }
}
