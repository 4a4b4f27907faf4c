//! Where the units of an order come from: the plan that is asked for first, and what the order keeps of it.

use super::Demo;
use super::client::words::counted;
use super::error::DemoError;
use super::sample::Order as Wish;
use crate::pb;

impl Demo {
    /// From where an order would be sent that no location has all of, and why from nowhere else.
    pub(super) async fn plan_a_split(
        &mut self,
        wish: &Wish,
    ) -> Result<pb::PlanAllocationResponse, DemoError> {
        let plan = self.client.plan_allocation(wish).await?;
        self.tell("PlanAllocation", &plan.explanation);
        for candidate in &plan.candidates {
            let stock = candidate.available.iter().map(|it| format!("{} × {}", it.quantity, it.sku));
            let stock: Vec<String> = stock.collect();
            let text = match candidate.chosen {
                true => format!("chosen: has {}", stock.join(", ")),
                false => format!("passed over: {}", candidate.reason),
            };
            self.tell(&candidate.location, &text);
        }
        Ok(plan)
    }

    /// What was set aside for the order, and the explanation that is kept with it.
    pub(super) fn tell_split(&mut self, plan: &pb::PlanAllocationResponse, order: &pb::Order) {
        let kept = order.reservation.clone().unwrap_or_default();
        let units = kept.items.iter().map(|it| format!("{} × {} at {}", it.quantity, it.sku, it.location));
        let units: Vec<String> = units.collect();
        let text = format!("{}; {}", units.join(", "), kept.explanation);
        self.tell("set aside", &text);
        let chosen = plan.candidates.iter().filter(|it| it.chosen).count();
        if chosen > 1 && chosen < plan.candidates.len() && kept.explanation == plan.explanation {
            self.shown.split_planned = format!("{}: {text}", counted(chosen, "location"));
        }
    }
}
