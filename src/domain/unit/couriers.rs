//! Couriers as a decision sees them.

use crate::domain::model::courier::{Courier, CourierRecord};
use crate::domain::model::scalars::CourierCode;
use crate::domain::unit::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    pub fn courier(&self, code: &CourierCode) -> Option<&Courier> {
        self.needs_couriers();
        self.changes.couriers.get(code).or_else(|| self.snapshot.couriers.get(code)).map(AsRef::as_ref)
    }

    pub fn all_couriers(&self) -> impl Iterator<Item = &Courier> {
        self.needs_couriers();
        self.snapshot.couriers.values().map(AsRef::as_ref)
    }

    /// Every courier, with its record.
    pub fn couriers(&self) -> impl Iterator<Item = (&Courier, CourierRecord)> {
        self.needs_couriers();
        self.note_if_not_loaded(|it| it.courier_records, |it| it.courier_records = true);
        let record = |it: &Courier| self.snapshot.courier_records.get(&it.code).copied().unwrap_or_default();
        self.snapshot.couriers.values().map(move |it| (it.as_ref(), record(it)))
    }

    fn needs_couriers(&self) {
        self.note_if_not_loaded(|it| it.couriers, |it| it.couriers = true);
    }
}
