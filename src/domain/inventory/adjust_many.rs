//! Many corrections of what is on shelves, in one decision.

use crate::domain::inventory::adjust::AdjustStock;
use crate::domain::inventory::ledger::Posted;
use crate::domain::model::refusal::{Problems, Reason, Refusal, rows_named};
use crate::domain::unit::command::Command;
use crate::domain::unit::unit_of_work::{ReadSet, UnitOfWork};

/// How many corrections one call makes.
pub(crate) const ADJUSTMENTS_MAX: usize = 200;

/// Corrects levels, all of them or none, one after the other.
#[derive(Debug, Clone)]
pub struct BatchAdjustStock {
    pub adjustments: Vec<AdjustStock>,
}

impl Command for BatchAdjustStock {
    const NAME: &'static str = "BatchAdjustStock";
    type Output = Vec<Posted>;

    fn reads(&self) -> ReadSet {
        ReadSet { skus: self.adjustments.iter().map(|it| it.sku.clone()).collect(), ..ReadSet::default() }
    }

    fn decide(&self, unit: &mut UnitOfWork<'_>) -> Result<Vec<Posted>, Refusal> {
        let (mut posted, mut refused) = (Vec::with_capacity(self.adjustments.len()), Vec::new());
        for (index, it) in self.adjustments.iter().enumerate() {
            let before = unit.changes.movements.len();
            match it.book(unit) {
                Ok(()) => posted.push(Posted {
                    level: unit.level(&it.sku, &it.location).cloned(),
                    movement: unit.changes.movements.get(before).cloned(),
                }),
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        if refused.is_empty() { Ok(posted) } else { Err(together(refused)) }
    }
}

/// One refusal that names every row with its index. What is wrong whatever the stock is comes first.
fn together(refused: Vec<(usize, Refusal)>) -> Refusal {
    let is_bad = |it: &Refusal| matches!(it, Refusal::Invalid(_) | Refusal::NotFound { .. });
    if refused.iter().any(|it| is_bad(&it.1)) {
        let mut problems = Problems::default();
        for (index, refusal) in refused {
            let at = format!("adjustments[{index}]");
            match refusal {
                Refusal::Invalid(Problems(found)) => {
                    found.into_iter().for_each(|it| problems.add(format!("{at}.{}", it.field), it.message));
                }
                Refusal::NotFound { kind: "product", .. } => {
                    problems.add(format!("{at}.sku"), refusal.to_string())
                }
                Refusal::NotFound { .. } => problems.add(format!("{at}.location"), refusal.to_string()),
                other => problems.add(format!("{at}.delta"), other.to_string()),
            }
        }
        return Refusal::Invalid(problems);
    }
    let told: Vec<String> =
        refused.iter().map(|(index, refusal)| format!("adjustments[{index}]: {refusal}")).collect();
    Refusal::unmet(Reason::StockInUse, rows_named(told))
}
