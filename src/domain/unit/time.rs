//! The time of a decision.

use crate::domain::model::time::Timestamp;
use crate::domain::unit::unit_of_work::{ReadSet, Snapshot};

impl Snapshot {
    /// The time of a decision with this read set: now, but never before the last change of an order that it may write
    /// about. A history never goes back in time because a clock was set back.
    pub fn time_for(&self, reads: &ReadSet, now: Timestamp) -> Timestamp {
        let releases_expired = reads.reserves || !reads.skus.is_empty();
        let expired = self.expired_orders.iter().filter(|_| releases_expired);
        let owners = reads.parts.iter().filter_map(|it| self.owners.get(it));
        let holding = self.holding_orders.iter().filter(|_| !reads.holders_of.is_empty());
        let orders = reads
            .orders
            .iter()
            .chain(owners)
            .chain(expired)
            .chain(holding)
            .filter_map(|it| self.orders.get(it));
        orders.map(|it| it.updated_at).fold(now, Timestamp::max)
    }
}
