//! What is being bought or is on its way, as a decision sees it: replenishments, transfers, the units that are on order.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::model::refusal::Refusal;
use crate::domain::model::replenishment::Replenishment;
use crate::domain::model::scalars::{LocationCode, ReplenishmentId, Sku, TransferId};
use crate::domain::model::stock::StockLevel;
use crate::domain::model::time::Timestamp;
use crate::domain::model::transfer::Transfer;
use crate::domain::unit::unit_of_work::{Snapshot, UnitOfWork};

impl Snapshot {
    /// Adds a replenishment as it is now.
    pub fn add_replenishment(&mut self, it: Arc<Replenishment>) {
        let open = self.open_replenishments.entry((it.sku.clone(), it.location.clone())).or_default();
        match it.state.is_open() {
            true => open.insert(it.id),
            false => open.remove(&it.id),
        };
        self.replenishments.insert(it.id, it);
    }
}

impl UnitOfWork<'_> {
    pub fn transfer(&self, id: TransferId) -> Result<&Transfer, Refusal> {
        let found = self.changes.transfers.get(&id).or_else(|| self.snapshot.transfers.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.transfers.contains(&id), |it| it.transfers.push(id));
        }
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("transfer", id))
    }

    /// Puts a transfer back, one version later than it was loaded.
    pub(in crate::domain) fn keep_transfer(&mut self, mut transfer: Transfer) {
        transfer.version = self.snapshot.transfers.get(&transfer.id).map_or(0, |it| it.version) + 1;
        transfer.updated_at = transfer.updated_at.max(self.now);
        self.changes.transfers.insert(transfer.id, Arc::new(transfer));
    }

    pub fn replenishment(&self, id: ReplenishmentId) -> Result<&Replenishment, Refusal> {
        let found = self.changes.replenishments.get(&id).or_else(|| self.snapshot.replenishments.get(&id));
        if found.is_none() {
            self.note_if_not_loaded(|it| it.replenishments.contains(&id), |it| it.replenishments.push(id));
        }
        found.map(AsRef::as_ref).ok_or_else(|| Refusal::not_found("replenishment", id))
    }

    /// Puts a replenishment back. The level of its shelf follows: it says how many units are on order.
    pub fn keep_replenishment(&mut self, mut replenishment: Replenishment) {
        let id = replenishment.id;
        let stored = self.snapshot.replenishments.get(&id);
        let before = self.changes.replenishments.get(&id).or(stored).map_or(0, |it| it.on_order());
        replenishment.version = stored.map_or(0, |it| it.version) + 1;
        replenishment.updated_at = replenishment.updated_at.max(self.now);
        let more = replenishment.on_order() - before;
        let level = self.level(&replenishment.sku, &replenishment.location).cloned();
        if let Some(level) = level.filter(|_| more != 0) {
            self.keep_level(StockLevel { incoming: level.incoming + more, ..level });
        }
        self.changes.replenishments.insert(id, Arc::new(replenishment));
    }

    /// Replenishments of this product and location that are not over, the oldest first.
    pub fn open_replenishments(&self, sku: &Sku, location: &LocationCode) -> Vec<&Replenishment> {
        self.needs_stock(sku);
        let known = self.snapshot.open_replenishments.get(&(sku.clone(), location.clone()));
        let here = |it: &&Arc<Replenishment>| it.sku == *sku && it.location == *location;
        let new = self.changes.replenishments.values().filter(here).map(|it| it.id);
        let ids: BTreeSet<ReplenishmentId> = known.into_iter().flatten().copied().chain(new).collect();
        let find = |id| self.changes.replenishments.get(id).or_else(|| self.snapshot.replenishments.get(id));
        ids.iter().filter_map(find).map(AsRef::as_ref).filter(|it| it.state.is_open()).collect()
    }

    /// Units on order for this product and location, and when each lot of them is expected: the soonest first, those
    /// without a date last.
    pub fn incoming(&self, sku: &Sku, location: &LocationCode) -> Vec<(Option<Timestamp>, i64)> {
        let open = self.open_replenishments(sku, location);
        let mut lots: Vec<_> = open.iter().map(|it| (it.expected_at, it.on_order())).collect();
        lots.retain(|it| it.1 > 0);
        lots.sort_by_key(|it| (it.0.is_none(), it.0));
        lots
    }
}
