//! The dates of orders that wait for stock, when what is on order for them moves.

use crate::domain::model::availability::LineAvailability;
use crate::domain::model::event::EventKind;
use crate::domain::model::order::{Order, OrderState};
use crate::domain::model::promise::{Promise, PromiseLeg};
use crate::domain::model::refusal::{Reason, Refusal};
use crate::domain::model::scalars::LocationCode;
use crate::domain::model::time::Timestamp;
use crate::domain::unit::command::{OrderCommand, Target, to_reserve};
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// Looks anew at when a waiting order gets its goods. If nothing has moved, that is a refusal: it leaves no trace, however
/// many processes look.
#[derive(Debug, Clone)]
pub struct RedateOrder {
    pub target: Target,
}

impl OrderCommand for RedateOrder {
    const NAME: &'static str = "work/redate";
    type Output = ();

    fn target(&self) -> &Target {
        &self.target
    }

    fn also_reads(&self) -> ReadSet {
        to_reserve()
    }

    fn decide_on(&self, order: &mut Order, unit: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        match order.redate(unit) {
            true => Ok(()),
            false => Err(Refusal::unmet(Reason::InsufficientStock, "nothing has moved")),
        }
    }
}

/// What the dates of a waiting order follow from: where each part comes from and when its goods arrive there, and what each
/// line that is short lacks, with the day on which it is expected. None: nobody knows that of all of them. The dates
/// themselves follow the clock where goods are overdue, and say nothing about whether something has moved.
type Expected = (Option<Vec<(LocationCode, Vec<i32>, Option<Timestamp>)>>, Vec<(i32, String)>);

impl Order {
    /// Looks at availability and promise of a waiting order anew, and notes them if what it waits for comes from elsewhere,
    /// or at another time; returns whether it does.
    pub fn redate(&mut self, unit: &mut UnitOfWork) -> bool {
        let waits = self.state == OrderState::AwaitingStock;
        let Some(region) = self.region.clone().filter(|_| waits) else { return false };
        let found = self.dates_by(unit, &self.supplies(unit, &region));
        let noted = self.availability.as_ref().map_or(&[][..], |it| &it.lines);
        let before = expected(self.promise.as_ref().map(|it| &it.legs[..]), noted);
        if expected(found.legs.as_deref(), &found.lines) == before {
            return false;
        }

        let promised = self.promise.as_ref().and_then(Promise::delivery_at);
        self.note_dates(unit, found);
        // A promise that moves is told where it is noted.
        if let (Some(promised), None) = (promised, &self.promise) {
            let text =
                format!("delivery on an unknown date, not {promised}: nobody knows when the goods come");
            self.record_automatic(unit, EventKind::PromiseMoved, None, text);
        }
        true
    }
}

fn expected(legs: Option<&[PromiseLeg]>, lines: &[LineAvailability]) -> Expected {
    let legs =
        legs.map(|it| it.iter().map(|it| (it.location.clone(), it.lines.clone(), it.stock_at)).collect());
    let short = lines.iter().filter(|it| !it.shortage.is_empty()).map(|it| (it.line, it.shortage.clone()));
    (legs, short.collect())
}
